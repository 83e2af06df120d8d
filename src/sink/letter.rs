//! An alert as Alertmanager and its receivers know alerts: labels that name it, annotations that tell of it.
//!
//! Labels never change while an alert is open. An alert that grows graver is one more, with a severity of its own, beside
//! the milder one: [`letters`] makes both of the one message, so that no memory of what was sent is needed.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use crate::engine::alert::{Alert, Status};
use crate::engine::detector::Severity;
use crate::engine::time::Timestamp;
use crate::explain::Words;
use crate::watchdog;

/// Labels by name, in order.
pub type Labels = BTreeMap<String, String>;

/// An alert as it is posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    /// What it is: the same as long as it is open.
    pub labels: Labels,
    /// What is known of it.
    pub annotations: Labels,
    /// When the evidence first sufficed.
    pub starts_at: String,
    /// When it was over; of an open one, until when it is believed without being told again.
    pub ends_at: String,
    /// Its page.
    #[serde(rename = "generatorURL")]
    pub generator_url: String,
    /// Whether it is over.
    #[serde(skip)]
    pub is_over: bool,
}

/// What every letter of a sink has in common.
#[derive(Clone, Debug, Default)]
pub struct Letterhead {
    /// Labels besides those of the alert, which stand above these.
    pub external_labels: Labels,
    /// Where an alert's page is, without its id; empty if there is none.
    pub page: String,
    /// Where the page about a rule is, without its name and `.md`; empty if nowhere.
    pub rule_pages: String,
    /// How long an open alert is believed without being told again, in milliseconds.
    pub believed_ms: i64,
}

/// The letters about an alert as of `now`, by the wall clock: one for each severity it has had since it opened, mildest first.
pub fn letters(head: &Letterhead, alert: &Alert, now: Timestamp) -> Vec<Letter> {
    let from = alert.raised_from.unwrap_or(alert.severity);
    let severities = Severity::ALL.into_iter().filter(|severity| (from..=alert.severity).contains(severity));
    severities.map(|severity| letter(head, alert, severity, now)).collect()
}

fn letter(head: &Letterhead, alert: &Alert, severity: Severity, now: Timestamp) -> Letter {
    // An app's clock may be ahead of ours: what is over must not end later than now, nor begin when it ends, since an
    // alert of no length is dropped.
    let starts_at = alert.starts_at.min(now.plus_millis(-1));
    let is_over = alert.status == Status::Resolved;
    let ends_at = match alert.ends_at {
        Some(at) if is_over => at.min(now).max(starts_at.plus_millis(1)),
        _ => now.plus_millis(head.believed_ms),
    };
    Letter {
        labels: labels(&head.external_labels, alert, severity),
        annotations: annotations(head, alert),
        starts_at: starts_at.to_string(),
        ends_at: ends_at.to_string(),
        generator_url: if head.page.is_empty() { String::new() } else { format!("{}{}", head.page, alert.alert_id) },
        is_over,
    }
}

/// The labels of an alert while it was as grave as `severity`.
pub fn labels(external: &Labels, alert: &Alert, severity: Severity) -> Labels {
    let is_watchdog = watchdog::is_its(&alert.app_id);
    let mut labels = external.clone();
    let mut set = |name: &str, value: &str| labels.insert(name.to_owned(), value.to_owned());
    set("alertname", &if is_watchdog { "DialwatchWatchdog".to_owned() } else { alert_name(alert.rule.as_str()) });
    set("severity", if is_watchdog { "none" } else { severity.as_str() });
    set("app_id", &alert.app_id);
    set("alert_id", &alert.alert_id);
    set("rule", alert.rule.as_str());
    set("subject", &alert.subject.kind);
    labels
}

/// `DialwatchBlindDialing` for `blind_dialing`.
fn alert_name(rule: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    format!("Dialwatch{}", rule.split('_').map(capital).collect::<String>())
}

fn annotations(head: &Letterhead, alert: &Alert) -> Labels {
    let mut text = Labels::new();
    let mut set = |name: &str, value: String| text.insert(name.to_owned(), value);
    set("summary", alert.summary.clone());
    set("description", Words::of(alert).text(0).trim_end().to_owned());
    set("clause", alert.policy.clause.to_string());
    set("recommended_action", alert.recommended_action.to_string());
    set("policy", format!("{} {}", alert.policy.pack, alert.policy.version));
    set("calls_before_alert", alert.calls_before_alert.to_string());
    set("callees_before_alert", alert.callees_before_alert.to_string());
    set("updated_at", alert.updated_at.to_string());
    if !head.rule_pages.is_empty() {
        set("runbook_url", format!("{}{}.md", head.rule_pages, alert.rule.as_str()));
    }
    if let Some(pseudonym) = &alert.subject.pseudonym {
        set("subject_pseudonym", pseudonym.clone());
    }
    if let Some(number) = &alert.subject.number {
        set("subject_number", number.clone());
    }
    if let Some(note) = &alert.note {
        set("note", note.to_string());
    }
    text
}

