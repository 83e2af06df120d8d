//! The last calls of an app, so that an alert can name some of those it counted.
//!
//! A ring: what an alert quotes is never computed from it, only shown from it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize, Serializer};

use crate::engine::number::Number;
use crate::engine::record::{Call, CallId, Outcome, Position};
use crate::engine::region::Region;
use crate::engine::time::Timestamp;

/// Calls held per app.
pub const RECENT_CALLS: usize = 128;
/// Sample calls shown with an alert.
pub const SAMPLES_MAX: usize = 10;

/// A call as an alert shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The call.
    pub id: CallId,
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// From which number.
    pub caller: Option<Number>,
    /// To or from whom.
    pub callee: Option<Number>,
    /// Talk, in seconds, if answered.
    pub talk_s: Option<u32>,
    /// Whether an agent was on it.
    pub has_agent: bool,
    /// Whether the callee's telephone gave a sign of life.
    pub disturbed: bool,
    /// Whether the callee was fresh: see `Contact::fresh`.
    pub fresh: bool,
    /// Where the caller number is at home, if that is known.
    pub caller_region: Option<Region>,
    /// Where the callee's number is at home, if that is known.
    pub callee_region: Option<Region>,
    /// Where its record stands.
    pub position: Position,
}

impl Sample {
    /// The sample of a call.
    pub fn of(call: &Call) -> Self {
        Self {
            id: call.id.clone(),
            start: call.start,
            end: call.end,
            outcome: call.outcome,
            caller: call.caller,
            callee: call.person(),
            talk_s: call.talk_s(),
            has_agent: call.has_agent,
            disturbed: call.disturbed_callee(),
            fresh: false,
            caller_region: call.caller_region,
            callee_region: call.callee_region,
            position: call.position,
        }
    }
}

/// [`Sample`] in the 64 bytes that it takes here, of which an app holds very many.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    /// If the id is a UUID; else it is the next of the texts.
    uuid: [u8; 16],
    start: Timestamp,
    caller: Option<Number>,
    callee: Option<Number>,
    offset: u64,
    partition: u32,
    lasted_ms: u32,
    /// [`NO_TALK`] if there was none.
    talk_s: u32,
    outcome: Outcome,
    caller_region: Option<Region>,
    callee_region: Option<Region>,
    /// A bit each: see [`Sign`].
    signs: u8,
}

/// What a bit of [`Held::signs`] says.
#[repr(u8)]
enum Sign {
    HasAgent = 1,
    Disturbed = 2,
    Fresh = 4,
    HasText = 8,
}

/// More seconds than any call lasts.
const NO_TALK: u32 = u32::MAX;
/// In the place of an id that is not told.
const NO_ID: CallId = CallId::Uuid([0; 16]);

impl Held {
    /// What is held of a sample, and the text of its id if it is no UUID.
    fn of(sample: Sample) -> (Self, Option<Box<str>>) {
        let (uuid, text) = match sample.id {
            CallId::Uuid(uuid) => (uuid, None),
            CallId::Text(text) => ([0; 16], Some(text)),
        };
        let sign = |sign: Sign, is_so: bool| if is_so { sign as u8 } else { 0 };
        let held = Self {
            uuid,
            start: sample.start,
            caller: sample.caller,
            callee: sample.callee,
            offset: sample.position.offset,
            partition: sample.position.partition,
            // Of who wrote the state: a call that is decoded lasts hours at most.
            lasted_ms: u32::try_from(sample.end.millis().saturating_sub(sample.start.millis())).unwrap_or(0),
            talk_s: sample.talk_s.unwrap_or(NO_TALK),
            outcome: sample.outcome,
            caller_region: sample.caller_region,
            callee_region: sample.callee_region,
            signs: sign(Sign::HasAgent, sample.has_agent)
                | sign(Sign::Disturbed, sample.disturbed)
                | sign(Sign::Fresh, sample.fresh)
                | sign(Sign::HasText, text.is_some()),
        };
        (held, text)
    }

    fn is(&self, sign: Sign) -> bool {
        self.signs & sign as u8 != 0
    }

