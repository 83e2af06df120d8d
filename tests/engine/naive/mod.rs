//! Where every number of an alert comes from: counted again, from the raw calls, without any window.
//!
//! Deliberately naive: lists and filters, from the definitions of `Feature` and `Over`. It shares with the engine what a
//! record says, the limits of the policy and how numbers are told apart, nothing else. What it does not check: the predictions
//! of `CallsInSlot` and `SilentMinutes` (their counts are), limits, summaries, and how many calls and callees came before an alert.

mod callee;
mod caller;
mod complaint;
mod inspection;
mod region;
mod resale;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use dialwatch::engine::alert::{Alert, EvidenceView, SubjectView};
use dialwatch::engine::detector::{Feature, Over, RuleName, Subject};
use dialwatch::engine::number::Number;
use dialwatch::engine::policy::Policy;
use dialwatch::engine::record::{CallRecord, Direction, Elsewhere, Feedback, HangupBy, Kind, Outcome, Registration};
use dialwatch::engine::time::LocalClock;

use super::cases;
use super::run::{self, Case, Files, Record};
use super::wild;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A call, as its record says it. Times in Unix milliseconds.
#[derive(Clone, Debug)]
struct Row {
    id: String,
    direction: Direction,
    kind: Kind,
    caller: Option<Number>,
    callee: Option<Number>,
    start: i64,
    rang: bool,
    answer: Option<i64>,
    end: i64,
    outcome: Outcome,
    outcome_known: bool,
    hangup_by: HangupBy,
    caller_region: Option<String>,
    callee_region: Option<String>,
    agent: bool,
    /// Whether the callee was new to the app: see [`World::note_contacts`].
    first_contact: bool,
    /// End of the latest call that came from the callee.
    called_us_s: Option<i64>,
    fresh: bool,
}

impl Row {
    fn new(call: &CallRecord<'_>) -> Self {
        Self {
            id: call.call_id.to_string(),
            direction: call.direction,
            kind: call.kind,
            caller: call.caller,
            callee: call.callee,
            start: call.start.millis(),
            rang: call.ring.is_some(),
            answer: call.answer.map(|answer| answer.millis()),
            end: call.end.millis(),
            outcome: call.outcome,
            outcome_known: call.outcome_known,
            hangup_by: call.hangup_by,
            caller_region: call.caller_region.as_deref().map(Into::into),
            callee_region: call.callee_region.as_deref().map(Into::into),
            agent: call.agent.is_some(),
            first_contact: false,
            called_us_s: None,
            fresh: false,
        }
    }

    fn start_s(&self) -> i64 {
        self.start / SECOND_MS
    }

    fn end_s(&self) -> i64 {
        self.end / SECOND_MS
    }

    fn placed(&self) -> bool {
        self.direction == Direction::Outbound && self.outcome != Outcome::BlockedPlatform
    }

    fn reached(&self) -> bool {
        use Outcome::{Answered, Busy, InvalidNumber, NoAnswer, Rejected, Unreachable, Voicemail};
        let callee = [Answered, Rejected, NoAnswer, Busy, InvalidNumber, Unreachable, Voicemail];
        self.direction == Direction::Outbound && callee.contains(&self.outcome)
    }

    fn disturbed(&self) -> bool {
        use Outcome::{Answered, Busy, NoAnswer, Rejected, Voicemail};
        let sign_of_life = [Answered, Rejected, NoAnswer, Busy, Voicemail].contains(&self.outcome);
        self.direction == Direction::Outbound && (sign_of_life || self.outcome == Outcome::Cancelled && self.rang)
    }

    fn answered(&self) -> bool {
        self.direction == Direction::Outbound && self.outcome == Outcome::Answered
    }

    fn talk_s(&self) -> Option<i64> {
        self.answer.filter(|_| self.answered()).map(|answer| (self.end - answer) / SECOND_MS)
    }

    fn short(&self) -> bool {
        self.talk_s().is_some_and(|talk_s| talk_s <= 6)
    }

    fn tells_of_agents(&self) -> bool {
        self.agent || self.kind != Kind::Unknown
    }

    fn met_nobody(&self) -> bool {
        self.short() && !self.agent && self.kind != Kind::Unknown
    }
}

