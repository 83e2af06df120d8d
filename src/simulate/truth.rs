//! Truth: which calls break which rule, and the labels that sum it up.
//!
//! A call is marked when it is placed, by the script that places it (conduct: cold calling, machines) or by the limits of
//! the contract applied to what really happened (acts: pairs, hours, channels). Nothing here looks at a detector.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::SimulatedCall;
use super::family::Intensity;
use super::numbers::{Phone, PhoneSet, app_id};
use crate::engine::detector::RuleName;
use crate::engine::record::FeedbackKind;
use crate::engine::time::{DAY_S, HOUR_S, MINUTE_MS, SECOND_MS, Timestamp};

/// Two moments this close to the edge of a limit are told apart by milliseconds, but perhaps not by whole seconds.
const EDGE_MS: i64 = 2 * SECOND_MS;
const DAY_MS: i64 = DAY_S as i64 * SECOND_MS;
const HOUR_MS: i64 = HOUR_S as i64 * SECOND_MS;

/// More than three calls of one app to one callee within this time break `callee_frequency`.
const BURST_WINDOW_MS: i64 = 5 * MINUTE_MS;
const BURST_CALLS_MAX: usize = 3;
const DAY_CALLS_MAX: usize = 5;
/// So many calls within this time after a refusal are retaliation.
const RETALIATION_WINDOW_MS: i64 = 10 * MINUTE_MS;
const RETALIATION_CALLS: usize = 3;
/// From this many caller numbers on, a callee is hunted by them within a day.
const CALLERS_ON_ONE_CALLEE: usize = 3;
/// From this many declines or instant hang-ups within a day on, the next call is harassment.
const REFUSALS_IN_A_DAY: usize = 2;
/// Calls begin in these hours of the callee's day, in seconds since midnight.
const CALLING_HOURS_S: std::ops::Range<u32> = 8 * HOUR_S..21 * HOUR_S;

/// A rule whose truth is known. What the engine does not have yet would be named here besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// One of the engine's, by its name there.
    Built(RuleName),
}

impl Rule {
    /// The contract's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Built(rule) => rule.as_str(),
        }
    }

    /// How long a pause ends a label of this rule. A campaign goes on over nights and weekends, an act is over.
    const fn pause_ms(self) -> i64 {
        use RuleName::{AbnormalRate, CalleeFrequency, HarassmentRedial, RestTime};
        match self {
            Self::Built(HarassmentRedial | CalleeFrequency | RestTime | AbnormalRate) => 12 * HOUR_MS,
            Self::Built(_) => 72 * HOUR_MS,
        }
    }

    /// How long after the last call it may still show: people complain later, and their share is taken over a week.
    const fn lingers_ms(self) -> i64 {
        match self {
            Self::Built(RuleName::ComplaintRatio) => 8 * DAY_MS,
            Self::Built(_) => 0,
        }
    }

    /// Whether a label names the callees: the rules about single callees.
    pub(super) const fn names_callees(self) -> bool {
        matches!(self, Self::Built(RuleName::HarassmentRedial | RuleName::CalleeFrequency))
    }

    /// Whether a call breaks it or does not, with nothing in between: an alert without a label is then false.
    pub(super) const fn is_exact(self) -> bool {
        self.names_callees() || matches!(self, Self::Built(RuleName::RestTime))
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A set of rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaks(u16);

impl Breaks {
    /// No rule.
    pub const NONE: Self = Self(0);

    /// This rule alone.
    pub const fn only(rule: RuleName) -> Self {
        Self(1 << rule as u16)
    }

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set, and `rule` if `broken`.
    #[must_use]
    pub(super) const fn and_if(self, broken: bool, rule: RuleName) -> Self {
        if broken { self.and(Self::only(rule)) } else { self }
    }

    /// Whether `rule` is in it.
    pub const fn contains(self, rule: RuleName) -> bool {
        self.0 & Self::only(rule).0 != 0
    }

    /// Whether nothing is broken.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Whether a call beginning at this second of the callee's day breaks `rest_time`.
pub(super) const fn is_rest(second_of_day: u32) -> bool {
    second_of_day < CALLING_HOURS_S.start || second_of_day >= CALLING_HOURS_S.end
}

/// An earlier call to a callee, as far as the rules about pairs ask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) caller: Phone,
    /// Declined, or hung up at once.
    pub(super) refused: bool,
    /// Declined.
    pub(super) declined: bool,
    /// Whether the callee noticed it: a call that the network lost harasses nobody.
    pub(super) disturbed: bool,
}

/// The calls of one app to one callee so far: all of them that lie within a day, the newest [`History::KEPT`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct History {
    past: [Option<Past>; Self::KEPT],
    next: usize,
    /// When the callee said to be called no more.
    pub(super) opted_out_ms: Option<i64>,
}

