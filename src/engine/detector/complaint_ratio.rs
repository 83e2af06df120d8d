//! `complaint_ratio`: complaints per answered call, complaints found true, and replies that are overdue.
//!
//! A share of few calls proves little, so the ratio fires by its Wilson bound and from several people on: three calls accuse
//! nobody. A complaint found true needs no statistics: it acts at once, as the source's table has it. A reply that has not
//! been given in time is a notice, found by time alone: the table has no row for it, and perhaps only its record is missing.

use super::{Evidence, Feature, Feedback, Finding, Judged, Memory, Over, Rule, RuleName, Severity, Subject, violations};
use crate::engine::record::FeedbackKind;
use crate::engine::statistics::wilson_lower;
use crate::engine::time::{HOUR_S, MINUTE_MS, SECOND_MS, Timestamp};
use crate::engine::window::complaints::{Cause, Complaint, Complaints};
use crate::engine::window::panes::Span;

use super::finding::counted;

limits! {
    /// Limits of `complaint_ratio`. Sources: agreement 4.8, 4.9 and 4.11; access rules, table 1 and 2. The platform does not
    /// publish its ratio.
    ComplaintRatioLimits {
        /// Complaints per answered call within seven days from which the ratio is a notice. Huawei Private Number closes a
        /// service at 0.05 % a month.
        ratio_notice: f64 = 0.000_5,
        /// The same from which it is a violation: an engineering choice (`detection.md` D5).
        ratio_violation: f64 = 0.003,
        /// People who must have complained (TRAI TCCCPR, second amendment of 2025: five complaints within ten days).
        complaints_min: u32 = 5,
        /// Minutes within which a complaint is to be replied to (agreement 4.11: two hours); 0 is off.
        reply_minutes: u32 = 120,
        /// Hours for which a complaint keeps an alert open: an engineering choice.
        open_hours: u32 = 24,
        /// One-sided confidence of bounds, in standard deviations.
        z: f64 = 3.09,
    }
}

impl ComplaintRatioLimits {
    fn reply_ms(&self) -> i64 {
        i64::from(self.reply_minutes) * MINUTE_MS
    }

    fn open_ms(&self) -> i64 {
        i64::from(self.open_hours) * i64::from(HOUR_S) * SECOND_MS
    }
}

/// The rule.
pub struct ComplaintRatio;

impl Rule for ComplaintRatio {
    type Params = ComplaintRatioLimits;
    type State = Complaints;

    const NAME: &'static str = "complaint_ratio";
    const SUMMARY: &'static str = "complaints per answered call; a complaint found true; a complaint not replied to in two hours";

    fn problems(limits: &Self::Params) -> Vec<(&'static str, String)> {
        let never = limits.reply_ms() >= limits.open_ms();
        let text = || format!("{} minutes are not less than the {} hours of open_hours", limits.reply_minutes, limits.open_hours);
        never.then(|| ("reply_minutes", text())).into_iter().collect()
    }

    fn heed(_: &Self::Params, complaints: &mut Complaints, feedback: &Feedback, memory: &Memory, _: &mut Vec<Finding>) {
        match feedback.kind {
            FeedbackKind::Complaint => complaints.complain(feedback, memory.pairs.last_called_s(feedback.callee)),
            FeedbackKind::Reply => complaints.reply(feedback),
            FeedbackKind::OptOut | FeedbackKind::Consent | FeedbackKind::Inspection => {}
        }
    }

    fn is_waiting(limits: &Self::Params, complaints: &Complaints) -> bool {
        limits.reply_minutes > 0 && complaints.is_waiting()
    }

    fn judge(limits: &Self::Params, complaints: &mut Complaints, judged: &Judged<'_>, findings: &mut Vec<Finding>) {
        if complaints.is_empty() {
            return;
        }
        let wait_from = judged.at().plus_millis(-limits.open_ms());
        let fresh = |complaint: &&Complaint| !complaint.told || complaint.at >= wait_from;
        let case = Case { limits, judged, fresh: complaints.all().filter(fresh).collect() };
        let verified = [Cause::Fraud, Cause::Harassment, Cause::Other].map(|cause| case.verified(cause));
        // The gravest first.
        let parts = verified.into_iter().chain([case.ratio(complaints), case.overdue()]).flatten();
        findings.extend(case.finding(parts.collect()));
        complaints.judged(judged.at(), wait_from);
    }
}

/// One of the matters that make up the finding.
struct Part {
    severity: Severity,
    /// Whether it is counted, not estimated.
    certain: bool,
    at: Timestamp,
    from: Timestamp,
    says: String,
    evidence: Evidence,
}

