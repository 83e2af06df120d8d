//! A sink that takes nothing: alerts wait in the outbox, calls wait for the outbox, and nothing else waits.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::thread::JoinHandle;

use dialwatch::simulate::World;

use crate::NO_IDLE_TICKS;
use crate::alerts::Alerts;
use crate::broker::{self, Broker};
use crate::program::{Program, eventually};
use crate::topics::{Position, Topics};
use crate::traffic::Traffic;

/// Far less than the traffic leads to.
const OUTBOX: &str = "  outbox_alerts_max: 5\n  checkpoint_interval: 200ms\n  group_instance_id: only\n";

/// A service with a pipe for a sink.
fn config(broker: &Broker, topics: &Topics) -> String {
    topics.config(broker, &format!("{NO_IDLE_TICKS}{OUTBOX}")).replace("sinks: []", "sinks:\n  - jsonl: {path: alerts.jsonl}")
}

/// A service whose sink takes nothing, at the moment when its calls have been paused because of that: time passes, and
/// nothing more is judged although more is there.
fn clogged(broker: &Broker, topics: &Topics, calls: usize) -> (Program, File) {
    let (mut program, pipe) = Program::start_clogged(&config(broker, topics));
    let position = Position::in_calls(broker, topics);
    let (mut last, mut times) = (0.0, 0);
    program.eventually("a pause", |program| {
        let consumed = program.try_scrape()?.sum("dialwatch_records_consumed_total", &[("stream", "calls")]);
        times = if consumed > 0.0 && consumed == last { times + 1 } else { 0 };
        last = consumed;
        std::thread::park_timeout(std::time::Duration::from_millis(100));
        (times == 15 && position.committed()?[0] > 0).then_some(())
    });
    assert!(last < calls as f64, "nothing was left to pause: {last} of {calls}");
    (program, pipe)
}

/// Takes `count` lines from a pipe.
fn taken(pipe: File, count: usize) -> JoinHandle<Alerts> {
    std::thread::spawn(move || {
        let lines = BufReader::new(pipe).lines().map(|line| line.expect("text")).filter(|line| !line.is_empty());
        Alerts::from_lines(&lines.take(count).collect::<Vec<String>>().join("\n"))
    })
}

#[test]
fn a_full_outbox_pauses_calls_and_delivers_all_in_the_end() {
    let Some(broker) = broker::shared() else { return };
    let traffic = Traffic::of(&World::new(52, 1, 24));
    let topics = traffic.produce(broker, 1);
    let (mut program, pipe) = clogged(broker, &topics, traffic.calls.len());
    assert!(program.get("/-/healthy").expect("answered").starts_with("HTTP/1.1 200"));
    assert!(program.get("/-/ready").expect("answered").starts_with("HTTP/1.1 200"));
    // The topic has what the sink does not take.
    let expected = traffic.judged(1, None);
    let fed = eventually("alerts in the topic", || Some(Alerts::committed(broker, &topics)).filter(|fed| fed.len() >= 5));
    assert!(fed.len() < expected.len() / 2, "{} of {} alerts are no pause", fed.len(), expected.len());
    let lines = taken(pipe, expected.len());
    program.wait_for("calls", traffic.calls.len());
    lines.join().expect("read").assert_equal(&expected);
    program.end();
    Alerts::committed(broker, &topics).assert_equal(&expected);
}

#[test]
fn what_waits_in_the_outbox_survives_the_process() {
    let Some(broker) = broker::shared() else { return };
    let traffic = Traffic::of(&World::new(53, 1, 24));
    let topics = traffic.produce(broker, 1);
    let (program, _) = clogged(broker, &topics, traffic.calls.len());
    program.kill();
    // The sink gets all of it from the next process, since the first could not deliver anything.
    let (mut program, pipe) = Program::start_clogged(&config(broker, &topics));
    let expected = traffic.judged(1, None);
    let lines = taken(pipe, expected.len());
    program.eventually("all lines", |_| lines.is_finished().then_some(()));
    lines.join().expect("read").assert_equal(&expected);
    program.end();
    Alerts::committed(broker, &topics).assert_equal(&expected);
}

#[test]
fn a_clogged_sink_does_not_hold_up_the_end() {
    let Some(broker) = broker::shared() else { return };
    let traffic = Traffic::of(&World::new(54, 1, 24));
    let topics = traffic.produce(broker, 1);
    let (program, _pipe) = clogged(broker, &topics, traffic.calls.len());
    // What waits is in the state, and goes on with the next process.
    program.end();
}
