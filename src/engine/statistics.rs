//! Bounds on shares and tails of counts: how sure one may be of what few calls show.
//!
//! Never keeps state and never decides: a detector compares what it gets with its limit. The last bit of `ln` and `exp`
//! may differ between platforms, so a result is compared or shown rounded, never stored.

use std::f64::consts::TAU;

/// Below this dispersion a gamma-Poisson count cannot be told from a Poisson count.
const DISPERSION_MIN: f64 = 1e-12;
/// Relative size of what may be left out of a sum or a fraction.
const NEGLIGIBLE: f64 = 1e-15;
/// A continued fraction takes about the square root of the count; this covers counts of a thousand million.
const FRACTION_STEPS_MAX: u32 = 100_000;
/// From here on the Stirling series is exact to the last bit.
const STIRLING_FROM: f64 = 16.0;

/// The share that `count` of `of` calls prove at least: Wilson's one-sided lower bound at `z` standard deviations (3.09 is
/// one error in a thousand). 0 if nothing was seen. A count above `of` is taken as `of`.
///
/// Wilson 1927, in the form without cancellation: a share of nothing is exactly 0, `n` of `n` is `n / (n + z²)`.
pub fn wilson_lower(count: u64, of: u64, z: f64) -> f64 {
    if of == 0 {
        return 0.0;
    }
    let (count, of) = (count.min(of) as f64, of as f64);
    let root = z * (z * z + 4.0 * count * (of - count) / of).sqrt();
    2.0 * count * count / (of * (2.0 * count + z * z + root))
}

/// The share that `count` of `of` calls leave possible at most: Wilson's one-sided upper bound at `z` standard
/// deviations. 1 if nothing was seen. A count above `of` is taken as `of`.
pub fn wilson_upper(count: u64, of: u64, z: f64) -> f64 {
    1.0 - wilson_lower(of.saturating_sub(count), of, z)
}

/// The probability of `at_least` or more events where `mean` are expected, independent of each other (Poisson).
/// Below about 1e-300 it is 0.
pub fn poisson_tail(at_least: u64, mean: f64) -> f64 {
    negative_binomial_tail(at_least, mean, 0.0)
}

/// The probability of `at_least` or more events where `mean` are expected, but the mean itself varies by a gamma factor of
/// variance `dispersion`: the count has variance `mean + dispersion * mean²`. Dispersion 0 is Poisson.
/// Below about 1e-300 it is 0.
///
/// In the upper tail it is the first term times the continued fraction of the incomplete beta function (DLMF 8.17.22), else
/// one minus the finite sum.
pub fn negative_binomial_tail(at_least: u64, mean: f64, dispersion: f64) -> f64 {
    if at_least == 0 {
        return 1.0;
    }
    if mean <= 0.0 {
        return 0.0;
    }
    let dispersion = if dispersion > DISPERSION_MIN { dispersion } else { 0.0 };
    let count = at_least as f64;
    if count + 1.0 > mean * (1.0 + dispersion) {
        (probability(count, mean, dispersion) * tail_fraction(count, mean, dispersion)).min(1.0)
    } else {
        (1.0 - sum_below(at_least, mean, dispersion)).max(0.0)
    }
}

/// The probability of exactly `count` events, by its deviance from the mean (Loader 2000), which stays exact where
/// logarithms of factorials would cancel.
fn probability(count: f64, mean: f64, dispersion: f64) -> f64 {
    let spread = 1.0 + dispersion * mean;
    if count == 0.0 {
        return if dispersion > 0.0 { (-(dispersion * mean).ln_1p() / dispersion).exp() } else { (-mean).exp() };
    }
    let scale = 1.0 + dispersion * count;
    let mut exponent = -stirling_error(count) - mean * scale / spread * divergence((count - mean) / (mean * scale));
    if dispersion > 0.0 {
        let size = 1.0 / dispersion;
        exponent -= size * scale / spread * divergence(dispersion * (mean - count) / scale);
        exponent += stirling_error(size + count) - stirling_error(size);
    }
    exponent.exp() / (TAU * count * scale).sqrt()
}

/// `(1 + u) ln(1 + u) - u`: how far off a count is whose relative excess is `u`.
fn divergence(excess: f64) -> f64 {
    (1.0 + excess) * excess.ln_1p() - excess
}

/// What Stirling's formula leaves out of `ln x!`, for `x > 0`.
fn stirling_error(x: f64) -> f64 {
    let (mut x, mut below) = (x, 0.0);
    while x < STIRLING_FROM {
        below += (x + 0.5) * (1.0 / x).ln_1p() - 1.0;
        x += 1.0;
    }
    let inverse_square = 1.0 / (x * x);
    let series = 1.0 / 1_680.0 - inverse_square / 1_188.0;
    let series = 1.0 / 1_260.0 - inverse_square * series;
    let series = 1.0 / 360.0 - inverse_square * series;
    below + (1.0 / 12.0 - inverse_square * series) / x
}

