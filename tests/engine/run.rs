//! Runs the engine over recorded calls: straight, cut and restored, shuffled and doubled. Knows nothing of rules.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use dialwatch::engine::alert::Alert;
use dialwatch::engine::decode::{self, Format, Limits};
use dialwatch::engine::detector::RuleParams;
use dialwatch::engine::overlaps;
use dialwatch::engine::policy::Policy;
use dialwatch::engine::record::{CallRecord, Elsewhere, Feedback, Position, Registration};
use dialwatch::engine::shard::{Accepted, Effects, Input, Shard, ShardSnapshot};
use dialwatch::engine::time::{MINUTE_MS, StreamClock, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::scenario::Traffic;

/// The seed of the maps: it may change nothing.
const MAPS: u64 = 11;

/// What a case sets besides its records.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    rules: RuleParams,
    /// Minutes, as `5m`.
    lateness: Option<String>,
    /// Whether time goes on for 26 hours after the last call, so that every alert resolves.
    resolve_at_end: bool,
}

/// A record, and where it stood.
#[derive(Clone, Debug)]
pub enum Record<'a> {
    Call(CallRecord<'a>, Position),
    /// A feedback and when it comes in: where a case says so, later than any lateness.
    Feedback(Feedback, Timestamp),
    Elsewhere(Met),
}

/// An app was met elsewhere too.
#[derive(Clone, Debug, Deserialize)]
pub struct Met {
    pub app_id: String,
    #[serde(flatten)]
    pub elsewhere: Elsewhere,
}

impl Record<'_> {
    /// When it comes in, if nothing delays it.
    fn arrival(&self) -> Timestamp {
        match self {
            Self::Call(call, _) => call.end,
            Self::Feedback(_, arrival) => *arrival,
            Self::Elsewhere(met) => met.elsewhere.at,
        }
    }

    /// Whether it comes in when its minute has been judged.
    fn is_late(&self) -> bool {
        matches!(self, Self::Feedback(feedback, arrival) if feedback.at < *arrival)
    }
}

/// The files of a case, as text; empty where there is none.
#[derive(Debug, PartialEq)]
pub struct Files {
    calls: String,
    feedback: String,
    registry: String,
    elsewhere: String,
    config: String,
}

impl Files {
    /// As the scenario says.
    pub fn of(case: &super::cases::Case) -> Self {
        Self::from_parts(&(case.traffic)(), case.config)
    }

    /// Of any traffic.
    pub fn from_parts(traffic: &Traffic, config: &str) -> Self {
        Self {
            calls: lines(&traffic.calls),
            feedback: lines(&traffic.feedback),
            registry: lines(&traffic.registry),
            elsewhere: lines(&traffic.elsewhere),
            config: config.into(),
        }
    }

    /// Of calls that are text already, with the defaults.
    pub fn of_lines(calls: String, feedback: &[impl Serialize], registry: &[impl Serialize]) -> Self {
        Self { calls, feedback: lines(feedback), registry: lines(registry), elsewhere: String::new(), config: String::new() }
    }

    /// As they are on disk.
    pub fn open(folder: &Path) -> Self {
        let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        Self {
            calls: text("calls.jsonl"),
            feedback: text("feedback.jsonl"),
            registry: text("registry.jsonl"),
            elsewhere: text("elsewhere.jsonl"),
            config: text("config.yaml"),
        }
    }

