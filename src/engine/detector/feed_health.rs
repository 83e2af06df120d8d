//! `feed_health`: the detector's own input. So far: calls of one app in two partitions.
//!
//! Every limit here is a limit of a whole app, and a partition is judged alone: an app in two partitions is judged as two
//! apps that each do half. Nobody is accused; whoever writes the topic is told. It cannot see an app whose two partitions
//! belong to two processes: what is met elsewhere is told by the process that met it there.

use serde::{Deserialize, Serialize};

use super::{Evidence, Feature, Finding, Judged, Over, Rule, Severity, Subject};
use crate::engine::record::Elsewhere;
use crate::engine::time::{HOUR_S, SECOND_MS};

limits! {
    /// Limits of `feed_health`. An engineering choice: a day is the longest window, so that after it an app that has merely
    /// moved, because the topic was given more partitions, is judged whole again.
    FeedHealthLimits {
        /// Hours for which the alert stays open.
        open_hours: u32 = 24,
    }
}

/// The rule.
pub struct FeedHealth;

/// Where else the app was met.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Split {
    elsewhere: Option<Elsewhere>,
    told: bool,
}

impl Rule for FeedHealth {
    type Params = FeedHealthLimits;
    type State = Split;

    const NAME: &'static str = "feed_health";
    const SUMMARY: &'static str = "the detector's own input: one app in two partitions";

    /// Keeps the earliest until it has been told of, so that the order in which they are heard of does not matter.
    fn locate(_: &Self::Params, split: &mut Split, elsewhere: &Elsewhere) {
        let is_news = split.elsewhere.is_none_or(|known| if split.told { known != *elsewhere } else { *elsewhere < known });
        if is_news {
            *split = Split { elsewhere: Some(*elsewhere), told: false };
        }
    }

    fn judge(limits: &Self::Params, split: &mut Split, judged: &Judged<'_>, findings: &mut Vec<Finding>) {
        let Some(elsewhere @ Elsewhere { at, here, there }) = split.elsewhere else { return };
        let open_ms = i64::from(limits.open_hours) * i64::from(HOUR_S) * SECOND_MS;
        let is_over = split.told && judged.at().millis() - at.millis() > open_ms;
        if judged.minute < at.minute() || is_over {
            return;
        }
        findings.push(Finding {
            subject: Subject::App,
            severity: Severity::Notice,
            certain: true,
            lingering: split.told,
            at,
            from: at,
            weight: 1,
            summary: summary(&elsewhere),
            evidence: vec![Evidence::count(Feature::Partitions, 2, 1.0, Over::SinceStart)],
            samples: judged.memory.recent.samples(|sample| [here, there].contains(&sample.position)),
            calls: 1,
            callees: 1,
        });
        split.told = true;
    }
}

fn summary(Elsewhere { here, there, .. }: &Elsewhere) -> String {
    format!(
        "Calls of this app lie in partitions {} (offset {}) and {} (offset {}), so each part is judged as if it were all: the topic \
         must be keyed by app id with one partitioner.",
        there.partition, there.offset, here.partition, here.offset
    )
}
