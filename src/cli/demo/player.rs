//! The player: makes the calls of a small world of apps, day after day, faster than they happened.
//!
//! Nothing is made up beforehand but what the apps filed, so a show starts at once and its memory does not grow with the days.
//! It never runs far ahead of who judges, and never makes up for time in which nobody judged.

use std::path::Path;
use std::time::{Duration, Instant};

use super::stage::{PARTITIONS, partition_of};
use crate::cli::platform::Platform;
use crate::config::kafka::RawKafka;
use crate::engine::time::{DAY_S, MINUTE_MS, SECOND_MS, Timestamp};
use crate::service::health::Stop;
use crate::simulate::{self, Outlet, RegistryLine, SimulatedCall, WireFormat, World, app_id};

/// When the days begin: Monday, 2007-01-01T00:00:00Z. Far back, since a call of the future is refused: days of eight seconds go
/// on for the better part of a real one.
const BEGIN: Timestamp = Timestamp::from_seconds(1_167_609_600);
/// What happens once in the life of an app happens in every so many days, in the later ones of them.
const CHAPTER_DAYS: u32 = 3;
/// Records that may be on their way. Of at most 1.2 kB each, they all find room in one partition of the mock cluster.
const AHEAD_MAX: u64 = 4_000;
/// How often it is looked how far the judgement is, in records.
const LOOK_EVERY: u64 = 128;
/// How often the player looks up when it waits.
const TACT: Duration = Duration::from_millis(2);
/// The longest it waits without looking whether the show is to end.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// A delay that is made up for; a longer one (a busy machine, a suspended process) is not.
const DELAY_MAX: Duration = Duration::from_millis(200);
/// At the end, for how long records may be on their way while nothing is judged.
const PATIENCE: Duration = Duration::from_secs(3);
/// How far the days go on, at most, for what was played to be judged: a partition may have no call for longer.
const EPILOGUE_MS: i64 = 30 * MINUTE_MS;

/// What is played.
pub struct Play {
    world: World,
    registry: Vec<RegistryLine>,
}

/// What a player heeds, and whom it tells.
pub struct Heed<'h> {
    /// Asks it to come to an end.
    pub ending: &'h Stop,
    /// Asks it to break off: nobody judges any more.
    pub stop: &'h Stop,
    /// How long after the end of a call others may still come that count with it, in milliseconds.
    pub lateness_ms: i64,
    /// How many records have been consumed.
    pub judged: &'h (dyn Fn() -> u64 + Sync),
    /// Is told how far the days are.
    pub now: &'h (dyn Fn(Timestamp) + Sync),
}

impl Play {
    /// The days of `apps` apps, until `today`.
    pub fn new(seed: u64, apps: u32, today: Timestamp) -> Self {
        let days = (today.millis() - BEGIN.millis()) / (i64::from(DAY_S) * SECOND_MS);
        let mut world = World::new(seed, u32::try_from(days).unwrap_or(0).max(1), apps);
        world.start = BEGIN;
        world.options.chapter_days = Some(CHAPTER_DAYS);
        Self { registry: simulate::registrations(&world), world }
    }

    /// When the first day begins.
    pub fn begin(&self) -> Timestamp {
        self.world.start
    }

    /// Writes everything in the order in which it would come, each day in `day`, until it is asked to end, and sees to it that
    /// what was written is judged.
    pub fn perform(&self, kafka: &RawKafka, day: Duration, heed: &Heed<'_>) -> anyhow::Result<()> {
        let place = |app_id: &str| partition_of(app_id) as i32;
        let mut platform = Platform::open(kafka, Path::new(""), WireFormat::Tccc, Some(place))?;
        for line in &self.registry {
            platform.registration(line)?;
        }
        platform.flush()?;
        let mut clock = Clock::new(self.begin(), day);
        let mut newest = Newest::default();
        let mut curtain: Option<Curtain> = None;
        let mut said = simulate::feedback_as_it_comes(&self.world).peekable();
        for call in simulate::calls(&self.world) {
            if curtain.is_none() && heed.ending.is_asked() {
                curtain = Some(Curtain::new(&newest, call.arrival, heed.lateness_ms));
            }
            if heed.stop.is_asked() || curtain.as_ref().is_some_and(|curtain| curtain.falls(&newest, call.arrival)) {
                break;
            }
            while let Some(line) = said.next_if(|line| line.at_ms <= call.arrival.millis()) {
                platform.feedback(&line)?;
            }
            if curtain.is_none() {
                clock.wait_for(call.arrival, heed.ending);
                (heed.now)(call.arrival);
            }
            platform.call(&call)?;
            newest.note(&call);
            if platform.records().is_multiple_of(LOOK_EVERY) {
                wait_until(platform.records().saturating_sub(AHEAD_MAX), heed);
            }
        }
        platform.flush()?;
        wait_until(platform.records(), heed);
        Ok(())
    }
}

/// Waits until so many records have been consumed; not for ever when the show is to end.
fn wait_until(records: u64, heed: &Heed<'_>) {
    let (mut seen, mut since) = ((heed.judged)(), Instant::now());
    while seen < records && !heed.stop.is_asked() {
        if heed.ending.is_asked() && since.elapsed() > PATIENCE {
            return;
        }
        std::thread::sleep(TACT);
        let judged = (heed.judged)();
        if judged != seen {
            (seen, since) = (judged, Instant::now());
        }
    }
}

