//! `abnormal_rate`: a burst when the app never calls, a surge against its own week, more calls at once than its numbers
//! or seats can carry.
//!
//! A surge alone is not abuse: a flash sale looks the same, so it is a notice until something else speaks against it. A
//! burst in the app's off hours is what a stolen account looks like.

use serde::{Deserialize, Serialize};

use super::finding::{counted, listed};
use super::{Evidence, Feature, Finding, Judged, Observed, Over, Rule, Severity, Subject};
use crate::engine::number::Number;
use crate::engine::statistics::wilson_lower;
use crate::engine::time::{DAY_S, MINUTE_MS, Minute, Timestamp};
use crate::engine::window::tally::Tally;

limits! {
    /// Limits of `abnormal_rate`. Sources: `detection.md` B8 and D3; concurrency: Tencent 679/79155.
    AbnormalRateLimits {
        /// Calls in five minutes below which nothing is a burst.
        calls_min: u32 = 10,
        /// Probability under the app's own week below which a count is no chance. Nominal: days vary more than any model.
        tail_max: f64 = 1e-6,
        /// Times the predicted count from which it is a surge.
        surge_min: f64 = 2.0,
        /// Share of the app's busiest hour below which an hour is off hours.
        off_hours_share_max: f64 = 0.05,
        /// Share of the day's calls from caller numbers neither filed nor a day old that corroborates a surge.
        new_caller_share_min: f64 = 0.3,
        /// Share of invalid numbers in the last hour that corroborates a surge.
        invalid_number_share_min: f64 = 0.05,
        /// Share of short answers in the last hour that corroborates a surge.
        short_answer_share_min: f64 = 0.15,
        /// Seconds two calls may overlap on one channel by clock noise.
        overlap_grace_s: u32 = 2,
        /// Calls in progress per filed seat permitted.
        calls_per_seat_max: u32 = 3,
        /// One-sided confidence of bounds, in standard deviations.
        z: f64 = 3.09,
    }
}

/// The rule.
pub struct AbnormalRate;

/// Calls of the last minutes, oldest first: five at most.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LastMinutes {
    minutes: Vec<(Minute, u32)>,
}

/// Minutes that make a slot.
const SLOT_MINUTES: u32 = 5;

impl LastMinutes {
    fn push(&mut self, minute: Minute, placed: u32) -> u32 {
        self.minutes.retain(|(earlier, _)| earlier.0 + SLOT_MINUTES > minute.0);
        if placed > 0 {
            self.minutes.push((minute, placed));
        }
        self.minutes.iter().map(|(_, placed)| placed).sum()
    }
}

impl Rule for AbnormalRate {
    type Params = AbnormalRateLimits;
    type State = LastMinutes;

    const NAME: &'static str = "abnormal_rate";
    const SUMMARY: &'static str = "off-hours burst, surge against the app's own week, concurrency over channels or seats";

    fn observe(limits: &Self::Params, _: &mut LastMinutes, observed: &Observed<'_>, findings: &mut Vec<Finding>) {
        let call = observed.call;
        let Some(number) = call.caller.filter(|_| call.is_attempt()) else { return };
        let Some(channels) = observed.profile.channels(number) else { return };
        let Some(caller) = observed.memory.caller(number) else { return };
        let (start_s, end_s) = (call.start.seconds(), call.end.seconds());
        // The call itself is not in the line yet: it counts on top, wherever others overlap it for long enough.
        let grace_s = limits.overlap_grace_s;
        let others = caller.line.peak_overlap(start_s, end_s.saturating_sub(grace_s), grace_s, channels.max(1));
        findings.extend(others.map(|others| over_channels(observed, number, others + 1, channels)));
    }

    fn judge(limits: &Self::Params, last: &mut LastMinutes, judged: &Judged<'_>, findings: &mut Vec<Finding>) {
        let calls = last.push(judged.minute, judged.placed);
        findings.extend(over_seats(limits, judged));
        if calls >= limits.calls_min {
            findings.extend(burst(limits, judged, calls));
        }
    }
}

fn over_channels(observed: &Observed<'_>, number: Number, calls: u32, channels: u32) -> Finding {
    Finding {
        subject: Subject::Caller(number),
        severity: Severity::Violation,
        certain: true,
        lingering: false,
        at: observed.call.end,
        from: observed.call.start,
        weight: calls.into(),
        summary: format!(
            "A caller number with {} carried {calls} calls at once during the call begun at {}.",
            counted(channels.into(), "channel"),
            observed.call.start
        ),
        evidence: vec![Evidence::count(Feature::Concurrent, calls.into(), channels.into(), Over::LastCalls)],
        samples: vec![crate::engine::window::recent::Sample::of(observed.call)],
        calls: calls.into(),
        callees: calls.into(),
    }
}

