//! A small language for traffic: who calls whom, how often, and what becomes of it. Seeded, so the same words are always
//! the same calls. It knows nothing of rules.
//!
//! Times are Beijing's (`2026-03-09 09:00` or with seconds), numbers are made up.

use std::ops::RangeInclusive;

use dialwatch::engine::decode::NeutralCall;
use dialwatch::engine::record::{Direction, HangupBy, Kind, Outcome};
use dialwatch::engine::time::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// The app of most cases.
pub const APP: &str = "1400000001";

/// The records of a case, each in order of time.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    pub calls: Vec<NeutralCall>,
    pub feedback: Vec<Value>,
    pub registry: Vec<Value>,
    pub elsewhere: Vec<Value>,
}

/// Unix milliseconds of a Beijing time.
pub fn beijing(time: &str) -> i64 {
    let civil: jiff::civil::DateTime = time.parse().expect("a time");
    civil.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8))).expect("in range").timestamp().as_millisecond()
}

/// The n-th caller number of the app.
pub fn line(n: u32) -> String {
    format!("+86755800{n:05}")
}

/// The n-th person: a mobile number far from all others.
pub fn person(n: u64) -> String {
    format!("+{}", 8_619_900_000_000 + (n + 1) * 48_271_003 % 99_999_989)
}

/// The n-th landline of an area: no subscriber's number begins with 1.
pub fn landline(area: u32, n: u64) -> String {
    format!("+86{area}1{:07}", n % 10_000_000)
}

/// The first mobile number of a block of ten thousand.
pub const MOBILE_BLOCK: u64 = 8_619_833_210_000;
/// The first extension of a company's own block, in the city of the app's lines.
pub const EXTENSIONS: u64 = 8_675_561_114_000;

/// Whom a shift calls, one after the other.
#[derive(Clone, Copy, Debug)]
pub enum To {
    /// Nobody twice, and nobody of the numbered people.
    Strangers,
    /// Numbered people, from the first again after the last.
    People(u64, u64),
    /// Numbers counted up from the first by a step.
    Counting(u64, u64),
    /// All numbers from the first on, in a mixed order.
    Block(u64, u64),
    /// Landlines of an area, each once.
    Area(u32),
}

/// How calls end, in parts per hundred; what is missing to a hundred rings out. And how long people talk.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    pub answered: u32,
    pub declined: u32,
    pub empty: u32,
    pub busy: u32,
    pub network_error: u32,
    pub talk: Talk,
}

/// How long a talk lasts.
#[derive(Clone, Copy, Debug)]
pub enum Talk {
    /// 20 s to 4 minutes, but in so many of a hundred the callee hangs up within 6 s.
    People { short: u32 },
    /// A message of so many seconds, heard to the end by most; the callee hangs up early in so many of a hundred.
    Message { length_s: u32, early: u32 },
}

/// What a good, consented list gives.
pub const GOOD: Mix = Mix { answered: 58, declined: 3, empty: 1, busy: 6, network_error: 0, talk: Talk::People { short: 4 } };
/// What people who know the app do.
pub const KNOWN: Mix = Mix { answered: 76, declined: 2, empty: 0, busy: 5, network_error: 0, talk: Talk::People { short: 2 } };
/// What a list bought on the market gives.
pub const BOUGHT: Mix =
    Mix { answered: 15, declined: 22, empty: 22, busy: 6, network_error: 0, talk: Talk::People { short: 40 } };
/// What counting through numbers gives.
pub const COUNTED: Mix =
    Mix { answered: 12, declined: 12, empty: 44, busy: 4, network_error: 0, talk: Talk::People { short: 40 } };

/// When the next call on a line begins.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// So many seconds after the end of the one before.
    Gap(u32, u32),
    /// Every so many seconds, as long as the line is free; the lines take turns.
    Every(u32),
}

/// Lines at work.
#[derive(Clone, Debug)]
pub struct Shift {
    pub from: &'static str,
    pub lines: RangeInclusive<u32>,
    /// Calls on all lines together.
    pub calls: u32,
    pub pace: Pace,
    pub to: To,
    pub mix: Mix,
    pub kind: Kind,
    /// Whether an agent is on the calls that are answered.
    pub agents: bool,
    /// How many of a hundred answered calls meet nobody all the same.
    pub dropped: u32,
}

