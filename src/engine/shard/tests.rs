//! Apps that nobody hears of: laid down, and the same when they wake.

use super::*;
use crate::engine::number::Number;
use crate::engine::record::{Direction, FeedbackKind, HangupBy, Kind, Outcome, RawOutcome};
use crate::engine::time::DAY_MINUTES;

const BEGIN: Minute = Minute(29_500_000);

struct Bench {
    shard: Shard,
    effects: Effects,
    calls: u64,
}

impl Bench {
    fn new(policy: Policy) -> Self {
        Self { shard: Shard::new(Arc::new(policy), 7), effects: Effects::default(), calls: 0 }
    }

    /// An unanswered call to the callee `callee` that ends so many minutes after the beginning.
    fn call(&mut self, app_id: &str, callee: u64, minutes: u32) {
        self.calls += 1;
        let end = Minute(BEGIN.0 + minutes).start().plus_millis(30_000);
        let record = CallRecord {
            app_id: app_id.into(),
            call_id: format!("call-{}", self.calls).into(),
            direction: Direction::Outbound,
            kind: Kind::Agent,
            caller: Number::parse("+8675580000001", "86"),
            callee: Number::parse(&format!("+86199{callee:08}"), "86"),
            start: end.plus_millis(-20_000),
            ring: None,
            answer: None,
            end,
            outcome: Outcome::NoAnswer,
            outcome_known: true,
            raw_outcome: RawOutcome::default(),
            hangup_by: HangupBy::System,
            agent: None,
            caller_region: None,
            callee_region: None,
        };
        self.shard.apply(Input::call(&record, Position { partition: 0, offset: self.calls }), &mut self.effects);
    }

    fn register(&mut self, app_id: &str) {
        let registration = Registration { seats: Some(3), ..Registration::nothing(app_id.into()) };
        self.shard.apply(Input::Registration(&registration), &mut self.effects);
    }

    fn complain(&mut self, app_id: &str, minutes: u32) {
        let feedback = Feedback {
            kind: FeedbackKind::Complaint,
            app_id: app_id.into(),
            callee: Number::parse("+8619900000001", "86").expect("a number"),
            at: Minute(BEGIN.0 + minutes).start(),
            channel: "12321".into(),
            category: String::new(),
            verified: false,
            scene: None,
            call_id: None,
        };
        self.shard.apply(Input::Feedback(&feedback), &mut self.effects);
    }

    /// Everything before so many minutes after the beginning is judged.
    fn pass(&mut self, minutes: u32) {
        let at = Minute(BEGIN.0 + minutes).start().plus_millis(self.shard.policy().lateness_ms);
        self.shard.apply(Input::Tick(at), &mut self.effects);
    }

    fn is_present(&self, app_id: &str) -> bool {
        self.shard.seats.slot(app_id).is_some_and(|slot| self.shard.seats.present(slot).is_some())
    }

    fn changed(&mut self) -> Vec<String> {
        self.shard.begin_checkpoint();
        let mut changed: Vec<String> =
            std::iter::from_fn(|| self.shard.next_due()).map(|state| state.into_bytes().0.into()).collect();
        changed.sort_unstable();
        changed
    }
}

#[test]
fn an_app_nobody_hears_of_is_laid_down_and_wakes_as_it_was() {
    let mut bench = Bench::new(Policy::for_tests());
    bench.register("silent");
    for minute in 0..12 {
        bench.call("silent", u64::from(minute) * 7_919 % 90, minute * 7);
    }
    bench.pass(120);
    let (apps, callees) = (bench.shard.snapshot().apps, bench.shard.callees());
    assert!(bench.is_present("silent"));
    bench.pass(3 * DAY_MINUTES);
    assert!(!bench.is_present("silent"));
    assert!(bench.shard.snapshot().apps == apps, "dormant it is what it was");
    assert_eq!((bench.shard.callees(), bench.shard.len()), (callees, 1));
    assert_eq!(bench.shard.app("silent").expect("known").calls_judged(), 12);
    bench.call("silent", 5, 3 * DAY_MINUTES + 5);
    assert!(!bench.is_present("silent") && bench.shard.waiting_calls() == 1, "it is woken when it is judged");
    bench.pass(3 * DAY_MINUTES + 10);
    assert!(bench.is_present("silent"));
    assert_eq!(bench.shard.app("silent").expect("known").calls_judged(), 13);
}

