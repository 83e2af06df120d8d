//! The ledger of an app is what its alerts say, and no more: recomputed from the alerts that were sent, for every case, and the
//! same however the case is run.

use std::collections::{BTreeMap, BTreeSet};

use dialwatch::engine::alert::ledger::Ledger;
use dialwatch::engine::alert::{Alert, Status};
use dialwatch::engine::detector::violations::{Violation, ViolationTable};
use dialwatch::engine::detector::{Mode, RuleName, Severity};
use dialwatch::engine::shard::Shard;
use dialwatch::engine::time::Timestamp;

use super::cases;
use super::run::{self, Case, Files, Outcome};
use super::scenario::APP;

/// The ledger in the state at the end.
pub fn ledger(case: &Case<'_>, outcome: &Outcome) -> Ledger {
    let snapshot = postcard::from_bytes(&outcome.state).expect("a snapshot");
    let shard = Shard::restore(snapshot, case.policy.clone(), 1);
    shard.app(APP).map(|app| (**app.ledger()).clone()).unwrap_or_default()
}

/// What is known of an alert from all that was sent of it.
struct Sent<'a> {
    at: Timestamp,
    gravest: &'a Alert,
    ended_at: Option<Timestamp>,
    strikes: u32,
}

/// The entries by alert, recomputed.
fn naive(alerts: &[Alert]) -> BTreeMap<&str, Sent<'_>> {
    let table = ViolationTable::default();
    let mut entries: BTreeMap<&str, Sent<'_>> = BTreeMap::new();
    for alert in alerts {
        let row = table.row(alert.rule, alert.evidence.first().map(|gravest| gravest.feature), alert.severity);
        let accuses = alert.severity > Severity::Notice && alert.status == Status::Firing;
        if !accuses && !entries.contains_key(alert.alert_id.as_str()) {
            continue;
        }
        let entry =
            entries.entry(&alert.alert_id).or_insert(Sent { at: alert.updated_at, gravest: alert, ended_at: None, strikes: 0 });
        if alert.severity > entry.gravest.severity {
            entry.gravest = alert;
        }
        entry.ended_at = alert.ends_at;
        entry.strikes = entry.strikes.max(row.recorded);
    }
    entries
}

#[test]
fn the_ledger_is_what_the_alerts_say_however_a_case_is_run() {
    let (mut strikes, mut raised, mut ended) = (0, 0, 0);
    for case in cases::all() {
        let files = Files::of(&case);
        let (name, case) = (case.name, files.case());
        let straight = run::straight(&case);
        let ledger = ledger(&case, &straight);
        let expected = naive(&straight.alerts);
        assert_eq!(ledger.entries().len(), expected.len(), "{name}: {ledger:?}");
        for entry in ledger.entries() {
            let sent = &expected[&*entry.alert_id];
            assert_eq!((entry.at, entry.ended_at, entry.recorded), (sent.at, sent.ended_at, sent.strikes), "{name}: {entry:?}");
            let gravest = sent.gravest;
            assert_eq!((entry.rule, entry.severity), (gravest.rule, gravest.severity), "{name}");
            assert_eq!(
                (&*entry.clause, entry.action.as_str()),
                (&*gravest.policy.clause, &*gravest.recommended_action),
                "{name}"
            );
            raised += usize::from(entry.raised_at.is_some());
            ended += usize::from(entry.ended_at.is_some());
        }
        let sum: u64 = ledger.entries().iter().map(|entry| u64::from(entry.recorded)).sum();
        assert_eq!((ledger.strikes(), ledger.dropped()), (sum, 0), "{name}");
        strikes += sum;
        // The state holds the ledger: it is the same cut anywhere, doubled and shuffled.
        assert!(run::cut(&case, &run::places(&case, 3), run::through_bytes) == straight, "{name}: cut");
        assert!(run::shuffled_and_doubled(&case, 3) == straight, "{name}: doubled");
    }
    assert!(strikes > 20 && raised > 0 && ended > 20, "the cases show too little: {strikes} {raised} {ended}");
}

#[test]
fn nothing_in_the_shadow_is_recorded() {
    for case in cases::all().into_iter().filter(|case| case.name.contains("--fires-")).step_by(4) {
        let files = Files::of(&case);
        let (name, mut case) = (case.name, files.case());
        let mut policy = (*case.policy).clone();
        RuleName::ALL.iter().for_each(|rule| policy.rules.set_mode(*rule, Mode::Shadow));
        case.policy = policy.into();
        let outcome = run::straight(&case);
        assert!(outcome.alerts.is_empty() && !outcome.shadowed.is_empty(), "{name}");
        assert_eq!(ledger(&case, &outcome), Ledger::default(), "{name}");
    }
}

/// Every alert of the fixtures has a row of just its severity, none is judged by a neighbouring one; and every row is shown.
#[test]
fn whatever_the_rules_find_has_its_row() {
    let table = ViolationTable::default();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rules");
    let mut met = BTreeSet::new();
    for case in cases::all() {
        let path = root.join(case.name).join("expected.jsonl");
        for line in std::fs::read_to_string(path).unwrap_or_default().lines() {
            let alert: Alert = serde_json::from_str(line).expect("an alert");
            let row = table.row(alert.rule, alert.evidence.first().map(|gravest| gravest.feature), alert.severity);
            assert_eq!((row.rule, row.severity), (alert.rule, alert.severity), "{line}");
            assert_eq!((&row.clause, row.action.as_str()), (&alert.policy.clause, &*alert.recommended_action), "{line}");
            met.insert((row.rule, row.evidence, row.severity));
        }
    }
    let is_shown = |row: &&Violation| met.contains(&(row.rule, row.evidence, row.severity));
    let never: Vec<_> = table.rows().iter().filter(|row| !is_shown(row)).map(|row| &row.words).collect();
    assert!(never.is_empty(), "no case shows: {never:?}");
}
