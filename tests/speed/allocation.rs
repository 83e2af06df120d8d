//! How often a call makes the engine allocate, once the traffic has gone on for a while.
//!
//! Counted by a global allocator that adds up what the thread of a test asks it for; a buffer counts again each time it grows.
//! Never counts what the test itself allocates: the lines are made before.

use std::sync::{Arc, LazyLock};

use allocation_counter::measure;
use dialwatch::engine::decode::{Format, Limits};
use dialwatch::engine::policy::Policy;
use dialwatch::engine::record::{CallRecord, Position};
use dialwatch::engine::shard::{Effects, Input, Shard};
use dialwatch::engine::time::StreamClock;
use dialwatch::simulate::{self, Conduct, WireFormat, World};

/// The apps of a world.
const APPS: u32 = 150;
/// The traffic that is not counted, from the morning of the simulated day: it fills windows and brings buffers to their size.
const WARM_UP_HOURS: i64 = 3;
/// The traffic that is counted.
const COUNTED_HOURS: i64 = 3;

/// Allocations allowed for a hundred calls that are let into the waiting room: now and then a busier minute makes it grow.
const ADMITTING_MAX: f64 = 0.1;
/// Allocations allowed for a hundred calls that are judged, where apps go through all families, good and bad. Most are evidence
/// of what goes on for hours and is found anew each minute.
const JUDGING_ALL_MAX: f64 = 97.0;
/// The same where no app does anything wrong.
const JUDGING_CLEAN_MAX: f64 = 63.0;

/// Windows are as full as they will be after so many days: the longest that is filled has fourteen.
const KNOWN_AFTER_DAYS: u32 = 15;
/// Allocations allowed for an app and day, however many calls it makes, where they bring nothing to remember: lists of the day.
const A_DAY_MAX: f64 = 30.0;

/// A usual world: some of its apps break the rules.
static ALL: LazyLock<World> = LazyLock::new(|| {
    let mut world = World::new(7, 1, APPS);
    world.options.delivery.late = 0.0;
    world
});
/// A world whose apps all keep the rules.
static CLEAN: LazyLock<World> = LazyLock::new(|| {
    let clean = simulate::families().filter(|family| family.conduct == Conduct::Clean);
    let mut world = ALL.clone();
    world.options.shares = clean.map(|family| (family, 1.0)).collect();
    world
});

/// Allocations while calls went through a shard.
#[derive(Debug, Default)]
struct Counts {
    calls: u64,
    decoding: u64,
    admitting: u64,
    judging: u64,
    alerts: usize,
}

impl Counts {
    fn a_hundred_calls(&self, count: u64) -> f64 {
        count as f64 * 100.0 / self.calls as f64
    }

    /// What calls of a world allocate after its first hours.
    fn of(world: &World) -> Self {
        let hour = |hours: i64| world.start.plus_millis(hours * 3_600_000);
        let mut judge = Judge::new();
        judge.take(&lines(world, |call| call.end < hour(WARM_UP_HOURS)));
        let counted = hour(WARM_UP_HOURS)..hour(WARM_UP_HOURS + COUNTED_HOURS);
        let counts = judge.take(&lines(world, |call| counted.contains(&call.end)));
        assert!(counts.calls > 50_000, "too little to go by: {counts:?}");
        counts
    }
}

/// Calls of a world as the platform writes them, in the order in which they come.
fn lines(world: &World, wanted: impl Fn(&simulate::SimulatedCall) -> bool) -> Vec<Vec<u8>> {
    simulate::calls(world).filter(wanted).map(|call| call.line(WireFormat::Tccc)).collect()
}

/// A shard and the clock of its stream.
struct Judge {
    shard: Shard,
    clock: StreamClock,
    effects: Effects,
}

impl Judge {
    fn new() -> Self {
        Self { shard: Shard::new(Arc::new(Policy::for_tests()), 1), clock: StreamClock::default(), effects: Effects::default() }
    }

    /// Takes calls in and counts what that allocates.
    fn take(&mut self, lines: &[Vec<u8>]) -> Counts {
        let (mut counts, limits) = (Counts::default(), Limits::default());
        for line in lines {
            counts.decoding += measure(|| Format::Tccc.decode(line, None, &limits, drop)).count_total;
            Format::Tccc.decode(line, None, &limits, |call| {
                self.take_in(&call.expect("a simulated call can be read"), &mut counts);
            });
        }
        counts
    }

