//! A made-up world, judged: its calls go once through any number of judges side by side, as a consumer would hear them.
//!
//! Records are written and decoded as in the wild, alerts and labels are read back from their text: what is measured is what
//! a user would get. Nothing here knows what a judge looks at.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use dialwatch::engine::decode::{Format, Limits, feedback, registration};
use dialwatch::engine::number::Number;
use dialwatch::engine::policy::Policy;
use dialwatch::engine::record::{CallRecord, Direction, Feedback, Position, Registration};
use dialwatch::engine::shard::{Effects, Input, Shard};
use dialwatch::engine::time::{DAY_S, MINUTE_MS, StreamClock, Timestamp};
use dialwatch::evaluate::{self, Alert, Truth};
use dialwatch::simulate::{self, FeedbackLine, LABELS_SCHEMA, LabelFile, SimulatedCall, WireFormat, World, app_id};

/// Whatever hears records and says alerts.
pub trait Judge: Send {
    /// Hears what an app filed; before any call.
    fn register(&mut self, _registration: &Registration) {}
    /// Hears a feedback, in order of time.
    fn heed(&mut self, _feedback: &Feedback) {}
    /// Hears a call, in order of arrival.
    fn hear(&mut self, call: &CallRecord<'_>);
    /// No more comes. What it said, as JSON lines of the contract's alerts or as alerts already read.
    fn finish(self: Box<Self>) -> Said;
}

/// What a judge said.
pub enum Said {
    /// Alerts as the program sends them.
    Lines(String),
    /// Alerts of a judge that has no messages.
    Alerts(Vec<Alert>),
}

/// The engine under a policy.
pub struct Engine {
    shard: Shard,
    clock: StreamClock,
    effects: Effects,
    heard: u64,
    told: Timestamp,
}

/// Long enough after the last call for everything to be judged and said.
const AFTER_MS: i64 = 60 * MINUTE_MS;

impl Engine {
    /// An engine that has heard nothing.
    pub fn new(policy: Policy) -> Self {
        let shard = Shard::new(Arc::new(policy), 1);
        Self { shard, clock: StreamClock::default(), effects: Effects::default(), heard: 0, told: Timestamp::default() }
    }
}

impl Judge for Engine {
    fn register(&mut self, registration: &Registration) {
        self.shard.apply(Input::Registration(registration), &mut self.effects);
    }

    fn heed(&mut self, feedback: &Feedback) {
        self.told = feedback.at;
        self.shard.apply(Input::Feedback(feedback), &mut self.effects);
    }

    fn hear(&mut self, call: &CallRecord<'_>) {
        if let Some(tick) = self.clock.observe(call.end) {
            self.shard.apply(Input::Tick(tick), &mut self.effects);
        }
        self.heard += 1;
        self.shard.apply(Input::call(call, Position { partition: 0, offset: self.heard }), &mut self.effects);
    }

    fn finish(mut self: Box<Self>) -> Said {
        let last = self.clock.newest().max(self.told);
        self.shard.apply(Input::Tick(last.plus_millis(AFTER_MS)), &mut self.effects);
        let line = |alert| serde_json::to_string(alert).expect("an alert is JSON") + "\n";
        Said::Lines(self.effects.alerts.iter().map(line).collect())
    }
}

/// A world after its judgement.
pub struct Judged {
    /// What was done in it.
    pub truth: Truth,
    /// What each judge said, in the order of the judges.
    pub alerts: Vec<Vec<Alert>>,
    /// The lines of those who speak in lines, else empty.
    pub lines: Vec<String>,
    /// How many records there were.
    pub records: u64,
    /// By app: caller numbers that called out on a day, summed over the days.
    pub line_days: BTreeMap<String, u64>,
    /// The people whom a rule about single callees was broken to: app, rule, pseudonym.
    pub harmed: BTreeSet<Pair>,
    /// What each app was made of.
    pub made_of: BTreeMap<String, String>,
}

/// An app, a rule about single callees, and a callee's pseudonym.
pub type Pair = (String, String, String);

/// Lets `judges` hear a world.
pub fn judge(world: &World, mut judges: Vec<Box<dyn Judge + '_>>) -> Judged {
    let limits = Limits::default();
    for filed in simulate::registrations(world) {
        let text = serde_json::to_vec(&filed).expect("a registration is JSON");
        let filed = registration(&text, &limits).expect("it is well formed");
        judges.iter_mut().for_each(|judge| judge.register(&filed));
    }
    let mut said = simulate::feedback_as_it_comes(world).peekable();
    let (mut line, mut records, mut line_days) = (Vec::new(), 0, HashSet::new());
    for call in simulate::calls(world) {
        while let Some(saying) = said.next_if(|line| line.at_ms <= call.arrival.millis()) {
            heed(&saying, &limits, &mut judges);
        }
        records += 1;
        if call.direction == Direction::Outbound {
            line_days.insert((call.app, call.start.seconds() / DAY_S, call.caller));
        }
        hear(&call, &mut line, &limits, &mut judges);
    }
    said.for_each(|saying| heed(&saying, &limits, &mut judges));
    let (truth, harmed) = truth(world);
    let (mut alerts, mut lines) = (Vec::new(), Vec::new());
    for judge in judges {
        let (said, text) = match judge.finish() {
            Said::Lines(text) => (evaluate::alerts("alerts", &text, &truth).expect("own alerts are read"), text),
            Said::Alerts(alerts) => (alerts, String::new()),
        };
        alerts.push(said);
        lines.push(text);
    }
    let mut by_app = BTreeMap::new();
    for (app, ..) in line_days {
        *by_app.entry(app_id(app).to_string()).or_default() += 1;
    }
    let made_of = simulate::apps(world).into_iter().map(|app| {
        let parameters = app.parameters.iter().map(|parameter| format!("{} {:.3}", parameter.name, parameter.value));
        (app.app_id, parameters.collect::<Vec<_>>().join(", "))
    });
    Judged { truth, alerts, lines, records, line_days: by_app, harmed, made_of: made_of.collect() }
}

fn heed(saying: &FeedbackLine, limits: &Limits<'_>, judges: &mut [Box<dyn Judge + '_>]) {
    let text = serde_json::to_vec(saying).expect("a feedback is JSON");
    let saying = feedback(&text, limits).expect("it is well formed");
    judges.iter_mut().for_each(|judge| judge.heed(&saying));
}

