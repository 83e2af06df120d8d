//! Abusive: calls at hours that are not the app's, by others or by itself.

use super::{anger, chat, clientele, curt, familiar, unasked};
use crate::engine::detector::RuleName;
use crate::engine::record::Kind;
use crate::engine::time::{DAY_S, SECOND_MS, Timestamp};
use crate::simulate::family::{Conduct, Draft, Family, Intensity};
use crate::simulate::numbers::Lives;
use crate::simulate::parts::{book, contact, strangers};
use crate::simulate::plan::{Activity, Callers, Contact, Crew, Pace, Week};
use crate::simulate::truth::Breaks;
use crate::simulate::truth::Rule::{self, Built};

const BESIDES: [Rule; 4] = [
    Built(RuleName::BlindDialing),
    Built(RuleName::RobotDialing),
    Built(RuleName::CallerRotation),
    Built(RuleName::ComplaintRatio),
];

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "intruder_at_night",
        does: "is a quiet app until, in one night or two, somebody else uses its numbers",
        conduct: Conduct::Abusive { breaks: &[RuleName::AbnormalRate, RuleName::RestTime], may_break: &BESIDES },
        draft: intruder_at_night,
    },
    Family {
        name: "intruder_in_the_evening",
        does: "closes in the afternoon until, one evening, somebody else uses its numbers",
        conduct: Conduct::Abusive {
            breaks: &[RuleName::AbnormalRate],
            may_break: &[
                Built(RuleName::BlindDialing),
                Built(RuleName::RobotDialing),
                Built(RuleName::RestTime),
                Built(RuleName::ComplaintRatio),
            ],
        },
        draft: intruder_in_the_evening,
    },
    Family {
        name: "intruder_at_the_weekend",
        does: "never works at weekends until, on one, somebody else uses its numbers",
        conduct: Conduct::Abusive { breaks: &[RuleName::AbnormalRate], may_break: &BESIDES },
        draft: intruder_at_the_weekend,
    },
    Family {
        name: "intruder_by_day",
        does: "is an ordinary app until, in working hours, somebody else adds numbers and calls strangers",
        conduct: Conduct::Abusive { breaks: &[RuleName::AbnormalRate], may_break: &BESIDES },
        draft: intruder_by_day,
    },
    Family {
        name: "early_and_late",
        does: "calls its customers before the hours it may and after them",
        conduct: Conduct::Abusive {
            breaks: &[RuleName::RestTime],
            may_break: &[Built(RuleName::ComplaintRatio), Built(RuleName::AbnormalRate)],
        },
        draft: early_and_late,
    },
];

/// An app with little to do from nine to five, and a number for each of its many seats.
fn quiet_app(draft: &mut Draft<'_>) -> Activity {
    draft.files("software", "client_service", false);
    clientele(draft, 12..=30, Week::flat(9, 17, 0.0), 1.0..=4.0, 1.0)
}

fn intruder_at_night(draft: &mut Draft<'_>) {
    let day = quiet_app(draft);
    let (hour, hours) = (draft.draw("intrusion_hour", 0.5..=4.0), draft.draw("intrusion_hours", 0.4..=1.8));
    let (from, to) = draft.some_day(hour, hours, &day.week);
    for night in 0..draft.count("nights", 1..=2) {
        let later_ms = i64::from(night) * i64::from(DAY_S) * SECOND_MS;
        intrude(draft, (from.plus_millis(later_ms), to.plus_millis(later_ms)), day.callers);
    }
    draft.activities.push(day);
}

fn intruder_in_the_evening(draft: &mut Draft<'_>) {
    let day = quiet_app(draft);
    let (hour, hours) = (draft.draw("intrusion_hour", 18.2..=20.0), draft.draw("intrusion_hours", 0.5..=2.5));
    let times = draft.some_day(hour, hours, &day.week);
    intrude(draft, times, day.callers);
    draft.activities.push(day);
}

fn intruder_at_the_weekend(draft: &mut Draft<'_>) {
    let day = quiet_app(draft);
    let (hour, hours) = (draft.draw("intrusion_hour", 9.0..=16.0), draft.draw("intrusion_hours", 0.5..=3.0));
    let times = draft.some_day(hour, hours, &Week::weekend(9, 17));
    intrude(draft, times, day.callers);
    draft.activities.push(day);
}

fn intruder_by_day(draft: &mut Draft<'_>) {
    draft.files("travel", "client_service", false);
    let day = clientele(draft, 5..=20, Week::office(9, 18, 0.3), 4.0..=11.0, 1.0);
    let (hour, hours) = (draft.draw("intrusion_hour", 9.2..=14.5), draft.draw("intrusion_hours", 1.0..=3.5));
    let times = draft.some_day(hour, hours, &day.week);
    let per_hour = intrusion_rate(draft);
    // A number is busy for about half a minute a call; there are some to spare.
    let callers = draft.secret_numbers((per_hour / 50.0).ceil() as u32 + 3, 1);
    intrude(draft, times, callers);
    draft.activities.push(day);
}

fn intrusion_rate(draft: &mut Draft<'_>) -> f64 {
    draft.by_intensity("intrusion_calls_per_hour", [220.0..=340.0, 320.0..=640.0, 600.0..=1_500.0])
}

/// A burst of calls to strangers, whatever the hour, on these numbers.
fn intrude(draft: &mut Draft<'_>, (from, to): (Timestamp, Timestamp), callers: Callers) {
    let per_hour = intrusion_rate(draft);
    let (answers, talk, voices, source) = (unasked(draft), curt(draft), anger(draft), strangers(draft));
    draft.activities.push(Activity {
        from,
        to: to.min(draft.world.end()),
        every_ms: draft.world.recurrence_ms(),
        week: Week::flat(0, 24, 1.0),
        pace: Pace::Arrivals { per_hour, day_cv: 0.0, bin_cv: 0.2 },
        lines: callers.count,
        callers,
        crew: Crew::Nobody,
        kind: Kind::Unknown,
        contacts: vec![Contact { voices, breaks: Breaks::only(RuleName::AbnormalRate), ..contact(source, answers, talk) }],
        events: Vec::new(),
    });
}

fn early_and_late(draft: &mut Draft<'_>) {
    draft.files("retail", "client_service", false);
    let day = clientele(draft, 4..=16, Week::office(9, 19, 0.4), 5.0..=14.0, 1.0);
    let week = match draft.intensity {
        Intensity::Mild => Week::flat(7, 8, 1.0),
        Intensity::Medium => Week::flat(6, 8, 1.0).and_hours(22, 23),
        Intensity::Strong => Week::flat(5, 8, 1.0).and_hours(21, 24),
    };
    let per_hour = draft.by_intensity("rest_calls_per_hour", [5.0..=14.0, 14.0..=50.0, 50.0..=180.0]);
    let (seats, callers) = (day.lines, day.callers);
    let mut rest = Activity {
        from: draft.abuse_from(),
        to: day.to,
        every_ms: None,
        week,
        pace: Pace::Arrivals { per_hour, day_cv: 0.3, bin_cv: 0.2 },
        lines: seats,
        callers,
        crew: Crew::PerLine,
        kind: Kind::Agent,
        contacts: Vec::new(),
        events: Vec::new(),
    };
    let (answers, talk, voices) = (familiar(draft), chat(draft, 0.01..=0.07, 35.0..=170.0), anger(draft));
    let source = book(draft, &rest, Lives::Home, 3, 1.0);
    rest.contacts.push(Contact { voices, ..contact(source, answers, talk) });
    draft.activities.extend([day, rest]);
}
