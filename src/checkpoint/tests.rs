//! State through its records: the same, or an error.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use zstd::zstd_safe::{CCtx, DCtx};

use super::record::{HEADER_BYTES, Header, Key, pack, unpack};
use super::*;
use crate::engine::alert::Alert;
use crate::engine::app::AppSnapshot;
use crate::engine::decode::{self, Format, Limits, NeutralCall};
use crate::engine::policy::Policy;
use crate::engine::record::{Direction, HangupBy, Kind, Outcome, Position};
use crate::engine::shard::{Effects, Input, Shard, ShardSnapshot};
use crate::engine::time::{MINUTE_MS, Timestamp};
use crate::simulate::{self, WireFormat, World};

const GROUP: &str = "dialwatch";
const PARTITION: i32 = 3;
const START_MS: i64 = 1_773_020_460_000;

/// A partition as the service has it.
struct Partition {
    shard: Shard,
    clock: StreamClock,
    effects: Effects,
    next_call: i64,
    next_alert: u64,
}

impl Partition {
    fn new(policy: Policy) -> Self {
        let shard = Shard::new(Arc::new(policy), 1);
        Self { shard, clock: StreamClock::default(), effects: Effects::default(), next_call: 0, next_alert: 0 }
    }

    fn take(&mut self, json: &[u8]) {
        let position = Position { partition: PARTITION as u32, offset: self.next_call as u64 };
        self.next_call += 1;
        Format::Dialwatch.decode(json, None, &Limits::default(), |call| {
            let call = call.expect("a call");
            if let Some(now) = self.clock.observe(call.end) {
                self.shard.apply(Input::Tick(now), &mut self.effects);
            }
            self.shard.apply(Input::call(&call, position), &mut self.effects);
        });
    }

    fn hear(&mut self, json: &impl Serialize) {
        let json = serde_json::to_vec(json).expect("JSON");
        let feedback = decode::feedback(&json, &Limits::default()).expect("a feedback");
        self.shard.apply(Input::Feedback(&feedback), &mut self.effects);
    }

    fn head(&self) -> Head {
        Head {
            group_id: GROUP.into(),
            partition: PARTITION,
            next_call: self.next_call,
            next_feedback: None,
            clock: self.clock,
            shard: self.shard.head(),
            next_alert: self.next_alert,
        }
    }
}

fn call(number: u64, app: &str, callee: u64, end_ms: i64, outcome: Outcome) -> Vec<u8> {
    let call = NeutralCall {
        app_id: app.into(),
        call_id: format!("call-{number}"),
        direction: Direction::Outbound,
        kind: Kind::Agent,
        caller: Some(format!("+86755800{:05}", number % 7)),
        callee: Some(format!("+{}", 8_619_900_000_000 + (callee + 1) * 48_271_003 % 99_999_989)),
        start: end_ms - 20_000,
        ring: None,
        answer: (outcome == Outcome::Answered).then_some(end_ms - 10_000),
        end: end_ms,
        outcome,
        raw_outcome: None,
        hangup_by: HangupBy::Customer,
        agent: None,
        caller_region: None,
        callee_region: None,
    };
    serde_json::to_vec(&call).expect("JSON")
}

fn json(alert: &Alert) -> Vec<u8> {
    serde_json::to_vec(alert).expect("JSON")
}

fn gather(records: &[StateRecord]) -> Gathered {
    let mut gathered = Gathered::new();
    records.iter().for_each(|record| gathered.take(&record.key, record.value.as_deref()));
    gathered
}

fn finish(records: &[StateRecord]) -> Result<Option<Kept>, StateError> {
    gather(records).finish(GROUP, PARTITION)
}

fn kept(records: &[StateRecord]) -> Kept {
    finish(records).unwrap_or_else(|error| panic!("{error}")).expect("state")
}

/// The error of records that must not be taken for state.
fn refused(records: &[StateRecord]) -> StateError {
    match finish(records) {
        Err(error) => error,
        Ok(_) => panic!("it was taken for state"),
    }
}

