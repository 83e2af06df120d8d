//! What comes out: the same bytes however they are made, data on stdout, messages on stderr.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use dialwatch::engine::detector::RuleName;

use crate::support::{Folder, REPLAY, gzip, pushes, replay, run_with, zstd};

#[test]
fn threads_and_chunks_change_nothing() {
    let folder = Folder::new();
    folder.write("calls.jsonl", pushes(3));
    let expected = replay(&folder, &["--shards", "1", "calls.jsonl"]);
    assert!(expected.stdout.lines().count() > 5, "{}", expected.stderr);
    for shards in ["1", "2", "8"] {
        for chunk_bytes in ["1", "100000", "100000000"] {
            let ran = replay(&folder, &["--shards", shards, "--chunk-bytes", chunk_bytes, "calls.jsonl"]);
            assert_eq!(ran.stdout, expected.stdout, "{shards} shards, {chunk_bytes} bytes a chunk");
            assert_eq!(ran.ledger("calls"), expected.ledger("calls"));
        }
    }
}

#[test]
fn wrapping_and_cutting_change_nothing() {
    let folder = Folder::new();
    let calls = pushes(4);
    folder.write("calls.jsonl", &calls);
    folder.write("calls.jsonl.gz", gzip(calls.as_bytes()));
    folder.write("calls.jsonl.zst", zstd(calls.as_bytes()));
    // What it is says its content, not its name.
    folder.write("calls.txt", zstd(calls.as_bytes()));
    let expected = replay(&folder, &["calls.jsonl"]).stdout;
    assert!(expected.lines().count() > 5);
    for name in ["calls.jsonl.gz", "calls.jsonl.zst", "calls.txt"] {
        assert_eq!(replay(&folder, &[name]).stdout, expected, "{name}");
    }
    for stdin in [calls.clone().into_bytes(), gzip(calls.as_bytes()), zstd(calls.as_bytes())] {
        let ran = run_with(folder.path(), &stdin, &[], &[REPLAY, &["-"]].concat());
        assert_eq!(ran.stdout, expected);
    }
    let lines: Vec<&str> = calls.split_inclusive('\n').collect();
    let mut names = Vec::new();
    for (at, part) in lines.chunks(997).enumerate() {
        names.push(format!("part{at}"));
        folder.write(&names[at], if at % 2 == 0 { part.concat().into_bytes() } else { gzip(part.concat().as_bytes()) });
    }
    let parts = replay(&folder, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let judged = |alerts: &str| -> Vec<(String, String)> {
        let word = |line: &str, key: &str| {
            line.split(&format!("\"{key}\":\"")).nth(1).expect("there").split('"').next().map(str::to_owned)
        };
        alerts.lines().filter_map(|line| word(line, "alert_id").zip(word(line, "updated_at"))).collect()
    };
    // Only the places of the calls differ.
    assert_eq!(judged(&parts.stdout), judged(&expected));
}

#[test]
fn alerts_are_json_lines_and_messages_stay_apart() {
    let folder = Folder::new();
    folder.write("calls.jsonl", pushes(5));
    let ran = replay(&folder, &["--resolve-at-end", "calls.jsonl"]);
    let (mut firing, mut resolved) = (0, 0);
    for line in ran.stdout.lines() {
        let alert: serde_json::Value = serde_json::from_str(line).expect("json");
        assert_eq!(alert["schema"], "dialwatch.alert/1");
        if alert["status"] == "resolved" { resolved += 1 } else { firing += 1 }
    }
    assert!(firing > 0 && resolved > 0);
    ran.says(&["0 open at the end", "callee_frequency", "records/s", "warning: privacy.pseudonym_key_file is not set"]);
    assert!(!ran.stderr.contains('\u{1b}'), "no escape codes where nobody watches");
    let to_file = replay(&folder, &["--resolve-at-end", "--alerts", "alerts.jsonl", "calls.jsonl"]);
    assert_eq!((to_file.stdout.as_str(), folder.read("alerts.jsonl")), ("", ran.stdout));
}

#[test]
fn raw_numbers_come_out_only_if_the_configuration_says_so() {
    let folder = Folder::new();
    folder.write("calls.jsonl", pushes(5));
    folder.write("reveal.yaml", "privacy: {reveal_numbers: true}\n");
    assert!(!replay(&folder, &["calls.jsonl"]).stdout.contains("+8619900000"));
    let revealed = replay(&folder, &["-c", "reveal.yaml", "calls.jsonl"]);
    assert!(revealed.stdout.contains("+8619900000"));
    revealed.says(&["warning: privacy.reveal_numbers is set"]);
}

#[test]
fn rules_in_shadow_are_counted_and_not_sent() {
    let folder = Folder::new();
    folder.write("calls.jsonl", pushes(5));
    let rules = "rules:\n  callee_frequency: {mode: shadow}\n";
    folder.write("shadow.yaml", rules);
    let ran = replay(&folder, &["-c", "shadow.yaml", "calls.jsonl"]);
    assert!(!ran.stdout.contains("\"rule\":\"callee_frequency\""));
    ran.says(&["of rules in shadow not sent", "shadowed"]);
}

#[test]
fn what_is_recorded_is_summed_up_and_an_exception_records_nothing() {
    let folder = Folder::new();
    folder.write("calls.jsonl", pushes(5));
    replay(&folder, &["calls.jsonl"]).says(&["recorded"]);
    let plain = replay(&folder, &["calls.jsonl"]).stdout;
    let app_id =
        serde_json::from_str::<serde_json::Value>(plain.lines().next().expect("an alert")).expect("JSON")["app_id"].clone();
    let rules = RuleName::ALL
        .iter()
        .map(|rule| format!("  - {{app_id: {app_id}, rule: {}, reason: a drill, until: 2099-12-31T00:00:00Z}}\n", rule.as_str()));
    folder.write("drill.yaml", format!("exceptions:\n{}", rules.collect::<String>()));
    let ran = replay(&folder, &["-c", "drill.yaml", "calls.jsonl"]);
    assert!(!ran.stdout.contains(&format!("\"app_id\":{app_id}")), "{}", ran.stdout);
    ran.says(&["of rules in shadow not sent"]);
}

#[test]
fn a_pack_judges_by_its_own_limits_and_says_so() {
    let folder = Folder::new();
    folder.write("calls.jsonl", pushes(5));
    folder.write("pack.yaml", "policy: {pack: tencent-vms}\n");
    let ran = replay(&folder, &["-c", "pack.yaml", "calls.jsonl"]);
    let alerts = ran.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let frequent: Vec<_> = alerts.filter(|alert| alert["rule"] == "callee_frequency").collect();
    assert!(!frequent.is_empty());
    for alert in frequent {
        assert_eq!(alert["policy"]["pack"], "tencent-vms");
        assert_eq!(alert["policy"]["clause"], "cloud.tencent.com/document/product/213/38004");
        assert!(alert["evidence"][0]["limit"].as_f64().is_some_and(|limit| limit <= 3.0), "{alert}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let folder = Folder::new();
    folder.write("calls.jsonl", pushes(6));
    let mut child = Command::new(env!("CARGO_BIN_EXE_dialwatch"))
        .args([REPLAY, &["--chunk-bytes", "1", "--shards", "1", "calls.jsonl"]].concat())
        .current_dir(folder.path())
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    BufReader::with_capacity(16, child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let mut stderr = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("text");
    assert!(child.wait().expect("it ends").success(), "{stderr}");
    assert!(!stderr.contains("panicked") && !stderr.contains("error"), "{stderr}");
}

#[test]
fn what_cannot_be_written_is_said() {
    let folder = Folder::new();
    folder.write("calls.jsonl", pushes(6));
    let ran = replay(&folder, &["--alerts", "no/such/folder.jsonl", "calls.jsonl"]);
    assert_eq!(ran.code, 1);
    ran.says(&["error: no/such/folder.jsonl: cannot be written: No such file or directory"]);
    #[cfg(target_os = "linux")]
    {
        let full = replay(&folder, &["--alerts", "/dev/full", "calls.jsonl"]);
        assert_eq!(full.code, 1);
        full.says(&["error: the results cannot be written: No space left on device"]);
    }
}

#[test]
fn an_input_is_never_overwritten() {
    let folder = Folder::new();
    folder.write("calls.jsonl", pushes(6));
    for args in [["--alerts", "calls.jsonl"], ["--dead-letters", "./calls.jsonl"]] {
        let ran = replay(&folder, &[&args[..], &["calls.jsonl"]].concat());
        assert_eq!(ran.code, 2);
        ran.says(&["is an input: results would overwrite it"]);
    }
    let ran = replay(&folder, &["--alerts", "x", "--dead-letters", "x", "calls.jsonl"]);
    assert_eq!(ran.code, 2);
    assert_eq!(folder.read("calls.jsonl"), pushes(6));
}

#[test]
fn schemas_completions_and_the_manual_are_printed() {
    let folder = Folder::new();
    for of in ["config", "alert", "call"] {
        let ran = folder.run(&["schema", of]);
        let schema: serde_json::Value = serde_json::from_str(&ran.stdout).expect("json");
        assert!(schema["properties"].is_object() && ran.code == 0 && ran.stderr.is_empty(), "{of}");
    }
    let example = folder.run(&["schema", "config", "--example"]);
    folder.write("example.yaml", &example.stdout);
    assert_eq!(folder.run(&["check", "-c", "example.yaml"]).code, 0);
    assert_eq!(folder.run(&["schema", "call", "--example"]).code, 2);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = folder.run(&["completions", shell]);
        assert!(ran.code == 0 && ran.stdout.contains("replay"), "{shell}");
    }
    assert!(folder.run(&["man"]).stdout.contains(".TH dialwatch 1"));
    assert_eq!(folder.run(&["man", "--out", "pages"]).code, 0);
    assert!(folder.read("pages/dialwatch-replay.1").contains("resolve\\-at\\-end"));
    assert_eq!(folder.run(&["--version"]).stdout, concat!("dialwatch ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(folder.run(&[]).code, 2);
    assert_eq!(folder.run(&["frobnicate"]).code, 2);
}

#[test]
fn an_alert_says_what_its_schema_promises() {
    let folder = Folder::new();
    folder.write("calls.jsonl", pushes(7));
    let schema: serde_json::Value = serde_json::from_str(&folder.run(&["schema", "alert"]).stdout).expect("json");
    let required: Vec<&str> = schema["required"].as_array().expect("a list").iter().filter_map(|name| name.as_str()).collect();
    assert!(required.len() > 10);
    for line in replay(&folder, &["calls.jsonl"]).stdout.lines() {
        let alert: serde_json::Value = serde_json::from_str(line).expect("json");
        for name in &required {
            assert!(alert.get(name).is_some(), "{name} is not in {line}");
        }
        for name in alert.as_object().expect("an object").keys() {
            assert!(schema["properties"].get(name).is_some(), "{name} is not in the schema");
        }
    }
}
