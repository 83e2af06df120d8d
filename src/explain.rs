//! An alert in sentences: what happened, by which numbers, under which clause, and which calls show it. The page and the
//! terminal say it in the same words.
//!
//! It says what the alert says and nothing else: no number is computed here that is not in the alert.

use std::fmt::Write;

use crate::engine::alert::ledger::Entry;
use crate::engine::alert::{Alert, CallView, EvidenceView, SketchView, Status};
use crate::engine::detector::{Feature, Over};

/// Text is broken before this column.
const WIDTH: usize = 100;

/// An alert in words, part by part.
#[derive(Clone, Debug)]
pub struct Words {
    /// What happened.
    pub summary: String,
    /// Since when the evidence suffices, after how many calls, and whether it is over.
    pub opened: String,
    /// Which calls were counted.
    pub window: String,
    /// The numbers.
    pub counted: Vec<Counted>,
    /// Calls that show it.
    pub calls: Vec<String>,
    /// The clause, and what it recommends.
    pub basis: String,
    /// What to bear in mind: that a bound cut something off, why it was closed.
    pub cautions: Vec<String>,
}

/// One number of the evidence in words.
#[derive(Clone, Debug)]
pub struct Counted {
    /// What was counted.
    pub definition: &'static str,
    /// The formula with its numbers filled in.
    pub formula: String,
    /// The number itself.
    pub evidence: EvidenceView,
}

impl Words {
    /// What is to be said of an alert.
    pub fn of(alert: &Alert) -> Self {
        let state = match alert.status {
            Status::Firing => "It is still open".to_owned(),
            Status::Resolved => format!("It ended at {}", alert.ends_at.unwrap_or(alert.updated_at)),
        };
        let mut cautions = Vec::new();
        if alert.completeness < 1.0 {
            cautions.push("A bound on memory cut off something that would have counted: the numbers are too low.".to_owned());
        }
        if let Some(SketchView { callees, error }) = alert.sketch {
            cautions.push(format!(
                "{} beyond the bound are known by a sketch: of callees new to the app it takes up to {:.0} % for known ones.",
                counted(callees, "callee"),
                error * 100.0
            ));
        }
        if let Some(note) = &alert.note {
            cautions.push(format!("It was closed for another reason than time: {note}."));
        }
        Self {
            summary: alert.summary.clone(),
            opened: format!(
                "The evidence first sufficed at {}, after {} to {}. {state}.",
                alert.starts_at,
                counted(alert.calls_before_alert, "call"),
                counted(alert.callees_before_alert, "callee"),
            ),
            window: format!("The calls counted lie between {} and {}.", alert.window.from, alert.window.to),
            counted: alert.evidence.iter().map(Counted::new).collect(),
            calls: alert.calls.iter().map(shown).collect(),
            basis: format!(
                "It rests on {} of {}, which recommends: {}. Policy version {}.",
                alert.policy.clause,
                alert.policy.pack,
                spaced(&alert.recommended_action),
                alert.policy.version,
            ),
            cautions,
        }
    }

    /// Plain text of a few paragraphs, with at most so many calls.
    pub fn text(&self, calls_max: usize) -> String {
        let mut text = String::new();
        paragraph(&mut text, "", &self.summary);
        paragraph(&mut text, "", &self.opened);
        paragraph(&mut text, "", &self.window);
        if !self.counted.is_empty() {
            text.push_str("What was counted:\n");
            for Counted { definition, formula, .. } in &self.counted {
                item(&mut text, &format!("{definition}: {formula}"));
            }
        }
        if !self.calls.is_empty() {
            text.push_str("Calls that show it:\n");
            self.calls.iter().take(calls_max).for_each(|call| item(&mut text, call));
        }
        paragraph(&mut text, "", &self.basis);
        self.cautions.iter().for_each(|caution| paragraph(&mut text, "", caution));
        text
    }
}

impl Counted {
    fn new(evidence: &EvidenceView) -> Self {
        let definition = evidence.feature.definition().trim().trim_end_matches('.');
        Self { definition, formula: formula(evidence), evidence: *evidence }
    }
}

