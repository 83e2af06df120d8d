//! What the demo shows: the apps in a table, the gravest first, and two alerts in sentences.
//!
//! Pure: it gets what was judged and returns text.

use std::fmt::Write;
use std::sync::Arc;

use super::found::{Found, OfApp, rank};
use super::paint::{Paint, cut, filed};
use crate::engine::alert::Alert;
use crate::engine::detector::Severity;
use crate::explain::{Words, grouped};
use crate::status::AppStatus;

/// Alerts told in full.
const EXPLAINED: usize = 2;
/// Calls shown of an alert.
const CALLS_SHOWN: usize = 3;
/// The longest description of an app.
const FILED_MAX: usize = 28;

/// All that is shown.
pub struct Show<'s> {
    /// The apps.
    pub apps: Vec<Arc<AppStatus>>,
    /// What was found about them.
    pub found: &'s Found,
    /// Colours.
    pub paint: Paint,
}

/// One line of the table.
struct Row<'s> {
    app: &'s AppStatus,
    found: Option<&'s OfApp>,
}

impl Row<'_> {
    fn gravest(&self) -> Option<&Alert> {
        self.found.and_then(OfApp::gravest)
    }
}

impl Show<'_> {
    /// The whole text.
    pub fn text(&self) -> String {
        let row = |app| Row { app, found: self.found.about(&app.app_id) };
        let mut rows: Vec<Row<'_>> = self.apps.iter().map(|app| row(&**app)).collect();
        rows.sort_by_key(|row| {
            let (gravest, alerts) = (row.gravest().map(|alert| alert.severity), row.found.map(OfApp::count));
            (std::cmp::Reverse((gravest, alerts, row.app.day.placed)), row.app.app_id.clone())
        });
        let mut text = self.table(&rows);
        let meaning = "\nOf each app's last 24 hours: calls placed; how many were answered, went to people new to the app, and met a\n\
                       number that does not exist.";
        let _ = writeln!(text, "{}", self.paint.dim(meaning));
        for alert in told(&rows) {
            let title = format!("{}: {} by app {}", alert.severity, alert.rule.as_str(), alert.app_id);
            let _ = write!(text, "\n{}\n{}", self.paint.of(alert.severity, &title), Words::of(alert).text(CALLS_SHOWN));
        }
        text
    }

    /// How many apps were found to do anything.
    pub fn accused(&self) -> usize {
        self.apps.iter().filter(|app| self.found.about(&app.app_id).is_some()).count()
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
            let line = format!(
                "{:<11} {:<FILED_MAX$} {:>6} {:>8} {:>11} {:>6}  ",
                row.app.app_id,
                cut(&filed(row.app), FILED_MAX),
                grouped(day.placed.into()),
                share(day.answered, day.placed),
                share(day.fresh, day.placed),
                share(day.invalid_number, day.reached),
            );
            match row.gravest() {
                Some(gravest) => {
                    let rule = self.paint.of(gravest.severity, &format!("{:<18}", gravest.rule.as_str()));
                    let _ = writeln!(text, "{line}{rule} {}", self.by_severity(row.found));
                }
                None => {
                    let _ = writeln!(text, "{}", self.paint.dim(line.trim_end()));
                }
            }
        }
        text
    }

    /// `2 severe, 1 notice`.
    fn by_severity(&self, found: Option<&OfApp>) -> String {
        let counts = Severity::ALL.into_iter().rev().filter_map(|severity| {
            let count = found.map_or(0, |found| found.by_severity[severity as usize]);
            (count > 0).then(|| self.paint.of(severity, &format!("{} {severity}", grouped(count))))
        });
        counts.collect::<Vec<_>>().join(", ")
    }
}

/// The alerts worth telling: the one with the most to show, and the next by another rule about another app.
fn told<'r>(rows: &'r [Row<'_>]) -> Vec<&'r Alert> {
    let mut candidates: Vec<&Alert> = rows.iter().filter_map(|row| row.found).flat_map(OfApp::alerts).collect();
    candidates.sort_by_key(|alert| std::cmp::Reverse(rank(alert)));
    let mut told: Vec<&Alert> = Vec::new();
    for alert in candidates {
        if told.len() < EXPLAINED && told.iter().all(|other| other.rule != alert.rule && other.app_id != alert.app_id) {
            told.push(alert);
        }
    }
    told
}

fn share(part: u32, whole: u32) -> String {
    if whole == 0 { "-".into() } else { format!("{:.0} %", f64::from(part) / f64::from(whole) * 100.0) }
}
