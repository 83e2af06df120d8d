//! What is remembered of one caller number in time: its last calls, and how steadily it has been dialling since its last
//! pause. From it come the numbers by which a machine's timing shows: gaps, rhythm, calls at once.
//!
//! Never judges: the limits are a detector's. Only one number at a time: laid over each other, the lines of an app look
//! random whoever dials.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// How many calls (and the gaps before them) are remembered.
pub const CALLS_MAX: usize = 64;
/// A gap longer than this, in seconds, is a pause: a steady run ends there. People take one within a few hours.
pub const PAUSE_S: u32 = 120;
/// The shortest and longest period in which a rhythm is looked for, in seconds.
pub const PERIODS_S: std::ops::RangeInclusive<u32> = 5..=120;

/// A rhythm must be kept for as many periods; fewer are a burst, whose starts lie close together in any long period.
const TURNS_MIN: u32 = 8;
/// Half a period is as strong as the whole one when it is kept exactly. Among shares this close the longest period is it.
const SHARE_TIE: f64 = 0.01;
/// So many starts are summed before it is looked whether the rest can matter.
const SUMMED_AT_A_TIME: usize = 8;
/// One of how many parts of a turn a start is rounded to.
const TURN_PARTS: usize = 1 << TURN_PARTS_LOG2;
const TURN_PARTS_LOG2: u32 = 10;
/// The length of the vectors in [`TURN`].
const TURN_LENGTH: f64 = 32_767.0;
/// Cosine and sine around a turn. Integers, computed by the compiler: the same everywhere, summed in any order.
static TURN: [[i16; 2]; TURN_PARTS] = turn();

/// The calls of one caller number. Calls come in order of their end; with an equal end, in the order they came.
///
/// A *gap* goes from the end of one call to the start of the one that ended next. Where that one began before the other
/// ended, the two overlap and the gap is 0: on a number that several people share, gaps say nothing, and the overlaps
/// counted beside them tell.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Line {
    calls: VecDeque<Span>,
    /// The end of the call forgotten last: the gap before the oldest call remembered begins there.
    forgotten_end_s: Option<u32>,
    run: Run,
}

/// One call, in Unix seconds, in progress from `start_s` until before `end_s`.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
struct Span {
    start_s: u32,
    end_s: u32,
}

/// Sums over the gaps since the last pause.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
struct Run {
    gaps: u32,
    overlaps: u32,
    sum_s: u64,
    sum_of_squares: u64,
}

/// The quartiles of the gaps, in seconds, interpolated between neighbours (so multiples of a quarter second).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quartiles {
    /// A quarter of the gaps are shorter.
    pub lower_s: f64,
    /// Half are shorter.
    pub median_s: f64,
    /// A quarter are longer.
    pub upper_s: f64,
    /// How many gaps.
    pub gaps: u32,
}

impl Quartiles {
    /// The distance between the quartiles, in seconds.
    pub fn range_s(&self) -> f64 {
        self.upper_s - self.lower_s
    }
}

/// Dialling without a pause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SteadyRun {
    /// Calls since the last pause, the one that ended the pause included.
    pub calls: u32,
    /// How many of them began before the one before had ended.
    pub overlaps: u32,
    /// The mean gap, in seconds.
    pub mean_gap_s: f64,
    /// Standard deviation of the gaps over their mean; 0 if they are all alike.
    pub gap_variation: f64,
}

/// Starts that keep to a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rhythm {
    /// The period, in seconds.
    pub period_s: u32,
    /// The Rayleigh power of the starts at this period over the number of starts: 1 if each start comes at the same second
    /// of the period, about `1 / starts` if they come at random.
    pub power_share: f64,
    /// How many starts.
    pub starts: u32,
}

