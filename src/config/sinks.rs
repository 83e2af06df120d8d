//! The `sinks` section: where the service sends alerts besides Kafka. A kind of sink is a case of [`RawSink`], and nothing
//! about it is in another list.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::Duration;

/// Labels that an alert has itself.
const OWN_LABELS: [&str; 6] = ["alertname", "severity", "app_id", "alert_id", "rule", "subject"];

/// A sink.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RawSink {
    /// JSON lines to a file or to stdout.
    Jsonl(RawJsonl),
    /// Alertmanager, by its API v2.
    Alertmanager(RawAlertmanager),
    /// A webhook that is called as Alertmanager calls one.
    Webhook(RawWebhook),
}

/// JSON lines to a file or to stdout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawJsonl {
    /// The file, appended to; `-` is stdout.
    pub path: PathBuf,
    /// How long the file may grow, in bytes, before it is laid aside as `path.1`; 0 for ever.
    pub rotate_bytes: u64,
    /// How many such files are kept.
    pub files_kept: usize,
}

/// Alertmanager, by its API v2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawAlertmanager {
    /// Every Alertmanager of a cluster, such as `http://alertmanager-0:9093`: each is told, and none through a balancer.
    pub urls: Vec<String>,
    /// Labels that every alert gets.
    pub external_labels: BTreeMap<String, String>,
    /// Where the pages about rules are: the annotation `runbook_url` is this, the rule and `.md`. Empty leaves it out.
    pub rule_pages: String,
    /// How often an open alert is told again. Alertmanager takes it for over after four times as long.
    pub resend: Duration,
    /// How it is reached.
    pub http: RawHttpClient,
}

/// A webhook that is called as Alertmanager calls one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawWebhook {
    /// Its address.
    pub url: String,
    /// A file with the address, where that is a secret.
    pub url_file: Option<PathBuf>,
    /// A file with the secret that `X-Dialwatch-Signature` is made with: `sha256=` and the HMAC-SHA-256 of
    /// `X-Dialwatch-Timestamp`, a full stop and the body.
    pub secret_file: Option<PathBuf>,
    /// Labels that every alert gets.
    pub external_labels: BTreeMap<String, String>,
    /// Where the pages about rules are: the annotation `runbook_url` is this, the rule and `.md`. Empty leaves it out.
    pub rule_pages: String,
    /// How it is reached.
    pub http: RawHttpClient,
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawHttpClient {
    /// How long to wait for an answer.
    pub timeout: Duration,
    /// A file with the value of the header `Authorization`, such as `Bearer …`.
    pub authorization_file: Option<PathBuf>,
    /// A file with the certificates to trust, as PEM, instead of the system's.
    pub ca_file: Option<PathBuf>,
}

impl Default for RawHttpClient {
    fn default() -> Self {
        Self { timeout: Duration::from_millis(10_000), authorization_file: None, ca_file: None }
    }
}

impl Default for RawJsonl {
    fn default() -> Self {
        Self { path: "-".into(), rotate_bytes: 0, files_kept: 5 }
    }
}

impl Default for RawAlertmanager {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            external_labels: BTreeMap::new(),
            rule_pages: String::new(),
            resend: Duration::minutes(1),
            http: RawHttpClient::default(),
        }
    }
}

