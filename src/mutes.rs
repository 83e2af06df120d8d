//! What people said about alerts: an acknowledgement marks one, a mute hides those of an app or of one of its rules. Each says
//! who, why, and until when.
//!
//! Kept in the memory of the process: a restart forgets both, and they do not follow a partition to another process. What must
//! outlast that is a silence in Alertmanager, or an exception in the configuration. Changes no judgement, no alert and no ledger.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::detector::RuleName;
use crate::engine::time::{DAY_S, SECOND_MS, Timestamp};

/// Mutes kept at once.
pub const MUTES_MAX: usize = 1_000;
/// Acknowledgements kept at once.
pub const ACKNOWLEDGEMENTS_MAX: usize = 10_000;
/// The longest a reason may be, in characters.
pub const REASON_MAX: usize = 500;
/// The longest a name may be, in characters.
pub const NAME_MAX: usize = 100;
/// Nothing holds for longer than this.
const LENGTH_MAX_MS: i64 = 366 * DAY_S as i64 * SECOND_MS;

/// Who said something, why, and until when it holds. Times are of the wall clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remark {
    /// Who said it, in their own words: the token tells nobody apart.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was said.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// It holds until then.
    #[schemars(with = "String")]
    pub until: Timestamp,
}

/// Why a remark is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// A field is wrong.
    #[error("{field}: {reason}")]
    Field {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// There are too many.
    #[error("there are {0} already: lift some, or wait until some are over")]
    Full(usize),
}

impl Remark {
    /// A remark made at `now`.
    ///
    /// # Errors
    /// A text is empty, too long or of several lines; or it is over already, or holds for more than a year.
    pub fn new(by: &str, reason: &str, until: Timestamp, now: Timestamp) -> Result<Self, NotTaken> {
        let (by, reason) = (said("by", by, NAME_MAX)?, said("reason", reason, REASON_MAX)?);
        let wrong = |reason: &str| Err(NotTaken::Field { field: "until", reason: reason.into() });
        match until.millis().saturating_sub(now.millis()) {
            ..=0 => wrong("it must lie in the future"),
            length if length > LENGTH_MAX_MS => wrong("it must lie within a year"),
            _ => Ok(Self { by, reason, at: now, until }),
        }
    }

    /// Whether it still holds.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

/// A text that somebody typed, as it is kept: one line, so that it is one line of a log too.
///
/// # Errors
/// It is empty, too long or holds control characters.
pub fn said(field: &'static str, text: &str, chars_max: usize) -> Result<String, NotTaken> {
    let text = text.trim();
    let wrong = |reason: String| Err(NotTaken::Field { field, reason });
    match text.chars().count() {
        0 => wrong("it must not be empty".into()),
        length if length > chars_max => wrong(format!("it may have {chars_max} characters, not {length}")),
        _ if text.chars().any(char::is_control) => wrong("it must be one line of plain text".into()),
        _ => Ok(text.to_owned()),
    }
}

/// A mute: of all alerts of an app, or of those by one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Mute {
    /// The app.
    pub app_id: String,
    /// The rule; absent if all are meant.
    pub rule: Option<RuleName>,
    /// Who, why, until when.
    #[serde(flatten)]
    pub remark: Remark,
}

/// The mutes of an app, by rule; `None` is every rule.
type OfApp = BTreeMap<Option<RuleName>, Remark>;

/// The mutes in force.
#[derive(Debug, Default)]
pub struct Mutes(RwLock<BTreeMap<String, OfApp>>);

impl Mutes {
    /// Whether an alert by `rule` about the app is muted at `now`, by the wall clock.
    pub fn is_muted(&self, app_id: &str, rule: RuleName, now: Timestamp) -> bool {
        self.muted_until(app_id, rule, now).is_some()
    }

    /// Until when it is, if it is.
    pub fn muted_until(&self, app_id: &str, rule: RuleName, now: Timestamp) -> Option<Timestamp> {
        let mutes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let of_app = mutes.get(app_id)?;
        let holding = [None, Some(rule)].into_iter().filter_map(|rule| of_app.get(&rule)).filter(|remark| remark.holds(now));
        holding.map(|remark| remark.until).max()
    }

    /// Mutes the app's alerts, or those by one rule; what was said of the same before no longer holds.
    ///
    /// # Errors
    /// There are [`MUTES_MAX`] already.
    pub fn mute(&self, app_id: &str, rule: Option<RuleName>, remark: Remark) -> Result<(), NotTaken> {
        let mut mutes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for of_app in mutes.values_mut() {
            of_app.retain(|_, other| other.holds(remark.at));
        }
        mutes.retain(|_, of_app| !of_app.is_empty());
        let is_known = mutes.get(app_id).is_some_and(|of_app| of_app.contains_key(&rule));
        if !is_known && mutes.values().map(BTreeMap::len).sum::<usize>() >= MUTES_MAX {
            return Err(NotTaken::Full(MUTES_MAX));
        }
        mutes.entry(app_id.to_owned()).or_default().insert(rule, remark);
        Ok(())
    }

    /// Takes a mute back. Returns it, if it was in force at `now`.
    pub fn lift(&self, app_id: &str, rule: Option<RuleName>, now: Timestamp) -> Option<Remark> {
        let mut mutes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        mutes.get_mut(app_id)?.remove(&rule).filter(|remark| remark.holds(now))
    }

    /// Those of an app that are in force.
    pub fn of_app(&self, app_id: &str, now: Timestamp) -> Vec<Mute> {
        let mutes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        mutes.get(app_id).map(|of_app| in_force(app_id, of_app, now).collect()).unwrap_or_default()
    }

