//! What an app remembers: all its windows, filled from its calls, read by the rules.
//!
//! A call enters in two steps: [`Memory::meet`] before the rules judge it (who is this callee to the app?), and
//! [`Memory::take_in`] after (what did the call say?). Nothing here accuses anybody.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::number::Number;
use super::record::{Call, Direction, Feedback, Outcome, Registration};
use super::region::RegionSet;
use super::time::{DAY_S, HOUR_S, LocalClock, Minute, Timestamp};
use super::window::baseline::Baseline;
use super::window::concurrency::Concurrency;
use super::window::habits::Habits;
use super::window::line::Line;
use super::window::pairs::{Contact, Pairs, PairsSnapshot};
use super::window::panes::{Count, Sliding, Span};
use super::window::recent::Recent;
use super::window::refusals::{Refusals, RefusalsSnapshot};
use super::window::repeats::{Repeats, RepeatsSnapshot};
use super::window::sketch::DayCallees;
use super::window::talk::TalkLengths;
use super::window::tally::Tally;
use super::window::walk::NumberWalk;
use super::window::{Map, evict_oldest, keyed_map, sorted};

/// What an app filed and what the policy makes of it. Rules read it; they never see the registration itself.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Where its callees live.
    pub clock: LocalClock,
    /// Since when it is known: its registration, or its first call.
    pub since: Option<Timestamp>,
    /// Agents it may have signed in, if filed.
    pub seats: Option<u32>,
    /// The caller numbers it filed with their channels, by number; empty if none were filed.
    pub filed: Vec<(Number, u32)>,
    /// The business it filed, in its own words: scene and industry, as far as they say anything.
    pub business: Vec<String>,
    /// The provinces it filed that it calls.
    pub regions: RegionSet,
    /// It declared that it plays voice notifications.
    pub notifies: bool,
    /// It declared a predictive or progressive dialer.
    pub predictive: bool,
}

impl Profile {
    /// The profile of an app, from what it filed (if it did) and what the policy assumes of everybody.
    pub fn new(registration: Option<&Registration>, clock: &LocalClock, channels_per_number: u32) -> Self {
        let declares = |words: &[&str]| {
            registration.is_some_and(|filed| filed.declared_use.iter().any(|declared| words.contains(&declared.as_str())))
        };
        let mut filed: Vec<(Number, u32)> = registration
            .iter()
            .flat_map(|registration| &registration.callers)
            .map(|caller| (caller.number, caller.channels.unwrap_or(channels_per_number)))
            .collect();
        filed.sort_unstable();
        Self {
            clock: registration
                .and_then(|filed| filed.timezone.as_deref())
                .and_then(LocalClock::named)
                .unwrap_or_else(|| clock.clone()),
            since: registration.and_then(|filed| filed.since),
            seats: registration.and_then(|filed| filed.seats),
            filed,
            business: registration
                .iter()
                .flat_map(|filed| [&filed.scene, &filed.industry])
                .filter(|text| text.contains(char::is_alphanumeric))
                .cloned()
                .collect(),
            regions: RegionSet::named(registration.iter().flat_map(|filed| &filed.regions).map(String::as_str)),
            notifies: declares(&["voice_notification"]),
            predictive: declares(&["predictive_dialer", "progressive_dialer"]),
        }
    }

    /// The channels filed for a caller number.
    pub fn channels(&self, number: Number) -> Option<u32> {
        self.filed.binary_search_by_key(&number, |(filed, _)| *filed).ok().map(|at| self.filed[at].1)
    }
}

/// Bounds of one app's memory. At a bound the oldest goes, and is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryBounds {
    /// Callees remembered.
    pub callees: usize,
    /// Caller numbers remembered.
    pub callers: usize,
}

/// A caller number not used for this long is new again: seven days.
const CALLER_MEMORY_S: u32 = 7 * DAY_S;

/// What is remembered of one caller number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CallerMemory {
    /// How its calls of the last day ended, by the hour.
    pub day: Sliding<Tally>,
    /// Its last calls in time.
    pub line: Line,
    /// How it is used.
    pub habits: Habits,
    /// Start of its first call, in Unix seconds.
    pub first_s: u32,
    /// Start of its latest call, in Unix seconds.
    pub last_s: u32,
    /// Calls it ever placed.
    pub calls: u32,
}

