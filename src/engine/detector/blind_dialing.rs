//! `blind_dialing`: cold calls to people who never agreed.
//!
//! Consent is not in a call record. What is: callees never called before, numbers that do not exist, refusals, answers
//! over at once, few answers, and numbers dialled one after the other. A share counts by its Wilson bound, so that few
//! calls never accuse, and it takes several at once. An outage of the network is not held against the app.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::finding::{listed, summed_up};
use super::{Evidence, Feature, Finding, Judged, Over, Rule, Severity, Subject};
use crate::engine::number::Number;
use crate::engine::statistics::{wilson_lower, wilson_upper};
use crate::engine::time::Timestamp;
use crate::engine::window::panes::Span;
use crate::engine::window::recent::Sample;
use crate::engine::window::tally::Tally;
use crate::engine::window::walk::{ClosePairs, Run};

limits! {
    /// Limits of `blind_dialing`. Sources: `detection.md` B4–B6 and D1; Telnyx and Genesys for short answers.
    BlindDialingLimits {
        /// One-sided confidence of bounds over a day or more, in standard deviations: 3.09 is one in a thousand.
        z: f64 = 3.09,
        /// The same where there is much to look at, and so more chances to be wrong: single hours and single caller numbers.
        many_z: f64 = 3.72,
        /// Share of calls to fresh callees from which an app dials the unknown.
        fresh_share_min: f64 = 0.75,
        /// Answer share below which a list is bad.
        answer_share_max: f64 = 0.35,
        /// Share of numbers that do not exist from which a list was not given by people.
        invalid_number_share_min: f64 = 0.05,
        /// Share of numbers that do not exist from which they were made up. Below, few answers and dead numbers alone are a list
        /// that nobody has tended: it also takes people who decline or hang up. An engineering choice.
        made_up_number_share_min: f64 = 0.15,
        /// Share of answers over within 6 s from which people hang up on the caller.
        short_answer_share_min: f64 = 0.15,
        /// Share of declined calls.
        rejected_share_min: f64 = 0.08,
        /// Calls, or answers, that a share must be of: the bound of a share of fewer is too sure (B4).
        share_of_min: u32 = 20,
        /// Indicators it takes; walking through mobile numbers counts as two.
        indicators_min: u32 = 2,
        /// Share of calls failed in the network above which the answer share says nothing.
        network_error_share_max: f64 = 0.10,
        /// Consecutive first contacts with neighbouring numbers from which a run is a walk.
        walk_run_min: u32 = 5,
        /// Neighbouring pairs from which, if chance cannot explain them, numbers are enumerated.
        walk_pairs_min: u32 = 8,
    }
}

/// The rule.
pub struct BlindDialing;

/// What the rule remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Suspicions {
    walk: WalkSeen,
    /// The caller numbers found dialling blindly in the last judgement, in order: they are judged in the next one even if
    /// they are silent, since an estimate must hold for two.
    callers: Vec<Number>,
}

/// The last look at the number walk, which is too dear to take every minute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct WalkSeen {
    first_contacts: u64,
    run: u32,
    /// Neighbouring pairs, and how many chance would make, in thousandths.
    pairs: Option<(u32, u32)>,
    /// Whether there are mobile numbers among them: no company has a block of those.
    mobile: bool,
}

/// First contacts after which the number walk is looked at again.
const WALK_EVERY: u64 = 8;
/// How near neighbours are.
const WALK_DISTANCE: u64 = 2;
/// Pairs that chance makes less often than this are no chance (`detection.md` B6).
const WALK_TAIL: f64 = 1e-9;

/// What [`NumberWalk::close_pairs`](crate::engine::window::walk::NumberWalk::close_pairs) would say where there are none, but for what
/// chance would make.
const NO_CLOSE_PAIRS: ClosePairs = ClosePairs { pairs: 0, expected: 0.0, tail: 1.0, of: 0, blocks: 0, mobile_blocks: 0 };

