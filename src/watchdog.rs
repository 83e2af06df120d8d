//! The watchdog's calls: one a minute in each partition, of an app that nobody rents lines to, which ends in a way nobody
//! can read. Rule `feed_health` says so in a notice, and that notice goes the whole way to the sinks.
//!
//! It sends nothing itself and accuses nobody. What it is made of is data that any record could have: the engine does not
//! know of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::engine::decode::Format;
use crate::engine::detector::RuleName;
use crate::engine::record::Registration;
use crate::engine::time::Timestamp;

/// What the ids of its apps begin with; the partition follows.
const APP: &str = "dialwatch-watchdog-";
/// A number of the country code 999, which nobody has (ITU-T E.164, list of assigned codes).
const NUMBER: &str = "+99900000000";

/// Its app in a partition.
pub fn app_id(partition: i32) -> String {
    format!("{APP}{partition}")
}

/// Whether an app is one of its own.
pub fn is_its(app_id: &str) -> bool {
    app_id.strip_prefix(APP).is_some_and(|partition| partition.parse::<i32>().is_ok())
}

/// What its app in a partition has filed: no rule but `feed_health`, and that at the first call.
pub fn registration(partition: i32) -> Registration {
    let limits: BTreeMap<&str, Value> = RuleName::ALL
        .iter()
        .copied()
        .map(|rule| match rule {
            RuleName::FeedHealth => (rule.as_str(), json!({"mode": "on", "unknown_outcomes_min": 1, "silent_hours": 0})),
            _ => (rule.as_str(), json!({"mode": "off"})),
        })
        .collect();
    Registration {
        name: "Watchdog of dialwatch".into(),
        scene: "synthetic calls, which show that calls come through".into(),
        // Plain data: it always becomes JSON.
        limits_json: serde_json::to_string(&limits).unwrap_or_default(),
        ..Registration::nothing(app_id(partition))
    }
}

/// A call of it that ends at this moment, as the topic has calls.
pub fn call(format: Format, partition: i32, end: Timestamp) -> Vec<u8> {
    let (app_id, id) = (app_id(partition), format!("watchdog-{partition}-{}", end.millis()));
    let call = match format {
        Format::Tccc => json!({
            "SdkAppId": app_id, "SessionId": id, "Direction": 1, "CallType": 1, "Caller": NUMBER, "Callee": NUMBER,
            "StartTimestamp": end.seconds(), "EndedTimestamp": end.seconds(), "EndStatus": 9_999, "EndStatusString": "watchdog",
        }),
        Format::Dialwatch => json!({
            "app_id": app_id, "call_id": id, "direction": "outbound", "kind": "unknown", "caller": NUMBER, "callee": NUMBER,
            "start": end.millis(), "end": end.millis(), "outcome": "watchdog",
        }),
    };
    call.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::alert::Alert;
    use crate::engine::decode::Limits;
    use crate::engine::detector::Severity;
    use crate::engine::policy::Policy;
    use crate::engine::record::Position;
    use crate::engine::shard::{Effects, Input, Shard};
    use crate::engine::time::MINUTE_MS;

    /// An hour and a half of its calls, in any format there is.
    fn alerts(format: Format) -> Vec<Alert> {
        let (mut shard, mut effects) = (Shard::new(Arc::new(Policy::for_tests()), 1), Effects::default());
        let begin = Timestamp::from_seconds(1_773_018_000);
        shard.apply(Input::Registration(&registration(3)), &mut effects);
        for minute in 0..90 {
            let end = begin.plus_millis(minute * MINUTE_MS);
            shard.apply(Input::Tick(end), &mut effects);
            let (bytes, mut calls) = (call(format, 3, end), 0);
            format.decode(&bytes, None, &Limits::default(), |call| {
                calls += 1;
                shard.apply(Input::call(&call.expect("a call"), Position::default()), &mut effects);
            });
            assert_eq!(calls, 1);
        }
        effects.alerts
    }

    #[test]
    fn its_calls_lead_to_one_notice_and_nothing_else() {
        for format in Format::ALL.iter().copied() {
            let alerts = alerts(format);
            assert!(alerts.iter().all(|alert| alert.rule == RuleName::FeedHealth), "{alerts:?}");
            assert!(alerts.iter().all(|alert| alert.severity == Severity::Notice && is_its(&alert.app_id)), "{alerts:?}");
            assert_eq!(alerts.first().map(|alert| alert.calls_before_alert), Some(1), "at the first call");
            let ids: std::collections::BTreeSet<&str> = alerts.iter().map(|alert| &*alert.alert_id).collect();
            assert_eq!(ids.len(), 1, "{alerts:?}");
        }
    }

    #[test]
    fn nobody_else_is_taken_for_it() {
        assert!(is_its(&app_id(0)) && is_its(&app_id(127)));
        for other in ["1400000001", "dialwatch-watchdog-", "dialwatch-watchdog-x", "my-dialwatch-watchdog-0"] {
            assert!(!is_its(other), "{other}");
        }
    }
}
