//! What of the policy holds for one app and no other: limits it was given by the registry, and exceptions made for it.
//!
//! Most apps have none and cost nothing. Pure: whether an exception holds is a question to event time.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::detector::{Mode, RuleName, RuleParams};
use super::policy::{Exception, Policy};
use super::record::Registration;
use super::time::Timestamp;

/// The terms of one app.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    own: Option<OwnLimits>,
    exceptions: Vec<Exception>,
}

/// Limits that differ for an app.
#[derive(Clone, Debug, PartialEq)]
struct OwnLimits {
    /// Every limit as it holds for the app.
    rules: RuleParams,
    /// What tells its policy from others.
    version: String,
    /// Why some of what was filed does not hold.
    faults: Vec<String>,
}

/// How a rule takes part for an app at a moment, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// As the policy has it, or the app's own limits.
    Set(Mode),
    /// In the shadow, by this exception.
    Excepted(&'a Exception),
}

impl Standing<'_> {
    /// How the rule takes part.
    pub fn mode(self) -> Mode {
        match self {
            Self::Set(mode) => mode,
            Self::Excepted(_) => Mode::Shadow,
        }
    }
}

impl Terms {
    /// What holds for an app alone; `None` where nothing does.
    pub fn of(app_id: &str, registration: Option<&Registration>, policy: &Policy) -> Option<Arc<Self>> {
        let filed = registration.map_or("", |registration| &registration.limits_json);
        let own = OwnLimits::new(filed, policy);
        let exceptions = policy.exceptions.iter().filter(|exception| &*exception.app_id == app_id);
        let terms = Self { own, exceptions: exceptions.cloned().collect() };
        (terms != Self::default()).then(|| Arc::new(terms))
    }

    /// Why some of the limits filed for the app do not hold; mostly empty.
    pub fn faults(&self) -> &[String] {
        self.own.as_ref().map_or(&[], |own| &own.faults)
    }

    /// The exceptions made for the app, over or not.
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }
}

/// The limits an app is judged by.
pub fn rules<'a>(terms: Option<&'a Terms>, policy: &'a Policy) -> &'a RuleParams {
    terms.and_then(|terms| terms.own.as_ref()).map_or(&policy.rules, |own| &own.rules)
}

/// What tells the policy an app is judged by from others.
pub fn version<'a>(terms: Option<&'a Terms>, policy: &'a Policy) -> &'a str {
    terms.and_then(|terms| terms.own.as_ref()).map_or(&policy.version, |own| &own.version)
}

/// How a rule takes part for an app in the judgement of the moment `now`.
pub fn standing<'a>(terms: Option<&'a Terms>, policy: &Policy, rule: RuleName, now: Timestamp) -> Standing<'a> {
    let mode = rules(terms, policy).mode(rule);
    let mut exceptions = terms.iter().flat_map(|terms| &terms.exceptions);
    match exceptions.find(|exception| exception.rule == rule && now <= exception.until) {
        Some(exception) if mode == Mode::On => Standing::Excepted(exception),
        _ => Standing::Set(mode),
    }
}

impl OwnLimits {
    /// `None` if nothing was filed.
    fn new(filed: &str, policy: &Policy) -> Option<Self> {
        if filed.is_empty() {
            return None;
        }
        let limits = match FiledLimits::read(filed) {
            Ok(limits) if limits.0.is_empty() => return None,
            limits => limits.and_then(|limits| limits.over(&policy.rules)),
        };
        let (rules, faults) = match limits {
            Ok(rules) => without_contradictions(rules, &policy.rules),
            // What an earlier version of the program let in.
            Err(fault) => (policy.rules.clone(), vec![format!("limits.{}: {}", fault.path, fault.wrong)]),
        };
        let digest = blake3::hash(filed.as_bytes()).to_hex();
        Some(Self { rules, version: format!("{}+{}", policy.version, &digest[..8]), faults })
    }
}

/// Limits of an app, of which each is one that its rule takes. Together with the policy's they may contradict each other: a day
/// that ends before it begins. A rule with such limits keeps the policy's, and it is said why.
fn without_contradictions(mut rules: RuleParams, policy: &RuleParams) -> (RuleParams, Vec<String>) {
    let problems = rules.problems();
    let mut faults = Vec::new();
    for (rule, field, reason) in problems {
        rules.keep_from(policy, rule);
        let name = rule.as_str();
        faults.push(format!("limits.{name}.{field}: {reason}: the limits of {name} are the policy's"));
    }
    (rules, faults)
}

