//! What an app's caller numbers did, counted naively.

use std::collections::BTreeMap;

use dialwatch::engine::detector::Feature;
use dialwatch::engine::number::Number;

use super::{Count, DAY_MS, HOUR_MS, MINUTE_MS, Row, SECOND_MS, World};

/// Seconds after which an unused number is new again.
const FORGOTTEN_S: i64 = 7 * 86_400;

/// The placed calls of each number since it was last new, of those judged by `to`.
pub fn lines<'w>(world: &'w World<'_>, to: i64) -> BTreeMap<Number, Vec<&'w Row>> {
    let mut lines: BTreeMap<Number, (i64, Vec<&Row>)> = BTreeMap::new();
    for row in world.placed(i64::MIN, to) {
        let Some(number) = row.caller else { continue };
        let (last_s, line) = lines.entry(number).or_default();
        if row.start_s() - *last_s > FORGOTTEN_S {
            line.clear();
        }
        *last_s = row.start_s().max(*last_s);
        line.push(row);
    }
    lines.into_iter().map(|(number, (_, line))| (number, line)).collect()
}

/// A number over the caller numbers of the last day, which goes by whole hours.
pub fn count_of_day(world: &World<'_>, to: i64, feature: Feature) -> Result<Count, String> {
    let from = (to - MINUTE_MS) / HOUR_MS * HOUR_MS + HOUR_MS - DAY_MS;
    let to_s = to / SECOND_MS;
    let lines = lines(world, to);
    let of_day = |line: &Vec<&Row>| line.iter().filter(|row| row.end >= from).count();
    let last_s = |line: &Vec<&Row>| line.iter().map(|row| row.start_s()).max();
    let first_s = |line: &Vec<&Row>| line.iter().map(|row| row.start_s()).min();
    let calls_max = i64::from(world.policy.rules.caller_rotation.calls_per_caller_max);
    let latest_s = lines.values().filter_map(last_s).max().unwrap_or(0);
    let spent = |line: &&Vec<&Row>| {
        let (Some(first_s), Some(last_s)) = (first_s(line), last_s(line)) else { return false };
        let days = ((latest_s - first_s + 86_399) / 86_400).max(1);
        line.len() as i64 <= calls_max * days && last_s + 3_600 <= latest_s
    };
    let active: Vec<&Vec<&Row>> = lines.values().filter(|line| of_day(line) > 0).collect();
    let placed: usize = lines.values().map(of_day).sum();
    Ok(match feature {
        Feature::ActiveCallers => Count::of(active.len()),
        Feature::SpentCallers => {
            Count { of: Some(active.len() as u64), ..Count::of(active.iter().copied().filter(spent).count()) }
        }
        Feature::NewCallerShare => {
            let unfiled = lines.iter().filter(|(number, _)| world.filed(**number).is_none()).map(|(_, line)| line);
            let new = unfiled.filter(|line| first_s(line).is_some_and(|first_s| first_s >= to_s - 86_400));
            Count::share(new.map(of_day).sum(), placed, world.policy.rules.abnormal_rate.z)
        }
        _ => {
            let unfiled = lines.iter().filter(|(number, _)| world.filed(**number).is_none());
            Count::share(unfiled.map(|(_, line)| of_day(line)).sum(), placed, world.policy.rules.caller_rotation.z)
        }
    })
}

/// Calls at once on a number, at the last call of the minute before `to` that was one too many.
pub fn calls_at_once(world: &World<'_>, number: Number, to: i64, grace_s: i64) -> Result<usize, String> {
    let channels = world.filed(number).ok_or("the number is not filed")? as usize;
    let lines = lines(world, to);
    let line = lines.get(&number).ok_or("the number never called")?;
    let at_once = |index: usize| {
        let others = &line[index.saturating_sub(64)..index];
        let until = |row: &Row| row.end_s() - grace_s;
        let at = |second: i64| others.iter().filter(|row| row.start_s() <= second && second < until(row)).count();
        let others = (line[index].start_s()..until(line[index])).map(at).max().unwrap_or(0);
        if others > 0 { others + 1 } else { 0 }
    };
    let of_minute = (0..line.len()).filter(|index| line[*index].end >= to - MINUTE_MS);
    of_minute.map(at_once).rfind(|calls| *calls > channels).ok_or_else(|| "the channels sufficed".into())
}

