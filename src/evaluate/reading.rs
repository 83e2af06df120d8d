//! Labels and alerts from text. Refuses what it cannot understand by file, line and field; passes over fields it does not need.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Alert, App, Label, Truth};
use crate::engine::alert::{SCHEMA as ALERT_SCHEMA, Status};
use crate::engine::detector::{RuleName, Severity};
use crate::engine::time::Timestamp;
use crate::simulate::LABELS_SCHEMA;

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {}{reason}", field.as_ref().map_or(String::new(), |field| format!("{field}: ")))]
pub struct InputError {
    /// The file as the caller calls it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The field, where it is known.
    pub field: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

/// The form of `labels.json`.
#[derive(Deserialize)]
struct Document {
    schema: String,
    start: Timestamp,
    end: Timestamp,
    apps: Vec<AppEntry>,
    labels: Vec<Label>,
}

#[derive(Deserialize)]
struct AppEntry {
    app_id: String,
    family: String,
    clean: bool,
}

/// What is needed of one line of alerts.
#[derive(Deserialize)]
struct Message {
    schema: String,
    alert_id: String,
    status: Status,
    rule: RuleName,
    severity: Severity,
    app_id: String,
    updated_at: Timestamp,
    ends_at: Option<Timestamp>,
    calls_before_alert: u64,
    callees_before_alert: u64,
}

/// The truth in the text of a `labels.json`, which is called `file` in errors.
///
/// # Errors
/// If it is no such document, or contradicts itself.
pub fn truth(file: &str, text: &str) -> Result<Truth, InputError> {
    let document: Document = parse(file, 1, text)?;
    let refuse = |(name, place): (&str, usize), field: String, reason: &str| InputError {
        file: file.to_owned(),
        line: line_of(text, &format!("\"{name}\""), place),
        field: Some(field),
        reason: reason.to_owned(),
    };
    if document.schema != LABELS_SCHEMA {
        return Err(refuse(("schema", 0), "schema".into(), &format!("`{}` is not {LABELS_SCHEMA}", document.schema)));
    }
    if document.end <= document.start {
        return Err(refuse(("end", 0), "end".into(), "the world ends before it begins"));
    }
    let listed = document.apps.len();
    let mut apps = BTreeMap::new();
    for (place, AppEntry { app_id, family, clean }) in document.apps.into_iter().enumerate() {
        if apps.insert(app_id, App { family, clean }).is_some() {
            return Err(refuse(("app_id", place), format!("apps[{place}].app_id"), "this app is there twice"));
        }
    }
    for (place, label) in document.labels.iter().enumerate() {
        let app_id = (("app_id", listed + place), format!("labels[{place}].app_id"));
        match apps.get(&label.app_id) {
            None => return Err(refuse(app_id.0, app_id.1, "no such app is under `apps`")),
            Some(app) if app.clean => return Err(refuse(app_id.0, app_id.1, "this app is clean by `apps`")),
            Some(_) if label.to < label.from => {
                return Err(refuse(("to", place), format!("labels[{place}].to"), "it ends before it begins"));
            }
            Some(_) => {}
        }
    }
    Ok(Truth { start: document.start, end: document.end, apps, labels: document.labels })
}

/// The alerts in JSON lines, which are called `file` in errors: one for each id, in the order of ids. The order of the lines
/// makes no difference; empty ones are passed over.
///
/// # Errors
/// At a line that is no alert, or is about an app that `truth` does not know.
pub fn alerts(file: &str, text: &str, truth: &Truth) -> Result<Vec<Alert>, InputError> {
    let mut by_id: BTreeMap<String, Vec<(usize, Message)>> = BTreeMap::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let message: Message = parse(file, at + 1, line)?;
        let refuse = |field: &str, reason: String| InputError {
            file: file.to_owned(),
            line: at + 1,
            field: Some(field.to_owned()),
            reason,
        };
        if message.schema != ALERT_SCHEMA {
            return Err(refuse("schema", format!("`{}` is not {ALERT_SCHEMA}", message.schema)));
        }
        if !truth.apps.contains_key(&message.app_id) {
            return Err(refuse("app_id", format!("the labels know no app `{}`", message.app_id)));
        }
        let messages = by_id.entry(message.alert_id.clone()).or_default();
        if let Some((first, other)) = messages.first()
            && (&other.app_id, other.rule) != (&message.app_id, message.rule)
        {
            return Err(refuse("alert_id", format!("line {first} is of this alert, but of another app or rule")));
        }
        messages.push((at + 1, message));
    }
    Ok(by_id.into_values().filter_map(|messages| Alert::of(messages.into_iter().map(|(_, message)| message).collect())).collect())
}

impl Alert {
    /// The alert that has these messages; `None` if there are none.
    fn of(mut messages: Vec<Message>) -> Option<Self> {
        // All that is read below is in the key: equal messages may stand in any order.
        messages.sort_by_key(|message| {
            let counted = (message.calls_before_alert, message.callees_before_alert);
            (message.updated_at, message.status, message.severity, message.ends_at, counted)
        });
        let accuses_at = messages.iter().find(|message| message.severity > Severity::Notice).map(|message| message.updated_at);
        let severity = messages.iter().map(|message| message.severity).max()?;
        let ends_at = messages.last()?.ends_at;
        let first = messages.into_iter().next()?;
        Some(Self {
            app_id: first.app_id,
            rule: first.rule.as_str().to_owned(),
            speaks_at: first.updated_at,
            accuses_at,
            ends_at,
            severity,
            calls: first.calls_before_alert,
            callees: first.callees_before_alert,
        })
    }
}

/// Parses a text whose first line is line `first` of `file`.
fn parse<'de, T: Deserialize<'de>>(file: &str, first: usize, text: &'de str) -> Result<T, InputError> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line().max(1), error.column());
        let told = error.to_string();
        let reason = told.rsplit_once(" at line ").map_or(told.as_str(), |(reason, _)| reason).to_owned();
        // A missing field is named by the reason, and a text that is no JSON has no fields.
        let field = (error.is_data() && !reason.starts_with("missing field")).then(|| field_before(text, line, column)).flatten();
        InputError { file: file.to_owned(), line: first + line - 1, field, reason }
    })
}

/// The last name of a field that stands before this place in a JSON text.
fn field_before(text: &str, line: usize, column: usize) -> Option<String> {
    let until = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>() + column;
    let bytes = &text.as_bytes()[..until.min(text.len())];
    let (mut at, mut field) = (0, None);
    while at < bytes.len() {
        let begin = at + 1;
        let is_text = bytes[at] == b'"';
        at = begin;
        if !is_text {
            continue;
        }
        while at < bytes.len() && bytes[at] != b'"' {
            at += if bytes[at] == b'\\' { 2 } else { 1 };
        }
        let end = at.min(bytes.len());
        at += 1;
        if bytes.get(at..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b":")) {
            field = Some(String::from_utf8_lossy(&bytes[begin..end]).into_owned());
        }
    }
    field
}

/// The line on which `needle` stands for the time `place`, counted from 0. The place of an entry is that of its field, since
/// apps stand before labels in this form.
fn line_of(text: &str, needle: &str, place: usize) -> usize {
    text.match_indices(needle).nth(place).map_or(1, |(at, _)| 1 + text[..at].matches('\n').count())
}
