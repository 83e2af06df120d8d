//! The families: one file for each group of behaviours, one entry for each family.
//!
//! A new family is one entry in its group's `FAMILIES` and one function that drafts an app of it. What several groups
//! share stands here: teams, lists, and how known and unknown people take a call.

mod blind;
mod further;
mod harassment;
mod lists;
mod machines;
mod rates;
mod robots;
mod service;

use std::ops::RangeInclusive;

use super::family::{Draft, Family};
use super::parts::{book, contact, minutes, seated, strangers};
use super::plan::{Activity, Answers, Body, Follow, Pace, Talk, Trigger, Voices, Week};

/// The groups, clean and abusive by turns.
const GROUPS: [&[Family]; 7] = [
    service::FAMILIES,
    blind::FAMILIES,
    lists::FAMILIES,
    robots::FAMILIES,
    machines::FAMILIES,
    rates::FAMILIES,
    harassment::FAMILIES,
];

/// Every usual family once: the first of each group, the second of each group, and so on, so that even a few apps are various.
pub(super) fn in_turn() -> impl Iterator<Item = &'static Family> {
    let longest = GROUPS.iter().map(|group| group.len()).max().unwrap_or(0);
    (0..longest).flat_map(|place| GROUPS.into_iter().filter_map(move |group| group.get(place)))
}

/// What came later, after all of those: it must not change the worlds that are drawn from them.
pub(super) fn further() -> impl Iterator<Item = &'static Family> {
    further::FAMILIES.iter()
}

/// How many agents most teams have.
const SEATS: RangeInclusive<u32> = 4..=24;

/// Agents who dial by hand as work arrives, each on a number of their own.
fn team(draft: &mut Draft<'_>, week: Week, calls_per_seat_hour: RangeInclusive<f64>) -> Activity {
    team_of(draft, SEATS, week, calls_per_seat_hour)
}

/// A team of a size of its own.
fn team_of(draft: &mut Draft<'_>, seats: RangeInclusive<u32>, week: Week, calls_per_seat_hour: RangeInclusive<f64>) -> Activity {
    let seats = draft.count("seats", seats);
    let per_hour = f64::from(seats) * draft.draw("calls_per_seat_hour", calls_per_seat_hour);
    let pace = arrivals(draft, per_hour);
    seated(draft, seats, week, pace)
}

/// Work that arrives by chance, as unevenly as in real call centres.
fn arrivals(draft: &mut Draft<'_>, per_hour: f64) -> Pace {
    Pace::Arrivals { per_hour, day_cv: draft.draw("day_cv", 0.10..=0.35), bin_cv: draft.draw("bin_cv", 0.05..=0.30) }
}

/// How customers take a call of a firm they know.
fn known(draft: &mut Draft<'_>) -> Answers {
    Answers {
        answered: draft.draw("answered", 0.45..=0.65),
        rejected: draft.draw("rejected", 0.02..=0.05),
        invalid: draft.draw("invalid", 0.002..=0.012),
        ..elsewhere(draft)
    }
}

/// How strangers take a call nobody asked for; worse the bolder the app's list.
fn cold(draft: &mut Draft<'_>) -> Answers {
    Answers {
        answered: draft.by_intensity("cold_answered", [0.22..=0.28, 0.17..=0.22, 0.10..=0.17]),
        rejected: draft.by_intensity("cold_rejected", [0.11..=0.15, 0.14..=0.19, 0.18..=0.25]),
        invalid: draft.by_intensity("cold_invalid", [0.09..=0.12, 0.12..=0.17, 0.17..=0.28]),
        ..elsewhere(draft)
    }
}

/// How strangers talk on such a call: many hang up at once.
fn cold_talk(draft: &mut Draft<'_>) -> Talk {
    let short = draft.by_intensity("cold_short", [0.24..=0.30, 0.28..=0.36, 0.34..=0.45]);
    Talk { short, dropped: 0.0, body: Body::Conversation { median_s: draft.draw("cold_talk_median_s", 25.0..=50.0), sigma: 0.8 } }
}

/// What is neither answered nor declined, and how the provider words it. Provider noise of 5-20 % of the invalid numbers.
fn elsewhere(draft: &mut Draft<'_>) -> Answers {
    Answers {
        answered: 0.0,
        rejected: 0.0,
        busy: draft.draw("busy", 0.03..=0.07),
        unreachable: draft.draw("unreachable", 0.03..=0.07),
        voicemail: 0.01,
        invalid: 0.0,
        masked: draft.draw("masked", 0.05..=0.20),
        network_error: draft.draw("network_error", 0.003..=0.015),
    }
}

/// People who know each other talking, half of them for less than the drawn median.
fn conversation(draft: &mut Draft<'_>, median_s: RangeInclusive<f64>) -> Talk {
    talk(draft, 0.02..=0.06, median_s)
}

/// People talking; `short` of them hang up at once.
fn talk(draft: &mut Draft<'_>, short: RangeInclusive<f64>, median_s: RangeInclusive<f64>) -> Talk {
    let body = Body::Conversation { median_s: draft.draw("talk_median_s", median_s), sigma: draft.draw("talk_sigma", 0.7..=1.0) };
    Talk { short: draft.draw("short", short), dropped: 0.0, body }
}

/// A recording, heard to its end by some.
fn playback(draft: &mut Draft<'_>, heard: RangeInclusive<f64>) -> Talk {
    let body = Body::Playback { length_s: draft.draw("playback_s", 14.0..=40.0), heard: draft.draw("heard", heard) };
    Talk { short: draft.draw("short", 0.03..=0.08), dropped: 0.0, body }
}

/// Trying again on the same day whoever was not reached, as the limits allow: twice, from the same number, after a while.
fn retry(draft: &mut Draft<'_>) -> Follow {
    Follow {
        after: Trigger::Unreached,
        share: draft.draw("retry_share", 0.2..=0.6),
        times: 2,
        wait_s: minutes(25.0, 150.0),
        insists: false,
        same_number: true,
    }
}

/// What people say about an abusive app.
fn complaints(draft: &mut Draft<'_>) -> Voices {
    let complaint = draft.by_intensity("complaint", [0.001..=0.002, 0.002..=0.005, 0.005..=0.010]);
    Voices { complaint, verified: 0.5, ..Voices::default() }
}
