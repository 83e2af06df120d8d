//! What benches judge, and what they read off: simulated lines, made-up records, nanoseconds and resident memory.

use std::time::Instant;

use dialwatch::engine::number::Number;
use dialwatch::engine::record::{CallRecord, Direction, HangupBy, Kind, Outcome, Position, RawOutcome};
use dialwatch::engine::shard::{Effects, Input, Shard};
use dialwatch::engine::time::{StreamClock, Timestamp};
use dialwatch::simulate::{self, WireFormat, World};

/// The calls of a usual world, as the platform writes them.
pub fn stream(apps: u32) -> impl Iterator<Item = Vec<u8>> {
    let mut world = World::new(7, 1, apps);
    world.options.delivery.late = 0.0;
    simulate::calls(&world).map(|call| call.line(WireFormat::Tccc))
}

/// Calls that are judged together at most, as in a replay.
pub const REPLAY_CALLS_MAX: usize = 1 << 20;
/// The same as in a service.
pub const SERVICE_CALLS_MAX: usize = 1 << 16;

/// Takes a record in as a replay does.
pub fn judge(shard: &mut Shard, clock: &mut StreamClock, effects: &mut Effects, record: &CallRecord<'_>) {
    judge_within(REPLAY_CALLS_MAX, shard, clock, effects, record);
}

/// Takes a record in as a source with a backlog does: time before it, if it brings any, and judging when enough is closed.
pub fn judge_within(
    calls_max: usize,
    shard: &mut Shard,
    clock: &mut StreamClock,
    effects: &mut Effects,
    record: &CallRecord<'_>,
) {
    if let Some(tick) = clock.observe(record.end) {
        shard.apply(Input::Pass(tick), effects);
        if shard.is_behind(calls_max) {
            shard.catch_up(effects);
        }
    }
    shard.apply(Input::call(record, Position::default()), effects);
}

/// An answered call to a callee of its own.
pub fn made_up(app_id: &str, index: u32, start_s: i64) -> CallRecord<'static> {
    let start = Timestamp::from_seconds(start_s);
    CallRecord {
        app_id: app_id.to_owned().into(),
        call_id: format!("{index:08x}-1ef6-4ad2-a8c4-2b2bbfb18e55").into(),
        direction: Direction::Outbound,
        kind: Kind::Agent,
        caller: Number::parse(&format!("+867558000{:04}", index / 10_000 % 10), "86"),
        callee: Number::parse(&format!("+86199{index:08}"), "86"),
        start,
        ring: Some(start.plus_millis(3_000)),
        answer: Some(start.plus_millis(9_000)),
        end: start.plus_millis(i64::from(20 + index % 60) * 1_000),
        outcome: Outcome::Answered,
        outcome_known: true,
        raw_outcome: RawOutcome::default(),
        hangup_by: HangupBy::Agent,
        agent: Some("7".into()),
        caller_region: None,
        callee_region: None,
    }
}

/// How long a call takes if so many take as long as `work` does.
pub fn nanos_a_call(calls: usize, work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_nanos() as f64 / calls as f64
}

/// The one in the middle.
pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Resident memory of this process, from the kernel.
pub fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4_096
}