/// Days in a fortnight.
const FORTNIGHT_DAYS: u32 = 14;
/// A judgement with fewer calls than this cannot pass any bound at z 3.09 (B4): answer share `<= .35` needs 18.
const CALLS_MIN: u32 = 15;
/// An open alert stays open until its values are back inside 80 % of the limits (B9).
const HYSTERESIS: f64 = 0.8;

impl Rule for BlindDialing {
    type Params = BlindDialingLimits;
    type State = Suspicions;

    const NAME: &'static str = "blind_dialing";
    const SUMMARY: &'static str = "cold calls to people who never agreed: new callees, empty numbers, refusals, number walking";

    fn problems(limits: &Self::Params) -> Vec<(&'static str, String)> {
        let shares = [
            ("fresh_share_min", limits.fresh_share_min),
            ("answer_share_max", limits.answer_share_max),
            ("invalid_number_share_min", limits.invalid_number_share_min),
            ("made_up_number_share_min", limits.made_up_number_share_min),
            ("short_answer_share_min", limits.short_answer_share_min),
            ("rejected_share_min", limits.rejected_share_min),
            ("network_error_share_max", limits.network_error_share_max),
        ];
        let mut problems: Vec<_> = shares
            .into_iter()
            .filter(|(_, share)| !(0.0..=1.0).contains(share))
            .map(|(field, share)| (field, format!("{share} is not a share between 0 and 1")))
            .collect();
        for (field, z) in [("z", limits.z), ("many_z", limits.many_z)] {
            if !(1.0..=8.0).contains(&z) {
                problems.push((field, format!("{z} is not between 1 and 8 standard deviations")));
            }
        }
        problems
    }

    fn judge(limits: &Self::Params, suspicions: &mut Suspicions, judged: &Judged<'_>, findings: &mut Vec<Finding>) {
        let memory = judged.memory;
        let day = memory.day.total();
        let walk = if day.fresh >= CALLS_MIN && f64::from(day.fresh) >= f64::from(day.placed) * limits.fresh_share_min * HYSTERESIS {
            suspicions.walk.look(limits, judged)
        } else {
            None
        };
        let walk = walk.as_ref();
        // What happened two weeks ago accuses only if it goes on, at half its pace at least: one bad day is the day's matter. Of
        // equals the last is told of: the nearest.
        let (fortnight, day_first) = (memory.fortnight_first.total(), memory.day_first.total());
        let goes_on = day_first.placed >= CALLS_MIN && day_first.placed.saturating_mul(2 * FORTNIGHT_DAYS) >= fortnight.placed;
        let streams = [
            goes_on.then_some(Stream { tally: fortnight, over: Over::FortnightFirst, first_only: true }),
            Some(Stream { tally: day_first, over: Over::DayFirst, first_only: true }),
            Some(Stream { tally: day, over: Over::Day, first_only: false }),
            Some(Stream { tally: memory.hour.total(), over: Over::Hour, first_only: false }),
        ];
        let best = streams.iter().flatten().filter_map(|stream| stream.judge(limits, judged, Subject::App, walk)).max_by_key(rank);
        let accused = best.as_ref().is_some_and(|finding| !finding.lingering);
        findings.extend(best);
        // Where the app as a whole dials blindly, each of its numbers says nothing new.
        if !accused {
            suspicions.judge_callers(limits, judged, findings);
        }
    }
}

impl Suspicions {
    fn judge_callers(&mut self, limits: &BlindDialingLimits, judged: &Judged<'_>, findings: &mut Vec<Finding>) {
        let mut callers = std::mem::take(&mut self.callers);
        callers.extend(judged.callers);
        callers.sort_unstable();
        callers.dedup();
        callers.retain(|number| {
            let Some(caller) = judged.memory.caller(*number) else { return false };
            let stream = Stream { tally: caller.day.total(), over: Over::Day, first_only: false };
            let finding = stream.judge(limits, judged, Subject::Caller(*number), None);
            let is_found = finding.is_some();
            findings.extend(finding);
            is_found
        });
        self.callers = callers;
    }
}