/// What a number came from, what is sure of it, and what is permitted.
fn formula(evidence: &EvidenceView) -> String {
    let EvidenceView { observed, bound, limit, count, of, .. } = *evidence;
    let mut text = match of {
        Some(of) => format!("{} of {} = {}", grouped(count), grouped(of), percent(observed)),
        None if observed.fract() == 0.0 => grouped(observed as u64),
        None => format!("{observed:.2}"),
    };
    let _ = match (of, bound) {
        (Some(_), Some(bound)) if bound <= observed => write!(text, ", at least {} with confidence (Wilson)", percent(bound)),
        (Some(_), Some(bound)) => write!(text, ", at most {} with confidence (Wilson)", percent(bound)),
        (None, Some(bound)) => write!(text, ", {}", beside(evidence.feature, bound)),
        (_, None) => Ok(()),
    };
    let limit = if of.is_some() { percent(limit) } else { plain(limit) };
    let _ = write!(text, ", limit {limit} ({})", over(evidence.over));
    text
}

/// What stands beside a number that is no share.
fn beside(feature: Feature, bound: f64) -> String {
    let bound = plain((bound * 10.0).round() / 10.0);
    match feature {
        Feature::CallsInSlot => format!("where its own week has about {bound}"),
        Feature::SilentMinutes => {
            format!("where its own week has about {bound} calls in the time after which silence is told of")
        }
        Feature::NeighbourPairs => format!("where chance makes {bound}"),
        Feature::StartRhythm => format!("with a period of {bound} s"),
        _ => format!("against {bound}"),
    }
}

/// An entry of an app's ledger in one sentence.
pub fn entered(entry: &Entry) -> String {
    let raised = entry.raised_at.map_or(String::new(), |at| format!(", graver since {at}"));
    let ended = entry.ended_at.map_or("; still open".to_owned(), |at| format!("; over at {at}"));
    format!(
        "{}: {} by {} under {}, {}{raised}; {} recorded{ended} (alert {})",
        entry.at,
        entry.severity,
        entry.rule.as_str(),
        entry.clause,
        spaced(entry.action.as_str()),
        counted(entry.recorded.into(), "strike"),
        entry.alert_id,
    )
}

/// A word of the wire as people write it.
pub fn spaced(word: &str) -> String {
    word.replace('_', " ")
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

/// A call: when, to whom, how it ended, and where its record stands, as `partition:offset`.
fn shown(call: &CallView) -> String {
    let callee = call.callee.as_deref().map_or(String::new(), |callee| format!(" to {callee}"));
    let outcome = spaced(call.outcome.as_str());
    format!("{}{callee}: {outcome} ({}:{})", call.at, call.partition, call.offset)
}

fn percent(share: f64) -> String {
    let percent = format!("{:.1}", share * 100.0);
    format!("{} %", percent.strip_suffix(".0").unwrap_or(&percent))
}

fn plain(number: f64) -> String {
    if number.fract() == 0.0 {
        format!("{number}")
    } else {
        format!("{number:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// `1 call`, `1,204 calls`.
pub fn counted(count: u64, noun: &str) -> String {
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

/// Appends an item of a list.
pub fn item(text: &mut String, words: &str) {
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
            observed: 0.251_748,
            bound: Some(0.190_1),
            limit: 0.05,
            count: 36,
            of: Some(143),
            over: Over::Day,
        };
        assert_eq!(formula(&share), "36 of 143 = 25.2 %, at least 19 % with confidence (Wilson), limit 5 % (the last day)");
        let under = EvidenceView { bound: Some(0.31), limit: 0.4, ..share };
        assert!(formula(&under).contains(", at most 31 % with confidence (Wilson), limit 40 % ("), "{}", formula(&under));
        let count = EvidenceView { bound: None, of: None, observed: 5.0, limit: 3.0, over: Over::FiveMinutes, ..share };
        assert_eq!(formula(&count), "5, limit 3 (five minutes)");
        let slot = EvidenceView { feature: Feature::CallsInSlot, observed: 812.0, bound: Some(102.34), limit: 153.5, ..count };
        assert_eq!(formula(&slot), "812, where its own week has about 102.3, limit 153.5 (five minutes)");
        let period = EvidenceView { feature: Feature::StartRhythm, observed: 0.934, bound: Some(30.0), limit: 0.9, ..count };
        assert_eq!(formula(&period), "0.93, with a period of 30 s, limit 0.9 (five minutes)");
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
