//! Abusive: machines that dial and speak where only people were declared.

use super::{complaints, contact, elsewhere, playback, seated, strangers, talk};
use crate::engine::detector::RuleName;
use crate::engine::record::Kind;
use crate::simulate::draw::span;
use crate::simulate::family::{Conduct, Draft, Family};
use crate::simulate::plan::{Activity, Answers, Contact, Crew, Gap, Pace, Talk, Week};
use crate::simulate::truth::Breaks;
use crate::simulate::truth::Rule::Built;

const CONDUCT: Conduct = Conduct::Abusive {
    breaks: &[RuleName::RobotDialing],
    may_break: &[Built(RuleName::BlindDialing), Built(RuleName::ComplaintRatio), Built(RuleName::AbnormalRate)],
};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "robot_fixed_gap",
        does: "plays a recording; every line dials the same time after each call",
        conduct: CONDUCT,
        draft: fixed_gap,
    },
    Family {
        name: "robot_fixed_start",
        does: "plays a recording; every line dials on a beat",
        conduct: CONDUCT,
        draft: fixed_start,
    },
    Family {
        name: "robot_jitter",
        does: "plays a recording; the time after each call varies by 30 %",
        conduct: CONDUCT,
        draft: jitter,
    },
    Family {
        name: "robot_random_gap",
        does: "plays a recording; the time after each call is anything from 10 to 60 s",
        conduct: CONDUCT,
        draft: random_gap,
    },
    Family {
        name: "dropped_answers",
        does: "dials more people than its agents can take, and hangs up on many who answer",
        conduct: CONDUCT,
        draft: dropped_answers,
    },
];

fn fixed_gap(draft: &mut Draft<'_>) {
    let gap = Gap::Fixed { gap_s: draft.draw("gap_s", 1.0..=6.0) };
    robot(draft, gap);
}

fn fixed_start(draft: &mut Draft<'_>) {
    // Longer than most calls last, as such a machine must be; a longer call costs it a beat.
    let gap = Gap::Beat { period_s: draft.draw("period_s", 60.0..=110.0) };
    robot(draft, gap);
}

fn jitter(draft: &mut Draft<'_>) {
    let mean_s = draft.draw("gap_s", 3.0..=7.0);
    robot(draft, Gap::Random(span(mean_s * 0.7, mean_s * 1.3)));
}

fn random_gap(draft: &mut Draft<'_>) {
    robot(draft, Gap::Random(span(10.0, 60.0)));
}

/// Lines that dial strangers all day without a pause; nobody of the app is ever on the line.
fn robot(draft: &mut Draft<'_>, gap: Gap) {
    let mut work = machine(draft, gap);
    work.crew = Crew::Nobody;
    work.kind = if draft.chance.chance(0.5) { Kind::Auto } else { Kind::Unknown };
    let (answers, talk) = (lukewarm(draft), playback(draft, 0.25..=0.55));
    let (source, voices) = (strangers(draft), complaints(draft));
    work.contacts.push(Contact { voices, breaks: Breaks::only(RuleName::RobotDialing), ..contact(source, answers, talk) });
    draft.activities.push(work);
}

fn machine(draft: &mut Draft<'_>, gap: Gap) -> Activity {
    draft.files("consulting", "customer_care", false);
    let from = draft.begins_after(0.0..=0.4);
    let lines = draft.count_by_intensity("lines", [2..=3, 3..=5, 5..=8]);
    let mut work = seated(draft, lines, Week::flat(9, 20, 1.0), Pace::Lines { gap, day_cv: 0.0 });
    work.from = from;
    work
}

/// How strangers take a call that may be of use to them.
fn lukewarm(draft: &mut Draft<'_>) -> Answers {
    Answers {
        answered: draft.draw("answered", 0.35..=0.50),
        rejected: draft.draw("rejected", 0.05..=0.09),
        invalid: draft.draw("invalid", 0.02..=0.05),
        ..elsewhere(draft)
    }
}

fn dropped_answers(draft: &mut Draft<'_>) {
    let mut work = machine(draft, Gap::Random(span(2.0, 8.0)));
    let agents = work.lines;
    // Three lines an agent: not more than the seats allow, but too many for so many answers.
    draft.numbers(2 * agents, 1);
    work.lines *= 3;
    work.callers.count *= 3;
    work.crew = Crew::Shared(agents);
    work.kind = Kind::Predictive;
    let dropped = draft.by_intensity("dropped", [0.08..=0.14, 0.14..=0.25, 0.25..=0.45]);
    let (answers, voices) = (lukewarm(draft), complaints(draft));
    let talk = Talk { dropped, ..talk(draft, 0.08..=0.14, 20.0..=40.0) };
    let source = strangers(draft);
    work.contacts.push(Contact { voices, breaks: Breaks::only(RuleName::RobotDialing), ..contact(source, answers, talk) });
    draft.activities.push(work);
}
