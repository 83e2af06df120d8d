//! How good the alerts are: alerts held against labels, and nothing else. Text in, a [`Report`] out; reads no file and never
//! looks at a call.
//!
//! # What is matched with what
//!
//! - All messages with one `alert_id` are **one alert**. It *speaks* at the `updated_at` of its first message, the moment
//!   somebody could first have read it, and *accuses* at that of its first message above `notice`.
//! - A label with `required` is an **incident**: an alert is due. It is *hit* by an alert of its app and rule that accuses
//!   between its `from` (its second begun: records may come in whole seconds) and its `to` plus the grace. If the label has
//!   `notice_suffices`, speaking is enough.
//! - An incident is **found** if it is hit, or if an alert that hit an earlier incident of the same app and rule has not
//!   ended when it begins. The latter has no delay: there was nothing left to find. An alert that was there before any
//!   incident was finds none, however long it stays.
//! - A label without `required` is conduct that may or may not show. An alert in it is **undecided** and counts for nothing.
//! - An alert is **true** if it hits an incident; else undecided; else a **notice** if it never accused; else a
//!   **false alarm**. Each alert is one of the four. A notice is counted apart and neither finds nor errs.
//! - Precision is found incidents of found incidents and false alarms, so that a hundred alerts in one incident are one
//!   success, while each false alarm is one failure. Recall is found of all incidents. F1 is their harmonic mean.
//! - A **clean app-day** of a rule is a day of the world, counted from its beginning, and an app none of whose labels of that
//!   rule, grace included, touches the day. False alarms and notices per app-day are all there are over the clean app-days.
//! - Calls and callees before the alert are what the first message of the first hitting alert says.
//!
//! The rules about single callees are matched like the others, by app: an alert about the wrong callee of an app that
//! harasses others at that hour passes for true here. That they name the right ones is tested against the calls themselves.

mod matching;
mod picture;
mod reading;
mod report;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::detector::Severity;
use crate::engine::time::{DAY_S, MINUTE_MS, SECOND_MS, Timestamp};

pub use picture::{PictureError, picture};
pub use reading::{InputError, alerts, truth};
pub use report::{
    Alerts, Family, Found, Mistakes, Overall, Quantiles, Rate, Report, RuleReport, SCHEMA, Share, World, evaluate, mistakes,
};
pub use table::table;

/// How long after its last call an incident may still be found unless said otherwise, in milliseconds: judgements come by
/// the minute, and an hour is the shorter window of the rules.
pub const GRACE_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = DAY_S as i64 * SECOND_MS;

/// How hard an abusive app tries, as the labels say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intensity {
    /// With care.
    Mild,
    /// Plainly.
    Medium,
    /// Without shame.
    Strong,
}

impl Intensity {
    /// From the mildest.
    pub const ALL: [Self; 3] = [Self::Mild, Self::Medium, Self::Strong];

    /// The word of the labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mild => "mild",
            Self::Medium => "medium",
            Self::Strong => "strong",
        }
    }
}

/// What is known of a world.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// When it begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// Its apps by id.
    pub apps: BTreeMap<String, App>,
    /// What they did.
    pub labels: Vec<Label>,
}

/// An app of the labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// What kind of app.
    pub family: String,
    /// Whether it keeps all rules.
    pub clean: bool,
}

/// One interval in which an app broke, or may have broken, a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Label {
    /// The app.
    pub app_id: String,
    /// The rule's name.
    pub rule: String,
    /// Start of its first call.
    pub from: Timestamp,
    /// End of its last call.
    pub to: Timestamp,
    /// Whether an alert is due.
    pub required: bool,
    /// How hard the app tries.
    pub intensity: Intensity,
    /// Whether a notice is all that is due.
    #[serde(default)]
    pub notice_suffices: bool,
}

/// One alert: all messages with its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The app.
    pub app_id: String,
    /// The rule's name.
    pub rule: String,
    /// When it was first sent.
    pub speaks_at: Timestamp,
    /// When it was first sent above notice.
    pub accuses_at: Option<Timestamp>,
    /// When it ended, if it did.
    pub ends_at: Option<Timestamp>,
    /// The gravest it was.
    pub severity: Severity,
    /// Calls counted until it opened.
    pub calls: u64,
    /// Callees reached until it opened.
    pub callees: u64,
}

impl Truth {
    /// How many days it lasts; one begun counts.
    pub fn days(&self) -> u64 {
        (self.end.millis() - self.start.millis()).max(0).cast_unsigned().div_ceil(DAY_MS.cast_unsigned())
    }
}
