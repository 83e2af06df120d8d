//! The simple detectors that people write first, on the same records: what the engine has to beat (`detection.md` D).
//!
//! Each is as its source has it and no better: no bound for small samples, no week of its own, no second look. Alarms of one
//! app become one alert until none came for 90 minutes, as the engine's own book would have it.

use std::collections::{HashMap, HashSet, VecDeque};

use dialwatch::engine::detector::{RuleName, Severity};
use dialwatch::engine::number::Number;
use dialwatch::engine::record::{Call, CallRecord, Outcome, Position};
use dialwatch::engine::time::{DAY_S, HOUR_S, MINUTE_MS, Timestamp};
use dialwatch::evaluate::Alert;

use super::course::{Judge, Said};

/// A baseline: what it is called, the rule it stands for, and one that has heard nothing.
pub struct Baseline {
    /// What tables call it.
    pub name: &'static str,
    /// The rule whose labels it is held against.
    pub rule: RuleName,
    /// One that has heard nothing.
    pub new: fn() -> Box<dyn Judge>,
}

/// All of them.
pub const BASELINES: [Baseline; 4] = [
    Baseline {
        name: "fixed ratios from 100 calls on",
        rule: RuleName::BlindDialing,
        new: || by_app::<FixedRatios>(RuleName::BlindDialing),
    },
    Baseline { name: "hourly rule of thumb", rule: RuleName::BlindDialing, new: || by_app::<HourlyRule>(RuleName::BlindDialing) },
    Baseline { name: "EWMA, z > 4", rule: RuleName::AbnormalRate, new: || by_app::<Ewma>(RuleName::AbnormalRate) },
    Baseline { name: "beacon score >= 0.9", rule: RuleName::RobotDialing, new: || by_app::<Beacons>(RuleName::RobotDialing) },
];

/// What is simple about one app.
trait Simple: Default + Send + 'static {
    /// Hears an outbound call; whether it is alarmed.
    fn alarms(&mut self, call: &Call) -> bool;
}

/// Alarms of one app merge while no more than this lies between them: 30 minutes until resolved, 60 to reopen.
const MERGE_MS: i64 = 90 * MINUTE_MS;

struct ByApp<S> {
    rule: RuleName,
    apps: HashMap<String, App<S>>,
}

#[derive(Default)]
struct App<S> {
    simple: S,
    calls: u64,
    callees: HashSet<Number>,
    alerts: Vec<Alert>,
}

fn by_app<S: Simple>(rule: RuleName) -> Box<dyn Judge> {
    Box::new(ByApp::<S> { rule, apps: HashMap::new() })
}

impl<S: Simple> Judge for ByApp<S> {
    fn hear(&mut self, record: &CallRecord<'_>) {
        let call = Call::new(record, Position::default());
        if !call.is_attempt() {
            return;
        }
        let app = self.apps.entry(record.app_id.clone().into_owned()).or_default();
        app.calls += 1;
        app.callees.extend(call.callee);
        if app.simple.alarms(&call) {
            app.alarm(&record.app_id, self.rule, call.end);
        }
    }

    fn finish(self: Box<Self>) -> Said {
        Said::Alerts(self.apps.into_values().flat_map(|app| app.alerts).collect())
    }
}

impl<S> App<S> {
    fn alarm(&mut self, app_id: &str, rule: RuleName, at: Timestamp) {
        match self.alerts.last_mut() {
            Some(open) if open.ends_at.is_some_and(|ends_at| at.millis() - ends_at.millis() <= MERGE_MS) => {
                open.ends_at = open.ends_at.max(Some(at));
            }
            _ => self.alerts.push(Alert {
                app_id: app_id.to_owned(),
                rule: rule.as_str().to_owned(),
                speaks_at: at,
                accuses_at: Some(at),
                ends_at: Some(at),
                severity: Severity::Violation,
                calls: self.calls,
                callees: self.callees.len() as u64,
            }),
        }
    }
}

fn is_short(call: &Call) -> bool {
    call.talk_s().is_some_and(|talk_s| talk_s <= 6)
}

fn share(count: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}

/// Raw shares over a day from 100 calls on: 75 % new callees and two of few answers (35 %), empty numbers (5 %), answers over
/// at once (15 %: Telnyx, Genesys), refusals (8 %).
#[derive(Default)]
struct FixedRatios {
    known: HashSet<Number>,
    day: VecDeque<(u32, Outcome, bool, bool)>,
}

