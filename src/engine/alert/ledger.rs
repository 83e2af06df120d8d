//! The ledger of an app: what was recorded against it, when, under which clause, and what followed.
//!
//! An entry an alert that accuses, made when the alert is first sent and kept when it is over. Nothing in the shadow is in
//! here, no notice, and nothing twice: an alert that is sent again, grows graver or opens again is the same entry.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Alert, Status};
use crate::engine::detector::violations::{Action, Violation};
use crate::engine::detector::{RuleName, Severity};
use crate::engine::time::Timestamp;

/// Entries kept of an app. At the cap the oldest whose alert is over goes, and is counted.
pub const ENTRIES_MAX: usize = 1_000;

/// What was recorded for one alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Event time at which it was recorded: when the alert was first sent as a violation or graver.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The alert.
    pub alert_id: Box<str>,
    /// The rule.
    pub rule: RuleName,
    /// How grave it was at its gravest.
    pub severity: Severity,
    /// The clause it then rested on.
    pub clause: Box<str>,
    /// The action that was then recommended.
    pub action: Action,
    /// Strikes recorded for it.
    pub recorded: u32,
    /// Event time at which it last became graver.
    #[schemars(with = "Option<String>")]
    pub raised_at: Option<Timestamp>,
    /// Event time at which the alert was over; absent while it is open.
    #[schemars(with = "Option<String>")]
    pub ended_at: Option<Timestamp>,
}

/// The ledger of one app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// In the order in which they were made.
    entries: Vec<Entry>,
    strikes: u64,
    dropped: u64,
}

impl Ledger {
    /// What is in it, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Strikes ever recorded, those of entries that are no longer kept included.
    pub fn strikes(&self) -> u64 {
        self.strikes
    }

    /// Entries that are no longer kept.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Enters an alert as it is sent. `row` is its row of the violation table; `struck` is what was recorded for it already,
    /// which the book knows even of an entry that is no longer kept. Returns what is recorded for it now.
    ///
    /// Copies the ledger if somebody else still looks at it, and only if there is something to enter.
    pub fn enter(this: &mut Arc<Self>, alert: &Alert, row: &Violation, struck: u32) -> u32 {
        let known = this.entries.iter().rposition(|entry| *entry.alert_id == *alert.alert_id);
        match (known, alert.status) {
            (None, Status::Firing) if alert.severity >= Severity::Violation => {
                let recorded = row.recorded.max(struck);
                let ledger = Arc::make_mut(this);
                ledger.make_room();
                ledger.strikes += u64::from(recorded - struck);
                ledger.entries.push(Entry {
                    at: alert.updated_at,
                    alert_id: alert.alert_id.as_str().into(),
                    rule: alert.rule,
                    severity: alert.severity,
                    clause: row.clause.as_ref().into(),
                    action: row.action,
                    recorded,
                    raised_at: None,
                    ended_at: None,
                });
                recorded
            }
            (Some(at), _) if this.entries[at].differs(alert) => {
                let ledger = Arc::make_mut(this);
                // The entry knows too: an alert that opens again long after may be new to the book, with its old id.
                let before = ledger.entries[at].recorded.max(struck);
                let recorded = ledger.entries[at].follow(alert, row).max(before);
                ledger.strikes += u64::from(recorded - before);
                recorded
            }
            _ => struck,
        }
    }

    fn make_room(&mut self) {
        if self.entries.len() >= ENTRIES_MAX {
            let over = self.entries.iter().position(|entry| entry.ended_at.is_some());
            self.entries.remove(over.unwrap_or(0));
            self.dropped += 1;
        }
    }
}

impl Entry {
    fn differs(&self, alert: &Alert) -> bool {
        alert.ends_at != self.ended_at || alert.severity > self.severity
    }

