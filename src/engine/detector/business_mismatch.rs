//! `business_mismatch`: what inspectors who listened in found: another business than the filed one, perhaps a forbidden one,
//! abuse, a leaked number, a call without consent.
//!
//! An inspection is proof by itself, so each acts at once, with the severity of its row in the source's table. What was filed
//! and admitted is the platform's decision: a business found as filed accuses nobody, whatever it is. A filing that says
//! nothing is contradicted only by an inspector who says so.

use serde::{Deserialize, Serialize};

use super::finding::counted;
use super::forbidden::{Business, Forbidden, compare, normalised};
use super::{Evidence, Feature, Feedback, Finding, Judged, Memory, Over, Rule, RuleName, Severity, Subject, violations};
use crate::engine::number::Number;
use crate::engine::record::FeedbackKind;
use crate::engine::time::{HOUR_S, SECOND_MS, Timestamp};

limits! {
    /// Limits of `business_mismatch`. The severities are rows 3 to 7 of the violation table in the access rules.
    BusinessMismatchLimits {
        /// Hours for which an inspection keeps an alert open: an engineering choice.
        open_hours: u32 = 24,
    }
}

/// The rule.
pub struct BusinessMismatch;

/// Inspections held of an app; at the cap the oldest goes.
const INSPECTIONS_MAX: usize = 1_024;
/// Inspections are held for eight days, so that one that comes in again is recognised.
const KEPT_MS: i64 = 8 * 24 * HOUR_S as i64 * SECOND_MS;

/// What an inspection found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Found {
    /// A business, in normalised words, and whether the inspector says that it is not the filed one.
    Business { scene: Box<str>, differs: bool },
    /// Harassment or abuse on the call.
    Abuse,
    /// A number that the callee says was leaked.
    NumberLeak,
    /// A call without consent.
    NoConsent,
}

/// One inspection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Inspection {
    at: Timestamp,
    callee: Number,
    call_id: Option<Box<str>>,
    found: Found,
    told: bool,
}

/// The latest inspections, in order of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inspections {
    held: Vec<Inspection>,
}

impl Inspections {
    fn note(&mut self, new: Inspection) {
        let is_new = |known: &Inspection| {
            (known.at, known.callee, &known.call_id, &known.found) != (new.at, new.callee, &new.call_id, &new.found)
        };
        if self.held.iter().all(is_new) {
            let place = self.held.partition_point(|known| *known < new);
            self.held.insert(place, new);
            if self.held.len() > INSPECTIONS_MAX {
                self.held.remove(0);
            }
        }
    }
}

impl Found {
    fn of(feedback: &Feedback) -> Option<Self> {
        match feedback.category.as_str() {
            "abuse" | "harassment" => Some(Self::Abuse),
            "number_leak" => Some(Self::NumberLeak),
            "no_consent" => Some(Self::NoConsent),
            "business_mismatch" => {
                Some(Self::Business { scene: normalised(feedback.scene.as_deref().unwrap_or_default()).into(), differs: true })
            }
            _ => feedback.scene.as_deref().map(|scene| Self::Business { scene: normalised(scene).into(), differs: false }),
        }
    }

    /// Its row of the table.
    fn row(&self, filed: &[String]) -> Option<Row> {
        match self {
            Self::Abuse => Some(Row::Abuse),
            Self::NumberLeak => Some(Row::NumberLeak),
            Self::NoConsent => Some(Row::NoConsent),
            Self::Business { scene, differs } if scene.trim().is_empty() => differs.then_some(Row::Other),
            Self::Business { differs: false, .. } if filed.is_empty() => None,
            Self::Business { scene, .. } => match compare(scene, filed) {
                Business::AsFiled => None,
                Business::Other => Some(Row::Other),
                Business::Forbidden(entry) => Some(Row::Forbidden(entry)),
            },
        }
    }
}