    /// With their names.
    pub fn named(&self) -> [(&'static str, &str); 5] {
        [
            ("calls.jsonl", &self.calls),
            ("feedback.jsonl", &self.feedback),
            ("registry.jsonl", &self.registry),
            ("elsewhere.jsonl", &self.elsewhere),
            ("config.yaml", &self.config),
        ]
    }

    pub fn case(&self) -> Case<'_> {
        let settings: Settings = match self.config.as_str() {
            "" => Settings::default(),
            text => serde_saphyr::from_str(text).expect("settings"),
        };
        let mut policy = Policy { rules: settings.rules, ..Policy::for_tests() };
        if let Some(lateness) = settings.lateness {
            let minutes: i64 = lateness.strip_suffix('m').and_then(|minutes| minutes.parse().ok()).expect("minutes");
            policy.lateness_ms = minutes * MINUTE_MS;
        }
        let limits = Limits::default();
        let registration = |line: &str| decode::registration(line.as_bytes(), &limits).expect("a registration");
        let feedback = |line: &str| {
            let feedback = decode::feedback(line.as_bytes(), &limits).expect("a feedback");
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let arrival = line["arrives"].as_i64().map_or(feedback.at, Timestamp::from_millis);
            Record::Feedback(feedback, arrival)
        };
        let registry = self.registry.lines().map(registration).collect();
        let elsewhere = |line: &str| Record::Elsewhere(serde_json::from_str(line).expect("two places"));
        let mut records: Vec<Record<'_>> = self.feedback.lines().map(feedback).collect();
        records.extend(self.elsewhere.lines().map(elsewhere));
        for (line, offset) in self.calls.lines().zip(1..) {
            Format::Dialwatch.decode(line.as_bytes(), None, &limits, |call| {
                records.push(Record::Call(call.expect("a call"), Position { partition: 0, offset }));
            });
        }
        records.sort_by_key(Record::arrival);
        Case { policy: Arc::new(policy), registry, records, resolve_at_end: settings.resolve_at_end }
    }
}

fn lines(values: &[impl Serialize]) -> String {
    values.iter().map(|value| serde_json::to_string(value).expect("JSON") + "\n").collect()
}

/// Records in order of time, and what they are judged by.
pub struct Case<'a> {
    pub policy: Arc<Policy>,
    pub registry: Vec<Registration>,
    pub records: Vec<Record<'a>>,
    pub resolve_at_end: bool,
}

/// What came of a case.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub alerts: Vec<Alert>,
    /// Those of rules in shadow.
    pub shadowed: Vec<Alert>,
    /// The state at the end.
    pub state: Vec<u8>,
}

impl Outcome {
    /// The alerts as they leave: one JSON object a line.
    pub fn lines(&self) -> String {
        self.alerts.iter().map(|alert| serde_json::to_string(alert).expect("JSON") + "\n").collect()
    }
}

/// A shard and the clock of its stream.
struct Stream {
    shard: Shard,
    clock: StreamClock,
    effects: Effects,
}

impl Stream {
    fn begin(case: &Case<'_>) -> Self {
        let mut stream =
            Self { shard: Shard::new(case.policy.clone(), MAPS), clock: StreamClock::default(), effects: Effects::default() };
        for registration in &case.registry {
            stream.shard.apply(Input::Registration(registration), &mut stream.effects);
        }
        stream
    }

    fn take(&mut self, record: &Record<'_>) -> Accepted {
        match record {
            Record::Call(call, position) => {
                if let Some(tick) = self.clock.observe(call.end) {
                    self.tick(tick);
                }
                self.shard.apply(Input::call(call, *position), &mut self.effects)
            }
            Record::Feedback(feedback, _) => self.shard.apply(Input::Feedback(feedback), &mut self.effects),
            Record::Elsewhere(Met { app_id, elsewhere: Elsewhere { at, here, there } }) => {
                let (at, here, there) = (*at, *here, *there);
                self.shard.apply(Input::Elsewhere { app_id, here, there, at }, &mut self.effects)
            }
        }
    }

    /// Lets time pass, day by day, and tells the apps what they have in common.
    fn tick(&mut self, at: Timestamp) {
        let lateness_ms = self.shard.policy().lateness_ms;
        for end in overlaps::day_ends(self.shard.open_minute(), at, lateness_ms) {
            self.shard.apply(Input::Tick(end), &mut self.effects);
            for (app_id, found) in overlaps::compare(std::mem::take(&mut self.effects.sketches)) {
                for overlap in &found {
                    self.shard.apply(Input::Overlap { app_id: &app_id, overlap }, &mut self.effects);
                }
            }
        }
        self.shard.apply(Input::Tick(at), &mut self.effects);
    }