/// What is wrong with limits that were filed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which limit, as far as its name may be shown: `rule` or `rule.field`.
    pub path: String,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What is wrong with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It is not even JSON.
    #[error("is not JSON")]
    NotJson,
    /// There is no such rule.
    #[error("is not the name of a rule")]
    NoRule,
    /// The rule is there and has no such limit.
    #[error("is not a limit of this rule")]
    NoLimit,
    /// The rule's limits are no object.
    #[error("is not an object of limits")]
    NotLimits,
    /// Its value is of another kind.
    #[error("is not {0}")]
    NotOfKind(&'static str),
}

/// Limits as they are filed: `{"rule": {"field": value}}` or `{"rule.field": value}`, rule by rule, field by field.
#[derive(Clone, Debug, PartialEq)]
struct FiledLimits(Vec<(String, String, Value)>);

impl FiledLimits {
    fn read(text: &str) -> Result<Self, Fault> {
        let not_json = |_| Fault { path: String::new(), wrong: Wrong::NotJson };
        let filed: Map<String, Value> = serde_json::from_str(text).map_err(not_json)?;
        let mut limits = Vec::new();
        for (name, value) in filed {
            match (name.split_once('.'), value) {
                (Some((rule, field)), value) => limits.push((rule.to_owned(), field.to_owned(), value)),
                (None, Value::Object(fields)) => {
                    known_rule(&name)?;
                    limits.extend(fields.into_iter().map(|(field, value)| (name.clone(), field, value)));
                }
                (None, _) => {
                    known_rule(&name)?;
                    return Err(Fault { path: shown(&name), wrong: Wrong::NotLimits });
                }
            }
        }
        Ok(Self(limits))
    }

    /// The limits of a policy with these in their place.
    fn over(&self, policy: &RuleParams) -> Result<RuleParams, Fault> {
        let (mut tree, mut rules) = (tree(policy), policy.clone());
        for (rule, field, value) in &self.0 {
            known_rule(rule)?;
            let fault = |wrong| Fault { path: format!("{}.{}", shown(rule), shown(field)), wrong };
            let place = tree.get_mut(rule).and_then(|section| section.get_mut(field)).ok_or_else(|| fault(Wrong::NoLimit))?;
            let kind = kind(place);
            *place = value.clone();
            rules = serde_json::from_value(tree.clone()).map_err(|_| fault(Wrong::NotOfKind(kind)))?;
        }
        Ok(rules)
    }
}

/// Checks limits as they are filed: that each is one a rule takes, of the kind it takes.
///
/// # Errors
/// The first that is not.
pub fn check_limits(text: &str) -> Result<(), Fault> {
    FiledLimits::read(text)?.over(&RuleParams::default()).map(|_| ())
}

fn known_rule(name: &str) -> Result<(), Fault> {
    let is_known = RuleName::ALL.iter().any(|rule| rule.as_str() == name);
    if is_known { Ok(()) } else { Err(Fault { path: shown(name), wrong: Wrong::NoRule }) }
}

fn tree(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// What a limit takes, by what it is.
fn kind(limit: &Value) -> &'static str {
    match limit {
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_u64() => "a whole number from 0 on that fits",
        Value::Number(_) => "a number",
        _ => "on, shadow or off",
    }
}

