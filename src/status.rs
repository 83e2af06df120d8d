//! What is known of each app right now, for whoever looks from outside: pages, the API, app-labelled metrics, the demo.
//!
//! Workers write it when minutes close, never per call, and never wait for whoever reads for longer than it takes to copy a
//! pointer. It holds masks and pseudonyms, never a phone number (unless the configuration reveals them in alerts).

mod course;

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use serde_json::Value;

use crate::engine::alert::Alert;
use crate::engine::alert::ledger::Ledger;
use crate::engine::app::App;
use crate::engine::detector::Severity;
use crate::engine::policy::Policy;
use crate::engine::record::Registration;
use crate::engine::shard::Shard;
use crate::engine::terms::Terms;
use crate::engine::time::{DAY_MINUTES, Minute, Timestamp};
use crate::engine::window::panes::Span;
use crate::engine::window::tally::Tally;
pub use course::Course;

/// At most so often a partition is written, however fast its minutes close.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Writing may take one part of so many of a worker's time: what is shown gets older before records get slower.
const PARTS_OF_TIME: u32 = 50;
/// Parts of the board that are locked apart.
const LOCKS: usize = 128;

/// What is known of an app.
#[derive(Clone, Debug, PartialEq)]
pub struct AppStatus {
    /// The app.
    pub app_id: String,
    /// The partition in which its calls lie.
    pub partition: i32,
    /// Everything before this moment of event time is judged.
    pub as_of: Timestamp,
    /// The end of the last minute of which it was judged: one with records of it, or with an alert open.
    pub last_judged: Timestamp,
    /// Calls judged, ever.
    pub calls_judged: u64,
    /// How its outbound calls of the last 24 hours ended, to the quarter of an hour.
    pub day: Tally,
    /// How they spread over the day; written when a quarter of an hour ends.
    pub course: Arc<Course>,
    /// Different callees called within these hours.
    pub callees_day: u32,
    /// Callees remembered.
    pub callees_remembered: usize,
    /// What it filed, if it did.
    pub filed: Option<Filed>,
    /// What of the policy holds for it alone.
    pub terms: Option<Arc<Terms>>,
    /// What was recorded against it.
    pub ledger: Arc<Ledger>,
    /// Its open alerts, the gravest first, of equals the newest.
    pub open_alerts: Vec<Alert>,
}

/// What an app filed about itself, without numbers.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct Filed {
    /// Its name, empty if unsaid.
    pub name: String,
    /// Its industry, empty if unsaid.
    pub industry: String,
    /// Its business scene, empty if unsaid.
    pub scene: String,
    /// How many agents may be signed in.
    pub seats: Option<u32>,
    /// How many caller numbers it filed.
    pub callers: usize,
    /// What it said it does.
    pub declared_use: Vec<String>,
    /// The regions it said it calls.
    pub regions: Vec<String>,
    /// The time zone of its callees, if not the policy's.
    pub timezone: Option<String>,
    /// Since when it is a customer.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// Limits of rules that differ for it.
    pub limits: Option<Value>,
}

impl Filed {
    /// `None` where nothing was filed, or it was taken back.
    fn new(registration: &Registration) -> Option<Self> {
        let filed = Self {
            name: registration.name.clone(),
            industry: registration.industry.clone(),
            scene: registration.scene.clone(),
            seats: registration.seats,
            callers: registration.callers.len(),
            declared_use: registration.declared_use.clone(),
            regions: registration.regions.clone(),
            timezone: registration.timezone.clone(),
            since: registration.since,
            limits: serde_json::from_str(&registration.limits_json).ok(),
        };
        (filed != Self::default()).then_some(filed)
    }
}

impl AppStatus {
    /// An app whose shard has judged every minute before `open`.
    fn new(app: &App, policy: &Policy, partition: i32, open: Minute, course: Arc<Course>) -> Self {
        let (memory, last) = (app.memory(), Minute(open.0.saturating_sub(1)));
        let mut open_alerts = app.open_alerts(policy);
        open_alerts.sort_by(gravest_first);
        Self {
            app_id: app.id().to_owned(),
            partition,
            as_of: open.start(),
            last_judged: app.last_judged().end(),
            calls_judged: app.calls_judged(),
            day: memory.day.total_at(Span::DAY, last),
            course,
            callees_day: memory.pairs.distinct_day_at(last),
            callees_remembered: memory.pairs.len(),
            filed: app.registration().and_then(Filed::new),
            terms: app.terms().cloned(),
            ledger: app.ledger().clone(),
            open_alerts,
        }
    }

