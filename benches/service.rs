//! The whole service on a real Apache Kafka: what it does with a backlog, what checkpoints cost, how long a restore and a crash take,
//! and how soon an alert is seen.
//!
//! Everything is measured in turn within one run, beside the same consumer doing nothing, and medians are printed: absolute
//! times mean little on a shared machine. `DIALWATCH_BENCH_CALLS`, `_ROUNDS`, `_CALLEES` and `_SECONDS` make it smaller.
#![allow(clippy::expect_used)]
#![allow(dead_code, reason = "the harness serves tests too")]

#[path = "../tests/kafka/access.rs"]
mod access;
#[path = "../tests/kafka/alerts.rs"]
mod alerts;
#[path = "../tests/kafka/broker.rs"]
mod broker;
#[path = "../tests/kafka/jars.rs"]
mod jars;
#[path = "../tests/kafka/producing.rs"]
mod producing;
#[path = "../tests/kafka/program.rs"]
mod program;
#[path = "../tests/kafka/reading.rs"]
mod reading;
#[path = "../tests/kafka/topics.rs"]
mod topics;
#[path = "../tests/kafka/traffic.rs"]
mod traffic;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dialwatch::config::Config;
use dialwatch::kafka::provision;
use dialwatch::simulate::World;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use broker::Broker;
use producing::{Writer, produce};
use program::{Program, Scrape, eventually};
use reading::{Isolation, Tail, read};
use topics::{Position, Topics, create};
use traffic::{Record, Traffic};

const PARTITIONS: i32 = 4;
/// Calls of an app on a simulated day, about.
const CALLS_A_DAY: usize = 2_000;
/// Records are handed to the client so often while a rate is kept.
const BEAT: Duration = Duration::from_millis(5);
/// From then on alerts count.
const UNDER_WAY_AFTER: Duration = Duration::from_secs(3);
/// So often a service is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(100);
const NO_IDLE_TICKS: &str = "  idle_timeout: '0'\n";
/// Hardly ever; by default; the same without alerts, which leave with checkpoints and so do not leave at all in the first; state six
/// times as often; state with every checkpoint.
const TACTS: [Tact; 5] = [
    Tact::of("1h", "1h"),
    Tact::of("1s", "1m"),
    Tact { writes_alerts: false, ..Tact::of("1s", "1m") },
    Tact::of("1s", "10s"),
    Tact::of("10s", "0"),
];
const DEFAULT: Tact = TACTS[1];

/// What a service writes.
#[derive(Clone, Copy, PartialEq)]
struct Tact {
    /// How often there are checkpoints.
    checkpoints: &'static str,
    /// How often the state of a partition is written.
    state: &'static str,
    writes_alerts: bool,
}

impl Tact {
    const fn of(checkpoints: &'static str, state: &'static str) -> Self {
        Self { checkpoints, state, writes_alerts: true }
    }

    fn told(self) -> String {
        let Self { checkpoints, state, writes_alerts } = self;
        format!("checkpoints every {checkpoints}, state {state}{}", if writes_alerts { "" } else { ", no alerts" })
    }

    fn configured(self) -> String {
        format!("{NO_IDLE_TICKS}  checkpoint_interval: {}\n  snapshot_interval: '{}'\n", self.checkpoints, self.state)
    }
}

/// How much is done.
struct Sizes {
    calls: usize,
    rounds: usize,
    callees: usize,
    seconds: usize,
}

impl Sizes {
    fn from_environment() -> Self {
        let size = |name: &str, default| {
            std::env::var(format!("DIALWATCH_BENCH_{name}")).map_or(default, |size| size.parse().expect("a number"))
        };
        Self {
            calls: size("CALLS", 6_000_000),
            rounds: size("ROUNDS", 5),
            callees: size("CALLEES", 1_000_000),
            seconds: size("SECONDS", 30),
        }
    }

    /// A world of a day with at least so many calls.
    fn world(&self) -> World {
        World::new(7, 1, (self.calls / CALLS_A_DAY) as u32 + 40)
    }
}

fn main() {
    let Some(broker) = broker::shared() else { return };
    let sizes = Sizes::from_environment();
    let rate = backlog(broker, &sizes);
    restore(broker, &sizes);
    crash(broker, &sizes);
    // The writer of the calls needs the processors too, and at half of the top rate leaves none.
    [2.0, 3.0, 4.0].into_iter().for_each(|part| latency(broker, &sizes, rate / part));
}