impl Default for Shift {
    fn default() -> Self {
        Self {
            from: "2026-03-09 09:00",
            lines: 1..=4,
            calls: 100,
            pace: Pace::Gap(8, 45),
            to: To::Strangers,
            mix: GOOD,
            kind: Kind::Agent,
            agents: true,
            dropped: 0,
        }
    }
}

/// An app and what it does.
pub struct App {
    id: String,
    random: ChaCha8Rng,
    strangers: u64,
    traffic: Traffic,
}

impl App {
    /// An app that has done nothing. One seed for all cases: the cases differ by what they say.
    pub fn new() -> Self {
        Self::seeded(7)
    }

    /// The same with a chance of its own.
    pub fn seeded(seed: u64) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { id: APP.into(), random, strangers: 1_000_000, traffic: Traffic::default() }
    }

    /// Another app.
    pub fn named(id: &str) -> Self {
        Self { id: id.into(), ..Self::new() }
    }

    /// What it filed, besides its id.
    pub fn files(&mut self, mut registration: Value) {
        registration["app_id"] = json!(self.id);
        self.traffic.registry.push(registration);
    }

    /// Lines at work until their calls are made.
    pub fn works(&mut self, shift: &Shift) {
        let from = beijing(shift.from);
        let lines: Vec<u32> = shift.lines.clone().collect();
        let first = |(index, line)| match shift.pace {
            Pace::Gap(..) => (from + self.pause(shift), line),
            Pace::Every(period_s) => (from + index as i64 * i64::from(period_s) * 1_000 / lines.len() as i64, line),
        };
        let mut free: Vec<(i64, u32)> = lines.iter().copied().enumerate().map(first).collect();
        let callees = self.callees(shift);
        for callee in callees {
            let next = (0..free.len()).min_by_key(|index| free[*index]).expect("a line");
            let (start, number) = free[next];
            let end = self.rolls(shift, number, callee, start);
            let after = match shift.pace {
                Pace::Gap(..) => end + self.pause(shift),
                Pace::Every(seconds) => {
                    let period = i64::from(seconds) * 1_000;
                    start + ((end - start) / period + 1) * period
                }
            };
            free[next].0 = after;
        }
    }

    fn pause(&mut self, shift: &Shift) -> i64 {
        match shift.pace {
            Pace::Gap(from_s, to_s) => i64::from(self.random.random_range(from_s..=to_s)) * 1_000,
            Pace::Every(_) => 0,
        }
    }

    fn callees(&mut self, shift: &Shift) -> Vec<String> {
        let calls = u64::from(shift.calls);
        match shift.to {
            To::Strangers => {
                self.strangers += calls;
                (self.strangers - calls..self.strangers).map(person).collect()
            }
            To::People(first, count) => (0..calls).map(|call| person(first + call % count)).collect(),
            To::Counting(first, step) => (0..calls).map(|call| format!("+{}", first + call * step)).collect(),
            To::Block(first, size) => {
                // A step without a common divisor goes through all of it.
                (0..calls).map(|call| format!("+{}", first + call * 37 % size)).collect()
            }
            To::Area(area) => {
                self.strangers += calls;
                (self.strangers - calls..self.strangers).map(|n| landline(area, n)).collect()
            }
        }
    }

    /// One call of a shift, as chance has it. Returns its end.
    fn rolls(&mut self, shift: &Shift, number: u32, callee: String, start: i64) -> i64 {
        let mix = &shift.mix;
        let chance = self.random.random_range(0..100);
        let limits = [mix.answered, mix.declined, mix.empty, mix.busy, mix.network_error];
        let reached = limits.iter().scan(0, |sum, part| {
            *sum += part;
            Some(*sum)
        });
        let outcome = match reached.take_while(|limit| *limit <= chance).count() {
            0 => Outcome::Answered,
            1 => Outcome::Rejected,
            2 => Outcome::InvalidNumber,
            3 => Outcome::Busy,
            4 => Outcome::NetworkError,
            _ => Outcome::NoAnswer,
        };
        let dial = self.dial_at(start).from(number).callee(callee).kind(shift.kind);
        match outcome {
            Outcome::Answered => {
                let ring_s = dial.app.random.random_range(3..15);
                if dial.app.random.random_range(0..100) < shift.dropped {
                    return dial.hangup(HangupBy::System).ring(ring_s).answered(2);
                }
                let (talk_s, by) = dial.app.talk(mix.talk);
                let dial = if shift.agents { dial.agent(number) } else { dial };
                dial.hangup(by).ring(ring_s).answered(talk_s)
            }
            Outcome::NoAnswer => dial.ends(Outcome::NoAnswer, 30),
            Outcome::Rejected => {
                let ring_s = dial.app.random.random_range(2..12);
                dial.ends(Outcome::Rejected, ring_s)
            }
            outcome => dial.ends(outcome, 3),
        }
    }

    fn talk(&mut self, talk: Talk) -> (u32, HangupBy) {
        let random = &mut self.random;
        match talk {
            Talk::People { short } if random.random_range(0..100) < short => (random.random_range(1..=6), HangupBy::Customer),
            Talk::People { .. } => {
                let by = if random.random() { HangupBy::Agent } else { HangupBy::Customer };
                (random.random_range(20..240), by)
            }
            Talk::Message { length_s, early } if random.random_range(0..100) < early => {
                (random.random_range(6..length_s), HangupBy::Customer)
            }
            Talk::Message { length_s, .. } => (length_s + random.random_range(0..2), HangupBy::System),
        }
    }

    /// A single call, from line 1 to person 1 unless said otherwise.
    pub fn dial(&mut self, time: &str) -> Dial<'_> {
        self.dial_at(beijing(time))
    }

    fn dial_at(&mut self, start: i64) -> Dial<'_> {
        Dial {
            app: self,
            start,
            caller: line(1),
            callee: person(1),
            kind: Kind::Agent,
            agent: None,
            hangup: HangupBy::Unknown,
            ring_s: 5,
            regions: [None; 2],
        }
    }

    /// A person calls the app and is talked to for half a minute.
    pub fn is_called_by(&mut self, n: u64, time: &str) {
        let start = beijing(time);
        let answer = start + 4_000;
        let call = self.blank(Direction::Inbound, start, answer + 30_000);
        self.traffic.calls.push(NeutralCall {
            caller: Some(person(n)),
            callee: Some(line(1)),
            answer: Some(answer),
            outcome: Outcome::Answered,
            ..call
        });
    }

    /// What a person says about the app: `opt_out`, `complaint`, `consent`.
    pub fn hears(&mut self, kind: &str, n: u64, time: &str) {
        let feedback = json!({
            "kind": kind, "app_id": self.id, "callee": person(n), "at": beijing(time), "verified": kind == "complaint",
        });
        self.traffic.feedback.push(feedback);
    }

    /// What a person or an inspector says about the app, with whatever else the record tells.
    pub fn is_told(&mut self, kind: &str, n: u64, time: &str, more: Value) {
        let mut feedback = json!({ "kind": kind, "app_id": self.id, "callee": person(n), "at": beijing(time) });
        for (field, value) in more.as_object().into_iter().flatten() {
            feedback[field] = value.clone();
        }
        self.traffic.feedback.push(feedback);
    }

    /// The call that ended at `end` is its first in this partition, where it stands at `offset`; it has been met in another.
    pub fn was_met_elsewhere(&mut self, end: i64, offset: u64, there: (u32, u64)) {
        let position = |(partition, offset): (u32, u64)| json!({ "partition": partition, "offset": offset });
        let met = json!({ "app_id": self.id, "at": Timestamp::from_millis(end), "here": position((0, offset)), "there": position(there) });
        self.traffic.elsewhere.push(met);
    }

    /// The same, but the record comes in only at `arrives`.
    pub fn hears_late(&mut self, kind: &str, n: u64, time: &str, arrives: &str) {
        self.hears(kind, n, time);
        if let Some(said) = self.traffic.feedback.last_mut() {
            said["arrives"] = json!(beijing(arrives));
        }
    }

    fn blank(&self, direction: Direction, start: i64, end: i64) -> NeutralCall {
        NeutralCall {
            app_id: self.id.clone(),
            call_id: String::new(),
            direction,
            kind: Kind::Agent,
            caller: None,
            callee: None,
            start,
            ring: None,
            answer: None,
            end,
            outcome: Outcome::NoAnswer,
            raw_outcome: None,
            hangup_by: HangupBy::Unknown,
            agent: None,
            caller_region: None,
            callee_region: None,
        }
    }

    /// Everything it did, in the order in which the records are written.
    pub fn traffic(mut self) -> Traffic {
        self.traffic.calls.sort_by_key(|call| (call.end, call.start));
        for (index, call) in self.traffic.calls.iter_mut().enumerate() {
            call.call_id = format!("call-{:04}", index + 1);
        }
        self.traffic.feedback.sort_by_key(|feedback| feedback["at"].as_i64());
        self.traffic
    }
}

