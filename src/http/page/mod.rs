//! The page: what a person sees in a browser. Made on the server, whole without scripts, and with nothing from elsewhere.
//!
//! It shows what the API shows, in the words of `explain`. Everything that is not ours (names, reasons, masks) goes into it
//! through `maud`, which escapes it. It never decides who may look: `guard` does.

pub(super) mod alert;
pub(super) mod app;
pub(super) mod forms;
pub(super) mod login;
pub(super) mod overview;
mod picture;
mod wanted;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::Site;
use super::answer::Refusal;
use crate::engine::alert::ledger::Ledger;
use crate::engine::detector::{RuleName, Severity};
use crate::engine::time::Timestamp;
use crate::explain::entered;

/// Nothing is loaded but our own style, nothing runs, nobody frames us, and forms come back here.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// `GET /style.css`
pub(super) fn style(_: &Site) -> (StatusCode, String) {
    (StatusCode::OK, include_str!("style.css").to_owned())
}

/// A page as an answer.
pub(super) fn answer(page: Markup) -> Response {
    let fixed = HeaderValue::from_static;
    let headers: [(HeaderName, HeaderValue); 5] = [
        (header::CONTENT_TYPE, fixed("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, fixed(POLICY)),
        (header::CACHE_CONTROL, fixed("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
        // Not `no-referrer`: browsers would no longer say which page a form is from.
        (header::REFERRER_POLICY, fixed("same-origin")),
    ];
    (headers, page.into_string()).into_response()
}

/// A page that says why there is none.
pub(super) fn refused(refusal: &Refusal) -> Response {
    let page = frame(
        &Head::titled(refusal.status.canonical_reason().unwrap_or("refused")),
        &html! {
            h1 { (refusal.status.canonical_reason().unwrap_or("Refused")) }
            p { (refusal.error) }
            p { a href="/" { "All open alerts" } }
        },
    );
    with_status(refusal.status, page)
}

fn with_status(status: StatusCode, page: Markup) -> Response {
    let mut response = answer(page);
    *response.status_mut() = status;
    response
}

/// What stands above a page.
struct Head<'a> {
    title: &'a str,
    /// Seconds after which it is loaded again, if that was asked for.
    refresh_s: Option<u32>,
    /// Whether there is a session to leave.
    can_leave: bool,
}

impl<'a> Head<'a> {
    /// A page that somebody without a session may see.
    fn titled(title: &'a str) -> Self {
        Self { title, refresh_s: None, can_leave: false }
    }

    fn of(site: &Site, title: &'a str) -> Self {
        Self { can_leave: site.access.token().is_some(), ..Self::titled(title) }
    }
}

/// A whole page.
fn frame(head: &Head<'_>, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                @if let Some(seconds) = head.refresh_s { meta http-equiv="refresh" content=(seconds); }
                title { (head.title) " · dialwatch" }
                link rel="stylesheet" href="/style.css";
            }
            body {
                header {
                    a.name href="/" { "dialwatch" }
                    nav {
                        a href="/" { "Alerts" }
                        a href="/api/v1/rules" { "Rules" }
                        a href="/metrics" { "Metrics" }
                        @if head.can_leave {
                            form method="post" action="/logout" { button.plain { "Log out" } }
                        }
                    }
                }
                main { (content) }
                footer { "Times of calls and alerts are event time, UTC. Phone numbers are shown as masks." }
            }
        }
    }
}

/// How grave, in a word and a colour.
fn badge(severity: Severity) -> Markup {
    html! { span class={ "badge " (severity) } { (severity) } }
}

/// A moment.
fn moment(at: Timestamp) -> Markup {
    let text = at.to_string();
    html! { time datetime=(text) { (text.trim_end_matches('Z').replace('T', " ")) } }
}

/// A rule, with what it says where a pointer rests on it.
fn rule(rule: RuleName) -> Markup {
    html! { span title=(rule.info().summary) { (rule.as_str()) } }
}

/// What was recorded against an app, the newest first.
fn ledger(ledger: &Ledger, most: usize) -> Markup {
    let (entries, dropped) = (ledger.entries(), ledger.dropped());
    html! {
        h2 { "Ledger" }
        p { (crate::explain::counted(ledger.strikes(), "strike")) " in "
            (crate::explain::counted(entries.len() as u64 + dropped, "entry").replace("entrys", "entries")) "." }
        @if !entries.is_empty() {
            ul.ledger { @for entry in entries.iter().rev().take(most) { li { (entered(entry)) } } }
        }
        @if entries.len() > most { p.dim { "The newest " (most) " are shown; the API has the rest." } }
    }
}

/// A text as a part of a path or of a query.
fn encoded(text: &str) -> String {
    use std::fmt::Write;
    let mut safe = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            safe.push(byte.into());
        } else {
            let _ = write!(safe, "%{byte:02X}");
        }
    }
    safe
}

/// Where the page of an app is.
fn path_of_app(app_id: &str) -> String {
    format!("/apps/{}", encoded(app_id))
}

/// Where the page of an alert is.
fn path_of_alert(alert_id: &str) -> String {
    format!("/alerts/{}", encoded(alert_id))
}