/// What was said lately about the judged app.
struct Case<'a> {
    limits: &'a ComplaintRatioLimits,
    judged: &'a Judged<'a>,
    fresh: Vec<&'a Complaint>,
}

impl Case<'_> {
    fn verified(&self, cause: Cause) -> Option<Part> {
        let mut found = self.fresh.iter().filter(|complaint| complaint.cause == Some(cause));
        let at = found.clone().map(|complaint| complaint.at).min()?;
        let count = found.by_ref().count() as u64;
        let (feature, about) = match cause {
            Cause::Fraud => (Feature::VerifiedFraud, " about fraud"),
            Cause::Harassment => (Feature::VerifiedHarassment, " about harassment"),
            Cause::Other => (Feature::VerifiedOther, ""),
        };
        Some(Part {
            severity: violations::severity(RuleName::ComplaintRatio, feature),
            certain: true,
            at,
            from: at,
            says: format!("Since {at} {}{about} {} found true.", counted(count, "complaint"), was(count)),
            evidence: Evidence::count(feature, count, 0.0, Over::Rolling24h),
        })
    }

    fn ratio(&self, complaints: &Complaints) -> Option<Part> {
        let from = Span::WEEK.from(self.judged.minute);
        let called = |complaint: &&Complaint| complaint.called_s.is_some_and(|called_s| called_s >= from.seconds());
        // What nobody has added to for a day is no news, though fewer calls may make the share grow.
        self.fresh.iter().copied().find(called)?;
        let mut people: Vec<u64> = complaints.all().filter(called).map(|complaint| complaint.matter.callee.packed()).collect();
        people.sort_unstable();
        people.dedup();
        let (count, answered) = (people.len() as u32, self.judged.memory.answered.total().0);
        let bound = wilson_lower(count.into(), answered.into(), self.limits.z);
        let (severity, limit) = match bound {
            bound if bound >= self.limits.ratio_violation => (Severity::Violation, self.limits.ratio_violation),
            bound if bound >= self.limits.ratio_notice => (Severity::Notice, self.limits.ratio_notice),
            _ => return None,
        };
        (count >= self.limits.complaints_min).then(|| Part {
            severity,
            certain: false,
            at: self.judged.at(),
            from,
            says: format!("{count} people have complained about calls since {from}, of which {answered} were answered."),
            evidence: Evidence::share(Feature::ComplaintShare, count, answered, bound, limit, Over::Week),
        })
    }

    fn overdue(&self) -> Option<Part> {
        if self.limits.reply_minutes == 0 {
            return None;
        }
        let due = |complaint: &Complaint| complaint.at.plus_millis(self.limits.reply_ms());
        let (start, end) = (self.judged.minute.start(), self.judged.at());
        let is_overdue = |complaint: &&&Complaint| {
            let late = |replied: Timestamp| replied > due(complaint) && replied >= start;
            !complaint.confirms && due(complaint) < end && complaint.replied.is_none_or(late)
        };
        let mut overdue = self.fresh.iter().filter(is_overdue);
        let first = overdue.clone().min_by_key(|complaint| complaint.at)?;
        let count = overdue.by_ref().count() as u64;
        Some(Part {
            severity: Severity::Notice,
            certain: true,
            at: due(first),
            from: first.at,
            says: format!(
                "{} {} no reply within {} minutes, the first of {}.",
                counted(count, "complaint"),
                if count == 1 { "has had" } else { "have had" },
                self.limits.reply_minutes,
                first.at
            ),
            evidence: Evidence::count(Feature::OverdueReplies, count, 0.0, Over::Rolling24h),
        })
    }

    fn finding(&self, parts: Vec<Part>) -> Option<Finding> {
        let memory = self.judged.memory;
        let people: Vec<_> = self.fresh.iter().map(|complaint| complaint.matter.callee).collect();
        Some(Finding {
            subject: Subject::App,
            severity: parts.iter().map(|part| part.severity).max()?,
            certain: parts.iter().any(|part| part.certain),
            lingering: false,
            at: parts.iter().map(|part| part.at).min()?,
            from: parts.iter().map(|part| part.from).min()?,
            weight: parts.iter().map(|part| part.evidence.count).sum(),
            summary: parts.iter().map(|part| part.says.as_str()).collect::<Vec<_>>().join(" "),
            evidence: parts.iter().map(|part| part.evidence).collect(),
            samples: memory.recent.samples(|sample| sample.callee.is_some_and(|callee| people.contains(&callee))),
            calls: memory.day.total().placed.into(),
            callees: memory.pairs.distinct_day().into(),
        })
    }
}

const fn was(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}
