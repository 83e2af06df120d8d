//! What cannot be right is refused at the start, with a message that says what to do.

use dialwatch::simulate::World;

use crate::access::{Operation, PASSWORD, Resource, Right, USER, allow};
use crate::alerts::Alerts;
use crate::broker::{self, Broker, skipped};
use crate::producing::produce;
use crate::program::Program;
use crate::topics::{COMPACTED, Position, Topics, create};
use crate::traffic::Traffic;
use crate::{NO_IDLE_TICKS, PARTITIONS};

/// A service with the topics as they should be, but for what `spoil` does to them.
fn spoilt(broker: &Broker, spoil: impl Fn(&mut Topics)) -> (Program, Topics) {
    let mut topics = Topics::create(broker, PARTITIONS);
    spoil(&mut topics);
    (Program::start(&topics.config(broker, "")), topics)
}

#[test]
fn a_missing_topic_is_named() {
    let Some(broker) = broker::shared() else { return };
    type Name = fn(&mut Topics) -> &mut String;
    let fields: [(&str, Name); 6] = [
        ("calls", |topics| &mut topics.calls),
        ("feedback", |topics| &mut topics.feedback),
        ("registry", |topics| &mut topics.registry),
        ("state", |topics| &mut topics.state),
        ("alerts", |topics| &mut topics.alerts),
        ("dead_letters", |topics| &mut topics.dead_letters),
    ];
    for (field, topic) in fields {
        let (mut program, _) = spoilt(broker, |topics| *topic(topics) = "nowhere".into());
        let named = format!("kafka.topics.{field} names the topic `nowhere`, which is not there");
        program.refuses(&[&named, "create it"]);
    }
}

#[test]
fn differing_partition_counts_are_refused() {
    let Some(broker) = broker::shared() else { return };
    let (mut program, topics) = spoilt(broker, |topics| topics.feedback = create(broker, "feedback", 3, &[]));
    program.refuses(&[&topics.calls, "has 4 partitions", &topics.feedback, "has 3", "both must have as many"]);
    let (mut program, topics) = spoilt(broker, |topics| topics.state = create(broker, "state", 5, COMPACTED));
    program.refuses(&[&topics.calls, "has 4 partitions", &topics.state, "has 5", "both must have as many"]);
}

#[test]
fn a_state_topic_that_forgets_is_refused() {
    let Some(broker) = broker::shared() else { return };
    for policy in ["delete", "compact,delete"] {
        let forgets = |topics: &mut Topics| topics.state = create(broker, "state", PARTITIONS, &[("cleanup.policy", policy)]);
        let (mut program, topics) = spoilt(broker, forgets);
        program.refuses(&["kafka.topics.state", &topics.state, &format!("cleanup.policy is `{policy}`"), "`compact`"]);
    }
}

#[test]
fn a_broker_out_of_reach_is_named() {
    let config = "kafka: {bootstrap_servers: '127.0.0.1:1', connect_timeout: 1s}\nhttp: {listen: ''}\n";
    Program::start(config).refuses(&["no broker of 127.0.0.1:1 answers within 1 s", "refused"]);
}

/// Everything a service may do, and no more.
fn rights<'t>(topics: &'t Topics, transactional_id: &'t str) -> Vec<Right<'t>> {
    use Operation::{Describe, DescribeConfigs, Read, Write};
    use Resource::{Group, Topic, TransactionalId};
    vec![
        (Topic(&topics.calls), Read),
        (Topic(&topics.feedback), Read),
        (Topic(&topics.registry), Read),
        (Topic(&topics.state), Read),
        (Topic(&topics.state), Write),
        (Topic(&topics.state), DescribeConfigs),
        (Topic(&topics.alerts), Write),
        (Topic(&topics.dead_letters), Write),
        (Group(&topics.group), Read),
        (TransactionalId(transactional_id), Write),
        (TransactionalId(transactional_id), Describe),
    ]
}

/// The lines of a client that says who it is.
fn with_password(password: &str) -> String {
    format!(
        "{NO_IDLE_TICKS}  group_instance_id: only\n  connect_timeout: 10s\n  properties:\n    security.protocol: sasl_plaintext\n    \
         sasl.mechanism: PLAIN\n    sasl.username: {USER}\n    {password}\n"
    )
}

/// A service with a few records to judge that may do all but `forbidden`, in whose place it may do `instead`.
fn restricted<'t>(
    broker: &Broker,
    topics: &'t Topics,
    transactional_id: &'t str,
    forbidden: Option<Right<'t>>,
    instead: &[Right<'_>],
) -> Option<Program> {
    let Some(servers) = broker.sasl_servers() else {
        skipped("the broker asks nobody who they are");
        return None;
    };
    let mut rights = rights(topics, transactional_id);
    let all = rights.len();
    rights.retain(|right| Some(*right) != forbidden);
    assert_eq!(all - rights.len(), usize::from(forbidden.is_some()), "{forbidden:?} is no right");
    allow(broker, &rights);
    allow(broker, instead);
    let config = topics.config_at(servers, &with_password("sasl.password_file: password"));
    Some(Program::start_with(&config, ("password", PASSWORD)))
}

