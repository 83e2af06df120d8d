//! `complaint_ratio`: complaints, and replies to them.

use serde_json::{Value, json};

use super::{Case, RESOLVE};
use crate::scenario::{App, KNOWN, Shift, To, beijing};

/// A day of work with people who know the app: so many calls from nine o'clock on.
fn a_day_of(app: &mut App, from: &'static str, calls: u32) {
    app.works(&Shift { from, calls, lines: 1..=6, to: To::People(0, u64::from(calls)), mix: KNOWN, ..Shift::default() });
}

fn unverified() -> Value {
    json!({ "channel": "12321", "category": "harassment", "verified": false })
}

fn found_true(category: &str) -> Value {
    json!({ "channel": "12321", "category": category, "verified": true })
}

/// Complaints of so many people, a minute apart, and replies within the hour.
fn complain(app: &mut App, people: std::ops::Range<u64>, hour: &str) {
    for (n, minute) in people.zip(10..) {
        app.is_told("complaint", n, &format!("{hour}:{minute}"), unverified());
        app.is_told("reply", n, &format!("{hour}:{}", minute + 20), json!({}));
    }
}

/// Somebody calls now and then, so that time goes on.
fn time_goes_on(app: &mut App, times: &[&str]) {
    for (n, time) in (800..).zip(times) {
        app.dial(time).to(n).agent(1).answered(40);
    }
}

/// One call, and what the person called says of it.
fn one_complaint(said: Value) -> App {
    let mut app = App::new();
    app.dial("2026-03-09 09:00").to(1).agent(1).answered(40);
    app.is_told("complaint", 1, "2026-03-09 09:30", said);
    app.is_told("reply", 1, "2026-03-09 09:50", json!({}));
    time_goes_on(&mut app, &["2026-03-09 09:40", "2026-03-09 13:00"]);
    app
}

