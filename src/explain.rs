//! An alert in sentences: what happened, by which numbers, under which clause, and which calls show it.
//!
//! It says what the alert says and nothing else: no number is computed here that is not in the alert.

use std::fmt::Write;

use crate::engine::alert::{Alert, CallView, EvidenceView, Status};
use crate::engine::detector::Over;

/// Calls shown of an alert.
const CALLS_SHOWN: usize = 3;
/// Text is broken before this column.
const WIDTH: usize = 100;

/// The alert in sentences, a few paragraphs of plain text.
pub fn explain(alert: &Alert) -> String {
    let mut text = String::new();
    paragraph(&mut text, "", &alert.summary);
    let state = match alert.status {
        Status::Firing => "It is still open".to_owned(),
        Status::Resolved => format!("It ended at {}", alert.ends_at.unwrap_or(alert.updated_at)),
    };
    paragraph(
        &mut text,
        "",
        &format!(
            "The evidence first sufficed at {}, after {} to {}. {state}.",
            alert.starts_at,
            counted(alert.calls_before_alert, "call"),
            counted(alert.callees_before_alert, "callee"),
        ),
    );
    if !alert.evidence.is_empty() {
        text.push_str("What was counted:\n");
        alert.evidence.iter().for_each(|evidence| item(&mut text, &measured(evidence)));
    }
    if !alert.calls.is_empty() {
        text.push_str("Calls that show it:\n");
        alert.calls.iter().take(CALLS_SHOWN).for_each(|call| item(&mut text, &shown(call)));
    }
    paragraph(
        &mut text,
        "",
        &format!(
            "It rests on {} of {}, which recommends: {}.",
            alert.policy.clause,
            alert.policy.pack,
            alert.recommended_action.replace('_', " "),
        ),
    );
    if alert.completeness < 1.0 {
        paragraph(&mut text, "", "A bound on memory cut off something that would have counted: the numbers are too low.");
    }
    text
}

/// One number of the evidence: what it is, how many of how many, what is sure, what is permitted.
fn measured(evidence: &EvidenceView) -> String {
    let EvidenceView { observed, bound, limit, count, of, .. } = *evidence;
    let mut text = format!("{}: ", evidence.feature.definition().trim().trim_end_matches('.'));
    let _ = match (of, bound) {
        (Some(of), _) => write!(text, "{} of {} ({})", grouped(count), grouped(of), percent(observed)),
        (None, _) if observed.fract() == 0.0 => write!(text, "{}", grouped(observed as u64)),
        (None, _) => write!(text, "{observed:.2}"),
    };
    let _ = match (of, bound) {
        (Some(_), Some(bound)) if bound <= observed => write!(text, ", surely over {}", percent(bound)),
        (Some(_), Some(bound)) => write!(text, ", surely under {}", percent(bound)),
        (None, Some(bound)) => write!(text, " against {bound:.1}"),
        (_, None) => Ok(()),
    };
    let limit = if of.is_some() { percent(limit) } else { plain(limit) };
    let _ = write!(text, "; the limit is {limit} ({})", over(evidence.over));
    text
}

/// The calls a number was counted over, in words.
fn over(over: Over) -> &'static str {
    match over {
        Over::Hour => "the last hour",
        Over::Day => "the last day",
        Over::DayFirst => "first contacts of the last day",
        Over::FortnightFirst => "first contacts of the last fourteen days",
        Over::AfterRefusal => "since the refusal",
        Over::Fortnight => "this week and the last",
        Over::DaySketch => "the callees of one day, or an even sample of them",
        Over::FirstContacts => "the last first contacts",
        Over::FiveMinutes => "five minutes",
        Over::Rolling24h => "24 hours to the second",
        Over::LastCalls => "the last calls of the number",
        Over::LastTalks => "the last talks",
        Over::SinceStart => "since it began",
        Over::Week => "the last seven days",
    }
}

fn shown(call: &CallView) -> String {
    let callee = call.callee.as_deref().map_or(String::new(), |callee| format!(" to {callee}"));
    let outcome = call.outcome.as_str().replace('_', " ");
    format!("{}{callee}: {outcome} (partition {}, offset {})", call.at, call.partition, call.offset)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn plain(number: f64) -> String {
    if number.fract() == 0.0 { format!("{number}") } else { format!("{number:.3}").trim_end_matches('0').to_owned() }
}

/// `1 call`, `1,204 calls`.
fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A count with its thousands set apart.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn item(text: &mut String, words: &str) {
    paragraph(text, "  - ", words);
}

/// Appends words, broken into lines; the first begins with `lead`, the others below what follows it.
fn paragraph(text: &mut String, lead: &str, words: &str) {
    let mut column = lead.len();
    text.push_str(lead);
    for (at, word) in words.split_whitespace().enumerate() {
        let length = word.chars().count();
        if at > 0 && column + 1 + length > WIDTH {
            let _ = write!(text, "\n{:1$}", "", lead.len());
            column = lead.len();
        } else if at > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::detector::Feature;

    #[test]
    fn counts_are_grouped() {
        let grouped = [0, 7, 999, 1_000, 12_345, 1_234_567].map(grouped);
        assert_eq!(grouped, ["0", "7", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn a_number_is_said_with_its_limit() {
        let share = EvidenceView {
            feature: Feature::InvalidShare,
            observed: 0.25,
            bound: Some(0.19),
            limit: 0.05,
            count: 36,
            of: Some(144),
            over: Over::Day,
        };
        let said = measured(&share);
        assert!(said.contains(": 36 of 144 (25.0 %), surely over 19.0 %; the limit is 5.0 % ("), "{said}");
        let count = EvidenceView { bound: None, of: None, observed: 5.0, limit: 3.0, over: Over::FiveMinutes, ..share };
        assert!(measured(&count).ends_with(": 5; the limit is 3 (five minutes)"), "{}", measured(&count));
    }

    #[test]
    fn lines_are_broken_between_words() {
        let mut text = String::new();
        paragraph(&mut text, "  - ", &"word ".repeat(60));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with("    word")), "{text}");
        assert_eq!(text.matches("word").count(), 60);
    }
}
