//! The violation table: what a finding amounts to under the policy. Rule, gravest evidence and severity on one side; clause,
//! recommended action and what is recorded on the other. The only place that says so.
//!
//! The base is the table of the default pack: its first rows are the seven of the source, the rest is what the source says
//! elsewhere of the other rules. Another pack amends it by data. Nothing here is ever carried out.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Evidence, Feature, RuleName, Severity};

/// What the policy recommends to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Have a look.
    Review,
    /// Warn the app, and record it.
    WarnAndRecord,
    /// Suspend the app until somebody has looked.
    SuspendAndReview,
    /// End the service.
    EndService,
}

impl Action {
    /// The word used on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::WarnAndRecord => "warn_and_record",
            Self::SuspendAndReview => "suspend_and_review",
            Self::EndService => "end_service",
        }
    }
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Violation {
    /// The rule that finds it.
    pub rule: RuleName,
    /// The gravest evidence, which is the first; absent where the row is for any.
    pub evidence: Option<Feature>,
    /// How grave it is.
    pub severity: Severity,
    /// The clause it rests on.
    pub clause: Cow<'static, str>,
    /// What is recommended.
    pub action: Action,
    /// How many strikes are recorded. Where the service is to end there is none to record; where somebody is to look first,
    /// that decides.
    pub recorded: u32,
    /// What it is, in words.
    pub words: Cow<'static, str>,
}

/// A row for any evidence of a rule.
const fn row(rule: RuleName, severity: Severity, clause: &'static str, action: Action, words: &'static str) -> Violation {
    let recorded = matches!(action, Action::WarnAndRecord) as u32;
    Violation { rule, evidence: None, severity, clause: Cow::Borrowed(clause), action, recorded, words: Cow::Borrowed(words) }
}

/// A row for one evidence of a rule.
const fn of(
    rule: RuleName,
    evidence: Feature,
    severity: Severity,
    clause: &'static str,
    action: Action,
    words: &'static str,
) -> Violation {
    let recorded = matches!(action, Action::WarnAndRecord) as u32;
    let (clause, words) = (Cow::Borrowed(clause), Cow::Borrowed(words));
    Violation { rule, evidence: Some(evidence), severity, clause, action, recorded, words }
}

