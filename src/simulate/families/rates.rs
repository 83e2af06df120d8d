//! Abusive: calls at the wrong hour, too many of them, or from too many numbers.

use std::ops::RangeInclusive;

use super::{SEATS, book, cold, cold_talk, complaints, contact, conversation, known, strangers, team_of};
use crate::engine::detector::RuleName;
use crate::engine::record::Kind;
use crate::engine::time::Timestamp;
use crate::simulate::family::{Conduct, Draft, Family, Intensity};
use crate::simulate::numbers::Lives;
use crate::simulate::plan::{Activity, Callers, Contact, Crew, Pace, Week};
use crate::simulate::truth::Breaks;
use crate::simulate::truth::Rule::Built;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "rest_time_calls",
        does: "goes on calling its customers in the evening, before breakfast, or at night",
        conduct: Conduct::Abusive {
            breaks: &[RuleName::RestTime],
            may_break: &[Built(RuleName::ComplaintRatio), Built(RuleName::AbnormalRate)],
        },
        draft: rest_time_calls,
    },
    Family {
        name: "takeover_at_night",
        does: "is a quiet app until, one night, somebody else uses its numbers",
        conduct: Conduct::Abusive {
            breaks: &[RuleName::AbnormalRate, RuleName::RestTime],
            may_break: &[Built(RuleName::BlindDialing), Built(RuleName::RobotDialing), Built(RuleName::ComplaintRatio)],
        },
        draft: takeover_at_night,
    },
    Family {
        name: "surge_by_day",
        does: "is an ordinary app until, one day, new numbers call several times as many strangers",
        conduct: Conduct::Abusive {
            breaks: &[RuleName::AbnormalRate],
            may_break: &[
                Built(RuleName::BlindDialing),
                Built(RuleName::CallerRotation),
                Built(RuleName::RobotDialing),
                Built(RuleName::ComplaintRatio),
            ],
        },
        draft: surge_by_day,
    },
    Family {
        name: "channels_over_limit",
        does: "carries several calls at once on numbers filed for one",
        conduct: Conduct::Abusive { breaks: &[RuleName::AbnormalRate], may_break: &[Built(RuleName::ComplaintRatio)] },
        draft: channels_over_limit,
    },
    Family {
        name: "caller_rotation",
        does: "takes a new caller number, never filed, after every few calls",
        conduct: Conduct::Abusive { breaks: &[RuleName::CallerRotation], may_break: &[Built(RuleName::ComplaintRatio)] },
        draft: caller_rotation,
    },
];

/// A team that calls its customers every other day.
fn ordinary(draft: &mut Draft<'_>, seats: RangeInclusive<u32>, week: Week, calls_per_seat_hour: RangeInclusive<f64>) -> Activity {
    let mut work = team_of(draft, seats, week, calls_per_seat_hour);
    let (answers, talk) = (known(draft), conversation(draft, 40.0..=110.0));
    let source = book(draft, &work, Lives::Home, 2, 1.0);
    work.contacts.push(contact(source, answers, talk));
    work
}

fn rest_time_calls(draft: &mut Draft<'_>) {
    draft.files("retail", "member_care", false);
    let day = ordinary(draft, SEATS, Week::office(9, 20, 0.3), 8.0..=16.0);
    let week = match draft.intensity {
        Intensity::Mild => Week::flat(21, 22, 1.0),
        Intensity::Medium => Week::flat(21, 23, 1.0).and_hours(7, 8),
        Intensity::Strong => Week::flat(21, 24, 1.0).and_hours(0, 1).and_hours(6, 8),
    };
    let per_hour = draft.by_intensity("rest_calls_per_hour", [8.0..=20.0, 20.0..=60.0, 60.0..=150.0]);
    let pace = Pace::Arrivals { per_hour, day_cv: 0.2, bin_cv: 0.2 };
    // The same seats and numbers: nobody works in these hours otherwise.
    let mut rest = Activity { from: draft.abuse_from(), week, pace, contacts: Vec::new(), events: Vec::new(), ..day };
    let (answers, talk, voices) = (known(draft), conversation(draft, 40.0..=110.0), complaints(draft));
    let source = book(draft, &rest, Lives::Home, 2, 1.0);
    rest.contacts.push(Contact { voices, ..contact(source, answers, talk) });
    draft.activities.extend([day, rest]);
}