/// A number counted again.
#[derive(Debug, Default)]
struct Count {
    count: u64,
    of: Option<u64>,
    observed: f64,
    bound: Option<f64>,
}

impl Count {
    fn of(count: usize) -> Self {
        Self { count: count as u64, observed: count as f64, ..Self::default() }
    }

    /// A share with its lower bound.
    fn share(count: usize, of: usize, z: f64) -> Self {
        let share = if of == 0 { 0.0 } else { count as f64 / of as f64 };
        Self { count: count as u64, of: Some(of as u64), observed: share, bound: Some(wilson(share, of, -z)) }
    }

    /// A share with its upper bound.
    fn share_at_most(count: usize, of: usize, z: f64) -> Self {
        let least = Self::share(count, of, z);
        Self { bound: Some(wilson(least.observed, of, z)), ..least }
    }
}

/// Wilson's bound as the textbook has it: the upper one for a positive `z`.
fn wilson(share: f64, of: usize, z: f64) -> f64 {
    let n = of as f64;
    if of == 0 {
        return if z > 0.0 { 1.0 } else { 0.0 };
    }
    let middle = share + z * z / (2.0 * n);
    let spread = (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    (middle + z * spread) / (1.0 + z * z / n)
}

/// Everything one app did, in the order in which it is judged, and what was said about it.
struct World<'a> {
    case: &'a Case<'a>,
    app_id: String,
    policy: &'a Policy,
    registration: Option<Registration>,
    clock: LocalClock,
    rows: Vec<Row>,
    /// What was said, and since when it is known.
    feedback: Vec<(Feedback, i64)>,
    elsewhere: Vec<Elsewhere>,
    walk: Vec<walk::Look>,
    /// Where the placed calls to each callee are, and the calls that came from them.
    to_callee: BTreeMap<Number, Vec<usize>>,
    from_callee: BTreeMap<Number, Vec<usize>>,
    /// The numbers behind the pseudonyms, as subjects show them.
    numbers: BTreeMap<SubjectView, Number>,
}

impl<'a> World<'a> {
    fn new(case: &'a Case<'_>, app_id: &str) -> Self {
        let policy = case.policy.as_ref();
        let calls = case.records.iter().filter_map(|record| match record {
            Record::Call(call, _) if call.app_id == app_id => Some(Row::new(call)),
            _ => None,
        });
        let mut rows: Vec<Row> = calls.collect();
        rows.sort_by(|row, other| (row.end, row.start, &row.id).cmp(&(other.end, other.start, &other.id)));
        let feedback = case.records.iter().filter_map(|record| match record {
            Record::Feedback(feedback, arrival) if feedback.app_id == app_id => {
                let judged = arrival.millis() - policy.lateness_ms;
                Some((feedback.clone(), judged.max(feedback.at.millis())))
            }
            _ => None,
        });
        let elsewhere = case.records.iter().filter_map(|record| match record {
            Record::Elsewhere(met) if met.app_id == app_id => Some(met.elsewhere),
            _ => None,
        });
        let registration = case.registry.iter().rfind(|filed| filed.app_id == app_id).cloned();
        let zone = registration.as_ref().and_then(|filed| filed.timezone.as_deref()).and_then(LocalClock::named);
        let mut world = Self {
            case,
            app_id: app_id.to_owned(),
            policy,
            clock: zone.unwrap_or_else(|| policy.clock.clone()),
            registration,
            rows,
            feedback: feedback.collect(),
            elsewhere: elsewhere.collect(),
            walk: Vec::new(),
            to_callee: BTreeMap::new(),
            from_callee: BTreeMap::new(),
            numbers: BTreeMap::new(),
        };
        world.note_contacts();
        for (index, row) in world.rows.iter().enumerate() {
            match (row.direction, row.caller, row.callee) {
                (Direction::Inbound, Some(person), _) => world.from_callee.entry(person).or_default().push(index),
                (_, _, Some(callee)) if row.placed() => world.to_callee.entry(callee).or_default().push(index),
                _ => {}
            }
        }
        world.walk = walk::looks(&world);
        for number in world.rows.iter().flat_map(|row| [row.caller, row.callee]).flatten() {
            for subject in [Subject::Caller(number), Subject::Callee(number)] {
                world.numbers.insert(SubjectView::new(policy, app_id, subject), number);
            }
        }
        world
    }