impl Line {
    /// Takes in the next call, in Unix seconds. `end_s` is never before that of the call pushed before.
    pub fn push(&mut self, start_s: u32, end_s: u32) {
        if let Some(before) = self.calls.back() {
            self.run.push(Gap::between(before.end_s, start_s));
        }
        if self.calls.len() == CALLS_MAX {
            self.forgotten_end_s = self.calls.pop_front().map(|call| call.end_s);
        }
        self.calls.push_back(Span { start_s, end_s });
    }

    /// The quartiles of the remembered gaps, at most 64; `None` before the second call.
    pub fn gap_quartiles(&self) -> Option<Quartiles> {
        let mut sorted = [0_u32; CALLS_MAX];
        let mut count = 0;
        for (place, gap) in sorted.iter_mut().zip(self.gaps()) {
            *place = gap.length_s;
            count += 1;
        }
        let sorted = &mut sorted[..count];
        sorted.sort_unstable();
        let last = count.checked_sub(1)?;
        let quartile = |quarter: usize| {
            let (below, rest) = (last * quarter / 4, last * quarter % 4);
            let (low, high) = (f64::from(sorted[below]), f64::from(sorted[(below + 1).min(last)]));
            low + (high - low) * rest as f64 / 4.0
        };
        Some(Quartiles { lower_s: quartile(1), median_s: quartile(2), upper_s: quartile(3), gaps: count as u32 })
    }

    /// The longest remembered gap, in seconds; 0 before the second call.
    pub fn longest_pause_s(&self) -> u32 {
        self.gaps().map(|gap| gap.length_s).max().unwrap_or(0)
    }

    /// How many of the remembered calls began before the one before had ended.
    pub fn overlaps(&self) -> u32 {
        self.gaps().filter(|gap| gap.overlap).count() as u32
    }

    /// The dialling since the last gap of more than [`PAUSE_S`]; `None` while that is a single call.
    pub fn steady_run(&self) -> Option<SteadyRun> {
        let Run { gaps, overlaps, sum_s, sum_of_squares } = self.run;
        if gaps == 0 {
            return None;
        }
        let count = f64::from(gaps);
        // By integers up to here: the difference of the two products is exact.
        let squares = u128::from(gaps) * u128::from(sum_of_squares) - u128::from(sum_s) * u128::from(sum_s);
        let gap_variation = if sum_s == 0 { 0.0 } else { (squares as f64).sqrt() / sum_s as f64 };
        Some(SteadyRun { calls: gaps.saturating_add(1), overlaps, mean_gap_s: sum_s as f64 / count, gap_variation })
    }

    /// The period of 5 to 120 s that the remembered starts keep best; `None` if none has a share of `least` of the power, or they do
    /// not span eight of the shortest. Of periods that are kept as well as each other, the longest.
    pub fn start_rhythm(&self, least: f64) -> Option<Rhythm> {
        let mut starts_s = [0; CALLS_MAX];
        starts_s.iter_mut().zip(&self.calls).for_each(|(start_s, call)| *start_s = call.start_s);
        let starts_s = &starts_s[..self.calls.len()];
        let span_s = starts_s.iter().max()? - starts_s.iter().min()?;
        let mut shares = [0.0; *PERIODS_S.end() as usize + 1];
        let longest_s = (span_s / TURNS_MIN).min(*PERIODS_S.end());
        for period_s in *PERIODS_S.start()..=longest_s {
            shares[period_s as usize] = power_share(starts_s, period_s, least - SHARE_TIE);
        }
        let best = shares.iter().copied().fold(0.0, f64::max);
        let period_s = (*PERIODS_S.start()..=longest_s).rev().find(|p| shares[*p as usize] >= best - SHARE_TIE)?;
        let rhythm = Rhythm { period_s, power_share: shares[period_s as usize], starts: self.calls.len() as u32 };
        (rhythm.power_share >= least).then_some(rhythm)
    }

