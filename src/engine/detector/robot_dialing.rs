//! `robot_dialing`: machines that call and let machines talk.
//!
//! Timing proves that a machine dials, not that a machine talks: progressive dialers with people behind them keep time too.
//! So it takes two families: a line that keeps time (or more calls at once than people can hold), and a sign that some who
//! answer meet no person. Only where a message is plainly heard by many does that say all by itself. An app that declared voice notifications is not accused of what it declared.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::finding::{counted, listed, summed_up};
use super::{Evidence, Feature, Finding, Judged, Over, Rule, Severity, Subject};
use crate::engine::number::Number;
use crate::engine::statistics::{wilson_lower, wilson_upper};
use crate::engine::time::{Minute, Timestamp};
use crate::engine::window::line::{CALLS_MAX, Line};
use crate::engine::window::panes::Span;

limits! {
    /// Limits of `robot_dialing`. Source: `detection.md` B7 and D4; dropped answers: FTC 16 CFR 310.4(b)(4), Ofcom 2010.
    RobotDialingLimits {
        /// Interquartile range of the last 64 gaps on a number, in seconds, up to which they are of one length (T1).
        gap_spread_max_s: f64 = 2.0,
        /// Rayleigh power of the starts, as a share of the calls, from which they keep a period (T2).
        rhythm_min: f64 = 0.5,
        /// Coefficient of variation of the gaps up to which nobody ever paused (T3).
        gap_variation_max: f64 = 0.55,
        /// Calls without a pause of over 120 s that T3 takes.
        steady_calls_min: u32 = 250,
        /// Share of talks over 6 s in one 3-second bin from which one message is played. Of people it is the less the longer they
        /// talk: 0.05 to 0.08 in `detection.md` B7, up to 0.11 where half of the talks last less than 20 s (lognormal, sigma 0.7).
        playback_share_min: f64 = 0.12,
        /// The same from which it takes no machine timing: a recording may be played to strangers at a person's pace. An
        /// engineering choice.
        playback_alone_min: f64 = 0.15,
        /// Seconds that the shortest such message lasts: most people who hear what it is about and hang up do so sooner, which
        /// gives their talks one length, too. An engineering choice.
        playback_alone_from_s: u32 = 10,
        /// Share of calls to fresh callees that takes: customers may be played a reminder by hand.
        playback_fresh_share_min: f64 = 0.5,
        /// Talks over 6 s that takes.
        playback_talks_min: u32 = 75,
        /// Share of answers with an agent up to which nobody is there.
        agent_share_max: f64 = 0.05,
        /// Share of answers over within 6 s without an agent from which people meet nobody.
        dropped_share_min: f64 = 0.03,
        /// Share of answers over within 6 s from which people hang up on a machine.
        short_share_min: f64 = 0.15,
        /// Lines that keep the same time from which it is grave.
        lines_major: u32 = 3,
        /// Calls in progress per filed seat from which no agent can be behind each.
        calls_per_seat_max: u32 = 3,
        /// One-sided confidence of bounds, in standard deviations.
        z: f64 = 3.09,
        /// Whether timing alone gives a notice that the app dials by machine.
        notice_machine_dialed: bool = false,
    }
}

/// The rule.
pub struct RobotDialing;

/// A caller number that keeps time, as last looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Timed {
    number: Number,
    at: Minute,
    evidence: Evidence,
}

/// What the rule remembers: the caller numbers it is to look at, and those it found keeping time, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    looked: Minute,
    called: Vec<Number>,
    timed: Vec<Timed>,
    /// Whether so many talks had one length at the last look that it takes no timing.
    plays: bool,
}

/// The rule looks at lines in the first minute with calls of every so many: timing is about dozens of calls.
const EVERY_MINUTES: u32 = 10;
/// A line not found keeping time for so long is forgotten.
const FORGET_MINUTES: u32 = 60;
/// Lines remembered between two looks.
const LINES_MAX: usize = 10_000;
/// A break longer than this, in seconds, is no machine's.
const PAUSE_MAX_S: u32 = 120;
/// A rhythm may hold its breath for a long talk.
const RHYTHM_PAUSE_MAX_S: u32 = 300;

impl Rule for RobotDialing {
    type Params = RobotDialingLimits;
    type State = Lines;