    /// Whom each placed call meets. It is the first contact if for 30 days the app has neither called the callee nor been
    /// called; the callee is fresh for 24 hours from then on. One who called first is never fresh.
    fn note_contacts(&mut self) {
        let mut seen: BTreeMap<Number, (Option<i64>, i64)> = BTreeMap::new();
        let mut called_us: BTreeMap<Number, i64> = BTreeMap::new();
        for row in &mut self.rows {
            if row.direction == Direction::Inbound
                && let Some(person) = row.caller
            {
                let (_, last_s) = seen.entry(person).or_insert((None, 0));
                *last_s = (*last_s).max(row.end_s());
                let called_us_s = called_us.entry(person).or_insert(0);
                *called_us_s = row.end_s().max(*called_us_s);
            }
            let Some(callee) = row.callee.filter(|_| row.placed()) else { continue };
            let start_s = row.start_s();
            let known = seen.get(&callee).filter(|(_, last_s)| start_s - last_s <= 30 * DAY_MS / SECOND_MS);
            row.first_contact = known.is_none();
            row.called_us_s = called_us.get(&callee).copied().filter(|_| known.is_some());
            let since_s = known.map_or(Some(start_s), |(since_s, _)| *since_s);
            row.fresh = since_s.is_some_and(|since_s| start_s - since_s < DAY_MS / SECOND_MS);
            let last_s = known.map_or(0, |(_, last_s)| *last_s).max(start_s);
            seen.insert(callee, (since_s, last_s));
        }
    }

    /// The calls that have been judged when the minute before `to` has closed.
    fn judged(&self, to: i64) -> &[Row] {
        &self.rows[..self.rows.partition_point(|row| row.end < to)]
    }

    /// Placed calls ended between two moments.
    fn placed(&self, from: i64, to: i64) -> impl Iterator<Item = &Row> {
        let judged = self.judged(to);
        judged[judged.partition_point(|row| row.end < from)..].iter().filter(|row| row.placed())
    }

    /// The number behind an alert's pseudonym, which must be a `kind`.
    fn number(&self, alert: &Alert, kind: &str) -> Result<Number, String> {
        let number = self.numbers.get(&alert.subject).filter(|_| alert.subject.kind == kind);
        number.copied().ok_or_else(|| format!("no {kind} is {:?}", alert.subject))
    }

    fn filed(&self, number: Number) -> Option<u32> {
        let mut callers = self.registration.iter().flat_map(|filed| &filed.callers);
        let mine = callers.find(|caller| caller.number == number)?;
        Some(mine.channels.unwrap_or(self.policy.channels_per_number))
    }

