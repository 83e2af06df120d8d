//! Clean: desks that live with those who call them, and firms whose customers sit behind switchboards or abroad.

use std::ops::RangeInclusive;

use super::{chat, crew, familiar};
use crate::simulate::family::{Conduct, Draft, Family};
use crate::simulate::numbers::Lives;
use crate::simulate::parts::{STRANGERS, book, contact, minutes};
use crate::simulate::plan::{Contact, Follow, Source, Trigger, Week};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "roadside_night_desk",
        does: "is called day and night by people whose car stands still, and rings back the few it missed",
        conduct: Conduct::Clean,
        draft: roadside_night_desk,
    },
    Family {
        name: "overflow_callbacks",
        does: "is a small desk that misses a quarter of its calls and rings back",
        conduct: Conduct::Clean,
        draft: overflow_callbacks,
    },
    Family {
        name: "switchboard_extensions",
        does: "goes through the extensions of companies in order, each once; they answer",
        conduct: Conduct::Clean,
        draft: switchboard_extensions,
    },
    Family {
        name: "clients_overseas",
        does: "calls customers in another time zone in their daytime, as it filed",
        conduct: Conduct::Clean,
        draft: clients_overseas,
    },
];

fn roadside_night_desk(draft: &mut Draft<'_>) {
    draft.files("automobile", "roadside_assistance", true);
    let week = Week::round_the_clock(draft.draw("night_level", 0.3..=0.7));
    desk(draft, 5..=14, week, 0.06..=0.18, 2.0, 12.0);
}

fn overflow_callbacks(draft: &mut Draft<'_>) {
    draft.files("health", "patient_hotline", true);
    desk(draft, 2..=7, Week::office(9, 20, 0.7), 0.20..=0.35, 6.0, 90.0);
}

/// A desk that is called on one number and rings back on others whoever it missed, within so many minutes.
fn desk(draft: &mut Draft<'_>, seats: RangeInclusive<u32>, week: Week, missed: RangeInclusive<f64>, soonest: f64, latest: f64) {
    draft.numbers(1, 1);
    let mut work = crew(draft, seats, week, 3.0..=9.0);
    if let Some(service) = draft.filing.callers.first_mut() {
        service.channels = work.lines;
    }
    let follow = Follow {
        after: Trigger::MissedInbound,
        share: draft.draw("callback_share", 0.6..=1.0),
        times: 1,
        wait_s: minutes(soonest, latest),
        insists: false,
        same_number: true,
    };
    let inbound_missed = Some(draft.draw("missed", missed));
    let (answers, talk) = (familiar(draft), chat(draft, 0.01..=0.04, 60.0..=240.0));
    let every_days = draft.count("every_days", 8..=20);
    let source = book(draft, &work, Lives::Home, every_days, 1.0);
    work.contacts.push(Contact { inbound_missed, follow: Some(follow), ..contact(source, answers, talk) });
    draft.activities.push(work);
}

fn switchboard_extensions(draft: &mut Draft<'_>) {
    draft.files("software", "user_training", true);
    // Companies' numbers are all of one province here, and calls from another one to them would break a rule.
    draft.filing.regions = vec!["广东"];
    let mut work = crew(draft, 3..=12, Week::office(9, 17, 0.0), 5.0..=12.0);
    let extensions = draft.count("extensions_per_company", 40..=1_200);
    let (answers, talk) = (familiar(draft), chat(draft, 0.01..=0.05, 70.0..=260.0));
    let source = Source::Fresh { people: draft.people(Lives::Companies(extensions)), first: draft.places(STRANGERS) };
    work.contacts.push(contact(source, answers, talk));
    draft.activities.push(work);
}

fn clients_overseas(draft: &mut Draft<'_>) {
    draft.files("logistics", "overseas_orders", true);
    let zones = ["Europe/Berlin", "Asia/Dubai", "Australia/Sydney", "America/New_York"];
    draft.filing.timezone = Some(zones[draft.count("zone_choice", 0..=3) as usize]);
    let mut work = crew(draft, 3..=16, Week::office(9, 18, 0.0), 5.0..=14.0);
    let (answers, talk) = (familiar(draft), chat(draft, 0.01..=0.06, 60.0..=200.0));
    let every_days = draft.count("every_days", 3..=9);
    let source = book(draft, &work, Lives::Abroad, every_days, 1.0);
    work.contacts.push(contact(source, answers, talk));
    draft.activities.push(work);
}
