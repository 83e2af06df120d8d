//! Labelled traffic: a made-up world of apps, good and bad, whose every call is known to keep or break the rules.
//!
//! A [`World`] is a seed and a size. The same world gives the same bytes, on any machine and at any time: nothing here
//! reads a clock. Traffic streams in bounded memory, in the order in which a consumer would receive it. Families of apps
//! stand in `families/`, one file for each group of behaviours, and in `held_out/` those nobody tunes on; they write plans, streams carry the plans out, and each
//! call is marked with what it breaks when it is placed. Nothing here knows a detector but by name, and no number belongs to anybody.

mod clock;
mod draw;
mod families;
mod family;
mod files;
mod flaws;
mod held_out;
mod numbers;
mod parts;
mod plan;
mod said;
mod shape;
mod stream;
#[cfg(test)]
mod tests;
mod traffic;
mod truth;
mod wire;

pub use family::{Conduct, Families, Family, Intensity, Parameter, Split};
pub use files::{AppLine, CallerLine, FeedbackLine, LABELS_SCHEMA, LabelFile, Outlet, RegistryLine, Summary, send, write_files};
pub use flaws::Flaws;
pub use numbers::{Phone, app_id};
pub use truth::{Breaks, HarmedCallee, Label, Rule};
pub use wire::WireFormat;

use crate::engine::record::{Direction, FeedbackKind, HangupBy, Kind, Outcome};
use crate::engine::time::{DAY_S, SECOND_MS, Timestamp};

/// A made-up world.
#[derive(Clone, Debug)]
pub struct World {
    /// Everything follows from it.
    pub seed: u64,
    /// When it begins.
    pub start: Timestamp,
    /// How many days it lasts.
    pub days: u32,
    /// How many apps it has.
    pub tenants: u32,
    /// What kind of world.
    pub options: Options,
}

/// What kind of world.
#[derive(Clone, Debug)]
pub struct Options {
    /// The share of clean apps among those that are drawn. The first apps of a world go through all families once.
    pub clean_share: f64,
    /// Which families it is drawn from.
    pub families: Families,
    /// Families and their weights, instead of those.
    pub shares: Vec<(&'static Family, f64)>,
    /// How records travel.
    pub delivery: Delivery,
    /// Whatever begins does so within the first so many days, and what happens once happens again every so many days. `None`:
    /// all of it is spread over the whole world, and nothing happens again.
    pub chapter_days: Option<u32>,
    /// Within the first so many days no abuse begins, and nothing else out of the ordinary happens: the apps have a past then.
    /// At least the last day is not quiet.
    pub quiet_days: u32,
    /// What records lack, for every app alike. `None`: those held out from tuning have flaws of [`Flaws::MODEST`], the others none.
    pub flaws: Option<Flaws>,
}

/// How records travel from the platform to whoever consumes them.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// About the longest a record is delayed, in milliseconds (a transport of up to 2 s comes on top); 0 delivers in the order in which calls end.
    pub disorder_ms: u32,
    /// The share of records that come twice, the second within 20 seconds of the first.
    pub duplicates: f64,
    /// The share of records that come 6 to 40 minutes late, beyond any lateness a consumer allows.
    pub late: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clean_share: 0.8,
            families: Families::Usual,
            shares: Vec::new(),
            delivery: Delivery::default(),
            chapter_days: None,
            quiet_days: 0,
            flaws: None,
        }
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self { disorder_ms: 180_000, duplicates: 0.01, late: 0.0 }
    }
}

impl Delivery {
    /// In order of end, once, at once.
    pub const PERFECT: Self = Self { disorder_ms: 0, duplicates: 0.0, late: 0.0 };
}

impl World {
    /// When a world begins unless it says otherwise: Monday, 2026-03-02T00:00:00Z.
    pub const START: Timestamp = Timestamp::from_seconds(1_772_409_600);

    /// A world of the usual kind.
    pub fn new(seed: u64, days: u32, tenants: u32) -> Self {
        Self { seed, start: Self::START, days, tenants, options: Options::default() }
    }