    /// The largest number of remembered calls in progress at one second from `start_s` until before `end_s` (Unix seconds), if it is
    /// at least `least`. Asked of a call that has just been pushed, it counts that one too. A call is in progress at its first second
    /// and no longer `grace_s` before its end, so one that is not longer than that is in progress at none.
    pub fn peak_overlap(&self, start_s: u32, end_s: u32, grace_s: u32, least: u32) -> Option<u32> {
        let trimmed = |call: &Span| Span { end_s: call.end_s.saturating_sub(grace_s), ..*call };
        // Calls lie in the order of their ends: those before the first that is over are over too.
        let lasting = || self.calls.iter().rev().map(trimmed).take_while(|call| start_s < call.end_s);
        let touching = || lasting().filter(|call| call.start_s < end_s);
        // Mostly there are too few, wherever their peak is.
        if touching().take(least as usize).count() < least as usize {
            return None;
        }
        // A peak is reached where a call begins, or is there from the start.
        let at_peak = |second: u32| touching().filter(|call| call.start_s <= second && second < call.end_s).count();
        let peak = touching().map(|call| at_peak(call.start_s.max(start_s))).max().unwrap_or(0) as u32;
        (peak >= least).then_some(peak)
    }

    /// The remembered gaps, oldest first.
    fn gaps(&self) -> impl Iterator<Item = Gap> {
        let ends = self.forgotten_end_s.into_iter().chain(self.calls.iter().map(|call| call.end_s));
        let starts = self.calls.iter().skip(usize::from(self.forgotten_end_s.is_none())).map(|call| call.start_s);
        ends.zip(starts).map(|(end_s, start_s)| Gap::between(end_s, start_s))
    }
}

/// What lies between two calls.
#[derive(Clone, Copy)]
struct Gap {
    length_s: u32,
    overlap: bool,
}

impl Gap {
    fn between(end_s: u32, start_s: u32) -> Self {
        Self { length_s: start_s.saturating_sub(end_s), overlap: start_s < end_s }
    }
}

impl Run {
    fn push(&mut self, gap: Gap) {
        if gap.length_s > PAUSE_S {
            *self = Self::default();
            return;
        }
        // Full after some hundred years without a pause: the run then stays as it is.
        let Some(gaps) = self.gaps.checked_add(1) else { return };
        self.gaps = gaps;
        self.overlaps += u32::from(gap.overlap);
        self.sum_s += u64::from(gap.length_s);
        self.sum_of_squares += u64::from(gap.length_s) * u64::from(gap.length_s);
    }
}

/// The Rayleigh power of at most [`CALLS_MAX`] starts at a period, over their number: the squared length of the mean of one
/// vector per start, pointing where in the period it lies. 0 where it is below `least`: that mostly shows half way, when the other
/// half could no longer make up for it.
fn power_share(starts_s: &[u32], period_s: u32, least: f64) -> f64 {
    // A second as a fraction of the turn in 32 bits. Whole turns wrap away; rounding drifts by 2e-5 of a turn a day.
    let second = ((1_u64 << 32) / u64::from(period_s)) as u32;
    let all = TURN_LENGTH * starts_s.len() as f64;
    let least_length = least.max(0.0).sqrt() * all;
    let (mut cosines, mut sines, mut summed) = (0, 0, 0);
    for some_s in starts_s.chunks(SUMMED_AT_A_TIME) {
        for start_s in some_s {
            let [cosine, sine] = TURN[(start_s.wrapping_mul(second) >> (32 - TURN_PARTS_LOG2)) as usize];
            cosines += i32::from(cosine);
            sines += i32::from(sine);
        }
        summed += some_s.len();
        // A vector is at most one unit longer than `TURN_LENGTH`, by rounding.
        let rest = (TURN_LENGTH + 1.0) * (starts_s.len() - summed) as f64;
        let needed = least_length - rest;
        if needed > 0.0 && squared_length(cosines, sines) < needed * needed {
            return 0.0;
        }
    }
    squared_length(cosines, sines) / all.powi(2)
}