/// The table of the default pack, `tccc-2026-02`.
#[rustfmt::skip]
const BASE: &[Violation] = {
    use Action::{EndService, Review, SuspendAndReview, WarnAndRecord};
    use Feature::*;
    use RuleName::*;
    use Severity::{Major, Notice, Severe};
    const WARN: Severity = Severity::Violation;
    &[
        // The seven rows of the violation table in the access rules, by number.
        of(ComplaintRatio, VerifiedFraud, Severe, "access-rules/1", EndService, "a complaint about fraud that was found true"),
        of(ComplaintRatio, VerifiedHarassment, Major, "access-rules/2", EndService, "a complaint about harassment that was found true"),
        of(BusinessMismatch, ForbiddenBusiness, Severe, "access-rules/3", EndService, "a business that is forbidden and was not filed"),
        of(BusinessMismatch, OtherBusiness, WARN, "access-rules/4", WarnAndRecord, "another business than the filed one"),
        of(BusinessMismatch, InspectedAbuse, Major, "access-rules/5", EndService, "abuse of the person called"),
        // However plain it is, the row warns.
        row(BlindDialing, WARN, "access-rules/6", WarnAndRecord, "blind dialing"),
        row(BlindDialing, Major, "access-rules/6", WarnAndRecord, "blind dialing that no list explains"),
        of(BusinessMismatch, InspectedLeak, WARN, "access-rules/6", WarnAndRecord, "a person who says that the number was leaked"),
        of(BusinessMismatch, InspectedNoConsent, WARN, "access-rules/7", WarnAndRecord, "a call without consent"),
        // What the agreement and the outbound rules say besides. Severity and action are an engineering choice where the
        // source names none.
        of(ComplaintRatio, VerifiedOther, WARN, "agreement/4.8", WarnAndRecord, "a complaint that was found true"),
        of(ComplaintRatio, OverdueReplies, Notice, "agreement/4.11", Review, "a complaint without a reply in time"),
        row(ComplaintRatio, Notice, "agreement/4.9", Review, "complaints that grow"),
        row(ComplaintRatio, WARN, "agreement/4.9", WarnAndRecord, "too many complaints"),
        row(HarassmentRedial, Notice, "agreement/4.4.9", Review, "a machine that calls again whom it left alone on the line"),
        row(HarassmentRedial, WARN, "agreement/4.4.9", WarnAndRecord, "a call to a person who refused"),
        row(HarassmentRedial, Major, "agreement/4.4.9", EndService, "harassment of a person who refused"),
        row(CalleeFrequency, WARN, "outbound-rules/callee-frequency", WarnAndRecord, "more calls to one person than permitted"),
        row(RestTime, Notice, "outbound-rules/hours", Review, "calls at lunch"),
        row(RestTime, WARN, "outbound-rules/hours", WarnAndRecord, "calls at night"),
        row(AbnormalRate, Notice, "agreement/4.9", Review, "a surge"),
        row(AbnormalRate, WARN, "agreement/4.9", WarnAndRecord, "more calls at once than channels or seats"),
        row(AbnormalRate, Major, "agreement/4.9", SuspendAndReview, "a burst that is not the app's own way, as of a stolen account"),
        row(RobotDialing, Notice, "access-rules/forbidden:robot-calls", Review, "dialing by machine"),
        row(RobotDialing, WARN, "access-rules/forbidden:robot-calls", WarnAndRecord, "machines that talk"),
        row(RobotDialing, Major, "access-rules/forbidden:robot-calls", SuspendAndReview, "machines that talk, on many lines or beyond doubt"),
        row(CallerRotation, Notice, "agreement/4.6", Review, "a growing number of caller numbers"),
        row(CallerRotation, WARN, "agreement/4.6", WarnAndRecord, "caller numbers that rotate, or were never filed"),
        of(CrossRegion, BlockedRegionCalls, WARN, "outbound-rules/regions", WarnAndRecord, "calls to regions that may not be called"),
        row(CrossRegion, WARN, "agreement/4.6", WarnAndRecord, "local numbers that call other provinces"),
        row(CrossRegion, Major, "agreement/4.6", SuspendAndReview, "local numbers that mostly call other provinces"),
        row(Resale, Notice, "agreement/4.5", Review, "traffic that looks like several customers' under one app"),
        row(FeedHealth, Notice, "agreement/7", Review, "records that do not come, lie where they should not, or say the unknown"),
    ]
};

/// Every rule has a row.
const _: () = {
    let mut rule = 0;
    while rule < RuleName::ALL.len() {
        let mut row = 0;
        while row < BASE.len() && BASE[row].rule as usize != RuleName::ALL[rule] as usize {
            row += 1;
        }
        assert!(row < BASE.len(), "a rule has no row in the violation table");
        rule += 1;
    }
};

/// The rows of a rule in the base that are for one evidence each, the gravest first: where the evidence alone says how grave a
/// finding is, the rule asks here.
pub fn by_evidence(rule: RuleName) -> Vec<(Feature, &'static Violation)> {
    let mut rows: Vec<_> = BASE.iter().filter(|row| row.rule == rule).filter_map(|row| Some((row.evidence?, row))).collect();
    rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.severity));
    rows
}

/// How grave a finding of a rule is by this evidence alone: the base's row for it. A notice if it has none.
pub fn severity(rule: RuleName, evidence: Feature) -> Severity {
    let row = BASE.iter().find(|row| row.rule == rule && row.evidence == Some(evidence));
    row.map_or(Severity::Notice, |row| row.severity)
}

/// What a pack says otherwise of some rows. What it leaves out stays as it is in them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amendment {
    /// Of which rule.
    pub rule: RuleName,
    /// Of which evidence; of any if it does not say.
    pub evidence: Option<Feature>,
    /// Of which severity; of any if it does not say.
    pub severity: Option<Severity>,
    /// The clause.
    pub clause: Option<String>,
    /// What is recommended.
    pub action: Option<Action>,
    /// How many strikes are recorded.
    pub recorded: Option<u32>,
    /// What it is, in words.
    pub words: Option<String>,
}

/// A violation table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct ViolationTable(Vec<Violation>);

