//! Policies that differ from the default in one thing: a limit moved by a quarter, or an indicator that has lost its voice.
//!
//! Limits are found by walking the rules' own sections, so none can be left out.

use dialwatch::engine::detector::{Mode, RuleName, RuleParams};
use dialwatch::engine::policy::Policy;
use serde_json::{Number, Value};

/// A policy of one rule, and what is different about it.
pub struct Variant {
    /// The rule; all others are off.
    pub rule: RuleName,
    /// The limit that was moved or the indicator that is silent; empty for the default.
    pub what: String,
    /// The limit's value here; none for an indicator.
    pub value: Option<f64>,
    /// The policy.
    pub policy: Policy,
}

/// What an indicator's limits must be for it never to speak.
struct Indicator {
    rule: RuleName,
    name: &'static str,
    never: &'static [(&'static str, f64)],
}

const OUT_OF_REACH: f64 = 1e6;
const INDICATORS: &[Indicator] = &[
    Indicator { rule: RuleName::BlindDialing, name: "novelty of callees", never: &[("fresh_share_min", 0.0)] },
    Indicator { rule: RuleName::BlindDialing, name: "few answers", never: &[("answer_share_max", -1.0)] },
    Indicator { rule: RuleName::BlindDialing, name: "empty numbers", never: &[("invalid_number_share_min", 2.0)] },
    Indicator { rule: RuleName::BlindDialing, name: "short answers", never: &[("short_answer_share_min", 2.0)] },
    Indicator { rule: RuleName::BlindDialing, name: "refusals", never: &[("rejected_share_min", 2.0)] },
    Indicator {
        rule: RuleName::BlindDialing,
        name: "number walking",
        never: &[("walk_run_min", OUT_OF_REACH), ("walk_pairs_min", OUT_OF_REACH)],
    },
    Indicator { rule: RuleName::BlindDialing, name: "outage guard", never: &[("network_error_share_max", 2.0)] },
    Indicator { rule: RuleName::RobotDialing, name: "even gaps (T1)", never: &[("gap_spread_max_s", -1.0)] },
    Indicator { rule: RuleName::RobotDialing, name: "beat of starts (T2)", never: &[("rhythm_min", 2.0)] },
    Indicator { rule: RuleName::RobotDialing, name: "no pause (T3)", never: &[("gap_variation_max", -1.0)] },
    Indicator { rule: RuleName::RobotDialing, name: "calls over seats", never: &[("calls_per_seat_max", OUT_OF_REACH)] },
    Indicator {
        rule: RuleName::RobotDialing,
        name: "one playback length",
        never: &[("playback_share_min", 2.0), ("playback_alone_min", 2.0)],
    },
    Indicator { rule: RuleName::RobotDialing, name: "no agent", never: &[("agent_share_max", -1.0)] },
    Indicator {
        rule: RuleName::RobotDialing,
        name: "dropped or short answers",
        never: &[("dropped_share_min", 2.0), ("short_share_min", 2.0)],
    },
    Indicator { rule: RuleName::AbnormalRate, name: "off hours", never: &[("off_hours_share_max", 0.0)] },
    Indicator { rule: RuleName::AbnormalRate, name: "surge", never: &[("surge_min", OUT_OF_REACH)] },
    Indicator { rule: RuleName::AbnormalRate, name: "new caller numbers", never: &[("new_caller_share_min", 2.0)] },
    Indicator { rule: RuleName::AbnormalRate, name: "empty numbers", never: &[("invalid_number_share_min", 2.0)] },
    Indicator { rule: RuleName::AbnormalRate, name: "short answers", never: &[("short_answer_share_min", 2.0)] },
];

/// Each rule alone under its defaults: what variants are compared with.
pub fn defaults() -> Vec<Variant> {
    RuleName::ALL.iter().map(|rule| variant(*rule, String::new(), None, RuleParams::default())).collect()
}

/// Every limit of every rule, a quarter lower and a quarter higher; whole numbers by one at least.
pub fn moved_limits() -> Vec<Variant> {
    let mut variants = Vec::new();
    let all = serde_json::to_value(RuleParams::default()).expect("limits are JSON");
    for rule in RuleName::ALL {
        let Some(limits) = all[rule.as_str()].as_object() else { continue };
        for (field, value) in limits {
            for factor in [0.75, 1.25] {
                if let Some(moved) = moved(value, factor) {
                    let mut params = all.clone();
                    params[rule.as_str()][field] = moved.clone();
                    variants.push(variant(*rule, field.clone(), moved.as_f64(), read(params)));
                }
            }
        }
    }
    variants
}

/// Every indicator silent in turn.
pub fn silent_indicators() -> Vec<Variant> {
    let all = serde_json::to_value(RuleParams::default()).expect("limits are JSON");
    let silent = |indicator: &Indicator| {
        let mut params = all.clone();
        for (field, value) in indicator.never {
            let limit = &mut params[indicator.rule.as_str()][*field];
            *limit = if limit.is_f64() { number(*value) } else { Value::from(*value as u64) };
        }
        variant(indicator.rule, indicator.name.to_owned(), None, read(params))
    };
    INDICATORS.iter().map(silent).collect()
}

fn variant(rule: RuleName, what: String, value: Option<f64>, mut rules: RuleParams) -> Variant {
    for other in RuleName::ALL.iter().filter(|other| **other != rule) {
        rules.set_mode(*other, Mode::Off);
    }
    Variant { rule, what, value, policy: Policy { rules, ..Policy::for_tests() } }
}

fn moved(value: &Value, factor: f64) -> Option<Value> {
    match value {
        Value::Number(limit) if limit.is_f64() => {
            limit.as_f64().filter(|limit| *limit != 0.0).map(|limit| number(limit * factor))
        }
        Value::Number(limit) => {
            let limit = limit.as_u64().filter(|limit| *limit > 0)?;
            let by = ((limit as f64 * (factor - 1.0).abs()).round() as u64).max(1);
            Some(Value::from(if factor < 1.0 { limit - by.min(limit) } else { limit + by }))
        }
        _ => None,
    }
}

fn number(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

fn read(params: Value) -> RuleParams {
    serde_json::from_value(params).expect("a moved limit is of the limit's kind")
}