    /// The share of its placed calls that were answered, to six decimals; `None` if it placed none.
    pub fn answered_share(&self) -> Option<f64> {
        let share = || f64::from(self.day.answered) / f64::from(self.day.placed);
        (self.day.placed > 0).then(|| (share() * 1e6).round() / 1e6)
    }

    /// How grave its gravest open alert is.
    pub fn gravest(&self) -> Option<Severity> {
        self.open_alerts.first().map(|alert| alert.severity)
    }

    /// The name it filed, empty if none.
    pub fn name(&self) -> &str {
        self.filed.as_ref().map_or("", |filed| &filed.name)
    }
}

/// The order in which alerts are shown: the gravest first, of equals the newest; the rest so that it is always the same.
pub fn gravest_first(alert: &Alert, other: &Alert) -> std::cmp::Ordering {
    let rank = |alert: &Alert| Reverse((alert.severity, alert.starts_at));
    rank(alert).cmp(&rank(other)).then_with(|| (&alert.app_id, &alert.alert_id).cmp(&(&other.app_id, &other.alert_id)))
}

/// The board on which workers write.
#[derive(Debug)]
pub struct Board(DashMap<String, Arc<AppStatus>>);

impl Default for Board {
    fn default() -> Self {
        Self(DashMap::with_shard_amount(LOCKS))
    }
}

impl Board {
    /// What is known of an app.
    pub fn app(&self, app_id: &str) -> Option<Arc<AppStatus>> {
        self.0.get(app_id).map(|status| status.value().clone())
    }

    /// All apps, in no order. Copies pointers, not what they point to.
    pub fn apps(&self) -> Vec<Arc<AppStatus>> {
        self.0.iter().map(|status| status.value().clone()).collect()
    }

    /// Wipes everything off.
    pub fn clear(&self) {
        self.0.clear();
    }

    /// Puts up what is known of an app.
    pub fn put(&self, status: AppStatus) {
        let status = Arc::new(status);
        match self.0.get_mut(&status.app_id) {
            Some(mut known) => *known = status,
            None => {
                self.0.insert(status.app_id.clone(), status);
            }
        }
    }

    /// Wipes off what a partition wrote of apps for which `keep` does not hold.
    fn retain(&self, partition: i32, keep: impl Fn(&str) -> bool) {
        self.0.retain(|app_id, status| status.partition != partition || keep(app_id));
    }
}

/// The pen of one partition: what it has written, and when it writes again.
#[derive(Debug)]
pub struct Pen {
    partition: i32,
    due: Option<Instant>,
    /// The first minute of which nothing is on the board yet.
    next: Minute,
    apps_evicted: u64,
}

impl Pen {
    /// A pen that has written nothing.
    pub fn new(partition: i32) -> Self {
        Self { partition, due: None, next: Minute(0), apps_evicted: 0 }
    }

    /// Whether there is anything to write of the shard, and it is time to.
    pub fn is_due(&self, shard: &Shard) -> bool {
        self.next < shard.open_minute() && self.due.is_none_or(|due| due <= Instant::now())
    }

    /// Writes what changed in the shard since it last wrote: apps judged since; where a quarter of an hour has ended, also
    /// those of the last day, whose windows run empty.
    pub fn write(&mut self, board: &Board, shard: &Shard) {
        let (began, open) = (Instant::now(), shard.open_minute());
        let pane_ended = Span::DAY.pane(open) != Span::DAY.pane(self.next);
        let remembered = if pane_ended { DAY_MINUTES + 2 * Span::DAY.pane_minutes } else { 0 };
        let since = Minute(self.next.0.saturating_sub(remembered));
        for app in shard.judged_since(since).filter(|app| app.calls_judged() > 0) {
            let written = if pane_ended { None } else { board.app(app.id()).map(|known| known.course.clone()) };
            let course = written.unwrap_or_else(|| Arc::new(Course::of(&app, open)));
            board.put(AppStatus::new(&app, shard.policy(), self.partition, open, course));
        }
        if self.apps_evicted != shard.apps_evicted() {
            self.apps_evicted = shard.apps_evicted();
            board.retain(self.partition, |app_id| shard.knows(app_id));
        }
        self.next = open;
        self.due = Some(began + (began.elapsed() * PARTS_OF_TIME).max(WRITE_EVERY));
    }

