//! Made-up traffic of a given shape: so many calls of so many apps within so many hours, each to a callee of its own.
//!
//! Plain traffic, of which next to no rule has anything to say: two calls of three are answered, numbers called follow no order, and
//! all of it is within a province. Rest time is not judged, for traffic of a day has nights. Never draws a random number: the same
//! shape is the same records.

use std::sync::Arc;

use dialwatch::engine::detector::{Mode, RuleName};
use dialwatch::engine::number::Number;
use dialwatch::engine::policy::Policy;
use dialwatch::engine::record::{CallRecord, HangupBy, Outcome, Registration};
use dialwatch::engine::shard::{Effects, Input, Shard};
use dialwatch::engine::time::{DAY_S, HOUR_S, MINUTE_MS, StreamClock};

use crate::common::load::{REPLAY_CALLS_MAX, SERVICE_CALLS_MAX, judge_within, made_up, resident_bytes};

/// When it begins: on a Monday at nine in the morning, in Shanghai.
const BEGIN_S: i64 = 1_773_018_000;
/// Calls for which an app has one caller number more, and the most it has.
const CALLS_A_CALLER: u32 = 500;
const CALLERS_MAX: u32 = 2_000;
/// Numbers of an area that callees have, all in the province of the callers.
const AREA: u64 = 80_000_000;
/// Prime to it: numbers called one after the other lie far apart.
const SCATTER: u64 = 61_803_399;

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// Any app's: so people call.
    Any,
    /// One app's after the other, and so its lines': each calls at an even pace, as machines do.
    Even,
    /// Half of the calls are the first app's.
    Skewed,
}

impl Turns {
    pub const ALL: [Self; 3] = [Self::Any, Self::Even, Self::Skewed];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Even => "even",
            Self::Skewed => "skewed",
        }
    }
}

/// The shape of some traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    pub apps: u32,
    pub calls: u32,
    pub hours: u32,
    pub turns: Turns,
}

/// A number below `below` that follows from an index as if it were drawn (SplitMix64, Steele and others 2014).
fn drawn(index: u64, below: u32) -> u32 {
    let mut value = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((value ^ value >> 31) % u64::from(below)) as u32
}

impl Traffic {
    /// The app of a call.
    fn app_of(self, index: u32) -> u32 {
        match self.turns {
            Turns::Any => drawn(2 * u64::from(index), self.apps),
            Turns::Even => index % self.apps,
            Turns::Skewed if index.is_multiple_of(2) => 0,
            Turns::Skewed => 1 + drawn(2 * u64::from(index), self.apps - 1),
        }
    }

    /// Which of its app's lines a call comes from.
    fn line_of(self, index: u32, lines: u32) -> u32 {
        match self.turns {
            Turns::Even => index / self.apps % lines,
            Turns::Any | Turns::Skewed => drawn(2 * u64::from(index) + 1, lines),
        }
    }

    /// How many calls an app has, about.
    fn calls_of(self, app: u32) -> u32 {
        match (self.turns, app) {
            (Turns::Any | Turns::Even, _) => self.calls / self.apps,
            (Turns::Skewed, 0) => self.calls / 2,
            (Turns::Skewed, _) => self.calls / 2 / (self.apps - 1),
        }
    }

