//! The ledger of records as metrics: what was consumed and what became of it, exact at every moment.
//!
//! Whoever reads it sees both sides of every record or neither, never one: a batch is entered under one guard, and a
//! scrape takes the same guard. Never touched per record: a worker fills a [`Page`] and enters it once a batch.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, IntCounterVec, Opts};

pub use crate::ledger::{Outcome, Page, Stream};

/// The ledger. Clones share it.
#[derive(Clone)]
pub struct Ledger(Arc<Accounts>);

struct Accounts {
    guard: Mutex<()>,
    consumed: Account<{ Stream::ALL.len() }>,
    outcomes: Account<{ Stream::ALL.len() * Outcome::ALL.len() }>,
}

/// A family with the handles of all its series.
struct Account<const N: usize> {
    family: IntCounterVec,
    series: [IntCounter; N],
}

impl Ledger {
    /// An empty ledger in which every series is there from the start.
    ///
    /// # Errors
    /// Only if a name or a label is not a valid one.
    pub fn new() -> Result<Self, prometheus::Error> {
        let consumed = IntCounterVec::new(
            Opts::new("dialwatch_records_consumed_total", "Records taken out of the input, by stream."),
            &["stream"],
        )?;
        let outcomes = IntCounterVec::new(
            Opts::new("dialwatch_records_total", "What became of consumed records: the sum over result is what was consumed."),
            &["stream", "result"],
        )?;
        let consumed_series = Stream::ALL.map(|stream| consumed.with_label_values(&[stream.as_str()]));
        let outcome_series = std::array::from_fn(|at| {
            let (stream, outcome) = (Stream::ALL[at / Outcome::ALL.len()], Outcome::ALL[at % Outcome::ALL.len()]);
            outcomes.with_label_values(&[stream.as_str(), outcome.as_str()])
        });
        Ok(Self(Arc::new(Accounts {
            guard: Mutex::new(()),
            consumed: Account { family: consumed, series: consumed_series },
            outcomes: Account { family: outcomes, series: outcome_series },
        })))
    }

    /// Enters a page and empties it. A record that was consumed but not settled is a mistake of the caller.
    pub fn enter(&self, page: &mut Page) {
        let page = std::mem::take(page);
        let _guard = self.0.guard.lock().unwrap_or_else(PoisonError::into_inner);
        for (series, count) in self.0.consumed.series.iter().zip(page.consumed) {
            series.inc_by(count);
        }
        for (series, count) in self.0.outcomes.series.iter().zip(page.outcomes.into_iter().flatten()) {
            series.inc_by(count);
        }
    }

    /// Everything entered so far.
    pub fn page(&self) -> Page {
        let _guard = self.0.guard.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = |stream: usize, outcome: usize| self.0.outcomes.series[stream * Outcome::ALL.len() + outcome].get();
        Page {
            consumed: std::array::from_fn(|stream| self.0.consumed.series[stream].get()),
            outcomes: std::array::from_fn(|stream| std::array::from_fn(|at| outcome(stream, at))),
        }
    }
}

impl Collector for Ledger {
    fn desc(&self) -> Vec<&Desc> {
        let mut descriptions = self.0.consumed.family.desc();
        descriptions.extend(self.0.outcomes.family.desc());
        descriptions
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let _guard = self.0.guard.lock().unwrap_or_else(PoisonError::into_inner);
        let mut families = self.0.consumed.family.collect();
        families.extend(self.0.outcomes.family.collect());
        families
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Consumed and the sum of the outcomes as a scrape shows them.
    fn scraped(ledger: &Ledger) -> (u64, u64) {
        let families = ledger.collect();
        let sum = |name: &str| {
            let family = families.iter().find(|family| family.name() == name).expect("collected");
            family.get_metric().iter().map(|metric| metric.get_counter().get_value() as u64).sum()
        };
        (sum("dialwatch_records_consumed_total"), sum("dialwatch_records_total"))
    }

    #[test]
    fn every_series_is_there_from_the_start() {
        let ledger = Ledger::new().expect("valid names");
        let series: usize = ledger.collect().iter().map(|family| family.get_metric().len()).sum();
        assert_eq!(series, 3 + 3 * 5);
    }

    #[test]
    fn no_scrape_sees_one_side_only() {
        let ledger = Ledger::new().expect("valid names");
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..2)
                .map(|writer| {
                    let ledger = ledger.clone();
                    scope.spawn(move || {
                        for batch in 0..2_000 {
                            let mut page = Page::default();
                            for record in 0..(batch + writer) % 7 {
                                page.consumed(Stream::Calls);
                                page.settled(Stream::Calls, Outcome::ALL[record % 5]);
                            }
                            ledger.enter(&mut page);
                            assert_eq!(page.total(), 0, "an entered page is empty");
                        }
                    })
                })
                .collect();
            while writers.iter().any(|writer| !writer.is_finished()) {
                let (consumed, settled) = scraped(&ledger);
                assert_eq!(consumed, settled);
            }
        });
        let (consumed, _) = scraped(&ledger);
        assert_eq!(consumed, ledger.page().total());
        assert!(consumed > 10_000);
    }
}
