//! `dialwatch simulate`: labelled traffic on disk.

use std::path::PathBuf;

use anyhow::Context;

use super::replay::formats;
use super::{Failure, say};
use crate::engine::decode::Format;
use crate::simulate::{WireFormat, World, write_files};

/// Arguments of `simulate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Everything follows from it: the same seed gives the same files
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// How many days the world lasts
    #[arg(long, value_name = "D", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,

    /// How many apps it has
    #[arg(long, value_name = "T", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tenants: u32,

    /// The folder for calls.jsonl, feedback.jsonl, registry.jsonl and labels.json
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The format of the calls
    #[arg(long, value_name = "FORMAT", default_value = "tccc", value_parser = formats())]
    format: Format,
}

/// Writes the files.
pub fn run(args: Args) -> Result<(), Failure> {
    let world = World::new(args.seed, args.days, args.tenants);
    let format = match args.format {
        Format::Tccc => WireFormat::Tccc,
        Format::Dialwatch => WireFormat::Dialwatch,
    };
    let summary = write_files(&world, format, &args.out)
        .with_context(|| format!("{}: the traffic cannot be written", args.out.display()))?;
    say(&format!(
        "{}: {} calls of {} apps, {} feedback, {} registrations, {} labels",
        args.out.display(),
        summary.calls,
        args.tenants,
        summary.feedback,
        summary.registrations,
        summary.labels
    ));
    Ok(())
}
