//! The report: what was found, what was not, what was wrong, each share with its interval.
//!
//! Shares carry Wilson's two-sided interval of 95 %, rates the exact Poisson upper bound of 95 %.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::matching::{Outcome, Verdict, outcome, verdict};
use super::{Alert, App, DAY_MS, Intensity, Label, Truth};
use crate::engine::detector::Severity;
use crate::engine::statistics::{poisson_tail, wilson_lower, wilson_upper};
use crate::engine::time::{MINUTE_MS, Timestamp};

/// The name and version of the form of the report.
pub const SCHEMA: Cow<'static, str> = Cow::Borrowed("dialwatch.evaluation/1");

/// Standard deviations of a two-sided interval of 95 %.
const Z_95: f64 = 1.959_964;
/// How sure the upper bound of a rate is.
const SURE: f64 = 0.95;
/// Halvings that leave nothing of an interval: more than a fraction has bits.
const HALVINGS: u32 = 60;

/// `count` of `of`, and what that proves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// How many.
    pub count: u64,
    /// Of how many.
    pub of: u64,
    /// The share; none of nothing.
    pub value: Option<f64>,
    /// Wilson's lower bound.
    pub lower: f64,
    /// Wilson's upper bound.
    pub upper: f64,
}

/// `count` in so many app-days.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// How many.
    pub count: u64,
    /// In how many app-days.
    pub app_days: u64,
    /// How many in one; none if there is no app-day.
    pub per_app_day: Option<f64>,
    /// How many in one at most; none if there is no app-day.
    pub at_most: Option<f64>,
}

/// Middle and far end of some numbers, by nearest rank.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// Of how many numbers.
    pub of: u64,
    /// Half are not above it.
    pub median: Option<f64>,
    /// Nine of ten are not above it.
    pub p90: Option<f64>,
    /// The numbers, from the lowest.
    #[serde(skip)]
    pub values: Vec<f64>,
}

/// What was found of some incidents.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// Found of all incidents.
    pub recall: Share,
    /// Of these, by an alert that was still open.
    pub still_open: u64,
    /// From the first call to the alert, in minutes; of incidents that were hit.
    pub delay_minutes: Quantiles,
    /// Calls counted before the alert.
    pub calls_before: Quantiles,
    /// Callees reached before the alert.
    pub callees_before: Quantiles,
}

/// What some alerts were. Every alert is one of the four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Alerts {
    /// Those that hit an incident.
    #[serde(rename = "true")]
    pub right: u64,
    /// Those in conduct that may or may not show.
    pub undecided: u64,
    /// Those that accuse although nothing was done.
    #[serde(rename = "false")]
    pub wrong: u64,
    /// Those that never accused.
    pub notices: u64,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleReport {
    /// The rule.
    pub rule: String,
    /// All its incidents.
    pub all: Found,
    /// Its incidents by intensity, those there are.
    pub by_intensity: BTreeMap<Intensity, Found>,
    /// Its alerts.
    pub alerts: Alerts,
    /// Its alerts by the gravest they were.
    pub severities: BTreeMap<Severity, u64>,
    /// Found incidents of these and false alarms.
    pub precision: Share,
    /// False alarms over clean app-days.
    pub false_alarms: Rate,
    /// Notices over clean app-days.
    pub notices: Rate,
}

/// One family of apps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Family {
    /// The family.
    pub family: String,
    /// Whether it keeps all rules: a look-alike.
    pub clean: bool,
    /// How many apps.
    pub apps: u64,
    /// False alarms about them.
    pub false_alarms: Rate,
    /// Notices about them.
    pub notices: Rate,
    /// The false alarms by rule.
    pub by_rule: BTreeMap<String, u64>,
}

/// The world that was judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct World {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub to: Timestamp,
    /// How many days that is.
    pub days: u64,
    /// How many apps it has.
    pub apps: u64,
    /// How many of them are clean.
    pub clean_apps: u64,
}

/// All rules together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overall {
    /// Found of all incidents.
    pub recall: Share,
    /// Found incidents of these and false alarms.
    pub precision: Share,
    /// The harmonic mean of both; none if there was nothing to find and nothing was said.
    pub f1: Option<f64>,
    /// All alerts.
    pub alerts: Alerts,
}

/// How good the alerts are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// `dialwatch.evaluation/1`.
    pub schema: Cow<'static, str>,
    /// The world.
    pub world: World,
    /// How long after its end an incident may be found, in milliseconds.
    pub grace_ms: i64,
    /// All rules together.
    pub overall: Overall,
    /// Every rule with a label or an alert, by name.
    pub rules: Vec<RuleReport>,
    /// Every family, the look-alikes first, by name.
    pub families: Vec<Family>,
}