/// Traffic with alerts, its topics and the transactional id of the member named `only`.
fn with_traffic(broker: &Broker, seed: u64) -> (Traffic, Topics, String) {
    let traffic = Traffic::of(&World::new(seed, 1, 8));
    let topics = traffic.produce(broker, PARTITIONS);
    let transactional_id = format!("{}-only", topics.group);
    (traffic, topics, transactional_id)
}

#[test]
fn these_rights_are_enough() {
    let Some(broker) = broker::shared() else { return };
    let (traffic, topics, id) = with_traffic(broker, 81);
    let Some(mut program) = restricted(broker, &topics, &id, None, &[]) else { return };
    let position = Position::in_calls(broker, &topics);
    program.eventually("everything judged", |_| position.is_at_end().then_some(()));
    program.end();
    Alerts::committed(broker, &topics).assert_equal(&traffic.judged(PARTITIONS, None));
}

#[test]
fn each_missing_permission_is_named() {
    use Operation::{Describe, Read, Write};
    use Resource::{Group, Topic, TransactionalId};
    let Some(broker) = broker::shared() else { return };
    for what in ["calls unseen", "calls", "feedback", "group", "state", "alerts", "transactional id"] {
        let (_, topics, id) = with_traffic(broker, 82);
        let (right, instead) = match what {
            "calls unseen" => ((Topic(&topics.calls), Read), vec![]),
            "calls" => ((Topic(&topics.calls), Read), vec![(Topic(&topics.calls), Describe)]),
            "feedback" => ((Topic(&topics.feedback), Read), vec![(Topic(&topics.feedback), Describe)]),
            "group" => ((Group(&topics.group), Read), vec![]),
            "state" => ((Topic(&topics.state), Write), vec![]),
            "alerts" => ((Topic(&topics.alerts), Write), vec![(Topic(&topics.alerts), Describe)]),
            _ => ((TransactionalId(&id), Write), vec![]),
        };
        let Some(mut program) = restricted(broker, &topics, &id, Some(right), &instead) else { return };
        let (Topic(name) | Group(name) | TransactionalId(name), operation) = right;
        eprintln!("without {operation:?} on {name}");
        program.refuses(&["grant", &format!("{operation:?}"), name]);
    }
}

#[test]
fn settings_that_may_not_be_seen_are_a_warning() {
    let Some(broker) = broker::shared() else { return };
    let (_, topics, id) = with_traffic(broker, 83);
    let right = (Resource::Topic(topics.state.as_str()), Operation::DescribeConfigs);
    let Some(mut program) = restricted(broker, &topics, &id, Some(right), &[]) else { return };
    program.wait_until_ready();
    let log = program.log();
    assert!(log.contains(&topics.state) && log.contains("grant DescribeConfigs"), "{log}");
    program.end();
}

#[test]
fn a_wrong_password_is_told_from_a_broker_out_of_reach() {
    let Some(broker) = broker::shared() else { return };
    let Some(servers) = broker.sasl_servers() else { return skipped("the broker asks nobody who they are") };
    let topics = Topics::create(broker, 1);
    let mut program = Program::start(&topics.config_at(servers, &with_password("sasl.password: guessed")));
    program.refuses(&[servers, "Authentication failed", "sasl.password"]);
    assert!(!program.log().contains("guessed"), "a secret stands in the log");
}

#[test]
fn tls_is_spoken_and_a_stranger_not_trusted() {
    let Some(broker) = broker::shared() else { return };
    let Some((servers, certificate)) = broker.tls_servers() else { return skipped("the broker speaks no TLS") };
    let topics = Topics::create(broker, 1);
    let tls = |more: &str| format!("  connect_timeout: 10s\n  properties:\n    security.protocol: ssl\n{more}");
    let trusting = tls(&format!("    ssl.ca.location: {}\n", certificate.display()));
    let mut program = Program::start(&topics.config_at(servers, &trusting));
    program.wait_assigned(|partitions| partitions == 1);
    program.end();
    Program::start(&topics.config_at(servers, &tls(""))).refuses(&[servers, "ssl.ca.location"]);
}

#[test]
fn a_second_process_of_one_name_puts_an_end_to_the_first() {
    let Some(broker) = broker::shared() else { return };
    let traffic = Traffic::of(&World::new(84, 1, 12));
    let topics = traffic.produce_before_calls(broker, PARTITIONS);
    let config = topics.config(broker, &format!("{NO_IDLE_TICKS}  checkpoint_interval: 100ms\n  group_instance_id: only\n"));
    let halves = traffic.calls.split_at(traffic.calls.len() / 2);
    let mut first = Program::start(&config);
    produce(broker, &topics.calls, PARTITIONS, halves.0);
    first.wait_for("calls", halves.0.len());
    let mut second = Program::start(&config);
    produce(broker, &topics.calls, PARTITIONS, halves.1);
    first.refuses(&["another process", "kafka.group_instance_id", "only"]);
    let position = Position::in_calls(broker, &topics);
    second.eventually("everything judged", |_| position.is_at_end().then_some(()));
    second.end();
    Alerts::committed(broker, &topics).assert_equal(&traffic.judged(PARTITIONS, None));
}
