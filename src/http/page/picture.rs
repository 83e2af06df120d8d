//! Small pictures: the course of a day beside what is usual, a value against its limit. Drawn in place as SVG, coloured by the
//! style; what they show is said in words beside them or in their title.

use std::fmt::Write;

use maud::{Markup, html};

use crate::engine::alert::EvidenceView;
use crate::explain::grouped;
use crate::status::Course;

/// The picture of a day is so high, in its own units; a quarter of an hour is 4 wide.
const HEIGHT: f32 = 60.0;
const STEP: usize = 4;
/// The bar of a value is so wide and high.
const BAR_WIDTH: f64 = 300.0;
const BAR_HEIGHT: u32 = 14;

/// The calls of a day by quarters of an hour as an area, and what is usual as a line over it.
pub(super) fn course(course: &Course) -> Markup {
    let most = course.placed.iter().max().copied().unwrap_or(0);
    let usual_most = course.usual.iter().flatten().copied().fold(0.0, f32::max);
    let top = usual_most.max(most as f32).max(1.0);
    let words = format!(
        "Calls by quarters of an hour over the 24 hours from {}: at most {}{}",
        course.from,
        grouped(most.into()),
        if usual_most > 0.0 { format!(", usual are up to {usual_most:.0}") } else { String::new() },
    );
    let width = course.placed.len().max(1) * STEP;
    html! {
        svg.course viewBox=(format!("0 0 {width} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(words) {
            title { (words) }
            path.placed d=(area(&course.placed, top)) {}
            path.usual d=(line(&course.usual, top)) {}
        }
    }
}

fn area(placed: &[u32], top: f32) -> String {
    let mut path = format!("M0 {HEIGHT}");
    for (at, calls) in placed.iter().enumerate() {
        let y = HEIGHT - HEIGHT * *calls as f32 / top;
        let _ = write!(path, "L{} {y:.0}H{}", at * STEP, (at + 1) * STEP);
    }
    let _ = write!(path, "V{HEIGHT}Z");
    path
}

/// Broken where nothing is known.
fn line(usual: &[Option<f32>], top: f32) -> String {
    let (mut path, mut is_drawing) = (String::new(), false);
    for (at, calls) in usual.iter().enumerate() {
        if let Some(calls) = calls {
            let y = HEIGHT - HEIGHT * calls / top;
            let _ = write!(path, "{}{} {y:.0}H{}", if is_drawing { 'L' } else { 'M' }, at * STEP, (at + 1) * STEP);
        }
        is_drawing = calls.is_some();
    }
    path
}

/// A value as a bar, what is sure of it as its darker part, its limit as a line.
pub(super) fn against_limit(evidence: &EvidenceView) -> Markup {
    let EvidenceView { observed, bound, limit, of, .. } = *evidence;
    // What stands beside a count is no part of it.
    let sure = bound.filter(|_| of.is_some());
    let top = observed.max(limit).max(sure.unwrap_or(0.0)) * 1.1;
    let x = |value: f64| if top > 0.0 { (value.max(0.0) / top * BAR_WIDTH).round() } else { 0.0 };
    let under = sure.filter(|sure| *sure <= observed);
    html! {
        svg.bar viewBox=(format!("0 0 {BAR_WIDTH} {BAR_HEIGHT}")) role="img" aria-hidden="true" {
            rect.all x="0" y="3" width=(BAR_WIDTH) height=(BAR_HEIGHT - 6) {}
            rect.value x="0" y="3" width=(x(observed)) height=(BAR_HEIGHT - 6) {}
            @if let Some(under) = under { rect.sure x="0" y="3" width=(x(under)) height=(BAR_HEIGHT - 6) {} }
            @if let Some(over) = sure.filter(|sure| *sure > observed) {
                rect.unsure x=(x(observed)) y="3" width=(x(over) - x(observed)) height=(BAR_HEIGHT - 6) {}
            }
            rect.limit x=((x(limit) - 1.0).max(0.0)) y="0" width="2" height=(BAR_HEIGHT) {}
        }
    }
}

/// A part of a whole as a bar.
pub(super) fn part(count: u32, of: u32) -> Markup {
    let width = if of == 0 { 0.0 } else { (f64::from(count) / f64::from(of) * BAR_WIDTH).round() };
    html! {
        svg.bar viewBox=(format!("0 0 {BAR_WIDTH} {BAR_HEIGHT}")) aria-hidden="true" {
            rect.all x="0" y="3" width=(BAR_WIDTH) height=(BAR_HEIGHT - 6) {}
            rect.sure x="0" y="3" width=(width) height=(BAR_HEIGHT - 6) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::detector::{Feature, Over};
    use crate::engine::time::Timestamp;

    #[test]
    fn a_day_is_drawn_to_scale_and_broken_where_nothing_is_known() {
        let day = Course {
            from: Timestamp::from_seconds(1_773_018_000),
            placed: vec![0, 30, 60],
            usual: vec![Some(30.0), None, Some(15.0)],
        };
        let drawn = course(&day).into_string();
        assert!(drawn.contains("d=\"M0 60L0 60H4L4 30H8L8 0H12V60Z\""), "{drawn}");
        assert!(drawn.contains("d=\"M0 30H4M8 45H12\"") && drawn.contains("at most 60, usual are up to 30"), "{drawn}");
        let nothing = course(&Course::default()).into_string();
        assert!(nothing.contains("at most 0\"") && !nothing.contains("NaN"), "{nothing}");
    }

    #[test]
    fn a_value_lies_beyond_its_limit() {
        let share = EvidenceView {
            feature: Feature::InvalidShare,
            observed: 0.5,
            bound: Some(0.25),
            limit: 0.05,
            count: 50,
            of: Some(100),
            over: Over::Day,
        };
        let drawn = against_limit(&share).into_string();
        for part in [
            "class=\"value\" x=\"0\" y=\"3\" width=\"273\"",
            "class=\"sure\" x=\"0\" y=\"3\" width=\"136\"",
            "class=\"limit\" x=\"26\"",
        ] {
            assert!(drawn.contains(part), "{part} in {drawn}");
        }
        let few = EvidenceView { observed: 0.1, bound: Some(0.2), limit: 0.4, ..share };
        assert!(against_limit(&few).into_string().contains("class=\"unsure\" x=\"68\""), "{}", against_limit(&few).into_string());
        let none = EvidenceView { observed: 0.0, bound: None, limit: 0.0, of: None, ..share };
        assert!(!against_limit(&none).into_string().contains("NaN"));
    }
}
