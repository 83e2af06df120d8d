//! The whole way: calls into Kafka, alerts out of a real Alertmanager, rules and dashboards on a real Prometheus.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use dialwatch::config::{RawAlertmanager, RawSink};
use dialwatch::engine::alert::{Alert, Status};
use dialwatch::simulate::World;
use dialwatch::sink::letter::{Labels, fingerprint, labels};
use dialwatch::sink::{self, Delivery};
use serde_json::{Value, json};

use crate::NO_IDLE_TICKS;
use crate::alerts::Alerts;
use crate::broker::{self, Broker};
use crate::producing::produce;
use crate::program::{Program, eventually};
use crate::reading::settled;
use crate::topics::Topics;
use crate::traffic::{Record, Traffic, key_in};
use crate::watchers::{self, Alertmanager, Prometheus, Receiver};

const PARTITIONS: i32 = 2;
/// Open alerts are believed for two minutes: no restart takes as long, even on a busy machine.
const RESEND: &str = "30s";

fn config(broker: &Broker, topics: &Topics, alertmanager: &Alertmanager, webhook: &Receiver) -> String {
    let sinks = format!(
        "sinks:\n- alertmanager: {{urls: ['http://{}'], resend: {RESEND}}}\n- webhook: {{url: 'http://127.0.0.1:{}/'}}\n\
         watchdog: {{every: 1s}}",
        alertmanager.address, webhook.port
    );
    let more = format!("{NO_IDLE_TICKS}  checkpoint_interval: 200ms\n  group_instance_id: only\n");
    topics.config(broker, &more).replace("sinks: []", &sinks)
}

/// The last message of each alert in the topic of alerts.
fn sent(broker: &Broker, topics: &Topics) -> Vec<Alert> {
    let mut last = std::collections::BTreeMap::new();
    for message in settled(broker, &topics.alerts) {
        let alert: Alert = serde_json::from_slice(&message.value.expect("an alert")).expect("an alert");
        last.insert(alert.alert_id.clone(), alert);
    }
    last.into_values().collect()
}

fn fingerprint_of(alert: &Alert) -> String {
    fingerprint(&labels(&Labels::new(), alert, alert.severity))
}

/// Fingerprints that Alertmanager has active.
fn active(alertmanager: &Alertmanager) -> BTreeSet<String> {
    let text = |alert: &Value| alert["fingerprint"].as_str().expect("a fingerprint").to_owned();
    alertmanager.alerts().iter().map(text).collect()
}

/// Every alert that is open by the topic is active in Alertmanager, under the labels it should have.
fn wait_until_told(broker: &Broker, topics: &Topics, alertmanager: &Alertmanager) -> Vec<Alert> {
    eventually("every open alert in Alertmanager", || {
        let open: Vec<Alert> = sent(broker, topics).into_iter().filter(|alert| alert.status == Status::Firing).collect();
        let active = active(alertmanager);
        (!open.is_empty() && open.iter().all(|alert| active.contains(&fingerprint_of(alert)))).then_some(open)
    })
}

/// A call of a blameless app in each partition, so many hours after the last of the traffic: time has passed.
fn hours_later(broker: &Broker, topics: &Topics, last_s: i64, hours: i64) {
    let at = last_s + hours * 3_600;
    let calls: Vec<Record> = (0..PARTITIONS)
        .map(|partition| {
            let app = key_in(partition, PARTITIONS);
            let call = json!({"SdkAppId": app, "SessionId": format!("later-{hours}"), "Direction": 0, "CallType": 2,
                "Caller": "+99900000001", "Callee": "+99900000002", "StartTimestamp": at - 60, "RingTimestamp": at - 60,
                "AcceptTimestamp": at - 50, "EndedTimestamp": at, "EndStatus": 1, "EndStatusString": "ok"});
            Record::new(&app, call.to_string().as_bytes())
        })
        .collect();
    produce(broker, &topics.calls, PARTITIONS, &calls);
}

/// The numbers of all callees and callers of the traffic, national digits alone.
fn numbers(traffic: &Traffic) -> BTreeSet<String> {
    let number = |call: &Value, field: &str| {
        let digits: String = call[field].as_str().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
        digits.strip_prefix("0086").unwrap_or(&digits).to_owned()
    };
    let calls = traffic.calls.iter().map(|record| serde_json::from_slice::<Value>(&record.value).expect("JSON"));
    let all = calls.flat_map(|call| [number(&call, "Callee"), number(&call, "Caller")]);
    all.map(|digits| digits.chars().rev().take(10).collect::<Vec<_>>().into_iter().rev().collect::<String>())
        .filter(|digits| digits.len() == 10)
        .collect()
}

fn assert_no_number(traffic: &Traffic, seen: &[(&str, String)]) {
    let numbers = numbers(traffic);
    assert!(numbers.len() > 100, "{} canaries", numbers.len());
    for (place, text) in seen {
        let runs = text.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() >= 10);
        for run in runs {
            let raw = (0..=run.len() - 10).map(|at| &run[at..at + 10]).find(|window| numbers.contains(*window));
            assert!(raw.is_none(), "a raw number stands in {place}");
        }
    }
}