    fn call(self, index: u32) -> CallRecord<'static> {
        let app = self.app_of(index);
        let chance = |of: u32, below: u32| i64::from((index.wrapping_mul(of) >> 8) % below);
        let start_s =
            BEGIN_S + i64::from(index) * i64::from(self.hours * HOUR_S) / i64::from(self.calls) + chance(2_654_435_761, 90);
        let callers = (self.calls_of(app) / CALLS_A_CALLER).clamp(1, CALLERS_MAX);
        let is_answered = chance(2_246_822_519, 3) > 0;
        let record = made_up(&app_id(app), index, start_s);
        let answer = record.start.plus_millis(4_000 + chance(3_266_489_917, 17_000));
        let talk_ms = 5_000 + chance(668_265_263, 20_000) * chance(374_761_393, 12);
        CallRecord {
            caller: Number::parse(&format!("+86755{:08}", 20_000_000 + app * callers + self.line_of(index, callers)), "86"),
            callee: Number::parse(&format!("+8620{:08}", 20_000_000 + u64::from(index) * SCATTER % AREA), "86"),
            answer: is_answered.then_some(answer),
            end: answer.plus_millis(if is_answered { talk_ms } else { 20_000 }),
            outcome: if is_answered { Outcome::Answered } else { Outcome::NoAnswer },
            hangup_by: if is_answered { HangupBy::Agent } else { HangupBy::System },
            ..record
        }
    }

    /// Nanoseconds of a processor for a call that is decoded already, let in and judged: of the second half, when every app is
    /// known. That an app begins costs as much as some calls, and happens once.
    ///
    /// As much is judged together as in a replay.
    pub fn nanos_a_call(self) -> f64 {
        let records: Vec<CallRecord<'_>> = (0..self.calls).map(|index| self.call(index)).collect();
        let (before, counted) = records.split_at(records.len() / 2);
        let mut judge = Judge::new(REPLAY_CALLS_MAX);
        before.iter().for_each(|record| judge.take(record));
        judge.shard.catch_up(&mut judge.effects);
        let began = processor_nanos();
        counted.iter().for_each(|record| judge.take(record));
        judge.pass(30 * MINUTE_MS);
        (processor_nanos() - began) as f64 / counted.len() as f64
    }

    /// Resident bytes that are more when all of it has been judged, those of everything that an app keeps.
    pub fn bytes(self) -> f64 {
        let mut judge = Judge::new(SERVICE_CALLS_MAX);
        let before = resident_bytes();
        (0..self.calls).for_each(|index| judge.take(&self.call(index)));
        judge.pass(30 * MINUTE_MS);
        (resident_bytes() - before) as f64
    }
}

/// How long this process has had a processor, from the kernel: waiting for one is left out.
fn processor_nanos() -> u64 {
    let counts = std::fs::read_to_string("/proc/self/schedstat").expect("a kernel that counts");
    counts.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).expect("nanoseconds")
}

fn app_id(app: u32) -> String {
    (1_400_000_000 + app).to_string()
}

/// Resident bytes of an app that made one call within so many days, as others did all the while, and nothing since.
pub fn bytes_of_a_silent_app(apps: u32, days: i64) -> f64 {
    let mut judge = Judge::new(SERVICE_CALLS_MAX);
    let before = resident_bytes();
    let traffic = Traffic { apps, calls: apps, hours: days as u32 * 24, turns: Turns::Even };
    (0..apps).for_each(|index| judge.take(&traffic.call(index)));
    for _ in 0..3 {
        judge.pass(i64::from(DAY_S) * 1_000);
    }
    (resident_bytes() - before) as f64 / f64::from(apps)
}

/// Resident bytes of an app of which nothing came but its registration.
pub fn bytes_of_a_registered_app(apps: u32) -> f64 {
    let mut judge = Judge::new(SERVICE_CALLS_MAX);
    let before = resident_bytes();
    for app in 0..apps {
        let registration = Registration {
            name: "A shop".into(),
            industry: "retail".into(),
            seats: Some(5),
            ..Registration::nothing(app_id(app))
        };
        judge.shard.apply(Input::Registration(&registration), &mut judge.effects);
    }
    (resident_bytes() - before) as f64 / f64::from(apps)
}

/// A shard and the clock of its stream. What it says is not kept: what a sink has is no memory of the engine.
struct Judge {
    /// So many calls are judged together at most.
    calls_max: usize,
    shard: Shard,
    clock: StreamClock,
    effects: Effects,
}

impl Judge {
    fn new(calls_max: usize) -> Self {
        let mut policy = Policy::for_tests();
        policy.rules.set_mode(RuleName::RestTime, Mode::Off);
        let shard = Shard::new(Arc::new(policy), 1);
        Self { calls_max, shard, clock: StreamClock::default(), effects: Effects::default() }
    }

    fn take(&mut self, record: &CallRecord<'_>) {
        judge_within(self.calls_max, &mut self.shard, &mut self.clock, &mut self.effects, record);
        self.send();
    }

    /// Lets time pass after the last call.
    fn pass(&mut self, millis: i64) {
        let later = self.clock.newest().plus_millis(millis);
        if let Some(tick) = self.clock.observe(later) {
            self.shard.apply(Input::Tick(tick), &mut self.effects);
        }
        self.send();
    }

    fn send(&mut self) {
        self.effects.alerts.clear();
        self.effects.shadowed.clear();
        self.effects.sketches.clear();
    }
}
