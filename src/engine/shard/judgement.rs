//! How time passes in a shard: minutes close, and what is closed is judged.
//!
//! Closing decides what is late, and is done at once; judging may wait until several minutes of an app can be judged together.
//! It never changes what is said, nor in which order.

use std::ops::Range;

use super::{Effects, Shard};
use crate::engine::alert::Alert;
use crate::engine::app::App;
use crate::engine::docket::{Share, Shares};
use crate::engine::time::{DAY_MINUTES, MINUTE_MS, Minute, Timestamp};
use crate::engine::waiting::AppSlot;

/// When so many calls an app are closed and not judged, judging them costs each little more than it ever will ...
const BEHIND_CALLS_AN_APP: usize = 64;
/// ... but not before there are so many.
const BEHIND_CALLS_MIN: usize = 1 << 14;

impl Shard {
    /// Closes every minute that ends at or before the watermark: `at` less the lateness. Days end one by one: what apps called
    /// on a day leaves when all of it is judged and nothing of the next.
    pub(super) fn pass(&mut self, at: Timestamp, effects: &mut Effects) {
        let watermark = at.plus_millis(-self.policy.lateness_ms);
        if watermark.millis() < MINUTE_MS {
            return;
        }
        let end = watermark.minute();
        while self.open < end {
            let day = self.open.day();
            let midnight = Minute((day + 1) * DAY_MINUTES);
            self.close(midnight.min(end));
            if midnight <= end {
                self.catch_up(effects);
                self.sketch(day, effects);
                // Minutes in which nothing can happen are passed at once.
                self.close(self.next_minute().map_or(end, |minute| minute.clamp(midnight, end)));
                self.catch_up(effects);
            }
        }
    }

    /// Closes what lies before `end`.
    fn close(&mut self, end: Minute) {
        while let Some(minute) = self.waiting.first().filter(|minute| *minute < end) {
            self.docket.add(minute, self.waiting.close(minute));
        }
        self.open = end;
    }

    /// Whether so much is closed and not judged that waiting for more gains nothing, or `calls_max`. A call takes 92 bytes.
    pub fn is_behind(&self, calls_max: usize) -> bool {
        let enough = BEHIND_CALLS_AN_APP * self.seats.len();
        self.docket.calls() >= enough.max(BEHIND_CALLS_MIN).min(calls_max)
    }

    /// Judges all that is closed and not held, each app's minutes together. What is said is said in the order of minutes: that is no
    /// other than if each had been judged when it closed.
    pub fn catch_up(&mut self, effects: &mut Effects) {
        let span = self.unjudged..self.held.map_or(self.open, |held| held.min(self.open));
        if span.is_empty() {
            return;
        }
        self.unjudged = span.end;
        let before = (effects.alerts.len(), effects.shadowed.len());
        let mut docket = if span.end == self.open { std::mem::take(&mut self.docket) } else { self.docket.take_before(span.end) };
        let order = docket.order();
        let mut awake = std::mem::take(&mut self.spare);
        awake.extend(&self.awake);
        let mut silent = awake.iter().copied().peekable();
        for shares in docket.by_app(&order) {
            while let Some(earlier) = silent.next_if(|earlier| *earlier < shares.slot()) {
                self.judge(earlier, None, true, &span, effects);
            }
            let is_awake = silent.next_if_eq(&shares.slot()).is_some();
            self.judge(shares.slot(), Some(shares), is_awake, &span, effects);
        }
        for slot in silent {
            self.judge(slot, None, true, &span, effects);
        }
        awake.clear();
        self.spare = awake;
        // Slots depend on who came first; what leaves must not.
        let order_of = |alert: &Alert, other: &Alert| (alert.updated_at, &alert.app_id).cmp(&(other.updated_at, &other.app_id));
        effects.alerts[before.0..].sort_by(order_of);
        effects.shadowed[before.1..].sort_by(order_of);
        docket.clear(order).for_each(|closed| self.waiting.recycle(closed));
        if self.docket.is_empty() {
            self.docket = docket;
        }
        let (awake, minute) = (&self.awake, self.open);
        self.seats.round(span.end.0 - span.start.0, |slot, app| may_rest(app, minute) && !awake.contains(&slot));
    }

    /// Judges what an app has in a span of minutes: those in which there is something, and every minute while it is awake.
    fn judge(&mut self, slot: AppSlot, shares: Option<Shares<'_>>, was_awake: bool, span: &Range<Minute>, effects: &mut Effects) {
        self.preserve(slot);
        let (policy, found) = (&*self.policy, &mut self.found);
        self.seats.judged(slot, shares.map_or(0, Shares::calls));
        let Some(app) = self.seats.wake(slot, policy) else { return };
        let (mut is_awake, mut next) = (was_awake, span.start);
        for Share { minute, calls, feedback } in shares.into_iter().flat_map(Shares::iter) {
            while is_awake && next < minute {
                app.judge(next, &[], &[], policy, found, effects);
                (is_awake, next) = (app.is_waiting(policy), next.next());
            }
            app.judge(minute, calls, feedback, policy, found, effects);
            (is_awake, next) = (app.is_waiting(policy), minute.next());
        }
        while is_awake && next < span.end {
            app.judge(next, &[], &[], policy, found, effects);
            (is_awake, next) = (app.is_waiting(policy), next.next());
        }
        match (was_awake, is_awake) {
            (false, true) => _ = self.awake.insert(slot),
            (true, false) => _ = self.awake.remove(&slot),
            _ => {}
        }
    }

    /// The next minute that is not closed in which anything can happen.
    pub(super) fn next_minute(&self) -> Option<Minute> {
        if self.awake.is_empty() { self.waiting.first() } else { Some(self.open) }
    }
}

/// Whether an app that is not awake, and for which nothing waits, may be laid down until it is heard of. What it called yesterday may
/// still be asked for: see [`Shard::sketch_day_before`].
pub(super) fn may_rest(app: &App, open: Minute) -> bool {
    app.last_judged().day() + 2 <= open.day()
}
