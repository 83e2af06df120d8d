//! The `kafka` section: where the service reads and writes. Not used by `replay`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `kafka` section as it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawKafka {}

impl RawKafka {
    /// What is wrong with values that parsed: the field, as a path within the section, and the reason.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