/// Holds `alerts` against the truth. Every alert is about an app of the truth; `grace_ms` is how long after its end an
/// incident may be found. The order of labels and alerts makes no difference.
pub fn evaluate(truth: &Truth, alerts: &[Alert], grace_ms: i64) -> Report {
    let judged = Judged::all(truth, alerts, grace_ms);
    let reports: Vec<RuleReport> = judged.iter().map(|judged| judged.report(truth, grace_ms)).collect();
    Report {
        schema: SCHEMA,
        world: World {
            from: truth.start,
            to: truth.end,
            days: truth.days(),
            apps: truth.apps.len() as u64,
            clean_apps: truth.apps.values().filter(|app| app.clean).count() as u64,
        },
        grace_ms,
        overall: Overall::of(&reports),
        families: families(truth, &judged),
        rules: reports,
    }
}

/// What went wrong, one by one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mistakes<'a> {
    /// Incidents that were not found.
    pub missed: Vec<&'a Label>,
    /// Alerts that accuse although nothing was done.
    pub wrong: Vec<&'a Alert>,
}

/// The mistakes that [`evaluate`] counts, by rule.
pub fn mistakes<'a>(truth: &'a Truth, alerts: &'a [Alert], grace_ms: i64) -> Mistakes<'a> {
    let mut mistakes = Mistakes::default();
    for judged in Judged::all(truth, alerts, grace_ms) {
        let missed = judged.incidents.iter().filter(|(_, outcome)| *outcome == Outcome::Missed);
        mistakes.missed.extend(missed.map(|(label, _)| *label));
        let wrong = judged.alerts.iter().filter(|(_, verdict)| *verdict == Verdict::FalseAlarm);
        mistakes.wrong.extend(wrong.map(|(alert, _)| *alert));
    }
    mistakes
}

/// One rule's incidents and alerts, each with what became of it.
struct Judged<'a> {
    rule: &'a str,
    incidents: Vec<(&'a Label, Outcome<'a>)>,
    alerts: Vec<(&'a Alert, Verdict)>,
}

impl<'a> Judged<'a> {
    /// Every rule with a label or an alert, by name.
    fn all(truth: &'a Truth, alerts: &'a [Alert], grace_ms: i64) -> Vec<Self> {
        let rules: BTreeSet<&str> =
            truth.labels.iter().map(|label| &*label.rule).chain(alerts.iter().map(|alert| &*alert.rule)).collect();
        rules.into_iter().map(|rule| Self::new(rule, truth, alerts, grace_ms)).collect()
    }

    fn new(rule: &'a str, truth: &'a Truth, alerts: &'a [Alert], grace_ms: i64) -> Self {
        let mut by_app: BTreeMap<&str, (Vec<&Label>, Vec<&Alert>)> = BTreeMap::new();
        for label in truth.labels.iter().filter(|label| label.rule == rule) {
            by_app.entry(&label.app_id).or_default().0.push(label);
        }
        for alert in alerts.iter().filter(|alert| alert.rule == rule) {
            by_app.entry(&alert.app_id).or_default().1.push(alert);
        }
        let mut judged = Self { rule, incidents: Vec::new(), alerts: Vec::new() };
        for (labels, alerts) in by_app.values() {
            let due = labels.iter().filter(|label| label.required);
            judged.incidents.extend(due.map(|label| (*label, outcome(label, labels, alerts, grace_ms))));
            judged.alerts.extend(alerts.iter().map(|alert| (*alert, verdict(alert, labels, grace_ms))));
        }
        judged
    }

    fn report(&self, truth: &Truth, grace_ms: i64) -> RuleReport {
        let all = Found::of(self.incidents.iter());
        let of_intensity = |intensity| {
            let mut these = self.incidents.iter().filter(move |(label, _)| label.intensity == intensity).peekable();
            these.peek().is_some().then(|| (intensity, Found::of(these)))
        };
        let alerts = Alerts::of(self.alerts.iter());
        let severities = Severity::ALL
            .map(|severity| (severity, self.alerts.iter().filter(|(alert, _)| alert.severity == severity).count() as u64));
        let app_days = clean_app_days(truth, self.rule, grace_ms);
        RuleReport {
            rule: self.rule.to_owned(),
            by_intensity: Intensity::ALL.into_iter().filter_map(of_intensity).collect(),
            severities: severities.into_iter().collect(),
            precision: Share::new(all.recall.count, all.recall.count + alerts.wrong),
            false_alarms: Rate::new(alerts.wrong, app_days),
            notices: Rate::new(alerts.notices, app_days),
            all,
            alerts,
        }
    }
}

/// Days of apps that no label of `rule` touches.
fn clean_app_days(truth: &Truth, rule: &str, grace_ms: i64) -> u64 {
    let mut touched = BTreeSet::new();
    for label in truth.labels.iter().filter(|label| label.rule == rule) {
        let day_of = |at_ms: i64| (at_ms - truth.start.millis()).div_euclid(DAY_MS);
        let last = day_of(label.to.millis() + grace_ms).min(truth.days() as i64 - 1);
        touched.extend((day_of(label.from.millis()).max(0)..=last).map(|day| (&*label.app_id, day)));
    }
    truth.apps.len() as u64 * truth.days() - touched.len() as u64
}

