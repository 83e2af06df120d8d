//! Bad input: each has a clear message or a counted result, and the rest of the run is right.

use crate::support::{Folder, START_S, gzip, push, pushes, replay, run_with};

/// Replays good calls alone and then with `bad` inputs in front of, in the middle of and behind them. Returns what the
/// latter said; the alerts must be the same.
#[track_caller]
fn beside_good_calls(bad: &[u8]) -> crate::support::Ran {
    let folder = Folder::new();
    let good = pushes(1);
    let middle = good.len() / 2 + good[good.len() / 2..].find('\n').expect("a line") + 1;
    folder.write("good.jsonl", &good);
    folder.write("mixed.jsonl", [bad, b"\n", &good.as_bytes()[..middle], bad, b"\n", &good.as_bytes()[middle..], bad].concat());
    let expected = replay(&folder, &["good.jsonl"]);
    assert_eq!(expected.code, 0, "{}", expected.stderr);
    assert!(expected.stdout.lines().count() > 5, "{}", expected.stderr);
    let ran = replay(&folder, &["mixed.jsonl"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // The lines have moved; nothing else has.
    assert_eq!(without_lines(&ran.stdout), without_lines(&expected.stdout));
    assert_eq!(ran.ledger("calls").get("applied"), expected.ledger("calls").get("applied"));
    ran
}

fn without_lines(alerts: &str) -> String {
    let mut text = String::new();
    for part in alerts.split("\"offset\":") {
        text.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    text
}

#[test]
fn half_a_line() {
    let call = push("1400000001", "half", "0086010000000001", "008619900000001", START_S);
    let ran = beside_good_calls(&call.as_bytes()[..call.len() / 2]);
    assert_eq!(ran.ledger("calls")["invalid"], 3);
    ran.says(&["invalid: mixed.jsonl:1: record: breaks off in the middle (line 1, column "]);
}

#[test]
fn a_record_of_ten_megabytes() {
    let long = format!("{{\"SdkAppId\":1,\"SessionId\":\"{}\"}}", "x".repeat(10 << 20));
    let ran = beside_good_calls(long.as_bytes());
    assert_eq!(ran.ledger("calls")["invalid"], 3);
    ran.says(&["invalid: mixed.jsonl:1: record: is longer than the 1048576 bytes a record may have"]);
}

#[test]
fn a_time_in_the_year_3000() {
    let call = push("1400000001", "late", "0086010000000001", "008619900000001", 32_503_680_000);
    let ran = beside_good_calls(call.as_bytes());
    assert_eq!(ran.ledger("calls")["invalid"], 3);
    ran.says(&["mixed.jsonl:1: StartTimestamp: is not between 2000 and 2100"]);
}

#[test]
fn a_time_the_day_after_tomorrow() {
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
    let call = push("1400000001", "soon", "0086010000000001", "008619900000001", now_s + 2 * 86_400);
    let ran = beside_good_calls(call.as_bytes());
    ran.says(&["mixed.jsonl:1: EndedTimestamp: is in the future"]);
}

#[test]
fn an_empty_app_id() {
    for (id, said) in [("\"\"", "SdkAppId: is missing"), ("\"  \"", "SdkAppId: is empty"), ("\"x", "record: ")] {
        let call = push(id, "nobody", "0086010000000001", "008619900000001", START_S);
        beside_good_calls(call.as_bytes()).says(&[said]);
    }
    let call = push(&format!("\"{}\"", "x".repeat(65)), "long", "0086010000000001", "008619900000001", START_S);
    beside_good_calls(call.as_bytes()).says(&["SdkAppId: is longer than 64 bytes"]);
}

#[test]
fn noise() {
    for (noise, said) in [
        (&b"\xff\xfe\xfd"[..], "record: is not UTF-8 text"),
        (b"null", "record: is not an object"),
        (b"\0\0\0", "record: is not JSON"),
        (b"call me", "record: is not JSON"),
        (b"{\"SdkAppId\":", "record: breaks off in the middle"),
        (b"[", "record: breaks off in the middle"),
        ("[".repeat(500_000).as_bytes(), "record: is nested too deeply"),
    ] {
        let ran = beside_good_calls(noise);
        assert_eq!(ran.ledger("calls")["invalid"], 3, "{said}");
        ran.says(&[&format!("invalid: mixed.jsonl:1: {said}")]);
    }
}

#[test]
fn blank_lines_and_line_ends_of_other_systems() {
    let ran = beside_good_calls(b"\r\n   \n\t");
    assert!(!ran.ledger("calls").contains_key("invalid"));
    let folder = Folder::new();
    folder.write("unix.jsonl", pushes(2));
    folder.write("other.jsonl", format!("\u{feff}{}", pushes(2).replace('\n', "\r\n")));
    assert_eq!(replay(&folder, &["unix.jsonl"]).stdout, replay(&folder, &["other.jsonl"]).stdout);
}

#[test]
fn a_file_that_is_not_there() {
    let folder = Folder::new();
    folder.write("calls.jsonl", pushes(1));
    folder.write("alerts.jsonl", "yesterday's\n");
    for args in [
        ["--alerts", "alerts.jsonl", "calls.jsonl", "nowhere.jsonl"],
        ["--alerts", "alerts.jsonl", "--feedback=nowhere.jsonl", "calls.jsonl"],
        ["--alerts", "alerts.jsonl", "--registry=nowhere.jsonl", "calls.jsonl"],
    ] {
        let ran = replay(&folder, &args);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
        ran.says(&["error: nowhere.jsonl: cannot be opened: No such file or directory"]);
        assert_eq!(folder.read("alerts.jsonl"), "yesterday's\n");
    }
    let ran = replay(&folder, &["."]);
    assert_eq!(ran.code, 1);
    ran.says(&["error: .: cannot be opened: it is a folder"]);
}

#[test]
fn an_empty_file() {
    let folder = Folder::new();
    folder.write("calls.jsonl", pushes(1));
    folder.write("empty.jsonl", "");
    let ran = replay(&folder, &["empty.jsonl"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    ran.says(&["calls     0 read: 0 applied", "empty: empty.jsonl"]);
    let both = replay(&folder, &["calls.jsonl", "empty.jsonl"]);
    assert_eq!((both.code, both.stdout), (0, replay(&folder, &["calls.jsonl"]).stdout));
}

#[test]
fn a_file_that_breaks_off() {
    let folder = Folder::new();
    let (first, second) = (pushes(1), pushes(2).replace("call-", "second-"));
    let whole = gzip(first.as_bytes());
    folder.write("broken.jsonl.gz", &whole[..whole.len() - 200]);
    folder.write("good.jsonl", &second);
    let ran = replay(&folder, &["--lateness", "3h", "broken.jsonl.gz", "good.jsonl"]);
    assert_eq!(ran.code, 1);
    ran.says(&["broken: broken.jsonl.gz:", "; the rest of the file is missing"]);
    let applied = ran.ledger("calls")["applied"];
    assert!(applied > second.lines().count() as u64 + 5_000, "{applied}");
}

#[test]
fn a_wrong_format() {
    let folder = Folder::new();
    folder.write("calls.jsonl", pushes(1));
    let ran = folder.run(&["replay", "--format", "dialwatch", "calls.jsonl"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    ran.says(&[
        "6,000 invalid",
        "no call could be read as `dialwatch`: the first reads as `tccc`, try --format tccc",
        "and 5,995 more",
    ]);
    let unknown = folder.run(&["replay", "--format", "asterisk", "calls.jsonl"]);
    assert_eq!(unknown.code, 2);
    unknown.says(&["invalid value 'asterisk' for '--format <FORMAT>'", "[possible values: tccc, dialwatch]"]);
    let missing = folder.run(&["replay", "calls.jsonl"]);
    assert_eq!(missing.code, 2);
}

#[test]
fn calls_that_do_not_name_their_app() {
    let folder = Folder::new();
    let of_one = pushes(1).lines().filter(|line| line.contains("1400000000")).map(|line| format!("{line}\n")).collect::<String>();
    folder.write("named.jsonl", &of_one);
    folder.write("unnamed.jsonl", of_one.replace("\"SdkAppId\":1400000000,", ""));
    let ran = replay(&folder, &["unnamed.jsonl"]);
    assert_eq!(ran.code, 1);
    ran.says(&["unnamed.jsonl:1: SdkAppId: is missing: these records do not name their app, pass --app-id"]);
    let named = replay(&folder, &["named.jsonl"]);
    assert!(named.stdout.lines().count() > 2, "{}", named.stderr);
    assert_eq!(replay(&folder, &["--app-id", "1400000000", "unnamed.jsonl"]).stdout, named.stdout);
    let empty = replay(&folder, &["--app-id", " ", "unnamed.jsonl"]);
    assert_eq!(empty.code, 2);
    empty.says(&["an app id is not empty"]);
}

#[test]
fn documents_laid_out_over_several_lines() {
    let folder = Folder::new();
    let calls: Vec<String> = pushes(1).lines().map(str::to_owned).collect();
    folder.write("lines.jsonl", calls.join("\n"));
    let spread: Vec<String> = calls.iter().map(|call| call.replace(",\"", ",\n    \"").replace("{\"", "{\n    \"")).collect();
    folder.write("answer.json", format!("{{\n  \"Response\": {{\n    \"TelCdrList\": [\n{}\n]}}}}\n", spread.join(",\n")));
    folder.write("list.json", format!("[\n{}\n]\n", spread.join(",\n")));
    folder.write("one.json", &spread[0]);
    let lines = replay(&folder, &["lines.jsonl"]);
    for name in ["answer.json", "list.json"] {
        let ran = replay(&folder, &[name]);
        assert_eq!(ran.ledger("calls"), lines.ledger("calls"), "{name}");
        // Records of a document are numbered as lines would be.
        assert_eq!(ran.stdout, lines.stdout, "{name}");
    }
    assert_eq!(replay(&folder, &["one.json"]).ledger("calls")["applied"], 1);
    folder.write("half.json", format!("[\n{},\n", spread[..10].join(",\n")));
    let half = replay(&folder, &["half.json"]);
    assert_eq!((half.code, half.ledger("calls")["applied"], half.ledger("calls")["invalid"]), (0, 10, 1));
    half.says(&["half.json:1: record: breaks off in the middle (line "]);
}

#[test]
fn bad_feedback_and_registrations_are_counted_by_stream() {
    let folder = Folder::new();
    folder.write("calls.jsonl", pushes(1));
    let opt_out = format!("{{\"kind\":\"opt_out\",\"app_id\":\"1400000000\",\"callee\":\"19900000001\",\"at\":{START_S}}}");
    folder.write("feedback.jsonl", format!("{opt_out}\n{opt_out}\n{{\"kind\":\"praise\"}}\nhalf"));
    folder.write("registry.jsonl", "{\"app_id\":\"1400000000\",\"name\":\"One\"}\n\n{\"name\":\"nobody\"}\n");
    let ran = replay(
        &folder,
        &["--feedback", "feedback.jsonl", "--registry", "registry.jsonl", "--dead-letters", "dead.jsonl", "calls.jsonl"],
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let feedback = ran.ledger("feedback");
    assert_eq!((feedback["applied"], feedback["duplicate"], feedback["invalid"]), (1, 1, 2));
    assert_eq!(ran.ledger("registry")["invalid"], 1);
    ran.says(&["invalid: registry.jsonl:3: app_id: is missing", "invalid: feedback.jsonl:3: ", "invalid: feedback.jsonl:4: "]);
    let dead = folder.read("dead.jsonl");
    assert_eq!(dead.lines().count(), 3);
    assert!(dead.starts_with(
        "{\"stream\":\"registry\",\"file\":\"registry.jsonl\",\"line\":3,\"field\":\"app_id\",\"reason\":\"is missing"
    ));
}

#[test]
fn a_limit_that_is_none_is_named_and_the_other_registrations_hold() {
    let folder = Folder::new();
    folder.write("calls.jsonl", pushes(1));
    let filed = |limits: &str| format!("{{\"app_id\":\"1400000000\",\"limits\":{limits}}}\n");
    let wrong = [r#"{"callee_frequenzy":{"mode":"off"}}"#, r#"{"callee_frequency":{"calls":4}}"#, r#"{"rest_time.lunch":"no"}"#];
    folder.write("registry.jsonl", wrong.map(filed).concat() + &filed(r#"{"callee_frequency.mode":"off"}"#));
    let ran = replay(&folder, &["--registry", "registry.jsonl", "calls.jsonl"]);
    let registry = ran.ledger("registry");
    assert_eq!((registry["applied"], registry["invalid"]), (1, 3));
    ran.says(&[
        "registry.jsonl:1: limits.callee_frequenzy: is not the name of a rule",
        "registry.jsonl:2: limits.callee_frequency.calls: is not a limit of this rule",
        "registry.jsonl:3: limits.rest_time.lunch: is not true or false",
    ]);
}

#[test]
fn dead_letters_tell_the_place_and_no_number() {
    let folder = Folder::new();
    let bad = push("1400000001", "", "0086010000000001", "008619900000001", START_S);
    folder.write("calls.jsonl", format!("{}{bad}\n[{bad},{bad}]\n", pushes(1)));
    let ran = replay(&folder, &["--dead-letters", "dead.jsonl", "calls.jsonl"]);
    let dead = folder.read("dead.jsonl");
    assert_eq!((dead.lines().count(), ran.ledger("calls")["invalid"]), (3, 3));
    assert!(dead.contains("\"line\":6001,\"field\":\"SessionId\""), "{dead}");
    assert!(dead.contains("\"line\":6002,\"field\":\"[1].SessionId\""), "{dead}");
    assert!(!dead.contains("1990000") && !ran.stderr.contains("1990000"));
}

#[test]
fn files_in_the_wrong_order_of_time() {
    let folder = Folder::new();
    let calls = pushes(1);
    let middle = calls.len() / 2 + calls[calls.len() / 2..].find('\n').expect("a line") + 1;
    folder.write("morning.jsonl", &calls[..middle]);
    folder.write("noon.jsonl", &calls[middle..]);
    let ran = replay(&folder, &["noon.jsonl", "morning.jsonl"]);
    assert!(ran.ledger("calls")["too late"] > 2_000);
    ran.says(&["note: many calls came too late to count: give the files in the order of time"]);
}

#[test]
fn one_app_with_more_callees_than_it_may_have() {
    let folder = Folder::new();
    folder.write("small.yaml", "bounds: {callees_per_app: 1000}\n");
    let mut calls = String::new();
    for number in 0..50_000_u64 {
        let (session, callee) = (format!("s{number}"), format!("0086199{:08}", number * 17));
        calls += &push("1400000009", &session, "0086010000000009", &callee, START_S + number / 10);
        calls.push('\n');
    }
    folder.write("calls.jsonl", calls + &pushes(1));
    let ran = replay(&folder, &["-c", "small.yaml", "--lateness", "2h", "calls.jsonl"]);
    assert_eq!((ran.code, ran.ledger("calls")["applied"]), (0, 56_000), "{}", ran.stderr);
    assert!(ran.stdout.contains("1400000000"), "the others are judged all the same");
}

#[test]
fn stdin_is_read_once() {
    let folder = Folder::new();
    let ran = replay(&folder, &["-", "-"]);
    assert_eq!(ran.code, 2);
    ran.says(&["stdin (-) can be read only once"]);
    let bad = run_with(folder.path(), b"{\"SdkAppId\":", &[], &["replay", "--format", "tccc", "-"]);
    bad.says(&["invalid: (stdin):1: record: breaks off in the middle"]);
}
