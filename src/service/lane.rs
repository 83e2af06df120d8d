//! A lane: one partition of the calls topic with its shard, its clock and its accounts. Bytes in, alerts out.
//!
//! It knows no broker, no thread and no wall clock: the same bytes in the same order lead to the same alerts. What
//! belongs to a partition is in here and nowhere else, so that a partition can be given away whole.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::engine::decode::{self, DecodeError, Format, Limits};
use crate::engine::policy::Policy;
use crate::engine::record::{CallRecord, Position, Registration};
use crate::engine::shard::{Effects, Input, Shard};
use crate::engine::time::{StreamClock, Timestamp};
use crate::metrics::{self, Metrics, OpenAlerts, Outcome, Page, Stream};
use crate::status::{Board, Pen};

/// How records are read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The format of the calls.
    pub format: Format,
    /// The app of calls that name none, before the key of their record.
    pub app_id: Option<String>,
    /// The longest record, in bytes.
    pub record_bytes_max: usize,
    /// The country code of numbers written without one.
    pub home_country: String,
}

impl Reading {
    /// What a record may not exceed; `newest` is the last moment it may carry.
    pub fn limits(&self, newest: Timestamp) -> Limits<'_> {
        Limits { record_bytes_max: self.record_bytes_max, newest, home_country: &self.home_country }
    }
}

/// What apps filed, by app. Every worker has all of it, since nobody can tell in which partition an app's calls will be.
#[derive(Debug, Default)]
pub struct Registrations(HashMap<String, Arc<Registration>>);

impl Registrations {
    /// What an app filed, if it did.
    pub fn of(&self, app_id: &str) -> Option<&Registration> {
        self.0.get(app_id).map(Arc::as_ref)
    }

    /// Keeps what an app filed; what it filed before no longer holds.
    pub fn keep(&mut self, registration: Arc<Registration>) {
        self.0.insert(registration.app_id.clone(), registration);
    }
}

/// How far the records of a lane are judged and their alerts delivered. Written by its worker, read by the poller.
#[derive(Debug)]
pub struct Progress {
    next_call: AtomicI64,
    next_feedback: AtomicI64,
    is_quiet: AtomicBool,
}

impl Default for Progress {
    fn default() -> Self {
        Self { next_call: AtomicI64::new(-1), next_feedback: AtomicI64::new(-1), is_quiet: AtomicBool::new(true) }
    }
}

impl Progress {
    /// The offset of the next call, if any was judged.
    pub fn next_call(&self) -> Option<i64> {
        Some(self.next_call.load(Ordering::Acquire)).filter(|next| *next >= 0)
    }

    /// The offset of the next feedback, if any was judged.
    pub fn next_feedback(&self) -> Option<i64> {
        Some(self.next_feedback.load(Ordering::Acquire)).filter(|next| *next >= 0)
    }

    /// Whether time alone changes nothing in the lane.
    pub fn is_quiet(&self) -> bool {
        self.is_quiet.load(Ordering::Acquire)
    }
}

/// A record as it lies in its topic.
#[derive(Clone, Copy)]
pub struct Raw<'r> {
    /// Its value; empty if it has none.
    pub payload: &'r [u8],
    /// Its key, if that is text.
    pub key: Option<&'r str>,
    /// Its offset.
    pub offset: i64,
}

/// What a batch of records leads to, before it leaves.
#[derive(Default)]
pub struct Outcomes {
    /// What became of the records.
    pub page: Page,
    /// What the shards want done.
    pub effects: Effects,
    /// The partition of each alert.
    pub owners: Vec<i32>,
    /// Records that could not be read.
    pub rejects: Vec<Reject>,
}

/// A record that could not be read: where it lies and why. Dead letters are made of these.
#[derive(Debug)]
pub struct Reject {
    /// Its stream.
    pub stream: Stream,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// What is wrong with it; says nothing of what is in it.
    pub error: DecodeError,
}

/// One partition.
pub struct Lane {
    partition: i32,
    shard: Shard,
    clock: StreamClock,
    open_alerts: OpenAlerts,
    gauges: metrics::Partition,
    progress: Arc<Progress>,
    /// Where `progress` goes once the batch has left.
    next_call: i64,
    next_feedback: i64,
    pen: Pen,
}

impl Lane {
    /// An empty lane.
    pub fn new(policy: Arc<Policy>, seed: u64, partition: i32, progress: Arc<Progress>, gauges: metrics::Partition) -> Self {
        Self {
            partition,
            shard: Shard::new(policy, seed),
            clock: StreamClock::default(),
            open_alerts: OpenAlerts::default(),
            gauges,
            progress,
            next_call: -1,
            next_feedback: -1,
            pen: Pen::new(partition),
        }
    }

