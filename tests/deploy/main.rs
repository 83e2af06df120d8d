//! What users get besides the program: rules, runbooks, dashboards, examples, the guide. Each is held against the program and,
//! where there is one, against the tool that will read it.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use dialwatch::config::{Config, Environment, Overrides};
use dialwatch::metrics::Metrics;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Says that something was not tested, past the test runner; on CI that is a failure.
fn skipped(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "on CI nothing is skipped: {why}");
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

fn are_installed(programs: &[&str]) -> bool {
    let is_there = |program: &&str| Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    programs.iter().all(|program| is_there(program).is_ok_and(|found| found.status.success()))
}

/// Runs a check of the repository, which says what is wrong.
fn passes(command: &mut Command) {
    let output = command.current_dir(root()).output().expect("it runs");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
}

/// Every metric of the program, series of a partition, a sink and a watchdog included, as Prometheus reads them.
fn metrics() -> String {
    let metrics = Metrics::new().expect("valid");
    let _partition = metrics.partitions.of(0);
    metrics.partitions.watchdog(0).set(1);
    metrics.sinks.of("jsonl");
    metrics.queues.of(0).set(0);
    metrics.render().expect("text")
}

/// The names of the families in a scrape, and with them those of the series of histograms.
fn names(scrape: &str) -> BTreeSet<String> {
    let families = scrape.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let series = |(name, kind): (&str, &str)| match kind {
        "histogram" => ["", "_bucket", "_sum", "_count"].map(|ending| format!("{name}{ending}")).to_vec(),
        _ => vec![name.to_owned()],
    };
    families.flat_map(series).collect()
}

/// Every word of a text that begins as a metric does.
fn quoted(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    words.filter(|word| word.starts_with("dialwatch_") && !word.contains(':')).map(str::to_owned).collect()
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(folder)).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut found: Vec<PathBuf> = paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    found.sort();
    assert!(!found.is_empty(), "{folder} has no {ending}");
    found
}

#[test]
fn rules_and_runbooks_name_no_metric_that_is_not_there() {
    let known = names(&metrics());
    for file in files("deploy/prometheus", ".yaml").into_iter().chain(files("deploy/runbooks", ".md")) {
        let text = std::fs::read_to_string(&file).expect("text");
        // A name of one word is a topic, a job or a file, not a metric.
        let unknown: Vec<String> = quoted(&text).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", file.display());
    }
}

#[test]
fn rules_alerts_and_routes_are_right() {
    if !are_installed(&["jsonnet", "jsonnetfmt", "promtool", "amtool"]) {
        return skipped("rules are not checked (apt-get install jsonnet prometheus prometheus-alertmanager)");
    }
    passes(Command::new("deploy/mixin/check.sh").env("TMPDIR", env!("CARGO_TARGET_TMPDIR")));
    passes(Command::new("deploy/helm/sync.sh").arg("--check"));
}

#[test]
fn prometheus_has_nothing_to_say_against_the_metrics() {
    if !are_installed(&["promtool"]) {
        return skipped("metrics are not linted (apt-get install prometheus)");
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("metrics.txt");
    std::fs::write(&file, metrics()).expect("written");
    passes(Command::new("sh").args(["-c", "promtool check metrics < \"$0\""]).arg(file));
}

#[test]
fn dashboards_are_what_their_source_says_and_keep_the_conventions() {
    if !are_installed(&["python3", "jsonnet"]) {
        return skipped("dashboards are not checked (apt-get install python3 jsonnet)");
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scrape.txt");
    std::fs::write(&file, metrics()).expect("written");
    passes(Command::new("python3").args(["-B", "tests/grafana/check.py", "--complete", "--metrics"]).arg(file));
    passes(Command::new("python3").args(["-B", "tests/grafana/test_check.py"]));
}

#[test]
fn the_guide_says_what_the_program_does() {
    if !are_installed(&["python3"]) {
        return skipped("the guide is not checked (apt-get install python3)");
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("metrics-of-the-guide.txt");
    std::fs::write(&file, metrics()).expect("written");
    let mut check = Command::new("python3");
    check.args(["-B", "deploy/guide/check.py", "--program", env!("CARGO_BIN_EXE_dialwatch"), "--metrics"]);
    passes(check.arg(file));
}

#[test]
fn examples_are_valid() {
    for file in ["deploy/dialwatch.yaml", "deploy/compose/dialwatch.yaml"] {
        let read = Config::open(Some(&root().join(file)), &Overrides::default(), Environment::Ignore);
        assert!(read.is_ok(), "{file}: {}", read.err().map_or(String::new(), |problems| problems.to_string()));
    }
}
