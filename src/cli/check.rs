//! `dialwatch check`: everything that is wrong with a configuration.

use super::{ConfigOptions, Failure, print, say};
use crate::config::Environment;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Look at nothing but the configuration file itself: not at files it names
    #[arg(long)]
    no_environment: bool,

    #[command(flatten)]
    config: ConfigOptions,
}

/// Checks.
pub fn run(args: Args) -> Result<(), Failure> {
    let environment = if args.no_environment { Environment::Ignore } else { Environment::Read };
    let config = args.config.open(environment)?;
    for warning in config.warnings() {
        say(&format!("warning: {warning}"));
    }
    let policy = config.policy();
    print(format!("{}: valid (policy {}, version {})\n", config.file_name(), policy.pack, policy.version).as_bytes())
}
