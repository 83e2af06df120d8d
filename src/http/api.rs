//! The API: apps and rules, as the board and the policy show them. Every answer is bounded and says how much there is.
//!
//! It reads and never writes, and holds what the board holds: the apps of this process's partitions, masks instead of
//! phone numbers.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::alerts::OpenAlert;
use super::answer::Refusal;
use super::routes::{self, Asked, Nothing};
use super::{Site, openapi};
use crate::config::packs::{self, PublishedLimit};
use crate::engine::alert::ledger::Entry;
use crate::engine::detector::violations::{Violation, ViolationTable};
use crate::engine::detector::{Mode, RuleName, Severity};
use crate::engine::policy::Exception;
use crate::engine::time::Timestamp;
use crate::engine::window::tally::Tally;
use crate::mutes::Mute;
use crate::status::{AppStatus, Filed};

/// The most that one answer lists.
const LIMIT_MAX: usize = 1_000;
pub(super) const LIMIT: usize = 100;

/// Which apps, and in which order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AppsQuery {
    /// Only apps with this in their id or their name, capital letters or small.
    search: String,
    /// What comes first.
    order: AppOrder,
    /// How many to list.
    #[schemars(range(min = 1, max = 1000))]
    limit: usize,
    /// How many to pass over.
    offset: usize,
}

impl Default for AppsQuery {
    fn default() -> Self {
        Self { search: String::new(), order: AppOrder::default(), limit: LIMIT, offset: 0 }
    }
}

/// What comes first.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum AppOrder {
    /// The gravest open alert, of equals the most calls.
    #[default]
    Gravest,
    /// The most calls of the day.
    Calls,
    /// The id.
    AppId,
}

/// Apps.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Apps {
    /// As many as were asked for, in order.
    apps: Vec<App>,
    /// How many there are.
    total: usize,
}

/// What is most worth knowing of an app.
#[derive(Debug, Serialize, JsonSchema)]
struct App {
    /// Its id.
    app_id: String,
    /// The name it filed, if it did.
    name: Option<String>,
    /// Everything before this moment of event time is judged.
    #[schemars(with = "String")]
    as_of: Timestamp,
    /// Calls placed in the last 24 hours, to the quarter of an hour.
    calls_day: u32,
    /// The share of them that was answered.
    answered_share_day: Option<f64>,
    /// Different callees among them.
    callees_day: u32,
    /// Open alerts.
    open_alerts: usize,
    /// How grave the gravest of them is.
    gravest: Option<Severity>,
}

/// All that is known of an app.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AppDetail {
    #[serde(flatten)]
    app: App,
    /// The partition in which its calls lie.
    partition: i32,
    /// The end of the last minute of which it was judged: one with records of it, or with an alert open.
    #[schemars(with = "String")]
    last_judged: Timestamp,
    /// Calls judged, ever.
    calls_judged: u64,
    /// How its calls of the day ended, and what else was counted of them.
    day: Tally,
    /// Callees remembered.
    callees_remembered: usize,
    /// What it filed, if it did.
    filed: Option<Filed>,
    /// Why some of the limits filed for it do not hold.
    limit_faults: Vec<String>,
    /// What is not held against it, and until when: over or not.
    exceptions: Vec<Exception>,
    /// Strikes ever recorded in its ledger, which is under /api/v1/apps/{id}/ledger.
    strikes: u64,
    /// Its open alerts, the gravest first, at most 100: the rest is under /api/v1/alerts.
    alerts: Vec<OpenAlert>,
    /// The mutes in force for it.
    mutes: Vec<Mute>,
}

/// Which part of a ledger.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LedgerQuery {
    /// How many to list.
    #[schemars(range(min = 1, max = 1000))]
    limit: usize,
    /// How many to pass over.
    offset: usize,
}

impl Default for LedgerQuery {
    fn default() -> Self {
        Self { limit: LIMIT, offset: 0 }
    }
}

