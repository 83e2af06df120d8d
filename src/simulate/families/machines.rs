//! Clean: machines that dial or speak as their apps declared, and people paced by machines.

use super::{SEATS, arrivals, book, contact, conversation, known, minutes, playback, retry, seated, strangers};
use crate::engine::record::Kind;
use crate::simulate::draw::span;
use crate::simulate::family::{Conduct, Draft, Family};
use crate::simulate::numbers::Lives;
use crate::simulate::plan::{Activity, Contact, Crew, Gap, Pace, Talk, Week};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "delivery_notices",
        does: "plays a declared notice to people with a parcel, most of them new",
        conduct: Conduct::Clean,
        draft: delivery_notices,
    },
    Family {
        name: "appointment_reminders",
        does: "plays a declared reminder to patients it knows, mostly in the morning",
        conduct: Conduct::Clean,
        draft: appointment_reminders,
    },
    Family {
        name: "preview_dialer",
        does: "lets agents work without pause: the next customer is dialled a fixed time after each call",
        conduct: Conduct::Clean,
        draft: preview_dialer,
    },
    Family {
        name: "predictive_dialer",
        does: "dials more customers than it has agents, as declared, and drops few",
        conduct: Conduct::Clean,
        draft: predictive_dialer,
    },
];

/// A machine that plays notices on a few numbers with many channels, as it filed.
fn announcer(draft: &mut Draft<'_>, week: Week) -> Activity {
    let numbers = draft.count("numbers", 2..=4);
    let channels = draft.count("channels", 5..=12);
    draft.filing.declared_use = vec!["voice_notification"];
    draft.filing.seats = 2;
    // A call occupies its channel for well under a minute: this keeps the busiest hour within the channels.
    let per_hour = f64::from(numbers * channels) * draft.draw("calls_per_channel_hour", 10.0..=35.0);
    Activity {
        from: draft.world.start,
        to: draft.world.end(),
        every_ms: None,
        week,
        pace: arrivals(draft, per_hour),
        lines: numbers * channels,
        callers: draft.numbers(numbers, channels),
        crew: Crew::Nobody,
        kind: Kind::Auto,
        contacts: Vec::new(),
        events: Vec::new(),
    }
}

fn delivery_notices(draft: &mut Draft<'_>) {
    draft.files("logistics", "delivery_notice", true);
    let mut work = announcer(draft, Week::office(8, 20, 0.8));
    let (answers, talk) = (known(draft), playback(draft, 0.5..=0.8));
    let new = draft.draw("new_share", 0.6..=0.9);
    let (newcomers, regulars) = (strangers(draft), book(draft, &work, Lives::Home, 3, 1.0));
    work.contacts.push(Contact { weight: new, ..contact(newcomers, answers, talk) });
    work.contacts.push(Contact { weight: 1.0 - new, ..contact(regulars, answers, talk) });
    draft.activities.push(work);
}

fn appointment_reminders(draft: &mut Draft<'_>) {
    draft.files("health", "appointment_reminder", true);
    let mut work = announcer(draft, Week::morning(8, 18, 0.3));
    let (answers, talk) = (known(draft), playback(draft, 0.6..=0.85));
    let every_days = draft.count("every_days", 3..=6);
    let follow = Some(retry(draft));
    let source = book(draft, &work, Lives::Home, every_days, 1.0);
    work.contacts.push(Contact { follow, ..contact(source, answers, talk) });
    draft.activities.push(work);
}

fn preview_dialer(draft: &mut Draft<'_>) {
    draft.files("finance", "member_care", false);
    let gap = Gap::Person {
        wrap_up_s: draft.draw("wrap_up_s", 8.0..=14.0),
        break_share: draft.draw("break_share", 0.03..=0.06),
        break_s: minutes(3.0, 15.0),
    };
    let seats = draft.count("seats", SEATS);
    let mut work = seated(draft, seats, Week::office(9, 18, 0.0), Pace::Lines { gap, day_cv: 0.15 });
    let (answers, talk) = (known(draft), conversation(draft, 40.0..=110.0));
    let every_days = draft.count("every_days", 2..=3);
    let source = book(draft, &work, Lives::Home, every_days, 1.0);
    work.contacts.push(contact(source, answers, talk));
    draft.activities.push(work);
}

fn predictive_dialer(draft: &mut Draft<'_>) {
    draft.files("telecom", "member_care", true);
    draft.filing.declared_use = vec!["agent_calls", "predictive_dialer"];
    let agents = draft.count("seats", SEATS);
    let pace = Pace::Lines { gap: Gap::Random(span(2.0, 9.0)), day_cv: 0.15 };
    let mut work = seated(draft, agents, Week::office(9, 19, 0.2), pace);
    // Up to three lines for two agents; the further ones have numbers of their own, filed as well.
    let further = (f64::from(agents) * draft.draw("further_lines_per_agent", 0.2..=0.6)) as u32;
    draft.numbers(further, 1);
    work.lines += further;
    work.callers.count += further;
    work.crew = Crew::Shared(agents);
    work.kind = Kind::Predictive;
    let answers = known(draft);
    let talk = Talk { dropped: draft.draw("dropped", 0.003..=0.012), ..conversation(draft, 40.0..=110.0) };
    // Four days apart: longer than the 72 hours in which a dropped call must not be repeated.
    let every_days = draft.count("every_days", 4..=6);
    let source = book(draft, &work, Lives::Home, every_days, 1.0);
    work.contacts.push(contact(source, answers, talk));
    draft.activities.push(work);
}
