//! What the demo shows: the apps in a table, the gravest first, and two alerts in sentences.
//!
//! Pure: it gets what was judged and returns text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use crate::engine::alert::Alert;
use crate::engine::detector::Severity;
use crate::explain::{explain, grouped};
use crate::status::AppStatus;

/// Alerts told in full.
const EXPLAINED: usize = 2;
/// The longest description of an app.
const FILED_MAX: usize = 28;

/// Colours, if anybody sees them.
#[derive(Clone, Copy)]
pub struct Paint(pub bool);

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn of(self, severity: Severity, text: &str) -> String {
        let code = match severity {
            Severity::Notice => "36",
            Severity::Violation => "33",
            Severity::Major => "31",
            Severity::Severe => "1;31",
        };
        self.wrap(code, text)
    }
}

/// All that is shown.
pub struct Show<'s> {
    /// The apps.
    pub apps: Vec<Arc<AppStatus>>,
    /// What each filed, in a few words.
    pub filed: BTreeMap<String, String>,
    /// Every alert, as grave as it became.
    pub alerts: &'s [Alert],
    /// Colours.
    pub paint: Paint,
}

/// One line of the table.
struct Row<'s> {
    app: &'s AppStatus,
    alerts: Vec<&'s Alert>,
}

impl Row<'_> {
    fn gravest(&self) -> Option<&Alert> {
        self.alerts.iter().copied().max_by_key(|alert| (alert.severity, std::cmp::Reverse(alert.starts_at)))
    }
}

impl Show<'_> {
    /// The whole text.
    pub fn text(&self) -> String {
        let mut rows: Vec<Row<'_>> = self
            .apps
            .iter()
            .map(|app| Row { app, alerts: self.alerts.iter().filter(|alert| alert.app_id == app.app_id).collect() })
            .collect();
        rows.sort_by_key(|row| {
            let gravest = row.gravest().map(|alert| alert.severity);
            (std::cmp::Reverse((gravest, row.alerts.len(), row.app.day.placed)), row.app.app_id.clone())
        });
        let mut text = self.table(&rows);
        let meaning = "\nOf each app's last 24 hours: calls placed; how many were answered, went to people new to the app, and met a\n\
                       number that does not exist.";
        let _ = writeln!(text, "{}", self.paint.dim(meaning));
        for alert in self.told(&rows) {
            let title = format!("{}: {} by app {}", alert.severity, alert.rule.as_str(), alert.app_id);
            let _ = write!(text, "\n{}\n{}", self.paint.of(alert.severity, &title), explain(alert));
        }
        text
    }

    fn table(&self, rows: &[Row<'_>]) -> String {
        let mut text = String::new();
        let head = format!(
            "{:<11} {:<FILED_MAX$} {:>6} {:>8} {:>11} {:>6}  {:<18} {}",
            "app", "filed as", "calls", "answered", "new callees", "empty", "gravest rule", "alerts"
        );
        let _ = writeln!(text, "{}", self.paint.bold(&head));
        for row in rows {
            let day = row.app.day;
            let filed = self.filed.get(&row.app.app_id).map_or("(filed nothing)", String::as_str);
            let line = format!(
                "{:<11} {:<FILED_MAX$} {:>6} {:>8} {:>11} {:>6}  ",
                row.app.app_id,
                cut(filed),
                grouped(day.placed.into()),
                share(day.answered, day.placed),
                share(day.fresh, day.placed),
                share(day.invalid_number, day.reached),
            );
            match row.gravest() {
                Some(gravest) => {
                    let rule = self.paint.of(gravest.severity, &format!("{:<18}", gravest.rule.as_str()));
                    let _ = writeln!(text, "{line}{rule} {}", self.by_severity(&row.alerts));
                }
                None => {
                    let _ = writeln!(text, "{}", self.paint.dim(line.trim_end()));
                }
            }
        }
        text
    }

    /// `2 severe, 1 notice`.
    fn by_severity(&self, alerts: &[&Alert]) -> String {
        let counts = Severity::ALL.into_iter().rev().filter_map(|severity| {
            let count = alerts.iter().filter(|alert| alert.severity == severity).count();
            (count > 0).then(|| self.paint.of(severity, &format!("{count} {severity}")))
        });
        counts.collect::<Vec<_>>().join(", ")
    }

    /// The alerts worth telling: the gravest of all, and the gravest by another rule about another app. Of equals, the one
    /// with more to show.
    fn told<'r>(&self, rows: &'r [Row<'_>]) -> Vec<&'r Alert> {
        let mut candidates: Vec<&Alert> = rows.iter().flat_map(|row| row.alerts.iter().copied()).collect();
        candidates.sort_by_key(|alert| std::cmp::Reverse((alert.severity, alert.evidence.len(), alert.calls.len())));
        let mut told: Vec<&Alert> = Vec::new();
        for alert in candidates {
            if told.len() < EXPLAINED && told.iter().all(|other| other.rule != alert.rule && other.app_id != alert.app_id) {
                told.push(alert);
            }
        }
        told
    }
}

fn share(part: u32, whole: u32) -> String {
    if whole == 0 { "-".into() } else { format!("{:.0} %", f64::from(part) / f64::from(whole) * 100.0) }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= FILED_MAX {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(FILED_MAX - 1).collect();
    cut.push('…');
    cut
}
