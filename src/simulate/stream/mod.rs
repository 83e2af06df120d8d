//! Carries out one activity: places its calls one by one and hands them over in the order in which their records arrive.
//!
//! Holds only what is open: calls in progress, callees to be called again, and the people who must not be. Never looks at
//! other activities; the world merges them.

mod agenda;
mod place;

pub(super) use agenda::Agenda;

use super::clock::{AppClock, Arrivals, DayFactor};
use super::draw::Draw;
use super::flaws::Flaws;
use super::numbers::{Phone, PhoneSet, caller};
use super::plan::{Activity, Contact, Crew, Gap, Outage, Pace, Source};
use super::truth::History;
use super::{Delivery, SimulatedCall};
use crate::engine::time::{LocalClock, SECOND_MS, Timestamp};

/// Between the end of a call and the next on the same line, at least: no two share a second.
const LINE_REST_MS: i64 = SECOND_MS;
/// Work that finds no line for this long is dropped: the list is called on another day.
const WAIT_MAX_MS: i64 = 10 * 60 * SECOND_MS;
/// A line that finds nobody to call looks again after this.
const IDLE_MS: i64 = 60 * SECOND_MS;
/// An answered call may wait this long for an agent of a dialer (16 CFR 310.4(b)(4) allows two seconds).
const AGENT_WAIT_MS: i64 = 1_500;
/// How long an agent writes after a call of a dialer.
const WRAP_UP_MS: i64 = 5 * SECOND_MS;
/// Lines begin work within this time of each other.
const STAGGER_MS: u32 = 90_000;
/// Variation of the willingness to answer from hour to hour.
const MOOD_CV: f64 = 0.12;

/// What holds for all activities of an app.
#[derive(Clone)]
pub(super) struct Conditions {
    /// Where it works.
    pub(super) zone: Option<LocalClock>,
    /// Nothing is done again from here on.
    pub(super) end: Timestamp,
    /// No abuse before this.
    pub(super) abuse_from: Timestamp,
    /// How its records travel.
    pub(super) delivery: Delivery,
    /// When they are held up.
    pub(super) outage: Option<Outage>,
    /// What they lack.
    pub(super) flaws: Flaws,
}

/// A callee to be called (again) at `due_ms`.
struct Turn {
    due_ms: i64,
    contact: usize,
    callee: Phone,
    /// Calls before this one in a row.
    attempt: u32,
    line: u32,
    day: u32,
    /// The calls before this one; none for a first call.
    history: Option<Box<History>>,
}

/// What makes the stream dial.
enum Dialer {
    Arrivals { arrivals: Arrivals, next_ms: Option<i64> },
    Lines { turns: Agenda<u32>, gap: Gap, day: DayFactor },
}

#[derive(Clone, Copy, Default)]
struct Line {
    free_ms: i64,
    start_ms: i64,
    placed: u32,
    /// Whether somebody answered the last call.
    talked: bool,
}

/// Where a contact stands in its source.
#[derive(Clone, Copy, Default)]
struct Cursor {
    day: u32,
    used: u32,
}

/// One activity being carried out.
pub(super) struct Stream {
    app: u32,
    id_key: u64,
    work: Activity,
    conditions: Conditions,
    draw: Draw,
    clock: AppClock,
    dialer: Dialer,
    lines: Vec<Line>,
    agents: Vec<i64>,
    cursors: Vec<Cursor>,
    again: Agenda<Turn>,
    /// People no new call goes to: they asked for that, or are being followed already.
    spared: PhoneSet,
    mood: (i64, f64),
    outbox: Agenda<SimulatedCall>,
    /// No later call starts before this.
    now_ms: i64,
    placed: u64,
    over: bool,
}

impl Stream {
    /// The activity `work` of `app`, with chance of its own from `draw`.
    pub(super) fn new(app: u32, work: Activity, conditions: Conditions, mut draw: Draw) -> Self {
        let clock = AppClock::new(conditions.zone.clone());
        let dialer = match work.pace {
            Pace::Arrivals { per_hour, day_cv, bin_cv } => {
                Dialer::Arrivals { arrivals: Arrivals::new(work.from, per_hour, day_cv, bin_cv), next_ms: None }
            }
            Pace::Lines { gap, day_cv } => {
                let mut turns = Agenda::new();
                for line in 0..work.lines {
                    turns.add(work.from.millis() + i64::from(draw.below(STAGGER_MS)), u64::from(line), line);
                }
                Dialer::Lines { turns, gap, day: DayFactor::new(day_cv) }
            }
        };
        let agents = if let Crew::Shared(agents) = work.crew { vec![0; agents as usize] } else { Vec::new() };
        let mut stream = Self {
            app,
            id_key: draw.bits(),
            conditions,
            clock,
            dialer,
            lines: vec![Line::default(); work.lines as usize],
            agents,
            cursors: vec![Cursor::default(); work.contacts.len()],
            again: Agenda::new(),
            spared: PhoneSet::default(),
            mood: (i64::MIN, 1.0),
            outbox: Agenda::new(),
            now_ms: work.from.millis(),
            placed: 0,
            over: false,
            work,
            draw,
        };
        stream.arrive();
        stream
    }

