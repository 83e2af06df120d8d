//! `/`: the open alerts, the gravest first, a hundred at a time; filters, and a search for apps.

use std::sync::Arc;

use maud::{Markup, html};

use super::wanted::{Query, REFRESHES_S, Wanted};
use super::{Head, badge, frame, moment, path_of_alert, path_of_app, picture, rule};
use crate::engine::alert::Alert;
use crate::engine::detector::{RuleName, Severity};
use crate::explain::{counted, grouped};
use crate::http::Site;
use crate::http::answer::Refusal;
use crate::http::api::{LIMIT, page};
use crate::http::routes::Asked;
use crate::mutes::Remark;
use crate::status::{AppStatus, gravest_first};

/// Apps listed that match what is searched for.
const APPS_SHOWN: usize = 20;

/// An open alert, its app, and what people said of it.
struct Row<'a> {
    app: &'a AppStatus,
    alert: &'a Alert,
    is_muted: bool,
}

/// What is listed, and how much else there is.
struct List<'a> {
    rows: Vec<Row<'a>>,
    /// As many as match.
    total: usize,
    /// How many there would be of each severity, mildest first.
    by_severity: [usize; 4],
    /// Alerts that are not counted above since they are muted.
    hidden: usize,
}

/// `GET /`
pub(in crate::http) fn show(asked: Asked<'_, Query>) -> Result<Markup, Refusal> {
    let wanted = Wanted::try_from(asked.query)?;
    let mut apps = asked.site.view.board.apps();
    apps.sort_unstable_by(|app, other| app.app_id.cmp(&other.app_id));
    let list = list(asked.site, &wanted, &apps)?;
    let head = Head { refresh_s: wanted.refresh_s, ..Head::of(asked.site, "Open alerts") };
    Ok(frame(
        &head,
        &html! {
            h1 { "Open alerts" }
            (standing(asked.site, &apps))
            (severities(&wanted, &list))
            (filters(&wanted))
            @if !wanted.app.is_empty() { (found(&wanted, &apps)) }
            (pages(&wanted, list.total))
            (table(asked.site, &list))
            (pages(&wanted, list.total))
            @if list.hidden > 0 {
                p.dim {
                    (counted(list.hidden as u64, "muted alert")) " not shown. "
                    a href=(Wanted { shows_muted: true, page: 1, ..wanted.clone() }.path()) { "Show them too" }
                }
            }
        },
    ))
}

fn list<'a>(site: &Site, wanted: &Wanted, apps: &'a [Arc<AppStatus>]) -> Result<List<'a>, Refusal> {
    let now = (site.clock)();
    let (mut rows, mut by_severity, mut hidden) = (Vec::new(), [0; 4], 0);
    for app in apps.iter().filter(|app| !app.open_alerts.is_empty() && wanted.is_about(app)) {
        for alert in app.open_alerts.iter().filter(|alert| wanted.rule.is_none_or(|rule| rule == alert.rule)) {
            let is_muted = site.view.mutes.is_muted(&app.app_id, alert.rule, now);
            if is_muted && !wanted.shows_muted {
                hidden += 1;
                continue;
            }
            by_severity[alert.severity as usize] += 1;
            if wanted.severity.is_none_or(|severity| severity == alert.severity) {
                rows.push(Row { app, alert, is_muted });
            }
        }
    }
    let total = rows.len();
    let offset = (wanted.page - 1).saturating_mul(LIMIT);
    let rows = page(rows, offset, LIMIT, |row, other| gravest_first(row.alert, other.alert))?;
    Ok(List { rows, total, by_severity, hidden })
}

/// How much there is in all, and up to when it is judged.
fn standing(site: &Site, apps: &[Arc<AppStatus>]) -> Markup {
    let alerts: usize = apps.iter().map(|app| app.open_alerts.len()).sum();
    let accused = apps.iter().filter(|app| !app.open_alerts.is_empty()).count();
    let judged = apps.iter().map(|app| app.as_of).max();
    html! {
        p.dim {
            (counted(alerts as u64, "alert")) " about " (grouped(accused as u64)) " of " (counted(apps.len() as u64, "app"))
            ". The service is " (site.view.health.stage().as_str())
            @if let Some(judged) = judged { "; calls are judged up to " (moment(judged)) }
            "."
        }
    }
}

fn severities(wanted: &Wanted, list: &List<'_>) -> Markup {
    let link = |severity: Option<Severity>| Wanted { severity, page: 1, ..wanted.clone() }.path();
    let all: usize = list.by_severity.iter().sum();
    html! {
        nav.severities aria-label="By severity" {
            a.current[wanted.severity.is_none()] href=(link(None)) { b { (grouped(all as u64)) } " all" }
            @for severity in Severity::ALL.into_iter().rev() {
                a class={ (severity) @if wanted.severity == Some(severity) { " current" } } href=(link(Some(severity))) {
                    b { (grouped(list.by_severity[severity as usize] as u64)) } " " (severity)
                }
            }
        }
    }
}

