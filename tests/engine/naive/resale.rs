//! How caller numbers are used, and whom two apps called, counted naively.

use std::collections::{BTreeMap, BTreeSet};

use dialwatch::engine::detector::Feature;
use dialwatch::engine::number::Number;
use dialwatch::engine::record::{Direction, Outcome};

use super::{Count, DAY_MS, HOUR_MS, MINUTE_MS, Row, World, caller, region, wilson};
use crate::run::Record;

/// Calls by hour of the day, by end, and by province, each by its name.
type Use = [BTreeMap<String, f64>; 3];

fn uses(rows: &[&Row]) -> Use {
    let mut uses = Use::default();
    for row in rows {
        let end = match row.outcome {
            Outcome::Answered => match row.talk_s() {
                Some(..=6) => "over at once",
                Some(..=30) => "short",
                Some(..=120) => "usual",
                _ => "long",
            },
            Outcome::Rejected | Outcome::NoAnswer | Outcome::Busy | Outcome::InvalidNumber | Outcome::Unreachable => {
                row.outcome.as_str()
            }
            _ => "else",
        };
        *uses[0].entry((row.start.rem_euclid(DAY_MS) / (2 * HOUR_MS)).to_string()).or_default() += 1.0;
        *uses[1].entry(end.into()).or_default() += 1.0;
        if let Some(province) = region::home(row.callee_region.as_deref(), row.callee) {
            *uses[2].entry(province.into()).or_default() += 1.0;
        }
    }
    uses
}

/// By entropies: that of the mixture less the mean of both.
fn distance(one: &BTreeMap<String, f64>, other: &BTreeMap<String, f64>, least: f64) -> Option<f64> {
    let total = |counts: &BTreeMap<String, f64>| counts.values().sum::<f64>();
    let (all_one, all_other) = (total(one), total(other));
    if all_one < least || all_other < least {
        return None;
    }
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let share = |counts: &BTreeMap<String, f64>, name: &String, all: f64| counts.get(name).copied().unwrap_or(0.0) / all;
    let entropy = |share: &dyn Fn(&String) -> f64| -> f64 {
        names.iter().map(|name| share(name)).filter(|share| *share > 0.0).map(|share| -share * share.log2()).sum()
    };
    let (first, second) = (|name: &String| share(one, name, all_one), |name: &String| share(other, name, all_other));
    let both = |name: &String| (first(name) + second(name)) / 2.0;
    Some((entropy(&both) - (entropy(&first) + entropy(&second)) / 2.0).max(0.0).sqrt())
}

fn distances(one: &[&Row], other: &[&Row], least: f64) -> Vec<Option<f64>> {
    uses(one).iter().zip(&uses(other)).map(|(one, other)| distance(one, other, least)).collect()
}

