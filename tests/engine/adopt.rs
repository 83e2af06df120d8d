//! A policy adopted while calls come: nothing is lost, the new limits hold from the next minute on, and an alert of a rule
//! that is no longer on ends and says why.

use std::sync::Arc;

use dialwatch::engine::alert::{Alert, Status};
use dialwatch::engine::detector::{Mode, RuleName};
use dialwatch::engine::policy::Policy;
use dialwatch::engine::time::LocalClock;
use serde_json::json;

use super::cases;
use super::run::{self, Case, Files, Outcome};
use super::scenario::{App, Shift, To};

const RULE: RuleName = RuleName::CalleeFrequency;

/// Six people called again and again from 09:00 to well after 10:00.
fn redialing() -> Files {
    let mut app = App::new();
    app.works(&Shift { calls: 120, to: To::People(1, 6), lines: 1..=2, ..Shift::default() });
    Files::from_parts(&app.traffic(), "")
}

fn with(policy: &Policy, change: impl FnOnce(&mut Policy)) -> Arc<Policy> {
    let mut policy = policy.clone();
    change(&mut policy);
    Arc::new(policy)
}

fn in_mode(case: &Case<'_>, mode: Mode) -> Arc<Policy> {
    with(&case.policy, |policy| policy.rules.set_mode(RULE, mode))
}

/// The alerts by [`RULE`] from the first on that a different run does not have.
fn after<'o>(outcome: &'o [Alert], straight: &[Alert]) -> Vec<&'o Alert> {
    let same = outcome.iter().zip(straight).take_while(|(alert, expected)| alert == expected).count();
    outcome[same..].iter().filter(|alert| alert.rule == RULE).collect()
}

fn places(case: &Case<'_>) -> Vec<usize> {
    run::places(case, 5).into_iter().take(5).collect()
}

#[test]
fn an_equal_policy_changes_nothing() {
    for case in cases::all() {
        let files = Files::of(&case);
        let (name, case) = (case.name, files.case());
        let straight = run::straight(&case);
        for place in places(&case) {
            let equal = with(&case.policy, |_| {});
            assert!(run::adopting(&case, place, &equal, false) == straight, "{name}: adopted before record {place}");
        }
    }
}

#[test]
fn adopting_is_what_a_restart_with_the_new_policy_does() {
    for case in cases::all().into_iter().step_by(3) {
        let files = Files::of(&case);
        let (name, case) = (case.name, files.case());
        let other = with(&case.policy, |policy| {
            policy.clock = LocalClock::utc_plus(1);
            policy.channels_per_number = 3;
            policy.lateness_ms *= 2;
            policy.rules.callee_frequency.calls_in_24_hours_max = 2;
            policy.rules.set_mode(RuleName::BlindDialing, Mode::Shadow);
            policy.rules.set_mode(RuleName::RestTime, Mode::Off);
        });
        for place in places(&case) {
            let (adopted, restored) = (run::adopting(&case, place, &other, false), run::adopting(&case, place, &other, true));
            assert!(adopted == restored, "{name}: adopted before record {place}");
        }
    }
}

/// What comes after half of the records are judged under `first`, and the rest under `then`.
fn halfway(case: &mut Case<'_>, first: Mode, then: Mode) -> (Outcome, Outcome) {
    let then = in_mode(case, then);
    case.policy = in_mode(case, first);
    (run::adopting(case, case.records.len() / 2, &then, false), run::straight(case))
}

#[test]
fn a_rule_switched_off_leaves_no_alert_open() {
    let files = redialing();
    let mut case = files.case();
    let (outcome, straight) = halfway(&mut case, Mode::On, Mode::Off);
    let after = after(&outcome.alerts, &straight.alerts);
    assert!(after.len() >= 3, "{} alerts were open", after.len());
    for alert in &after {
        assert_eq!((alert.status, alert.note.as_deref()), (Status::Resolved, Some("the rule was switched off")));
        assert_eq!(alert.updated_at, after[0].updated_at, "all in the next minute");
        assert_eq!(alert.ends_at, Some(alert.updated_at));
    }
    assert_no_id_stays_open(&outcome.alerts);
}

#[test]
fn a_rule_put_into_the_shadow_goes_on_there() {
    let files = redialing();
    let mut case = files.case();
    let (outcome, straight) = halfway(&mut case, Mode::On, Mode::Shadow);
    for alert in after(&outcome.alerts, &straight.alerts) {
        assert_eq!(alert.status, Status::Resolved);
        assert!(alert.note.as_ref().is_some_and(|note| note.contains("counted and not sent")));
    }
    assert_no_id_stays_open(&outcome.alerts);
    assert!(straight.shadowed.is_empty());
    assert!(outcome.shadowed.iter().any(|alert| alert.rule == RULE && alert.status == Status::Firing));
}

#[test]
fn a_rule_that_leaves_the_shadow_is_heard_at_once() {
    let files = redialing();
    let mut case = files.case();
    let (outcome, straight) = halfway(&mut case, Mode::Shadow, Mode::On);
    assert!(straight.alerts.iter().all(|alert| alert.rule != RULE));
    assert!(outcome.alerts.iter().any(|alert| alert.rule == RULE && alert.status == Status::Firing));
    let left = after(&outcome.shadowed, &straight.shadowed);
    assert!(!left.is_empty() && left.iter().all(|alert| alert.status == Status::Resolved && alert.note.is_some()));
}

#[test]
fn new_limits_hold_for_calls_remembered_from_before() {
    let files = redialing();
    let mut case = files.case();
    let strict = with(&case.policy, |policy| policy.rules.callee_frequency.calls_in_24_hours_max = 5);
    case.policy = with(&case.policy, |policy| {
        policy.rules.callee_frequency.calls_in_24_hours_max = 30;
        policy.rules.callee_frequency.calls_in_5_minutes_max = 30;
    });
    let straight = run::straight(&case);
    assert!(straight.alerts.iter().all(|alert| alert.rule != RULE), "the lax limits forbid nothing here");
    let outcome = run::adopting(&case, case.records.len() / 2, &strict, false);
    let first = outcome.alerts.iter().find(|alert| alert.rule == RULE).expect("the strict limits do");
    // With the strict limits all along it would have opened at the sixth call.
    assert!(first.calls_before_alert > 6, "calls from before the policy count: {first:?}");
}

#[test]
fn what_an_app_filed_is_read_by_the_new_policy() {
    // Calls at 20:30 in Beijing: an hour later it is night where the new policy has its callees.
    let mut app = App::new();
    app.files(json!({"seats": 9}));
    app.works(&Shift { from: "2026-03-09 20:05", calls: 60, ..Shift::default() });
    let files = Files::from_parts(&app.traffic(), "");
    let case = files.case();
    let rest = |outcome: &Outcome| outcome.alerts.iter().filter(|alert| alert.rule == RuleName::RestTime).count();
    let east = with(&case.policy, |policy| policy.clock = LocalClock::utc_plus(9));
    assert_eq!(rest(&run::straight(&case)), 0);
    assert!(rest(&run::adopting(&case, case.records.len() / 3, &east, false)) > 0);
}

fn assert_no_id_stays_open(alerts: &[Alert]) {
    let mut open = std::collections::BTreeSet::new();
    for alert in alerts.iter().filter(|alert| alert.rule == RULE) {
        match alert.status {
            Status::Firing => open.insert(&alert.alert_id),
            Status::Resolved => open.remove(&alert.alert_id),
        };
    }
    assert!(open.is_empty(), "still open: {open:?}");
}
