//! Complaints and replies, counted naively.

use std::collections::BTreeSet;

use dialwatch::engine::detector::Feature;
use dialwatch::engine::record::{Feedback, FeedbackKind};

use super::{Count, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, World};

/// What was said, and since when it is known.
type Word = (Feedback, i64);

/// What is known of one kind when the minute before `to` has closed.
fn known<'w>(world: &'w World<'_>, to: i64, kind: FeedbackKind) -> impl Iterator<Item = &'w Word> {
    world.feedback.iter().filter(move |(said, known)| said.kind == kind && *known < to)
}

/// Complaints of the last day, and those that came in only in the minute judged, each once.
fn of_the_day<'w>(world: &'w World<'_>, to: i64) -> BTreeSet<&'w Feedback> {
    let open = i64::from(world.policy.rules.complaint_ratio.open_hours) * HOUR_MS;
    let fresh = known(world, to, FeedbackKind::Complaint)
        .filter(|(said, known)| said.at.millis() >= to - open || *known >= to - MINUTE_MS);
    fresh.map(|(said, _)| said).collect()
}

/// Whether both are about one callee or one call.
fn same(one: &Feedback, other: &Feedback) -> bool {
    one.callee == other.callee || one.call_id.is_some() && one.call_id == other.call_id
}

/// People whose latest call, at the time they complained, began within the week, for each call answered in it.
pub fn share(world: &World<'_>, to: i64) -> Count {
    let from = (to - MINUTE_MS).div_euclid(HOUR_MS) * HOUR_MS + HOUR_MS - 7 * DAY_MS;
    let called = |(said, known): &&Word| {
        let calls = world.to_callee.get(&said.callee).into_iter().flatten().map(|index| &world.rows[*index]);
        let latest = calls.filter(|row| row.end < *known).map(|row| row.start_s()).max();
        latest.is_some_and(|start_s| start_s >= from / SECOND_MS)
    };
    let people: BTreeSet<_> = known(world, to, FeedbackKind::Complaint).filter(called).map(|(said, _)| said.callee).collect();
    let answered = world.judged(to).iter().filter(|row| row.end >= from && row.answered()).count();
    // More people than answered calls prove no more than as many.
    let proved = Count::share(people.len().min(answered), answered, world.policy.rules.complaint_ratio.z);
    let observed = if answered == 0 { 0.0 } else { people.len() as f64 / answered as f64 };
    Count { count: people.len() as u64, observed, ..proved }
}

/// Complaints of the day of one sort.
pub fn count(world: &World<'_>, to: i64, feature: Feature) -> Count {
    let of_sort = |said: &&&Feedback| {
        let harassed = ["harassment", "abuse"].contains(&said.category.as_str());
        match feature {
            Feature::OverdueReplies => is_overdue(world, said, to),
            Feature::VerifiedFraud => said.verified && said.category == "fraud",
            Feature::VerifiedHarassment => said.verified && harassed,
            _ => said.verified && said.category != "fraud" && !harassed,
        }
    };
    Count::of(of_the_day(world, to).iter().filter(of_sort).count())
}

/// Whether nobody replied in time, nor before the minute judged.
fn is_overdue(world: &World<'_>, said: &Feedback, to: i64) -> bool {
    let due = said.at.millis() + i64::from(world.policy.rules.complaint_ratio.reply_minutes) * MINUTE_MS;
    let mut others = known(world, to, FeedbackKind::Complaint).map(|(other, _)| other);
    let confirms = said.verified && others.any(|other| !other.verified && other.at <= said.at && same(other, said));
    let mut replies = known(world, to, FeedbackKind::Reply).map(|(reply, _)| reply).filter(|reply| same(reply, said));
    let replied = replies.any(|reply| {
        let at = reply.at.millis();
        at >= said.at.millis() && (at <= due || at < to - MINUTE_MS)
    });
    due < to && !confirms && !replied
}
