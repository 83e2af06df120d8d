//! When an app works: its local clock, and the arrivals of its work.
//!
//! Arrivals are Poisson at a rate that is the hour of the week, times a Gamma factor of the day, times a Gamma factor of
//! the five minutes: over-dispersed, as the arrivals of real call centres are (Brown et al. 2005).

use super::draw::Draw;
use super::plan::{Event, Week};
use crate::engine::time::{HOUR_S, LocalClock, LocalTime, MINUTE_MS, SECOND_MS, Timestamp};

const HOUR_MS: i64 = HOUR_S as i64 * SECOND_MS;
const BIN_MS: i64 = 5 * MINUTE_MS;

/// An app's wall clock. Asks the time zone once an hour.
pub(super) struct AppClock {
    zone: Option<LocalClock>,
    hour: i64,
    offset_s: i32,
}

impl AppClock {
    /// A clock of this zone; UTC without one.
    pub(super) fn new(zone: Option<LocalClock>) -> Self {
        Self { zone, hour: i64::MIN, offset_s: 0 }
    }

    /// The wall clock at a moment.
    pub(super) fn local(&mut self, at_ms: i64) -> LocalTime {
        let hour = at_ms.div_euclid(HOUR_MS);
        if hour != self.hour {
            self.hour = hour;
            self.offset_s = self.zone.as_ref().map_or(0, |zone| zone.offset_s(Timestamp::from_millis(at_ms)));
        }
        LocalTime::new(Timestamp::from_millis(at_ms).seconds(), self.offset_s)
    }

    /// How busy the hour of this moment is.
    pub(super) fn level(&mut self, week: &Week, at_ms: i64) -> f64 {
        f64::from(week.0[self.local(at_ms).hour_of_week as usize % week.0.len()])
    }

    /// The first moment of the next full hour.
    pub(super) const fn next_hour(at_ms: i64) -> i64 {
        (at_ms.div_euclid(HOUR_MS) + 1) * HOUR_MS
    }

    /// `at_ms` if the week works then, else the next opening within a week; `None` if there is none.
    pub(super) fn next_open(&mut self, week: &Week, at_ms: i64) -> Option<i64> {
        let hours =
            (0..week.0.len() as i64).map(|ahead| if ahead == 0 { at_ms } else { Self::next_hour(at_ms) + (ahead - 1) * HOUR_MS });
        hours.into_iter().find(|moment| self.level(week, *moment) > 0.0)
    }
}

/// How much of the usual work there is on a day.
pub(super) struct DayFactor {
    cv: f64,
    day: Option<u32>,
    factor: f64,
}

impl DayFactor {
    /// A factor of this variation.
    pub(super) const fn new(cv: f64) -> Self {
        Self { cv, day: None, factor: 1.0 }
    }

    /// The factor of a day; days must come in order.
    pub(super) fn on(&mut self, day: u32, draw: &mut Draw) -> f64 {
        if self.day != Some(day) {
            self.day = Some(day);
            self.factor = draw.gamma_factor(self.cv);
        }
        self.factor
    }
}

/// The moments at which work arrives.
pub(super) struct Arrivals {
    per_hour: f64,
    bin_cv: f64,
    day: DayFactor,
    bin_end_ms: i64,
    per_ms: f64,
    at_ms: i64,
}

impl Arrivals {
    /// Arrivals from `from` on.
    pub(super) fn new(from: Timestamp, per_hour: f64, day_cv: f64, bin_cv: f64) -> Self {
        Self { per_hour, bin_cv, day: DayFactor::new(day_cv), bin_end_ms: from.millis(), per_ms: 0.0, at_ms: from.millis() }
    }

    /// Nothing arrives before `from`: the work is done again then.
    pub(super) fn resume(&mut self, from: Timestamp) {
        (self.at_ms, self.bin_end_ms) = (from.millis(), from.millis());
    }

    /// The next arrival before `to`; `None` when there are no more.
    pub(super) fn next(
        &mut self,
        to: Timestamp,
        week: &Week,
        events: &[Event],
        clock: &mut AppClock,
        draw: &mut Draw,
    ) -> Option<i64> {
        while self.at_ms < to.millis() {
            if self.at_ms >= self.bin_end_ms {
                self.open_bin(week, events, clock, draw);
            }
            if self.per_ms > 0.0 {
                let next_ms = self.at_ms + (draw.exponential() / self.per_ms).min(BIN_MS as f64) as i64;
                if next_ms < self.bin_end_ms {
                    self.at_ms = next_ms;
                    return (next_ms < to.millis()).then_some(next_ms);
                }
            }
            self.at_ms = self.bin_end_ms;
        }
        None
    }

    fn open_bin(&mut self, week: &Week, events: &[Event], clock: &mut AppClock, draw: &mut Draw) {
        self.bin_end_ms = (self.at_ms.div_euclid(BIN_MS) + 1) * BIN_MS;
        let level = clock.level(week, self.at_ms);
        if level <= 0.0 {
            self.per_ms = 0.0;
            return;
        }
        let day = self.day.on(clock.local(self.at_ms).day, draw);
        let at = Timestamp::from_millis(self.at_ms);
        let extra: f64 = events.iter().filter(|event| event.holds_at(at)).map(|event| event.rate).product();
        self.per_ms = self.per_hour * level * day * draw.gamma_factor(self.bin_cv) * extra / HOUR_MS as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_keep_the_rate_and_the_hours() {
        let week = Week::office(9, 18, 0.0);
        let monday = Timestamp::from_millis(1_772_380_800_000); // 2026-03-02, 00:00 in Shanghai is eight hours earlier
        let mut clock = AppClock::new(LocalClock::named("Asia/Shanghai"));
        let mut draw = Draw::new(3, 0);
        let to = monday.plus_millis(28 * 24 * HOUR_MS);
        let mut arrivals = Arrivals::new(monday, 100.0, 0.2, 0.2);
        let mut count = 0;
        let mut last = monday.millis();
        while let Some(at) = arrivals.next(to, &week, &[], &mut clock, &mut draw) {
            assert!(at >= last);
            last = at;
            let local = clock.local(at);
            assert!((9..18).contains(&(local.hour_of_week % 24)) && local.hour_of_week < 120, "{local:?}");
            count += 1;
        }
        let expected = 20.0 * 100.0 * week.busiest_day();
        assert!((f64::from(count) / expected - 1.0).abs() < 0.15, "{count} of {expected}");
    }

    #[test]
    fn a_closed_app_opens_again() {
        let week = Week::flat(9, 18, 0.0);
        let mut clock = AppClock::new(LocalClock::named("Asia/Shanghai"));
        // Friday 2026-03-06 20:30 in Shanghai; the next opening is Monday 09:00.
        let friday = 1_772_800_200_000;
        assert_eq!(clock.local(friday).hour_of_week, 4 * 24 + 20);
        let open = clock.next_open(&week, friday).expect("a working week");
        assert_eq!((clock.local(open).hour_of_week, clock.local(open).second_of_day % HOUR_S), (9, 0));
        assert_eq!(clock.next_open(&Week([0.0; 168]), friday), None);
    }
}
