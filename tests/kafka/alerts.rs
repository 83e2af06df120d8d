//! Alerts as they were sent, from wherever they were sent to, and whether they are the same.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::broker::Broker;
use crate::reading::settled;
use crate::topics::Topics;

/// The messages of each alert in order, by app and alert: between alerts a topic of many partitions keeps no order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alerts(BTreeMap<(String, String), Vec<Value>>);

impl Alerts {
    /// What is committed in the topic of alerts. Each message must lie under the id of its alert.
    pub fn committed(broker: &Broker, topics: &Topics) -> Self {
        let mut alerts = Self::default();
        for message in settled(broker, &topics.alerts) {
            let alert: Value = serde_json::from_slice(&message.value.expect("an alert")).expect("JSON");
            assert_eq!(message.key.as_deref(), alert["alert_id"].as_str().map(str::as_bytes), "the key is the id");
            alerts.add(alert);
        }
        alerts
    }

    /// Reads JSON lines.
    pub fn from_lines(lines: &str) -> Self {
        let mut alerts = Self::default();
        lines.lines().for_each(|line| alerts.add(serde_json::from_str(line).expect("a JSON line")));
        alerts
    }

    /// Adds a message.
    pub fn add(&mut self, alert: Value) {
        let text = |field: &str| alert[field].as_str().expect("text").to_owned();
        self.0.entry((text("app_id"), text("alert_id"))).or_default().push(alert);
    }

    /// How many messages.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Without the places of calls, which are one thing in a topic and another in a file.
    pub fn without_places(mut self) -> Self {
        let calls = self.0.values_mut().flatten().filter_map(|alert| alert["calls"].as_array_mut()).flatten();
        for call in calls.filter_map(Value::as_object_mut) {
            assert!(call.remove("partition").is_some() && call.remove("offset").is_some(), "a call without a place");
        }
        self
    }

    /// The alerts of some apps.
    pub fn of_apps(mut self, is_wanted: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|(app_id, _), _| is_wanted(app_id));
        self
    }

    /// Fails if anything is lost, doubled, changed or new, with the first difference.
    pub fn assert_equal(&self, expected: &Self) {
        for (key, expected) in &expected.0 {
            let found = self.0.get(key).unwrap_or_else(|| panic!("the alert {key:?} is lost"));
            for (at, expected) in expected.iter().enumerate() {
                assert_eq!(found.get(at), Some(expected), "message {at} of {key:?}, which has {}", found.len());
            }
            assert_eq!(
                found.len(),
                expected.len(),
                "messages of {key:?}: the first that is too much is {}",
                found[expected.len()]
            );
        }
        assert!(self == expected, "alerts that the engine does not know of: {} instead of {}", self.len(), expected.len());
    }
}
