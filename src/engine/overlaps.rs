//! Which apps called the same people on a day: every shard hands over the day's sketches of its apps, and what two have in common
//! goes back to both.
//!
//! The only thing in which apps of different shards meet. So that it does not depend on how they are shared out, a day is
//! compared once all shards have judged it to its end and before any is told of it: see [`day_ends`]. What it finds takes
//! effect at one moment of event time, in the rule. It knows no limits, and no app outside of this process.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::time::{DAY_MINUTES, Minute, Timestamp};
use super::window::sketch::{Common, Sketch};

/// A callee of more apps than this says nothing about two of them: a bank's or an authority's own number.
const APPS_PER_CALLEE_MAX: usize = 64;
/// What is in common must be at least one part in so many, or nobody is told.
const PARTS_MAX: u32 = 5;
/// The apps told of to one app, at most: those with the most in common.
const OTHERS_MAX: usize = 8;

/// Whom an app called in a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DaySketch {
    /// The app.
    pub app_id: Box<str>,
    /// The day, counted from the Unix epoch, in UTC.
    pub day: u32,
    /// Its callees.
    pub callees: Sketch,
}

/// What an app has in common with another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Overlap {
    /// The day, counted from the Unix epoch, in UTC.
    pub day: u32,
    /// The other app.
    pub other: Box<str>,
    /// How many of the callees of both are callees of either.
    pub common: Common,
}

/// The moments to which time must be let pass one by one on its way to `at`, for shards whose first minute not yet judged is
/// `open`: at each of them a day has been judged to its end, and nothing after it.
pub fn day_ends(open: Minute, at: Timestamp, lateness_ms: i64) -> impl Iterator<Item = Timestamp> {
    let end = at.plus_millis(-lateness_ms).minute();
    // A shard that has judged nothing has no day to end.
    let first = if open == Minute::default() { u32::MAX } else { open.day() + 1 };
    (first..=end.day()).map(move |day| Minute(day * DAY_MINUTES).start().plus_millis(lateness_ms))
}

/// Compares the apps of a day. Returns for each app, by id, what it has in common with others: the most first.
pub fn compare(mut sketches: Vec<DaySketch>) -> BTreeMap<Box<str>, Vec<Overlap>> {
    sketches.sort_unstable();
    let mut found: BTreeMap<Box<str>, Vec<Overlap>> = BTreeMap::new();
    for ((one, other), shared) in candidates(&sketches) {
        let (one, other) = (&sketches[one as usize], &sketches[other as usize]);
        let common = one.callees.common(&other.callees);
        // An app in two partitions is no two apps.
        if one.app_id == other.app_id
            || one.day != other.day
            || shared * PARTS_MAX < common.of
            || common.shared * PARTS_MAX < common.of
        {
            continue;
        }
        for (app, other) in [(one, other), (other, one)] {
            let overlap = Overlap { day: app.day, other: other.app_id.clone(), common };
            found.entry(app.app_id.clone()).or_default().push(overlap);
        }
    }
    for overlaps in found.values_mut() {
        let share = |overlap: &Overlap| f64::from(overlap.common.shared) / f64::from(overlap.common.of);
        overlaps.sort_by(|one, other| share(other).total_cmp(&share(one)).then_with(|| one.cmp(other)));
        overlaps.truncate(OTHERS_MAX);
    }
    found
}

/// The pairs of sketches that hold the same hashes, and how many: two that share nothing are never looked at.
fn candidates(sketches: &[DaySketch]) -> BTreeMap<(u32, u32), u32> {
    let hashes = |(place, sketch): (usize, &DaySketch)| -> Vec<(u64, u32)> {
        sketch.callees.hashes().iter().map(|hash| (*hash, place as u32)).collect()
    };
    let mut all: Vec<(u64, u32)> = sketches.iter().enumerate().flat_map(hashes).collect();
    all.sort_unstable();
    let mut pairs = BTreeMap::new();
    for same in all.chunk_by(|one, other| one.0 == other.0).filter(|same| (2..=APPS_PER_CALLEE_MAX).contains(&same.len())) {
        for (index, (_, one)) in same.iter().enumerate() {
            for (_, other) in &same[index + 1..] {
                *pairs.entry((*one, *other)).or_insert(0) += 1;
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::engine::number::Number;
    use crate::engine::time::MINUTE_MS;

    fn app(app_id: &str, people: Range<u64>) -> DaySketch {
        let mut callees = Sketch::default();
        people.for_each(|person| callees.push(Number::from_packed(8_619_900_000_001 + person).expect("a number")));
        DaySketch { app_id: app_id.into(), day: 20_000, callees }
    }

    #[test]
    fn both_apps_are_told_whatever_the_order() {
        let sketches = || vec![app("a", 0..200), app("b", 20..220), app("c", 180..380), app("d", 1_000..1_200), app("a", 0..200)];
        let found = compare(sketches());
        let mut reversed = sketches();
        reversed.reverse();
        assert_eq!(compare(reversed), found);
        let others = |app_id: &str| {
            found.get(app_id).into_iter().flatten().map(|overlap| (&*overlap.other, overlap.common)).collect::<Vec<_>>()
        };
        let common = Common { shared: 180, of: 220 };
        assert_eq!(others("b"), [("a", common), ("a", common)]);
        assert_eq!(others("a"), [("b", common), ("b", common)]);
        assert_eq!((others("c"), others("d")), (vec![], vec![]));
    }

    #[test]
    fn a_callee_of_everybody_says_nothing() {
        let sketches = |apps: u64| (0..apps).map(|number| app(&number.to_string(), 0..100)).collect::<Vec<_>>();
        assert_eq!(compare(sketches(64)).len(), 64);
        assert!(compare(sketches(64)).values().all(|others| others.len() == OTHERS_MAX));
        assert!(compare(sketches(65)).is_empty());
    }

    #[test]
    fn time_stops_where_days_end() {
        let minute = |day: u32, minute: u32| Minute(day * DAY_MINUTES + minute);
        let ends = |open: Minute, at: Minute| {
            let late = 5 * MINUTE_MS;
            day_ends(open, at.start(), late).map(|end| end.plus_millis(-late).minute()).collect::<Vec<_>>()
        };
        assert_eq!(ends(minute(20, 100), minute(20, 900)), []);
        assert_eq!(ends(minute(20, 1_439), minute(21, 4)), []);
        assert_eq!(ends(minute(20, 1_439), minute(21, 5)), [minute(21, 0)]);
        assert_eq!(ends(minute(21, 0), minute(21, 6)), []);
        assert_eq!(ends(minute(20, 7), minute(22, 700)), [minute(21, 0), minute(22, 0)]);
        assert_eq!(ends(Minute(0), minute(22, 700)), []);
    }
}
