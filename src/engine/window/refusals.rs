//! Refusal memory: who told an app not to call, how strongly, and what happened since.
//!
//! Exact: it accuses, so no sketch may stand in for it. An explicit refusal never expires until a new consent; an implicit
//! one lasts seven days. What was said when decides, not what came in when: a consent is remembered for a month, and undoes
//! what was said before it even if that comes in later. Bounded; at the cap the oldest go and are counted.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::recent::Sample;
use super::{Map, evict_oldest, keyed_map, sorted};
use crate::engine::number::Number;
use crate::engine::record::{Call, Feedback, FeedbackKind, HangupBy, Outcome};
use crate::engine::time::{DAY_S, Minute, Timestamp};

/// An implicit refusal counts for seven days (`detection.md` D2).
pub const IMPLICIT_S: u32 = 7 * DAY_S;
/// An answered call of at most this many seconds that the callee ended is a refusal (S1).
pub const HANGUP_TALK_S: u32 = 5;
/// A refusal that comes in longer than this after a newer consent stands all the same: 30 days.
pub const CONSENT_S: u32 = 30 * DAY_S;
/// Implicit refusals kept of one callee.
pub const IMPLICIT_MAX: usize = 8;
/// Calls after a refusal kept of one callee, as proof.
const CALLS_MAX: usize = 10;
/// Callees who refused, and callees who agreed, held in an app.
const CALLEES_MAX: usize = 1_000_000;

/// How a callee refused, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Strength {
    /// Answered, met nobody (see `Tally::dropped`): not a refusal, but a call not to be repeated soon.
    Dropped,
    /// Answered and hung up within [`HANGUP_TALK_S`] (S1).
    HungUp,
    /// Declined (S2).
    Declined,
    /// Said so: opt-out or complaint (S3).
    Explicit,
}

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// How strong.
    pub strength: Strength,
    /// When: the end of the call refused, or the time of the feedback.
    pub at: Timestamp,
    /// The call, if it was a call.
    pub sample: Option<Sample>,
}

/// All that is remembered of a callee who refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The explicit refusal, if there is one: the first. Most that refuse only decline a call, and there are many of them.
    pub explicit: Option<Box<Refusal>>,
    /// When it was last said again.
    repeated: Timestamp,
    /// Whether the explicit refusal was a verified complaint.
    pub verified: bool,
    /// The latest implicit ones, oldest first.
    pub implicit: Vec<Refusal>,
    /// When the callee last called the app.
    pub called_back: Option<Timestamp>,
    /// Calls that disturbed the callee since the explicit refusal.
    pub calls_since: u32,
    /// The latest of them.
    pub samples: Vec<Sample>,
}

impl Refused {
    fn last_used_s(&self) -> u32 {
        self.implicit.last().map_or(self.repeated, |refusal| refusal.at.max(self.repeated)).seconds()
    }

    /// Implicit refusals of at least `strength` within `within_s` before `start`, later than the last call-back.
    pub fn implicit_before(&self, start: Timestamp, strength: Strength, within_s: u32) -> impl Iterator<Item = &Refusal> {
        let from = start.plus_millis(-i64::from(within_s) * 1_000);
        self.implicit.iter().filter(move |refusal| {
            refusal.strength >= strength
                && refusal.at <= start
                && refusal.at >= from
                && self.called_back.is_none_or(|called_back| called_back <= refusal.at)
        })
    }

    /// The explicit refusal that stands when a call begins: said before it, and not followed by a call from the callee
    /// within the last 24 hours, which asks to be called unless the refusal was said again after it.
    pub fn explicit_before(&self, start: Timestamp) -> Option<&Refusal> {
        let day_ago = start.plus_millis(-i64::from(DAY_S) * 1_000);
        let asked = |at: Timestamp| self.called_back.is_some_and(|back| back > at && back >= day_ago && back <= start);
        let said_last = |first: Timestamp| if self.repeated <= start { self.repeated } else { first };
        self.explicit.as_deref().filter(|refusal| refusal.at <= start && !asked(said_last(refusal.at)))
    }

    /// Takes in that the callee agreed: what was said up to then is void. Returns whether anything is left.
    fn agree(&mut self, at: Timestamp) -> bool {
        self.implicit.retain(|refusal| refusal.at > at);
        self.called_back = self.called_back.filter(|back| *back > at);
        if let Some(first) = self.explicit.as_mut().filter(|first| first.at <= at) {
            self.verified = false;
            if self.repeated > at {
                // Of what was said since, the last is known.
                first.at = self.repeated;
                self.samples.retain(|sample| sample.start >= first.at);
            } else {
                self.explicit = None;
                self.samples.clear();
            }
            self.calls_since = self.samples.len() as u32;
        }
        self.explicit.is_some() || !self.implicit.is_empty()
    }

    fn note_implicit(&mut self, refusal: Refusal) {
        if self.implicit.len() == IMPLICIT_MAX {
            // Somebody who met nobody did not refuse: that may not push out a refusal.
            match self.implicit.iter().position(|refusal| refusal.strength == Strength::Dropped) {
                Some(weakest) => drop(self.implicit.remove(weakest)),
                None if refusal.strength == Strength::Dropped => return,
                None => drop(self.implicit.remove(0)),
            }
        }
        if self.implicit.is_empty() {
            // Most refuse once: a list that grows by itself begins with room for four.
            self.implicit.reserve_exact(1);
        }
        self.implicit.push(refusal);
    }
}