fn rank(finding: &Finding) -> (bool, Severity, usize) {
    (!finding.lingering, finding.severity, finding.evidence.len())
}

/// Numbers dialled one after the other, or closer together than chance puts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Walk {
    run: Option<u32>,
    pairs: Option<(u32, u32)>,
    mobile: bool,
}

impl WalkSeen {
    /// Looks at the walk again if enough new callees came. A company's block of extensions is nobody's walk: it takes
    /// several blocks, mobile numbers, or numbers that do not exist.
    fn look(&mut self, limits: &BlindDialingLimits, judged: &Judged<'_>) -> Option<Walk> {
        let memory = judged.memory;
        if judged.placed > 0 && memory.first_contacts >= self.first_contacts + WALK_EVERY {
            self.first_contacts = memory.first_contacts;
            let day = memory.day_first.total();
            let invalid = wilson_lower(day.invalid_number.into(), day.reached.into(), limits.z) >= limits.invalid_number_share_min;
            let run = memory.walk.longest_run().filter(|run| invalid || run.mobile);
            self.run = run.map_or(0, |run| run.length);
            let close = memory.walk.has_close_pair(WALK_DISTANCE).then(|| memory.walk.close_pairs(WALK_DISTANCE));
            let close: ClosePairs = close.unwrap_or(NO_CLOSE_PAIRS);
            let strangers = invalid || close.blocks >= 2 || close.mobile_blocks > 0;
            let runs_mobile = run.is_some_and(|run: Run| run.mobile && run.length >= limits.walk_run_min);
            self.mobile = runs_mobile || close.mobile_blocks > 0 && close.mobile_blocks * 2 >= close.blocks;
            self.pairs = (strangers && close.tail < WALK_TAIL).then_some((close.pairs, (close.expected * 1_000.0).round() as u32));
        }
        let run = (self.run >= limits.walk_run_min).then_some(self.run);
        let pairs = self.pairs.filter(|(pairs, _)| *pairs >= limits.walk_pairs_min);
        (run.is_some() || pairs.is_some()).then_some(Walk { run, pairs, mobile: self.mobile })
    }
}

/// A stream of calls that may be blind.
struct Stream<'a> {
    tally: &'a Tally,
    over: Over,
    first_only: bool,
}

