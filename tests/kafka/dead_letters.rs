//! Records that cannot be read: kept as they came, once, and no reason to stop, unless there are too many.

use std::collections::BTreeMap;

use dialwatch::engine::decode::{self, Format, Limits};
use dialwatch::simulate::World;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::alerts::Alerts;
use crate::broker;
use crate::producing::{Pump, produce};
use crate::program::{Program, eventually};
use crate::reading::{Stored, settled};
use crate::topics::{Position, Topics};
use crate::traffic::{Record, Traffic, key_in, partition_of};
use crate::{NO_IDLE_TICKS, PARTITIONS, seed};

/// A number that may be seen nowhere but in the record itself.
const NUMBER: &str = "13800000000";
/// What cannot be read as a call.
const NO_CALLS: [&[u8]; 6] = [
    b"{\"callee\":\"+8613800000000\",",
    b"\xff\xfe13800000000",
    b"",
    b"13800000000",
    b"{\"SdkAppId\":1400000000}",
    // A record of many calls, none of which can be read, is one letter.
    b"{\"Response\":{\"TelCdrList\":[\"13800000000\",2,3]}}",
];

/// What is to be found of a record in the topic of dead letters: key, value and headers, the reason as the decoder says it.
type Letter = (Vec<u8>, Vec<u8>, BTreeMap<String, String>);

/// The headers that are promised; there may be more.
const HEADERS: [&str; 5] = ["topic", "partition", "offset", "stage", "exception.message"];

fn letter(record: &Record, (topic, stream): (&str, &str), partition: i32, offset: usize, reason: &str) -> Letter {
    let values = [topic, &partition.to_string(), &offset.to_string(), stream, reason].map(str::to_owned);
    let headers = HEADERS.map(|name| format!("__connect.errors.{name}")).into_iter().zip(values).collect();
    (record.key.clone().into_bytes(), record.value.clone(), headers)
}

/// The letters that a topic's records lead to, if `reason` gives one.
fn expected(stream: (&str, &str), records: &[Record], reason: impl Fn(&[u8]) -> Option<String>) -> Vec<Letter> {
    let mut offsets = [0; PARTITIONS as usize];
    let mut letters = Vec::new();
    for record in records {
        let partition = partition_of(&record.key, PARTITIONS);
        let offset = &mut offsets[partition as usize];
        letters.extend(reason(&record.value).map(|reason| letter(record, stream, partition, *offset, &reason)));
        *offset += 1;
    }
    letters
}

fn why_no_call(value: &[u8]) -> Option<String> {
    let mut reason = None;
    Format::Tccc.decode(value, None, &Limits::default(), |call| {
        reason = reason.take().or(call.err().map(|error| error.to_string()));
    });
    reason
}

fn found(letters: Vec<Stored>) -> Vec<Letter> {
    let promised = |name: &str| HEADERS.iter().any(|promised| name.strip_prefix("__connect.errors.") == Some(promised));
    let letter = |mut stored: Stored| {
        assert!(!stored.headers.values().any(|value| value.contains(NUMBER)), "{:?}", stored.headers);
        stored.headers.retain(|name, _| promised(name));
        (stored.key.unwrap_or_default(), stored.value.unwrap_or_default(), stored.headers)
    };
    letters.into_iter().map(letter).collect()
}

