//! What the service found, counted as it delivers, in memory that does not grow with the days: per app and severity a count,
//! per app and rule the one alert that is worth telling.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::alert::{Alert, Status};
use crate::engine::detector::{RuleName, Severity};
use crate::sink::{Delivery, Sink};

/// What was found so far.
#[derive(Debug, Default)]
pub struct Found {
    /// Alerts that are open, each as grave as it became.
    open: BTreeMap<String, Severity>,
    /// Alerts that ever opened.
    pub opened: u64,
    /// Those of them that are over.
    pub resolved: u64,
    apps: BTreeMap<String, OfApp>,
}

/// What was found about one app.
#[derive(Debug, Default)]
pub struct OfApp {
    /// Alerts by severity, each counted once, as grave as it became.
    pub by_severity: [u64; Severity::ALL.len()],
    /// Of each rule the alert most worth telling.
    told: BTreeMap<RuleName, Alert>,
}

impl OfApp {
    /// How many alerts there were.
    pub fn count(&self) -> u64 {
        self.by_severity.iter().sum()
    }

    /// The gravest of them, of equals the one that began first.
    pub fn gravest(&self) -> Option<&Alert> {
        self.alerts().max_by_key(|alert| (alert.severity, std::cmp::Reverse(alert.starts_at)))
    }

    /// Of each rule the alert most worth telling.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.told.values()
    }
}

/// How much an alert has to tell: the graver, the more numbers, the more calls.
pub fn rank(alert: &Alert) -> (Severity, usize, usize) {
    (alert.severity, alert.evidence.len(), alert.calls.len())
}

impl Found {
    /// What was found about an app.
    pub fn about(&self, app_id: &str) -> Option<&OfApp> {
        self.apps.get(app_id)
    }

    fn note(&mut self, alert: &Alert) {
        let app = self.apps.entry(alert.app_id.clone()).or_default();
        let before = self.open.get(&alert.alert_id).copied();
        let gravest = before.map_or(alert.severity, |before| before.max(alert.severity));
        match before {
            Some(before) => app.by_severity[before as usize] -= 1,
            None => self.opened += 1,
        }
        app.by_severity[gravest as usize] += 1;
        match alert.status {
            Status::Firing => drop(self.open.insert(alert.alert_id.clone(), gravest)),
            Status::Resolved => {
                self.open.remove(&alert.alert_id);
                self.resolved += 1;
            }
        }
        let alert = Alert { severity: gravest, ..alert.clone() };
        match app.told.get_mut(&alert.rule) {
            Some(told) if told.alert_id == alert.alert_id || rank(&alert) >= rank(told) => *told = alert,
            Some(_) => {}
            None => drop(app.told.insert(alert.rule, alert)),
        }
    }
}

/// The way from the service to what was found. Clones share it.
#[derive(Clone, Default)]
pub struct Finder(Arc<Mutex<Found>>);

impl Finder {
    /// What was found. Whoever holds it holds up the deliveries.
    pub fn found(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Finder {
    fn name(&self) -> &'static str {
        "demo"
    }

    fn deliver(&mut self, alerts: &[Alert]) -> Delivery {
        let mut found = self.found();
        alerts.iter().for_each(|alert| found.note(alert));
        Delivery::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::example_alert;

    fn alert(id: &str, rule: RuleName, severity: Severity, status: Status) -> Alert {
        Alert { alert_id: id.into(), rule, severity, status, ..example_alert("app") }
    }

    #[test]
    fn an_alert_counts_once_as_grave_as_it_became() {
        use Severity::{Major, Notice, Violation};
        use Status::{Firing, Resolved};
        let mut found = Found::default();
        for (severity, status) in [(Violation, Firing), (Major, Firing), (Violation, Firing), (Notice, Resolved)] {
            found.note(&alert("a", RuleName::BlindDialing, severity, status));
        }
        found.note(&alert("b", RuleName::BlindDialing, Violation, Firing));
        // Opened and over within one delivery that came twice: no more than an alert that is over.
        found.note(&alert("c", RuleName::RestTime, Notice, Resolved));
        let app = found.about("app").expect("known");
        assert_eq!((found.opened, found.resolved, found.open.len()), (3, 2, 1));
        assert_eq!((app.by_severity, app.count()), ([1, 1, 1, 0], 3));
        assert_eq!(app.gravest().map(|alert| (&*alert.alert_id, alert.severity)), Some(("a", Major)));
    }

    #[test]
    fn memory_does_not_grow_with_the_alerts() {
        let mut found = Found::default();
        for number in 0..1_000 {
            for status in [Status::Firing, Status::Resolved] {
                found.note(&alert(&number.to_string(), RuleName::ALL[number % 3], Severity::Violation, status));
            }
        }
        let app = found.about("app").expect("known");
        assert_eq!((found.opened, found.resolved, found.open.len()), (1_000, 1_000, 0));
        let told: Vec<&str> = app.alerts().map(|alert| &*alert.alert_id).collect();
        assert_eq!((app.count(), told), (1_000, vec!["999", "997", "998"]), "of equals the newest is told");
    }
}