    fn end(mut self, case: &Case<'_>) -> Outcome {
        let end = self.clock.newest().plus_millis(case.policy.lateness_ms + MINUTE_MS);
        self.tick(end);
        if case.resolve_at_end {
            self.tick(end.plus_millis(26 * 60 * MINUTE_MS));
        }
        let Effects { alerts, shadowed, .. } = self.effects;
        Outcome { alerts, shadowed, state: bytes(&self.shard.snapshot()) }
    }
}

fn bytes(snapshot: &ShardSnapshot) -> Vec<u8> {
    postcard::to_stdvec(snapshot).expect("bytes")
}

/// From the first record to the last.
pub fn straight(case: &Case<'_>) -> Outcome {
    let mut stream = Stream::begin(case);
    for record in &case.records {
        let accepted = if record.is_late() { Accepted::LateApplied } else { Accepted::Applied };
        assert_eq!(stream.take(record), accepted, "{record:?}");
    }
    stream.end(case)
}

/// With a crash before `cuts` of the records: the state goes through `through` and is taken up by another shard, whose
/// hashes have another key.
pub fn cut(case: &Case<'_>, cuts: &[usize], through: impl Fn(&ShardSnapshot) -> ShardSnapshot) -> Outcome {
    let mut stream = Stream::begin(case);
    for (index, record) in case.records.iter().enumerate() {
        if cuts.contains(&index) {
            let snapshot = through(&stream.shard.snapshot());
            stream.shard = Shard::restore(snapshot, case.policy.clone(), MAPS + index as u64);
        }
        stream.take(record);
    }
    stream.end(case)
}

/// With another policy from record `place` on: adopted by the shard, or by one restored from its bytes.
pub fn adopting(case: &Case<'_>, place: usize, policy: &Arc<Policy>, restored: bool) -> Outcome {
    let mut stream = Stream::begin(case);
    for (index, record) in case.records.iter().enumerate() {
        if index == place {
            match restored {
                true => stream.shard = Shard::restore(through_bytes(&stream.shard.snapshot()), policy.clone(), MAPS + 1),
                false => stream.shard.adopt(policy.clone()),
            }
        }
        stream.take(record);
    }
    stream.end(case)
}

/// Twenty places to cut at.
pub fn places(case: &Case<'_>, seed: u64) -> Vec<usize> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..20).map(|_| random.random_range(0..case.records.len())).collect()
}

/// Through the bytes that a checkpoint would write.
pub fn through_bytes(snapshot: &ShardSnapshot) -> ShardSnapshot {
    postcard::from_bytes(&bytes(snapshot)).expect("a snapshot")
}

/// Every record twice, each copy up to the lateness later than it could be.
pub fn shuffled_and_doubled(case: &Case<'_>, seed: u64) -> Outcome {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut arrivals: Vec<(i64, &Record<'_>)> = Vec::new();
    for record in case.records.iter().chain(&case.records) {
        arrivals.push((record.arrival().millis() + random.random_range(0..=case.policy.lateness_ms), record));
    }
    arrivals.sort_by_key(|(at, _)| *at);
    let mut stream = Stream::begin(case);
    let (mut applied, mut doubles) = (0, 0);
    for (_, record) in arrivals {
        match (stream.take(record), record) {
            // The service says it, and says it again: no record of a ledger.
            (Accepted::Applied, Record::Elsewhere(_)) => {}
            // Late, and late again: applied twice if its minute was judged in between, to no effect.
            (Accepted::LateApplied | Accepted::Duplicate, record) if record.is_late() => {}
            (Accepted::Applied, _) => applied += 1,
            (Accepted::Duplicate, _) => doubles += 1,
            (other, _) => panic!("seed {seed}: {other:?} for {record:?}"),
        }
    }
    let is_counted = |record: &&Record<'_>| !record.is_late() && !matches!(record, Record::Elsewhere(_));
    let records = case.records.iter().filter(is_counted).count();
    assert_eq!((applied, doubles), (records, records), "seed {seed}");
    stream.end(case)
}
