//! `rest_time`: calls while people rest, by the clock where the app's callees live.
//!
//! Exact: every call begun outside the hours counts, but for those that call somebody back. Lunch is a notice and off unless asked for, since the policy names
//! it without hours.

use serde::{Deserialize, Serialize};

use super::finding::counted;
use super::{Evidence, Feature, Finding, Judged, Observed, Over, Rule, Severity, Subject};
use crate::engine::time::{DAY_S, HOUR_S, LocalTime, Timestamp};

limits! {
    /// Limits of `rest_time`. Source: Tencent 《电话号码外呼规则》 679/79155 of 2026-02-11; lunch: Alibaba's task centre.
    RestTimeLimits {
        /// Minute of the local day from which calls are permitted: 480 is 08:00.
        from_minute: u32 = 8 * 60,
        /// Minute of the local day from which they no longer are: 1260 is 21:00.
        to_minute: u32 = 21 * 60,
        /// Hours for which somebody who called the app may be called back whenever (`detection.md` D2); 0 is never.
        callback_hours: u32 = 24,
        /// Whether calls at lunch give a notice.
        lunch: bool = false,
        /// Minute of the local day at which lunch begins: 720 is 12:00.
        lunch_from_minute: u32 = 12 * 60,
        /// Minute of the local day at which lunch ends: 840 is 14:00.
        lunch_to_minute: u32 = 14 * 60,
    }
}

/// The rule.
pub struct RestTime;

/// The calls of one rest: a night, or a lunch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rest {
    /// Which one: the local day on whose noon or evening it began, and whether it is a night. In the order of time.
    day: u32,
    night: bool,
    /// Start of the first call in it, in Unix seconds.
    first_start_s: u32,
    /// End of the first call in it to end.
    found_at: Timestamp,
    calls: u32,
    callees: u32,
    /// Calls of it already told of.
    told: u32,
}

impl Rule for RestTime {
    type Params = RestTimeLimits;
    type State = Rest;

    const NAME: &'static str = "rest_time";
    const SUMMARY: &'static str = "calls outside the permitted hours, local time";

    fn problems(limits: &Self::Params) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if limits.from_minute >= limits.to_minute || limits.to_minute > 24 * 60 {
            problems.push(("to_minute", "must lie after from_minute and within the day".into()));
        }
        if limits.lunch_from_minute >= limits.lunch_to_minute || limits.lunch_to_minute > 24 * 60 {
            problems.push(("lunch_to_minute", "must lie after lunch_from_minute and within the day".into()));
        }
        problems
    }

    fn observe(limits: &Self::Params, rest: &mut Rest, observed: &Observed<'_>, _: &mut Vec<Finding>) {
        if !observed.call.is_attempt() {
            return;
        }
        let Some((day, night)) = rest_of(limits, observed.local_start) else { return };
        let start_s = observed.call.start.seconds();
        let called_us_s = observed.contact.and_then(|contact| contact.called_us_s);
        if called_us_s.is_some_and(|at_s| start_s.saturating_sub(at_s) < limits.callback_hours * HOUR_S) {
            return;
        }
        if (day, night) != (rest.day, rest.night) {
            if (day, night) < (rest.day, rest.night) {
                // A long call of a rest that was over before this one began: its like have been told of.
                return;
            }
            *rest = Rest { day, night, first_start_s: start_s, found_at: observed.call.end, ..Rest::default() };
        }
        rest.first_start_s = rest.first_start_s.min(start_s);
        rest.calls += 1;
        let known = observed.contact.and_then(|contact| contact.previous_s).is_some_and(|previous_s| previous_s >= rest.first_start_s);
        rest.callees += u32::from(!known);
    }

    fn judge(limits: &Self::Params, rest: &mut Rest, judged: &Judged<'_>, findings: &mut Vec<Finding>) {
        if rest.calls == rest.told {
            return;
        }
        rest.told = rest.calls;
        let from = Timestamp::from_seconds(rest.first_start_s.into());
        let (word, severity) = if rest.night { ("at night", Severity::Violation) } else { ("at lunch", Severity::Notice) };
        let (calls, people) = (counted(rest.calls.into(), "call"), if rest.callees == 1 { "person" } else { "people" });
        let offset_s = judged.profile.clock.offset_s(from);
        findings.push(Finding {
            subject: Subject::App,
            severity,
            certain: true,
            lingering: false,
            at: rest.found_at,
            from,
            weight: rest.calls.into(),
            summary: format!("The app placed {calls} to {} {people} {word}, local time, since {from}.", rest.callees),
            evidence: vec![Evidence::count(Feature::CallsOutsideHours, rest.calls.into(), 0.0, Over::SinceStart)],
            samples: judged.memory.recent.samples(|sample| {
                sample.start >= from && rest_of(limits, LocalTime::new(sample.start.seconds(), offset_s)).is_some()
            }),
            calls: rest.calls.into(),
            callees: rest.callees.into(),
        });
    }
}

/// The rest in which a moment lies: the local day on whose noon or evening it began, and whether it is a night.
fn rest_of(limits: &RestTimeLimits, local: LocalTime) -> Option<(u32, bool)> {
    debug_assert!(local.second_of_day < DAY_S);
    let minute = local.second_of_day / 60;
    if minute >= limits.to_minute {
        Some((local.day, true))
    } else if minute < limits.from_minute {
        Some((local.day.saturating_sub(1), true))
    } else {
        let lunch = limits.lunch && (limits.lunch_from_minute..limits.lunch_to_minute).contains(&minute);
        lunch.then_some((local.day, false))
    }
}
