//! The command line: one file per command, each with its arguments and a `run`.
//!
//! stdout is data, stderr is messages. Exit codes: 0, 1 failure, 2 usage, 78 bad configuration. Never decides anything
//! about calls.

mod check;
mod completions;
mod demo;
mod evaluate;
mod explain;
mod man;
mod options;
mod platform;
mod reload;
mod replay;
mod run;
mod schema;
mod simulate;
mod topics;

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use options::ConfigOptions;

use crate::config::Problems;

/// What `sysexits.h` calls `EX_CONFIG`.
const EXIT_CONFIGURATION: u8 = 78;
const EXIT_USAGE: u8 = 2;

/// Finds the apps of a cloud call centre that dial blindly, harass, surge or let machines talk.
///
/// Reads call records from Kafka or from files, judges every app by the platform's published rules, and says which app did
/// what, since when, and by which calls that can be seen.
#[derive(Debug, Parser)]
#[command(name = "dialwatch", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: consume Kafka, detect, send alerts, serve HTTP.
    Run(run::Args),
    /// Run the same engine over recorded files, as fast as it can.
    Replay(replay::Args),
    /// Show everything at work with nothing installed.
    Demo(demo::Args),
    /// Write labelled traffic: calls, feedback, registry and labels.
    Simulate(simulate::Args),
    /// Hold alerts against labels: what was found, how soon, and what was wrong.
    Evaluate(evaluate::Args),
    /// Tell one alert in words: its numbers, its limits, the calls counted and where they lie.
    Explain(explain::Args),
    /// Say everything that is wrong with a configuration, with line and column.
    Check(check::Args),
    /// Print the commands that create the topics and grant the rights that the service needs, or create the topics.
    Topics(topics::Args),
    /// Print a JSON Schema.
    Schema(schema::Args),
    /// Print completions for a shell.
    Completions(completions::Args),
    /// Print the manual page.
    Man(man::Args),
}

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub enum Failure {
    /// The configuration is wrong: 78.
    Configuration(Problems),
    /// The arguments contradict each other: 2.
    Usage(String),
    /// Anything else: 1.
    Other(anyhow::Error),
    /// Something that has been said already: 1.
    Said,
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Configuration(problems)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Other(error.into())
    }
}

/// Runs the program: parses the arguments, does what they say, and turns the result into an exit code.
pub fn main() -> ExitCode {
    match dispatch(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => exit(&failure),
    }
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(args) => run::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::Evaluate(args) => evaluate::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Check(args) => check::run(args),
        Command::Topics(args) => topics::run(args),
        Command::Schema(args) => schema::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    }
}

fn exit(failure: &Failure) -> ExitCode {
    match failure {
        // Whoever read our output has seen enough.
        Failure::Other(error) if is_broken_pipe(error) => return ExitCode::SUCCESS,
        Failure::Configuration(problems) => say(&problems.to_string()),
        Failure::Usage(message) => say(&format!("error: {message}\n\nFor more information, try '--help'.")),
        Failure::Other(error) => say(&format!("error: {error:#}")),
        Failure::Said => {}
    }
    ExitCode::from(match failure {
        Failure::Configuration(_) => EXIT_CONFIGURATION,
        Failure::Usage(_) => EXIT_USAGE,
        Failure::Other(_) | Failure::Said => 1,
    })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = error.root_cause().downcast_ref::<io::Error>().map(io::Error::kind);
    kind == Some(io::ErrorKind::BrokenPipe)
}

/// Says something on stderr. Nothing can be done where nobody listens.
fn say(message: &str) {
    use std::io::Write;
    let _ = writeln!(io::stderr(), "{message}");
}

/// Writes data to stdout.
fn print(data: &[u8]) -> Result<(), Failure> {
    use std::io::Write;
    let mut stdout = io::stdout().lock();
    stdout.write_all(data)?;
    stdout.flush()?;
    Ok(())
}

/// The command line as clap knows it, for completions and the manual.
fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
