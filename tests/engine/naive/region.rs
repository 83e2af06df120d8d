//! Where numbers are at home, read off the table line by line, and who called where.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use dialwatch::engine::detector::Feature;
use dialwatch::engine::number::Number;
use dialwatch::engine::region::Region;

use super::{Count, DAY_MS, MINUTE_MS, Row, World};

/// From which seven digits on numbers belong to which province.
static TABLE: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    let text = include_str!("../../../src/engine/region/prefixes.txt");
    text.lines().map(|line| line.split_once(' ').expect("digits and letters")).collect()
});

/// Placed calls of the last day, which goes by quarters of an hour, by the homes of caller and callee.
pub fn count(world: &World<'_>, to: i64, feature: Feature) -> Count {
    let limits = &world.policy.rules.cross_region;
    let pane = 15 * MINUTE_MS;
    let from = (to - MINUTE_MS) / pane * pane + pane - DAY_MS;
    let filed = world.registration.iter().flat_map(|filed| &filed.regions);
    let filed: Vec<Option<&str>> = filed.map(|text| named(text)).collect();
    let homes = |row: &Row| (home(row.caller_region.as_deref(), row.caller), home(row.callee_region.as_deref(), row.callee));
    let homes: Vec<_> = world.placed(from, to).map(homes).collect();
    if feature == Feature::BlockedRegionCalls {
        let blocked = |callee: &str| limits.blocked_regions.iter().any(|region| region.code() == callee.as_bytes());
        return Count::of(homes.iter().filter(|(_, callee)| callee.is_some_and(blocked)).count());
    }
    let known: Vec<_> = homes.iter().filter(|(caller, callee)| caller.is_some() && callee.is_some()).collect();
    let other = known.iter().filter(|(caller, callee)| caller != callee && !filed.contains(callee));
    Count::share(other.count(), known.len(), limits.z)
}

/// The letters of the province that a Chinese text names.
fn named(text: &str) -> Option<&'static str> {
    let region = Region::ALL.iter().find(|region| text.starts_with(region.chinese()))?;
    TABLE.values().copied().find(|code| code.as_bytes() == region.code())
}

pub fn home(said: Option<&str>, number: Option<Number>) -> Option<&'static str> {
    let digits = number.map(Number::reveal).unwrap_or_default();
    if digits.is_empty() || digits.starts_with("token:") {
        return said.and_then(named);
    }
    let national = digits.strip_prefix("+86")?;
    let lengths = match national {
        national if national.starts_with("10") => 10..=10,
        national if national.starts_with('1') => 11..=11,
        _ => 10..=11,
    };
    if !lengths.contains(&national.len()) || national.starts_with("400") || national.starts_with("800") {
        return None;
    }
    let line = || TABLE.range(..=&national[..7]).next_back().map(|(_, code)| *code);
    said.and_then(named).or_else(line).filter(|code| *code != "--")
}
