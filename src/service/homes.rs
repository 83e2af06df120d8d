//! Where the apps of this process are at home: the partition in which each was first met.
//!
//! A topic must be keyed by app id with one partitioner: every limit is a limit of a whole app, and a partition is judged
//! alone. This notices the first call of an app in a second partition. It cannot see an app whose two partitions belong to
//! two processes, and after a restart it knows only apps that shards still remember. Asked once an app and partition, never
//! once a call.

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use crate::engine::record::Position;
use crate::engine::shard::Shard;

/// Apps noted at most; further ones are not checked.
const APPS_MAX: usize = 4_000_000;

/// The first call of each app, for all lanes of the process.
#[derive(Debug, Default)]
pub struct Homes(DashMap<Box<str>, Position>);

impl Homes {
    /// Notes that the first call of an app in its partition stands `here`. Returns where the app is at home if that is
    /// another partition.
    pub fn meet(&self, app_id: &str, here: Position) -> Option<Position> {
        let is_full = self.0.len() >= APPS_MAX;
        match self.0.entry(app_id.into()) {
            Entry::Occupied(home) => Some(*home.get()).filter(|home| home.partition != here.partition),
            Entry::Vacant(_) if is_full => None,
            Entry::Vacant(place) => {
                place.insert(here);
                None
            }
        }
    }

    /// Notes the apps of a shard whose state was taken back. Those that are at home elsewhere were told of when that came up.
    pub fn settle(&self, shard: &Shard) {
        for app in shard.apps() {
            if let Some(first) = app.first_call() {
                self.meet(app.id(), first);
            }
        }
    }

    /// A partition goes elsewhere: nobody is at home there any longer, as far as this process can tell.
    pub fn forget(&self, partition: u32) {
        self.0.retain(|_, home| home.partition != partition);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(partition: u32, offset: u64) -> Position {
        Position { partition, offset }
    }

    #[test]
    fn an_app_is_at_home_where_it_was_first_met() {
        let homes = Homes::default();
        assert_eq!(homes.meet("app", at(1, 88)), None);
        assert_eq!(homes.meet("app", at(1, 7)), None, "met again after it was forgotten");
        assert_eq!(homes.meet("other", at(3, 9)), None);
        assert_eq!(homes.meet("app", at(3, 12)), Some(at(1, 88)));
        assert_eq!(homes.meet("app", at(4, 1)), Some(at(1, 88)));
    }

    #[test]
    fn a_partition_that_goes_is_nobodys_home() {
        let homes = Homes::default();
        homes.meet("app", at(1, 88));
        homes.meet("other", at(3, 9));
        homes.forget(1);
        assert_eq!(homes.meet("app", at(3, 12)), None);
        assert_eq!(homes.meet("app", at(1, 100)), Some(at(3, 12)));
        assert_eq!(homes.meet("other", at(1, 101)), Some(at(3, 9)));
    }

    #[test]
    fn of_two_lanes_at_once_exactly_one_is_home() {
        let homes = Homes::default();
        let told: usize = std::thread::scope(|scope| {
            let lane = |partition| {
                let homes = &homes;
                scope.spawn(move || (0..2_000).filter(|app| homes.meet(&app.to_string(), at(partition, *app)).is_some()).count())
            };
            let lanes = [lane(1), lane(2)];
            lanes.into_iter().map(|lane| lane.join().expect("it ends")).sum()
        });
        assert_eq!(told, 2_000, "each app was met by one lane after the other");
    }
}