fn last_end_s(traffic: &Traffic) -> i64 {
    let end = |record: &Record| serde_json::from_slice::<Value>(&record.value).expect("JSON")["EndedTimestamp"].as_i64();
    traffic.calls.iter().filter_map(end).max().expect("calls")
}

/// Calls in two parts: the watchdog calls where event time has come to, and is judged when it has moved on.
fn play(broker: &Broker, topics: &Topics, program: &mut Program, prometheus: &Prometheus, calls: &[Record]) {
    // Rates need a scrape before there is anything to see.
    eventually("a first scrape", || prometheus.has("dialwatch_alerts_total").then_some(()));
    let (before, after) = calls.split_at(calls.len() / 2);
    produce(broker, &topics.calls, PARTITIONS, before);
    program.eventually("a call of the watchdog", |program| {
        let consumed = program.try_scrape()?.sum("dialwatch_records_consumed_total", &[("stream", "calls")]);
        (consumed > before.len() as f64 + 2.0 * f64::from(PARTITIONS)).then_some(())
    });
    produce(broker, &topics.calls, PARTITIONS, after);
    program.wait_for("calls", calls.len());
}

/// Alertmanager and the API say the same of an alert, under one fingerprint.
fn assert_shown_alike(alert: &Alert, alertmanager: &Alertmanager, program: &mut Program) {
    let fingerprint = fingerprint_of(alert);
    let there = alertmanager.alerts().into_iter().find(|there| there["fingerprint"] == *fingerprint).expect("it is there");
    assert_eq!(there["labels"]["alert_id"], *alert.alert_id);
    assert_eq!(there["annotations"]["summary"], *alert.summary);
    let shown = program.eventually("the alert in the API", |program| {
        let answer = program.get(&format!("/api/v1/alerts/{}", alert.alert_id))?;
        let shown: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        shown["fingerprint"].is_string().then_some(shown)
    });
    assert_eq!(shown["fingerprint"], *fingerprint);
}

