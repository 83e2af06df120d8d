//! `cross_region`: local numbers that call other provinces, and callees of regions that may not be called at all.
//!
//! Goes by the homes of the numbers (see `region`), so it cannot know where anybody is: a person who moved and kept the number
//! counts as a callee of the old province, which is why few such calls accuse nobody. Numbers of the whole country (400, 95…)
//! and of no known province are local to nothing. Calls to what the app filed as its regions are not held against it; a
//! blocked region stays blocked.

use std::fmt;
use std::ops::{AddAssign, SubAssign};

use serde::{Deserialize, Serialize};

use super::finding::{counted, summed_up};
use super::{Evidence, Feature, Finding, Judged, Observed, Over, Rule, Severity, Subject};
use crate::engine::memory::Profile;
use crate::engine::region::Region;
use crate::engine::statistics::wilson_lower;
use crate::engine::time::Timestamp;
use crate::engine::window::panes::{Counts, Sliding, Span, byte_of};
use crate::engine::window::recent::{SAMPLES_MAX, Sample};

limits! {
    /// Limits of `cross_region`. Agreement 4.6 forbids local numbers that call other provinces and names no share: the shares are
    /// an engineering choice (`detection.md` D5).
    CrossRegionLimits {
        /// Share of calls to other provinces from which it is a violation.
        other_share_violation: f64 = 0.2,
        /// The same from which it is grave.
        other_share_major: f64 = 0.5,
        /// Calls to other provinces it takes: an engineering choice, below which a bound of so low a share proves nothing.
        other_calls_min: u32 = 20,
        /// Regions that may not be called (Tencent 《电话号码外呼规则》 679/79155 of 2026-02-11: Xinjiang and Tibet).
        blocked_regions: Vec<Region> = vec![Region::Xinjiang, Region::Tibet],
        /// One-sided confidence of bounds, in standard deviations.
        z: f64 = 3.09,
    }
}

/// The rule.
pub struct CrossRegion;

/// An open alert stays open until its share is back inside 80 % of the limit (`detection.md` B9).
const HYSTERESIS: f64 = 0.8;

/// The last day's calls whose provinces are known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Crossings {
    day: Sliding<Homes>,
    /// Calls to blocked regions within the day: the first, and the latest.
    blocked: Vec<Sample>,
}

/// Placed calls, by the homes of their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Homes {
    /// Both homes are known.
    known: u32,
    /// The callee's is another one, and was not filed.
    other: u32,
    /// The callee's is blocked.
    blocked: u32,
}

impl AddAssign<&Homes> for Homes {
    fn add_assign(&mut self, more: &Homes) {
        self.known += more.known;
        self.other += more.other;
        self.blocked += more.blocked;
    }
}

impl SubAssign<&Homes> for Homes {
    fn sub_assign(&mut self, less: &Homes) {
        self.known -= less.known;
        self.other -= less.other;
        self.blocked -= less.blocked;
    }
}

impl Counts for Homes {
    type Packed = [u8; 3];

    fn pack(&mut self) -> [u8; 3] {
        [&mut self.known, &mut self.other, &mut self.blocked].map(byte_of)
    }

    fn unpack([known, other, blocked]: &[u8; 3]) -> Self {
        Self { known: (*known).into(), other: (*other).into(), blocked: (*blocked).into() }
    }
}

/// Whether a call from a number of one province to one of the other is held against the app.
fn crosses(profile: &Profile, caller: Option<Region>, callee: Option<Region>) -> bool {
    caller.is_some() && callee.is_some_and(|callee| caller != Some(callee) && !profile.regions.contains(callee))
}

impl Rule for CrossRegion {
    type Params = CrossRegionLimits;
    type State = Crossings;

    const NAME: &'static str = "cross_region";
    const SUMMARY: &'static str = "local numbers that call other provinces; callees of blocked regions";

