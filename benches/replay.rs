//! How fast a file is replayed on one core and on all of them, beside parsing the same bytes and doing nothing else.
//!
//! Everything is measured in turn within one run, and medians are printed: absolute times mean little on a shared machine.
//! `DIALWATCH_BENCH_CALLS` and `_ROUNDS` make it smaller.
#![allow(clippy::expect_used)]

mod common;

use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use common::Strict;
use common::load::{median, stream};

const APPS: u32 = 10_000;

fn main() {
    let size = |name: &str, default| {
        std::env::var(format!("DIALWATCH_BENCH_{name}")).map_or(default, |size| size.parse().expect("a number"))
    };
    let (calls, rounds) = (size("CALLS", 1_000_000), size("ROUNDS", 5));
    let cores = thread::available_parallelism().expect("a number of cores").get();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("calls.jsonl");
    write(&file, calls);
    let bytes = std::fs::read(&file).expect("read");
    println!("{calls} calls of {APPS} apps, {} MB, medians of {rounds} rounds in turn", bytes.len() / 1_000_000);

    let mut times: [Vec<f64>; 4] = Default::default();
    for _ in 0..rounds {
        let took = [parsed(&bytes, 1), parsed(&bytes, cores), replayed(&file, true), replayed(&file, false)];
        times.iter_mut().zip(took).for_each(|(times, took)| times.push(took));
    }
    let [parse_one, parse_all, one, all] = times.map(median);
    println!("{:<34} {:>8} {:>12} {:>14} {:>22}", "", "s", "calls/s", "of one core", "of parsing alone");
    let rows = [
        ("parsing alone, one core", parse_one, parse_one, parse_one),
        ("parsing alone, all cores", parse_all, parse_one, parse_all),
        ("replay, all rules, one core", one, one, parse_one),
        ("replay, all rules, all cores", all, one, parse_all),
    ];
    for (name, took, beside, limit) in rows {
        println!("{name:<34} {took:>8.2} {:>12.0} {:>14.2} {:>22.2}", calls as f64 / took, beside / took, limit / took);
    }
}

/// The first calls of a usual world, as a file.
fn write(file: &Path, calls: usize) {
    let mut file = BufWriter::new(File::create(file).expect("a file"));
    for line in stream(APPS).take(calls) {
        file.write_all(&line).expect("written");
    }
    file.flush().expect("written");
}

/// How long it takes to parse every line, the lines shared out among threads, in seconds.
fn parsed(bytes: &[u8], threads: usize) -> f64 {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let began = Instant::now();
    thread::scope(|scope| {
        for lines in lines.chunks(lines.len().div_ceil(threads)) {
            scope.spawn(move || {
                for line in lines {
                    // Some records have `null` or text where the strict struct wants a number: they cost the same.
                    black_box(sonic_rs::from_slice::<Strict<'_>>(line).is_ok());
                }
            });
        }
    });
    began.elapsed().as_secs_f64()
}

/// How long the program takes, from its start to its end, in seconds; on one core with all of its threads, or as it comes.
fn replayed(file: &Path, on_one_core: bool) -> f64 {
    let program = env!("CARGO_BIN_EXE_dialwatch");
    let mut command = Command::new(if on_one_core { "taskset" } else { program });
    if on_one_core {
        command.args(["--cpu-list", "0", program]);
    }
    command.args(["replay", "--format", "tccc", "--alerts", "/dev/null"]).arg(file).stderr(Stdio::null());
    let began = Instant::now();
    assert!(command.status().expect("it starts").success());
    began.elapsed().as_secs_f64()
}
