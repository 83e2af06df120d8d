//! The floors under `QUALITY.md`: a small world of families held out from tuning must not be judged worse than this.
//!
//! The page itself is written by `make quality`, on worlds many times as large. Floors lie below what is measured there by
//! what so small a world may differ; where a rule is exact there is nothing below.
#![allow(clippy::expect_used)]

// The page tells more than the floors ask.
#[path = "../../benches/quality/baselines.rs"]
mod baselines;
#[allow(dead_code)]
#[path = "../../benches/quality/course.rs"]
mod course;
#[allow(dead_code)]
#[path = "../../benches/quality/scores.rs"]
mod scores;

use baselines::BASELINES;
use course::{Engine, Judge, judge};
use dialwatch::engine::policy::Policy;
use dialwatch::simulate::{Families, Flaws, World};
use scores::Scores;

/// Found of all incidents, and found of these and false alarms.
const FLOOR: f64 = 0.9;
/// False alarms about clean apps in a clean app-day.
const FALSE_ALARMS_MAX: f64 = 0.01;

#[test]
fn a_small_world_is_judged_no_worse_than_the_floors() {
    let mut world = World::new(4_001, 8, 51);
    world.options.families = Families::HeldOut;
    world.options.flaws = Some(Flaws::NONE);
    let engine: Box<dyn Judge> = Box::new(Engine::new(Policy::for_tests()));
    let judges = std::iter::once(engine).chain(BASELINES.iter().map(|baseline| (baseline.new)())).collect();
    let judged = judge(&world, judges);
    assert!(judged.records > 100_000, "{} records show nothing", judged.records);
    let clean_line_days: u64 = judged.line_days.values().sum();
    let scores = Scores::new(&[judged], &BASELINES);
    let all = &scores.report.overall;
    for (name, share) in [("recall", all.recall), ("precision", all.precision)] {
        assert!(share.value.is_some_and(|value| value >= FLOOR), "{name} {share:?}");
    }
    for pairs in &scores.pairs {
        assert!(pairs.both > 100, "{:?}: {} people are too few", pairs.rule, pairs.both);
        assert_eq!((pairs.accused_only, pairs.harmed_only), (0, 0), "{:?}: wrongly named, not named", pairs.rule);
    }
    let clean = scores.report.families.iter().filter(|family| family.clean);
    let (wrong, days) =
        clean.fold((0, 0), |(wrong, days), family| (wrong + family.false_alarms.count, days + family.false_alarms.app_days));
    assert!(wrong as f64 <= FALSE_ALARMS_MAX * days as f64, "{wrong} false alarms in {days} clean app-days");
    assert_eq!(scores.robot_lines.0, 0, "false alarms about robots in {} line-days of {clean_line_days}", scores.robot_lines.1);
    // Whatever is better than the simple baselines is better on the same records.
    for (baseline, report) in &scores.baselines {
        let ours = scores.report.rules.iter().find(|rule| rule.rule == report.rule).expect("the rule has labels");
        let f1 = |rule: &dialwatch::evaluate::RuleReport| {
            let (found, of) = (rule.all.recall.count, rule.all.recall.of);
            2.0 * found as f64 / (found + of + rule.alerts.wrong) as f64
        };
        assert!(f1(ours) > f1(report), "{}: {} where {} has {}", report.rule, f1(ours), baseline.name, f1(report));
    }
}