    /// When the next record arrives; `None` when there are no more.
    pub(super) fn next_arrival_ms(&mut self) -> Option<i64> {
        loop {
            match self.outbox.next_ms() {
                Some(at_ms) if self.over || at_ms <= self.now_ms => return Some(at_ms),
                None if self.over => return None,
                _ => self.step(),
            }
        }
    }

    #[cfg(test)]
    pub(super) fn held_at_most(&self) -> usize {
        self.again.held_at_most() + self.outbox.held_at_most()
    }

    /// The record [`Self::next_arrival_ms`] spoke of.
    pub(super) fn take(&mut self) -> Option<SimulatedCall> {
        self.outbox.take()
    }

    /// Does whatever is due next.
    fn step(&mut self) {
        let end_ms = self.work.to.millis();
        let again_ms = self.again.next_ms().filter(|due_ms| *due_ms < end_ms);
        match &self.dialer {
            Dialer::Arrivals { next_ms, .. } => match (*next_ms, again_ms) {
                (Some(new_ms), due) if due.is_none_or(|due_ms| new_ms <= due_ms) => {
                    self.now_ms = new_ms;
                    self.place_new(new_ms, None);
                    self.arrive();
                }
                (_, Some(due_ms)) => {
                    self.now_ms = due_ms;
                    self.place_again(due_ms, None);
                }
                _ => self.over = true,
            },
            Dialer::Lines { turns, .. } => match turns.next_ms() {
                Some(turn_ms) if turn_ms < end_ms => self.turn(turn_ms),
                _ => self.over = true,
            },
        }
    }

    fn arrive(&mut self) {
        let Dialer::Arrivals { arrivals, next_ms } = &mut self.dialer else { return };
        let work = &mut self.work;
        loop {
            *next_ms = arrivals.next(work.to, &work.week, &work.events, &mut self.clock, &mut self.draw);
            match work.every_ms.filter(|every_ms| next_ms.is_none() && work.from.plus_millis(*every_ms) < self.conditions.end) {
                None => return,
                Some(every_ms) => {
                    work.from = work.from.plus_millis(every_ms);
                    work.to = work.to.plus_millis(every_ms).min(self.conditions.end);
                    arrivals.resume(work.from);
                }
            }
        }
    }

    /// A line dials, or learns that it is closed.
    fn turn(&mut self, at_ms: i64) {
        let Dialer::Lines { turns, gap, day } = &mut self.dialer else { return };
        let Some(line) = turns.take() else { return };
        self.now_ms = at_ms;
        let gap = *gap;
        let level = self.clock.level(&self.work.week, at_ms);
        let factor = if level > 0.0 { day.on(self.clock.local(at_ms).day, &mut self.draw) } else { 0.0 };
        let works = level > 0.0 && f64::from(line) < (f64::from(self.work.lines) * level * factor).max(1.0);
        let next_ms = if !works {
            AppClock::next_hour(at_ms) + i64::from(self.draw.below(STAGGER_MS))
        } else {
            let due = self.again.next_ms().is_some_and(|due_ms| due_ms <= at_ms);
            let placed = if due { self.place_again(at_ms, Some(line)) } else { self.place_new(at_ms, Some(line)) };
            match placed {
                Some((start_ms, end_ms)) => self.after(gap, start_ms, end_ms, self.lines[line as usize].talked),
                None if due => at_ms,
                None => at_ms + IDLE_MS,
            }
        };
        if let Dialer::Lines { turns, .. } = &mut self.dialer {
            turns.add(next_ms, u64::from(line), line);
        }
    }