    /// The number of an alert's evidence, counted again.
    fn count(&self, alert: &Alert, evidence: &EvidenceView) -> Result<Count, String> {
        use Feature as F;
        use Over as O;
        let to = alert.window.to.millis();
        let limits = &self.policy.rules;
        Ok(match (evidence.feature, evidence.over) {
            (
                F::FreshShare
                | F::AnswerShare
                | F::InvalidShare
                | F::ShortShare
                | F::RejectShare
                | F::DroppedShare
                | F::AgentShare,
                O::Hour | O::Day | O::DayFirst | O::FortnightFirst,
            ) => self.outcome_share(alert, evidence, to)?,
            (F::NumberRun | F::NeighbourPairs, O::FirstContacts) => walk::count(self, to, evidence.feature)?,
            (F::CallsInSlot, O::FiveMinutes) => Count::of(self.placed(to - 5 * MINUTE_MS, to).count()),
            (F::Concurrent, O::Hour) => Count::of(self.peak(to)),
            (F::CallsOutsideHours, O::SinceStart) => self.calls_at_rest(to)?,
            (F::Partitions, O::SinceStart) => self.partitions(alert.starts_at.millis(), to)?,
            (F::NumberGroups | F::HoursDistance | F::EndsDistance | F::RegionsDistance, O::Fortnight) => {
                resale::groups(self, alert.starts_at.millis(), to, evidence.feature)?
            }
            (F::SharedCallees, O::DaySketch) => resale::shared(self, to)?,
            (F::UnknownOutcomeShare, O::Day) => self.unknown_outcomes(to),
            (F::SilentMinutes, O::SinceStart) => self.silent_minutes(to)?,
            (F::PlaybackShare, O::LastTalks) => self.playback(to, evidence.limit),
            (F::ActiveCallers | F::SpentCallers | F::NewCallerShare | F::UnfiledShare, O::Day) => {
                caller::count_of_day(self, to, evidence.feature)?
            }
            (F::GapSpread | F::StartRhythm, O::LastCalls) | (F::GapVariation, O::SinceStart) => caller::timing(self, to)?,
            (F::Concurrent, O::LastCalls) => {
                let number = self.number(alert, "caller")?;
                Count::of(caller::calls_at_once(self, number, to, i64::from(limits.abnormal_rate.overlap_grace_s))?)
            }
            (
                F::CallsToCallee | F::CallersOnCallee | F::Refusals | F::CallsAfterRefusal | F::RecallsAfterDrop,
                O::FiveMinutes | O::Rolling24h | O::AfterRefusal | O::SinceStart,
            ) => callee::count(self, self.number(alert, "callee")?, to, evidence)?,
            (F::ComplaintShare, O::Week) => complaint::share(self, to),
            (F::VerifiedFraud | F::VerifiedHarassment | F::VerifiedOther | F::OverdueReplies, O::Rolling24h) => {
                complaint::count(self, to, evidence.feature)
            }
            (
                F::ForbiddenBusiness | F::OtherBusiness | F::InspectedAbuse | F::InspectedLeak | F::InspectedNoConsent,
                O::Rolling24h,
            ) => inspection::count(self, to, evidence.feature),
            (F::OtherProvinceShare | F::BlockedRegionCalls, O::Day) => region::count(self, to, evidence.feature),
            (feature, over) => return Err(format!("no naive count of {feature:?} over {over:?}")),
        })
    }

    fn outcome_share(&self, alert: &Alert, evidence: &EvidenceView, to: i64) -> Result<Count, String> {
        let rules = &self.policy.rules;
        let caller = if alert.subject.kind == "caller" { Some(self.number(alert, "caller")?) } else { None };
        let pane = if caller.is_some() { HOUR_MS } else { 15 * MINUTE_MS };
        let from = match evidence.over {
            Over::Hour => to - HOUR_MS,
            Over::FortnightFirst => (to - MINUTE_MS) / (12 * HOUR_MS) * (12 * HOUR_MS) + 12 * HOUR_MS - 14 * DAY_MS,
            _ => (to - MINUTE_MS) / pane * pane + pane - DAY_MS,
        };
        let mine = |row: &&Row| caller.is_none_or(|caller| row.caller == Some(caller));
        let only_first = matches!(evidence.over, Over::DayFirst | Over::FortnightFirst);
        let calls: Vec<&Row> = self.placed(from, to).filter(mine).filter(|row| row.first_contact || !only_first).collect();
        let blind = &rules.blind_dialing;
        let z = match alert.rule {
            RuleName::BlindDialing if caller.is_some() || evidence.over == Over::Hour => blind.many_z,
            RuleName::BlindDialing => blind.z,
            RuleName::AbnormalRate => rules.abnormal_rate.z,
            RuleName::RobotDialing => rules.robot_dialing.z,
            RuleName::CallerRotation => rules.caller_rotation.z,
            rule => return Err(format!("{rule:?} quotes no shares")),
        };
        let number = |holds: fn(&Row) -> bool| calls.iter().filter(|row| holds(row)).count();
        let of_reached = |outcome: Outcome| (calls.iter().filter(|row| row.outcome == outcome).count(), number(Row::reached));
        let of_answered = |holds: fn(&Row) -> bool| (number(holds), number(Row::answered));
        let (count, of) = match evidence.feature {
            Feature::FreshShare => (number(|row| row.fresh), calls.len()),
            Feature::InvalidShare => of_reached(Outcome::InvalidNumber),
            Feature::RejectShare => of_reached(Outcome::Rejected),
            Feature::ShortShare => of_answered(Row::short),
            Feature::DroppedShare => of_answered(Row::met_nobody),
            Feature::AnswerShare => {
                let (count, of) = of_reached(Outcome::Answered);
                return Ok(Count::share_at_most(count, of, z));
            }
            _ => {
                let of = number(|row| row.answered() && row.tells_of_agents());
                return Ok(Count::share_at_most(number(|row| row.answered() && row.agent), of, z));
            }
        };
        Ok(Count::share(count, of, z))
    }

