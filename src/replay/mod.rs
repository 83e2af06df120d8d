//! `replay`: the engine over recorded files, as fast as the machine can.
//!
//! The alerts are the same bytes for any number of shards and any size of chunks: see `round`. Never keeps more than a
//! round of chunks and what the shards remember; never reads the machine's clock into a judgement.

mod round;
pub mod summary;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{channel, sync_channel};
use std::thread;
use std::time::Instant;

use serde::Serialize;

use crate::engine::alert::Alert;
use crate::engine::decode::{self, DecodeError, Format, Place};
use crate::engine::overlaps;
use crate::engine::policy::Policy;
use crate::engine::shard::{Accepted, Effects, Input, Shard};
use crate::engine::time::{DAY_S, HOUR_S, MINUTE_MS, Minute, SECOND_MS, StreamClock, Timestamp};
use crate::ledger::{Outcome, Page, Stream};
use crate::source::file::{self, Chunk, Meter, Piece, Source};
use round::{Decoded, Decoding, Feed, Mark, Worker};
use summary::Summary;

/// A chunk of this size keeps a thread busy for some milliseconds: no thread waits for long until another is done, and seldom.
pub const CHUNK_BYTES: usize = 4 << 20;
/// How many shards there should be for each thread, and at least. Several are faster than one even on one core: what a shard looks
/// its apps up in stays near while it takes in its part of a round.
const SHARDS_A_THREAD: usize = 8;
const SHARDS_MIN: usize = 16;
/// Calls that a shard judges together at most: a hundred megabytes.
const BEHIND_CALLS_MAX: usize = 1 << 20;
/// How many chunks are read ahead for each thread: enough to go on with after a round.
const CHUNKS_AHEAD: usize = 4;

