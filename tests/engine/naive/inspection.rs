//! What inspectors found, counted naively.

use std::collections::BTreeSet;

use dialwatch::engine::detector::Feature;
use dialwatch::engine::detector::forbidden::FORBIDDEN;
use dialwatch::engine::record::{Feedback, FeedbackKind};

use super::{Count, HOUR_MS, MINUTE_MS, World};

/// Inspections of the last day, and those that came in only in the minute judged, that found one sort of thing.
pub fn count(world: &World<'_>, to: i64, feature: Feature) -> Count {
    let open = i64::from(world.policy.rules.business_mismatch.open_hours) * HOUR_MS;
    let is_fresh = |at: i64, known: i64| known < to && (at >= to - open || known >= to - MINUTE_MS);
    let said = world.feedback.iter().filter(|(said, known)| is_fresh(said.at.millis(), *known)).map(|(said, _)| said);
    let found: BTreeSet<&Feedback> = said.filter(|said| sort(world, said) == Some(feature)).collect();
    Count::of(found.len())
}

/// Letters and digits only, in lower case, each English word between two spaces.
fn words(text: &str) -> String {
    let spaced = text.to_lowercase().chars().fold(String::new(), |mut spaced, letter| {
        match letter {
            letter if letter.is_ascii_alphanumeric() => spaced.push(letter),
            letter if letter.is_alphanumeric() => spaced.extend(['\u{1}', letter, '\u{1}']),
            _ => spaced.push(' '),
        }
        spaced
    });
    let mut words = String::new();
    for word in spaced.split([' ', '\u{1}']).filter(|word| !word.is_empty()) {
        if word.is_ascii() {
            words = format!("{} {word} ", words.trim_end());
        } else {
            words += word;
        }
    }
    words
}

fn sort(world: &World<'_>, said: &Feedback) -> Option<Feature> {
    if said.kind != FeedbackKind::Inspection {
        return None;
    }
    match said.category.as_str() {
        "abuse" | "harassment" => return Some(Feature::InspectedAbuse),
        "number_leak" => return Some(Feature::InspectedLeak),
        "no_consent" => return Some(Feature::InspectedNoConsent),
        _ => {}
    }
    let differs = said.category == "business_mismatch";
    let found = words(said.scene.as_deref().unwrap_or_default());
    let filed: Vec<String> = world
        .registration
        .iter()
        .flat_map(|filed| [words(&filed.scene), words(&filed.industry)])
        .filter(|text| !text.is_empty())
        .collect();
    if found.is_empty() || filed.is_empty() && !differs {
        return (found.is_empty() && differs).then_some(Feature::OtherBusiness);
    }
    let names = |text: &str| -> BTreeSet<&str> {
        FORBIDDEN
            .iter()
            .filter(|entry| entry.words.iter().any(|word| text.contains(&words(word))))
            .map(|entry| entry.name)
            .collect()
    };
    let (forbidden, admitted) = (names(&found), filed.iter().flat_map(|text| names(text)).collect::<BTreeSet<_>>());
    if !forbidden.is_subset(&admitted) {
        return Some(Feature::ForbiddenBusiness);
    }
    let is_same = filed.iter().any(|text| text.contains(&found) || found.contains(text));
    (forbidden.is_empty() && !is_same).then_some(Feature::OtherBusiness)
}