    /// When a line that was busy from `start_ms` to `end_ms` dials again.
    fn after(&mut self, gap: Gap, start_ms: i64, end_ms: i64, talked: bool) -> i64 {
        let ms = |seconds: f64| (seconds * SECOND_MS as f64) as i64;
        let earliest_ms = end_ms + LINE_REST_MS;
        let wanted_ms = match gap {
            Gap::Fixed { gap_s } => end_ms + ms(gap_s),
            Gap::Beat { period_s } => {
                let period_ms = ms(period_s).max(1);
                start_ms + (earliest_ms - start_ms + period_ms - 1) / period_ms * period_ms
            }
            Gap::Random(span) => end_ms + ms(self.draw.within(span)),
            Gap::Progressive { pause_s, .. } if !talked => end_ms + ms(self.draw.within(pause_s)),
            Gap::Progressive { pause_s, wrap_up_s, wrap_up_cv, break_share, break_s } => {
                let break_s = if self.draw.chance(break_share) { self.draw.within(break_s) } else { 0.0 };
                let person_s = wrap_up_s * self.draw.gamma_factor(wrap_up_cv) + break_s;
                end_ms + ms(person_s + self.draw.within(pause_s))
            }
            Gap::Person { wrap_up_s, break_share, break_s } => {
                let pause_s = if self.draw.chance(break_share) { self.draw.within(break_s) } else { 0.0 };
                end_ms + ms(wrap_up_s * self.draw.gamma_factor(0.15) + pause_s)
            }
        };
        wanted_ms.max(earliest_ms)
    }

    /// Calls somebody new, if there is somebody and a line. Returns start and end.
    fn place_new(&mut self, at_ms: i64, line: Option<u32>) -> Option<(i64, i64)> {
        let contact = self.pick_contact(at_ms);
        let day = self.clock.local(at_ms).day;
        let callee = self.next_callee(contact, day)?;
        let line = line.unwrap_or_else(|| self.free_line(at_ms));
        self.place(Turn { due_ms: at_ms, contact, callee, attempt: 0, line, day, history: None })
    }

    /// Calls the first callee who is due once more.
    fn place_again(&mut self, at_ms: i64, line: Option<u32>) -> Option<(i64, i64)> {
        let mut turn = self.again.take()?;
        let follow = self.work.contacts[turn.contact].follow?;
        if !follow.insists && self.clock.local(at_ms).day != turn.day {
            return None;
        }
        turn.due_ms = at_ms;
        turn.line = match line {
            Some(line) => line,
            None if follow.same_number => turn.line,
            None => self.free_line(at_ms),
        };
        self.place(turn)
    }

    fn pick_contact(&mut self, at_ms: i64) -> usize {
        let contacts = &self.work.contacts;
        if contacts.len() == 1 {
            return 0;
        }
        let quiet = at_ms < self.conditions.abuse_from.millis();
        let weight = |contact: &Contact| if quiet && !contact.breaks.is_empty() { 0.0 } else { contact.weight };
        let total: f64 = contacts.iter().map(weight).sum();
        let mut left = self.draw.unit() * total;
        contacts
            .iter()
            .position(|contact| {
                left -= weight(contact);
                left < 0.0
            })
            .unwrap_or(contacts.len() - 1)
    }

    fn next_callee(&mut self, contact: usize, day: u32) -> Option<Phone> {
        let cursor = &mut self.cursors[contact];
        loop {
            let callee = match &self.work.contacts[contact].source {
                Source::Book { people, first, slice, every_days } => {
                    if cursor.day != day {
                        *cursor = Cursor { day, used: 0 };
                    }
                    if cursor.used >= *slice {
                        return None;
                    }
                    people.at(first + day % every_days * slice + cursor.used)
                }
                Source::Fresh { people, first } => people.at(first + cursor.used),
                Source::Walked(walk) => walk.at(cursor.used),
            };
            cursor.used += 1;
            if self.spared.is_empty() || !self.spared.contains(&callee) {
                return Some(callee);
            }
        }
    }

    /// The first free line from a random one on, or the one that is free first.
    fn free_line(&mut self, at_ms: i64) -> u32 {
        let count = self.lines.len();
        let from = self.draw.below(count as u32) as usize;
        let order = (from..count).chain(0..from);
        let mut first = from;
        for line in order {
            if self.lines[line].free_ms < at_ms {
                return line as u32;
            }
            if self.lines[line].free_ms < self.lines[first].free_ms {
                first = line;
            }
        }
        first as u32
    }

    fn caller_on(&self, line: u32) -> Phone {
        let callers = &self.work.callers;
        let turn = self.lines[line as usize].placed.checked_div(callers.change_after).unwrap_or(0);
        let number = (turn * self.work.lines + line) / callers.lines_per_number.max(1);
        caller(self.app, callers.first + number % callers.count.max(1))
    }
}
