//! What an app did to one callee, counted naively.

use std::collections::BTreeSet;

use dialwatch::engine::alert::EvidenceView;
use dialwatch::engine::detector::{Feature, Over};
use dialwatch::engine::number::Number;
use dialwatch::engine::record::{Direction, FeedbackKind, HangupBy, Outcome};

use super::{Count, DAY_MS, MINUTE_MS, Row, SECOND_MS, World};

/// The number at the last call to the callee, of those ended in the minute before `to`, at which it is what is quoted, or
/// else at the last of them.
pub fn count(world: &World<'_>, callee: Number, to: i64, evidence: &EvidenceView) -> Result<Count, String> {
    let last_minute = |index: &usize| (to - MINUTE_MS..to).contains(&world.rows[*index].end);
    let calls = world.to_callee.get(&callee).into_iter().flatten().copied().filter(last_minute);
    let counts: Vec<usize> =
        calls.filter_map(|index| Moment { world, callee, index }.count(evidence.feature, evidence.over)).collect();
    let quoted = counts.iter().rfind(|count| **count as u64 == evidence.count);
    quoted.or(counts.last()).map(|count| Count::of(*count)).ok_or_else(|| "no such call in the minute".into())
}

/// The moment at which one call to the callee is judged.
struct Moment<'a> {
    world: &'a World<'a>,
    callee: Number,
    index: usize,
}