impl Default for ViolationTable {
    fn default() -> Self {
        Self(BASE.to_vec())
    }
}

impl ViolationTable {
    /// The base as a pack amends it; the first amendment that fits a row holds. What still rests on a clause of the base says so
    /// by `base` before it, the base's own name.
    pub fn amended(base: &str, amendments: &[Amendment]) -> Self {
        let fits = |row: &Violation, amendment: &&Amendment| {
            amendment.rule == row.rule && amendment.severity.is_none_or(|severity| severity == row.severity)
        };
        let mut rows = Vec::new();
        for row in BASE {
            let foreign = Violation { clause: format!("{base}/{}", row.clause).into(), ..row.clone() };
            let mut told: Vec<Option<Feature>> = Vec::new();
            let fitting = amendments.iter().filter(|amendment| fits(row, amendment));
            for amendment in fitting.filter(|amendment| {
                amendment.evidence.is_none() || row.evidence.is_none_or(|own| amendment.evidence == Some(own))
            }) {
                // An amendment for one evidence parts a row of its own from one that is for any.
                let evidence = row.evidence.or(amendment.evidence);
                if !told.contains(&evidence) {
                    told.push(evidence);
                    rows.push(foreign.amended(evidence, amendment));
                }
            }
            if !told.contains(&row.evidence) {
                rows.push(foreign);
            }
        }
        Self(rows)
    }

    /// Every row.
    pub fn rows(&self) -> &[Violation] {
        &self.0
    }

    /// The row that a finding of a rule falls under: that of the nearest severity, and of these the one for its gravest evidence.
    pub fn row(&self, rule: RuleName, evidence: Option<Feature>, severity: Severity) -> &Violation {
        let fits = |row: &&Violation| row.rule == rule && (row.evidence.is_none() || row.evidence == evidence);
        let rank = |row: &&Violation| ((row.severity as u8).abs_diff(severity as u8), row.evidence.is_none());
        let own = self.0.iter().filter(fits).min_by_key(rank);
        own.or_else(|| self.0.iter().find(|row| row.rule == rule)).unwrap_or(&BASE[0])
    }

    /// The row of an alert: its evidence, the gravest first, and its severity.
    pub fn judge(&self, rule: RuleName, evidence: &[Evidence], severity: Severity) -> &Violation {
        self.row(rule, evidence.first().map(|gravest| gravest.feature), severity)
    }

    /// The clause a rule rests on in the first place: that of its first row for any evidence, if it has one.
    pub fn clause(&self, rule: RuleName) -> &str {
        let mut rows = self.0.iter().filter(|row| row.rule == rule);
        let first = rows.clone().find(|row| row.evidence.is_none()).or_else(|| rows.next());
        first.map_or("", |row| &row.clause)
    }
}

