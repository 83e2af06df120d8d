//! What plans are put together from, whoever writes them: lines with people on them, lists, contacts.
//!
//! Nothing here draws a parameter: the ranges are the families' own, and those held back from tuning share none of them.

use super::draw::{Span, span};
use super::family::Draft;
use super::numbers::Lives;
use super::plan::{Activity, Answers, Contact, Crew, Pace, Source, Talk, Voices, Week};
use super::truth::Breaks;
use crate::engine::record::Kind;

/// More people than an app can call in years: room for a list of strangers.
pub(super) const STRANGERS: u32 = 20_000_000;

/// A number and an agent for each seat; adds the seats to the filing. The contacts are still open.
pub(super) fn seated(draft: &mut Draft<'_>, seats: u32, week: Week, pace: Pace) -> Activity {
    draft.filing.seats += seats;
    Activity {
        from: draft.world.start,
        to: draft.world.end(),
        every_ms: None,
        week,
        pace,
        lines: seats,
        callers: draft.numbers(seats, 1),
        crew: Crew::PerLine,
        kind: Kind::Agent,
        contacts: Vec::new(),
        events: Vec::new(),
    }
}

/// Calls of an activity on its busiest day, about: arrivals at their mean rate, lines at a call a minute.
pub(super) fn calls_a_day(work: &Activity) -> f64 {
    let per_hour = match work.pace {
        Pace::Arrivals { per_hour, .. } => per_hour,
        Pace::Lines { .. } => f64::from(work.lines) * 60.0,
    };
    per_hour * work.week.busiest_day()
}

/// A list for an activity: each of its people is called on one day in `every_days`, at least two. There are twice as many
/// as an ordinary day needs, times `headroom` for extraordinary ones.
pub(super) fn book(draft: &mut Draft<'_>, work: &Activity, lives: Lives, every_days: u32, headroom: f64) -> Source {
    let slice = (calls_a_day(work) * 2.0 * headroom).ceil() as u32 + 10;
    let every_days = every_days.max(2);
    Source::Book { people: draft.people(lives), first: draft.places(slice * every_days), slice, every_days }
}

/// People the app has never called.
pub(super) fn strangers(draft: &mut Draft<'_>) -> Source {
    Source::Fresh { people: draft.people(Lives::Home), first: draft.places(STRANGERS) }
}

/// Calls of one kind: nobody is called again, hardly anybody objects.
pub(super) fn contact(source: Source, answers: Answers, talk: Talk) -> Contact {
    let voices = Voices { opt_out: 0.001, ..Voices::default() };
    Contact { weight: 1.0, source, inbound_missed: None, answers, talk, follow: None, voices, breaks: Breaks::NONE }
}

/// A span given in minutes.
pub(super) fn minutes(low: f64, high: f64) -> Span {
    span(low * 60.0, high * 60.0)
}
