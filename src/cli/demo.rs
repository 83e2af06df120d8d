//! `dialwatch demo`: everything at work with nothing installed.
//!
//! The real service on an in-process Kafka; simulated apps, good and bad, make the calls of one day after the other on it.
//! Shows who is firing meanwhile, and which apps were caught and why when it is told to end.

mod found;
mod paint;
mod player;
mod screen;
mod stage;
mod summary;
mod table;

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

use super::run::stop_on_signals;
use super::{Failure, print, say};
use crate::clock::wall_clock;
use crate::config::kafka::RawKafka;
use crate::config::{self, Config};
use crate::engine::policy::Policy;
use crate::engine::time::{DAY_S, LocalTime, SECOND_MS, Timestamp};
use crate::explain::grouped;
use crate::http::Server;
use crate::metrics::Stream;
use crate::service::health::{Stage as Phase, Stop};
use crate::service::{self, Setup, View};
use found::Finder;
use paint::Paint;
use player::{Heed, Play};
use screen::Screen;
use stage::Stage;
use summary::{Moment, Summary, firing};
use table::Show;

/// How often the show looks at where it is.
const TACT: Duration = Duration::from_millis(50);
/// Over how long calls a second are counted.
const LATELY: Duration = Duration::from_secs(3);

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long it goes on; without it until Ctrl-C
    #[arg(long = "for", value_name = "DURATION", value_parser = some_time)]
    length: Option<config::Duration>,

    /// How long a simulated day lasts
    #[arg(long, value_name = "DURATION", default_value = "8s", value_parser = some_time)]
    day: config::Duration,

    /// How many apps there are
    #[arg(long, value_name = "N", default_value_t = 33, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    apps: u32,

    /// The same seed makes up the same days
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Where the page, metrics, probes and the API are served meanwhile
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    listen: String,
}

/// A duration that is one.
fn some_time(text: &str) -> Result<config::Duration, String> {
    let duration: config::Duration = text.parse().map_err(|error| format!("it {error}"))?;
    if duration.millis() > 0 { Ok(duration) } else { Err("it must be longer than nothing".into()) }
}

fn length_of(duration: config::Duration) -> Duration {
    Duration::from_millis(duration.millis().unsigned_abs())
}

/// Shows it.
pub fn run(args: Args) -> Result<(), Failure> {
    let ending = Stop::default();
    stop_on_signals(ending.clone()).context("signals cannot be waited for")?;
    let view = View::new().context("the metrics are malformed")?;
    let server = Server::start(&args.listen, view.clone()).with_context(|| format!("{} cannot be listened at", args.listen))?;
    say(&opening(&args, &server));
    let play = Play::new(args.seed, args.apps, wall_clock());
    let stage = Stage::new()?;
    let policy = Arc::new(Config::parse("", "")?.policy());
    let finder = Finder::default();
    let show = Performance { play, kafka: stage.kafka(), policy, finder: finder.clone(), view: view.clone(), ending };
    let (began, now) = (Instant::now(), show.perform(&args)?);
    let found = finder.found();
    let table = Show { apps: view.board.apps(), found: &found, paint: Paint::on(io::stdout().is_terminal()) };
    let closing = closing(&table, &view, began.elapsed(), now.millis() - show.play.begin().millis());
    print(format!("{}\n{closing}\n", table.text()).as_bytes())
}

fn opening(args: &Args, server: &Server) -> String {
    let address = server.address();
    let end = match args.length {
        Some(length) => format!("It ends after {length}, or at Ctrl-C"),
        None => "It goes on until Ctrl-C".into(),
    };
    format!(
        "{} simulated apps make their calls through an in-process Kafka, a day in {}; the service judges them as they come.\n\
         Meanwhile its page is at http://{address}/, its metrics at /metrics and its API at /api/v1/alerts there\n\
         {end}, and then tells what it found.\n",
        args.apps, args.day,
    )
}

/// What is performed, and who looks on.
struct Performance {
    play: Play,
    kafka: RawKafka,
    policy: Arc<Policy>,
    finder: Finder,
    view: View,
    /// The wish that the show ends.
    ending: Stop,
}

