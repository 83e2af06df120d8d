//! Repeat memory: the calls to callees whom an app called more than once within 24 hours, one by one.
//!
//! Exact and by start, as the published limits on calls to one callee are. Only callees called again are held, so it stays
//! small where pair memory is large. Bounded in callees and in calls a callee.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::recent::Sample;
use super::{Map, evict_oldest, keyed_map, sorted};
use crate::engine::number::Number;
use crate::engine::record::Call;
use crate::engine::time::{DAY_S, HOUR_S, Minute};

/// The most calls kept of one callee: above every published daily limit.
pub const REPEATS_MAX: usize = 48;
/// The most callees held at once in an app.
const CALLEES_MAX: usize = 100_000;

/// One of the calls to a callee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    /// When it began, in Unix seconds.
    pub start_s: u32,
    /// From which number; `None` where the first call's record is no longer at hand.
    pub caller: Option<Number>,
    /// Whether the callee's telephone gave a sign of life.
    pub disturbed: bool,
    /// The call, where its record was still at hand when the second one came.
    pub sample: Option<Sample>,
}

impl Repeat {
    fn of(call: &Call) -> Self {
        Self {
            start_s: call.start.seconds(),
            caller: call.caller,
            disturbed: call.disturbed_callee(),
            sample: Some(Sample::of(call)),
        }
    }
}

/// The callees called again, each with its calls of the last 24 hours in the order of their starts.
#[derive(Clone, Debug)]
pub struct Repeats {
    map: Map<u64, Vec<Repeat>>,
    swept_hour: u32,
}

impl Repeats {
    /// Empty, with hashes keyed by `seed`.
    pub fn new(seed: u64) -> Self {
        Self { map: keyed_map(seed), swept_hour: 0 }
    }

    /// Takes in an outbound call whose callee was last called at `previous_s`; `find` gives that call's sample by its
    /// start, if it is still at hand.
    pub fn called(&mut self, call: &Call, callee: Number, previous_s: Option<u32>, find: impl Fn(u32) -> Option<Sample>) {
        let start_s = call.start.seconds();
        let Some(previous_s) = previous_s.filter(|previous_s| start_s.saturating_sub(*previous_s) < DAY_S) else {
            // What is held is more than a day old: this call is the only one.
            self.map.remove(&callee.packed());
            return;
        };
        if self.map.len() >= CALLEES_MAX && !self.map.contains_key(&callee.packed()) {
            evict_oldest(&mut self.map, CALLEES_MAX / 8, |repeats| last_start_s(repeats));
        }
        let repeats = self.map.entry(callee.packed()).or_insert_with(|| {
            // Most are called no more than twice.
            let mut repeats = Vec::with_capacity(2);
            repeats.push(first_call(previous_s, find(previous_s)));
            repeats
        });
        let at = repeats.partition_point(|repeat| repeat.start_s <= start_s);
        repeats.insert(at, Repeat::of(call));
        let newest_s = repeats.last().map_or(start_s, |repeat| repeat.start_s);
        let expired = repeats.iter().take_while(|repeat| newest_s - repeat.start_s >= DAY_S).count();
        let surplus = (repeats.len() - expired).saturating_sub(REPEATS_MAX);
        repeats.drain(..expired + surplus);
    }

    /// The calls of the last 24 hours to a callee, by start; empty if there was only one.
    pub fn of(&self, callee: Number) -> &[Repeat] {
        self.map.get(&callee.packed()).map_or(&[], Vec::as_slice)
    }

    /// Lets time pass: once an hour, callees not called for 24 hours are dropped.
    pub fn advance(&mut self, minute: Minute) {
        let now_s = minute.end().seconds();
        if now_s / HOUR_S > self.swept_hour {
            self.swept_hour = now_s / HOUR_S;
            self.map.retain(|_, repeats| now_s.saturating_sub(last_start_s(repeats)) < DAY_S);
        }
    }

    /// The durable form: the same bytes for the same contents.
    pub fn snapshot(&self) -> RepeatsSnapshot<'_> {
        RepeatsSnapshot {
            repeats: sorted(&self.map).into_iter().map(|(key, repeats)| (key, Cow::Borrowed(repeats.as_slice()))).collect(),
            swept_hour: self.swept_hour,
        }
    }

    /// Back from the durable form.
    pub fn restore(snapshot: RepeatsSnapshot<'_>, seed: u64) -> Self {
        let mut map = keyed_map(seed);
        map.extend(snapshot.repeats.into_iter().map(|(key, repeats)| (key, repeats.into_owned())));
        Self { map, swept_hour: snapshot.swept_hour }
    }
}

fn first_call(start_s: u32, sample: Option<Sample>) -> Repeat {
    // A call whose record is no longer at hand is taken to have disturbed nobody: in the app's favour.
    let disturbed = sample.as_ref().is_some_and(|sample| sample.disturbed);
    Repeat { start_s, caller: sample.as_ref().and_then(|sample| sample.caller), disturbed, sample }
}

fn last_start_s(repeats: &[Repeat]) -> u32 {
    repeats.last().map_or(0, |repeat| repeat.start_s)
}

/// [`Repeats`] in the order of the callees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RepeatsSnapshot<'a> {
    repeats: Vec<(u64, Cow<'a, [Repeat]>)>,
    swept_hour: u32,
}