/// A full backlog: the consumer alone, and the service with checkpoints of different frequency. Returns the rate of the
/// service as it is configured by default, in records a second.
fn backlog(broker: &Broker, sizes: &Sizes) -> f64 {
    let traffic = Traffic::of_first(sizes.calls, &sizes.world());
    let (count, bytes) = (traffic.calls.len(), traffic.calls.iter().map(|call| call.value.len()).sum::<usize>());
    let inputs = Topics {
        // As it is read, so it was written: nothing is unpacked on the way.
        calls: create(broker, "calls", PARTITIONS, &[("compression.type", "uncompressed")]),
        ..traffic.produce_before_calls(broker, PARTITIONS)
    };
    produce(broker, &inputs.calls, PARTITIONS, &traffic.calls);
    drop(traffic);
    println!("{count} calls of {} bytes in {PARTITIONS} partitions, medians of {} rounds in turn", bytes / count, sizes.rounds);

    let mut rates = vec![Vec::new(); 1 + TACTS.len()];
    let mut checkpoints: Vec<Vec<Checkpoints>> = TACTS.iter().map(|_| Vec::new()).collect();
    for round in 0..sizes.rounds {
        // Another begins each round: two settings that both made no checkpoint were 9 % apart while they kept their places.
        for turn in 0..rates.len() {
            match (round + turn) % rates.len() {
                0 => rates[0].push(drained(broker, &inputs, count)),
                at => {
                    let (rate, written) = consumed(broker, &inputs, count, TACTS[at - 1]);
                    rates[at].push(rate);
                    checkpoints[at - 1].push(written);
                }
            }
        }
    }
    let rates: Vec<f64> = rates.into_iter().map(median).collect();
    println!("{:<46} {:>10} {:>14} {:>18}", "", "records/s", "of the client", "of no checkpoints");
    println!("{:<46} {:>10.0} {:>14.2}", "the client alone, doing nothing", rates[0], 1.0);
    for (tact, rate) in TACTS.iter().zip(&rates[1..]) {
        println!("{:<46} {rate:>10.0} {:>14.2} {:>18.2}", tact.told(), rate / rates[0], rate / rates[1]);
    }
    println!("{:<46} {:>10} {:>10} {:>14} {:>18}", "", "written", "states", "MB in all", "pauses up to, ms");
    for (tact, written) in TACTS.iter().zip(checkpoints) {
        let of = |what: fn(&Checkpoints) -> f64| median(written.iter().map(what).collect());
        let (count, states, mb, pause_ms) =
            (of(|all| all.count), of(|all| all.states), of(|all| all.bytes / 1e6), of(|all| all.pause_ms));
        println!("{:<46} {count:>10.0} {states:>10.0} {mb:>14.1} {pause_ms:>18.0}", tact.told());
    }
    rates[1 + TACTS.iter().position(|tact| *tact == DEFAULT).expect("it is one of them")]
}

/// What checkpoints came to in one run.
struct Checkpoints {
    count: f64,
    /// Partitions whose state was written between two.
    states: f64,
    bytes: f64,
    /// No worker did nothing else for longer: the end of a bucket.
    pause_ms: f64,
}

/// A group and outputs of its own over the same inputs.
fn anew(broker: &Broker, inputs: &Topics) -> Topics {
    let Topics { calls, feedback, registry, .. } = inputs.clone();
    Topics { calls, feedback, registry, ..as_provisioned(broker, Topics::create(broker, inputs.partitions)) }
}

/// With a topic of state as operators are told to create it: that of the tests is tidied up all the time, at the price of a
/// processor.
fn as_provisioned(broker: &Broker, topics: Topics) -> Topics {
    let config = Config::parse(&topics.config(broker, ""), "").expect("valid");
    let plans = provision::topics(config.kafka(), PARTITIONS, 1);
    let plan = plans.into_iter().find(|plan| plan.name == topics.state).expect("it has state");
    Topics { state: create(broker, "state", PARTITIONS, &plan.settings), ..topics }
}

/// The rate from a tenth of `count` on: what comes before is connecting and getting under way.
struct Pace {
    count: usize,
    begun: Option<(Instant, usize)>,
}

impl Pace {
    fn new(count: usize) -> Self {
        Self { count, begun: None }
    }

    /// Notes how many there are by now. Returns the rate in records a second, once there are all.
    fn note(&mut self, by_now: usize) -> Option<f64> {
        match self.begun {
            None if by_now >= self.count / 10 => {
                self.begun = Some((Instant::now(), by_now));
                None
            }
            Some((since, before)) if by_now >= self.count => Some((by_now - before) as f64 / since.elapsed().as_secs_f64()),
            _ => None,
        }
    }
}

