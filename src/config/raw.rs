//! The configuration as it is written: every field has a default, every unknown field is an error.
//!
//! The doc comments are what `dialwatch schema config` says of a field. Nothing here is checked yet.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::Duration;
use super::exceptions::RawException;
use super::http::RawHttp;
use super::kafka::RawKafka;
use super::metrics::RawMetrics;
use super::sinks::{RawJsonl, RawSink};
use crate::engine::detector::RuleParams;
use crate::engine::policy::{Bounds, Lifecycle};

/// The policy pack that is chosen unless told otherwise. Its limits are the defaults of the rules.
pub const PACK: &str = "tccc-2026-02";

/// The configuration of dialwatch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "dialwatch configuration")]
pub struct RawConfig {
    /// What is judged by, and where.
    pub policy: RawPolicy,
    /// How late a call may arrive and still count.
    pub lateness: Duration,
    /// The limits of the rules.
    pub rules: RuleParams,
    /// Rules that are not held against an app for a while: what they find of it is counted and not sent. Each has `app_id`,
    /// `rule`, `reason`, `until` (a moment of event time) and perhaps `by`.
    pub exceptions: Vec<RawException>,
    /// When alerts open, stay and close.
    pub lifecycle: RawLifecycle,
    /// Bounds on everything that is remembered. At a bound the oldest goes, and is counted.
    pub bounds: RawBounds,
    /// What phone numbers look like outside.
    pub privacy: RawPrivacy,
    /// Where the service reads and writes.
    pub kafka: RawKafka,
    /// Where metrics, probes and the API are served, and to whom.
    pub http: RawHttp,
    /// Which apps have series of their own among the metrics.
    pub metrics: RawMetrics,
    /// Where the service sends alerts besides the topic of alerts.
    pub sinks: Vec<RawSink>,
    /// Synthetic calls that show whether calls come through to the sinks.
    pub watchdog: RawWatchdog,
}

impl Default for RawConfig {
    fn default() -> Self {
        Self {
            policy: RawPolicy::default(),
            lateness: Duration::minutes(5),
            rules: RuleParams::default(),
            exceptions: Vec::new(),
            lifecycle: RawLifecycle::default(),
            bounds: RawBounds::default(),
            privacy: RawPrivacy::default(),
            kafka: RawKafka::default(),
            http: RawHttp::default(),
            metrics: RawMetrics::default(),
            sinks: vec![RawSink::Jsonl(RawJsonl::default())],
            watchdog: RawWatchdog::default(),
        }
    }
}

/// The `policy` section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPolicy {
    /// The policy pack: whose published limits are laid under this file, which stands above them. README.md lists the packs.
    pub pack: String,
    /// The IANA time zone in which callees are taken to live unless their app filed another.
    pub timezone: String,
    /// The country code of numbers written without one.
    pub home_country: String,
    /// How many calls a filed caller number may carry at once unless the app filed otherwise.
    pub channels_per_number: u32,
}

impl Default for RawPolicy {
    fn default() -> Self {
        Self { pack: PACK.into(), timezone: "Asia/Shanghai".into(), home_country: "86".into(), channels_per_number: 1 }
    }
}

/// The `lifecycle` section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawLifecycle {
    /// How many minutes in a row an estimate must hold before it opens an alert. Counted proof opens at once.
    pub pending_judgements: u32,
    /// An alert resolves after this long without its finding.
    pub resolve_after: Duration,
    /// A finding within this long after the resolve reopens the same alert.
    pub merge_gap: Duration,
    /// An open alert is sent again after this long even if nothing grew.
    pub repeat_after: Duration,
}

impl Default for RawLifecycle {
    fn default() -> Self {
        let lifecycle = Lifecycle::default();
        Self {
            pending_judgements: lifecycle.pending_judgements,
            resolve_after: Duration::from_millis(lifecycle.resolve_after_ms),
            merge_gap: Duration::from_millis(lifecycle.merge_gap_ms),
            repeat_after: Duration::from_millis(lifecycle.repeat_after_ms),
        }
    }
}

/// The `bounds` section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawBounds {
    /// Apps in a shard.
    pub apps: usize,
    /// Callees remembered of one app.
    pub callees_per_app: usize,
    /// Caller numbers remembered of one app.
    pub callers_per_app: usize,
    /// Open alerts of one app.
    pub open_alerts_per_app: usize,
    /// Calls of one app waiting for their minute to be judged.
    pub waiting_calls_per_app: usize,
}

impl Default for RawBounds {
    fn default() -> Self {
        let bounds = Bounds::default();
        Self {
            apps: bounds.apps,
            callees_per_app: bounds.memory.callees,
            callers_per_app: bounds.memory.callers,
            open_alerts_per_app: bounds.open_alerts,
            waiting_calls_per_app: bounds.waiting_calls,
        }
    }
}

/// The `privacy` section.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPrivacy {
    /// A file with a secret of at least 16 bytes under which numbers become pseudonyms. A relative path starts at the
    /// folder of the configuration file. Without it a public key is used, and pseudonyms can be turned back.
    pub pseudonym_key_file: Option<PathBuf>,
    /// Whether alerts carry raw phone numbers.
    pub reveal_numbers: bool,
}

/// The `watchdog` section.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawWatchdog {
    /// How often a synthetic call is written to each partition of the calls topic, by which other readers of the topic must not
    /// be confused: its app is `dialwatch-watchdog-` and the partition. `1m` is usual, and the longest: Alertmanager believes it no longer than
    /// four times `resend`. `0` writes none.
    pub every: Duration,
}

impl RawWatchdog {
    /// What is wrong with values that parsed, where partitions are idle after so long: the field and the reason.
    pub fn problems(&self, idle_timeout: Duration) -> Vec<(&'static str, String)> {
        let every = self.every;
        if every.millis() == 0 {
            return Vec::new();
        }
        if !(1_000..=60_000).contains(&every.millis()) {
            return vec![("every", format!("{every} is not between 1s and 1m, nor 0"))];
        }
        if every <= idle_timeout {
            let why = "then no partition is ever idle, and time stands still where nothing else comes";
            return vec![("every", format!("{every} is not longer than kafka.idle_timeout of {idle_timeout}: {why}"))];
        }
        Vec::new()
    }
}
