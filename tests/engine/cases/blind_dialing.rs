//! `blind_dialing`: cold calls to people who never agreed.

use serde_json::json;

use super::{Case, RESOLVE};
use crate::scenario::{App, BOUGHT, COUNTED, EXTENSIONS, GOOD, KNOWN, MOBILE_BLOCK, Mix, Pace, Shift, Talk, To, Traffic};

pub const CASES: [Case; 14] = [
    Case {
        name: "blind_dialing--fires-bought-list",
        shows: "A new app calls a list bought on the market: strangers, empty numbers, declines, few answers. It stays open \
                while the day's calls are remembered, then resolves.",
        config: RESOLVE,
        traffic: bought_list,
    },
    Case {
        name: "blind_dialing--fires-counting-through-numbers",
        shows: "A new app counts through the mobile numbers of a block.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&Shift { to: To::Counting(MOBILE_BLOCK + 1_204, 1), mix: COUNTED, calls: 120, ..Shift::default() });
            app.traffic()
        },
    },
    Case {
        name: "blind_dialing--fires-block-in-mixed-order",
        shows: "A new app calls a block of mobile numbers in an order that has no runs: the neighbours among them show it.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&Shift { to: To::Block(MOBILE_BLOCK, 301), mix: COUNTED, calls: 160, ..Shift::default() });
            app.traffic()
        },
    },
    Case {
        name: "blind_dialing--fires-two-signs-of-an-old-app",
        shows: "An app known for three weeks calls strangers who seldom answer and often decline: two signs suffice.",
        config: "",
        traffic: || {
            let mut app = known_since_february();
            let mix = Mix { answered: 18, declined: 20, empty: 2, ..GOOD };
            app.works(&Shift { mix, calls: 200, ..Shift::default() });
            app.traffic()
        },
    },
    Case {
        name: "blind_dialing--fires-one-blind-number-among-good",
        shows: "Four numbers call customers, the fifth a bought list, a call every few minutes: too few to show in the app, and \
                rarely two minutes running. The number is named.",
        config: "",
        traffic: one_blind_number,
    },
    Case {
        name: "blind_dialing--fires-diluted-by-known-callees",
        shows: "Blind calls among more calls to customers, on the same numbers: the stream of first contacts shows them.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&Shift { from: "2026-03-06 09:00", lines: 1..=8, to: To::People(0, 150), calls: 150, ..Shift::default() });
            let slow = Shift { lines: 1..=8, pace: Pace::Gap(60, 160), ..Shift::default() };
            app.works(&Shift { to: To::People(0, 150), mix: KNOWN, calls: 300, ..slow.clone() });
            app.works(&Shift { mix: BOUGHT, calls: 200, pace: Pace::Gap(180, 400), ..slow });
            app.traffic()
        },
    },
    Case {
        name: "blind_dialing--quiet-poor-but-consented-list",
        shows: "An app known for three weeks calls people who asked to be called: few answer, but the numbers are real and nobody \
                minds.",
        config: "",
        traffic: || {
            let mut app = known_since_february();
            app.works(&Shift { mix: Mix { answered: 22, declined: 3, empty: 2, ..GOOD }, calls: 300, ..Shift::default() });
            app.traffic()
        },
    },
    Case {
        name: "blind_dialing--quiet-new-leads-of-a-new-app",
        shows: "The first day of an app: every callee is new to it, and most answer.",
        config: "",
        traffic: || {
            let mut app = App::new();
            app.works(&Shift { calls: 300, ..Shift::default() });
            app.traffic()
        },
    },
    Case {
        name: "blind_dialing--quiet-carrier-outage",
        shows: "In an outage of the network few are reached and some decline the second ring: the answer share says nothing then.",
        config: "",
        traffic: || {
            let mut app = known_since_february();
            let mix = Mix { answered: 11, declined: 14, empty: 0, busy: 6, network_error: 45, ..GOOD };
            app.works(&Shift { mix, calls: 320, ..Shift::default() });
            app.traffic()
        },
    },
    Case {
        name: "blind_dialing--quiet-stale-list-of-known-callees",
        shows: "Customers last called three weeks ago: many numbers are empty by now, few answer, but nobody is a stranger.",
        config: "",
        traffic: || {
            let mut app = App::new();
            let customers = Shift { lines: 1..=4, to: To::People(0, 200), calls: 200, ..Shift::default() };
            app.works(&Shift { from: "2026-02-16 09:00", ..customers.clone() });
            app.works(&Shift { mix: BOUGHT, ..customers });
            app.traffic()
        },
    },
    Case {
        name: "blind_dialing--quiet-extensions-of-a-company",
        shows: "A supplier calls through the extensions of one company, which lie next to each other: nobody's walk.",
        config: "",
        traffic: || {
            let mut app = known_since_february();
            app.works(&Shift { to: To::Counting(EXTENSIONS + 100, 1), calls: 150, ..Shift::default() });
            app.traffic()
        },
    },
    Case {
        name: "blind_dialing--quiet-three-calls",
        shows: "Three calls to three empty numbers: three calls accuse nobody.",
        config: "",
        traffic: || {
            let mut app = App::new();
            let mix = Mix { answered: 0, declined: 0, empty: 100, busy: 0, ..GOOD };
            app.works(&Shift { mix, calls: 3, ..Shift::default() });
            app.traffic()
        },
    },
    Case {
        name: "blind_dialing--quiet-delivery-notices",
        shows: "A courier's notices, declared as such: strangers hang up early, having heard enough, and some decline.",
        config: "",
        traffic: || {
            let mut app = known_since_february();
            app.files(json!({ "declared_use": ["voice_notification"] }));
            let mix = Mix { answered: 60, declined: 15, empty: 1, talk: Talk::Message { length_s: 12, early: 55 }, ..GOOD };
            app.works(&Shift { mix, calls: 260, agents: false, ..Shift::default() });
            app.traffic()
        },
    },
    Case {
        name: "blind_dialing--quiet-neighbours-of-last-week",
        shows: "Last week a handful of neighbouring numbers happened to be called; today's list is merely poor. What is over does \
                not speak against today.",
        config: "",
        traffic: || {
            let mut app = known_since_february();
            app.works(&Shift { from: "2026-03-02 09:00", to: To::Counting(MOBILE_BLOCK + 77, 1), calls: 12, ..Shift::default() });
            app.works(&Shift { mix: Mix { answered: 22, declined: 3, empty: 2, ..GOOD }, calls: 200, ..Shift::default() });
            app.traffic()
        },
    },
];

/// An app that has called somebody three weeks before the day of the case.
pub fn known_since_february() -> App {
    let mut app = App::new();
    app.dial("2026-02-16 10:00").to(999).agent(1).answered(60);
    app
}

fn bought_list() -> Traffic {
    let mut app = App::new();
    app.works(&Shift { mix: BOUGHT, calls: 240, ..Shift::default() });
    app.traffic()
}

fn one_blind_number() -> Traffic {
    let mut app = App::new();
    let customers = Shift { lines: 1..=4, to: To::People(0, 120), pace: Pace::Gap(60, 240), ..Shift::default() };
    app.works(&Shift { from: "2026-03-06 09:00", calls: 120, ..customers.clone() });
    app.works(&Shift { mix: KNOWN, calls: 300, ..customers });
    app.works(&Shift { lines: 5..=5, mix: BOUGHT, calls: 180, pace: Pace::Gap(120, 240), ..Shift::default() });
    app.traffic()
}
