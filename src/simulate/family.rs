//! What a family is, and the sheet an app is drafted on.
//!
//! A family declares its parameters by drawing them: [`Draft::draw`] takes name and range and notes what came out, so the
//! ranges stand where they are used, and the labels can tell what every app was made of.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::World;
use super::draw::{Draw, scatter};
use super::flaws::Flaws;
use super::numbers::{CALLERS_MAX, Lives, People};
use super::plan::{Activity, Callers, Outage, Week};
use super::truth::Rule;
use super::{families, held_out};
use crate::engine::detector::RuleName;
use crate::engine::time::{DAY_S, HOUR_S, LocalClock, LocalTime, SECOND_MS, Timestamp};

/// A kind of app: a name, what it does, what it breaks.
#[derive(Debug)]
pub struct Family {
    /// The name, in labels.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub does: &'static str,
    /// Good or bad.
    pub conduct: Conduct,
    /// Drafts one app of it.
    pub(super) draft: fn(&mut Draft<'_>),
}

/// Whether a family keeps the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// It does. Every alert about it is false.
    Clean,
    /// It does not.
    Abusive {
        /// What every app of it breaks, given time.
        breaks: &'static [RuleName],
        /// What else it may come to break. Where that is a matter of degree, such an alert is neither due nor false.
        may_break: &'static [Rule],
    },
}

/// What a family may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Limits may be tuned on it.
    Tuning,
    /// Nobody who tunes limits looks at it: what is reported stands on it.
    HeldOut,
}

impl Family {
    /// What it may be used for: that follows from where it stands.
    pub fn split(&self) -> Split {
        if held_out::in_turn().any(|family| family.name == self.name) { Split::HeldOut } else { Split::Tuning }
    }
}

/// Which families a world is drawn from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Families {
    /// Those of the demo and the tests; they stay, and so do their worlds.
    #[default]
    Usual,
    /// All that limits may be tuned on: the usual ones, then the further ones.
    Tuning,
    /// Those held back from tuning. Chance is another for them, too: a seed makes other apps than it makes of the others.
    HeldOut,
    /// All of them.
    All,
}

impl Families {
    /// Every choice.
    pub const ALL: [Self; 4] = [Self::Usual, Self::Tuning, Self::HeldOut, Self::All];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Tuning => "tuning",
            Self::HeldOut => "held_out",
            Self::All => "all",
        }
    }

    /// Its families, in the order in which the first apps of a world go through them.
    pub fn in_turn(self) -> Vec<&'static Family> {
        match self {
            Self::Usual => families::in_turn().collect(),
            Self::Tuning => families::in_turn().chain(families::further()).collect(),
            Self::HeldOut => held_out::in_turn().collect(),
            Self::All => Self::Tuning.in_turn().into_iter().chain(held_out::in_turn()).collect(),
        }
    }
}

/// How hard an abusive app tries. A clean one has an intensity too, which nothing depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Intensity {
    /// With care: it takes some hundred calls to tell.
    Mild,
    /// Plainly.
    Medium,
    /// Without shame.
    Strong,
}

impl Intensity {
    /// From the mildest.
    pub const ALL: [Self; 3] = [Self::Mild, Self::Medium, Self::Strong];
}

/// A parameter of an app: its range as the family declares it, and what this app drew.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parameter {
    /// Its name; a unit stands last.
    pub name: &'static str,
    /// The lowest value the family allows at this intensity.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// The value of this app.
    pub value: f64,
}

/// What an app files about itself, besides its callers.
pub(super) struct Filing {
    pub(super) industry: &'static str,
    pub(super) scene: &'static str,
    pub(super) seats: u32,
    pub(super) declared_use: Vec<&'static str>,
    /// An IANA name, only if it is not China's.
    pub(super) timezone: Option<&'static str>,
    /// Where its callees are at home, if it filed that.
    pub(super) regions: Vec<&'static str>,
    pub(super) since: Timestamp,
    /// Its numbers, as far as it filed them.
    pub(super) callers: Vec<Callers>,
    /// Whether it filed anything at all.
    pub(super) registered: bool,
}

