//! What a lane does with bytes, and that it can be cut anywhere and go on elsewhere.

use rand::{RngExt, SeedableRng};

use super::*;
use crate::checkpoint::Gathered;
use crate::engine::decode::Format;
use crate::engine::record::FiledCaller;
use crate::simulate::{self, WireFormat, World};
use crate::source::kafka::Start;

const NEWEST: Timestamp = Timestamp::LATEST;
const MINUTE_S: i64 = 60;
const START_S: i64 = 1_773_020_460;
const PARTITION: i32 = 3;

struct Bench {
    reading: Reading,
    policy: Arc<Policy>,
    place: Place,
    metrics: Metrics,
    board: Board,
    registrations: Registrations,
    out: Outcomes,
}

fn from_the_start() -> Recalled {
    Recalled { start: Start { next_call: 0, next_feedback: Some(0) }, kept: None, clear: Vec::new(), bytes: 0 }
}

impl Bench {
    fn new() -> Self {
        let policy = Arc::new(Policy::for_tests());
        Self {
            reading: Reading {
                format: Format::Dialwatch,
                app_id: None,
                record_bytes_max: 1 << 20,
                home_country: policy.home_country.clone(),
                keeps_unreadable: true,
                invalid_share_max: 0.5,
            },
            policy,
            place: Place { group_id: "group".into(), seed: 1, homes: Arc::default() },
            metrics: Metrics::new().expect("valid"),
            board: Board::default(),
            registrations: Registrations::default(),
            out: Outcomes::default(),
        }
    }

    fn lane(&self, recalled: Recalled) -> Lane {
        self.lane_of(PARTITION, recalled)
    }

    fn lane_of(&self, partition: i32, recalled: Recalled) -> Lane {
        let gauges = self.metrics.partitions.of(partition);
        Lane::new(partition, recalled, self.policy.clone(), &self.place, Arc::new(Progress::new(1, 3)), gauges)
    }

    fn call(&mut self, lane: &mut Lane, payload: &[u8], offset: i64) {
        let raw = Raw { payload, key: Some(b"app-by-key"), offset };
        lane.call(raw, &self.reading, NEWEST, &self.registrations, &mut self.out);
    }
}

fn call(id: &str, app: &str, end_s: i64) -> Vec<u8> {
    let (start_ms, end_ms) = ((end_s - 30) * 1_000, end_s * 1_000);
    format!(
        r#"{{"call_id":"{id}",{app}"direction":"outbound","callee":"someone","start":{start_ms},"end":{end_ms},"outcome":"no_answer"}}"#
    )
    .into_bytes()
}

