//! What worlds, once judged, amount to: the report, the same by family, the baselines beside it, and the aims.

use std::collections::{BTreeMap, BTreeSet};

use dialwatch::engine::detector::RuleName;
use dialwatch::evaluate::{Alert, App, Found, GRACE_MS, Intensity, Report, RuleReport, Truth, evaluate};

use super::baselines::Baseline;
use super::course::{Judged, Pair, accused, joined};

/// The engine's place among the judges of a world; the baselines follow in their order.
pub const ENGINE: usize = 0;

/// Worlds, judged.
pub struct Scores {
    /// Everything together.
    pub report: Report,
    /// Each family by itself.
    pub families: BTreeMap<String, Report>,
    /// Each baseline, held against the labels of its rule.
    pub baselines: Vec<(&'static Baseline, RuleReport)>,
    /// The people named by alerts against those whom the naive definition names.
    pub pairs: Vec<Pairs>,
    /// False alarms of `robot_dialing` about clean apps, and the days of their caller numbers.
    pub robot_lines: (u64, u64),
    /// Records judged.
    pub records: u64,
    truth: Truth,
    alerts: Vec<Alert>,
}

/// One rule about single callees.
pub struct Pairs {
    /// The rule.
    pub rule: RuleName,
    /// Named by an alert and by the definition.
    pub both: usize,
    /// Named by an alert alone.
    pub accused_only: usize,
    /// Named by the definition alone.
    pub harmed_only: usize,
}

impl Scores {
    /// Sums up.
    pub fn new(judged: &[Judged], baselines: &'static [Baseline]) -> Self {
        let (truth, alerts) = joined(judged, ENGINE);
        let baselines = baselines.iter().enumerate().map(|(place, baseline)| {
            let (truth, alerts) = joined(judged, ENGINE + 1 + place);
            (baseline, of_rule(&evaluate(&truth, &alerts, GRACE_MS), baseline.rule))
        });
        Self {
            report: evaluate(&truth, &alerts, GRACE_MS),
            families: by_family(&truth, &alerts),
            baselines: baselines.filter_map(|(baseline, report)| Some((baseline, report?))).collect(),
            pairs: Pairs::of_all(judged),
            robot_lines: robot_lines(judged),
            records: judged.iter().map(|world| world.records).sum(),
            truth,
            alerts,
        }
    }

    /// What was found of the incidents of a rule in some families.
    pub fn found(&self, rule: RuleName, family: impl Fn(&str) -> bool) -> Option<Found> {
        self.found_of(rule, |app| family(&app.family), None)
    }

    /// The same of one intensity.
    pub fn found_at(&self, rule: RuleName, intensity: Intensity, family: impl Fn(&str) -> bool) -> Option<Found> {
        self.found_of(rule, |app| family(&app.family), Some(intensity))
    }

    fn found_of(&self, rule: RuleName, app: impl Fn(&App) -> bool, intensity: Option<Intensity>) -> Option<Found> {
        let (mut truth, alerts) = some(&self.truth, &self.alerts, app);
        truth.labels.retain(|label| intensity.is_none_or(|intensity| label.intensity == intensity));
        of_rule(&evaluate(&truth, &alerts, GRACE_MS), rule).map(|report| report.all).filter(|found| found.recall.of > 0)
    }
}

/// The part of a report about one rule.
pub fn of_rule(report: &Report, rule: RuleName) -> Option<RuleReport> {
    report.rules.iter().find(|report| report.rule == rule.as_str()).cloned()
}

fn by_family(truth: &Truth, alerts: &[Alert]) -> BTreeMap<String, Report> {
    let names: BTreeSet<&str> = truth.apps.values().map(|app| &*app.family).collect();
    let report = |name: &str| {
        let (truth, alerts) = some(truth, alerts, |app| app.family == name);
        evaluate(&truth, &alerts, GRACE_MS)
    };
    names.into_iter().map(|name| (name.to_owned(), report(name))).collect()
}

/// The part of the truth and of the alerts that is about some apps.
fn some(truth: &Truth, alerts: &[Alert], wanted: impl Fn(&App) -> bool) -> (Truth, Vec<Alert>) {
    let apps: BTreeMap<_, _> =
        truth.apps.iter().filter(|(_, app)| wanted(app)).map(|(id, app)| (id.clone(), app.clone())).collect();
    let labels = truth.labels.iter().filter(|label| apps.contains_key(&label.app_id)).cloned().collect();
    let alerts = alerts.iter().filter(|alert| apps.contains_key(&alert.app_id)).cloned().collect();
    (Truth { apps, labels, ..*truth }, alerts)
}

impl Pairs {
    /// Each rule about single callees.
    pub fn of_all(judged: &[Judged]) -> Vec<Self> {
        [RuleName::HarassmentRedial, RuleName::CalleeFrequency].map(|rule| Self::of(rule, judged)).into()
    }

    fn of(rule: RuleName, judged: &[Judged]) -> Self {
        let mut pairs = Self { rule, both: 0, accused_only: 0, harmed_only: 0 };
        for world in judged {
            let about = |pair: &&Pair| pair.1 == rule.as_str();
            let accused = accused(&world.lines[ENGINE]);
            let (accused, harmed): (BTreeSet<_>, BTreeSet<_>) =
                (accused.iter().filter(about).collect(), world.harmed.iter().filter(about).collect());
            pairs.both += accused.intersection(&harmed).count();
            pairs.accused_only += accused.difference(&harmed).count();
            pairs.harmed_only += harmed.difference(&accused).count();
        }
        pairs
    }
}

fn robot_lines(judged: &[Judged]) -> (u64, u64) {
    let (mut wrong, mut days) = (0, 0);
    for world in judged {
        let clean = |app_id: &str| world.truth.apps[app_id].clean;
        let accuses = |alert: &&Alert| alert.rule == RuleName::RobotDialing.as_str() && alert.accuses_at.is_some();
        wrong += world.alerts[ENGINE].iter().filter(accuses).filter(|alert| clean(&alert.app_id)).count() as u64;
        days += world.line_days.iter().filter(|(app_id, _)| clean(app_id)).map(|(_, days)| days).sum::<u64>();
    }
    (wrong, days)
}