/// An app in the making.
pub(super) struct Draft<'w> {
    /// The world it is for.
    pub(super) world: &'w World,
    /// What its chance comes from.
    pub(super) seed: u64,
    /// Its place in the world.
    pub(super) app: u32,
    /// How hard it tries.
    pub(super) intensity: Intensity,
    /// Chance, for what is no parameter.
    pub(super) chance: Draw,
    /// What was drawn.
    pub(super) parameters: Vec<Parameter>,
    /// What it files.
    pub(super) filing: Filing,
    /// What it does.
    pub(super) activities: Vec<Activity>,
    /// When its records are held up.
    pub(super) outage: Option<Outage>,
    /// What its records lack.
    pub(super) flaws: Flaws,
    callers_used: u32,
    people_used: u32,
}

/// The share of apps without special rights that never filed anything.
const UNREGISTERED: f64 = 0.15;
/// The time zone apps live in unless they say otherwise.
pub(super) const HOME_ZONE: &str = "Asia/Shanghai";

impl<'w> Draft<'w> {
    /// An empty sheet.
    pub(super) fn new(world: &'w World, seed: u64, app: u32, stream: u64) -> Self {
        let mut chance = Draw::new(seed, stream);
        let intensity = Intensity::ALL[chance.below(3) as usize];
        let customer_days = chance.between(20.0, 900.0) as i64;
        let filing = Filing {
            industry: "",
            scene: "",
            seats: 0,
            declared_use: vec!["agent_calls"],
            timezone: None,
            regions: Vec::new(),
            since: world.start.plus_millis(-customer_days * i64::from(DAY_S) * SECOND_MS),
            callers: Vec::new(),
            registered: !chance.chance(UNREGISTERED),
        };
        Self {
            world,
            seed,
            app,
            intensity,
            chance,
            parameters: Vec::new(),
            filing,
            activities: Vec::new(),
            outage: None,
            flaws: Flaws::NONE,
            callers_used: 0,
            people_used: 0,
        }
    }

    /// A parameter, uniform in its range. An app has it once: drawn again, it is the same.
    pub(super) fn draw(&mut self, name: &'static str, range: RangeInclusive<f64>) -> f64 {
        let (low, high) = range.into_inner();
        self.parameter(name, low, high, |chance| chance.between(low, high))
    }

    /// A parameter in whole numbers, both ends included.
    pub(super) fn count(&mut self, name: &'static str, range: RangeInclusive<u32>) -> u32 {
        let (low, high) = range.into_inner();
        self.parameter(name, low.into(), high.into(), |chance| f64::from(low + chance.below(high - low + 1))) as u32
    }

    fn parameter(&mut self, name: &'static str, low: f64, high: f64, draw: impl FnOnce(&mut Draw) -> f64) -> f64 {
        if let Some(drawn) = self.parameters.iter().find(|parameter| parameter.name == name) {
            assert!((drawn.low, drawn.high) == (low, high), "a family declares {name} with two ranges");
            return drawn.value;
        }
        let value = draw(&mut self.chance);
        self.parameters.push(Parameter { name, low, high, value });
        value
    }

    /// A parameter whose range depends on the intensity: mild, medium, strong.
    pub(super) fn by_intensity(&mut self, name: &'static str, ranges: [RangeInclusive<f64>; 3]) -> f64 {
        let [mild, medium, strong] = ranges;
        self.draw(
            name,
            match self.intensity {
                Intensity::Mild => mild,
                Intensity::Medium => medium,
                Intensity::Strong => strong,
            },
        )
    }

    /// Like [`Self::by_intensity`], in whole numbers.
    pub(super) fn count_by_intensity(&mut self, name: &'static str, ranges: [RangeInclusive<u32>; 3]) -> u32 {
        let [mild, medium, strong] = ranges;
        self.count(
            name,
            match self.intensity {
                Intensity::Mild => mild,
                Intensity::Medium => medium,
                Intensity::Strong => strong,
            },
        )
    }

    /// States what the app is, and that it must be in the registry if `must_file`.
    pub(super) fn files(&mut self, industry: &'static str, scene: &'static str, must_file: bool) {
        self.filing.industry = industry;
        self.filing.scene = scene;
        self.filing.registered |= must_file;
    }