    /// What it shows, under an id.
    fn shown(&self, id: CallId) -> Sample {
        Sample {
            id,
            start: self.start,
            end: self.start.plus_millis(self.lasted_ms.into()),
            outcome: self.outcome,
            caller: self.caller,
            callee: self.callee,
            talk_s: (self.talk_s != NO_TALK).then_some(self.talk_s),
            has_agent: self.is(Sign::HasAgent),
            disturbed: self.is(Sign::Disturbed),
            fresh: self.is(Sign::Fresh),
            caller_region: self.caller_region,
            callee_region: self.callee_region,
            position: Position { partition: self.partition, offset: self.offset },
        }
    }
}

/// The last [`RECENT_CALLS`] outbound calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Whole")]
pub struct Recent {
    ring: VecDeque<Held>,
    /// The ids of those that are no UUID, in the same order.
    texts: VecDeque<Box<str>>,
}

impl Recent {
    /// Takes in an outbound call.
    pub fn push(&mut self, call: &Call, fresh: bool) {
        self.hold(Sample { fresh, ..Sample::of(call) });
    }

    fn hold(&mut self, sample: Sample) {
        if self.ring.len() == RECENT_CALLS
            && let Some(oldest) = self.ring.pop_front()
            && oldest.is(Sign::HasText)
        {
            self.texts.pop_front();
        }
        let (held, text) = Held::of(sample);
        self.ring.push_back(held);
        self.texts.extend(text);
    }

    /// What is held, the newest first, each with its id once that is asked for: it may be text, and of most it is not.
    fn newest(&self) -> impl Iterator<Item = (&Held, impl FnOnce() -> CallId)> {
        let mut texts = self.texts.iter().rev();
        self.ring.iter().rev().map(move |held| {
            let text = if held.is(Sign::HasText) { texts.next() } else { None };
            (held, move || text.map_or(CallId::Uuid(held.uuid), |text| CallId::Text(text.clone())))
        })
    }

    /// The newest calls for which `wanted` holds, at most [`SAMPLES_MAX`], oldest first. What it is asked of has no id yet.
    pub fn samples(&self, wanted: impl Fn(&Sample) -> bool) -> Vec<Sample> {
        let held = self.newest().filter(|(held, _)| wanted(&held.shown(NO_ID))).take(SAMPLES_MAX);
        let mut samples = Vec::with_capacity(SAMPLES_MAX.min(self.ring.len()));
        samples.extend(held.map(|(held, id)| held.shown(id())));
        samples.reverse();
        samples
    }

    /// The call to `callee` that began at `start_s`, if it is still held.
    pub fn find(&self, callee: Number, start_s: u32) -> Option<Sample> {
        let is_it = |held: &Held| held.callee == Some(callee) && held.start.seconds() == start_s;
        self.newest().find(|(held, _)| is_it(held)).map(|(held, id)| held.shown(id()))
    }
}

/// The durable form of [`Recent`], oldest first.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Recent")]
struct Whole {
    ring: Vec<Sample>,
}

impl Serialize for Recent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut ring: Vec<Sample> = self.newest().map(|(held, id)| held.shown(id())).collect();
        ring.reverse();
        Whole { ring }.serialize(serializer)
    }
}

impl From<Whole> for Recent {
    fn from(whole: Whole) -> Self {
        let mut recent = Self { ring: VecDeque::with_capacity(whole.ring.len()), texts: VecDeque::new() };
        whole.ring.into_iter().for_each(|sample| recent.hold(sample));
        recent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::tests::call;

    #[test]
    fn what_is_held_is_what_is_shown_and_small() {
        assert!(size_of::<Held>() <= 64, "{} bytes", size_of::<Held>());
        let mut recent = Recent::default();
        for index in 0..RECENT_CALLS as i64 + 9 {
            let id = if index % 3 == 0 { format!("call-{index}") } else { format!("{index:08x}-1ef6-4ad2-a8c4-2b2bbfb18e55") };
            let call = call(&id, 1_700_000_000 + index, index % 7);
            recent.push(&call, index % 2 == 0);
            let shown = Sample { fresh: index % 2 == 0, ..Sample::of(&call) };
            assert_eq!(recent.samples(|_| true).last(), Some(&shown));
            if let Some(callee) = shown.callee {
                assert_eq!(recent.find(callee, call.start.seconds()), Some(shown));
            }
        }
        assert_eq!((recent.ring.len(), recent.samples(|_| true).len()), (RECENT_CALLS, SAMPLES_MAX));
        let bytes = postcard::to_stdvec(&recent).expect("bytes");
        assert_eq!(postcard::from_bytes(&bytes), Ok(recent));
    }
}