/// Tail over first term, by Lentz's method.
fn tail_fraction(count: f64, mean: f64, dispersion: f64) -> f64 {
    let unit = mean / (1.0 + dispersion * mean);
    let odd = |step: f64| {
        let from = count + 2.0 * step;
        -(count + step) * (1.0 + dispersion * (count + step)) * unit / (from * (from + 1.0))
    };
    let even = |step: f64| {
        let from = count + 2.0 * step;
        step * (1.0 - dispersion * step) * unit / ((from - 1.0) * from)
    };
    let (mut c, mut d) = (1.0, 1.0 / (1.0 + odd(0.0)));
    let mut fraction = d;
    for step in 1..=FRACTION_STEPS_MAX {
        let step = f64::from(step);
        for term in [even(step), odd(step)] {
            c = 1.0 + term / c;
            d = 1.0 / (1.0 + term * d);
            fraction *= c * d;
        }
        if (c * d - 1.0).abs() < NEGLIGIBLE {
            break;
        }
    }
    fraction
}

/// The probability of fewer than `count` events, summed downwards: the terms shrink where the mean is above.
fn sum_below(count: u64, mean: f64, dispersion: f64) -> f64 {
    let mut at = (count - 1) as f64;
    let mut term = probability(at, mean, dispersion);
    let mut sum = term;
    let spread = (1.0 + dispersion * mean) / mean;
    while at > 0.0 && term > sum * NEGLIGIBLE {
        term *= at * spread / (1.0 + dispersion * (at - 1.0));
        sum += term;
        at -= 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(ours: f64, exact: f64, relative: f64) -> bool {
        (ours - exact).abs() <= relative * exact.abs()
    }

    #[test]
    fn wilson_bounds_are_the_published_ones() {
        // The first two as in Newcombe 1998 (score method) to four digits; all recomputed with 40 digits.
        const Z_95: f64 = 1.959_963_984_540_054;
        for (count, of, z, lower, upper) in [
            (81, 263, Z_95, 0.255_288_519_878_3, 0.366_209_576_982_8),
            (15, 148, Z_95, 0.062_386_399_530_74, 0.160_487_241_723_3),
            (36, 143, 3.09, 0.157_597_298_674_5, 0.376_975_731_078_1),
            (29, 29, 3.09, 0.752_306_858_185, 1.0),
            (3, 3, 3.09, 0.239_080_020_082_7, 1.0),
            (0, 18, 3.09, 0.0, 0.346_597_405_991_7),
            (1, 1_000_000, 3.72, 6.339_141_116_646e-8, 1.577_478_941_375e-5),
        ] {
            assert!(close(wilson_lower(count, of, z), lower, 1e-12), "lower bound of {count} of {of}");
            assert!(close(wilson_upper(count, of, z), upper, 1e-10), "upper bound of {count} of {of}");
        }
        assert_eq!((wilson_lower(0, 0, 3.09), wilson_upper(0, 0, 3.09)), (0.0, 1.0));
    }

    #[test]
    fn few_calls_clear_no_limit() {
        // The fewest calls whose bound clears the limit, if calls of the given share (percent) are counted whole.
        let fewest = |share: u64, limit: f64| (1..).find(|n| wilson_lower(n * share / 100, *n, 3.09) >= limit);
        for (share, limit, calls) in [
            (30, 0.10, 24),
            (20, 0.10, 90),
            (35, 0.15, 35),
            (25, 0.15, 124),
            (40, 0.20, 40),
            (8, 0.03, 113),
            (15, 0.03, 20),
            (98, 0.70, 29),
            (90, 0.70, 56),
            (100, 0.75, 29),
        ] {
            assert_eq!(fewest(share, limit), Some(calls), "{share} % against {limit}");
        }
        assert_eq!((1..).find(|n| wilson_upper(0, *n, 3.09) <= 0.35), Some(18));
    }

    #[test]
    fn wilson_bounds_hold_the_share_and_move_with_it() {
        for of in [1, 2, 7, 30, 1_000, 10_000_000] {
            let mut previous = (-1.0, 0.0);
            for step in 0..=20_u64 {
                let count = of * step / 20;
                let bounds = (wilson_lower(count, of, 3.09), wilson_upper(count, of, 3.09));
                let share = count as f64 / of as f64;
                assert!(0.0 <= bounds.0 && bounds.0 <= share && share <= bounds.1 && bounds.1 <= 1.0, "{count} of {of}");
                assert!(step == 0 || of < 20 || (bounds.0 > previous.0 && bounds.1 > previous.1), "{count} of {of}");
                previous = bounds;
            }
        }
        assert_eq!(wilson_lower(7, 5, 3.09), wilson_lower(5, 5, 3.09));
    }

    #[test]
    fn poisson_tails_are_exact() {
        // Regularized incomplete gamma function, computed with 40 digits.
        for (at_least, mean, exact) in [
            (1, 0.001, 0.000_999_500_166_625),
            (8, 0.245, 2.590_351_494_389e-10),
            (10, 0.5, 1.709_670_029_349e-10),
            (16, 4.0, 4.892_610_719_878e-6),
            (20, 6.5, 1.608_621_934_427e-5),
            (33, 4.0, 1.763_017_468_788e-19),
            (8, 8.0, 0.547_039_190_513),
            (3, 20.0, 0.999_999_544_485),
            (118, 65.0, 2.302_529_326_759e-9),
            (500, 300.0, 3.807_423_416_288e-26),
            (1_300, 1_000.0, 6.887_086_665_43e-20),
            (10_600, 10_000.0, 1.440_851_923_847e-9),
            (1_005_000, 1_000_000.0, 2.934_034_048_032e-7),
            (1_000_000, 1_000_000.0, 0.500_132_980_760_9),
        ] {
            let ours = poisson_tail(at_least, mean);
            assert!(close(ours, exact, 1e-10), "P(X >= {at_least} | {mean}) = {ours:e}, not {exact:e}");
        }
    }

    #[test]
    fn negative_binomial_tails_are_exact() {
        // Summed term by term with 40 digits.
        for (at_least, mean, dispersion, exact) in [
            (10, 0.04, 0.15, 3.225_847_526_335e-19),
            (10, 0.04, 2.0, 9.074_157_445_424e-13),
            (20, 0.5, 0.15, 7.242_875_986_294e-19),
            (50, 20.0, 0.05, 0.000_122_198_508_288_8),
            (90, 20.0, 0.15, 1.006_925_193_938e-6),
            (60, 20.0, 0.1, 0.000_108_994_392_833_9),
            (400, 100.0, 0.1, 1.214_041_321_689e-8),
            (40_000, 10_000.0, 0.1, 3.973_755_741_516e-9),
            (900, 300.0, 0.02, 1.153_069_050_503e-19),
            (200_000, 100_000.0, 0.02, 1.186_270_240_108e-8),
            (10, 20.0, 0.3, 0.816_476_870_529_2),
            (3, 5.0, 4.0, 0.355_434_332_318_3),
            (30, 5.0, 4.0, 0.035_993_118_609_87),
            (33, 4.0, 1e-6, 1.763_736_654_083e-19),
            (33, 4.0, 1e-11, 1.763_017_475_978e-19),
        ] {
            let ours = negative_binomial_tail(at_least, mean, dispersion);
            assert!(close(ours, exact, 1e-10), "P(X >= {at_least} | {mean}, {dispersion}) = {ours:e}, not {exact:e}");
        }
    }

    #[test]
    fn tails_fall_with_the_count_and_rise_with_mean_and_dispersion() {
        for mean in [0.01, 0.7, 12.0, 345.0] {
            for dispersion in [0.0, 0.05, 0.6, 3.0] {
                let tail = |at_least: u64| negative_binomial_tail(at_least, mean, dispersion);
                for at_least in 1..400 {
                    let (before, here) = (tail(at_least - 1), tail(at_least));
                    assert!((0.0..=1.0).contains(&here), "{at_least} {mean} {dispersion}");
                    // Strict wherever the step is visible next to 1.
                    assert!(here <= before, "{at_least} {mean} {dispersion}: {here:e} after {before:e}");
                    assert!(here < before || before > 1.0 - 1e-12 || here == 0.0, "{at_least} {mean} {dispersion}");
                    assert!(negative_binomial_tail(at_least, mean * 1.1, dispersion) >= here * (1.0 - 1e-9));
                    // More spread means more of the extreme, three standard deviations out at the latest.
                    if at_least as f64 > 1.0 + mean + 3.0 * (mean + (dispersion + 0.1) * mean * mean).sqrt() {
                        assert!(negative_binomial_tail(at_least, mean, dispersion + 0.1) >= here * (1.0 - 1e-9));
                    }
                }
            }
        }
    }

    #[test]
    fn the_edges_are_answered() {
        assert_eq!(poisson_tail(0, 0.0), 1.0);
        assert_eq!(poisson_tail(1, 0.0), 0.0);
        assert_eq!(negative_binomial_tail(5, -1.0, 0.1), 0.0);
        assert_eq!(poisson_tail(u64::MAX, 1.0), 0.0);
        assert_eq!(poisson_tail(1, 1e9), 1.0);
        assert!((0.0..1e-9).contains(&poisson_tail(1_001_000_000, 1e9)));
    }
}
