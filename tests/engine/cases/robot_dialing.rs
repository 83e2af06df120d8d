//! `robot_dialing`: machines that call and let machines talk.

use dialwatch::engine::record::Kind;
use serde_json::json;

use super::Case;
use crate::scenario::{App, GOOD, Mix, Pace, Shift, Talk, To};

pub const CASES: [Case; 14] = [
    Case {
        name: "robot_dialing--fires-fixed-gap",
        shows: "A machine that waits three seconds after each call and plays one message, on two numbers.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&machine(Pace::Gap(3, 3)));
            app.traffic()
        },
    },
    Case {
        name: "robot_dialing--fires-fixed-start",
        shows: "A machine that starts a call every 45 seconds on each of two numbers.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&machine(Pace::Every(45)));
            app.traffic()
        },
    },
    Case {
        name: "robot_dialing--fires-jitter",
        shows: "A machine whose pauses vary by a second or so, lest they be told from a person's. On three numbers it is grave.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&Shift { lines: 1..=3, calls: 300, ..machine(Pace::Gap(4, 6)) });
            app.traffic()
        },
    },
    Case {
        name: "robot_dialing--fires-random-pauses",
        shows: "A machine that pauses 10 to 60 seconds at random: it never takes a break, in hundreds of calls.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&Shift { lines: 1..=1, calls: 275, ..machine(Pace::Gap(10, 60)) });
            app.traffic()
        },
    },
    Case {
        name: "robot_dialing--fires-message-at-a-persons-pace",
        shows: "One message played to strangers, and nothing in the pauses that is a machine's: the message is enough.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&Shift { calls: 300, kind: Kind::Unknown, ..machine(Pace::Gap(15, 400)) });
            app.traffic()
        },
    },
    Case {
        name: "robot_dialing--fires-dropped-answers",
        shows: "A dialer that is faster than its agents: one in seven who answer meet nobody.",
        config: "",
        traffic: || {
            let mut app = App::new();
            let shift = Shift { lines: 1..=2, calls: 260, mix: GOOD, kind: Kind::Predictive, ..Shift::default() };
            app.works(&Shift { dropped: 15, pace: Pace::Gap(2, 2), ..shift });
            app.traffic()
        },
    },
    Case {
        name: "robot_dialing--fires-without-any-agent",
        shows: "A machine that talks by itself, different each time, and is hung up on: no agent was ever on a call.",
        config: "",
        traffic: || {
            let mut app = App::new();
            let mix = Mix { talk: Talk::People { short: 30 }, ..GOOD };
            let shift = Shift { lines: 1..=2, calls: 370, mix, kind: Kind::Ai, agents: false, ..Shift::default() };
            app.works(&Shift { pace: Pace::Gap(2, 3), ..shift });
            app.traffic()
        },
    },
    Case {
        name: "robot_dialing--fires-more-calls-than-seats",
        shows: "Thirty calls in progress where two seats are filed, one message, no rhythm.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.files(json!({ "seats": 2 }));
            app.works(&Shift { lines: 1..=12, calls: 240, ..machine(Pace::Gap(5, 90)) });
            app.traffic()
        },
    },
    Case {
        name: "robot_dialing--fires-notice-of-a-machine",
        shows: "Where the policy asks for it: a dialer that was not declared is a notice, though people are behind it.",
        config: "rules:\n  robot_dialing:\n    notice_machine_dialed: true\n",
        traffic: || {
            let mut app = App::new();
            app.works(&Shift { lines: 1..=2, calls: 150, pace: Pace::Gap(2, 2), kind: Kind::Predictive, ..Shift::default() });
            app.traffic()
        },
    },
    Case {
        name: "robot_dialing--quiet-declared-delivery-notices",
        shows: "The same machine, declared as voice notifications.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.files(json!({ "declared_use": ["voice_notification"] }));
            app.works(&machine(Pace::Gap(3, 3)));
            app.traffic()
        },
    },
    Case {
        name: "robot_dialing--quiet-preview-dialer",
        shows: "Agents who get the next call ten seconds after the last: a machine dials, people talk.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&Shift { lines: 1..=3, calls: 240, pace: Pace::Gap(10, 11), ..Shift::default() });
            app.traffic()
        },
    },
    Case {
        name: "robot_dialing--quiet-predictive-dialer-with-agents",
        shows: "A declared predictive dialer with agents: some who answer wait in vain, within what is permitted.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.files(json!({ "declared_use": ["predictive_dialer"], "seats": 6 }));
            let shift = Shift { lines: 1..=6, calls: 420, kind: Kind::Predictive, dropped: 2, ..Shift::default() };
            app.works(&Shift { pace: Pace::Gap(1, 2), ..shift });
            app.traffic()
        },
    },
    Case {
        name: "robot_dialing--quiet-reminders-sent-by-hand",
        shows: "One message played to customers from a list, but people start the calls, when they find the time.",
        config: "",
        traffic: || {
            let mut app = App::new();
            let sold = Shift { lines: 1..=2, calls: 200, to: To::People(0, 200), mix: GOOD, ..Shift::default() };
            app.works(&Shift { from: "2026-03-02 09:45", ..sold });
            app.works(&Shift { to: To::People(0, 200), ..machine(Pace::Gap(15, 400)) });
            app.traffic()
        },
    },
    Case {
        name: "robot_dialing--quiet-strangers-who-hang-up",
        shows: "Strangers who hear what it is about and hang up: their talks have one length, too, and no message does.",
        config: "",
        traffic: || {
            let mut app = App::new();
            let mix = Mix { talk: Talk::Message { length_s: 8, early: 40 }, ..GOOD };
            app.works(&Shift { calls: 300, pace: Pace::Gap(15, 400), mix, ..Shift::default() });
            app.traffic()
        },
    },
];

/// A machine that plays a message of 18 seconds on two numbers.
fn machine(pace: Pace) -> Shift {
    let mix = Mix { answered: 62, declined: 3, talk: Talk::Message { length_s: 18, early: 15 }, ..GOOD };
    Shift { lines: 1..=2, calls: 180, pace, mix, kind: Kind::Auto, agents: false, ..Shift::default() }
}
