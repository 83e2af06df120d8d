//! `dialwatch schema`: JSON Schemas of what goes in and out.

use clap::ValueEnum;

use super::{Failure, print};
use crate::config::RawConfig;
use crate::engine::alert::Alert;
use crate::engine::decode::NeutralCall;

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Of what
    #[arg(value_enum)]
    of: Of,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    /// The configuration file
    Config,
    /// An alert
    Alert,
    /// A call in the format `dialwatch`
    Call,
}

/// Prints the schema.
pub fn run(args: Args) -> Result<(), Failure> {
    let schema = match args.of {
        Of::Config => schemars::schema_for!(RawConfig),
        Of::Alert => schemars::schema_for!(Alert),
        Of::Call => schemars::schema_for!(NeutralCall),
    };
    let text = serde_json::to_string_pretty(&schema).map_err(anyhow::Error::from)?;
    print(format!("{text}\n").as_bytes())
}