#[test]
fn poison_is_kept_once_whatever_happens_and_costs_nothing_else() {
    let Some(broker) = broker::shared() else { return };
    let seed = seed(62);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut traffic = Traffic::of(&World::new(62, 1, 16));
    for no_call in NO_CALLS {
        for partition in 0..PARTITIONS {
            let at = random.random_range(0..traffic.calls.len());
            traffic.calls.insert(at, Record::new(&key_in(partition, PARTITIONS), no_call));
        }
    }
    traffic.feedback.insert(3, Record::new(&key_in(1, PARTITIONS), b"\xff\xfe"));
    traffic.registry.push(Record::new("nobody", b"no registration"));
    let topics = traffic.produce_before_calls(broker, PARTITIONS);
    let more = "  checkpoint_interval: 100ms\n  group_instance_id: only\n";
    let config = topics.config(broker, &format!("{NO_IDLE_TICKS}{more}"));
    let pump = Pump::start(broker, &topics.calls, PARTITIONS, traffic.calls.clone(), 200);
    for _ in 0..8 {
        let mut program = Program::start(&config);
        program.wait_assigned(|partitions| partitions > 0);
        std::thread::park_timeout(std::time::Duration::from_millis(random.random_range(50..600)));
        program.kill();
    }
    pump.finish();
    let mut program = Program::start(&config);
    let position = Position::in_calls(broker, &topics);
    program.eventually("everything judged", |_| position.is_at_end().then_some(()));
    program.scrape().assert_balanced();
    let log = program.log();
    assert!(!log.contains(NUMBER), "no number may reach the log: {log}");
    program.end();

    let why_no_feedback = |value: &[u8]| decode::feedback(value, &Limits::default()).err().map(|error| error.to_string());
    let mut expected = expected((&topics.calls, "calls"), &traffic.calls, why_no_call);
    assert_eq!(expected.len(), NO_CALLS.len() * PARTITIONS as usize);
    expected.extend(self::expected((&topics.feedback, "feedback"), &traffic.feedback, why_no_feedback));
    let mut found = found(settled(broker, &topics.dead_letters));
    // The registry belongs to no partition and is read by every process: its letters are no part of any transaction.
    found.retain(|(key, ..)| key != b"nobody");
    expected.sort();
    found.sort();
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
    Alerts::committed(broker, &topics).assert_equal(&traffic.judged(PARTITIONS, None));
}

#[test]
fn a_partition_of_nothing_but_poison_stops_and_no_other() {
    let Some(broker) = broker::shared() else { return };
    let traffic = Traffic::of(&World::new(63, 1, 12));
    let topics = Topics::create(broker, PARTITIONS);
    let (bad, good): (i32, Vec<i32>) = (2, vec![0, 1, 3]);
    let is_good = |app_id: &str| partition_of(app_id, PARTITIONS) != bad;
    let poison = vec![Record::new(&key_in(bad, PARTITIONS), b"nonsense"); 3_000];
    produce(broker, &topics.registry, 2, &traffic.registry);
    produce(broker, &topics.feedback, PARTITIONS, &traffic.feedback);
    produce(broker, &topics.calls, PARTITIONS, &poison);
    produce(broker, &topics.calls, PARTITIONS, &traffic.calls);

    let more = "  checkpoint_interval: 200ms\n  invalid_share_max: 0.4\n";
    let mut program = Program::start(&topics.config(broker, &format!("{NO_IDLE_TICKS}{more}")));
    let position = Position::in_calls(broker, &topics);
    program.eventually("everything else judged", |_| {
        let (ends, committed) = (position.ends()?, position.committed()?);
        good.iter().all(|partition| ends[*partition as usize].1 == committed[*partition as usize]).then_some(())
    });
    let stopped = |program: &mut Program, partition: i32| {
        let label = [("partition", partition.to_string())];
        Some(program.try_scrape()?.sum("dialwatch_partition_stopped", &[(label[0].0, label[0].1.as_str())]))
    };
    program.eventually("a stop", |program| stopped(program, bad).filter(|stopped| *stopped == 1.0));
    assert!(good.iter().all(|partition| stopped(&mut program, *partition) == Some(0.0)));
    let log = program.log();
    assert!(["partition", "invalid_share_max", "stop"].iter().all(|word| log.contains(word)), "{log}");
    assert!(program.get("/-/healthy").expect("answered").starts_with("HTTP/1.1 200"));
    assert!(program.is_running());
    program.end();
    let committed = eventually("the group's offsets", || position.committed())[bad as usize];
    assert!(committed < poison.len() as i64, "{committed} records of the bad partition count as judged");
    let letters = settled(broker, &topics.dead_letters).len() as i64;
    assert_eq!(letters, committed, "what counts as judged is kept, and nothing else");
    Alerts::committed(broker, &topics).assert_equal(&traffic.judged(PARTITIONS, None).of_apps(is_good));
}