/// The rate at which the service's own client, set as the service sets it, hands over all calls to somebody who does
/// nothing with them.
fn drained(broker: &Broker, inputs: &Topics, count: usize) -> f64 {
    let config = Config::parse(&inputs.config(broker, ""), "").expect("valid");
    let mut client = ClientConfig::new();
    client.extend(config.kafka().client_properties(Path::new("")).expect("no secrets"));
    let client: BaseConsumer = client.create().expect("a consumer");
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        assignment.add_partition_offset(&inputs.calls, partition, Offset::Beginning).expect("a partition");
    }
    client.assign(&assignment).expect("assigned");
    let (mut pace, mut by_now) = (Pace::new(count), 0);
    loop {
        // The end of a partition is told as an error.
        by_now += usize::from(matches!(client.poll(Duration::from_millis(100)), Some(Ok(_))));
        if let Some(rate) = pace.note(by_now) {
            return rate;
        }
    }
}

/// The rate at which the service judges the same calls, and what its checkpoints came to.
fn consumed(broker: &Broker, inputs: &Topics, count: usize, tact: Tact) -> (f64, Checkpoints) {
    let topics = anew(broker, inputs);
    let topics = if tact.writes_alerts { topics } else { Topics { alerts: "null".into(), ..topics } };
    let mut program = Program::start_quiet(&topics.config(broker, &tact.configured()));
    let mut pace = Pace::new(count);
    let rate = program.eventually("all judged", |program| {
        // Whoever asks all the time is a load of its own.
        thread::park_timeout(ASK_EVERY);
        let by_now = program.try_scrape()?.sum("dialwatch_records_consumed_total", &[("stream", "calls")]);
        pace.note(by_now as usize)
    });
    let scrape = program.scrape();
    program.kill();
    let checkpoints = Checkpoints {
        count: scrape.sum("dialwatch_checkpoints_total", &[("result", "committed")]),
        states: scrape.sum("dialwatch_checkpoint_snapshots_total", &[]),
        bytes: scrape.sum("dialwatch_checkpoint_bytes_total", &[]),
        pause_ms: longest_ms(&scrape),
    };
    (rate, checkpoints)
}

