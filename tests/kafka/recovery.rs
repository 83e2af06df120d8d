//! When state and log do not fit together: refused with what does not fit, or begun anew, as configured. What only looks
//! like that goes on quietly.

use dialwatch::simulate::World;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::alerts::Alerts;
use crate::broker::{self, Broker};
use crate::producing::produce;
use crate::program::Program;
use crate::reading::settled;
use crate::topics::{ANSWER, COMPACTED, Position, Topics, create, delete_records};
use crate::traffic::{Traffic, partition_of};
use crate::{NO_IDLE_TICKS, PARTITIONS};

/// How many records of a partition are gone although nobody has judged them.
const GONE: i64 = 10;
/// The byte of a value of the state topic that says which layout it has, in every layout.
const LAYOUT_AT: usize = 4;

/// A service that has judged the first half of its calls and ended. The second half is written afterwards.
struct Halfway {
    broker: &'static Broker,
    traffic: Traffic,
    topics: Topics,
    position: Position,
}

impl Halfway {
    fn of(broker: &'static Broker, seed: u64) -> Self {
        let traffic = Traffic::of(&World::new(seed, 1, 12));
        let topics = traffic.produce_before_calls(broker, PARTITIONS);
        let position = Position::in_calls(broker, &topics);
        let halfway = Self { broker, traffic, topics, position };
        produce(broker, &halfway.topics.calls, PARTITIONS, halfway.halves().0);
        halfway.run_to_the_end("").end();
        halfway
    }

    fn halves(&self) -> (&[crate::traffic::Record], &[crate::traffic::Record]) {
        self.traffic.calls.split_at(self.traffic.calls.len() / 2)
    }

    fn second_half(&self) {
        produce(self.broker, &self.topics.calls, PARTITIONS, self.halves().1);
    }

    fn start(&self, more: &str) -> Program {
        Program::start(&self.topics.config(self.broker, &format!("{NO_IDLE_TICKS}{more}")))
    }

    /// Runs until everything is judged.
    fn run_to_the_end(&self, more: &str) -> Program {
        let mut program = self.start(more);
        program.wait_until_ready();
        program.eventually("everything judged", |_| self.position.is_at_end().then_some(()));
        program
    }

    /// Refused first, with these words, and begun anew when that is wanted.
    fn refused_then_rebuilt(&self, phrases: &[&str]) {
        self.start("").refuses(&[phrases, &["recovery: rebuild"]].concat());
        let program = self.run_to_the_end("  recovery: rebuild\n");
        assert!(program.log().contains("begun anew"));
        program.end();
        // It is over with that: the next start finds nothing amiss.
        self.run_to_the_end("").end();
    }

    /// The alerts of all partitions but one are what they would have been anyway.
    fn assert_equal_but_for(&self, partition: i32) {
        let elsewhere = |app_id: &str| partition_of(app_id, PARTITIONS) != partition;
        let expected = self.traffic.judged(PARTITIONS, None).of_apps(elsewhere);
        Alerts::committed(self.broker, &self.topics).of_apps(elsewhere).assert_equal(&expected);
    }
}

#[test]
fn records_gone_before_they_were_judged_are_refused_or_passed_over_as_configured() {
    let Some(broker) = broker::shared() else { return };
    let halfway = Halfway::of(broker, 71);
    let committed = halfway.position.committed().expect("offsets")[1];
    halfway.second_half();
    delete_records(broker, &halfway.topics.calls, 1, committed + GONE);
    let (next, first) = (committed.to_string(), (committed + GONE).to_string());
    halfway.refused_then_rebuilt(&[&halfway.topics.calls, "partition 1", &next, &first, "gone"]);
    halfway.assert_equal_but_for(1);
}

#[test]
fn a_log_that_was_emptied_behind_the_group_is_nothing_to_speak_of() {
    let Some(broker) = broker::shared() else { return };
    let halfway = Halfway::of(broker, 72);
    for (partition, end) in halfway.position.committed().expect("offsets").into_iter().enumerate() {
        delete_records(broker, &halfway.topics.calls, partition as i32, end);
    }
    let mut program = halfway.start("");
    program.wait_assigned(|partitions| partitions == PARTITIONS as u32);
    halfway.second_half();
    program.eventually("everything judged", |_| halfway.position.is_at_end().then_some(()));
    program.end();
    Alerts::committed(broker, &halfway.topics).assert_equal(&halfway.traffic.judged(PARTITIONS, None));
}

