//! `check`: a fixture for each way to be wrong, with what it says.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{Folder, run, run_with};

fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/config"))
}

/// Lists of what is known grow with the program.
fn without_lists(text: &str) -> String {
    let shortened =
        |line: &str| line.split_once("known here: ").map_or(line.to_owned(), |(head, _)| format!("{head}known here: …"));
    text.lines().map(shortened).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_way_to_be_wrong_has_its_message() {
    let names: BTreeSet<String> = std::fs::read_dir(fixtures())
        .expect("fixtures")
        .map(|entry| entry.expect("a fixture").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    assert!(names.len() > 15);
    for name in names {
        let ran = run(fixtures(), &["check", "-c", &format!("{name}.yaml")]);
        let expected = std::fs::read_to_string(fixtures().join(format!("{name}.txt"))).expect("what it says");
        assert_eq!(without_lists(&ran.stderr), without_lists(&expected), "{name}");
        assert_eq!((ran.code, ran.stdout.as_str()), (78, ""), "{name}");
    }
}

#[test]
fn a_bad_configuration_stops_every_command_that_judges() {
    let folder = Folder::new();
    folder.write("calls.jsonl", "");
    folder.write("bad.yaml", "latenes: 5m\n");
    let ran = folder.run(&["replay", "-c", "bad.yaml", "--format", "tccc", "--alerts", "alerts.jsonl", "calls.jsonl"]);
    assert_eq!(ran.code, 78);
    ran.says(&["error: latenes: no such field", "bad.yaml:1:1", "is `lateness` meant?"]);
    assert!(!folder.path().join("alerts.jsonl").exists());
}

#[test]
fn a_good_configuration_is_named_with_its_version() {
    let folder = Folder::new();
    folder.write("good.yaml", "lateness: 2m\nprivacy: {pseudonym_key_file: secret}\n");
    folder.write("secret", "sixteen bytes or more\n");
    let ran = folder.run(&["check", "-c", "good.yaml"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.starts_with("good.yaml: valid (policy tccc-2026-02, version "), "{}", ran.stdout);
    let example = run(Path::new(env!("CARGO_MANIFEST_DIR")), &["check", "-c", "deploy/dialwatch.yaml"]);
    assert_eq!(example.code, 0, "{}", example.stderr);
}

#[test]
fn the_environment_is_looked_at_only_if_wanted() {
    let ran = run(fixtures(), &["check", "--no-environment", "-c", "no-such-key-file.yaml"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn a_file_that_is_not_there_is_a_bad_configuration() {
    let ran = Folder::new().run(&["check", "-c", "nowhere.yaml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (78, ""));
    ran.says(&["cannot be read: No such file or directory", "nowhere.yaml"]);
}

#[test]
fn flags_stand_above_the_environment_and_that_above_the_file() {
    let folder = Folder::new();
    for minutes in [1, 2, 3] {
        folder.write(&format!("{minutes}.yaml"), format!("lateness: {minutes}m\n"));
    }
    let version = |environment: &[(&str, &str)], args: &[&str]| {
        let ran = run_with(folder.path(), b"", environment, &[&["check"], args].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stdout.split("version ").nth(1).expect("a version").to_owned()
    };
    let (one, two, three) = (version(&[], &["-c", "1.yaml"]), version(&[], &["-c", "2.yaml"]), version(&[], &["-c", "3.yaml"]));
    assert!(one != two && two != three && one != three);
    assert_eq!(version(&[("DIALWATCH_CONFIG", "1.yaml")], &[]), one);
    assert_eq!(version(&[("DIALWATCH_CONFIG", "1.yaml")], &["-c", "2.yaml"]), two);
    assert_eq!(version(&[("DIALWATCH_LATENESS", "3m")], &["-c", "2.yaml"]), three);
    assert_eq!(version(&[("DIALWATCH_LATENESS", "3m")], &["-c", "2.yaml", "--lateness", "1m"]), one);
    let wrong = run_with(folder.path(), b"", &[("DIALWATCH_LATENESS", "soon")], &["check"]);
    assert_eq!(wrong.code, 2);
    wrong.says(&["invalid value 'soon' for '--lateness <DURATION>'"]);
    let too_long = folder.run(&["check", "-c", "1.yaml", "--lateness", "3d"]);
    assert_eq!(too_long.code, 78);
    too_long.says(&["error: --lateness: 3d is too long: at most 1d"]);
}