    /// No call starts from here on.
    pub fn end(&self) -> Timestamp {
        self.start.plus_millis(i64::from(self.days) * i64::from(DAY_S) * SECOND_MS)
    }

    /// The days over which what happens is spread.
    fn chapter_days(&self) -> u32 {
        self.options.chapter_days.unwrap_or(self.days).min(self.days)
    }

    /// The days in which no abuse begins.
    fn quiet_days(&self) -> u32 {
        self.options.quiet_days.min(self.chapter_days().saturating_sub(1))
    }

    /// From one time that something happens to the next, in milliseconds; `None` if it happens once.
    fn recurrence_ms(&self) -> Option<i64> {
        self.options.chapter_days.map(|days| i64::from(days.max(1)) * i64::from(DAY_S) * SECOND_MS)
    }
}

/// A call as it was made up: what the record says, and what only the simulation knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulatedCall {
    /// The app's place in the world; [`app_id`] gives its id.
    pub app: u32,
    /// The call's id; written as a UUID.
    pub id: u128,
    /// Who rang whom.
    pub direction: Direction,
    /// What placed it.
    pub kind: Kind,
    /// The number calling.
    pub caller: Phone,
    /// The number called.
    pub callee: Phone,
    /// When it began.
    pub start: Timestamp,
    /// When it rang.
    pub ring: Option<Timestamp>,
    /// When it was answered.
    pub answer: Option<Timestamp>,
    /// When it ended.
    pub end: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// Who ended it.
    pub hangup_by: HangupBy,
    /// The agent, by the app's count.
    pub agent: Option<u32>,
    /// When the record arrives.
    pub arrival: Timestamp,
    /// Whether this record has come before.
    pub copy: bool,
    /// Truth: what this call breaks.
    pub breaks: Breaks,
    /// Truth: when the callee agreed to be called, if that is on file. Before the call.
    pub agreed: Option<Timestamp>,
    /// Truth: what the callee says about it.
    pub voice: Option<Voice>,
}

/// What a callee says about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voice {
    /// Opt-out or complaint.
    pub kind: FeedbackKind,
    /// When it is said, after the call.
    pub at: Timestamp,
    /// Whether it was found true.
    pub verified: bool,
}

/// The families of a usual world, in the order in which its first apps go through them.
pub fn families() -> impl Iterator<Item = &'static Family> {
    Families::Usual.in_turn().into_iter()
}

/// The family of this name.
pub fn family(name: &str) -> Option<&'static Family> {
    Families::All.in_turn().into_iter().find(|family| family.name == name)
}

/// The records of a world in order of arrival; see [`Delivery`] for how that differs from the order of their ends.
pub fn calls(world: &World) -> impl Iterator<Item = SimulatedCall> + use<> {
    traffic::Traffic::new(world)
}

/// What was said about the calls of a world, in order of time. Goes through the whole traffic.
pub fn feedback(world: &World) -> Vec<FeedbackLine> {
    let mut lines: Vec<FeedbackLine> = calls(world).flat_map(|call| FeedbackLine::of(&call)).collect();
    lines.sort_by_key(|line| line.at_ms);
    lines
}

/// The same one by one, for worlds too long to be gone through beforehand. Holds what is said within some hours.
pub fn feedback_as_it_comes(world: &World) -> impl Iterator<Item = FeedbackLine> + use<> {
    said::Said::new(world)
}

/// What the apps of a world filed about themselves. Some never filed anything.
pub fn registrations(world: &World) -> Vec<RegistryLine> {
    traffic::drafts(world).filter_map(|(_, draft)| RegistryLine::of(&draft)).collect()
}

/// What the abusive apps of a world did. Goes through the whole traffic.
pub fn labels(world: &World) -> Vec<Label> {
    let mut labeller = truth::Labeller::default();
    calls(world).for_each(|call| labeller.note(&call));
    files::labels(world, labeller)
}

/// The apps of a world, what family each is of, and what it was made of.
pub fn apps(world: &World) -> Vec<AppLine> {
    traffic::drafts(world).map(|(family, draft)| AppLine::of(family, draft)).collect()
}
