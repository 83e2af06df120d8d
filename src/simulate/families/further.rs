//! Further families to tune on. They are drawn only when asked for: the worlds of the usual families stay what they are.

use super::{
    arrivals, book, cold, cold_talk, complaints, contact, conversation, elsewhere, known, minutes, retry, seated, strangers,
    team, team_of,
};
use crate::engine::detector::RuleName;
use crate::engine::record::Kind;
use crate::simulate::draw::span;
use crate::simulate::family::{Conduct, Draft, Family};
use crate::simulate::numbers::Lives;
use crate::simulate::plan::{Activity, Answers, Body, Contact, Crew, Follow, Gap, Pace, Talk, Trigger, Voices, Week};
use crate::simulate::truth::Breaks;
use crate::simulate::truth::Rule::Built;

const BLIND: Conduct = Conduct::Abusive {
    breaks: &[RuleName::BlindDialing],
    may_break: &[Built(RuleName::ComplaintRatio), Built(RuleName::AbnormalRate)],
};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "progressive_dialer",
        does: "dials the next customer as soon as an agent is free: machine timing, people talking",
        conduct: Conduct::Clean,
        draft: progressive_dialer,
    },
    Family {
        name: "blind_low_and_slow",
        does: "calls some thirty strangers a day and no more",
        conduct: BLIND,
        draft: blind_low_and_slow,
    },
    Family {
        name: "new_campaign_day",
        does: "knows its customers and, on one day, calls people who had just asked for it",
        conduct: Conduct::Clean,
        draft: new_campaign_day,
    },
    Family {
        name: "blind_rotated",
        does: "calls strangers, a few of them from each number, and filed none of the numbers",
        conduct: Conduct::Abusive {
            breaks: &[RuleName::BlindDialing, RuleName::CallerRotation],
            may_break: &[Built(RuleName::ComplaintRatio), Built(RuleName::AbnormalRate)],
        },
        draft: blind_rotated,
    },
    Family {
        name: "seat_expansion",
        does: "doubles its agents from one day on, as filed",
        conduct: Conduct::Clean,
        draft: seat_expansion,
    },
    Family {
        name: "robot_among_people",
        does: "lets agents call customers, and a machine strangers on other lines",
        conduct: Conduct::Abusive {
            breaks: &[RuleName::RobotDialing],
            may_break: &[Built(RuleName::BlindDialing), Built(RuleName::ComplaintRatio), Built(RuleName::AbnormalRate)],
        },
        draft: robot_among_people,
    },
    Family {
        name: "night_desk",
        does: "is called day and night, and calls back the few it missed",
        conduct: Conduct::Clean,
        draft: night_desk,
    },
    Family { name: "recycled_list", does: "calls the same strangers again every few days", conduct: BLIND, draft: recycled_list },
];

fn progressive_dialer(draft: &mut Draft<'_>) {
    draft.files("finance", "member_care", false);
    let gap = Gap::Progressive {
        pause_s: span(1.0, 3.0),
        wrap_up_s: draft.draw("wrap_up_s", 10.0..=25.0),
        wrap_up_cv: draft.draw("wrap_up_cv", 0.25..=0.5),
        break_share: draft.draw("break_share", 0.05..=0.10),
        break_s: minutes(3.0, 15.0),
    };
    let seats = draft.count("seats", 4..=16);
    let mut work = seated(draft, seats, Week::office(9, 18, 0.0), Pace::Lines { gap, day_cv: 0.15 });
    let (answers, talk) = (known(draft), conversation(draft, 40.0..=110.0));
    let source = book(draft, &work, Lives::Home, 3, 1.0);
    work.contacts.push(contact(source, answers, talk));
    draft.activities.push(work);
}

/// A team that calls its customers every other day.
fn ordinary(draft: &mut Draft<'_>) -> Activity {
    let mut work = team(draft, Week::office(9, 19, 0.2), 6.0..=14.0);
    let customers = customers(draft, &work);
    work.contacts.push(customers);
    work
}

fn customers(draft: &mut Draft<'_>, work: &Activity) -> Contact {
    let (answers, talk, follow) = (known(draft), conversation(draft, 40.0..=110.0), Some(retry(draft)));
    let source = book(draft, work, Lives::Home, 2, 1.0);
    Contact { follow, ..contact(source, answers, talk) }
}

fn new_campaign_day(draft: &mut Draft<'_>) {
    draft.files("automobile", "test_drive", true);
    let work = ordinary(draft);
    let (hour, hours) = (draft.draw("campaign_hour", 9.5..=10.5), draft.draw("campaign_hours", 5.0..=8.0));
    let (from, to) = draft.some_day(hour, hours, &work.week);
    let seats = draft.count("campaign_seats", 8..=16);
    let per_hour = f64::from(seats) * draft.draw("campaign_calls_per_seat_hour", 10.0..=16.0);
    let pace = arrivals(draft, per_hour);
    let mut campaign = seated(draft, seats, work.week.clone(), pace);
    (campaign.from, campaign.to, campaign.every_ms) = (from, to.min(draft.world.end()), draft.world.recurrence_ms());
    let (answers, talk, follow) = (known(draft), conversation(draft, 40.0..=110.0), Some(retry(draft)));
    let voices = Voices { opt_out: 0.002, consent: draft.draw("consent", 0.85..=1.0), ..Voices::default() };
    let source = strangers(draft);
    campaign.contacts.push(Contact { follow, voices, ..contact(source, answers, talk) });
    draft.activities.extend([work, campaign]);
}

