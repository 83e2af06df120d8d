//! Chance: the distributions the traffic is drawn from, all from one seeded generator.
//!
//! Never reads the machine's randomness, and never its mathematical library either: logarithm and exponential are
//! computed here from operations IEEE 754 fixes to the last bit, so that a seed gives the same bytes on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// One stream of chance. Streams of one seed are independent: an app's traffic does not change when another app does.
pub(super) struct Draw {
    generator: ChaCha8Rng,
}

impl Draw {
    /// The stream `stream` of `seed`.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Self { generator }
    }

    /// 64 random bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// Uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        unit_of(self.bits())
    }

    /// Uniform in [low, high).
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform in `span`.
    pub(super) fn within(&mut self, span: Span) -> f64 {
        self.between(span.low, span.high)
    }

    /// Uniform in 0..n; 0 if `n` is 0.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.generator.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Exponential with mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -ln(1.0 - self.unit())
    }

    /// Standard normal, by Marsaglia's polar method.
    pub(super) fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (self.between(-1.0, 1.0), self.between(-1.0, 1.0));
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * ln(square) / square).sqrt();
            }
        }
    }

    /// Lognormal: half of the draws lie below `median`; `sigma` is the deviation of the logarithm.
    pub(super) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * exp(sigma * self.normal())
    }

    /// Gamma with mean 1 and coefficient of variation `cv` (at most 1), by Marsaglia and Tsang's method. 1 if `cv` is 0.
    pub(super) fn gamma_factor(&mut self, cv: f64) -> f64 {
        if cv <= 0.0 {
            return 1.0;
        }
        let shape = (1.0 / (cv * cv)).max(1.0);
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let root = 1.0 + c * x;
            if root <= 0.0 {
                continue;
            }
            let v = root * root * root;
            if ln(1.0 - self.unit()) < 0.5 * x * x + d - d * v + d * ln(v) {
                return d * v / shape;
            }
        }
    }
}

/// From `low` to `high`, in the unit of the field that holds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) low: f64,
    pub(super) high: f64,
}

/// The span from `low` to `high`.
pub(super) const fn span(low: f64, high: f64) -> Span {
    Span { low, high }
}

/// 64 bits as a number in [0, 1), by its upper 53 bits.
pub(super) fn unit_of(bits: u64) -> f64 {
    const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
    (bits >> 11) as f64 * STEP
}

/// Scatters 64 bits so that neighbouring inputs have nothing in common (the finaliser of SplitMix64).
pub(super) const fn scatter(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

const MANTISSA_BITS: u32 = 52;
const EXPONENT_BIAS: i64 = 1023;

/// Natural logarithm of a positive, normal number; exact to about 14 digits.
fn ln(x: f64) -> f64 {
    if x < f64::MIN_POSITIVE {
        return ln(f64::MIN_POSITIVE);
    }
    let mut exponent = (x.to_bits() >> MANTISSA_BITS) as i64 - EXPONENT_BIAS;
    let mut mantissa = f64::from_bits(x.to_bits() & ((1 << MANTISSA_BITS) - 1) | (EXPONENT_BIAS as u64) << MANTISSA_BITS);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // ln m = 2 artanh s with s = (m - 1) / (m + 1), |s| < 0.172.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = [15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0].iter().fold(0.0, |sum, odd| sum * square + 1.0 / odd);
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * s * series
}

/// The exponential of a number between -700 and 700 (clamped to that); exact to about 14 digits.
fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let halvings = (x * std::f64::consts::LOG2_E).round();
    let rest = x - halvings * std::f64::consts::LN_2;
    // Taylor's series by Horner; |rest| < 0.35.
    let series = (1..=12).rev().fold(1.0, |sum, n| 1.0 + sum * rest / f64::from(n));
    series * f64::from_bits(((halvings as i64 + EXPONENT_BIAS) as u64) << MANTISSA_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_and_exponential_agree_with_the_library() {
        let mut draw = Draw::new(1, 0);
        for _ in 0..10_000 {
            let x = draw.between(-30.0, 30.0);
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-13, "exp {x}");
            let y = x.exp();
            assert!((ln(y) - y.ln()).abs() < 1e-13 * y.ln().abs().max(1.0), "ln {y}");
        }
        assert!(ln(0.0).is_finite());
    }

    #[test]
    fn the_distributions_have_the_moments_they_claim() {
        let mut draw = Draw::new(2, 0);
        let mut moments = |sample: &mut dyn FnMut(&mut Draw) -> f64| {
            let values: Vec<f64> = (0..40_000).map(|_| sample(&mut draw)).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
            (mean, variance.sqrt())
        };
        let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 0.03, "{found} is not {wanted}");
        let (mean, deviation) = moments(&mut |draw| draw.normal());
        near(mean, 0.0);
        near(deviation, 1.0);
        let (mean, deviation) = moments(&mut |draw| draw.exponential());
        near(mean, 1.0);
        near(deviation, 1.0);
        for cv in [0.05, 0.35, 1.0] {
            let (mean, deviation) = moments(&mut |draw| draw.gamma_factor(cv));
            near(mean, 1.0);
            near(deviation, cv);
        }
        let (below, _) = moments(&mut |draw| f64::from(u8::from(draw.lognormal(40.0, 0.8) < 40.0)));
        near(below, 0.5);
        let (mean, _) = moments(&mut |draw| f64::from(draw.below(11)));
        assert!((mean - 5.0).abs() < 0.1, "{mean}");
    }

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let first = |seed, stream| Draw::new(seed, stream).bits();
        assert_eq!(first(7, 1), first(7, 1));
        assert_ne!(first(7, 1), first(7, 2));
        assert_ne!(first(7, 1), first(8, 1));
    }
}