    /// All that are in force, by app and rule.
    pub fn all(&self, now: Timestamp) -> Vec<Mute> {
        let mutes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        mutes.iter().flat_map(|(app_id, of_app)| in_force(app_id, of_app, now)).collect()
    }
}

fn in_force<'m>(app_id: &'m str, of_app: &'m OfApp, now: Timestamp) -> impl Iterator<Item = Mute> + use<'m> {
    let holding = of_app.iter().filter(move |(_, remark)| remark.holds(now));
    holding.map(move |(rule, remark)| Mute { app_id: app_id.to_owned(), rule: *rule, remark: remark.clone() })
}

/// The acknowledgements in force, by alert.
#[derive(Debug, Default)]
pub struct Acknowledgements(RwLock<BTreeMap<String, Remark>>);

impl Acknowledgements {
    /// Marks an alert; what was said of it before no longer holds.
    ///
    /// # Errors
    /// There are [`ACKNOWLEDGEMENTS_MAX`] already.
    pub fn acknowledge(&self, alert_id: &str, remark: Remark) -> Result<(), NotTaken> {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ACKNOWLEDGEMENTS_MAX {
            known.retain(|_, other| other.holds(remark.at));
        }
        if known.len() >= ACKNOWLEDGEMENTS_MAX && !known.contains_key(alert_id) {
            return Err(NotTaken::Full(ACKNOWLEDGEMENTS_MAX));
        }
        known.insert(alert_id.to_owned(), remark);
        Ok(())
    }

    /// What was said of an alert, if it holds at `now`.
    pub fn of(&self, alert_id: &str, now: Timestamp) -> Option<Remark> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(alert_id).filter(|remark| remark.holds(now)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(minute: i64) -> Timestamp {
        Timestamp::from_seconds(1_773_018_000 + minute * 60)
    }

    fn remark(from: i64, until: i64) -> Remark {
        Remark::new("ana", "known to the customer", at(until), at(from)).expect("a remark")
    }

    #[test]
    fn a_mute_holds_for_its_app_and_rule_until_it_ends() {
        let (mutes, rest, blind) = (Mutes::default(), RuleName::RestTime, RuleName::BlindDialing);
        mutes.mute("app", Some(rest), remark(0, 60)).expect("room");
        assert!(mutes.is_muted("app", rest, at(0)) && mutes.is_muted("app", rest, at(59)));
        assert!(!mutes.is_muted("app", rest, at(60)), "it is over");
        assert!(!mutes.is_muted("app", blind, at(1)) && !mutes.is_muted("other", rest, at(1)));
        mutes.mute("app", None, remark(0, 90)).expect("room");
        assert!(mutes.is_muted("app", blind, at(1)));
        assert_eq!(mutes.muted_until("app", rest, at(1)), Some(at(90)), "the later of the two");
        assert_eq!((mutes.of_app("app", at(1)).len(), mutes.of_app("app", at(70)).len(), mutes.all(at(90)).len()), (2, 1, 0));
        assert_eq!(mutes.lift("app", None, at(2)), Some(remark(0, 90)));
        assert!(!mutes.is_muted("app", blind, at(2)) && mutes.is_muted("app", rest, at(2)));
        assert_eq!((mutes.lift("app", None, at(2)), mutes.lift("other", None, at(2))), (None, None));
    }

    #[test]
    fn what_is_over_makes_room_and_what_holds_does_not() {
        let mutes = Mutes::default();
        let app = |number: usize| format!("app-{number}");
        for number in 0..MUTES_MAX {
            mutes.mute(&app(number), None, remark(0, 60)).expect("room");
        }
        assert_eq!(mutes.mute("one-more", None, remark(1, 60)), Err(NotTaken::Full(MUTES_MAX)));
        mutes.mute(&app(3), None, remark(1, 90)).expect("it is there already");
        mutes.mute("one-more", None, remark(60, 90)).expect("the others are over");
        assert_eq!(mutes.all(at(60)).len(), 2);

        let known = Acknowledgements::default();
        for number in 0..ACKNOWLEDGEMENTS_MAX {
            known.acknowledge(&format!("alert-{number}"), remark(0, 60)).expect("room");
        }
        assert!(known.acknowledge("one-more", remark(1, 60)).is_err());
        known.acknowledge("alert-7", remark(1, 90)).expect("it is there already");
        known.acknowledge("one-more", remark(60, 90)).expect("the others are over");
        let holds = |alert_id, minute| known.of(alert_id, at(minute)).is_some();
        assert!(holds("alert-7", 89) && !holds("alert-7", 90) && !holds("alert-8", 61) && holds("one-more", 61));
    }

    #[test]
    fn a_remark_says_who_why_and_until_when_in_one_line() {
        let wrong = |by: &str, reason: &str, until| Remark::new(by, reason, until, at(0)).expect_err("wrong").to_string();
        assert_eq!(wrong(" ", "why", at(1)), "by: it must not be empty");
        assert_eq!(wrong("ana", "", at(1)), "reason: it must not be empty");
        assert!(wrong("ana", &"x".repeat(REASON_MAX + 1), at(1)).contains("500 characters, not 501"));
        assert!(wrong("ana", "a\nlevel=error msg=forged", at(1)).contains("one line"));
        assert_eq!(wrong("ana", "why", at(0)), "until: it must lie in the future");
        assert!(wrong("ana", "why", at(400 * 24 * 60)).contains("within a year"));
        let taken = Remark::new(" 安娜 ", &"好".repeat(REASON_MAX), at(1), at(0)).expect("characters, not bytes");
        assert_eq!(taken.by, "安娜");
    }
}
