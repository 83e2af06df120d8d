//! One round of a replay: chunks are decoded, each by one thread; then shards take the records in, each on one thread. There are more
//! chunks and shards than threads, and whoever is done takes the next: no thread waits long for the one with the most to do.
//!
//! Every shard gets the same ticks at the same places of the stream, and its own apps' records in the order of the stream:
//! that is why the number of threads changes nothing but the speed. What was decoded is compact and holds nothing of its chunk:
//! mostly it is taken in on another core, from where the text of a chunk is far away.

use std::io;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};

use crate::engine::decode::{DecodeError, Format, Limits};
use crate::engine::record::{Call, CallRecord, Position};
use crate::engine::shard::{Effects, Input, Shard};
use crate::engine::time::{StreamClock, Timestamp};
use crate::ledger::{Page, Stream};
use crate::source::file::{Chunk, Layout, Piece};

/// How many chunks are decoded in a round for each thread, and at least: of so many a shard has some thousand calls to take in one after
/// the other.
const CHUNKS_A_THREAD: usize = 16;
const CHUNKS_MIN: usize = 32;
/// About how long a record is: room is made for so many.
const RECORD_BYTES_USUAL: usize = 500;
/// About how long the id of an app is.
const APP_ID_BYTES_USUAL: usize = 10;

/// How chunks are decoded.
pub(super) struct Decoding<'d> {
    pub(super) format: Format,
    pub(super) app_id: Option<&'d str>,
    pub(super) home_country: &'d str,
    pub(super) newest: Timestamp,
    pub(super) shards: usize,
    pub(super) threads: usize,
}

/// What is read, and where it goes back.
pub(super) struct Feed {
    pub(super) incoming: Receiver<Piece>,
    /// Buffers, to be read into again.
    pub(super) used: Sender<Vec<u8>>,
    /// Files that ended before the last chunk that was taken, or with it, and why if it was too soon.
    pub(super) ends: Vec<(u32, Option<io::Error>)>,
}

/// A call and its place in the chunk.
struct Placed {
    /// The how-manieth record of the chunk, from 0.
    number: u32,
    /// The line of the chunk, from 0.
    line: u32,
    /// How long its app's id is.
    app_id_bytes: u32,
    /// Without its position, which is known once the chunks before are.
    call: Call,
}

/// What a shard has in a chunk.
#[derive(Default)]
struct Share {
    placed: Vec<Placed>,
    /// The ids of their apps, one after the other.
    app_ids: String,
}

impl Share {
    fn with_capacity(calls: usize) -> Self {
        Self { placed: Vec::with_capacity(calls), app_ids: String::with_capacity(calls * APP_ID_BYTES_USUAL) }
    }

    fn push(&mut self, number: u32, line: u32, record: &CallRecord<'_>) {
        let call = Call::new(record, Position::default());
        self.placed.push(Placed { number, line, app_id_bytes: record.app_id.len() as u32, call });
        self.app_ids.push_str(&record.app_id);
    }

    /// How many of them stand before a record of the chunk.
    fn before(&self, number: u32) -> usize {
        self.placed.partition_point(|placed| placed.number < number)
    }

    /// Some of them, each with the id of its app.
    fn part(&self, range: Range<usize>) -> impl Iterator<Item = (&Placed, &str)> {
        let skipped = self.placed[..range.start].iter().map(|placed| placed.app_id_bytes as usize).sum();
        let mut app_ids = &self.app_ids[skipped..];
        self.placed[range].iter().map(move |placed| {
            let (app_id, rest) = app_ids.split_at(placed.app_id_bytes as usize);
            app_ids = rest;
            (placed, app_id)
        })
    }
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
pub(super) struct Decoded {
    pub(super) file: u32,
    layout: Layout,
    pub(super) bytes: u64,
    /// The number in the file of the chunk's first line, from 1; known once the chunks before it are.
    pub(super) first_line: u64,
    pub(super) lines: u32,
    pub(super) records: u32,
    pub(super) unread: Vec<Unread>,
    /// One in which its first record can be read, if none of it could be.
    pub(super) better_format: Option<Format>,
    /// Where the chunk's newest end enters a new minute: before which record, and the end itself.
    ticks: Vec<(u32, Timestamp)>,
    newest: Timestamp,
    shares: Vec<Share>,
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

