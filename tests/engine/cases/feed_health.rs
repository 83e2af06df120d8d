//! `feed_health`: the detector's own input.

use super::{Case, RESOLVE};
use crate::scenario::{App, KNOWN, Pace, Shift, To};

/// A few calls over a morning; returns when the first of them ended.
fn a_morning(app: &mut App) -> i64 {
    let first = app.dial("2026-03-09 09:00").to(1).agent(1).answered(40);
    for (person, time) in (2..).zip(["09:04", "09:31", "09:58", "10:20", "10:21", "11:10", "11:45"]) {
        app.dial(&format!("2026-03-09 {time}")).to(person).agent(1).answered(35);
    }
    first
}

pub const CASES: [Case; 9] = [
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
    Case {
        name: "feed_health--fires-unknown-outcomes",
        shows: "From ten o'clock on, every third call ends in a way that the record has no known word for.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            app.works(&customers("2026-03-09 09:00", 90));
            strange_ends(&mut app, 10, 36);
            app.traffic()
        },
    },
    Case {
        name: "feed_health--fires-silence-in-the-middle-of-the-day",
        shows: "Twelve calls an hour from nine to two, day after day; on the eighth of March they stop at twenty to eleven and come \
                again the next morning.",
        config: SILENCE,
        traffic: || {
            let mut app = App::new();
            days(&mut app, &FIRST_WEEK, 60);
            days(&mut app, &["2026-03-08 09:00"], 20);
            days(&mut app, &["2026-03-09 09:00"], 12);
            app.traffic()
        },
    },
    Case {
        name: "feed_health--fires-silence-then-unknown-outcomes",
        shows: "The same, and in the morning the records are back but half of them cannot be understood: one alert, which says what \
                is amiss now.",
        config: SILENCE_AND_ON,
        traffic: || {
            let mut app = App::new();
            days(&mut app, &FIRST_WEEK, 60);
            days(&mut app, &["2026-03-08 09:00"], 20);
            days(&mut app, &["2026-03-09 09:00"], 30);
            strange_ends(&mut app, 9, 30);
            app.traffic()
        },
    },
    Case {
        name: "feed_health--quiet-holiday",
        shows: "The same week, then three days off: the silence begins where the week has none.",
        config: SILENCE,
        traffic: || {
            let mut app = App::new();
            days(&mut app, &FIRST_WEEK, 60);
            days(&mut app, &["2026-03-11 09:00"], 12);
            app.traffic()
        },
    },
    Case {
        name: "feed_health--quiet-a-long-lunch",
        shows: "The same week, and two hours without a call.",
        config: SILENCE,
        traffic: || {
            let mut app = App::new();
            days(&mut app, &FIRST_WEEK, 60);
            days(&mut app, &["2026-03-08 09:00"], 20);
            days(&mut app, &["2026-03-08 12:45"], 20);
            app.traffic()
        },
    },
    Case {
        name: "feed_health--quiet-a-few-unknown-outcomes",
        shows: "Nineteen calls that cannot be understood, among seventy-nine.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&customers("2026-03-09 09:00", 60));
            strange_ends(&mut app, 10, 19);
            app.traffic()
        },
    },
];

/// What a week of few calls can tell.
const SILENCE: &str = "rules:\n  feed_health:\n    silent_calls_min: 20\n    silent_tail: 0.001\n";

/// The same, until the alert has resolved.
const SILENCE_AND_ON: &str = "rules:\n  feed_health:\n    silent_calls_min: 20\n    silent_tail: 0.001\nresolve_at_end: true\n";

/// Monday to Saturday and the Sunday before.
const FIRST_WEEK: [&str; 7] = [
    "2026-03-01 09:00",
    "2026-03-02 09:00",
    "2026-03-03 09:00",
    "2026-03-04 09:00",
    "2026-03-05 09:00",
    "2026-03-06 09:00",
    "2026-03-07 09:00",
];

fn customers(from: &'static str, calls: u32) -> Shift {
    Shift { from, lines: 1..=2, calls, to: To::People(0, 90), mix: KNOWN, ..Shift::default() }
}

/// Twelve calls an hour from the beginning of each day.
fn days(app: &mut App, days: &[&'static str], calls: u32) {
    for from in days {
        app.works(&Shift { pace: Pace::Every(600), ..customers(from, calls) });
    }
}

/// One call a minute, from a full hour on, whose record does not say how it ended.
fn strange_ends(app: &mut App, hour: u32, calls: u32) {
    for minute in 0..calls {
        app.dial(&format!("2026-03-09 {hour:02}:{minute:02}:30")).from(5).to(200 + u64::from(minute)).ends_somehow();
    }
}
