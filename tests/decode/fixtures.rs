//! Every folder of `tests/fixtures/decode`: `input.json` is one source value; `expected.json` says how it is read (the
//! stream or format, the app of records that name none) and what a person finds in it, with numbers as masks.
//!
//! `DIALWATCH_WRITE_EXPECTED=1` writes what the decoders say into `expected.json`, to be read before it is kept.

use std::fs;
use std::path::{Path, PathBuf};

use dialwatch::engine::decode::{self, DecodeError, Format, Limits};
use dialwatch::engine::record::CallRecord;
use dialwatch::engine::time::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The folders, in order.
pub fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/decode");
    let mut folders: Vec<_> = fs::read_dir(root).expect("fixtures").map(|entry| entry.expect("entry").path()).collect();
    folders.sort();
    folders
}

/// The fields of a call as a person would write them down; what did not happen is left out.
fn shown(call: &CallRecord<'_>) -> Value {
    let all = json!({
        "app_id": call.app_id, "call_id": call.call_id, "direction": call.direction, "kind": call.kind,
        "caller": call.caller, "callee": call.callee, "start": call.start, "ring": call.ring, "answer": call.answer,
        "end": call.end, "outcome": call.outcome, "raw_outcome": call.raw_outcome.to_string(), "hangup_by": call.hangup_by,
        "agent": call.agent, "caller_region": call.caller_region, "callee_region": call.callee_region,
    });
    let Value::Object(all) = all else { unreachable!() };
    all.into_iter().filter(|(_, value)| !value.is_null()).collect::<Map<_, _>>().into()
}

fn shown_result(result: Result<impl Serialize, DecodeError>) -> Value {
    match result {
        Ok(value) => serde_json::to_value(value).expect("JSON"),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

fn decoded(stream: &str, input: &[u8], app_id: Option<&str>) -> Vec<Value> {
    let limits = Limits { newest: Timestamp::from_seconds(1_780_000_000), ..Limits::default() };
    match stream {
        "feedback" => vec![shown_result(decode::feedback(input, &limits))],
        "registration" => vec![shown_result(decode::registration(input, &limits))],
        format => {
            let format: Format = format.parse().expect("a format");
            let mut decoded = Vec::new();
            format.decode(input, app_id, &limits, |call| decoded.push(shown_result(call.map(|call| shown(&call)))));
            decoded
        }
    }
}

#[test]
fn every_fixture_is_read_as_a_person_reads_it() {
    let folders = folders();
    assert!(folders.len() >= 20, "only {} fixtures", folders.len());
    for folder in folders {
        let input = fs::read(folder.join("input.json")).expect("input.json");
        let expected_path = folder.join("expected.json");
        let mut expected: Value = serde_json::from_slice(&fs::read(&expected_path).expect("expected.json")).expect("JSON");
        let stream = expected["stream"].as_str().expect("stream").to_owned();
        let decoded = Value::from(decoded(&stream, &input, expected["app_id"].as_str()));
        if std::env::var_os("DIALWATCH_WRITE_EXPECTED").is_some() {
            expected["decoded"] = decoded;
            fs::write(&expected_path, serde_json::to_string_pretty(&expected).expect("JSON") + "\n").expect("writable");
        } else {
            assert_eq!(decoded, expected["decoded"], "{}: {decoded:#}", folder.display());
        }
    }
}
