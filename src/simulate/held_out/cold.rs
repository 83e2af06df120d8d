//! Abusive: calls to people who never agreed.

use super::{anger, crew, curt, regulars, unasked, unheard};
use crate::engine::detector::RuleName;
use crate::simulate::family::{Conduct, Draft, Family};
use crate::simulate::numbers::{BLOCK, Lives, Offset, Walk};
use crate::simulate::parts::{book, contact, seated, strangers};
use crate::simulate::plan::{Activity, Answers, Contact, Pace, Source, Week};
use crate::simulate::truth::Breaks;
use crate::simulate::truth::Rule::Built;

const CONDUCT: Conduct = Conduct::Abusive {
    breaks: &[RuleName::BlindDialing],
    may_break: &[Built(RuleName::ComplaintRatio), Built(RuleName::AbnormalRate)],
};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "cold_prospects",
        does: "calls strangers from a list it should not have",
        conduct: CONDUCT,
        draft: cold_prospects,
    },
    Family {
        name: "trickle",
        does: "calls a few dozen strangers a day, among calls to as many customers or alone",
        conduct: CONDUCT,
        draft: trickle,
    },
    Family {
        name: "range_walk",
        does: "calls number after number of a range, from the middle of each block",
        conduct: CONDUCT,
        draft: range_walk,
    },
    Family {
        name: "third_cold_shared_numbers",
        does: "hides a third of cold calls among calls to customers, on the same numbers",
        conduct: CONDUCT,
        draft: third_cold_shared_numbers,
    },
    Family {
        name: "range_leaps",
        does: "calls every third, fourth or seventh number of a range",
        conduct: CONDUCT,
        draft: range_leaps,
    },
    Family {
        name: "third_cold_own_numbers",
        does: "makes a third of its calls to strangers, on numbers kept for that",
        conduct: CONDUCT,
        draft: third_cold_own_numbers,
    },
    Family {
        name: "range_scatter",
        does: "calls the numbers of a range in random order",
        conduct: CONDUCT,
        draft: range_scatter,
    },
    Family {
        name: "prospects_again",
        does: "calls the same strangers again some days later",
        conduct: CONDUCT,
        draft: prospects_again,
    },
    Family { name: "range_by_turns", does: "calls the numbers of two ranges by turns", conduct: CONDUCT, draft: range_by_turns },
    Family {
        name: "range_hops",
        does: "calls a few dozen numbers of a range and goes on to the next",
        conduct: CONDUCT,
        draft: range_hops,
    },
    Family {
        name: "cold_rotating_numbers",
        does: "calls strangers, each few of them from a number that was never filed",
        conduct: Conduct::Abusive {
            breaks: &[RuleName::BlindDialing, RuleName::CallerRotation],
            may_break: &[Built(RuleName::ComplaintRatio), Built(RuleName::AbnormalRate)],
        },
        draft: cold_rotating_numbers,
    },
];

/// A team without contacts that begins in the first half.
fn campaign(draft: &mut Draft<'_>) -> Activity {
    draft.files("advertising", "client_service", false);
    let week = match draft.count("week_choice", 0..=2) {
        0 => Week::flat(9, 18, 0.0),
        1 => Week::evening(11, 20, 0.6),
        _ => Week::morning(8, 17, 1.0),
    };
    let mut work = crew(draft, 3..=20, week, 10.0..=32.0);
    work.from = draft.begins_after(0.0..=0.5);
    work
}

/// Calls that nobody agreed to.
fn cold(draft: &mut Draft<'_>, source: Source, answers: Answers) -> Contact {
    let (talk, voices) = (curt(draft), anger(draft));
    Contact { voices, breaks: Breaks::only(RuleName::BlindDialing), ..contact(source, answers, talk) }
}

/// Such calls to people of a list.
fn cold_list(draft: &mut Draft<'_>) -> Contact {
    let (answers, source) = (unasked(draft), strangers(draft));
    cold(draft, source, answers)
}

fn cold_prospects(draft: &mut Draft<'_>) {
    let mut work = campaign(draft);
    let calls = cold_list(draft);
    work.contacts.push(calls);
    draft.activities.push(work);
}

fn trickle(draft: &mut Draft<'_>) {
    draft.files("consulting", "client_service", false);
    let week = Week::office(9, 18, 0.0);
    let per_day = draft.by_intensity("cold_calls_a_day", [18.0..=30.0, 25.0..=45.0, 40.0..=70.0]);
    let per_hour = per_day / week.busiest_day();
    let pace = Pace::Arrivals { per_hour, day_cv: 0.3, bin_cv: 0.3 };
    let seats = draft.count("seats", 1..=3);
    let mut work = seated(draft, seats, week, pace);
    let calls = cold_list(draft);
    work.contacts.push(calls);
    work.from = draft.begins_after(0.0..=0.2);
    draft.activities.push(work);
}