/// The ledger of an app. An entry an alert that accuses: what was recorded, when, under which clause, and what followed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LedgerPage {
    /// The app.
    app_id: String,
    /// Strikes ever recorded.
    strikes: u64,
    /// As many entries as were asked for, the newest first.
    entries: Vec<Entry>,
    /// How many there are.
    total: usize,
    /// How many older ones are no longer kept.
    dropped: u64,
}

/// The rules.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Rules {
    /// What tells the policy in force from others; absent before the service has one.
    policy_version: Option<String>,
    /// The policy pack.
    pack: Option<String>,
    /// Every rule.
    rules: Vec<Rule>,
}

/// A rule.
#[derive(Debug, Serialize, JsonSchema)]
struct Rule {
    /// Its name.
    rule: RuleName,
    /// What it says.
    summary: &'static str,
    /// The clause of the policy it rests on in the first place.
    clause: String,
    /// What its findings amount to, by evidence and severity.
    violations: Vec<Violation>,
    /// How it takes part.
    mode: Option<Mode>,
    /// Its section of the configuration, as it is in force.
    limits: Option<Value>,
    /// The limits that the policy pack sets, each with its source; the configuration may have set others.
    published: Vec<PublishedLimit>,
}

/// `GET /api/v1/apps`
pub(super) fn apps(asked: Asked<'_, AppsQuery>) -> Result<Apps, Refusal> {
    let AppsQuery { search, order, limit, offset } = asked.query;
    let search = search.to_lowercase();
    let mut found = asked.site.view.board.apps();
    if !search.is_empty() {
        found.retain(|app| app.app_id.to_lowercase().contains(&search) || app.name().to_lowercase().contains(&search));
    }
    let total = found.len();
    let by_id = |app: &AppStatus, other: &AppStatus| app.app_id.cmp(&other.app_id);
    let by = |app: &Arc<AppStatus>, other: &Arc<AppStatus>| match order {
        AppOrder::AppId => by_id(app, other),
        AppOrder::Calls => other.day.placed.cmp(&app.day.placed).then_with(|| by_id(app, other)),
        AppOrder::Gravest => {
            let rank = |app: &AppStatus| Reverse((app.gravest(), app.day.placed));
            rank(app).cmp(&rank(other)).then_with(|| by_id(app, other))
        }
    };
    let apps = page(found, offset, limit, by)?;
    Ok(Apps { apps: apps.iter().map(|app| App::new(app)).collect(), total })
}

/// `GET /api/v1/apps/{id}`
pub(super) fn app(asked: Asked<'_, Nothing>) -> Result<AppDetail, Refusal> {
    let app = known(&asked)?;
    Ok(AppDetail {
        app: App::new(&app),
        partition: app.partition,
        last_judged: app.last_judged,
        calls_judged: app.calls_judged,
        day: app.day,
        callees_remembered: app.callees_remembered,
        filed: app.filed.clone(),
        limit_faults: app.terms.as_ref().map(|terms| terms.faults().to_vec()).unwrap_or_default(),
        exceptions: app.terms.as_ref().map(|terms| terms.exceptions().to_vec()).unwrap_or_default(),
        strikes: app.ledger.strikes(),
        alerts: app.open_alerts.iter().take(LIMIT).map(|alert| OpenAlert::new(asked.site, alert)).collect(),
        mutes: asked.site.view.mutes.of_app(&app.app_id, (asked.site.clock)()),
    })
}

/// The app that is asked for.
fn known<Q>(asked: &Asked<'_, Q>) -> Result<Arc<AppStatus>, Refusal> {
    app_of(asked.site, asked.id)
}

/// What is known of an app.
pub(super) fn app_of(site: &Site, app_id: &str) -> Result<Arc<AppStatus>, Refusal> {
    site.view.board.app(app_id).ok_or_else(|| {
        let error = "this process knows no such app: it may lie in another's partition, or have made no call yet";
        Refusal::new(StatusCode::NOT_FOUND, error)
    })
}

