//! `caller_rotation`: many caller numbers with few calls each, and numbers never filed.

use serde_json::json;

use super::Case;
use crate::scenario::{App, KNOWN, Pace, Shift, To, line};

pub const CASES: [Case; 7] = [
    Case {
        name: "caller_rotation--fires-thirty-numbers-three-calls-each",
        shows: "Ninety strangers called from thirty numbers, three at a time and then three others.",
        config: "",
        traffic: || {
            let mut app = App::new();
            rotates(&mut app);
            app.traffic()
        },
    },
    Case {
        name: "caller_rotation--fires-unfiled-numbers",
        shows: "Six numbers filed, and a third of the calls from three others.",
        config: "",
        traffic: || {
            let mut app = filed(6);
            app.works(&Shift { lines: 1..=9, calls: 150, to: To::People(0, 75), ..Shift::default() });
            app.traffic()
        },
    },
    Case {
        name: "caller_rotation--fires-rotation-over-unfiled-numbers",
        shows: "Filed numbers are laid aside one after the other, then others that were never filed are used: one alert, in the \
                end with the evidence of both.",
        config: "",
        traffic: || {
            let mut app = filed(30);
            rotates(&mut app);
            app.works(&Shift { from: "2026-03-09 12:30", lines: 31..=36, calls: 90, ..Shift::default() });
            app.traffic()
        },
    },
    Case {
        name: "caller_rotation--fires-growth",
        shows: "An app that used three numbers a day for a week uses twenty-four: a notice, its callees know it.",
        config: "",
        traffic: || {
            let mut app = App::new();
            for day in 2..10_u32 {
                for number in 1..=3 {
                    let customer = day * 3 + number;
                    app.dial(&format!("2026-03-{day:02} 10:00")).from(number).to(customer.into()).agent(1).answered(30);
                }
            }
            app.works(&Shift { from: "2026-03-10 10:00", lines: 1..=24, calls: 27, pace: Pace::Every(3_600), ..customers(34) });
            app.traffic()
        },
    },
    Case {
        name: "caller_rotation--quiet-thirty-agents-with-their-own-numbers",
        shows: "Thirty agents, each with a number of their own that is filed: on the first day all callees are new, and in the \
                morning every number has few calls; a week later they call the same people, a few each.",
        config: "",
        traffic: || {
            let mut app = filed(30);
            app.works(&Shift { from: "2026-03-02 09:00", lines: 1..=30, calls: 240, ..customers(120) });
            app.works(&Shift { lines: 1..=30, calls: 120, ..customers(120) });
            app.traffic()
        },
    },
    Case {
        name: "caller_rotation--quiet-a-few-strangers-more",
        shows: "The same with some new customers among them.",
        config: "",
        traffic: || {
            let mut app = filed(30);
            app.works(&Shift { from: "2026-03-02 09:00", lines: 1..=30, calls: 160, ..customers(160) });
            app.works(&Shift { lines: 1..=30, calls: 80, ..customers(160) });
            app.works(&Shift { from: "2026-03-09 14:00", lines: 1..=30, calls: 40, pace: Pace::Every(600), ..Shift::default() });
            app.traffic()
        },
    },
    Case {
        name: "caller_rotation--quiet-one-call-from-an-unfiled-number",
        shows: "A mistyped number among a hundred calls.",
        config: "",
        traffic: || {
            let mut app = filed(4);
            app.works(&Shift { lines: 1..=4, calls: 100, to: To::People(0, 100), ..Shift::default() });
            app.dial("2026-03-09 12:00").from(77).to(2_000).agent(1).answered(30);
            app.traffic()
        },
    },
];

/// Three numbers for a quarter of an hour, three calls each; then the next three.
fn rotates(app: &mut App) {
    for (from, first) in [
        ("2026-03-09 09:00", 1),
        ("2026-03-09 09:15", 4),
        ("2026-03-09 09:30", 7),
        ("2026-03-09 09:45", 10),
        ("2026-03-09 10:00", 13),
        ("2026-03-09 10:15", 16),
        ("2026-03-09 10:30", 19),
        ("2026-03-09 10:45", 22),
        ("2026-03-09 11:00", 25),
        ("2026-03-09 12:15", 28),
    ] {
        app.works(&Shift { from, lines: first..=first + 2, calls: 9, ..Shift::default() });
    }
}

/// An app that filed its first numbers.
fn filed(numbers: u32) -> App {
    let mut app = App::new();
    let callers: Vec<String> = (1..=numbers).map(line).collect();
    app.files(json!({ "callers": callers }));
    app
}

fn customers(people: u64) -> Shift {
    Shift { to: To::People(0, people), mix: KNOWN, pace: Pace::Every(600), ..Shift::default() }
}
