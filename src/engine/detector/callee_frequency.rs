//! `callee_frequency`: too many calls to one callee, over all of the app's caller numbers.
//!
//! Exact: counted calls, by their starts. It estimates nothing and excuses nothing: the published limit does not either.

use super::{Evidence, Feature, Finding, Observed, Over, Rule, Severity, Subject};
use crate::engine::time::{MINUTE_MS, SECOND_MS, Timestamp};
use crate::engine::window::repeats::Repeat;

limits! {
    /// Limits of `callee_frequency`. Source: Tencent 《电话号码外呼规则》 679/79155 of 2026-02-11.
    CalleeFrequencyLimits {
        /// Calls to one callee permitted within five minutes.
        calls_in_5_minutes_max: u32 = 3,
        /// Calls to one callee permitted within 24 hours.
        calls_in_24_hours_max: u32 = 5,
    }
}

/// The rule.
pub struct CalleeFrequency;

const SHORT_S: u32 = 300;

impl Rule for CalleeFrequency {
    type Params = CalleeFrequencyLimits;
    type State = ();

    const NAME: &'static str = "callee_frequency";
    const SUMMARY: &'static str = "more calls to one callee than permitted in five minutes or in a day";

    fn problems(limits: &Self::Params) -> Vec<(&'static str, String)> {
        let above = |limit: u32| limit as usize >= crate::engine::window::repeats::REPEATS_MAX;
        let mut problems = Vec::new();
        for (field, limit) in
            [("calls_in_5_minutes_max", limits.calls_in_5_minutes_max), ("calls_in_24_hours_max", limits.calls_in_24_hours_max)]
        {
            if above(limit) {
                problems.push((field, format!("must be below {}", crate::engine::window::repeats::REPEATS_MAX)));
            }
        }
        problems
    }

    fn observe(limits: &Self::Params, (): &mut (), observed: &Observed<'_>, findings: &mut Vec<Finding>) {
        let (Some(callee), false) = (observed.call.callee, observed.repeats.is_empty()) else { return };
        let start_s = observed.call.start.seconds();
        let short = busiest(observed.repeats, start_s, SHORT_S);
        let day = observed.repeats;
        let in_5_minutes = Breach { calls: short, limit: limits.calls_in_5_minutes_max, over: Over::FiveMinutes };
        let in_24_hours = Breach { calls: day, limit: limits.calls_in_24_hours_max, over: Over::Rolling24h };
        let breaches: Vec<Breach<'_>> = [in_5_minutes, in_24_hours].into_iter().filter(Breach::is_one).collect();
        if let Some(first) = breaches.first() {
            findings.push(finding(Subject::Callee(callee), first, &breaches, day, observed.call.end));
        }
    }
}

/// Calls within a period, and how many are permitted.
struct Breach<'a> {
    calls: &'a [Repeat],
    limit: u32,
    over: Over,
}

impl Breach<'_> {
    fn is_one(&self) -> bool {
        self.calls.len() > self.limit as usize
    }
}

fn finding(subject: Subject, first: &Breach<'_>, breaches: &[Breach<'_>], day: &[Repeat], at: Timestamp) -> Finding {
    let Breach { calls: breached, limit, over } = *first;
    let from = Timestamp::from_seconds(breached.first().map_or(0, |repeat| repeat.start_s).into());
    let period = if over == Over::FiveMinutes { "five minutes" } else { "24 hours" };
    let evidence = |breach: &Breach<'_>| {
        Evidence::count(Feature::CallsToCallee, breach.calls.len() as u64, breach.limit.into(), breach.over)
    };
    Finding {
        subject,
        severity: Severity::Violation,
        certain: true,
        lingering: false,
        at,
        from,
        weight: day.len() as u64,
        summary: format!("One person was called {} times within {period} from {from} on, where {limit} are permitted.", breached.len()),
        evidence: breaches.iter().map(evidence).collect(),
        samples: breached.iter().filter_map(|repeat| repeat.sample.clone()).collect(),
        calls: day.len() as u64,
        callees: 1,
    }
}

/// The most calls within any `within_s` seconds that hold the call begun at `start_s`.
fn busiest(repeats: &[Repeat], start_s: u32, within_s: u32) -> &[Repeat] {
    let mut best = &repeats[..0];
    for (first, repeat) in repeats.iter().enumerate() {
        if repeat.start_s > start_s || start_s - repeat.start_s >= within_s {
            continue;
        }
        let end = repeats.partition_point(|other| other.start_s < repeat.start_s + within_s);
        if end - first > best.len() {
            best = &repeats[first..end];
        }
    }
    best
}

const _: () = assert!(SHORT_S as i64 * SECOND_MS == 5 * MINUTE_MS);
