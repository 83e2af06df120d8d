//! `caller_rotation`: many caller numbers with few calls each, and numbers never filed.
//!
//! Looks at the last day as a whole, not at calls. Many numbers alone accuse nobody: it takes numbers that are used up and
//! laid aside and strangers as callees, or numbers the app never filed.

use serde::{Deserialize, Serialize};

use super::{Evidence, Feature, Finding, Judged, Over, Rule, Severity, Subject};
use crate::engine::statistics::wilson_lower;
use crate::engine::time::{DAY_S, Minute};
use crate::engine::window::panes::Span;

limits! {
    /// Limits of `caller_rotation`. Source: `detection.md` D5; the figures are an engineering choice, none is published.
    CallerRotationLimits {
        /// Spent caller numbers from which they rotate. A number is spent that placed at most `calls_per_caller_max` calls a
        /// day since it was first used, and none for an hour.
        spent_callers_min: u32 = 20,
        /// Calls a day up to which a number was hardly used.
        calls_per_caller_max: u32 = 5,
        /// Active caller numbers from which their growth is a notice.
        active_callers_min: u32 = 20,
        /// Share of calls to fresh callees it takes: an own team with many telephones calls people it knows.
        fresh_share_min: f64 = 0.5,
        /// Times its usual number of active caller numbers from which the growth is a notice.
        growth_min: u32 = 3,
        /// Share of calls from numbers never filed, where the app filed any.
        unfiled_share_min: f64 = 0.2,
        /// One-sided confidence of bounds, in standard deviations.
        z: f64 = 3.09,
    }
}

/// The rule.
pub struct CallerRotation;

/// Active caller numbers of the last days, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ActiveCallers {
    looked: Minute,
    day: u32,
    most_today: u32,
    days: Vec<u32>,
}

/// Days that make the usual number of caller numbers.
const DAYS: usize = 28;
/// Days it takes before growth can be told.
const DAYS_MIN: usize = 7;
/// The rule looks every so many minutes: the window is a day.
const EVERY_MINUTES: u32 = 5;

impl ActiveCallers {
    fn note(&mut self, day: u32, active: u32) {
        if day != self.day {
            if self.most_today > 0 {
                if self.days.len() == DAYS {
                    self.days.remove(0);
                }
                self.days.push(self.most_today);
            }
            (self.day, self.most_today) = (day, 0);
        }
        self.most_today = self.most_today.max(active);
    }

    fn usual(&self) -> Option<u32> {
        let mut days = self.days.clone();
        days.sort_unstable();
        (days.len() >= DAYS_MIN).then(|| days[days.len() / 2])
    }
}

impl Rule for CallerRotation {
    type Params = CallerRotationLimits;
    type State = ActiveCallers;

    const NAME: &'static str = "caller_rotation";
    const SUMMARY: &'static str = "many caller numbers with few calls each; numbers never filed";

    fn judge(limits: &Self::Params, state: &mut ActiveCallers, judged: &Judged<'_>, findings: &mut Vec<Finding>) {
        if judged.minute.0 < state.looked.0 + EVERY_MINUTES {
            return;
        }
        state.looked = judged.minute;
        let memory = judged.memory;
        let (active, spent) = memory.active_and_spent_callers(limits.calls_per_caller_max);
        // Only where it matters: it makes a list, and most apps have few numbers.
        let usual = if active >= limits.active_callers_min { state.usual() } else { None };
        state.note(judged.at().seconds() / DAY_S, active);
        let rotation = rotation(limits, judged, active, spent).or_else(|| growth(limits, judged, active, usual));
        findings.extend(both(rotation, unfiled(limits, judged)));
    }
}

/// Two findings about the app's numbers are one matter: what the second adds is said after the first.
fn both(first: Option<Finding>, second: Option<Finding>) -> Option<Finding> {
    match (first, second) {
        (Some(first), Some(second)) => Some(Finding {
            severity: first.severity.max(second.severity),
            summary: format!("{} {}", first.summary, second.summary),
            evidence: first.evidence.into_iter().chain(second.evidence).collect(),
            ..second
        }),
        (first, second) => first.or(second),
    }
}

fn rotation(limits: &CallerRotationLimits, judged: &Judged<'_>, active: u32, spent: u32) -> Option<Finding> {
    let day = judged.memory.day.total();
    let fresh = wilson_lower(day.fresh.into(), day.placed.into(), limits.z);
    let rotates = spent >= limits.spent_callers_min && spent * 2 >= active && fresh >= limits.fresh_share_min;
    rotates.then(|| Finding {
        summary: format!(
            "{spent} of {active} caller numbers used since {} were laid aside after a few calls, and {} of all {} calls went to people new \
             to the app.",
            Span::DAY_COARSE.from(judged.minute),
            day.fresh,
            day.placed
        ),
        evidence: vec![
            Evidence {
                of: Some(active.into()),
                ..Evidence::count(Feature::SpentCallers, spent.into(), limits.spent_callers_min.into(), Over::Day)
            },
            Evidence::share(Feature::FreshShare, day.fresh, day.placed, fresh, limits.fresh_share_min, Over::Day),
        ],
        ..finding(judged, Severity::Violation)
    })
}

fn growth(limits: &CallerRotationLimits, judged: &Judged<'_>, active: u32, usual: Option<u32>) -> Option<Finding> {
    let usual = usual?;
    let limit = usual.saturating_mul(limits.growth_min);
    (active >= limits.active_callers_min && active > limit).then(|| Finding {
        summary: format!(
            "{active} caller numbers placed calls since {}, where {usual} a day are usual.",
            Span::DAY_COARSE.from(judged.minute)
        ),
        evidence: vec![Evidence::count(Feature::ActiveCallers, active.into(), limit.into(), Over::Day)],
        ..finding(judged, Severity::Notice)
    })
}

fn unfiled(limits: &CallerRotationLimits, judged: &Judged<'_>) -> Option<Finding> {
    if judged.profile.filed.is_empty() {
        return None;
    }
    let (unfiled, placed) = judged.memory.placed_by_callers(|number| judged.profile.channels(number).is_none());
    let bound = wilson_lower(unfiled.into(), placed.into(), limits.z);
    (bound >= limits.unfiled_share_min).then(|| Finding {
        summary: format!(
            "{unfiled} of {placed} calls since {} came from numbers the app never filed.",
            Span::DAY_COARSE.from(judged.minute)
        ),
        evidence: vec![Evidence::share(Feature::UnfiledShare, unfiled, placed, bound, limits.unfiled_share_min, Over::Day)],
        samples: judged.memory.recent.samples(|sample| sample.caller.is_some_and(|number| judged.profile.channels(number).is_none())),
        ..finding(judged, Severity::Violation)
    })
}

fn finding(judged: &Judged<'_>, severity: Severity) -> Finding {
    let day = judged.memory.day.total();
    Finding {
        subject: Subject::App,
        severity,
        // The window is a day: what holds once holds for long.
        certain: true,
        lingering: false,
        at: judged.at(),
        from: Span::DAY_COARSE.from(judged.minute),
        weight: day.placed.into(),
        summary: String::new(),
        evidence: Vec::new(),
        samples: judged.memory.recent.samples(|sample| sample.fresh),
        calls: day.placed.into(),
        callees: judged.memory.pairs.distinct_day().into(),
    }
}
