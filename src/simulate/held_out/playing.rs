//! Abusive: machines that dial and speak, or say nothing, where people were declared.

use super::{anger, chat, clientele, recording, unheard};
use crate::engine::detector::RuleName;
use crate::engine::record::Kind;
use crate::simulate::draw::span;
use crate::simulate::family::{Conduct, Draft, Family};
use crate::simulate::parts::{contact, minutes, seated, strangers};
use crate::simulate::plan::{Activity, Answers, Body, Contact, Crew, Gap, Pace, Talk, Week};
use crate::simulate::truth::Breaks;
use crate::simulate::truth::Rule::Built;

const CONDUCT: Conduct = Conduct::Abusive {
    breaks: &[RuleName::RobotDialing],
    may_break: &[Built(RuleName::BlindDialing), Built(RuleName::ComplaintRatio), Built(RuleName::AbnormalRate)],
};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "machine_fixed_gap",
        does: "plays a recording; every line dials the same long time after each call",
        conduct: CONDUCT,
        draft: fixed_gap,
    },
    Family { name: "machine_beat", does: "plays a recording; every line dials on a quick beat", conduct: CONDUCT, draft: beat },
    Family {
        name: "machine_jitter",
        does: "plays a recording; the time after each call varies by 15 to 50 %",
        conduct: CONDUCT,
        draft: jitter,
    },
    Family {
        name: "machine_random_gap",
        does: "plays a recording; the time after each call is anything up to a minute or more",
        conduct: CONDUCT,
        draft: random_gap,
    },
    Family {
        name: "machine_among_people",
        does: "lets machines call strangers on some lines while agents call customers on others",
        conduct: CONDUCT,
        draft: among_people,
    },
    Family {
        name: "unnamed_recording",
        does: "plays a recording with pauses like a person's; nothing says what placed the calls",
        conduct: CONDUCT,
        draft: unnamed_recording,
    },
    Family {
        name: "silent_calls",
        does: "rings people to see who answers, and says nothing to most of them",
        conduct: CONDUCT,
        draft: silent_calls,
    },
];

/// How long the machines rest after a call.
fn long_gap(draft: &mut Draft<'_>) -> Gap {
    Gap::Fixed { gap_s: draft.draw("gap_s", 7.0..=25.0) }
}

fn fixed_gap(draft: &mut Draft<'_>) {
    let gap = long_gap(draft);
    let talk = message(draft);
    machines(draft, gap, talk);
}

fn beat(draft: &mut Draft<'_>) {
    let gap = Gap::Beat { period_s: draft.draw("period_s", 25.0..=58.0) };
    let talk = recording(draft, 8.0..=16.0, 0.3..=0.7);
    machines(draft, gap, talk);
}

fn jitter(draft: &mut Draft<'_>) {
    let (mean_s, by) = (draft.draw("gap_s", 4.0..=14.0), draft.draw("jitter", 0.15..=0.50));
    let talk = message(draft);
    machines(draft, Gap::Random(span(mean_s * (1.0 - by), mean_s * (1.0 + by))), talk);
}

fn random_gap(draft: &mut Draft<'_>) {
    let gap = Gap::Random(span(draft.draw("gap_least_s", 6.0..=14.0), draft.draw("gap_most_s", 50.0..=80.0)));
    let talk = message(draft);
    machines(draft, gap, talk);
}

fn unnamed_recording(draft: &mut Draft<'_>) {
    let gap = Gap::Person {
        wrap_up_s: draft.draw("wrap_up_s", 5.0..=25.0),
        break_share: draft.draw("break_share", 0.03..=0.10),
        break_s: minutes(2.5, 15.0),
    };
    let talk = message(draft);
    machines(draft, gap, talk);
}

fn silent_calls(draft: &mut Draft<'_>) {
    let gap = Gap::Random(span(2.0, draft.draw("gap_most_s", 8.0..=30.0)));
    let dropped = draft.by_intensity("silent", [0.40..=0.60, 0.60..=0.80, 0.80..=0.95]);
    let talk = Talk { dropped, ..chat(draft, 0.04..=0.05, 20.0..=40.0) };
    machines(draft, gap, talk);
}

fn among_people(draft: &mut Draft<'_>) {
    let people = clientele(draft, 4..=14, Week::office(9, 19, 0.2), 6.0..=14.0, 1.0);
    draft.activities.push(people);
    let gap = match draft.count("gap_choice", 0..=1) {
        0 => long_gap(draft),
        _ => Gap::Random(span(9.0, 45.0)),
    };
    let talk = recording_beside(draft);
    machines(draft, gap, talk);
}

fn message(draft: &mut Draft<'_>) -> Talk {
    recording(draft, 10.0..=55.0, 0.2..=0.7)
}

/// A recording of an app whose people talk as well.
fn recording_beside(draft: &mut Draft<'_>) -> Talk {
    let body = Body::Playback { length_s: draft.draw("recording_s", 12.0..=50.0), heard: draft.draw("heard", 0.3..=0.7) };
    Talk { short: draft.draw("recording_short", 0.04..=0.12), dropped: 0.0, body }
}

/// Lines without people that dial strangers.
fn machines(draft: &mut Draft<'_>, gap: Gap, talk: Talk) {
    draft.files("advertising", "client_service", false);
    let lines = draft.count_by_intensity("lines", [1..=3, 2..=5, 4..=9]);
    let (open, close) = [(8, 17), (10, 19), (9, 21)][draft.count("hours_choice", 0..=2) as usize];
    let mut work: Activity = seated(draft, lines, Week::flat(open, close, 1.0), Pace::Lines { gap, day_cv: 0.0 });
    work.from = draft.begins_after(0.0..=0.5);
    work.crew = Crew::Nobody;
    work.kind = Kind::Unknown;
    let answers = Answers {
        answered: draft.draw("machine_answered", 0.25..=0.60),
        rejected: draft.draw("machine_rejected", 0.04..=0.12),
        invalid: draft.draw("machine_invalid", 0.01..=0.07),
        ..unheard(draft)
    };
    let (source, voices) = (strangers(draft), anger(draft));
    work.contacts.push(Contact { voices, breaks: Breaks::only(RuleName::RobotDialing), ..contact(source, answers, talk) });
    draft.activities.push(work);
}
