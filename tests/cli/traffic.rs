//! Simulated traffic through the whole program.

use crate::support::{Folder, run};

const FILES: [&str; 4] = ["calls.jsonl", "feedback.jsonl", "registry.jsonl", "labels.json"];

fn simulate(folder: &Folder, out: &str, seed: &str, format: &str) {
    let ran = folder.run(&["simulate", "--seed", seed, "--days", "1", "--tenants", "12", "--out", out, "--format", format]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    ran.says(&[" calls of 12 apps, "]);
}

#[test]
fn a_seed_is_a_world() {
    let folder = Folder::new();
    simulate(&folder, "one", "7", "tccc");
    simulate(&folder, "two", "7", "tccc");
    simulate(&folder, "other", "8", "tccc");
    for file in FILES {
        let one = folder.read(&format!("one/{file}"));
        assert!(one == folder.read(&format!("two/{file}")), "{file}");
        assert!(one != folder.read(&format!("other/{file}")), "{file}");
    }
}

#[test]
fn a_simulated_day_is_judged_the_same_however_it_is_replayed() {
    let folder = Folder::new();
    simulate(&folder, "world", "7", "tccc");
    let replay = |more: &[&str]| {
        let args = ["replay", "--format", "tccc", "--registry", "registry.jsonl", "--feedback", "feedback.jsonl", "calls.jsonl"];
        let ran = run(&folder.path().join("world"), &[&args[..], more].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran
    };
    let expected = replay(&["--shards", "1"]);
    assert!(expected.stdout.lines().count() > 5, "{}", expected.stderr);
    for stream in ["calls", "feedback", "registry"] {
        let ledger = expected.ledger(stream);
        assert!(ledger["applied"] > 0 && !ledger.contains_key("invalid"), "{}", expected.stderr);
    }
    assert!(expected.ledger("calls")["duplicate"] > 0);
    for shards in ["2", "8"] {
        for chunk_bytes in ["70000", "2000000"] {
            let ran = replay(&["--shards", shards, "--chunk-bytes", chunk_bytes]);
            assert!(ran.stdout == expected.stdout, "{shards} shards, {chunk_bytes} bytes a chunk");
            assert_eq!(ran.ledger("calls"), expected.ledger("calls"));
        }
    }
}
