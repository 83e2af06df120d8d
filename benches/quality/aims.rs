//! The aims of the project for its judgement, and whether they are met.

use dialwatch::engine::detector::RuleName;
use dialwatch::evaluate::{Found, Intensity};

use super::page::rate;
use super::scores::{Scores, of_rule};

/// One aim.
pub struct Aim {
    /// What is measured.
    pub what: &'static str,
    /// What is to come out.
    pub aim: String,
    /// What came out.
    pub measured: String,
    /// Whether it is met.
    pub met: bool,
}

/// All of them.
pub fn aims(scores: &Scores) -> Vec<Aim> {
    [size(scores), pairs(scores), blind(scores), rates(scores), robots(scores), together(scores)].into_iter().flatten().collect()
}

fn at_least(what: &'static str, aim: f64, value: Option<f64>, detail: String) -> Aim {
    Aim { what, aim: format!("≥ {aim}"), measured: detail, met: value.is_some_and(|value| value >= aim) }
}

fn at_most(what: &'static str, aim: f64, value: Option<f64>, detail: String) -> Aim {
    Aim { what, aim: format!("≤ {aim}"), measured: detail, met: value.is_some_and(|value| value <= aim) }
}

fn recall(what: &'static str, aim: f64, found: Option<Found>) -> Aim {
    let share = found.map(|found| found.recall);
    let detail = share.map_or("nothing to find".to_owned(), |share| format!("{} of {}", share.count, share.of));
    at_least(what, aim, share.and_then(|share| share.value), detail)
}

fn calls(what: &'static str, aim: f64, found: Option<Found>) -> Aim {
    let median = found.and_then(|found| found.calls_before.median);
    at_most(what, aim, median, median.map_or("nothing to find".to_owned(), |median| format!("{median:.0}")))
}

fn size(scores: &Scores) -> Vec<Aim> {
    let clean_days: u64 =
        scores.report.families.iter().filter(|family| family.clean).map(|family| family.false_alarms.app_days).sum();
    let incidents = scores.report.overall.recall.of;
    vec![
        at_least("clean app-days judged", 3_000.0, Some(clean_days as f64), clean_days.to_string()),
        at_least("incidents judged", 200.0, Some(incidents as f64), incidents.to_string()),
    ]
}

fn pairs(scores: &Scores) -> Vec<Aim> {
    let pair = |pairs: &super::scores::Pairs| Aim {
        what: match pairs.rule {
            RuleName::HarassmentRedial => "`harassment_redial`, callee by callee",
            _ => "`callee_frequency`, callee by callee",
        },
        aim: "precision and recall 1.00".to_owned(),
        measured: format!("{} people rightly, {} wrongly named, {} not named", pairs.both, pairs.accused_only, pairs.harmed_only),
        met: pairs.both > 0 && pairs.accused_only + pairs.harmed_only == 0,
    };
    let rest = of_rule(&scores.report, RuleName::RestTime);
    let measured = rest.as_ref().map_or("nothing to find".to_owned(), |rest| {
        format!("{} of {} found, {} false", rest.all.recall.count, rest.all.recall.of, rest.alerts.wrong)
    });
    let met = rest.is_some_and(|rest| rest.alerts.wrong == 0 && rest.all.recall.count == rest.all.recall.of);
    let rest = Aim { what: "`rest_time`", aim: "precision and recall 1.00".to_owned(), measured, met };
    scores.pairs.iter().map(pair).chain([rest]).collect()
}

