//! An app's own week: how many calls are usual in each hour of it, and how far from usual a count is.
//!
//! Never knows why there are more calls: a flash sale looks like a stolen key. Its tails are not calibrated either (days
//! differ by more than the model says), so they rank and set limits; a rate of false alarms is measured, not read off.
//! What it stores comes from exact integers and from `+ - * /` and rounding, which are the same on every machine.

use serde::{Deserialize, Serialize};

use crate::engine::statistics::negative_binomial_tail;
use crate::engine::time::{DAY_S, HOUR_S, LocalTime};

/// What is counted together, in seconds of Unix time. Local hours begin with a slot: offsets are quarters of an hour.
pub const SLOT_S: u32 = 300;
/// Fewer days show no week; until then only what needs no baseline may be judged.
pub const READY_DAYS: u32 = 7;
/// Fewer days with calls show no week either: an office that rests on two days has a week after this many.
pub const READY_DAYS_CALLED: u32 = 5;

const SLOTS_PER_HOUR: u32 = HOUR_S / SLOT_S;
const SLOTS_PER_DAY: u32 = DAY_S / SLOT_S;
const HOURS_PER_WEEK: usize = 168;
/// Of a longer silence, no more than a week is learned: whatever it is, it is not the app's week.
const SILENT_SLOTS_MAX: u32 = 7 * SLOTS_PER_DAY;
/// The unit of stored means, weights and squares.
const THOUSANDTH: f64 = 1_000.0;
/// The unit of stored dispersions.
const MILLIONTH: f64 = 1_000_000.0;
/// One slot learned without reserve, in thousandths.
const FULL: u32 = 1_000;
/// An hour of the week remembers about four weeks: from then on a week moves its mean by a fifth of the difference.
const SEEN_MAX: u32 = 4 * SLOTS_PER_HOUR * FULL;
/// Of less than half an hour nothing is known: an hour that an open alert froze, but for a slot, is no usual hour.
const SEEN_MIN: u32 = SLOTS_PER_HOUR / 2 * FULL;
/// A silent hour, where calls are usual, moves the mean by an eighth at most: a week of holidays should not erase it.
const SILENT_PART: u32 = 8;
/// Where a silent hour would be surprising: a mean of one call per slot, in thousandths.
const USUAL: u32 = 1_000;
/// Counts further above the mean than this many standard deviations weigh less (Noufaily and others 2013).
const OUTLIER: f64 = 2.58;
/// Days that differ by 35 % and slots that differ by 20 %: what is assumed before anything is known, in millionths.
const DISPERSION_START: u32 = 150_000;
/// No dispersion is believed to be outside of this: counts that agree better are luck.
const DISPERSIONS: (f64, f64) = (0.01, 4.0);
/// How much an hour that tells all it can about dispersion moves it: two or three weeks of office hours are remembered.
const DISPERSION_GAIN: f64 = 1.0 / 100.0;

/// Calls per slot by hour of the week, learned from closed slots, as a gamma-Poisson model.
///
/// Counts come in order of time. Empty (and without memory) before the first call.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    /// By hour of the week, or empty.
    hours: Vec<Hour>,
    first_slot: u32,
    /// The slot being counted, as Unix time over [`SLOT_S`], and the calls in it so far.
    slot: u32,
    slot_calls: u32,
    /// Local days with calls, and the last of them. Days with calls only while frozen are not counted.
    days_called: u32,
    last_called_day: u32,
    /// Slots without a call up to now, at most one more than [`SILENT_SLOTS_MAX`].
    silent_slots: u32,
    open: OpenHour,
    /// Variance of the gamma factor of a slot and of an hour, in millionths.
    slot_dispersion: u32,
    hour_dispersion: u32,
}

/// What is known of one hour of the week.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq)]
struct Hour {
    /// Calls per slot, in thousandths.
    mean: u32,
    /// Slots it was learned from, by weight, in thousandths.
    seen: u32,
}

/// The local hour being learned, by its closed slots so far. Slots closed while frozen are not in it.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
struct OpenHour {
    /// Hours since 1970 in local time.
    local_hour: u32,
    slots: u32,
    calls: u64,
    /// Sum of the slots' weights, in thousandths.
    weight: u32,
    /// Sum of weight times calls, in thousandths.
    weighted_calls: u64,
    /// Sum of squared distances from the mean, outliers drawn in, in thousandths.
    squares: u64,
}

