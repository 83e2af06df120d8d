//! What machines ask: metrics, probes, and the wish to read the configuration again.

use axum::http::StatusCode;

use super::Site;
use super::answer::Refusal;
use super::routes::{Asked, Nothing};
use crate::config::Changes;
use crate::service::health::{SILENCE_MAX, Stage};

/// What Prometheus expects of its text format.
pub(super) const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn metrics(site: &Site) -> (StatusCode, String) {
    match site.view.metrics.render() {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

/// Whether the main loop moves. If not, only a restart helps.
pub(super) fn healthy(site: &Site) -> (StatusCode, String) {
    let silence = site.view.health.silence();
    // Waiting for a broker at the start has a limit of its own.
    if silence <= SILENCE_MAX || site.view.health.stage() == Stage::Connecting {
        return (StatusCode::OK, "healthy\n".into());
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("the main loop has stood still for {} s\n", silence.as_secs()))
}

/// Whether records are judged. How far behind it is does not count: that is what metrics are for.
pub(super) fn ready(site: &Site) -> (StatusCode, String) {
    match site.view.health.stage() {
        Stage::Running => (StatusCode::OK, "ready\n".into()),
        stage => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", stage.as_str())),
    }
}

/// Reads the configuration again.
pub(super) fn reload(asked: Asked<'_, Nothing>) -> Result<Changes, Refusal> {
    let Some(reloading) = &asked.site.reloading else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "this process has no configuration to read again"));
    };
    reloading().map_err(|problems| Refusal::of_configuration(&problems))
}
