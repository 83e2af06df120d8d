//! `feed_health`: the detector's own input, so that silence is not read as "clean": calls of one app in two partitions, ends of
//! calls that nobody can read, an app that falls silent in the middle of its day.
//!
//! Nobody is accused; whoever writes the topic is told. It cannot see an app whose two partitions belong to two processes: what
//! is met elsewhere is told by the process that met it there. Silence is judged app by app, since a shard does not know of
//! others: a feed that stops altogether is told by every app that was calling, and by the watermark among the metrics. Only a
//! silence that begins where the app's own week has calls is one: who closes for the evening, the weekend or a holiday stops
//! where the week has none. A day that is missing from its first call on is therefore not seen.

use serde::{Deserialize, Serialize};

use super::finding::counted;
use super::{Evidence, Feature, Finding, Judged, Observed, Over, Rule, Severity, Subject};
use crate::engine::record::{Elsewhere, Outcome};
use crate::engine::statistics::wilson_lower;
use crate::engine::time::{HOUR_S, MINUTE_MS, Minute, SECOND_MS, Timestamp};
use crate::engine::window::panes::{Count, Sliding, Span};
use crate::engine::window::recent::Sample;

limits! {
    /// Limits of `feed_health`: engineering choices. A day is the longest window, so that after it an app that has merely
    /// moved, because the topic was given more partitions, is judged whole again.
    FeedHealthLimits {
        /// Hours for which the alert about a second partition, or about silence, stays open.
        open_hours: u32 = 24,
        /// Share of placed calls of a day whose end is told in a code or word that is not known; it goes by its lower bound.
        unknown_outcome_share: f64 = 0.05,
        /// Such calls it takes.
        unknown_outcomes_min: u32 = 20,
        /// Hours without a call after which an app that stopped in the middle of its day is silent; 0 is off.
        silent_hours: u32 = 3,
        /// Calls that its own week must predict for those hours.
        silent_calls_min: u32 = 50,
        /// How improbable none at all must be by its own week: apps that call by fits and starts are never silent.
        silent_tail: f64 = 1e-6,
        /// One-sided confidence of bounds, in standard deviations.
        z: f64 = 3.09,
    }
}

impl FeedHealthLimits {
    fn open_ms(&self) -> i64 {
        i64::from(self.open_hours) * i64::from(HOUR_S) * SECOND_MS
    }
}

/// The rule.
pub struct FeedHealth;

/// An open alert stays open until its share is back inside 80 % of the limit.
const HYSTERESIS: f64 = 0.8;

/// What is amiss with an app's records.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    split: Split,
    unknown_outcomes: Sliding<Count>,
    silence: Option<Silence>,
}

/// Where else the app was met.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Split {
    elsewhere: Option<Elsewhere>,
    told: bool,
}

/// No call for some time, where many are usual.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Silence {
    /// The minute in which the last call ended.
    since: Minute,
    /// Calls that are usual in the hours after it, rounded.
    usual: u32,
    told: bool,
}

/// One of the matters that make up the finding.
struct Part {
    /// Whether it was told of before and has not changed.
    lingering: bool,
    at: Timestamp,
    from: Timestamp,
    says: String,
    evidence: Evidence,
    samples: Vec<Sample>,
}

impl Rule for FeedHealth {
    type Params = FeedHealthLimits;
    type State = Health;

    const NAME: &'static str = "feed_health";
    const SUMMARY: &'static str = "the detector's own input: one app in two partitions, unknown codes, an app that falls silent";

    fn problems(limits: &Self::Params) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        for (field, share) in [("unknown_outcome_share", limits.unknown_outcome_share), ("silent_tail", limits.silent_tail)] {
            if !(0.0..=1.0).contains(&share) {
                problems.push((field, format!("{share} is not between 0 and 1")));
            }
        }
        if limits.silent_hours > 24 {
            problems.push(("silent_hours", "must not be more than a day".into()));
        }
        if !(1.0..=8.0).contains(&limits.z) {
            problems.push(("z", format!("{} is not between 1 and 8 standard deviations", limits.z)));
        }
        problems
    }

    fn observe(_: &Self::Params, health: &mut Health, observed: &Observed<'_>, _: &mut Vec<Finding>) {
        if observed.call.is_attempt() && !observed.call.outcome_known {
            health.unknown_outcomes.add(Span::DAY, observed.call.end.minute(), &Count(1));
        }
    }

    /// Only time shows that nothing comes.
    fn is_waiting(limits: &Self::Params, health: &Health) -> bool {
        limits.silent_hours > 0 && health.silence.as_ref().is_some_and(|silence| !silence.told)
    }

    /// Keeps the earliest until it has been told of, so that the order in which they are heard of does not matter.
    fn locate(_: &Self::Params, health: &mut Health, elsewhere: &Elsewhere) {
        let split = &mut health.split;
        let is_news = split.elsewhere.is_none_or(|known| if split.told { known != *elsewhere } else { *elsewhere < known });
        if is_news {
            *split = Split { elsewhere: Some(*elsewhere), told: false };
        }
    }

    fn judge(limits: &Self::Params, health: &mut Health, judged: &Judged<'_>, findings: &mut Vec<Finding>) {
        health.unknown_outcomes.advance(Span::DAY, judged.minute);
        health.listen(limits, judged);
        let parts = [health.split(limits, judged), health.unread(limits, judged), health.silent(limits, judged)];
        findings.extend(finding(judged, parts.into_iter().flatten().collect()));
    }
}

