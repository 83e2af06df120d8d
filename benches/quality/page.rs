//! `QUALITY.md`: everything that was measured, as it came out. Decides nothing.

use std::fmt::Write;

use dialwatch::engine::detector::RuleName;
use dialwatch::evaluate::{Found, Quantiles, Rate, RuleReport, Share};

use super::aims::Aim;
use super::scores::Scores;
use super::trials::Trial;

const NONE: &str = "–";

/// A section with a table.
fn section(page: &mut String, title: &str, about: &str, head: &[&str], rows: &[Vec<String>]) {
    let _ = write!(page, "\n## {title}\n\n{about}\n\n| {} |\n|{}\n", head.join(" | "), " --- |".repeat(head.len()));
    for row in rows {
        let _ = writeln!(page, "| {} |", row.join(" | "));
    }
}

/// The aims and what came out.
pub fn aims(page: &mut String, aims: &[Aim]) {
    let row = |aim: &Aim| {
        vec![aim.what.to_owned(), aim.aim.clone(), aim.measured.clone(), if aim.met { "yes" } else { "**no**" }.into()]
    };
    let about = "Set before measuring. What is missed is explained below.";
    section(page, "Aims", about, &["", "aim", "measured", "met"], &aims.iter().map(row).collect::<Vec<_>>());
}

/// What was found, by rule and intensity, with the baselines beside it.
pub fn found(page: &mut String, scores: &Scores) {
    let mut rows = Vec::new();
    for rule in &scores.report.rules {
        if rule.all.recall.of == 0 {
            continue;
        }
        rows.push(found_row(&format!("**{}**", rule.rule), "all", rule, &rule.all));
        rows.extend(rule.by_intensity.iter().map(|(intensity, found)| found_row("", intensity.as_str(), rule, found)));
        for (baseline, report) in scores.baselines.iter().filter(|(baseline, _)| baseline.rule.as_str() == rule.rule) {
            rows.push(found_row(&format!("*{}*", baseline.name), "all", report, &report.all));
        }
    }
    let about = "Precision is found incidents of these and false alarms. Both with Wilson's 95 % interval. Delay, calls and callees: \
                 from the first call of the incident to the first alert, median and 90th percentile; calls and callees are those of \
                 the window that the alert quotes. In italics the simple baselines, on the same records.";
    let head = [
        "rule",
        "intensity",
        "incidents",
        "recall",
        "precision",
        "false alarms an app-day (at most)",
        "delay, min",
        "calls",
        "callees",
    ];
    section(page, "What is found", about, &head, &rows);
}

fn found_row(name: &str, intensity: &str, rule: &RuleReport, found: &Found) -> Vec<String> {
    let whole = intensity == "all";
    vec![
        name.to_owned(),
        intensity.to_owned(),
        found.recall.of.to_string(),
        share(&found.recall),
        if whole { share(&rule.precision) } else { String::new() },
        if whole { rate(&rule.false_alarms) } else { String::new() },
        quantiles(&found.delay_minutes, 1),
        quantiles(&found.calls_before, 0),
        quantiles(&found.callees_before, 0),
    ]
}

/// Each family: the look-alikes by their false alarms, the abusive ones by what was found.
pub fn families(page: &mut String, scores: &Scores) {
    let look_alikes = scores.report.families.iter().filter(|family| family.clean).map(|family| {
        let by_rule: Vec<String> = family.by_rule.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
        let days = family.false_alarms.app_days.to_string();
        vec![
            family.family.clone(),
            family.apps.to_string(),
            days,
            rate(&family.false_alarms),
            rate(&family.notices),
            by_rule.join(", "),
        ]
    });
    let about = "All of them keep the rules: every alert above notice is false. With no event in N days the 95 % bound is 3/N.";
    let head = ["family", "apps", "app-days", "false alarms an app-day (at most)", "notices", "by rule"];
    section(page, "Innocent look-alikes", about, &head, &look_alikes.collect::<Vec<_>>());
    let abusive = scores.families.iter().flat_map(|(family, report)| {
        report.rules.iter().filter(|rule| rule.all.recall.of > 0).map(move |rule| {
            let found = &rule.all;
            vec![
                family.clone(),
                rule.rule.clone(),
                format!("{} of {}", found.recall.count, found.recall.of),
                quantiles(&found.delay_minutes, 1),
                quantiles(&found.calls_before, 0),
                quantiles(&found.callees_before, 0),
            ]
        })
    });
    let about = "What each abusive family breaks, and how soon it is found: median and 90th percentile.";
    let head = ["family", "rule", "found", "delay, min", "calls", "callees"];
    section(page, "Abusive families", about, &head, &abusive.collect::<Vec<_>>());
}

