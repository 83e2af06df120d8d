//! Clean: machines that dial for people, and machines that speak as was declared.

use super::{chat, familiar, recording, uneven, unheard};
use crate::engine::record::Kind;
use crate::simulate::draw::span;
use crate::simulate::family::{Conduct, Draft, Family};
use crate::simulate::numbers::Lives;
use crate::simulate::parts::{book, contact, minutes, seated, strangers};
use crate::simulate::plan::{Activity, Answers, Body, Contact, Crew, Gap, Pace, Talk, Week};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "power_dialer",
        does: "dials the next customer seconds after an agent is free: machine timing, people talking",
        conduct: Conduct::Clean,
        draft: power_dialer,
    },
    Family {
        name: "preview_long_wrap_up",
        does: "shows each customer first and is dialled long after the last call, always about as long",
        conduct: Conduct::Clean,
        draft: preview_long_wrap_up,
    },
    Family {
        name: "preview_short_wrap_up",
        does: "is dialled a few seconds after the last call, always about as long",
        conduct: Conduct::Clean,
        draft: preview_short_wrap_up,
    },
    Family {
        name: "predictive_full_lines",
        does: "dials two to three lines for each agent, as declared, at the pace that keeps them busy",
        conduct: Conduct::Clean,
        draft: predictive_full_lines,
    },
    Family {
        name: "spoken_statement",
        does: "reads out a declared notice of nearly a minute to customers",
        conduct: Conduct::Clean,
        draft: spoken_statement,
    },
    Family {
        name: "spoken_code",
        does: "reads out a declared notice of a few seconds, to people who are mostly new",
        conduct: Conduct::Clean,
        draft: spoken_code,
    },
];

/// A list of customers for agents on lines that never rest for long.
fn customers(draft: &mut Draft<'_>, work: &Activity) -> Contact {
    let (answers, talk) = (familiar(draft), chat(draft, 0.01..=0.07, 30.0..=130.0));
    let every_days = draft.count("every_days", 3..=6);
    let source = book(draft, work, Lives::Home, every_days, 1.0);
    contact(source, answers, talk)
}

fn power_dialer(draft: &mut Draft<'_>) {
    draft.files("insurance", "policy_service", false);
    let pause_low_s = draft.draw("pause_s", 0.5..=2.0);
    let gap = Gap::Progressive {
        pause_s: span(pause_low_s, pause_low_s + draft.draw("pause_spread_s", 0.2..=1.5)),
        wrap_up_s: draft.draw("wrap_up_s", 8.0..=35.0),
        wrap_up_cv: draft.draw("wrap_up_cv", 0.2..=0.6),
        break_share: draft.draw("break_share", 0.04..=0.10),
        break_s: minutes(2.0, 18.0),
    };
    on_lines(draft, gap);
}

fn preview_long_wrap_up(draft: &mut Draft<'_>) {
    draft.files("real_estate", "tenant_care", false);
    let gap = preview(draft, 30.0, 90.0);
    on_lines(draft, gap);
}

fn preview_short_wrap_up(draft: &mut Draft<'_>) {
    draft.files("telecom", "contract_care", false);
    let gap = preview(draft, 3.0, 7.0);
    on_lines(draft, gap);
}

fn preview(draft: &mut Draft<'_>, low_s: f64, high_s: f64) -> Gap {
    Gap::Person {
        wrap_up_s: draft.draw("wrap_up_s", low_s..=high_s),
        break_share: draft.draw("break_share", 0.02..=0.08),
        break_s: minutes(3.0, 22.0),
    }
}

/// Agents who are given one customer after the other.
fn on_lines(draft: &mut Draft<'_>, gap: Gap) {
    let seats = draft.count("seats", 3..=14);
    let mut work = seated(draft, seats, Week::office(9, 18, 0.1), Pace::Lines { gap, day_cv: 0.2 });
    let customers = customers(draft, &work);
    work.contacts.push(customers);
    draft.activities.push(work);
}

