//! The `exceptions` section: rules that are not held against an app for a while, each with its reason and its end.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::engine::detector::RuleName;
use crate::engine::policy::Exception;
use crate::engine::record::APP_ID_BYTES_MAX;
use crate::engine::time::Timestamp;

/// A rule that is not held against an app for a while: what it finds of the app is counted and not sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawException {
    /// The app.
    pub app_id: String,
    /// The rule.
    pub rule: RuleName,
    /// Why: the note with which an alert that is open ends quotes it.
    pub reason: String,
    /// The moment of event time at which it ends, such as 2026-12-31T00:00:00+08:00.
    #[serde(deserialize_with = "moment")]
    #[schemars(with = "String")]
    pub until: Timestamp,
    /// Who decided it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    let moment = text.parse::<jiff::Timestamp>().ok().map(|moment| Timestamp::from_millis(moment.as_millisecond()));
    moment.filter(|moment| moment.is_plausible()).ok_or_else(|| {
        let error = format!(
            "`{text}` is not a moment between 2000 and 2100: write one with its offset, such as 2026-12-31T00:00:00+08:00"
        );
        serde::de::Error::custom(error)
    })
}

impl RawException {
    /// What is wrong with one that could be read, and `earlier` ones: field and reason.
    pub(super) fn problems(&self, earlier: &[Self]) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.app_id.trim().is_empty() || self.app_id.len() > APP_ID_BYTES_MAX {
            problems.push(("app_id", format!("an app id has 1 to {APP_ID_BYTES_MAX} bytes")));
        }
        if self.reason.trim().is_empty() {
            problems.push(("reason", "is empty: whoever reads it later wants to know".into()));
        }
        if earlier.iter().any(|other| (&other.app_id, other.rule) == (&self.app_id, self.rule)) {
            problems.push(("rule", "stands here again for this app".into()));
        }
        problems
    }

    /// As the engine takes it.
    pub(super) fn exception(&self) -> Exception {
        Exception {
            app_id: self.app_id.as_str().into(),
            rule: self.rule,
            reason: self.reason.trim().into(),
            until: self.until,
            by: self.by.as_deref().map(Into::into),
        }
    }
}
