//! Labels and alerts made by hand, every number of the report worked out by hand beside them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::engine::alert::Alert as Sent;
use crate::engine::decode::Format;
use crate::engine::policy::Policy;
use crate::engine::statistics::{wilson_lower, wilson_upper};
use crate::replay::{DeadLetter, Inputs, Output, Replay};
use crate::simulate::{WireFormat, write_files};
use crate::source::file::Source;

/// A world of two days, from 2026-03-02T00:00:00Z: two abusive apps, three clean ones of two families.
const APPS: &str = r#"
    {"app_id": "bad", "family": "blind_list", "clean": false, "intensity": "mild"},
    {"app_id": "worse", "family": "redial", "clean": false, "intensity": "strong"},
    {"app_id": "shop", "family": "flash_sale", "clean": true},
    {"app_id": "shop2", "family": "flash_sale", "clean": true},
    {"app_id": "parcel", "family": "delivery_notices", "clean": true}"#;

/// A label, its times as `day hour:minute`.
fn label(app: &str, rule: &str, intensity: &str, from: &str, to: &str, more: &str) -> String {
    format!(
        r#"{{"app_id": "{app}", "rule": "{rule}", "from": "{}", "to": "{}", "intensity": "{intensity}", "family": "f"{}{more}}}"#,
        moment(from),
        moment(to),
        if more.contains("required") { "" } else { r#", "required": true"# },
    )
}

fn moment(text: &str) -> String {
    let (day, time) = text.split_once(' ').expect("a day and a time");
    format!("2026-03-0{day}T{time}:00Z")
}

fn labels(labels: &[String]) -> String {
    format!(
        "{{\"schema\": \"dialwatch.labels/1\", \"seed\": 1, \"start\": \"2026-03-02T00:00:00Z\", \"end\": \"2026-03-04T00:00:00Z\",\n\
         \"apps\": [{APPS}],\n\"labels\": [\n{}]}}\n",
        labels.join(",\n")
    )
}

/// One message: id, app, rule, severity, when, `-` or when it ended, and calls and callees before the alert.
fn message(id: &str, app: &str, rule: &str, severity: &str, at: &str, ends: &str, before: (u64, u64)) -> String {
    let (calls, callees) = before;
    let (status, ends_at) = match ends {
        "-" => ("firing", "null".to_owned()),
        ends => ("resolved", format!("\"{}\"", moment(ends))),
    };
    format!(
        r#"{{"schema":"dialwatch.alert/1","alert_id":"{id}","status":"{status}","rule":"{rule}","severity":"{severity}","app_id":"{app}","starts_at":"{at}","updated_at":"{at}","ends_at":{ends_at},"calls_before_alert":{calls},"callees_before_alert":{callees}}}"#,
        at = moment(at),
    )
}

fn report(labels_: &[String], messages: &[String]) -> Report {
    let truth = truth("labels.json", &labels(labels_)).expect("labels");
    let alerts = alerts("alerts.jsonl", &messages.join("\n"), &truth).expect("alerts");
    let (report, mistakes) = (evaluate(&truth, &alerts, GRACE_MS), mistakes(&truth, &alerts, GRACE_MS));
    let overall = &report.overall;
    assert_eq!(mistakes.missed.len() as u64, overall.recall.of - overall.recall.count, "{mistakes:?}");
    assert_eq!(mistakes.wrong.len() as u64, overall.alerts.wrong, "{mistakes:?}");
    report
}

fn rule<'a>(report: &'a Report, name: &str) -> &'a RuleReport {
    report.rules.iter().find(|rule| rule.rule == name).expect("the rule")
}

const BLIND: &str = "blind_dialing";

/// One incident of `blind_dialing`, of app `bad`, from 10:00 to 11:00 on the first day.
fn campaign() -> Vec<String> {
    vec![label("bad", BLIND, "mild", "2 10:00", "2 11:00", "")]
}

/// What one alert about the campaign turns out to be, and how many incidents it finds.
fn alone(app: &str, rule_: &str, severity: &str, at: &str) -> (Alerts, u64) {
    let report = report(&campaign(), &[message("a", app, rule_, severity, at, "-", (10, 9))]);
    assert_eq!(report.overall.alerts.sum(), 1);
    (report.overall.alerts, report.overall.recall.count)
}

