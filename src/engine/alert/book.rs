//! The book of an app's alerts: pending, firing, resolved; one at a time for a rule and subject.
//!
//! A finding says what holds now; the book decides whether that is news. It never looks at calls.

use serde::{Deserialize, Serialize};

use std::borrow::Cow;
use std::sync::Arc;

use super::ledger::Ledger;
use super::{Alert, CallView, EvidenceView, PolicyView, SCHEMA, SketchView, Status, SubjectView, WindowView, alert_id};
use crate::engine::detector::violations::Violation;
use crate::engine::detector::{Evidence, Finding, Mode, RuleName, Severity, Subject};
use crate::engine::policy::{Lifecycle, Policy};
use crate::engine::terms::{self, Standing, Terms};
use crate::engine::time::Timestamp;
use crate::engine::window::recent::{SAMPLES_MAX, Sample};

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    /// Found, but not yet for long enough.
    Pending {
        /// Judgements it has held for.
        judgements: u32,
    },
    /// Open.
    Firing,
    /// Closed at this moment; kept for the merge gap.
    Resolved(Timestamp),
}

/// One (rule, subject) that is or was a matter lately.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Incident {
    rule: RuleName,
    subject: Subject,
    stage: Stage,
    severity: Severity,
    /// How grave it was when it last opened.
    opened_as: Severity,
    starts_at: Timestamp,
    /// The judgement in which it was last found, be it milder or lingering.
    found_at: Timestamp,
    /// The judgement that the severity, the summary, the evidence and the samples are of.
    evidence_at: Timestamp,
    /// The minute's judgement in which it was last found; tells a repeat from a new judgement.
    judged_at: Timestamp,
    sent_at: Timestamp,
    sent_weight: u64,
    weight: u64,
    from: Timestamp,
    summary: String,
    evidence: Vec<Evidence>,
    samples: Vec<Sample>,
    calls_before: u64,
    callees_before: u64,
    /// Strikes recorded for it.
    struck: u32,
}

/// What every alert of a judgement has in common.
#[derive(Clone, Copy, Debug)]
pub struct Letterhead<'a> {
    /// The policy judged by.
    pub policy: &'a Policy,
    /// What of it holds for the app alone.
    pub terms: Option<&'a Terms>,
    /// The app judged.
    pub app_id: &'a str,
    /// The event time of the judgement: the end of the minute.
    pub now: Timestamp,
    /// The share of the app's calls and callees that no bound has cut off.
    pub completeness: f64,
    /// The callees of the app that only a sketch knows.
    pub faded: usize,
}

impl<'a> Letterhead<'a> {
    /// How a rule takes part in this judgement of the app.
    pub fn standing(&self, rule: RuleName) -> Standing<'a> {
        terms::standing(self.terms, self.policy, rule, self.now)
    }
}

/// Where the alerts of a book go.
pub struct Desk<'a> {
    /// Alerts, in order.
    pub alerts: &'a mut Vec<Alert>,
    /// Where they are recorded; those in the shadow are not.
    pub ledger: Option<&'a mut Arc<Ledger>>,
}

impl Desk<'_> {
    fn send(&mut self, head: &Letterhead<'_>, incident: &mut Incident, note: Option<Cow<'static, str>>) {
        let alert = incident.alert(head, note);
        if let Some(ledger) = &mut self.ledger {
            incident.struck = Ledger::enter(ledger, &alert, incident.violation(head.policy), incident.struck);
        }
        self.alerts.push(alert);
    }
}

/// Why an alert is sent, and thereby whether.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It opened.
    Opened,
    /// It opened again within the merge gap.
    Reopened,
    /// It became graver.
    Graver,
    /// What it counts has doubled since it was last sent.
    Doubled,
    /// It was last sent long ago.
    Repeated,
    /// It is over.
    Resolved,
    /// It had to make room.
    Evicted,
}

/// The alerts of one app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Book {
    incidents: Vec<Incident>,
    evicted: u64,
}

