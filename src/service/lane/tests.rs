//! What a lane does with bytes, and that it can be cut anywhere and go on elsewhere.

use std::time::Instant;

use rand::{RngExt, SeedableRng};

use super::*;
use crate::checkpoint::Gathered;
use crate::engine::decode::Format;
use crate::engine::detector::{Mode, RuleName};
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
    let Given::State = lane.begin_checkpoint(Extent::State, &bench.place) else { return None };
    let mut part = lane.go_on(|| true)?;
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

    fn recall(&self) -> Recalled {
        let start = Start { next_call: 0, next_feedback: Some(0) };
        let mut gathered = Gathered::new();
        self.0.iter().for_each(|record| gathered.take(&record.key, record.value.as_deref()));
        let kept = gathered.finish("group", PARTITION).expect("readable");
        Recalled { start, kept, clear: Vec::new(), bytes: 0 }
    }
}

/// What comes to a lane: a record of a stream at its offset, or what an app files.
enum Coming {
    Record(Stream, i64, Vec<u8>),
    Filed(Box<Registration>),
}

/// A day of many apps: calls, between them feedback, and now and then an app that files something anew.
fn day() -> Vec<Coming> {
    let world = World::new(5, 1, 20);
    let feedback: Vec<_> = simulate::feedback(&world).iter().map(|line| serde_json::to_vec(line).expect("JSON")).collect();
    let calls: Vec<_> = simulate::calls(&world).collect();
    let (mut coming, every) = (Vec::new(), calls.len() / feedback.len());
    let mut told = (0..).zip(feedback);
    for (offset, call) in calls.iter().enumerate() {
        coming.push(Coming::Record(Stream::Calls, offset as i64, call.line(WireFormat::Tccc)));
        if offset % every == 0
            && let Some((offset, line)) = told.next()
        {
            coming.push(Coming::Record(Stream::Feedback, offset, line));
        }
        if offset % 997 == 0 {
            let nothing = Registration::nothing(simulate::app_id(call.app).to_string());
            coming.push(Coming::Filed(Box::new(Registration { seats: Some(1 + offset as u32 % 7), ..nothing })));
        }
    }
    coming
}

/// How a lane fares.
#[derive(Clone, Copy)]
struct Fate {
    seed: u64,
    /// How likely a checkpoint begins after something came, and that the lane crashes.
    begin: f64,
    crash: f64,
    /// Of checkpoints, how many write the state.
    whole: f64,
}

/// A lane with its topic.
struct Life<'c> {
    bench: Bench,
    coming: &'c [Coming],
    lane: Lane,
    topic: Topic,
    sent: Vec<Alert>,
    /// What came before this is taken in, and committed.
    at: usize,
    committed: usize,
    /// State that is collected and not written yet.
    snapshot: Option<Part>,
    /// How often it relived something.
    relived: usize,
    /// A stream of which the log holds nothing any more.
    lost: Option<Stream>,
}

impl<'c> Life<'c> {
    fn new(coming: &'c [Coming]) -> Self {
        let mut bench = Bench::new();
        bench.reading.format = Format::Tccc;
        let lane = bench.lane(from_the_start());
        Self {
            bench,
            coming,
            lane,
            topic: Topic::default(),
            sent: vec![],
            at: 0,
            committed: 0,
            snapshot: None,
            relived: 0,
            lost: None,
        }
    }

    fn next(&mut self) {
        let Bench { reading, registrations, out, .. } = &mut self.bench;
        match &self.coming[self.at] {
            Coming::Record(stream, offset, payload) => {
                let raw = Raw { payload, key: None, offset: *offset };
                // The limit moves on like a clock.
                let newest = NEWEST.plus_millis(-1_000_000 + self.at as i64 / 50);
                match stream {
                    Stream::Feedback => self.lane.feedback(raw, reading, newest, registrations, out),
                    _ => self.lane.call(raw, reading, newest, registrations, out),
                }
            }
            Coming::Filed(registration) => {
                self.lane.registration(registration, out);
                registrations.keep(Arc::new(Registration::clone(registration)));
            }
        }
        self.at += 1;
    }

    fn post(&mut self) {
        let Bench { out, metrics, .. } = &mut self.bench;
        out.effects.alerts.drain(..).for_each(|alert| self.lane.post(alert, Instant::now(), metrics));
    }

    fn commit(&mut self, mut part: Part) {
        part.pack();
        self.topic.write(&part);
        self.sent.extend(part.alerts.into_iter().map(|(outgoing, _)| outgoing.alert));
    }

