//! Variants of the policy on trial: what one moved limit or one silent indicator changes.

use dialwatch::engine::detector::RuleName;
use dialwatch::evaluate::{GRACE_MS, Quantiles, Share, evaluate};
use dialwatch::simulate::World;

use super::course::{Engine, Judge, joined};
use super::judged;
use super::scores::of_rule;
use super::variants::Variant;

/// What became of one variant, and of the default on the same worlds.
pub struct Trial {
    /// The rule.
    pub rule: RuleName,
    /// The limit or indicator.
    pub what: String,
    /// The limit's value.
    pub value: Option<f64>,
    /// Found of all incidents of the rule.
    pub recall: Share,
    /// The same by default.
    pub recall_before: Share,
    /// False alarms of the rule.
    pub wrong: u64,
    /// The same by default.
    pub wrong_before: u64,
    /// Notices of the rule.
    pub notices: u64,
    /// The same by default.
    pub notices_before: u64,
    /// Delays.
    pub delay_minutes: Quantiles,
    /// The same by default.
    pub delay_before: Quantiles,
}

impl Trial {
    /// Whether anything came out otherwise than by default: what was found, what was wrong, what was noticed, how soon.
    pub fn changes_anything(&self) -> bool {
        let now = (self.recall.count, self.wrong, self.notices);
        now != (self.recall_before.count, self.wrong_before, self.notices_before) || self.delay_minutes != self.delay_before
    }
}

/// Engines that hear a world side by side: each has the world's memory once more.
const AT_ONCE: usize = 24;

/// Tries variants; `defaults` are the rules alone.
pub fn trials(worlds: &[World], defaults: Vec<Variant>, variants: Vec<Variant>) -> Vec<Trial> {
    let mut outcomes = Vec::new();
    let mut all: Vec<Variant> = defaults.into_iter().chain(variants).collect();
    while !all.is_empty() {
        let some: Vec<Variant> = all.drain(..AT_ONCE.min(all.len())).collect();
        let judges = || some.iter().map(|variant| Box::new(Engine::new(variant.policy.clone())) as Box<dyn Judge>).collect();
        let worlds = judged(worlds, &judges);
        for (place, variant) in some.iter().enumerate() {
            let (truth, alerts) = joined(&worlds, place);
            let report = of_rule(&evaluate(&truth, &alerts, GRACE_MS), variant.rule);
            outcomes.push((variant.rule, variant.what.clone(), variant.value, report));
        }
    }
    let by_default: Vec<_> = outcomes.iter().filter(|(_, what, ..)| what.is_empty()).cloned().collect();
    let trial = |(rule, what, value, report): (RuleName, String, Option<f64>, Option<_>)| {
        let before = by_default.iter().find(|(other, ..)| *other == rule).and_then(|(.., report)| report.clone());
        let (report, before): (dialwatch::evaluate::RuleReport, dialwatch::evaluate::RuleReport) = (report?, before?);
        Some(Trial {
            rule,
            what,
            value,
            recall: report.all.recall,
            recall_before: before.all.recall,
            wrong: report.alerts.wrong,
            wrong_before: before.alerts.wrong,
            notices: report.alerts.notices,
            notices_before: before.alerts.notices,
            delay_minutes: report.all.delay_minutes,
            delay_before: before.all.delay_minutes,
        })
    };
    outcomes.into_iter().filter(|(_, what, ..)| !what.is_empty()).filter_map(trial).collect()
}
