//! The broker goes away and comes back, and the service is still there.

use std::time::{Duration, Instant};

use dialwatch::simulate::World;

use crate::alerts::Alerts;
use crate::broker::{self, Order};
use crate::producing::{Pump, produce};
use crate::program::Program;
use crate::topics::Position;
use crate::traffic::Traffic;
use crate::{NO_IDLE_TICKS, PARTITIONS};

/// Also the time after which a transaction is ended for whoever began it.
const SESSION: Duration = Duration::from_secs(6);

#[test]
fn the_broker_is_stopped_and_started_three_times_and_no_alert_changes() {
    let Some(broker) = broker::own() else { return };
    let traffic = Traffic::of(&World::new(42, 1, 36));
    let topics = traffic.produce_before_calls(&broker, PARTITIONS);
    let config = topics.config(&broker, &format!("{NO_IDLE_TICKS}  checkpoint_interval: 200ms\n  session_timeout: 6s\n"));
    let position = Position::in_calls(&broker, &topics);
    let mut program = Program::start(&config);
    program.wait_assigned(|partitions| partitions == PARTITIONS as u32);
    let pump = Pump::start(&broker, &topics.calls, PARTITIONS, traffic.calls.clone(), 1_000);
    // As an operator does it, as a power cut does it, and for longer than a transaction may last.
    for (order, at_least) in [(Order::Stop, Duration::ZERO), (Order::Kill, Duration::ZERO), (Order::Stop, SESSION * 4 / 3)] {
        let before = position.sum();
        program.eventually("progress under load", |_| (position.sum() > before).then_some(()));
        let refused = |program: &Program| program.log().matches("refused").count();
        let (began, refused_before) = (Instant::now(), refused(&program));
        broker.order(order);
        program.eventually("a service that notices", |program| (refused(program) > refused_before).then_some(()));
        program.eventually("the end of the outage", |_| (began.elapsed() >= at_least).then_some(()));
        broker.order(Order::Start);
    }
    pump.finish();
    program.eventually("everything judged", |_| position.is_at_end().then_some(()));
    program.end();
    Alerts::committed(&broker, &topics).assert_equal(&traffic.judged(PARTITIONS, None));
}

#[test]
fn a_second_signal_does_not_wait_for_a_broker_that_is_silent() {
    let Some(broker) = broker::own() else { return };
    let traffic = Traffic::of(&World::new(43, 1, 12));
    let topics = traffic.produce_before_calls(&broker, PARTITIONS);
    let mut program = Program::start(&topics.config(&broker, "  checkpoint_interval: 1h\n"));
    program.wait_assigned(|partitions| partitions == PARTITIONS as u32);
    produce(&broker, &topics.calls, PARTITIONS, &traffic.calls);
    program.wait_for("calls", traffic.calls.len());
    broker.order(Order::Freeze);
    program.signal("TERM");
    program
        .eventually("the first signal's effect", |program| program.get("/-/ready").filter(|answer| answer.contains("stopping")));
    program.signal("TERM");
    assert_eq!(program.wait().code(), Some(130));
    broker.order(Order::Thaw);
}