    const NAME: &'static str = "robot_dialing";
    const SUMMARY: &'static str = "machine timing or volume together with one playback length, no human leg or dropped answers";

    fn judge(limits: &Self::Params, lines: &mut Lines, judged: &Judged<'_>, findings: &mut Vec<Finding>) {
        if judged.profile.notifies {
            return;
        }
        lines.look(limits, judged);
        lines.timed.retain(|timed| timed.at.0 + FORGET_MINUTES > judged.minute.0);
        let volume = volume(limits, judged);
        if lines.timed.is_empty() && volume.is_none() {
            findings.extend(lines.played(limits, judged));
            return;
        }
        let nobody = nobody_there(limits, judged);
        let signs = nobody.iter().flatten().count();
        if signs == 0 {
            if limits.notice_machine_dialed && !judged.profile.predictive {
                let same = lines.timed.len() as u32;
                let machine: Vec<Evidence> = lines.timed.iter().map(|timed| timed.evidence).take(1).collect();
                findings.extend((same > 0).then(|| finding(judged, Severity::Notice, machine, same)));
            }
            return;
        }
        let same = lines.timed.len() as u32;
        let severity = if signs >= 2 || same >= limits.lines_major { Severity::Major } else { Severity::Violation };
        let machine = lines.timed.iter().map(|timed| timed.evidence).take(1).chain(volume);
        findings.push(finding(judged, severity, machine.chain(nobody.into_iter().flatten()).collect(), same));
    }
}

impl Lines {
    /// A message that so many strangers heard to its end that it does not matter how the lines keep time.
    fn played(&self, limits: &RobotDialingLimits, judged: &Judged<'_>) -> Option<Finding> {
        let is_known = self.plays && self.looked.0 + FORGET_MINUTES > judged.minute.0;
        let message = is_known.then(|| played_alone(limits, judged))??;
        let (day, limit) = (judged.memory.day.total(), limits.playback_fresh_share_min);
        let bound = wilson_lower(day.fresh.into(), day.placed.into(), limits.z);
        if bound < limit {
            return None;
        }
        let strangers = Evidence::share(Feature::FreshShare, day.fresh, day.placed, bound, limit, Over::Day);
        let others = nobody_there(limits, judged).into_iter().flatten().filter(|sign| sign.feature != Feature::PlaybackShare);
        let signs: Vec<Evidence> = std::iter::once(message).chain(others).collect();
        let severity = if signs.len() >= 2 { Severity::Major } else { Severity::Violation };
        Some(finding(judged, severity, signs.into_iter().chain([strangers]).collect(), 0))
    }

    fn look(&mut self, limits: &RobotDialingLimits, judged: &Judged<'_>) {
        for number in judged.callers {
            if self.called.len() < LINES_MAX
                && let Err(place) = self.called.binary_search(number)
            {
                self.called.insert(place, *number);
            }
        }
        if judged.placed == 0 || judged.minute.0 / EVERY_MINUTES == self.looked.0 / EVERY_MINUTES {
            return;
        }
        self.looked = judged.minute;
        let called = std::mem::take(&mut self.called);
        self.timed.retain(|timed| called.binary_search(&timed.number).is_err());
        for number in &called {
            let evidence = judged.memory.caller(*number).and_then(|caller| keeps_time(limits, &caller.line));
            self.timed.extend(evidence.map(|evidence| Timed { number: *number, at: judged.minute, evidence }));
        }
        self.timed.sort_by_key(|timed| timed.number);
        self.plays = played_alone(limits, judged).is_some();
        // The memory of the list is used again.
        self.called = called;
        self.called.clear();
    }
}

/// One length of talks, if it is so common that it needs no machine timing.
fn played_alone(limits: &RobotDialingLimits, judged: &Judged<'_>) -> Option<Evidence> {
    played(limits.playback_alone_min, limits.playback_alone_from_s, limits, judged)
}

/// One length of talks of so many seconds at least, if it is common enough for this limit.
fn played(limit: f64, from_s: u32, limits: &RobotDialingLimits, judged: &Judged<'_>) -> Option<Evidence> {
    let talks = &judged.memory.talks;
    // Before anything is counted: most apps have not talked so often.
    let mode = (talks.len() >= limits.playback_talks_min as usize).then(|| talks.modal(from_s))??;
    let bound = wilson_lower(mode.count.into(), mode.of.into(), limits.z);
    (bound >= limit).then(|| Evidence::share(Feature::PlaybackShare, mode.count, mode.of, bound, limit, Over::LastTalks))
}

