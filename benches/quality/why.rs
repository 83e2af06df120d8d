//! Every miss and every false alarm of a world, for whoever wants to know why.

use std::collections::BTreeMap;

use dialwatch::engine::time::Timestamp;
use dialwatch::evaluate::{GRACE_MS, Label};

use super::course::{Judged, accused};
use super::scores::ENGINE;

/// Prints them.
pub fn tell(world: &Judged) {
    let covers =
        |label: &Label, at: Timestamp| (label.from.millis() - 1_000..=label.to.millis() + GRACE_MS).contains(&at.millis());
    let mut wrong = BTreeMap::new();
    for line in world.lines[ENGINE].lines() {
        let alert: serde_json::Value = serde_json::from_str(line).expect("an alert is JSON");
        let text = |field: &str| alert[field].as_str().unwrap_or_default().to_owned();
        let at: Timestamp = serde_json::from_value(alert["updated_at"].clone()).expect("a time");
        let labels = world.truth.labels.iter().filter(|label| label.app_id == text("app_id") && label.rule == text("rule"));
        if text("severity") != "notice" && text("status") == "firing" && !labels.into_iter().any(|label| covers(label, at)) {
            let says = format!("{at} {}: {} {}", text("severity"), text("summary"), alert["evidence"]);
            wrong.entry((text("app_id"), text("rule"))).or_insert(says);
        }
    }
    for ((app_id, rule), says) in wrong {
        eprintln!("FALSE {} {app_id} {rule} {says}", world.truth.apps[&app_id].family);
    }
    for (app_id, rule, pseudonym) in world.harmed.difference(&accused(&world.lines[ENGINE])) {
        eprintln!("UNNAMED {} {app_id} {rule} {pseudonym}", world.truth.apps[app_id].family);
    }
    for label in world.truth.labels.iter().filter(|label| label.required) {
        let hit = world.alerts[ENGINE].iter().any(|alert| {
            alert.app_id == label.app_id && alert.rule == label.rule && alert.accuses_at.is_some_and(|at| covers(label, at))
        });
        if !hit {
            let family = &world.truth.apps[&label.app_id].family;
            let made_of = &world.made_of[&label.app_id];
            eprintln!(
                "MISSED {family} {} {} {:?} {} to {}: {made_of}",
                label.app_id, label.rule, label.intensity, label.from, label.to
            );
        }
    }
}