impl Performance {
    /// Plays and judges until the show is to end and everything that was played is judged. Returns how far the days went.
    fn perform(&self, args: &Args) -> Result<Timestamp, anyhow::Error> {
        let stop = Stop::default();
        let day_ms = AtomicI64::new(self.play.begin().millis());
        let now = || Timestamp::from_millis(day_ms.load(Ordering::Relaxed));
        let heed = Heed {
            ending: &self.ending,
            stop: &stop,
            lateness_ms: self.policy.lateness_ms,
            judged: &|| self.view.metrics.ledger.page().total(),
            now: &|moment| day_ms.store(moment.millis(), Ordering::Relaxed),
        };
        std::thread::scope(|scope| {
            let sinks: Vec<Box<dyn crate::sink::Sink>> = vec![Box::new(self.finder.clone())];
            let setup =
                Setup { kafka: &self.kafka, folder: Path::new(""), policy: &self.policy, sinks, watchdog_every: Duration::ZERO };
            let service = scope.spawn(|| service::run(setup, &self.view, &stop));
            let player = scope.spawn(|| self.play.perform(&self.kafka, length_of(args.day), &heed));
            let mut screen = Screen::new();
            let mut lately = Lately::default();
            let mut first_call = None;
            while !(service.is_finished() || player.is_finished()) {
                let calls = self.calls();
                lately.note(calls);
                first_call = first_call.or_else(|| (calls > 0).then(Instant::now));
                if first_call.zip(args.length).is_some_and(|(first, length)| first.elapsed() >= length_of(length)) {
                    self.ending.ask();
                }
                screen.show(|| self.summary(now(), lately.per_second()));
                std::thread::sleep(TACT);
            }
            stop.ask();
            let played = player.join().map_err(|_| anyhow!("the player stopped"));
            let judged = service.join().map_err(|_| anyhow!("the service stopped"));
            screen.wipe();
            judged??;
            played??;
            Ok(now())
        })
    }

    fn calls(&self) -> u64 {
        self.view.metrics.ledger.page().consumed_of(Stream::Calls)
    }

    fn summary(&self, now: Timestamp, calls_per_s: u64) -> Summary {
        let clock = &self.policy.clock;
        let local = |at: Timestamp| LocalTime::new(at.seconds(), clock.offset_s(at));
        let first_day = local(self.play.begin()).day;
        let moment = |at| Moment::new(local(at), first_day);
        let (opened, resolved) = {
            let found = self.finder.found();
            (found.opened, found.resolved)
        };
        let state = match self.view.health.stage() {
            _ if self.ending.is_asked() => Some("coming to an end"),
            Phase::Running => None,
            phase => Some(phase.as_str()),
        };
        Summary {
            state,
            now: moment(now),
            calls: self.calls(),
            calls_per_s,
            opened,
            resolved,
            checkpoints: self.view.metrics.checkpoints.committed.get(),
            firing: firing(self.view.board.apps(), |alert| moment(alert.starts_at)),
        }
    }
}

/// How many calls there were in the last seconds.
#[derive(Default)]
struct Lately(VecDeque<(Instant, u64)>);

impl Lately {
    fn note(&mut self, calls: u64) {
        self.0.push_back((Instant::now(), calls));
        while self.0.len() > 2 && self.0[1].0.elapsed() >= LATELY {
            self.0.pop_front();
        }
    }

    fn per_second(&self) -> u64 {
        let (Some((from, before)), Some((to, after))) = (self.0.front(), self.0.back()) else { return 0 };
        let took_s = to.duration_since(*from).as_secs_f64();
        if took_s > 0.0 { ((after - before) as f64 / took_s).round() as u64 } else { 0 }
    }
}

fn closing(show: &Show<'_>, view: &View, took: Duration, days_ms: i64) -> String {
    format!(
        "{} records of {:.1} simulated days through Kafka in {:.1} s; {} alerts about {} of {} apps.\n\
         On your own records: dialwatch replay --format tccc FILE, or as a service: dialwatch run -c FILE.",
        grouped(view.metrics.ledger.page().total()),
        days_ms as f64 / (f64::from(DAY_S) * SECOND_MS as f64),
        took.as_secs_f64(),
        grouped(show.found.opened),
        show.accused(),
        show.apps.len(),
    )
}
