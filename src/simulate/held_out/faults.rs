//! Clean: firms whose carrier, number directory or feed fails them for a while.

use super::clientele;
use crate::engine::time::SECOND_MS;
use crate::simulate::family::{Conduct, Draft, Family};
use crate::simulate::plan::{Activity, Event, Outage, Week};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "ported_numbers",
        does: "calls its customers while, for days, many of their numbers are said not to exist since they changed carrier",
        conduct: Conduct::Clean,
        draft: ported_numbers,
    },
    Family {
        name: "carrier_brownout",
        does: "calls its customers while the carrier loses every fourth call for the better part of a day",
        conduct: Conduct::Clean,
        draft: carrier_brownout,
    },
    Family {
        name: "carrier_blackout",
        does: "goes on dialling its customers while no call at all gets through",
        conduct: Conduct::Clean,
        draft: carrier_blackout,
    },
    Family {
        name: "feed_pause",
        does: "calls its customers; for minutes none of its records arrive, and then all of them do",
        conduct: Conduct::Clean,
        draft: feed_pause,
    },
    Family {
        name: "feed_backlog",
        does: "calls its customers; its records of half an hour come at once, too late to be counted",
        conduct: Conduct::Clean,
        draft: feed_backlog,
    },
];

/// A firm that calls its customers by day.
fn firm(draft: &mut Draft<'_>) -> Activity {
    draft.files("logistics", "order_service", false);
    clientele(draft, 4..=20, Week::office(9, 19, 0.3), 5.0..=14.0, 1.0)
}

fn ported_numbers(draft: &mut Draft<'_>) {
    let mut work = firm(draft);
    let hours = draft.draw("misrouted_hours", 20.0..=72.0);
    let ((from, to), every_ms) = (draft.some_day(6.0, hours, &work.week), draft.world.recurrence_ms());
    work.events.push(Event { from, to, every_ms, rate: 1.0, network_error: 0.0, invalid: draft.draw("misrouted", 0.06..=0.22) });
    draft.activities.push(work);
}

fn carrier_brownout(draft: &mut Draft<'_>) {
    let lost = draft.draw("lost", 0.15..=0.35);
    failing_carrier(draft, 4.0, 9.0, lost);
}

fn carrier_blackout(draft: &mut Draft<'_>) {
    let lost = draft.draw("lost", 0.97..=1.0);
    failing_carrier(draft, 0.5, 2.0, lost);
}

/// Some hours in which this share of the calls is lost.
fn failing_carrier(draft: &mut Draft<'_>, shortest_hours: f64, longest_hours: f64, lost: f64) {
    let mut work = firm(draft);
    let (hour, hours) = (draft.draw("failure_hour", 9.0..=14.0), draft.draw("failure_hours", shortest_hours..=longest_hours));
    let ((from, to), every_ms) = (draft.some_day(hour, hours, &work.week), draft.world.recurrence_ms());
    work.events.push(Event { from, to, every_ms, rate: 1.0, network_error: lost, invalid: 0.0 });
    draft.activities.push(work);
}

fn feed_pause(draft: &mut Draft<'_>) {
    held_up(draft, 1.0, 3.0, 20);
}

fn feed_backlog(draft: &mut Draft<'_>) {
    held_up(draft, 20.0, 50.0, 120);
}

/// Some minutes in which no record arrives; those of them come within `drain_s` afterwards.
fn held_up(draft: &mut Draft<'_>, shortest: f64, longest: f64, drain_s: u32) {
    let work = firm(draft);
    let (hour, minutes) = (draft.draw("held_up_hour", 9.5..=17.0), draft.draw("held_up_minutes", shortest..=longest));
    let (from, to) = draft.some_day(hour, minutes / 60.0, &work.week);
    draft.outage = Some(Outage { from, to, drain_ms: drain_s * SECOND_MS as u32 });
    draft.activities.push(work);
}
