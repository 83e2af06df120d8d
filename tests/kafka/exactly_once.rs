//! Live = replay, and no crash changes an alert.

use std::fmt;
use std::fs;
use std::io::Write;
use std::time::Duration;

use dialwatch::engine::time::Timestamp;
use dialwatch::simulate::World;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::alerts::Alerts;
use crate::broker::{self, Broker};
use crate::producing::{Pump, produce};
use crate::program::{Program, dialwatch, eventually, tell};
use crate::reading::{Isolation, Tail, Transactions, aborted, settled};
use crate::topics::{Position, Topics};
use crate::traffic::{Record, Traffic};
use crate::{NO_IDLE_TICKS, PARTITIONS, seed};

/// Long after every world, and before today.
const MUCH_LATER: Timestamp = Timestamp::from_seconds(1_790_000_000);
/// Calls that make live = replay worth its name.
const MANY_CALLS: usize = 500_000;

/// What the command `replay` says to the same records.
fn replayed(traffic: &Traffic) -> Alerts {
    let folder = tempfile::tempdir().expect("a folder");
    for (file, records) in [("calls", &traffic.calls), ("feedback", &traffic.feedback), ("registry", &traffic.registry)] {
        let mut out = std::io::BufWriter::new(fs::File::create(folder.path().join(file)).expect("a file"));
        for Record { value, .. } in records {
            out.write_all(value).and_then(|()| out.write_all(b"\n")).expect("written");
        }
    }
    let replay = ["replay", "--format", "tccc", "--registry", "registry", "--feedback", "feedback", "--resolve-at-end", "calls"];
    let output = dialwatch(folder.path()).args(replay).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Alerts::from_lines(&String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn live_equals_replay() {
    let Some(broker) = broker::shared() else { return };
    let traffic = Traffic::of(&World::new(21, 1, 240));
    assert!(traffic.calls.len() >= MANY_CALLS, "{} calls", traffic.calls.len());
    let topics = traffic.produce(broker, PARTITIONS);
    // All is there before the service begins: the wall clock drives time only behind the last record.
    let mut program = Program::start(&topics.config(broker, "  idle_timeout: 1s\n  checkpoint_interval: 1s\n"));
    program.wait_for("calls", traffic.calls.len());
    program.eventually("an end of waiting", |program| {
        let scrape = program.try_scrape()?;
        let is_over = scrape.sum("dialwatch_waiting_calls", &[]) == 0.0 && scrape.sum("dialwatch_alerts_active", &[]) == 0.0;
        is_over.then_some(())
    });
    assert!(program.scrape().sum("dialwatch_idle_ticks_total", &[]) >= 1.0);
    program.end();
    let found = Alerts::committed(broker, &topics);
    found.assert_equal(&traffic.judged(PARTITIONS, Some(MUCH_LATER)));
    tell(&format!("{} calls, {} messages of alerts: live as in a replay", traffic.calls.len(), found.len()));
    found.without_places().assert_equal(&replayed(&traffic).without_places());
}

#[test]
fn what_is_committed_is_not_read_again_and_not_forgotten() {
    let Some(broker) = broker::shared() else { return };
    let traffic = Traffic::of(&World::new(11, 1, 24));
    let topics = traffic.produce_before_calls(broker, PARTITIONS);
    let config = topics.config(broker, NO_IDLE_TICKS);
    let (first, second) = traffic.calls.split_at(traffic.calls.len() / 2);
    for (calls, feedback) in [(first, traffic.feedback.len()), (second, 0)] {
        produce(broker, &topics.calls, PARTITIONS, calls);
        let mut program = Program::start(&config);
        program.wait_until_ready();
        program.wait_for("calls", calls.len());
        program.wait_for("feedback", feedback);
        program.wait_for("registry", traffic.registry.len());
        let scrape = program.scrape();
        assert_eq!(scrape.sum("dialwatch_partitions_assigned", &[]), f64::from(PARTITIONS));
        assert_eq!(scrape.sum("dialwatch_records_consumed_total", &[("stream", "calls")]), calls.len() as f64);
        assert_eq!(scrape.sum("dialwatch_records_consumed_total", &[("stream", "feedback")]), feedback as f64);
        program.end();
        assert!(Position::in_calls(broker, &topics).is_at_end());
    }
    let expected = traffic.judged(PARTITIONS, None);
    assert!(expected.len() > 20, "{} alerts are too few to prove anything", expected.len());
    Alerts::committed(broker, &topics).assert_equal(&expected);
    assert_eq!(aborted(broker, &topics.alerts), 0, "nothing was taken back");
}

/// When to kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// Some time after the start, whatever it does then: connecting, restoring, judging.
    Starting,
    /// Some time after its first record.
    Judging,
    /// Some time after its first commit.
    Committing,
    /// As soon as it has written something that is not committed yet.
    Writing,
}

impl Moment {
    /// So many of them, in an order drawn.
    fn all(random: &mut ChaCha8Rng) -> Vec<Self> {
        let moments = [(Self::Starting, 6), (Self::Judging, 10), (Self::Committing, 10), (Self::Writing, 8)];
        let mut moments = moments.map(|(moment, times)| vec![moment; times]).concat();
        moments.shuffle(random);
        moments
    }

    /// Waits for it.
    fn wait(self, program: &mut Program, random: &mut ChaCha8Rng, position: &Position, tail: &Tail) {
        let longest_ms = match self {
            Self::Starting => 2_000,
            Self::Judging => {
                program.wait_for("calls", 1);
                400
            }
            Self::Committing => {
                let before = position.sum();
                program.eventually("a commit", |_| (position.sum() > before).then_some(()));
                300
            }
            Self::Writing => {
                program.wait_assigned(|partitions| partitions > 0);
                program.eventually("an open transaction", |_| tail.has_grown().then_some(()));
                1
            }
        };
        std::thread::park_timeout(Duration::from_millis(random.random_range(0..longest_ms)));
    }
}

/// What the kills of a run met.
#[derive(Default)]
struct Kills {
    all: usize,
    in_transaction: usize,
    /// How many calls were committed at each.
    committed: Vec<i64>,
}

impl Kills {
    /// Notes a kill of just now.
    fn note(&mut self, transactions: &Transactions, position: &Position) {
        self.all += 1;
        self.in_transaction += usize::from(transactions.stays_open());
        self.committed.push(position.sum());
    }

    /// At how many different points of the way somebody was killed.
    fn places(&self) -> usize {
        let mut committed = self.committed.clone();
        committed.dedup();
        committed.len()
    }
}

impl fmt::Display for Kills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { all, in_transaction, committed } = self;
        write!(f, "{all} kills, {in_transaction} of them inside a transaction, with so many calls committed: {committed:?}")
    }
}

