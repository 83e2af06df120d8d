//! The share of unreadable records among the last thousand: a wrong format is not so many bad records.

/// So many records are looked back at.
const RECORDS: usize = 1_000;

/// Which of the last records could not be read.
pub struct Unreadable {
    /// A bit a record, in a ring.
    ring: Box<[bool; RECORDS]>,
    at: usize,
    count: usize,
}

impl Default for Unreadable {
    fn default() -> Self {
        Self { ring: Box::new([false; RECORDS]), at: 0, count: 0 }
    }
}

impl Unreadable {
    /// Notes a record. Returns the share of unreadable ones, as if records before the first had been good: a few bad ones at
    /// the beginning say nothing.
    pub fn note(&mut self, is_unreadable: bool) -> f64 {
        let before = std::mem::replace(&mut self.ring[self.at], is_unreadable);
        self.count = self.count + usize::from(is_unreadable) - usize::from(before);
        self.at = (self.at + 1) % RECORDS;
        self.count as f64 / RECORDS as f64
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn it_is_the_share_of_the_last_thousand() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let (mut unreadable, mut naive) = (Unreadable::default(), VecDeque::from(vec![false; RECORDS]));
        for _ in 0..5_000 {
            let bad = random.random_bool(0.3);
            naive.pop_front();
            naive.push_back(bad);
            let share = naive.iter().filter(|bad| **bad).count() as f64 / RECORDS as f64;
            assert!((unreadable.note(bad) - share).abs() < f64::EPSILON);
        }
    }
}
