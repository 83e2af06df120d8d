//! What people say of alerts: acknowledged, muted, no longer muted. Each is a line of the log under the target `audit`, whoever
//! said it on the page or by the API. The token tells nobody apart, so `by` is what they call themselves.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::Refusal;
use super::routes::{Asked, Nothing, Told};
use super::{alerts, api};
use crate::engine::detector::RuleName;
use crate::engine::time::Timestamp;
use crate::mutes::{Mute, NAME_MAX, NotTaken, REASON_MAX, Remark, said};

/// Marks an alert.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Acknowledge {
    /// It holds until then, by the wall clock: RFC 3339, at most a year ahead.
    #[schemars(with = "String")]
    pub(super) until: Timestamp,
    /// Why, in one line of at most 500 characters.
    pub(super) reason: String,
    /// Who, in at most 100 characters.
    pub(super) by: String,
}

/// Mutes alerts of an app.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MuteApp {
    /// Only alerts by this rule.
    #[serde(default)]
    pub(super) rule: Option<RuleName>,
    /// It holds until then, by the wall clock: RFC 3339, at most a year ahead.
    #[schemars(with = "String")]
    pub(super) until: Timestamp,
    /// Why, in one line of at most 500 characters.
    pub(super) reason: String,
    /// Who, in at most 100 characters.
    pub(super) by: String,
}

/// Takes a mute back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Unmute {
    /// The rule that was muted; absent for the mute of all.
    #[serde(default)]
    pub(super) rule: Option<RuleName>,
    /// Why, in one line of at most 500 characters.
    pub(super) reason: String,
    /// Who, in at most 100 characters.
    pub(super) by: String,
}

/// What holds of an alert from now on.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Acknowledged {
    /// The alert.
    pub(super) alert_id: String,
    /// Who, why, until when.
    #[serde(flatten)]
    remark: Remark,
}

/// The mutes in force.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MuteList {
    /// All of them, by app and rule.
    mutes: Vec<Mute>,
    /// How many there are.
    total: usize,
}

impl From<NotTaken> for Refusal {
    fn from(reason: NotTaken) -> Self {
        match reason {
            NotTaken::Field { .. } => Refusal::bad_request(reason.to_string()),
            NotTaken::Full(_) => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason.to_string()),
        }
    }
}

/// `POST /api/v1/alerts/{id}/acknowledge`
pub(super) fn acknowledge(told: Told<'_, Acknowledge>) -> Result<Acknowledged, Refusal> {
    let (site, Acknowledge { until, reason, by }) = (told.site, told.body);
    let (app, at) = alerts::open(site, told.id)?;
    let alert = &app.open_alerts[at];
    let remark = Remark::new(&by, &reason, until, (site.clock)())?;
    site.view.acknowledgements.acknowledge(&alert.alert_id, remark.clone())?;
    tracing::info!(
        target: "audit",
        who = remark.by, why = remark.reason, until = %remark.until,
        alert_id = alert.alert_id, app_id = app.app_id, rule = alert.rule.as_str(),
        "alert acknowledged"
    );
    Ok(Acknowledged { alert_id: alert.alert_id.clone(), remark })
}

/// `POST /api/v1/apps/{id}/mute`
pub(super) fn mute(told: Told<'_, MuteApp>) -> Result<Mute, Refusal> {
    let (site, MuteApp { rule, until, reason, by }) = (told.site, told.body);
    let app = api::app_of(site, told.id)?;
    let remark = Remark::new(&by, &reason, until, (site.clock)())?;
    site.view.mutes.mute(&app.app_id, rule, remark.clone())?;
    tracing::info!(
        target: "audit",
        who = remark.by, why = remark.reason, until = %remark.until, app_id = app.app_id, rule = name(rule),
        "app muted"
    );
    Ok(Mute { app_id: app.app_id.clone(), rule, remark })
}

/// `POST /api/v1/apps/{id}/unmute`
pub(super) fn unmute(told: Told<'_, Unmute>) -> Result<Mute, Refusal> {
    let (site, Unmute { rule, reason, by }) = (told.site, told.body);
    let (by, reason) = (said("by", &by, NAME_MAX)?, said("reason", &reason, REASON_MAX)?);
    let lifted = site.view.mutes.lift(told.id, rule, (site.clock)());
    let remark = lifted.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "there is no such mute, or it is over already"))?;
    tracing::info!(target: "audit", who = by, why = reason, app_id = told.id, rule = name(rule), "app unmuted");
    Ok(Mute { app_id: told.id.to_owned(), rule, remark })
}

/// `GET /api/v1/mutes`
pub(super) fn mutes(asked: Asked<'_, Nothing>) -> Result<MuteList, Refusal> {
    let mutes = asked.site.view.mutes.all((asked.site.clock)());
    Ok(MuteList { total: mutes.len(), mutes })
}

fn name(rule: Option<RuleName>) -> &'static str {
    rule.map_or("all", RuleName::as_str)
}