/// How many calls are usual in a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected {
    /// Mean count in the window.
    pub mean: f64,
    /// Variance of the gamma factor that the mean varies by: the app's own, and what few weeks leave unknown of the mean.
    pub dispersion: f64,
    /// The learned mean, or that of the hour before or after if it is higher, over that of the busiest hour of the week: small
    /// in the midst of off hours, not where the app opens a little earlier than last week. 1 while nothing is learned.
    pub share_of_peak: f64,
}

impl Expected {
    /// The probability of `calls` or more in the window by this model.
    pub fn tail(&self, calls: u64) -> f64 {
        negative_binomial_tail(calls, self.mean, self.dispersion)
    }
}

impl Baseline {
    /// Counts `calls` at `at_s` (Unix seconds), after closing the slots before it as [`Self::advance`] does.
    pub fn count(&mut self, at_s: u32, calls: u32, offset_s: i32, frozen: bool) {
        if self.hours.is_empty() {
            if calls == 0 {
                return;
            }
            *self = Self::begun(at_s / SLOT_S);
        }
        self.advance(at_s, offset_s, frozen);
        self.slot_calls = self.slot_calls.saturating_add(calls);
    }

    /// Closes the slots that ended by `at_s` (Unix seconds) and learns from them, unless `frozen`: while an incident is open
    /// its own calls must not become usual. Local time is `offset_s` ahead of UTC. Slots passed over had no calls.
    pub fn advance(&mut self, at_s: u32, offset_s: i32, frozen: bool) {
        let now = at_s / SLOT_S;
        if self.hours.is_empty() || now <= self.slot {
            return;
        }
        let calls = std::mem::take(&mut self.slot_calls);
        self.close(self.slot, calls, offset_s, frozen);
        for silent in self.slot + 1..now {
            if self.silent_slots > SILENT_SLOTS_MAX {
                break;
            }
            self.close(silent, 0, offset_s, frozen);
        }
        self.slot = now;
    }

    /// Whole days since the first call, silent ones included.
    pub fn days_seen(&self) -> u32 {
        (self.slot - self.first_slot) / SLOTS_PER_DAY
    }

    /// Whether it has seen a week, and calls on as many days as a working week has: a few test calls long before the first
    /// day of work do not make that day's hours unusual.
    pub fn is_ready(&self) -> bool {
        self.days_seen() >= READY_DAYS && self.days_called >= READY_DAYS_CALLED
    }

    /// The learned mean of the busiest hour of the week, in calls per slot.
    pub fn peak(&self) -> f64 {
        f64::from(self.hours.iter().map(|hour| hour.mean).max().unwrap_or(0)) / THOUSANDTH
    }

    /// How many calls are usual in a slot of the hour of the week in which `at_s` (Unix seconds) lies; `None` before a week is
    /// known, or if too little is known of that hour. For looking at: it says nothing about how far counts vary.
    pub fn usual(&self, at_s: u32, offset_s: i32) -> Option<f64> {
        let hour = self.hours.get(LocalTime::new(at_s, offset_s).hour_of_week as usize)?;
        (self.is_ready() && hour.seen >= SEEN_MIN).then(|| f64::from(hour.mean) / THOUSANDTH)
    }

    /// What is usual in the five minutes before `end_s` (Unix seconds); `None` if too little is known of that hour of the week.
    pub fn expect_slot(&self, end_s: u32, offset_s: i32) -> Option<Expected> {
        self.expect(end_s, SLOT_S, offset_s, self.slot_dispersion)
    }

    /// What is usual in the hour before `end_s` (Unix seconds); `None` if too little is known of those hours of the week.
    pub fn expect_hour(&self, end_s: u32, offset_s: i32) -> Option<Expected> {
        self.expect(end_s, HOUR_S, offset_s, self.hour_dispersion)
    }