    fn problems(limits: &Self::Params) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        for (field, share) in
            [("other_share_violation", limits.other_share_violation), ("other_share_major", limits.other_share_major)]
        {
            if !(0.0..=1.0).contains(&share) {
                problems.push((field, format!("{share} is not a share between 0 and 1")));
            }
        }
        if limits.other_share_major < limits.other_share_violation {
            problems.push(("other_share_major", "must not be less than other_share_violation".into()));
        }
        if !(1.0..=8.0).contains(&limits.z) {
            problems.push(("z", format!("{} is not between 1 and 8 standard deviations", limits.z)));
        }
        problems
    }

    fn observe(limits: &Self::Params, crossings: &mut Crossings, observed: &Observed<'_>, _: &mut Vec<Finding>) {
        let call = observed.call;
        let Some(callee) = call.callee_region.filter(|_| call.is_attempt()) else { return };
        let is_blocked = limits.blocked_regions.contains(&callee);
        if call.caller_region.is_none() && !is_blocked {
            return;
        }
        let homes = Homes {
            known: u32::from(call.caller_region.is_some()),
            other: u32::from(crosses(observed.profile, call.caller_region, Some(callee))),
            blocked: u32::from(is_blocked),
        };
        crossings.day.add(Span::DAY, call.end.minute(), &homes);
        if is_blocked {
            if crossings.blocked.len() == SAMPLES_MAX {
                // The first stays: the alert begins with it.
                crossings.blocked.remove(1);
            }
            crossings.blocked.push(Sample::of(call));
        }
    }

    fn judge(limits: &Self::Params, crossings: &mut Crossings, judged: &Judged<'_>, findings: &mut Vec<Finding>) {
        crossings.day.advance(Span::DAY, judged.minute);
        let from = Span::DAY.from(judged.minute);
        crossings.blocked.retain(|sample| sample.end >= from);
        let homes = *crossings.day.total();
        if homes.other == 0 && homes.blocked == 0 {
            return;
        }
        let parts = [blocked(&homes), share(limits, &homes)];
        findings.extend(finding(judged, crossings, parts.into_iter().flatten().collect()));
    }
}

/// One of the two matters.
struct Part {
    severity: Severity,
    lingering: bool,
    evidence: Evidence,
}

/// Calls to blocked regions: counted, and each one too many.
fn blocked(homes: &Homes) -> Option<Part> {
    let evidence = Evidence::count(Feature::BlockedRegionCalls, homes.blocked.into(), 0.0, Over::Day);
    (homes.blocked > 0).then_some(Part { severity: Severity::Violation, lingering: false, evidence })
}

/// The share of calls to other provinces: an estimate.
fn share(limits: &CrossRegionLimits, homes: &Homes) -> Option<Part> {
    let bound = wilson_lower(homes.other.into(), homes.known.into(), limits.z);
    let (severity, limit) = if bound >= limits.other_share_major {
        (Severity::Major, limits.other_share_major)
    } else {
        (Severity::Violation, limits.other_share_violation)
    };
    let evidence = Evidence::share(Feature::OtherProvinceShare, homes.other, homes.known, bound, limit, Over::Day);
    (homes.other >= limits.other_calls_min && bound >= limit * HYSTERESIS).then_some(Part { severity, lingering: bound < limit, evidence })
}

/// One finding of what was found: a share that is merely not yet back inside its limit says nothing beside another matter.
fn finding(judged: &Judged<'_>, crossings: &Crossings, mut parts: Vec<Part>) -> Option<Finding> {
    if parts.iter().any(|part| !part.lingering) {
        parts.retain(|part| !part.lingering);
    }
    // The gravest first; of two as grave the counted one, which came first.
    parts.sort_by_key(|part| std::cmp::Reverse(part.severity));
    let gravest = parts.first()?;
    let (severity, lingering, about) = (gravest.severity, gravest.lingering, gravest.evidence.feature);
    let has_blocked = parts.iter().any(|part| part.evidence.feature == Feature::BlockedRegionCalls);
    let (memory, from) = (judged.memory, Span::DAY.from(judged.minute));
    let first_blocked = crossings.blocked.first().filter(|_| has_blocked).map(|sample| sample.end);
    // Nobody reads what is merely not over yet.
    let said: &[Part] = if lingering { &[] } else { &parts };
    Some(Finding {
        subject: Subject::App,
        severity,
        certain: has_blocked,
        lingering,
        at: first_blocked.unwrap_or(judged.at()),
        from,
        weight: parts.iter().map(|part| part.evidence.count).sum(),
        summary: if lingering { String::new() } else { summary(from, said) },
        evidence: said.iter().map(|part| part.evidence).collect(),
        samples: match about {
            _ if lingering => Vec::new(),
            Feature::BlockedRegionCalls => crossings.blocked.clone(),
            _ => memory.recent.samples(|sample| crosses(judged.profile, sample.caller_region, sample.callee_region)),
        },
        calls: memory.day.total().placed.into(),
        callees: memory.pairs.distinct_day().into(),
    })
}

fn summary(from: Timestamp, said: &[Part]) -> String {
    summed_up(format_args!(
        "Since {from} {}.",
        fmt::from_fn(|f| {
            said.iter().enumerate().try_for_each(|(at, part)| {
                let between = if at > 0 { ", and " } else { "" };
                write!(f, "{between}{}", says(&part.evidence))
            })
        })
    ))
}

fn says(evidence: &Evidence) -> impl fmt::Display {
    fmt::from_fn(move |f| match evidence.feature {
        Feature::BlockedRegionCalls => write!(f, "{} went to regions that may not be called", counted(evidence.count, "call")),
        _ => {
            write!(f, "{} of {} calls from local numbers went to other provinces", evidence.count, evidence.of.unwrap_or_default())
        }
    })
}
