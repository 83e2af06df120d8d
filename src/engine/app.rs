//! One app in a shard: what it filed, what it remembers, what its rules and its alert book hold.
//!
//! Everything about an app is in here and nowhere else, so that its state can be saved, moved and judged alone. How much of it waits in
//! the shard, and whether it has changed, is the shard's to know: that lies in its seat.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::alert::Alert;
use super::alert::book::{Book, Desk, Letterhead};
use super::alert::ledger::Ledger;
use super::detector::{Found, Judged, Mode, Observed, RuleName, RuleParams, RuleStates};
use super::memory::{Memory, MemorySnapshot, Profile};
use super::number::Number;
use super::overlaps::Overlap;
use super::policy::Policy;
use super::record::{Call, Elsewhere, Feedback, Position, Registration};
use super::shard::Effects;
use super::terms::{self, Terms};
use super::time::{LocalTime, Minute};
use super::waiting::AppSlot;

/// Rules whose alerts say nothing about how many calls an app makes, and may be open for weeks: its week is learned on.
const BESIDE_THE_WEEK: [RuleName; 2] = [RuleName::FeedHealth, RuleName::Resale];

/// About how long the durable form is: of an app without callees, and of a callee, in bytes.
const SMALL_BYTES: usize = 4_096;
const PAIR_BYTES: usize = 20;

/// One app.
#[derive(Clone)]
pub struct App {
    id: Box<str>,
    registration: Option<Registration>,
    profile: Profile,
    terms: Option<Arc<Terms>>,
    memory: Memory,
    rules: RuleStates,
    book: Book,
    shadow_book: Book,
    ledger: Arc<Ledger>,
    calls_judged: u64,
    calls_flooded: u64,
    first_call: Option<Position>,
    last_judged: Minute,
}