/// The newest end of a call, by partition.
#[derive(Clone, Copy, Default)]
struct Newest([Option<Timestamp>; PARTITIONS]);

impl Newest {
    fn note(&mut self, call: &SimulatedCall) {
        let newest = &mut self.0[partition_of(&app_id(call.app).to_string())];
        *newest = (*newest).max(Some(call.end));
    }
}

/// The end of a show. Records are judged when none that count with them can come any more, so the days go on for some minutes,
/// at once, until the last that was shown is judged.
struct Curtain {
    /// The newest end that makes everything judged that was shown, by partition.
    due: [Option<Timestamp>; PARTITIONS],
    last: Timestamp,
}

impl Curtain {
    fn new(shown: &Newest, now: Timestamp, lateness_ms: i64) -> Self {
        let due = shown.0.map(|newest| newest.map(|newest| newest.plus_millis(lateness_ms + MINUTE_MS)));
        Self { due, last: now.plus_millis(EPILOGUE_MS) }
    }

    fn falls(&self, newest: &Newest, now: Timestamp) -> bool {
        now > self.last || newest.0.iter().zip(&self.due).all(|(newest, due)| newest >= due)
    }
}

/// The pace: event time runs as much faster as a day is longer than the one that is played.
struct Clock {
    begin: Timestamp,
    began: Instant,
    speed: f64,
}

impl Clock {
    fn new(begin: Timestamp, day: Duration) -> Self {
        let speed = f64::from(DAY_S) / day.as_secs_f64().max(1e-3);
        Self { begin, began: Instant::now(), speed }
    }

    /// Waits until it is `moment`, if that is worth it, or the show is to end.
    fn wait_for(&mut self, moment: Timestamp, ending: &Stop) {
        let due_s = (moment.millis() - self.begin.millis()).max(0) as f64 / 1e3 / self.speed;
        let due = self.began + Duration::from_secs_f64(due_s);
        let delay = due.elapsed();
        if delay > DELAY_MAX {
            self.began += delay;
        }
        loop {
            let early = due.saturating_duration_since(Instant::now());
            if early <= TACT || ending.is_asked() {
                return;
            }
            std::thread::sleep(early.min(WAIT_MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than a record of a call takes in the log.
    const RECORD_BYTES_MAX: usize = 1_200;
    const TODAY: Timestamp = Timestamp::from_seconds(1_790_000_000);

    #[test]
    fn the_days_go_on_for_most_of_a_real_day() {
        let play = Play::new(1, 3, TODAY);
        assert!(play.world.end() <= TODAY && i64::from(play.world.days) * 8 > 12 * 3_600, "{} days", play.world.days);
        assert_eq!(play.begin().to_string(), "2007-01-01T00:00:00Z");
        assert!(play.registry.iter().all(|line| line.since.is_plausible()), "nobody filed before records may say so");
    }

    #[test]
    fn records_on_their_way_find_room_in_one_partition() {
        let play = Play::new(1, 33, TODAY);
        let mut line = Vec::new();
        for call in simulate::calls(&play.world).take(200_000) {
            line.clear();
            call.write(WireFormat::Tccc, &mut line);
            assert!(line.len() <= RECORD_BYTES_MAX - 100, "{} bytes and what a log adds", line.len());
        }
        const { assert!(AHEAD_MAX * (RECORD_BYTES_MAX as u64) < 5 << 20) };
    }

    #[test]
    fn the_curtain_falls_when_all_that_was_shown_is_judged() {
        let play = Play::new(1, 33, TODAY);
        let lateness_ms = 5 * MINUTE_MS;
        let mut newest = Newest::default();
        let mut calls = simulate::calls(&play.world);
        calls.by_ref().take(20_000).for_each(|call| newest.note(&call));
        let shown = newest;
        let next = calls.next().expect("a call");
        let curtain = Curtain::new(&shown, next.arrival, lateness_ms);
        assert!(!curtain.falls(&newest, next.arrival));
        let mut more = 0;
        for call in calls {
            if curtain.falls(&newest, call.arrival) {
                break;
            }
            newest.note(&call);
            more += 1;
        }
        let is_judged = |(newest, shown): (&Option<Timestamp>, &Option<Timestamp>)| {
            newest.zip(*shown).is_some_and(|(newest, shown)| newest.minute().0 > shown.plus_millis(lateness_ms).minute().0)
        };
        assert!((1..5_000).contains(&more) && newest.0.iter().zip(&shown.0).all(is_judged), "after {more} calls");
        // Nobody calls any more: it falls all the same.
        assert!(curtain.falls(&shown, next.arrival.plus_millis(EPILOGUE_MS + 1)));
    }

    #[test]
    fn a_long_delay_is_not_made_up_for() {
        let ending = Stop::default();
        let mut clock = Clock::new(BEGIN, Duration::from_secs(8));
        clock.began -= Duration::from_secs(60);
        let moment = BEGIN.plus_millis(HOUR_MS);
        clock.wait_for(moment, &ending);
        let due_s = 8.0 / 24.0;
        let late_s = clock.began.elapsed().as_secs_f64() - due_s;
        assert!((0.0..1.0).contains(&late_s), "{late_s} s late");
        // One that is to end waits for nothing.
        ending.ask();
        let began = Instant::now();
        clock.wait_for(BEGIN.plus_millis(1_000 * HOUR_MS), &ending);
        assert!(began.elapsed() < Duration::from_secs(5));
    }

    const HOUR_MS: i64 = 60 * MINUTE_MS;
}
