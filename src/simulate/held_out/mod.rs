//! The families held back from tuning: what is reported about the rules stands on them.
//!
//! They were written from what abuse and its innocent look-alikes are known to be, not from what a detector does with them, and
//! no limit is ever set by looking at them. They share no range with the families of tuning, and chance is another for them.
//! A new one is written the same way: never after its alerts have been seen.

mod cold;
mod dialers;
mod faults;
mod hounding;
mod intrusions;
mod lists;
mod playing;
mod seasons;
mod service;

use std::ops::RangeInclusive;

use super::family::{Draft, Family};
use super::numbers::Lives;
use super::parts::{book, contact, minutes, seated};
use super::plan::{Activity, Answers, Body, Contact, Follow, Pace, Talk, Trigger, Voices, Week};

/// The groups, clean and abusive by turns.
const GROUPS: [&[Family]; 9] = [
    service::FAMILIES,
    cold::FAMILIES,
    dialers::FAMILIES,
    playing::FAMILIES,
    seasons::FAMILIES,
    intrusions::FAMILIES,
    faults::FAMILIES,
    hounding::FAMILIES,
    lists::FAMILIES,
];

/// Every family once: the first of each group, the second of each group, and so on.
pub(super) fn in_turn() -> impl Iterator<Item = &'static Family> {
    let longest = GROUPS.iter().map(|group| group.len()).max().unwrap_or(0);
    (0..longest).flat_map(|place| GROUPS.into_iter().filter_map(move |group| group.get(place)))
}

/// Agents who dial by hand as work arrives, each on a number of their own.
fn crew(draft: &mut Draft<'_>, seats: RangeInclusive<u32>, week: Week, calls_per_seat_hour: RangeInclusive<f64>) -> Activity {
    let seats = draft.count("seats", seats);
    let per_hour = f64::from(seats) * draft.draw("calls_per_seat_hour", calls_per_seat_hour);
    let pace = uneven(draft, per_hour);
    seated(draft, seats, week, pace)
}

/// The same with a list of customers it goes through, `headroom` of them for days of more work than usual.
fn clientele(
    draft: &mut Draft<'_>,
    seats: RangeInclusive<u32>,
    week: Week,
    calls_per_seat_hour: RangeInclusive<f64>,
    headroom: f64,
) -> Activity {
    let mut work = crew(draft, seats, week, calls_per_seat_hour);
    let regulars = regulars(draft, &work, headroom);
    work.contacts.push(regulars);
    work
}

/// A list of customers for an activity, called again on another day.
fn regulars(draft: &mut Draft<'_>, work: &Activity, headroom: f64) -> Contact {
    let (answers, talk) = (familiar(draft), chat(draft, 0.01..=0.07, 35.0..=170.0));
    let every_days = draft.count("every_days", 3..=7);
    let follow = Some(once_more(draft));
    let source = book(draft, work, Lives::Home, every_days, headroom);
    Contact { follow, ..contact(source, answers, talk) }
}

/// Work that arrives by chance.
fn uneven(draft: &mut Draft<'_>, per_hour: f64) -> Pace {
    Pace::Arrivals { per_hour, day_cv: draft.draw("day_cv", 0.08..=0.40), bin_cv: draft.draw("bin_cv", 0.03..=0.35) }
}

/// How people take a call of a firm they know.
fn familiar(draft: &mut Draft<'_>) -> Answers {
    Answers {
        answered: draft.draw("answered", 0.36..=0.74),
        rejected: draft.draw("rejected", 0.01..=0.06),
        invalid: draft.draw("invalid", 0.0..=0.02),
        ..unheard(draft)
    }
}

/// How people take a call nobody asked for: many do not, the more the less the list was worth.
fn unasked(draft: &mut Draft<'_>) -> Answers {
    Answers {
        answered: draft.by_intensity("unasked_answered", [0.24..=0.31, 0.15..=0.24, 0.07..=0.15]),
        rejected: draft.by_intensity("unasked_rejected", [0.09..=0.14, 0.12..=0.20, 0.16..=0.26]),
        invalid: draft.by_intensity("unasked_invalid", [0.07..=0.11, 0.10..=0.18, 0.16..=0.30]),
        ..unheard(draft)
    }
}

/// How they talk.
fn curt(draft: &mut Draft<'_>) -> Talk {
    let short = draft.by_intensity("unasked_short", [0.20..=0.28, 0.26..=0.38, 0.34..=0.52]);
    let median_s = draft.draw("unasked_talk_median_s", 15.0..=70.0);
    Talk { short, dropped: 0.0, body: Body::Conversation { median_s, sigma: 0.9 } }
}

/// What is neither answered nor declined, and how the provider words it.
fn unheard(draft: &mut Draft<'_>) -> Answers {
    Answers {
        answered: 0.0,
        rejected: 0.0,
        busy: draft.draw("busy", 0.02..=0.09),
        unreachable: draft.draw("unreachable", 0.02..=0.09),
        voicemail: draft.draw("voicemail", 0.0..=0.03),
        invalid: 0.0,
        masked: draft.draw("masked", 0.03..=0.25),
        network_error: draft.draw("network_error", 0.001..=0.02),
    }
}

/// People talking; `short` of them hang up at once.
fn chat(draft: &mut Draft<'_>, short: RangeInclusive<f64>, median_s: RangeInclusive<f64>) -> Talk {
    let body = Body::Conversation { median_s: draft.draw("talk_median_s", median_s), sigma: draft.draw("talk_sigma", 0.6..=1.1) };
    Talk { short: draft.draw("short", short), dropped: 0.0, body }
}

/// A recording of this length.
fn recording(draft: &mut Draft<'_>, length_s: RangeInclusive<f64>, heard: RangeInclusive<f64>) -> Talk {
    let body = Body::Playback { length_s: draft.draw("recording_s", length_s), heard: draft.draw("heard", heard) };
    Talk { short: draft.draw("short", 0.02..=0.10), dropped: 0.0, body }
}

/// Trying once more on the same day whoever was not reached.
fn once_more(draft: &mut Draft<'_>) -> Follow {
    Follow {
        after: Trigger::Unreached,
        share: draft.draw("once_more_share", 0.1..=0.8),
        times: 1,
        wait_s: minutes(40.0, 220.0),
        insists: false,
        same_number: true,
    }
}

/// What people say about an abusive app.
fn anger(draft: &mut Draft<'_>) -> Voices {
    let complaint = draft.by_intensity("complaint", [0.0005..=0.0015, 0.0015..=0.006, 0.006..=0.014]);
    Voices { complaint, verified: 0.4, ..Voices::default() }
}
