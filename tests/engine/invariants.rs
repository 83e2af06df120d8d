//! What must hold of the engine whatever it is fed: order, batches, cuts, shards and doubles change no alert.
//!
//! The traffic is simulated; every failing test prints its seed.

use std::sync::Arc;

use dialwatch::engine::alert::{Alert, Status};
use dialwatch::engine::app::AppSnapshot;
use dialwatch::engine::decode::{self, Format, Limits};
use dialwatch::engine::overlaps;
use dialwatch::engine::policy::Policy;
use dialwatch::engine::record::{CallRecord, Feedback, Position, Registration};
use dialwatch::engine::shard::{Accepted, Effects, Input, Shard, ShardSnapshot};
use dialwatch::engine::time::{StreamClock, Timestamp};
use dialwatch::simulate::{self, WireFormat, World};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const LIMITS: Limits<'static> = Limits { record_bytes_max: 1 << 20, newest: Timestamp::LATEST, home_country: "86" };
const SEEDS: [u64; 2] = [1, 20_260_309];

/// What a world sends, as bytes, in order of arrival.
pub struct Traffic {
    pub lines: Vec<Vec<u8>>,
    feedback: Vec<Feedback>,
    registrations: Vec<Registration>,
}

impl Traffic {
    pub fn new(seed: u64) -> Self {
        let mut world = World::new(seed, 2, 40);
        // What comes too late is counted, not judged: not this test's matter.
        world.options.delivery.late = 0.0;
        Self::of(&world)
    }

    pub fn of(world: &World) -> Self {
        let lines = simulate::calls(world)
            .map(|call| {
                let mut line = Vec::new();
                call.write(WireFormat::Tccc, &mut line);
                line
            })
            .collect();
        let json = |line: &dyn erased::Json| line.bytes();
        let feedback =
            simulate::feedback(world).iter().map(|line| decode::feedback(&json(line), &LIMITS).expect("feedback")).collect();
        let registrations = simulate::registrations(world)
            .iter()
            .map(|line| decode::registration(&json(line), &LIMITS).expect("registration"))
            .collect();
        Self { lines, feedback, registrations }
    }

    pub fn records(&self) -> Vec<(CallRecord<'_>, Position)> {
        let mut records = Vec::with_capacity(self.lines.len());
        for (offset, line) in self.lines.iter().enumerate() {
            Format::Tccc.decode(line, None, &LIMITS, |record| {
                records.push((record.expect("a record"), Position { partition: 0, offset: offset as u64 }));
            });
        }
        records
    }
}

/// `serde_json::to_vec` for any line of the simulator.
mod erased {
    pub trait Json {
        fn bytes(&self) -> Vec<u8>;
    }
    impl<T: serde::Serialize> Json for T {
        fn bytes(&self) -> Vec<u8> {
            serde_json::to_vec(self).expect("json")
        }
    }
}

/// Runs of the same traffic that must not differ.
pub struct Run {
    shards: Vec<Shard>,
    pub clock: StreamClock,
    pub effects: Effects,
    ledger: [u64; 5],
}

impl Run {
    pub fn new(traffic: &Traffic, shards: usize, seed: u64) -> Self {
        let policy = Arc::new(Policy::for_tests());
        let shards = (0..shards).map(|_| Shard::new(policy.clone(), seed)).collect();
        let mut run = Self { shards, clock: StreamClock::default(), effects: Effects::default(), ledger: [0; 5] };
        for registration in &traffic.registrations {
            let owner = run.owner(&registration.app_id);
            run.shards[owner].apply(Input::Registration(registration), &mut run.effects);
        }
        for feedback in &traffic.feedback {
            let owner = run.owner(&feedback.app_id);
            run.shards[owner].apply(Input::Feedback(feedback), &mut run.effects);
        }
        run
    }

    pub fn owner(&self, app_id: &str) -> usize {
        blake3::hash(app_id.as_bytes()).as_bytes()[0] as usize % self.shards.len()
    }

    pub fn call(&mut self, record: &CallRecord<'_>, position: Position) {
        if let Some(tick) = self.clock.observe(record.end) {
            self.tick(tick);
        }
        let owner = self.owner(&record.app_id);
        let accepted = self.shards[owner].apply(Input::call(record, position), &mut self.effects);
        self.ledger[accepted as usize] += 1;
    }

