//! `dialwatch run`: the service, from the configuration to its last committed offset.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use clap::ValueEnum;

use super::reload::Reloader;
use super::{ConfigOptions, Failure, say};
use crate::config::Environment;
use crate::http::{Reloading, Server};
use crate::service::health::Stop;
use crate::service::{self, Setup, View};
use crate::sink;

/// The exit code when a second signal cuts the drain short.
const EXIT_CUT_SHORT: i32 = 130;

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: ConfigOptions,

    /// How messages are written
    #[arg(long, value_enum, value_name = "FORMAT", env = "DIALWATCH_LOG_FORMAT", default_value_t = LogFormat::Text)]
    log_format: LogFormat,

    /// Which messages are written, such as `info` or `dialwatch=debug,librdkafka=warn`
    #[arg(long, value_name = "LEVELS", env = "DIALWATCH_LOG", default_value = "info")]
    log: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// A line for people
    Text,
    /// A JSON object a line
    Json,
}

/// Runs the service until a signal asks it to end.
pub fn run(args: Args) -> Result<(), Failure> {
    let config = args.config.open(Environment::Read)?;
    start_log(args.log_format, &args.log)?;
    config.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    let kafka = config.kafka();
    if kafka.bootstrap_servers.is_empty() {
        return Err(Failure::Usage("the service needs a configuration with kafka.bootstrap_servers: pass -c FILE".into()));
    }
    let folder = Path::new(config.file_name()).parent().unwrap_or(Path::new(""));
    let sinks = sink::open(config.sinks(), folder, &config.http().alert_page()).map_err(anyhow::Error::msg)?;
    let view = View { external_labels: Arc::new(config.external_labels()), ..View::new().context("the metrics are malformed")? };
    let reloader = Arc::new(Reloader::new(args.config, config.clone(), view.clone()));
    let stop = Stop::default();
    stop_on_signals(stop.clone()).context("signals cannot be waited for")?;
    reload_on_hangup(reloader.clone()).context("signals cannot be waited for")?;
    let _server = serve(&config.http().listen, &view, reloader)?;
    let (policy, watchdog_every) = (Arc::new(config.policy()), config.watchdog().every.std());
    let setup = Setup { kafka, folder, policy: &policy, sinks, watchdog_every };
    service::run(setup, &view, &stop).map_err(anyhow::Error::from)?;
    tracing::info!("drained");
    Ok(())
}

/// Serves what `view` shows, unless there is nowhere to listen.
fn serve(listen: &str, view: &View, reloader: Arc<Reloader>) -> Result<Option<Server>, Failure> {
    if listen.is_empty() {
        return Ok(None);
    }
    let (access, reloading): (_, Reloading) = (reloader.access(), Arc::new(move || reloader.reload()));
    let server = Server::start_with(listen, view.clone(), access, Some(reloading))
        .with_context(|| format!("http.listen: {listen} cannot be listened at"))?;
    tracing::info!("metrics at http://{}/metrics", server.address());
    tracing::info!("the page at http://{}/", server.address());
    Ok(Some(server))
}

/// Messages go to stderr: stdout is for alerts.
fn start_log(format: LogFormat, levels: &str) -> Result<(), Failure> {
    // What people do is written whatever else is not, unless the levels name it.
    let filter = tracing_subscriber::EnvFilter::try_new(format!("audit=info,{levels}"))
        .map_err(|error| Failure::Usage(format!("--log {levels}: {error}")))?;
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal() && !no_color).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}

/// SIGHUP reads the configuration again, on a thread of its own: no slow disk delays the end of the service.
fn reload_on_hangup(reloader: Arc<Reloader>) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut hangup = {
        let _inside = runtime.enter();
        signal(SignalKind::hangup())?
    };
    std::thread::Builder::new().name("reload".into()).spawn(move || {
        while runtime.block_on(hangup.recv()).is_some() {
            // It has said in the log what came of it.
            let _ = reloader.reload();
        }
    })?;
    Ok(())
}

/// The first SIGTERM or SIGINT lets the service finish what it has in hand; the second does not wait for that.
pub(super) fn stop_on_signals(stop: Stop) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut terminate, mut interrupt) = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            for count in 1.. {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if count > 1 {
                    say("stopped before everything in hand was finished: it will be read again");
                    std::process::exit(EXIT_CUT_SHORT);
                }
                stop.ask();
            }
        });
    })?;
    Ok(())
}