const TRUE: Alerts = Alerts { right: 1, undecided: 0, wrong: 0, notices: 0 };
const FALSE: Alerts = Alerts { right: 0, undecided: 0, wrong: 1, notices: 0 };
const NOTICE: Alerts = Alerts { right: 0, undecided: 0, wrong: 0, notices: 1 };

#[test]
fn an_alert_is_one_of_four_things() {
    assert_eq!(alone("bad", BLIND, "violation", "2 10:30"), (TRUE, 1));
    // The first and the last moment, with an hour of grace.
    assert_eq!(alone("bad", BLIND, "severe", "2 10:00"), (TRUE, 1));
    assert_eq!(alone("bad", BLIND, "major", "2 12:00"), (TRUE, 1));
    assert_eq!(alone("bad", BLIND, "violation", "2 12:01"), (FALSE, 0));
    assert_eq!(alone("bad", BLIND, "violation", "2 09:59"), (FALSE, 0), "it was there before");
    assert_eq!(alone("bad", "rest_time", "violation", "2 10:30"), (FALSE, 0), "the wrong rule");
    assert_eq!(alone("worse", BLIND, "violation", "2 10:30"), (FALSE, 0), "the wrong app");
    assert_eq!(alone("bad", BLIND, "notice", "2 10:30"), (NOTICE, 0), "a notice finds nothing");
    assert_eq!(alone("shop", BLIND, "notice", "2 10:30"), (NOTICE, 0), "and errs in nothing");
}

#[test]
fn a_false_alarm_that_stays_open_finds_nothing() {
    let report = report(&campaign(), &[message("a", "bad", BLIND, "violation", "2 09:00", "-", (10, 9))]);
    assert_eq!((report.overall.alerts, report.overall.recall.count), (FALSE, 0));
    assert_eq!((report.overall.precision.value, report.overall.f1), (Some(0.0), Some(0.0)));
}