    /// Takes in a record of the calls topic, which may hold many calls.
    pub fn call(
        &mut self,
        raw: Raw<'_>,
        reading: &Reading,
        newest: Timestamp,
        registrations: &Registrations,
        out: &mut Outcomes,
    ) {
        let position = Position { partition: self.partition as u32, offset: raw.offset as u64 };
        let app_id = reading.app_id.as_deref().or(raw.key);
        reading.format.decode(raw.payload, app_id, &reading.limits(newest), |call| {
            out.page.consumed(Stream::Calls);
            match call {
                Ok(call) => self.judge(&call, position, registrations, out),
                Err(error) => out.reject(Stream::Calls, self.partition, raw.offset, error),
            }
        });
        self.next_call = raw.offset + 1;
    }

    fn judge(&mut self, call: &CallRecord<'_>, position: Position, registrations: &Registrations, out: &mut Outcomes) {
        if let Some(now) = self.clock.observe(call.end) {
            self.shard.apply(Input::Tick(now), &mut out.effects);
        }
        let filed = registrations.of(&call.app_id).filter(|_| !self.shard.knows(&call.app_id));
        let accepted = self.shard.apply(Input::Call(call, position), &mut out.effects);
        if let Some(registration) = filed.filter(|filed| self.shard.knows(&filed.app_id)) {
            self.shard.apply(Input::Registration(registration), &mut out.effects);
        }
        out.page.settled(Stream::Calls, accepted.into());
    }

    /// Takes in a record of the feedback topic.
    pub fn feedback(
        &mut self,
        raw: Raw<'_>,
        reading: &Reading,
        newest: Timestamp,
        registrations: &Registrations,
        out: &mut Outcomes,
    ) {
        out.page.consumed(Stream::Feedback);
        match decode::feedback(raw.payload, &reading.limits(newest)) {
            Ok(feedback) => {
                if let Some(filed) = registrations.of(&feedback.app_id).filter(|_| !self.shard.knows(&feedback.app_id)) {
                    self.shard.apply(Input::Registration(filed), &mut out.effects);
                }
                let accepted = self.shard.apply(Input::Feedback(&feedback), &mut out.effects);
                out.page.settled(Stream::Feedback, accepted.into());
            }
            Err(error) => out.reject(Stream::Feedback, self.partition, raw.offset, error),
        }
        self.next_feedback = raw.offset + 1;
    }

    /// Takes in what an app filed anew, if the app is here.
    pub fn registration(&mut self, registration: &Registration, out: &mut Outcomes) {
        if self.shard.knows(&registration.app_id) {
            self.shard.apply(Input::Registration(registration), &mut out.effects);
        }
    }

    /// Lets time pass to `now` although no call came: the wall clock, as data.
    pub fn tick(&mut self, now: Timestamp, out: &mut Outcomes) {
        self.shard.apply(Input::Tick(now), &mut out.effects);
    }

    /// Judges by another policy from the next minute on.
    pub fn adopt(&mut self, policy: Arc<Policy>) {
        self.shard.adopt(policy);
    }

    /// The batch has left: from here on is gone on, whatever happens.
    pub fn advance(&mut self, board: &Board, finally: bool) {
        self.progress.next_call.store(self.next_call, Ordering::Release);
        self.progress.next_feedback.store(self.next_feedback, Ordering::Release);
        self.progress.is_quiet.store(self.shard.is_quiet(), Ordering::Release);
        self.gauges.waiting.set(self.shard.waiting_calls() as i64);
        let judged_until = self.shard.open_minute().start();
        if finally || self.pen.is_due(&self.shard) {
            self.pen.write(board, &self.shard);
            self.gauges.apps.set(self.shard.apps().count() as i64);
            self.gauges.callees.set(self.shard.apps().map(|app| app.memory().pairs.len() as i64).sum());
        }
        self.gauges.watermark.set(i64::from(judged_until.seconds()));
    }

    /// Notes alerts of this lane that were delivered.
    pub fn open_alerts(&mut self) -> &mut OpenAlerts {
        &mut self.open_alerts
    }

    /// The partition goes elsewhere, and all that is known of it here goes with it.
    pub fn leave(self, metrics: &Metrics, board: &Board) {
        metrics.alerts.forget(self.open_alerts);
        self.pen.wipe(board, &self.shard);
    }
}

impl Outcomes {
    /// The alerts since last asked are of `partition`.
    pub fn own(&mut self, partition: i32) {
        self.owners.resize(self.effects.alerts.len(), partition);
    }

