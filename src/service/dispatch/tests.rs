//! Sinks that answer as they are told: what comes again, what is told again, what is counted.

use std::sync::Mutex;

use super::*;
use crate::engine::alert::tests::example;

const SOON: Duration = Duration::from_secs(20);

/// A sink that notes what it is given and answers as it is told.
#[derive(Clone, Default)]
struct Notes {
    given: Arc<Mutex<Vec<Vec<String>>>>,
    answers: Arc<Mutex<Vec<Delivery>>>,
    every: Option<Duration>,
}

impl Sink for Notes {
    fn name(&self) -> &'static str {
        "notes"
    }

    fn deliver(&mut self, alerts: &[Alert]) -> Delivery {
        let apps = alerts.iter().map(|alert| alert.app_id.clone()).collect();
        self.given.lock().expect("fine").push(apps);
        self.answers.lock().expect("fine").pop().unwrap_or(Delivery::Done)
    }

    fn repeats_every(&self) -> Option<Duration> {
        self.every
    }
}

impl Notes {
    /// Waits until something is true of what it was given.
    fn until(&self, what: &str, is_so: impl Fn(&[Vec<String>]) -> bool) {
        let began = Instant::now();
        while !is_so(&self.given.lock().expect("fine")) {
            assert!(began.elapsed() < SOON, "{what}: {:?}", self.given.lock());
            thread::sleep(Duration::from_millis(2));
        }
    }
}

fn outgoing(apps: &[&str]) -> Vec<Outgoing> {
    apps.iter().zip(0..).map(|(app, number)| Outgoing { number, alert: example(app) }).collect()
}

struct Bench {
    notes: Notes,
    dispatch: Dispatch,
    progress: Arc<Progress>,
    metrics: Arc<Metrics>,
}

fn bench(answers: Vec<Delivery>, every: Option<Duration>) -> Bench {
    let notes = Notes { answers: Arc::new(Mutex::new(answers)), every, ..Notes::default() };
    let metrics = Arc::new(Metrics::new().expect("valid"));
    let dispatch = Dispatch::start(vec![Box::new(notes.clone())], &metrics).expect("a thread");
    dispatch.begin(0, Vec::new());
    Bench { notes, dispatch, progress: Arc::new(Progress::new(1, 10)), metrics }
}

impl Bench {
    fn send(&self, apps: &[&str]) {
        self.progress.posted(apps.len() as u64);
        self.dispatch.send(0, &self.progress, outgoing(apps), apps.len() as u64);
    }

    fn until_delivered(&self) {
        let began = Instant::now();
        while self.progress.waiting() > 0 {
            assert!(began.elapsed() < SOON, "not delivered");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn what_a_sink_does_not_take_comes_again_until_it_does() {
    let not_yet = || Delivery::Retry(Duration::ZERO, "not yet".into());
    let bench = bench(vec![not_yet(), not_yet()], None);
    bench.send(&["one", "two"]);
    bench.until_delivered();
    assert_eq!(*bench.notes.given.lock().expect("fine"), vec![vec!["one".to_owned(), "two".to_owned()]; 3]);
    let series = bench.metrics.sinks.of("notes");
    assert_eq!((series.failures.get(), series.delivered.get(), series.waiting.get()), (2, 2, 0));
}

#[test]
fn what_is_refused_is_counted_and_holds_up_nothing() {
    let bench = bench(vec![Delivery::Refused(1, "a label".into())], None);
    bench.send(&["one", "two", "three"]);
    bench.until_delivered();
    let series = bench.metrics.sinks.of("notes");
    assert_eq!((series.refused.get(), series.delivered.get(), series.failures.get()), (1, 2, 0));
}

#[test]
fn what_is_open_is_told_again_and_what_went_elsewhere_is_not() {
    let bench = bench(Vec::new(), Some(Duration::from_millis(30)));
    bench.send(&["one"]);
    let told = |app: &'static str, times: usize| {
        move |given: &[Vec<String>]| given.iter().filter(|apps| apps.iter().any(|name| name == app)).count() >= times
    };
    bench.notes.until("told again", told("one", 4));
    bench.dispatch.begin(7, vec![example("restored")]);
    bench.notes.until("told of what came along", told("restored", 2));
    bench.dispatch.end(0);
    bench.dispatch.begin(1, vec![example("other")]);
    bench.notes.until("the next", told("other", 1));
    bench.notes.given.lock().expect("fine").clear();
    bench.notes.until("told again after one went", told("other", 3));
    assert!(!told("one", 1)(&bench.notes.given.lock().expect("fine")), "it belongs to others now");
    bench.dispatch.end_all();
    bench.dispatch.begin(2, vec![example("last")]);
    bench.notes.until("the last", told("last", 1));
    bench.notes.given.lock().expect("fine").clear();
    bench.notes.until("told again at last", told("last", 2));
    assert!(!told("other", 1)(&bench.notes.given.lock().expect("fine")));
}

/// An alert of the watchdog that were told again by the clock would say that calls come through when they do not.
#[test]
fn the_watchdog_is_told_again_only_when_its_call_came_through() {
    let bench = bench(Vec::new(), Some(Duration::from_millis(30)));
    let watchdog = watchdog::app_id(0);
    bench.send(&[&watchdog, "one"]);
    bench.notes.until("told again", |given| given.iter().filter(|apps| *apps == &["one".to_owned()]).count() >= 3);
    let barks = |given: &[Vec<String>]| given.iter().filter(|apps| apps.contains(&watchdog)).count();
    assert_eq!(barks(&bench.notes.given.lock().expect("fine")), 1);
    bench.dispatch.bark(0);
    bench.notes.until("it barks", |given| barks(given) == 2);
}

/// The storm of the issue: ten thousand alerts at once are delivered, and what waits is what the outbox holds.
#[test]
fn a_storm_leaves_nothing_behind() {
    let bench = bench(vec![Delivery::Retry(Duration::ZERO, "busy".into())], Some(Duration::from_secs(3_600)));
    let apps: Vec<String> = (0..10_000).map(|app| format!("app-{app}")).collect();
    bench.send(&apps.iter().map(String::as_str).collect::<Vec<_>>());
    bench.until_delivered();
    let series = bench.metrics.sinks.of("notes");
    assert_eq!((series.delivered.get(), series.waiting.get()), (10_000, 0));
}