impl Book {
    /// Enters what a rule found. Sends the alert if it is news.
    pub fn enter(&mut self, head: &Letterhead<'_>, rule: RuleName, finding: Finding, desk: &mut Desk<'_>) {
        let known = self.incidents.iter().position(|incident| incident.rule == rule && incident.subject == finding.subject);
        let (index, news) = match known {
            Some(index) => (index, self.incidents[index].update(finding, head.now, &head.policy.lifecycle)),
            None if finding.lingering => return,
            None => {
                if self.incidents.len() >= head.policy.bounds.open_alerts.max(1) {
                    self.evict_oldest(head, desk);
                }
                let (incident, news) = Incident::open(rule, finding, head.now, &head.policy.lifecycle);
                self.incidents.push(incident);
                (self.incidents.len() - 1, news)
            }
        };
        if news.is_some() {
            let incident = &mut self.incidents[index];
            incident.sent_at = head.now;
            incident.sent_weight = incident.weight;
            desk.send(head, incident, None);
        }
    }

    /// Closes what was not found for long enough; and, in a book for findings of rules in `mode`, what is of a rule whose
    /// mode has become another.
    pub fn settle(&mut self, head: &Letterhead<'_>, mode: Mode, desk: &mut Desk<'_>) {
        let (now, lifecycle) = (head.now, &head.policy.lifecycle);
        for incident in &mut self.incidents {
            let quiet_ms = now.millis() - incident.found_at.millis();
            let standing = head.standing(incident.rule);
            let note = (standing.mode() != mode).then(|| why_no_longer(standing));
            if incident.stage == Stage::Firing && (note.is_some() || quiet_ms >= lifecycle.resolve_after_ms) {
                incident.stage = Stage::Resolved(now);
                desk.send(head, incident, note);
            }
        }
        self.incidents.retain(|incident| match incident.stage {
            Stage::Pending { .. } => incident.judged_at == now,
            Stage::Firing => true,
            Stage::Resolved(at) => now.millis() - at.millis() < lifecycle.merge_gap_ms,
        });
    }

    /// Whether the app must be judged again next minute even if it stays silent.
    pub fn is_waiting(&self) -> bool {
        !self.incidents.is_empty()
    }

    /// Alerts now open.
    pub fn firing(&self) -> usize {
        self.incidents.iter().filter(|incident| incident.stage == Stage::Firing).count()
    }

    /// Whether an alert of one of the rules is open for which `wanted` holds.
    pub fn is_firing(&self, wanted: impl Fn(RuleName) -> bool) -> bool {
        self.incidents.iter().any(|incident| incident.stage == Stage::Firing && wanted(incident.rule))
    }

    /// Alerts closed early to make room.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Whether another book of the app has said the same: the same alerts open, each last sent at the same time.
    pub fn has_said_as(&self, other: &Self) -> bool {
        let said = |book: &Self| -> Vec<_> {
            let firing = book.incidents.iter().filter(|incident| incident.stage == Stage::Firing);
            let mut said: Vec<_> =
                firing.map(|incident| (incident.rule, incident.subject, incident.starts_at, incident.sent_at)).collect();
            said.sort_unstable();
            said
        };
        said(self) == said(other)
    }

    /// Every open alert as it would be sent now.
    pub fn open_alerts(&self, head: &Letterhead<'_>) -> Vec<Alert> {
        let firing = self.incidents.iter().filter(|incident| incident.stage == Stage::Firing);
        firing.map(|incident| incident.alert(head, None)).collect()
    }

    fn evict_oldest(&mut self, head: &Letterhead<'_>, desk: &mut Desk<'_>) {
        let oldest =
            self.incidents.iter().enumerate().min_by_key(|(_, incident)| (incident.found_at, incident.rule, incident.subject));
        let Some((index, _)) = oldest else { return };
        let mut incident = self.incidents.remove(index);
        if incident.stage == Stage::Firing {
            self.evicted += 1;
            incident.stage = Stage::Resolved(head.now);
            desk.send(head, &mut incident, Some("closed to make room: too many open alerts of this app".into()));
        }
    }
}

impl Incident {
    fn open(rule: RuleName, finding: Finding, now: Timestamp, lifecycle: &Lifecycle) -> (Self, Option<News>) {
        let opens = finding.certain || lifecycle.pending_judgements <= 1;
        let incident = Self {
            rule,
            subject: finding.subject,
            stage: if opens { Stage::Firing } else { Stage::Pending { judgements: 1 } },
            severity: finding.severity,
            opened_as: finding.severity,
            starts_at: finding.at,
            found_at: now,
            evidence_at: now,
            judged_at: now,
            sent_at: now,
            sent_weight: 0,
            weight: finding.weight,
            from: finding.from,
            summary: finding.summary,
            evidence: finding.evidence,
            samples: newest(finding.samples),
            calls_before: finding.calls,
            callees_before: finding.callees,
            struck: 0,
        };
        (incident, opens.then_some(News::Opened))
    }

