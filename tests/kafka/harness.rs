//! The harness itself: what the tests rest on is what it seems.

use std::collections::BTreeSet;

use dialwatch::simulate::World;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::PARTITIONS;
use crate::access::{Operation, PASSWORD, Resource, USER, allow};
use crate::broker::{self, Broker, Order};
use crate::producing::{Pump, produce};
use crate::reading::{Isolation, Tail, Transactions, aborted, read, settled};
use crate::topics::{ANSWER, Position, create, delete_records};
use crate::traffic::{Record, Traffic, key_in, partition_of};

fn transactional(broker: &Broker, id: &str) -> BaseProducer {
    let producer: BaseProducer = broker.config().set("transactional.id", id).create().expect("a producer");
    producer.init_transactions(ANSWER).expect("a transactional id");
    producer
}

fn write(producer: &BaseProducer, topic: &str, value: &str) {
    producer.send(BaseRecord::to(topic).partition(1).key("key").payload(value)).map_err(|(error, _)| error).expect("room");
    producer.flush(ANSWER).expect("written");
}

fn values(broker: &Broker, topic: &str, isolation: Isolation) -> Vec<String> {
    let value = |value: Option<Vec<u8>>| String::from_utf8(value.expect("a value")).expect("text");
    read(broker, topic, isolation).into_iter().map(|stored| value(stored.value)).collect()
}

#[test]
fn records_are_what_they_seem() {
    let traffic = Traffic::of(&World::new(14, 1, 12));
    let used: BTreeSet<i32> = traffic.calls.iter().map(|record| partition_of(&record.key, PARTITIONS)).collect();
    assert_eq!(used.len(), PARTITIONS as usize);
    assert!(!traffic.feedback.is_empty() && !traffic.registry.is_empty());
    assert!((0..PARTITIONS).all(|partition| partition_of(&key_in(partition, PARTITIONS), PARTITIONS) == partition));
}

#[test]
fn an_open_transaction_is_seen_and_what_was_taken_back_is_not_read() {
    let Some(broker) = broker::shared() else { return };
    let topic = create(broker, "harness", 2, &[]);
    let (transactions, tail) = (Transactions::on(broker, &[&topic]), Tail::of(broker, &topic, Isolation::Uncommitted));
    let producer = transactional(broker, &topic);
    assert!(!transactions.is_open());
    producer.begin_transaction().expect("begun");
    assert!(!transactions.is_open(), "nothing is written yet");
    write(&producer, &topic, "one");
    assert!(transactions.is_open() && transactions.stays_open());
    producer.commit_transaction(ANSWER).expect("committed");
    transactions.settle();

    producer.begin_transaction().expect("begun");
    write(&producer, &topic, "two");
    // Whoever comes with the same id ends it.
    let successor = transactional(broker, &topic);
    transactions.settle();
    successor.begin_transaction().expect("begun");
    let grown = std::thread::scope(|scope| {
        let grown = scope.spawn(|| (0..20).any(|_| tail.has_grown()));
        while !grown.is_finished() {
            write(&successor, &topic, "three");
        }
        grown.join().expect("it watched")
    });
    assert!(grown);
    assert_eq!(values(broker, &topic, Isolation::Committed), ["one"]);
    assert_eq!(values(broker, &topic, Isolation::Uncommitted)[..3], ["one", "two", "three"]);
    successor.commit_transaction(ANSWER).expect("committed");
    assert_eq!(settled(broker, &topic)[1].value.as_deref(), Some(b"three".as_slice()));
    assert_eq!(aborted(broker, &topic), 1);
}

#[test]
fn records_can_be_deleted_and_offsets_set() {
    let Some(broker) = broker::shared() else { return };
    let topic = create(broker, "harness", 2, &[]);
    let records = vec![Record::new(&key_in(1, 2), b"value"); 10];
    produce(broker, &topic, 2, &records);
    delete_records(broker, &topic, 1, 7);
    let position = Position::new(broker, &topic, &topic, 2);
    assert_eq!(position.ends().expect("ends"), [(0, 0), (7, 10)]);
    assert_eq!(position.committed().expect("offsets"), [0, 0]);
    position.commit(1, 9);
    assert_eq!(position.committed().expect("offsets"), [0, 9]);
    assert!(!position.is_at_end());
    position.commit(1, 10);
    assert!(position.is_at_end());
}

#[test]
fn users_have_passwords_and_the_rights_they_are_given() {
    let Some(broker) = broker::shared() else { return };
    let Some(servers) = broker.sasl_servers() else { return broker::skipped("the broker asks nobody who they are") };
    let topic = create(broker, "harness", 1, &[]);
    let ends = |password: &str| {
        let mut config = broker.config();
        config.set("bootstrap.servers", servers).set("security.protocol", "sasl_plaintext").set("sasl.mechanism", "PLAIN");
        let client: BaseProducer = config.set("sasl.username", USER).set("sasl.password", password).create().expect("a client");
        client.client().fetch_watermarks(&topic, 0, std::time::Duration::from_secs(5))
    };
    ends(PASSWORD).expect_err("no rights");
    allow(broker, &[(Resource::Topic(&topic), Operation::Read)]);
    crate::program::eventually("rights that have arrived", || ends(PASSWORD).ok());
    ends("a wrong one").expect_err("a wrong password");
}

#[test]
fn a_broker_comes_back_with_all_it_had_whatever_ended_it() {
    let Some(broker) = broker::own() else { return };
    let topic = create(&broker, "harness", 2, &[]);
    let record = |number: u32| Record::new(&key_in(0, 2), number.to_string().as_bytes());
    let records: Vec<Record> = (0..5_000).map(record).collect();
    // Bit by bit, over a whole life, a stop, a power cut and a frosty spell.
    let pump = Pump::start(&broker, &topic, 2, records.clone(), 100);
    for order in [Order::Stop, Order::Start, Order::Kill, Order::Start, Order::Freeze, Order::Thaw] {
        broker.order(order);
    }
    pump.finish();
    let expected: Vec<String> = (0..5_000).map(|number| number.to_string()).collect();
    assert_eq!(values(&broker, &topic, Isolation::Committed), expected);
}
