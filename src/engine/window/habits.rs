//! How a caller number is used: at what hours, to which provinces, and what comes of its calls. Whole weeks are counted, the
//! running one and the one before, so every count can be recomputed.
//!
//! Never judges: how far two of them lie apart is a number, and what follows from it is a detector's.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::engine::record::{Call, Outcome};
use crate::engine::region::Region;
use crate::engine::time::DAY_S;

/// A week, counted from the Unix epoch: it begins on a Thursday at 00:00 UTC.
pub const WEEK_S: u32 = 7 * DAY_S;
/// Parts of the day, of two hours each. In UTC: how far two profiles lie apart does not depend on the zone.
pub const HOURS: usize = 12;
/// What comes of a call: see `end_of`.
pub const ENDS: usize = 10;
/// The provinces.
pub const REGIONS: usize = Region::ALL.len();

/// Counts of calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub calls: u32,
    /// By the part of the day in which they began.
    pub hours: [u32; HOURS],
    /// By what came of them.
    pub ends: [u32; ENDS],
    /// By the province of the callee's number, where it is known.
    pub regions: [u32; REGIONS],
}

/// The calls of one number, by weeks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Habits {
    week: u32,
    running: Counts,
    /// `None` where there were no calls: most numbers of a young app have no week before.
    #[serde(serialize_with = "whole", deserialize_with = "if_any")]
    before: Option<Box<Counts>>,
}

fn whole<S: Serializer>(counts: &Option<Box<Counts>>, serializer: S) -> Result<S::Ok, S::Error> {
    counts.as_deref().unwrap_or(&Counts::default()).serialize(serializer)
}

fn if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<Counts>>, D::Error> {
    let counts = Counts::deserialize(deserializer)?;
    Ok((counts != Counts::default()).then(|| Box::new(counts)))
}

/// How far two uses lie apart: a Jensen-Shannon distance each (base 2, so from 0, alike, to 1, nothing in common). `None` where one
/// of them says too little.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distances {
    /// Of the hours.
    pub hours: Option<f64>,
    /// Of what came of the calls.
    pub ends: Option<f64>,
    /// Of the callees' provinces.
    pub regions: Option<f64>,
}

/// What came of a call, in ten sorts: answered and over within 6 s, 30 s, 120 s, or later; declined; rang out; busy; no such
/// number; unreachable; anything else.
fn end_of(call: &Call) -> usize {
    match (call.outcome, call.talk_s()) {
        (Outcome::Answered, Some(..=6)) => 0,
        (Outcome::Answered, Some(..=30)) => 1,
        (Outcome::Answered, Some(..=120)) => 2,
        (Outcome::Answered, _) => 3,
        (Outcome::Rejected, _) => 4,
        (Outcome::NoAnswer, _) => 5,
        (Outcome::Busy, _) => 6,
        (Outcome::InvalidNumber, _) => 7,
        (Outcome::Unreachable, _) => 8,
        _ => 9,
    }
}

impl Counts {
    fn note(&mut self, call: &Call) {
        self.calls += 1;
        self.hours[(call.start.seconds() % DAY_S / (DAY_S / HOURS as u32)) as usize] += 1;
        self.ends[end_of(call)] += 1;
        if let Some(region) = call.callee_region {
            self.regions[region as usize] += 1;
        }
    }

    /// Adds the counts of another use.
    pub fn join(&mut self, other: &Self) {
        let add = |sums: &mut [u32], counts: &[u32]| sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        self.calls += other.calls;
        add(&mut self.hours, &other.hours);
        add(&mut self.ends, &other.ends);
        add(&mut self.regions, &other.regions);
    }

