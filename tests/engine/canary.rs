//! The canary: a state that forgets a part of itself on the way through a checkpoint must be caught by the comparison of
//! `golden`. Each part of an app's state is made to be forgotten, one at a time; if no case notices, no case would notice
//! a field that somebody forgets to save, either.

use std::collections::BTreeMap;

use ciborium::Value;
use dialwatch::engine::shard::{Effects, Input, Shard, ShardSnapshot};

use super::cases;
use super::run::{self, Case, Files, Outcome, Record};

/// The parts that no alert shows, and why. The state at the end shows them.
const SHOWN_BY_NO_ALERT: [(&str, &str); 9] = [
    ("apps_evicted", "counts what a bound cut off, which no case reaches"),
    ("app.id", "without it there is no app to go on with"),
    ("app.calls_judged", "told only where a bound cut something off"),
    ("app.calls_flooded", "told only where a bound cut something off"),
    ("app.last_judged", "told only of apps, not in alerts"),
    ("app.memory.callers_evicted", "counts what a bound cut off, which no case reaches"),
    ("app.memory.swept_hour", "when memory was last tidied: it is tidied again"),
    ("app.memory.first_seen", "the start of a memory: the first call after a cut is hours later at most"),
    ("app.waiting.feedback", "no case has feedback that waits at a cut"),
];

fn tree(snapshot: &ShardSnapshot) -> Value {
    Value::serialized(snapshot).expect("a tree")
}

/// A part of a tree: the fields on the way to it.
type Path = Vec<String>;

fn fields(value: &mut Value) -> Option<&mut Vec<(Value, Value)>> {
    match value {
        Value::Map(entries) if entries.iter().all(|(key, _)| key.is_text()) => Some(entries),
        _ => None,
    }
}

fn field<'v>(value: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    fields(value)?.iter_mut().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}
