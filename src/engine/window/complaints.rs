//! Who complained about an app lately, and who was answered. Bounded; at the cap the oldest goes, so that a flood of
//! complaints makes an app look better, never worse.
//!
//! Whatever order word comes in, the same is known: a reply that comes in before its complaint answers it, and a complaint
//! found true is the complaint it confirms, not another one. It knows no limits.

use serde::{Deserialize, Serialize};

use crate::engine::number::Number;
use crate::engine::record::Feedback;
use crate::engine::time::{DAY_S, SECOND_MS, Timestamp};

/// Complaints held, and replies.
pub const COMPLAINTS_MAX: usize = 4_096;
/// Complaints and replies are held for eight days: a day longer than the longest window asks about.
const KEPT_MS: i64 = 8 * DAY_S as i64 * SECOND_MS;

/// What a complaint is about, once it was found true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// Fraud.
    Fraud,
    /// Harassment, or abuse on a call.
    Harassment,
    /// Anything else, or unsaid.
    Other,
}

impl Cause {
    /// What a complaint found true is about; `None` if it was not found true.
    pub fn of(feedback: &Feedback) -> Option<Self> {
        feedback.verified.then_some(match feedback.category.as_str() {
            "fraud" => Self::Fraud,
            "harassment" | "abuse" => Self::Harassment,
            _ => Self::Other,
        })
    }
}

/// What a complaint or a reply is about: a callee, and perhaps one call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Matter {
    /// The callee.
    pub callee: Number,
    call_id: Option<Box<str>>,
}

impl Matter {
    fn of(feedback: &Feedback) -> Self {
        Self { callee: feedback.callee, call_id: feedback.call_id.as_deref().map(Into::into) }
    }

    /// Whether both are about one callee or one call.
    fn is(&self, other: &Self) -> bool {
        self.callee == other.callee || self.call_id.is_some() && self.call_id == other.call_id
    }
}

/// One complaint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Complaint {
    /// When it was filed.
    pub at: Timestamp,
    /// About what.
    pub matter: Matter,
    /// What was found true of it; `None` if nothing was.
    pub cause: Option<Cause>,
    /// Start of the latest call to the callee when word of it came in, in Unix seconds; `None` if the app never called.
    pub called_s: Option<u32>,
    /// When it was first replied to.
    pub replied: Option<Timestamp>,
    /// It finds an earlier one true, and needs no reply of its own.
    pub confirms: bool,
    /// Whether it has been judged.
    pub told: bool,
    /// Whether a reply to it is still waited for.
    pub waits: bool,
}

impl Complaint {
    /// Whether it says that `earlier` was found true.
    fn finds_true(&self, earlier: &Self) -> bool {
        self.cause.is_some() && earlier.cause.is_none() && earlier.at <= self.at && earlier.matter.is(&self.matter)
    }

    fn is_answered(&mut self, matter: &Matter, at: Timestamp) {
        if at >= self.at && matter.is(&self.matter) {
            self.replied = Some(self.replied.map_or(at, |first| first.min(at)));
        }
    }
}

/// The complaints about one app, and the replies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Complaints {
    said: Vec<Complaint>,
    replies: Vec<(Timestamp, Matter)>,
}

impl Complaints {
    /// Takes in a complaint of somebody whose latest call began at `called_s`. One that is here already changes nothing.
    pub fn complain(&mut self, feedback: &Feedback, called_s: Option<u32>) {
        let (at, matter, cause) = (feedback.at, Matter::of(feedback), Cause::of(feedback));
        if self.said.iter().any(|known| (known.at, known.cause) == (at, cause) && known.matter == matter) {
            return;
        }
        let mut new = Complaint { at, matter, cause, called_s, replied: None, confirms: false, told: false, waits: true };
        self.replies.iter().for_each(|(at, matter)| new.is_answered(matter, *at));
        for known in &mut self.said {
            new.confirms |= new.finds_true(known);
            known.confirms |= known.finds_true(&new);
        }
        insert(&mut self.said, new);
    }

    /// Takes in a reply: it answers everything the callee complained about until then, and what is about the same call.
    pub fn reply(&mut self, feedback: &Feedback) {
        let matter = Matter::of(feedback);
        self.said.iter_mut().for_each(|complaint| complaint.is_answered(&matter, feedback.at));
        insert(&mut self.replies, (feedback.at, matter));
    }