    /// Wipes off all it has written: the partition goes elsewhere.
    pub fn wipe(self, board: &Board, shard: &Shard) {
        if self.apps_evicted != shard.apps_evicted() {
            return board.retain(self.partition, |_| false);
        }
        for app_id in shard.app_ids() {
            board.0.remove_if(app_id, |_, status| status.partition == self.partition);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::engine::record::{CallRecord, Direction, HangupBy, Kind, Outcome, Position, RawOutcome};
    use crate::engine::shard::{Effects, Input};
    use crate::engine::time::MINUTE_MS;

    const START_S: i64 = 1_773_018_000;

    struct Bench {
        shard: Shard,
        board: Board,
        pen: Pen,
        effects: Effects,
        calls: u64,
    }

    impl Bench {
        fn new(policy: Policy) -> Self {
            let shard = Shard::new(Arc::new(policy), 1);
            Self { shard, board: Board::default(), pen: Pen::new(3), effects: Effects::default(), calls: 0 }
        }

        /// A call to the callee `callee` that ends `minute` minutes after the start.
        fn call(&mut self, app_id: &str, callee: u64, minute: i64) {
            self.calls += 1;
            let end = Timestamp::from_seconds(START_S + minute * 60 + 30);
            let record = CallRecord {
                app_id: app_id.into(),
                call_id: format!("call-{}", self.calls).into(),
                direction: Direction::Outbound,
                kind: Kind::Agent,
                caller: crate::engine::number::Number::parse("+8675580000001", "86"),
                callee: crate::engine::number::Number::parse(&format!("+86199{callee:08}"), "86"),
                start: end.plus_millis(-20_000),
                ring: None,
                answer: Some(end.plus_millis(-10_000)),
                end,
                outcome: Outcome::Answered,
                outcome_known: true,
                raw_outcome: RawOutcome::default(),
                hangup_by: HangupBy::Unknown,
                agent: None,
                caller_region: None,
                callee_region: None,
            };
            self.shard.apply(Input::call(&record, Position::default()), &mut self.effects);
        }

        /// Judges everything before `minute` minutes after the start, and writes.
        fn write_at(&mut self, minute: i64) {
            let lateness_ms = self.shard.policy().lateness_ms;
            let now = Timestamp::from_seconds(START_S).plus_millis(minute * MINUTE_MS + lateness_ms);
            self.shard.apply(Input::Tick(now), &mut self.effects);
            self.pen.write(&self.board, &self.shard);
        }

        fn status(&self, app_id: &str) -> Arc<AppStatus> {
            self.board.app(app_id).expect("on the board")
        }
    }

    #[test]
    fn only_what_was_judged_is_written_again() {
        let mut bench = Bench::new(Policy::for_tests());
        bench.call("busy", 1, 0);
        bench.call("quiet", 2, 0);
        bench.write_at(1);
        let (busy, quiet) = (bench.status("busy"), bench.status("quiet"));
        assert_eq!((busy.day.placed, busy.callees_day, busy.answered_share(), busy.partition), (1, 1, Some(1.0), 3));
        assert_eq!(busy.as_of, Timestamp::from_seconds(START_S + 60));
        bench.call("busy", 3, 1);
        bench.pen.due = Some(Instant::now());
        assert!(!bench.pen.is_due(&bench.shard), "no minute has ended since");
        bench.write_at(2);
        assert!(!bench.pen.is_due(&bench.shard));
        assert_eq!(bench.status("busy").day.placed, 2);
        assert!(Arc::ptr_eq(&bench.status("quiet"), &quiet), "nothing happened to it");
        assert!(!Arc::ptr_eq(&bench.status("busy"), &busy));
    }

    #[test]
    fn the_day_of_a_silent_app_runs_out_on_the_board() {
        let mut bench = Bench::new(Policy::for_tests());
        bench.call("early", 1, 0);
        bench.call("early", 2, 300);
        for minute in (1..=30 * 60).step_by(7) {
            // Somebody else keeps time going.
            bench.call("other", minute as u64, minute);
            bench.write_at(minute + 1);
            let status = bench.status("early");
            let (from, judged) = (Span::DAY.from(Minute(status.as_of.minute().0 - 1)), status.as_of);
            let expected = [0, 300]
                .into_iter()
                .map(|minute| Timestamp::from_seconds(START_S + minute * 60 + 30))
                .filter(|end| *end >= from && *end < judged);
            assert_eq!(status.day.placed as usize, expected.count(), "at minute {minute}: {from} to {judged}");
            let behind = bench.status("other").as_of.millis() - status.as_of.millis();
            assert!(status.day.placed == 0 || behind < 22 * MINUTE_MS, "at minute {minute}: {behind} ms behind");
        }
        assert_eq!((bench.status("early").day.placed, bench.status("early").callees_day), (0, 0));
    }

    #[test]
    fn the_course_of_the_day_is_the_tally_of_its_quarters() {
        let mut bench = Bench::new(Policy::for_tests());
        for minute in [0, 1, 14, 15, 31] {
            bench.call("early", minute as u64, minute);
        }
        bench.write_at(46);
        let course = bench.status("early").course.clone();
        assert_eq!((course.placed.len(), course.usual.len(), &course.placed[93..]), (96, 96, &[3, 1, 1][..]));
        assert_eq!(course.from, Timestamp::from_seconds(START_S + 45 * 60 - 86_400));
        assert_eq!(course.usual[0], None, "no week is known");
        // Within a quarter of an hour it stays what it is.
        bench.call("early", 9, 47);
        bench.write_at(50);
        assert!(Arc::ptr_eq(&bench.status("early").course, &course));
        bench.write_at(60);
        assert_eq!(bench.status("early").course.placed[92..], [3, 1, 1, 1]);
        for day in 0..9 {
            for minute in [0, 10, 20] {
                bench.call("early", 9, 60 + day * 1_440 + minute);
            }
            bench.call("other", 9, day * 1_440 + 1_499);
            bench.write_at(day * 1_440 + 1_500);
        }
        let course = bench.status("early").course.clone();
        assert_eq!(course.placed.iter().sum::<u32>(), 3);
        let usual: f32 = course.usual.iter().flatten().sum();
        assert!((2.0..=4.0).contains(&usual), "{usual} of about three a day");
        bench.call("other", 9, 12 * 1_440);
        bench.write_at(12 * 1_440 + 1);
        assert_eq!(bench.status("early").course.placed, [0_u32; 0], "a silent app keeps nothing");
    }

    #[test]
    fn open_alerts_are_shown_until_they_are_over() {
        let mut bench = Bench::new(Policy::for_tests());
        for _ in 0..6 {
            bench.call("bad", 1, 0);
        }
        bench.write_at(1);
        let status = bench.status("bad");
        assert_eq!(status.open_alerts.len(), 1, "{:?}", status.open_alerts);
        assert_eq!(status.gravest(), Some(status.open_alerts[0].severity));
        assert_eq!((status.ledger.strikes(), status.ledger.entries()[0].ended_at), (1, None));
        assert!(!format!("{status:?}").contains("19900000001"), "a number is shown: {status:?}");
        bench.write_at(60);
        assert_eq!(bench.status("bad").open_alerts, []);
        let after = bench.status("bad");
        let entry = &after.ledger.entries()[0];
        assert!(entry.ended_at.is_some() && *entry.alert_id == *status.open_alerts[0].alert_id, "{entry:?}");
    }

    #[test]
    fn evicted_apps_and_partitions_that_go_leave_nothing() {
        let mut policy = Policy::for_tests();
        policy.bounds.apps = 8;
        let mut bench = Bench::new(policy);
        bench.board.put(AppStatus { partition: 4, ..example("elsewhere") });
        for app in 0..20 {
            bench.call(&format!("app-{app}"), app as u64, app);
            bench.write_at(app + 1);
        }
        assert_eq!(bench.board.apps().len(), 1 + bench.shard.apps().count());
        for late in [false, true] {
            if late {
                // One more is evicted after the last write.
                bench.call("late", 1, 20);
            }
            let pen = Pen { partition: 3, due: None, next: bench.pen.next, apps_evicted: bench.pen.apps_evicted };
            pen.wipe(&bench.board, &bench.shard);
            assert_eq!(bench.board.apps().len(), 1, "after the last write: {late}");
            assert!(bench.board.app("elsewhere").is_some());
            bench.pen.next = Minute(0);
            bench.write_at(20);
        }
    }

    /// An app of which nothing is known.
    pub(crate) fn example(app_id: &str) -> AppStatus {
        let app = App::new(app_id, &Policy::for_tests(), 1);
        AppStatus::new(&app, &Policy::for_tests(), 0, Minute(0), Arc::default())
    }
}