    /// The most placed calls in progress at one second of the last hour.
    fn peak(&self, to: i64) -> usize {
        let to_s = to / SECOND_MS;
        let calls: Vec<(i64, i64)> = self.placed(to - DAY_MS, to).map(|row| (row.start_s(), row.end_s())).collect();
        let at = |second: i64| calls.iter().filter(|(start_s, end_s)| *start_s <= second && second < *end_s).count();
        (to_s - 3_599..=to_s).map(at).max().unwrap_or(0)
    }

    /// Calls of the night (or lunch) to which the last judged minute belongs.
    fn calls_at_rest(&self, to: i64) -> Result<Count, String> {
        let limits = &self.policy.rules.rest_time;
        let rest_of = |row: &Row| {
            let offset_s = i64::from(self.clock.offset_s(dialwatch::engine::time::Timestamp::from_millis(row.end)));
            let local_s = row.start_s() + offset_s;
            let (day, minute) = (local_s.div_euclid(86_400), local_s.rem_euclid(86_400) / 60);
            // A night is named by its evening, and is later than the lunch of that day.
            match minute as u32 {
                minute if minute >= limits.to_minute => Some((day, 1)),
                minute if minute < limits.from_minute => Some((day - 1, 1)),
                minute if limits.lunch && (limits.lunch_from_minute..limits.lunch_to_minute).contains(&minute) => Some((day, 0)),
                _ => None,
            }
        };
        let callback_s = i64::from(limits.callback_hours) * 3_600;
        let calls_back = |row: &&Row| row.called_us_s.is_some_and(|at_s| row.start_s() - at_s < callback_s);
        let at_rest: Vec<_> = self.placed(i64::MIN, to).filter(|row| !calls_back(row)).filter_map(rest_of).collect();
        let last = at_rest.iter().max().ok_or("nobody was called at rest")?;
        Ok(Count::of(at_rest.iter().filter(|rest| *rest == last).count()))
    }

    /// Partitions in which the app was met, here first at `from`.
    fn partitions(&self, from: i64, to: i64) -> Result<Count, String> {
        let mut met = self.elsewhere.iter().filter(|met| met.at.millis() == from && from < to);
        let met = met.next().ok_or("it was not met here then")?;
        Ok(Count::of(BTreeSet::from([met.here.partition, met.there.partition]).len()))
    }

    /// Calls of the last day that nobody knows the end of.
    fn unknown_outcomes(&self, to: i64) -> Count {
        let pane = 15 * MINUTE_MS;
        let from = (to - MINUTE_MS) / pane * pane + pane - DAY_MS;
        let unknown = self.placed(from, to).filter(|row| !row.outcome_known).count();
        Count::share(unknown, self.placed(from, to).count(), self.policy.rules.feed_health.z)
    }

    /// Whole minutes between the one in which the last call ended and `to`.
    fn silent_minutes(&self, to: i64) -> Result<Count, String> {
        let last = self.placed(i64::MIN, to).last().ok_or("it never called")?;
        Ok(Count::of(((to - MINUTE_MS) / MINUTE_MS - last.end / MINUTE_MS) as usize))
    }

    /// Talks of the commonest length among the last 512 of more than 6 s.
    fn playback(&self, to: i64, limit: f64) -> Count {
        let limits = &self.policy.rules.robot_dialing;
        // A message that is enough by itself has a limit of its own, and is longer than what people hear before they hang up.
        let shortest_s = if limit == limits.playback_alone_min { i64::from(limits.playback_alone_from_s) } else { 0 };
        let talks: Vec<i64> = self.judged(to).iter().filter_map(Row::talk_s).filter(|talk_s| *talk_s > 6).collect();
        let last = &talks[talks.len().saturating_sub(512)..];
        // From 12:52 on they are not told apart.
        let alike = |bin: i64| last.iter().filter(|talk_s| (**talk_s - 7) / 3 == bin).count();
        let most = (0..255).filter(|bin| 7 + 3 * bin >= shortest_s).map(alike).max().unwrap_or(0);
        Count::share(most, last.len(), limits.z)
    }
}

