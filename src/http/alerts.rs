//! The open alerts as the API lists them: each as it would be sent now, with what people said of it.
//!
//! Alerts that are over are not here: they are in the ledgers, and wherever alerts are sent.

use std::sync::Arc;

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Site;
use super::answer::Refusal;
use super::api::{LIMIT, page};
use super::routes::{Asked, Nothing};
use crate::engine::alert::Alert;
use crate::engine::detector::{RuleName, Severity};
use crate::engine::time::Timestamp;
use crate::mutes::Remark;
use crate::sink::letter::{fingerprint, labels};
use crate::status::{AppStatus, gravest_first};

/// Which alerts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AlertsQuery {
    /// Only alerts by this rule.
    rule: Option<RuleName>,
    /// Only alerts this grave.
    severity: Option<Severity>,
    /// Only alerts about this app.
    app_id: Option<String>,
    /// How many to list.
    #[schemars(range(min = 1, max = 1000))]
    limit: usize,
    /// How many to pass over.
    offset: usize,
}

impl Default for AlertsQuery {
    fn default() -> Self {
        Self { rule: None, severity: None, app_id: None, limit: LIMIT, offset: 0 }
    }
}

/// Open alerts.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Alerts {
    /// As many as were asked for, in order, muted ones among them.
    alerts: Vec<OpenAlert>,
    /// How many there are.
    total: usize,
}

/// An open alert, and what people said of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct OpenAlert {
    /// As it would be sent now.
    #[serde(flatten)]
    pub(super) alert: Alert,
    /// Its fingerprint in Alertmanager.
    pub(super) fingerprint: String,
    /// Until when it is muted, by the wall clock; absent if it is not.
    #[schemars(with = "Option<String>")]
    pub(super) muted_until: Option<Timestamp>,
    /// Who knows of it.
    pub(super) acknowledged: Option<Remark>,
}

impl OpenAlert {
    /// An alert with what holds of it now.
    pub(super) fn new(site: &Site, alert: &Alert) -> Self {
        let now = (site.clock)();
        Self {
            alert: alert.clone(),
            fingerprint: fingerprint(&labels(&site.view.external_labels, alert, alert.severity)),
            muted_until: site.view.mutes.muted_until(&alert.app_id, alert.rule, now),
            acknowledged: site.view.acknowledgements.of(&alert.alert_id, now),
        }
    }
}

/// `GET /api/v1/alerts`
pub(super) fn alerts(asked: Asked<'_, AlertsQuery>) -> Result<Alerts, Refusal> {
    let AlertsQuery { rule, severity, app_id, limit, offset } = asked.query;
    let board = &asked.site.view.board;
    let apps = app_id.map_or_else(|| board.apps(), |app_id| board.app(&app_id).into_iter().collect());
    let is_wanted =
        |alert: &&Alert| rule.is_none_or(|rule| alert.rule == rule) && severity.is_none_or(|severity| alert.severity == severity);
    let found: Vec<&Alert> = apps.iter().flat_map(|app| &app.open_alerts).filter(is_wanted).collect();
    let total = found.len();
    let alerts = page(found, offset, limit, |alert, other| gravest_first(alert, other))?;
    Ok(Alerts { alerts: alerts.into_iter().map(|alert| OpenAlert::new(asked.site, alert)).collect(), total })
}

/// `GET /api/v1/alerts/{id}`
pub(super) fn alert(asked: Asked<'_, Nothing>) -> Result<OpenAlert, Refusal> {
    let (app, at) = open(asked.site, asked.id)?;
    Ok(OpenAlert::new(asked.site, &app.open_alerts[at]))
}

/// The app of an open alert, and the alert's place among those of it.
pub(super) fn open(site: &Site, alert_id: &str) -> Result<(Arc<AppStatus>, usize), Refusal> {
    let place = |app: Arc<AppStatus>| {
        let at = app.open_alerts.iter().position(|alert| alert.alert_id == alert_id)?;
        Some((app, at))
    };
    site.view.board.apps().into_iter().find_map(place).ok_or_else(|| {
        let error = "this process knows no such open alert: it may be over, or of an app in another process's partition";
        Refusal::new(StatusCode::NOT_FOUND, error)
    })
}
