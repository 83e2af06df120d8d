//! Abusive: calls again and again to one person, after a no or without asking.
//!
//! What such a call breaks is not said here: it follows from the calls themselves, by the limits of the contract.

use super::{book, complaints, contact, conversation, known, minutes, team};
use crate::engine::detector::RuleName;
use crate::simulate::draw::span;
use crate::simulate::family::{Conduct, Draft, Family};
use crate::simulate::numbers::Lives;
use crate::simulate::plan::{Contact, Follow, Trigger, Voices, Week};
use crate::simulate::truth::Rule::Built;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "redial_after_opt_out",
        does: "calls people again who asked to be called no more",
        conduct: Conduct::Abusive {
            breaks: &[RuleName::HarassmentRedial],
            may_break: &[Built(RuleName::ComplaintRatio), Built(RuleName::CalleeFrequency)],
        },
        draft: redial_after_opt_out,
    },
    Family {
        name: "redial_after_refusal",
        does: "goes on calling people who decline or hang up at once",
        conduct: Conduct::Abusive {
            breaks: &[RuleName::HarassmentRedial],
            may_break: &[Built(RuleName::ComplaintRatio), Built(RuleName::CalleeFrequency)],
        },
        draft: redial_after_refusal,
    },
    Family {
        name: "retaliation",
        does: "rings people who declined many times within minutes",
        conduct: Conduct::Abusive {
            breaks: &[RuleName::HarassmentRedial],
            may_break: &[Built(RuleName::ComplaintRatio), Built(RuleName::CalleeFrequency)],
        },
        draft: retaliation,
    },
    Family {
        name: "four_in_five_minutes",
        does: "calls one person four times or more within five minutes",
        conduct: Conduct::Abusive {
            breaks: &[RuleName::CalleeFrequency],
            may_break: &[Built(RuleName::ComplaintRatio), Built(RuleName::HarassmentRedial)],
        },
        draft: four_in_five_minutes,
    },
    Family {
        name: "six_in_a_day",
        does: "calls one person six times or more within a day",
        conduct: Conduct::Abusive {
            breaks: &[RuleName::CalleeFrequency],
            may_break: &[Built(RuleName::ComplaintRatio), Built(RuleName::HarassmentRedial)],
        },
        draft: six_in_a_day,
    },
];

/// A team with customers it knows, some of whom it does this to. Those who opt out are `opt_out` of the answered.
fn pester(draft: &mut Draft<'_>, opt_out: f64, follow: Follow) {
    draft.files("retail", "member_care", false);
    let mut work = team(draft, Week::office(9, 20, 0.3), 8.0..=16.0);
    let (answers, talk) = (known(draft), conversation(draft, 30.0..=80.0));
    let voices = Voices { opt_out, ..complaints(draft) };
    let source = book(draft, &work, Lives::Home, 3, 1.0);
    work.contacts.push(Contact { follow: Some(follow), voices, ..contact(source, answers, talk) });
    draft.activities.push(work);
}

fn redial_after_opt_out(draft: &mut Draft<'_>) {
    let opt_out = draft.by_intensity("opt_out", [0.01..=0.02, 0.02..=0.04, 0.04..=0.08]);
    let follow = Follow {
        after: Trigger::OptOut,
        share: draft.by_intensity("redialled", [0.5..=0.7, 0.7..=0.9, 0.9..=1.0]),
        times: draft.count_by_intensity("redials", [1..=1, 1..=2, 2..=4]),
        wait_s: minutes(30.0, 26.0 * 60.0),
        insists: true,
        same_number: false,
    };
    pester(draft, opt_out, follow);
}

fn redial_after_refusal(draft: &mut Draft<'_>) {
    let follow = Follow {
        after: Trigger::Refusal,
        share: draft.by_intensity("redialled", [0.15..=0.30, 0.30..=0.60, 0.60..=0.90]),
        times: draft.count_by_intensity("redials", [3..=3, 3..=4, 4..=4]),
        wait_s: minutes(20.0, 90.0),
        insists: true,
        same_number: false,
    };
    pester(draft, 0.001, follow);
}

fn retaliation(draft: &mut Draft<'_>) {
    let follow = Follow {
        after: Trigger::Refusal,
        share: draft.by_intensity("retaliated", [0.05..=0.10, 0.10..=0.25, 0.25..=0.50]),
        times: draft.count_by_intensity("calls_in_a_row", [3..=4, 4..=5, 5..=7]),
        wait_s: span(4.0, 20.0),
        insists: true,
        same_number: false,
    };
    pester(draft, 0.001, follow);
}

fn four_in_five_minutes(draft: &mut Draft<'_>) {
    let follow = Follow {
        after: Trigger::Always,
        share: draft.by_intensity("callees", [0.01..=0.02, 0.02..=0.05, 0.05..=0.10]),
        times: draft.count_by_intensity("calls_in_a_row", [4..=4, 4..=5, 5..=7]),
        wait_s: span(4.0, 16.0),
        insists: true,
        same_number: true,
    };
    pester(draft, 0.001, follow);
}

fn six_in_a_day(draft: &mut Draft<'_>) {
    let follow = Follow {
        after: Trigger::Always,
        share: draft.by_intensity("callees", [0.01..=0.02, 0.02..=0.05, 0.05..=0.10]),
        times: draft.count_by_intensity("calls_in_a_row", [6..=6, 6..=7, 7..=7]),
        wait_s: minutes(25.0, 80.0),
        insists: true,
        same_number: true,
    };
    pester(draft, 0.001, follow);
}