    /// A new process: recalls what is committed, and relives what the journal names. Returns what came of that, if there was anything.
    fn recall(&mut self) -> Option<Result<Relived, (Stream, i64)>> {
        self.at = self.committed;
        let mut recalled = if self.topic.0.is_empty() { from_the_start() } else { self.topic.recall() };
        let journal = recalled.kept.as_mut().map(|kept| (kept.end.clone(), std::mem::take(&mut kept.journal)));
        self.lane = self.bench.lane(recalled);
        let (end, journal) = journal.filter(|(_, journal)| !journal.is_empty())?;
        let (next_call, next_feedback) = self.lane.position();
        let (past, lost) = (&self.coming[..self.at], self.lost);
        let of = |wanted: Stream, from: i64| {
            past.iter().filter_map(move |coming| match coming {
                Coming::Record(stream, offset, payload) if *stream == wanted && Some(wanted) != lost && *offset >= from => {
                    Some((*offset, payload))
                }
                _ => None,
            })
        };
        let own = |(offset, payload): (i64, &Vec<u8>)| OwnedRecord { payload: payload.as_slice().into(), offset };
        let feedback = of(Stream::Feedback, next_feedback.unwrap_or_default()).map(own).collect();
        let mut reliving = Reliving::new(&mut self.lane, end, journal, &self.bench.reading, feedback);
        for (offset, payload) in of(Stream::Calls, next_call) {
            reliving.call(Raw { payload, key: None, offset });
        }
        Some(reliving.end())
    }

    /// The ids of its open alerts as it begins to be judged here, in order.
    fn settle_in(&mut self) -> Vec<String> {
        let Bench { registrations, metrics, out, .. } = &mut self.bench;
        let open = self.lane.settle_in(registrations, metrics, out);
        out.effects.sketches.clear();
        let mut open: Vec<String> = open.into_iter().map(|alert| alert.alert_id).collect();
        open.sort_unstable();
        open
    }

    fn crash(&mut self) {
        self.snapshot = None;
        if let Some(relived) = self.recall() {
            assert!(relived.expect("all is there").is_same, "judged otherwise than the first time");
            self.relived += 1;
        }
        self.settle_in();
        let has_said = |alert: &Alert| self.sent.contains(alert);
        assert!(!self.bench.out.effects.alerts.iter().any(has_said), "what was said is not said again");
    }
}

/// Lets a lane take in all of it, with checkpoints of all kinds begun after some of it and made while more is judged, and with
/// crashes. Returns what left, and how often it relived something.
fn lived(coming: &[Coming], fate: Fate) -> (Vec<Alert>, usize) {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(fate.seed);
    let mut life = Life::new(coming);
    // The moment of the state that is being made for a checkpoint.
    let mut moment = None;
    while life.committed < coming.len() {
        // What was filed is not taken back by a crash: a checkpoint goes before it and another follows at once.
        let is_filed = |at: usize| matches!(coming.get(at), Some(Coming::Filed(_)));
        if life.at < coming.len() && !(is_filed(life.at) && life.committed < life.at) {
            life.next();
        }
        let is_urgent = life.at == coming.len() || is_filed(life.at) || is_filed(life.at - 1);
        let begins = moment.is_none() && (is_urgent || random.random_bool(fate.begin));
        let is_busy = life.snapshot.is_some() || life.lane.part.is_some();
        let has_snapshot = !is_busy && random.random_bool(0.2);
        let extent = match is_busy {
            true => Extent::EntryOnly,
            false if random.random_bool(fate.whole) => Extent::State,
            false => Extent::Entry,
        };
        // An entry may leave while something is closed and not judged.
        let must_be_judged = is_urgent || begins && (has_snapshot || life.lane.must_give_state(extent));
        if must_be_judged || life.lane.is_behind() || random.random_bool(0.01) {
            life.lane.catch_up(&mut life.bench.out);
        }
        life.post();
        if begins {
            match life.lane.begin_checkpoint(extent, &life.bench.place) {
                Given::Nothing => {}
                Given::State => moment = Some(life.at),
                Given::Entry(part) => {
                    life.committed = life.at;
                    life.commit(*part);
                    if let Some(snapshot) = life.snapshot.take_if(|_| random.random_bool(0.5)) {
                        life.commit(snapshot);
                    } else if has_snapshot {
                        life.lane.begin_snapshot(&life.bench.place);
                    }
                }
            }
        }
        match life.lane.go_on(|| is_urgent || random.random_bool(0.2)) {
            Some(part) if part.is_snapshot => life.snapshot = Some(part),
            Some(part) => {
                life.committed = moment.take().expect("state is made of a moment");
                life.commit(part);
            }
            None if random.random_bool(fate.crash) && !is_filed(life.at - 1) => {
                life.crash();
                moment = None;
            }
            None => {}
        }
    }
    (life.sent, life.relived)
}

#[test]
fn a_lane_can_crash_anywhere_and_go_on_with_the_same_alerts() {
    let coming = day();
    let (uncut, _) = lived(&coming, Fate { seed: 0, begin: 0.0, crash: 0.0, whole: 1.0 });
    assert!(uncut.len() > 20, "{} alerts are too few to prove anything", uncut.len());
    for seed in 1..=6 {
        let whole = [1.0, 0.3, 0.0][seed as usize % 3];
        let (sent, relived) = lived(&coming, Fate { seed, begin: 0.002, crash: 0.0005, whole });
        assert_eq!(sent, uncut, "seed {seed}");
        assert!(relived > 5 || whole == 1.0, "seed {seed}: it relived something {relived} times only");
    }
}