/// Everybody who refused an app.
#[derive(Clone, Debug)]
pub struct Refusals {
    map: Map<u64, Refused>,
    /// When callees last agreed.
    consents: Map<u64, Timestamp>,
    evicted: u64,
    swept_day: u32,
}

impl Refusals {
    /// Empty, with hashes keyed by `seed`.
    pub fn new(seed: u64) -> Self {
        Self { map: keyed_map(seed), consents: keyed_map(seed), evicted: 0, swept_day: 0 }
    }

    /// What is remembered of a callee.
    pub fn get(&self, callee: Number) -> Option<&Refused> {
        self.map.get(&callee.packed())
    }

    /// The refused call to `callee` that began at `start_s` (Unix seconds), if it is held.
    pub fn find(&self, callee: Number, start_s: u32) -> Option<&Sample> {
        let samples = self.get(callee)?.implicit.iter().filter_map(|refusal| refusal.sample.as_ref());
        samples.rev().find(|sample| sample.start.seconds() == start_s)
    }

    /// Counts a call that disturbed a callee, if an explicit refusal stood against it.
    fn called_after_refusal(&mut self, callee: Number, call: &Call) {
        if let Some(refused) = self.map.get_mut(&callee.packed())
            && refused.explicit_before(call.start).is_some()
        {
            refused.calls_since += 1;
            if refused.samples.len() == CALLS_MAX {
                refused.samples.remove(0);
            }
            refused.samples.push(Sample::of(call));
        }
    }

    /// Notes what a call says about its callee's will, and that it was placed against that will. To be called after the
    /// rules have judged the call.
    pub fn note_call(&mut self, call: &Call) {
        let Some(callee) = call.person() else { return };
        if call.disturbed_callee() {
            self.called_after_refusal(callee, call);
        }
        if call.direction == crate::engine::record::Direction::Inbound {
            if let Some(refused) = self.map.get_mut(&callee.packed()) {
                refused.called_back = refused.called_back.max(Some(call.end));
            }
            return;
        }
        let Some(strength) = refusal_of(call) else { return };
        self.entry(callee).note_implicit(Refusal { strength, at: call.end, sample: Some(Sample::of(call)) });
    }

    /// Notes what a feedback says about a callee's will.
    pub fn note_feedback(&mut self, feedback: &Feedback) {
        let callee = feedback.callee.packed();
        match feedback.kind {
            FeedbackKind::OptOut | FeedbackKind::Complaint
                if self.consents.get(&callee).is_some_and(|agreed| *agreed >= feedback.at) => {}
            FeedbackKind::OptOut | FeedbackKind::Complaint => {
                let refused = self.entry(feedback.callee);
                refused.verified |= feedback.verified;
                refused.repeated = refused.repeated.max(feedback.at);
                // The first refusal stands: what was counted since stays counted.
                if refused.explicit.as_ref().is_none_or(|refusal| feedback.at < refusal.at) {
                    refused.explicit = Some(Box::new(Refusal { strength: Strength::Explicit, at: feedback.at, sample: None }));
                }
            }
            FeedbackKind::Consent => {
                self.note_consent(callee, feedback.at);
                if let Some(refused) = self.map.get_mut(&callee)
                    && !refused.agree(feedback.at)
                {
                    self.map.remove(&callee);
                }
            }
            FeedbackKind::Inspection | FeedbackKind::Reply => {}
        }
    }

    fn note_consent(&mut self, callee: u64, at: Timestamp) {
        if self.consents.len() >= CALLEES_MAX && !self.consents.contains_key(&callee) {
            evict_oldest(&mut self.consents, CALLEES_MAX / 8, |agreed| agreed.seconds());
        }
        let agreed = self.consents.entry(callee).or_insert(at);
        *agreed = at.max(*agreed);
    }

    fn entry(&mut self, callee: Number) -> &mut Refused {
        if self.map.len() >= CALLEES_MAX && !self.map.contains_key(&callee.packed()) {
            self.evicted += evict_oldest(&mut self.map, CALLEES_MAX / 8, Refused::last_used_s) as u64;
        }
        self.map.entry(callee.packed()).or_default()
    }

    /// Lets time pass: once a day, callees with nothing but expired implicit refusals are dropped, and old consents.
    pub fn advance(&mut self, minute: Minute) {
        let now_s = minute.end().seconds();
        if now_s / DAY_S > self.swept_day {
            self.swept_day = now_s / DAY_S;
            self.map.retain(|_, refused| refused.explicit.is_some() || now_s.saturating_sub(refused.last_used_s()) <= IMPLICIT_S);
            self.consents.retain(|_, agreed| now_s.saturating_sub(agreed.seconds()) <= CONSENT_S);
        }
    }

