//! Clean: firms that talk with customers they have, by hand.

use std::ops::RangeInclusive;

use super::{book, contact, conversation, known, minutes, retry, team};
use crate::simulate::family::{Conduct, Draft, Family};
use crate::simulate::numbers::Lives;
use crate::simulate::plan::{Contact, Follow, Trigger, Week};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "customer_service",
        does: "answers customers, calls back whoever it missed, and calls its customers now and then",
        conduct: Conduct::Clean,
        draft: customer_service,
    },
    Family {
        name: "missed_inbound",
        does: "misses many inbound calls and does little but call back",
        conduct: Conduct::Clean,
        draft: missed_inbound,
    },
    Family {
        name: "business_extensions",
        does: "calls the extensions of companies one after the other, and comes round again",
        conduct: Conduct::Clean,
        draft: business_extensions,
    },
    Family {
        name: "other_time_zone",
        does: "calls customers abroad in their daytime, which is night at home, as it filed",
        conduct: Conduct::Clean,
        draft: other_time_zone,
    },
];

fn customer_service(draft: &mut Draft<'_>) {
    draft.files("retail", "after_sales", true);
    let inbound_weight = draft.draw("inbound_weight", 0.5..=0.8);
    desk(draft, inbound_weight, 0.03..=0.12);
}

fn missed_inbound(draft: &mut Draft<'_>) {
    draft.files("travel", "call_back", true);
    desk(draft, 1.0, 0.30..=0.60);
}

/// A desk that takes calls on one number and makes them on others; `inbound_weight` of its work comes in.
fn desk(draft: &mut Draft<'_>, inbound_weight: f64, missed: RangeInclusive<f64>) {
    // The service number is the app's number 0. A call that comes in occupies a line, so it never has more than those.
    draft.numbers(1, 1);
    let mut work = team(draft, Week::office(8, 20, 0.5), 8.0..=14.0);
    if let Some(service) = draft.filing.callers.first_mut() {
        service.channels = work.lines;
    }
    let (answers, talk) = (known(draft), conversation(draft, 60.0..=140.0));
    let missed = draft.draw("missed", missed);
    let callback = Follow {
        after: Trigger::MissedInbound,
        share: draft.draw("callback_share", 0.7..=1.0),
        times: 2,
        wait_s: minutes(4.0, 40.0),
        insists: false,
        same_number: true,
    };
    let customers = book(draft, &work, Lives::Home, 3, 1.0);
    let inbound = Contact {
        weight: inbound_weight,
        inbound_missed: Some(missed),
        follow: Some(callback),
        ..contact(customers, answers, talk)
    };
    work.contacts.push(inbound);
    if inbound_weight < 1.0 {
        let follow = Some(retry(draft));
        let source = book(draft, &work, Lives::Home, 2, 1.0);
        work.contacts.push(Contact { weight: 1.0 - inbound_weight, follow, ..contact(source, answers, talk) });
    }
    draft.activities.push(work);
}

fn business_extensions(draft: &mut Draft<'_>) {
    draft.files("software", "account_management", true);
    draft.filing.regions = vec!["广东"];
    let mut work = team(draft, Week::office(9, 18, 0.0), 8.0..=14.0);
    let (answers, talk) = (known(draft), conversation(draft, 80.0..=180.0));
    let extensions = draft.count("extensions_per_company", 120..=600);
    let every_days = draft.count("every_days", 2..=4);
    let source = book(draft, &work, Lives::Companies(extensions), every_days, 1.0);
    work.contacts.push(contact(source, answers, talk));
    draft.activities.push(work);
}

fn other_time_zone(draft: &mut Draft<'_>) {
    draft.files("travel", "booking_service", true);
    draft.filing.timezone = Some("America/Los_Angeles");
    let mut work = team(draft, Week::office(9, 20, 0.3), 8.0..=16.0);
    let (answers, talk) = (known(draft), conversation(draft, 60.0..=140.0));
    let every_days = draft.count("every_days", 2..=4);
    let follow = Some(retry(draft));
    let source = book(draft, &work, Lives::Abroad, every_days, 1.0);
    work.contacts.push(Contact { follow, ..contact(source, answers, talk) });
    draft.activities.push(work);
}
