//! The report for people: aligned columns, at most [`COLUMNS`] wide. `-` is a number that does not exist.

use std::fmt::Write;

use super::{Family, Found, Quantiles, Rate, Report, RuleReport, Share};
use crate::engine::detector::Severity;
use crate::engine::time::MINUTE_MS;

/// The widest a line gets.
const COLUMNS: usize = 120;
const NONE: &str = "-";

/// The report as text: what it is of, what was found, what was wrong, the alerts, the families, and all together.
pub fn table(report: &Report) -> String {
    let world = &report.world;
    let mut text = format!(
        "{} to {}: days {}, apps {}, clean {}; grace {} min; bounds at 95 %\n",
        world.from,
        world.to,
        world.days,
        world.apps,
        world.clean_apps,
        report.grace_ms / MINUTE_MS,
    );
    let sections: [(&[&str], Vec<Vec<String>>); 4] = [
        (
            &["incidents of", "intensity", "all", "found", "recall", "minutes", "p90", "calls", "p90", "callees", "p90"],
            report.rules.iter().flat_map(found_rows).collect(),
        ),
        (
            &["errors of", "precision", "false", "clean days", "a day", "at most", "notices", "a day"],
            report.rules.iter().map(error_row).collect(),
        ),
        (
            &["alerts of", "all", "true", "undecided", "false", "notices", "|", "notice", "violation", "major", "severe"],
            report.rules.iter().map(alert_row).collect(),
        ),
        (
            &["family", "apps", "app-days", "false", "a day", "at most", "notices", "a day", "  false by rule"],
            report.families.iter().filter(|family| family.clean || family.false_alarms.count > 0).map(family_row).collect(),
        ),
    ];
    for (head, rows) in sections {
        let head = head.iter().map(|cell| (*cell).to_owned()).collect();
        text += "\n";
        text += &aligned(&[vec![head], rows].concat());
    }
    let all = &report.overall;
    let _ = writeln!(
        text,
        "\nall rules: incidents {}, found {}, alerts {}, false alarms {}\nprecision {}, recall {}, F1 {}",
        all.recall.of,
        all.recall.count,
        all.alerts.sum(),
        all.alerts.wrong,
        share(&all.precision),
        share(&all.recall),
        number(all.f1, 3),
    );
    text
}

fn found_rows(rule: &RuleReport) -> Vec<Vec<String>> {
    let row = |rule: &str, intensity: &str, found: &Found| {
        let share = [found.recall.of.to_string(), found.recall.count.to_string(), share(&found.recall)];
        let quantiles = [(&found.delay_minutes, 1), (&found.calls_before, 0), (&found.callees_before, 0)];
        let quantiles = quantiles
            .into_iter()
            .flat_map(|(of, decimals): (&Quantiles, _)| [number(of.median, decimals), number(of.p90, decimals)]);
        [rule.to_owned(), intensity.to_owned()].into_iter().chain(share).chain(quantiles).collect()
    };
    let by_intensity = rule.by_intensity.iter().map(|(intensity, found)| row("", intensity.as_str(), found));
    std::iter::once(row(&rule.rule, "all", &rule.all)).chain(by_intensity).collect()
}

fn error_row(rule: &RuleReport) -> Vec<String> {
    let first = [rule.rule.clone(), share(&rule.precision)];
    let false_alarms = &rule.false_alarms;
    let errors = [false_alarms.count.to_string(), false_alarms.app_days.to_string()];
    first.into_iter().chain(errors).chain(rates(false_alarms, &rule.notices)).collect()
}

fn alert_row(rule: &RuleReport) -> Vec<String> {
    let alerts = &rule.alerts;
    let counts = [alerts.sum(), alerts.right, alerts.undecided, alerts.wrong, alerts.notices].map(|count| count.to_string());
    let severities = Severity::ALL.map(|severity| rule.severities.get(&severity).copied().unwrap_or_default().to_string());
    [vec![rule.rule.clone()], counts.to_vec(), vec!["|".to_owned()], severities.to_vec()].concat()
}

fn family_row(family: &Family) -> Vec<String> {
    let name = if family.clean { family.family.clone() } else { format!("{} (abusive)", family.family) };
    let by_rule: Vec<String> = family.by_rule.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
    let false_alarms = &family.false_alarms;
    [name, family.apps.to_string(), false_alarms.app_days.to_string(), false_alarms.count.to_string()]
        .into_iter()
        .chain(rates(false_alarms, &family.notices))
        .chain([format!("  {}", by_rule.join(", "))])
        .collect()
}

fn rates(false_alarms: &Rate, notices: &Rate) -> [String; 4] {
    [
        number(false_alarms.per_app_day, 4),
        number(false_alarms.at_most, 4),
        notices.count.to_string(),
        number(notices.per_app_day, 4),
    ]
}

fn share(share: &Share) -> String {
    match share.value {
        Some(value) => format!("{value:.3} ({:.3}-{:.3})", share.lower, share.upper),
        None => NONE.to_owned(),
    }
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or(NONE.to_owned(), |value| format!("{value:.decimals$}"))
}

/// Rows under each other: columns as wide as their widest cell, the first to the left and the others to the right; cells that
/// begin with two spaces to the left as well. What is wider than a line is cut off.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 => write!(line, "{cell:<width$}"),
                _ if cell.starts_with("  ") => write!(line, "{cell}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        let line = line.trim_end();
        match line.char_indices().nth(COLUMNS) {
            Some(_) => text.extend(line.chars().take(COLUMNS - 1).chain(['…'])),
            None => text += line,
        }
        text.push('\n');
    }
    text
}
