//! Every folder of `tests/fixtures/rules` is a case: its records, and the alerts they give, byte for byte.
//!
//! `UPDATE=1 cargo test --test engine` writes the folders from `cases` and what the engine makes of them; the difference is
//! then read like code, the summaries above all.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::cases;
use super::run::{self, Files};
use dialwatch::engine::alert::{Alert, Status};
use dialwatch::engine::detector::RuleName;

/// Where the folders are.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rules")
}

fn is_update() -> bool {
    std::env::var_os("UPDATE").is_some()
}

/// Writes a file, or removes it if nothing is in it.
fn write(path: &Path, text: &str) {
    if text.is_empty() {
        let _ = fs::remove_file(path);
    } else {
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(path, text).expect("writable");
    }
}

/// The rule a case is about, by its name.
fn rule_of(name: &str) -> RuleName {
    let rule = name.split_once("--").expect("<rule>--<what>").0;
    *RuleName::ALL.iter().find(|known| known.as_str() == rule).unwrap_or_else(|| panic!("{name}: no rule {rule}"))
}

fn calls_until_alert(name: &str, alerts: &[Alert]) -> Option<u64> {
    let first = alerts.iter().find(|alert| alert.rule == rule_of(name) && alert.status == Status::Firing);
    first.map(|alert| alert.calls_before_alert)
}

#[test]
fn every_case_gives_its_alerts_however_it_is_run() {
    let mut readme = String::from(
        "# What the rules fire on, and what they must not\n\n\
         Written by `UPDATE=1 cargo test --test engine` from `tests/engine/cases`. One folder a case; `expected.jsonl` is what\n\
         the engine says, whether it runs straight, is cut and restored, or gets every record twice and shuffled.\n\n\
         | case | shows | calls until the alert |\n|---|---|---|\n",
    );
    let mut wrong = Vec::new();
    for case in cases::all() {
        let path = root().join(case.name);
        if is_update() {
            Files::of(&case).named().iter().for_each(|(name, text)| write(&path.join(name), text));
        }
        wrong.extend(Files::of(&case).named().iter().filter_map(|(name, text)| {
            let on_disk = fs::read_to_string(path.join(name)).unwrap_or_default();
            (on_disk != *text).then(|| format!("{}: {name} is not what the scenario says", case.name))
        }));
        let judged = judge(case.name, &path);
        let until = calls_until_alert(case.name, &judged.alerts).map_or("none".into(), |calls| calls.to_string());
        writeln!(readme, "| `{}` | {} | {until} |", case.name, case.shows).expect("text");
        wrong.extend(judged.wrong.into_iter().map(|what| format!("{}: {what}", case.name)));
    }
    let path = root().join("README.md");
    if is_update() {
        write(&path, &readme);
    }
    if fs::read_to_string(path).unwrap_or_default() != readme {
        wrong.push("README.md is not what the cases say".into());
    }
    assert!(wrong.is_empty(), "UPDATE=1 writes what is expected:\n{}", wrong.join("\n"));
    assert_every_folder_is_a_case();
}

struct Judged {
    alerts: Vec<Alert>,
    wrong: Vec<String>,
}

/// Runs a folder three ways and holds each against what is expected.
fn judge(name: &str, path: &Path) -> Judged {
    let files = Files::open(path);
    let case = files.case();
    let straight = run::straight(&case);
    let lines = straight.lines();
    if is_update() {
        fs::write(path.join("expected.jsonl"), &lines).expect("writable");
    }
    let mut wrong = Vec::new();
    let mut check = |holds: bool, what: String| wrong.extend((!holds).then_some(what));
    for (file, text) in files.named().iter().chain([&("expected.jsonl", lines.as_str())]) {
        check(text.len() < 300_000, format!("{file} has {} bytes, too many to review", text.len()));
    }
    let expected = fs::read_to_string(path.join("expected.jsonl")).unwrap_or_default();
    let differs = lines.lines().find(|line| !expected.lines().any(|other| other == *line)).unwrap_or("fewer or in another order");
    check(expected == lines, format!("not the expected alerts: {differs}"));
    for seed in 0..2 {
        check(run::cut(&case, &run::places(&case, seed), run::through_bytes) == straight, format!("cut with seed {seed}"));
        check(run::shuffled_and_doubled(&case, seed) == straight, format!("shuffled with seed {seed}"));
    }
    let fired = straight.alerts.iter().any(|alert| alert.rule == rule_of(name) && alert.status == Status::Firing);
    if name.contains("--quiet-") {
        let loud = straight.alerts.first().map_or("", |alert| &alert.summary);
        check(lines.is_empty(), format!("is not quiet: {loud}"));
    } else {
        check(fired, "the rule does not fire".into());
    }
    Judged { alerts: straight.alerts, wrong }
}

#[test]
fn every_rule_has_cases() {
    let cases = cases::all();
    for rule in RuleName::ALL {
        for what in ["fires", "quiet"] {
            let prefix = format!("{}--{what}-", rule.as_str());
            assert!(cases.iter().any(|case| case.name.starts_with(&prefix)), "no case {prefix}…");
        }
    }
    for case in &cases {
        rule_of(case.name);
        assert!(case.name.contains("--fires-") || case.name.contains("--quiet-"), "{}", case.name);
    }
}

fn assert_every_folder_is_a_case() {
    let cases = cases::all();
    let known: BTreeSet<String> = cases.iter().map(|case| case.name.to_owned()).collect();
    assert_eq!(known.len(), cases.len(), "two cases have one name");
    let entries = fs::read_dir(root()).expect("fixtures").map(|entry| entry.expect("entry"));
    let folders: BTreeSet<String> =
        entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().expect("text")).collect();
    assert_eq!(folders, known, "folders and cases differ");
}
