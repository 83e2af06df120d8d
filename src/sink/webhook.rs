//! Alerts to a webhook, in the form in which Alertmanager calls one (version 4): receivers that exist work.
//!
//! Alerts of one rule and one state go together, so that a storm is a few requests and not thousands.

use std::collections::BTreeMap;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

use super::letter::{Labels, Letter, Letterhead, fingerprint, letters};
use super::{Delivery, Sink};
use crate::client::{Answer, Client, secret, within};
use crate::clock::wall_clock;
use crate::config::RawWebhook;
use crate::engine::alert::Alert;

/// Alerts in one request.
const ALERTS_MAX: usize = 100;

/// One receiver.
pub struct Webhook {
    url: String,
    secret: Option<String>,
    client: Client,
    head: Letterhead,
}

/// What is posted: `template.Data` of Alertmanager and what its webhook adds to it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'l> {
    version: &'static str,
    group_key: String,
    truncated_alerts: u32,
    status: &'static str,
    receiver: &'static str,
    group_labels: Labels,
    common_labels: Labels,
    common_annotations: Labels,
    #[serde(rename = "externalURL")]
    external_url: &'l str,
    alerts: Vec<Entry<'l>>,
}

#[derive(Serialize)]
struct Entry<'l> {
    status: &'static str,
    fingerprint: String,
    #[serde(flatten)]
    letter: &'l Letter,
}

impl Webhook {
    /// As configured. Relative paths start at `folder`; `page` is where an alert's page is, without its id.
    ///
    /// # Errors
    /// A secret cannot be read.
    pub fn new(raw: &RawWebhook, folder: &Path, page: &str) -> Result<Self, String> {
        let RawWebhook { url, url_file, secret_file, external_labels, rule_pages, http } = raw;
        let read = |file: &std::path::PathBuf| secret(&folder.join(file));
        let (authorization, ca) = (within(folder, http.authorization_file.as_ref()), within(folder, http.ca_file.as_ref()));
        Ok(Self {
            url: url_file.as_ref().map_or_else(|| Ok(url.clone()), read)?,
            secret: secret_file.as_ref().map(read).transpose()?,
            client: Client::new(http.timeout.std(), authorization.as_deref(), ca.as_deref())?,
            head: Letterhead {
                external_labels: external_labels.clone(),
                page: page.to_owned(),
                rule_pages: rule_pages.clone(),
                believed_ms: 0,
            },
        })
    }

    fn post(&self, alerts: &[Letter]) -> Answer {
        // Plain data: it always becomes JSON.
        let body = serde_json::to_vec(&self.body(alerts)).unwrap_or_default();
        let (now_s, key) = (wall_clock().seconds().to_string(), idempotency_key(alerts));
        let signature = self.secret.as_deref().map(|secret| signature(secret, &now_s, &body));
        let mut headers = vec![("idempotency-key", key.as_str()), ("x-dialwatch-timestamp", now_s.as_str())];
        headers.extend(signature.as_deref().map(|signature| ("x-dialwatch-signature", signature)));
        self.client.post(&self.url, &headers, &body)
    }

    fn body<'l>(&'l self, alerts: &'l [Letter]) -> Body<'l> {
        let is_over = alerts.iter().all(|letter| letter.is_over);
        let of = |is_over| if is_over { "resolved" } else { "firing" };
        let group_labels =
            in_common(alerts, |letter| &letter.labels).into_iter().filter(|(name, _)| name == "alertname").collect();
        Body {
            version: "4",
            group_key: format!("{{}}:{group_labels:?}"),
            truncated_alerts: 0,
            status: of(is_over),
            receiver: "dialwatch",
            group_labels,
            common_labels: in_common(alerts, |letter| &letter.labels),
            common_annotations: in_common(alerts, |letter| &letter.annotations),
            external_url: self.head.page.trim_end_matches("alerts/"),
            alerts: alerts
                .iter()
                .map(|letter| Entry { status: of(letter.is_over), fingerprint: fingerprint(&letter.labels), letter })
                .collect(),
        }
    }
}

impl Sink for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn deliver(&mut self, alerts: &[Alert]) -> Delivery {
        let now = wall_clock();
        let mut refused = None;
        for some in grouped(alerts.iter().filter_map(|alert| letters(&self.head, alert, now).pop())) {
            match self.post(&some) {
                Answer::Taken => {}
                Answer::Later(after, why) => return Delivery::Retry(after.unwrap_or_default(), why),
                Answer::Never(why) => {
                    let (before, _) = refused.unwrap_or_default();
                    refused = Some((before + some.len(), why));
                }
            }
        }
        refused.map_or(Delivery::Done, |(count, why)| Delivery::Refused(count, why))
    }
}

/// Letters that go together, in the order in which each group began: of one name and one state. Of one alert the order stays.
fn grouped(letters: impl Iterator<Item = Letter>) -> Vec<Vec<Letter>> {
    let mut groups: Vec<Vec<Letter>> = Vec::new();
    let mut latest: BTreeMap<(String, bool), usize> = BTreeMap::new();
    let mut group_of: BTreeMap<String, usize> = BTreeMap::new();
    for mut letter in letters {
        if !letter.is_over {
            // How long it is to be believed is Alertmanager's matter; an open alert has no end here.
            letter.ends_at = "0001-01-01T00:00:00Z".into();
        }
        let (kind, id) = ((letter.labels["alertname"].clone(), letter.is_over), letter.labels["alert_id"].clone());
        let not_before = group_of.get(&id).copied().unwrap_or(0);
        let open = latest.get(&kind).copied().filter(|at| *at >= not_before && groups[*at].len() < ALERTS_MAX);
        let at = open.unwrap_or_else(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[at].push(letter);
        latest.insert(kind, at);
        group_of.insert(id, at);
    }
    groups
}

/// What all of them say alike.
fn in_common<'l>(letters: &'l [Letter], of: impl Fn(&'l Letter) -> &'l Labels) -> Labels {
    let Some((first, others)) = letters.split_first() else { return Labels::new() };
    let same = |(name, value): &(&String, &String)| others.iter().all(|letter| of(letter).get(*name) == Some(*value));
    of(first).iter().filter(same).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The same for the same news: whoever has seen it may pass over the request.
fn idempotency_key(alerts: &[Letter]) -> String {
    let mut hasher = blake3::Hasher::new();
    for letter in alerts {
        let state = if letter.is_over { "resolved" } else { "firing" };
        for part in [&fingerprint(&letter.labels), state, &letter.annotations["updated_at"]] {
            hasher.update(part.as_bytes()).update(&[0]);
        }
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// `sha256=` and the HMAC of the moment, a full stop and the body, in hexadecimal digits.
fn signature(secret: &str, now_s: &str, body: &[u8]) -> String {
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    for part in [now_s.as_bytes(), b".", body] {
        mac.update(part);
    }
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}
