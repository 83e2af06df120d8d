//! `dialwatch replay`: the engine over recorded files.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use indicatif::{ProgressBar, ProgressStyle};

use super::{ConfigOptions, Failure, say};
use crate::engine::alert::Alert;
use crate::engine::decode::Format;
use crate::engine::time::{DAY_S, SECOND_MS, Timestamp};
use crate::replay::summary::Summary;
use crate::replay::{CHUNK_BYTES, DeadLetter, Inputs, Output, Replay, usual_shards};
use crate::sink::jsonl::JsonLines;
use crate::source::file::{Meter, Source};

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The format of the calls
    #[arg(long, value_name = "FORMAT", env = "DIALWATCH_FORMAT", value_parser = formats())]
    format: Format,

    /// The app of calls that do not name theirs, such as the answers of the TCCC API
    #[arg(long, value_name = "ID", env = "DIALWATCH_APP_ID", value_parser = app_id)]
    app_id: Option<String>,

    /// What the apps filed, as JSON lines; may be repeated
    #[arg(long, value_name = "FILE")]
    registry: Vec<PathBuf>,

    /// What callees and others said, as JSON lines; may be repeated
    #[arg(long, value_name = "FILE")]
    feedback: Vec<PathBuf>,

    /// Where alerts go, as JSON lines; - is stdout
    #[arg(long, value_name = "FILE", default_value = "-")]
    alerts: PathBuf,

    /// Where to note the records that could not be read, as JSON lines: place and reason, nothing of what they say
    #[arg(long, value_name = "FILE")]
    dead_letters: Option<PathBuf>,

    /// Let time go on after the last record until every alert has resolved
    #[arg(long)]
    resolve_at_end: bool,

    /// Into how many shards the apps are divided, each judged by one thread at a time; changes the speed and nothing else [default: 8
    /// for each core, at least 16]
    #[arg(long, value_name = "N", env = "DIALWATCH_SHARDS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    shards: Option<u16>,

    /// About how many bytes a thread decodes at a time; changes the speed and nothing else
    #[arg(long, value_name = "N", default_value_t = CHUNK_BYTES, hide = true)]
    chunk_bytes: usize,

    /// Files of calls in the order of time, plain, gzip or zstd; - is stdin
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,

    #[command(flatten)]
    config: ConfigOptions,
}

/// The formats of calls, by name.
pub(super) fn formats() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.iter().map(|format| format.name())).try_map(|name| name.parse::<Format>())
}

fn app_id(text: &str) -> Result<String, String> {
    use crate::engine::record::APP_ID_BYTES_MAX;
    match text.len() {
        _ if text.trim_ascii().is_empty() => Err("an app id is not empty".into()),
        length if length > APP_ID_BYTES_MAX => Err(format!("an app id has at most {APP_ID_BYTES_MAX} bytes")),
        _ => Ok(text.to_owned()),
    }
}

/// Replays.
pub fn run(args: Args) -> Result<(), Failure> {
    args.check_paths()?;
    let config = args.config.load()?;
    let replay = Replay {
        policy: Arc::new(config.policy()),
        format: args.format,
        app_id: args.app_id.clone(),
        newest: tomorrow(),
        shards: args.shards.map_or_else(usual_shards, usize::from),
        chunk_bytes: args.chunk_bytes,
        resolve_at_end: args.resolve_at_end,
    };
    // All inputs are opened before any output is emptied.
    let inputs = args.open()?;
    let mut outputs = args.outputs(&inputs)?;
    let (summary, remains) = replay.run(inputs, &mut outputs).context("the results cannot be written")?;
    std::mem::forget(remains);
    outputs.finish().context("the results cannot be written")?;
    say(summary.to_string().trim_end());
    verdict(&summary, args.format)
}

/// A replay that could read nothing, or not all of a file, has failed, however well it did otherwise.
fn verdict(summary: &Summary, format: Format) -> Result<(), Failure> {
    if summary.nothing_was_readable() {
        let hint = match summary.better_format {
            Some(better) => format!(": the first reads as `{better}`, try --format {better}"),
            None => String::new(),
        };
        return Err(anyhow::anyhow!("no call could be read as `{format}`{hint}").into());
    }
    if summary.broken_files.count() > 0 { Err(Failure::Said) } else { Ok(()) }
}

/// The last moment a record may carry: a day of wrong clocks is forgiven.
fn tomorrow() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(now.as_millis() as i64).plus_millis(i64::from(DAY_S) * SECOND_MS)
}

impl Args {
    fn files(&self) -> impl Iterator<Item = &Path> {
        self.inputs.iter().chain(&self.feedback).chain(&self.registry).map(PathBuf::as_path)
    }

    fn check_paths(&self) -> Result<(), Failure> {
        if self.files().filter(|path| *path == Path::new("-")).count() > 1 {
            return Err(Failure::Usage("stdin (-) can be read only once".into()));
        }
        let same_file = |one: &Path, other: &Path| {
            one != Path::new("-") && one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
        };
        for output in [Some(&self.alerts), self.dead_letters.as_ref()].into_iter().flatten() {
            if self.files().any(|input| same_file(input, output)) {
                return Err(Failure::Usage(format!("{} is an input: results would overwrite it", output.display())));
            }
        }
        if self.dead_letters.as_ref() == Some(&self.alerts) {
            return Err(Failure::Usage("--alerts and --dead-letters need a file each".into()));
        }
        Ok(())
    }

    fn open(&self) -> Result<Inputs, Failure> {
        let open = |paths: &[PathBuf]| {
            paths.iter().map(|path| Source::open(path)).collect::<Result<Vec<_>, _>>().map_err(anyhow::Error::from)
        };
        Ok(Inputs { registry: open(&self.registry)?, feedback: open(&self.feedback)?, calls: open(&self.inputs)? })
    }

    fn outputs(&self, inputs: &Inputs) -> Result<Outputs, Failure> {
        let create = |path: &PathBuf| JsonLines::create(path).with_context(|| format!("{}: cannot be written", path.display()));
        Ok(Outputs {
            alerts: create(&self.alerts)?,
            dead_letters: self.dead_letters.as_ref().map(create).transpose()?,
            bar: progress_bar(inputs),
        })
    }
}

/// Where the results go, and the bar that shows how far it is.
struct Outputs {
    alerts: JsonLines,
    dead_letters: Option<JsonLines>,
    bar: ProgressBar,
}

impl Outputs {
    fn finish(mut self) -> io::Result<()> {
        self.bar.finish_and_clear();
        self.alerts.flush()?;
        self.dead_letters.map_or(Ok(()), |mut letters| letters.flush())
    }
}

impl Output for Outputs {
    fn alert(&mut self, alert: &Alert) -> io::Result<()> {
        self.alerts.write(alert)
    }

    fn dead_letter(&mut self, letter: &DeadLetter<'_>) -> io::Result<()> {
        self.dead_letters.as_mut().map_or(Ok(()), |letters| letters.write(letter))
    }

    fn progress(&mut self, meter: &Meter) -> io::Result<()> {
        self.bar.set_position(meter.load(Ordering::Relaxed));
        self.bar.suspend(|| self.alerts.flush())
    }
}

/// A bar on stderr, if that is a terminal; without an end where the length is unknown.
fn progress_bar(inputs: &Inputs) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let length = inputs.calls.iter().map(Source::bytes).sum::<Option<u64>>();
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}"),
        None => (ProgressBar::no_length(), "{spinner} {binary_bytes} {binary_bytes_per_sec} {elapsed}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