impl Simple for FixedRatios {
    fn alarms(&mut self, call: &Call) -> bool {
        let new = call.callee.is_some_and(|callee| self.known.insert(callee));
        self.day.push_back((call.end.seconds(), call.outcome, is_short(call), new));
        while self.day.front().is_some_and(|(end_s, ..)| end_s + DAY_S < call.end.seconds()) {
            self.day.pop_front();
        }
        // Recounted now and then: a raw share moves little with one call.
        if self.day.len() < 100 || !self.day.len().is_multiple_of(10) {
            return false;
        }
        let of = |outcome| self.day.iter().filter(|(_, other, ..)| *other == outcome).count();
        let (calls, answered) = (self.day.len(), of(Outcome::Answered));
        let signs = [
            share(answered, calls) <= 0.35,
            share(of(Outcome::InvalidNumber), calls) >= 0.05,
            share(self.day.iter().filter(|(_, _, short, _)| *short).count(), answered) >= 0.15,
            share(of(Outcome::Rejected), calls) >= 0.08,
        ];
        let fresh = share(self.day.iter().filter(|(.., new)| *new).count(), calls);
        fresh >= 0.75 && signs.iter().filter(|sign| **sign).count() >= 2
    }
}

/// A wholesaler's rule of the hour (Volli): above 120 calls, over 20 % short, under 50 % answered or over 20 % declined.
#[derive(Default)]
struct HourlyRule {
    hour: u32,
    calls: usize,
    answered: usize,
    short: usize,
    declined: usize,
}

impl Simple for HourlyRule {
    fn alarms(&mut self, call: &Call) -> bool {
        let hour = call.end.seconds() / HOUR_S;
        if hour > self.hour {
            *self = Self { hour, ..Self::default() };
        }
        self.calls += 1;
        self.answered += usize::from(call.outcome == Outcome::Answered);
        self.short += usize::from(is_short(call));
        self.declined += usize::from(call.outcome == Outcome::Rejected);
        self.calls > 120
            && (share(self.short, self.answered) > 0.2
                || share(self.answered, self.calls) < 0.5
                || share(self.declined, self.calls) > 0.2)
    }
}

/// Calls in five minutes against an exponentially weighted mean and deviation of them, without any week; ten calls at least.
#[derive(Default)]
struct Ewma {
    slot: u32,
    calls: u32,
    slots: u32,
    mean: f64,
    variance: f64,
}

/// A slot moves mean and variance by a twentieth of its distance.
const EWMA_GAIN: f64 = 0.05;
/// Slots before it dares to say anything: a day.
const EWMA_SLOTS_MIN: u32 = 288;

impl Ewma {
    fn close(&mut self) {
        let off = f64::from(self.calls) - self.mean;
        self.mean += EWMA_GAIN * off;
        self.variance = (1.0 - EWMA_GAIN) * (self.variance + EWMA_GAIN * off * off);
        (self.slots, self.calls) = (self.slots + 1, 0);
    }
}

impl Simple for Ewma {
    fn alarms(&mut self, call: &Call) -> bool {
        let slot = call.end.seconds() / 300;
        if self.slot == 0 {
            self.slot = slot;
        }
        while self.slot < slot {
            self.close();
            self.slot += 1;
        }
        self.calls += 1;
        let z = (f64::from(self.calls) - self.mean) / self.variance.sqrt().max(1e-9);
        self.slots >= EWMA_SLOTS_MIN && self.calls >= 10 && z > 4.0
    }
}

/// How evenly the last 64 calls of a caller number start, as beacon hunters score connections (RITA): the Bowley skew and the
/// median absolute deviation of the times from start to start.
#[derive(Default)]
struct Beacons {
    starts: HashMap<Number, VecDeque<i64>>,
}

const BEACON_CALLS: usize = 64;
const BEACON_SCORE: f64 = 0.9;

impl Simple for Beacons {
    fn alarms(&mut self, call: &Call) -> bool {
        let Some(caller) = call.caller else { return false };
        let starts = self.starts.entry(caller).or_default();
        starts.push_back(call.start.millis());
        if starts.len() > BEACON_CALLS {
            starts.pop_front();
        }
        starts.len() == BEACON_CALLS && beacon_score(starts) >= BEACON_SCORE
    }
}

fn beacon_score(starts: &VecDeque<i64>) -> f64 {
    let mut starts: Vec<i64> = starts.iter().copied().collect();
    starts.sort_unstable();
    let mut gaps_s: Vec<f64> = starts.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1_000.0).collect();
    gaps_s.sort_by(f64::total_cmp);
    let at = |quarter: usize| gaps_s[(gaps_s.len() - 1) * quarter / 4];
    let (low, median, high) = (at(1), at(2), at(3));
    let skew = if high - low < 10.0 { 0.0 } else { ((high + low - 2.0 * median) / (high - low)).abs() };
    let mut off: Vec<f64> = gaps_s.iter().map(|gap_s| (gap_s - median).abs()).collect();
    off.sort_by(f64::total_cmp);
    let spread = off[off.len() / 2];
    let steadiness = if median > 0.0 { ((median - spread) / median).max(0.0) } else { 0.0 };
    f64::midpoint(1.0 - skew, steadiness)
}
