//! What is measured, each figure in a child process: times as medians of rounds in turn, memory once.

use std::process::Command;

use crate::common::load::median;
use crate::traffic::{Traffic, Turns, bytes_of_a_registered_app, bytes_of_a_silent_app};

/// Before the words that tell a child what to measure.
pub const MEASURE: &str = "--measure";

pub const ROUNDS: usize = 5;
/// Calls of a point that is timed, whatever its shape; the second half is.
const CALLS: u32 = 400_000;
/// Callees of a point whose memory is read.
pub const CALLEES: u32 = 1_000_000;
pub const IDLE_APPS: u32 = 1_000_000;
pub const IDLE_DAYS: u32 = 40;

/// From all callees in one app to ten in each.
const SPREAD: [u32; 6] = [1, 10, 100, 1_000, 10_000, 100_000];
/// The usual one: what the others are held against. Where apps become more, each calls in its turn: all have the same number of calls.
pub const USUAL: Traffic = Traffic { apps: 1_000, calls: CALLS, hours: 1, turns: Turns::Any };
const MORNING: Traffic = Traffic { hours: 6, ..USUAL };
const DAY: Traffic = Traffic { hours: 24, ..USUAL };
const HOUR_AT_THE_RATE_OF_A_DAY: Traffic = Traffic { hours: 1, calls: CALLS / 24, ..USUAL };
/// Apps as busy as the usual ones, with windows of an hour, and with a day behind them.
const BUSY_HOUR: Traffic = Traffic { apps: 100, calls: CALLS / 10, ..USUAL };
const BUSY_DAY: Traffic = Traffic { hours: 24, calls: BUSY_HOUR.calls * 24, ..BUSY_HOUR };
const SKEWED: Traffic = Traffic { turns: Turns::Skewed, ..USUAL };
/// As busy for a day as machines would be, whose every line is searched for a rhythm.
const EVEN_HOUR: Traffic = Traffic { turns: Turns::Even, ..BUSY_HOUR };
const EVEN_DAY: Traffic = Traffic { turns: Turns::Even, ..BUSY_DAY };
/// Many apps, each with a thousand calls in a day.
const WHOLE_DAY: Traffic = Traffic { apps: 10_000, calls: 10_000_000, hours: 24, turns: Turns::Even };

/// Everything the page tells.
pub struct Growth {
    /// The usual traffic spread over more apps: nanoseconds a call, and bytes a callee once there are `CALLEES`.
    pub spread: Vec<(Traffic, f64, f64)>,
    /// Traffic of an hour, of some, of a day, and of an hour at the rate of that day; then at the rate of the hour, for an hour and a
    /// day: nanoseconds a call.
    pub lengths: Vec<(Traffic, f64)>,
    /// Of an hour and of a day, of apps that call at an even pace: nanoseconds a call.
    pub even: [f64; 2],
    /// The usual traffic and such with half of it in one app: nanoseconds a call.
    pub skew: [f64; 2],
    /// Bytes of an app that has called once, and of one that only filed.
    pub idle_bytes: [f64; 2],
    /// Bytes of `WHOLE_DAY`.
    pub whole_day_bytes: f64,
}

impl Growth {
    pub fn measure() -> Self {
        let spread = SPREAD.map(|apps| Traffic { apps, turns: Turns::Even, ..USUAL });
        let others = [USUAL, MORNING, DAY, HOUR_AT_THE_RATE_OF_A_DAY, BUSY_HOUR, BUSY_DAY, EVEN_HOUR, EVEN_DAY, SKEWED];
        let timed: Vec<Traffic> = spread.into_iter().chain(others).collect();
        let mut times = vec![Vec::new(); timed.len()];
        for _ in 0..ROUNDS {
            for (traffic, times) in timed.iter().zip(&mut times) {
                times.push(child("nanos", *traffic));
            }
        }
        let times: Vec<(Traffic, f64)> = timed.into_iter().zip(times.into_iter().map(median)).collect();
        let nanos = |wanted| times.iter().find(|(traffic, _)| *traffic == wanted).expect("it was measured").1;
        let spread = spread
            .map(|traffic| (traffic, nanos(traffic), child("bytes", Traffic { calls: CALLEES, ..traffic }) / f64::from(CALLEES)));
        Self {
            spread: spread.to_vec(),
            lengths: [USUAL, MORNING, DAY, HOUR_AT_THE_RATE_OF_A_DAY, BUSY_HOUR, BUSY_DAY]
                .map(|traffic| (traffic, nanos(traffic)))
                .to_vec(),
            even: [EVEN_HOUR, EVEN_DAY].map(nanos),
            skew: [USUAL, SKEWED].map(nanos),
            idle_bytes: ["silent", "registered"].map(|what| child(what, USUAL)),
            whole_day_bytes: child("bytes", WHOLE_DAY),
        }
    }
}

/// One figure, from a process of its own.
fn child(what: &str, traffic: Traffic) -> f64 {
    let Traffic { apps, calls, hours, turns } = traffic;
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args([MEASURE, what, &apps.to_string(), &calls.to_string(), &hours.to_string(), turns.name()])
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{what} of {traffic:?}: {}", String::from_utf8_lossy(&output.stderr));
    let figure = said.trim().parse().expect("a figure");
    eprintln!("{what} of {traffic:?}: {figure:.0}");
    figure
}

/// The figure that the words of a child ask for.
pub fn measured(words: &[String]) -> f64 {
    let [what, apps, calls, hours, turns] = words else { panic!("{words:?} is no point") };
    let number = |text: &String| text.parse::<u32>().expect("a number");
    let named = |name: &String| Turns::ALL.into_iter().find(|turns| turns.name() == name).expect("a name");
    let traffic = Traffic { apps: number(apps), calls: number(calls), hours: number(hours), turns: named(turns) };
    match what.as_str() {
        "nanos" => traffic.nanos_a_call(),
        "bytes" => traffic.bytes(),
        "silent" => bytes_of_a_silent_app(IDLE_APPS, i64::from(IDLE_DAYS)),
        "registered" => bytes_of_a_registered_app(IDLE_APPS),
        _ => panic!("{what} is nothing to measure"),
    }
}
