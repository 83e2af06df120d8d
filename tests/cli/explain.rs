//! `explain`: one alert of a file in words.

use crate::support::run_with;

/// An alert as `replay` writes it.
fn line(alert_id: &str, summary: &str) -> String {
    let at = "2026-03-09T01:41:00Z";
    serde_json::json!({
        "schema": "dialwatch.alert/1", "alert_id": alert_id, "status": "firing", "rule": "blind_dialing", "severity": "violation",
        "app_id": "1400300716", "subject": {"kind": "app"}, "starts_at": at, "updated_at": at, "ends_at": null,
        "window": {"from": at, "to": at}, "summary": summary,
        "evidence": [{"feature": "invalid_number_share", "observed": 0.251748, "bound": 0.1901, "limit": 0.05, "count": 36,
                      "of": 143, "over": "day"}],
        "calls": [{"call_id": "c", "at": at, "outcome": "invalid_number", "callee": "+86194******21", "partition": 3, "offset": 88123}],
        "calls_before_alert": 143, "callees_before_alert": 141,
        "policy": {"pack": "tccc-2026-02", "clause": "access-rules/6", "version": "v"},
        "recommended_action": "warn_and_record", "completeness": 1.0,
    })
    .to_string()
}

#[test]
fn an_alert_of_a_file_is_told_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = format!("{}\n{}\n{}\n", line("aa11", "As it opened."), line("bb22", "Another."), line("aa11", "As it is now."));
    let explained = run_with(folder.path(), lines.as_bytes(), &[], &["explain", "aa11", "--alerts", "-"]);
    assert_eq!((explained.code, explained.stderr.as_str()), (0, ""));
    for said in [
        "violation: blind_dialing by app 1400300716 (alert aa11) As it is now. The evidence first",
        "after 143 calls to 141 callees. It is still open.",
        "36 of 143 = 25.2 %, at least 19 % with confidence (Wilson), limit 5 % (the last day)",
        "2026-03-09T01:41:00Z to +86194******21: invalid number (3:88123)",
        "It rests on access-rules/6 of tccc-2026-02, which recommends: warn and record.",
    ] {
        // Wherever lines are broken.
        let text = explained.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(said), "`{said}` is not in:\n{}", explained.stdout);
    }
    let missing = run_with(folder.path(), lines.as_bytes(), &[], &["explain", "cc33", "--alerts", "-"]);
    assert_eq!((missing.code, missing.stdout.as_str()), (1, ""));
    missing.says(&["(stdin): no alert cc33 is in it"]);
    // Nobody listens at the first port.
    let nowhere = run_with(folder.path(), b"", &[], &["explain", "aa11", "--url", "http://127.0.0.1:1"]);
    assert_eq!(nowhere.code, 1);
    nowhere.says(&["http://127.0.0.1:1 does not answer"]);
    assert_eq!(run_with(folder.path(), b"", &[], &["explain", "a b"]).code, 2);
    assert_eq!(run_with(folder.path(), b"", &[], &["explain", "aa11", "--url", "ftp://x"]).code, 2);
}