impl History {
    /// Enough for every limit: the longest chain of calls a family declares.
    pub(super) const KEPT: usize = 8;

    /// Notes a call.
    pub(super) fn note(&mut self, past: Past) {
        self.past[self.next % Self::KEPT] = Some(past);
        self.next += 1;
    }

    fn past(&self) -> impl Iterator<Item = &Past> {
        self.past.iter().flatten()
    }

    /// What one more call, from `caller` at `start_ms`, breaks; `disturbs` says whether the callee notices it.
    pub(super) fn broken_by(&self, start_ms: i64, caller: Phone, disturbs: bool) -> Breaks {
        let began_within = |window_ms: i64| self.past().filter(move |past| start_ms - past.start_ms < window_ms).count();
        let frequency = began_within(BURST_WINDOW_MS) >= BURST_CALLS_MAX || began_within(DAY_MS) >= DAY_CALLS_MAX;
        Breaks::NONE
            .and_if(frequency, RuleName::CalleeFrequency)
            .and_if(disturbs && self.is_harassed_by(start_ms, caller), RuleName::HarassmentRedial)
    }

    fn is_harassed_by(&self, start_ms: i64, caller: Phone) -> bool {
        if self.opted_out_ms.is_some_and(|at_ms| at_ms < start_ms) {
            return true;
        }
        let today = || self.past().filter(|past| start_ms - past.start_ms < DAY_MS);
        let refusals = self.past().filter(|past| past.refused && start_ms - past.end_ms < DAY_MS).count();
        let retaliates = |refusal: &Past| {
            let since = self.past().filter(|past| past.disturbed && past.start_ms >= refusal.end_ms).count();
            refusal.declined && start_ms - refusal.end_ms < RETALIATION_WINDOW_MS && since + 1 >= RETALIATION_CALLS
        };
        let callers: PhoneSet = today().map(|past| past.caller).chain([caller]).collect();
        refusals >= REFUSALS_IN_A_DAY || self.past().any(retaliates) || refusals > 0 && callers.len() >= CALLERS_ON_ONE_CALLEE
    }

    /// The first moment from `start_ms` on that lies clear of every edge, so that a record in whole seconds tells the
    /// same truth as one in milliseconds.
    pub(super) fn clear_of_edges(&self, mut start_ms: i64) -> i64 {
        let on_edge = |start_ms: i64| {
            self.past().any(|past| {
                [past.start_ms, past.end_ms].into_iter().any(|from_ms| {
                    [BURST_WINDOW_MS, RETALIATION_WINDOW_MS, DAY_MS]
                        .iter()
                        .any(|window_ms| (start_ms - from_ms - window_ms).abs() < EDGE_MS)
                })
            })
        };
        while on_edge(start_ms) {
            start_ms += EDGE_MS;
        }
        start_ms
    }
}

/// What an app did, and when: one interval in which one rule was broken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Label {
    /// The app.
    pub app_id: String,
    /// The rule.
    pub rule: Rule,
    /// Whether an alert is due. If not, an alert of this rule is neither a hit nor false: the family's conduct may or may
    /// not show it.
    pub required: bool,
    /// Start of the first call that breaks it.
    pub from: Timestamp,
    /// End of the last call that breaks it.
    pub to: Timestamp,
    /// The family the app belongs to.
    pub family: &'static str,
    /// How hard the app tries.
    pub intensity: Intensity,
    /// Calls that break it.
    pub calls: u64,
    /// Distinct people those calls went to.
    pub callees_harmed: u64,
    /// Who they are, for the rules about single callees; empty for the others. In order of the first broken limit.
    pub callees: Vec<HarmedCallee>,
}

