//! Facts about calls, written as feeds write them (keys in any order, repeated, escaped, null, numbers as text) and read
//! back: the writer is the naive model of the decoders.

use std::borrow::Cow;

use dialwatch::engine::decode::{Format, Limits};
use dialwatch::engine::number::Number;
use dialwatch::engine::record::{CallRecord, Direction, HangupBy, Kind, Outcome, RawOutcome};
use dialwatch::engine::time::Timestamp;

use crate::random::Random;

const CASES: u64 = 5_000;

/// What both formats can say.
fn facts(random: &mut Random) -> CallRecord<'static> {
    const OUTCOMES: &[(i64, &str, Outcome)] = &[
        (202, "notAnswer", Outcome::NoAnswer),
        (203, "userReject", Outcome::Rejected),
        (204, "powerOff", Outcome::Unreachable),
        (205, "numberNotExist", Outcome::InvalidNumber),
        (206, "busy", Outcome::Busy),
        (208, "operatorError", Outcome::NetworkError),
        (209, "callerCancel", Outcome::Cancelled),
        (111, "restrictedTime", Outcome::BlockedPlatform),
        (212, "carrierBlocked", Outcome::BlockedCarrier),
        (222, "voiceMailReached", Outcome::Voicemail),
        (999, "brandNew", Outcome::Other),
    ];
    let start = 1_773_020_400 + random.below(86_400) as i64;
    let ring = start + random.below(10) as i64;
    let answer = random.one_in(2).then(|| ring + random.below(30) as i64);
    let end = answer.unwrap_or(ring) + random.below(600) as i64;
    let (code, text, outcome) =
        if answer.is_some() { (1, "ok", Outcome::Answered) } else { OUTCOMES[random.below(OUTCOMES.len())] };
    let number = |random: &mut Random| Number::parse(&format!("0086130{:08}", random.below(100_000_000)), "86");
    let hangup_by = HangupBy::ALL[random.below(HangupBy::ALL.len())];
    let agent = random.one_in(2).then(|| Cow::Owned(format!("agent-{}", random.below(100))));
    CallRecord {
        app_id: Cow::Owned((1_400_000_000 + random.below(1_000)).to_string()),
        call_id: Cow::Owned(format!("{:016x}-\"/{}", random.next(), random.below(10))),
        direction: if random.one_in(3) { Direction::Inbound } else { Direction::Outbound },
        kind: if agent.is_some() { Kind::Agent } else { Kind::Unknown },
        caller: number(random),
        callee: number(random),
        start: Timestamp::from_seconds(start),
        ring: Some(Timestamp::from_seconds(ring)),
        answer: answer.map(Timestamp::from_seconds),
        end: Timestamp::from_seconds(end),
        outcome,
        outcome_known: code != 999,
        raw_outcome: RawOutcome { code: Some(code), text: Cow::Borrowed(text) },
        hangup_by,
        agent,
        caller_region: random.one_in(2).then_some(Cow::Borrowed("广东深圳")),
        callee_region: None,
    }
}

/// Text as JSON, now and then with escapes that need not be.
fn quoted(random: &mut Random, text: &str) -> String {
    let mut quoted = serde_json::to_string(text).expect("JSON");
    if random.one_in(8) && text.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        quoted = format!("\"\\u{:04x}{}", u32::from(text.as_bytes()[0]), &quoted[2..]);
    }
    quoted
}

fn integer(random: &mut Random, value: i64) -> String {
    match random.below(8) {
        0 => format!("\"{value}\""),
        1 => format!("{value}.0"),
        2 => format!("\" {value} \""),
        _ => value.to_string(),
    }
}

/// Writes fields in any order, with strangers and repetitions between them.
fn object(random: &mut Random, mut fields: Vec<(&str, String)>) -> String {
    let strangers = ["null", "[]", "{\"SessionId\":\"no\",\"end\":1}", "\"}\\\"{\"", "-1.5e3", "[[{\"a\":[null]}],true]"];
    let mut written = Vec::new();
    while !fields.is_empty() {
        let (key, value) = fields.swap_remove(random.below(fields.len()));
        let key_text = quoted(random, key);
        if random.one_in(6) {
            written.push(format!("{key_text}: null"));
        }
        if random.one_in(6) {
            written.push(format!("\"Stranger{}\" :{}", random.below(9), strangers[random.below(strangers.len())]));
        }
        let repeat = random.one_in(8).then(|| format!("{key_text}:{}", ["null", "{}", "[1]"][random.below(3)]));
        written.push(format!("{key_text}:{value}"));
        written.extend(repeat);
    }
    format!("{{{}}}", written.join([",", ", ", ",\n  "][random.below(3)]))
}