impl Stream<'_> {
    fn judge(&self, limits: &BlindDialingLimits, judged: &Judged<'_>, subject: Subject, walk: Option<&Walk>) -> Option<Finding> {
        if self.tally.placed < CALLS_MIN {
            return None;
        }
        // Nearly every judgement ends here, for nearly every app: nothing is allocated before.
        let is_many = self.over == Over::Hour || matches!(subject, Subject::Caller(_));
        let z = if is_many { limits.many_z } else { limits.z };
        let bounds = self.bounds(limits, judged, z)?;
        // Who calls whole companies walks through their numbers: that is one sign among others.
        let walks = walk.map_or(0, |walk| if walk.mobile { 2 } else { 1 });
        let indicators = |slack: f64| bounds.indicators(slack) + walks;
        let suffices = |slack: &f64| {
            bounds.is_novel(limits, *slack)
                && indicators(*slack) >= limits.indicators_min
                && (walk.is_some_and(|walk| walk.mobile) || bounds.is_no_neglected_list(limits, *slack))
        };
        let slack = [1.0, HYSTERESIS].into_iter().find(suffices)?;
        let grave = indicators(slack) > limits.indicators_min || walk.is_some_and(|walk| walk.mobile);
        Some(self.finding(judged, subject, self.evidence(limits, &bounds, walk, slack), grave, slack < 1.0))
    }

    /// Every bound that is held against a limit; `None` if the callees are not new even by the looser limit.
    fn bounds(&self, limits: &BlindDialingLimits, judged: &Judged<'_>, z: f64) -> Option<Bounds> {
        let tally = self.tally;
        let fresh = wilson_lower(tally.fresh.into(), tally.placed.into(), z);
        if fresh < limits.fresh_share_min * HYSTERESIS {
            return None;
        }
        let (reached, answered) = (tally.reached, tally.answered);
        let least = |feature, count: u32, of: u32, limit| {
            let bound = || wilson_lower(count.into(), of.into(), z);
            (of >= limits.share_of_min).then(|| Share { feature, count, of, limit, bound: bound(), below: false })
        };
        let outage = wilson_lower(tally.network_error.into(), tally.placed.into(), z) > limits.network_error_share_max;
        let answers = || Share {
            feature: Feature::AnswerShare,
            count: answered,
            of: reached,
            limit: limits.answer_share_max,
            bound: wilson_upper(answered.into(), reached.into(), z),
            below: true,
        };
        let shares = [
            least(Feature::InvalidShare, tally.invalid_number, reached, limits.invalid_number_share_min),
            least(Feature::RejectShare, tally.rejected, reached, limits.rejected_share_min),
            least(Feature::ShortShare, tally.short, answered, limits.short_answer_share_min).filter(|_| !judged.profile.notifies),
            (!outage).then(answers),
        ];
        Some(Bounds { fresh, shares })
    }

    fn evidence(&self, limits: &BlindDialingLimits, bounds: &Bounds, walk: Option<&Walk>, slack: f64) -> Vec<Evidence> {
        let tally = self.tally;
        let novelty =
            Evidence::share(Feature::FreshShare, tally.fresh, tally.placed, bounds.fresh, limits.fresh_share_min, self.over);
        let shares = bounds.shares.iter().flatten().filter(|share| share.passes(slack)).map(|share| share.evidence(self.over));
        let walk = walk.into_iter().flat_map(|walk| walk_evidence(walk, limits));
        std::iter::once(novelty).chain(shares).chain(walk).collect()
    }

    fn finding(&self, judged: &Judged<'_>, subject: Subject, evidence: Vec<Evidence>, grave: bool, lingering: bool) -> Finding {
        let at = judged.at();
        let from = match (self.over, subject) {
            (Over::Hour, _) => Span::HOUR.from(judged.minute),
            (Over::FortnightFirst, _) => Span::FORTNIGHT.from(judged.minute),
            (_, Subject::Caller(_)) => Span::DAY_COARSE.from(judged.minute),
            _ => Span::DAY.from(judged.minute),
        };
        let callees = match (self.over, subject) {
            (_, Subject::Caller(_)) => u64::from(self.tally.fresh),
            (Over::Hour, _) => judged.memory.pairs.distinct_hour().into(),
            // Everybody is called for the first time once.
            (Over::DayFirst | Over::FortnightFirst, _) => self.tally.placed.into(),
            _ => judged.memory.pairs.distinct_day().into(),
        };
        Finding {
            subject,
            severity: if grave { Severity::Major } else { Severity::Violation },
            certain: false,
            lingering,
            at,
            from,
            weight: self.tally.placed.into(),
            summary: if lingering { String::new() } else { self.summary(subject, from, &evidence) },
            samples: if lingering { Vec::new() } else { samples(judged, subject, from, &evidence) },
            evidence,
            calls: self.tally.placed.into(),
            callees,
        }
    }

    fn summary(&self, subject: Subject, from: Timestamp, evidence: &[Evidence]) -> String {
        let who = if subject == Subject::App { "The app" } else { "The caller number" };
        let calls = if self.first_only { "calls to people new to the app" } else { "calls" };
        // In the stream of first contacts novelty is the stream itself.
        let said = evidence.iter().filter(|item| !(self.first_only && item.feature == Feature::FreshShare));
        let placed = self.tally.placed;
        summed_up(format_args!("{who} dials blindly: of {placed} {calls} since {from}, {}.", listed(said.map(phrase))))
    }
}

