//! `dialwatch man`: the manual.

use std::path::PathBuf;

use anyhow::Context;

use super::{Failure, command, print};

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write a page for every command into this folder instead
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the page, or writes all of them.
pub fn run(args: Args) -> Result<(), Failure> {
    if let Some(folder) = args.out {
        std::fs::create_dir_all(&folder)
            .and_then(|()| clap_mangen::generate_to(command(), &folder))
            .with_context(|| format!("{}: the manual cannot be written", folder.display()))?;
        return Ok(());
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command()).render(&mut page)?;
    print(&page)
}
