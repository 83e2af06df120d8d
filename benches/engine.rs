//! What judging costs: decode and all rules beside copying and parsing alone, and each rule by itself. What it takes in memory: `growth`.
//!
//! Everything is measured in turn within one run, and medians are printed: absolute times mean little on a shared machine.
#![allow(clippy::expect_used)]

mod common;

use std::hint::black_box;
use std::sync::Arc;

use common::Strict;
use common::load::{judge, median, nanos_a_call, stream};
use dialwatch::engine::decode::{Format, Limits};
use dialwatch::engine::detector::{Mode, RuleName};
use dialwatch::engine::policy::Policy;
use dialwatch::engine::shard::{Effects, Shard};
use dialwatch::engine::time::StreamClock;

/// Calls that are measured at a time.
const CALLS: usize = 200_000;
/// So many times as many calls come before, to fill windows.
const WARM_UP: usize = 5;
const ROUNDS: usize = 7;
const APPS: u32 = 10_000;

fn main() {
    whole();
    rules();
}

/// Copying alone, parsing alone, decoding, and decoding with all rules, in turn: a slice of a stream a round, so that the apps are at work.
fn whole() {
    let (limits, mut bytes) = (Limits::default(), 0);
    let mut times: [Vec<f64>; 4] = Default::default();
    let mut copied = Vec::with_capacity(1 << 20);
    let mut shard = Shard::new(Arc::new(Policy::for_tests()), 1);
    let (mut clock, mut effects) = (StreamClock::default(), Effects::default());
    let mut stream = stream(APPS);
    for round in 0..WARM_UP + ROUNDS {
        let lines: Vec<Vec<u8>> = stream.by_ref().take(CALLS).collect();
        let copy = nanos_a_call(CALLS, || {
            for line in &lines {
                copied.clear();
                copied.extend_from_slice(black_box(line));
                black_box(&copied);
            }
        });
        let parse = nanos_a_call(CALLS, || {
            for line in &lines {
                // A few records are written with `null` or text where the strict struct wants a number: they cost the same.
                black_box(sonic_rs::from_slice::<Strict<'_>>(line).is_ok());
            }
        });
        let decode = nanos_a_call(CALLS, || {
            for line in &lines {
                Format::Tccc.decode(line, None, &limits, |call| {
                    black_box(call.is_ok());
                });
            }
        });
        let engine = nanos_a_call(CALLS, || {
            for line in &lines {
                Format::Tccc.decode(line, None, &limits, |call| {
                    if let Ok(call) = call {
                        judge(&mut shard, &mut clock, &mut effects, &call);
                    }
                });
            }
            shard.catch_up(&mut effects);
        });
        effects.alerts.clear();
        if round >= WARM_UP {
            bytes = lines.iter().map(Vec::len).sum::<usize>() / CALLS;
            times.iter_mut().zip([copy, parse, decode, engine]).for_each(|(times, time)| times.push(time));
        }
    }
    println!("{CALLS} calls of {APPS} apps, {bytes} bytes each, after {} others; medians of {ROUNDS} slices", WARM_UP * CALLS);
    let [copy, parse, decode, engine] = times.map(median);
    println!("{:<32} {:>9} {:>12} {:>22}", "one core", "ns/call", "calls/s", "of parsing alone");
    let limits = [("copying the bytes (memcpy)", copy), ("parsing alone (sonic-rs)", parse)];
    for (name, nanos) in limits.into_iter().chain([("decode", decode), ("decode and all rules", engine)]) {
        println!("{name:<32} {nanos:>9.0} {:>12.0} {:>22.2}", 1e9 / nanos, parse / nanos);
    }
}

/// Each rule of the registry alone, over decoded records; the first line is the memory without any rule.
fn rules() {
    let lines: Vec<Vec<u8>> = stream(APPS / 10).take(CALLS).collect();
    let limits = Limits::default();
    let mut records = Vec::with_capacity(lines.len());
    for line in &lines {
        Format::Tccc.decode(line, None, &limits, |call| records.extend(call));
    }
    let judged = |rule: Option<RuleName>| {
        let mut policy = Policy::for_tests();
        for other in RuleName::ALL {
            policy.rules.set_mode(*other, if Some(*other) == rule { Mode::On } else { Mode::Off });
        }
        let mut shard = Shard::new(Arc::new(policy), 1);
        let (mut clock, mut effects) = (StreamClock::default(), Effects::default());
        nanos_a_call(records.len(), || {
            records.iter().for_each(|record| judge(&mut shard, &mut clock, &mut effects, record));
            shard.catch_up(&mut effects);
        })
    };
    let subjects: Vec<Option<RuleName>> = std::iter::once(None).chain(RuleName::ALL.iter().copied().map(Some)).collect();
    let mut times = vec![Vec::new(); subjects.len()];
    for _ in 0..ROUNDS {
        for (subject, times) in subjects.iter().zip(&mut times) {
            times.push(judged(*subject));
        }
    }
    let times: Vec<f64> = times.into_iter().map(median).collect();
    println!("{:<32} {:>9.0}", "memory without a rule, ns/call", times[0]);
    for (subject, nanos) in subjects.iter().zip(&times).skip(1) {
        let name = subject.map_or("", RuleName::as_str);
        println!("  and {name:<26} {:>+9.0}", nanos - times[0]);
    }
}
