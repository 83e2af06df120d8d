//! Containers of recent events, each bounded, each with a naive reference model in its test.
//!
//! Calls reach them in the order in which they ended, a closed minute at a time; nothing here knows a rule.

pub mod baseline;
pub mod complaints;
pub mod concurrency;
pub mod faded;
pub mod habits;
pub mod line;
pub mod pairs;
pub mod panes;
pub mod recent;
pub mod refusals;
pub mod repeats;
pub mod sketch;
pub mod table;
pub mod talk;
pub mod tally;
pub mod walk;

/// A map with a keyed hash: callee numbers are chosen by attackers. Never iterated into output.
pub type Map<K, V> = hashbrown::HashMap<K, V, foldhash::fast::FixedState>;

/// An empty [`Map`] whose hash is keyed with `seed`. The seed changes speed under attack, never a result.
pub fn keyed_map<K, V>(seed: u64) -> Map<K, V> {
    Map::with_hasher(foldhash::fast::FixedState::with_seed(seed))
}

/// Entries of a map in the order of their keys: what may go into a snapshot.
pub fn sorted<K: Ord + Copy, V>(map: &Map<K, V>) -> Vec<(K, &V)> {
    let mut entries: Vec<_> = map.iter().map(|(key, value)| (*key, value)).collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries
}

/// Removes everything last used at or before a moment chosen such that at least `evict` entries go: the oldest, by
/// value, so that what stays does not depend on the map's order. Returns how many went.
pub fn evict_oldest<K, V>(map: &mut Map<K, V>, evict: usize, last_used_s: impl Fn(&V) -> u32) -> usize {
    let Some(threshold_s) = nth_oldest(map.values().map(&last_used_s), evict) else { return 0 };
    let before = map.len();
    map.retain(|_, value| last_used_s(value) > threshold_s);
    before - map.len()
}

/// The moment at or before which at least `evict` were last used, if there are any.
fn nth_oldest(last_used_s: impl Iterator<Item = u32>, evict: usize) -> Option<u32> {
    let mut ages: Vec<u32> = last_used_s.collect();
    let nth = evict.checked_sub(1)?.min(ages.len().checked_sub(1)?);
    Some(*ages.select_nth_unstable(nth).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eviction_takes_the_oldest_whatever_the_seed() {
        let kept = |seed| {
            let mut map = keyed_map(seed);
            for key in 0..1_000_u64 {
                map.insert(key, (key * 7_919 % 1_000) as u32);
            }
            let gone = evict_oldest(&mut map, 125, |at_s| *at_s);
            (gone, sorted(&map).into_iter().map(|(key, at_s)| (key, *at_s)).collect::<Vec<_>>())
        };
        let (gone, entries) = kept(1);
        assert_eq!(gone, 125);
        assert!(entries.iter().all(|(_, at_s)| *at_s >= 125));
        assert_eq!(kept(1), kept(99));
    }
}
