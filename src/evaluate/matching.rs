//! Which alert belongs to which label: the definitions of [`super`], carried out.

use super::{Alert, Label};
use crate::engine::time::{SECOND_MS, Timestamp};

/// What an alert turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It hits an incident.
    True,
    /// It lies in conduct that may or may not show.
    Undecided,
    /// It never accused, and nothing asked for a notice.
    Notice,
    /// It accuses, and nothing was done.
    FalseAlarm,
}

/// How an incident was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Outcome<'a> {
    /// By this alert, first, so long after it began.
    Hit {
        /// The first that hit it.
        alert: &'a Alert,
        /// From its beginning to then, in milliseconds.
        delay_ms: i64,
    },
    /// By an alert that had not ended since an earlier incident.
    StillOpen,
    /// Not at all.
    Missed,
}

impl Label {
    /// Whether it covers `at`, grace included.
    pub(super) fn covers(&self, at: Timestamp, grace_ms: i64) -> bool {
        let from_ms = self.from.millis().div_euclid(SECOND_MS) * SECOND_MS;
        (from_ms..=self.to.millis() + grace_ms).contains(&at.millis())
    }

    /// When `alert` says of this label what is due, if it does.
    fn hit_at(&self, alert: &Alert, grace_ms: i64) -> Option<Timestamp> {
        let about_it = alert.app_id == self.app_id && alert.rule == self.rule;
        let says = if self.notice_suffices { Some(alert.speaks_at) } else { alert.accuses_at };
        says.filter(|at| about_it && self.covers(*at, grace_ms))
    }
}

/// What `alert` is, among the labels of its app and rule.
pub(super) fn verdict(alert: &Alert, labels: &[&Label], grace_ms: i64) -> Verdict {
    let hits = |required: bool| labels.iter().any(|label| label.required == required && label.hit_at(alert, grace_ms).is_some());
    match alert.accuses_at {
        _ if hits(true) => Verdict::True,
        None => Verdict::Notice,
        Some(_) if hits(false) => Verdict::Undecided,
        Some(_) => Verdict::FalseAlarm,
    }
}

/// How `incident` was found by `alerts`, all of its app and rule; `labels` are all of these too.
pub(super) fn outcome<'a>(incident: &Label, labels: &[&Label], alerts: &[&'a Alert], grace_ms: i64) -> Outcome<'a> {
    let first = alerts
        .iter()
        .filter_map(|alert| Some((incident.hit_at(alert, grace_ms)?, alert.calls, alert.callees, *alert)))
        .min_by_key(|(at, calls, callees, _)| (*at, *calls, *callees));
    let stays_open = |alert: &&Alert| {
        let hit_earlier = |label: &&&Label| label.required && label.from < incident.from;
        let is_open = alert.ends_at.is_none_or(|ends_at| ends_at >= incident.from);
        let began = |at: Timestamp| at < incident.from;
        is_open && labels.iter().filter(hit_earlier).any(|label| label.hit_at(alert, grace_ms).is_some_and(began))
    };
    match first {
        _ if alerts.iter().any(stays_open) => Outcome::StillOpen,
        Some((at, _, _, alert)) => Outcome::Hit { alert, delay_ms: (at.millis() - incident.from.millis()).max(0) },
        None => Outcome::Missed,
    }
}