/// Prometheus has the rules, none of them fails, and one about open alerts fires.
fn assert_rules_work(prometheus: &Prometheus) {
    assert!(prometheus.rules().len() > 50);
    eventually("an alert of Prometheus", || {
        prometheus.firing().iter().any(|name| name.starts_with("Dialwatch") && name.ends_with("AlertsOpen")).then_some(())
    });
    let wrong: Vec<_> = prometheus.rules().into_iter().filter(|(_, health, _)| health != "ok").collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn alerts_arrive_and_stay_and_end_whatever_restarts() {
    let Some(broker) = broker::shared() else { return };
    if !are_watchers_installed() {
        return;
    }
    let mut traffic = Traffic::of(&World::new(91, 1, 16));
    let rest = traffic.calls.split_off(traffic.calls.len() / 2);
    let topics = traffic.produce_before_calls(broker, PARTITIONS);
    let (receiver, webhook) = (Receiver::start(), Receiver::start());
    let mut alertmanager = Alertmanager::start(&receiver, "...", "0s", "1s");
    let config = config(broker, &topics, &alertmanager, &webhook);
    let mut program = Program::start(&config);
    program.wait_until_ready();
    let prometheus = Prometheus::start(&program.listens_at(), &alertmanager.address);
    play(broker, &topics, &mut program, &prometheus, &traffic.calls);
    let first = wait_until_told(broker, &topics, &alertmanager);
    let paged: Vec<String> = first.iter().map(fingerprint_of).collect();
    eventually("every one at the receiver", || paged.iter().all(|id| !receiver.told_of(id).is_empty()).then_some(()));
    assert_shown_alike(&first[0], &alertmanager, &mut program);

    // Every panel of every dashboard answers; rules are loaded and right, and one of ours fires.
    check_dashboards(&prometheus, &mut program);
    assert_rules_work(&prometheus);

    // A reload skips no sending (as one of Prometheus did: issue 5277).
    program.signal("HUP");
    program.eventually("a reload", |program| {
        (program.try_scrape()?.sum("dialwatch_policy_reloads_total", &[("result", "success")]) >= 1.0).then_some(())
    });

    // A restart in between: nothing resolves, nobody is paged twice.
    let told = |alerts: &[String]| alerts.iter().map(|id| (id.clone(), receiver.told_of(id))).collect::<Vec<_>>();
    let (before, seen) = (told(&paged), what_is_seen(&mut program));
    program.end();
    let mut program = Program::start(&config);
    program.wait_until_ready();
    wait_until_told(broker, &topics, &alertmanager);
    assert_eq!(told(&paged), before, "what was open stayed so, and once is enough");

    // Alertmanager is down for a while: what comes meanwhile arrives when it is back.
    alertmanager.end();
    produce(broker, &topics.calls, PARTITIONS, &rest);
    program.eventually("the rest judged", |_| crate::topics::Position::in_calls(broker, &topics).is_at_end().then_some(()));
    let failing =
        |program: &mut Program| program.scrape().sum("dialwatch_sink_failures_total", &[("sink", "alertmanager")]) > 0.0;
    program.eventually("a failure that is seen", |program| failing(program).then_some(()));
    alertmanager.begin();
    wait_until_told(broker, &topics, &alertmanager);

    // Event time has moved over the watchdog's calls: they went the whole way, and their alert accuses nobody.
    eventually("the watchdog", || {
        let is_it = |alert: &Value| alert["labels"]["alertname"] == "DialwatchWatchdog" && alert["labels"]["severity"] == "none";
        alertmanager.alerts().iter().any(is_it).then_some(())
    });

    // Time passes: everything is over, and everybody hears of it.
    let all = Traffic { calls: [traffic.calls.clone(), rest].concat(), ..traffic };
    hours_later(broker, &topics, last_end_s(&all), 50);
    hours_later(broker, &topics, last_end_s(&all), 51);
    eventually("resolutions", || {
        paged.iter().all(|id| receiver.told_of(id).last().is_some_and(|last| last == "resolved")).then_some(())
    });

    // The webhook got every message the topic has.
    eventually("every message at the webhook", || {
        (webhook.alerts().len() >= Alerts::committed(broker, &topics).len()).then_some(())
    });
    let seen_last = what_is_seen(&mut program);
    let texts = |alerts: Vec<Value>| alerts.iter().map(Value::to_string).collect::<String>();
    let places = [
        ("logs, metrics and the API", seen),
        ("logs, metrics and the API after a restart", seen_last),
        ("what Alertmanager's receiver was sent", texts(receiver.alerts())),
        ("what the webhook was sent", texts(webhook.alerts())),
    ];
    assert_no_number(&all, &places);
    program.end();
}

fn are_watchers_installed() -> bool {
    let are_installed = watchers::are_installed();
    if !are_installed {
        assert!(std::env::var_os("CI").is_none(), "on CI Prometheus and Alertmanager must be there");
        broker::skipped("Prometheus or Alertmanager is not installed (apt-get install prometheus prometheus-alertmanager)");
    }
    are_installed
}

/// Ten thousand alerts of fifty apps at once: all arrive, in a few messages for people, and nothing of them waits in the process.
#[test]
fn a_storm_arrives_in_a_few_groups() {
    const ALERTS: usize = 10_000;
    const APPS: usize = 50;
    if !are_watchers_installed() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rules/robot_dialing--fires-fixed-gap");
    let text = std::fs::read_to_string(folder.join("expected.jsonl")).expect("a fixture");
    let example: Alert = serde_json::from_str(text.lines().next().expect("an alert")).expect("an alert");
    let storm: Vec<Alert> = (0..ALERTS)
        .map(|at| Alert { alert_id: format!("{at:032x}"), app_id: format!("storm-{}", at % APPS), ..example.clone() })
        .collect();
    let receiver = Receiver::start();
    let alertmanager = Alertmanager::start(&receiver, "app_id", "10s", "10s");
    let raw = RawAlertmanager { urls: vec![format!("http://{}", alertmanager.address)], ..RawAlertmanager::default() };
    let mut sinks = sink::open(&[RawSink::Alertmanager(raw)], Path::new(""), "").expect("a sink");
    let began = Instant::now();
    assert_eq!(sinks[0].deliver(&storm), Delivery::Done);
    let posted = began.elapsed();
    eventually("all of them", || (alertmanager.alerts().len() == ALERTS).then_some(()));
    let told = || receiver.alerts().iter().map(|alert| alert["fingerprint"].to_string()).collect::<BTreeSet<String>>().len();
    eventually("all of them at the receiver", || (told() == ALERTS).then_some(()));
    let messages = receiver.bodies();
    assert!(messages < 10 * APPS, "{messages} messages are no grouping");
    crate::program::tell(&format!("a storm of {ALERTS} alerts: posted in {posted:?}, {messages} messages to people"));
}

/// All that a process shows: its log, its metrics, its API and its page.
fn what_is_seen(program: &mut Program) -> String {
    let mut seen = program.log();
    for path in ["/metrics", "/api/v1/alerts?limit=1000", "/api/v1/apps?limit=1000", "/api/v1/rules", "/"] {
        seen += &program.eventually(path, |program| program.get(path).filter(|answer| answer.starts_with("HTTP/1.1 200")));
    }
    seen
}

/// Every panel's query on the real Prometheus, every name among the metrics and back.
fn check_dashboards(prometheus: &Prometheus, program: &mut Program) {
    let folder = tempfile::tempdir().expect("a folder");
    let scrape = folder.path().join("scrape.txt");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut said = String::new();
    // Rates need some scrapes first.
    eventually(&format!("every panel answers: {said}"), || {
        let metrics = program.get("/metrics")?;
        std::fs::write(&scrape, metrics.split_once("\r\n\r\n")?.1).expect("written");
        let mut check = Command::new("python3");
        check.arg(root.join("tests/grafana/check.py")).arg(format!("http://{}", prometheus.address));
        let output = check.arg("--complete").arg("--metrics").arg(&scrape).current_dir(root).output().expect("python3 runs");
        said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if !output.status.success() {
            crate::program::tell(&format!(
                "not every panel answers yet: {}",
                said.lines().take(4).collect::<Vec<_>>().join("; ")
            ));
        }
        output.status.success().then_some(())
    });
}