pub const CASES: [Case; 16] = [
    Case {
        name: "complaint_ratio--fires-verified-fraud",
        shows: "One complaint about fraud that was found true: severe, at once.",
        config: RESOLVE,
        traffic: || one_complaint(found_true("fraud")).traffic(),
    },
    Case {
        name: "complaint_ratio--fires-verified-harassment",
        shows: "One complaint about harassment that was found true: grave, at once.",
        config: RESOLVE,
        traffic: || one_complaint(found_true("harassment")).traffic(),
    },
    Case {
        name: "complaint_ratio--fires-verified-without-a-cause",
        shows: "A complaint that was found true and does not say what of: no more than a violation. A second one is told of.",
        config: RESOLVE,
        traffic: || {
            let mut app = one_complaint(json!({ "verified": true }));
            app.is_told("complaint", 2, "2026-03-09 10:30", json!({ "verified": true, "category": "no_consent" }));
            app.is_told("reply", 2, "2026-03-09 10:40", json!({}));
            app.traffic()
        },
    },
    Case {
        name: "complaint_ratio--fires-harassment-first-then-fraud",
        shows: "An alert becomes graver with the second complaint found true, and keeps its id.",
        config: RESOLVE,
        traffic: || {
            let mut app = one_complaint(found_true("abuse"));
            app.is_told("complaint", 2, "2026-03-09 10:30", found_true("fraud"));
            app.is_told("reply", 2, "2026-03-09 10:40", json!({}));
            app.traffic()
        },
    },
    Case {
        name: "complaint_ratio--fires-found-true-later",
        shows: "A complaint is answered in time and found true a day later: that acts, and asks for no second reply.",
        config: RESOLVE,
        traffic: || {
            let mut app = one_complaint(unverified());
            app.is_told("complaint", 1, "2026-03-10 10:00", found_true("fraud"));
            time_goes_on(&mut app, &["2026-03-10 09:00", "2026-03-10 13:00"]);
            app.traffic()
        },
    },
    Case {
        name: "complaint_ratio--fires-by-the-bound",
        shows: "Seven people complain about three hundred calls of two days: a violation, though nothing was found true.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            a_day_of(&mut app, "2026-03-09 09:00", 170);
            a_day_of(&mut app, "2026-03-10 09:00", 130);
            complain(&mut app, 20..27, "2026-03-10 15");
            time_goes_on(&mut app, &["2026-03-10 15:05", "2026-03-10 16:30"]);
            app.traffic()
        },
    },
    Case {
        name: "complaint_ratio--fires-as-a-notice-first",
        shows: "Five people of some six hundred complain: a notice. Six more do: a violation.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            a_day_of(&mut app, "2026-03-09 09:00", 420);
            a_day_of(&mut app, "2026-03-10 09:00", 380);
            complain(&mut app, 20..25, "2026-03-10 15");
            complain(&mut app, 40..46, "2026-03-10 17");
            time_goes_on(&mut app, &["2026-03-10 15:05", "2026-03-10 16:30", "2026-03-10 18:30"]);
            app.traffic()
        },
    },
    Case {
        name: "complaint_ratio--fires-reply-overdue-in-silence",
        shows: "A complaint, no reply, and no call after it: two hours later time alone opens a notice, and a day later ends it.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            app.dial("2026-03-09 09:00").to(1).agent(1).answered(40);
            app.is_told("complaint", 1, "2026-03-09 09:02:30", unverified());
            app.dial("2026-03-09 09:03").to(2).agent(1).answered(40);
            app.traffic()
        },
    },
    Case {
        name: "complaint_ratio--fires-reply-too-late",
        shows: "Two complaints without a reply in time; the replies come half an hour late, and the notice ends with them.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            time_goes_on(&mut app, &["2026-03-09 09:00", "2026-03-09 11:20", "2026-03-09 12:00", "2026-03-09 14:00"]);
            app.is_told("complaint", 800, "2026-03-09 09:10", unverified());
            app.is_told("complaint", 900, "2026-03-09 09:15", json!({ "call_id": "call-0001" }));
            app.is_told("reply", 800, "2026-03-09 11:40:00", json!({}));
            app.is_told("reply", 901, "2026-03-09 11:45:00", json!({ "call_id": "call-0001" }));
            app.traffic()
        },
    },
    Case {
        name: "complaint_ratio--quiet-three-calls",
        shows: "Three calls, and all three people complain: too few to accuse anybody.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            time_goes_on(&mut app, &["2026-03-09 09:00", "2026-03-09 09:05", "2026-03-09 09:10"]);
            complain(&mut app, 800..803, "2026-03-09 10");
            app.dial("2026-03-09 14:00").to(900).agent(1).answered(40);
            app.traffic()
        },
    },
    Case {
        name: "complaint_ratio--quiet-one-person-complains-everywhere",
        shows: "One person complains about one call in six places: one person.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            a_day_of(&mut app, "2026-03-09 09:00", 60);
            for (channel, minute) in ["12321", "carrier", "regulator", "agent", "ivr", "anti_fraud_app"].iter().zip(10..) {
                app.is_told(
                    "complaint",
                    20,
                    &format!("2026-03-09 15:{minute}"),
                    json!({ "channel": channel, "category": "harassment" }),
                );
            }
            app.is_told("reply", 20, "2026-03-09 16:00", json!({}));
            time_goes_on(&mut app, &["2026-03-09 19:00"]);
            app.traffic()
        },
    },
    Case {
        name: "complaint_ratio--quiet-few-of-many",
        shows: "Four people of a thousand complain, none of it found true: it happens to everybody.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            a_day_of(&mut app, "2026-03-09 09:00", 500);
            a_day_of(&mut app, "2026-03-10 09:00", 500);
            complain(&mut app, 20..24, "2026-03-10 16");
            time_goes_on(&mut app, &["2026-03-10 20:00"]);
            app.traffic()
        },
    },
    Case {
        name: "complaint_ratio--quiet-complaints-about-the-week-before",
        shows: "A large campaign ends; complaints about it come in when the app makes a few calls a day. They are not about those.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            a_day_of(&mut app, "2026-03-02 09:00", 400);
            time_goes_on(&mut app, &["2026-03-10 09:00", "2026-03-10 14:00", "2026-03-10 20:00"]);
            complain(&mut app, 20..27, "2026-03-10 15");
            app.traffic()
        },
    },
    Case {
        name: "complaint_ratio--quiet-people-never-called",
        shows: "Complaints of people whom the app never called: somebody else shows its number.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            a_day_of(&mut app, "2026-03-09 09:00", 60);
            complain(&mut app, 900..907, "2026-03-09 15");
            time_goes_on(&mut app, &["2026-03-09 19:00"]);
            app.traffic()
        },
    },
    Case {
        name: "complaint_ratio--quiet-replies-in-time",
        shows: "Replies to the callee, or about the call, one in the last second of the two hours.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            time_goes_on(&mut app, &["2026-03-09 09:00", "2026-03-09 11:20", "2026-03-09 14:00"]);
            app.is_told("complaint", 800, "2026-03-09 09:10", unverified());
            app.is_told("complaint", 900, "2026-03-09 09:15", json!({ "call_id": "call-0001" }));
            app.is_told("reply", 800, "2026-03-09 11:10", json!({}));
            app.is_told("reply", 901, "2026-03-09 10:00", json!({ "call_id": "call-0001" }));
            app.traffic()
        },
    },
    Case {
        name: "complaint_ratio--quiet-complaint-that-comes-after-its-reply",
        shows: "Word of a complaint comes in hours late, after the reply that was given in time.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            time_goes_on(
                &mut app,
                &["2026-03-09 09:00", "2026-03-09 11:00", "2026-03-09 12:00", "2026-03-09 13:00", "2026-03-09 17:00"],
            );
            let arrives = beijing("2026-03-09 13:10");
            app.is_told("complaint", 800, "2026-03-09 09:20", json!({ "arrives": arrives }));
            app.is_told("reply", 800, "2026-03-09 10:00", json!({}));
            app.traffic()
        },
    },
];