#[test]
fn a_label_may_ask_for_a_notice_and_leave_things_open() {
    let notice = |more| {
        let labels = [label("bad", BLIND, "mild", "2 10:00", "2 11:00", more)];
        report(&labels, &[message("a", "bad", BLIND, "notice", "2 10:30", "-", (10, 9))])
    };
    let asked = notice(r#", "notice_suffices": true"#);
    assert_eq!((asked.overall.alerts, asked.overall.recall.count), (TRUE, 1));
    let open = notice(r#", "required": false"#);
    assert_eq!((open.overall.alerts, open.overall.recall.of), (NOTICE, 0));
    let labels = [label("bad", BLIND, "mild", "2 10:00", "2 11:00", r#", "required": false"#)];
    let undecided = report(&labels, &[message("a", "bad", BLIND, "major", "2 10:30", "-", (10, 9))]);
    assert_eq!(undecided.overall.alerts, Alerts { undecided: 1, ..Alerts::default() });
    assert_eq!((undecided.overall.precision.of, undecided.overall.f1), (0, None));
    // Day one is touched by the label: nine clean app-days of ten.
    assert_eq!(rule(&undecided, BLIND).false_alarms.app_days, 9);
}

#[test]
fn messages_of_one_id_are_one_alert_and_it_accuses_when_it_grows_grave() {
    let messages = [
        message("a", "bad", BLIND, "notice", "2 09:00", "-", (5, 4)),
        message("a", "bad", BLIND, "violation", "2 10:12", "-", (77, 77)),
        message("a", "bad", BLIND, "major", "2 10:20", "-", (78, 78)),
        message("a", "bad", BLIND, "major", "2 11:30", "2 11:30", (79, 79)),
    ];
    let report = report(&campaign(), &messages);
    let blind = rule(&report, BLIND);
    assert_eq!(blind.alerts, TRUE);
    assert_eq!(
        blind.severities,
        [(Severity::Notice, 0), (Severity::Violation, 0), (Severity::Major, 1), (Severity::Severe, 0)].into()
    );
    assert_eq!(blind.all.delay_minutes.values, [12.0]);
    // What it counted until it opened.
    assert_eq!((blind.all.calls_before.median, blind.all.callees_before.p90), (Some(5.0), Some(4.0)));
}

#[test]
fn two_alerts_in_one_incident_are_one_success() {
    let messages = [
        message("b", "bad", BLIND, "violation", "2 10:40", "-", (80, 70)),
        message("a", "bad", BLIND, "violation", "2 10:24", "2 10:30", (40, 30)),
    ];
    let report = report(&campaign(), &messages);
    let blind = rule(&report, BLIND);
    assert_eq!((blind.alerts.right, blind.all.recall.count, blind.precision.of), (2, 1, 1));
    // The first that hit counts.
    assert_eq!((blind.all.delay_minutes.median, blind.all.calls_before.median), (Some(24.0), Some(40.0)));
    assert_eq!(report.overall.f1, Some(1.0));
}

#[test]
fn one_alert_may_last_over_two_incidents() {
    let labels = [label("bad", BLIND, "mild", "2 10:00", "2 11:00", ""), label("bad", BLIND, "mild", "3 10:00", "3 11:00", "")];
    let lasting = |ends: &[String]| {
        let first = [message("a", "bad", BLIND, "violation", "2 10:06", "-", (40, 30))];
        let report = report(&labels, &[&first[..], ends].concat());
        let found = rule(&report, BLIND).all.clone();
        assert_eq!((report.overall.alerts.right, report.overall.alerts.sum()), (1, 1));
        (found.recall.count, found.still_open, found.delay_minutes.values)
    };
    assert_eq!(lasting(&[]), (2, 1, vec![6.0]));
    assert_eq!(lasting(&[message("a", "bad", BLIND, "violation", "3 10:00", "3 10:00", (40, 30))]), (2, 1, vec![6.0]));
    assert_eq!(lasting(&[message("a", "bad", BLIND, "violation", "3 09:59", "3 09:59", (40, 30))]), (1, 0, vec![6.0]));
}

/// Four incidents of two apps and two rules; three found, one missed; two false alarms, one notice.
fn day() -> (Vec<String>, Vec<String>) {
    let labels = vec![
        label("bad", BLIND, "mild", "2 10:00", "2 11:00", ""),
        label("bad", BLIND, "mild", "3 10:00", "3 12:00", ""),
        label("worse", BLIND, "strong", "2 23:30", "3 01:00", ""),
        label("worse", "rest_time", "strong", "2 22:00", "2 23:10", ""),
    ];
    let messages = vec![
        message("a", "bad", BLIND, "violation", "2 10:30", "2 11:45", (40, 30)),
        message("b", "worse", BLIND, "major", "2 23:35", "-", (20, 20)),
        message("c", "worse", "rest_time", "violation", "2 22:01", "-", (1, 1)),
        message("d", "shop", BLIND, "violation", "2 15:00", "-", (100, 90)),
        message("e", "shop2", BLIND, "severe", "3 15:00", "-", (100, 90)),
        message("f", "parcel", "robot_dialing", "notice", "3 15:00", "-", (100, 90)),
    ];
    (labels, messages)
}

#[test]
fn every_number_of_a_world() {
    let (labels, messages) = day();
    let report = report(&labels, &messages);
    let World { days, apps, clean_apps, .. } = report.world;
    assert_eq!((days, apps, clean_apps), (2, 5, 3));

    let blind = rule(&report, BLIND);
    assert_eq!((blind.all.recall.count, blind.all.recall.of, blind.all.recall.value), (2, 3, Some(2.0 / 3.0)));
    assert_eq!((blind.all.recall.lower, blind.all.recall.upper), (wilson_lower(2, 3, 1.959_964), wilson_upper(2, 3, 1.959_964)));
    // (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n) for 2 of 3.
    assert!((blind.all.recall.lower - 0.207_66).abs() < 1e-5 && (blind.all.recall.upper - 0.938_51).abs() < 1e-5);
    assert_eq!(blind.by_intensity.keys().copied().collect::<Vec<_>>(), [Intensity::Mild, Intensity::Strong]);
    let (mild, strong) = (&blind.by_intensity[&Intensity::Mild].recall, &blind.by_intensity[&Intensity::Strong].recall);
    assert_eq!((mild.count, mild.of, strong.count, strong.of), (1, 2, 1, 1));
    assert_eq!((blind.precision.count, blind.precision.of), (2, 4));
    // Delays 5 and 30 minutes: by nearest rank the lower is the median. Calls 20 and 40, callees 20 and 30.
    assert_eq!((blind.all.delay_minutes.median, blind.all.delay_minutes.p90), (Some(5.0), Some(30.0)));
    assert_eq!((blind.all.calls_before.median, blind.all.calls_before.p90), (Some(20.0), Some(40.0)));
    assert_eq!((blind.all.callees_before.median, blind.all.callees_before.p90), (Some(20.0), Some(30.0)));
    // Both days of both bad apps are touched: six of ten app-days are clean.
    assert_eq!((blind.false_alarms.count, blind.false_alarms.app_days), (2, 6));
    assert_eq!(blind.false_alarms.per_app_day, Some(2.0 / 6.0));

    // The night ends with the grace on the second day.
    let rest = rule(&report, "rest_time");
    assert_eq!((rest.all.recall.count, rest.precision.of, rest.false_alarms.app_days), (1, 1, 8));
    // With no event in ten days the bound is -ln 0.05 / 10.
    let robot = rule(&report, "robot_dialing");
    assert_eq!((robot.all.recall.value, robot.precision.value, robot.notices.per_app_day), (None, None, Some(0.1)));
    assert!(robot.false_alarms.at_most.is_some_and(|most| (most - 0.299_573).abs() < 1e-6));
    assert_eq!(
        (rule(&report, BLIND).severities[&Severity::Violation], rule(&report, BLIND).severities[&Severity::Major]),
        (2, 1)
    );

    let all = &report.overall;
    assert_eq!((all.recall.count, all.recall.of, all.precision.of), (3, 4, 5));
    assert_eq!(all.alerts, Alerts { right: 3, undecided: 0, wrong: 2, notices: 1 });
    // 2 · 3 / (3 + 4 + 2)
    assert_eq!(all.f1, Some(6.0 / 9.0));

    let family = |name: &str| report.families.iter().find(|family| family.family == name).expect("a family");
    let sale = family("flash_sale");
    assert_eq!((sale.clean, sale.apps, sale.false_alarms.count, sale.false_alarms.app_days), (true, 2, 2, 4));
    assert_eq!(sale.by_rule, BTreeMap::from([(BLIND.to_owned(), 2)]));
    assert_eq!((family("delivery_notices").notices.count, family("delivery_notices").false_alarms.count), (1, 0));
    assert_eq!(report.families.iter().map(|family| family.clean).collect::<Vec<_>>(), [true, true, false, false]);
}

#[test]
fn nothing_at_all_is_no_number() {
    let report = report(&[], &[]);
    assert_eq!((report.rules.len(), report.overall.f1, report.overall.recall.value), (0, None, None));
    assert!(table(&report).contains("precision -, recall -, F1 -"));
    assert!(picture(&report).expect("drawn").starts_with("<svg"));
}

#[test]
fn the_table_is_aligned_and_fits() {
    let (labels, messages) = day();
    let text = table(&report(&labels, &messages));
    assert!(text.lines().all(|line| line.chars().count() <= 120 && line == line.trim_end()), "{text}");
    for line in [
        "blind_dialing        all    3      2  0.667 (0.208-0.939)      5.0  30.0     20   40       20   30",
        "blind_dialing  0.500 (0.150-0.850)      2           6  0.3333   1.0493        0  0.0000",
        "blind_dialing    4     2          0      2        0  |       0          2      1       1",
        "flash_sale           2         4      2  0.5000   1.5739        0  0.0000  blind_dialing 2",
        "all rules: incidents 4, found 3, alerts 6, false alarms 2",
        "precision 0.600 (0.231-0.882), recall 0.750 (0.301-0.954), F1 0.667",
    ] {
        assert!(text.lines().any(|is| is == line), "`{line}` is not in:\n{text}");
    }
}

#[test]
fn the_json_names_its_form() {
    let (labels, messages) = day();
    let json = serde_json::to_value(report(&labels, &messages)).expect("json");
    assert_eq!(json["schema"], "dialwatch.evaluation/1");
    assert_eq!(json["overall"]["alerts"], serde_json::json!({"true": 3, "undecided": 0, "false": 2, "notices": 1}));
    assert_eq!(json["rules"][0]["by_intensity"]["mild"]["recall"]["of"], 2);
    assert_eq!(json["world"]["from"], "2026-03-02T00:00:00Z");
}

#[test]
fn the_picture_shows_every_rule_and_delay() {
    let (labels, messages) = day();
    let svg = picture(&report(&labels, &messages)).expect("drawn");
    for text in ["blind_dialing", "rest_time", "robot_dialing", "mild", "precision", "recall"] {
        assert!(svg.contains(text), "{text}");
    }
    // Two precisions, six recalls (two rules, three intensities, and one rule has none), and a dot for each delay on a line.
    let dots = svg.matches("<circle").count();
    assert_eq!(dots, 2 + 5 + (2 + 1 + 1) + (1 + 1));
    assert!(svg.trim_end().ends_with("</svg>") && !svg.contains("NaN"));
}

fn refused(labels_: &str, messages: &str) -> String {
    let read = truth("labels.json", labels_).and_then(|truth| alerts("alerts.jsonl", messages, &truth));
    read.expect_err("refused").to_string()
}

#[test]
fn bad_input_is_told_by_file_line_and_field() {
    let good = labels(&campaign());
    let lines = |bad: &str| format!("{}\n\n{bad}\n", message("a", "bad", BLIND, "violation", "2 10:30", "-", (10, 9)));
    let other = message("b", "bad", BLIND, "violation", "2 10:30", "-", (10, 9));
    for (bad, told) in [
        ("{", "alerts.jsonl:3: EOF while parsing an object"),
        (&other.replace("\"violation\"", "\"bad\""), "alerts.jsonl:3: severity: unknown variant `bad`"),
        (&other.replace("\"violation\"", "{\"x\":1}"), "alerts.jsonl:3: severity: "),
        (&other.replace(":10,", ":-1,"), "alerts.jsonl:3: calls_before_alert: invalid value: integer `-1`"),
        (&other.replace("2026-03-02T10:30:00Z\",\"ends", "today\",\"ends"), "alerts.jsonl:3: updated_at: "),
        (&other.replace("\"app_id\":\"bad\",", ""), "alerts.jsonl:3: missing field `app_id`"),
        (&other.replace("\"bad\"", "\"nobody\""), "alerts.jsonl:3: app_id: the labels know no app `nobody`"),
        (&other.replace("alert/1", "alert/2"), "alerts.jsonl:3: schema: `dialwatch.alert/2` is not dialwatch.alert/1"),
        (
            &other.replace("\"b\"", "\"a\"").replace("\"bad\"", "\"shop\""),
            "alerts.jsonl:3: alert_id: line 1 is of this alert, but of another app or rule",
        ),
    ] {
        let is = refused(&good, &lines(bad));
        assert!(is.starts_with(told), "`{is}` is not `{told}`");
    }
    for (bad, told) in [
        (good.replace("labels/1", "labels/2"), "labels.json:1: schema: `dialwatch.labels/2` is not dialwatch.labels/1"),
        (good.replace("2026-03-04T", "2026-03-01T"), "labels.json:1: end: the world ends before it begins"),
        (good.replace("\"mild\", \"family\"", "\"wild\", \"family\""), "labels.json:9: intensity: unknown variant `wild`"),
        (good.replace("T10:00", "at ten"), "labels.json:9: from: "),
        (good.replace("T11:00", "T09:00"), "labels.json:9: labels[0].to: it ends before it begins"),
        (good.replace("\"required\": true", "\"x\": 1"), "labels.json:9: missing field `required`"),
        (good.replace("\"shop2\"", "\"shop\""), "labels.json:6: apps[3].app_id: this app is there twice"),
        (good.replace("\"bad\", \"rule\"", "\"shop\", \"rule\""), "labels.json:9: labels[0].app_id: this app is clean by `apps`"),
        (good.replace("\"bad\", \"rule\"", "\"none\", \"rule\""), "labels.json:9: labels[0].app_id: no such app is under `apps`"),
    ] {
        assert!(bad != good, "{told}");
        let is = refused(&bad, "");
        assert!(is.starts_with(told), "`{is}` is not `{told}`");
    }
}

/// The lines a replay writes.
#[derive(Default)]
struct Lines(Vec<String>);

impl Output for Lines {
    fn alert(&mut self, alert: &Sent) -> std::io::Result<()> {
        self.0.push(serde_json::to_string(alert)?);
        Ok(())
    }

    fn dead_letter(&mut self, _letter: &DeadLetter<'_>) -> std::io::Result<()> {
        Err(std::io::Error::other("a simulated record can be read"))
    }
}

#[test]
fn a_simulated_world_is_replayed_and_evaluated() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    write_files(&crate::simulate::World::new(1, 1, 40), WireFormat::Tccc, folder.path()).expect("written");
    let open = |name: &str| vec![Source::open(&path(name)).expect("opened")];
    let inputs = Inputs { calls: open("calls.jsonl"), feedback: open("feedback.jsonl"), registry: open("registry.jsonl") };
    let replay = Replay {
        policy: std::sync::Arc::new(Policy::for_tests()),
        format: Format::Tccc,
        app_id: None,
        newest: Timestamp::LATEST,
        shards: 1,
        chunk_bytes: 1 << 20,
        resolve_at_end: false,
    };
    let mut lines = Lines::default();
    replay.run(inputs, &mut lines).expect("replayed");

    let text = std::fs::read_to_string(path("labels.json")).expect("read");
    let truth = truth("labels.json", &text).expect("labels");
    let alerts = alerts("alerts.jsonl", &lines.0.join("\n"), &truth).expect("alerts");
    let report = evaluate(&truth, &alerts, GRACE_MS);
    println!("{}", table(&report));
    let ids: std::collections::BTreeSet<String> =
        lines.0.iter().map(|line| serde_json::from_str::<Sent>(line).expect("an alert").alert_id).collect();
    assert!(ids.len() > 20, "{}", ids.len());
    assert_eq!(report.overall.alerts.sum(), ids.len() as u64);
    assert_eq!(report.overall.recall.of, truth.labels.iter().filter(|label| label.required).count() as u64);
    assert!(0 < report.overall.recall.count && report.overall.recall.count <= report.overall.recall.of);
    assert!(report.overall.alerts.right > report.overall.alerts.wrong, "{}", table(&report));
    assert_eq!(report.families.iter().map(|family| family.apps).sum::<u64>(), 40);
    assert!(table(&report).lines().all(|line| line.chars().count() <= 120), "{}", table(&report));
    let svg = picture(&report).expect("drawn");
    assert!(svg.contains("blind_dialing"));
}

/// Any handful of labels and messages of two apps and two rules, within two days.
fn any_lines() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    let time = || (2..4_u32, 0..24_u32, 0..60_u32);
    let text = |(day, hour, minute): (u32, u32, u32)| format!("{day} {hour:02}:{minute:02}");
    let one = (0..2_usize, 0..2_usize, 0..3_usize, time(), time(), any::<bool>()).prop_map(
        move |(app, rule, kind, one, other, due)| {
            let (from, to) = (text(one.min(other)), text(one.max(other)));
            let required = if due { "" } else { ", \"required\": false" };
            label(["bad", "worse"][app], [BLIND, "rest_time"][rule], ["mild", "medium", "strong"][kind], &from, &to, required)
        },
    );
    let other = (0..6_usize, 0..3_usize, time(), any::<bool>(), 0..3_u64).prop_map(move |(id, kind, at, ended, calls)| {
        let (app, rule, at) = (["bad", "worse", "shop"][id % 3], [BLIND, "rest_time"][id / 3], text(at));
        let ends = if ended { &*at } else { "-" };
        message(&id.to_string(), app, rule, ["notice", "violation", "major"][kind], &at, ends, (calls, 2 - calls))
    });
    (prop::collection::vec(one, 0..6), prop::collection::vec(other, 0..16))
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(4), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_lines_makes_no_difference(
        (lines, shuffled) in any_lines().prop_flat_map(|lines| {
            (Just(lines.clone()), (Just(lines.0).prop_shuffle(), Just(lines.1).prop_shuffle()))
        })
    ) {
        prop_assert_eq!(report(&lines.0, &lines.1), report(&shuffled.0, &shuffled.1));
    }

    #[test]
    fn counts_add_up((labels, messages) in any_lines()) {
        let report = report(&labels, &messages);
        let ids: std::collections::BTreeSet<_> = messages.iter().map(|message| &message[..50]).collect();
        prop_assert_eq!(report.overall.alerts.sum(), ids.len() as u64);
        prop_assert_eq!(report.overall.recall.of, labels.iter().filter(|label| label.contains("\"required\": true")).count() as u64);
        for rule in &report.rules {
            prop_assert_eq!(rule.severities.values().sum::<u64>(), rule.alerts.sum());
            prop_assert_eq!(rule.by_intensity.values().map(|found| found.recall.count).sum::<u64>(), rule.all.recall.count);
            prop_assert_eq!(rule.all.delay_minutes.of + rule.all.still_open, rule.all.recall.count);
            // Who finds something has a true alert.
            prop_assert!(rule.all.recall.count == 0 || rule.alerts.right > 0);
        }
        prop_assert_eq!(report.families.iter().map(|family| family.false_alarms.count).sum::<u64>(), report.overall.alerts.wrong);
        prop_assert!(table(&report).lines().all(|line| line.chars().count() <= 120));
    }
}