fn as_tccc(random: &mut Random, call: &CallRecord<'_>) -> String {
    let seconds = |moment: Option<Timestamp>| moment.map_or(0, |moment| moment.millis() / 1_000);
    let side = match call.hangup_by {
        HangupBy::Agent => "seat",
        HangupBy::Customer => "user",
        HangupBy::System => "system",
        HangupBy::Unknown => "nobody",
    };
    let number = |number: Option<Number>| number.map_or_else(String::new, |number| number.reveal().replace('+', "00"));
    let mut fields = vec![
        ("SdkAppId", if random.one_in(2) { call.app_id.to_string() } else { quoted(random, &call.app_id) }),
        ("SessionId", quoted(random, &call.call_id)),
        ("StartTimestamp", integer(random, seconds(Some(call.start)))),
        ("RingTimestamp", integer(random, seconds(call.ring))),
        ("AcceptTimestamp", integer(random, seconds(call.answer))),
        ("EndedTimestamp", integer(random, seconds(Some(call.end)))),
        ("EndStatus", integer(random, call.raw_outcome.code.unwrap_or(0))),
        ("EndStatusString", quoted(random, &call.raw_outcome.text)),
        ("HungUpSide", quoted(random, side)),
        ("Caller", quoted(random, &number(call.caller))),
        ("Callee", quoted(random, &number(call.callee))),
    ];
    let is_outbound = i64::from(call.direction == Direction::Outbound);
    if random.one_in(2) {
        fields.push(("Direction", integer(random, is_outbound)));
    } else {
        fields.push(("CallType", integer(random, 2 - is_outbound)));
    }
    if let Some(agent) = &call.agent {
        let key = ["UserId", "StaffNumber", "Mail"][random.below(3)];
        let agent = quoted(random, agent);
        let seat = object(random, vec![(key, agent)]);
        fields.push(("SeatUser", seat));
    }
    if let Some(region) = &call.caller_region {
        fields.push(("CallerLocation", quoted(random, region)));
    }
    object(random, fields)
}

fn as_neutral(random: &mut Random, call: &CallRecord<'_>) -> String {
    let mut fields = vec![
        ("app_id", if random.one_in(2) { call.app_id.to_string() } else { quoted(random, &call.app_id) }),
        ("call_id", quoted(random, &call.call_id)),
        ("direction", quoted(random, call.direction.as_str())),
        ("kind", quoted(random, call.kind.as_str())),
        ("start", integer(random, call.start.millis())),
        ("end", integer(random, call.end.millis())),
        ("outcome", quoted(random, call.outcome.as_str())),
        ("raw_outcome", quoted(random, &call.raw_outcome.to_string())),
        ("hangup_by", quoted(random, call.hangup_by.as_str())),
    ];
    for (key, moment) in [("ring", call.ring), ("answer", call.answer)] {
        fields.push((key, moment.map_or_else(|| "0".to_owned(), |moment| integer(random, moment.millis()))));
    }
    for (key, number) in [("caller", call.caller), ("callee", call.callee)] {
        fields.push((key, quoted(random, &number.map_or_else(String::new, Number::reveal))));
    }
    for (key, text) in [("agent", &call.agent), ("caller_region", &call.caller_region)] {
        fields.extend(text.as_ref().map(|text| (key, quoted(random, text))));
    }
    object(random, fields)
}

#[test]
fn what_is_written_in_any_hand_is_read_the_same() {
    for seed in 0..CASES {
        let random = &mut Random::new(seed);
        let call = facts(random);
        for (format, text) in [(Format::Tccc, as_tccc(random, &call)), (Format::Dialwatch, as_neutral(random, &call))] {
            let mut read = Vec::new();
            format.decode(text.as_bytes(), Some("given"), &Limits::default(), |result| read.push(result));
            assert_eq!(read, [Ok(call.clone())], "seed {seed}, {format}: {text}");
        }
    }
}
