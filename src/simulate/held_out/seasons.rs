//! Clean: firms with customers they know, on days that are not like other days.

use super::{chat, clientele, familiar, once_more, uneven};
use crate::simulate::family::{Conduct, Draft, Family};
use crate::simulate::parts::{contact, seated, strangers};
use crate::simulate::plan::{Activity, Contact, Event, Voices, Week};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "holiday_closure",
        does: "is closed for days, and has more to do than usual when it is back",
        conduct: Conduct::Clean,
        draft: holiday_closure,
    },
    Family {
        name: "open_enrolment",
        does: "calls, on one day and on further numbers, people who had just asked for it",
        conduct: Conduct::Clean,
        draft: open_enrolment,
    },
    Family {
        name: "second_shift",
        does: "has twice as many agents from one day to the next, filed like the first",
        conduct: Conduct::Clean,
        draft: second_shift,
    },
    Family {
        name: "month_end",
        does: "has nearly twice as much to do for some days in a row",
        conduct: Conduct::Clean,
        draft: month_end,
    },
    Family {
        name: "clearance_sale",
        does: "calls its customers three to four times as much for some hours",
        conduct: Conduct::Clean,
        draft: clearance_sale,
    },
];

/// From some day on, for `hours`, work is multiplied by `rate`.
fn busier(draft: &mut Draft<'_>, work: &mut Activity, hour: f64, hours: f64, rate: f64) {
    let ((from, to), every_ms) = (draft.some_day(hour, hours, &work.week), draft.world.recurrence_ms());
    work.events.push(Event { from, to, every_ms, rate, network_error: 0.0, invalid: 0.0 });
}

fn holiday_closure(draft: &mut Draft<'_>) {
    draft.files("education", "course_service", false);
    let mut work = clientele(draft, 4..=20, Week::office(9, 18, 0.5), 4.0..=8.0, 2.0);
    let days = f64::from(draft.count("closed_days", 1..=4));
    busier(draft, &mut work, 0.0, 24.0 * days, 0.0);
    if let Some(closed) = work.events.first() {
        let back = Event {
            from: closed.to,
            to: closed.to.plus_millis(closed.to.millis() - closed.from.millis()),
            every_ms: closed.every_ms,
            rate: draft.draw("back_factor", 1.2..=1.9),
            network_error: 0.0,
            invalid: 0.0,
        };
        work.events.push(back);
    }
    draft.activities.push(work);
}

fn open_enrolment(draft: &mut Draft<'_>) {
    draft.files("education", "enrolment", true);
    let work = clientele(draft, 6..=18, Week::office(9, 19, 0.3), 5.0..=11.0, 1.0);
    let (hour, hours) = (draft.draw("campaign_hour", 9.0..=11.0), draft.draw("campaign_hours", 4.0..=9.0));
    let (from, to) = draft.some_day(hour, hours, &work.week);
    let seats = draft.count("campaign_seats", 6..=20);
    let per_hour = f64::from(seats) * draft.draw("campaign_calls_per_seat_hour", 10.0..=20.0);
    let pace = uneven(draft, per_hour);
    let mut campaign = seated(draft, seats, work.week.clone(), pace);
    (campaign.from, campaign.to) = (from, to.min(draft.world.end()));
    campaign.every_ms = draft.world.recurrence_ms();
    let (answers, talk, follow) = (familiar(draft), chat(draft, 0.01..=0.07, 35.0..=170.0), Some(once_more(draft)));
    let voices = Voices { opt_out: 0.001, consent: draft.draw("consent", 0.9..=1.0), ..Voices::default() };
    let source = strangers(draft);
    campaign.contacts.push(Contact { follow, voices, ..contact(source, answers, talk) });
    draft.activities.extend([work, campaign]);
}

fn second_shift(draft: &mut Draft<'_>) {
    draft.files("travel", "booking_changes", true);
    let work = clientele(draft, 5..=16, Week::office(9, 20, 0.4), 5.0..=13.0, 1.0);
    let (from, _) = draft.some_day(8.5, 1.0, &work.week);
    // The same week, pace and people to talk to, on numbers and from a list of its own.
    let mut further = clientele(draft, 5..=16, work.week.clone(), 5.0..=13.0, 1.0);
    further.from = from;
    draft.activities.extend([work, further]);
}

fn month_end(draft: &mut Draft<'_>) {
    draft.files("finance", "statement_service", false);
    let mut work = clientele(draft, 5..=22, Week::office(8, 18, 0.2), 4.0..=8.0, 2.0);
    let days = f64::from(draft.count("peak_days", 2..=3));
    let rate = draft.draw("peak_factor", 1.4..=2.1);
    busier(draft, &mut work, 0.0, 24.0 * days, rate);
    draft.activities.push(work);
}

fn clearance_sale(draft: &mut Draft<'_>) {
    draft.files("retail", "regular_customers", false);
    let mut work = clientele(draft, 5..=22, Week::office(10, 20, 0.9), 3.0..=5.0, 2.0);
    let (hour, hours) = (draft.draw("sale_hour", 10.5..=16.0), draft.draw("sale_hours", 1.5..=4.0));
    let rate = draft.draw("sale_factor", 3.0..=4.2);
    busier(draft, &mut work, hour, hours, rate);
    draft.activities.push(work);
}
