//! The options every command that judges has: which configuration, and what stands above it.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, say};
use crate::config::{Config, Duration, Environment, Overrides, Problems};

/// Which configuration to use. A flag stands above its environment variable, and both above the file.
#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration")]
pub struct ConfigOptions {
    /// The configuration file; without it the built-in defaults hold
    #[arg(short, long, value_name = "FILE", env = "DIALWATCH_CONFIG")]
    pub config: Option<PathBuf>,

    /// How late a call may arrive and still count, such as 5m
    #[arg(long, value_name = "DURATION", env = "DIALWATCH_LATENESS")]
    pub lateness: Option<Duration>,

    /// A file with the secret under which phone numbers become pseudonyms
    #[arg(long, value_name = "FILE", env = "DIALWATCH_PSEUDONYM_KEY_FILE", hide_env_values = true)]
    pub pseudonym_key_file: Option<PathBuf>,
}

impl ConfigOptions {
    /// Reads the configuration and says what deserves to be said about it.
    pub fn load(&self) -> Result<Config, Failure> {
        let config = self.open(Environment::Read)?;
        for warning in config.warnings() {
            say(&format!("warning: {warning}"));
        }
        Ok(config)
    }

    /// Reads the configuration.
    pub fn open(&self, environment: Environment) -> Result<Config, Failure> {
        Ok(self.read(environment)?)
    }

    /// Reads the configuration, or says everything that is wrong with it.
    pub fn read(&self, environment: Environment) -> Result<Config, Problems> {
        let overrides = Overrides { lateness: self.lateness, pseudonym_key_file: self.pseudonym_key_file.clone() };
        Config::open(self.config.as_deref(), &overrides, environment)
    }
}
