//! What is said about the calls of a world, in order of time, without going through the whole traffic first.
//!
//! A consent is older than the call that tells of it, so a traffic of its own is read some hours ahead. Holds what is said
//! meanwhile, never the traffic.

use super::stream::Agenda;
use super::traffic::Traffic;
use super::{FeedbackLine, World};
use crate::engine::time::{HOUR_S, SECOND_MS, Timestamp};

/// Nothing that is said is older than this when the record of its call arrives: consents are given at most 20,000 s before the
/// call, a call lasts half an hour, and a late record comes within another.
const AHEAD_MS: i64 = 8 * HOUR_S as i64 * SECOND_MS;

/// What is said.
pub(super) struct Said {
    traffic: Traffic,
    /// Lines of calls that were read.
    waiting: Agenda<FeedbackLine>,
    lines: u64,
    /// When the last record that was read arrives.
    read: Timestamp,
}

impl Said {
    /// Everything from the beginning of the world on.
    pub(super) fn new(world: &World) -> Self {
        Self { traffic: Traffic::new(world), waiting: Agenda::new(), lines: 0, read: Timestamp::EARLIEST }
    }
}

impl Iterator for Said {
    type Item = FeedbackLine;

    fn next(&mut self) -> Option<FeedbackLine> {
        while self.waiting.next_ms().is_none_or(|at_ms| self.read.millis() < at_ms + AHEAD_MS) {
            let Some(call) = self.traffic.next() else { break };
            self.read = call.arrival;
            for line in FeedbackLine::of(&call) {
                self.lines += 1;
                self.waiting.add(line.at_ms, self.lines, line);
            }
        }
        self.waiting.take()
    }
}
