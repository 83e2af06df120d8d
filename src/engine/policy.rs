//! The policy a shard judges by: limits, lifecycle, bounds. Validated before it gets here; an invalid one cannot exist.

use schemars::JsonSchema;
use serde::Serialize;

use super::detector::violations::ViolationTable;
use super::detector::{RuleName, RuleParams};
use super::memory::MemoryBounds;
use super::number::Pseudonyms;
use super::time::{LocalClock, MINUTE_MS, Timestamp};

/// When an alert opens, stays and closes. Source: Prometheus `for` and `keep_firing_for`, `detection.md` B9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    /// Judgements an estimate must hold for before it opens an alert; certain findings open at once.
    pub pending_judgements: u32,
    /// An alert resolves after this long without its finding.
    pub resolve_after_ms: i64,
    /// A finding within this long after the resolve reopens the same alert.
    pub merge_gap_ms: i64,
    /// An open alert is sent again after this long even if nothing grew.
    pub repeat_after_ms: i64,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            pending_judgements: 2,
            resolve_after_ms: 30 * MINUTE_MS,
            merge_gap_ms: 60 * MINUTE_MS,
            repeat_after_ms: 24 * 60 * MINUTE_MS,
        }
    }
}

/// Bounds on everything a shard holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Apps in a shard.
    pub apps: usize,
    /// What one app may remember.
    pub memory: MemoryBounds,
    /// Open alerts of one app.
    pub open_alerts: usize,
    /// Calls of one app waiting for their minute to close.
    pub waiting_calls: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            apps: 1_000_000,
            memory: MemoryBounds { callees: 1_000_000, callers: 10_000 },
            open_alerts: 1_000,
            waiting_calls: 500_000,
        }
    }
}

/// A rule that is not held against an app for a while: what it finds is counted and not sent, and nothing is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Exception {
    /// The app.
    pub app_id: Box<str>,
    /// The rule.
    pub rule: RuleName,
    /// Why.
    pub reason: Box<str>,
    /// The last judgement, by event time, for which it holds.
    #[schemars(with = "String")]
    pub until: Timestamp,
    /// Who decided it, if it is said.
    pub by: Option<Box<str>>,
}

/// Everything a shard needs to judge.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The policy pack, for the alert.
    pub pack: String,
    /// What tells two policies apart: a digest of all that follows.
    pub version: String,
    /// How late a call may arrive and still count, in milliseconds.
    pub lateness_ms: i64,
    /// Country code of numbers in national form.
    pub home_country: String,
    /// Where callees live unless the app filed otherwise.
    pub clock: LocalClock,
    /// Channels of a filed caller number unless it filed otherwise (TCCC: 1).
    pub channels_per_number: u32,
    /// The limits of the rules.
    pub rules: RuleParams,
    /// What findings amount to.
    pub violations: ViolationTable,
    /// What is not held against whom, and until when.
    pub exceptions: Vec<Exception>,
    /// When alerts open and close.
    pub lifecycle: Lifecycle,
    /// Bounds on everything.
    pub bounds: Bounds,
    /// What numbers look like outside.
    pub pseudonyms: Pseudonyms,
    /// Whether alerts carry raw numbers: only if the configuration says so.
    pub reveal_numbers: bool,
}

#[cfg(test)]
impl Default for Policy {
    fn default() -> Self {
        Self::for_tests()
    }
}

impl Policy {
    /// The defaults of the contract with a fixed pseudonym key: for tests, benches and fixtures.
    pub fn for_tests() -> Self {
        Self {
            pack: "tccc-2026-02".into(),
            version: "test".into(),
            lateness_ms: 5 * MINUTE_MS,
            home_country: "86".into(),
            clock: LocalClock::utc_plus(8),
            channels_per_number: 1,
            rules: RuleParams::default(),
            violations: ViolationTable::default(),
            exceptions: Vec::new(),
            lifecycle: Lifecycle::default(),
            bounds: Bounds::default(),
            pseudonyms: Pseudonyms::new(b"dialwatch tests"),
            reveal_numbers: false,
        }
    }
}
