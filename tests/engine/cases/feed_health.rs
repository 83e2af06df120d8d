//! `feed_health`: the detector's own input.

use super::{Case, RESOLVE};
use crate::scenario::App;

/// A few calls over a morning; returns when the first of them ended.
fn a_morning(app: &mut App) -> i64 {
    let first = app.dial("2026-03-09 09:00").to(1).agent(1).answered(40);
    for (person, time) in (2..).zip(["09:04", "09:31", "09:58", "10:20", "10:21", "11:10", "11:45"]) {
        app.dial(&format!("2026-03-09 {time}")).to(person).agent(1).answered(35);
    }
    first
}

pub const CASES: [Case; 3] = [
    Case {
        name: "feed_health--fires-app-in-two-partitions",
        shows: "The first call of an app in this partition, and others in partition 3 before it: a notice that names both, open \
                for a day.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            let first = a_morning(&mut app);
            app.was_met_elsewhere(first, 1, (3, 12));
            app.traffic()
        },
    },
    Case {
        name: "feed_health--fires-for-the-earlier-of-two",
        shows: "Two calls of one minute, each met elsewhere: the earlier one is told of, whichever is heard of first. Where the \
                policy says so the alert closes sooner.",
        config: "rules:\n  feed_health:\n    open_hours: 1\nresolve_at_end: true\n",
        traffic: || {
            let mut app = App::new();
            let first = a_morning(&mut app);
            app.was_met_elsewhere(first + 7_000, 2, (5, 90));
            app.was_met_elsewhere(first, 1, (3, 12));
            app.traffic()
        },
    },
    Case {
        name: "feed_health--quiet-one-partition",
        shows: "All calls of an app in one partition: that is where they belong.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            a_morning(&mut app);
            app.traffic()
        },
    },
];
