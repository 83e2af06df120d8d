//! Clean: firms that call many people for the first time, for good reasons.

use super::{chat, clientele, crew, once_more, uneven, unheard};
use crate::simulate::family::{Conduct, Draft, Family};
use crate::simulate::parts::{contact, seated, strangers};
use crate::simulate::plan::{Answers, Contact, Voices, Week};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "crm_import",
        does: "took over the customers of another system: from one day on most of whom it calls is new to it, and knows the firm",
        conduct: Conduct::Clean,
        draft: crm_import,
    },
    Family {
        name: "customer_survey",
        does: "asks a sample of customers some questions: everybody once, and not all have time",
        conduct: Conduct::Clean,
        draft: customer_survey,
    },
];

fn crm_import(draft: &mut Draft<'_>) {
    draft.files("insurance", "policy_transfer", true);
    let work = clientele(draft, 4..=12, Week::office(9, 18, 0.0), 5.0..=12.0, 1.0);
    let (from, _) = draft.some_day(8.5, 1.0, &work.week);
    let seats = draft.count("import_seats", 4..=14);
    let per_hour = f64::from(seats) * draft.draw("import_calls_per_seat_hour", 6.0..=14.0);
    let pace = uneven(draft, per_hour);
    let mut import = seated(draft, seats, work.week.clone(), pace);
    import.from = from;
    let answers = Answers {
        answered: draft.draw("import_answered", 0.34..=0.52),
        rejected: draft.draw("import_rejected", 0.02..=0.06),
        invalid: draft.draw("import_invalid", 0.01..=0.04),
        ..unheard(draft)
    };
    let (talk, follow) = (chat(draft, 0.01..=0.07, 35.0..=170.0), Some(once_more(draft)));
    let voices = Voices { opt_out: 0.002, consent: draft.draw("consent", 0.3..=0.7), ..Voices::default() };
    let source = strangers(draft);
    import.contacts.push(Contact { follow, voices, ..contact(source, answers, talk) });
    draft.activities.extend([work, import]);
}

fn customer_survey(draft: &mut Draft<'_>) {
    draft.files("automobile", "satisfaction_survey", true);
    let mut work = crew(draft, 4..=16, Week::evening(11, 20, 0.8), 8.0..=18.0);
    let answers = Answers {
        answered: draft.draw("answered", 0.30..=0.45),
        rejected: draft.draw("rejected", 0.03..=0.08),
        invalid: draft.draw("invalid", 0.005..=0.03),
        ..unheard(draft)
    };
    let (talk, follow) = (chat(draft, 0.06..=0.13, 60.0..=180.0), Some(once_more(draft)));
    let voices = Voices { opt_out: 0.003, consent: draft.draw("consent", 0.5..=0.9), ..Voices::default() };
    let source = strangers(draft);
    work.contacts.push(Contact { follow, voices, ..contact(source, answers, talk) });
    draft.activities.push(work);
}
