//! Clean: firms that go through lists of people who agreed to be called, and the bad days of such firms.

use std::ops::RangeInclusive;

use super::{book, contact, conversation, elsewhere, known, retry, strangers, talk, team};
use crate::simulate::family::{Conduct, Draft, Family};
use crate::simulate::numbers::Lives;
use crate::simulate::plan::{Activity, Answers, Contact, Event, Voices, Week};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "contract_renewal",
        does: "calls the same customers every few days until their contracts are renewed",
        conduct: Conduct::Clean,
        draft: contract_renewal,
    },
    Family {
        name: "consented_leads",
        does: "calls people once who have just asked to be called: all new, and glad of it",
        conduct: Conduct::Clean,
        draft: consented_leads,
    },
    Family {
        name: "stale_list",
        does: "goes through a customer list nobody has tended: poor answers, dead numbers, but all known",
        conduct: Conduct::Clean,
        draft: stale_list,
    },
    Family {
        name: "flash_sale",
        does: "calls its customers three times as much on one day",
        conduct: Conduct::Clean,
        draft: flash_sale,
    },
    Family {
        name: "carrier_outage",
        does: "calls its customers while the carrier loses half of the calls for some hours",
        conduct: Conduct::Clean,
        draft: carrier_outage,
    },
    Family {
        name: "poor_consented_list",
        does: "calls people who agreed and forgot: all new, few answer, but the numbers are right",
        conduct: Conduct::Clean,
        draft: poor_consented_list,
    },
];

/// A team with a list of customers it calls every few days. `headroom` for days of more work than usual.
fn renewal_team(draft: &mut Draft<'_>, calls_per_seat_hour: RangeInclusive<f64>, headroom: f64) -> Activity {
    let mut work = team(draft, Week::office(9, 19, 0.2), calls_per_seat_hour);
    let (answers, talk) = (known(draft), conversation(draft, 40.0..=110.0));
    let every_days = draft.count("every_days", 2..=4);
    let follow = Some(retry(draft));
    let source = book(draft, &work, Lives::Home, every_days, headroom);
    work.contacts.push(Contact { follow, ..contact(source, answers, talk) });
    work
}

fn contract_renewal(draft: &mut Draft<'_>) {
    draft.files("insurance", "renewal", false);
    let work = renewal_team(draft, 8.0..=18.0, 1.0);
    draft.activities.push(work);
}

fn flash_sale(draft: &mut Draft<'_>) {
    draft.files("retail", "member_care", false);
    let mut work = renewal_team(draft, 4.0..=6.0, 2.0);
    let (hour, hours) = (draft.draw("sale_hour", 9.5..=12.0), draft.draw("sale_hours", 3.0..=7.0));
    let ((from, to), every_ms) = (draft.some_day(hour, hours, &work.week), draft.world.recurrence_ms());
    work.events.push(Event { from, to, every_ms, rate: draft.draw("sale_factor", 2.5..=3.5), network_error: 0.0, invalid: 0.0 });
    draft.activities.push(work);
}

fn carrier_outage(draft: &mut Draft<'_>) {
    draft.files("logistics", "customer_care", false);
    let mut work = renewal_team(draft, 8.0..=18.0, 1.0);
    let (hour, hours) = (draft.draw("outage_hour", 9.5..=15.0), draft.draw("outage_hours", 1.0..=4.0));
    let ((from, to), every_ms) = (draft.some_day(hour, hours, &work.week), draft.world.recurrence_ms());
    work.events.push(Event { from, to, every_ms, rate: 1.0, network_error: draft.draw("lost", 0.4..=0.8), invalid: 0.0 });
    draft.activities.push(work);
}

fn stale_list(draft: &mut Draft<'_>) {
    draft.files("education", "alumni_care", false);
    let mut work = team(draft, Week::office(9, 18, 0.0), 12.0..=20.0);
    let answers = Answers {
        answered: draft.draw("answered", 0.20..=0.30),
        rejected: draft.draw("rejected", 0.03..=0.06),
        invalid: draft.draw("invalid", 0.06..=0.12),
        ..elsewhere(draft)
    };
    let talk = conversation(draft, 40.0..=90.0);
    let every_days = draft.count("every_days", 2..=4);
    let source = book(draft, &work, Lives::Home, every_days, 1.0);
    work.contacts.push(contact(source, answers, talk));
    draft.activities.push(work);
}

fn consented_leads(draft: &mut Draft<'_>) {
    draft.files("automobile", "test_drive", false);
    let answers = Answers {
        answered: draft.draw("answered", 0.38..=0.55),
        rejected: draft.draw("rejected", 0.02..=0.05),
        invalid: draft.draw("invalid", 0.003..=0.015),
        ..elsewhere(draft)
    };
    leads(draft, answers, 0.04..=0.09);
}

fn poor_consented_list(draft: &mut Draft<'_>) {
    draft.files("education", "open_day", false);
    let answers = Answers {
        answered: draft.draw("answered", 0.18..=0.28),
        rejected: draft.draw("rejected", 0.03..=0.06),
        invalid: draft.draw("invalid", 0.005..=0.025),
        ..elsewhere(draft)
    };
    leads(draft, answers, 0.05..=0.11);
}

/// A team that calls people for the first time; most of their consents are on file.
fn leads(draft: &mut Draft<'_>, answers: Answers, short: RangeInclusive<f64>) {
    let mut work = team(draft, Week::office(9, 20, 0.5), 8.0..=16.0);
    let talk = talk(draft, short, 45.0..=100.0);
    let voices =
        Voices { opt_out: draft.draw("opt_out", 0.001..=0.004), consent: draft.draw("consent", 0.8..=1.0), ..Voices::default() };
    let follow = Some(retry(draft));
    let source = strangers(draft);
    work.contacts.push(Contact { follow, voices, ..contact(source, answers, talk) });
    draft.activities.push(work);
}
