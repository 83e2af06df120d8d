//! The course of an app's day: its calls by quarters of an hour, beside what its own week has at such hours. To look at, and
//! nothing is judged by it.

use crate::engine::app::App;
use crate::engine::time::{Minute, Timestamp};
use crate::engine::window::baseline::SLOT_S;
use crate::engine::window::panes::Span;

/// Slots of the baseline in a quarter of an hour.
const SLOTS_PER_PANE: u32 = Span::DAY.pane_minutes * 60 / SLOT_S;

/// The last 24 hours that ended with a quarter of an hour.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// Where they begin.
    pub from: Timestamp,
    /// Calls placed, by quarter of an hour; empty if there were none at all.
    pub placed: Vec<u32>,
    /// How many are usual then, as far as it is known; as many as are placed.
    pub usual: Vec<Option<f32>>,
}

impl Course {
    /// The course of the app's day up to the last quarter of an hour that ended before `open`.
    pub(super) fn of(app: &App, open: Minute) -> Self {
        let (span, memory) = (Span::DAY, app.memory());
        let end = span.pane(open);
        let first = end.saturating_sub(span.panes);
        let start = |pane: u32| Minute(pane * span.pane_minutes).start();
        let mut placed = vec![0; (end - first) as usize];
        for (pane, tally) in memory.day.panes().filter(|(pane, _)| (first..end).contains(pane)) {
            placed[(pane - first) as usize] = tally.placed;
        }
        if placed.iter().all(|placed| *placed == 0) {
            return Self { from: start(first), ..Self::default() };
        }
        let usual = |pane| {
            let (at, clock) = (start(pane), &app.profile().clock);
            let a_slot = memory.baseline.usual(at.seconds(), clock.offset_s(at))?;
            Some((a_slot * f64::from(SLOTS_PER_PANE)) as f32)
        };
        Self { from: start(first), placed, usual: (first..end).map(usual).collect() }
    }
}
