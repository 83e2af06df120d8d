//! Numbers dialled one after the other, counted naively. The engine looks at them only after every eight first contacts, so
//! the looks are taken again here.

use dialwatch::engine::detector::Feature;
use dialwatch::engine::record::Outcome;

use super::{Count, DAY_MS, MINUTE_MS, Row, SECOND_MS, World, wilson};

/// What was seen at one look, and when.
#[derive(Debug)]
pub struct Look {
    /// The end of the minute.
    at: i64,
    run: usize,
    pairs: usize,
    expected: f64,
}

/// What the last look before `to` showed.
pub fn count(world: &World<'_>, to: i64, feature: Feature) -> Result<Count, String> {
    let look = world.walk.iter().rfind(|look| look.at <= to).ok_or("nobody looked")?;
    Ok(match feature {
        Feature::NumberRun => Count::of(look.run),
        // The engine keeps thousandths.
        _ => Count { bound: Some((look.expected * 1_000.0).round() / 1_000.0), ..Count::of(look.pairs) },
    })
}

/// Every look that the engine takes at an app.
pub fn looks(world: &World<'_>) -> Vec<Look> {
    let limits = &world.policy.rules.blind_dialing;
    let (mut looks, mut held, mut contacts, mut seen) = (Vec::new(), Vec::<(i64, u64)>::new(), 0, 0);
    for minute in world.rows.chunk_by(|row, other| row.end / MINUTE_MS == other.end / MINUTE_MS) {
        let at = (minute[0].end / MINUTE_MS + 1) * MINUTE_MS;
        for row in minute.iter().filter(|row| row.first_contact) {
            contacts += usize::from(hold(&mut held, row));
        }
        held.retain(|(start_s, _)| *start_s >= (at - DAY_MS) / SECOND_MS);
        if contacts < seen + 8 || !minute.iter().any(Row::placed) {
            continue;
        }
        let day: Vec<&Row> = world.placed(quarter(at) - DAY_MS, at).collect();
        let fresh: Vec<&&Row> = day.iter().filter(|row| row.fresh).collect();
        if fresh.len() < 15 || (fresh.len() as f64) < day.len() as f64 * limits.fresh_share_min * 0.8 {
            continue;
        }
        seen = contacts;
        let first: Vec<_> = day.iter().filter(|row| row.first_contact).collect();
        let reached = first.iter().filter(|row| row.reached()).count();
        let empty = first.iter().filter(|row| row.outcome == Outcome::InvalidNumber).count();
        let share = if reached == 0 { 0.0 } else { empty as f64 / reached as f64 };
        let invalid = wilson(share, reached, -limits.z) >= limits.invalid_number_share_min;
        looks.push(look(&held, at, invalid));
    }
    looks
}

/// The end of the quarter of an hour that the minute before `at` lies in.
fn quarter(at: i64) -> i64 {
    ((at - MINUTE_MS) / (15 * MINUTE_MS) + 1) * 15 * MINUTE_MS
}

/// Keeps a first contact among the 256 latest by the start of their calls.
fn hold(held: &mut Vec<(i64, u64)>, row: &Row) -> bool {
    let Some(number) = row.callee.and_then(|callee| callee.e164_value()) else { return false };
    let full = held.len() == 256;
    if held.iter().any(|(_, other)| *other == number) || full && row.start_s() < held[0].0 {
        return false;
    }
    held.drain(..usize::from(full));
    held.push((row.start_s(), number));
    held.sort_by_key(|(start_s, _)| *start_s);
    true
}

fn look(held: &[(i64, u64)], at: i64, invalid: bool) -> Look {
    let mobile = |number: u64| (8_613_000_000_000..=8_619_999_999_999).contains(&number);
    let steps: Vec<i64> = held.windows(2).map(|pair| pair[1].1 as i64 - pair[0].1 as i64).collect();
    let (mut run, mut first) = (0, 0);
    for from in 0..steps.len() {
        let near = steps[from..].iter().take_while(|step| step.abs() <= 2).count();
        let strided = steps[from..].iter().take_while(|step| **step == steps[from] && step.abs() <= 10).count();
        let longest = near.max(strided) + 1;
        // The latest of equals counts.
        if longest >= run.max(5) {
            (run, first) = (longest, from);
        }
    }
    let run = if run > 0 && (invalid || mobile(held[first].1)) { run } else { 0 };
    let (mut pairs, mut same_block, mut blocks) = (0, 0, Vec::new());
    for (index, (_, one)) in held.iter().enumerate() {
        for (_, other) in held[..index].iter().filter(|(_, other)| other / 10_000 == one / 10_000) {
            same_block += 1;
            if other.abs_diff(*one) <= 2 {
                pairs += 1;
                blocks.push(one / 10_000);
            }
        }
    }
    Look { at, run, pairs, expected: f64::from(same_block) * 4.0 / 10_000.0 }
}
