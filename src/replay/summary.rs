//! What a replay came to: `Display` is the closing summary a person reads.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use crate::engine::alert::{Alert, Status};
use crate::engine::decode::Format;
use crate::engine::detector::{RuleName, Severity};
use crate::explain::grouped;
use crate::ledger::{Outcome, Page, Stream};

/// How many errors are shown.
const SHOWN_MAX: usize = 5;

/// The result of a replay.
#[derive(Debug, Default)]
pub struct Summary {
    /// Records of all streams.
    pub records: Page,
    /// Apps with calls that were judged.
    pub apps: u64,
    /// Alerts sent.
    pub alerts: Tally,
    /// Strikes recorded in the ledgers of the apps.
    pub strikes: u64,
    /// Alerts of rules in shadow.
    pub shadowed: Tally,
    /// The first errors, each with file and line.
    pub errors: Shown,
    /// Files that could not be read to their end.
    pub broken_files: Shown,
    /// Files without a record.
    pub empty_files: Shown,
    /// The format in which the first call can be read, if it cannot in the one that was asked for.
    pub better_format: Option<Format>,
    /// Shards used.
    pub shards: usize,
    /// Bytes of calls, decompressed.
    pub bytes: u64,
    /// The time it took.
    pub elapsed: Duration,
}

/// The first few of many texts.
#[derive(Debug, Default)]
pub struct Shown {
    first: Vec<String>,
    count: u64,
}

impl Shown {
    /// Notes one.
    pub fn note(&mut self, text: impl FnOnce() -> String) {
        if self.first.len() < SHOWN_MAX {
            self.first.push(text());
        }
        self.count += 1;
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    fn show(&self, f: &mut fmt::Formatter<'_>, title: &str) -> fmt::Result {
        for text in &self.first {
            writeln!(f, "{title}: {text}")?;
        }
        match self.count - self.first.len() as u64 {
            0 => Ok(()),
            more => writeln!(f, "{title}: … and {} more", grouped(more)),
        }
    }
}

/// Alerts counted by what opened, not by how often it was sent.
#[derive(Debug, Default)]
pub struct Tally {
    by_id: HashMap<String, (RuleName, Severity, Status)>,
    apps: BTreeSet<String>,
}

impl Tally {
    /// Counts an alert, in the order in which they were sent.
    pub fn count(&mut self, alert: &Alert) {
        let entry = self.by_id.entry(alert.alert_id.clone()).or_insert((alert.rule, alert.severity, alert.status));
        entry.1 = entry.1.max(alert.severity);
        entry.2 = alert.status;
        if !self.apps.contains(&alert.app_id) {
            self.apps.insert(alert.app_id.clone());
        }
    }

    /// Alerts that opened.
    pub fn opened(&self) -> usize {
        self.by_id.len()
    }

    /// Those of them that are open still.
    pub fn open(&self) -> usize {
        self.by_id.values().filter(|(_, _, status)| *status == Status::Firing).count()
    }

    /// Apps that had one.
    pub fn apps(&self) -> usize {
        self.apps.len()
    }

    /// Alerts that opened by rule and the gravest severity each reached.
    pub fn by_rule(&self) -> BTreeMap<(RuleName, Severity), usize> {
        let mut counts = BTreeMap::new();
        for (rule, severity, _) in self.by_id.values() {
            *counts.entry((*rule, *severity)).or_default() += 1;
        }
        counts
    }
}

impl Summary {
    /// Whether there were calls and not one could be read.
    pub fn nothing_was_readable(&self) -> bool {
        self.records.has(Stream::Calls) && self.calls(Outcome::Invalid) == self.calls_consumed()
    }

    fn calls(&self, outcome: Outcome) -> u64 {
        self.records.of(Stream::Calls, outcome)
    }

    fn calls_consumed(&self) -> u64 {
        self.records.consumed_of(Stream::Calls)
    }

    fn streams(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for stream in Stream::ALL {
            if stream != Stream::Calls && !self.records.has(stream) {
                continue;
            }
            let (consumed, of) = (self.records.consumed_of(stream), |outcome| self.records.of(stream, outcome));
            write!(f, "{:<9} {} read: {} applied", stream.as_str(), grouped(consumed), grouped(of(Outcome::Applied)))?;
            for (what, outcome) in [
                ("late but applied", Outcome::LateApplied),
                ("too late", Outcome::LateDropped),
                ("duplicate", Outcome::Duplicate),
                ("invalid", Outcome::Invalid),
            ] {
                if of(outcome) > 0 {
                    write!(f, ", {} {what}", grouped(of(outcome)))?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }

    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sent, shadowed) = (self.alerts.by_rule(), self.shadowed.by_rule());
        if sent.is_empty() && shadowed.is_empty() {
            return Ok(());
        }
        write!(f, "  {:<20}", "rule")?;
        Severity::ALL.iter().try_for_each(|severity| write!(f, "{:>11}", severity.as_str()))?;
        writeln!(f, "{:>11}", "shadowed")?;
        for rule in RuleName::ALL {
            let of =
                |counts: &BTreeMap<(RuleName, Severity), usize>, severity| counts.get(&(*rule, severity)).copied().unwrap_or(0);
            let hidden: usize = Severity::ALL.iter().map(|severity| of(&shadowed, *severity)).sum();
            let counts = Severity::ALL.map(|severity| of(&sent, severity));
            if hidden + counts.iter().sum::<usize>() == 0 {
                continue;
            }
            write!(f, "  {:<20}", rule.as_str())?;
            counts.iter().chain([&hidden]).try_for_each(|count| match count {
                0 => write!(f, "{:>11}", "."),
                count => write!(f, "{:>11}", grouped(*count as u64)),
            })?;
            writeln!(f)?;
        }
        Ok(())
    }

    fn notes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.errors.show(f, "invalid")?;
        self.empty_files.show(f, "empty")?;
        self.broken_files.show(f, "broken")?;
        if self.calls(Outcome::LateDropped) * 100 > self.calls_consumed() {
            writeln!(
                f,
                "note: many calls came too late to count: give the files in the order of time, or allow more with --lateness"
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.streams(f)?;
        writeln!(f, "{:<9} {} with calls", "apps", grouped(self.apps))?;
        let (opened, open) = (self.alerts.opened() as u64, self.alerts.open() as u64);
        write!(
            f,
            "{:<9} {} opened in {} apps, {} open at the end",
            "alerts",
            grouped(opened),
            self.alerts.apps(),
            grouped(open)
        )?;
        match self.strikes {
            0 => {}
            1 => write!(f, "; 1 strike recorded")?,
            strikes => write!(f, "; {} strikes recorded", grouped(strikes))?,
        }
        match self.shadowed.opened() as u64 {
            0 => writeln!(f)?,
            shadowed => writeln!(f, "; {} of rules in shadow not sent", grouped(shadowed))?,
        }
        self.table(f)?;
        let seconds = self.elapsed.as_secs_f64().max(1e-9);
        let rate = self.calls_consumed() as f64 / seconds;
        let megabytes = self.bytes as f64 / 1e6 / seconds;
        let shards = if self.shards == 1 { "1 shard".into() } else { format!("{} shards", self.shards) };
        writeln!(f, "{:<9} {} records/s, {megabytes:.0} MB/s: {seconds:.2} s on {shards}", "speed", grouped(rate as u64))?;
        self.notes(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_from_the_right() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(grouped(number), text);
        }
    }
}
