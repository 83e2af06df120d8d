//! How often a call makes the engine allocate, once the traffic has gone on for a while.
//!
//! Counted by a global allocator that adds up what the thread of a test asks it for; a buffer counts again each time it grows.
//! Never counts what the test itself allocates: the lines are made before.

use std::sync::{Arc, LazyLock};

use allocation_counter::measure;
use dialwatch::engine::decode::{Format, Limits};
use dialwatch::engine::policy::Policy;
use dialwatch::engine::record::Position;
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
const JUDGING_ALL_MAX: f64 = 111.0;
/// The same where no app does anything wrong.
const JUDGING_CLEAN_MAX: f64 = 80.0;

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
}

impl Judge {
    fn new() -> Self {
        Self { shard: Shard::new(Arc::new(Policy::for_tests()), 1), clock: StreamClock::default() }
    }

    /// Takes calls in and counts what that allocates.
    fn take(&mut self, lines: &[Vec<u8>]) -> Counts {
        let (mut counts, mut effects, limits) = (Counts::default(), Effects::default(), Limits::default());
        for line in lines {
            counts.decoding += measure(|| Format::Tccc.decode(line, None, &limits, drop)).count_total;
            Format::Tccc.decode(line, None, &limits, |call| {
                let call = call.expect("a simulated call can be read");
                counts.calls += 1;
                if let Some(tick) = self.clock.observe(call.end) {
                    let judging = measure(|| {
                        self.shard.apply(Input::Tick(tick), &mut effects);
                    });
                    counts.judging += judging.count_total;
                }
                let admitting = measure(|| {
                    self.shard.apply(Input::Call(&call, Position::default()), &mut effects);
                });
                counts.admitting += admitting.count_total;
            });
        }
        counts.alerts = effects.alerts.len();
        counts
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
