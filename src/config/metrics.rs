//! The `metrics` section: which apps have series of their own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// More series than any dashboard shows.
const TOPK_MAX: usize = 10_000;

/// The `metrics` section as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawMetrics {
    /// Which apps have series of their own: `off` none, `topk` the busiest and those with an open alert, `all` every one
    /// (for small installations). The rest is summed up under `__other__`.
    pub apps: AppLabels,
    /// How many the busiest are. An app that is shown stays until it falls well behind them.
    pub topk: usize,
}

/// Which apps have series of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AppLabels {
    /// None, and no sum either.
    Off,
    /// The busiest, and those with an open alert.
    Topk,
    /// Every app.
    All,
}

impl Default for RawMetrics {
    fn default() -> Self {
        Self { apps: AppLabels::Topk, topk: 50 }
    }
}

impl RawMetrics {
    /// What is wrong with values that parsed: the field, as a path within the section, and the reason.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let fits = (1..=TOPK_MAX).contains(&self.topk);
        if fits { Vec::new() } else { vec![("topk", format!("must lie between 1 and {TOPK_MAX}: to show none, set apps: off"))] }
    }
}
