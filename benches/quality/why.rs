//! Every miss and every false alarm of a world, for whoever wants to know why.

use dialwatch::engine::alert::Alert as Message;
use dialwatch::evaluate::{GRACE_MS, mistakes};

use super::course::{Judged, accused};
use super::scores::ENGINE;

/// Prints them.
pub fn tell(world: &Judged) {
    let truth = &world.truth;
    let mistakes = mistakes(truth, &world.alerts[ENGINE], GRACE_MS);
    let messages: Vec<Message> =
        world.lines[ENGINE].lines().map(|line| serde_json::from_str(line).expect("an alert is JSON")).collect();
    for alert in mistakes.wrong {
        let accuses = |message: &&Message| {
            (&message.app_id, message.rule.as_str()) == (&alert.app_id, &alert.rule)
                && Some(message.updated_at) == alert.accuses_at
        };
        let (says, evidence) =
            messages.iter().find(accuses).map(|message| (&message.summary, &message.evidence)).expect("it was read from one");
        eprintln!("FALSE {} {} {} {says} {evidence:?}", truth.apps[&alert.app_id].family, alert.app_id, alert.rule);
    }
    for (app_id, rule, pseudonym) in world.harmed.difference(&accused(&world.lines[ENGINE])) {
        eprintln!("UNNAMED {} {app_id} {rule} {pseudonym}", truth.apps[app_id].family);
    }
    for label in mistakes.missed {
        let (family, made_of) = (&truth.apps[&label.app_id].family, &world.made_of[&label.app_id]);
        let when = format!("{} to {}", label.from, label.to);
        eprintln!("MISSED {family} {} {} {:?} {when}: {made_of}", label.app_id, label.rule, label.intensity);
    }
}