impl Traffic {
    /// The traffic of two apps, in the order in which their records are written.
    pub fn with(mut self, other: Self) -> Self {
        self.calls.extend(other.calls);
        self.calls.sort_by_key(|call| (call.end, call.start));
        self.feedback.extend(other.feedback);
        self.registry.extend(other.registry);
        self.elsewhere.extend(other.elsewhere);
        self
    }
}

/// A call being described. What ends it, writes it, and returns the moment it ended at.
#[must_use]
pub struct Dial<'a> {
    app: &'a mut App,
    start: i64,
    caller: String,
    callee: String,
    kind: Kind,
    agent: Option<String>,
    hangup: HangupBy,
    ring_s: u32,
    regions: [Option<&'static str>; 2],
}

impl Dial<'_> {
    pub fn from(self, n: u32) -> Self {
        Self { caller: line(n), ..self }
    }

    pub fn to(self, n: u64) -> Self {
        Self { callee: person(n), ..self }
    }

    pub fn number(self, caller: &str) -> Self {
        Self { caller: caller.into(), ..self }
    }

    pub fn callee(self, callee: String) -> Self {
        Self { callee, ..self }
    }

    /// Where the record says that caller and callee are at home.
    pub fn regions(self, caller: Option<&'static str>, callee: Option<&'static str>) -> Self {
        Self { regions: [caller, callee], ..self }
    }

    pub fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    pub fn agent(self, n: u32) -> Self {
        Self { agent: Some(format!("agent-{n}")), ..self }
    }

    pub fn hangup(self, by: HangupBy) -> Self {
        Self { hangup: by, ..self }
    }

    pub fn ring(self, ring_s: u32) -> Self {
        Self { ring_s, ..self }
    }

    pub fn answered(self, talk_s: u32) -> i64 {
        let answer = self.start + i64::from(self.ring_s) * 1_000;
        let end = answer + i64::from(talk_s) * 1_000;
        self.write(Outcome::Answered, Some(answer), end)
    }

    pub fn rings_out(self) -> i64 {
        self.ends(Outcome::NoAnswer, 25)
    }

    pub fn declined(self) -> i64 {
        self.ends(Outcome::Rejected, 6)
    }

    pub fn ends_somehow(self) -> i64 {
        self.ends(Outcome::Other, 4)
    }

    pub fn fails(self) -> i64 {
        self.ends(Outcome::NetworkError, 2)
    }

    fn ends(self, outcome: Outcome, after_s: u32) -> i64 {
        let end = self.start + i64::from(after_s) * 1_000;
        self.write(outcome, None, end)
    }

    fn write(self, outcome: Outcome, answer: Option<i64>, end: i64) -> i64 {
        let call = self.app.blank(Direction::Outbound, self.start, end);
        self.app.traffic.calls.push(NeutralCall {
            kind: self.kind,
            caller: Some(self.caller),
            callee: Some(self.callee),
            answer,
            outcome,
            hangup_by: self.hangup,
            agent: self.agent,
            caller_region: self.regions[0].map(Into::into),
            callee_region: self.regions[1].map(Into::into),
            ..call
        });
        end
    }
}