/// Whether a line keeps time, and how that shows.
fn keeps_time(limits: &RobotDialingLimits, line: &Line) -> Option<Evidence> {
    let pause_s = line.longest_pause_s();
    if pause_s > RHYTHM_PAUSE_MAX_S {
        return None;
    }
    // A number that carries several calls at once has no gaps between them.
    let quartiles = line.gap_quartiles().filter(|quartiles| quartiles.gaps as usize >= CALLS_MAX)?;
    let single = line.overlaps() * 4 <= quartiles.gaps;
    if single && pause_s <= PAUSE_MAX_S && quartiles.range_s() <= limits.gap_spread_max_s {
        let spread = Evidence::count(Feature::GapSpread, quartiles.gaps.into(), limits.gap_spread_max_s, Over::LastCalls);
        return Some(Evidence { observed: quartiles.range_s(), ..spread });
    }
    let steady = line.steady_run().filter(|run| single && run.calls >= limits.steady_calls_min);
    if let Some(run) = steady.filter(|run| run.gap_variation <= limits.gap_variation_max) {
        let variation = Evidence::count(Feature::GapVariation, run.calls.into(), limits.gap_variation_max, Over::SinceStart);
        return Some(Evidence { observed: run.gap_variation, ..variation });
    }
    let rhythm = line.start_rhythm(limits.rhythm_min)?;
    let power = Evidence::count(Feature::StartRhythm, rhythm.starts.into(), limits.rhythm_min, Over::LastCalls);
    Some(Evidence { observed: rhythm.power_share.min(1.0), bound: Some(rhythm.period_s.into()), ..power })
}

/// More calls at once than filed seats can hold.
fn volume(limits: &RobotDialingLimits, judged: &Judged<'_>) -> Option<Evidence> {
    let limit = judged.profile.seats?.saturating_mul(limits.calls_per_seat_max);
    let peak = judged.memory.concurrency.peak_over(limit)?;
    Some(Evidence::count(Feature::Concurrent, peak.calls.into(), limit.into(), Over::Hour))
}

/// The signs that those who answer, or some of them, meet no person.
fn nobody_there(limits: &RobotDialingLimits, judged: &Judged<'_>) -> [Option<Evidence>; 3] {
    let day = judged.memory.day.total();
    let bound = wilson_upper(day.agent_answered.into(), day.agent_known.into(), limits.z);
    let limit = limits.agent_share_max;
    let agents = (bound <= limit)
        .then(|| Evidence::share(Feature::AgentShare, day.agent_answered, day.agent_known, bound, limit, Over::Day));
    let of_answers = |feature, count: u32, limit| {
        let bound = wilson_lower(count.into(), day.answered.into(), limits.z);
        (bound >= limit).then(|| Evidence::share(feature, count, day.answered, bound, limit, Over::Day))
    };
    // Who met nobody hung up soon: that is one sign, not two.
    let dropped = of_answers(Feature::DroppedShare, day.dropped, limits.dropped_share_min)
        .or_else(|| of_answers(Feature::ShortShare, day.short, limits.short_share_min));
    [played(limits.playback_share_min, 0, limits, judged), agents, dropped]
}

fn finding(judged: &Judged<'_>, severity: Severity, evidence: Vec<Evidence>, lines: u32) -> Finding {
    let day = judged.memory.day.total();
    let from: Timestamp = Span::DAY.from(judged.minute);
    Finding {
        subject: Subject::App,
        severity,
        certain: false,
        lingering: false,
        at: judged.at(),
        from,
        weight: day.placed.into(),
        summary: summary(&evidence, lines, from),
        evidence,
        samples: judged.memory.recent.samples(|sample| severity == Severity::Notice || sample.talk_s.is_some() && !sample.has_agent),
        calls: day.placed.into(),
        callees: judged.memory.pairs.distinct_day().into(),
    }
}