    /// Takes in the finding of a later judgement. A milder one keeps the alert open and changes nothing it says: the evidence
    /// must support the severity.
    fn update(&mut self, finding: Finding, now: Timestamp, lifecycle: &Lifecycle) -> Option<News> {
        let new_judgement = self.judged_at != now;
        self.judged_at = now;
        self.found_at = now;
        if finding.lingering {
            return None;
        }
        let (graver, open) = (finding.severity > self.severity, self.stage == Stage::Firing);
        let (calls, callees, certain) = (finding.calls, finding.callees, finding.certain);
        if finding.severity >= self.severity || !open {
            self.replace_evidence(finding, now);
        }
        if !open {
            self.opened_as = self.severity;
        }
        match &mut self.stage {
            Stage::Pending { judgements } => {
                *judgements += u32::from(new_judgement);
                if *judgements < lifecycle.pending_judgements && !certain {
                    return None;
                }
                self.stage = Stage::Firing;
                (self.calls_before, self.callees_before) = (calls, callees);
                Some(News::Opened)
            }
            Stage::Resolved(_) => {
                self.stage = Stage::Firing;
                Some(News::Reopened)
            }
            Stage::Firing if graver => Some(News::Graver),
            Stage::Firing if self.weight >= self.sent_weight.saturating_mul(2) => Some(News::Doubled),
            Stage::Firing if now.millis() - self.sent_at.millis() >= lifecycle.repeat_after_ms => Some(News::Repeated),
            Stage::Firing => None,
        }
    }

    fn replace_evidence(&mut self, finding: Finding, now: Timestamp) {
        self.evidence_at = now;
        self.severity = finding.severity;
        self.weight = finding.weight;
        self.from = self.from.min(finding.from);
        self.summary = finding.summary;
        self.evidence = finding.evidence;
        self.samples = newest(finding.samples);
    }

    /// Its row of the violation table.
    fn violation<'p>(&self, policy: &'p Policy) -> &'p Violation {
        policy.violations.judge(self.rule, &self.evidence, self.severity)
    }

    fn alert(&self, head: &Letterhead<'_>, note: Option<Cow<'static, str>>) -> Alert {
        let Letterhead { policy, terms, app_id, now, completeness, faded } = *head;
        let (status, ends_at) = match self.stage {
            Stage::Resolved(at) => (Status::Resolved, Some(at)),
            _ => (Status::Firing, None),
        };
        let violation = self.violation(policy);
        Alert {
            schema: SCHEMA,
            alert_id: alert_id(policy, app_id, self.rule, self.subject, self.starts_at),
            status,
            rule: self.rule,
            severity: self.severity,
            raised_from: (self.opened_as < self.severity).then_some(self.opened_as),
            app_id: app_id.to_owned(),
            subject: SubjectView::new(policy, app_id, self.subject),
            starts_at: self.starts_at,
            updated_at: now,
            ends_at,
            window: WindowView { from: self.from, to: self.evidence_at },
            summary: self.summary.clone(),
            evidence: self.evidence.iter().map(EvidenceView::new).collect(),
            calls: self.samples.iter().map(|sample| CallView::new(policy, sample)).collect(),
            calls_before_alert: self.calls_before,
            callees_before_alert: self.callees_before,
            policy: PolicyView {
                pack: policy.pack.clone(),
                clause: violation.clause.clone(),
                version: terms::version(terms, policy).to_owned(),
            },
            recommended_action: violation.action.as_str().into(),
            completeness,
            sketch: SketchView::new(faded),
            note,
        }
    }
}

/// Why an alert ends although nothing says that its matter has: the rule now stands like this.
fn why_no_longer(standing: Standing<'_>) -> Cow<'static, str> {
    match standing {
        Standing::Set(Mode::On) => "the rule left the shadow: what it finds from now on is sent".into(),
        Standing::Set(Mode::Shadow) => {
            "the rule was put into the shadow: what it finds from now on is counted and not sent".into()
        }
        Standing::Set(Mode::Off) => "the rule was switched off".into(),
        Standing::Excepted(exception) => format!(
            "an exception holds until {}: {}; what the rule finds until then is counted and not sent",
            exception.until, exception.reason
        )
        .into(),
    }
}

/// The last [`SAMPLES_MAX`] of them.
fn newest(mut samples: Vec<Sample>) -> Vec<Sample> {
    samples.drain(..samples.len().saturating_sub(SAMPLES_MAX));
    samples
}
