//! Members come and go under load, and no alert changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dialwatch::simulate::World;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::alerts::Alerts;
use crate::broker::{self, Broker};
use crate::producing::{Pump, produce};
use crate::program::{Program, eventually, tell};
use crate::topics::{Position, Topics};
use crate::traffic::Traffic;
use crate::{NO_IDLE_TICKS, PARTITIONS, seed};

/// How often members join, and how often they leave.
const TIMES: usize = 20;
/// The most members at a time: each can have a partition.
const MEMBERS_MAX: usize = 4;
/// How often the offsets are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Watches for how long a partition stands still while records wait in it.
struct Watch {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Watch {
    fn start(broker: &'static Broker, topics: &Topics) -> Self {
        let (is_over, position) = (Arc::new(AtomicBool::new(false)), Position::in_calls(broker, topics));
        let is_told = is_over.clone();
        let thread = std::thread::spawn(move || {
            // Of each partition: its committed offset, and since when it is that while records wait.
            let mut last = vec![(0, Instant::now()); PARTITIONS as usize];
            let mut longest = Duration::ZERO;
            while !is_told.load(Ordering::Relaxed) {
                let (Some(committed), Some(ends)) = (position.committed(), position.ends()) else { continue };
                for ((committed, (_, end)), last) in committed.into_iter().zip(ends).zip(&mut last) {
                    if committed != last.0 || committed == end {
                        *last = (committed, Instant::now());
                    }
                    longest = longest.max(last.1.elapsed());
                }
                std::thread::park_timeout(LOOK_EVERY);
            }
            longest
        });
        Self { is_over, thread }
    }

    /// The longest time that any partition stood still.
    fn longest(self) -> Duration {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("it watched")
    }
}

#[test]
fn members_join_and_leave_and_no_alert_changes() {
    let Some(broker) = broker::shared() else { return };
    let mut random = ChaCha8Rng::seed_from_u64(seed(32));
    let traffic = Traffic::of(&World::new(32, 1, 48));
    let topics = traffic.produce_before_calls(broker, PARTITIONS);
    let more = "  checkpoint_interval: 200ms\n  properties: {heartbeat.interval.ms: '300'}\n";
    let config = topics.config(broker, &format!("{NO_IDLE_TICKS}{more}"));

    let mut members = vec![Program::start(&config)];
    members[0].wait_assigned(|partitions| partitions == PARTITIONS as u32);
    let pump = Pump::start(broker, &topics.calls, PARTITIONS, traffic.calls.clone(), 2_000);
    let watch = Watch::start(broker, &topics);
    let (mut joined, mut left) = (0, 0);
    while left < TIMES {
        let joins = members.len() == 1 || (members.len() < MEMBERS_MAX && joined < TIMES && random.random());
        if joins {
            members.push(Program::start(&config));
            joined += 1;
        } else {
            // Whoever it is, also one that has nothing yet.
            members.swap_remove(random.random_range(0..members.len())).end();
            left += 1;
        }
        if random.random_ratio(2, 3) {
            members.iter_mut().for_each(|member| member.wait_assigned(|partitions| partitions > 0));
        }
    }
    let longest = watch.longest();
    pump.finish();
    let position = Position::in_calls(broker, &topics);
    eventually("everything judged", || position.is_at_end().then_some(()));
    members.into_iter().for_each(Program::end);
    Alerts::committed(broker, &topics).assert_equal(&traffic.judged(PARTITIONS, None));
    tell(&format!("{joined} joined, {left} left; no partition stood still for longer than {} ms", longest.as_millis()));
}

#[test]
fn the_broker_may_share_the_partitions_out() {
    let Some(broker) = broker::shared() else { return };
    let traffic = Traffic::of(&World::new(33, 1, 16));
    let topics = traffic.produce_before_calls(broker, PARTITIONS);
    let config = topics.config(broker, &format!("{NO_IDLE_TICKS}  checkpoint_interval: 200ms\n  group_protocol: consumer\n"));
    let halves = traffic.calls.split_at(traffic.calls.len() / 2);
    let mut first = Program::start(&config);
    produce(broker, &topics.calls, PARTITIONS, halves.0);
    first.wait_for("calls", halves.0.len());
    let mut second = Program::start(&config);
    eventually("half of the partitions for each", || ((first.assigned(), second.assigned()) == (2, 2)).then_some(()));
    produce(broker, &topics.calls, PARTITIONS, halves.1);
    let position = Position::in_calls(broker, &topics);
    eventually("everything judged", || position.is_at_end().then_some(()));
    first.end();
    second.wait_assigned(|partitions| partitions == PARTITIONS as u32);
    second.end();
    Alerts::committed(broker, &topics).assert_equal(&traffic.judged(PARTITIONS, None));
}