/// The groups of numbers as of the day's first judgement, or how far the first two lie apart.
pub fn groups(world: &World<'_>, opened: i64, to: i64, feature: Feature) -> Result<Count, String> {
    let limits = &world.policy.rules.resale;
    // While an alert is open every minute is judged: the day's first one is its first minute.
    let midnight = (to - MINUTE_MS) / DAY_MS * DAY_MS;
    let to = if opened > midnight && opened <= to { opened } else { midnight + MINUTE_MS };
    let week = 7 * DAY_MS;
    let from = ((to - MINUTE_MS) / week - 1) * week;
    let least = f64::from(limits.number_calls_min);
    let of_fortnight = |line: Vec<&'_ Row>| -> Vec<_> { line.into_iter().filter(|row| row.end >= from).cloned().collect() };
    let mut numbers: Vec<(Number, Vec<Row>)> = caller::lines(world, to)
        .into_iter()
        .filter(|(_, line)| line.iter().map(|row| row.start).max().is_some_and(|last| to - last <= week))
        .map(|(number, line)| (number, of_fortnight(line)))
        .filter(|(_, line)| line.len() >= limits.number_calls_min as usize)
        .collect();
    numbers.sort_by_key(|(number, line)| (std::cmp::Reverse(line.len()), *number));
    let unlike = |distances: &[Option<f64>]| distances.iter().flatten().filter(|one| **one >= limits.distance_min).count() as u32;
    let mean = |distances: &[Option<f64>]| {
        let known: Vec<f64> = distances.iter().flatten().copied().collect();
        known.iter().sum::<f64>() / known.len() as f64
    };
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    for (_, line) in &numbers {
        let line: Vec<&Row> = line.iter().collect();
        let apart = groups.iter().map(|group| distances(group, &line, least)).enumerate();
        let like = apart.filter(|(_, apart)| unlike(apart) < limits.unlike_min);
        match like.min_by(|one, other| mean(&one.1).total_cmp(&mean(&other.1))).map(|(place, _)| place) {
            Some(place) => groups[place].extend(line),
            None => groups.push(line),
        }
    }
    groups.retain(|group| group.len() >= limits.group_calls_min as usize);
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let (largest, others) = groups.split_first().ok_or("no group is large enough")?;
    let apart = |group: &Vec<&Row>| distances(largest, group, least);
    let others: Vec<&Vec<&Row>> = others.iter().filter(|group| unlike(&apart(group)) >= limits.unlike_min).collect();
    let second = others.first().ok_or("there is one group")?;
    let part = match feature {
        Feature::NumberGroups => return Ok(Count::of(others.len() + 1)),
        Feature::HoursDistance => 0,
        Feature::EndsDistance => 1,
        _ => 2,
    };
    let observed = apart(second)[part].ok_or("too few calls")?;
    Ok(Count { observed, ..Count::of(second.len()) })
}

/// Whom every app called on each day.
fn callees(world: &World<'_>) -> BTreeMap<(i64, String), BTreeSet<Number>> {
    let mut callees: BTreeMap<(i64, String), BTreeSet<Number>> = BTreeMap::new();
    for record in &world.case.records {
        if let Record::Call(call, _) = record
            && call.direction == Direction::Outbound
            && call.outcome != Outcome::BlockedPlatform
            && let Some(callee) = call.callee
        {
            callees.entry((call.end.millis() / DAY_MS, call.app_id.to_string())).or_default().insert(callee);
        }
    }
    callees
}

/// The last steps of SplitMix64.
fn hash(number: Number) -> u64 {
    let value = number.packed().wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// What an app has in common with the one with which it has most: told at six o'clock of the next day, for as long as alerts stay
/// open.
pub fn shared(world: &World<'_>, to: i64) -> Result<Count, String> {
    let limits = &world.policy.rules.resale;
    let callees = callees(world);
    let told = |day: i64| (day + 1) * DAY_MS + 6 * HOUR_MS;
    let is_open = |day: i64| told(day) <= to && to < told(day) + i64::from(limits.open_hours) * HOUR_MS;
    let mut found: Vec<(f64, u64, u64)> = Vec::new();
    for ((day, app), ours) in &callees {
        for ((other_day, other), theirs) in &callees {
            let is_many = [ours, theirs].iter().all(|callees| callees.len() >= limits.overlap_callees_min as usize);
            if app != &world.app_id || app == other || day != other_day || !is_open(*day) || !is_many {
                continue;
            }
            let mut all: Vec<Number> = ours.union(theirs).copied().collect();
            all.sort_by_key(|number| hash(*number));
            all.truncate(256);
            let both = all.iter().filter(|number| ours.contains(number) && theirs.contains(number)).count();
            let bound = wilson(both as f64 / all.len() as f64, all.len(), -limits.z);
            found.push((bound, both as u64, all.len() as u64));
        }
    }
    let (bound, count, of) = found.into_iter().max_by(|one, other| one.0.total_cmp(&other.0)).ok_or("nothing in common")?;
    Ok(Count { count, of: Some(of), observed: count as f64 / of as f64, bound: Some(bound) })
}
