//! `dialwatch completions`: what shells complete.

use clap_complete::Shell;

use super::{Failure, command, print};

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the completions.
pub fn run(args: Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "dialwatch", &mut script);
    print(&script)
}
