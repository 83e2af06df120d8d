//! What a sink is told again and again: alerts that are open, and those that were over lately. Alertmanager forgets what it
//! is not told, and keeps nothing over its own restart.
//!
//! It delivers nothing and reads no clock: the time is an argument.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::engine::alert::{Alert, Status};

/// How long it is told that an alert is over: as long as Prometheus does (`resolvedRetention` in `rules/alerting.go`).
const OVER_FOR: Duration = Duration::from_secs(15 * 60);

/// The alerts that are told again, by partition.
#[derive(Debug)]
pub struct Standing {
    every: Duration,
    due: Instant,
    partitions: BTreeMap<i32, BTreeMap<String, Told>>,
}

#[derive(Debug)]
struct Told {
    alert: Alert,
    /// When we heard that it is over.
    over: Option<Instant>,
}

impl Standing {
    /// Nothing yet; what comes is told again every so often.
    pub fn new(every: Duration, now: Instant) -> Self {
        Self { every, due: now + every, partitions: BTreeMap::new() }
    }

    /// Takes in alerts of a partition that were told just now. One that has gone is another process's to tell of: its last
    /// checkpoint may be heard of after it went.
    pub fn take(&mut self, partition: i32, alerts: &[Alert], now: Instant) {
        let Some(told) = self.partitions.get_mut(&partition) else { return };
        for alert in alerts {
            let over = (alert.status == Status::Resolved).then_some(now);
            // What is told again is what it is and what is known of it, not the calls.
            let alert = Alert { calls: Vec::new(), ..alert.clone() };
            told.insert(alert.alert_id.clone(), Told { alert, over });
        }
    }

    /// A partition begins, with these alerts open as its state has them.
    pub fn begin(&mut self, partition: i32, open: &[Alert], now: Instant) {
        self.partitions.insert(partition, BTreeMap::new());
        self.take(partition, open, now);
    }

    /// A partition goes: whoever has it now tells of its alerts.
    pub fn forget(&mut self, partition: i32) {
        self.partitions.remove(&partition);
    }

    /// All of them go.
    pub fn forget_all(&mut self) {
        self.partitions.clear();
    }

    /// The open alerts of a partition for which `wanted` holds.
    pub fn of(&self, partition: i32, wanted: impl Fn(&Alert) -> bool) -> Vec<Alert> {
        let told = self.partitions.get(&partition).into_iter().flat_map(BTreeMap::values);
        let open = told.filter(|told| told.over.is_none()).map(|told| &told.alert);
        open.filter(|alert| wanted(alert)).cloned().collect()
    }

    /// How long until something is to be told again.
    pub fn wait(&self, now: Instant) -> Duration {
        self.due.saturating_duration_since(now)
    }

    /// What is to be told again now; empty before it is time to.
    pub fn due(&mut self, now: Instant) -> Vec<Alert> {
        if now < self.due {
            return Vec::new();
        }
        self.due = now + self.every;
        for told in self.partitions.values_mut() {
            told.retain(|_, told| told.over.is_none_or(|over| now.saturating_duration_since(over) < OVER_FOR));
        }
        self.partitions.values().flat_map(BTreeMap::values).map(|told| told.alert.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::alert::tests::example;

    const MINUTE: Duration = Duration::from_secs(60);

    fn over(alert: &Alert) -> Alert {
        Alert { status: Status::Resolved, ends_at: Some(alert.updated_at.plus_millis(60_000)), ..alert.clone() }
    }

    fn ids(alerts: &[Alert]) -> Vec<(&str, Status)> {
        alerts.iter().map(|alert| (&*alert.app_id, alert.status)).collect()
    }

    #[test]
    fn what_is_open_is_told_every_minute_and_what_is_over_for_a_quarter_of_an_hour() {
        let start = Instant::now();
        let mut standing = Standing::new(MINUTE, start);
        let (one, two) = (example("one"), example("two"));
        (0..2).for_each(|partition| standing.begin(partition, &[], start));
        standing.take(0, std::slice::from_ref(&one), start);
        standing.take(1, &[two], start);
        assert_eq!((standing.due(start + MINUTE / 2), standing.wait(start + MINUTE / 2)), (Vec::new(), MINUTE / 2));
        let at = start + MINUTE;
        assert_eq!(ids(&standing.due(at)), [("one", Status::Firing), ("two", Status::Firing)]);
        assert_eq!(standing.due(at), [], "once a minute");
        standing.take(0, &[over(&one)], at);
        for minute in 2..=15 {
            let both = [("one", Status::Resolved), ("two", Status::Firing)];
            assert_eq!(ids(&standing.due(start + minute * MINUTE)), both, "minute {minute}");
        }
        assert_eq!(ids(&standing.due(start + 16 * MINUTE)), [("two", Status::Firing)]);
        standing.take(0, &[one], start + 16 * MINUTE);
        assert_eq!(standing.due(start + 17 * MINUTE).len(), 2, "it opened again");
    }

    #[test]
    fn a_partition_that_goes_is_told_of_by_others() {
        let start = Instant::now();
        let mut standing = Standing::new(MINUTE, start);
        standing.begin(0, &[example("one")], start);
        standing.begin(1, &[example("two")], start);
        standing.forget(0);
        standing.take(0, &[example("late")], start);
        assert_eq!(ids(&standing.due(start + MINUTE)), [("two", Status::Firing)]);
        standing.begin(0, &[example("three")], start + MINUTE);
        assert_eq!(ids(&standing.due(start + 2 * MINUTE)), [("three", Status::Firing), ("two", Status::Firing)]);
        standing.begin(1, &[], start + 2 * MINUTE);
        assert_eq!(ids(&standing.due(start + 3 * MINUTE)), [("three", Status::Firing)]);
        standing.forget_all();
        assert_eq!(standing.due(start + 4 * MINUTE), []);
    }
}
