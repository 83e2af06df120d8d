//! The service against a real Apache Kafka. Without one the tests say `skipped` and pass, except on CI.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod broker;
mod program;
mod traffic;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::Arc;

use dialwatch::config::Config;
use dialwatch::engine::policy::Policy;
use dialwatch::engine::time::Timestamp;
use dialwatch::simulate::World;
use program::{Program, config};
use traffic::{Alerts, Record, Topics, Traffic, produce, produce_raw};

const PARTITIONS: i32 = 4;
/// Only records move time: nothing depends on how fast the test runs.
const NO_IDLE_TICKS: &str = "  idle_timeout: '0'\n";

/// A day of a small world, good apps and bad.
fn world() -> World {
    World::new(11, 1, 24)
}

/// What the service judges by where a configuration says nothing of it.
fn policy() -> Arc<Policy> {
    Arc::new(Config::parse("", "").expect("the built-in configuration").policy())
}

#[test]
fn live_equals_the_engine_alone() {
    let Some(broker) = broker::shared() else { return };
    let traffic = Traffic::of(&world());
    let topics = traffic.produce(broker, PARTITIONS);
    let config = config(broker, &topics, NO_IDLE_TICKS);
    let mut program = Program::start(&config);
    program.wait_for("calls", traffic.calls.len() as u64);
    program.wait_for("feedback", traffic.feedback.len() as u64);
    program.wait_for("registry", traffic.registry.len() as u64);
    assert!(program.get("/-/ready").expect("answered").starts_with("HTTP/1.1 200"));
    let scrape = program.scrape();
    assert_eq!(scrape.sum("dialwatch_partitions_assigned", &[]), f64::from(PARTITIONS));
    let expected = traffic.judged(PARTITIONS, &policy(), None);
    assert!(expected.len() > 20, "{} alerts are too few to prove anything", expected.len());
    assert_eq!(scrape.sum("dialwatch_alerts_total", &[]), expected.len() as f64);
    program.end().assert_equal(&expected);

    // What was judged is committed: a second run of the group finds nothing to do, not even the feedback.
    let mut again = Program::start(&config);
    program::eventually("a second assignment", || again.get("/-/ready").filter(|answer| answer.starts_with("HTTP/1.1 200")));
    produce(broker, &topics.calls, PARTITIONS, &traffic.calls[traffic.calls.len() - 1..]);
    again.wait_for("calls", 1);
    let scrape = again.scrape();
    assert_eq!(scrape.sum("dialwatch_records_consumed_total", &[("stream", "calls")]), 1.0);
    assert_eq!(scrape.sum("dialwatch_records_consumed_total", &[("stream", "feedback")]), 0.0);
    assert_eq!(again.end().len(), 0);
}

#[test]
fn a_poison_record_is_counted_and_costs_nothing_else() {
    let Some(broker) = broker::shared() else { return };
    let traffic = Traffic::of(&World::new(12, 1, 12));
    let (first, second) = traffic.calls.split_at(traffic.calls.len() / 2);
    let topics = Topics {
        calls: broker.create_topic("calls", PARTITIONS, &[]),
        feedback: broker.create_topic("feedback", PARTITIONS, &[]),
        registry: broker.create_topic("registry", 1, &[("cleanup.policy", "compact")]),
    };
    produce(broker, &topics.registry, 1, &traffic.registry);
    produce_raw(broker, &topics.registry, 0, b"no registration");
    produce(broker, &topics.feedback, PARTITIONS, &traffic.feedback);
    produce_raw(broker, &topics.feedback, 1, b"\xff\xfe");
    produce(broker, &topics.calls, PARTITIONS, first);
    for partition in 0..PARTITIONS {
        produce_raw(broker, &topics.calls, partition, b"{\"callee\":\"+8613800000000\",");
    }
    produce(broker, &topics.calls, PARTITIONS, second);

    let mut program = Program::start(&config(broker, &topics, NO_IDLE_TICKS));
    program.wait_for("calls", traffic.calls.len() as u64 + PARTITIONS as u64);
    program.wait_for("feedback", traffic.feedback.len() as u64 + 1);
    let scrape = program.scrape();
    for (stream, invalid) in [("calls", f64::from(PARTITIONS)), ("feedback", 1.0), ("registry", 1.0)] {
        assert_eq!(scrape.sum("dialwatch_records_total", &[("stream", stream), ("result", "invalid")]), invalid, "{stream}");
    }
    let log = program.log();
    assert!(log.contains("a record cannot be read and does not count"), "{log}");
    assert!(!log.contains("13800000000"), "no number may reach the log: {log}");
    program.end().assert_equal(&traffic.judged(PARTITIONS, &policy(), None));
}

#[test]
fn an_idle_partition_is_driven_by_the_wall_clock() {
    let Some(broker) = broker::shared() else { return };
    let traffic = Traffic::of(&World::new(13, 1, 12));
    let topics = traffic.produce(broker, PARTITIONS);
    let mut program = Program::start(&config(broker, &topics, "  idle_timeout: 1s\n"));
    program.wait_for("calls", traffic.calls.len() as u64);
    // Time goes on to now, long after the world: everything is judged and every alert resolves.
    program::eventually("an end of waiting", || {
        let scrape = program.scrape();
        let is_over = scrape.sum("dialwatch_waiting_calls", &[]) == 0.0 && scrape.sum("dialwatch_alerts_active", &[]) == 0.0;
        is_over.then_some(())
    });
    assert!(program.scrape().sum("dialwatch_idle_ticks_total", &[]) >= 1.0);
    let much_later = Timestamp::from_seconds(1_790_000_000);
    program.end().assert_equal(&traffic.judged(PARTITIONS, &policy(), Some(much_later)));
}

