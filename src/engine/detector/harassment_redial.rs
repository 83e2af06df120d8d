//! `harassment_redial`: calls to somebody who refused, over all of the app's caller numbers.
//!
//! Exact: the refusal and the calls after it are the proof, so nothing is estimated and three calls may accuse. A call that
//! never disturbed the callee (network, carrier, cancelled before it rang) does not count, and one who calls back asks
//! to be called.

use std::collections::BTreeSet;

use super::finding::times;
use super::{Evidence, Feature, Finding, Observed, Over, Rule, Severity, Subject};
use crate::engine::number::Number;
use crate::engine::record::Call;
use crate::engine::time::{DAY_S, SECOND_MS, Timestamp};
use crate::engine::window::recent::Sample;
use crate::engine::window::refusals::{Refusal, Refused, Strength};
use crate::engine::window::repeats::Repeat;

limits! {
    /// Limits of `harassment_redial`. Sources: agreement 4.1 and 4.4.9; `detection.md` D2.
    HarassmentRedialLimits {
        /// Calls after an opt-out or complaint from which it is grave; the first already is a violation.
        calls_after_opt_out_major: u32 = 3,
        /// Declined or hung-up calls within 24 hours after which a further call is a violation: one may be a busy person.
        refusals_max: u32 = 2,
        /// Declined or hung-up calls within 24 hours after which a further call is grave.
        refusals_major: u32 = 3,
        /// Minutes after a refusal in which several calls are retaliation.
        retaliation_minutes: u32 = 10,
        /// Calls within those minutes from which they are.
        retaliation_calls_min: u32 = 3,
        /// Caller numbers towards one refusing callee within 24 hours from which it is evasion.
        callers_on_callee_min: u32 = 3,
        /// Hours in which nobody who answered and met no agent is called again (Ofcom: 72); 0 is off. A notice.
        dropped_recall_hours: u32 = 0,
    }
}

/// The rule.
pub struct HarassmentRedial;

impl Rule for HarassmentRedial {
    type Params = HarassmentRedialLimits;
    type State = ();

    const NAME: &'static str = "harassment_redial";
    const SUMMARY: &'static str = "calls after a refusal, opt-out or complaint, over all of the app's numbers; retaliation bursts";

    fn observe(limits: &Self::Params, (): &mut (), observed: &Observed<'_>, findings: &mut Vec<Finding>) {
        let call = observed.call;
        let (Some(callee), true) = (call.callee, call.disturbed_callee()) else { return };
        let Some(refused) = observed.memory.refusals.get(callee) else { return };
        let case = Case { limits, call, callee, refused, repeats: observed.repeats };
        findings.extend(case.after_opt_out());
        findings.extend(case.after_declines());
        findings.extend(case.retaliation());
        findings.extend(case.many_callers());
        findings.extend(case.dropped());
    }
}

/// A call to somebody who refused something.
struct Case<'a> {
    limits: &'a HarassmentRedialLimits,
    call: &'a Call,
    callee: Number,
    refused: &'a Refused,
    repeats: &'a [Repeat],
}

