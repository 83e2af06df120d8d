//! Decoding field by field: what each hand writes, what is refused, and what an error may say.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::*;
use crate::engine::record::{Direction, HangupBy, Kind, Outcome};

const NEWEST: Timestamp = Timestamp::from_seconds(1_780_000_000);

fn limits() -> Limits<'static> {
    Limits { newest: NEWEST, ..Limits::default() }
}

fn all<'a>(format: Format, bytes: &'a [u8], app_id: Option<&'a str>) -> Vec<Result<CallRecord<'a>, DecodeError>> {
    let mut calls = Vec::new();
    format.decode(bytes, app_id, &limits(), |call| calls.push(call));
    calls
}

/// The one call of a value, read as TCCC for an app that is given.
fn one(text: &str) -> Result<CallRecord<'_>, DecodeError> {
    let mut calls = all(Format::Tccc, text.as_bytes(), Some("given"));
    assert_eq!(calls.len(), 1, "{text}");
    calls.remove(0)
}

/// A push object with some of its fields replaced; `null` removes one.
fn push(changes: Value) -> String {
    let mut record = json!({
        "SdkAppId": 1_400_000_001, "SessionId": "e97be0ab-1ef6-4ad2-a8c4-2b2bbfb18e55", "Direction": 1, "CallType": 1,
        "StartTimestamp": 1_773_020_400, "RingTimestamp": 1_773_020_403, "AcceptTimestamp": 1_773_020_410,
        "EndedTimestamp": 1_773_020_430, "Duration": 20, "EndStatus": 1, "EndStatusString": "ok", "HungUpSide": "user",
        "Caller": "0086075512345678", "Callee": "008613000000001", "CallerLocation": "广东深圳",
        "SeatUser": {"UserId": "agent", "StaffNumber": "7", "Mail": "agent@example.com"},
    });
    for (key, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => record.as_object_mut().and_then(|record| record.remove(key)),
            value => record.as_object_mut().and_then(|record| record.insert(key.clone(), value.clone())),
        };
    }
    record.to_string()
}

fn error_of(changes: Value) -> String {
    one(&push(changes)).expect_err("an error").to_string()
}

#[test]
fn formats_are_found_by_their_names() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(*format));
    }
    assert_eq!("cdr".parse::<Format>(), Err(UnknownFormat));
    assert_eq!(UnknownFormat.to_string(), "unknown format, known are tccc, dialwatch");
}

#[test]
fn a_normal_record_borrows_all_its_text() {
    let text = push(json!({}));
    let call = one(&text).expect("a call");
    let texts =
        [Some(&call.app_id), Some(&call.call_id), Some(&call.raw_outcome.text), call.agent.as_ref(), call.caller_region.as_ref()];
    for text in texts {
        assert!(matches!(text, Some(Cow::Borrowed(_))), "{text:?}");
    }
    assert_eq!((&*call.app_id, call.kind, call.outcome), ("1400000001", Kind::Agent, Outcome::Answered));
    assert_eq!(call.hangup_by, HangupBy::Customer);
}