/// What machine and what nobody, in one sentence.
fn summary(evidence: &[Evidence], lines: u32, from: Timestamp) -> String {
    let machines = || evidence.iter().filter_map(|item| machine_phrase(item, lines));
    let nobodies = || evidence.iter().filter_map(nobody_phrase);
    let (machine, nobody) = (listed(machines()), listed(nobodies()));
    match (machines().next(), nobodies().next()) {
        (None, _) => summed_up(format_args!("A message is played: since {from} {nobody}.")),
        (_, None) => summed_up(format_args!("A machine dials: {machine}, since {from}.")),
        _ => summed_up(format_args!("Machines call and {}: {machine}; since {from} {nobody}.", who_is_there(evidence))),
    }
}

/// Who is there when people answer, as far as the evidence tells: it may be about a few of many answers.
fn who_is_there(evidence: &[Evidence]) -> &'static str {
    let sign = |feature| evidence.iter().find(|item| item.feature == feature);
    match sign(Feature::AgentShare) {
        Some(agents) if agents.count == 0 => "nobody is there",
        Some(_) => "hardly anybody is there",
        None if sign(Feature::DroppedShare).is_some() => "some who answer meet nobody",
        None if sign(Feature::PlaybackShare).is_some() => "a message seems to be played",
        None => "people hang up at once",
    }
}

fn machine_phrase(item: &Evidence, lines: u32) -> Option<impl fmt::Display> {
    let Evidence { feature, count, observed, limit, .. } = *item;
    let period_s = item.bound.unwrap_or_default();
    let clockwork = fmt::from_fn(move |f| write!(f, "{} dialled like clockwork", counted(lines.into(), "caller number")));
    let is_timing = matches!(feature, Feature::GapSpread | Feature::GapVariation | Feature::StartRhythm);
    (is_timing || feature == Feature::Concurrent).then_some(fmt::from_fn(move |f| match feature {
        Feature::GapSpread => write!(f, "{clockwork} (the middle half of the last {count} gaps differs by {observed:.1} s)"),
        Feature::GapVariation => write!(f, "{clockwork} ({count} calls in a row without a pause)"),
        Feature::StartRhythm => write!(f, "{clockwork} (a call every {period_s:.0} s)"),
        _ => write!(f, "{count} calls were in progress at once where the seats allow {limit:.0}"),
    }))
}

fn nobody_phrase(item: &Evidence) -> Option<impl fmt::Display> {
    let (feature, count, of) = (item.feature, item.count, item.of?);
    Some(fmt::from_fn(move |f| match feature {
        Feature::PlaybackShare => write!(f, "{count} of the last {of} talks had one length"),
        Feature::FreshShare => write!(f, "{count} of {of} calls went to people new to the app"),
        Feature::AgentShare if count == 0 => write!(f, "none of {of} answers had an agent"),
        Feature::AgentShare => write!(f, "only {count} of {of} answers had an agent"),
        Feature::DroppedShare => write!(f, "{count} of {of} answers were over within 6 s without any agent"),
        _ => write!(f, "{count} of {of} answers were over within 6 s"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_claims_no_more_than_its_evidence() {
        let share = |feature, count| Evidence::share(feature, count, 100, 0.0, 0.0, Over::Day);
        let timing = Evidence::count(Feature::GapSpread, 64, 2.0, Over::LastCalls);
        let (dropped, playback) = (share(Feature::DroppedShare, 9), share(Feature::PlaybackShare, 40));
        for (signs, claim) in [
            (vec![playback, share(Feature::AgentShare, 0), dropped], "nobody is there"),
            (vec![share(Feature::AgentShare, 2)], "hardly anybody is there"),
            (vec![playback, dropped], "some who answer meet nobody"),
            (vec![playback, share(Feature::ShortShare, 30)], "a message seems to be played"),
            (vec![share(Feature::ShortShare, 30)], "people hang up at once"),
        ] {
            let evidence: Vec<Evidence> = std::iter::once(timing).chain(signs).collect();
            let summary = summary(&evidence, 1, Timestamp::default());
            assert!(summary.starts_with(&format!("Machines call and {claim}: ")), "{summary}");
        }
        assert!(summary(&[timing], 1, Timestamp::default()).starts_with("A machine dials: "));
        assert!(summary(&[playback, share(Feature::FreshShare, 90)], 0, Timestamp::default()).starts_with("A message is played: "));
    }
}
