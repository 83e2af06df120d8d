//! What somebody wants to see of the open alerts: filters and which page, from the query of the page's own form.
//!
//! A form sends every field, empty ones too, so everything comes as text.

use std::fmt::Write;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::encoded;
use crate::engine::detector::{RuleName, Severity};
use crate::http::answer::Refusal;
use crate::status::AppStatus;

/// How often the page may be asked to load itself again, in seconds.
pub(super) const REFRESHES_S: [u32; 3] = [10, 30, 60];

/// The query as it comes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::http) struct Query {
    rule: String,
    severity: String,
    app: String,
    muted: String,
    page: String,
    refresh: String,
}

/// The same as it is meant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) rule: Option<RuleName>,
    pub(super) severity: Option<Severity>,
    /// A part of an app's id or name, capital letters or small.
    pub(super) app: String,
    pub(super) shows_muted: bool,
    /// From 1.
    pub(super) page: usize,
    pub(super) refresh_s: Option<u32>,
}

impl TryFrom<Query> for Wanted {
    type Error = Refusal;

    fn try_from(query: Query) -> Result<Self, Refusal> {
        Ok(Self {
            rule: one_of("rule", &query.rule)?,
            severity: one_of("severity", &query.severity)?,
            app: query.app.trim().to_owned(),
            shows_muted: query.muted == "show",
            page: number("page", &query.page)?.unwrap_or(1).max(1),
            refresh_s: number("refresh", &query.refresh)?.filter(|seconds| REFRESHES_S.contains(seconds)),
        })
    }
}

impl Wanted {
    /// Whether an app is one of those that are looked for.
    pub(super) fn is_about(&self, app: &AppStatus) -> bool {
        let sought = self.app.to_lowercase();
        sought.is_empty() || app.app_id.to_lowercase().contains(&sought) || app.name().to_lowercase().contains(&sought)
    }

    /// Where that is to be seen.
    pub(super) fn path(&self) -> String {
        let mut path = String::from("/");
        let mut put = |name: &str, value: &str| {
            if !value.is_empty() {
                let _ = write!(path, "{}{name}={}", if path.len() == 1 { '?' } else { '&' }, encoded(value));
            }
        };
        put("rule", self.rule.map_or("", RuleName::as_str));
        put("severity", self.severity.map_or("", Severity::as_str));
        put("app", &self.app);
        put("muted", if self.shows_muted { "show" } else { "" });
        put("refresh", &self.refresh_s.map_or(String::new(), |seconds| seconds.to_string()));
        put("page", &if self.page > 1 { self.page.to_string() } else { String::new() });
        path
    }
}

/// A word of the wire, or nothing.
pub(super) fn one_of<T: DeserializeOwned>(field: &str, text: &str) -> Result<Option<T>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    let value = serde_json::from_value(Value::String(text.to_owned()));
    value.map(Some).map_err(|error| Refusal::bad_request(format!("{field}: {error}")))
}

fn number<T: std::str::FromStr>(field: &str, text: &str) -> Result<Option<T>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Refusal::bad_request(format!("{field}: `{text}` is no number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_what_was_wanted() {
        let query = Query { rule: "rest_time".into(), severity: "major".into(), app: "a&b <c>".into(), ..Query::default() };
        let wanted = Wanted::try_from(query).expect("valid");
        assert_eq!(wanted.path(), "/?rule=rest_time&severity=major&app=a%26b%20%3Cc%3E");
        let further = Wanted { page: 3, shows_muted: true, refresh_s: Some(30), app: String::new(), ..wanted };
        assert_eq!(further.path(), "/?rule=rest_time&severity=major&muted=show&refresh=30&page=3");
        let nothing = Wanted::try_from(Query::default()).expect("valid");
        assert_eq!((nothing.path().as_str(), nothing.page), ("/", 1));
    }

    #[test]
    fn what_is_not_meant_is_said() {
        let wrong = |query: Query| Wanted::try_from(query).expect_err("wrong").error;
        assert!(wrong(Query { rule: "gossip".into(), ..Query::default() }).contains("rule: unknown variant `gossip`"));
        assert_eq!(wrong(Query { page: "many".into(), ..Query::default() }), "page: `many` is no number");
        let odd = Wanted::try_from(Query { refresh: "1".into(), page: "0".into(), ..Query::default() }).expect("valid");
        assert_eq!((odd.refresh_s, odd.page), (None, 1), "not every second");
    }
}
