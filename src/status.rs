//! What is known of each app right now, for whoever looks from outside: pages, the API, the demo.
//!
//! Workers write it when minutes close, never per call, and never wait for whoever reads.

use dashmap::DashMap;

use crate::engine::app::App;
use crate::engine::time::Timestamp;
use crate::engine::window::tally::Tally;

/// What is known of an app.
#[derive(Clone, Debug)]
pub struct AppStatus {
    /// The app.
    pub app_id: String,
    /// Everything before this moment of event time is judged.
    pub as_of: Timestamp,
    /// Calls judged, ever.
    pub calls_judged: u64,
    /// How its outbound calls of the last 24 hours ended.
    pub day: Tally,
    /// Different callees called within the last 24 hours.
    pub callees_day: u32,
}

impl AppStatus {
    fn new(app: &App, as_of: Timestamp) -> Self {
        let memory = app.memory();
        Self {
            app_id: app.id().to_owned(),
            as_of,
            calls_judged: app.calls_judged(),
            day: *memory.day.total(),
            callees_day: memory.pairs.distinct_day(),
        }
    }
}

/// The board on which workers write.
#[derive(Debug, Default)]
pub struct Board(DashMap<String, AppStatus>);

impl Board {
    /// Writes what is known of apps whose shard has judged everything before `as_of`.
    pub fn write<'a>(&self, apps: impl Iterator<Item = &'a App>, as_of: Timestamp) {
        for app in apps.filter(|app| app.calls_judged() > 0) {
            match self.0.get_mut(app.id()) {
                Some(mut status) => *status = AppStatus::new(app, as_of),
                None => {
                    self.0.insert(app.id().to_owned(), AppStatus::new(app, as_of));
                }
            }
        }
    }

    /// Wipes everything off.
    pub fn clear(&self) {
        self.0.clear();
    }

    /// Wipes off apps that moved elsewhere.
    pub fn wipe<'a>(&self, apps: impl Iterator<Item = &'a App>) {
        for app in apps {
            self.0.remove(app.id());
        }
    }

    /// All apps, by id.
    pub fn apps(&self) -> Vec<AppStatus> {
        let mut apps: Vec<AppStatus> = self.0.iter().map(|entry| entry.value().clone()).collect();
        apps.sort_by(|app, other| app.app_id.cmp(&other.app_id));
        apps
    }
}
