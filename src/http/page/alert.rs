//! `/alerts/{id}`: one alert: what happened, by which numbers, by which calls, under which clause, and what can be done here.

use maud::{Markup, html};

use super::{Head, badge, forms, frame, ledger, moment, path_of_app, picture, rule};
use crate::explain::{Counted, Words, entered, spaced};
use crate::http::Site;
use crate::http::alerts::{OpenAlert, open};
use crate::http::answer::Refusal;
use crate::http::routes::{Asked, Nothing};
use crate::status::AppStatus;

/// Entries of the app's ledger shown beside an alert.
const ENTRIES_SHOWN: usize = 10;

/// `GET /alerts/{id}`
pub(in crate::http) fn show(asked: Asked<'_, Nothing>) -> Result<Markup, Refusal> {
    let (app, at) = match open(asked.site, asked.id) {
        Ok(found) => found,
        Err(refusal) => return over(asked.site, asked.id).ok_or(refusal),
    };
    let marked = OpenAlert::new(asked.site, &app.open_alerts[at]);
    let (alert, words) = (&marked.alert, Words::of(&marked.alert));
    let title = format!("{} by {}", alert.rule.as_str(), alert.app_id);
    Ok(frame(
        &Head::of(asked.site, &title),
        &html! {
            h1 { (badge(alert.severity)) " " (rule(alert.rule)) " by " a href=(path_of_app(&app.app_id)) { (app.app_id) } " " (app.name()) }
            p.lead { (words.summary) }
            (said(&marked))
            @for caution in &words.cautions { p.caution { (caution) } }
            (facts(&marked, &words))
            h2 { "What was counted" }
            @for counted in &words.counted { (number(counted)) }
            @if !words.calls.is_empty() {
                h2 { "Calls that show it" }
                p.dim { "Each with the partition and offset of its record, or the file and line." }
                ol.calls { @for call in &words.calls { li { (call) } } }
            }
            (day(&app))
            (ledger(&app.ledger, ENTRIES_SHOWN))
            h2 { "What to do" }
            p { (words.basis) }
            div.forms { (forms::acknowledging(alert)) (forms::muting(&app.app_id, Some(alert.rule))) }
            h2 { "On the command line" }
            p.dim { "The same in a terminal; and judged again from the records of that time, which gives the same alert." }
            pre { "dialwatch explain " (alert.alert_id) }
            pre {
                "dialwatch replay -c dialwatch.yaml --format tccc --alerts alerts.jsonl calls.jsonl\n"
                "dialwatch explain " (alert.alert_id) " --alerts alerts.jsonl"
            }
        },
    ))
}

/// An alert that is over and was recorded.
fn over(site: &Site, alert_id: &str) -> Option<Markup> {
    let apps = site.view.board.apps();
    let recorded = |app: &AppStatus| app.ledger.entries().iter().rfind(|entry| *entry.alert_id == *alert_id).cloned();
    let (app, entry) = apps.iter().find_map(|app| Some((app, recorded(app)?)))?;
    Some(frame(
        &Head::of(site, "An alert that is over"),
        &html! {
            h1 { (badge(entry.severity)) " " (rule(entry.rule)) " by " a href=(path_of_app(&app.app_id)) { (app.app_id) } " " (app.name()) }
            p { "This alert is no longer open. The ledger has of it:" }
            p.lead { (entered(&entry)) }
            p { "Its evidence is in the alert as it was sent: in the topic of alerts, or a file of them." }
            pre { "dialwatch explain " (alert_id) " --alerts alerts.jsonl" }
        },
    ))
}

/// What people said of it.
fn said(marked: &OpenAlert) -> Markup {
    html! {
        @if let Some(remark) = &marked.acknowledged {
            p.said { "Known to " b { (remark.by) } " until " (moment(remark.until)) ": " (remark.reason) }
        }
        @if let Some(until) = marked.muted_until {
            p.said { "Muted until " (moment(until)) ". " a href=(path_of_app(&marked.alert.app_id)) { "By whom, and why" } }
        }
    }
}

fn facts(marked: &OpenAlert, words: &Words) -> Markup {
    let (alert, subject) = (&marked.alert, &marked.alert.subject);
    html! {
        dl.facts {
            dt { "Opened" } dd { (words.opened) }
            dt { "Window" } dd { (words.window) }
            dt { "Subject" } dd {
                (subject.kind)
                @if let Some(number) = &subject.number { " " (number) }
                @if let Some(pseudonym) = &subject.pseudonym { " " code { (pseudonym) } }
            }
            dt { "Rule" } dd { (alert.rule.info().summary) }
            dt { "Clause" } dd { (alert.policy.clause) " of " (alert.policy.pack) }
            dt { "Recommended" } dd { (spaced(&alert.recommended_action)) }
            dt { "Policy version" } dd { code { (alert.policy.version) } }
            dt { "Completeness" } dd { (format!("{:.1} %", alert.completeness * 100.0)) }
            dt { "Last judged" } dd { (moment(alert.updated_at)) }
            dt { "Alert id" } dd { code { (alert.alert_id) } }
            dt { "In Alertmanager" } dd { code { (marked.fingerprint) } }
        }
    }
}

fn number(counted: &Counted) -> Markup {
    html! {
        div.number {
            p { (counted.definition) ":" }
            p.formula { (counted.formula) }
            (picture::against_limit(&counted.evidence))
        }
    }
}

/// The calls of its app's day beside what is usual.
pub(super) fn day(app: &AppStatus) -> Markup {
    let knows_week = app.course.usual.iter().any(Option::is_some);
    html! {
        h2 { "The app's last day" }
        @if app.course.placed.is_empty() { p.dim { "It placed no call in the quarters of an hour of the last day that are over." } } @else {
            figure {
                (picture::course(&app.course))
                figcaption.dim {
                    "Calls by quarters of an hour, 24 hours from " (moment(app.course.from)) ". "
                    @if knows_week { "The line is what its own week has at such an hour." }
                    @else { "What is usual is not known: that takes a week, and nothing is learned while an alert is open." }
                }
            }
        }
    }
}
