//! `callee_frequency`: more calls to one callee than permitted.

use super::{Case, RESOLVE};
use crate::scenario::{App, Traffic};

pub const CASES: [Case; 10] = [
    Case {
        name: "callee_frequency--fires-fourth-call-in-five-minutes",
        shows: "Four calls to one person in under five minutes, from two numbers.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.dial("2026-03-09 10:00:00").from(1).rings_out();
            app.dial("2026-03-09 10:01:30").from(2).rings_out();
            app.dial("2026-03-09 10:03:00").from(1).rings_out();
            app.dial("2026-03-09 10:04:59").from(2).rings_out();
            app.traffic()
        },
    },
    Case {
        name: "callee_frequency--fires-sixth-call-in-a-day",
        shows: "Six calls to one person within 24 hours, over the night.",
        config: "",
        traffic: || calls(&DAY_AND_MORNING),
    },
    Case {
        name: "callee_frequency--fires-both-limits",
        shows: "Four calls at once after three in the morning: both limits are broken, and both are quoted.",
        config: "",
        traffic: || {
            calls(&[
                "2026-03-09 09:00",
                "2026-03-09 09:30",
                "2026-03-09 10:00",
                "2026-03-09 15:00",
                "2026-03-09 15:01",
                "2026-03-09 15:02",
                "2026-03-09 15:03",
            ])
        },
    },
    Case {
        name: "callee_frequency--fires-once-and-not-again-the-next-day",
        shows: "Six calls on one day are told of once; the one call a day later is nothing new.",
        config: "",
        traffic: || {
            let mut app = App::new();
            for minute in [5, 10, 15, 20, 25, 30] {
                app.dial(&format!("2026-03-09 10:{minute:02}")).rings_out();
            }
            app.dial("2026-03-10 10:40").rings_out();
            app.dial("2026-03-10 10:45").rings_out();
            app.traffic()
        },
    },
    Case {
        name: "callee_frequency--fires-resolves-and-reopens",
        shows: "Four calls in five minutes, half an hour of peace, and again: the same alert opens again, with its id.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            for time in ["10:00", "10:01", "10:02", "10:03", "11:10", "11:11", "11:12", "11:13"] {
                app.dial(&format!("2026-03-09 {time}")).rings_out();
            }
            app.traffic()
        },
    },
    Case {
        name: "callee_frequency--quiet-three-in-five-minutes",
        shows: "Three calls in five minutes are permitted.",
        config: "",
        traffic: || calls(&["2026-03-09 10:00", "2026-03-09 10:01", "2026-03-09 10:02"]),
    },
    Case {
        name: "callee_frequency--quiet-fourth-call-after-five-minutes",
        shows: "The fourth call begins five minutes after the first, to the second.",
        config: "",
        traffic: || calls(&["2026-03-09 10:00", "2026-03-09 10:01", "2026-03-09 10:02", "2026-03-09 10:05"]),
    },
    Case {
        name: "callee_frequency--quiet-five-in-a-day",
        shows: "Five calls in 24 hours are permitted.",
        config: "",
        traffic: || calls(&DAY_AND_MORNING[..5]),
    },
    Case {
        name: "callee_frequency--quiet-six-calls-over-25-hours",
        shows: "Six calls, but never more than five within 24 hours.",
        config: "",
        traffic: || {
            let mut times = DAY_AND_MORNING;
            times[5] = "2026-03-10 09:30";
            calls(&times)
        },
    },
    Case {
        name: "callee_frequency--quiet-in-shadow",
        shows: "A rule in shadow is evaluated and counted, and sends nothing.",
        config: "rules:\n  callee_frequency:\n    mode: shadow\n",
        traffic: || calls(&[&DAY_AND_MORNING[..], &["2026-03-10 08:40", "2026-03-10 08:50"]].concat()),
    },
];

const DAY_AND_MORNING: [&str; 6] =
    ["2026-03-09 08:30", "2026-03-09 11:00", "2026-03-09 14:00", "2026-03-09 17:00", "2026-03-09 20:00", "2026-03-10 08:29:59"];

fn calls(times: &[&str]) -> Traffic {
    let mut app = App::new();
    for time in times {
        app.dial(time).rings_out();
    }
    app.traffic()
}