/// What a broker may make of a log: records that a later one of their key supersedes may be gone, deletions too.
fn compacted(log: &[StateRecord], random: &mut impl Rng) -> Vec<StateRecord> {
    let is_last = |at: usize| log[at + 1..].iter().all(|later| later.key != log[at].key);
    let mut stays = |at: usize| random.random_ratio(1, 2) || (is_last(at) && log[at].value.is_some());
    // A deletion may go only when what it deletes is gone.
    let kept: Vec<usize> = (0..log.len()).filter(|at| stays(*at)).collect();
    let has_older = |at: usize| kept.iter().any(|older| *older < at && log[*older].key == log[at].key);
    let needed = (0..log.len()).filter(|at| kept.contains(at) || (log[*at].value.is_none() && has_older(*at)));
    needed.map(|at| log[at].clone()).collect()
}

/// A day of several apps. With room for a few of them only, some are forgotten.
#[test]
fn whatever_the_order_of_updates_the_state_comes_back_the_same() {
    let mut world = World::new(5, 1, 40);
    world.options.delivery.late = 0.01;
    let calls: Vec<Vec<u8>> = simulate::calls(&world)
        .filter(|call| call.app % 5 == 0 || call.id % 12 == 0)
        .take(6_000)
        .map(|call| call.line(WireFormat::Dialwatch))
        .collect();
    for seed in 0..3 {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        let mut policy = Policy::for_tests();
        policy.bounds.apps = [12, 1_000][seed as usize % 2];
        let policy = Arc::new(policy);
        let mut partition = Partition::new((*policy).clone());
        let mut encoder = Encoder::with_chunks_of(500);
        let mut log: Vec<StateRecord> = Vec::new();
        let mut outbox: Vec<(u64, Box<[u8]>)> = Vec::new();
        let mut forgotten = 0;
        let mut calls = calls.iter();
        while calls.len() > 0 {
            calls.by_ref().take(random.random_range(1..900)).for_each(|call| partition.take(call));
            let changes = partition.shard.begin_checkpoint();
            let mut records = Vec::new();
            while let Some(state) = partition.shard.next_due() {
                let (app_id, bytes) = state.into_bytes();
                encoder.app(&app_id, &bytes, &mut records);
            }
            changes.forgotten.iter().for_each(|app_id| encoder.forget(app_id, &mut records));
            forgotten += changes.forgotten.len();
            for alert in std::mem::take(&mut partition.effects.alerts) {
                outbox.push((partition.next_alert, json(&alert).into()));
                records.push(encoder.alert(partition.next_alert, &json(&alert)));
                partition.next_alert += 1;
            }
            let delivered = random.random_range(0..=outbox.len());
            let deletions: Vec<_> = outbox.drain(..delivered).map(|(number, _)| encoder.delivered(number)).collect();
            records.push(encoder.head(&partition.head()));
            records.shuffle(random);
            log.extend(records.into_iter().chain(deletions));

            log = compacted(&log, random);
            let mut kept = kept(&log);
            assert_eq!(kept.head, partition.head(), "seed {seed}");
            assert_eq!(kept.outbox, outbox, "seed {seed}");
            let restored = kept.shard(policy.clone(), random.random());
            assert!(restored.snapshot() == partition.shard.snapshot(), "seed {seed}");
            if random.random_ratio(1, 3) {
                (partition.shard, encoder) = (restored, kept.encoder);
            }
        }
        assert_eq!(forgotten > 0, policy.bounds.apps == 12, "seed {seed}: {forgotten} forgotten");
        assert!(partition.next_alert > 0, "seed {seed}");
    }
}

/// A partition with one app that called so many people, and judged all of it.
fn calling(callees: u64) -> Partition {
    let mut partition = Partition::new(Policy::for_tests());
    let spread_ms = 20 * 60 * MINUTE_MS / callees as i64;
    for number in 0..callees {
        let outcome = [Outcome::Answered, Outcome::NoAnswer, Outcome::Busy][number as usize % 3];
        partition.take(&call(number, "app", number, START_MS + number as i64 * spread_ms, outcome));
    }
    partition.shard.apply(Input::Tick(partition.clock.newest().plus_millis(10 * MINUTE_MS)), &mut partition.effects);
    partition
}

