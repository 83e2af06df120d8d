//! Simulated, replayed, evaluated: the three commands one after the other.

use crate::support::Folder;

const EVALUATE: [&str; 5] = ["evaluate", "--labels", "world/labels.json", "--alerts", "alerts.jsonl"];

fn judged(folder: &Folder) {
    let ran = folder.run(&["simulate", "--seed", "1", "--days", "1", "--tenants", "40", "--out", "world"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let [registry, feedback] = ["world/registry.jsonl", "world/feedback.jsonl"];
    let ran = folder.run(&[
        "replay",
        "--format",
        "tccc",
        "--registry",
        registry,
        "--feedback",
        feedback,
        "--alerts",
        "alerts.jsonl",
        "world/calls.jsonl",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn a_simulated_world_is_evaluated() {
    let folder = Folder::new();
    judged(&folder);
    let ran = folder.run(&[&EVALUATE[..], &["--json", "--picture", "report.svg"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.says(&["report.svg: drawn"]);
    assert!(folder.read("report.svg").contains("blind_dialing"));
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("one object");
    assert_eq!(report["schema"], "dialwatch.evaluation/1");

    // Every alert and every incident of the files is in it, once.
    let text = |value: &serde_json::Value, field: &str| value[field].as_str().expect("text").to_owned();
    let alerts = folder.read("alerts.jsonl");
    let ids: std::collections::BTreeSet<String> =
        alerts.lines().map(|line| text(&serde_json::from_str(line).expect("an alert"), "alert_id")).collect();
    let counts = |counts: &serde_json::Value| -> u64 {
        ["true", "undecided", "false", "notices"].iter().map(|verdict| counts[verdict].as_u64().expect("a count")).sum()
    };
    assert!(ids.len() > 20, "{}", ids.len());
    assert_eq!(counts(&report["overall"]["alerts"]), ids.len() as u64);
    let rules = report["rules"].as_array().expect("rules");
    assert_eq!(rules.iter().map(|rule| counts(&rule["alerts"])).sum::<u64>(), ids.len() as u64);
    let labels: serde_json::Value = serde_json::from_str(&folder.read("world/labels.json")).expect("labels");
    let due = labels["labels"].as_array().expect("labels").iter().filter(|label| label["required"] == true).count();
    assert_eq!(report["overall"]["recall"]["of"], due);
    let found = report["overall"]["recall"]["count"].as_u64().expect("a count");
    assert!(found > 0 && found <= due as u64, "{found} of {due}");

    let ran = folder.run(&EVALUATE);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 120), "{}", ran.stdout);
    assert!(ran.stdout.contains(&format!("all rules: incidents {due}, found {found}, alerts {}", ids.len())), "{}", ran.stdout);
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let folder = Folder::new();
    let labels = r#"{"schema": "dialwatch.labels/1", "start": "2026-03-02T00:00:00Z", "end": "2026-03-03T00:00:00Z", "apps": [], "labels": []}"#;
    folder.write("labels.json", labels);
    folder.write("alerts.jsonl", "\n{\"schema\":7}\n");
    let ran = folder.run(&["evaluate", "--labels", "labels.json", "--alerts", "alerts.jsonl"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    ran.says(&["alerts.jsonl:2: schema: invalid type: integer `7`"]);
    let ran = folder.run(&["evaluate", "--labels", "none.json", "--alerts", "alerts.jsonl"]);
    assert_eq!(ran.code, 1);
    ran.says(&["none.json: cannot be read"]);
}