fn over_seats(limits: &AbnormalRateLimits, judged: &Judged<'_>) -> Option<Finding> {
    // Seats are people's: a machine that plays the notifications it declared needs none.
    let seats = judged.profile.seats.filter(|_| !judged.profile.notifies)?;
    let limit = seats.saturating_mul(limits.calls_per_seat_max);
    let peak = judged.memory.concurrency.peak_over(limit)?;
    let from = Timestamp::from_seconds(peak.at_s.into());
    Some(Finding {
        summary: format!(
            "{} calls were in progress at {from}, where {} may hold {limit}.",
            peak.calls,
            counted(seats.into(), "filed seat")
        ),
        evidence: vec![Evidence::count(Feature::Concurrent, peak.calls.into(), limit.into(), Over::Hour)],
        weight: peak.calls.into(),
        // Counted, and only ever too low.
        certain: true,
        ..finding(judged, Severity::Violation, from)
    })
}

fn burst(limits: &AbnormalRateLimits, judged: &Judged<'_>, calls: u32) -> Option<Finding> {
    let baseline = &judged.memory.baseline;
    if !baseline.is_ready() {
        return None;
    }
    let expected = baseline.expect_slot(judged.at().seconds(), judged.offset_s)?;
    if expected.tail(calls.into()) >= limits.tail_max {
        return None;
    }
    let off_hours = expected.share_of_peak < limits.off_hours_share_max;
    if !off_hours && f64::from(calls) < expected.mean * limits.surge_min {
        return None;
    }
    let from = judged.at().plus_millis(-i64::from(SLOT_MINUTES) * MINUTE_MS);
    let limit = if off_hours { f64::from(limits.calls_min) } else { expected.mean * limits.surge_min };
    let count = Evidence { bound: Some(expected.mean), ..Evidence::count(Feature::CallsInSlot, calls.into(), limit, Over::FiveMinutes) };
    let corroboration = corroborate(limits, judged);
    let usual = format!("{calls} calls ended in the five minutes from {from} on, where {:.1} are usual", expected.mean);
    let (severity, summary) = match (off_hours, corroboration.is_empty()) {
        (true, _) => (Severity::Major, format!("{usual}: the app hardly ever calls at this hour, so its account may be stolen.")),
        (false, true) => (Severity::Notice, format!("{usual}: a surge, and nothing else speaks against it.")),
        (false, false) => {
            let signs: Vec<String> = corroboration.iter().map(phrase).collect();
            (Severity::Major, format!("{usual}: a surge, and {}.", listed(&signs)))
        }
    };
    Some(Finding { summary, evidence: [count].into_iter().chain(corroboration).collect(), ..finding(judged, severity, from) })
}

/// What else speaks against a surge.
fn corroborate(limits: &AbnormalRateLimits, judged: &Judged<'_>) -> Vec<Evidence> {
    let hour: &Tally = judged.memory.hour.total();
    // Numbers that were filed are no news, and an app that filed none may have new ones any day.
    let since_s = judged.at().seconds().saturating_sub(DAY_S);
    let (new, all) = match judged.profile.filed.is_empty() {
        true => (0, 0),
        false => judged.memory.placed_by_new_callers(since_s, |number| judged.profile.channels(number).is_none()),
    };
    [
        (Feature::InvalidShare, hour.invalid_number, hour.reached, limits.invalid_number_share_min, Over::Hour),
        (Feature::ShortShare, hour.short, hour.answered, limits.short_answer_share_min, Over::Hour),
        (Feature::NewCallerShare, new, all, limits.new_caller_share_min, Over::Day),
    ]
    .into_iter()
    .map(|(feature, count, of, limit, over)| Evidence::share(feature, count, of, wilson_lower(count.into(), of.into(), limits.z), limit, over))
    .filter(|evidence| evidence.bound >= Some(evidence.limit))
    .collect()
}

fn phrase(item: &Evidence) -> String {
    let (count, of) = (item.count, item.of.unwrap_or_default());
    match item.feature {
        Feature::InvalidShare => format!("{count} of the last hour's {of} calls went to numbers that do not exist"),
        Feature::ShortShare => format!("{count} of the last hour's {of} answers were over within 6 s"),
        _ => format!("{count} of the day's {of} calls came from caller numbers it had not used before"),
    }
}

fn finding(judged: &Judged<'_>, severity: Severity, from: Timestamp) -> Finding {
    let hour = judged.memory.hour.total();
    Finding {
        subject: Subject::App,
        severity,
        certain: false,
        lingering: false,
        at: judged.at(),
        from,
        weight: hour.placed.into(),
        summary: String::new(),
        evidence: Vec::new(),
        samples: judged.memory.recent.samples(|sample| sample.end >= from),
        calls: hour.placed.into(),
        callees: judged.memory.pairs.distinct_hour().into(),
    }
}
