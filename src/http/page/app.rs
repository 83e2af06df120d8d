//! `/apps/{id}`: one app: its day, what it filed, its open alerts, what was recorded against it, who muted it.

use maud::{Markup, html};

use super::alert::day;
use super::{Head, badge, forms, frame, ledger, moment, path_of_alert, picture, rule};
use crate::explain::{counted, grouped};
use crate::http::answer::Refusal;
use crate::http::api::{LIMIT, app_of};
use crate::http::routes::{Asked, Nothing};
use crate::mutes::Mute;
use crate::status::{AppStatus, Filed};

/// `GET /apps/{id}`
pub(in crate::http) fn show(asked: Asked<'_, Nothing>) -> Result<Markup, Refusal> {
    let app = app_of(asked.site, asked.id)?;
    let mutes = asked.site.view.mutes.of_app(&app.app_id, (asked.site.clock)());
    Ok(frame(
        &Head::of(asked.site, &app.app_id),
        &html! {
            h1 { (app.app_id) " " (app.name()) " " @if let Some(severity) = app.gravest() { (badge(severity)) } }
            p.dim {
                "Partition " (app.partition) "; judged up to " (moment(app.as_of)) "; "
                (counted(app.calls_judged, "call")) " judged in all, "
                (counted(app.callees_remembered as u64, "callee")) " remembered."
            }
            @for mute in &mutes { (muted(mute)) }
            (alerts(&app))
            (day(&app))
            (outcomes(&app))
            (filed(app.filed.as_ref()))
            (terms(&app))
            (ledger(&app.ledger, LIMIT))
            div.forms { (forms::muting(&app.app_id, None)) }
        },
    ))
}

fn muted(mute: &Mute) -> Markup {
    html! {
        div.said {
            "Alerts by " @match mute.rule { Some(of) => (rule(of)), None => "every rule" }
            " are muted until " (moment(mute.remark.until)) " by " b { (mute.remark.by) } ": " (mute.remark.reason)
            (forms::unmuting(mute))
        }
    }
}

fn alerts(app: &AppStatus) -> Markup {
    html! {
        h2 { (counted(app.open_alerts.len() as u64, "open alert")) }
        @if !app.open_alerts.is_empty() {
            table.alerts { tbody {
                @for alert in app.open_alerts.iter().take(LIMIT) {
                    tr {
                        td { (badge(alert.severity)) }
                        td.what {
                            a href=(path_of_alert(&alert.alert_id)) { (rule(alert.rule)) }
                            @if let Some(number) = &alert.subject.number { " " span.dim { (alert.subject.kind) " " (number) } }
                            div.summary { (alert.summary) }
                        }
                        td.since { (moment(alert.starts_at)) }
                    }
                }
            } }
        }
        @if app.open_alerts.len() > LIMIT { p.dim { "The gravest " (LIMIT) " are shown." } }
    }
}

/// How its calls of the day ended.
fn outcomes(app: &AppStatus) -> Markup {
    let day = &app.day;
    let rows = [
        ("answered", day.answered),
        ("of these over within 6 s", day.short),
        ("of these over within 6 s, and nobody there", day.dropped),
        ("declined", day.rejected),
        ("rang out", day.no_answer),
        ("busy", day.busy),
        ("number does not exist", day.invalid_number),
        ("unreachable", day.unreachable),
        ("voicemail", day.voicemail),
        ("network failed", day.network_error),
        ("refused by the carrier", day.blocked_carrier),
        ("given up by the caller", day.cancelled),
        ("to people first contacted within the day", day.fresh),
    ];
    html! {
        h2 { "How its calls ended" }
        p { (counted(day.placed.into(), "call")) " to " (counted(app.callees_day.into(), "callee")) " in the last 24 hours." }
        @if day.placed > 0 {
            table.outcomes { tbody {
                @for (words, count) in rows.iter().filter(|(_, count)| *count > 0) {
                    tr {
                        td { (words) }
                        td.count { (grouped((*count).into())) }
                        td.count { (format!("{:.1} %", f64::from(*count) * 100.0 / f64::from(day.placed))) }
                        td.share { (picture::part(*count, day.placed)) }
                    }
                }
            } }
        }
    }
}

fn filed(filed: Option<&Filed>) -> Markup {
    let text = |name: &str, value: &str| html! { @if !value.is_empty() { dt { (name) } dd { (value) } } };
    html! {
        h2 { "What it filed" }
        @match filed {
            None => { p { "Nothing: it is judged by what holds for everybody." } }
            Some(filed) => {
                dl.facts {
                    (text("Name", &filed.name))
                    (text("Industry", &filed.industry))
                    (text("Scene", &filed.scene))
                    @if let Some(seats) = filed.seats { dt { "Seats" } dd { (seats) } }
                    dt { "Caller numbers" } dd { (filed.callers) }
                    (text("Declared use", &filed.declared_use.join(", ")))
                    (text("Regions", &filed.regions.join(", ")))
                    (text("Time zone", filed.timezone.as_deref().unwrap_or_default()))
                    @if let Some(since) = filed.since { dt { "Customer since" } dd { (moment(since)) } }
                    @if let Some(limits) = &filed.limits { dt { "Limits" } dd { code { (limits) } } }
                }
            }
        }
    }
}

/// What of the policy holds for it alone.
fn terms(app: &AppStatus) -> Markup {
    let Some(terms) = app.terms.as_ref() else { return html! {} };
    html! {
        @for fault in terms.faults() { p.caution { "A limit filed for it does not hold: " (fault) } }
        @if !terms.exceptions().is_empty() {
            h2 { "Exceptions" }
            ul {
                @for exception in terms.exceptions() {
                    li { (rule(exception.rule)) " until " (moment(exception.until)) ": " (exception.reason) }
                }
            }
        }
    }
}