fn seat_expansion(draft: &mut Draft<'_>) {
    draft.files("telecom", "member_care", true);
    let work = ordinary(draft);
    let (from, _) = draft.some_day(8.0, 1.0, &work.week);
    let further = ordinary(draft);
    draft.activities.extend([work, Activity { from, ..further }]);
}

fn night_desk(draft: &mut Draft<'_>) {
    draft.files("travel", "emergency_desk", true);
    draft.numbers(1, 1);
    let week = Week::round_the_clock(draft.draw("night_level", 0.4..=0.6));
    let mut work = team_of(draft, 4..=10, week, 4.0..=8.0);
    if let Some(service) = draft.filing.callers.first_mut() {
        service.channels = work.lines;
    }
    let follow = Follow {
        after: Trigger::MissedInbound,
        share: draft.draw("callback_share", 0.7..=1.0),
        times: 2,
        wait_s: minutes(3.0, 15.0),
        insists: false,
        same_number: true,
    };
    let inbound_missed = Some(draft.draw("missed", 0.08..=0.16));
    let (answers, talk) = (known(draft), conversation(draft, 60.0..=140.0));
    let source = book(draft, &work, Lives::Home, 10, 1.0);
    work.contacts.push(Contact { inbound_missed, follow: Some(follow), ..contact(source, answers, talk) });
    draft.activities.push(work);
}

fn blind(draft: &mut Draft<'_>) -> Contact {
    let (answers, talk, voices, source) = (cold(draft), cold_talk(draft), complaints(draft), strangers(draft));
    Contact { voices, breaks: Breaks::only(RuleName::BlindDialing), ..contact(source, answers, talk) }
}

fn blind_low_and_slow(draft: &mut Draft<'_>) {
    draft.files("consulting", "customer_care", false);
    let week = Week::office(9, 18, 0.0);
    let per_day = draft.by_intensity("calls_a_day", [20.0..=28.0, 28.0..=40.0, 40.0..=60.0]);
    let pace = Pace::Arrivals { per_hour: per_day / week.busiest_day(), day_cv: 0.2, bin_cv: 0.2 };
    let mut work = seated(draft, 2, week, pace);
    let blind = blind(draft);
    work.contacts.push(blind);
    draft.activities.push(work);
}

fn blind_rotated(draft: &mut Draft<'_>) {
    draft.files("consulting", "customer_care", true);
    let mut work = team_of(draft, 4..=10, Week::office(9, 19, 0.2), 12.0..=20.0);
    let per_line = draft.count("numbers_per_line", 30..=80);
    work.callers.change_after = draft.count_by_intensity("calls_per_number", [3..=4, 2..=3, 1..=2]);
    draft.secret_numbers(work.lines * (per_line - 1), 1);
    work.callers.count = work.lines * per_line;
    let mut blind = blind(draft);
    blind.breaks = blind.breaks.and(Breaks::only(RuleName::CallerRotation));
    work.contacts.push(blind);
    draft.activities.push(work);
}

fn recycled_list(draft: &mut Draft<'_>) {
    draft.files("consulting", "customer_care", false);
    let mut work = team(draft, Week::office(9, 19, 0.4), 12.0..=20.0);
    let (answers, talk, voices) = (cold(draft), cold_talk(draft), complaints(draft));
    let every_days = draft.count("again_after_days", 3..=6);
    let source = book(draft, &work, Lives::Home, every_days, 0.7);
    work.contacts.push(Contact { voices, breaks: Breaks::only(RuleName::BlindDialing), ..contact(source, answers, talk) });
    draft.activities.push(work);
}

fn robot_among_people(draft: &mut Draft<'_>) {
    draft.files("retail", "member_care", false);
    let people = ordinary(draft);
    draft.activities.push(people);
    let gap = Gap::Fixed { gap_s: draft.draw("gap_s", 1.0..=6.0) };
    let lines = draft.count_by_intensity("lines", [2..=3, 3..=5, 5..=8]);
    let mut machine = seated(draft, lines, Week::flat(9, 20, 1.0), Pace::Lines { gap, day_cv: 0.0 });
    machine.from = draft.begins_after(0.0..=0.4);
    machine.crew = Crew::Nobody;
    machine.kind = Kind::Unknown;
    let answers = Answers {
        answered: draft.draw("machine_answered", 0.35..=0.50),
        rejected: draft.draw("machine_rejected", 0.05..=0.09),
        invalid: draft.draw("machine_invalid", 0.02..=0.05),
        ..elsewhere(draft)
    };
    let body = Body::Playback { length_s: draft.draw("playback_s", 14.0..=40.0), heard: draft.draw("heard", 0.25..=0.55) };
    let talk = Talk { short: draft.draw("playback_short", 0.03..=0.08), dropped: 0.0, body };
    let (source, voices) = (strangers(draft), complaints(draft));
    machine.contacts.push(Contact { voices, breaks: Breaks::only(RuleName::RobotDialing), ..contact(source, answers, talk) });
    draft.activities.push(machine);
}
