//! Abusive: calls to people who never agreed, from a list that was bought or from the numbering plan itself.

use super::{book, cold, cold_talk, complaints, contact, conversation, elsewhere, known, retry, strangers, team};
use crate::engine::detector::RuleName;
use crate::simulate::family::{Conduct, Draft, Family};
use crate::simulate::numbers::{BLOCK, Lives, Walk};
use crate::simulate::plan::{Activity, Answers, Contact, Source, Week};
use crate::simulate::truth::Breaks;
use crate::simulate::truth::Rule::Built;

const CONDUCT: Conduct = Conduct::Abusive {
    breaks: &[RuleName::BlindDialing],
    may_break: &[Built(RuleName::ComplaintRatio), Built(RuleName::AbnormalRate)],
};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "blind_list",
        does: "calls strangers from a list: carefully collected if mild, bought if strong",
        conduct: CONDUCT,
        draft: blind_list,
    },
    Family { name: "blind_block_walk", does: "calls number after number of a block", conduct: CONDUCT, draft: blind_block_walk },
    Family {
        name: "blind_block_random",
        does: "calls the numbers of a block in random order",
        conduct: CONDUCT,
        draft: blind_block_random,
    },
    Family {
        name: "blind_block_stride",
        does: "calls every second, fifth or tenth number of a block",
        conduct: CONDUCT,
        draft: blind_block_stride,
    },
    Family {
        name: "blind_diluted",
        does: "hides cold calls among calls to its customers, on the same numbers",
        conduct: CONDUCT,
        draft: blind_diluted,
    },
];

/// A team without contacts that begins somewhere in the first part of the world.
fn campaign(draft: &mut Draft<'_>) -> Activity {
    draft.files("consulting", "customer_care", false);
    let mut work = team(draft, Week::office(9, 19, 0.4), 14.0..=26.0);
    work.from = draft.begins_after(0.0..=0.4);
    work
}

fn blind_contact(draft: &mut Draft<'_>, source: Source, answers: Answers) -> Contact {
    let (talk, voices) = (cold_talk(draft), complaints(draft));
    Contact { voices, breaks: Breaks::only(RuleName::BlindDialing), ..contact(source, answers, talk) }
}

fn blind_list(draft: &mut Draft<'_>) {
    let mut work = campaign(draft);
    let answers = cold(draft);
    let source = strangers(draft);
    work.contacts.push(blind_contact(draft, source, answers));
    draft.activities.push(work);
}

fn blind_block_walk(draft: &mut Draft<'_>) {
    enumerate(draft, 1, false);
}

fn blind_block_random(draft: &mut Draft<'_>) {
    enumerate(draft, 1, true);
}

fn blind_block_stride(draft: &mut Draft<'_>) {
    let stride = [2, 5, 10][draft.count("stride_choice", 0..=2) as usize];
    enumerate(draft, stride, false);
}

/// A campaign through the numbering plan: every third number or more does not exist.
fn enumerate(draft: &mut Draft<'_>, stride: u32, shuffled: bool) {
    let mut work = campaign(draft);
    let answers = Answers {
        answered: draft.by_intensity("cold_answered", [0.18..=0.24, 0.14..=0.18, 0.08..=0.14]),
        rejected: draft.by_intensity("cold_rejected", [0.08..=0.12, 0.10..=0.14, 0.10..=0.15]),
        invalid: draft.by_intensity("cold_invalid", [0.25..=0.35, 0.35..=0.50, 0.50..=0.62]),
        ..elsewhere(draft)
    };
    let per_block = if shuffled { draft.count("calls_per_block", 400..=3_000) } else { BLOCK };
    let walk = Walk::new(&mut draft.chance, per_block, stride, shuffled);
    work.contacts.push(blind_contact(draft, Source::Walked(walk), answers));
    draft.activities.push(work);
}

fn blind_diluted(draft: &mut Draft<'_>) {
    draft.files("finance", "member_care", false);
    let mut work = team(draft, Week::office(9, 19, 0.4), 12.0..=22.0);
    let share = draft.by_intensity("blind_share", [0.30..=0.45, 0.45..=0.60, 0.60..=0.80]);
    let (cold_answers, strangers) = (cold(draft), strangers(draft));
    let blind = blind_contact(draft, strangers, cold_answers);
    let (answers, talk, follow) = (known(draft), conversation(draft, 40.0..=110.0), Some(retry(draft)));
    let customers = book(draft, &work, Lives::Home, 2, 1.0);
    work.contacts.push(Contact { weight: share, ..blind });
    work.contacts.push(Contact { weight: 1.0 - share, follow, ..contact(customers, answers, talk) });
    draft.activities.push(work);
}