/// Everything an app remembers.
#[derive(Clone, Debug)]
pub struct Memory {
    /// How its calls of the last hour ended.
    pub hour: Sliding<Tally>,
    /// How its calls of the last day ended.
    pub day: Sliding<Tally>,
    /// The same for calls to fresh callees only.
    pub day_first: Sliding<Tally>,
    /// The same over fourteen days.
    pub fortnight_first: Sliding<Tally>,
    /// How many of its calls of the last week were answered.
    pub answered: Sliding<Count>,
    /// Its callees.
    pub pairs: Pairs,
    /// Its callees of the day, in little.
    pub day_callees: DayCallees,
    /// Its callees called more than once in a day.
    pub repeats: Repeats,
    /// Its callees who refused.
    pub refusals: Refusals,
    /// Its last calls.
    pub recent: Recent,
    /// Its last first contacts, as numbers.
    pub walk: NumberWalk,
    /// How many of them there ever were.
    pub first_contacts: u64,
    /// Its last talk lengths.
    pub talks: TalkLengths,
    /// Its calls in progress.
    pub concurrency: Concurrency,
    /// Its own week.
    pub baseline: Baseline,
    callers: Map<Number, Box<CallerMemory>>,
    /// Caller numbers forgotten because of the cap.
    pub callers_evicted: u64,
    swept_hour: u32,
}

