//! `dialwatch evaluate`: alerts held against labels.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{Failure, print, say};
use crate::engine::time::MINUTE_MS;
use crate::evaluate::{GRACE_MS, alerts, evaluate, picture, table, truth};

/// Arguments of `evaluate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What was done: the labels.json of `simulate`
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,

    /// What was said about it, as JSON lines; - is stdin
    #[arg(long, value_name = "FILE")]
    alerts: PathBuf,

    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,

    /// Where to draw precision, recall and delays, as SVG
    #[arg(long, value_name = "FILE.svg")]
    picture: Option<PathBuf>,

    /// How many minutes after its last call an incident may still be found
    #[arg(long, value_name = "N", default_value_t = GRACE_MS / MINUTE_MS, value_parser = clap::value_parser!(i64).range(0..=10_080))]
    grace_minutes: i64,
}

/// Evaluates.
pub fn run(args: Args) -> Result<(), Failure> {
    let truth = truth(&name(&args.labels), &read(&args.labels)?).map_err(anyhow::Error::from)?;
    let alerts = alerts(&name(&args.alerts), &read(&args.alerts)?, &truth).map_err(anyhow::Error::from)?;
    let report = evaluate(&truth, &alerts, args.grace_minutes * MINUTE_MS);
    if let Some(path) = &args.picture {
        let drawn = picture(&report).with_context(|| format!("{}: cannot be drawn", path.display()))?;
        std::fs::write(path, drawn).with_context(|| format!("{}: cannot be written", path.display()))?;
        say(&format!("{}: drawn", path.display()));
    }
    if args.json {
        let mut json = serde_json::to_vec(&report).context("the report cannot be written")?;
        json.push(b'\n');
        print(&json)
    } else {
        print(table(&report).as_bytes())
    }
}

fn name(path: &Path) -> String {
    if path == Path::new("-") { "(stdin)".to_owned() } else { path.display().to_string() }
}

fn read(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().read_to_string(&mut text),
        false => std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.with_context(|| format!("{}: cannot be read", name(path)))?;
    Ok(text)
}
