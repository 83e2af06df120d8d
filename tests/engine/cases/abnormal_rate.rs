//! `abnormal_rate`: bursts, surges, and more calls at once than there are channels or seats.

use serde_json::json;

use super::{Case, RESOLVE};
use crate::scenario::{App, KNOWN, Mix, Pace, Shift, Talk, To, line};

pub const CASES: [Case; 14] = [
    Case {
        name: "abnormal_rate--fires-off-hours-burst",
        shows: "An app that calls in the mornings calls in the evening, fast: its account may be stolen.",
        config: "",
        traffic: || {
            let mut app = two_weeks();
            app.works(&Shift { from: "2026-03-13 19:30", lines: 1..=6, calls: 60, ..customers(Pace::Gap(5, 20)) });
            app.traffic()
        },
    },
    Case {
        name: "abnormal_rate--fires-burst-every-other-minute",
        shows: "The same in steps: some calls end in every other minute only.",
        config: "",
        traffic: || {
            let mut app = two_weeks();
            for minute in [30, 32, 34, 36, 38] {
                for number in 1..=6 {
                    app.dial(&format!("2026-03-13 19:{minute}:05")).from(number).to(number.into()).rings_out();
                }
            }
            app.traffic()
        },
    },
    Case {
        name: "abnormal_rate--fires-surge",
        shows: "Fifteen times the usual calls at the usual time, all as usual otherwise: a notice, nobody is accused.",
        config: RESOLVE,
        traffic: || {
            let mut app = two_weeks();
            app.works(&Shift { from: "2026-03-13 10:00", calls: 150, ..customers(Pace::Gap(5, 20)) });
            app.traffic()
        },
    },
    Case {
        name: "abnormal_rate--fires-surge-from-new-numbers",
        shows: "The same surge, but from caller numbers never used before nor filed: grave.",
        config: "",
        traffic: || {
            let mut app = two_weeks();
            app.files(json!({ "callers": (1..=12).map(line).collect::<Vec<_>>() }));
            app.works(&Shift { from: "2026-03-13 10:00", lines: 31..=42, calls: 150, ..customers(Pace::Gap(5, 20)) });
            app.traffic()
        },
    },
    Case {
        name: "abnormal_rate--fires-surge-into-empty-numbers",
        shows: "The same surge into numbers that no longer exist and to people who hang up: grave.",
        config: "",
        traffic: || {
            let mut app = two_weeks();
            let mix = Mix { answered: 50, empty: 25, talk: Talk::People { short: 45 }, ..KNOWN };
            app.works(&Shift { from: "2026-03-13 10:00", calls: 150, mix, ..customers(Pace::Gap(5, 20)) });
            app.traffic()
        },
    },
    Case {
        name: "abnormal_rate--fires-two-calls-at-once-on-one-channel",
        shows: "Two calls at once on a number filed with one channel.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.files(json!({ "callers": [line(1)] }));
            app.dial("2026-03-09 10:00:00").to(1).agent(1).answered(60);
            app.dial("2026-03-09 10:00:30").to(2).agent(2).answered(60);
            app.traffic()
        },
    },
    Case {
        name: "abnormal_rate--fires-more-calls-than-seats",
        shows: "Two seats filed, eight calls in progress.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.files(json!({ "seats": 2 }));
            for second in 0..8 {
                app.dial(&format!("2026-03-09 10:00:0{second}")).from(second).to(second.into()).agent(1).answered(90);
            }
            app.traffic()
        },
    },
    Case {
        name: "abnormal_rate--quiet-flash-sale",
        shows: "Half as many calls again as usual: a good day.",
        config: "",
        traffic: || {
            let mut app = two_weeks();
            app.works(&Shift { from: "2026-03-13 10:00", calls: 72, ..customers(Pace::Every(1_200)) });
            app.traffic()
        },
    },
    Case {
        name: "abnormal_rate--quiet-gone-before-it-held",
        shows: "Ten calls in five minutes, by one minute's judgement only: pending, and gone in the next.",
        config: "",
        traffic: || {
            let mut app = two_weeks();
            for (minute, callees) in [(30, 1..6), (34, 6..11)] {
                for callee in callees {
                    app.dial(&format!("2026-03-13 19:{minute}:05")).from(callee).to(callee.into()).rings_out();
                }
            }
            app.traffic()
        },
    },
    Case {
        name: "abnormal_rate--quiet-first-week",
        shows: "An app not a week old has no usual week: nothing is a burst yet.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&Shift { from: "2026-03-09 10:00", calls: 24, ..customers(Pace::Every(1_800)) });
            app.works(&Shift { from: "2026-03-12 19:30", lines: 1..=6, calls: 60, ..customers(Pace::Gap(5, 20)) });
            app.traffic()
        },
    },
    Case {
        name: "abnormal_rate--quiet-first-days-of-work",
        shows: "A test call, three weeks of silence, and then the first days of work: no hour is unusual in a week never seen.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.dial("2026-02-16 10:00").agent(1).answered(30);
            for from in ["2026-03-09 09:00", "2026-03-10 09:00", "2026-03-11 09:00"] {
                app.works(&Shift { from, calls: 60, ..customers(Pace::Gap(5, 20)) });
            }
            app.traffic()
        },
    },
    Case {
        name: "abnormal_rate--quiet-back-to-back-on-one-channel",
        shows: "One call after the other on one channel: the next begins in the second in which the last ends, or one before it by \
                another clock.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.files(json!({ "callers": [line(1)] }));
            app.dial("2026-03-09 10:00:00").to(1).agent(1).answered(55);
            app.dial("2026-03-09 10:01:00").to(2).agent(1).answered(55);
            app.dial("2026-03-09 10:01:59").to(3).agent(1).answered(55);
            app.traffic()
        },
    },
    Case {
        name: "abnormal_rate--quiet-back-to-back-on-two-channels",
        shows: "A long call on one channel, several on the other, the next always a second before the last one's end by another clock.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.files(json!({ "callers": [{ "number": line(1), "channels": 2 }] }));
            app.dial("2026-03-09 10:00:00").to(1).agent(1).answered(300);
            app.dial("2026-03-09 10:00:10").to(2).agent(2).answered(55);
            app.dial("2026-03-09 10:01:09").to(3).agent(2).answered(55);
            app.dial("2026-03-09 10:02:08").to(4).agent(2).answered(55);
            app.traffic()
        },
    },
    Case {
        name: "abnormal_rate--quiet-unfiled-numbers",
        shows: "Calls at once on numbers of an app that filed nothing: nobody said how many channels they have.",
        config: "",
        traffic: || {
            let mut app = App::new();
            for second in 0..8 {
                app.dial(&format!("2026-03-09 10:00:0{second}")).to(second).agent(1).answered(90);
            }
            app.traffic()
        },
    },
];

/// Two calls every five minutes from ten to eleven, on the working days of two weeks up to a Friday: sparse, but a week.
fn two_weeks() -> App {
    let mut app = App::new();
    for from in [
        "2026-03-02 10:00",
        "2026-03-03 10:00",
        "2026-03-04 10:00",
        "2026-03-05 10:00",
        "2026-03-06 10:00",
        "2026-03-09 10:00",
        "2026-03-10 10:00",
        "2026-03-11 10:00",
        "2026-03-12 10:00",
    ] {
        app.works(&Shift { from, calls: 24, ..customers(Pace::Every(1_800)) });
    }
    app
}

fn customers(pace: Pace) -> Shift {
    Shift { lines: 1..=12, to: To::People(0, 150), mix: KNOWN, pace, ..Shift::default() }
}