impl Memory {
    /// Empty, with hashes keyed by `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            hour: Sliding::default(),
            day: Sliding::default(),
            day_first: Sliding::default(),
            fortnight_first: Sliding::default(),
            answered: Sliding::default(),
            pairs: Pairs::new(seed),
            day_callees: DayCallees::default(),
            repeats: Repeats::new(seed),
            refusals: Refusals::new(seed),
            recent: Recent::default(),
            walk: NumberWalk::default(),
            first_contacts: 0,
            talks: TalkLengths::default(),
            concurrency: Concurrency::default(),
            baseline: Baseline::default(),
            callers: keyed_map(seed),
            callers_evicted: 0,
            swept_hour: 0,
        }
    }

    /// Who the callee of a call is to the app, before the call is judged.
    pub fn meet(&mut self, call: &Call, bounds: MemoryBounds) -> Option<Contact> {
        let callee = call.callee.filter(|_| call.is_attempt())?;
        self.day_callees.push(call.end.minute().day(), callee);
        let contact = self.pairs.called(callee, call.start.seconds(), bounds.callees);
        let (recent, refusals) = (&self.recent, &self.refusals);
        let find = |start_s| recent.find(callee, start_s).or_else(|| refusals.find(callee, start_s).cloned());
        self.repeats.called(call, callee, contact.previous_s, find);
        Some(contact)
    }

    /// What a call said, after it was judged. `keep_concurrency` if somebody asks for calls in progress.
    pub fn take_in(
        &mut self,
        call: &Call,
        contact: Option<Contact>,
        minute: Minute,
        bounds: MemoryBounds,
        keep_concurrency: bool,
    ) {
        self.refusals.note_call(call);
        match call.direction {
            Direction::Outbound => self.take_in_outbound(call, contact, minute, bounds, keep_concurrency),
            Direction::Inbound => {
                if let Some(person) = call.person() {
                    self.pairs.called_back(person, call.end.seconds(), bounds.callees);
                }
            }
            Direction::Internal => {}
        }
    }

    fn take_in_outbound(
        &mut self,
        call: &Call,
        contact: Option<Contact>,
        minute: Minute,
        bounds: MemoryBounds,
        keep_concurrency: bool,
    ) {
        let fresh = contact.is_some_and(|contact| contact.fresh);
        let tally = Tally::of(call, fresh);
        self.hour.add(Span::HOUR, minute, &tally);
        self.day.add(Span::DAY, minute, &tally);
        if contact.is_some_and(|contact| contact.first) {
            self.day_first.add(Span::DAY, minute, &tally);
            self.fortnight_first.add(Span::FORTNIGHT, minute, &tally);
        }
        if call.outcome == Outcome::Answered {
            self.answered.add(Span::WEEK, minute, &Count(1));
        }
        self.recent.push(call, fresh);
        if let Some(talk_s) = call.talk_s() {
            self.talks.push(talk_s);
        }
        if contact.is_some_and(|contact| contact.first)
            && let Some(callee) = call.callee
            // Nobody is met for the first time twice in a day, unless forgotten meanwhile.
            && !(self.pairs.evicted() > 0 && self.walk.holds(callee))
            && self.walk.push(call.start.seconds(), callee)
        {
            self.first_contacts += 1;
        }
        if !call.is_attempt() {
            return;
        }
        let (start_s, end_s) = (call.start.seconds(), call.end.seconds());
        if keep_concurrency {
            self.concurrency.add(start_s, end_s);
        }
        if let Some(number) = call.caller {
            let caller = self.caller_entry(number, bounds);
            if start_s.saturating_sub(caller.last_s) > CALLER_MEMORY_S {
                *caller = CallerMemory { first_s: start_s, ..CallerMemory::default() };
            }
            caller.day.add(Span::DAY_COARSE, minute, &tally);
            caller.line.push(start_s, end_s);
            caller.habits.push(call);
            caller.first_s = caller.first_s.min(start_s);
            caller.last_s = caller.last_s.max(start_s);
            caller.calls = caller.calls.saturating_add(1);
        }
    }

    fn caller_entry(&mut self, number: Number, bounds: MemoryBounds) -> &mut CallerMemory {
        if self.callers.len() >= bounds.callers.max(8) && !self.callers.contains_key(&number) {
            // More than an eighth only where the cap has become smaller.
            let excess = self.callers.len() - bounds.callers.max(8);
            let evict = excess + bounds.callers.max(8) / 8;
            self.callers_evicted += evict_oldest(&mut self.callers, evict, |caller| caller.last_s) as u64;
        }
        self.callers.entry(number).or_default()
    }

    /// What a feedback said.
    pub fn note_feedback(&mut self, feedback: &Feedback) {
        self.refusals.note_feedback(feedback);
    }

    /// Lets time pass to the closed `minute`, in which `placed` calls ended. Local time is `offset_s` ahead of UTC. While an
    /// alert is open the baseline is frozen: abuse must not become usual.
    pub fn advance(&mut self, minute: Minute, placed: u32, offset_s: i32, frozen: bool) {
        self.hour.advance(Span::HOUR, minute);
        self.day.advance(Span::DAY, minute);
        self.day_first.advance(Span::DAY, minute);
        self.fortnight_first.advance(Span::FORTNIGHT, minute);
        self.answered.advance(Span::WEEK, minute);
        self.pairs.advance(minute);
        self.repeats.advance(minute);
        self.refusals.advance(minute);
        let now_s = minute.end().seconds();
        self.walk.forget_before(now_s.saturating_sub(DAY_S));
        self.baseline.count(minute.start().seconds(), placed, offset_s, frozen);
        self.concurrency.advance(now_s);
        // By the hour the minute lies in, as the panes of the callers go: each hour's first minute drops the oldest pane.
        let hour = minute.start().seconds() / HOUR_S;
        if hour > self.swept_hour {
            self.swept_hour = hour;
            self.callers.retain(|_, caller| now_s.saturating_sub(caller.last_s) <= CALLER_MEMORY_S);
            for caller in self.callers.values_mut() {
                caller.day.advance(Span::DAY_COARSE, minute);
            }
        }
    }

    /// What is remembered of a caller number.
    pub fn caller(&self, number: Number) -> Option<&CallerMemory> {
        self.callers.get(&number).map(Box::as_ref)
    }

    /// What is remembered of every caller number, by number.
    pub fn callers_by_number(&self) -> impl Iterator<Item = (Number, &CallerMemory)> {
        sorted(&self.callers).into_iter().map(|(number, caller)| (number, caller.as_ref()))
    }

    /// Caller numbers with calls in the last day, and how many of them are spent: at most `calls_max` calls a day since the
    /// first, and none begun in the hour before the app's last call. When all rest, none is laid aside.
    pub fn active_and_spent_callers(&self, calls_max: u32) -> (u32, u32) {
        let now_s = self.callers.values().map(|caller| caller.last_s).max().unwrap_or(0);
        let active = self.callers.values().filter(|caller| caller.day.total().placed > 0);
        active.fold((0, 0), |(active, spent), caller| {
            let days = now_s.saturating_sub(caller.first_s).div_ceil(DAY_S).max(1);
            let is_spent = caller.calls <= calls_max * days && now_s >= caller.last_s + HOUR_S;
            (active + 1, spent + u32::from(is_spent))
        })
    }

    /// Calls placed in the last day from the caller numbers for which `wanted` holds, and from all.
    pub fn placed_by_callers(&self, wanted: impl Fn(Number) -> bool) -> (u32, u32) {
        self.callers.iter().fold((0, 0), |(some, all), (number, caller)| {
            let placed = caller.day.total().placed;
            (some + if wanted(*number) { placed } else { 0 }, all + placed)
        })
    }

    /// The same for those among them that first called at or after `since_s` (Unix seconds).
    pub fn placed_by_new_callers(&self, since_s: u32, wanted: impl Fn(Number) -> bool) -> (u32, u32) {
        let is_new = |number| self.callers.get(&number).is_some_and(|caller| caller.first_s >= since_s);
        self.placed_by_callers(|number| is_new(number) && wanted(number))
    }

    /// The durable form: the same bytes for the same contents.
    pub fn snapshot(&self) -> MemorySnapshot<'_> {
        MemorySnapshot {
            hour: Cow::Borrowed(&self.hour),
            day: Cow::Borrowed(&self.day),
            day_first: Cow::Borrowed(&self.day_first),
            fortnight_first: Cow::Borrowed(&self.fortnight_first),
            answered: Cow::Borrowed(&self.answered),
            pairs: self.pairs.snapshot(),
            day_callees: Cow::Borrowed(&self.day_callees),
            repeats: self.repeats.snapshot(),
            refusals: self.refusals.snapshot(),
            recent: Cow::Borrowed(&self.recent),
            walk: Cow::Borrowed(&self.walk),
            first_contacts: self.first_contacts,
            talks: Cow::Borrowed(&self.talks),
            concurrency: Cow::Borrowed(&self.concurrency),
            baseline: Cow::Borrowed(&self.baseline),
            callers: sorted(&self.callers).into_iter().map(|(number, caller)| (number, Cow::Borrowed(caller.as_ref()))).collect(),
            callers_evicted: self.callers_evicted,
            swept_hour: self.swept_hour,
        }
    }

    /// Back from the durable form.
    pub fn restore(snapshot: MemorySnapshot<'_>, seed: u64) -> Self {
        let mut callers = keyed_map(seed);
        callers.extend(snapshot.callers.into_iter().map(|(number, caller)| (number, Box::new(caller.into_owned()))));
        Self {
            hour: snapshot.hour.into_owned(),
            day: snapshot.day.into_owned(),
            day_first: snapshot.day_first.into_owned(),
            fortnight_first: snapshot.fortnight_first.into_owned(),
            answered: snapshot.answered.into_owned(),
            pairs: Pairs::restore(snapshot.pairs, seed),
            day_callees: snapshot.day_callees.into_owned(),
            repeats: Repeats::restore(snapshot.repeats, seed),
            refusals: Refusals::restore(snapshot.refusals, seed),
            recent: snapshot.recent.into_owned(),
            walk: snapshot.walk.into_owned(),
            first_contacts: snapshot.first_contacts,
            talks: snapshot.talks.into_owned(),
            concurrency: snapshot.concurrency.into_owned(),
            baseline: snapshot.baseline.into_owned(),
            callers,
            callers_evicted: snapshot.callers_evicted,
            swept_hour: snapshot.swept_hour,
        }
    }
}

/// [`Memory`] with every map in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemorySnapshot<'a> {
    hour: Cow<'a, Sliding<Tally>>,
    day: Cow<'a, Sliding<Tally>>,
    day_first: Cow<'a, Sliding<Tally>>,
    fortnight_first: Cow<'a, Sliding<Tally>>,
    answered: Cow<'a, Sliding<Count>>,
    pairs: PairsSnapshot<'a>,
    day_callees: Cow<'a, DayCallees>,
    repeats: RepeatsSnapshot<'a>,
    refusals: RefusalsSnapshot<'a>,
    recent: Cow<'a, Recent>,
    walk: Cow<'a, NumberWalk>,
    first_contacts: u64,
    talks: Cow<'a, TalkLengths>,
    concurrency: Cow<'a, Concurrency>,
    baseline: Cow<'a, Baseline>,
    callers: Vec<(Number, Cow<'a, CallerMemory>)>,
    callers_evicted: u64,
    swept_hour: u32,
}