    /// Counts a call that could not be read, and keeps the first of each record: a record is rejected once.
    fn reject(&mut self, stream: Stream, partition: i32, offset: i64, error: DecodeError) {
        self.page.settled(stream, Outcome::Invalid);
        let is_known = |last: &Reject| (last.stream, last.partition, last.offset) == (stream, partition, offset);
        if !self.rejects.last().is_some_and(is_known) {
            self.rejects.push(Reject { stream, partition, offset, error });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::FiledCaller;

    const NEWEST: Timestamp = Timestamp::LATEST;
    const MINUTE_S: i64 = 60;
    const START_S: i64 = 1_773_020_460;

    struct Bench {
        reading: Reading,
        metrics: Metrics,
        board: Board,
        registrations: Registrations,
        progress: Arc<Progress>,
        out: Outcomes,
    }

    impl Bench {
        fn new() -> (Self, Lane) {
            let policy = Arc::new(Policy::for_tests());
            let metrics = Metrics::new().expect("valid");
            let progress = Arc::new(Progress::default());
            let lane = Lane::new(policy.clone(), 1, 3, progress.clone(), metrics.partitions.of(3));
            let home_country = policy.home_country.clone();
            let reading = Reading { format: Format::Dialwatch, app_id: None, record_bytes_max: 1 << 20, home_country };
            let (board, registrations, out) = Default::default();
            (Self { reading, metrics, board, registrations, progress, out }, lane)
        }

        fn call(&mut self, lane: &mut Lane, payload: &str, offset: i64) {
            let raw = Raw { payload: payload.as_bytes(), key: Some("app-by-key"), offset };
            lane.call(raw, &self.reading, NEWEST, &self.registrations, &mut self.out);
        }
    }

    fn call(id: &str, app: &str, end_s: i64) -> String {
        let start_ms = (end_s - 30) * 1_000;
        format!(
            r#"{{"call_id":"{id}",{app}"direction":"outbound","callee":"someone","start":{start_ms},"end":{},"outcome":"no_answer"}}"#,
            end_s * 1_000
        )
    }

    #[test]
    fn a_call_without_an_app_is_the_keys() {
        let (mut bench, mut lane) = Bench::new();
        bench.call(&mut lane, &call("1", "", START_S), 0);
        assert!(lane.shard.knows("app-by-key"));
        bench.reading.app_id = Some("configured".into());
        bench.call(&mut lane, &call("2", "", START_S), 1);
        bench.call(&mut lane, &call("3", r#""app_id":"its-own","#, START_S), 2);
        assert!(lane.shard.knows("configured") && lane.shard.knows("its-own"));
        assert_eq!(bench.out.page.of(Stream::Calls, Outcome::Applied), 3);
    }

    #[test]
    fn what_an_app_filed_meets_its_first_call_and_nobody_else() {
        let (mut bench, mut lane) = Bench::new();
        let filed = |app_id: &str, seats| {
            let nothing = crate::service::conductor::nothing_filed(app_id);
            Registration { seats, callers: Vec::<FiledCaller>::new(), ..nothing }
        };
        bench.registrations.keep(Arc::new(filed("here", Some(5))));
        bench.registrations.keep(Arc::new(filed("elsewhere", Some(6))));
        bench.call(&mut lane, &call("1", r#""app_id":"here","#, START_S), 0);
        let seats = |lane: &Lane| {
            let mut seats = None;
            for app in lane.shard.apps() {
                seats = if app.id() == "here" { app.profile().seats } else { seats };
            }
            seats
        };
        assert_eq!(seats(&lane), Some(5));
        lane.registration(&filed("here", Some(9)), &mut bench.out);
        lane.registration(&filed("elsewhere", Some(9)), &mut bench.out);
        assert_eq!(seats(&lane), Some(9), "what is filed later holds from then on");
        assert!(!lane.shard.knows("elsewhere"), "an app without calls here takes no room here");
    }

    #[test]
    fn a_record_of_many_calls_is_counted_by_the_call_and_rejected_once() {
        let (mut bench, mut lane) = Bench::new();
        bench.reading.format = Format::Tccc;
        bench.call(&mut lane, r#"{"Response":{"TelCdrList":[1,2,3]}}"#, 7);
        bench.call(&mut lane, "nonsense", 8);
        assert_eq!(bench.out.page.of(Stream::Calls, Outcome::Invalid), bench.out.page.total());
        assert_eq!(bench.out.page.total(), 4);
        let places: Vec<i64> = bench.out.rejects.iter().map(|reject| reject.offset).collect();
        assert_eq!(places, [7, 8]);
    }

    #[test]
    fn progress_is_told_only_when_the_batch_has_left() {
        let (mut bench, mut lane) = Bench::new();
        bench.call(&mut lane, &call("1", "", START_S), 41);
        assert_eq!(bench.progress.next_call(), None);
        lane.advance(&bench.board, false);
        assert_eq!((bench.progress.next_call(), bench.progress.next_feedback()), (Some(42), None));
        assert!(!bench.progress.is_quiet(), "a call waits for its minute");
        lane.tick(Timestamp::from_seconds(START_S + 7 * MINUTE_S), &mut bench.out);
        lane.advance(&bench.board, true);
        assert!(bench.progress.is_quiet());
        assert_eq!(bench.board.apps().len(), 1);
        lane.leave(&bench.metrics, &bench.board);
        assert!(bench.board.apps().is_empty());
    }
}