/// The fingerprint that Alertmanager gives an alert with these labels: FNV-1a of 64 bits over names and values in order,
/// each followed by a byte 0xFF (`prometheus/common/model/signature.go`).
pub fn fingerprint(labels: &Labels) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mut hash = OFFSET;
    let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    // Alertmanager knows no label without a value.
    for (name, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
        for text in [name, value] {
            text.bytes().for_each(&mut add);
            add(0xff);
        }
    }
    let mut text = String::new();
    let _ = write!(text, "{hash:016x}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::alert::tests::example;

    fn now() -> Timestamp {
        example("app").starts_at.plus_millis(3_600_000)
    }

    fn head() -> Letterhead {
        Letterhead { page: "http://dialwatch/alerts/".into(), believed_ms: 240_000, ..Letterhead::default() }
    }

    fn over(alert: Alert, at: Timestamp) -> Alert {
        Alert { status: Status::Resolved, ends_at: Some(at), ..alert }
    }

    /// What Alertmanager 0.25 gave to these labels (`reference/ecosystem.md` 0).
    #[test]
    fn the_fingerprint_is_alertmanagers() {
        assert_eq!(fingerprint(&Labels::new()), "cbf29ce484222325");
        let labels = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        // FNV-1a of "a\xffb\xff", by hand of a second implementation (Python).
        assert_eq!(fingerprint(&labels(&[("a", "b")])), "d2b371819297f98a");
        assert_eq!(fingerprint(&labels(&[("a", "b"), ("empty", "")])), "d2b371819297f98a");
    }

    #[test]
    fn labels_stay_whatever_becomes_of_the_alert() {
        let alert = example("app");
        let later = Alert {
            updated_at: alert.updated_at.plus_millis(600_000),
            summary: "another".into(),
            calls_before_alert: 99,
            ..alert.clone()
        };
        let ended = over(later.clone(), later.updated_at);
        let first = letters(&head(), &alert, now());
        assert_eq!(first.len(), 1);
        for other in [later, ended] {
            assert_eq!(letters(&head(), &other, now())[0].labels, first[0].labels);
        }
        assert_eq!(first[0].labels["alertname"], "DialwatchBlindDialing");
        assert_eq!(first[0].labels["severity"], "violation");
        assert_eq!(first[0].generator_url, format!("http://dialwatch/alerts/{}", alert.alert_id));
        assert!(!first[0].annotations.contains_key("runbook_url"));
    }

    #[test]
    fn what_grows_graver_is_one_more_beside_the_milder() {
        let alert = Alert { severity: Severity::Severe, raised_from: Some(Severity::Violation), ..example("app") };
        let letters = letters(&head(), &alert, now());
        let severities: Vec<&str> = letters.iter().map(|letter| letter.labels["severity"].as_str()).collect();
        assert_eq!(severities, ["violation", "major", "severe"]);
        assert_eq!(letters[0].labels, super::letters(&head(), &example("app"), now())[0].labels, "the milder is what it was");
    }

    #[test]
    fn an_open_alert_is_believed_for_as_long_as_it_takes_to_tell_again() {
        let letter = &letters(&head(), &example("app"), now())[0];
        assert_eq!(letter.ends_at, now().plus_millis(240_000).to_string());
        assert_eq!(letter.starts_at, example("app").starts_at.to_string());
    }

    /// An alert that ends when it begins is dropped by Alertmanager at once; one that ends in the future is believed open.
    #[test]
    fn what_is_over_has_a_length_and_has_ended() {
        let alert = example("app");
        let start = alert.starts_at;
        for (ends_at, now, expected) in [
            (start, start.plus_millis(9), (start, start.plus_millis(1))),
            (start.plus_millis(60_000), start.plus_millis(90_000), (start, start.plus_millis(60_000))),
            (start.plus_millis(60_000), start.plus_millis(30_000), (start, start.plus_millis(30_000))),
            (start.plus_millis(60_000), start.plus_millis(-30_000), (start.plus_millis(-30_001), start.plus_millis(-30_000))),
        ] {
            let letter = &letters(&head(), &over(alert.clone(), ends_at), now)[0];
            assert_eq!((&letter.starts_at, &letter.ends_at), (&expected.0.to_string(), &expected.1.to_string()));
            assert!(letter.is_over);
        }
    }

    #[test]
    fn labels_of_the_installation_stand_below_the_alerts() {
        let external = [("cluster".to_owned(), "a".to_owned()), ("rule".to_owned(), "theirs".to_owned())].into();
        let head = Letterhead { external_labels: external, rule_pages: "https://wiki/".into(), ..head() };
        let letter = &letters(&head, &example("app"), now())[0];
        assert_eq!((&*letter.labels["cluster"], &*letter.labels["rule"]), ("a", "blind_dialing"));
        assert_eq!(letter.annotations["runbook_url"], "https://wiki/blind_dialing.md");
    }

    #[test]
    fn the_watchdog_accuses_nobody() {
        let letter = &letters(&head(), &example(&watchdog::app_id(3)), now())[0];
        assert_eq!((&*letter.labels["alertname"], &*letter.labels["severity"]), ("DialwatchWatchdog", "none"));
    }
}