/// What is wrong with the numbers of an alert.
fn wrong(world: &World<'_>, alert: &Alert) -> Vec<String> {
    let mut wrong = Vec::new();
    for evidence in &alert.evidence {
        // The engine rounds to six decimals; the rhythm it takes from a table of 16 bits.
        let exact = if evidence.feature == Feature::StartRhythm { 1e-3 } else { 2e-6 };
        let same = |one: f64, other: f64| (one - other).abs() < exact;
        let quotes_bound = ![Feature::CallsInSlot, Feature::SilentMinutes].contains(&evidence.feature);
        let holds = |count: &Count| {
            let bound = match (evidence.bound, count.bound) {
                (Some(quoted), Some(counted)) => same(quoted, counted),
                (quoted, counted) => !quotes_bound || quoted == counted,
            };
            bound && (evidence.count, evidence.of) == (count.count, count.of) && same(evidence.observed, count.observed)
        };
        match world.count(alert, evidence) {
            Ok(count) if holds(&count) => {}
            other => wrong.push(format!(
                "{} {:?} to {}: {evidence:?}, but {other:?}",
                alert.rule.as_str(),
                alert.subject,
                alert.window.to
            )),
        }
    }
    wrong
}

/// Holds every number of a case's alerts against the naive count. Returns the features quoted.
fn check(name: &str, case: &Case<'_>) -> BTreeSet<Feature> {
    let outcome = run::straight(case);
    let mut worlds: BTreeMap<String, World<'_>> = BTreeMap::new();
    let (mut quoted, mut problems) = (BTreeSet::new(), Vec::new());
    for alert in outcome.alerts.iter().chain(&outcome.shadowed) {
        let world = worlds.entry(alert.app_id.clone()).or_insert_with(|| World::new(case, &alert.app_id));
        quoted.extend(alert.evidence.iter().map(|evidence| evidence.feature));
        problems.extend(wrong(world, alert));
    }
    assert!(problems.is_empty(), "{name}: {} numbers are wrong, the first of them:\n{}", problems.len(), problems[0]);
    quoted
}

#[test]
fn every_number_of_every_case_is_the_naive_one_and_every_feature_is_quoted() {
    let mut quoted = BTreeSet::new();
    for case in cases::all() {
        quoted.extend(check(case.name, &Files::of(&case).case()));
    }
    for feature in Feature::ALL {
        assert!(quoted.contains(feature), "no case quotes {}: its definition is not tested", feature.name());
    }
}

#[test]
fn every_number_in_wild_traffic_is_the_naive_one() {
    let mut quoted = BTreeSet::new();
    for seed in 0..wild::SEEDS {
        quoted.extend(check(&format!("seed {seed}"), &wild::files(seed).case()));
    }
    assert!(quoted.len() >= 20, "the wild is tame: {quoted:?}");
}

#[test]
fn every_number_in_a_simulated_world_is_the_naive_one() {
    for (seed, days, calls_max) in [(1, 10, 16_000), (2, 2, usize::MAX), (3, 3, 6_000)] {
        let quoted = check(&format!("seed {seed}, {days} days"), &wild::world(seed, days, calls_max).case());
        assert!(quoted.len() >= 12, "seed {seed} is tame: {quoted:?}");
    }
}

#[test]
fn wild_traffic_gives_the_same_alerts_however_it_is_run() {
    for seed in 0..wild::SEEDS {
        let files = wild::files(seed);
        let case = files.case();
        let straight = run::straight(&case);
        assert!(run::cut(&case, &run::places(&case, seed), run::through_bytes) == straight, "cut, seed {seed}");
        assert!(run::shuffled_and_doubled(&case, seed) == straight, "shuffled, seed {seed}");
    }
}
