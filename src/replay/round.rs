//! One round of a replay: chunks are decoded, each by one thread; then shards take the records in, each on one thread. There are more
//! chunks and shards than threads, and whoever is done takes the next: no thread waits long for the one with the most to do.
//!
//! Every shard gets the same ticks at the same places of the stream, and its own apps' records in the order of the stream:
//! that is why the number of threads changes nothing but the speed. Records borrow from their chunk and are never copied.

use std::sync::{Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};

use crate::engine::decode::{DecodeError, Format, Limits};
use crate::engine::record::{CallRecord, Position};
use crate::engine::shard::{Effects, Input, Shard};
use crate::engine::time::{StreamClock, Timestamp};
use crate::ledger::{Page, Stream};
use crate::source::file::{Chunk, Layout};

/// About how long a record is: room is made for so many.
const RECORD_BYTES_USUAL: usize = 500;

/// How chunks are decoded.
pub(super) struct Decoding<'d> {
    pub(super) format: Format,
    pub(super) app_id: Option<&'d str>,
    pub(super) home_country: &'d str,
    pub(super) newest: Timestamp,
    pub(super) shards: usize,
    pub(super) threads: usize,
}

/// A record and its place in the chunk.
struct Placed<'c> {
    /// The how-manieth record of the chunk, from 0.
    number: u32,
    /// The line of the chunk, from 0.
    line: u32,
    record: CallRecord<'c>,
}

/// A record that could not be read.
pub(super) struct Unread {
    /// The line of the chunk, from 0.
    pub(super) line: u32,
    pub(super) error: DecodeError,
}

/// A place in a round: just before a tick of one of its chunks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) chunk: usize,
    pub(super) tick: usize,
}

/// A chunk, decoded.
pub(super) struct Decoded<'c> {
    pub(super) file: u32,
    layout: Layout,
    /// The number in the file of the chunk's first line, from 1; known once the chunks before it are.
    pub(super) first_line: u64,
    pub(super) lines: u32,
    pub(super) records: u32,
    pub(super) unread: Vec<Unread>,
    /// Where the chunk's newest end enters a new minute: before which record, and the end itself.
    ticks: Vec<(u32, Timestamp)>,
    newest: Timestamp,
    shares: Vec<Vec<Placed<'c>>>,
}

impl Decoding<'_> {
    /// The shard of an app: the same on every machine.
    pub(super) fn shard_of(&self, app_id: &str) -> usize {
        // FNV-1a. The ids are the provider's own, not an attacker's.
        let hash =
            app_id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        (hash % self.shards as u64) as usize
    }

    pub(super) fn limits(&self, chunk: &Chunk) -> Limits<'_> {
        Limits { record_bytes_max: chunk.record_bytes_max(), newest: self.newest, home_country: self.home_country }
    }

    fn decode<'c>(&'c self, chunk: &'c Chunk) -> Decoded<'c> {
        let limits = self.limits(chunk);
        let share = chunk.bytes.len() / RECORD_BYTES_USUAL / self.shards;
        let mut shares: Vec<Vec<Placed<'c>>> = (0..self.shards).map(|_| Vec::with_capacity(share)).collect();
        let (mut unread, mut ticks, mut clock) = (Vec::new(), Vec::new(), StreamClock::default());
        let (mut lines, mut records) = (0, 0);
        for (line, text) in chunk.lines() {
            lines = line + 1;
            if text.trim_ascii().is_empty() {
                continue;
            }
            self.format.decode(text, self.app_id, &limits, |call| {
                match call {
                    Ok(record) => {
                        ticks.extend(clock.observe(record.end).map(|at| (records, at)));
                        shares[self.shard_of(&record.app_id)].push(Placed { number: records, line, record });
                    }
                    Err(error) => unread.push(Unread { line, error }),
                }
                records += 1;
            });
        }
        let (file, layout, newest) = (chunk.file, chunk.layout, clock.newest());
        Decoded { file, layout, first_line: 1, lines, records, unread, ticks, newest, shares }
    }

    /// Decodes chunks.
    pub(super) fn decode_all<'c>(&'c self, chunks: &'c [Chunk]) -> Vec<Decoded<'c>> {
        let mut decoded: Vec<Option<Decoded<'c>>> = chunks.iter().map(|_| None).collect();
        shared_out(self.threads, chunks.iter().zip(&mut decoded), |(chunk, place)| *place = Some(self.decode(chunk)));
        decoded.into_iter().flatten().collect()
    }

    /// A format in which the first record of a chunk can be read, if this one cannot.
    pub(super) fn better_format(&self, chunk: &Chunk) -> Option<Format> {
        let (_, text) = chunk.lines().find(|(_, text)| !text.trim_ascii().is_empty())?;
        Format::ALL.iter().copied().filter(|format| *format != self.format).find(|format| {
            let mut readable = false;
            format.decode(text, self.app_id.or(Some("any")), &self.limits(chunk), |call| readable |= call.is_ok());
            readable
        })
    }
}