impl Case<'_> {
    fn after_opt_out(&self) -> Option<Finding> {
        let refusal = self.refused.explicit_before(self.call.start)?;
        let calls = u64::from(self.refused.calls_since) + 1;
        let major = calls >= self.limits.calls_after_opt_out_major.into();
        let verified = if self.refused.verified { " (verified)" } else { "" };
        Some(Finding {
            summary: format!("A person who opted out or complained at {}{verified} has been called {} since.", refusal.at, times(calls)),
            samples: self.refused.samples.iter().cloned().chain([Sample::of(self.call)]).collect(),
            evidence: vec![Evidence::count(Feature::CallsAfterRefusal, calls, 0.0, Over::SinceStart)],
            ..self.finding(severity(major), refusal.at, calls)
        })
    }

    fn after_declines(&self) -> Option<Finding> {
        let refusals: Vec<&Refusal> = self.refused.implicit_before(self.call.start, Strength::HungUp, DAY_S).collect();
        let count = refusals.len() as u64;
        let first = refusals.first().filter(|_| count >= self.limits.refusals_max.into())?;
        let major = count >= self.limits.refusals_major.into();
        Some(Finding {
            summary: format!("A person who had declined or hung up at once {count} times since {} was called again.", first.at),
            samples: refusals.iter().filter_map(|refusal| refusal.sample.clone()).chain([Sample::of(self.call)]).collect(),
            evidence: vec![Evidence::count(Feature::Refusals, count, self.limits.refusals_max.into(), Over::Rolling24h)],
            ..self.finding(severity(major), first.at, count + 1)
        })
    }

    fn retaliation(&self) -> Option<Finding> {
        let within_s = self.limits.retaliation_minutes * 60;
        let start = self.call.start;
        let declined = self.refused.implicit_before(start, Strength::Declined, within_s).next();
        let recent = |refusal: &&Refusal| start.millis() - refusal.at.millis() <= i64::from(within_s) * SECOND_MS;
        let refusal = declined.or(self.refused.explicit_before(start).filter(recent))?;
        let burst = refusal.at.millis()..=refusal.at.millis() + i64::from(within_s) * SECOND_MS;
        let in_burst = |repeat: &&Repeat| repeat.disturbed && burst.contains(&(i64::from(repeat.start_s) * SECOND_MS));
        let after: Vec<&Repeat> = self.repeats.iter().filter(in_burst).collect();
        let (count, limit, minutes) = (after.len() as u64, self.limits.retaliation_calls_min, self.limits.retaliation_minutes);
        (count >= limit.into()).then(|| Finding {
            summary: format!("A person who refused at {} was called {} within the {minutes} minutes after.", refusal.at, times(count)),
            samples: after.iter().filter_map(|repeat| repeat.sample.clone()).collect(),
            evidence: vec![Evidence::count(Feature::CallsAfterRefusal, count, limit.into(), Over::AfterRefusal)],
            ..self.finding(Severity::Major, refusal.at, count)
        })
    }

    fn many_callers(&self) -> Option<Finding> {
        let refusal = self.refused.implicit_before(self.call.start, Strength::HungUp, DAY_S).next();
        let refusal = refusal.or(self.refused.explicit_before(self.call.start))?;
        let callers: BTreeSet<Number> = self.repeats.iter().filter_map(|repeat| repeat.caller).collect();
        let count = callers.len() as u64;
        (count >= self.limits.callers_on_callee_min.into()).then(|| Finding {
            summary: format!("A person who refused at {} was called from {count} different numbers within 24 hours.", refusal.at),
            samples: self.repeats.iter().filter_map(|repeat| repeat.sample.clone()).collect(),
            evidence: vec![
                Evidence::count(Feature::CallersOnCallee, count, self.limits.callers_on_callee_min.into(), Over::Rolling24h),
                Evidence::count(Feature::CallsToCallee, self.repeats.len() as u64, 0.0, Over::Rolling24h),
            ],
            ..self.finding(Severity::Major, refusal.at, self.repeats.len() as u64)
        })
    }

    fn dropped(&self) -> Option<Finding> {
        let within_s = self.limits.dropped_recall_hours * 3_600;
        let mut earlier = self.refused.implicit_before(self.call.start, Strength::Dropped, within_s);
        let dropped = earlier.find(|refusal| refusal.strength == Strength::Dropped && within_s > 0)?;
        (self.call.met_agent() == Some(false)).then(|| Finding {
            summary: format!("A machine called a person again who had met nobody in a call that ended at {}.", dropped.at),
            samples: dropped.sample.iter().cloned().chain([Sample::of(self.call)]).collect(),
            evidence: vec![Evidence::count(Feature::RecallsAfterDrop, 1, 0.0, Over::SinceStart)],
            ..self.finding(Severity::Notice, dropped.at, 1)
        })
    }

    /// What all five kinds have in common.
    fn finding(&self, severity: Severity, from: Timestamp, weight: u64) -> Finding {
        Finding {
            subject: Subject::Callee(self.callee),
            severity,
            certain: true,
            lingering: false,
            at: self.call.end,
            from,
            weight,
            summary: String::new(),
            evidence: Vec::new(),
            samples: Vec::new(),
            calls: weight,
            callees: 1,
        }
    }
}

fn severity(major: bool) -> Severity {
    if major { Severity::Major } else { Severity::Violation }
}
