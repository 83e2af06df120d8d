//! What decoding a call costs beside parsing alone: the same lines through the decoder (tolerant fields, checks, numbers,
//! outcomes) and through a strict derived struct of the fields it reads.

use std::borrow::Cow;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dialwatch::engine::decode::{Format, Limits};
use serde::Deserialize;

const RECORDS: u64 = 10_000;

/// The fields the decoder reads, read strictly: no repeated key, no `null`, no text for a number.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "parsed, not used")]
struct Strict<'a> {
    sdk_app_id: u64,
    #[serde(borrow)]
    session_id: Cow<'a, str>,
    direction: i64,
    call_type: Option<i64>,
    start_timestamp: i64,
    ring_timestamp: i64,
    accept_timestamp: i64,
    ended_timestamp: i64,
    duration: i64,
    end_status: Option<i64>,
    #[serde(borrow)]
    end_status_string: Cow<'a, str>,
    #[serde(borrow)]
    hung_up_side: Cow<'a, str>,
    #[serde(borrow)]
    caller: Cow<'a, str>,
    #[serde(borrow)]
    callee: Cow<'a, str>,
    // An optional `Cow` would be copied, whatever the attribute says.
    #[serde(borrow)]
    protected_caller: Option<&'a str>,
    #[serde(borrow)]
    protected_callee: Option<&'a str>,
    #[serde(borrow)]
    caller_location: Option<&'a str>,
    #[serde(borrow)]
    seat_user: Option<StrictSeat<'a>>,
    #[serde(rename = "AIAgentId")]
    ai_agent_id: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "parsed, not used")]
struct StrictSeat<'a> {
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    #[serde(borrow)]
    staff_number: Cow<'a, str>,
    #[serde(borrow)]
    mail: Cow<'a, str>,
}

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