/// How the first of the numbers that keep time does so: as of the last of the looks that are taken in the first minute with
/// calls of every ten, at most an hour ago.
pub fn timing(world: &World<'_>, to: i64) -> Result<Count, String> {
    let mut minutes: Vec<i64> = world.placed(i64::MIN, to).map(|row| row.end / MINUTE_MS).collect();
    minutes.dedup_by_key(|minute| *minute / 10);
    let judged = to / MINUTE_MS - 1;
    for (number, line) in lines(world, to) {
        // The first look after a call ended sees it.
        let seen_at = |row: &&Row| minutes.iter().copied().find(|look| *look >= row.end / MINUTE_MS);
        let Some(look) = line.iter().filter_map(seen_at).max() else { continue };
        if look + 60 <= judged {
            continue;
        }
        let seen: Vec<&Row> = lines(world, (look + 1) * MINUTE_MS).remove(&number).ok_or("the number never called")?;
        if let Some(count) = keeps_time(world, &seen) {
            return Ok(count);
        }
    }
    Err("no number keeps time".into())
}

fn keeps_time(world: &World<'_>, line: &[&Row]) -> Option<Count> {
    let limits = &world.policy.rules.robot_dialing;
    // A call that began before the one before had ended makes a gap of nothing.
    let gap = |pair: &[&Row]| pair[1].start_s() - pair[0].end_s();
    let gaps: Vec<i64> = line.windows(2).map(gap).collect();
    let last = &gaps[gaps.len().checked_sub(64)?..];
    let single = last.iter().filter(|gap| **gap < 0).count() * 4 <= last.len();
    let mut sorted: Vec<i64> = last.iter().map(|gap| (*gap).max(0)).collect();
    sorted.sort_unstable();
    let longest = *sorted.last()?;
    if longest > 300 {
        return None;
    }
    let quartile = |quarter: f64| {
        let place = quarter * (sorted.len() - 1) as f64 / 4.0;
        let (low, high) = (sorted[place.floor() as usize] as f64, sorted[place.ceil() as usize] as f64);
        low + (high - low) * place.fract()
    };
    let spread = quartile(3.0) - quartile(1.0);
    if single && longest <= 120 && spread <= limits.gap_spread_max_s {
        return Some(Count { observed: spread, ..Count::of(64) });
    }
    let run: Vec<f64> = gaps.iter().rev().take_while(|gap| **gap <= 120).map(|gap| (*gap).max(0) as f64).collect();
    let mean = run.iter().sum::<f64>() / run.len() as f64;
    let variance = run.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / run.len() as f64;
    let variation = if mean > 0.0 { variance.sqrt() / mean } else { 0.0 };
    if single && run.len() + 1 >= limits.steady_calls_min as usize && variation <= limits.gap_variation_max {
        return Some(Count { observed: variation, ..Count::of(run.len() + 1) });
    }
    rhythm(&line[line.len() - 64..], limits.rhythm_min)
}

fn rhythm(line: &[&Row], least: f64) -> Option<Count> {
    let starts: Vec<i64> = line.iter().map(|row| row.start_s()).collect();
    let span = starts.iter().max()? - starts.iter().min()?;
    let power = |period: i64| {
        let angles = starts.iter().map(|start| (start % period) as f64 / period as f64 * std::f64::consts::TAU);
        let (cosines, sines) = angles.fold((0.0, 0.0), |(cosines, sines), angle| (cosines + angle.cos(), sines + angle.sin()));
        (cosines * cosines + sines * sines) / (starts.len() * starts.len()) as f64
    };
    let powers: Vec<(i64, f64)> = (5..=120.min(span / 8)).map(|period| (period, power(period))).collect();
    let best = powers.iter().map(|(_, power)| *power).fold(0.0, f64::max);
    let (period, power) = powers.into_iter().rfind(|(_, power)| *power >= best - 0.01)?;
    (power >= least).then(|| Count { observed: power, bound: Some(period as f64), ..Count::of(starts.len()) })
}