/// How many shards there should be on this machine.
pub fn usual_shards() -> usize {
    (SHARDS_A_THREAD * processors()).max(SHARDS_MIN)
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// What is replayed, and how.
#[derive(Clone, Debug)]
pub struct Replay {
    /// What the shards judge by.
    pub policy: Arc<Policy>,
    /// The format of the calls.
    pub format: Format,
    /// The app of calls that do not name theirs.
    pub app_id: Option<String>,
    /// The last moment a record may carry.
    pub newest: Timestamp,
    /// Shards; at least 1. There are as many threads, but no more than processors. Changes the speed and nothing else.
    pub shards: usize,
    /// About how much a thread decodes at a time. Changes the speed and nothing else.
    pub chunk_bytes: usize,
    /// Whether time goes on after the last record until every alert has resolved.
    pub resolve_at_end: bool,
}

/// The files of a replay.
#[derive(Default)]
pub struct Inputs {
    /// Calls, in the order of time.
    pub calls: Vec<Source>,
    /// Feedback: taken in whole before the first call, and given its moment by the shards.
    pub feedback: Vec<Source>,
    /// Registrations, the newest last: taken in whole before the first call.
    pub registry: Vec<Source>,
}

/// Where the results of a replay go while it runs.
pub trait Output {
    /// Takes the next alert.
    ///
    /// # Errors
    /// If it cannot be kept; that ends the replay.
    fn alert(&mut self, alert: &Alert) -> io::Result<()>;

    /// Takes a record that could not be read.
    ///
    /// # Errors
    /// If it cannot be kept; that ends the replay.
    fn dead_letter(&mut self, letter: &DeadLetter<'_>) -> io::Result<()>;

    /// Called now and then, when all that was found so far has been handed over.
    ///
    /// # Errors
    /// If what was handed over cannot be kept; that ends the replay.
    fn progress(&mut self, _meter: &Meter) -> io::Result<()> {
        Ok(())
    }
}

/// A record that could not be read: where it stands and why, nothing of what it says.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetter<'l> {
    /// `calls`, `feedback` or `registry`.
    pub stream: &'static str,
    /// The file.
    pub file: &'l str,
    /// The line, from 1.
    pub line: u64,
    /// The field, as the format spells it; empty if the whole record is meant.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

impl<'l> DeadLetter<'l> {
    fn new(stream: Stream, file: &'l str, line: u64, error: &DecodeError) -> Self {
        let field = match error.at {
            Some(Place::Element { list, index }) if error.field.is_empty() => format!("{list}[{index}]"),
            Some(Place::Element { list, index }) => format!("{list}[{index}].{}", error.field),
            _ => error.field.clone().into_owned(),
        };
        Self { stream: stream.as_str(), file, line, field, reason: error.reason.to_string() }
    }
}

impl Replay {
    /// Runs it to its end. Returns what came of it, and what is left.
    ///
    /// # Errors
    /// If `output` fails. Files that cannot be read to their end, and records that cannot be read, are in the summary.
    pub fn run(&self, inputs: Inputs, output: &mut dyn Output) -> io::Result<(Summary, Remains)> {
        let shards = self.shards.max(1);
        let threads = processors().min(shards);
        let decoding = Decoding {
            format: self.format,
            app_id: self.app_id.as_deref(),
            home_country: &self.policy.home_country,
            newest: self.newest,
            shards,
            threads,
        };
        let worker = |seed| Worker {
            shard: Shard::new(self.policy.clone(), seed as u64),
            effects: Effects::default(),
            page: Page::default(),
        };
        let mut run = Run {
            replay: self,
            decoding: &decoding,
            workers: (0..shards).map(worker).collect(),
            clock: StreamClock::default(),
            open: Minute::default(),
            newest_feedback: Timestamp::default(),
            lines: vec![0; inputs.calls.len()],
            summary: Summary { shards, ..Summary::default() },
            output,
        };
        let started = Instant::now();
        run.registry(inputs.registry)?;
        run.feedback(inputs.feedback)?;
        run.calls(inputs.calls)?;
        run.end()?;
        let (mut summary, remains) = run.finish();
        summary.elapsed = started.elapsed();
        Ok((summary, remains))
    }
}

/// What the shards remember at the end. To give that back piece by piece takes a twentieth of a replay of some seconds: a program that
/// ends anyway forgets it.
pub struct Remains {
    _workers: Vec<Worker>,
}

/// A replay under way.
struct Run<'r> {
    replay: &'r Replay,
    decoding: &'r Decoding<'r>,
    workers: Vec<Worker>,
    clock: StreamClock,
    /// The first minute that no shard has judged yet.
    open: Minute,
    newest_feedback: Timestamp,
    /// Lines read of each file of calls.
    lines: Vec<u64>,
    summary: Summary,
    output: &'r mut dyn Output,
}

impl Run<'_> {
    fn registry(&mut self, sources: Vec<Source>) -> io::Result<()> {
        self.aside(Stream::Registry, sources, |run, chunk, text| {
            let registration = decode::registration(text, &run.decoding.limits(chunk))?;
            let shard = run.shard_of(&registration.app_id);
            Ok(shard.apply(Input::Registration(&registration), &mut Effects::default()))
        })
    }

    fn feedback(&mut self, sources: Vec<Source>) -> io::Result<()> {
        self.aside(Stream::Feedback, sources, |run, chunk, text| {
            let feedback = decode::feedback(text, &run.decoding.limits(chunk))?;
            run.newest_feedback = run.newest_feedback.max(feedback.at);
            let shard = run.shard_of(&feedback.app_id);
            Ok(shard.apply(Input::Feedback(&feedback), &mut Effects::default()))
        })
    }

    fn shard_of(&mut self, app_id: &str) -> &mut Shard {
        let own = self.decoding.shard_of(app_id);
        &mut self.workers[own].shard
    }

    /// Reads a stream that stands beside the calls. Nothing can come out of the shards yet: no time has passed in them.
    fn aside(
        &mut self,
        stream: Stream,
        sources: Vec<Source>,
        mut apply: impl FnMut(&mut Self, &Chunk, &[u8]) -> Result<Accepted, DecodeError>,
    ) -> io::Result<()> {
        let names: Vec<String> = sources.iter().map(|source| source.name().to_owned()).collect();
        let (mut first_line, mut written) = (1, Ok(()));
        file::read(sources, self.replay.chunk_bytes, &Meter::default(), Vec::new, |piece| {
            match piece {
                Piece::End { file, error } => {
                    self.end_of_file(&names[file as usize], first_line - 1, error);
                    first_line = 1;
                }
                Piece::Chunk(chunk) => {
                    for (line, text) in chunk.lines().filter(|(_, text)| !text.trim_ascii().is_empty()) {
                        self.summary.records.consumed(stream);
                        match apply(self, &chunk, text) {
                            Ok(accepted) => self.summary.records.settled(stream, accepted.into()),
                            Err(error) => {
                                self.summary.records.settled(stream, Outcome::Invalid);
                                let line = first_line + u64::from(line);
                                written = self.dead_letter(stream, &names[chunk.file as usize], line, &error);
                            }
                        }
                        if written.is_err() {
                            return false;
                        }
                    }
                    first_line += chunk.lines().count() as u64;
                }
            }
            true
        });
        written
    }

    fn end_of_file(&mut self, name: &str, lines: u64, error: Option<io::Error>) {
        match error {
            Some(error) => {
                self.summary.broken_files.note(|| format!("{name}:{}: {error}; the rest of the file is missing", lines + 1));
            }
            None if lines == 0 => self.summary.empty_files.note(|| name.to_owned()),
            None => {}
        }
    }

    fn dead_letter(&mut self, stream: Stream, file: &str, line: u64, error: &DecodeError) -> io::Result<()> {
        self.summary.errors.note(|| format!("{file}:{line}: {error}"));
        self.output.dead_letter(&DeadLetter::new(stream, file, line, error))
    }

    /// Reads the calls on a thread of their own and judges them round by round.
    fn calls(&mut self, sources: Vec<Source>) -> io::Result<()> {
        let names: Vec<String> = sources.iter().map(|source| source.name().to_owned()).collect();
        let (meter, chunk_bytes) = (Meter::default(), self.replay.chunk_bytes);
        let (pieces, incoming) = sync_channel(CHUNKS_AHEAD * self.decoding.threads);
        let (used, spare) = channel::<Vec<u8>>();
        let counted = meter.clone();
        // Not scoped: where the output is gone, nobody waits for a stdin that says nothing.
        thread::Builder::new().name("reader".into()).spawn(move || {
            let spare = || spare.try_recv().unwrap_or_default();
            file::read(sources, chunk_bytes, &counted, spare, |piece| pieces.send(piece).is_ok());
        })?;
        let mut feed = Feed { incoming, used, ends: Vec::new() };
        loop {
            let decoded = self.decoding.decode_some(&mut feed);
            let is_last = decoded.is_empty();
            self.round(decoded, &names)?;
            for (file, error) in feed.ends.drain(..) {
                self.end_of_file(&names[file as usize], self.lines[file as usize], error);
            }
            self.output.progress(&meter)?;
            if is_last {
                return Ok(());
            }
        }
    }

    fn round(&mut self, mut decoded: Vec<Decoded>, names: &[String]) -> io::Result<()> {
        if self.summary.bytes == 0 {
            self.summary.better_format = decoded.first().and_then(|chunk| chunk.better_format);
        }
        for chunk in &mut decoded {
            chunk.follow(&mut self.clock);
            let lines = &mut self.lines[chunk.file as usize];
            chunk.first_line = *lines + 1;
            *lines += u64::from(chunk.lines);
            self.summary.bytes += chunk.bytes;
        }
        self.take_in(&decoded);
        for chunk in &decoded {
            self.enter(chunk, names)?;
        }
        // All or none: what is sent is of the same minutes in every shard.
        if self.workers.iter().any(|worker| worker.shard.is_behind(BEHIND_CALLS_MAX)) {
            round::catch_up_all(self.decoding.threads, &mut self.workers);
            self.send()?;
        }
        Ok(())
    }

    /// Lets all shards judge a round. Where a day ends they stop, and are told what their apps have in common.
    fn take_in(&mut self, decoded: &[Decoded]) {
        let mut from = None;
        for (chunk, ticks) in decoded.iter().map(Decoded::ticks).enumerate() {
            for (tick, at) in ticks.enumerate() {
                let ends = self.pass(at);
                if !ends.is_empty() {
                    let mark = Some(Mark { chunk, tick });
                    round::take_in_all(self.decoding.threads, &mut self.workers, decoded, from, mark);
                    self.end_days(&ends);
                    from = mark;
                }
            }
        }
        round::take_in_all(self.decoding.threads, &mut self.workers, decoded, from, None);
    }

    /// Notes that the stream comes to `at`. Returns where it has to stop on the way, because a day ends.
    fn pass(&mut self, at: Timestamp) -> Vec<Timestamp> {
        let lateness_ms = self.replay.policy.lateness_ms;
        let ends = overlaps::day_ends(self.open, at, lateness_ms).collect();
        self.open = self.open.max(at.plus_millis(-lateness_ms).minute());
        ends
    }

    /// Lets time pass in every shard.
    fn tick(&mut self, at: Timestamp) {
        let ends = self.pass(at);
        self.end_days(&ends);
        round::tick_all(self.decoding.threads, &mut self.workers, at);
    }

    /// Lets days end, and compares the apps of all shards by whom they called.
    fn end_days(&mut self, ends: &[Timestamp]) {
        for end in ends {
            round::tick_all(self.decoding.threads, &mut self.workers, *end);
            let sketches = self.workers.iter_mut().flat_map(|worker| worker.effects.sketches.drain(..)).collect();
            for (app_id, found) in overlaps::compare(sketches) {
                let own = self.decoding.shard_of(&app_id);
                let Worker { shard, effects, .. } = &mut self.workers[own];
                for overlap in &found {
                    shard.apply(Input::Overlap { app_id: &app_id, overlap }, effects);
                }
            }
        }
    }

    fn enter(&mut self, chunk: &Decoded, names: &[String]) -> io::Result<()> {
        self.summary.records.consumed_many(Stream::Calls, chunk.records.into());
        for unread in &chunk.unread {
            self.summary.records.settled(Stream::Calls, Outcome::Invalid);
            let line = chunk.first_line + u64::from(unread.line);
            self.summary.errors.note(|| format!("{}:{line}: {}", names[chunk.file as usize], unread.error));
            self.output.dead_letter(&DeadLetter::new(Stream::Calls, &names[chunk.file as usize], line, &unread.error))?;
        }
        Ok(())
    }

    /// Lets time pass until all that was read is judged, and on until all alerts have resolved if that is wanted.
    fn end(&mut self) -> io::Result<()> {
        let newest = self.clock.newest().max(self.newest_feedback);
        if newest == Timestamp::default() {
            return Ok(());
        }
        let end = newest.plus_millis(MINUTE_MS + self.replay.policy.lateness_ms);
        self.tick(end);
        if self.replay.resolve_at_end {
            // That nothing comes after the last record is no silence of anybody.
            let mut policy = Policy::clone(&self.replay.policy);
            policy.rules.feed_health.silent_hours = 0;
            let policy = Arc::new(policy);
            self.workers.iter_mut().for_each(|worker| worker.shard.adopt(policy.clone()));
            // No window is longer than a day; two hours more for what a rule may hold on to.
            let day_ms = i64::from(DAY_S + 2 * HOUR_S) * SECOND_MS;
            self.tick(end.plus_millis(day_ms + self.replay.policy.lifecycle.resolve_after_ms));
        }
        self.send()
    }

    /// Sends what the shards have found. All of them have judged the same minutes, and an app is in one of them: in the
    /// order of minute and app the alerts stand as if there were one shard.
    fn send(&mut self) -> io::Result<()> {
        let mut alerts: Vec<Alert> = self.workers.iter_mut().flat_map(|worker| worker.effects.alerts.drain(..)).collect();
        alerts.sort_by(|alert, other| (alert.updated_at, &alert.app_id).cmp(&(other.updated_at, &other.app_id)));
        for alert in &alerts {
            self.summary.alerts.count(alert);
            self.output.alert(alert)?;
        }
        for worker in &mut self.workers {
            worker.effects.shadowed.drain(..).for_each(|alert| self.summary.shadowed.count(&alert));
        }
        Ok(())
    }

    fn finish(self) -> (Summary, Remains) {
        let Self { decoding, mut workers, mut summary, .. } = self;
        for sums in round::sum_up_all(decoding.threads, &mut workers) {
            summary.records += sums.page;
            summary.strikes += sums.strikes;
            summary.apps += sums.apps;
        }
        (summary, Remains { _workers: workers })
    }
}

#[cfg(test)]
mod tests;