    /// `count` numbers of the app's own for `channels` calls at once each, and filed as that.
    pub(super) fn numbers(&mut self, count: u32, channels: u32) -> Callers {
        let callers = self.secret_numbers(count, channels);
        self.filing.callers.push(callers);
        callers
    }

    /// Numbers the app keeps to itself.
    pub(super) fn secret_numbers(&mut self, count: u32, channels: u32) -> Callers {
        let first = self.callers_used;
        self.callers_used += count;
        assert!(self.callers_used <= CALLERS_MAX, "a family wants more caller numbers than an app can have");
        Callers { first, count, lines_per_number: channels, channels, change_after: 0 }
    }

    /// `count` places of the app's people that nothing else uses; returns the first.
    pub(super) fn places(&mut self, count: u32) -> u32 {
        let first = self.people_used;
        self.people_used += count;
        first
    }

    /// How many numbers its activities call from; activities may share them.
    pub(super) fn lines(&self) -> u32 {
        let mut blocks: Vec<(u32, u32)> =
            self.activities.iter().map(|work| (work.callers.first, work.callers.first + work.callers.count)).collect();
        blocks.sort_unstable();
        let fresh = |counted: &mut u32, (first, end): (u32, u32)| {
            let count = end.saturating_sub(first.max(*counted));
            *counted = end.max(*counted);
            Some(count)
        };
        blocks.into_iter().scan(0, fresh).sum()
    }

    /// The app's own people.
    pub(super) fn people(&self, lives: Lives) -> People {
        People::new(scatter(self.seed ^ u64::from(self.app) << 40), lives)
    }

    /// The clock the app's calling hours go by.
    pub(super) fn clock(&self) -> Option<LocalClock> {
        LocalClock::named(self.filing.timezone.unwrap_or(HOME_ZONE))
    }

    /// The moment this many days into the world.
    pub(super) fn after_days(&self, days: f64) -> Timestamp {
        self.world.start.plus_millis((days * f64::from(DAY_S)) as i64 * SECOND_MS)
    }

    /// No abuse begins before this.
    pub(super) fn abuse_from(&self) -> Timestamp {
        self.after_days(f64::from(self.world.quiet_days()))
    }

    /// When a campaign begins: after this share of the days that are not quiet.
    pub(super) fn begins_after(&mut self, share: RangeInclusive<f64>) -> Timestamp {
        let quiet = f64::from(self.world.quiet_days());
        let days = f64::from(self.world.chapter_days()) - quiet;
        let after = self.draw("begins_after", share) * days;
        self.after_days(quiet + after)
    }

    /// `hours` hours from this hour of a day on which the week works, in the later half of the world (or of its first chapter) if
    /// that has one, so that the app has a past to differ from, and after the quiet days.
    pub(super) fn some_day(&mut self, hour: f64, hours: f64, week: &Week) -> (Timestamp, Timestamp) {
        let second_of_day = (hour * f64::from(HOUR_S)) as u32;
        let moments: Vec<Timestamp> =
            (0..self.world.chapter_days().max(1)).map(|day| self.occurrence(day, second_of_day)).collect();
        let works = |at: &Timestamp| {
            let day = self.local(*at).hour_of_week as usize / 24 * 24;
            week.0[day..day + 24].iter().any(|level| *level > 0.5)
        };
        let working: Vec<Timestamp> =
            moments[(moments.len() / 2).max(self.world.quiet_days() as usize)..].iter().copied().filter(works).collect();
        let choice = if working.is_empty() { moments[self.world.quiet_days() as usize..].to_vec() } else { working };
        let from = choice[self.chance.below(choice.len() as u32) as usize];
        (from, from.plus_millis((hours * f64::from(HOUR_S)) as i64 * SECOND_MS))
    }

    /// The first moment of this time of day after `day` whole days of the world.
    fn occurrence(&self, day: u32, second_of_day: u32) -> Timestamp {
        let from = self.after_days(f64::from(day));
        let ahead_s = (second_of_day + DAY_S - self.local(from).second_of_day) % DAY_S;
        from.plus_millis(i64::from(ahead_s) * SECOND_MS)
    }

    fn local(&self, at: Timestamp) -> LocalTime {
        let offset_s = self.clock().map_or(0, |clock| clock.offset_s(at));
        LocalTime::new(at.seconds(), offset_s)
    }
}
