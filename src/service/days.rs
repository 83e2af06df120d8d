//! Where the apps of all lanes of the process meet: whom each called on a day, compared once a day.
//!
//! Lanes end their days each in its own time. A day is compared when the first lane has come to an hour before its result takes
//! effect (see `resale`), so whatever lanes are not further apart in event time than from midnight until then give the same
//! alerts as a replay. A lane further behind, as after a long standstill, is not compared for that day; nor is an app of another
//! process. What was handed over before a restart is handed over again by the lanes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::overlaps::{self, DaySketch, Overlap};
use crate::engine::time::{DAY_MINUTES, Minute};

/// A day is compared at this minute of the next one, UTC.
const COMPARED_AT_MINUTE: u32 = 5 * 60;

/// What the apps have in common, by app.
pub type Found = BTreeMap<Box<str>, Vec<Overlap>>;

/// The meeting place.
#[derive(Debug, Default)]
pub struct Days {
    book: Mutex<Book>,
    /// The minute at which a day is to be compared next, and the last day that was: read without a lock.
    due: AtomicU32,
    compared: AtomicU32,
}

#[derive(Debug, Default)]
struct Book {
    /// The sketches of days not compared yet.
    waiting: BTreeMap<u32, Vec<DaySketch>>,
    compared: u32,
    found: Arc<Found>,
}

fn due(day: u32) -> u32 {
    (day + 1) * DAY_MINUTES + COMPARED_AT_MINUTE
}

impl Days {
    /// Takes the sketches of days that a lane has judged to their end. Those of a day that has been compared come too late.
    pub fn take(&self, sketches: impl ExactSizeIterator<Item = DaySketch>) {
        if sketches.len() == 0 {
            return;
        }
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        for sketch in sketches.filter(|sketch| sketch.day > book.compared).collect::<Vec<_>>() {
            book.waiting.entry(sketch.day).or_default().push(sketch);
        }
        self.note(&book);
    }

    /// What was found, for a lane whose first minute not judged is `open` and that has been told up to the day `met`; `None` if
    /// that is no news. Compares what is due.
    pub fn found(&self, open: Minute, met: &mut u32) -> Option<Arc<Found>> {
        let due_now = self.due.load(Ordering::Acquire);
        if (due_now == 0 || open.0 < due_now) && self.compared.load(Ordering::Acquire) == *met {
            return None;
        }
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(day) = book.waiting.keys().next().copied().filter(|day| due(*day) <= open.0) {
            let mut sketches = book.waiting.remove(&day).unwrap_or_default();
            // A lane that was opened again has handed them over twice.
            sketches.sort_unstable();
            sketches.dedup();
            let mut found = overlaps::compare(sketches);
            // What was found of the day before may not have come to every lane.
            for (app_id, before) in book.found.iter() {
                let before = before.iter().filter(|overlap| overlap.day + 1 == day).cloned();
                found.entry(app_id.clone()).or_default().extend(before);
            }
            book.found = Arc::new(found);
            book.compared = day;
        }
        self.note(&book);
        (book.compared > *met).then(|| {
            *met = book.compared;
            book.found.clone()
        })
    }

    fn note(&self, book: &Book) {
        self.due.store(book.waiting.keys().next().map_or(0, |day| due(*day)), Ordering::Release);
        self.compared.store(book.compared, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::number::Number;
    use crate::engine::window::sketch::Sketch;

    fn sketch(app_id: &str, day: u32, people: std::ops::Range<u64>) -> DaySketch {
        let mut callees = Sketch::default();
        people.for_each(|person| callees.push(Number::from_packed(8_619_900_000_001 + person).expect("a number")));
        DaySketch { app_id: app_id.into(), day, callees }
    }

    fn others(found: &Found, app_id: &str) -> Vec<(u32, String)> {
        found.get(app_id).into_iter().flatten().map(|overlap| (overlap.day, overlap.other.to_string())).collect()
    }

    #[test]
    fn lanes_meet_in_the_morning_after() {
        let days = Days::default();
        let (mut one, mut other, at_five) = (0, 0, Minute(due(100)));
        days.take(vec![sketch("a", 100, 0..200)].into_iter());
        assert!(days.found(Minute(at_five.0 - 1), &mut one).is_none(), "the other lane has not come to midnight");
        days.take(vec![sketch("b", 100, 10..210), sketch("a", 100, 0..200)].into_iter());
        let found = days.found(at_five, &mut one).expect("compared");
        assert_eq!(others(&found, "a"), [(100, "b".to_owned())], "handed over twice, and told once");
        assert!(days.found(at_five, &mut one).is_none(), "told once");
        let found = days.found(Minute(at_five.0 - 200), &mut other).expect("told, though not there yet");
        assert_eq!(others(&found, "b"), [(100, "a".to_owned())]);
        days.take(vec![sketch("c", 100, 0..200)].into_iter());
        assert!(days.found(Minute(due(101)), &mut one).is_none(), "too late for the day");
    }

    #[test]
    fn a_lane_that_missed_a_day_is_told_of_two() {
        let days = Days::default();
        let (mut one, mut late) = (0, 0);
        for day in [100, 101, 102] {
            days.take(vec![sketch("a", day, 0..200), sketch("b", day, 0..200)].into_iter());
            assert!(days.found(Minute(due(day)), &mut one).is_some());
        }
        let found = days.found(Minute(due(102)), &mut late).expect("news");
        assert_eq!(others(&found, "a"), [(102, "b".to_owned()), (101, "b".to_owned())]);
    }
}