fn squared_length(cosines: i32, sines: i32) -> f64 {
    let (cosines, sines) = (f64::from(cosines), f64::from(sines));
    cosines * cosines + sines * sines
}

const fn turn() -> [[i16; 2]; TURN_PARTS] {
    let mut turn = [[0; 2]; TURN_PARTS];
    let mut part = 0;
    while part < TURN_PARTS {
        let angle = part as f64 / TURN_PARTS as f64 * std::f64::consts::TAU;
        turn[part] = [rounded(cosine(angle)), rounded(cosine(angle - std::f64::consts::FRAC_PI_2))];
        part += 1;
    }
    turn
}

const fn rounded(cosine: f64) -> i16 {
    let scaled = cosine * TURN_LENGTH;
    (if scaled < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i16
}

/// The cosine by its power series, for angles within a turn exact far beyond 16 bits.
const fn cosine(angle: f64) -> f64 {
    let (mut term, mut sum, mut power) = (1.0, 1.0, 0.0);
    while power < 36.0 {
        term *= -angle * angle / ((power + 1.0) * (power + 2.0));
        sum += term;
        power += 2.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use rand::{Rng, RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const NOON_S: u32 = 1_773_028_800;

    /// Everything recomputed from all calls ever pushed.
    #[derive(Default)]
    struct Naive {
        calls: Vec<(u32, u32)>,
    }

    impl Naive {
        fn signed_gaps(&self) -> Vec<i64> {
            self.calls.windows(2).map(|pair| i64::from(pair[1].0) - i64::from(pair[0].1)).collect()
        }

        fn last_gaps(&self) -> Vec<i64> {
            let gaps = self.signed_gaps();
            gaps[gaps.len().saturating_sub(CALLS_MAX)..].to_vec()
        }

        fn last_calls(&self) -> &[(u32, u32)] {
            &self.calls[self.calls.len().saturating_sub(CALLS_MAX)..]
        }

        fn quartile(&self, share: f64) -> f64 {
            let mut gaps: Vec<f64> = self.last_gaps().iter().map(|gap| (*gap).max(0) as f64).collect();
            gaps.sort_by(f64::total_cmp);
            let place = share * (gaps.len() - 1) as f64;
            let (low, high) = (gaps[place.floor() as usize], gaps[place.ceil() as usize]);
            low + (high - low) * place.fract()
        }

        fn run(&self) -> Vec<i64> {
            let gaps = self.signed_gaps();
            let from = gaps.iter().rposition(|gap| *gap > i64::from(PAUSE_S)).map_or(0, |pause| pause + 1);
            gaps[from..].to_vec()
        }

        fn power_share(&self, period_s: u32) -> f64 {
            let angles = self.last_calls().iter().map(|call| f64::from(call.0 % period_s) / f64::from(period_s));
            let (cosines, sines) = angles.fold((0.0, 0.0), |(cosines, sines), turns| {
                let (sine, cosine) = (turns * std::f64::consts::TAU).sin_cos();
                (cosines + cosine, sines + sine)
            });
            (cosines * cosines + sines * sines) / (self.last_calls().len() as f64).powi(2)
        }

        fn peak_overlap(&self, start_s: u32, end_s: u32, grace_s: u32) -> u32 {
            let in_progress = |at: u32| self.last_calls().iter().filter(|call| call.0 <= at && at + grace_s < call.1).count();
            (start_s..end_s).map(in_progress).max().unwrap_or(0) as u32
        }
    }

    fn random_calls(random: &mut impl Rng) -> Vec<(u32, u32)> {
        let gap_max_s = [3, 40, 125, 400][random.random_range(0..4)];
        let (mut end_s, mut calls) = (NOON_S, Vec::new());
        for _ in 0..random.random_range(1..200) {
            let start_s = end_s + random.random_range(0..=gap_max_s);
            // One in eight is short, one in eight began before the one before had ended.
            let length_s = if random.random_ratio(1, 8) { random.random_range(0..3) } else { random.random_range(5..60) };
            let start_s = if random.random_ratio(1, 8) { start_s - random.random_range(0..90) } else { start_s };
            end_s = end_s.max(start_s + length_s);
            calls.push((start_s.min(end_s), end_s));
        }
        calls
    }

    #[test]
    fn every_number_is_the_naive_one() {
        for seed in 0..150 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let (mut line, mut naive) = (Line::default(), Naive::default());
            for (start_s, end_s) in random_calls(random) {
                line.push(start_s, end_s);
                naive.calls.push((start_s, end_s));
                compare(&line, &naive, seed);
            }
        }
    }

    fn compare(line: &Line, naive: &Naive, seed: u64) {
        let (start_s, end_s) = naive.calls[naive.calls.len() - 1];
        for grace_s in [0, 2] {
            let naive = naive.peak_overlap(start_s, end_s, grace_s);
            for least in 0..=naive + 1 {
                let expected = (naive >= least).then_some(naive);
                assert_eq!(line.peak_overlap(start_s, end_s, grace_s, least), expected, "seed {seed}, {grace_s} s, {least}");
            }
        }
        let gaps = naive.last_gaps();
        assert_eq!(line.longest_pause_s(), gaps.iter().copied().max().unwrap_or(0).max(0) as u32, "seed {seed}");
        assert_eq!(line.overlaps() as usize, gaps.iter().filter(|gap| **gap < 0).count(), "seed {seed}");
        let quartiles = line.gap_quartiles().map(|q| (q.lower_s, q.median_s, q.upper_s, q.gaps as usize));
        let expected = (!gaps.is_empty()).then(|| (naive.quartile(0.25), naive.quartile(0.5), naive.quartile(0.75), gaps.len()));
        assert_eq!(quartiles, expected, "seed {seed}");

        let run = naive.run();
        assert_eq!(line.steady_run().map_or(0, |run| run.calls as usize - 1), run.len(), "seed {seed}");
        if let Some(steady) = line.steady_run() {
            let gaps: Vec<f64> = run.iter().map(|gap| (*gap).max(0) as f64).collect();
            let mean_s = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let deviation_s = (gaps.iter().map(|gap| (gap - mean_s).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
            assert!((steady.mean_gap_s - mean_s).abs() < 1e-9, "seed {seed}");
            assert!((steady.gap_variation * mean_s - deviation_s).abs() < 1e-6, "seed {seed}");
            assert_eq!(steady.overlaps as usize, run.iter().filter(|gap| **gap < 0).count(), "seed {seed}");
        }
    }

    #[test]
    fn the_rhythm_is_the_naive_one() {
        for seed in 0..60 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let (mut line, mut naive) = (Line::default(), Naive::default());
            for (start_s, end_s) in random_calls(random) {
                line.push(start_s, end_s);
                naive.calls.push((start_s, end_s));
            }
            let starts = || naive.last_calls().iter().map(|call| call.0);
            let span_s = starts().max().unwrap_or(0) - starts().min().unwrap_or(0);
            let best = (5..=120)
                .filter(|period_s| span_s / period_s >= TURNS_MIN)
                .map(|period_s| (naive.power_share(period_s), period_s))
                .max_by(|one, other| one.0.total_cmp(&other.0));
            let rhythm = line.start_rhythm(0.0);
            assert_eq!(rhythm.is_some(), best.is_some(), "seed {seed}");
            for least in [0.1, 0.3, 0.5, 0.9] {
                let strong = rhythm.filter(|rhythm| rhythm.power_share >= least);
                assert_eq!(line.start_rhythm(least), strong, "seed {seed}: with {least} of the power");
            }
            if let (Some(rhythm), Some((share, _))) = (rhythm, best) {
                assert!((rhythm.power_share - naive.power_share(rhythm.period_s)).abs() < 4e-3, "seed {seed}: {rhythm:?}");
                assert!(rhythm.power_share > share - SHARE_TIE - 8e-3, "seed {seed}: {rhythm:?}, best {share}");
                assert_eq!(rhythm.starts as usize, naive.last_calls().len(), "seed {seed}");
            }
        }
    }

    #[test]
    fn a_kept_period_is_found_whole_and_nobody_else_has_one() {
        for seed in 0..100 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let (mut clockwork, mut person) = (Line::default(), Line::default());
            let period_s = random.random_range(5..=120);
            let mut free_s = NOON_S;
            for turn in 0..64 {
                let start_s = NOON_S + turn * period_s;
                clockwork.push(start_s, start_s + random.random_range(0..period_s));
                let start_s = free_s + 5 + (60.0 * -random.random::<f64>().ln()) as u32;
                free_s = start_s + random.random_range(4..120);
                person.push(start_s, free_s);
            }
            let rhythm = clockwork.start_rhythm(0.0).expect("a rhythm");
            assert_eq!(rhythm.period_s, period_s, "seed {seed}");
            assert!(rhythm.power_share > 0.99, "seed {seed}: {rhythm:?}");
            assert!(person.start_rhythm(0.0).expect("long enough").power_share < 0.5, "seed {seed}");
        }
    }

    #[test]
    fn a_burst_is_no_rhythm() {
        let mut line = Line::default();
        for call in 0..64 {
            line.push(NOON_S + call / 2, NOON_S + call / 2 + 20);
        }
        assert_eq!(line.start_rhythm(0.0), None);
        assert_eq!(line.peak_overlap(NOON_S, NOON_S + 60, 0, 40), Some(40));
        assert_eq!(Line::default().start_rhythm(0.0), None);
    }

    #[test]
    fn a_pause_ends_a_run_and_is_remembered_as_long_as_its_calls() {
        let mut line = Line::default();
        line.push(NOON_S, NOON_S + 30);
        assert_eq!((line.steady_run(), line.gap_quartiles(), line.longest_pause_s()), (None, None, 0));
        line.push(NOON_S + 150, NOON_S + 160);
        assert_eq!(line.steady_run().map(|run| (run.calls, run.mean_gap_s)), Some((2, 120.0)));
        line.push(NOON_S + 281, NOON_S + 300);
        assert_eq!((line.steady_run(), line.longest_pause_s()), (None, 121));
        for call in 0..64 {
            line.push(NOON_S + 310 + call * 10, NOON_S + 310 + call * 10);
        }
        assert_eq!((line.longest_pause_s(), line.steady_run().map(|run| run.calls)), (10, Some(65)));
        assert_eq!(line.gap_quartiles().map(|quartiles| (quartiles.range_s(), quartiles.gaps)), Some((0.0, 64)));
    }

    #[test]
    fn a_snapshot_goes_on_as_the_line_would() {
        for seed in 0..20 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let calls = random_calls(random);
            let cut = random.random_range(0..=calls.len());
            let mut line = Line::default();
            calls[..cut].iter().for_each(|call| line.push(call.0, call.1));
            let bytes = postcard::to_stdvec(&line).expect("bytes");
            let mut restored: Line = postcard::from_bytes(&bytes).expect("a line");
            assert_eq!(restored, line, "seed {seed}");
            calls[cut..].iter().for_each(|call| {
                line.push(call.0, call.1);
                restored.push(call.0, call.1);
            });
            assert_eq!(postcard::to_stdvec(&restored), postcard::to_stdvec(&line), "seed {seed}");
        }
    }

    #[test]
    fn it_is_small() {
        assert!(size_of::<Line>() <= 72);
        let mut line = Line::default();
        (0..1_000).for_each(|call| line.push(NOON_S + call, NOON_S + call));
        assert!(size_of::<Line>() + line.calls.capacity() * size_of::<Span>() <= 700);
    }
}
