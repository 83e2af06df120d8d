//! Abusive: calls to single people who said no, or too many of them.
//!
//! What such a call breaks follows from the calls themselves, by the limits of the contract.

use super::{anger, chat, clientele, crew, familiar};
use crate::engine::detector::RuleName;
use crate::simulate::draw::{Span, span};
use crate::simulate::family::{Conduct, Draft, Family};
use crate::simulate::numbers::Lives;
use crate::simulate::parts::{book, contact, minutes, seated};
use crate::simulate::plan::{Answers, Contact, Follow, Pace, Trigger, Voices, Week};
use crate::simulate::truth::Rule::Built;

const CONDUCT: Conduct = Conduct::Abusive {
    breaks: &[RuleName::HarassmentRedial],
    may_break: &[Built(RuleName::ComplaintRatio), Built(RuleName::CalleeFrequency)],
};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "again_after_complaint",
        does: "calls people again who have complained about it",
        conduct: CONDUCT,
        draft: again_after_complaint,
    },
    Family {
        name: "again_after_opt_out",
        does: "calls people again, hours or days later, who asked to be called no more",
        conduct: CONDUCT,
        draft: again_after_opt_out,
    },
    Family {
        name: "again_after_decline",
        does: "calls on while people go on declining",
        conduct: CONDUCT,
        draft: again_after_decline,
    },
    Family {
        name: "again_after_hang_up",
        does: "calls people on who hung up at once",
        conduct: CONDUCT,
        draft: again_after_hang_up,
    },
    Family {
        name: "one_agents_revenge",
        does: "has one agent among many who rings whoever refuses again and again at once",
        conduct: CONDUCT,
        draft: one_agents_revenge,
    },
    Family {
        name: "few_people_many_numbers",
        does: "calls a few people from all of its numbers within hours",
        conduct: Conduct::Abusive {
            breaks: &[RuleName::CalleeFrequency, RuleName::HarassmentRedial],
            may_break: &[Built(RuleName::ComplaintRatio)],
        },
        draft: few_people_many_numbers,
    },
];

/// Calls on to `share` of those whom it happens to, `times` times, so far apart.
fn insist(after: Trigger, share: f64, times: u32, wait_s: Span) -> Follow {
    Follow { after, share, times, wait_s, insists: true, same_number: false }
}

/// A team with customers, some of whom it does this to.
fn hound(draft: &mut Draft<'_>, voices: Voices, follow: Follow) {
    draft.files("finance", "client_service", false);
    let mut work = crew(draft, 5..=18, Week::office(9, 19, 0.4), 7.0..=15.0);
    let (answers, talk) = (familiar(draft), chat(draft, 0.04..=0.10, 25.0..=110.0));
    let source = book(draft, &work, Lives::Home, 4, 1.0);
    work.contacts.push(Contact { follow: Some(follow), voices, ..contact(source, answers, talk) });
    draft.activities.push(work);
}

fn again_after_complaint(draft: &mut Draft<'_>) {
    let complaint = draft.by_intensity("complaint", [0.008..=0.015, 0.012..=0.025, 0.02..=0.04]);
    let share = draft.by_intensity("called_again", [0.6..=0.8, 0.7..=0.9, 0.9..=1.0]);
    let times = draft.count_by_intensity("calls_again", [1..=2, 2..=3, 3..=4]);
    let voices = Voices { complaint, verified: 0.5, ..Voices::default() };
    hound(draft, voices, insist(Trigger::Complaint, share, times, minutes(10.0, 12.0 * 60.0)));
}

fn again_after_opt_out(draft: &mut Draft<'_>) {
    let opt_out = draft.by_intensity("opt_out", [0.008..=0.015, 0.015..=0.03, 0.03..=0.06]);
    let share = draft.by_intensity("called_again", [0.5..=0.8, 0.7..=0.9, 0.9..=1.0]);
    let times = draft.count_by_intensity("calls_again", [1..=1, 1..=3, 2..=5]);
    let voices = Voices { opt_out, ..anger(draft) };
    hound(draft, voices, insist(Trigger::OptOut, share, times, minutes(45.0, 34.0 * 60.0)));
}

fn again_after_decline(draft: &mut Draft<'_>) {
    let share = draft.by_intensity("called_again", [0.2..=0.35, 0.35..=0.65, 0.65..=0.95]);
    let times = draft.count_by_intensity("calls_again", [3..=3, 3..=4, 4..=5]);
    let voices = anger(draft);
    hound(draft, voices, insist(Trigger::Declined, share, times, minutes(12.0, 70.0)));
}

fn again_after_hang_up(draft: &mut Draft<'_>) {
    let share = draft.by_intensity("called_again", [0.2..=0.35, 0.35..=0.65, 0.65..=0.95]);
    let times = draft.count_by_intensity("calls_again", [3..=3, 3..=4, 4..=5]);
    let voices = anger(draft);
    hound(draft, voices, insist(Trigger::HungUp, share, times, minutes(15.0, 80.0)));
}

fn one_agents_revenge(draft: &mut Draft<'_>) {
    draft.files("retail", "client_service", false);
    let team = clientele(draft, 6..=20, Week::office(9, 18, 0.2), 6.0..=14.0, 1.0);
    let Pace::Arrivals { per_hour, day_cv, bin_cv } = team.pace else { return };
    let pace = Pace::Arrivals { per_hour: per_hour / f64::from(team.lines), day_cv, bin_cv };
    let mut one = seated(draft, 1, team.week.clone(), pace);
    let share = draft.by_intensity("revenge", [0.4..=0.6, 0.6..=0.8, 0.8..=1.0]);
    let times = draft.count_by_intensity("calls_in_a_row", [3..=4, 4..=6, 5..=7]);
    let follow = Follow { same_number: true, ..insist(Trigger::Refusal, share, times, span(3.0, 35.0)) };
    let answers = Answers { rejected: draft.draw("revenge_rejected", 0.08..=0.14), ..familiar(draft) };
    let talk = chat(draft, 0.01..=0.07, 35.0..=170.0);
    let source = book(draft, &one, Lives::Home, 3, 1.0);
    let voices = anger(draft);
    one.contacts.push(Contact { follow: Some(follow), voices, ..contact(source, answers, talk) });
    draft.activities.extend([team, one]);
}

fn few_people_many_numbers(draft: &mut Draft<'_>) {
    let share = draft.by_intensity("people", [0.006..=0.010, 0.010..=0.018, 0.018..=0.03]);
    let times = draft.count_by_intensity("calls_each", [5..=6, 6..=7, 7..=7]);
    let voices = anger(draft);
    hound(draft, voices, insist(Trigger::Always, share, times, minutes(3.0, 45.0)));
}
