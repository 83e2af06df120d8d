//! The features of the comparison with other engines, counted by dialwatch's own decoder, waiting room and windows.
//!
//! `cargo bench --bench peers -- calls.jsonl` prints the digest that README.md beside this file defines. It measures nothing
//! itself and compares nothing: that is `run.py`'s.
#![allow(clippy::expect_used)]

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use dialwatch::engine::decode::{Format, Limits};
use dialwatch::engine::record::{Call, Direction, Outcome, Position};
use dialwatch::engine::time::{Minute, StreamClock};
use dialwatch::engine::waiting::{AppSlot, WaitingRoom};
use dialwatch::engine::window::pairs::Pairs;
use dialwatch::engine::window::panes::{self, Sliding, Span};
use dialwatch::engine::window::{Map, keyed_map};

/// Five minutes, sliding by the minute.
const FIVE_MINUTES: Span = Span { pane_minutes: 1, panes: 5 };
/// How late a call may come, as in dialwatch's own defaults.
const LATENESS_MS: i64 = 300_000;
/// An answered call that talked shorter than this is short.
const SHORT_MS: i64 = 10_000;
/// Callees remembered of an app, as in dialwatch's own defaults.
const CALLEES_MAX: usize = 1_000_000;
/// Maps are keyed, as the engine's are.
const SEED: u64 = 1;

/// What is counted of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    calls: u32,
    answered: u32,
    short: u32,
}

impl std::ops::AddAssign<&Self> for Counts {
    fn add_assign(&mut self, other: &Self) {
        self.calls += other.calls;
        self.answered += other.answered;
        self.short += other.short;
    }
}

impl std::ops::SubAssign<&Self> for Counts {
    fn sub_assign(&mut self, other: &Self) {
        self.calls -= other.calls;
        self.answered -= other.answered;
        self.short -= other.short;
    }
}

impl panes::Counts for Counts {
    type Packed = Self;

    fn pack(&mut self) -> Self {
        std::mem::take(self)
    }

    fn unpack(packed: &Self) -> Self {
        *packed
    }
}

/// Different callees of five minutes by the minute of their last call; [`Pairs`] has those of an hour and of a day.
#[derive(Default)]
struct Callees {
    ring: [u32; FIVE_MINUTES.panes as usize],
    newest: u32,
}

impl Callees {
    fn advance(&mut self, minute: u32) {
        for expired in (self.newest + 1..=minute).take(self.ring.len()) {
            self.ring[expired as usize % self.ring.len()] = 0;
        }
        self.newest = minute;
    }

    fn called(&mut self, previous: Option<u32>, minute: u32) {
        self.advance(minute);
        let panes = self.ring.len();
        if let Some(previous) = previous.filter(|previous| minute - previous < FIVE_MINUTES.panes) {
            self.ring[previous as usize % panes] -= 1;
        }
        self.ring[minute as usize % panes] += 1;
    }
}

/// What is remembered of an app.
struct App {
    number: u64,
    five_minutes: Sliding<Counts>,
    hour: Sliding<Counts>,
    callees: Callees,
    pairs: Pairs,
}

impl App {
    fn new(id: &str) -> Self {
        Self {
            number: id.parse().expect("the simulation's app ids are numbers"),
            five_minutes: Sliding::default(),
            hour: Sliding::default(),
            callees: Callees::default(),
            pairs: Pairs::new(SEED),
        }
    }

    fn take_in(&mut self, call: &Call, minute: Minute) {
        let answered = call.outcome == Outcome::Answered;
        let short = answered && call.answer().is_some_and(|answer| call.end.millis() - answer.millis() < SHORT_MS);
        let counts = Counts { calls: 1, answered: u32::from(answered), short: u32::from(short) };
        self.five_minutes.add(FIVE_MINUTES, minute, &counts);
        self.hour.add(Span::HOUR, minute, &counts);
        if let Some(callee) = call.callee {
            // Windows of all engines go by the end of a call.
            let contact = self.pairs.called(callee, call.end.seconds(), CALLEES_MAX);
            self.callees.called(contact.previous_s.map(|previous_s| previous_s / 60), minute.0);
        }
    }
}

/// Sums over all rows of a window length.
#[derive(Default)]
struct Digest {
    rows: u64,
    sums: [u64; 5],
    check: u64,
}