/// A name as it may be shown: whole where it could be the name of a rule or a limit, nothing of it where it could be anything
/// else, a phone number above all.
fn shown(name: &str) -> String {
    let fits = name.len() <= 48 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    if fits && !name.is_empty() && digits <= 4 { name.to_owned() } else { "…".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        let Fault { path, wrong } = check_limits(text).expect_err(text);
        format!("{path}: {wrong}")
    }

    #[test]
    fn what_is_no_limit_is_named() {
        for (text, expected) in [
            (r#"{"calee_frequency":{"calls_in_24_hours_max":4}}"#, "calee_frequency: is not the name of a rule"),
            (
                r#"{"callee_frequency":{"calls_in_24_hours":4}}"#,
                "callee_frequency.calls_in_24_hours: is not a limit of this rule",
            ),
            (r#"{"callee_frequency.calls_max":4}"#, "callee_frequency.calls_max: is not a limit of this rule"),
            (r#"{"nobody.knows":4}"#, "nobody: is not the name of a rule"),
            (r#"{"callee_frequency":4}"#, "callee_frequency: is not an object of limits"),
            (r#"{"rest_time.lunch":"yes"}"#, "rest_time.lunch: is not true or false"),
            (r#"{"rest_time.mode":"sometimes"}"#, "rest_time.mode: is not on, shadow or off"),
            (r#"{"blind_dialing.z":"3"}"#, "blind_dialing.z: is not a number"),
            (r#"{"13000000001":{"z":3}}"#, "…: is not the name of a rule"),
            (r#"{"rest_time":{"call +86 130 0000":3}}"#, "rest_time.…: is not a limit of this rule"),
            (r#"{"rest_time""#, ": is not JSON"),
        ] {
            assert_eq!(fault(text), expected, "{text}");
        }
        for value in ["-1", "4.5", "\"4\"", "null", "[4]", "4294967296"] {
            let said = fault(&format!(r#"{{"callee_frequency":{{"calls_in_24_hours_max":{value}}}}}"#));
            assert!(said.starts_with("callee_frequency.calls_in_24_hours_max: is not a whole number"), "{said}");
        }
    }

    fn registration(limits: &str) -> Registration {
        let text = format!(r#"{{"app_id":"a","limits":{limits}}}"#);
        crate::engine::decode::registration(text.as_bytes(), &crate::engine::decode::Limits::default()).expect("valid")
    }

    #[test]
    fn both_ways_of_writing_give_the_same_limits() {
        let policy = Policy::for_tests();
        let by = |limits: &str| {
            let terms = Terms::of("a", Some(&registration(limits)), &policy).expect("terms");
            rules(Some(&terms), &policy).clone()
        };
        let nested = by(r#"{"callee_frequency":{"calls_in_24_hours_max":9},"rest_time":{"mode":"shadow"}}"#);
        assert_eq!(nested, by(r#"{"rest_time.mode":"shadow","callee_frequency.calls_in_24_hours_max":9}"#));
        assert_eq!(nested.callee_frequency.calls_in_24_hours_max, 9);
        assert_eq!(nested.rest_time.mode, Mode::Shadow);
        let mut expected = policy.rules.clone();
        expected.callee_frequency.calls_in_24_hours_max = 9;
        expected.rest_time.mode = Mode::Shadow;
        assert_eq!(nested, expected, "and nothing else");
    }

    #[test]
    fn who_filed_nothing_has_no_terms() {
        let policy = Policy::for_tests();
        assert_eq!(Terms::of("a", None, &policy), None);
        assert_eq!(Terms::of("a", Some(&registration("{}")), &policy), None);
        assert_eq!((rules(None, &policy), version(None, &policy)), (&policy.rules, "test"));
    }

    #[test]
    fn limits_that_contradict_the_policy_leave_it_and_say_so() {
        let policy = Policy::for_tests();
        let filed = registration(r#"{"rest_time.from_minute":1300,"callee_frequency.calls_in_24_hours_max":9}"#);
        let terms = Terms::of("a", Some(&filed), &policy).expect("terms");
        let own = rules(Some(&terms), &policy);
        assert_eq!(own.rest_time, policy.rules.rest_time);
        assert_eq!(own.callee_frequency.calls_in_24_hours_max, 9);
        assert!(terms.faults()[0].starts_with("limits.rest_time.to_minute: must lie after"), "{:?}", terms.faults());
        let mut later = policy.clone();
        later.rules.rest_time.to_minute = 1_400;
        let terms = Terms::of("a", Some(&filed), &later).expect("terms");
        assert_eq!((rules(Some(&terms), &later).rest_time.from_minute, terms.faults()), (1_300, &[][..]));
    }

    #[test]
    fn the_version_tells_own_limits_apart() {
        let policy = Policy::for_tests();
        let versions = [r#"{"rest_time.lunch":true}"#, r#"{"rest_time.lunch":false}"#].map(|limits| {
            let terms = Terms::of("a", Some(&registration(limits)), &policy).expect("terms");
            version(Some(&terms), &policy).to_owned()
        });
        assert_ne!(versions[0], versions[1]);
        assert!(versions[0].starts_with("test+"), "{versions:?}");
    }

    #[test]
    fn an_exception_holds_for_its_app_and_rule_until_its_end() {
        let until = Timestamp::from_seconds(1_773_020_460);
        let exception = Exception { app_id: "a".into(), rule: RuleName::RestTime, reason: "r".into(), until, by: None };
        let mut policy = Policy { exceptions: vec![exception.clone()], ..Policy::for_tests() };
        assert_eq!(Terms::of("b", None, &policy), None);
        let terms = Terms::of("a", None, &policy).expect("terms");
        let at = |policy: &Policy, rule, now: Timestamp| standing(Some(&terms), policy, rule, now).mode();
        assert_eq!(standing(Some(&terms), &policy, RuleName::RestTime, until), Standing::Excepted(&exception));
        assert_eq!(at(&policy, RuleName::RestTime, until.plus_millis(1)), Mode::On);
        assert_eq!(at(&policy, RuleName::BlindDialing, until), Mode::On);
        policy.rules.set_mode(RuleName::RestTime, Mode::Off);
        assert_eq!(at(&policy, RuleName::RestTime, until), Mode::Off, "an exception switches nothing on");
    }
}