fn bytes_of(app: &AppSnapshot<'_>) -> Vec<u8> {
    postcard::to_stdvec(app).expect("bytes")
}

fn encoded(partition: &Partition, encoder: &mut Encoder) -> Vec<StateRecord> {
    let mut records = Vec::new();
    partition.shard.snapshot().apps.iter().for_each(|app| encoder.app(app.id(), &bytes_of(app), &mut records));
    records.push(encoder.head(&partition.head()));
    records
}

#[test]
fn a_large_app_is_copied_at_its_moment_and_packed_later() {
    for callees in [1_000, 20_000] {
        let mut partition = calling(callees);
        let before = bytes_of(&partition.shard.snapshot().apps[0]);
        partition.shard.begin_checkpoint();
        partition.take(&call(callees, "app", callees, partition.clock.newest().millis(), Outcome::Answered));
        partition.shard.apply(Input::Tick(partition.clock.newest().plus_millis(20 * MINUTE_MS)), &mut partition.effects);
        assert!(bytes_of(&partition.shard.snapshot().apps[0]) != before, "{callees}: it has changed since");
        let (app_id, bytes) = partition.shard.next_due().expect("it was changed").into_bytes();
        assert_eq!(&*app_id, "app");
        assert!(*bytes == before, "{callees}");
        assert!(partition.shard.next_due().is_none());
    }
}

#[test]
fn an_app_that_shrinks_leaves_no_chunk_behind() {
    let (large, small) = (calling(500), calling(5));
    let mut encoder = Encoder::with_chunks_of(1_000);
    let mut log = encoded(&large, &mut encoder);
    let chunks = |records: &[StateRecord]| records.iter().filter(|record| record.key.starts_with(b"app/")).count();
    assert!(chunks(&log) > 5);
    // By the encoder that wrote it, and by one that found it.
    for mut encoder in [encoder, kept(&log).encoder] {
        let mut log = log.clone();
        log.extend(encoded(&small, &mut encoder));
        assert_eq!(kept(&log).apps, small.shard.snapshot().apps);
        encoder.forget("app", &mut log);
        assert_eq!(kept(&log).apps, []);
        assert!(kept(&log).head == small.head());
    }
    log.pop();
    assert!(matches!(refused(&log), StateError::Damaged { key, .. } if key == "head"), "apps without a head are no state");
    assert!(finish(&[]).is_ok_and(|kept| kept.is_none()), "nothing is a new partition");
}

