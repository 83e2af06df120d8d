//! The `dialwatch` program: see [`dialwatch::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    dialwatch::cli::main()
}
