//! `harassment_redial`: calls to somebody who refused.

use dialwatch::engine::record::{HangupBy, Kind};

use super::Case;
use crate::scenario::{App, KNOWN, Shift, To};

/// A call to somebody else every twenty minutes, from nine to three: time goes on.
fn calls_through_a_day(app: &mut App) {
    for (other, minutes) in (2..).zip((0..360).step_by(20)) {
        app.dial(&format!("2026-03-09 {:02}:{:02}", 9 + minutes / 60, minutes % 60)).to(other).agent(1).answered(40);
    }
}

pub const CASES: [Case; 19] = [
    Case {
        name: "harassment_redial--fires-call-after-opt-out",
        shows: "A person opts out and is called again, weeks later: one call suffices.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.dial("2026-02-20 10:00").agent(1).answered(40);
            app.hears("opt_out", 1, "2026-02-20 10:05");
            app.dial("2026-03-09 10:00").from(2).rings_out();
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--fires-call-after-complaint",
        shows: "A person complains, the complaint is found true, and the app calls again.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.dial("2026-03-05 10:00").agent(1).answered(40);
            app.hears("complaint", 1, "2026-03-06 15:00");
            app.dial("2026-03-09 10:00").rings_out();
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--fires-and-is-updated-as-it-grows",
        shows: "Four calls after an opt-out, twenty minutes apart: one alert, sent again when it has doubled and when it becomes grave.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.hears("opt_out", 1, "2026-03-09 09:00");
            for time in ["10:00", "10:20", "10:40", "11:00"] {
                app.dial(&format!("2026-03-09 {time}")).rings_out();
            }
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--fires-third-call-after-two-declines",
        shows: "Two declined calls within a day, then a third call.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.dial("2026-03-09 10:00").declined();
            app.dial("2026-03-09 14:00").declined();
            app.dial("2026-03-10 09:00").rings_out();
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--fires-after-hang-ups-by-machines",
        shows: "A person hangs up on a machine three times within seconds; the fourth call is grave. Answers that met nobody in \
                between count as nothing and hide nothing.",
        config: "",
        traffic: || {
            let mut app = App::new();
            for time in ["10:00", "11:00", "12:00"] {
                app.dial(&format!("2026-03-09 {time}")).kind(Kind::Auto).hangup(HangupBy::Customer).answered(3);
            }
            app.dial("2026-03-09 13:00").kind(Kind::Auto).hangup(HangupBy::System).answered(2);
            app.dial("2026-03-09 14:00").kind(Kind::Auto).hangup(HangupBy::System).answered(20);
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--fires-retaliation-burst",
        shows: "A person declines and is called three times within the next ten minutes.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.dial("2026-03-09 10:00:00").declined();
            app.dial("2026-03-09 10:02:30").rings_out();
            app.dial("2026-03-09 10:05:30").rings_out();
            app.dial("2026-03-09 10:09:00").rings_out();
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--fires-three-numbers-on-one-callee",
        shows: "A person declines a call from one number and is called from two others.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.dial("2026-03-09 10:00").from(1).declined();
            app.dial("2026-03-09 13:00").from(2).rings_out();
            app.dial("2026-03-09 16:00").from(3).rings_out();
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--fires-three-numbers-within-much-traffic",
        shows: "The same with many calls to other people in between: the declined call is not forgotten for them.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&Shift { from: "2026-03-07 09:00", to: To::People(100, 180), calls: 180, ..Shift::default() });
            app.dial("2026-03-09 09:00").from(1).declined();
            app.works(&Shift { from: "2026-03-09 09:05", to: To::People(100, 180), mix: KNOWN, calls: 180, ..Shift::default() });
            app.dial("2026-03-09 13:00").from(2).rings_out();
            app.dial("2026-03-09 16:00").from(3).rings_out();
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--fires-complaint-after-a-call-back",
        shows: "A person opts out, calls the app to say so again, and complains: that call asked for none.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.dial("2026-03-08 10:00").agent(1).answered(40);
            app.hears("opt_out", 1, "2026-03-08 10:05");
            app.is_called_by(1, "2026-03-08 18:00");
            app.hears("complaint", 1, "2026-03-08 18:30");
            app.dial("2026-03-09 10:00").rings_out();
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--fires-call-a-day-after-the-call-back",
        shows: "A call-back within the opt-out asks to be called that day, not two days later.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.hears("opt_out", 1, "2026-03-05 10:05");
            app.is_called_by(1, "2026-03-06 10:00");
            app.dial("2026-03-06 15:00").agent(1).answered(30);
            app.dial("2026-03-08 10:00").rings_out();
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--fires-machine-redials-after-dropped-answer",
        shows: "Where the policy asks for it: nobody who answered and met nobody is called by a machine within 72 hours.",
        config: "rules:\n  harassment_redial:\n    dropped_recall_hours: 72\n",
        traffic: || {
            let mut app = App::new();
            app.dial("2026-03-07 10:00").kind(Kind::Predictive).hangup(HangupBy::System).answered(2);
            app.dial("2026-03-09 10:00").kind(Kind::Predictive).rings_out();
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--quiet-callee-called-back",
        shows: "One person declines twice, another opts out; both then call the app and are called back.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.dial("2026-03-09 10:00").to(1).declined();
            app.dial("2026-03-09 11:00").to(1).declined();
            app.is_called_by(1, "2026-03-09 12:00");
            app.dial("2026-03-09 13:00").to(1).agent(1).answered(60);
            app.hears("opt_out", 2, "2026-03-08 10:00");
            app.is_called_by(2, "2026-03-09 12:00");
            app.dial("2026-03-09 13:10").to(2).agent(1).answered(60);
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--quiet-redial-after-network-error",
        shows: "Calls that failed in the network reached nobody: neither before nor after the one decline do they count.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.hears("opt_out", 2, "2026-03-09 09:00");
            app.dial("2026-03-09 09:30").to(2).fails();
            app.dial("2026-03-09 10:00:00").declined();
            app.dial("2026-03-09 10:02:00").fails();
            app.dial("2026-03-09 10:05:30").fails();
            app.dial("2026-03-09 10:08:00").from(2).fails();
            app.dial("2026-03-09 10:09:30").rings_out();
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--quiet-consent-after-opt-out",
        shows: "A person opts out and later agrees again.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.dial("2026-03-02 10:00").declined();
            app.hears("opt_out", 1, "2026-03-02 10:05");
            app.hears("consent", 1, "2026-03-06 12:00");
            app.dial("2026-03-09 10:00").agent(1).answered(60);
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--quiet-opt-out-older-than-the-consent",
        shows: "A person agrees to be called. Hours later word comes of an opt-out the day before: what was said last holds.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.hears("consent", 1, "2026-03-09 09:30");
            app.hears_late("opt_out", 1, "2026-03-08 18:00", "2026-03-09 11:00");
            calls_through_a_day(&mut app);
            app.dial("2026-03-09 12:30").agent(1).answered(60);
            app.dial("2026-03-09 14:00").agent(1).answered(60);
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--quiet-consent-that-comes-late",
        shows: "The other way round: a person opts out, and word of the consent given after that comes hours later, before the \
                next call.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.hears("opt_out", 1, "2026-03-09 09:10");
            app.hears_late("consent", 1, "2026-03-09 09:40", "2026-03-09 11:30");
            calls_through_a_day(&mut app);
            app.dial("2026-03-09 12:30").agent(1).answered(60);
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--fires-opt-out-said-again-after-the-consent",
        shows: "A person opts out, agrees, and opts out again; word of the consent comes last. The second opt-out stands, and it \
                is the one that is quoted.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.hears("opt_out", 1, "2026-03-09 09:10");
            app.hears("opt_out", 1, "2026-03-09 10:50");
            app.hears_late("consent", 1, "2026-03-09 09:40", "2026-03-09 11:30");
            calls_through_a_day(&mut app);
            app.dial("2026-03-09 12:30").agent(1).answered(60);
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--quiet-one-decline-then-one-call",
        shows: "A person declines once and is called once more: busy people do.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.dial("2026-03-09 10:00").declined();
            app.dial("2026-03-09 10:04").declined();
            app.traffic()
        },
    },
    Case {
        name: "harassment_redial--quiet-declines-of-two-days",
        shows: "Two declines more than a day apart, then a call.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.dial("2026-03-07 10:00").declined();
            app.dial("2026-03-09 10:00").declined();
            app.dial("2026-03-09 11:00").rings_out();
            app.traffic()
        },
    },
];
