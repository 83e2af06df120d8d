//! What holds for one app alone: limits from the registry, and exceptions with a reason and an end.

use std::sync::Arc;

use dialwatch::engine::alert::{Alert, Status};
use dialwatch::engine::decode::{self, Limits};
use dialwatch::engine::detector::RuleName;
use dialwatch::engine::overlaps::Overlap;
use dialwatch::engine::policy::{Exception, Policy};
use dialwatch::engine::shard::{Effects, Input, Shard};
use dialwatch::engine::time::Timestamp;
use dialwatch::engine::window::sketch::Common;
use serde_json::json;

use super::ledger::ledger;
use super::run::{self, Case, Files, Outcome};
use super::scenario::{APP, App, Shift, To};

const RULE: RuleName = RuleName::CalleeFrequency;

/// Six people called again and again from 09:00 to well after 10:00, by an app that filed these limits.
fn redialing(limits: Option<serde_json::Value>) -> Files {
    let mut app = App::new();
    if let Some(limits) = limits {
        app.files(json!({ "limits": limits }));
    }
    app.works(&Shift { calls: 120, to: To::People(1, 6), lines: 1..=2, ..Shift::default() });
    Files::from_parts(&app.traffic(), "")
}

/// Alerts without the version of the policy, which tells own limits apart.
fn unversioned(alerts: &[Alert]) -> Vec<Alert> {
    let plain = |alert: &Alert| {
        let mut alert = alert.clone();
        alert.policy.version.clear();
        alert
    };
    alerts.iter().map(plain).collect()
}

fn assert_same_however_run(case: &Case<'_>, straight: &Outcome) {
    assert!(run::cut(case, &run::places(case, 1), run::through_bytes) == *straight, "cut");
    assert!(run::shuffled_and_doubled(case, 1) == *straight, "shuffled and doubled");
}

#[test]
fn own_limits_judge_as_the_same_limits_of_the_policy() {
    let plain = redialing(None);
    let mut plain = plain.case();
    let as_published = run::straight(&plain);
    let mut policy = (*plain.policy).clone();
    policy.rules.callee_frequency.calls_in_24_hours_max = 12;
    policy.rules.callee_frequency.calls_in_5_minutes_max = 9;
    plain.policy = Arc::new(policy);
    let by_policy = run::straight(&plain);
    assert!(!by_policy.alerts.is_empty() && by_policy.alerts != as_published.alerts);

    let limits = json!({"callee_frequency": {"calls_in_24_hours_max": 12}, "callee_frequency.calls_in_5_minutes_max": 9});
    let files = redialing(Some(limits));
    let case = files.case();
    let by_registry = run::straight(&case);
    assert_eq!(unversioned(&by_registry.alerts), unversioned(&by_policy.alerts));
    assert!(by_registry.alerts.iter().all(|alert| alert.policy.version.starts_with("test+")));
    assert_same_however_run(&case, &by_registry);
}

#[test]
fn a_rule_can_be_in_the_shadow_for_one_app() {
    let files = redialing(Some(json!({"callee_frequency.mode": "shadow"})));
    let case = files.case();
    let outcome = run::straight(&case);
    assert!(outcome.alerts.iter().all(|alert| alert.rule != RULE));
    assert!(outcome.shadowed.iter().any(|alert| alert.rule == RULE && alert.status == Status::Firing));
    assert_same_however_run(&case, &outcome);
}

