//! `rest_time`: calls while people rest.

use serde_json::json;

use super::{Case, RESOLVE};
use crate::scenario::App;

pub const CASES: [Case; 6] = [
    Case {
        name: "rest_time--fires-night-calls",
        shows: "Calls from 21:00:00 on and up to 07:59:59: one night, three people, and an alert that resolves in between and \
                again in the morning, while permitted calls go on.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            app.dial("2026-03-09 20:59:59").to(1).rings_out();
            app.dial("2026-03-09 21:00:00").to(2).rings_out();
            app.dial("2026-03-09 21:10:00").to(3).agent(1).answered(30);
            app.dial("2026-03-09 21:12:00").to(2).rings_out();
            app.dial("2026-03-10 07:59:59").to(4).rings_out();
            app.dial("2026-03-10 08:12:00").to(5).rings_out();
            app.dial("2026-03-10 08:24:00").to(6).rings_out();
            app.traffic()
        },
    },
    Case {
        name: "rest_time--fires-local-night-of-another-zone",
        shows: "An app that filed New York calls at ten in the evening there, in the middle of the morning in Beijing.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.files(json!({ "timezone": "America/New_York" }));
            app.dial("2026-03-10 08:30").to(1).rings_out();
            app.dial("2026-03-10 10:00").to(2).rings_out();
            app.traffic()
        },
    },
    Case {
        name: "rest_time--fires-lunch-and-the-night-after",
        shows: "Where the policy names lunch: a notice at lunch, and still a violation in the evening of the same day.",
        config: "rules:\n  rest_time:\n    lunch: true\n",
        traffic: || {
            let mut app = App::new();
            app.dial("2026-03-09 11:59:59").to(1).rings_out();
            app.dial("2026-03-09 12:30:00").to(2).rings_out();
            app.dial("2026-03-09 22:00:00").to(3).rings_out();
            app.dial("2026-03-10 06:00:00").to(3).rings_out();
            app.dial("2026-03-10 13:00:00").to(4).rings_out();
            app.traffic()
        },
    },
    Case {
        name: "rest_time--quiet-first-and-last-second-of-the-day",
        shows: "Calls that begin at 08:00:00 and at 20:59:59, the last of them talking into the night.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.dial("2026-03-09 08:00:00").to(1).rings_out();
            app.dial("2026-03-09 12:30:00").to(2).rings_out();
            app.dial("2026-03-09 20:59:59").to(3).agent(1).answered(900);
            app.traffic()
        },
    },
    Case {
        name: "rest_time--quiet-day-of-another-zone",
        shows: "An app that filed New York calls by day there, at night in Beijing.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.files(json!({ "timezone": "America/New_York" }));
            app.dial("2026-03-09 22:00").to(1).rings_out();
            app.dial("2026-03-10 03:00").to(2).rings_out();
            app.traffic()
        },
    },
    Case {
        name: "rest_time--quiet-person-calls-at-night",
        shows: "A person who calls the app at night disturbs nobody.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.is_called_by(1, "2026-03-09 23:00");
            app.traffic()
        },
    },
];
