//! The `http` section: where metrics and probes are served.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `http` section as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawHttp {
    /// Where to listen, as `host:port`; port 0 takes any free one; empty serves nothing.
    pub listen: String,
}

impl Default for RawHttp {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9664".into() }
    }
}

impl RawHttp {
    /// What is wrong with values that parsed: the field, as a path within the section, and the reason.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let has_port = |(host, port): (&str, &str)| !host.is_empty() && port.parse::<u16>().is_ok();
        if self.listen.is_empty() || self.listen.rsplit_once(':').is_some_and(has_port) {
            return Vec::new();
        }
        vec![("listen", format!("`{}` is not host:port", self.listen))]
    }
}