/// A service that was killed when most of its calls were in its journal alone.
fn killed_with_a_journal(broker: &'static Broker, seed: u64) -> Halfway {
    let traffic = Traffic::of(&World::new(seed, 1, 12));
    let topics = traffic.produce_before_calls(broker, PARTITIONS);
    let position = Position::in_calls(broker, &topics);
    let halfway = Halfway { broker, traffic, topics, position };
    let (first, _) = halfway.halves();
    let (few, rest) = first.split_at(first.len() / 10);
    produce(broker, &halfway.topics.calls, PARTITIONS, few);
    let mut program = halfway.start("  group_instance_id: only\n");
    // The first checkpoint holds the state, those after it do not.
    program.eventually("the first judged", |_| halfway.position.is_at_end().then_some(()));
    produce(broker, &halfway.topics.calls, PARTITIONS, rest);
    program.eventually("everything judged", |_| halfway.position.is_at_end().then_some(()));
    program.kill();
    halfway
}

#[test]
fn what_the_journal_names_is_judged_again_and_nothing_is_said_twice() {
    let Some(broker) = broker::shared() else { return };
    let halfway = killed_with_a_journal(broker, 76);
    halfway.second_half();
    let mut program = halfway.run_to_the_end("  group_instance_id: only\n");
    let (rest, again) = (halfway.halves().0.len() * 9 / 10, program.scrape().sum("dialwatch_restored_calls_total", &[]));
    assert!(again >= rest as f64, "{again} calls were judged again, of {rest} at least");
    assert!(!program.log().contains("otherwise"), "judged otherwise than before");
    program.end();
    Alerts::committed(broker, &halfway.topics).assert_equal(&halfway.traffic.judged(PARTITIONS, None));
}

#[test]
fn records_that_only_the_journal_names_are_missed_when_they_are_gone() {
    let Some(broker) = broker::shared() else { return };
    let halfway = killed_with_a_journal(broker, 77);
    let committed = halfway.position.committed().expect("offsets")[1];
    halfway.second_half();
    delete_records(broker, &halfway.topics.calls, 1, committed);
    halfway.refused_then_rebuilt(&[&halfway.topics.calls, "partition 1", &committed.to_string(), "gone"]);
    halfway.assert_equal_but_for(1);
}

#[test]
fn a_lost_state_is_refused_or_begun_anew_as_configured() {
    let Some(broker) = broker::shared() else { return };
    let mut halfway = Halfway::of(broker, 73);
    halfway.second_half();
    halfway.topics.state = create(broker, "state", PARTITIONS, COMPACTED);
    halfway.refused_then_rebuilt(&[&halfway.topics.calls, "partition", "state is gone"]);
}

#[test]
fn offsets_moved_by_hand_are_refused_or_followed_as_configured() {
    let Some(broker) = broker::shared() else { return };
    let halfway = Halfway::of(broker, 74);
    let committed = halfway.position.committed().expect("offsets")[2];
    halfway.second_half();
    let moved = committed / 2;
    halfway.position.commit(2, moved);
    let phrases = [&halfway.topics.calls, "partition 2", &committed.to_string(), &moved.to_string(), "moved"];
    halfway.refused_then_rebuilt(&phrases);
    halfway.assert_equal_but_for(2);
}

#[test]
fn a_state_of_a_layout_to_come_is_refused_or_begun_anew_as_configured() {
    let Some(broker) = broker::shared() else { return };
    let halfway = Halfway::of(broker, 75);
    halfway.second_half();
    let state = settled(broker, &halfway.topics.state);
    let newest = state.iter().rfind(|stored| stored.value.is_some()).expect("a state");
    let mut value = newest.value.clone().expect("a value");
    value[LAYOUT_AT] = 99;
    let producer: BaseProducer = broker.config().create().expect("a producer");
    let key = newest.key.clone().expect("a compacted topic has keys");
    let record = BaseRecord::to(&halfway.topics.state).partition(newest.partition).key(&key).payload(&value);
    producer.send(record).map_err(|(error, _)| error).expect("room");
    producer.flush(ANSWER).expect("written");
    let partition = format!("partition {}", newest.partition);
    halfway.refused_then_rebuilt(&[&halfway.topics.state, &partition, "layout 99"]);
    halfway.assert_equal_but_for(newest.partition);
}