#[test]
fn errors_name_field_and_reason() {
    for (changes, expected) in [
        (json!({"SessionId": null}), "SessionId: is missing"),
        (json!({"SessionId": "  "}), "SessionId: is empty"),
        (json!({"SessionId": "x".repeat(129)}), "SessionId: is longer than 128 bytes"),
        (json!({"SessionId": ["x"]}), "SessionId: is not text"),
        (json!({"SdkAppId": "x".repeat(65)}), "SdkAppId: is longer than 64 bytes"),
        (json!({"SdkAppId": " "}), "SdkAppId: is empty"),
        (json!({"SdkAppId": {"id": 1}}), "SdkAppId: is not text"),
        (json!({"SdkAppId": 1.5}), "SdkAppId: is not text"),
        (json!({"StartTimestamp": null}), "StartTimestamp: is missing"),
        (json!({"StartTimestamp": 0}), "StartTimestamp: is missing"),
        (json!({"StartTimestamp": "soon"}), "StartTimestamp: is not a number"),
        (json!({"StartTimestamp": 946_684_799}), "StartTimestamp: is not between 2000 and 2100"),
        (json!({"StartTimestamp": 4_102_444_800_i64}), "StartTimestamp: is not between 2000 and 2100"),
        (json!({"StartTimestamp": i64::MAX}), "StartTimestamp: is not between 2000 and 2100"),
        (json!({"StartTimestamp": u64::MAX}), "StartTimestamp: is not a number"),
        (
            json!({"EndedTimestamp": 1_773_020_430_000_i64}),
            "EndedTimestamp: is not between 2000 and 2100: milliseconds, where seconds are due",
        ),
        (json!({"EndedTimestamp": null, "Duration": null}), "EndedTimestamp: is missing"),
        (json!({"EndedTimestamp": 0, "Duration": 0}), "EndedTimestamp: is missing"),
        (json!({"EndedTimestamp": 0, "Duration": i64::MAX}), "Duration: is not between 2000 and 2100"),
        (json!({"EndedTimestamp": 1_773_020_399}), "EndedTimestamp: is before StartTimestamp (2026-03-09T01:40:00Z)"),
        (
            json!({"EndedTimestamp": 1_780_000_001}),
            "EndedTimestamp: is in the future (2026-05-28T20:26:41Z, later than 2026-05-28T20:26:40Z)",
        ),
        (json!({"EndedTimestamp": 1_773_020_401 + 3 * 86_400}), "EndedTimestamp: is more than 72 hours after StartTimestamp"),
        (json!({"RingTimestamp": [1]}), "RingTimestamp: is not a number"),
        (json!({"AcceptTimestamp": true}), "AcceptTimestamp: is not a number"),
        (json!({"AcceptTimestamp": 13_000_000_001_i64}), "AcceptTimestamp: is not between 2000 and 2100"),
        (json!({"Direction": null, "CallType": null}), "Direction: is missing"),
        (json!({"Direction": 2, "CallType": null}), "Direction: is unknown (2)"),
        (json!({"Direction": 13_000_000_001_i64, "CallType": 4}), "Direction: is unknown"),
        (json!({"Direction": null, "CallType": 4}), "CallType: is unknown (4)"),
        (json!({"Callee": {"number": "008613000000001"}}), "Callee: is not text"),
    ] {
        assert_eq!(error_of(changes.clone()), expected, "{changes}");
    }
}