/// Limits moved or indicators silenced: those that change anything, and the names of those that do not.
pub fn trials(page: &mut String, title: &str, about: &str, trials: &[Trial]) {
    let head = ["rule", "what", "value", "recall", "change", "false alarms", "notices", "delay, min"];
    let (telling, same): (Vec<&Trial>, Vec<&Trial>) = trials.iter().partition(|trial| trial.changes_anything());
    let row = |trial: &&Trial| {
        let change = trial.recall.count as i64 - trial.recall_before.count as i64;
        vec![
            trial.rule.as_str().to_owned(),
            trial.what.clone(),
            trial
                .value
                .map_or(String::new(), |value| format!("{value:.6}").trim_end_matches('0').trim_end_matches('.').to_owned()),
            share(&trial.recall),
            if change == 0 { "=".to_owned() } else { format!("{change:+} incidents") },
            format!("{} ({:+})", trial.wrong, trial.wrong as i64 - trial.wrong_before as i64),
            format!("{} ({:+})", trial.notices, trial.notices as i64 - trial.notices_before as i64),
            quantiles(&trial.delay_minutes, 1),
        ]
    };
    section(page, title, about, &head, &telling.iter().map(row).collect::<Vec<_>>());
    let mut names: Vec<String> = same.iter().map(|trial| format!("`{}.{}`", trial.rule.as_str(), trial.what)).collect();
    names.dedup();
    if !names.is_empty() {
        let _ = writeln!(page, "\nNothing changes with: {}.", names.join(", "));
    }
}

/// Where it fails: families with missed incidents or false alarms.
pub fn failures(page: &mut String, scores: &Scores) {
    let mut rows = Vec::new();
    for (family, report) in &scores.families {
        for rule in &report.rules {
            let missed = rule.all.recall.of - rule.all.recall.count;
            if missed + rule.alerts.wrong > 0 {
                let by: Vec<String> = rule
                    .by_intensity
                    .iter()
                    .filter(|(_, found)| found.recall.count < found.recall.of)
                    .map(|(intensity, found)| format!("{} {}", found.recall.of - found.recall.count, intensity.as_str()))
                    .collect();
                rows.push(vec![
                    family.clone(),
                    rule.rule.clone(),
                    missed.to_string(),
                    by.join(", "),
                    rule.alerts.wrong.to_string(),
                ]);
            }
        }
    }
    let about = "Every family with an incident that was missed or an alert that was false.";
    section(page, "Where it fails", about, &["family", "rule", "missed", "of which", "false alarms"], &rows);
}

/// The rules nobody has labels for in these worlds.
pub fn unlabelled(scores: &Scores) -> Vec<&'static str> {
    let labelled =
        |rule: &RuleName| scores.report.rules.iter().any(|report| report.rule == rule.as_str() && report.all.recall.of > 0);
    RuleName::ALL.iter().filter(|rule| !labelled(rule)).map(|rule| rule.as_str()).collect()
}

pub fn share(share: &Share) -> String {
    share.value.map_or(NONE.to_owned(), |value| format!("{value:.3} ({:.3}–{:.3})", share.lower, share.upper))
}

pub fn rate(rate: &Rate) -> String {
    let number = |value: Option<f64>| value.map_or(NONE.to_owned(), |value| format!("{value:.4}"));
    format!("{} ({})", number(rate.per_app_day), number(rate.at_most))
}

fn quantiles(of: &Quantiles, decimals: usize) -> String {
    match (of.median, of.p90) {
        (Some(median), Some(p90)) => format!("{median:.decimals$} / {p90:.decimals$}"),
        _ => NONE.to_owned(),
    }
}
