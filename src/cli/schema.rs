//! `dialwatch schema`: JSON Schemas of what goes in and out.

use clap::ValueEnum;

use super::{Failure, print};
use crate::config::{RawConfig, example};
use crate::engine::alert::Alert;
use crate::engine::decode::NeutralCall;

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Of what
    #[arg(value_enum)]
    of: Of,

    /// Print the built-in configuration instead, every field with what it means (config only)
    #[arg(long)]
    example: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
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
    match (args.example, args.of) {
        (true, Of::Config) => return print(example().as_bytes()),
        (true, _) => return Err(Failure::Usage("there is an example of the configuration only".into())),
        (false, _) => {}
    }
    let schema = match args.of {
        Of::Config => schemars::schema_for!(RawConfig),
        Of::Alert => schemars::schema_for!(Alert),
        Of::Call => schemars::schema_for!(NeutralCall),
    };
    let text = serde_json::to_string_pretty(&schema).map_err(anyhow::Error::from)?;
    print(format!("{text}\n").as_bytes())
}