fn filters(wanted: &Wanted) -> Markup {
    html! {
        form.filters method="get" action="/" {
            label { "App " input type="search" name="app" value=(wanted.app) placeholder="id or name" maxlength="100"; }
            label { "Rule " select name="rule" {
                option value="" { "every rule" }
                @for rule in RuleName::ALL {
                    option value=(rule.as_str()) selected[wanted.rule == Some(*rule)] { (rule.as_str()) }
                }
            } }
            label { "Severity " select name="severity" {
                option value="" { "every severity" }
                @for severity in Severity::ALL.into_iter().rev() {
                    option value=(severity) selected[wanted.severity == Some(severity)] { (severity) }
                }
            } }
            label { "Load again " select name="refresh" {
                option value="" { "never" }
                @for seconds in REFRESHES_S {
                    option value=(seconds) selected[wanted.refresh_s == Some(seconds)] { "every " (seconds) " s" }
                }
            } }
            label { input type="checkbox" name="muted" value="show" checked[wanted.shows_muted]; " muted too" }
            button { "Filter" }
            a href="/" { "Reset" }
        }
    }
}

/// Apps that match, alerts or not.
fn found(wanted: &Wanted, apps: &[Arc<AppStatus>]) -> Markup {
    let matching: Vec<&Arc<AppStatus>> = apps.iter().filter(|app| wanted.is_about(app)).collect();
    html! {
        section {
            h2 { (counted(matching.len() as u64, "app")) " with “" (wanted.app) "” in id or name" }
            ul.apps {
                @for app in matching.iter().take(APPS_SHOWN) {
                    li {
                        a href=(path_of_app(&app.app_id)) { (app.app_id) } " " (app.name()) " "
                        @if let Some(severity) = app.gravest() { (badge(severity)) }
                        span.dim { " " (counted(app.day.placed.into(), "call")) " of the last day" }
                    }
                }
            }
            @if matching.len() > APPS_SHOWN { p.dim { "The first " (APPS_SHOWN) " are shown." } }
        }
    }
}

/// Which part is shown, and the way to the others.
fn pages(wanted: &Wanted, total: usize) -> Markup {
    let last = total.div_ceil(LIMIT).max(1);
    let first_shown = ((wanted.page - 1).saturating_mul(LIMIT) + 1).min(total);
    let last_shown = wanted.page.saturating_mul(LIMIT).min(total);
    let link = |page: usize, words: &str| html! { a href=(Wanted { page, ..wanted.clone() }.path()) { (words) } };
    html! {
        p.pages {
            @if total == 0 { "No alert." } @else if wanted.page > last { "There are " (last) " pages." } @else {
                (grouped(first_shown as u64)) "–" (grouped(last_shown as u64)) " of " (grouped(total as u64))
            }
            @if wanted.page > 1 { " " (link(1, "first")) " " (link((wanted.page - 1).min(last), "previous")) }
            @if wanted.page < last { " " (link(wanted.page + 1, "next")) " " (link(last, "last")) }
        }
    }
}

fn table(site: &Site, list: &List<'_>) -> Markup {
    let now = (site.clock)();
    html! {
        @if !list.rows.is_empty() {
            table.alerts {
                thead { tr { th { "Severity" } th { "App" } th { "What" } th { "Its last day" } th { "Since" } } }
                tbody {
                    @for row in &list.rows {
                        (line(row, site.view.acknowledgements.of(&row.alert.alert_id, now).as_ref()))
                    }
                }
            }
        }
    }
}

fn line(row: &Row<'_>, acknowledged: Option<&Remark>) -> Markup {
    let Row { app, alert, is_muted } = row;
    html! {
        tr {
            td { (badge(alert.severity)) }
            td.app {
                a href=(path_of_app(&app.app_id)) { (app.app_id) }
                @if !app.name().is_empty() { div.dim { (app.name()) } }
                @if let Some(number) = &alert.subject.number { div.dim { (alert.subject.kind) " " (number) } }
            }
            td.what {
                a href=(path_of_alert(&alert.alert_id)) { (rule(alert.rule)) }
                @if *is_muted { " " span.tag { "muted" } }
                @if let Some(remark) = acknowledged { " " span.tag title=(remark.reason) { "known to " (remark.by) } }
                div.summary { (alert.summary) }
            }
            td.day { (picture::course(&app.course)) }
            td.since { (moment(alert.starts_at)) div.dim { (counted(alert.calls_before_alert, "call")) " before" } }
        }
    }
}