impl RawSink {
    /// What it is called in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Jsonl(_) => "jsonl",
            Self::Alertmanager(_) => "alertmanager",
            Self::Webhook(_) => "webhook",
        }
    }

    /// What is wrong with values that parsed: the field, as a path within the sink, and the reason.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let mut note = |field: &str, why: String| problems.push((field.to_owned(), why));
        match self {
            Self::Jsonl(jsonl) => {
                if jsonl.files_kept == 0 {
                    note("files_kept", "must be at least 1".into());
                }
            }
            Self::Alertmanager(RawAlertmanager { urls, external_labels, resend, http, .. }) => {
                if urls.is_empty() {
                    note("urls", "names no Alertmanager".into());
                }
                let wrong = urls.iter().enumerate().filter_map(|(at, url)| Some((at, wrong_url(url)?)));
                wrong.for_each(|(at, why)| note(&format!("urls.{at}"), why));
                if resend.millis() < 1_000 {
                    note("resend", format!("{resend} is too often: at least 1s"));
                }
                shared_problems(external_labels, http, &mut note);
            }
            Self::Webhook(RawWebhook { url, url_file, external_labels, http, .. }) => {
                match (url.is_empty(), url_file) {
                    (true, None) => note("url", "is missing; url_file may name a file that holds it".into()),
                    (false, Some(_)) => note("url_file", "is there beside url: which of the two holds?".into()),
                    (true, Some(_)) => {}
                    (false, None) => wrong_url(url).into_iter().for_each(|why| note("url", why)),
                }
                shared_problems(external_labels, http, &mut note);
            }
        }
        problems
    }
}

fn shared_problems(labels: &BTreeMap<String, String>, http: &RawHttpClient, note: &mut impl FnMut(&str, String)) {
    if http.timeout.millis() == 0 {
        note("http.timeout", "must be longer".into());
    }
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    for name in labels.keys() {
        if OWN_LABELS.contains(&name.as_str()) {
            note("external_labels", format!("`{name}` is a label that every alert has itself"));
        } else if !is_name(name) {
            note("external_labels", format!("`{name}` is no name of a label"));
        }
    }
}

fn wrong_url(url: &str) -> Option<String> {
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let is_fit =
        host.is_some_and(|host| !host.is_empty() && !host.starts_with('/') && host.bytes().all(|b| b.is_ascii_graphic()));
    (!is_fit).then(|| format!("`{url}` is not http://host or https://host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(sink: RawSink) -> Vec<String> {
        sink.problems().into_iter().map(|(field, why)| format!("{field}: {why}")).collect()
    }

    #[test]
    fn what_is_wrong_with_a_sink_is_said_by_field() {
        let urls = vec!["alertmanager:9093".to_owned(), "http://one:9093".to_owned(), "https://".to_owned()];
        let external_labels = [("rule", "x"), ("1st", "x"), ("cluster", "x")].map(|(name, value)| (name.into(), value.into()));
        let alertmanager = RawAlertmanager {
            urls,
            external_labels: external_labels.into(),
            resend: Duration::from_millis(999),
            http: RawHttpClient { timeout: Duration::default(), ..RawHttpClient::default() },
            ..RawAlertmanager::default()
        };
        assert_eq!(
            problems(RawSink::Alertmanager(alertmanager)),
            [
                "urls.0: `alertmanager:9093` is not http://host or https://host",
                "urls.2: `https://` is not http://host or https://host",
                "resend: 999ms is too often: at least 1s",
                "http.timeout: must be longer",
                "external_labels: `1st` is no name of a label",
                "external_labels: `rule` is a label that every alert has itself",
            ]
        );
        assert_eq!(problems(RawSink::Alertmanager(RawAlertmanager::default())), ["urls: names no Alertmanager"]);
        let webhook = |url: &str, file: Option<&str>| {
            problems(RawSink::Webhook(RawWebhook { url: url.into(), url_file: file.map(Into::into), ..RawWebhook::default() }))
        };
        assert_eq!(webhook("", None), ["url: is missing; url_file may name a file that holds it"]);
        assert_eq!(webhook("http://a", Some("b")), ["url_file: is there beside url: which of the two holds?"]);
        assert_eq!(webhook("ftp://a", None), ["url: `ftp://a` is not http://host or https://host"]);
        assert_eq!((webhook("", Some("b")), webhook("https://a/b?c", None)), (Vec::<String>::new(), Vec::new()));
        let jsonl = RawJsonl { files_kept: 0, ..RawJsonl::default() };
        assert_eq!(problems(RawSink::Jsonl(jsonl)), ["files_kept: must be at least 1"]);
    }
}