impl<'a> Moment<'a> {
    fn call(&self) -> &'a Row {
        &self.world.rows[self.index]
    }

    fn count(&self, feature: Feature, over: Over) -> Option<usize> {
        match (feature, over) {
            (Feature::CallsToCallee, Over::FiveMinutes) => Some(self.most_in_five_minutes()),
            (Feature::CallsToCallee, Over::Rolling24h) => Some(self.of_24_hours().len()),
            (Feature::CallersOnCallee, Over::Rolling24h) => {
                let known = self.of_24_hours().into_iter().filter(|index| self.is_at_hand(*index));
                Some(known.filter_map(|index| self.world.rows[index].caller).collect::<BTreeSet<_>>().len())
            }
            (Feature::Refusals, Over::Rolling24h) => Some(self.refusals(DAY_MS, is_refusal).len()),
            (Feature::CallsAfterRefusal, Over::SinceStart) => Some(self.calls_against_explicit_refusal()),
            (Feature::CallsAfterRefusal, Over::AfterRefusal) => self.calls_in_retaliation(),
            (Feature::RecallsAfterDrop, Over::SinceStart) => {
                let hours = i64::from(self.world.policy.rules.harassment_redial.dropped_recall_hours);
                let dropped = self.refusals(hours * 60 * MINUTE_MS, |row| row.met_nobody() && !is_refusal(row));
                (!self.call().agent && !dropped.is_empty()).then_some(1)
            }
            _ => None,
        }
    }

    /// Calls to the callee judged up to this one, by their places.
    fn calls(&self) -> impl Iterator<Item = usize> {
        self.world.to_callee.get(&self.callee).into_iter().flatten().copied().take_while(|index| *index <= self.index)
    }

    /// Those begun within 24 hours of the latest start among them, the 48 latest.
    fn of_24_hours(&self) -> Vec<usize> {
        let start_s = |index: usize| self.world.rows[index].start_s();
        let newest_s = self.calls().map(start_s).max().unwrap_or(0);
        let mut within: Vec<usize> = self.calls().filter(|index| newest_s - start_s(*index) < 86_400).collect();
        within.sort_by_key(|index| start_s(*index));
        within.split_off(within.len().saturating_sub(48))
    }

    fn most_in_five_minutes(&self) -> usize {
        let starts: Vec<i64> = self.of_24_hours().iter().map(|index| self.world.rows[*index].start_s()).collect();
        let own = self.call().start_s();
        let within = |from: i64| starts.iter().filter(|start| (from..from + 300).contains(*start)).count();
        starts.iter().filter(|from| (**from..**from + 300).contains(&own)).map(|from| within(*from)).max().unwrap_or(0)
    }

    /// Whether the number a call came from is still known: always, unless it was the only one of its day until the app had
    /// placed more than 127 others. A refused call is not forgotten.
    fn is_at_hand(&self, index: usize) -> bool {
        let rows = &self.world.rows;
        let before = self.calls().take_while(|other| *other < index).map(|other| rows[other].start_s()).max();
        let Some(next) = self.calls().find(|other| *other > index) else { return true };
        let only = before.is_none_or(|before_s| rows[index].start_s() - before_s >= 86_400);
        let outbound = rows[index + 1..next].iter().filter(|row| row.direction == Direction::Outbound).count();
        let consented = self.consented(next).is_some_and(|at| at >= rows[index].end);
        !only || outbound < 128 || (is_refusal(&rows[index]) || rows[index].met_nobody()) && !consented
    }

    /// When the callee last agreed, as far as known when a call is judged.
    fn consented(&self, index: usize) -> Option<i64> {
        self.heard(index, |kind| kind == FeedbackKind::Consent).max()
    }

    fn heard(&self, index: usize, is_kind: impl Fn(FeedbackKind) -> bool) -> impl Iterator<Item = i64> {
        let by = self.world.rows[index].end;
        let mine = self.world.feedback.iter().filter(move |(said, _)| said.callee == self.callee && is_kind(said.kind));
        mine.filter(move |(_, known)| *known <= by).map(|(said, _)| said.at.millis())
    }

    /// When the callee last called the app, as far as known when a call is judged.
    fn called_back(&self, index: usize) -> Option<i64> {
        let before = self.world.from_callee.get(&self.callee).into_iter().flatten().take_while(|other| **other < index);
        before.map(|other| self.world.rows[*other].end).max()
    }

    /// The calls that say something about the callee's will and stand against this one: ended at most so long before it
    /// began, after the callee last called or agreed. The eight latest are held.
    fn refusals(&self, within: i64, says: impl Fn(&Row) -> bool) -> Vec<&'a Row> {
        let start = self.call().start;
        let agreed = self.consented(self.index).unwrap_or(i64::MIN);
        let back = self.called_back(self.index).unwrap_or(i64::MIN);
        let before = self.calls().filter(|index| *index != self.index).map(|index| &self.world.rows[index]);
        let mut said: Vec<&Row> = before.filter(|row| row.end > agreed && says(row)).collect();
        said.drain(..said.len().saturating_sub(8));
        said.retain(|row| row.end >= back && row.end <= start && row.end >= start - within);
        said
    }

    /// The explicit refusal that stands against a call, if one does.
    fn explicit(&self, index: usize) -> Option<i64> {
        let start = self.world.rows[index].start;
        let agreed = self.consented(index).unwrap_or(i64::MIN);
        let said =
            || self.heard(index, |kind| matches!(kind, FeedbackKind::OptOut | FeedbackKind::Complaint)).filter(|at| *at > agreed);
        let first = said().min().filter(|first| *first <= start)?;
        let last = said().max().filter(|last| *last <= start).unwrap_or(first);
        let asked = |back: i64| back > last && back <= start && back >= start - DAY_MS;
        // What the callee did before it agreed is forgotten with it.
        let back = self.called_back(index).filter(|back| *back > agreed);
        (!back.is_some_and(asked)).then_some(first)
    }

    fn calls_against_explicit_refusal(&self) -> usize {
        let agreed = self.consented(self.index).unwrap_or(i64::MIN);
        let against = |index: &usize| {
            let row = &self.world.rows[*index];
            row.disturbed() && row.end >= agreed && self.explicit(*index).is_some()
        };
        self.calls().filter(against).count()
    }

    fn calls_in_retaliation(&self) -> Option<usize> {
        let within = i64::from(self.world.policy.rules.harassment_redial.retaliation_minutes) * MINUTE_MS;
        let start = self.call().start;
        let declined = self.refusals(within, is_refusal).into_iter().find(|row| row.outcome == Outcome::Rejected);
        let explicit = self.explicit(self.index).filter(|at| start - at <= within);
        let refused = declined.map(|row| row.end).or(explicit)?;
        // By the full second, in favour of the app.
        let begun = |row: &Row| (refused..=refused + within).contains(&(row.start_s() * SECOND_MS));
        let after = self.of_24_hours().into_iter().filter(|index| self.is_at_hand(*index));
        Some(after.map(|index| &self.world.rows[index]).filter(|row| row.disturbed() && begun(row)).count())
    }
}

/// Declined, or answered and hung up within five seconds.
fn is_refusal(row: &Row) -> bool {
    let hung_up = row.hangup_by == HangupBy::Customer && row.talk_s().is_some_and(|talk_s| talk_s <= 5);
    row.direction == Direction::Outbound && (row.outcome == Outcome::Rejected || hung_up)
}