fn prospects_again(draft: &mut Draft<'_>) {
    let mut work = campaign(draft);
    let (answers, every_days) = (unasked(draft), draft.count("again_after_days", 2..=9));
    let source = book(draft, &work, Lives::Home, every_days, 0.7);
    let calls = cold(draft, source, answers);
    work.contacts.push(calls);
    draft.activities.push(work);
}

/// Customers, and a third of strangers on the same numbers.
fn third_cold_shared_numbers(draft: &mut Draft<'_>) {
    draft.files("finance", "client_service", false);
    let mut work = crew(draft, 5..=20, Week::office(9, 18, 0.2), 8.0..=20.0);
    let share = draft.by_intensity("cold_share", [0.28..=0.33, 0.31..=0.37, 0.35..=0.42]);
    let (customers, calls) = (regulars(draft, &work, 1.0), cold_list(draft));
    work.contacts.push(Contact { weight: 1.0 - share, ..customers });
    work.contacts.push(Contact { weight: share, ..calls });
    draft.activities.push(work);
}

/// A team for customers, and one of half its size or less for strangers.
fn third_cold_own_numbers(draft: &mut Draft<'_>) {
    draft.files("finance", "client_service", false);
    let mut work = crew(draft, 6..=20, Week::office(9, 18, 0.2), 8.0..=20.0);
    let customers = regulars(draft, &work, 1.0);
    let Pace::Arrivals { per_hour, day_cv, bin_cv } = work.pace else { return };
    let ratio = draft.by_intensity("cold_per_known", [0.38..=0.48, 0.45..=0.58, 0.55..=0.72]);
    let seats = (f64::from(work.lines) * ratio).ceil() as u32 + 1;
    let pace = Pace::Arrivals { per_hour: per_hour * ratio, day_cv, bin_cv };
    let mut hidden = seated(draft, seats, work.week.clone(), pace);
    let calls = cold_list(draft);
    hidden.contacts.push(calls);
    hidden.from = draft.begins_after(0.0..=0.5);
    work.contacts.push(customers);
    draft.activities.extend([work, hidden]);
}

fn cold_rotating_numbers(draft: &mut Draft<'_>) {
    draft.files("consulting", "client_service", true);
    let mut work = crew(draft, 3..=8, Week::office(9, 18, 0.2), 14.0..=26.0);
    let per_line = draft.count("numbers_per_line", 40..=110);
    work.callers.change_after = draft.count_by_intensity("calls_per_number", [4..=6, 2..=4, 1..=2]);
    draft.secret_numbers(work.lines * (per_line - 1), 1);
    work.callers.count = work.lines * per_line;
    let mut calls = cold_list(draft);
    calls.breaks = calls.breaks.and(Breaks::only(RuleName::CallerRotation));
    work.contacts.push(calls);
    draft.activities.push(work);
}

fn range_walk(draft: &mut Draft<'_>) {
    let offset = draft.count("offset", 1_000..=8_000);
    enumerate(draft, |walk| Walk { offset: Offset::At(offset), per_block: (BLOCK - offset).min(3_000), ..walk });
}

fn range_leaps(draft: &mut Draft<'_>) {
    let stride = [3, 4, 7][draft.count("stride_choice", 0..=2) as usize];
    enumerate(draft, |walk| Walk { stride, per_block: BLOCK / stride, ..walk });
}

fn range_scatter(draft: &mut Draft<'_>) {
    let per_block = draft.count("calls_per_block", 150..=1_200);
    // Prime to 10 000.
    enumerate(draft, |walk| Walk { stride: 3_331, offset: Offset::ByBlock, per_block, ..walk });
}

fn range_by_turns(draft: &mut Draft<'_>) {
    let (offset, per_block) = (draft.count("offset", 0..=7_000), draft.count("calls_per_block", 600..=3_000));
    enumerate(draft, |walk| Walk { offset: Offset::At(offset), lanes: 2, per_block, ..walk });
}

fn range_hops(draft: &mut Draft<'_>) {
    let (offset, per_block) = (draft.count("offset", 0..=9_000), draft.count("calls_per_block", 15..=60));
    enumerate(draft, |walk| Walk { offset: Offset::At(offset), per_block, ..walk });
}

/// A campaign through the numbering plan.
fn enumerate(draft: &mut Draft<'_>, shape: impl FnOnce(Walk) -> Walk) {
    let mut work = campaign(draft);
    let answers = Answers {
        answered: draft.by_intensity("unasked_answered", [0.15..=0.25, 0.10..=0.18, 0.05..=0.10]),
        rejected: draft.by_intensity("unasked_rejected", [0.06..=0.12, 0.05..=0.12, 0.04..=0.10]),
        invalid: draft.by_intensity("unasked_invalid", [0.18..=0.30, 0.30..=0.48, 0.48..=0.64]),
        ..unheard(draft)
    };
    let walk = shape(Walk::new(&mut draft.chance, BLOCK, 1, false));
    let calls = cold(draft, Source::Walked(walk), answers);
    work.contacts.push(calls);
    draft.activities.push(work);
}