/// What a shard says within four hours of a complaint nobody replies to, if the app files these limits meanwhile.
fn after_complaint(filed: &[&str], restored: bool) -> (Vec<Alert>, Vec<u8>) {
    const AT_S: i64 = 1_773_020_460;
    let (limits, policy) = (Limits::default(), Arc::new(Policy::for_tests()));
    let complaint = format!(r#"{{"kind":"complaint","app_id":"{APP}","callee":"19900000001","at":{AT_S},"channel":"12321"}}"#);
    let complaint = decode::feedback(complaint.as_bytes(), &limits).expect("a feedback");
    let (mut shard, mut effects) = (Shard::new(policy.clone(), 1), Effects::default());
    shard.apply(Input::Feedback(&complaint), &mut effects);
    let mut tick = |shard: &mut Shard, minute: i64| {
        shard.apply(Input::Tick(Timestamp::from_seconds(AT_S + minute * 60)), &mut effects);
    };
    tick(&mut shard, 10);
    for (limits_json, minute) in filed.iter().zip(2..) {
        let registration = format!(r#"{{"app_id":"{APP}","limits":{limits_json}}}"#);
        let registration = decode::registration(registration.as_bytes(), &limits).expect("a registration");
        shard.apply(Input::Registration(&registration), &mut Effects::default());
        if restored {
            shard = Shard::restore(shard.snapshot(), policy.clone(), 2);
        }
        tick(&mut shard, minute * 10);
    }
    tick(&mut shard, 240);
    (effects.alerts, postcard::to_stdvec(&shard.snapshot()).expect("bytes"))
}

#[test]
fn a_rule_that_is_on_again_for_an_app_finds_by_time_alone() {
    const OFF: &str = r#"{"complaint_ratio.mode":"off"}"#;
    for (filed, is_found) in [(&[][..], true), (&[OFF][..], false), (&[OFF, "{}"][..], true), (&["{}", OFF][..], false)] {
        let (alerts, state) = after_complaint(filed, false);
        assert_eq!(alerts.iter().any(|alert| alert.rule == RuleName::ComplaintRatio), is_found, "{filed:?}");
        assert_eq!(after_complaint(filed, true), (alerts, state), "{filed:?}: restored");
    }
}

fn excepted(policy: &Policy, until: Timestamp) -> Arc<Policy> {
    let reason = "a survey the regulator asked for".into();
    let exceptions = vec![Exception { app_id: APP.into(), rule: RULE, reason, until, by: Some("the night shift".into()) }];
    Arc::new(Policy { exceptions, ..policy.clone() })
}

fn of_rule(alerts: &[Alert]) -> impl Iterator<Item = &Alert> {
    alerts.iter().filter(|alert| alert.rule == RULE)
}

#[test]
fn an_exception_suppresses_until_its_end_and_nothing_else() {
    let files = redialing(None);
    let mut case = files.case();
    let plain = run::straight(&case);
    let last = of_rule(&plain.alerts).last().expect("alerts").updated_at;
    let first = of_rule(&plain.alerts).next().expect("alerts").updated_at;
    let middle = Timestamp::from_millis((first.millis() + last.millis()) / 2);
    for until in [first, middle, last.plus_millis(86_400_000)] {
        case.policy = excepted(&case.policy, until);
        let outcome = run::straight(&case);
        assert!(of_rule(&outcome.alerts).all(|alert| alert.updated_at > until), "sent while it holds");
        assert!(of_rule(&outcome.shadowed).any(|alert| alert.updated_at <= until && alert.status == Status::Firing));
        let firing_later = of_rule(&plain.alerts).any(|alert| alert.updated_at > until && alert.status == Status::Firing);
        assert_eq!(of_rule(&outcome.alerts).count() > 0, firing_later, "until {until}");
        let others = |alerts: &[Alert]| alerts.iter().filter(|alert| alert.rule != RULE).cloned().collect::<Vec<_>>();
        assert_eq!(others(&outcome.alerts), others(&plain.alerts));
        let entries = ledger(&case, &outcome);
        assert!(entries.entries().iter().all(|entry| entry.rule != RULE || entry.at > until), "recorded while it holds");
        assert_same_however_run(&case, &outcome);
    }
}

#[test]
fn an_exception_for_another_app_or_rule_changes_nothing() {
    let files = redialing(None);
    let mut case = files.case();
    let plain = run::straight(&case);
    let mut policy = (*excepted(&case.policy, Timestamp::LATEST)).clone();
    policy.exceptions.push(Exception { app_id: "another".into(), ..policy.exceptions[0].clone() });
    policy.exceptions[0].rule = RuleName::BlindDialing;
    case.policy = Arc::new(policy);
    assert_eq!(run::straight(&case).alerts, plain.alerts);
}

#[test]
fn an_alert_that_is_open_when_an_exception_begins_ends_with_its_reason() {
    let files = redialing(None);
    let case = files.case();
    let place = case.records.len() / 2;
    let exception = excepted(&case.policy, Timestamp::LATEST);
    let outcome = run::adopting(&case, place, &exception, false);
    assert!(outcome == run::adopting(&case, place, &exception, true), "as a restart does");
    let ended: Vec<&Alert> = of_rule(&outcome.alerts).filter(|alert| alert.note.is_some()).collect();
    assert!(ended.len() >= 3, "{} alerts were open", ended.len());
    for alert in &ended {
        let note = alert.note.as_deref().unwrap_or_default();
        assert!(note.contains("a survey the regulator asked for") && note.contains("2100-01-01T00:00:00Z"), "{note}");
        assert_eq!((alert.status, alert.updated_at), (Status::Resolved, ended[0].updated_at));
    }
    let open = ledger(&case, &outcome);
    assert!(
        open.entries().iter().all(|entry| entry.rule != RULE || entry.ended_at.is_some()),
        "the ledger says that they are over"
    );
}

/// A rule that an app's own limits switch off is told nothing that it would keep for ever.
#[test]
fn who_switched_a_rule_off_is_not_told_of_others() {
    let told = |mode: &str, is_told: bool| {
        let mut shard = Shard::new(Arc::new(Policy::for_tests()), 1);
        let (mut effects, overlap) = (Effects::default(), overlap());
        let filed = json!({"app_id": APP, "limits": {"resale": {"mode": mode}}}).to_string();
        let filed = decode::registration(filed.as_bytes(), &Limits::default()).expect("a registration");
        shard.apply(Input::Registration(&filed), &mut effects);
        if is_told {
            shard.apply(Input::Overlap { app_id: APP, overlap: &overlap }, &mut effects);
        }
        shard.snapshot()
    };
    assert!(told("off", true) == told("off", false), "it keeps what it was told");
    assert!(told("shadow", true) != told("shadow", false), "it was told nothing");
}

fn overlap() -> Overlap {
    Overlap { day: 20_000, other: "1400000002".into(), common: Common { shared: 200, of: 256 } }
}