    /// What is usual in the `hours` hours from `from_s` (Unix seconds) on; `None` if nothing is known of some of them. Days
    /// differ as wholes, so the hours of one vary together.
    pub fn expect_after(&self, from_s: u32, hours: u32, offset_s: i32) -> Option<Expected> {
        let mut whole = Expected { mean: 0.0, dispersion: 0.0, share_of_peak: 0.0 };
        for hour in 1..=hours {
            let expected = self.expect_hour(from_s + hour * HOUR_S, offset_s)?;
            whole.mean += expected.mean;
            whole.dispersion = whole.dispersion.max(expected.dispersion);
            whole.share_of_peak = whole.share_of_peak.max(expected.share_of_peak);
        }
        Some(whole)
    }

    fn begun(slot: u32) -> Self {
        Self {
            hours: vec![Hour::default(); HOURS_PER_WEEK],
            first_slot: slot,
            slot,
            slot_dispersion: DISPERSION_START,
            hour_dispersion: DISPERSION_START,
            ..Self::default()
        }
    }

    /// A window of at most an hour lies in one hour of the week or in two, and expects of each its share.
    fn expect(&self, end_s: u32, span_s: u32, offset_s: i32, dispersion: u32) -> Option<Expected> {
        let last = LocalTime::new(end_s.saturating_sub(1), offset_s);
        let hour = last.hour_of_week as usize;
        let here = *self.hours.get(hour)?;
        let begun_s = last.second_of_day % HOUR_S + 1;
        let (before, share) = if begun_s < span_s {
            (self.hours[(hour + HOURS_PER_WEEK - 1) % HOURS_PER_WEEK], f64::from(begun_s) / f64::from(span_s))
        } else {
            (here, 1.0)
        };
        let seen = here.seen.min(before.seen);
        if seen < SEEN_MIN {
            return None;
        }
        let learned = (share * f64::from(here.mean) + (1.0 - share) * f64::from(before.mean)) / THOUSANDTH;
        let (mean, dispersion) = Hour::predict(learned, seen, dispersion);
        let peak = self.peak();
        let around = [HOURS_PER_WEEK - 1, 0, 1].map(|apart| self.hours[(hour + apart) % HOURS_PER_WEEK].mean);
        let around = f64::from(around.into_iter().max().unwrap_or(0)) / THOUSANDTH;
        let share_of_peak = if peak > 0.0 { around / peak } else { 1.0 };
        Some(Expected { mean: mean * f64::from(span_s / SLOT_S), dispersion, share_of_peak })
    }

    fn close(&mut self, slot: u32, calls: u32, offset_s: i32, frozen: bool) {
        self.silent_slots = if calls > 0 { 0 } else { (self.silent_slots + 1).min(SILENT_SLOTS_MAX + 1) };
        if frozen || self.silent_slots > SILENT_SLOTS_MAX {
            return;
        }
        let local = LocalTime::new(slot * SLOT_S, offset_s);
        if calls > 0 && local.day != self.last_called_day {
            self.days_called += 1;
            self.last_called_day = local.day;
        }
        let local_hour = local.day * 24 + local.second_of_day / HOUR_S;
        if local_hour != self.open.local_hour {
            self.learn_hour();
            self.open = OpenHour { local_hour, ..OpenHour::default() };
        }
        let known = self.hours[local.hour_of_week as usize];
        self.open.add(calls, known, self.slot_dispersion);
    }

    fn learn_hour(&mut self) {
        let open = std::mem::take(&mut self.open);
        if open.slots == 0 {
            return;
        }
        let hour = LocalTime::new(open.local_hour * HOUR_S, 0).hour_of_week as usize;
        let known = self.hours[hour];
        // Silence says nothing about how far days differ, and small counts say it too badly.
        if open.calls > 0 && known.seen > 0 && known.mean >= USUAL {
            self.slot_dispersion = open.slot_dispersion(known, self.slot_dispersion);
            self.hour_dispersion = open.hour_dispersion(known, self.hour_dispersion);
        }
        self.hours[hour].learn(&open);
    }
}

