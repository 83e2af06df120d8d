//! Alerts: what leaves the engine, and the book that decides when.
//!
//! The shape is the contract's `dialwatch.alert/1`. Nothing here knows how an alert is delivered.

pub mod book;
pub mod ledger;

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::detector::{Evidence, Feature, Over, RuleName, Severity, Subject};
use super::number::Number;
use super::policy::Policy;
use super::record::Outcome;
use super::time::Timestamp;
use super::window::faded;
use super::window::recent::Sample;

/// The schema's name on the wire.
pub const SCHEMA: Cow<'static, str> = Cow::Borrowed("dialwatch.alert/1");

/// Whether the condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It does.
    Firing,
    /// It no longer does.
    Resolved,
}

/// One alert at one moment: one JSON object a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// `dialwatch.alert/1`.
    pub schema: Cow<'static, str>,
    /// Computed from app, rule, subject and start: the same for the same calls.
    pub alert_id: String,
    /// Firing or resolved.
    pub status: Status,
    /// The rule.
    pub rule: RuleName,
    /// How grave.
    pub severity: Severity,
    /// How grave it was when it opened, if it has grown graver since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raised_from: Option<Severity>,
    /// The app.
    pub app_id: String,
    /// What of the app.
    pub subject: SubjectView,
    /// Event time at which the evidence first sufficed.
    #[schemars(with = "String")]
    pub starts_at: Timestamp,
    /// Event time of this message.
    #[schemars(with = "String")]
    pub updated_at: Timestamp,
    /// Event time at which it was over.
    #[schemars(with = "Option<String>")]
    pub ends_at: Option<Timestamp>,
    /// The calls counted lie in here; it ends with the judgement that the evidence is of.
    pub window: WindowView,
    /// One sentence a person can act on.
    pub summary: String,
    /// The numbers, each recomputable.
    pub evidence: Vec<EvidenceView>,
    /// Some of the calls counted.
    pub calls: Vec<CallView>,
    /// Calls counted until the alert opened.
    pub calls_before_alert: u64,
    /// Callees reached until the alert opened.
    pub callees_before_alert: u64,
    /// What it rests on.
    pub policy: PolicyView,
    /// What the violation table recommends; never carried out.
    pub recommended_action: Cow<'static, str>,
    /// 1.0 unless a bound cut off something the evidence would have counted.
    pub completeness: f64,
    /// What a sketch stood in for, beyond the callees that the app may have remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sketch: Option<SketchView>,
    /// Why it was resolved other than by time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Cow<'static, str>>,
}

/// The subject as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct SubjectView {
    /// `app`, `caller` or `callee`.
    pub kind: Cow<'static, str>,
    /// The number's mask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The number's keyed pseudonym.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudonym: Option<String>,
}

/// Callees beyond the bound, of whom is known that they were called, and no longer when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SketchView {
    /// How many they are.
    pub callees: u64,
    /// Of the callees that are new to the app, the share at most that is taken for one of them.
    pub error: f64,
}

impl SketchView {
    /// `None` where there are none.
    fn new(faded: usize) -> Option<Self> {
        (faded > 0).then_some(Self { callees: faded as u64, error: faded::ERROR })
    }
}

/// Where the calls counted lie, in event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WindowView {
    /// From here.
    #[schemars(with = "String")]
    pub from: Timestamp,
    /// To here.
    #[schemars(with = "String")]
    pub to: Timestamp,
}

/// One number of the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceView {
    /// Which quantity.
    pub feature: Feature,
    /// Its value.
    pub observed: f64,
    /// What is claimed with confidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<f64>,
    /// The limit of the policy.
    pub limit: f64,
    /// How many.
    pub count: u64,
    /// Of how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// Over which calls.
    pub over: Over,
}

/// A call of the evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallView {
    /// The call.
    pub call_id: String,
    /// When it began.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// The callee's mask, or the number itself where the configuration says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callee: Option<String>,
    /// Kafka partition, or number of the file.
    pub partition: u32,
    /// Kafka offset, or line of the file.
    pub offset: u64,
}

/// What an alert rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyView {
    /// The policy pack.
    pub pack: String,
    /// The clause.
    pub clause: Cow<'static, str>,
    /// Tells two policies apart.
    pub version: String,
}

/// Rounds to six significant decimals: enough to compare with a limit, little enough to read.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

impl EvidenceView {
    fn new(evidence: &Evidence) -> Self {
        Self {
            feature: evidence.feature,
            observed: rounded(evidence.observed),
            bound: evidence.bound.map(rounded),
            limit: evidence.limit,
            count: evidence.count,
            of: evidence.of,
            over: evidence.over,
        }
    }
}

impl SubjectView {
    /// What may be shown of a subject of `app_id`.
    pub fn new(policy: &Policy, app_id: &str, subject: Subject) -> Self {
        let (kind, number) = match subject {
            Subject::App => ("app", None),
            Subject::Caller(number) => ("caller", Some(number)),
            Subject::Callee(number) => ("callee", Some(number)),
        };
        Self {
            kind: kind.into(),
            number: number.map(|number| shown(policy, number)),
            pseudonym: number.map(|number| policy.pseudonyms.of(app_id, number)),
        }
    }
}

impl CallView {
    fn new(policy: &Policy, sample: &Sample) -> Self {
        Self {
            call_id: sample.id.to_string(),
            at: sample.start,
            outcome: sample.outcome,
            callee: sample.callee.map(|number| shown(policy, number)),
            partition: sample.position.partition,
            offset: sample.position.offset,
        }
    }
}

fn shown(policy: &Policy, number: Number) -> String {
    if policy.reveal_numbers { number.reveal() } else { number.to_string() }
}

/// The id of an alert: from app, rule, subject and start, under the pseudonym key, so that a callee cannot be guessed
/// from it.
pub fn alert_id(policy: &Policy, app_id: &str, rule: RuleName, subject: Subject, starts_at: Timestamp) -> String {
    let view = SubjectView::new(policy, app_id, subject);
    let mut hasher = blake3::Hasher::new();
    for part in [app_id, rule.as_str(), &*view.kind, view.pseudonym.as_deref().unwrap_or("")] {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    hasher.update(&starts_at.millis().to_le_bytes());
    hasher.finalize().to_hex()[..32].to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An open alert as the engine makes it, with as little in it as there can be.
    pub(crate) fn example(app_id: &str) -> Alert {
        let (policy, at) = (Policy::for_tests(), Timestamp::from_seconds(1_773_020_460));
        Alert {
            schema: SCHEMA,
            alert_id: alert_id(&policy, app_id, RuleName::BlindDialing, Subject::App, at),
            status: Status::Firing,
            rule: RuleName::BlindDialing,
            severity: Severity::Violation,
            raised_from: None,
            app_id: app_id.into(),
            subject: SubjectView::new(&policy, app_id, Subject::App),
            starts_at: at,
            updated_at: at,
            ends_at: None,
            window: WindowView { from: at, to: at },
            summary: String::new(),
            evidence: Vec::new(),
            calls: Vec::new(),
            calls_before_alert: 0,
            callees_before_alert: 0,
            policy: PolicyView { pack: String::new(), clause: "".into(), version: String::new() },
            recommended_action: "review".into(),
            completeness: 1.0,
            sketch: None,
            note: None,
        }
    }
}