    /// Takes in what became of its alert. Returns what is recorded for it now.
    fn follow(&mut self, alert: &Alert, row: &Violation) -> u32 {
        self.ended_at = alert.ends_at;
        if alert.severity > self.severity {
            self.severity = alert.severity;
            self.clause = row.clause.as_ref().into();
            self.action = row.action;
            self.recorded = self.recorded.max(row.recorded);
            self.raised_at = Some(alert.updated_at);
        }
        self.recorded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::alert::tests::example;
    use crate::engine::detector::violations::ViolationTable;

    /// A ledger, and what the book would know of each alert.
    #[derive(Default)]
    struct Desk {
        ledger: Arc<Ledger>,
        struck: std::collections::BTreeMap<String, u32>,
    }

    impl Desk {
        fn send(&mut self, alert: &Alert) {
            let table = ViolationTable::default();
            let row = table.row(alert.rule, None, alert.severity);
            let struck = self.struck.entry(alert.alert_id.clone()).or_default();
            *struck = Ledger::enter(&mut self.ledger, alert, row, *struck);
        }
    }

    fn alert(number: usize, rule: RuleName, severity: Severity, minute: i64) -> Alert {
        let at = Timestamp::from_seconds(1_773_018_000 + minute * 60);
        Alert { alert_id: format!("{number:032}"), rule, severity, updated_at: at, ..example("app") }
    }

    fn over(alert: Alert, minute: i64) -> Alert {
        let at = Timestamp::from_seconds(1_773_018_000 + minute * 60);
        Alert { status: Status::Resolved, updated_at: at, ends_at: Some(at), ..alert }
    }

    #[test]
    fn an_alert_is_one_entry_whatever_becomes_of_it() {
        let mut desk = Desk::default();
        let first = alert(1, RuleName::HarassmentRedial, Severity::Violation, 1);
        desk.send(&first);
        desk.send(&Alert { updated_at: first.updated_at.plus_millis(60_000), ..first.clone() });
        assert_eq!((desk.ledger.entries().len(), desk.ledger.strikes()), (1, 1));
        desk.send(&alert(1, RuleName::HarassmentRedial, Severity::Major, 5));
        let graver = alert(1, RuleName::HarassmentRedial, Severity::Major, 5);
        desk.send(&over(graver.clone(), 40));
        let [entry] = desk.ledger.entries() else { panic!("{:?}", desk.ledger) };
        assert_eq!((entry.severity, entry.action, entry.recorded), (Severity::Major, Action::EndService, 1));
        assert_eq!((entry.at, entry.raised_at), (first.updated_at, Some(graver.updated_at)));
        assert_eq!(entry.ended_at, Some(graver.updated_at.plus_millis(35 * 60_000)));
        // It opens again, milder than it was: the entry is open, and says what it said.
        desk.send(&alert(1, RuleName::HarassmentRedial, Severity::Violation, 60));
        let [entry] = desk.ledger.entries() else { panic!("{:?}", desk.ledger) };
        assert_eq!((entry.severity, entry.ended_at, desk.ledger.strikes()), (Severity::Major, None, 1));
    }

    #[test]
    fn an_alert_that_the_book_has_forgotten_is_not_recorded_again() {
        let mut desk = Desk::default();
        let night = alert(1, RuleName::RestTime, Severity::Violation, 1);
        desk.send(&night);
        desk.send(&over(night, 40));
        desk.struck.clear();
        desk.send(&alert(1, RuleName::RestTime, Severity::Violation, 200));
        assert_eq!((desk.ledger.entries().len(), desk.ledger.strikes()), (1, 1));
        assert_eq!(desk.ledger.entries()[0].ended_at, None);
    }

    #[test]
    fn a_notice_is_entered_when_it_accuses() {
        let mut desk = Desk::default();
        desk.send(&alert(1, RuleName::ComplaintRatio, Severity::Notice, 1));
        desk.send(&over(alert(2, RuleName::ComplaintRatio, Severity::Notice, 1), 9));
        assert_eq!(*desk.ledger, Ledger::default());
        let raised = alert(1, RuleName::ComplaintRatio, Severity::Violation, 3);
        desk.send(&raised);
        assert_eq!((desk.ledger.entries()[0].at, desk.ledger.strikes()), (raised.updated_at, 1));
    }

    #[test]
    fn what_ends_the_service_is_entered_without_a_strike() {
        let mut desk = Desk::default();
        desk.send(&alert(1, RuleName::HarassmentRedial, Severity::Major, 1));
        assert_eq!((desk.ledger.entries()[0].recorded, desk.ledger.strikes()), (0, 0));
    }

    #[test]
    fn at_the_cap_the_oldest_that_is_over_goes_and_no_strike_is_lost_or_doubled() {
        let mut desk = Desk::default();
        let of = |number| alert(number, RuleName::CalleeFrequency, Severity::Violation, number as i64);
        for number in 0..ENTRIES_MAX {
            desk.send(&of(number));
        }
        desk.send(&over(of(1), 2_000));
        desk.send(&of(ENTRIES_MAX));
        assert_eq!(desk.ledger.entries()[1].alert_id, of(2).alert_id.into());
        desk.send(&of(ENTRIES_MAX + 1));
        assert_eq!(desk.ledger.entries()[0].alert_id, of(2).alert_id.into(), "none is over: the oldest");
        assert_eq!((desk.ledger.entries().len(), desk.ledger.dropped()), (ENTRIES_MAX, 2));
        let strikes = desk.ledger.strikes();
        assert_eq!(strikes, ENTRIES_MAX as u64 + 2);
        desk.send(&Alert { updated_at: of(9_000).updated_at, ..of(1) });
        assert_eq!(desk.ledger.strikes(), strikes, "it opens again: the book knows it was recorded");
        assert_eq!(
            desk.ledger.entries().last().map(|entry| (&entry.alert_id, entry.recorded)),
            Some((&of(1).alert_id.into(), 1))
        );
    }

    #[test]
    fn who_looks_at_it_sees_it_as_it_was() {
        let mut desk = Desk::default();
        desk.send(&alert(1, RuleName::RestTime, Severity::Violation, 1));
        let seen = desk.ledger.clone();
        desk.send(&alert(1, RuleName::RestTime, Severity::Violation, 2));
        assert!(Arc::ptr_eq(&seen, &desk.ledger), "nothing to enter, nothing copied");
        desk.send(&alert(2, RuleName::RestTime, Severity::Violation, 2));
        assert_eq!((seen.entries().len(), desk.ledger.entries().len()), (1, 2));
    }
}
