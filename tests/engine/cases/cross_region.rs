//! `cross_region`: local numbers that call other provinces, and callees of blocked regions.

use serde_json::json;

use super::{Case, RESOLVE};
use crate::scenario::{App, KNOWN, Shift, To, landline};

/// Area codes: the app's own city, two other cities of Guangdong, and cities of other provinces.
const SHENZHEN: u32 = 755;
const GUANGZHOU: u32 = 20;
const CHENGDU: u32 = 28;
const URUMQI: u32 = 991;
const LHASA: u32 = 891;

pub const CASES: [Case; 12] = [
    Case {
        name: "cross_region--fires-two-fifths-to-another-province",
        shows: "A number of Shenzhen calls people in Guangdong, and as many again in Sichuan: a violation.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            app.works(&calls(1, SHENZHEN, 60));
            app.works(&calls(2, CHENGDU, 40));
            app.traffic()
        },
    },
    Case {
        name: "cross_region--fires-nearly-all-to-another-province",
        shows: "Nine calls of ten go to Sichuan: a violation first, grave when there are enough of them to say so.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&calls(1, GUANGZHOU, 8));
            app.works(&Shift { lines: 2..=4, ..calls(2, CHENGDU, 80) });
            app.traffic()
        },
    },
    Case {
        name: "cross_region--fires-until-the-share-is-well-below",
        shows: "Enough calls to Sichuan in the morning, then calls at home only: the alert stays open until the share is well below \
                the limit.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            app.works(&calls(1, SHENZHEN, 40));
            app.works(&calls(2, CHENGDU, 40));
            app.works(&Shift { from: "2026-03-09 12:00", lines: 1..=4, ..calls(1, SHENZHEN, 120) });
            app.traffic()
        },
    },
    Case {
        name: "cross_region--fires-one-call-to-a-blocked-region",
        shows: "One call to Xinjiang among many: counted, and one too many. The alert is open while the call is of the last day.",
        config: RESOLVE,
        traffic: || {
            let mut app = App::new();
            app.works(&calls(1, SHENZHEN, 20));
            app.dial("2026-03-09 09:30").callee(landline(URUMQI, 7)).agent(1).answered(40);
            app.traffic()
        },
    },
    Case {
        name: "cross_region--fires-from-a-number-of-the-whole-country",
        shows: "A 400 number is local to nothing, and may not call Tibet either; regions filed do not help.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.files(json!({ "regions": ["全国"] }));
            for (n, time) in (0..).zip(["09:00", "09:20", "09:21"]) {
                app.dial(&format!("2026-03-09 {time}")).number("+864001000000").callee(landline(LHASA, n)).agent(1).answered(40);
            }
            app.traffic()
        },
    },
    Case {
        name: "cross_region--fires-for-a-dozen-calls-in-a-minute",
        shows: "Twelve calls to a blocked region end within a minute: the alert begins with the first of them.",
        config: "",
        traffic: || {
            let mut app = App::new();
            for n in 0..12_u32 {
                app.dial(&format!("2026-03-09 09:00:{:02}", 4 * n)).from(n + 1).callee(landline(URUMQI, n.into())).answered(3);
            }
            app.traffic()
        },
    },
    Case {
        name: "cross_region--fires-first-blocked-then-most-calls",
        shows: "Calls to Tibet, then to Sichuan, which are more and graver in the end: one alert with the evidence of both.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&calls(1, LHASA, 3));
            app.works(&Shift { from: "2026-03-09 10:00", lines: 1..=3, ..calls(2, CHENGDU, 60) });
            app.traffic()
        },
    },
    Case {
        name: "cross_region--fires-by-what-the-records-say",
        shows: "Numbers whose home no table knows, and hidden ones: the records say where they are at home.",
        config: "",
        traffic: || {
            let mut app = App::new();
            for n in 0..30_u64 {
                let dial = app.dial(&format!("2026-03-09 09:{n:02}")).number("hidden-line").to(n).agent(1);
                dial.regions(Some("广东深圳固话"), Some(if n < 25 { "四川省成都市" } else { "广东" })).answered(20);
            }
            app.traffic()
        },
    },
    Case {
        name: "cross_region--quiet-a-tenth-to-other-provinces",
        shows: "People move and keep their number: a tenth of the callees has a number of another province.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&Shift { lines: 1..=4, ..calls(1, GUANGZHOU, 180) });
            app.works(&calls(5, CHENGDU, 20));
            app.traffic()
        },
    },
    Case {
        name: "cross_region--quiet-what-was-filed",
        shows: "The app filed that it calls people in Sichuan.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.files(json!({ "regions": ["广东", "四川"] }));
            app.works(&calls(1, SHENZHEN, 20));
            app.works(&calls(2, CHENGDU, 80));
            app.traffic()
        },
    },
    Case {
        name: "cross_region--quiet-number-of-the-whole-country",
        shows: "A 400 number calls Sichuan; nineteen calls came from a local one, and many more went to people of no known province.",
        config: "",
        traffic: || {
            let mut app = App::new();
            for n in 0..60_u64 {
                let dial = app.dial(&format!("2026-03-09 10:{n:02}")).number("+864001000000").callee(landline(CHENGDU, n));
                dial.regions(Some("广东深圳"), None).agent(1).answered(20 + n as u32 * 37 % 90);
            }
            app.works(&calls(1, CHENGDU, 19));
            app.works(&Shift { to: To::Strangers, lines: 2..=4, ..calls(2, SHENZHEN, 60) });
            app.traffic()
        },
    },
    Case {
        name: "cross_region--quiet-where-nothing-is-blocked",
        shows: "A policy that blocks no region, and one call to Xinjiang.",
        config: "rules:\n  cross_region:\n    blocked_regions: []\n",
        traffic: || {
            let mut app = App::new();
            app.works(&calls(1, SHENZHEN, 20));
            app.dial("2026-03-09 09:30").callee(landline(URUMQI, 7)).agent(1).answered(40);
            app.traffic()
        },
    },
];

/// Calls of one line to landlines of an area.
fn calls(line: u32, area: u32, calls: u32) -> Shift {
    Shift { lines: line..=line, calls, to: To::Area(area), mix: KNOWN, ..Shift::default() }
}