fn takeover_at_night(draft: &mut Draft<'_>) {
    draft.files("software", "account_management", false);
    let day = ordinary(draft, 12..=24, Week::office(9, 18, 0.0), 2.0..=5.0);
    let (hour, hours) = (draft.draw("takeover_hour", 1.0..=3.0), draft.draw("takeover_hours", 0.5..=2.0));
    let (from, to) = draft.some_day(hour, hours, &day.week);
    // 20 to 100 calls in five minutes.
    let per_hour = draft.by_intensity("takeover_calls_per_hour", [240.0..=360.0, 360.0..=700.0, 700.0..=1_200.0]);
    // On the app's own numbers, which nobody else uses at night, one call at a time each.
    let night = burst(draft, from, to, per_hour, day.callers);
    draft.activities.extend([day, night]);
}

fn surge_by_day(draft: &mut Draft<'_>) {
    draft.files("retail", "member_care", false);
    let day = ordinary(draft, SEATS, Week::office(9, 19, 0.2), 6.0..=12.0);
    let (hour, hours) = (draft.draw("surge_hour", 9.5..=14.0), draft.draw("surge_hours", 2.0..=4.0));
    let (from, to) = draft.some_day(hour, hours, &day.week);
    let Pace::Arrivals { per_hour, .. } = day.pace else { return };
    let factor = draft.by_intensity("surge_factor", [2.0..=3.0, 3.0..=5.0, 5.0..=8.0]);
    // A number is busy for about half a minute a call; there are some to spare.
    let callers = draft.secret_numbers((per_hour * factor / 60.0).ceil() as u32 + 4, 1);
    let surge = burst(draft, from, to, per_hour * factor, callers);
    draft.activities.extend([day, surge]);
}

/// A burst of calls to strangers, whatever the hour, by a machine.
fn burst(draft: &mut Draft<'_>, from: Timestamp, to: Timestamp, per_hour: f64, callers: Callers) -> Activity {
    let (answers, talk, voices) = (cold(draft), cold_talk(draft), complaints(draft));
    let source = strangers(draft);
    Activity {
        from,
        to: to.min(draft.world.end()),
        every_ms: draft.world.recurrence_ms(),
        week: Week::flat(0, 24, 1.0),
        pace: Pace::Arrivals { per_hour, day_cv: 0.0, bin_cv: 0.1 },
        lines: callers.count,
        callers,
        crew: Crew::Nobody,
        kind: Kind::Unknown,
        contacts: vec![Contact { voices, breaks: Breaks::only(RuleName::AbnormalRate), ..contact(source, answers, talk) }],
        events: Vec::new(),
    }
}

fn channels_over_limit(draft: &mut Draft<'_>) {
    draft.files("logistics", "customer_care", true);
    let mut work = ordinary(draft, SEATS, Week::office(9, 19, 0.2), 20.0..=28.0);
    let per_number = draft.count_by_intensity("calls_at_once", [2..=2, 3..=4, 5..=8]);
    work.callers.lines_per_number = per_number;
    work.callers.count = work.lines.div_ceil(per_number);
    work.from = draft.abuse_from();
    draft.activities.push(work);
}

fn caller_rotation(draft: &mut Draft<'_>) {
    draft.files("consulting", "customer_care", true);
    let mut work = ordinary(draft, 4..=12, Week::office(9, 19, 0.2), 12.0..=20.0);
    let per_line = draft.count("numbers_per_line", 30..=80);
    work.callers.change_after = draft.count_by_intensity("calls_per_number", [3..=4, 2..=2, 1..=1]);
    draft.secret_numbers(work.lines * (per_line - 1), 1);
    work.callers.count = work.lines * per_line;
    let voices = complaints(draft);
    for contact in &mut work.contacts {
        contact.breaks = Breaks::only(RuleName::CallerRotation);
        contact.voices = voices;
    }
    draft.activities.push(work);
}
