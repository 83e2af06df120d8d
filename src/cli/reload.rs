//! Reading the configuration again while the service runs: on SIGHUP, or on `POST /-/reload`.
//!
//! A file that is wrong in any way changes nothing. It never touches what is judged: a new policy is offered to the service.

use std::sync::{Arc, Mutex, PoisonError};

use super::ConfigOptions;
use crate::config::{Changes, Config, Environment, Problems};
use crate::http::Access;
use crate::service::View;

/// Whoever reads the configuration again.
pub(super) struct Reloader {
    options: ConfigOptions,
    running: Mutex<Config>,
    view: View,
    access: Access,
}

impl Reloader {
    /// Puts `config`, which was read with `options`, into force, as far as it is not the service's own.
    pub(super) fn new(options: ConfigOptions, config: Config, view: View) -> Self {
        view.metrics.apps.configure(config.metrics());
        view.reload.begin(Arc::new(config.policy()));
        let access = Access::new(config.token().cloned());
        Self { options, running: Mutex::new(config), view, access }
    }

    /// The token in force.
    pub(super) fn access(&self) -> Access {
        self.access.clone()
    }

    /// Reads the configuration again and puts into force what can be without a restart. Says in the log what came of it.
    pub(super) fn reload(&self) -> Result<Changes, Problems> {
        // One after the other: the last file read is the one in force.
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let newer = self.options.read(Environment::Read);
        self.view.metrics.reloads.done(newer.is_ok());
        let newer = newer.inspect_err(|problems| {
            tracing::error!(problems = problems.list().len(), "the configuration is wrong: the one before stays in force");
            for problem in problems.list() {
                let (line, column) = problem.place.map_or((0, 0), |place| (place.line, place.column));
                tracing::error!(field = problem.path, line, column, "{}", problem.message);
            }
        })?;
        newer.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
        let (taken, changes) = running.taking(newer);
        if !changes.changed.is_empty() {
            self.view.metrics.apps.configure(taken.metrics());
            self.access.change(taken.token().cloned());
            self.view.reload.offer(Arc::new(taken.policy()));
        }
        tracing::info!(changed = ?changes.changed, version = changes.policy_version, "the configuration was read again");
        if !changes.needs_restart.is_empty() {
            tracing::warn!(fields = ?changes.needs_restart, "these changed in the configuration and need a restart to hold");
        }
        *running = taken;
        Ok(changes)
    }
}
