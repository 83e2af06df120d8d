//! What several benches share: parsing alone, which every figure of decoding and judging is held against, and what is judged.
#![allow(dead_code, reason = "each bench uses a part of it")]

pub mod load;

use std::borrow::Cow;

use serde::Deserialize;

/// The fields the decoder reads, read strictly: no repeated key, no `null`, no text for a number.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "parsed, not used")]
pub struct Strict<'a> {
    sdk_app_id: u64,
    #[serde(borrow)]
    session_id: Cow<'a, str>,
    direction: i64,
    call_type: Option<i64>,
    start_timestamp: i64,
    ring_timestamp: i64,
    accept_timestamp: i64,
    ended_timestamp: i64,
    duration: i64,
    end_status: Option<i64>,
    #[serde(borrow)]
    end_status_string: Cow<'a, str>,
    #[serde(borrow)]
    hung_up_side: Cow<'a, str>,
    #[serde(borrow)]
    caller: Cow<'a, str>,
    #[serde(borrow)]
    callee: Cow<'a, str>,
    // An optional `Cow` would be copied, whatever the attribute says.
    #[serde(borrow)]
    protected_caller: Option<&'a str>,
    #[serde(borrow)]
    protected_callee: Option<&'a str>,
    #[serde(borrow)]
    caller_location: Option<&'a str>,
    #[serde(borrow)]
    seat_user: Option<StrictSeat<'a>>,
    #[serde(rename = "AIAgentId")]
    ai_agent_id: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "parsed, not used")]
pub struct StrictSeat<'a> {
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    #[serde(borrow)]
    staff_number: Cow<'a, str>,
    #[serde(borrow)]
    mail: Cow<'a, str>,
}