fn blind(scores: &Scores) -> Vec<Aim> {
    let rule = RuleName::BlindDialing;
    let name = rule.as_str();
    let blind = of_rule(&scores.report, rule);
    let false_alarms = blind.as_ref().map(|blind| blind.false_alarms);
    let leads = |family: &str| ["consented", "crm_import", "open_enrolment"].iter().any(|word| family.contains(word));
    let (mut wrong, mut days) = (0, 0);
    for family in scores.report.families.iter().filter(|family| leads(&family.family)) {
        wrong += family.by_rule.get(name).copied().unwrap_or_default();
        days += family.false_alarms.app_days;
    }
    let on_leads = dialwatch::evaluate::Rate::new(wrong, days);
    let walks = |family: &str| ["block", "range"].iter().any(|word| family.contains(word));
    let lists = |family: &str| family == "blind_list" || family == "prospects_again" || family.starts_with("cold_");
    let diluted = |family: &str| family.contains("diluted") || family.contains("third_cold");
    vec![
        at_most(
            "`blind_dialing`: false alarms an app-day (at most)",
            0.002,
            false_alarms.and_then(|r| r.per_app_day),
            false_alarms.map_or(String::new(), |r| rate(&r)),
        ),
        at_most("the same on consented new leads", 0.02, on_leads.per_app_day, rate(&on_leads)),
        recall("`blind_dialing`: recall", 0.95, blind.map(|blind| blind.all)),
        calls("calls before half of the enumerating campaigns are found", 50.0, scores.found(rule, walks)),
        calls("the same, bought lists", 100.0, scores.found_at(rule, Intensity::Strong, lists)),
        calls("the same, mild lists", 250.0, scores.found_at(rule, Intensity::Mild, lists)),
        recall("campaigns diluted among the app's other calls", 0.95, scores.found(rule, diluted)),
    ]
}

fn rates(scores: &Scores) -> Vec<Aim> {
    let rule = RuleName::AbnormalRate;
    let report = of_rule(&scores.report, rule);
    let night = |family: &str| ["night", "weekend", "evening", "off_hours"].iter().any(|word| family.contains(word));
    let found = scores.found(rule, night);
    let soon = found.as_ref().map(|found| found.delay_minutes.values.iter().filter(|minutes| **minutes <= 5.0).count());
    let detail = found.as_ref().zip(soon).map_or("nothing to find".to_owned(), |(found, soon)| {
        format!("{soon} of {}; {} found at all", found.recall.of, found.recall.count)
    });
    let share = found.zip(soon).map(|(found, soon)| soon as f64 / found.recall.of as f64);
    let sales = scores.report.families.iter().filter(|family| family.clean && family.family.contains("sale"));
    let sold: u64 = sales.map(|family| family.by_rule.get(rule.as_str()).copied().unwrap_or_default()).sum();
    let (wrong, notices) = report.map(|report| (report.false_alarms, report.notices)).unzip();
    vec![
        at_least("off-hours bursts found within 5 minutes", 1.0, share, detail),
        at_most(
            "`abnormal_rate`: false alarms an app-day (at most)",
            0.005,
            wrong.and_then(|r| r.per_app_day),
            wrong.map_or(String::new(), |r| rate(&r)),
        ),
        at_most("flash sales above notice", 0.0, Some(sold as f64), sold.to_string()),
        at_most(
            "notices an app-day (at most)",
            0.05,
            notices.and_then(|r| r.per_app_day),
            notices.map_or(String::new(), |r| rate(&r)),
        ),
    ]
}

fn robots(scores: &Scores) -> Vec<Aim> {
    let rule = RuleName::RobotDialing;
    let random = |family: &str| family.contains("random") || family.contains("among") || family.contains("human");
    let (wrong, line_days) = scores.robot_lines;
    let share = wrong as f64 / line_days.max(1) as f64;
    vec![
        recall(
            "robots: fixed gap or start, jitter, playback, dropped answers",
            0.95,
            scores.found(rule, |family| !random(family)),
        ),
        recall("robots: randomised or among people", 0.9, scores.found(rule, random)),
        at_most("`robot_dialing`: false alarms a line-day", 0.001, Some(share), format!("{wrong} in {line_days}")),
    ]
}

fn together(scores: &Scores) -> Vec<Aim> {
    let f1 = scores.report.overall.f1;
    vec![at_least("all rules together: incident F1", 0.95, f1, f1.map_or(String::new(), |f1| format!("{f1:.3}")))]
}