impl App {
    /// An app never heard of before.
    pub fn new(id: &str, policy: &Policy, seed: u64) -> Self {
        Self {
            id: id.into(),
            registration: None,
            profile: Profile::new(None, &policy.clock, policy.channels_per_number),
            terms: Terms::of(id, None, policy),
            memory: Memory::new(seed),
            rules: RuleStates::default(),
            book: Book::default(),
            shadow_book: Book::default(),
            ledger: Arc::default(),
            calls_judged: 0,
            calls_flooded: 0,
            first_call: None,
            last_judged: Minute::default(),
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it remembers.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// What it filed.
    pub fn registration(&self) -> Option<&Registration> {
        self.registration.as_ref()
    }

    /// What it filed, as the rules see it.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Its alerts.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// What was recorded against it.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// The limits it is judged by.
    pub fn limits<'a>(&'a self, policy: &'a Policy) -> &'a RuleParams {
        terms::rules(self.terms.as_deref(), policy)
    }

    /// What of the policy holds for it alone.
    pub fn terms(&self) -> Option<&Arc<Terms>> {
        self.terms.as_ref()
    }

    /// Calls judged, ever.
    pub fn calls_judged(&self) -> u64 {
        self.calls_judged
    }

    /// The last minute judged.
    pub fn last_judged(&self) -> Minute {
        self.last_judged
    }

    /// Where the first of its calls stands; `None` if it has none.
    pub fn first_call(&self) -> Option<Position> {
        self.first_call
    }

    /// Notes that the first of its calls that came stands at `position`.
    pub fn called_first(&mut self, position: Position) {
        self.first_call = Some(position);
    }

    /// Notes that a call of it was turned away at the bound.
    pub fn flooded(&mut self) {
        self.calls_flooded += 1;
    }

    /// Takes in that it was met elsewhere too.
    pub fn locate(&mut self, elsewhere: &Elsewhere, policy: &Policy) {
        self.rules.locate(terms::rules(self.terms.as_deref(), policy), elsewhere);
    }

    /// Takes in that another app called the same people.
    pub fn meet(&mut self, overlap: &Overlap, policy: &Policy) {
        self.rules.meet(terms::rules(self.terms.as_deref(), policy), overlap);
    }

    /// Takes in what it filed.
    pub fn register(&mut self, registration: &Registration, policy: &Policy) {
        self.registration = Some(registration.clone());
        self.adopt(policy);
    }

    /// Is judged by another policy from now on. What it filed is read anew; what it remembers and its alerts are kept.
    pub fn adopt(&mut self, policy: &Policy) {
        self.profile = Profile::new(self.registration.as_ref(), &policy.clock, policy.channels_per_number);
        self.terms = Terms::of(&self.id, self.registration.as_ref(), policy);
    }

    /// Whether time alone can change its alerts, or open one.
    pub fn is_waiting(&self, policy: &Policy) -> bool {
        self.book.is_waiting() || self.shadow_book.is_waiting() || self.rules.is_waiting(self.limits(policy))
    }

    /// Judges a closed minute: its feedback and calls in order, then the minute itself, then the book.
    pub fn judge(
        &mut self,
        minute: Minute,
        calls: &[(AppSlot, Call)],
        feedback: &[(AppSlot, Feedback)],
        policy: &Policy,
        found: &mut Found,
        effects: &mut Effects,
    ) {
        let offset_s = self.profile.clock.offset_s(minute.start());
        let mut feedback = feedback.iter().map(|(_, feedback)| feedback).peekable();
        for (_, call) in calls {
            while let Some(earlier) = feedback.next_if(|feedback| feedback.at <= call.end) {
                self.heed(earlier, policy, found);
            }
            self.observe(call, minute, offset_s, policy, found);
        }
        for rest in feedback {
            self.heed(rest, policy, found);
        }
        let local_end = LocalTime::new(minute.end().seconds(), offset_s);
        let placed = calls.iter().filter(|(_, call)| call.is_attempt()).count() as u32;
        let frozen = self.book.is_firing(|rule| !BESIDE_THE_WEEK.contains(&rule));
        self.memory.advance(minute, placed, offset_s, frozen);
        let callers = callers_of(calls, found.spare());
        let judged =
            Judged { minute, placed, callers: &callers, memory: &self.memory, profile: &self.profile, local_end, offset_s };
        self.rules.judge(terms::rules(self.terms.as_deref(), policy), &judged, found);
        found.give_back(callers);
        self.calls_judged += calls.len() as u64;
        self.last_judged = minute;
        self.enter(minute, policy, found, effects);
    }

    fn heed(&mut self, feedback: &Feedback, policy: &Policy, found: &mut Found) {
        self.memory.note_feedback(feedback);
        self.rules.heed(terms::rules(self.terms.as_deref(), policy), feedback, &self.memory, found);
    }

    fn observe(&mut self, call: &Call, minute: Minute, offset_s: i32, policy: &Policy, found: &mut Found) {
        let bounds = policy.bounds.memory;
        let contact = self.memory.meet(call, bounds);
        let repeated = call.callee.filter(|_| contact.is_some_and(|contact| !contact.first));
        let observed = Observed {
            call,
            contact,
            repeats: repeated.map_or(&[], |callee| self.memory.repeats.of(callee)),
            memory: &self.memory,
            profile: &self.profile,
            local_start: LocalTime::new(call.start.seconds(), offset_s),
        };
        self.rules.observe(terms::rules(self.terms.as_deref(), policy), &observed, found);
        self.memory.take_in(call, contact, minute, bounds, self.profile.seats.is_some());
    }

    /// Enters what was found in the judged minute, and closes what was not.
    fn enter(&mut self, minute: Minute, policy: &Policy, found: &mut Found, effects: &mut Effects) {
        if found.is_empty() && !self.book.is_waiting() && !self.shadow_book.is_waiting() {
            return;
        }
        let now = minute.end();
        let (terms, completeness, faded) = (self.terms.as_deref(), self.completeness(), self.memory.pairs.faded());
        let letterhead = Letterhead { policy, terms, app_id: &self.id, now, completeness, faded };
        let mut sent = Desk { alerts: &mut effects.alerts, ledger: Some(&mut self.ledger) };
        let mut shadowed = Desk { alerts: &mut effects.shadowed, ledger: None };
        for (rule, finding) in found.drain_one_a_subject() {
            match letterhead.standing(rule).mode() {
                Mode::Shadow => self.shadow_book.enter(&letterhead, rule, finding, &mut shadowed),
                _ => self.book.enter(&letterhead, rule, finding, &mut sent),
            }
        }
        self.book.settle(&letterhead, Mode::On, &mut sent);
        self.shadow_book.settle(&letterhead, Mode::Shadow, &mut shadowed);
    }

    /// The share of its calls and callees that no bound has cut off.
    fn completeness(&self) -> f64 {
        let share = |kept: u64, lost: u64| if lost == 0 { 1.0 } else { kept as f64 / (kept + lost) as f64 };
        let calls = share(self.calls_judged, self.calls_flooded);
        calls.min(share(self.memory.pairs.len() as u64, self.memory.pairs.evicted()))
    }

    /// Its open alerts as they would be sent now.
    pub fn open_alerts(&self, policy: &Policy) -> Vec<Alert> {
        let (terms, now) = (self.terms.as_deref(), self.last_judged.end());
        let (completeness, faded) = (self.completeness(), self.memory.pairs.faded());
        self.book.open_alerts(&Letterhead { policy, terms, app_id: &self.id, now, completeness, faded })
    }

    /// What its alerts have said so far.
    pub fn said(&self) -> Said {
        Said { app_id: self.id.clone(), book: self.book.clone(), ledger: self.ledger.as_ref().clone() }
    }

    /// Makes its alerts those that were `said`, if they say otherwise. Returns whether they did.
    pub fn stand_by(&mut self, said: &Said) -> bool {
        let differs = !self.book.has_said_as(&said.book) || *self.ledger != said.ledger;
        if differs {
            self.book = said.book.clone();
            self.ledger = Arc::new(said.ledger.clone());
        }
        differs
    }

    /// The durable form, together with what waits for it in the shard, as bytes.
    ///
    /// # Panics
    /// If it cannot be serialized: a mistake in its type, whatever its values.
    pub fn bytes(&self, mut waiting: Waiting) -> Box<[u8]> {
        waiting.calls.sort_unstable_by(|call, other| call.end.cmp(&other.end).then_with(|| call.id.cmp(&other.id)));
        let about = SMALL_BYTES + self.memory.pairs.len() * PAIR_BYTES + waiting.calls.len() * size_of::<Call>();
        match postcard::to_extend(&self.snapshot(waiting), Vec::with_capacity(about)) {
            Ok(bytes) => bytes.into(),
            Err(error) => panic!("an app has no durable form: {error}"),
        }
    }

    fn snapshot(&self, waiting: Waiting) -> AppSnapshot<'_> {
        AppSnapshot {
            id: Cow::Borrowed(&self.id),
            registration: self.registration.as_ref().map(Cow::Borrowed),
            memory: self.memory.snapshot(),
            rules: Cow::Borrowed(&self.rules),
            book: Cow::Borrowed(&self.book),
            shadow_book: Cow::Borrowed(&self.shadow_book),
            ledger: Cow::Borrowed(&self.ledger),
            calls_judged: self.calls_judged,
            calls_flooded: self.calls_flooded,
            first_call: self.first_call,
            last_judged: self.last_judged,
            waiting,
        }
    }

    /// Back from the durable form, and what is to wait for it in the shard.
    pub fn restore(snapshot: AppSnapshot<'_>, policy: &Policy, seed: u64) -> (Self, Waiting) {
        let registration = snapshot.registration.map(Cow::into_owned);
        let app = Self {
            profile: Profile::new(registration.as_ref(), &policy.clock, policy.channels_per_number),
            terms: Terms::of(&snapshot.id, registration.as_ref(), policy),
            id: snapshot.id.into(),
            registration,
            memory: Memory::restore(snapshot.memory, seed),
            rules: snapshot.rules.into_owned(),
            book: snapshot.book.into_owned(),
            shadow_book: snapshot.shadow_book.into_owned(),
            ledger: Arc::new(snapshot.ledger.into_owned()),
            calls_judged: snapshot.calls_judged,
            calls_flooded: snapshot.calls_flooded,
            first_call: snapshot.first_call,
            last_judged: snapshot.last_judged,
        };
        (app, snapshot.waiting)
    }

    /// Back from [`App::bytes`], where nothing waited for it.
    pub fn from_bytes(bytes: &[u8], policy: &Policy, seed: u64) -> Self {
        Self::restore(AppSnapshot::of(bytes), policy, seed).0
    }
}

/// What the alerts of an app have said: it stands, whoever judges the same calls again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    app_id: Box<str>,
    book: Book,
    ledger: Ledger,
}