impl Health {
    fn split(&mut self, limits: &FeedHealthLimits, judged: &Judged<'_>) -> Option<Part> {
        let split = &mut self.split;
        let Elsewhere { at, here, there } = split.elsewhere?;
        let is_over = split.told && judged.at().millis() - at.millis() > limits.open_ms();
        (judged.minute >= at.minute() && !is_over).then(|| Part {
            lingering: std::mem::replace(&mut split.told, true),
            at,
            from: at,
            says: format!(
                "Calls of this app lie in partitions {} (offset {}) and {} (offset {}), so each part is judged as if it were all: the \
                 topic must be keyed by app id with one partitioner.",
                there.partition, there.offset, here.partition, here.offset
            ),
            evidence: Evidence::count(Feature::Partitions, 2, 1.0, Over::SinceStart),
            samples: judged.memory.recent.samples(|sample| [here, there].contains(&sample.position)),
        })
    }

    fn unread(&self, limits: &FeedHealthLimits, judged: &Judged<'_>) -> Option<Part> {
        let (unread, placed) = (self.unknown_outcomes.total().0, judged.memory.day.total().placed);
        if unread < limits.unknown_outcomes_min.max(1) {
            return None;
        }
        let (bound, limit) = (wilson_lower(unread.into(), placed.into(), limits.z), limits.unknown_outcome_share);
        let from = Span::DAY.from(judged.minute);
        (bound >= limit * HYSTERESIS).then(|| Part {
            lingering: bound < limit,
            at: judged.at(),
            from,
            says: format!(
                "How {unread} of {placed} calls since {from} ended is told in codes that are not known, so no rule can count them: see \
                 the raw outcome of the records."
            ),
            evidence: Evidence::share(Feature::UnknownOutcomeShare, unread, placed, bound, limit, Over::Day),
            samples: judged.memory.recent.samples(|sample| sample.outcome == Outcome::Other),
        })
    }

    /// Notes after each minute with calls whether none in the hours to come would be a silence.
    fn listen(&mut self, limits: &FeedHealthLimits, judged: &Judged<'_>) {
        if judged.placed == 0 {
            return;
        }
        let usual = || {
            let week = &judged.memory.baseline;
            let expected = week.expect_after(judged.at().seconds(), limits.silent_hours, judged.offset_s)?;
            let is_surprising = expected.mean >= f64::from(limits.silent_calls_min) && 1.0 - expected.tail(1) <= limits.silent_tail;
            is_surprising.then(|| expected.mean.round() as u32)
        };
        let usual = if limits.silent_hours > 0 && judged.memory.baseline.is_ready() { usual() } else { None };
        self.silence = usual.map(|usual| Silence { since: judged.minute, usual, told: false });
    }

    fn silent(&mut self, limits: &FeedHealthLimits, judged: &Judged<'_>) -> Option<Part> {
        let silence = self.silence.as_mut().filter(|_| limits.silent_hours > 0)?;
        let minutes = judged.minute.0 - silence.since.0;
        let limit = limits.silent_hours * 60;
        let is_over = judged.at().millis() - silence.since.end().millis() > limits.open_ms().max(i64::from(limit) * MINUTE_MS);
        (minutes >= limit && !is_over).then(|| Part {
            lingering: std::mem::replace(&mut silence.told, true),
            at: silence.since.end().plus_millis(i64::from(limit) * MINUTE_MS),
            from: silence.since.end(),
            says: format!(
                "No call of this app since {}, where its own week has about {} within {}: either it stopped in the middle of its day, \
                 or its records are missing.",
                silence.since.end(),
                silence.usual,
                counted(limits.silent_hours.into(), "hour")
            ),
            evidence: Evidence {
                bound: Some(silence.usual.into()),
                ..Evidence::count(Feature::SilentMinutes, minutes.into(), limit.into(), Over::SinceStart)
            },
            samples: judged.memory.recent.samples(|_| true),
        })
    }
}

/// One finding of all that is amiss: news if any of it is.
fn finding(judged: &Judged<'_>, parts: Vec<Part>) -> Option<Finding> {
    let (at, from) = (parts.iter().map(|part| part.at).min()?, parts.iter().map(|part| part.from).min()?);
    Some(Finding {
        subject: Subject::App,
        severity: Severity::Notice,
        // Shares go by a day: what holds once holds for long.
        certain: true,
        lingering: parts.iter().all(|part| part.lingering),
        at,
        from,
        // One more matter is news; so are twice as many calls that cannot be read.
        weight: parts.iter().map(|part| if part.evidence.of.is_some() { part.evidence.count } else { 1 }).sum(),
        summary: parts.iter().map(|part| part.says.as_str()).collect::<Vec<_>>().join(" "),
        evidence: parts.iter().map(|part| part.evidence).collect(),
        samples: parts.into_iter().flat_map(|part| part.samples).collect(),
        calls: judged.memory.day.total().placed.into(),
        callees: judged.memory.pairs.distinct_day().into(),
    })
}
