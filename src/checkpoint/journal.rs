//! The journal of a partition: what was taken in since its state was written, as places in the topics.
//!
//! The same records in the same order make the same state. So a checkpoint need not hold the state: it may say which records
//! are to be judged again, and what was said meanwhile. It holds no call and no feedback, and judges nothing.

use serde::{Deserialize, Serialize};

use super::{Encoder, Head, Position, StateRecord};
use crate::engine::app::Said;
use crate::engine::record::Registration;
use crate::engine::time::Timestamp;
use crate::metrics::Stream;

/// With more to say than so many steps, or registrations, the state is shorter.
const STEPS_MAX: usize = 1 << 15;

/// What was taken in between two checkpoints, the second of which wrote this instead of the state.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where what was written before ends.
    pub after: Position,
    /// What was taken in, in order.
    pub steps: Vec<Step>,
    /// What apps had filed when their first record came.
    pub filed: Vec<Registration>,
    /// Of each app whose alerts left with the checkpoint, what its alerts had said by then.
    pub said: Vec<Said>,
    /// How far the partition had come, and its judgement: what is closed beyond that is judged when the entry is relived.
    pub head: Head,
}

/// Something that was taken in.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum Step {
    /// The calls before an offset; `newest` is the last moment that their records might carry.
    Calls {
        /// The offset after the last.
        next: i64,
        /// The limit they were read with.
        newest: Timestamp,
    },
    /// The feedback before an offset.
    Feedback {
        /// The offset after the last.
        next: i64,
        /// The limit they were read with.
        newest: Timestamp,
    },
    /// What an app filed that was known already.
    Filed(Box<Registration>),
    /// The wall clock drove event time.
    Tick(Timestamp),
}

/// An entry as it lies in the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its number.
    pub number: u64,
    /// In how many records it lies.
    pub chunks: u32,
}

/// What becomes the next entry, and which entries lie in the topic.
pub struct Journal {
    /// Where what is written ends.
    after: Position,
    steps: Vec<Step>,
    filed: Vec<Registration>,
    /// The number of the next entry.
    next: u64,
    written: Vec<Written>,
    /// Whether something happened that no step can say.
    has_gap: bool,
}

impl Journal {
    /// Of a partition in whose topic these entries lie. It begins with a gap, since what an earlier life took in
    /// last is not in it: the first checkpoint is of the whole state.
    pub fn after(written: Vec<Written>) -> Self {
        let next = written.last().map_or(0, |last| last.number + 1);
        Self { after: Position::default(), steps: Vec::new(), filed: Vec::new(), next, written, has_gap: true }
    }

    /// A record was taken in: the one before the offset `next`.
    pub fn read(&mut self, stream: Stream, next: i64, newest: Timestamp) {
        match (stream, self.steps.last_mut()) {
            (Stream::Calls, Some(Step::Calls { next: last, newest: before })) if *before == newest => *last = next,
            (Stream::Feedback, Some(Step::Feedback { next: last, newest: before })) if *before == newest => *last = next,
            (Stream::Calls, _) => self.push(Step::Calls { next, newest }),
            (Stream::Feedback, _) => self.push(Step::Feedback { next, newest }),
            (Stream::Registry, _) => self.break_off(),
        }
    }

    /// A known app filed something.
    pub fn file(&mut self, registration: &Registration) {
        self.push(Step::Filed(Box::new(registration.clone())));
    }

    /// The first record of an app came, which had filed this before.
    pub fn meet(&mut self, registration: &Registration) {
        if !self.has_gap {
            self.filed.push(registration.clone());
        }
    }

    /// The wall clock drove event time.
    pub fn tick(&mut self, now: Timestamp) {
        self.push(Step::Tick(now));
    }

    fn push(&mut self, step: Step) {
        if !self.has_gap {
            self.steps.push(step);
        }
        if self.steps.len() + self.filed.len() > STEPS_MAX {
            self.break_off();
        }
    }

    /// Something happened that no step can say: the next checkpoint must be of the whole state.
    pub fn break_off(&mut self) {
        self.has_gap = true;
        self.steps.clear();
        self.filed.clear();
    }

    /// Whether something happened that no step can say.
    pub fn has_gap(&self) -> bool {
        self.has_gap
    }

    /// Whether no entry lies in the topic.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// Writes an entry of all that happened since the last.
    ///
    /// # Panics
    /// If there is a gap.
    pub fn write(&mut self, said: Vec<Said>, head: Head, encoder: &mut Encoder, out: &mut Vec<StateRecord>) {
        assert!(!self.has_gap, "what no step can say is not left out");
        let after = std::mem::replace(&mut self.after, head.position());
        let (steps, filed) = (std::mem::take(&mut self.steps), std::mem::take(&mut self.filed));
        let chunks = encoder.entry(self.next, &Entry { after, steps, filed, said, head }, out);
        self.written.push(Written { number: self.next, chunks });
        self.next += 1;
    }

    /// The whole state is written as it is at `position`: it holds what all entries say, and the next goes on from there.
    pub fn begin_anew(&mut self, position: Position, encoder: &Encoder, out: &mut Vec<StateRecord>) {
        self.break_off();
        (self.after, self.has_gap) = (position, false);
        self.written.drain(..).for_each(|entry| encoder.forget_entry(entry, out));
    }
}