impl Violation {
    fn amended(&self, evidence: Option<Feature>, amendment: &Amendment) -> Self {
        let text = |new: &Option<String>, own: &Cow<'static, str>| new.clone().map_or(own.clone(), Cow::Owned);
        Self {
            rule: self.rule,
            evidence,
            severity: self.severity,
            clause: text(&amendment.clause, &self.clause),
            action: amendment.action.unwrap_or(self.action),
            recorded: amendment.recorded.unwrap_or(self.recorded),
            words: text(&amendment.words, &self.words),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What the source's table says, row by row: the words stand beside what they mean here.
    #[test]
    fn the_seven_rows_of_the_source_are_in_the_table() {
        use Action::{EndService, WarnAndRecord};
        let table = ViolationTable::default();
        for (number, rule, evidence, severity, action, recorded) in [
            // 1. A fraud complaint that was verified: severe, the service ends.
            (1, RuleName::ComplaintRatio, Feature::VerifiedFraud, Severity::Severe, EndService, 0),
            // 2. A harassment complaint that was verified: major, the service ends.
            (2, RuleName::ComplaintRatio, Feature::VerifiedHarassment, Severity::Major, EndService, 0),
            // 3. Another business than the filed one, and forbidden: severe, the service ends.
            (3, RuleName::BusinessMismatch, Feature::ForbiddenBusiness, Severity::Severe, EndService, 0),
            // 4. Another business than the filed one, and allowed: a violation, warn and record one.
            (4, RuleName::BusinessMismatch, Feature::OtherBusiness, Severity::Violation, WarnAndRecord, 1),
            // 5. Harassing or abusing people on a call: major, the service ends.
            (5, RuleName::BusinessMismatch, Feature::InspectedAbuse, Severity::Major, EndService, 0),
            // 6. Obvious blind dialing, the callee says the number was leaked: a violation, warn and record one.
            (6, RuleName::BlindDialing, Feature::FreshShare, Severity::Violation, WarnAndRecord, 1),
            (6, RuleName::BusinessMismatch, Feature::InspectedLeak, Severity::Violation, WarnAndRecord, 1),
            // 7. Calling without consent, numbers from third parties: a violation, warn and record one.
            (7, RuleName::BusinessMismatch, Feature::InspectedNoConsent, Severity::Violation, WarnAndRecord, 1),
        ] {
            let row = table.row(rule, Some(evidence), severity);
            let expected = (format!("access-rules/{number}"), severity, action, recorded);
            assert_eq!((row.clause.to_string(), row.severity, row.action, row.recorded), expected, "row {number}");
            if row.evidence.is_some() {
                assert_eq!(super::severity(rule, evidence), severity, "row {number}");
            }
        }
        // Plainer blind dialing is still row 6.
        let grave = table.row(RuleName::BlindDialing, Some(Feature::NumberRun), Severity::Major);
        assert_eq!((&*grave.clause, grave.action, grave.recorded), ("access-rules/6", WarnAndRecord, 1));
        // Harassment seen in the calls themselves ends the service as rows 2 and 5 do.
        let harassment = table.row(RuleName::HarassmentRedial, Some(Feature::CallsAfterRefusal), Severity::Major);
        assert_eq!(harassment.action, EndService);
    }

    #[test]
    fn no_row_stands_twice_and_each_records_what_its_action_says() {
        let table = ViolationTable::default();
        let keys: BTreeSet<_> = table.rows().iter().map(|row| (row.rule, row.evidence, row.severity)).collect();
        assert_eq!(keys.len(), table.rows().len());
        for row in table.rows() {
            assert_eq!(row.recorded, u32::from(row.action == Action::WarnAndRecord), "{row:?}");
            assert_eq!(row.action == Action::Review, row.severity == Severity::Notice, "{row:?}");
        }
    }

    #[test]
    fn a_pack_amends_rows_and_the_rest_names_its_base() {
        let amendment = |rule, evidence, clause: &str| Amendment {
            rule,
            evidence,
            severity: None,
            clause: Some(clause.into()),
            action: None,
            recorded: None,
            words: None,
        };
        let table = ViolationTable::amended(
            "base",
            &[
                amendment(RuleName::CalleeFrequency, None, "own/1"),
                amendment(RuleName::RobotDialing, Some(Feature::DroppedShare), "own/2"),
                Amendment {
                    severity: Some(Severity::Major),
                    recorded: Some(2),
                    action: Some(Action::SuspendAndReview),
                    ..amendment(RuleName::ComplaintRatio, Some(Feature::VerifiedHarassment), "own/3")
                },
            ],
        );
        let clause = |rule, evidence, severity| &*table.row(rule, Some(evidence), severity).clause;
        assert_eq!(clause(RuleName::CalleeFrequency, Feature::CallsToCallee, Severity::Violation), "own/1");
        for severity in [Severity::Notice, Severity::Violation, Severity::Major] {
            assert_eq!(clause(RuleName::RobotDialing, Feature::DroppedShare, severity), "own/2");
            let other = clause(RuleName::RobotDialing, Feature::AgentShare, severity);
            assert_eq!(other, "base/access-rules/forbidden:robot-calls");
        }
        let harassment = table.row(RuleName::ComplaintRatio, Some(Feature::VerifiedHarassment), Severity::Major);
        assert_eq!((&*harassment.clause, harassment.recorded, harassment.action), ("own/3", 2, Action::SuspendAndReview));
        assert_eq!(clause(RuleName::ComplaintRatio, Feature::VerifiedFraud, Severity::Severe), "base/access-rules/1");
        assert_eq!((table.clause(RuleName::CalleeFrequency), table.clause(RuleName::FeedHealth)), ("own/1", "base/agreement/7"));
    }
}