    /// All of them, in order of time.
    pub fn all(&self) -> impl Iterator<Item = &Complaint> + Clone {
        self.said.iter()
    }

    /// Notes that all were judged at `now`: replies are waited for only to those filed at or after `wait_from`. Drops what is
    /// long over.
    pub fn judged(&mut self, now: Timestamp, wait_from: Timestamp) {
        for complaint in &mut self.said {
            complaint.told = true;
            complaint.waits &= complaint.replied.is_none() && !complaint.confirms && complaint.at >= wait_from;
        }
        let is_kept = |at: Timestamp| now.millis() - at.millis() <= KEPT_MS;
        self.said.retain(|complaint| is_kept(complaint.at));
        self.replies.retain(|(at, _)| is_kept(*at));
    }

    /// Whether a reply is waited for.
    pub fn is_waiting(&self) -> bool {
        self.said.iter().any(|complaint| complaint.waits)
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.said.is_empty() && self.replies.is_empty()
    }
}

/// Puts an entry in its place, unless it is there; at the cap the oldest goes.
fn insert<T: Ord>(sorted: &mut Vec<T>, entry: T) {
    if let Err(place) = sorted.binary_search(&entry) {
        sorted.insert(place, entry);
        if sorted.len() > COMPLAINTS_MAX {
            sorted.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::record::FeedbackKind;
    use crate::engine::time::Minute;

    fn said(kind: FeedbackKind, person: u64, minute: u32, verified: bool, call: u8) -> Feedback {
        Feedback {
            kind,
            app_id: String::new(),
            callee: Number::parse(&format!("+{}", 8_619_900_000_001 + person), "86").expect("a number"),
            at: Minute(minute).start(),
            channel: String::new(),
            category: String::new(),
            verified,
            scene: None,
            call_id: (call > 0).then(|| call.to_string()),
        }
    }

    proptest! {
        /// Whatever order word comes in, and however often: the answers are those of a filter over all of it.
        #[test]
        fn equals_a_filter_over_everything(
            words in prop::collection::vec((any::<bool>(), 0..3_u64, 1..9_u32, any::<bool>(), 0..3_u8), 0..10)
        ) {
            let words: Vec<Feedback> = words
                .iter()
                .map(|(complains, person, minute, verified, call)| match complains {
                    true => said(FeedbackKind::Complaint, *person, *minute, *verified, *call),
                    false => said(FeedbackKind::Reply, *person, *minute, false, *call),
                })
                .collect();
            let mut complaints = Complaints::default();
            for word in words.iter().chain(&words) {
                match word.kind {
                    FeedbackKind::Complaint => complaints.complain(word, None),
                    _ => complaints.reply(word),
                }
            }
            let same = |one: &Feedback, other: &Feedback| {
                one.callee == other.callee || one.call_id.is_some() && one.call_id == other.call_id
            };
            let of = |kind: FeedbackKind| words.iter().filter(move |word| word.kind == kind);
            let mut expected: Vec<_> = of(FeedbackKind::Complaint)
                .map(|word| {
                    let replies = of(FeedbackKind::Reply).filter(|reply| reply.at >= word.at && same(reply, word));
                    let mut before = of(FeedbackKind::Complaint).filter(|other| !other.verified && other.at <= word.at && same(other, word));
                    let confirms = word.verified && before.next().is_some();
                    (word.at, Matter::of(word), Cause::of(word), replies.map(|reply| reply.at).min(), confirms)
                })
                .collect();
            expected.sort();
            expected.dedup();
            let found = complaints.all().map(|it| (it.at, it.matter.clone(), it.cause, it.replied, it.confirms));
            prop_assert_eq!(found.collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_flood_drops_the_oldest_and_time_drops_the_rest() {
        let mut complaints = Complaints::default();
        for minute in 1..=COMPLAINTS_MAX as u32 + 10 {
            complaints.complain(&said(FeedbackKind::Complaint, minute.into(), minute, false, 0), None);
            complaints.reply(&said(FeedbackKind::Reply, minute.into(), minute, false, 0));
        }
        assert_eq!(complaints.all().count(), COMPLAINTS_MAX);
        assert_eq!(complaints.all().next().map(|complaint| complaint.at), Some(Minute(11).start()));
        complaints.judged(Minute(20_000).start(), Minute(18_000).start());
        assert!(complaints.is_empty());
    }
}
