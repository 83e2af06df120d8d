//! How many instructions the program takes for a call, counted by valgrind while it replays files: a floor against regressions
//! that no clock of a shared machine shows.
//!
//! What starting takes falls out: two files are replayed, and what the longer takes beyond the shorter is divided by its further
//! calls. Without valgrind the test says `skipped` and passes, except on CI.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use dialwatch::simulate::{self, WireFormat, World};

/// Instructions allowed for a further call, read, decoded and judged by a test build: 15 % more than it took when this was set.
const INSTRUCTIONS_MAX: f64 = 57_000.0;

const APPS: u32 = 20;
const CALLS_FEW: usize = 1_000;
const CALLS_MANY: usize = 6_000;

/// Says that something was not tested, past the test runner; on CI that is a failure.
fn skipped(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "on CI nothing is skipped: {why}");
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

/// The first calls of a world, as a file.
fn write(calls: usize, file: &Path) {
    let lines = simulate::calls(&World::new(7, 1, APPS)).take(calls).flat_map(|call| call.line(WireFormat::Tccc));
    std::fs::write(file, lines.collect::<Vec<u8>>()).expect("written");
}

/// The instructions of the whole program over so many calls.
fn instructions(calls: usize, folder: &Path) -> u64 {
    let file = folder.join(format!("{calls}.jsonl"));
    write(calls, &file);
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", env!("CARGO_BIN_EXE_dialwatch")])
        .args(["replay", "--format", "tccc", "--shards", "1", "--alerts", "/dev/null"])
        .arg(&file)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .expect("valgrind runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}", output.status);
    let count = said.lines().find_map(|line| line.split_once("I   refs:")).expect("a count of instructions").1;
    count.trim().replace(',', "").parse().expect("a number")
}

#[test]
fn a_call_takes_no_more_instructions_than_it_did() {
    if !Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return skipped("instructions are not counted (apt-get install valgrind)");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let [few, many] = [CALLS_FEW, CALLS_MANY].map(|calls| instructions(calls, folder.path()));
    let a_call = (many - few) as f64 / (CALLS_MANY - CALLS_FEW) as f64;
    assert!(
        a_call <= INSTRUCTIONS_MAX,
        "{a_call:.0} instructions for a further call, at most {INSTRUCTIONS_MAX}: {few} for {CALLS_FEW} calls, {many} for {CALLS_MANY}"
    );
}
