//! The forms of the page: acknowledge, mute, take a mute back. They do what the API does, and lead back to what they were about.

use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::wanted::one_of;
use super::{path_of_alert, path_of_app};
use crate::engine::alert::Alert;
use crate::engine::detector::RuleName;
use crate::engine::time::{HOUR_S, SECOND_MS, Timestamp};
use crate::http::Site;
use crate::http::answer::Refusal;
use crate::http::remarks::{self, Acknowledge, MuteApp, Unmute};
use crate::http::routes::Told;
use crate::mutes::{Mute, NAME_MAX, REASON_MAX};

/// For how long something may be said to hold: hours, and the words for it.
const LENGTHS: [(u32, &str); 6] =
    [(1, "one hour"), (4, "four hours"), (24, "a day"), (72, "three days"), (168, "a week"), (720, "thirty days")];

/// What a form brings.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::http) struct Filled {
    rule: String,
    hours: u32,
    reason: String,
    by: String,
}

impl Filled {
    fn until(&self, site: &Site) -> Timestamp {
        (site.clock)().plus_millis(i64::from(self.hours) * i64::from(HOUR_S) * SECOND_MS)
    }
}

/// `POST /alerts/{id}/acknowledge`
pub(in crate::http) fn acknowledge(told: Told<'_, Filled>) -> Result<Response, Refusal> {
    let Told { site, id, headers, body: filled } = told;
    let body = Acknowledge { until: filled.until(site), reason: filled.reason, by: filled.by };
    let done = remarks::acknowledge(Told { site, id, headers, body })?;
    Ok(Redirect::to(&path_of_alert(&done.alert_id)).into_response())
}

/// `POST /apps/{id}/mute`
pub(in crate::http) fn mute(told: Told<'_, Filled>) -> Result<Response, Refusal> {
    let Told { site, id, headers, body: filled } = told;
    let rule = one_of("rule", &filled.rule)?;
    let body = MuteApp { rule, until: filled.until(site), reason: filled.reason, by: filled.by };
    let done = remarks::mute(Told { site, id, headers, body })?;
    Ok(Redirect::to(&path_of_app(&done.app_id)).into_response())
}

/// `POST /apps/{id}/unmute`
pub(in crate::http) fn unmute(told: Told<'_, Filled>) -> Result<Response, Refusal> {
    let Told { site, id, headers, body: filled } = told;
    let body = Unmute { rule: one_of("rule", &filled.rule)?, reason: filled.reason, by: filled.by };
    let done = remarks::unmute(Told { site, id, headers, body })?;
    Ok(Redirect::to(&path_of_app(&done.app_id)).into_response())
}

/// The form that marks an alert.
pub(super) fn acknowledging(alert: &Alert) -> Markup {
    html! {
        form.said method="post" action=(format!("{}/acknowledge", path_of_alert(&alert.alert_id))) {
            h3 { "Acknowledge" }
            p.dim { "Marks this alert as known. It is sent and shown as before." }
            (lasting()) (who_and_why())
            button { "Acknowledge" }
        }
    }
}

/// The form that mutes an app, or one of its rules.
pub(super) fn muting(app_id: &str, about: Option<RuleName>) -> Markup {
    html! {
        form.said method="post" action=(format!("{}/mute", path_of_app(app_id))) {
            h3 { "Mute" }
            p.dim { "Hides the app's alerts here until then. It is judged, and recorded in its ledger, as before." }
            label { "Alerts by " select name="rule" {
                option value="" { "every rule" }
                @for rule in RuleName::ALL { option value=(rule.as_str()) selected[about == Some(*rule)] { (rule.as_str()) } }
            } }
            (lasting()) (who_and_why())
            button { "Mute" }
        }
    }
}

/// The form that takes a mute back.
pub(super) fn unmuting(mute: &Mute) -> Markup {
    html! {
        details {
            summary { "Take back" }
            form method="post" action=(format!("{}/unmute", path_of_app(&mute.app_id))) {
                input type="hidden" name="rule" value=(mute.rule.map_or("", RuleName::as_str));
                (who_and_why())
                button { "Take back" }
            }
        }
    }
}

fn lasting() -> Markup {
    html! {
        label { "For " select name="hours" {
            @for (hours, words) in LENGTHS { option value=(hours) selected[hours == 24] { (words) } }
        } }
    }
}

fn who_and_why() -> Markup {
    html! {
        label { "Who you are " input name="by" required maxlength=(NAME_MAX) autocomplete="username"; }
        label { "Why, without phone numbers " input name="reason" required maxlength=(REASON_MAX); }
    }
}