#[test]
fn a_second_instance_shares_the_work_and_hands_it_back() {
    let Some(broker) = broker::shared() else { return };
    let traffic = Traffic::of(&World::new(14, 1, 4));
    let topics = traffic.produce(broker, PARTITIONS);
    let config = config(broker, &topics, NO_IDLE_TICKS);
    let mut first = Program::start(&config);
    first.wait_for("calls", traffic.calls.len() as u64);
    let mut second = Program::start(&config);
    let assigned = |program: &mut Program| program.scrape().sum("dialwatch_partitions_assigned", &[]);
    program::eventually("half of the partitions for each", || {
        ((assigned(&mut first), assigned(&mut second)) == (2.0, 2.0)).then_some(())
    });
    second.end();
    program::eventually("all partitions back", || (assigned(&mut first) == 4.0).then_some(()));
    produce(broker, &topics.calls, PARTITIONS, &traffic.calls);
    first.wait_for("calls", 2 * traffic.calls.len() as u64);
    first.end();
}

/// A service whose sink takes nothing, at the moment when its partitions have been paused because of that.
fn clogged(broker: &broker::Broker, traffic: &Traffic) -> (Program, File) {
    let topics = traffic.produce(broker, 1);
    let (program, pipe) = Program::start_clogged(&config(broker, &topics, NO_IDLE_TICKS));
    program::eventually("a pause", || program.log().contains("paused=true").then_some(()));
    (program, pipe)
}

#[test]
fn a_sink_that_takes_nothing_stops_the_flow_and_loses_nothing() {
    let Some(broker) = broker::shared() else { return };
    let traffic = Traffic::of(&world());
    let (mut program, pipe) = clogged(broker, &traffic);
    let expected = traffic.judged(1, &policy(), None);
    let count = expected.len();
    let reader = std::thread::spawn(move || {
        let lines = BufReader::new(pipe).lines().map(|line| line.expect("text")).filter(|line| !line.is_empty());
        lines.take(count).collect::<Vec<String>>().join("\n")
    });
    program.wait_for("calls", traffic.calls.len() as u64);
    Alerts::read(&reader.join().expect("read")).assert_equal(&expected);
    assert!(program.log().contains("paused=false"), "{}", program.log());
    program.signal("TERM");
    assert!(program.wait().success());
}

#[test]
fn a_second_signal_does_not_wait() {
    let Some(broker) = broker::shared() else { return };
    let (mut program, _pipe) = clogged(broker, &Traffic::of(&world()));
    program.signal("TERM");
    program::eventually("the first signal's effect", || program.get("/-/ready").filter(|answer| answer.contains("stopping")));
    program.signal("TERM");
    assert_eq!(program.wait().code(), Some(130), "{}", program.log());
}

#[test]
fn differing_partition_counts_are_refused() {
    let Some(broker) = broker::shared() else { return };
    let topics = Topics {
        calls: broker.create_topic("calls", 4, &[]),
        feedback: broker.create_topic("feedback", 3, &[]),
        registry: broker.create_topic("registry", 1, &[]),
    };
    let mut program = Program::start(&config(broker, &topics, ""));
    assert_eq!(program.wait().code(), Some(1));
    let log = program.log();
    assert!(log.contains("has 4 partitions and") && log.contains("has 3: both must have as many"), "{log}");
}

#[test]
fn a_missing_topic_is_named() {
    let Some(broker) = broker::shared() else { return };
    let topics =
        Topics { calls: "nowhere".into(), feedback: "nor here".into(), registry: broker.create_topic("registry", 1, &[]) };
    let mut program = Program::start(&config(broker, &topics, ""));
    assert_eq!(program.wait().code(), Some(1));
    let log = program.log();
    assert!(log.contains("kafka.topics.calls names the topic `nowhere`, which is not there"), "{log}");
}

#[test]
fn a_broker_out_of_reach_is_named() {
    let config = "kafka: {bootstrap_servers: '127.0.0.1:1', connect_timeout: 1s}\nhttp: {listen: ''}\n";
    let mut program = Program::start(config);
    assert_eq!(program.wait().code(), Some(1));
    let log = program.log();
    assert!(log.contains("no broker of 127.0.0.1:1 answers within 1 s") && log.contains("refused"), "{log}");
}

#[test]
fn records_are_what_they_seem() {
    // The harness itself: keys are spread, and every record lies where its app lies.
    let traffic = Traffic::of(&World::new(14, 1, 12));
    let used = |records: &[Record]| {
        let partitions: std::collections::BTreeSet<i32> =
            records.iter().map(|record| traffic::partition_of(&record.app_id, PARTITIONS)).collect();
        partitions.len()
    };
    assert_eq!(used(&traffic.calls), PARTITIONS as usize);
    assert!(!traffic.feedback.is_empty() && !traffic.registry.is_empty());
    eprintln!("{} calls, {} feedback", traffic.calls.len(), traffic.feedback.len());
}