#[test]
fn the_last_checkpoint_leaves_no_journal_behind() {
    let mut bench = Bench::new();
    let (mut lane, mut topic) = (bench.lane(from_the_start()), Topic::default());
    bench.call(&mut lane, &call("1", "", START_S), 0);
    topic.write(&checkpoint(&mut lane, &bench).expect("the first is of the whole state"));
    bench.call(&mut lane, &call("2", "", START_S), 1);
    let Given::Entry(part) = lane.begin_checkpoint(Extent::Entry, &bench.place) else { panic!("an entry") };
    topic.write(&part);
    let journal = |topic: &Topic| topic.recall().kept.expect("state").journal.len();
    assert_eq!(journal(&topic), 1);
    topic.write(&checkpoint(&mut lane, &bench).expect("nothing happened, but the state is old"));
    assert_eq!(journal(&topic), 0);
    assert!(checkpoint(&mut lane, &bench).is_none());
}

/// What a second life, after one that wrote its state early and then a journal up to the end, makes of the same calls.
struct Second {
    /// The ids of the alerts that are open by the first life, and by the second.
    open: [Vec<String>; 2],
    /// What the second sends because the first did not.
    anew: Vec<Alert>,
    is_same: bool,
}

/// A life that wrote its state early, and then a journal up to the end.
fn with_a_journal(coming: &[Coming], policy: Policy) -> Life<'_> {
    let mut life = Life::new(coming);
    life.bench.policy = Arc::new(policy);
    life.lane = life.bench.lane(from_the_start());
    for at in 0..coming.len() {
        life.next();
        if at == 100 || at + 1 == coming.len() {
            life.lane.catch_up(&mut life.bench.out);
            life.post();
            let part = match life.lane.begin_checkpoint(Extent::Entry, &life.bench.place) {
                Given::Entry(part) => *part,
                _ => life.lane.go_on(|| true).expect("state"),
            };
            life.commit(part);
        }
    }
    life.committed = coming.len();
    life
}

fn judged_again(coming: &[Coming], first: Policy, second: Policy) -> Second {
    let mut life = with_a_journal(coming, first);
    let before = life.settle_in();
    life.bench.policy = Arc::new(second);
    let is_same = life.recall().expect("a journal").expect("all is there").is_same;
    let after = life.settle_in();
    Second { open: [before, after], anew: std::mem::take(&mut life.bench.out.effects.alerts), is_same }
}

#[test]
fn what_the_journal_names_and_the_log_lost_is_missed() {
    let coming = day();
    let mut life = with_a_journal(&coming, Policy::for_tests());
    for lost in [Stream::Calls, Stream::Feedback] {
        life.lost = Some(lost);
        let (stream, next) = life.recall().expect("a journal").expect_err("it is lost");
        assert!(stream == lost && next < 200, "{stream:?} {next}");
    }
}

#[test]
fn what_was_said_stands_whoever_judges_again() {
    let coming = day();
    let switched = |mode| {
        let mut policy = Policy::for_tests();
        RuleName::ALL.iter().for_each(|rule| policy.rules.set_mode(*rule, mode));
        policy
    };
    let Second { open: [before, after], anew, is_same } = judged_again(&coming, switched(Mode::On), switched(Mode::On));
    assert!(before.len() > 3 && before == after && anew.is_empty() && is_same, "{before:?} {after:?} {anew:?}");

    let Second { open: [before, after], anew, is_same } = judged_again(&coming, switched(Mode::On), switched(Mode::Off));
    assert!(before.len() > 3 && before == after && anew.is_empty(), "open for whoever was told: {before:?} {after:?} {anew:?}");
    assert!(!is_same);

    let Second { open: [before, after], anew, is_same } = judged_again(&coming, switched(Mode::Off), switched(Mode::On));
    let is_told = |id: &String| anew.iter().any(|alert| alert.alert_id == *id);
    assert!(before.is_empty() && after.len() > 3 && after.iter().all(is_told), "{before:?} {after:?} {anew:?}");
    assert!(!is_same);
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

    let mut next_life = bench.lane(topic.recall());
    assert_eq!(next_life.progress().waiting(), 2);
    let inherited: Vec<u64> = next_life.take_inherited().iter().map(|outgoing| outgoing.number).collect();
    assert_eq!(inherited, [3, 4]);
    next_life.progress().delivered(0, 5);
    topic.write(&checkpoint(&mut next_life, &bench).expect("delivered ones are deleted"));
    assert!(bench.lane(topic.recall()).take_inherited().is_empty());

    let mut small = bench.lane(from_the_start());
    (0..4).for_each(|number| small.post(alert(number), Instant::now(), &bench.metrics));
    assert!(small.progress().is_full());
    small.progress().delivered(0, 1);
    assert!(!small.progress().is_full());
}