fn phrase(item: &Evidence) -> impl fmt::Display {
    let count = item.count;
    fmt::from_fn(move |f| match item.feature {
        Feature::FreshShare => write!(f, "{count} went to people new to the app"),
        Feature::InvalidShare => write!(f, "{count} went to numbers that do not exist"),
        Feature::RejectShare => write!(f, "{count} were declined"),
        Feature::ShortShare => write!(f, "{count} of the {} answered were over within 6 s", item.of.unwrap_or_default()),
        Feature::AnswerShare => write!(f, "only {count} were answered"),
        Feature::NumberRun => write!(f, "{count} went one after the other through neighbouring numbers"),
        _ => write!(f, "{count} pairs of the numbers are neighbours, where chance makes {:.1}", item.bound.unwrap_or_default()),
    })
}

fn walk_evidence(walk: &Walk, limits: &BlindDialingLimits) -> Vec<Evidence> {
    let run = walk.run.map(|run| Evidence::count(Feature::NumberRun, run.into(), limits.walk_run_min.into(), Over::FirstContacts));
    let pairs = walk.pairs.map(|(pairs, expected_thousandths)| Evidence {
        bound: Some(f64::from(expected_thousandths) / 1_000.0),
        ..Evidence::count(Feature::NeighbourPairs, pairs.into(), limits.walk_pairs_min.into(), Over::FirstContacts)
    });
    run.into_iter().chain(pairs).collect()
}

/// Calls that show what the evidence says, not merely calls.
fn samples(judged: &Judged<'_>, subject: Subject, from: Timestamp, evidence: &[Evidence]) -> Vec<Sample> {
    use crate::engine::record::Outcome;
    let has = |feature| evidence.iter().any(|item| item.feature == feature);
    judged.memory.recent.samples(|sample| {
        let counted = match subject {
            Subject::Caller(number) => sample.caller == Some(number),
            _ => true,
        };
        let telling = match sample.outcome {
            Outcome::InvalidNumber => has(Feature::InvalidShare),
            Outcome::Rejected => has(Feature::RejectShare),
            Outcome::Answered => has(Feature::ShortShare) && sample.talk_s.is_some_and(|talk_s| talk_s <= 6),
            Outcome::NoAnswer | Outcome::Busy | Outcome::Unreachable => has(Feature::AnswerShare),
            _ => false,
        };
        counted && sample.fresh && sample.end >= from && telling
    })
}

/// A share with the bound that is held against its limit.
struct Share {
    feature: Feature,
    count: u32,
    of: u32,
    bound: f64,
    limit: f64,
    below: bool,
}

/// What is held against the limits, at one look.
struct Bounds {
    fresh: f64,
    shares: [Option<Share>; 4],
}

impl Bounds {
    /// Whether the callees are new. `slack` below 1 loosens every limit.
    fn is_novel(&self, limits: &BlindDialingLimits, slack: f64) -> bool {
        self.fresh >= limits.fresh_share_min * slack
    }

    /// Whether people decline or hang up, or so many numbers do not exist that they were made up.
    fn is_no_neglected_list(&self, limits: &BlindDialingLimits, slack: f64) -> bool {
        self.shares.iter().flatten().any(|share| match share.feature {
            Feature::AnswerShare => false,
            Feature::InvalidShare => share.bound >= limits.made_up_number_share_min * slack,
            _ => share.passes(slack),
        })
    }

    fn indicators(&self, slack: f64) -> u32 {
        self.shares.iter().flatten().filter(|share| share.passes(slack)).count() as u32
    }
}

impl Share {
    fn passes(&self, slack: f64) -> bool {
        if self.below { self.bound <= self.limit / slack } else { self.bound >= self.limit * slack }
    }

    fn evidence(&self, over: Over) -> Evidence {
        Evidence::share(self.feature, self.count, self.of, self.bound, self.limit, over)
    }
}