/// A head, an app in several chunks, one in a single chunk with an awkward id, and an alert.
fn sample() -> Vec<StateRecord> {
    let mut partition = calling(20);
    partition.take(&call(900, "a/1", 1, partition.clock.newest().millis(), Outcome::NoAnswer));
    partition.next_alert = 8;
    let mut records = encoded(&partition, &mut Encoder::with_chunks_of(700));
    records.push(Encoder::new().alert(7, br#"{"schema":"dialwatch.alert/1"}"#));
    let mut encoder = Encoder::with_chunks_of(100);
    let steps = (0..60).map(|step: i64| Step::Tick(Timestamp::from_millis(START_MS + step * step * step * 48_271)));
    let entry =
        Entry { after: partition.head().position(), steps: steps.collect(), filed: vec![], said: vec![], head: partition.head() };
    assert!(encoder.entry(4, &entry, &mut records) > 1);
    assert_eq!(encoder.entry(5, &Entry { steps: vec![], ..entry.clone() }, &mut records), 1);
    assert_eq!(kept(&records).journal, [entry.clone(), Entry { steps: vec![], ..entry }]);
    assert_eq!(kept(&records).apps, partition.shard.snapshot().apps);
    records
}

#[test]
fn no_altered_or_cut_record_is_taken_for_state() {
    let whole = sample();
    assert!(whole.len() >= 5, "{} records", whole.len());
    for at in 0..whole.len() {
        let mut records = whole.clone();
        let value = whole[at].value.clone().expect("a value");
        for byte in 0..value.len() {
            for bit in 0..8 {
                records[at].value.as_mut().expect("a value")[byte] ^= 1 << bit;
                refused(&records);
                records[at].value.as_mut().expect("a value")[byte] ^= 1 << bit;
            }
            records[at].value = Some(value[..byte].to_vec());
            refused(&records);
            records[at].value = Some(value.clone());
        }
        records[at].value.as_mut().expect("a value").push(0);
        refused(&records);
        records[at].value = Some(value);
        for byte in 0..whole[at].key.len() {
            for bit in 0..8 {
                records[at].key[byte] ^= 1 << bit;
                refused(&records);
                records[at].key[byte] ^= 1 << bit;
            }
        }
        assert_eq!(records, whole);
    }
}

#[test]
fn no_missing_or_exchanged_record_is_taken_for_state() {
    let whole = sample();
    for at in 0..whole.len() {
        let mut records = whole.clone();
        let gone = records.remove(at);
        // An alert or an app in one chunk that is gone has been delivered, or forgotten; that there was a last entry, the group's offsets
        // tell.
        let may_go = gone.key.starts_with(b"alert/") || gone.key == b"app/a/1/0" || gone.key == b"journal/0000000000000005/0";
        assert_eq!(finish(&records).is_ok(), may_go, "{}", String::from_utf8_lossy(&gone.key));
        for other in 0..at {
            let mut records = whole.clone();
            records[at].value.clone_from(&whole[other].value);
            records[other].value.clone_from(&whole[at].value);
            refused(&records);
        }
    }
    let mut records = whole.clone();
    records.push(StateRecord { key: b"notes".to_vec(), value: whole[0].value.clone() });
    assert!(matches!(refused(&records), StateError::Damaged { key, .. } if key == "notes"));
}

#[test]
fn chunks_of_two_generations_are_not_mixed() {
    let generations = |chunk_bytes| {
        let mut encoder = Encoder::with_chunks_of(chunk_bytes);
        (encoded(&calling(30), &mut encoder), encoded(&calling(31), &mut encoder))
    };
    let keys = |records: &[StateRecord]| records.iter().map(|record| record.key.clone()).collect::<Vec<_>>();
    // A size of chunks at which both have as many, whatever else an app remembers.
    let alike = |(one, other): &(Vec<StateRecord>, Vec<StateRecord>)| one.len() > 2 && keys(one) == keys(other);
    let (one, other) = (600..900).step_by(20).map(generations).find(alike).expect("such a size");
    let mut mixed = other.clone();
    mixed[1] = one[1].clone();
    assert!(matches!(refused(&mixed), StateError::Damaged { key, .. } if key == "app/app/1"));
}

#[test]
fn an_unknown_layout_is_told_from_damage_whatever_else_is_there() {
    let mut records = sample();
    records[0].value = Some(b"nonsense".to_vec());
    records.push(StateRecord { key: b"calendar/of a later version".to_vec(), value: Some(b"dwst\x03".to_vec()) });
    let error = refused(&records);
    assert_eq!(error, StateError::UnknownLayout { found: 3 });
    assert_eq!(
        error.to_string(),
        "the state has layout 3, and this version of dialwatch reads layouts up to 2: run the version of dialwatch that wrote it, \
         or set kafka.recovery: rebuild"
    );
}

#[test]
fn what_belongs_to_others_is_told_from_damage() {
    let records = sample();
    let foreign = |group_id: &str, partition| gather(&records).finish(group_id, partition).err();
    assert!(matches!(foreign("staging", PARTITION), Some(StateError::Foreign { .. })));
    let error = foreign(GROUP, 4).expect("foreign").to_string();
    assert!(error.contains("is that of partition 3 for the group dialwatch, not of partition 4 for dialwatch"), "{error}");
}

#[test]
fn an_alert_that_the_head_does_not_know_of_is_damage() {
    let mut records = sample();
    records.push(Encoder::new().alert(8, b"{}"));
    assert!(matches!(refused(&records), StateError::Damaged { key, .. } if key == "alert/0000000000000008"));
}

#[test]
fn superseded_values_are_not_looked_into_and_not_kept() {
    let mut records = sample();
    let kept_bytes = gather(&records).bytes();
    records.insert(0, StateRecord { key: b"head".to_vec(), value: Some(vec![9; 1_000]) });
    records.insert(0, StateRecord { key: b"of a later version".to_vec(), value: Some(b"dwst\x03".to_vec()) });
    records.insert(1, StateRecord { key: b"of a later version".to_vec(), value: None });
    assert_eq!(gather(&records).bytes(), kept_bytes);
    kept(&records);
    let mut gathered = gather(&records);
    records.iter().for_each(|record| gathered.take(&record.key, None));
    assert_eq!((gathered.bytes(), gathered.is_empty()), (0, true));
}

#[test]
fn keys_are_what_they_say() {
    for (key, text) in [
        (Key::Head, "head"),
        (Key::App { app_id: "1400000001", chunk: 12 }, "app/1400000001/12"),
        (Key::App { app_id: "a/7", chunk: 0 }, "app/a/7/0"),
        (Key::App { app_id: "", chunk: 0 }, "app//0"),
        (Key::Alert(10), "alert/000000000000000a"),
        (Key::Entry { number: 10, chunk: 2 }, "journal/000000000000000a/2"),
    ] {
        assert_eq!(key.bytes(), text.as_bytes());
        assert_eq!(Key::parse(text.as_bytes()), Some(key));
    }
    for text in [
        "journal/a/0",
        "journal/000000000000000a",
        "",
        "Head",
        "head/",
        "app/a",
        "app/a/",
        "app/a/+1",
        "app/a/01",
        "app/a/4294967296",
        "alert/a",
        "alert/000000000000000A",
    ] {
        assert_eq!(Key::parse(text.as_bytes()), None, "{text}");
    }
    assert_eq!(Key::parse(b"app/\xff/0"), None);
}

#[test]
fn nobody_can_ask_for_more_memory_than_he_sends() {
    let zeros = vec![0; 200 << 20];
    let bomb = zstd::bulk::compress(&zeros, 1).expect("compressed");
    assert!(bomb.len() < 100_000);
    let mut body = Vec::new();
    for length in [zeros.len() as u64, 1 << 20, 0, u64::MAX, u64::MAX / 64] {
        let packed = [&[1], length.to_le_bytes().as_slice(), &bomb].concat();
        assert!(unpack(&mut DCtx::create(), &packed, &mut body).is_err());
        assert!(body.capacity() <= 8 << 20, "{} bytes for {}", body.capacity(), bomb.len());
    }
    // What is written is always believed.
    let mut packed = Vec::new();
    pack(&mut CCtx::create(), &zeros, &mut packed);
    unpack(&mut DCtx::create(), &packed, &mut body).expect("unpacked");
    assert!(body == zeros);
}

/// A body with the right seal but of any content: whoever can write to the topic can make one.
#[test]
fn sealed_nonsense_is_an_error_or_a_state_and_never_a_panic() {
    let partition = calling(20);
    let app = postcard::to_stdvec(&partition.shard.snapshot().apps[0]).expect("bytes");
    let head = Encoder::new().head(&partition.head());
    let (mut context, mut packed, mut read) = (CCtx::create(), Vec::new(), 0);
    for seed in 0..3_000 {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        let mut body = app.clone();
        match seed % 3 {
            0 => body.truncate(random.random_range(0..body.len())),
            1 => body[random.random_range(0..app.len())..].fill_with(|| random.random()),
            _ => (0..random.random_range(1..4)).for_each(|_| body[random.random_range(0..app.len())] = random.random()),
        }
        pack(&mut context, &body, &mut packed);
        let key = Key::App { app_id: "app", chunk: 0 };
        let value = key.value(&Header::whole(key.seal(&packed)), &packed);
        let records = [head.clone(), StateRecord { key: key.bytes(), value: Some(value) }];
        read += usize::from(finish(&records).is_ok());
    }
    println!("{read} of 3000 could be read");
}

/// How large an app is, and how long it takes. Run with `--release --nocapture` for figures.
#[test]
fn large_apps_are_small_records() {
    for (callees, bytes_max) in [(1_000, 20_000), (100_000, 400_000)] {
        let partition = calling(callees);
        let snapshot = partition.shard.snapshot();
        let (app_id, state) = (snapshot.apps[0].id(), bytes_of(&snapshot.apps[0]));
        let plain = state.len();
        let (mut encoder, mut records) = (Encoder::new(), Vec::new());
        encoder.app(app_id, &state, &mut records);
        records.clear();
        let began = Instant::now();
        encoder.app(app_id, &state, &mut records);
        let encoding = began.elapsed();
        let bytes: usize = records.iter().filter_map(|record| record.value.as_ref()).map(Vec::len).sum();
        assert!(records.iter().flat_map(|record| &record.value).all(|value| value.len() <= HEADER_BYTES + CHUNK_BYTES));
        records.push(encoder.head(&partition.head()));
        let began = Instant::now();
        let apps = kept(&records).apps;
        println!(
            "{callees} callees: {plain} bytes plain, {bytes} in {} chunks, encoded in {encoding:?}, decoded in {:?}",
            records.len() - 1,
            began.elapsed()
        );
        assert!(apps == snapshot.apps);
        assert!(bytes <= bytes_max, "{bytes} bytes");
    }
}

/// What everybody can see of a state, whatever the layout it came in.
fn seen(mut kept: Kept) -> serde_json::Value {
    let head = kept.head.clone();
    let outbox: Vec<_> = kept.outbox.iter().map(|(number, json)| (*number, String::from_utf8_lossy(json).into_owned())).collect();
    let policy = Arc::new(Policy::for_tests());
    let shard = kept.shard(policy.clone(), 1);
    let snapshot = serde_json::to_value(shard.snapshot().apps).expect("a list");
    let waiting = |app_id: &str| {
        let mut apps = snapshot.as_array().into_iter().flatten();
        let app = apps.find(|app| app["id"] == app_id).expect("it is here");
        app["waiting"]["calls"].as_array().map(Vec::len)
    };
    let mut apps: Vec<_> = shard.apps().collect();
    apps.sort_by(|app, other| app.id().cmp(other.id()));
    let apps = apps.iter().map(|app| {
        serde_json::json!({
            "id": app.id(), "calls_judged": app.calls_judged(), "waiting_calls": waiting(app.id()),
            "last_judged": app.last_judged().end(), "callees": app.memory().pairs.len(),
            "day": app.memory().day.total().placed, "seats": app.profile().seats, "alerts": app.open_alerts(&policy),
        })
    });
    let mut seen = serde_json::json!({
        "group_id": head.group_id, "partition": head.partition, "next_call": head.next_call,
        "next_feedback": head.next_feedback, "newest": head.clock.newest(), "next_alert": head.next_alert,
        "open": shard.open_minute().start(), "apps": apps.collect::<Vec<_>>(), "outbox": outbox,
    });
    if !kept.journal.is_empty() {
        seen["journal"] = serde_json::to_value(&kept.journal).expect("JSON");
    }
    seen
}

/// The state whose bytes are kept.
fn to_be_kept() -> Vec<StateRecord> {
    let mut partition = Partition::new(Policy::for_tests());
    let registration = serde_json::json!({"app_id": "1400000001", "seats": 3, "callers": ["+8675580000001"]});
    let registration = decode::registration(registration.to_string().as_bytes(), &Limits::default()).expect("a registration");
    partition.shard.apply(Input::Registration(&registration), &mut partition.effects);
    for number in 0..40 {
        let callee = if number < 8 { 0 } else { number };
        let outcome = [Outcome::Rejected, Outcome::Answered, Outcome::NoAnswer][number as usize % 3];
        partition.take(&call(number, "1400000001", callee, START_MS + number as i64 * 25_000, outcome));
    }
    partition.hear(&serde_json::json!({
        "kind": "opt_out", "app_id": "1400000001", "callee": "+8619900000001", "at": partition.clock.newest().millis(),
    }));
    partition.take(&call(41, "1400000002", 3, partition.clock.newest().millis(), Outcome::Busy));
    let mut encoder = Encoder::new();
    let alerts = std::mem::take(&mut partition.effects.alerts);
    assert!(!alerts.is_empty());
    partition.next_alert = alerts.len() as u64;
    let mut records = encoded(&partition, &mut encoder);
    records.extend(alerts.iter().zip(0..).map(|(alert, number)| encoder.alert(number, &json(alert))));
    let before = partition.head();
    partition.take(&call(42, "1400000002", 4, partition.clock.newest().millis(), Outcome::Answered));
    let newest = Timestamp::from_millis(START_MS);
    let steps = vec![
        Step::Calls { next: partition.next_call, newest },
        Step::Feedback { next: 1, newest },
        Step::Filed(Box::new(registration.clone())),
        Step::Tick(newest),
    ];
    let said = partition.shard.said("1400000001").into_iter().collect();
    let head = Head { next_feedback: Some(1), ..partition.head() };
    encoder.entry(0, &Entry { after: before.position(), steps, filed: vec![registration], said, head }, &mut records);
    records
}

/// Bytes of each layout, written once by `UPDATE=1 cargo test --lib checkpoint`. A version of the program that writes another
/// layout keeps them and still reads them; one that reads them differently has changed the layout without saying so.
#[test]
fn state_of_every_layout_is_read() {
    (1..=LAYOUT).for_each(state_is_read);
}

fn state_is_read(layout: u8) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/state/v{layout}"));
    let (records_path, seen_path) = (folder.join("records.jsonl"), folder.join("expected.json"));
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    if std::env::var_os("UPDATE").is_some() && layout == LAYOUT {
        let records = to_be_kept();
        let line = |record: &StateRecord| {
            let value = hex(record.value.as_deref().expect("a value"));
            serde_json::json!({"key": String::from_utf8_lossy(&record.key), "value": value}).to_string() + "\n"
        };
        std::fs::create_dir_all(&folder).expect("writable");
        std::fs::write(&records_path, records.iter().map(line).collect::<String>()).expect("writable");
        let seen = serde_json::to_string_pretty(&seen(kept(&records))).expect("JSON") + "\n";
        std::fs::write(&seen_path, seen).expect("writable");
    }
    let text = std::fs::read_to_string(records_path).expect("the fixture");
    let records = text.lines().map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let hex = record["value"].as_str().expect("hex");
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
        let value = (0..hex.len()).step_by(2).map(byte).collect();
        StateRecord { key: record["key"].as_str().expect("text").into(), value: Some(value) }
    });
    let seen = seen(kept(&records.collect::<Vec<_>>()));
    let expected: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(seen_path).expect("the fixture")).expect("JSON");
    assert_eq!(seen, expected);
    assert!(expected["apps"][0]["alerts"].as_array().is_some_and(|alerts| !alerts.is_empty()), "it shows too little");
}

/// A shard goes on as if nothing had happened, alerts included.
#[test]
fn a_restored_shard_goes_on_where_it_stood() {
    let calls: Vec<_> = (0..400)
        .map(|number: u64| {
            let callee = if number.is_multiple_of(5) { number % 4 } else { number };
            call(number, ["x", "y"][number as usize % 2], callee, START_MS + number as i64 * 9_000, Outcome::Rejected)
        })
        .collect();
    let run = |cut: Option<usize>| {
        let mut partition = Partition::new(Policy::for_tests());
        for (at, call) in calls.iter().enumerate() {
            if cut == Some(at) {
                let mut kept = kept(&encoded(&partition, &mut Encoder::new()));
                partition.clock = kept.head.clock;
                partition.next_call = kept.head.next_call;
                partition.shard = kept.shard(partition.shard.policy().clone(), at as u64);
            }
            partition.take(call);
        }
        (partition.effects.alerts.iter().map(json).collect::<Vec<_>>(), partition.shard.snapshot())
    };
    let straight: (Vec<_>, ShardSnapshot) = run(None);
    assert!(!straight.0.is_empty());
    for cut in [0, 1, 137, 250, 399] {
        assert!(run(Some(cut)) == straight, "cut at {cut}");
    }
}