    /// Lets time pass, day by day, and tells the apps what they have in common.
    pub fn tick(&mut self, at: Timestamp) {
        let (open, lateness_ms) = (self.shards[0].open_minute(), self.shards[0].policy().lateness_ms);
        for end in overlaps::day_ends(open, at, lateness_ms) {
            self.tick_all(end);
            for (app_id, found) in overlaps::compare(std::mem::take(&mut self.effects.sketches)) {
                let owner = self.owner(&app_id);
                for overlap in &found {
                    self.shards[owner].apply(Input::Overlap { app_id: &app_id, overlap }, &mut self.effects);
                }
            }
        }
        self.tick_all(at);
    }

    fn tick_all(&mut self, at: Timestamp) {
        for shard in &mut self.shards {
            shard.apply(Input::Tick(at), &mut self.effects);
        }
    }

    /// Every shard dies and comes back from its bytes.
    pub fn die_and_return(&mut self) {
        for shard in &mut self.shards {
            let bytes = postcard::to_stdvec(&shard.snapshot()).expect("bytes");
            let snapshot: ShardSnapshot = postcard::from_bytes(&bytes).expect("snapshot");
            let restored = Shard::restore(snapshot, shard.policy().clone(), 77);
            assert_eq!(postcard::to_stdvec(&restored.snapshot()).expect("bytes"), bytes, "a restored shard is the shard");
            *shard = restored;
        }
    }

    /// Judges what is left and gives the alerts as they would be written.
    pub fn finish(mut self) -> Vec<String> {
        let policy = Policy::for_tests();
        self.tick(self.clock.newest().plus_millis(policy.lateness_ms + 60_000));
        self.tick(self.clock.newest().plus_millis(26 * 3_600_000));
        written(self.effects.alerts)
    }
}

fn written(mut alerts: Vec<Alert>) -> Vec<String> {
    alerts.sort_by(|alert, other| {
        let key = |alert: &Alert| (alert.updated_at, alert.app_id.clone(), alert.rule, alert.subject.clone());
        key(alert).cmp(&key(other))
    });
    alerts.iter().map(|alert| serde_json::to_string(alert).expect("json")).collect()
}

fn straight(traffic: &Traffic) -> Vec<String> {
    let mut run = Run::new(traffic, 1, 1);
    for (record, position) in traffic.records() {
        run.call(&record, position);
    }
    run.finish()
}

#[track_caller]
fn same(alerts: &[String], expected: &[String], how: &str) {
    for (index, (alert, expected)) in alerts.iter().zip(expected).enumerate() {
        assert_eq!(alert, expected, "{how}: alert {index} differs");
    }
    assert_eq!(alerts.len(), expected.len(), "{how}: number of alerts");
}

#[test]
fn any_number_of_shards_gives_the_same_alerts() {
    for seed in SEEDS {
        let traffic = Traffic::new(seed);
        let expected = straight(&traffic);
        assert!(expected.len() > 20, "seed {seed}: a world with little to say: {}", expected.len());
        for shards in [2, 8] {
            let mut run = Run::new(&traffic, shards, 1);
            for (record, position) in traffic.records() {
                run.call(&record, position);
            }
            same(&run.finish(), &expected, &format!("seed {seed}, {shards} shards"));
        }
    }
}

#[test]
fn the_hash_seed_changes_nothing() {
    let traffic = Traffic::new(SEEDS[0]);
    let mut run = Run::new(&traffic, 1, 0xdead_beef);
    for (record, position) in traffic.records() {
        run.call(&record, position);
    }
    same(&run.finish(), &straight(&traffic), "another hash seed");
}

#[test]
fn cut_anywhere_and_restored_gives_the_same_alerts() {
    for seed in SEEDS {
        let traffic = Traffic::new(seed);
        let expected = straight(&traffic);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let cuts: Vec<usize> = (0..12).map(|_| random.random_range(0..traffic.lines.len())).collect();
        let mut run = Run::new(&traffic, 2, 1);
        for (index, (record, position)) in traffic.records().into_iter().enumerate() {
            if cuts.contains(&index) {
                run.die_and_return();
            }
            run.call(&record, position);
        }
        same(&run.finish(), &expected, &format!("seed {seed}, cut at {cuts:?}"));
    }
}