    fn take_in(&mut self, call: &CallRecord<'_>, counts: &mut Counts) {
        let effects = &mut self.effects;
        counts.calls += 1;
        if let Some(tick) = self.clock.observe(call.end) {
            let judging = measure(|| {
                self.shard.apply(Input::Tick(tick), effects);
            });
            counts.judging += judging.count_total;
        }
        let admitting = measure(|| {
            self.shard.apply(Input::call(call, Position::default()), effects);
        });
        counts.admitting += admitting.count_total;
        counts.alerts += effects.alerts.drain(..).count();
    }
}

#[test]
fn a_call_is_decoded_and_let_in_without_allocating_and_judged_almost_so() {
    let counts = Counts::of(&ALL);
    assert_eq!(counts.decoding, 0, "{counts:?}");
    let (admitting, judging) = (counts.a_hundred_calls(counts.admitting), counts.a_hundred_calls(counts.judging));
    assert!(admitting <= ADMITTING_MAX, "{admitting:.3} allocations for a hundred calls let in: {counts:?}");
    assert!(judging <= JUDGING_ALL_MAX, "{judging:.1} allocations for a hundred calls judged: {counts:?}");
}

#[test]
fn apps_that_keep_the_rules_make_it_allocate_little() {
    let counts = Counts::of(&CLEAN);
    let judging = counts.a_hundred_calls(counts.judging);
    assert!(judging <= JUDGING_CLEAN_MAX, "{judging:.1} allocations for a hundred calls judged: {counts:?}");
}

/// Apps with their people, who are all called in turn, in working hours, by a person each time.
mod known {
    use dialwatch::engine::number::Number;
    use dialwatch::engine::record::{CallRecord, Direction, HangupBy, Kind, Outcome, RawOutcome};
    use dialwatch::engine::time::Timestamp;

    pub const APPS: u32 = 3;
    /// 09:00 of a Monday in China.
    const MORNING_S: i64 = 1_772_413_200;
    const CALLS_A_DAY: u32 = 3_600;
    /// In a day and a half nobody is called twice.
    const PEOPLE: u32 = CALLS_A_DAY * 3 / 2;

    /// The calls of a day, from 0, in the order of their ends: one of each app every ten seconds.
    pub fn calls(day: u32) -> impl Iterator<Item = CallRecord<'static>> {
        (0..CALLS_A_DAY).flat_map(move |turn| (0..APPS).map(move |app| call(app, day, turn)))
    }

    fn call(app: u32, day: u32, turn: u32) -> CallRecord<'static> {
        let index = day * CALLS_A_DAY + turn;
        // Scattered: no line keeps time, no length is the usual one, no number lies beside the one before.
        let chance =
            |below: u32, salt: u32| (index.wrapping_mul(2_654_435_761) ^ salt.wrapping_mul(0x9e37_79b9)).rotate_left(9) % below;
        let end = Timestamp::from_seconds(MORNING_S + i64::from(day * 86_400 + turn * 10 + 3 * app + chance(3, app)));
        let lasted_s = 8 + i64::from(chance(300, 1));
        let person = index % PEOPLE * 61 % PEOPLE * 7_919 + app * 10_000_000;
        let answered = chance(10, 2) < 6;
        CallRecord {
            app_id: format!("140000000{app}").into(),
            call_id: format!("{index:08x}-{app:04x}-4ad2-a8c4-2b2bbfb18e55").into(),
            direction: Direction::Outbound,
            kind: Kind::Agent,
            caller: Number::parse(&format!("+867558000{:04}", index % 3), "86"),
            callee: Number::parse(&format!("+86199{person:08}"), "86"),
            start: end.plus_millis(-(lasted_s + 9) * 1_000),
            ring: Some(end.plus_millis(-(lasted_s + 5) * 1_000)),
            answer: answered.then(|| end.plus_millis(-lasted_s * 1_000)),
            end,
            outcome: if answered { Outcome::Answered } else { Outcome::NoAnswer },
            outcome_known: true,
            raw_outcome: RawOutcome::default(),
            hangup_by: HangupBy::Agent,
            agent: answered.then(|| "7".into()),
            caller_region: None,
            callee_region: None,
        }
    }
}

#[test]
fn a_call_that_brings_nothing_new_allocates_nothing() {
    const DAYS: u32 = 2;
    let (mut judge, mut counts) = (Judge::new(), Counts::default());
    for day in 0..KNOWN_AFTER_DAYS + DAYS {
        let calls: Vec<_> = known::calls(day).collect();
        if day == KNOWN_AFTER_DAYS {
            counts = Counts::default();
        }
        calls.iter().for_each(|call| judge.take_in(call, &mut counts));
    }
    let a_day = (counts.admitting + counts.judging) as f64 / f64::from(known::APPS * DAYS);
    assert_eq!(counts.alerts, 0, "{counts:?}");
    assert!(a_day <= A_DAY_MAX, "{a_day:.1} allocations for an app and day: {counts:?}");
}
