//! The docket: minutes that are closed and still to be judged, taken app by app.
//!
//! Judging minute by minute fetches every app's memory anew for one call or two; taking several minutes of an app together
//! fetches it once. It changes the cost and nothing else: an app's minutes stay in their order, and no app is judged by another's.
//! Never says when to judge.

use super::record::{Call, Feedback};
use super::time::Minute;
use super::waiting::{AppSlot, Closed};

/// Closed minutes, in order.
#[derive(Default)]
pub struct Docket {
    minutes: Vec<(Minute, Closed)>,
    calls: usize,
    /// The list of shares, kept for its memory.
    spare: Vec<Entry>,
}

/// What one app has in one closed minute: where it lies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    slot: AppSlot,
    /// Which of the minutes.
    minute: u32,
    /// The first of its calls and how many they are; the same of its feedback.
    calls: (u32, u32),
    feedback: (u32, u32),
}

/// What one app has in one closed minute.
pub struct Share<'d> {
    /// The minute.
    pub minute: Minute,
    /// Its calls that ended in it, in order.
    pub calls: &'d [(AppSlot, Call)],
    /// The feedback about it that was given in it, in order.
    pub feedback: &'d [(AppSlot, Feedback)],
}

/// The shares of one app, in the order of their minutes.
#[derive(Clone, Copy)]
pub struct Shares<'d> {
    docket: &'d Docket,
    entries: &'d [Entry],
}

impl<'d> Shares<'d> {
    /// The app's place.
    pub fn slot(&self) -> AppSlot {
        self.entries.first().map_or(AppSlot::MAX, |entry| entry.slot)
    }

    /// How many calls they hold.
    pub fn calls(self) -> usize {
        self.entries.iter().map(|entry| entry.calls.1 as usize).sum()
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Share<'d>> {
        let part = |(first, count): (u32, u32)| first as usize..(first + count) as usize;
        self.entries.iter().map(move |entry| {
            let (minute, closed) = &self.docket.minutes[entry.minute as usize];
            Share { minute: *minute, calls: &closed.calls[part(entry.calls)], feedback: &closed.feedback[part(entry.feedback)] }
        })
    }
}

/// The order in which a docket is judged.
pub struct Order(Vec<Entry>);

impl Docket {
    /// Adds a minute, later than all before.
    pub fn add(&mut self, minute: Minute, closed: Closed) {
        debug_assert!(self.minutes.last().is_none_or(|(last, _)| *last < minute), "minutes come in order");
        self.calls += closed.calls.len();
        self.minutes.push((minute, closed));
    }

    /// Takes out the minutes before one.
    pub fn take_before(&mut self, end: Minute) -> Self {
        let later = self.minutes.partition_point(|(minute, _)| *minute < end);
        let minutes: Vec<(Minute, Closed)> = self.minutes.drain(..later).collect();
        let calls = minutes.iter().map(|(_, closed)| closed.calls.len()).sum();
        self.calls -= calls;
        Self { minutes, calls, spare: Vec::new() }
    }

    /// Calls to be judged.
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// Whether nothing is to be judged.
    pub fn is_empty(&self) -> bool {
        self.minutes.is_empty()
    }

    /// Puts what is to be judged in order: by app, then minute.
    pub fn order(&mut self) -> Order {
        let mut entries = std::mem::take(&mut self.spare);
        entries.clear();
        for (minute, (_, closed)) in self.minutes.iter().enumerate() {
            let (mut call, mut feedback) = (0, 0);
            for (slot, calls, told) in closed.counts() {
                entries.push(Entry { slot, minute: minute as u32, calls: (call, calls), feedback: (feedback, told) });
                (call, feedback) = (call + calls, feedback + told);
            }
        }
        entries.sort_unstable();
        Order(entries)
    }

    /// App by app.
    pub fn by_app<'d>(&'d self, order: &'d Order) -> impl Iterator<Item = Shares<'d>> {
        order.0.chunk_by(|entry, other| entry.slot == other.slot).map(|entries| Shares { docket: self, entries })
    }

    /// All is judged. Gives the minutes back, for their memory.
    pub fn clear(&mut self, order: Order) -> impl Iterator<Item = Closed> + '_ {
        self.spare = order.0;
        self.calls = 0;
        self.minutes.drain(..).map(|(_, closed)| closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::tests::call;

    #[test]
    fn an_app_has_its_minutes_together_and_in_order() {
        let mut docket = Docket::default();
        let ended = |slot: AppSlot, id: &str, second: i64| (slot, call(id, 1_700_000_040 + second, 1));
        docket.add(Minute(1), Closed { calls: vec![ended(1, "a", 0), ended(1, "b", 1), ended(4, "c", 0)], feedback: vec![] });
        docket.add(Minute(3), Closed { calls: vec![ended(0, "d", 120), ended(4, "e", 121)], feedback: vec![] });
        docket.add(Minute(4), Closed { calls: vec![ended(1, "f", 180)], feedback: vec![] });
        assert_eq!(docket.calls(), 6);
        let order = docket.order();
        let mut said = Vec::new();
        for shares in docket.by_app(&order) {
            for share in shares.iter() {
                let ids: Vec<String> = share.calls.iter().map(|(_, call)| call.id.to_string()).collect();
                said.push((shares.slot(), share.minute.0, ids.concat()));
            }
        }
        let expected = [(0, 3, "d"), (1, 1, "ab"), (1, 4, "f"), (4, 1, "c"), (4, 3, "e")];
        assert_eq!(said, expected.map(|(slot, minute, ids)| (slot, minute, ids.to_owned())));
        assert_eq!(docket.clear(order).count(), 3);
        assert!(docket.is_empty() && docket.calls() == 0);
    }
}