/// A row of the source's violation table.
#[derive(Clone, Copy)]
enum Row {
    Forbidden(&'static Forbidden),
    Abuse,
    Other,
    NumberLeak,
    NoConsent,
}

impl Row {
    const fn feature(self) -> Feature {
        match self {
            Self::Forbidden(_) => Feature::ForbiddenBusiness,
            Self::Abuse => Feature::InspectedAbuse,
            Self::Other => Feature::OtherBusiness,
            Self::NumberLeak => Feature::InspectedLeak,
            Self::NoConsent => Feature::InspectedNoConsent,
        }
    }
}

impl Rule for BusinessMismatch {
    type Params = BusinessMismatchLimits;
    type State = Inspections;

    const NAME: &'static str = "business_mismatch";
    const SUMMARY: &'static str = "inspectors found another business than the filed one, a forbidden one, abuse, leaked numbers, no consent";

    fn heed(_: &Self::Params, inspections: &mut Inspections, feedback: &Feedback, _: &Memory, _: &mut Vec<Finding>) {
        if feedback.kind == FeedbackKind::Inspection
            && let Some(found) = Found::of(feedback)
        {
            let call_id = feedback.call_id.as_deref().map(Into::into);
            inspections.note(Inspection { at: feedback.at, callee: feedback.callee, call_id, found, told: false });
        }
    }

    fn judge(limits: &Self::Params, inspections: &mut Inspections, judged: &Judged<'_>, findings: &mut Vec<Finding>) {
        if inspections.held.is_empty() {
            return;
        }
        let now = judged.at();
        let open_ms = i64::from(limits.open_hours) * i64::from(HOUR_S) * SECOND_MS;
        let fresh = inspections.held.iter().filter(|held| !held.told || now.millis() - held.at.millis() <= open_ms);
        let filed: Vec<String> = judged.profile.business.iter().map(|text| normalised(text)).collect();
        let rows: Vec<(&Inspection, Row)> = fresh.filter_map(|held| Some((held, held.found.row(&filed)?))).collect();
        findings.extend(finding(judged, &rows));
        inspections.held.retain(|held| now.millis() - held.at.millis() <= KEPT_MS);
        inspections.held.iter_mut().for_each(|held| held.told = true);
    }
}

fn finding(judged: &Judged<'_>, rows: &[(&Inspection, Row)]) -> Option<Finding> {
    let at = rows.first()?.0.at;
    let count = |feature| rows.iter().filter(|(_, row)| row.feature() == feature).count() as u64;
    let table = violations::by_evidence(RuleName::BusinessMismatch);
    let counts = table.into_iter().map(|(feature, row)| (feature, row.severity, &*row.words, count(feature)));
    let found: Vec<_> = counts.filter(|(.., count)| *count > 0).collect();
    let mut names: Vec<&str> = Vec::new();
    for (_, row) in rows {
        if let Row::Forbidden(entry) = row
            && !names.contains(&entry.name)
        {
            names.push(entry.name);
        }
    }
    let says = |(feature, _, what, count): &(Feature, Severity, &str, u64)| match feature {
        Feature::ForbiddenBusiness => format!("{what} ({}) in {}", names.join(", "), counted(*count, "call")),
        _ => format!("{what} in {}", counted(*count, "call")),
    };
    let memory = judged.memory;
    let inspected = |callee: Option<Number>| callee.is_some_and(|callee| rows.iter().any(|(held, _)| held.callee == callee));
    Some(Finding {
        subject: Subject::App,
        severity: found.first()?.1,
        certain: true,
        lingering: false,
        at,
        from: at,
        weight: rows.len() as u64,
        summary: format!("Since {at} inspectors found {}.", found.iter().map(says).collect::<Vec<_>>().join("; ")),
        evidence: found.iter().map(|(feature, .., count)| Evidence::count(*feature, *count, 0.0, Over::Rolling24h)).collect(),
        samples: memory.recent.samples(|sample| inspected(sample.callee)),
        calls: memory.day.total().placed.into(),
        callees: memory.pairs.distinct_day().into(),
    })
}