#[test]
fn values_that_are_no_record_are_refused_as_what_they_are() {
    for (text, expected) in [
        ("", "record: breaks off in the middle (line 1, column 1)"),
        ("{\"SdkAppId\": 1,\n\"Caller\": \"0086", "record: breaks off in the middle (line 2, column 15)"),
        ("{} {}", "record: goes on after its end (line 1, column 4)"),
        ("{\"Caller\": nil}", "record: is not JSON (line 1, column 15)"),
        ("[1", "record: breaks off in the middle (line 1, column 2)"),
        ("[1}", "record: is not JSON (line 1, column 3)"),
        ("null", "record: is not an object"),
        ("13000000001", "record: is not an object"),
        ("\"text\"", "record: is not an object"),
        ("{\"Response\": []}", "Response: is not an object"),
        ("{\"Response\": {\"TelCdrList\": {}}}", "Response.TelCdrList: is not a list"),
        ("{\"SessionID\": \"x\", \"SessionStatus\": \"ringing\"}", "SessionStatus: is that of a live session"),
    ] {
        let calls = all(Format::Tccc, text.as_bytes(), Some("given"));
        let error = calls.last().expect("a result").clone().expect_err("an error").to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
    let latin = all(Format::Tccc, b"{\n\"Remark\": \"\xe9\"}", None).remove(0).expect_err("an error");
    assert_eq!(latin.to_string(), "record: is not UTF-8 text (line 2, column 12)");
}

#[test]
fn too_long_a_value_is_not_parsed() {
    let limits = Limits { record_bytes_max: 10, ..limits() };
    let mut seen = Vec::new();
    Format::Tccc.decode(b"not parsed!", None, &limits, |call| seen.push(call.expect_err("an error").reason));
    assert_eq!(seen, [Reason::RecordTooLong { max: 10 }]);
}

#[test]
fn an_answer_without_calls_holds_none() {
    for text in ["{\"Response\":{\"TotalCount\":0,\"TelCdrList\":[]}}", "{\"TelCdrList\":null}", "[]"] {
        assert_eq!(all(Format::Tccc, text.as_bytes(), None), [], "{text}");
    }
}

#[test]
fn what_came_before_a_break_is_delivered() {
    let calls = format!("{{\"TelCdrList\":[{},{},{{\"SdkAppId\":", push(json!({})), push(json!({"SessionId": "second"})));
    let calls = all(Format::Tccc, calls.as_bytes(), None);
    assert_eq!(calls.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn the_app_of_the_record_wins() {
    assert_eq!(one(&push(json!({}))).expect("a call").app_id, "1400000001");
    assert_eq!(one(&push(json!({"SdkAppId": null}))).expect("a call").app_id, "given");
    assert_eq!(one(&push(json!({"SdkAppId": "app\n1"}))).expect("a call").app_id, "app\n1");
    let orphan = push(json!({"SdkAppId": ""}));
    let error = all(Format::Tccc, orphan.as_bytes(), None).remove(0).expect_err("an error");
    assert!(error.to_string().contains("--app-id"), "{error}");
}

#[test]
fn a_repeated_key_keeps_what_it_last_said() {
    let twice =
        |first: &str, last: &str| format!("{{{first},{last},{}", &push(json!({"Callee": null, "AcceptTimestamp": null}))[1..]);
    for (first, last) in [
        ("\"Callee\":\"008613000000009\"", "\"Callee\":\"008613000000001\""),
        ("\"Callee\":\"008613000000001\"", "\"Callee\":null"),
        ("\"Callee\":\"008613000000001\"", "\"Callee\":\"\""),
        ("\"Callee\":\"008613000000001\"", "\"Callee\":{}"),
        ("\"Callee\":[]", "\"Callee\":13000000001"),
    ] {
        let text = twice(first, last);
        assert_eq!(one(&text).expect("a call").callee, Number::parse("13000000001", "86"), "{text}");
    }
    let text = twice("\"AcceptTimestamp\":1773020410", "\"AcceptTimestamp\":0");
    assert_eq!(one(&text).expect("a call").answer, None, "0 says that it did not happen");
}

#[test]
fn noise_of_clocks_is_moved_into_the_call() {
    let call = push(json!({"RingTimestamp": 1_773_020_398, "AcceptTimestamp": 1_773_020_431}));
    let call = one(&call).expect("a call");
    assert_eq!((call.ring, call.answer), (Some(call.start), Some(call.end)));
}

#[test]
fn without_an_end_the_talk_time_tells_it() {
    let end = |changes| one(&push(changes)).expect("a call").end.seconds();
    assert_eq!(end(json!({"EndedTimestamp": null, "Duration": 20})), 1_773_020_430);
    assert_eq!(end(json!({"EndedTimestamp": 0, "AcceptTimestamp": 0, "Duration": "30"})), 1_773_020_430);
    assert_eq!(end(json!({"StartTimestamp": null, "Time": 1_773_020_400})), 1_773_020_430);
}

#[test]
fn direction_comes_from_its_field_and_else_from_the_call_type() {
    for (direction, call_type, expected) in [
        (Some(0), None, Direction::Inbound),
        (Some(1), None, Direction::Outbound),
        (None, Some(1), Direction::Outbound),
        (None, Some(2), Direction::Inbound),
        (None, Some(3), Direction::Inbound),
        (None, Some(5), Direction::Outbound),
        (None, Some(6), Direction::Internal),
        (Some(1), Some(6), Direction::Internal),
        (Some(0), Some(1), Direction::Inbound),
        (Some(0), Some(4), Direction::Inbound),
        (Some(9), Some(2), Direction::Inbound),
    ] {
        let call = push(json!({"Direction": direction, "CallType": call_type}));
        assert_eq!(one(&call).expect("a call").direction, expected, "{direction:?} {call_type:?}");
    }
}

#[test]
fn the_kind_says_what_placed_the_call() {
    let nobody = json!({"UserId": "", "StaffNumber": "", "Mail": ""});
    let left = |accept: i64| json!([{"Mail": "late@example.com", "AcceptTimestamp": accept, "Type": "staffSeat"}]);
    for (changes, expected, agent) in [
        (json!({}), Kind::Agent, Some("agent")),
        (json!({"SeatUser": "just a name"}), Kind::Agent, Some("just a name")),
        (json!({"SeatUser": {"StaffNumber": 20_012}}), Kind::Agent, Some("20012")),
        (json!({"SeatUser": null, "StaffUserId": "detail"}), Kind::Agent, Some("detail")),
        (json!({"CallType": 5}), Kind::Predictive, Some("agent")),
        (json!({"AIAgentId": 12}), Kind::Ai, Some("agent")),
        (json!({"AIAgentId": 0}), Kind::Agent, Some("agent")),
        (json!({"SeatUser": nobody, "ServeParticipants": left(1_773_020_412)}), Kind::Agent, Some("late@example.com")),
        (json!({"SeatUser": nobody, "ServeParticipants": left(0)}), Kind::Auto, None),
        (json!({"SeatUser": nobody}), Kind::Auto, None),
        (json!({"SeatUser": nobody, "EndStatus": 202, "AcceptTimestamp": 0}), Kind::Unknown, None),
        (json!({"SeatUser": nobody, "Direction": 0}), Kind::Unknown, None),
        (json!({"SeatUser": null}), Kind::Unknown, None),
    ] {
        let text = push(changes.clone());
        let call = one(&text).expect("a call");
        assert_eq!((call.kind, call.agent.as_deref()), (expected, agent), "{changes}");
    }
    let phone = push(
        json!({"SeatUser": nobody, "ServeParticipants": [{"Phone": "008613000000002", "AcceptTimestamp": 1, "Type": "staffPhoneSeat"}]}),
    );
    assert_eq!(one(&phone).expect("a call").agent.as_deref(), Some("staffPhoneSeat"), "never the agent's number");
}

#[test]
fn protected_numbers_are_tokens() {
    let text = push(json!({"Caller": "", "Callee": null, "ProtectedCaller": "CDCD", "ProtectedCallee": "ABAB"}));
    let call = one(&text).expect("a call");
    assert_eq!((call.caller, call.callee), (Some(Number::token("CDCD")), Some(Number::token("ABAB"))));
    let text = push(json!({"ProtectedCaller": "CDCD"}));
    assert_eq!(one(&text).expect("a call").caller, Number::parse("075512345678", "86"), "a number is better");
    let text = push(json!({"Caller": null, "Callee": null}));
    assert_eq!(one(&text).expect("a call").callee, None);
}

#[test]
fn the_place_of_a_number_belongs_to_its_person() {
    let place = json!({"TelNumber": "008613000000001", "Province": "北京", "City": "北京"});
    let regions = |changes| {
        let text = push(changes);
        let call = one(&text).expect("a call");
        (call.caller_region.map(Cow::into_owned), call.callee_region.map(Cow::into_owned))
    };
    let (here, there) = (Some("广东深圳".to_owned()), Some("北京".to_owned()));
    assert_eq!(regions(json!({"TelLocation": place})), (here.clone(), there.clone()));
    assert_eq!(regions(json!({"TelLocation": place, "Direction": 0})), (here, None));
    assert_eq!(regions(json!({"TelLocation": place, "Direction": 0, "CallerLocation": ""})), (there, None));
}

#[test]
fn ids_derived_for_one_session_depend_on_all_it_says() {
    let detail = |changes: Value| {
        let text = push(changes).replace("StartTimestamp", "StartTimeStamp");
        one(&text).expect("a call").call_id.into_owned()
    };
    let id = detail(json!({"SessionId": null}));
    assert!(id.starts_with("derived-1773020400-1773020430-"), "{id}");
    assert_eq!(detail(json!({"SessionId": null, "Remark": "again"})), id);
    assert_ne!(detail(json!({"SessionId": null, "Callee": "008613000000002"})), id);
    assert_ne!(detail(json!({"SessionId": null, "Caller": "0086075512345679"})), id);
    assert_eq!(detail(json!({})), "e97be0ab-1ef6-4ad2-a8c4-2b2bbfb18e55");
}

#[test]
fn no_error_shows_what_a_record_says() {
    const SECRETS: [&str; 3] = ["13012345678", "Secret", "95588"];
    let keys = "SdkAppId SessionId Direction CallType StartTimestamp RingTimestamp AcceptTimestamp EndedTimestamp Duration EndStatus \
                EndStatusString HungUpSide Caller Callee SeatUser ServeParticipants TelLocation Response TelCdrList app_id call_id \
                direction start ring answer end outcome raw_outcome kind callee at channel category verified scene callers seats \
                timezone declared_use since regions limits";
    let long = "Secret13012345678".repeat(9);
    let texts: Vec<String> = keys.split_whitespace().map(str::to_owned).chain([long.clone()]).collect();
    let values = [
        "13012345678",
        "\"13012345678\"",
        "95588",
        "\"Secret\"",
        "{\"Secret\":13012345678}",
        "[\"Secret\",13012345678]",
        "\"Sec\\qret\"",
        "Secret",
        "-13012345678",
        "1e400",
    ];
    let mut errors = 0;
    for key in &texts {
        for value in values.iter().copied().chain([&*format!("\"{long}\"")]) {
            for base in [push(json!({"CallType": 4})), feedback_json(), registration_json()] {
                let text = format!("{{\"{key}\":{value},{}", &base[1..].replace(&format!("\"{key}\":"), "\"_\":"));
                let calls =
                    Format::ALL.iter().flat_map(|format| all(*format, text.as_bytes(), Some("given"))).filter_map(Result::err);
                let others = [feedback(text.as_bytes(), &limits()).err(), registration(text.as_bytes(), &limits()).err()];
                for error in calls.chain(others.into_iter().flatten()) {
                    let shown = format!("{error} {error:?}");
                    assert!(!SECRETS.iter().any(|secret| shown.contains(secret)), "{text}: {shown}");
                    errors += 1;
                }
            }
        }
    }
    assert!(errors > 1_000, "{errors}");
}

fn feedback_json() -> String {
    json!({"kind": "opt_out", "app_id": "a", "callee": "13000000001", "at": 1_773_020_400}).to_string()
}

fn registration_json() -> String {
    json!({"app_id": "a", "callers": ["13000000001"], "timezone": "Asia/Shanghai"}).to_string()
}

#[test]
fn nesting_is_bounded_wherever_it_stands() {
    let reasons = |text: &str| {
        let calls = Format::ALL.iter().flat_map(|format| all(*format, text.as_bytes(), Some("given")));
        let others = [feedback(text.as_bytes(), &limits()).err(), registration(text.as_bytes(), &limits()).err()];
        calls.filter_map(Result::err).chain(others.into_iter().flatten()).map(|error| error.reason).collect::<Vec<_>>()
    };
    for depth in [100, json::NESTING_MAX - 2, json::NESTING_MAX + 1, 60_000] {
        for (open, close) in
            [("[", "]"), ("{\"a\":", "}"), ("{\"Response\":", "}"), ("{\"TelCdrList\":[", "]}"), ("[{\"SdkAppId\":", "}]")]
        {
            for key in ["", "SdkAppId", "Remark", "Callee", "ServeParticipants", "limits", "callers", "call_id"] {
                let nest = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                let (whole, half) = if key.is_empty() {
                    (nest, open.repeat(depth))
                } else {
                    (format!("{{\"{key}\":{nest}}}"), format!("{{\"{key}\":{}", open.repeat(depth)))
                };
                for text in [whole, half] {
                    let found = reasons(&text);
                    if depth > json::NESTING_MAX {
                        assert!(
                            found.iter().all(|reason| *reason == Reason::TooDeep) && found.len() == 4,
                            "{depth} {open} {key}: {found:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn brackets_in_text_do_not_nest() {
    let remark = "[{\\\"".repeat(2_000);
    let text = format!("{{\"Remark\":\"{remark}\",{}", &push(json!({}))[1..]);
    assert!(one(&text).is_ok());
    let many = format!("[{}]", vec![push(json!({})); 600].join(","));
    assert_eq!(all(Format::Tccc, many.as_bytes(), None).iter().filter(|call| call.is_ok()).count(), 600);
}