fn hear(call: &SimulatedCall, line: &mut Vec<u8>, limits: &Limits<'_>, judges: &mut [Box<dyn Judge + '_>]) {
    line.clear();
    call.write(WireFormat::Tccc, line);
    Format::Tccc.decode(line, None, limits, |call| {
        let call = call.expect("simulated records are well formed");
        judges.iter_mut().for_each(|judge| judge.hear(&call));
    });
}

/// The labels of a world. Goes through its traffic once more.
fn truth(world: &World) -> (Truth, BTreeSet<Pair>) {
    let file = LabelFile {
        schema: LABELS_SCHEMA,
        seed: world.seed,
        start: world.start,
        end: world.end(),
        apps: simulate::apps(world),
        labels: simulate::labels(world),
    };
    let pseudonyms = Policy::for_tests().pseudonyms;
    let pair = |app_id: &str, rule: &str, callee: &str| {
        let number = Number::parse(callee, "86").expect("a number of the simulation");
        (app_id.to_owned(), rule.to_owned(), pseudonyms.of(app_id, number))
    };
    let harmed = file.labels.iter().flat_map(|label| {
        label.callees.iter().map(|callee| pair(&label.app_id, label.rule.as_str(), &callee.callee)).collect::<Vec<_>>()
    });
    let harmed = harmed.collect();
    let text = serde_json::to_string(&file).expect("labels are JSON");
    (evaluate::truth("labels", &text).expect("own labels are read"), harmed)
}

/// The people about whom alerts accuse their app, from the lines of a judge.
pub fn accused(lines: &str) -> BTreeSet<Pair> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an alert is JSON"))
        .filter(|alert| alert["subject"]["kind"] == "callee" && alert["severity"] != "notice")
        .map(|alert| (text(&alert["app_id"]), text(&alert["rule"]), text(&alert["subject"]["pseudonym"])))
        .collect()
}

/// Several worlds of one length as one: apps are told apart by the number of their world. Worlds begin together.
pub fn joined(worlds: &[Judged], judge: usize) -> (Truth, Vec<Alert>) {
    let named = |world: usize, app_id: &str| format!("{world}/{app_id}");
    let mut all = Truth { apps: BTreeMap::new(), labels: Vec::new(), ..worlds[0].truth.clone() };
    let mut alerts = Vec::new();
    for (number, Judged { truth, alerts: said, .. }) in worlds.iter().enumerate() {
        all.apps.extend(truth.apps.iter().map(|(app_id, app)| (named(number, app_id), app.clone())));
        let mut labels = truth.labels.clone();
        labels.iter_mut().for_each(|label| label.app_id = named(number, &label.app_id));
        all.labels.extend(labels);
        let mut said = said[judge].clone();
        said.iter_mut().for_each(|alert| alert.app_id = named(number, &alert.app_id));
        alerts.extend(said);
    }
    (all, alerts)
}
