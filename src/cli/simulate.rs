//! `dialwatch simulate`: labelled traffic on disk.

use std::path::PathBuf;

use super::Failure;

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
}

/// Writes the files.
pub fn run(_: Args) -> Result<(), Failure> {
    Err(anyhow::anyhow!("not yet").into())
}