#[test]
fn a_call_without_an_app_is_the_keys() {
    let mut bench = Bench::new();
    let mut lane = bench.lane(from_the_start());
    bench.call(&mut lane, &call("1", "", START_S), 0);
    assert!(lane.shard.knows("app-by-key"));
    bench.reading.app_id = Some("configured".into());
    bench.call(&mut lane, &call("2", "", START_S), 1);
    bench.call(&mut lane, &call("3", r#""app_id":"its-own","#, START_S), 2);
    assert!(lane.shard.knows("configured") && lane.shard.knows("its-own"));
    assert_eq!(bench.out.page.of(Stream::Calls, Outcome::Applied), 3);
}

#[test]
fn what_an_app_filed_meets_its_first_call_and_nobody_else() {
    let mut bench = Bench::new();
    let mut lane = bench.lane(from_the_start());
    let filed = |app_id: &str, seats| {
        let nothing = Registration::nothing(app_id.to_owned());
        Registration { seats, callers: Vec::<FiledCaller>::new(), ..nothing }
    };
    bench.registrations.keep(Arc::new(filed("here", Some(5))));
    bench.registrations.keep(Arc::new(filed("elsewhere", Some(6))));
    bench.call(&mut lane, &call("1", r#""app_id":"here","#, START_S), 0);
    let seats = |lane: &Lane| lane.shard.app("here").and_then(|app| app.profile().seats);
    assert_eq!(seats(&lane), Some(5));
    lane.registration(&filed("here", Some(9)), &mut bench.out);
    lane.registration(&filed("elsewhere", Some(9)), &mut bench.out);
    assert_eq!(seats(&lane), Some(9), "what is filed later holds from then on");
    assert!(!lane.shard.knows("elsewhere"), "an app without calls here takes no room here");
}

#[test]
fn a_record_of_many_calls_is_counted_by_the_call_and_rejected_once() {
    let mut bench = Bench::new();
    let mut lane = bench.lane(from_the_start());
    bench.reading.format = Format::Tccc;
    bench.call(&mut lane, br#"{"Response":{"TelCdrList":[1,2,3]}}"#, 7);
    bench.call(&mut lane, b"nonsense", 8);
    assert_eq!(bench.out.page.of(Stream::Calls, Outcome::Invalid), bench.out.page.total());
    assert_eq!(bench.out.page.total(), 4);
    let places: Vec<i64> = bench.out.rejects.iter().map(|reject| reject.offset).collect();
    assert_eq!(places, [7, 8]);
    let part = checkpoint(&mut lane, &bench).expect("something happened");
    let letters: Vec<_> = part.dead_letters.iter().map(|letter| (letter.offset, &*letter.payload)).collect();
    assert_eq!(letters, [(7, &br#"{"Response":{"TelCdrList":[1,2,3]}}"#[..]), (8, &b"nonsense"[..])]);
    assert_eq!(part.dead_letters[0].key.as_deref(), Some(&b"app-by-key"[..]));
}

/// Everything that happened since the last checkpoint, if anything did.
fn checkpoint(lane: &mut Lane, bench: &Bench) -> Option<Part> {
    let mut part = if lane.begin_checkpoint(&bench.place) { lane.go_on(|| true)? } else { return None };
    part.pack();
    Some(part)
}

#[test]
fn too_many_unreadable_records_stop_the_partition_where_it_is() {
    let mut bench = Bench::new();
    let mut lane = bench.lane(from_the_start());
    for offset in 0..2_000 {
        bench.call(&mut lane, b"nonsense", offset);
    }
    assert!(lane.progress().is_stopped());
    let part = checkpoint(&mut lane, &bench).expect("something happened");
    assert_eq!((part.next_call, part.dead_letters.len()), (501, 501), "the first record above half of a thousand is the last");
    assert_eq!(bench.out.page.total(), 501, "what is not judged is not counted");
}

#[test]
fn an_app_in_two_partitions_is_told_of_once_by_the_second() {
    let mut bench = Bench::new();
    let mut lane = bench.lane(from_the_start());
    let mut other = bench.lane_of(1, from_the_start());
    let app = r#""app_id":"twice","#;
    let said = format!(r#"{{"kind":"opt_out",{app}"callee":"+8619900000001","at":{START_S}}}"#);
    let said = Raw { payload: said.as_bytes(), key: None, offset: 4 };
    lane.feedback(said, &bench.reading, NEWEST, &bench.registrations, &mut bench.out);
    for (offset, end_s) in (88..).zip([START_S - MINUTE_S, START_S, START_S + MINUTE_S]) {
        bench.call(&mut other, &call(&format!("there-{offset}"), app, end_s), offset);
        bench.call(&mut lane, &call(&format!("here-{offset}"), app, end_s), offset - 76);
    }
    for lane in [&mut lane, &mut other] {
        lane.tick(Timestamp::from_seconds(START_S + 10 * MINUTE_S), &mut bench.out);
    }
    let alerts = &bench.out.effects.alerts;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let summary = "Calls of this app lie in partitions 1 (offset 88) and 3 (offset 12)";
    assert!(alerts[0].summary.starts_with(summary), "{}", alerts[0].summary);
    assert_eq!(alerts[0].starts_at, Timestamp::from_seconds(START_S - MINUTE_S));
    other.leave(&bench.metrics, &bench.board);
    let (shard, homes) = (&lane.shard, Homes::default());
    homes.settle(shard);
    let here = Position { partition: 3, offset: 12 };
    assert_eq!(homes.meet("twice", Position { partition: 1, offset: 0 }), Some(here), "taken back with its state");
    assert_eq!(bench.place.homes.meet("twice", here), None, "nobody is at home in a partition that has gone");
}

#[test]
fn progress_is_told_when_the_batch_is_judged() {
    let mut bench = Bench::new();
    let mut lane = bench.lane(from_the_start());
    bench.call(&mut lane, &call("1", "", START_S), 41);
    assert_eq!(lane.progress().next_call(), 0);
    lane.advance(&bench.metrics, &bench.board, false);
    assert_eq!(lane.progress().next_call(), 42);
    assert!(!lane.progress().is_quiet(), "a call waits for its minute");
    lane.tick(Timestamp::from_seconds(START_S + 7 * MINUTE_S), &mut bench.out);
    lane.advance(&bench.metrics, &bench.board, true);
    assert!(lane.progress().is_quiet());
    assert_eq!(bench.board.apps().len(), 1);
    lane.leave(&bench.metrics, &bench.board);
    assert!(bench.board.apps().is_empty());
}

/// The state topic as it lies at one moment.
#[derive(Default)]
struct Topic(Vec<StateRecord>);

impl Topic {
    fn write(&mut self, part: &Part) {
        self.0.extend(part.state.iter().cloned());
    }

    fn recall(&self, start: Start) -> Recalled {
        let mut gathered = Gathered::new();
        self.0.iter().for_each(|record| gathered.take(&record.key, record.value.as_deref()));
        let kept = gathered.finish("group", PARTITION).expect("readable");
        Recalled { start, kept, clear: Vec::new(), bytes: 0 }
    }
}

/// Judges calls, now and then what is closed, with checkpoints begun after some of them and made while further ones are judged, and
/// with crashes. Returns what left.
fn judged(calls: &[Vec<u8>], seed: u64, begin: f64, crash: f64) -> Vec<Alert> {
    let mut bench = Bench::new();
    bench.reading.format = Format::Tccc;
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let (mut topic, mut sent) = (Topic::default(), Vec::new());
    let mut lane = bench.lane(from_the_start());
    let (mut at, mut committed) = (0, Start { next_call: 0, next_feedback: Some(0) });
    let mut is_making = false;
    while committed.next_call < calls.len() as i64 {
        if let Some(call) = calls.get(at) {
            bench.call(&mut lane, call, at as i64);
            at += 1;
        }
        let is_end = at == calls.len();
        let begins = !is_making && (is_end || random.random_bool(begin));
        if begins || lane.is_behind() || random.random_bool(0.01) {
            lane.catch_up(&mut bench.out);
        }
        bench.out.effects.alerts.drain(..).for_each(|alert| lane.post(alert, Instant::now(), &bench.metrics));
        is_making = is_making || begins && lane.begin_checkpoint(&bench.place);
        if let Some(mut part) = lane.go_on(|| is_end || random.random_bool(0.2)) {
            is_making = false;
            part.pack();
            topic.write(&part);
            committed = Start { next_call: part.next_call, next_feedback: part.next_feedback };
            sent.extend(part.alerts.into_iter().map(|(outgoing, _)| outgoing.alert));
        } else if random.random_bool(crash) {
            let recalled = if committed.next_call == 0 { from_the_start() } else { topic.recall(committed) };
            (lane, at, is_making) = (bench.lane(recalled), committed.next_call as usize, false);
        }
    }
    sent
}

#[test]
fn a_lane_can_crash_anywhere_and_go_on_with_the_same_alerts() {
    let world = World::new(5, 1, 20);
    let calls: Vec<Vec<u8>> = simulate::calls(&world).map(|call| call.line(WireFormat::Tccc)).collect();
    let uncut = judged(&calls, 0, 0.0, 0.0);
    assert!(uncut.len() > 20, "{} alerts are too few to prove anything", uncut.len());
    for seed in 1..=4 {
        assert_eq!(judged(&calls, seed, 0.002, 0.0005), uncut, "seed {seed}");
    }
}

#[test]
fn alerts_stay_in_the_state_until_every_sink_has_them() {
    let bench = Bench::new();
    let alert = |number: u64| Alert { alert_id: number.to_string(), ..crate::metrics::example_alert("app") };
    let mut lane = bench.lane(from_the_start());
    (0..5).for_each(|number| lane.post(alert(number), Instant::now(), &bench.metrics));
    let mut topic = Topic::default();
    let part = checkpoint(&mut lane, &bench).expect("alerts leave");
    assert_eq!((part.alerts.len(), part.next_alert), (5, 5));
    topic.write(&part);
    lane.progress().delivered(0, 3);
    topic.write(&checkpoint(&mut lane, &bench).expect("delivered ones are deleted"));
    assert!(checkpoint(&mut lane, &bench).is_none(), "nothing happened since");

    let start = Start { next_call: 0, next_feedback: Some(0) };
    let mut next_life = bench.lane(topic.recall(start));
    assert_eq!(next_life.progress().waiting(), 2);
    let inherited: Vec<u64> = next_life.take_inherited().iter().map(|outgoing| outgoing.number).collect();
    assert_eq!(inherited, [3, 4]);
    next_life.progress().delivered(0, 5);
    topic.write(&checkpoint(&mut next_life, &bench).expect("delivered ones are deleted"));
    assert!(bench.lane(topic.recall(start)).take_inherited().is_empty());

    let mut small = bench.lane(from_the_start());
    (0..4).for_each(|number| small.post(alert(number), Instant::now(), &bench.metrics));
    assert!(small.progress().is_full());
    small.progress().delivered(0, 1);
    assert!(!small.progress().is_full());
}
