//! `dialwatch demo`: not in this build.

use super::Failure;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Says that it is not there.
pub fn run(_: Args) -> Result<(), Failure> {
    Err(anyhow::anyhow!("this build has no `demo`: use `replay` on recorded files").into())
}
