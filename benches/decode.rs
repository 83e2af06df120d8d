//! What decoding a call costs beside parsing alone: the same lines through the decoder (tolerant fields, checks, numbers,
//! outcomes) and through a strict derived struct of the fields it reads.

mod common;

use std::hint::black_box;

use common::Strict;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dialwatch::engine::decode::{Format, Limits};

const RECORDS: u64 = 10_000;

/// The fields every push record begins with. Numbers are made up.
fn head(index: u64) -> String {
    let (start, answered) = (1_773_020_400 + index / 10, index.is_multiple_of(3));
    let (status, word) = [(1, "ok"), (202, "notAnswer"), (203, "userReject"), (205, "numberNotExist")][index as usize % 4];
    format!(
        r#"{{"SdkAppId":{},"SessionId":"{:08x}-1ef6-4ad2-a8c4-2b2bbfb18e55","Direction":1,"CallType":1,"StartTimestamp":{start},"RingTimestamp":{},"AcceptTimestamp":{},"EndedTimestamp":{},"Duration":{},"EndStatus":{status},"EndStatusString":"{word}","HungUpSide":"user","Caller":"00860755{:07}","Callee":"00861300{:07}""#,
        1_400_000_000 + index % 200,
        index * 2_654_435_761 % (1 << 32),
        start + 3,
        if answered { start + 9 } else { 0 },
        start + 40,
        if answered { 31 } else { 0 },
        index * 7_919 % 10_000_000,
        index * 104_729 % 10_000_000,
    )
}

fn compact(index: u64) -> String {
    format!(
        r#"{},"CallerLocation":"广东深圳","SeatUser":{{"UserId":"agent{}","StaffNumber":"{}","Mail":""}}}}"#,
        head(index),
        index % 50,
        index % 50
    )
}

fn full(index: u64) -> String {
    let (agent, start) = (index % 50, 1_773_020_400 + index / 10);
    format!(
        r#"{},"QueuedSkillGroupId":1072,"CallerLocation":"广东深圳","IVRKeyPressed":null,"PostIVRKeyPressed":[{{"key":"1","label":"非常满意"}}],"SeatUser":{{"Mail":"agent{agent}@example.com","Name":"agent","Nick":"agent","Phone":"","UserId":"agent{agent}@example.com","StaffNumber":"{agent}","SkillGroupNameList":["sales"]}},"ServeParticipants":[{{"Mail":"agent{agent}@example.com","Phone":"","RecordId":"{start}","StartTimestamp":{start},"RingTimestamp":{},"AcceptTimestamp":{},"EndedTimestamp":{},"Type":"staffSeat"}}],"RecordURL":"","Uui":""}}"#,
        head(index),
        start + 3,
        start + 9,
        start + 40
    )
}

fn decode(criterion: &mut Criterion) {
    let limits = Limits::default();
    for (size, record) in [("full", full as fn(u64) -> String), ("compact", compact)] {
        let lines: Vec<String> = (0..RECORDS).map(record).collect();
        let bytes: usize = lines.iter().map(String::len).sum();
        let mut group = criterion.benchmark_group(format!("decode/tccc/{size}-{}-bytes", bytes as u64 / RECORDS));
        group.throughput(Throughput::Elements(RECORDS));
        group.bench_function("decode", |bencher| {
            bencher.iter(|| {
                for line in &lines {
                    Format::Tccc.decode(line.as_bytes(), None, &limits, |call| {
                        assert!(black_box(call).is_ok());
                    });
                }
            });
        });
        group.bench_function("parse-alone", |bencher| {
            bencher.iter(|| {
                for line in &lines {
                    assert!(black_box(sonic_rs::from_slice::<Strict<'_>>(line.as_bytes())).is_ok());
                }
            });
        });
        group.finish();
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