impl Said {
    /// The app's id.
    pub fn app_id(&self) -> &str {
        &self.app_id
    }
}

/// The records of an app that wait for their minute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// Calls.
    pub calls: Vec<Call>,
    /// Feedback, with the minute it waits for.
    pub feedback: Vec<(Minute, Feedback)>,
}

/// The state of an app.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppSnapshot<'a> {
    id: Cow<'a, str>,
    registration: Option<Cow<'a, Registration>>,
    memory: MemorySnapshot<'a>,
    rules: Cow<'a, RuleStates>,
    book: Cow<'a, Book>,
    shadow_book: Cow<'a, Book>,
    ledger: Cow<'a, Ledger>,
    calls_judged: u64,
    calls_flooded: u64,
    first_call: Option<Position>,
    last_judged: Minute,
    waiting: Waiting,
}

impl AppSnapshot<'_> {
    /// The app's id.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl AppSnapshot<'static> {
    /// What [`App::bytes`] of this process says.
    ///
    /// # Panics
    /// If these bytes are not such.
    pub fn of(bytes: &[u8]) -> Self {
        match postcard::from_bytes(bytes) {
            Ok(snapshot) => snapshot,
            Err(error) => panic!("an app does not come back from its durable form: {error}"),
        }
    }
}

/// The caller numbers of a minute's outbound calls, each once, in order; in a list whose memory is used again.
fn callers_of(calls: &[(AppSlot, Call)], mut callers: Vec<Number>) -> Vec<Number> {
    callers.clear();
    callers.extend(calls.iter().filter(|(_, call)| call.is_attempt()).filter_map(|(_, call)| call.caller));
    callers.sort_unstable();
    callers.dedup();
    callers
}
