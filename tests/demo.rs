//! The demo as a newcomer meets it: one command, nothing installed, an end of its own.

#![allow(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::process::Command;

fn demo(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_dialwatch")).arg("demo").args(arguments).output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn it_shows_apps_and_two_explained_alerts_and_ends() {
    let (success, shown, said) = demo(&["--for", "2s", "--apps", "24"]);
    assert!(success, "{said}");
    assert!(said.contains("metrics are at http://127.0.0.1:"), "{said}");
    assert_eq!(shown.lines().filter(|line| line.starts_with("14000000")).count(), 24, "{shown}");
    assert_eq!(shown.matches("What was counted:").count(), 2, "{shown}");
    assert!(shown.contains("records through Kafka in"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "no colours where no terminal is");
    assert!(shown.lines().all(|line| line.chars().count() <= 120), "{shown}");
}

#[test]
fn an_address_that_cannot_be_had_is_named() {
    let (success, _, said) = demo(&["--listen", "256.0.0.1:1"]);
    assert!(!success && said.contains("256.0.0.1:1 cannot be listened at"), "{said}");
}