fn predictive_full_lines(draft: &mut Draft<'_>) {
    draft.files("retail", "loyalty_programme", true);
    draft.filing.declared_use = vec!["agent_calls", "predictive_dialer"];
    let agents = draft.count("seats", 16..=30);
    let lines_per_agent = draft.draw("lines_per_agent", 2.0..=3.0);
    let answers = Answers {
        answered: draft.draw("answered", 0.20..=0.30),
        rejected: draft.draw("rejected", 0.02..=0.06),
        invalid: draft.draw("invalid", 0.003..=0.03),
        ..unheard(draft)
    };
    let talk = Talk { dropped: draft.draw("dropped", 0.002..=0.018), ..chat(draft, 0.02..=0.07, 28.0..=55.0) };
    let gap = paced(draft, lines_per_agent, answers.answered, talk.body);
    let mut work = seated(draft, agents, Week::flat(9, 18, 0.0), Pace::Lines { gap, day_cv: 0.1 });
    let further = (f64::from(agents) * (lines_per_agent - 1.0)) as u32;
    draft.numbers(further, 1);
    work.lines += further;
    work.callers.count += further;
    work.crew = Crew::Shared(agents);
    work.kind = Kind::Predictive;
    let every_days = draft.count("every_days", 5..=8);
    let source = book(draft, &work, Lives::Home, every_days, 1.0);
    work.contacts.push(contact(source, answers, talk));
    draft.activities.push(work);
}

/// The pause of a line that keeps agents talking for the drawn share of the hour, so that few who answer find nobody.
fn paced(draft: &mut Draft<'_>, lines_per_agent: f64, answered: f64, body: Body) -> Gap {
    let occupancy = draft.draw("occupancy", 0.45..=0.60);
    let Body::Conversation { median_s, sigma } = body else { return Gap::Fixed { gap_s: 60.0 } };
    // The mean of a lognormal, by the first terms of its series; five seconds of writing; about what dialling takes.
    let square = sigma * sigma / 2.0;
    let talk_s = median_s * (1.0 + square + square * square / 2.0);
    let cycle_s = lines_per_agent * answered * (talk_s + 5.0) / occupancy;
    let busy_s = answered * (12.0 + talk_s) + (1.0 - answered) * 34.0;
    let gap_s = (cycle_s - busy_s).max(4.0);
    Gap::Random(span(gap_s * 0.5, gap_s * 1.5))
}

/// A declared announcer on a few filed numbers; so many calls an hour at once need so many seconds each.
fn announcer(draft: &mut Draft<'_>, week: Week, call_s: f64) -> Activity {
    let (numbers, channels) = (draft.count("numbers", 1..=3), draft.count("channels", 5..=14));
    draft.filing.declared_use = vec!["voice_notification"];
    draft.filing.seats = 1;
    let per_hour = f64::from(numbers * channels) * 3_600.0 / call_s * draft.draw("channels_used", 0.05..=0.20);
    Activity {
        from: draft.world.start,
        to: draft.world.end(),
        every_ms: None,
        week,
        pace: uneven(draft, per_hour),
        lines: numbers * channels,
        callers: draft.numbers(numbers, channels),
        crew: Crew::Nobody,
        kind: Kind::Auto,
        contacts: Vec::new(),
        events: Vec::new(),
    }
}

fn spoken_statement(draft: &mut Draft<'_>) {
    draft.files("energy", "bill_notice", true);
    let mut work = announcer(draft, Week::evening(10, 19, 0.0), 90.0);
    let (answers, talk) = (familiar(draft), recording(draft, 45.0..=80.0, 0.4..=0.75));
    let every_days = draft.count("every_days", 5..=10);
    let source = book(draft, &work, Lives::Home, every_days, 1.0);
    work.contacts.push(contact(source, answers, talk));
    draft.activities.push(work);
}

fn spoken_code(draft: &mut Draft<'_>) {
    draft.files("internet", "pickup_code", true);
    let mut work = announcer(draft, Week::flat(9, 20, 1.0), 60.0);
    let (answers, talk) = (familiar(draft), recording(draft, 7.0..=12.0, 0.7..=0.95));
    let source = strangers(draft);
    work.contacts.push(contact(source, answers, talk));
    draft.activities.push(work);
}