/// `GET /api/v1/apps/{id}/ledger`
pub(super) fn ledger(asked: Asked<'_, LedgerQuery>) -> Result<LedgerPage, Refusal> {
    let LedgerQuery { limit, offset } = asked.query;
    let app = known(&asked)?;
    let newest_first: Vec<(usize, &Entry)> = app.ledger.entries().iter().enumerate().collect();
    let total = newest_first.len();
    let entries = page(newest_first, offset, limit, |(at, _), (other, _)| other.cmp(at))?;
    Ok(LedgerPage {
        app_id: app.app_id.clone(),
        strikes: app.ledger.strikes(),
        entries: entries.into_iter().map(|(_, entry)| entry.clone()).collect(),
        total,
        dropped: app.ledger.dropped(),
    })
}

/// `GET /api/v1/rules`
pub(super) fn rules(asked: Asked<'_, Nothing>) -> Result<Rules, Refusal> {
    let policy = asked.site.view.reload.policy();
    let sections = policy.as_ref().and_then(|policy| serde_json::to_value(&policy.rules).ok());
    let pack = policy.as_ref().and_then(|policy| packs::named(&policy.pack));
    let published = |rule: RuleName| {
        let limits = pack.iter().flat_map(|pack| &pack.limits);
        limits.filter(|limit| limit.limit.starts_with(&format!("rules.{}.", rule.as_str()))).cloned().collect()
    };
    let base = ViolationTable::default();
    let table = policy.as_ref().map_or(&base, |policy| &policy.violations);
    let rule = |rule: &RuleName| Rule {
        rule: *rule,
        summary: rule.info().summary,
        clause: table.clause(*rule).to_owned(),
        violations: table.rows().iter().filter(|row| row.rule == *rule).cloned().collect(),
        mode: policy.as_ref().map(|policy| policy.rules.mode(*rule)),
        published: published(*rule),
        limits: sections.as_ref().and_then(|sections| sections.get(rule.as_str()).cloned()),
    };
    let rules = RuleName::ALL.iter().map(rule).collect();
    let (policy_version, pack) = policy.as_ref().map(|policy| (policy.version.clone(), policy.pack.clone())).unzip();
    Ok(Rules { policy_version, pack, rules })
}

/// `GET /api/v1/openapi.json`
pub(super) fn openapi(_: Asked<'_, Nothing>) -> Result<Value, Refusal> {
    Ok(openapi::document(&routes::all()))
}

impl App {
    fn new(app: &AppStatus) -> Self {
        Self {
            app_id: app.app_id.clone(),
            name: Some(app.name().to_owned()).filter(|name| !name.is_empty()),
            as_of: app.as_of,
            calls_day: app.day.placed,
            answered_share_day: app.answered_share(),
            callees_day: app.callees_day,
            open_alerts: app.open_alerts.len(),
            gravest: app.gravest(),
        }
    }
}

/// `limit` of the items from `offset` on, in order, without sorting what is not asked for.
pub(super) fn page<T>(
    mut items: Vec<T>,
    offset: usize,
    limit: usize,
    order: impl Fn(&T, &T) -> Ordering,
) -> Result<Vec<T>, Refusal> {
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Refusal::bad_request(format!("limit must lie between 1 and {LIMIT_MAX}")));
    }
    let end = offset.saturating_add(limit);
    if end < items.len() {
        items.select_nth_unstable_by(end, &order);
        items.truncate(end);
    }
    items.sort_unstable_by(&order);
    Ok(items.split_off(offset.min(items.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_a_part_of_the_sorted_whole() {
        let items: Vec<u32> = (0..50).map(|item| item * 37 % 50).collect();
        let mut sorted = items.clone();
        sorted.sort_unstable();
        for (offset, limit) in [(0, 1), (0, 50), (0, 1_000), (7, 5), (48, 5), (49, 1), (50, 3), (usize::MAX, 10)] {
            let expected: Vec<u32> = sorted.iter().copied().skip(offset).take(limit).collect();
            assert_eq!(page(items.clone(), offset, limit, u32::cmp).expect("a page"), expected, "{offset} {limit}");
        }
        assert!(page(items.clone(), 0, 0, u32::cmp).is_err() && page(items, 0, 1_001, u32::cmp).is_err());
    }
}