/// Everything is judged, by whoever is there, and the alerts are what the engine says.
fn assert_all_right(broker: &Broker, topics: &Topics, traffic: &Traffic, members: Vec<Program>) {
    let position = Position::in_calls(broker, topics);
    eventually("everything judged", || position.is_at_end().then_some(()));
    members.into_iter().for_each(Program::end);
    let expected = traffic.judged(PARTITIONS, None);
    assert!(expected.len() > 20, "{} alerts are too few to prove anything", expected.len());
    Alerts::committed(broker, topics).assert_equal(&expected);
    let taken_back = aborted(broker, &topics.alerts);
    let written: i64 =
        Position::new(broker, &topics.group, &topics.state, PARTITIONS).ends().expect("ends").iter().map(|ends| ends.1).sum();
    let left = settled(broker, &topics.state).len();
    tell(&format!(
        "{} messages of alerts, {taken_back} more were taken back; {left} of {written} records of state are left",
        expected.len()
    ));
}

#[test]
fn killed_again_and_again_no_alert_is_lost_or_doubled() {
    let Some(broker) = broker::shared() else { return };
    let mut random = ChaCha8Rng::seed_from_u64(seed(22));
    let traffic = Traffic::of(&World::new(22, 1, 48));
    let topics = traffic.produce_before_calls(broker, PARTITIONS);
    let transactions = Transactions::on(broker, &[&topics.state, &topics.alerts]);
    let (position, tail) = (Position::in_calls(broker, &topics), Tail::of(broker, &topics.state, Isolation::Uncommitted));
    // State is written all the time, so that some fall upon that as well.
    let more = format!("{NO_IDLE_TICKS}  checkpoint_interval: 100ms\n  snapshot_interval: 400ms\n  group_instance_id: only\n");
    let config = topics.config(broker, &more);

    let pump = Pump::start(broker, &topics.calls, PARTITIONS, traffic.calls.clone(), 1_500);
    let mut kills = Kills::default();
    for moment in Moment::all(&mut random) {
        let mut program = Program::start(&config);
        moment.wait(&mut program, &mut random, &position, &tail);
        program.kill();
        kills.note(&transactions, &position);
    }
    tell(&kills.to_string());
    assert!(kills.all >= 30, "{kills}");
    assert!(kills.in_transaction > 0, "no kill fell inside a transaction");
    assert!(kills.places() >= 10, "the kills were not spread over the work: {kills}");
    pump.finish();
    assert_all_right(broker, &topics, &traffic, vec![Program::start(&config)]);
}

#[test]
fn one_of_two_is_killed_and_the_other_takes_over() {
    let Some(broker) = broker::shared() else { return };
    let mut random = ChaCha8Rng::seed_from_u64(seed(23));
    let traffic = Traffic::of(&World::new(23, 1, 36));
    let topics = traffic.produce_before_calls(broker, PARTITIONS);
    let transactions = Transactions::on(broker, &[&topics.state, &topics.alerts]);
    let (position, tail) = (Position::in_calls(broker, &topics), Tail::of(broker, &topics.state, Isolation::Uncommitted));
    // Members without names: nobody else ends the transaction of a dead one, its time must pass.
    let more = "  checkpoint_interval: 100ms\n  session_timeout: 6s\n  properties: {heartbeat.interval.ms: '500'}\n";
    let config = topics.config(broker, &format!("{NO_IDLE_TICKS}{more}"));

    let pump = Pump::start(broker, &topics.calls, PARTITIONS, traffic.calls.clone(), 2_000);
    let mut members = vec![Program::start(&config), Program::start(&config)];
    let mut kills = Kills::default();
    for round in 0..6 {
        members.iter_mut().for_each(|member| member.wait_assigned(|partitions| partitions == 2));
        std::thread::park_timeout(Duration::from_millis(random.random_range(50..600)));
        // Now and then as soon as one of them has written something that is not committed yet.
        if round % 2 == 1 {
            eventually("an open transaction", || tail.has_grown().then_some(()));
        }
        members.swap_remove(random.random_range(0..2)).kill();
        kills.note(&transactions, &position);
        members[0].wait_assigned(|partitions| partitions == 4);
        members.push(Program::start(&config));
    }
    tell(&kills.to_string());
    pump.finish();
    assert_all_right(broker, &topics, &traffic, members);
}