impl Digest {
    fn row(&mut self, app: u64, end_minute: u32, counts: &Counts, callees: u32) {
        let (calls, answered, short) = (u64::from(counts.calls), u64::from(counts.answered), u64::from(counts.short));
        let share = (1_000 * short).checked_div(answered).unwrap_or(0);
        let callees = u64::from(callees);
        self.rows += 1;
        for (sum, value) in self.sums.iter_mut().zip([calls, answered, callees, short, share]) {
            *sum += value;
        }
        let place = (app * 1_009 + u64::from(end_minute)) % 1_000_003;
        self.check += place * (calls + 31 * answered + 37 * callees + 41 * short + 43 * share);
    }

    fn print(&self, minutes: u32) {
        let [calls, answered, callees, short, share] = self.sums;
        let Self { rows, check, .. } = self;
        println!("{minutes} {rows} {calls} {answered} {callees} {short} {share} {check}");
    }
}

/// Everything between a line and the digest.
struct Features {
    slots: Map<String, AppSlot>,
    apps: Vec<App>,
    clock: StreamClock,
    waiting: WaitingRoom,
    /// The first minute that is open.
    open: Option<Minute>,
    five_minutes: Digest,
    hour: Digest,
}

impl Features {
    fn new() -> Self {
        Self {
            slots: keyed_map(SEED),
            apps: Vec::new(),
            clock: StreamClock::default(),
            waiting: WaitingRoom::new(SEED),
            open: None,
            five_minutes: Digest::default(),
            hour: Digest::default(),
        }
    }

    fn line(&mut self, line: &[u8]) {
        Format::Dialwatch.decode(line, None, &Limits::default(), |record| {
            let record = record.expect("the simulation writes what can be read");
            if let Some(newest) = self.clock.observe(record.end) {
                self.close_before(newest.plus_millis(-LATENESS_MS).minute());
            }
            if record.direction == Direction::Outbound {
                let slot = self.slot(&record.app_id);
                self.waiting.admit_call(slot, Call::new(&record, Position::default()));
            }
        });
    }

    fn slot(&mut self, app_id: &str) -> AppSlot {
        if let Some(slot) = self.slots.get(app_id) {
            return *slot;
        }
        let slot = self.apps.len() as AppSlot;
        self.slots.insert(app_id.to_owned(), slot);
        self.apps.push(App::new(app_id));
        slot
    }

    /// Closes every minute before `until`.
    fn close_before(&mut self, until: Minute) {
        let Some(mut minute) = self.open.or_else(|| self.waiting.first()) else { return };
        while minute < until {
            self.close(minute);
            minute = minute.next();
        }
        self.open = Some(minute);
    }

    /// Takes in what ended in a minute, and counts the windows that end with it.
    fn close(&mut self, minute: Minute) {
        for (slot, call) in &self.waiting.close(minute).calls {
            self.apps[*slot as usize].take_in(call, minute);
        }
        let end_minute = minute.next().0;
        for app in &mut self.apps {
            if app.hour.total().calls == 0 {
                continue;
            }
            app.hour.advance(Span::HOUR, minute);
            app.five_minutes.advance(FIVE_MINUTES, minute);
            app.pairs.advance(minute);
            app.callees.advance(minute.0);
            if app.hour.total().calls > 0 {
                self.hour.row(app.number, end_minute, app.hour.total(), app.pairs.distinct_hour());
            }
            if app.five_minutes.total().calls > 0 {
                self.five_minutes.row(app.number, end_minute, app.five_minutes.total(), app.callees.ring.iter().sum());
            }
        }
    }
}

fn main() -> io::Result<()> {
    // What `cargo bench` passes to every bench is no file.
    let Some(path) = std::env::args().skip(1).find(|argument| Path::new(argument).is_file()) else {
        println!("skipped: wants a file of calls; `make peers` compares with other engines");
        return Ok(());
    };
    let mut features = Features::new();
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut line = Vec::new();
    while file.read_until(b'\n', &mut line)? > 0 {
        features.line(line.trim_ascii_end());
        line.clear();
    }
    // After the last call every window that holds one comes to its end.
    let newest = features.clock.newest().minute();
    features.close_before(Minute(newest.0 + Span::HOUR.panes));
    features.five_minutes.print(FIVE_MINUTES.panes);
    features.hour.print(Span::HOUR.panes);
    Ok(())
}
