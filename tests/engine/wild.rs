//! Traffic that nobody would call on purpose: everything the language of scenarios can say, mixed by chance. For
//! properties that must hold whatever happens.

use std::collections::BTreeMap;

use dialwatch::engine::record::{HangupBy, Kind};
use dialwatch::simulate::{self, Delivery, WireFormat, World};
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::run::Files;
use super::scenario::{App, BOUGHT, COUNTED, EXTENSIONS, GOOD, KNOWN, MOBILE_BLOCK, Mix, Pace, Shift, Talk, To, line};

/// How many there are.
pub const SEEDS: u64 = 60;

/// The hours in which shifts begin, early and late ones among them.
const FROM: [&str; 8] = [
    "2026-03-02 09:00",
    "2026-03-03 10:30",
    "2026-03-09 09:00",
    "2026-03-09 09:40",
    "2026-03-09 14:00",
    "2026-03-10 07:30",
    "2026-03-10 20:10",
    "2026-03-11 12:20",
];

/// The traffic of a seed, as files.
pub fn files(seed: u64) -> Files {
    let random = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut app = App::seeded(seed);
    if random.random_ratio(1, 2) {
        let callers: Vec<String> = (1..=random.random_range(1..12)).map(line).collect();
        let declared = [None, Some("predictive_dialer"), Some("voice_notification")][random.random_range(0..3)];
        let zone = ["Asia/Shanghai", "America/New_York"].choose(random);
        app.files(json!({ "callers": callers, "seats": random.random_range(1..6), "declared_use": declared, "timezone": zone }));
    }
    for _ in 0..random.random_range(1..4) {
        let shift = shift(random);
        app.works(&shift);
    }
    // A few people get far more than their share.
    for _ in 0..random.random_range(0..60) {
        bother(&mut app, random);
    }
    let config = "rules:\n  rest_time:\n    lunch: true\n  harassment_redial:\n    dropped_recall_hours: 72\n  robot_dialing:\n    \
                  notice_machine_dialed: true\n  complaint_ratio:\n    complaints_min: 1\nresolve_at_end: true\n";
    Files::from_parts(&app.traffic(), if random.random() { config } else { "" })
}

/// A simulated world with an app of every family, good and bad, for some days, as files; without the apps that call more
/// than `calls_max` times.
pub fn world(seed: u64, days: u32, calls_max: usize) -> Files {
    let mut world = World::new(seed, days, simulate::families().count() as u32);
    world.options.delivery = Delivery::PERFECT;
    let mut calls = BTreeMap::new();
    simulate::calls(&world).for_each(|call| *calls.entry(call.app).or_insert(0) += 1);
    let mut lines = Vec::new();
    for call in simulate::calls(&world).filter(|call| calls[&call.app] <= calls_max) {
        call.write(WireFormat::Dialwatch, &mut lines);
    }
    Files::of_lines(String::from_utf8(lines).expect("text"), &simulate::feedback(&world), &simulate::registrations(&world))
}

fn shift(random: &mut impl Rng) -> Shift {
    let talks = [
        Talk::People { short: 5 },
        Talk::People { short: 40 },
        Talk::Message { length_s: 18, early: 20 },
        Talk::Message { length_s: 40, early: 5 },
    ];
    let mixes = [GOOD, KNOWN, BOUGHT, COUNTED, Mix { answered: 20, network_error: 40, ..GOOD }];
    let mix = Mix { talk: *talks.choose(random).expect("one"), ..*mixes.choose(random).expect("one") };
    let first = random.random_range(1..8);
    let kinds = [Kind::Agent, Kind::Predictive, Kind::Auto, Kind::Ai, Kind::Unknown];
    let paces = [Pace::Gap(2, 3), Pace::Gap(5, 60), Pace::Gap(1, 400), Pace::Every(30), Pace::Every(600)];
    let people = random.random_range(1..300);
    let to = [
        To::Strangers,
        To::People(0, people),
        To::Counting(MOBILE_BLOCK + 9_950, random.random_range(1..4)),
        To::Block(EXTENSIONS, 211),
    ];
    Shift {
        from: FROM.choose(random).expect("one"),
        lines: first..=first + [0, 1, 3, 30][random.random_range(0..4)],
        calls: random.random_range(1..320),
        pace: *paces.choose(random).expect("one"),
        to: *to.choose(random).expect("one"),
        mix,
        kind: *kinds.choose(random).expect("one"),
        agents: random.random(),
        dropped: [0, 0, 20][random.random_range(0..3)],
    }
}

/// One more call to one of three people, or a word from them.
fn bother(app: &mut App, random: &mut impl Rng) {
    let (day, hour, minute, second) =
        (random.random_range(9..12), random.random_range(8..11), random.random_range(0..60), random.random_range(0..60));
    let time = format!("2026-03-{day:02} {hour:02}:{minute:02}:{second:02}");
    let who = random.random_range(5_000..5_003);
    match random.random_range(0..18) {
        0 => app.hears("opt_out", who, &time),
        1 => app.hears("complaint", who, &time),
        2 => app.hears("consent", who, &time),
        3 => app.is_called_by(who, &time),
        4 => {
            let category = *["fraud", "harassment", "abuse", "no_consent", ""].choose(random).expect("one");
            let (verified, call) = (random.random_ratio(1, 3), random.random_range(1..4));
            let call = random.random_ratio(1, 4).then(|| format!("call-000{call}"));
            app.is_told("complaint", who, &time, json!({ "category": category, "verified": verified, "call_id": call }));
        }
        6 => {
            let categories = ["abuse", "number_leak", "no_consent", "business_mismatch", "business_mismatch", ""];
            let scene = *["贷款", "Life insurance", "survey", "agent calls", ""].choose(random).expect("one");
            let category = *categories.choose(random).expect("one");
            app.is_told("inspection", who, &time, json!({ "category": category, "scene": scene }));
        }
        5 => app.is_told("reply", who, &time, json!({})),
        _ => {
            let from = random.random_range(1..5);
            let kinds = [Kind::Agent, Kind::Auto, Kind::Unknown];
            let dial = app.dial(&time).from(from).to(who).kind(*kinds.choose(random).expect("one"));
            match random.random_range(0..6) {
                0 => dial.declined(),
                1 => dial.hangup(HangupBy::Customer).answered(3),
                2 => dial.hangup(HangupBy::System).answered(2),
                3 => dial.fails(),
                4 => dial.agent(from).answered(random.random_range(10..900)),
                _ => dial.rings_out(),
            };
        }
    }
}