impl Hour {
    /// The mean and dispersion with which a slot's count is predicted from a learned mean: what the calls counted so far leave
    /// unknown of the mean is spread, too. `dispersion` in millionths, `seen` in thousandths and not 0.
    fn predict(learned: f64, seen: u32, dispersion: u32) -> (f64, f64) {
        let slots = f64::from(seen) / THOUSANDTH;
        // Half a call was counted before the first one (Jeffreys): an hour without any does not make one call impossible.
        let mean = learned + 0.5 / slots;
        let days = f64::from(dispersion) / MILLIONTH * (1.0 + f64::from(SLOTS_PER_HOUR) / slots);
        (mean, days + 1.0 / (slots * mean))
    }

    fn learn(&mut self, open: &OpenHour) {
        if open.weight == 0 {
            return;
        }
        let silent_weight_max = self.seen / (SILENT_PART - 1);
        let silence = open.calls == 0 && self.mean >= USUAL;
        let weight = i64::from(if silence { open.weight.min(silent_weight_max) } else { open.weight });
        let target = (open.weighted_calls.saturating_mul(u64::from(FULL)) / u64::from(open.weight)).min(u64::from(u32::MAX));
        let (mean, all) = (i64::from(self.mean), i64::from(self.seen) + weight);
        let difference = (target as i64 - mean) * weight;
        // To the nearest: rounding down would bias a mean that is learned for years.
        let step = (difference + difference.signum() * all / 2) / all.max(1);
        self.mean = (mean + step) as u32;
        self.seen = (self.seen + open.weight).min(SEEN_MAX);
    }
}

impl OpenHour {
    fn add(&mut self, calls: u32, known: Hour, dispersion: u32) {
        let (mut weight, mut square) = (FULL, 0.0);
        if known.seen > 0 {
            let (mean, dispersion) = Hour::predict(f64::from(known.mean) / THOUSANDTH, known.seen, dispersion);
            let above = f64::from(calls) - mean;
            let limit = OUTLIER * OUTLIER * (mean + dispersion * mean * mean);
            square = (above * above).min(limit);
            if above > 0.0 && above * above > limit {
                weight = (f64::from(FULL) * limit / (above * above)).round() as u32;
            }
        }
        self.slots += 1;
        self.calls += u64::from(calls);
        self.weight += weight;
        self.weighted_calls += u64::from(weight) * u64::from(calls);
        self.squares = self.squares.saturating_add((square * THOUSANDTH).round() as u64);
    }

    /// The dispersion of slots after this hour, in millionths, from what it was.
    fn slot_dispersion(&self, known: Hour, before: u32) -> u32 {
        let (mean, _) = Hour::predict(f64::from(known.mean) / THOUSANDTH, known.seen, before);
        let square = self.squares as f64 / THOUSANDTH / f64::from(self.slots);
        moved(before, mean, 1.0, known.seen, square)
    }

    /// The dispersion of hours after this hour, in millionths, from what it was.
    fn hour_dispersion(&self, known: Hour, before: u32) -> u32 {
        let (mean, dispersion) = Hour::predict(f64::from(known.mean) / THOUSANDTH, known.seen, before);
        let slots = f64::from(self.slots);
        let mean = mean * slots;
        let off = self.calls as f64 - mean;
        let square = (off * off).min(OUTLIER * OUTLIER * (mean + dispersion * mean * mean));
        moved(before, mean, slots, known.seen, square)
    }
}

/// A dispersion (in millionths) moved towards what one count shows: `square` is its squared distance from its `mean`, which
/// covers `slots` slots and was learned from `seen` (thousandths of slots). Method of moments, weighted by how much of the
/// distance is not chance.
fn moved(before: u32, mean: f64, slots: f64, seen: u32, square: f64) -> u32 {
    let seen = f64::from(seen) / THOUSANDTH;
    let before = f64::from(before) / MILLIONTH;
    let chance = mean + mean * slots / seen;
    let shown = (square - chance) / (mean * mean * (1.0 + f64::from(SLOTS_PER_HOUR) / seen));
    let told = before * mean / (1.0 + before * mean);
    let after = before + DISPERSION_GAIN * told * told * (shown - before);
    (after.clamp(DISPERSIONS.0, DISPERSIONS.1) * MILLIONTH).round() as u32
}

