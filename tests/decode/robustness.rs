//! Input that nobody should have to read: random bytes, and every fixture bent out of shape, through every decoder.
//!
//! `DIALWATCH_FUZZ_INPUTS` sets how many inputs each decoder gets; a failure prints the seed and the input.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dialwatch::engine::decode::{self, DecodeError, Format, Limits};
use dialwatch::engine::record::{APP_ID_BYTES_MAX, CALL_ID_BYTES_MAX, CALL_MS_MAX, CallRecord};
use dialwatch::engine::time::Timestamp;

use crate::fixtures;
use crate::random::Random;

const INPUTS: u64 = 200_000;
const SEED: u64 = 20_260_309;
const LIMITS: Limits<'static> =
    Limits { record_bytes_max: 8_192, newest: Timestamp::from_seconds(1_780_000_000), home_country: "86" };

/// Pieces that formats are made of, and some that they are not.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "null",
    "true",
    "0",
    "-1",
    "1773020400",
    "1773020400000",
    "1e400",
    "1.5",
    "\\",
    "\\u0000",
    "\\ud800",
    "\u{0}",
    "\u{e4}",
    "广",
    "\n",
    "99999999999999999999",
    "\"SdkAppId\":",
    "\"SessionId\":",
    "\"StartTimestamp\":",
    "\"EndedTimestamp\":",
    "\"AcceptTimestamp\":",
    "\"Duration\":",
    "\"Direction\":",
    "\"EndStatus\":",
    "\"Response\":{",
    "\"TelCdrList\":[",
    "\"SeatUser\":",
    "\"ServeParticipants\":[",
    "\"StartTimeStamp\":",
    "\"Caller\":",
    "\"app_id\":",
    "\"call_id\":",
    "\"start\":",
    "\"end\":",
    "\"at\":",
    "\"kind\":\"opt_out\"",
    "\"callee\":",
    "\"callers\":[",
    "\"limits\":",
    "\"timezone\":",
    "\"since\":\"2024-05-01\"",
    "\"raw_outcome\":",
];

fn corpus() -> Vec<Vec<u8>> {
    let inputs = fixtures::folders().into_iter().map(|folder| fs::read(folder.join("input.json")).expect("input.json"));
    inputs.collect()
}

fn random_bytes(random: &mut Random) -> Vec<u8> {
    (0..random.below(64)).map(|_| random.next() as u8).collect()
}

fn random_pieces(random: &mut Random) -> Vec<u8> {
    (0..random.below(48)).flat_map(|_| PIECES[random.below(PIECES.len())].bytes()).collect()
}

fn mutated(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len() + 1);
        let until = (at + random.below(32)).min(bytes.len());
        match random.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = random.next() as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..until)),
            4 => {
                let copy = bytes[at..until].to_vec();
                bytes.splice(at..at, copy);
            }
            5 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len());
                bytes.splice(at..until, other[from..(from + random.below(200)).min(other.len())].iter().copied());
            }
            6 => {
                bytes.splice(at..at, PIECES[random.below(PIECES.len())].bytes());
            }
            _ => {
                // A digit for another keeps the JSON whole and moves codes and times.
                if let Some(digit) = bytes[at..].iter_mut().find(|byte| byte.is_ascii_digit()) {
                    *digit = b'0' + random.below(10) as u8;
                }
            }
        }
    }
    bytes
}

fn check_error(error: &DecodeError) {
    let text = error.to_string();
    assert!(text.len() <= 200 && text.contains(": "), "{text}");
    assert!(!text.contains(char::is_control), "{text:?}");
    let digits = text.split(|character: char| !character.is_ascii_digit()).map(str::len).max();
    assert!(digits < Some(7), "could hold a number: {text}");
}

fn check_call(call: &CallRecord<'_>) {
    assert!((1..=APP_ID_BYTES_MAX).contains(&call.app_id.len()) && (1..=CALL_ID_BYTES_MAX).contains(&call.call_id.len()));
    let span = call.start..=call.end;
    assert!(call.start.is_plausible() && call.end.is_plausible() && call.end <= LIMITS.newest, "{call:?}");
    assert!(call.start <= call.end && call.end.millis() - call.start.millis() <= CALL_MS_MAX, "{call:?}");
    assert!([call.ring, call.answer].iter().flatten().all(|moment| span.contains(moment)), "{call:?}");
}

/// Decodes an input with every decoder; how many calls, feedbacks and registrations came out.
fn decode_all(input: &[u8]) -> usize {
    let mut good = 0;
    for format in Format::ALL {
        format.decode(input, Some("given"), &LIMITS, |call| match call {
            Ok(call) => {
                good += 1;
                check_call(&call);
            }
            Err(error) => check_error(&error),
        });
    }
    match decode::feedback(input, &LIMITS) {
        Ok(feedback) => {
            good += 1;
            assert!(feedback.at.is_plausible() && feedback.at <= LIMITS.newest && !feedback.app_id.is_empty());
        }
        Err(error) => check_error(&error),
    }
    match decode::registration(input, &LIMITS) {
        Ok(registration) => {
            good += 1;
            assert!(registration.since.is_none_or(|since| since.is_plausible()));
        }
        Err(error) => check_error(&error),
    }
    good
}

#[test]
fn no_input_harms() {
    let inputs = std::env::var("DIALWATCH_FUZZ_INPUTS").map_or(INPUTS, |count| count.parse().expect("a count"));
    let corpus = corpus();
    let mut good = 0;
    for index in 0..inputs {
        let random = &mut Random::new(SEED + index);
        let input = match index % 16 {
            0 => random_bytes(random),
            1 => random_pieces(random),
            _ => mutated(random, &corpus),
        };
        let decoded = catch_unwind(AssertUnwindSafe(|| decode_all(&input)));
        good += decoded.unwrap_or_else(|_| panic!("seed {}: {:?}", SEED + index, String::from_utf8_lossy(&input)));
    }
    // The input must not be so bad that nothing but the parser is tried.
    assert!(good as u64 > inputs / 20, "only {good} of {inputs} inputs were good for something");
}