    /// How far the two lie apart, as far as each counts at least `calls_min` calls.
    pub fn distances(&self, other: &Self, calls_min: u32) -> Distances {
        let between = |one: &[u32], other: &[u32]| {
            let is_enough = |counts: &[u32]| counts.iter().sum::<u32>() >= calls_min.max(1);
            (is_enough(one) && is_enough(other)).then(|| jensen_shannon(one, other))
        };
        Distances {
            hours: between(&self.hours, &other.hours),
            ends: between(&self.ends, &other.ends),
            regions: between(&self.regions, &other.regions),
        }
    }
}

impl Habits {
    /// Takes in a call. Calls come in the order of their ends.
    pub fn push(&mut self, call: &Call) {
        let week = call.end.seconds() / WEEK_S;
        if week > self.week {
            let running = std::mem::take(&mut self.running);
            self.before = (week == self.week + 1).then(|| Box::new(running));
            self.week = week;
        }
        self.running.note(call);
    }

    /// The calls that ended in the week of `now_s` (Unix seconds) and in the one before.
    pub fn fortnight(&self, now_s: u32) -> Counts {
        match (now_s / WEEK_S).saturating_sub(self.week) {
            0 => {
                let mut counts = self.running.clone();
                self.before.iter().for_each(|before| counts.join(before));
                counts
            }
            1 => self.running.clone(),
            _ => Counts::default(),
        }
    }
}

/// Where the fortnight of `now_s` begins, in Unix seconds.
pub const fn fortnight_from_s(now_s: u32) -> u32 {
    (now_s / WEEK_S).saturating_sub(1) * WEEK_S
}

/// The square root of the Jensen-Shannon divergence of two counts, base 2.
fn jensen_shannon(one: &[u32], other: &[u32]) -> f64 {
    let total = |counts: &[u32]| f64::from(counts.iter().sum::<u32>());
    let (all_one, all_other) = (total(one), total(other));
    let divergence = one.iter().zip(other).fold(0.0, |sum, (one, other)| {
        let (one, other) = (f64::from(*one) / all_one, f64::from(*other) / all_other);
        let middle = f64::midpoint(one, other);
        let part = |share: f64| if share > 0.0 { share * (share / middle).log2() / 2.0 } else { 0.0 };
        sum + part(one) + part(other)
    });
    divergence.clamp(0.0, 1.0).sqrt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::record::tests::call;

    const THURSDAY_S: i64 = 1_772_668_800;

    #[test]
    fn distances_of_well_known_shapes() {
        assert_eq!(jensen_shannon(&[5, 5], &[50, 50]), 0.0);
        assert_eq!(jensen_shannon(&[7, 0], &[0, 9]), 1.0);
        // Half of one in common with all of the other: 1 - H(1/4, 3/4) / 2 … by hand 0.311278.
        assert!((jensen_shannon(&[1, 1], &[1, 0]).powi(2) - 0.311_278).abs() < 1e-6);
        let few = Counts { calls: 3, hours: [1; HOURS], ..Counts::default() };
        let none = few.distances(&few, 13);
        assert_eq!(none, Distances { hours: None, ends: None, regions: None });
        assert_eq!(few.distances(&few, 12).hours, Some(0.0));
    }

    proptest! {
        #[test]
        fn a_fortnight_is_a_filter_over_everything(steps in prop::collection::vec((0_i64..900_000, 1_i64..400), 1..60)) {
            let (mut habits, mut all, mut end_s) = (Habits::default(), Vec::new(), THURSDAY_S);
            for (gap_s, length_s) in steps {
                end_s += gap_s;
                let call = call("c", end_s, length_s);
                habits.push(&call);
                all.push(call);
                for now_s in [end_s as u32, end_s as u32 + WEEK_S, end_s as u32 + 2 * WEEK_S] {
                    let mut naive = Counts::default();
                    let from_s = i64::from(fortnight_from_s(now_s));
                    all.iter().filter(|call| i64::from(call.end.seconds()) >= from_s).for_each(|call| naive.note(call));
                    prop_assert_eq!(habits.fortnight(now_s), naive);
                }
            }
        }
    }
}