#[test]
fn shuffled_within_the_lateness_and_doubled_gives_the_same_alerts() {
    for seed in SEEDS {
        let traffic = Traffic::new(seed);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // Each record arrives up to four minutes after its end, twice: the lateness is five.
        let mut arrivals: Vec<(i64, CallRecord<'_>, Position)> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for (record, position) in traffic.records() {
            if !seen.insert((record.app_id.clone().into_owned(), record.call_id.clone().into_owned())) {
                continue;
            }
            for _ in 0..2 {
                let arrival_ms = record.end.millis() + random.random_range(0..240_000);
                arrivals.push((arrival_ms, record.clone(), position));
            }
        }
        let calls = arrivals.len() as u64 / 2;
        arrivals.sort_by_key(|(arrival_ms, _, position)| (*arrival_ms, position.offset));
        let mut run = Run::new(&traffic, 1, 1);
        for (_, record, position) in &arrivals {
            run.call(record, *position);
        }
        assert_eq!(run.ledger[Accepted::Applied as usize], calls, "seed {seed}");
        assert_eq!(run.ledger[Accepted::Duplicate as usize] + run.ledger[Accepted::LateDropped as usize], calls, "seed {seed}");
        // A double's position is its own: the first copy to arrive is the one that is quoted, and both stand at one place here.
        let mut ordered = Run::new(&traffic, 1, 1);
        let mut in_order: Vec<_> = arrivals.iter().map(|(_, record, position)| (record, *position)).collect();
        in_order.sort_by(|one, other| one.0.end.cmp(&other.0.end).then(one.1.offset.cmp(&other.1.offset)));
        in_order.dedup_by_key(|(_, position)| position.offset);
        for (record, position) in in_order {
            ordered.call(record, position);
        }
        same(&run.finish(), &ordered.finish(), &format!("seed {seed}, shuffled and doubled"));
    }
}

#[test]
fn the_same_traffic_twice_gives_the_same_snapshot_bytes() {
    let snapshot = || {
        let traffic = Traffic::new(SEEDS[1]);
        let mut run = Run::new(&traffic, 1, 1);
        for (record, position) in traffic.records() {
            run.call(&record, position);
        }
        postcard::to_stdvec(&run.shards[0].snapshot()).expect("bytes")
    };
    assert_eq!(snapshot(), snapshot());
}

#[test]
fn checkpoints_of_changes_add_up_to_the_state() {
    let traffic = Traffic::new(SEEDS[0]);
    let mut run = Run::new(&traffic, 1, 1);
    let mut stored = std::collections::BTreeMap::new();
    for (index, (record, position)) in traffic.records().into_iter().enumerate() {
        run.call(&record, position);
        if index % 5_000 == 0 {
            let changes = run.shards[0].begin_checkpoint();
            let states = std::iter::from_fn(|| run.shards[0].next_due()).map(|state| AppSnapshot::of(&state.into_bytes().1));
            stored.extend(states.map(|app| (app.id().to_owned(), app)));
            let whole = run.shards[0].snapshot();
            assert_eq!(whole.head, changes.head);
            assert!(stored.values().eq(whole.apps.iter()), "after {index} records an app had changed and did not say so");
        }
    }
}

#[test]
fn each_alert_that_opened_is_resolved_or_open_and_never_two_with_one_id() {
    for seed in SEEDS {
        let traffic = Traffic::new(seed);
        let mut run = Run::new(&traffic, 1, 1);
        for (record, position) in traffic.records() {
            run.call(&record, position);
        }
        let newest = run.clock.newest();
        // A complaint may come in half a day after the last call, and keeps its alert open for a day.
        run.tick(newest.plus_millis(48 * 3_600_000));
        let mut open = std::collections::BTreeMap::new();
        for alert in &run.effects.alerts {
            let subject = (alert.app_id.clone(), alert.rule, alert.subject.clone());
            match alert.status {
                Status::Firing => {
                    let id = open.entry(subject.clone()).or_insert_with(|| alert.alert_id.clone());
                    assert_eq!(*id, alert.alert_id, "seed {seed}: two open alerts for {subject:?}");
                }
                Status::Resolved => {
                    assert_eq!(open.remove(&subject).as_ref(), Some(&alert.alert_id), "seed {seed}: resolved what was not open");
                }
            }
        }
        assert!(open.is_empty(), "seed {seed}: still open two days after the last call: {open:?}");
    }
}