#[test]
fn a_checkpoint_writes_what_changed_before_an_app_was_laid_down() {
    let mut bench = Bench::new(Policy::for_tests());
    bench.register("filed");
    assert!(!bench.is_present("filed"), "it never called");
    bench.call("called", 1, 0);
    bench.pass(3 * DAY_MINUTES);
    assert!(!bench.is_present("called"));
    assert_eq!(bench.changed(), ["called", "filed"]);
    assert_eq!(bench.changed(), [""; 0]);
    assert_eq!(bench.shard.app("filed").and_then(|app| app.profile().seats), Some(3));
}

#[test]
fn what_waits_for_time_is_not_laid_down() {
    let mut policy = Policy::for_tests();
    policy.rules.complaint_ratio.open_hours = 10 * 24;
    policy.rules.complaint_ratio.reply_minutes = 5 * DAY_MINUTES;
    let mut bench = Bench::new(policy);
    bench.call("complained of", 1, 0);
    bench.complain("complained of", 1);
    bench.pass(4 * DAY_MINUTES);
    assert!(bench.is_present("complained of") && !bench.shard.is_quiet(), "a reply is waited for");
    bench.pass(20 * DAY_MINUTES);
    assert!(!bench.is_present("complained of") && bench.shard.is_quiet());
}

#[test]
fn a_policy_by_which_a_dormant_app_waits_has_it_judged_again() {
    let mut policy = Policy::for_tests();
    policy.rules.complaint_ratio.open_hours = 10 * 24;
    policy.rules.complaint_ratio.reply_minutes = 5 * DAY_MINUTES;
    let mut bench = Bench::new(policy.clone());
    bench.call("complained of", 1, 0);
    bench.complain("complained of", 1);
    bench.pass(10);
    let mut other = policy.clone();
    other.rules.complaint_ratio.mode = Mode::Off;
    bench.shard.adopt(Arc::new(other));
    bench.pass(3 * DAY_MINUTES);
    assert!(!bench.is_present("complained of"));
    bench.shard.adopt(Arc::new(policy));
    assert!(!bench.shard.is_quiet());
    bench.pass(3 * DAY_MINUTES + 1);
    assert!(bench.is_present("complained of"));
}

#[test]
fn the_bound_of_apps_takes_the_longest_silent_dormant_or_not() {
    let mut policy = Policy::for_tests();
    policy.bounds.apps = 8;
    let mut bench = Bench::new(policy);
    for app in 0..8_u32 {
        bench.call(&format!("app-{app}"), 1, app * DAY_MINUTES);
        bench.pass(app * DAY_MINUTES + 30);
    }
    assert!(!bench.is_present("app-0") && bench.is_present("app-7"));
    bench.call("new", 1, 8 * DAY_MINUTES);
    assert!(!bench.shard.knows("app-0") && bench.shard.knows("app-1"));
    assert_eq!((bench.shard.len(), bench.shard.apps_evicted()), (8, 1));
    assert_eq!(bench.shard.begin_checkpoint().forgotten, ["app-0".into()]);
}

#[test]
fn an_alert_of_an_app_above_its_cap_says_what_a_sketch_stands_for() {
    let mut policy = Policy::for_tests();
    policy.bounds.memory.callees = 16;
    let mut bench = Bench::new(policy);
    for minute in 0..60 {
        bench.call("dials blindly", u64::from(minute), minute);
    }
    bench.pass(90);
    let alert = bench.effects.alerts.last().expect("sixty numbers in a row are an alert");
    let sketch = alert.sketch.expect("it says so");
    assert!((16..=32).contains(&sketch.callees), "one filter is full, the other may be: {sketch:?}");
    assert_eq!(sketch.error, 0.01);
    assert!(alert.completeness < 1.0);
    let cautions = crate::explain::Words::of(alert).cautions;
    assert!(cautions.iter().any(|caution| caution.contains("known by a sketch")), "{cautions:?}");
}