/// A person to whom a rule about single callees was broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct HarmedCallee {
    /// Start of the first call that broke it.
    pub at: Timestamp,
    /// The number, E.164.
    pub callee: String,
    /// Calls that broke it.
    pub calls: u64,
}

/// Sums marked calls up to labels. Memory grows with the people harmed, not with the calls.
#[derive(Default)]
pub(super) struct Labeller {
    open: BTreeMap<(u32, Rule), Interval>,
    closed: Vec<(u32, Rule, Interval)>,
}

#[derive(Default)]
struct Interval {
    from: Timestamp,
    to: Timestamp,
    calls: u64,
    harmed: PhoneSet,
    named: BTreeMap<Phone, (Timestamp, u64)>,
}

impl Labeller {
    /// Takes a call. Copies are passed over.
    pub(super) fn note(&mut self, call: &SimulatedCall) {
        if call.copy {
            return;
        }
        for rule in RuleName::ALL.iter().filter(|rule| call.breaks.contains(**rule)) {
            self.add(call, Rule::Built(*rule), call.start, call.end);
        }
        // A complaint found true is a matter by itself, from the moment it is made.
        if let Some(voice) = call.voice.filter(|voice| voice.kind == FeedbackKind::Complaint && voice.verified) {
            self.add(call, Rule::Built(RuleName::ComplaintRatio), voice.at, voice.at);
        }
    }

    fn add(&mut self, call: &SimulatedCall, rule: Rule, from: Timestamp, to: Timestamp) {
        let begun = || Interval { from, ..Interval::default() };
        let interval = self.open.entry((call.app, rule)).or_insert_with(begun);
        if interval.calls > 0 && from.millis() - interval.to.millis() > rule.pause_ms() {
            let over = std::mem::replace(interval, begun());
            self.closed.push((call.app, rule, over));
        }
        interval.from = interval.from.min(from);
        interval.to = interval.to.max(to);
        interval.calls += 1;
        interval.harmed.insert(call.callee);
        if rule.names_callees() {
            let (at, calls) = interval.named.entry(call.callee).or_insert((from, 0));
            *at = (*at).min(from);
            *calls += 1;
        }
    }

    /// The labels, by app, rule and time. `about` tells an app's family, its intensity and what it may break besides.
    pub(super) fn finish(mut self, about: impl Fn(u32) -> Option<(&'static str, Intensity, &'static [Rule])>) -> Vec<Label> {
        self.closed.extend(std::mem::take(&mut self.open).into_iter().map(|((app, rule), interval)| (app, rule, interval)));
        self.closed.sort_by_key(|(app, rule, interval)| (*app, *rule, interval.from));
        let mut labels = Vec::new();
        for of_app in self.closed.chunk_by(|left, right| left.0 == right.0) {
            let app = of_app[0].0;
            let Some((family, intensity, may_break)) = about(app) else { continue };
            let (from, to) = of_app.iter().fold((Timestamp::LATEST, Timestamp::EARLIEST), |(from, to), (_, _, interval)| {
                (from.min(interval.from), to.max(interval.to))
            });
            let label = |rule, required, interval: &Interval| Label {
                app_id: app_id(app).to_string(),
                rule,
                required,
                from: interval.from,
                to: interval.to,
                family,
                intensity,
                calls: interval.calls,
                callees_harmed: interval.harmed.len() as u64,
                callees: interval.named(),
            };
            labels.extend(of_app.iter().map(|(_, rule, interval)| label(*rule, true, interval)));
            let is_open =
                |rule: &Rule| !rule.is_exact() && (rule.lingers_ms() > 0 || !of_app.iter().any(|(_, broken, _)| broken == rule));
            labels.extend(may_break.iter().filter(|rule| is_open(rule)).map(|rule| {
                let to = to.plus_millis(rule.lingers_ms());
                label(*rule, false, &Interval { from, to, ..Interval::default() })
            }));
        }
        labels
    }
}

impl Interval {
    fn named(&self) -> Vec<HarmedCallee> {
        let mut named: Vec<_> = self
            .named
            .iter()
            .map(|(phone, (at, calls))| HarmedCallee { at: *at, callee: phone.to_string(), calls: *calls })
            .collect();
        named.sort();
        named
    }
}