#[cfg(test)]
mod tests {
    use rand::{Rng, RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const SHANGHAI_S: i32 = 8 * 3_600;
    const WEEK_S: u32 = 7 * DAY_S;
    /// Monday 2026-03-09 at 00:00 in Shanghai.
    const MONDAY_S: u32 = 1_772_985_600;

    /// A factor of mean 1 and variance `1 / shape`.
    fn gamma(random: &mut impl Rng, shape: u32) -> f64 {
        (0..shape).map(|_| -(1.0 - random.random::<f64>()).ln()).sum::<f64>() / f64::from(shape)
    }

    fn poisson(random: &mut impl Rng, mean: f64) -> u32 {
        let (mut calls, mut time) = (0, 0.0);
        loop {
            time -= (1.0 - random.random::<f64>()).ln();
            if time > mean {
                return calls;
            }
            calls += 1;
        }
    }

    /// A call centre: busy on weekdays from 9 to 18, a little on Saturdays, nearly nothing else.
    fn usual(hour_of_week: u32) -> f64 {
        match (hour_of_week / 24, hour_of_week % 24) {
            (0..=4, 10 | 11 | 14..=16) => 24.0,
            (0..=4, 9..=17) => 15.0,
            (5, 9..=17) => 5.0,
            _ => 0.05,
        }
    }

    /// Its slots from `from_s` on, each with its count: days differ by 25 %, slots by 18 %.
    fn traffic(random: &mut impl Rng, from_s: u32, days: u32) -> Vec<(u32, u32)> {
        let mut slots = Vec::new();
        for day in 0..days {
            let day_factor = gamma(random, 16);
            for slot in 0..SLOTS_PER_DAY {
                let at_s = from_s + day * DAY_S + slot * SLOT_S;
                let mean = usual(LocalTime::new(at_s, SHANGHAI_S).hour_of_week);
                let slot_factor = gamma(random, 30);
                slots.push((at_s, poisson(random, mean * day_factor * slot_factor)));
            }
        }
        slots
    }

    fn learned(slots: &[(u32, u32)]) -> Baseline {
        let mut baseline = Baseline::default();
        slots.iter().for_each(|(at_s, calls)| baseline.count(*at_s, *calls, SHANGHAI_S, false));
        baseline
    }

    fn at_s(day: u32, hour: u32) -> u32 {
        MONDAY_S + day * DAY_S + hour * HOUR_S
    }

    #[test]
    fn it_learns_the_week() {
        for seed in 0..10 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let baseline = learned(&traffic(random, MONDAY_S, 29));
            assert!((18.0..38.0).contains(&baseline.peak()), "seed {seed}: {}", baseline.peak());
            let mut total = 0.0;
            for hour in 0..168 {
                let end_s = MONDAY_S + hour * HOUR_S + 1_800;
                let expected = baseline.expect_slot(end_s, SHANGHAI_S).expect("learned");
                let off_hours = [hour + 167, hour, hour + 1].iter().all(|hour| usual(hour % 168) < 1.0);
                assert_eq!(expected.share_of_peak < 0.05, off_hours, "seed {seed}, hour {hour}: {expected:?}");
                assert!(
                    usual(hour) < 1.0 || (0.5..2.0).contains(&(expected.mean / usual(hour))),
                    "seed {seed}, hour {hour}: {expected:?}"
                );
                total += expected.mean - usual(hour);
            }
            assert!(total.abs() < 0.15 * (5.0 * (5.0 * 24.0 + 4.0 * 15.0) + 9.0 * 5.0), "seed {seed}: {total}");
            // The truth: 1/16 for days, and 1/30 on top for slots.
            let (slots, hours) = (baseline.slot_dispersion, baseline.hour_dispersion);
            assert!((50_000..190_000).contains(&slots), "seed {seed}: {slots}");
            assert!((30_000..170_000).contains(&hours), "seed {seed}: {hours}");
        }
    }

