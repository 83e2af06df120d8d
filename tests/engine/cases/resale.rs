//! `resale`: several customers behind one app, or one behind several.

use super::{Case, RESOLVE};
use crate::scenario::{APP, App, KNOWN, Mix, Pace, Shift, Talk, To, Traffic};

pub const CASES: [Case; 10] = [
    Case {
        name: "resale--fires-two-uses-of-one-app",
        shows: "Two numbers call customers in the morning, who answer; two others call in the evening people who hardly ever do. The \
                next morning the app's numbers are looked at.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            app.works(&morning(240));
            app.works(&evening(240));
            next_day(&mut app);
            app.traffic()
        },
    },
    Case {
        name: "resale--fires-two-provinces",
        shows: "The same hours, but one half calls people of Guangdong who answer, and the other half people of Sichuan who do not. Of \
                the calls from one province to another `cross_region` tells as well.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&Shift { to: To::Area(755), ..morning(240) });
            app.works(&Shift { from: "2026-03-09 09:00", to: To::Area(28), ..evening(240) });
            next_day(&mut app);
            app.traffic()
        },
    },
    Case {
        name: "resale--fires-until-the-weeks-are-over",
        shows: "The second use ends; the alert stays open while its calls are of this week or the last, and its numbers are not \
                forgotten.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&morning(240));
            app.works(&evening(240));
            for (from, _) in [("2026-03-10 09:00", 1), ("2026-03-12 09:00", 2), ("2026-03-17 09:00", 3), ("2026-03-20 09:00", 4)]
            {
                app.works(&Shift { from, ..morning(12) });
            }
            app.traffic()
        },
    },
    Case {
        name: "resale--fires-same-callees-under-two-apps",
        shows: "Two apps call the same two hundred people on one day and twenty others each: both are told at six o'clock UTC of the \
                next day, of each other.",
        config: RESOLVE,
        traffic: || two_apps(20, 220),
    },
    Case {
        name: "resale--fires-both-signs",
        shows: "Two uses of one app, and most of its people are another app's too: one alert of both.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            app.works(&morning(240));
            app.works(&Shift { calls: 240, to: To::People(0, 220), ..evening(240) });
            next_day(&mut app);
            let mut other = App::named("1400000002");
            other.works(&Shift { lines: 11..=12, ..morning(240) });
            app.traffic().with(other.traffic())
        },
    },
    Case {
        name: "resale--quiet-two-shifts",
        shows: "A morning and an evening shift of one business: unlike in their hours only.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&morning(240));
            app.works(&Shift { mix: KNOWN, ..evening(240) });
            next_day(&mut app);
            app.traffic()
        },
    },
    Case {
        name: "resale--quiet-two-lists-at-the-same-hours",
        shows: "Two lists called side by side, of which one answers poorly: unlike in what comes of their calls only.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&morning(240));
            app.works(&Shift { from: "2026-03-09 09:00", pace: Pace::Gap(60, 130), ..evening(240) });
            next_day(&mut app);
            app.traffic()
        },
    },
    Case {
        name: "resale--quiet-a-few-calls-of-another-kind",
        shows: "A second use of a hundred and eighty calls.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&morning(240));
            app.works(&evening(180));
            next_day(&mut app);
            app.traffic()
        },
    },
    Case {
        name: "resale--quiet-a-quarter-in-common",
        shows: "Two apps with ninety people in common, of two hundred and twenty each: at least a fifth, not three in ten.",
        config: RESOLVE,
        traffic: || two_apps(130, 220),
    },
    Case {
        name: "resale--quiet-two-apps-with-few-callees",
        shows: "Two apps call the same hundred and ninety people: too few a day to compare.",
        config: RESOLVE,
        traffic: || two_apps(0, 190),
    },
];

/// Two lines call customers in the morning.
fn morning(calls: u32) -> Shift {
    Shift { lines: 1..=2, calls, pace: Pace::Gap(5, 40), to: To::People(0, 220), mix: KNOWN, ..Shift::default() }
}

/// Two lines call other people in the evening, few of whom answer, and then not for long.
fn evening(calls: u32) -> Shift {
    let mix =
        Mix { answered: 25, declined: 4, empty: 1, busy: 30, network_error: 0, talk: Talk::Message { length_s: 20, early: 90 } };
    Shift { from: "2026-03-09 15:30", lines: 5..=6, to: To::People(1_000, 400), mix, ..morning(calls) }
}

/// Some calls, so that the day is judged.
fn next_day(app: &mut App) {
    app.works(&Shift { from: "2026-03-10 09:00", ..morning(12) });
}

/// Two apps that each call so many people, of whom all but the first `own` are also the other's; and again the next day, a few.
fn two_apps(own: u64, calls: u64) -> Traffic {
    let mut one = App::named(APP);
    one.works(&Shift { to: To::People(0, calls), ..morning(calls as u32) });
    one.works(&Shift { from: "2026-03-10 10:00", ..morning(12) });
    let mut other = App::named("1400000002");
    other.works(&Shift { lines: 11..=12, to: To::People(own, calls), ..morning(calls as u32) });
    one.traffic().with(other.traffic())
}