    /// Callees held.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether nobody refused.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// The durable form: the same bytes for the same contents.
    pub fn snapshot(&self) -> RefusalsSnapshot<'_> {
        RefusalsSnapshot {
            refused: sorted(&self.map).into_iter().map(|(key, refused)| (key, Cow::Borrowed(refused))).collect(),
            consents: sorted(&self.consents).into_iter().map(|(key, agreed)| (key, *agreed)).collect(),
            evicted: self.evicted,
            swept_day: self.swept_day,
        }
    }

    /// Back from the durable form.
    pub fn restore(snapshot: RefusalsSnapshot<'_>, seed: u64) -> Self {
        let mut map = keyed_map(seed);
        map.extend(snapshot.refused.into_iter().map(|(key, refused)| (key, refused.into_owned())));
        let mut consents = keyed_map(seed);
        consents.extend(snapshot.consents);
        Self { map, consents, evicted: snapshot.evicted, swept_day: snapshot.swept_day }
    }
}

/// What an outbound call says about the callee's will.
fn refusal_of(call: &Call) -> Option<Strength> {
    match call.outcome {
        Outcome::Rejected => Some(Strength::Declined),
        Outcome::Answered
            if call.hangup_by == HangupBy::Customer && call.talk_s().is_some_and(|talk_s| talk_s <= HANGUP_TALK_S) =>
        {
            Some(Strength::HungUp)
        }
        Outcome::Answered
            if call.met_agent() == Some(false) && call.talk_s().is_some_and(|talk_s| talk_s <= super::tally::SHORT_TALK_S) =>
        {
            Some(Strength::Dropped)
        }
        _ => None,
    }
}

/// [`Refusals`] in the order of the callees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusalsSnapshot<'a> {
    refused: Vec<(u64, Cow<'a, Refused>)>,
    consents: Vec<(u64, Timestamp)>,
    evicted: u64,
    swept_day: u32,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(kind: FeedbackKind, minute: u32) -> Feedback {
        Feedback {
            kind,
            app_id: String::new(),
            callee: Number::parse("+8619900000001", "86").expect("a number"),
            at: Minute(minute).start(),
            channel: String::new(),
            category: String::new(),
            verified: false,
            scene: None,
            call_id: None,
        }
    }

    proptest! {
        /// In whatever order word comes in, and however often: a refusal stands if it was said after the last consent.
        #[test]
        fn what_was_said_last_holds(words in prop::collection::vec((0..3_u8, 1..9_u32), 0..8)) {
            let kinds = [FeedbackKind::OptOut, FeedbackKind::Complaint, FeedbackKind::Consent];
            let mut refusals = Refusals::new(1);
            for (at, (kind, minute)) in words.iter().enumerate() {
                refusals.note_feedback(&said(kinds[usize::from(*kind)], *minute));
                if at == 4 {
                    refusals = Refusals::restore(refusals.snapshot(), 2);
                }
            }
            let agreed = words.iter().filter(|(kind, _)| *kind == 2).map(|(_, minute)| *minute).max().unwrap_or(0);
            let standing: Vec<Timestamp> =
                words.iter().filter(|(kind, minute)| *kind < 2 && *minute > agreed).map(|(_, minute)| Minute(*minute).start()).collect();
            let callee = said(FeedbackKind::OptOut, 1).callee;
            let explicit = refusals.get(callee).and_then(|refused| refused.explicit_before(Minute(10).start()));
            prop_assert_eq!(explicit.is_some(), !standing.is_empty());
            prop_assert!(explicit.is_none_or(|refusal| standing.contains(&refusal.at)));
            prop_assert_eq!(refusals.is_empty(), standing.is_empty());
        }
    }

    #[test]
    fn a_consent_is_remembered_for_a_month() {
        let mut refusals = Refusals::new(1);
        refusals.note_feedback(&said(FeedbackKind::Consent, 1_440));
        refusals.advance(Minute(1_440 * 30));
        refusals.note_feedback(&said(FeedbackKind::OptOut, 1_439));
        assert!(refusals.is_empty());
        refusals.advance(Minute(1_440 * 32));
        assert!(refusals.consents.is_empty());
    }

    #[test]
    fn who_declines_once_takes_little() {
        let mut refusals = Refusals::new(1);
        let mut declined = crate::engine::record::tests::call("a", 600, 10);
        declined.outcome = Outcome::Rejected;
        refusals.note_call(&declined);
        let refused = refusals.get(declined.callee.expect("a callee")).expect("it declined");
        assert!(size_of::<Refused>() <= 88, "{} bytes", size_of::<Refused>());
        assert_eq!(refused.implicit.capacity(), 1);
    }

    #[test]
    fn a_decline_after_the_consent_stays() {
        let mut refusals = Refusals::new(1);
        let mut declined = crate::engine::record::tests::call("a", 600, 10);
        declined.outcome = Outcome::Rejected;
        refusals.note_feedback(&said(FeedbackKind::OptOut, 5));
        refusals.note_call(&declined);
        refusals.note_feedback(&said(FeedbackKind::Consent, 7));
        let refused = refusals.get(declined.callee.expect("a callee")).expect("it declined");
        assert_eq!((refused.explicit.is_none(), refused.implicit.len()), (true, 1));
    }
}