fn families(truth: &Truth, judged: &[Judged<'_>]) -> Vec<Family> {
    let names: BTreeSet<(bool, &str)> = truth.apps.values().map(|app| (!app.clean, &*app.family)).collect();
    // Clean ones first: false sorts before true.
    names.into_iter().map(|(abusive, name)| family(truth, judged, name, !abusive)).collect()
}

fn family(truth: &Truth, judged: &[Judged<'_>], name: &str, clean: bool) -> Family {
    let belongs = |app: &App| app.family == name && app.clean == clean;
    let apps = truth.apps.values().filter(|app| belongs(app)).count() as u64;
    let (mut alerts, mut by_rule) = (Alerts::default(), BTreeMap::new());
    for of in judged {
        let here = of.alerts.iter().filter(|(alert, _)| truth.apps.get(&alert.app_id).is_some_and(belongs));
        let counts = Alerts::of(here);
        alerts.wrong += counts.wrong;
        alerts.notices += counts.notices;
        if counts.wrong > 0 {
            by_rule.insert(of.rule.to_owned(), counts.wrong);
        }
    }
    Family {
        family: name.to_owned(),
        clean,
        apps,
        false_alarms: Rate::new(alerts.wrong, apps * truth.days()),
        notices: Rate::new(alerts.notices, apps * truth.days()),
        by_rule,
    }
}

impl Overall {
    fn of(rules: &[RuleReport]) -> Self {
        let sum = |count: fn(&RuleReport) -> u64| rules.iter().map(count).sum::<u64>();
        let alerts = Alerts {
            right: sum(|rule| rule.alerts.right),
            undecided: sum(|rule| rule.alerts.undecided),
            wrong: sum(|rule| rule.alerts.wrong),
            notices: sum(|rule| rule.alerts.notices),
        };
        let (found, incidents) = (sum(|rule| rule.all.recall.count), sum(|rule| rule.all.recall.of));
        // 2 / (1 / precision + 1 / recall), in the form that needs neither to exist.
        let f1 = Share::new(2 * found, found + incidents + alerts.wrong).value;
        Self { recall: Share::new(found, incidents), precision: Share::new(found, found + alerts.wrong), f1, alerts }
    }
}

impl Alerts {
    fn of<'a>(alerts: impl Iterator<Item = &'a (&'a Alert, Verdict)>) -> Self {
        let mut counts = Self::default();
        for (_, verdict) in alerts {
            *match verdict {
                Verdict::True => &mut counts.right,
                Verdict::Undecided => &mut counts.undecided,
                Verdict::FalseAlarm => &mut counts.wrong,
                Verdict::Notice => &mut counts.notices,
            } += 1;
        }
        counts
    }

    /// How many there are.
    pub fn sum(&self) -> u64 {
        self.right + self.undecided + self.wrong + self.notices
    }
}

impl Found {
    fn of<'a>(incidents: impl Iterator<Item = &'a (&'a Label, Outcome<'a>)>) -> Self {
        let (mut of, mut still_open) = (0, 0);
        let (mut delays, mut calls, mut callees) = (Vec::new(), Vec::new(), Vec::new());
        for (_, outcome) in incidents {
            of += 1;
            match outcome {
                Outcome::Missed => {}
                Outcome::StillOpen => still_open += 1,
                Outcome::Hit { alert, delay_ms } => {
                    delays.push(*delay_ms as f64 / MINUTE_MS as f64);
                    calls.push(alert.calls as f64);
                    callees.push(alert.callees as f64);
                }
            }
        }
        Self {
            recall: Share::new(delays.len() as u64 + still_open, of),
            still_open,
            delay_minutes: Quantiles::of(delays),
            calls_before: Quantiles::of(calls),
            callees_before: Quantiles::of(callees),
        }
    }
}

impl Share {
    /// `count` of `of`.
    pub fn new(count: u64, of: u64) -> Self {
        let value = (of > 0).then(|| count as f64 / of as f64);
        Self { count, of, value, lower: wilson_lower(count, of, Z_95), upper: wilson_upper(count, of, Z_95) }
    }
}

impl Rate {
    /// `count` in `app_days`.
    pub fn new(count: u64, app_days: u64) -> Self {
        let per_day = |events: f64| (app_days > 0).then(|| events / app_days as f64);
        Self { count, app_days, per_app_day: per_day(count as f64), at_most: per_day(events_at_most(count)) }
    }
}

/// The largest mean under which no more than `count` events are not yet a surprise: its Poisson upper bound (Garwood 1936).
fn events_at_most(count: u64) -> f64 {
    let events = count as f64;
    let (mut low, mut high) = (events, events + 5.0 + 4.0 * events.sqrt());
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if poisson_tail(count + 1, middle) < SURE { low = middle } else { high = middle }
    }
    high
}

impl Quantiles {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let rank = |tenths: usize| values.get((values.len() * tenths).div_ceil(10).saturating_sub(1)).copied();
        Self { of: values.len() as u64, median: rank(5), p90: rank(9), values }
    }
}