    fn decode(&self, chunk: &Chunk) -> Decoded {
        let limits = self.limits(chunk);
        let share = chunk.bytes.len() / RECORD_BYTES_USUAL / self.shards;
        let mut shares: Vec<Share> = (0..self.shards).map(|_| Share::with_capacity(share)).collect();
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
                        shares[self.shard_of(&record.app_id)].push(records, line, &record);
                    }
                    Err(error) => unread.push(Unread { line, error }),
                }
                records += 1;
            });
        }
        let better_format = if records as usize == unread.len() { self.better_format(chunk) } else { None };
        let (file, layout, bytes, newest) = (chunk.file, chunk.layout, chunk.bytes.len() as u64, clock.newest());
        Decoded { file, layout, bytes, first_line: 1, lines, records, unread, better_format, ticks, newest, shares }
    }

    /// Decodes the next chunks, in order; none when there are no more.
    pub(super) fn decode_some(&self, feed: &mut Feed) -> Vec<Decoded> {
        let mut decoded: Vec<Option<Decoded>> = (0..(CHUNKS_A_THREAD * self.threads).max(CHUNKS_MIN)).map(|_| None).collect();
        let Feed { incoming, used, ends } = feed;
        let chunks = decoded.iter_mut().map_while(move |place| {
            loop {
                match incoming.recv().ok()? {
                    Piece::Chunk(chunk) => return Some((chunk, place)),
                    Piece::End { file, error } => ends.push((file, error)),
                }
            }
        });
        let used: &Sender<Vec<u8>> = used;
        shared_out(self.threads, chunks, |(chunk, place)| {
            *place = Some(self.decode(&chunk));
            // The reader may have ended before its buffers come back.
            let _ = used.send(chunk.bytes);
        });
        decoded.into_iter().flatten().collect()
    }

    /// A format in which the first record of a chunk can be read, if this one cannot.
    fn better_format(&self, chunk: &Chunk) -> Option<Format> {
        let (_, text) = chunk.lines().find(|(_, text)| !text.trim_ascii().is_empty())?;
        Format::ALL.iter().copied().filter(|format| *format != self.format).find(|format| {
            let mut readable = false;
            format.decode(text, self.app_id.or(Some("any")), &self.limits(chunk), |call| readable |= call.is_ok());
            readable
        })
    }
}

impl Decoded {
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

    fn position(&self, placed: &Placed) -> Position {
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
    fn take_in(&mut self, own: usize, chunks: &[Decoded], from: Option<Mark>, to: Option<Mark>) {
        let last = to.map_or(chunks.len(), |to| to.chunk + 1);
        for (chunk, decoded) in chunks.iter().enumerate().take(last).skip(from.map_or(0, |from| from.chunk)) {
            let [from, to] = [from, to].map(|mark| mark.filter(|mark| mark.chunk == chunk).map(|mark| mark.tick));
            let share = &decoded.shares[own];
            let before = |tick: usize| share.before(decoded.ticks[tick].0);
            let range = from.map_or(0, before)..to.map_or(share.placed.len(), before);
            let mut ticks = decoded.ticks[from.unwrap_or(0)..to.unwrap_or(decoded.ticks.len())].iter().peekable();
            for (placed, app_id) in share.part(range) {
                while let Some((_, at)) = ticks.next_if(|(before, _)| *before <= placed.number) {
                    self.pass(*at);
                }
                let mut call = placed.call.clone();
                call.position = decoded.position(placed);
                self.page.settled(Stream::Calls, self.shard.apply(Input::Call { app_id, call }, &mut self.effects).into());
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

    fn sum_up(&self) -> Sums {
        let mut sums = Sums { page: self.page.clone(), ..Sums::default() };
        for app in self.shard.apps() {
            sums.strikes += app.ledger().strikes();
            sums.apps += u64::from(app.calls_judged() > 0);
        }
        sums
    }
}

/// What a shard came to.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) page: Page,
    pub(super) strikes: u64,
    /// Apps with calls.
    pub(super) apps: u64,
}

/// Gives every shard its share of the chunks between two marks.
pub(super) fn take_in_all(threads: usize, workers: &mut [Worker], chunks: &[Decoded], from: Option<Mark>, to: Option<Mark>) {
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

/// Sums up every shard.
pub(super) fn sum_up_all(threads: usize, workers: &mut [Worker]) -> Vec<Sums> {
    let mut sums: Vec<Sums> = workers.iter().map(|_| Sums::default()).collect();
    shared_out(threads, workers.iter_mut().zip(&mut sums), |(worker, sums)| *sums = worker.sum_up());
    sums
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