    #[test]
    fn silence_is_far_out_in_the_middle_of_a_day_and_not_in_the_evening() {
        for seed in 0..5 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let baseline = learned(&traffic(random, MONDAY_S, 29));
            let after = |hour: u32| baseline.expect_after(at_s(28, hour), 3, SHANGHAI_S).expect("learned");
            let by_hours: f64 =
                (11..14).map(|hour| baseline.expect_hour(at_s(28, hour), SHANGHAI_S).expect("learned").mean).sum();
            assert!((after(10).mean - by_hours).abs() < 1e-9, "seed {seed}");
            assert!(1.0 - after(10).tail(1) < 1e-9, "seed {seed}: {:?}", after(10));
            assert!(after(18).mean < 20.0 && 1.0 - after(18).tail(1) > 1e-3, "seed {seed}: {:?}", after(18));
        }
        assert_eq!(Baseline::default().expect_after(MONDAY_S, 3, SHANGHAI_S), None);
    }

    #[test]
    fn a_burst_at_night_is_far_out_and_a_usual_day_is_not() {
        for seed in 0..10 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let slots = traffic(random, MONDAY_S, 42);
            let (before, after) = slots.split_at(28 * SLOTS_PER_DAY as usize);
            let mut baseline = learned(before);
            for (at_s, calls) in after {
                baseline.count(*at_s, *calls, SHANGHAI_S, false);
                let expected = baseline.expect_slot(at_s + SLOT_S, SHANGHAI_S).expect("learned");
                let far_out = *calls >= 10 && f64::from(*calls) >= 2.0 * expected.mean && expected.tail(u64::from(*calls)) < 1e-6;
                assert!(!far_out, "seed {seed}: {calls} where {expected:?}");
            }
            let night = baseline.expect_slot(at_s(42, 3) + 900, SHANGHAI_S).expect("learned");
            assert!(night.tail(20) < 1e-12 && night.tail(1) > 1e-3, "seed {seed}: {night:?}");
            let night = baseline.expect_hour(at_s(42, 3) + 900, SHANGHAI_S).expect("learned");
            assert!(night.tail(20) < 1e-6, "seed {seed}: {night:?}");
        }
    }

    #[test]
    fn one_week_is_enough_for_the_nights() {
        for seed in 0..10 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let mut baseline = learned(&traffic(random, MONDAY_S, 7));
            assert_eq!((baseline.days_seen(), baseline.is_ready()), (6, false));
            baseline.advance(MONDAY_S + WEEK_S + DAY_S, SHANGHAI_S, false);
            assert!(baseline.is_ready(), "seed {seed}");
            let night = baseline.expect_slot(at_s(8, 3) + 900, SHANGHAI_S).expect("learned");
            assert!(night.share_of_peak < 0.05 && night.tail(20) < 1e-6, "seed {seed}: {night:?}");
        }
        assert_eq!(Baseline::default().days_seen(), 0);
    }

    #[test]
    fn a_test_call_weeks_ago_is_no_week() {
        let mut baseline = Baseline::default();
        baseline.count(MONDAY_S, 1, SHANGHAI_S, false);
        for day in 21..25 {
            baseline.advance(at_s(day, 9), SHANGHAI_S, false);
            assert!(baseline.days_seen() >= READY_DAYS && !baseline.is_ready(), "day {day}");
            (9..18).for_each(|hour| baseline.count(at_s(day, hour), 20, SHANGHAI_S, false));
        }
        baseline.advance(at_s(25, 9), SHANGHAI_S, false);
        assert!(baseline.is_ready());
    }

    #[test]
    fn a_sale_is_noticed_in_office_hours_and_does_not_become_usual() {
        for seed in 0..10 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let mut baseline = learned(&traffic(random, MONDAY_S, 28));
            let usual = baseline.expect_slot(at_s(28, 10) + 900, SHANGHAI_S).expect("learned");
            assert!(usual.share_of_peak > 0.5);
            let sale = (usual.mean * 3.0) as u32;
            let tails = (usual.tail(u64::from(sale)), usual.tail((usual.mean * 1.3) as u64));
            assert!(tails.0 < 2e-3 && tails.1 > 5e-2, "seed {seed}: {usual:?}, {tails:?}");
            for slot in 0..SLOTS_PER_HOUR {
                baseline.count(at_s(28, 10) + slot * SLOT_S, sale, SHANGHAI_S, false);
            }
            baseline.advance(at_s(28, 12), SHANGHAI_S, false);
            let after = baseline.expect_slot(at_s(35, 10) + 900, SHANGHAI_S).expect("learned");
            assert!(after.mean < usual.mean * 1.4, "seed {seed}: {usual:?}, then {after:?}");
        }
    }

    #[test]
    fn abuse_at_night_does_not_become_usual_nor_does_anything_while_frozen() {
        for seed in 0..10 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let mut absorbing = learned(&traffic(random, MONDAY_S, 28));
            absorbing.advance(at_s(28, 2), SHANGHAI_S, false);
            let mut frozen = absorbing.clone();
            for slot in 0..3 * SLOTS_PER_HOUR {
                absorbing.count(at_s(28, 2) + slot * SLOT_S, 25, SHANGHAI_S, false);
                frozen.count(at_s(28, 2) + slot * SLOT_S, 25, SHANGHAI_S, slot > 0);
            }
            absorbing.advance(at_s(28, 6), SHANGHAI_S, false);
            frozen.advance(at_s(28, 5), SHANGHAI_S, true);
            let next_week = |baseline: &Baseline| baseline.expect_slot(at_s(35, 3), SHANGHAI_S).expect("learned");
            assert!(next_week(&absorbing).share_of_peak < 0.05, "seed {seed}");
            assert!(next_week(&absorbing).tail(25) < 1e-9, "seed {seed}");
            assert_eq!(next_week(&frozen), frozen.clone().expect_slot(at_s(28, 3), SHANGHAI_S).expect("learned"));
            // What is learned after the incident is again what happens.
            let (hours, before) = (frozen.hours.clone(), frozen.hours[11]);
            (0..12).for_each(|slot| frozen.count(at_s(28, 11) + slot * SLOT_S, 2, SHANGHAI_S, false));
            frozen.advance(at_s(28, 12) + SLOT_S, SHANGHAI_S, false);
            assert!(frozen.hours[11].mean < before.mean, "seed {seed}");
            assert_eq!(frozen.hours[26..], hours[26..], "seed {seed}");
        }
    }

    #[test]
    fn silence_pulls_down_slowly_and_only_for_a_week() {
        for seed in 0..5 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let baseline = learned(&traffic(random, MONDAY_S, 28));
            let silent = |days: u32| {
                let mut baseline = baseline.clone();
                baseline.advance(at_s(28 + days, 0), SHANGHAI_S, false);
                baseline
            };
            let (week, month, decade) = (silent(8), silent(30), silent(3_650));
            assert!(week.peak() >= baseline.peak() * 0.87 && week.peak() < baseline.peak(), "seed {seed}");
            assert_eq!((&month.hours, month.days_seen()), (&week.hours, 57), "seed {seed}");
            assert_eq!((&decade.hours, &decade.open), (&month.hours, &month.open), "seed {seed}");
            assert_eq!(week.slot_dispersion, baseline.slot_dispersion, "seed {seed}");
            // The same, minute by minute.
            let mut ticking = baseline.clone();
            (at_s(28, 0)..=at_s(58, 0)).step_by(60).for_each(|at_s| ticking.advance(at_s, SHANGHAI_S, false));
            assert_eq!(ticking, month, "seed {seed}");
        }
    }

    #[test]
    fn without_outliers_a_mean_is_the_plain_mean() {
        for seed in 0..20 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let mut baseline = Baseline::default();
            let mut naive = vec![Vec::new(); 168];
            let weeks = random.random_range(1..=4);
            for slot in 0..weeks * 2_016 {
                let at_s = MONDAY_S + slot * SLOT_S;
                let hour = LocalTime::new(at_s, SHANGHAI_S).hour_of_week;
                let calls = 10 + hour % 7 * 20 + random.random_range(0..10);
                // In one piece, or as it comes; in between, somebody looks.
                let first = random.random_range(0..=calls);
                baseline.count(at_s, first, SHANGHAI_S, false);
                baseline.advance(at_s + 60, SHANGHAI_S, random.random());
                baseline.count(at_s + 120, calls - first, SHANGHAI_S, false);
                naive[hour as usize].push(f64::from(calls));
            }
            baseline.advance(MONDAY_S + weeks * WEEK_S + SLOT_S, SHANGHAI_S, false);
            for (hour, calls) in naive.iter().enumerate() {
                let mean = calls.iter().sum::<f64>() / calls.len() as f64;
                let learned = baseline.hours[hour];
                assert!(
                    (f64::from(learned.mean) / 1_000.0 - mean).abs() <= 0.003,
                    "seed {seed}, hour {hour}: {learned:?}, {mean}"
                );
                assert_eq!(learned.seen, weeks * 12_000, "seed {seed}, hour {hour}");
            }
        }
    }

    #[test]
    fn a_window_over_two_hours_expects_of_each_its_share() {
        let mut baseline = Baseline::default();
        for slot in 0..24 {
            baseline.count(MONDAY_S + slot * SLOT_S, if slot < 12 { 10 } else { 40 }, SHANGHAI_S, false);
        }
        assert_eq!(baseline.expect_slot(MONDAY_S + 2 * HOUR_S, SHANGHAI_S), None, "an hour is learned when it is over");
        baseline.advance(MONDAY_S + 2 * HOUR_S + SLOT_S, SHANGHAI_S, false);
        let slot = |end_s: u32| baseline.expect_slot(MONDAY_S + end_s, SHANGHAI_S).map(|expected| expected.mean);
        let hour = |end_s: u32| baseline.expect_hour(MONDAY_S + end_s, SHANGHAI_S).map(|expected| expected.mean);
        // Half a call more in the twelve slots seen.
        let half = 0.5 / 12.0;
        assert_eq!((slot(HOUR_S), slot(HOUR_S + 300)), (Some(10.0 + half), Some(40.0 + half)));
        assert_eq!(slot(HOUR_S + 150), Some(25.0 + half));
        assert_eq!(hour(HOUR_S + 900), Some(12.0 * (0.25 * 40.0 + 0.75 * 10.0 + half)));
        assert_eq!((slot(200), slot(2 * HOUR_S + 200), hour(1_800)), (None, None, None));
        // Another offset is another hour of the week.
        assert_eq!(baseline.expect_slot(MONDAY_S + 1_800, 0), None);
        assert_eq!(
            baseline.expect_slot(MONDAY_S - HOUR_S + 1_800, SHANGHAI_S + 3_600).map(|expected| expected.mean),
            slot(1_800)
        );
    }

    #[test]
    fn a_snapshot_goes_on_as_the_baseline_would_and_is_small() {
        for seed in 0..5 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let slots = traffic(random, MONDAY_S, 20);
            let (before, after) = slots.split_at(random.random_range(0..slots.len()));
            let mut baseline = learned(before);
            let bytes = postcard::to_stdvec(&baseline).expect("bytes");
            let mut restored: Baseline = postcard::from_bytes(&bytes).expect("a baseline");
            assert_eq!(restored, baseline, "seed {seed}");
            for (at_s, calls) in after {
                baseline.count(*at_s, *calls, SHANGHAI_S, false);
                restored.count(*at_s, *calls, SHANGHAI_S, false);
            }
            assert_eq!(postcard::to_stdvec(&restored), postcard::to_stdvec(&baseline), "seed {seed}");
        }
        assert!(size_of::<Baseline>() + HOURS_PER_WEEK * size_of::<Hour>() < 2_048);
        let mut silent = Baseline::default();
        silent.count(MONDAY_S, 0, SHANGHAI_S, false);
        silent.advance(MONDAY_S + WEEK_S, SHANGHAI_S, false);
        assert_eq!(silent, Baseline::default());
    }

    #[test]
    fn huge_counts_are_survived() {
        let mut baseline = Baseline::default();
        for slot in 0..3 * 2_016 {
            baseline.count(MONDAY_S + slot * SLOT_S, if slot % 5 == 0 { u32::MAX } else { 7 }, SHANGHAI_S, false);
            baseline.count(MONDAY_S + slot * SLOT_S, 9, SHANGHAI_S, false);
        }
        let expected = baseline.expect_slot(MONDAY_S + 5 * WEEK_S, SHANGHAI_S).expect("learned");
        assert!(expected.mean.is_finite() && expected.dispersion.is_finite() && (0.0..=1.0).contains(&expected.tail(100)));
    }
}
