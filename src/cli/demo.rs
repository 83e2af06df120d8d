//! `dialwatch demo`: everything at work with nothing installed.
//!
//! The real service on an in-process Kafka; simulated apps, good and bad, play two days on it in seconds. Shows which apps
//! were caught and why, and ends by itself.

mod stage;
mod table;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::run::stop_on_signals;
use super::{Failure, print, say};
use crate::config::kafka::{GroupProtocol, RawKafka, RawTopics};
use crate::config::{self, Config};
use crate::engine::alert::Alert;
use crate::engine::policy::Policy;
use crate::engine::time::{LocalTime, Timestamp};
use crate::explain::grouped;
use crate::http::Server;
use crate::service::health::Stop;
use crate::service::{self, ServiceError, View};
use crate::sink::Sink;
use stage::{Play, Stage};
use table::{Paint, Show};

/// How often the show looks at where it is.
const TACT: Duration = Duration::from_millis(50);

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long the two simulated days last
    #[arg(long = "for", value_name = "DURATION", default_value = "15s")]
    length: config::Duration,

    /// How many apps there are
    #[arg(long, value_name = "N", default_value_t = 33, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    apps: u32,

    /// The same seed makes up the same days
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Where metrics and probes are served meanwhile
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    listen: String,
}

/// Alerts as they stand, each as grave as it became.
#[derive(Clone, Default)]
struct Collected(Arc<Mutex<BTreeMap<String, Alert>>>);

impl Sink for Collected {
    fn name(&self) -> &'static str {
        "demo"
    }

    fn deliver(&mut self, alerts: &[Alert]) -> io::Result<()> {
        let mut collected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for alert in alerts {
            let known = collected.entry(alert.alert_id.clone()).or_insert_with(|| alert.clone());
            *known = Alert { severity: known.severity.max(alert.severity), ..alert.clone() };
        }
        Ok(())
    }
}

impl Collected {
    fn alerts(&self) -> Vec<Alert> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Shows it.
pub fn run(args: Args) -> Result<(), Failure> {
    let stop = Stop::default();
    stop_on_signals(stop.clone()).context("signals cannot be waited for")?;
    let policy = Arc::new(Config::parse("", "")?.policy());
    let play = Play::new(args.seed, args.apps);
    let stage = Stage::new()?;
    let view = View::new().context("the metrics are malformed")?;
    let server = Server::start(&args.listen, view.clone()).with_context(|| format!("{} cannot be listened at", args.listen))?;
    say(&format!(
        "{} simulated apps make the calls of two days, played in {} through an in-process Kafka.\n\
         The service judges them as they come; its metrics are at http://{}/metrics meanwhile.\n",
        args.apps,
        args.length,
        server.address()
    ));
    let began = Instant::now();
    let collected = Collected::default();
    perform(&args, &play, &stage, policy, &collected, &view, &stop)?;
    let (alerts, apps) = (collected.alerts(), view.board.apps());
    let show = Show { filed: filed(&play), apps, alerts: &alerts, paint: Paint(has_colours()) };
    print(format!("{}\n{}\n", show.text(), closing(&show, &view, began.elapsed())).as_bytes())
}

/// Plays and judges until everything that was played is judged.
fn perform(
    args: &Args,
    play: &Play,
    stage: &Stage,
    policy: Arc<Policy>,
    collected: &Collected,
    view: &View,
    stop: &Stop,
) -> Result<(), anyhow::Error> {
    let kafka = kafka(&stage.servers());
    let length = Duration::from_millis(args.length.millis().unsigned_abs());
    let (day, clock) = (AtomicI64::new(play.begin().millis()), policy.clock.clone());
    let consumed = || view.metrics.ledger.page().total();
    std::thread::scope(|scope| {
        let service = scope.spawn(|| service::run(&kafka, Path::new(""), &policy, vec![Box::new(collected.clone())], view, stop));
        let player = scope.spawn(|| {
            let now = |moment: Timestamp| day.store(moment.millis(), Ordering::Relaxed);
            play.perform(&kafka.bootstrap_servers, length, stop, consumed, now)
        });
        let bar = progress_bar(play);
        while !(stop.is_asked() || service.is_finished() || player.is_finished()) {
            let now = Timestamp::from_millis(day.load(Ordering::Relaxed));
            let local = LocalTime::new(now.seconds(), clock.offset_s(now));
            bar.set_position((now.millis() - play.begin().millis()).unsigned_abs());
            bar.set_message(format!(
                "{:02}:{:02}  {} calls  {} alerts",
                local.second_of_day / 3_600,
                local.second_of_day / 60 % 60,
                grouped(consumed()),
                collected.len()
            ));
            std::thread::sleep(TACT);
        }
        let ended_early = service.is_finished();
        if ended_early {
            stop.ask();
        }
        let played = player.join().map_err(|_| anyhow::anyhow!("the player stopped"))?;
        while !(stop.is_asked() || played.is_err() || service.is_finished()) {
            if played.as_ref().is_ok_and(|played| consumed() >= played.records) {
                break;
            }
            std::thread::sleep(TACT);
        }
        bar.finish_and_clear();
        stop.ask();
        let judged: Result<(), ServiceError> = service.join().map_err(|_| anyhow::anyhow!("the service stopped"))?;
        judged?;
        played.map(drop)
    })
}

/// The configuration of the demo. Only records move time: the days are long over, and played far too fast for a wall clock.
fn kafka(servers: &str) -> RawKafka {
    RawKafka {
        bootstrap_servers: servers.to_owned(),
        topics: RawTopics {
            calls: stage::CALLS.into(),
            feedback: Some(stage::FEEDBACK.into()),
            registry: Some(stage::REGISTRY.into()),
            ..RawTopics::default()
        },
        group_protocol: GroupProtocol::Consumer,
        idle_timeout: config::Duration::default(),
        checkpoint_interval: config::Duration::from_millis(200),
        is_mock: true,
        ..RawKafka::default()
    }
}

fn filed(play: &Play) -> BTreeMap<String, String> {
    let words = |line: &crate::simulate::RegistryLine| format!("{}: {}", line.industry, line.scene).replace('_', " ");
    play.registry().iter().map(|line| (line.app_id.clone(), words(line))).collect()
}

fn closing(show: &Show<'_>, view: &View, took: Duration) -> String {
    let accused = show.apps.iter().filter(|app| show.alerts.iter().any(|alert| alert.app_id == app.app_id)).count();
    format!(
        "{} records through Kafka in {:.1} s; {} alerts about {accused} of {} apps.\n\
         On your own records: dialwatch replay --format tccc FILE, or as a service: dialwatch run -c FILE.",
        grouped(view.metrics.ledger.page().total()),
        took.as_secs_f64(),
        show.alerts.len(),
        show.apps.len(),
    )
}

fn has_colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A bar on stderr over the simulated day, if that is a terminal.
fn progress_bar(play: &Play) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new((play.end().millis() - play.begin().millis()).unsigned_abs());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {msg}") {
        bar.set_style(style);
    }
    bar
}