/// The end of the last bucket that has a pause in it.
fn longest_ms(scrape: &Scrape) -> f64 {
    let pauses = |name: &str| scrape.sum(&format!("dialwatch_checkpoint_duration_seconds_{name}"), &[("phase", "collect")]);
    let all = pauses("count");
    let within =
        |end_s: &str| scrape.sum("dialwatch_checkpoint_duration_seconds_bucket", &[("phase", "collect"), ("le", end_s)]) >= all;
    let ends_s = ["0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "10", "60"];
    ends_s.iter().find(|end_s| within(end_s)).map_or(f64::INFINITY, |end_s| end_s.parse::<f64>().expect("seconds") * 1e3)
}

/// How long it takes to be at work again with so many remembered callees, beside a start with none.
fn restore(broker: &Broker, sizes: &Sizes) {
    println!("\n{} remembered callees, medians of {} rounds in turn", sizes.callees, sizes.rounds);
    println!("{:<28} {:>14} {:>12} {:>14} {:>20}", "", "pauses to, ms", "state, MB", "restored, s", "beside an empty one");
    for apps in [1, 1_000].into_iter().filter(|apps| sizes.callees / apps <= CALLEES_AN_APP) {
        let (topics, pause_ms) = remembered(broker, sizes.callees, apps);
        let empty = Topics::create(broker, PARTITIONS);
        let (mut full_s, mut empty_s) = (Vec::new(), Vec::new());
        for _ in 0..sizes.rounds {
            empty_s.push(at_work_s(&empty.config(broker, FORMAT)));
            full_s.push(at_work_s(&topics.config(broker, FORMAT)));
        }
        let newest = read(broker, &topics.state, Isolation::Committed)
            .into_iter()
            .map(|stored| ((stored.partition, stored.key), stored.value.map_or(0, |value| value.len())));
        let bytes: usize = newest.collect::<BTreeMap<_, _>>().into_values().sum();
        let (full_s, empty_s) = (median(full_s), median(empty_s));
        let (name, mb) = (format!("in {apps} apps"), bytes as f64 / 1e6);
        println!("{name:<28} {pause_ms:>14} {mb:>12.1} {:>14.2} {:>20}", full_s - empty_s, format!("{full_s:.2} - {empty_s:.2}"));
    }
}

/// The bound in `FORMAT`.
const CALLEES_AN_APP: usize = 2_000_000;
/// So many calls are made up and judged at a time.
const AT_A_TIME: usize = 1_000_000;
const FORMAT: &str = "  idle_timeout: '0'\n  checkpoint_interval: 1s\n  format: dialwatch\nbounds: {callees_per_app: 2000000}\n";

/// A group that has judged a call to each of so many callees, and the longest pause that checkpoints made meanwhile.
fn remembered(broker: &Broker, callees: usize, apps: usize) -> (Topics, f64) {
    let topics = Topics::create(broker, PARTITIONS);
    let mut program = Program::start_quiet(&topics.config(broker, FORMAT));
    let position = Position::in_calls(broker, &topics);
    for first in (0..callees).step_by(AT_A_TIME) {
        let calls: Vec<Record> = (first..callees.min(first + AT_A_TIME)).map(|index| call(index, apps)).collect();
        produce(broker, &topics.calls, PARTITIONS, &calls);
        program.eventually("all judged", |_| position.is_at_end().then_some(()));
    }
    let pause_ms = longest_ms(&program.scrape());
    program.end();
    (topics, pause_ms)
}

/// A call to a callee of its own, twenty a second.
fn call(index: usize, apps: usize) -> Record {
    let (app_id, start_ms) = (1_400_000_000 + index % apps, 1_773_000_000_000 + index as u64 * 50);
    // Scattered, so that none is next to the one before; but at few different distances, which zstd finds.
    let callee = index * 61_803_399 % 100_000_000;
    let value = format!(
        r#"{{"call_id":"{index:08x}-1ef6-4ad2-a8c4-2b2bbfb18e55","app_id":"{app_id}","direction":"outbound","kind":"agent","caller":"+8675580000000","callee":"+86199{callee:08}","start":{start_ms},"ring":{},"answer":{},"end":{},"outcome":"answered","hangup_by":"agent","agent":"7"}}"#,
        start_ms + 3_000,
        start_ms + 9_000,
        start_ms + 40_000,
    );
    Record { key: app_id.to_string(), value: value.into_bytes() }
}

/// From the start of the process until all partitions are at work, in seconds.
fn at_work_s(config: &str) -> f64 {
    let began = Instant::now();
    let mut program = Program::start_quiet(config);
    program.wait_until_ready();
    let took_s = began.elapsed().as_secs_f64();
    program.end();
    took_s
}

/// How long it takes to be at work again after a crash, when a sixth of the calls is in the journal alone: beside a start with none.
fn crash(broker: &Broker, sizes: &Sizes) {
    let traffic = Traffic::of_first(sizes.calls / 6, &sizes.world());
    let config =
        |topics: &Topics| topics.config(broker, &format!("{}  group_instance_id: only\n", Tact::of("1s", "1h").configured()));
    let (mut full_s, mut empty_s) = (Vec::new(), Vec::new());
    for _ in 0..sizes.rounds {
        empty_s.push(at_work_s(&config(&Topics::create(broker, PARTITIONS))));
        let topics = as_provisioned(broker, traffic.produce_before_calls(broker, PARTITIONS));
        let mut program = Program::start_quiet(&config(&topics));
        program.wait_assigned(|partitions| partitions == PARTITIONS as u32);
        // The first checkpoint is of the whole state: of one call a partition.
        let (first, rest) = traffic.calls.split_at(100);
        let position = Position::in_calls(broker, &topics);
        for calls in [first, rest] {
            produce(broker, &topics.calls, PARTITIONS, calls);
            program.eventually("all judged", |_| position.is_at_end().then_some(()));
        }
        program.kill();
        full_s.push(at_work_s(&config(&topics)));
    }
    let (full_s, empty_s, calls) = (median(full_s), median(empty_s), traffic.calls.len());
    println!("\nat work {full_s:.2} s after a crash with {calls} calls in the journal alone, {empty_s:.2} s after none:");
    println!("{:.0} calls a second are judged again", calls as f64 / (full_s - empty_s));
}

/// From handing over the call at which an alert is due to seeing the alert committed. The lateness is not in it: that call
/// is the one that moves event time past the minute and the lateness. What the first seconds bring does not count: a start at such
/// a rate is a backlog.
fn latency(broker: &Broker, sizes: &Sizes, rate: f64) {
    let calls = ((rate * sizes.seconds as f64) as usize).min(sizes.calls);
    let traffic = Traffic::of_first(calls, &sizes.world());
    let due: Vec<(usize, String)> =
        traffic.judged_at(PARTITIONS, None).into_iter().map(|(at, alert)| (at, alert.alert_id)).collect();
    println!("\n{rate:.0} calls a second for {:.0} s, {} messages of alerts", calls as f64 / rate, due.len());
    println!("{:<44} {:>12} {:>12} {:>12} {:>12}", "from produce to alert", "p50, ms", "p99, ms", "longest, ms", "written, ms");
    let tacts = [DEFAULT, Tact::of("100ms", "1m")];
    let mut figures: [[Vec<f64>; 4]; 2] = Default::default();
    for _ in 0..sizes.rounds {
        for (tact, figures) in tacts.iter().zip(&mut figures) {
            let (mut waits_ms, written_ms) = waits_ms(broker, &traffic, &due, rate, *tact);
            waits_ms.sort_by(f64::total_cmp);
            let at =
                |share: f64| waits_ms.get((waits_ms.len() as f64 * share) as usize).or(waits_ms.last()).copied().unwrap_or(0.0);
            let round = [at(0.5), at(0.99), at(1.0), written_ms];
            figures.iter_mut().zip(round).for_each(|(figures, figure)| figures.push(figure));
        }
    }
    for (tact, figures) in tacts.iter().zip(figures) {
        let [half, most, longest, written] = figures.map(median);
        println!("{:<44} {half:>12.0} {most:>12.0} {longest:>12.0} {written:>12.0}", tact.told());
    }
}

/// How long each alert took, and how long a checkpoint took from the hands of the workers to being committed.
fn waits_ms(broker: &Broker, traffic: &Traffic, due: &[(usize, String)], rate: f64, tact: Tact) -> (Vec<f64>, f64) {
    let topics = as_provisioned(broker, traffic.produce_before_calls(broker, PARTITIONS));
    let mut program = Program::start_quiet(&topics.config(broker, &tact.configured()));
    program.wait_assigned(|partitions| partitions == PARTITIONS as u32);
    let tail = Tail::of(broker, &topics.alerts, Isolation::Committed);
    let is_over = AtomicBool::new(false);
    let (written, mut seen) = thread::scope(|scope| {
        let seen = scope.spawn(|| seen(&tail, due.len(), &is_over));
        let written = paced(broker, &topics, &traffic.calls, rate);
        let position = Position::in_calls(broker, &topics);
        eventually("all judged", || position.is_at_end().then_some(()));
        is_over.store(true, Ordering::Relaxed);
        (written, seen.join().expect("it watched"))
    });
    let scrape = program.scrape();
    let commits = |name: &str| scrape.sum(&format!("dialwatch_checkpoint_duration_seconds_{name}"), &[("phase", "commit")]);
    let written_ms = commits("sum") / commits("count").max(1.0) * 1e3;
    program.end();
    let wait_ms = |(at, alert_id): &(usize, String)| {
        let seen =
            seen.get_mut(alert_id).and_then(|seen| (!seen.is_empty()).then(|| seen.remove(0))).expect("every alert is seen");
        let is_counted = written[*at] >= written[0] + UNDER_WAY_AFTER;
        is_counted.then(|| seen.duration_since(written[*at]).as_secs_f64() * 1e3)
    };
    (due.iter().filter_map(wait_ms).collect(), written_ms)
}

/// Writes calls at a rate. Returns when each was handed over.
fn paced(broker: &Broker, topics: &Topics, calls: &[Record], rate: f64) -> Vec<Instant> {
    let writer = Writer::new(&broker.config(), &topics.calls, PARTITIONS);
    let (began, mut written) = (Instant::now(), Vec::with_capacity(calls.len()));
    while written.len() < calls.len() {
        let is_due = ((began.elapsed().as_secs_f64() * rate) as usize).min(calls.len());
        if is_due > written.len() {
            let now = Instant::now();
            writer.write(&calls[written.len()..is_due]);
            written.resize(is_due, now);
        }
        thread::park_timeout(BEAT);
    }
    writer.finish();
    written
}

/// When each message of each alert was seen.
fn seen(tail: &Tail, count: usize, is_over: &AtomicBool) -> BTreeMap<String, Vec<Instant>> {
    let (mut seen, mut by_now) = (BTreeMap::<String, Vec<Instant>>::new(), 0);
    while by_now < count {
        match tail.next(Duration::from_secs(2)) {
            Some(stored) => {
                let alert_id = String::from_utf8(stored.key.expect("an alert has an id")).expect("text");
                seen.entry(alert_id).or_default().push(Instant::now());
                by_now += 1;
            }
            // All is committed, and nothing comes: whatever is missing will not.
            None if is_over.load(Ordering::Relaxed) => break,
            None => {}
        }
    }
    seen
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
