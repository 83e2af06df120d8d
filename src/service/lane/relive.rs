//! A lane goes once more through what its journal names, and stands then where the journal ends.
//!
//! It judges as far as was judged when the last entry was written, and what follows from that has left already and does not leave again:
//! what was closed beyond that moment is judged as what it is, new. Where it leads elsewhere than the first time, by another policy or
//! another version of the program, what was said stands.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::Arc;

use super::{Lane, Outcomes, Raw, Reading, Registrations};
use crate::checkpoint::{Entry, Head, Step};
use crate::engine::app::Said;
use crate::engine::time::Timestamp;
use crate::metrics::Stream;
use crate::service::homes::Homes;

/// A lane that relives what it took in.
pub struct Reliving<'l> {
    lane: &'l mut Lane,
    reading: Reading,
    steps: VecDeque<Step>,
    filed: Registrations,
    feedback: VecDeque<OwnedRecord>,
    said: BTreeMap<Box<str>, Said>,
    end: Head,
    out: Outcomes,
    /// Where its apps are at home. Not asked meanwhile: had an app been met elsewhere, there would be state instead of an entry.
    homes: Arc<Homes>,
    calls: u64,
}

/// A record of its own memory.
pub struct OwnedRecord {
    /// Its value.
    pub payload: Box<[u8]>,
    /// Its offset.
    pub offset: i64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relived {
    /// Records of calls that were judged again.
    pub calls: u64,
    /// Whether all was said as the first time.
    pub is_same: bool,
}

impl<'l> Reliving<'l> {
    /// Of a lane that stands where its state was written. `journal` is what was written since, up to `end`; `feedback` is all that it
    /// names of the feedback.
    pub fn new(lane: &'l mut Lane, end: Head, journal: Vec<Entry>, reading: &Reading, feedback: VecDeque<OwnedRecord>) -> Self {
        let (mut steps, mut filed, mut said) = (VecDeque::new(), Registrations::default(), BTreeMap::new());
        for entry in journal {
            steps.extend(entry.steps);
            entry.filed.into_iter().for_each(|registration| filed.keep(Arc::new(registration)));
            said.extend(entry.said.into_iter().map(|said| (said.app_id().into(), said)));
        }
        // What could not be read lies with the dead letters already, and did not stop the partition.
        let reading = Reading { keeps_unreadable: false, invalid_share_max: 1.0, ..reading.clone() };
        let homes = mem::take(&mut lane.homes);
        lane.shard.hold(Some(end.shard.open));
        Self { lane, reading, steps, filed, feedback, said, end, out: Outcomes::default(), homes, calls: 0 }
    }

    /// Takes in the next call. Returns whether it was the last.
    pub fn call(&mut self, raw: Raw<'_>) -> bool {
        while let Some(step) = self.steps.front() {
            match step {
                Step::Calls { next, newest } if raw.offset < *next => {
                    let newest = *newest;
                    self.lane.call(raw, &self.reading, newest, &self.filed, &mut self.out);
                    self.calls += 1;
                    break;
                }
                _ => self.step(),
            }
        }
        if self.lane.is_behind() {
            self.lane.catch_up(&mut self.out);
        }
        self.is_done()
    }

    /// Whether every call it names was taken in.
    pub fn is_done(&self) -> bool {
        self.lane.next_call >= self.end.next_call
    }

    /// Takes the next step but for its calls, which were taken.
    fn step(&mut self) {
        match self.steps.pop_front() {
            None | Some(Step::Calls { .. }) => {}
            Some(Step::Feedback { next, newest }) => self.hear(next, newest),
            Some(Step::Filed(registration)) => self.lane.registration(&registration, &mut self.out),
            Some(Step::Tick(now)) => self.lane.tick(now, &mut self.out),
        }
    }

    fn hear(&mut self, next: i64, newest: Timestamp) {
        while let Some(record) = self.feedback.pop_front_if(|record| record.offset < next) {
            let raw = Raw { payload: &record.payload, key: None, offset: record.offset };
            self.lane.feedback(raw, &self.reading, newest, &self.filed, &mut self.out);
        }
    }

    /// It stands where the journal ends.
    ///
    /// # Errors
    /// The first call, or else the first feedback, that the journal names and that did not come.
    pub fn end(mut self) -> Result<Relived, (Stream, i64)> {
        while !self.steps.is_empty() {
            self.step();
        }
        self.lane.catch_up(&mut self.out);
        let Self { lane, said, end, mut out, homes, calls, .. } = self;
        if lane.next_call < end.next_call {
            return Err((Stream::Calls, lane.next_call));
        }
        if lane.next_feedback < end.next_feedback {
            return Err((Stream::Feedback, lane.next_feedback.unwrap_or_default()));
        }
        let mut is_same = lane.clock == end.clock && lane.shard.head() == end.shard;
        for said in said.values() {
            is_same &= !lane.shard.stand_by(said);
        }
        // What is said only now goes on being said; it leaves with the first checkpoint.
        lane.unsaid = mem::take(&mut out.effects.alerts);
        lane.unsaid.retain(|alert| !said.contains_key(alert.app_id.as_str()));
        is_same &= lane.unsaid.is_empty();
        lane.shard.hold(None);
        lane.shard.catch_up(&mut out.effects);
        lane.unsaid.append(&mut out.effects.alerts);
        lane.homes = homes;
        lane.unreadable = Default::default();
        lane.journal.break_off();
        lane.evicted_before = lane.shard.apps_evicted();
        lane.barks = lane.barks();
        lane.evicted = lane.shard.apps_evicted();
        lane.progress.judged(lane.next_call, lane.shard.is_quiet());
        Ok(Relived { calls, is_same })
    }
}