impl Decoded<'_> {
    /// Drops the ticks of minutes that the stream had entered before this chunk, and carries the stream's clock on.
    pub(super) fn follow(&mut self, clock: &mut StreamClock) {
        let before = clock.newest().minute();
        self.ticks.retain(|(_, at)| at.minute() > before);
        clock.observe(self.newest);
    }

    /// Every tick, in order.
    pub(super) fn ticks(&self) -> impl Iterator<Item = Timestamp> {
        self.ticks.iter().map(|(_, at)| *at)
    }

    /// How many of a shard's records stand before a tick.
    fn placed_before(&self, own: usize, tick: usize) -> usize {
        self.shares[own].partition_point(|placed| placed.number < self.ticks[tick].0)
    }

    fn position(&self, placed: &Placed<'_>) -> Position {
        let offset = match self.layout {
            Layout::Lines => self.first_line + u64::from(placed.line),
            // The records of one document are told apart by their numbers.
            Layout::Whole => u64::from(placed.number) + 1,
        };
        Position { partition: self.file, offset }
    }
}

/// A shard with all that comes out of it.
pub(super) struct Worker {
    pub(super) shard: Shard,
    pub(super) effects: Effects,
    pub(super) page: Page,
}

impl Worker {
    /// Takes in this shard's share of some chunks, and all their ticks: from one mark to the other, or from the beginning and to
    /// the end.
    fn take_in(&mut self, own: usize, chunks: &[Decoded<'_>], from: Option<Mark>, to: Option<Mark>) {
        let last = to.map_or(chunks.len(), |to| to.chunk + 1);
        for (chunk, decoded) in chunks.iter().enumerate().take(last).skip(from.map_or(0, |from| from.chunk)) {
            let [from, to] = [from, to].map(|mark| mark.filter(|mark| mark.chunk == chunk).map(|mark| mark.tick));
            let placed = from.map_or(0, |tick| decoded.placed_before(own, tick))
                ..to.map_or(decoded.shares[own].len(), |tick| decoded.placed_before(own, tick));
            let mut ticks = decoded.ticks[from.unwrap_or(0)..to.unwrap_or(decoded.ticks.len())].iter().peekable();
            for placed in &decoded.shares[own][placed] {
                while let Some((_, at)) = ticks.next_if(|(before, _)| *before <= placed.number) {
                    self.pass(*at);
                }
                let input = Input::Call(&placed.record, decoded.position(placed));
                self.page.settled(Stream::Calls, self.shard.apply(input, &mut self.effects).into());
            }
            for (_, at) in ticks {
                self.pass(*at);
            }
        }
    }

    fn pass(&mut self, at: Timestamp) {
        self.shard.apply(Input::Pass(at), &mut self.effects);
    }

    fn tick(&mut self, at: Timestamp) {
        self.shard.apply(Input::Tick(at), &mut self.effects);
    }

    /// Sums up, and lets go of everything: in a replay of some seconds that takes a twentieth of them.
    fn end(self) -> Ended {
        let mut ended = Ended { page: self.page, ..Ended::default() };
        for app in self.shard.apps() {
            ended.strikes += app.ledger().strikes();
            ended.apps += u64::from(app.calls_judged() > 0);
        }
        ended
    }
}

/// What a shard came to.
#[derive(Default)]
pub(super) struct Ended {
    pub(super) page: Page,
    pub(super) strikes: u64,
    /// Apps with calls.
    pub(super) apps: u64,
}

/// Gives every shard its share of the chunks between two marks.
pub(super) fn take_in_all(threads: usize, workers: &mut [Worker], chunks: &[Decoded<'_>], from: Option<Mark>, to: Option<Mark>) {
    shared_out(threads, workers.iter_mut().enumerate(), |(own, worker)| worker.take_in(own, chunks, from, to));
}

/// Lets time pass in every shard.
pub(super) fn tick_all(threads: usize, workers: &mut [Worker], at: Timestamp) {
    shared_out(threads, workers.iter_mut(), |worker| worker.tick(at));
}

/// Has every shard judge what is closed.
pub(super) fn catch_up_all(threads: usize, workers: &mut [Worker]) {
    shared_out(threads, workers.iter_mut(), |worker| worker.shard.catch_up(&mut worker.effects));
}

/// Ends every shard.
pub(super) fn end_all(threads: usize, workers: Vec<Worker>) -> Vec<Ended> {
    let mut ended: Vec<Ended> = workers.iter().map(|_| Ended::default()).collect();
    shared_out(threads, workers.into_iter().zip(&mut ended), |(worker, ended)| *ended = worker.end());
    ended
}

/// Does every task, on so many threads: each takes the next one that nobody has taken.
fn shared_out<T>(threads: usize, tasks: impl Iterator<Item = T> + Send, act: impl Fn(T) + Sync) {
    if threads == 1 {
        return tasks.for_each(act);
    }
    let (tasks, act) = (&Mutex::new(tasks), &act);
    let work = || {
        let next = || tasks.lock().unwrap_or_else(PoisonError::into_inner).next();
        while let Some(task) = next() {
            act(task);
        }
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        work();
        others.into_iter().for_each(finished);
    });
}

/// The result of a thread; its panic becomes ours.
fn finished<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
