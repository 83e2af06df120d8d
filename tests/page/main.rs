//! The page in a real browser: Chromium loads it from the server with thousands of alerts open. Without Chromium the tests say
//! `skipped` and pass, except on CI.
#![allow(clippy::expect_used, reason = "a helper of a test fails like the test")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dialwatch::config::Config;
use dialwatch::engine::alert::Alert;
use dialwatch::engine::detector::{RuleName, Severity};
use dialwatch::engine::number::Number;
use dialwatch::engine::record::{CallRecord, Direction, HangupBy, Kind, Outcome, Position, RawOutcome};
use dialwatch::engine::shard::{Effects, Input, Shard};
use dialwatch::engine::time::Timestamp;
use dialwatch::engine::window::tally::Tally;
use dialwatch::http::Server;
use dialwatch::service::View;
use dialwatch::status::{AppStatus, Course, Pen, gravest_first};
use serde_json::json;

/// The longest a browser may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);
const START_S: i64 = 1_773_018_000;
/// The app of calls whose numbers must be nowhere.
const CANARY_APP: &str = "1400300716";
const CANARIES: [&str; 3] = ["+8613912345678", "+8617012349876", "+8619987654321"];
const CANARY_CALLER: &str = "+8675582345678";

/// What a browser made of a page.
struct Loaded {
    dom: String,
    /// What it complained of.
    log: String,
}

impl Loaded {
    /// The ids of the alerts listed.
    fn alerts(&self) -> Vec<&str> {
        self.dom.split("<a href=\"/alerts/").skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }
}

/// A Chromium that can be started.
struct Browser(&'static str);

impl Browser {
    /// `None`, with a word on stderr, if there is none. On CI that is a failure.
    fn find() -> Option<Self> {
        let starts =
            |name: &&str| Command::new(name).arg("--version").stdin(Stdio::null()).output().is_ok_and(|ran| ran.status.success());
        let found = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(starts);
        if found.is_none() {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no Chromium on CI");
            // Past the test runner, which keeps back what passing tests print.
            let _ = writeln!(std::io::stderr(), "skipped: no Chromium to look at the page with");
        }
        found.map(Self)
    }

    fn run(&self, args: &[&str]) -> Loaded {
        let folder = tempfile::tempdir().expect("a folder");
        let (dom, log) = (folder.path().join("dom"), folder.path().join("log"));
        let file = |path: &Path| Stdio::from(std::fs::File::create(path).expect("a file"));
        let mut child = Command::new(self.0)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--enable-logging=stderr"])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .args(args)
            .stdin(Stdio::null())
            .stdout(file(&dom))
            .stderr(file(&log))
            .spawn()
            .expect("it starts");
        let began = Instant::now();
        let read = |path: &Path| String::from_utf8_lossy(&std::fs::read(path).expect("readable")).into_owned();
        while child.try_wait().expect("ours").is_none() {
            if began.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                panic!("{args:?} took longer than {PATIENCE:?}:\n{}", read(&log));
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Loaded { dom: read(&dom), log: read(&log) }
    }

    /// Loads a page of the server.
    fn load(&self, server: &Server, path: &str) -> Loaded {
        let loaded = self.run(&["--dump-dom", &format!("http://{}{path}", server.address())]);
        assert!(loaded.dom.contains("dialwatch</a>"), "{path}: {}\n{}", loaded.dom, loaded.log);
        for complaint in ["Content Security Policy", "Refused to", "Uncaught"] {
            assert!(!loaded.log.contains(complaint), "{path}: {}", loaded.log);
        }
        loaded
    }
}

fn alert(app_id: &str, number: usize) -> Alert {
    let at = Timestamp::from_seconds(START_S + number as i64 * 60).to_string();
    let (rule, severity) = (RuleName::ALL[number % 10].as_str(), Severity::ALL[number % 4].as_str());
    let value = json!({
        "schema": "dialwatch.alert/1", "alert_id": format!("alert-{number}"), "status": "firing", "rule": rule, "severity": severity,
        "app_id": app_id, "subject": {"kind": "app"}, "starts_at": at, "updated_at": at, "ends_at": null,
        "window": {"from": at, "to": at}, "summary": "Of 143 calls since the morning, 36 went to numbers that do not exist.",
        "evidence": [{"feature": "invalid_number_share", "observed": 0.251748, "bound": 0.1901, "limit": 0.05, "count": 36,
                      "of": 143, "over": "day"}],
        "calls": [], "calls_before_alert": 143, "callees_before_alert": 141,
        "policy": {"pack": "tccc-2026-02", "clause": "access-rules/6", "version": "test"},
        "recommended_action": "warn_and_record", "completeness": 1.0,
    });
    serde_json::from_value(value).expect("an alert")
}

/// Five hundred apps with ten open alerts each.
fn crowd(view: &View) {
    for app in 0..500_usize {
        let app_id = format!("14{app:08}");
        let mut open_alerts: Vec<Alert> = (0..10).map(|at| alert(&app_id, app * 10 + at)).collect();
        open_alerts.sort_by(gravest_first);
        let from = Timestamp::from_seconds(START_S);
        view.board.put(AppStatus {
            app_id,
            partition: 0,
            as_of: Timestamp::from_seconds(START_S + 86_400),
            last_judged: Timestamp::from_seconds(START_S + 86_400),
            calls_judged: 960,
            day: Tally { placed: 960, answered: 300, invalid_number: 240, ..Tally::default() },
            course: Arc::new(Course { from, placed: vec![10; 96], usual: vec![Some(8.0); 96] }),
            callees_day: 900,
            callees_remembered: 900,
            filed: None,
            terms: None,
            ledger: Arc::default(),
            open_alerts,
        });
    }
}

/// An app as the service writes it, which called some people again and again.
fn canaries(view: &View) {
    let policy = Arc::new(Config::parse("", "").expect("the defaults").policy());
    let (mut shard, mut effects) = (Shard::new(policy.clone(), 1), Effects::default());
    for at in 0..24_usize {
        let end = Timestamp::from_seconds(START_S + at as i64 * 5);
        let record = CallRecord {
            app_id: CANARY_APP.into(),
            call_id: format!("call-{at}").into(),
            direction: Direction::Outbound,
            kind: Kind::Agent,
            caller: Number::parse(CANARY_CALLER, "86"),
            callee: Number::parse(CANARIES[at % CANARIES.len()], "86"),
            start: end.plus_millis(-20_000),
            ring: None,
            answer: None,
            end,
            outcome: Outcome::Rejected,
            outcome_known: true,
            raw_outcome: RawOutcome::default(),
            hangup_by: HangupBy::Unknown,
            agent: None,
            caller_region: None,
            callee_region: None,
        };
        shard.apply(Input::call(&record, Position { partition: 0, offset: at as u64 }), &mut effects);
    }
    shard.apply(Input::Tick(Timestamp::from_seconds(START_S + 1_200).plus_millis(policy.lateness_ms)), &mut effects);
    Pen::new(0).write(&view.board, &shard);
}

fn served(fill: impl Fn(&View)) -> Server {
    let view = View::new().expect("valid metrics");
    fill(&view);
    Server::start("127.0.0.1:0", view).expect("a free port")
}

#[test]
fn five_thousand_open_alerts_are_shown_and_filtered() {
    let Some(browser) = Browser::find() else { return };
    let server = served(crowd);
    let all = browser.load(&server, "/");
    assert_eq!(all.alerts().len(), 100, "{}", all.dom);
    assert!(all.dom.contains("1–100 of 5,000"), "{}", all.dom);
    assert!(all.dom.matches("class=\"badge severe\"").count() >= 100, "the gravest first");
    let some = browser.load(&server, "/?app=0007&rule=rest_time&severity=severe&refresh=&muted=");
    let expected = (0..5_000).filter(|number| RuleName::ALL[number % 10] == RuleName::RestTime && number % 4 == 3);
    let expected: Vec<String> = expected
        .filter(|number| format!("14{:08}", number / 10).contains("0007"))
        .map(|number| format!("alert-{number}"))
        .collect();
    let mut shown = some.alerts();
    shown.sort_unstable_by_key(|id| (id.len(), *id));
    assert!(!expected.is_empty() && shown == expected, "{shown:?} and not {expected:?}");
    assert!(some.dom.contains("<option value=\"rest_time\" selected=\"\">"), "the form says what is filtered by");
    let one = browser.load(&server, &format!("/alerts/{}", expected[0]));
    assert!(
        one.dom.contains("36 of 143 = 25.2 %, at least 19 % with confidence (Wilson), limit 5 % (the last day)"),
        "{}",
        one.dom
    );
}

#[test]
fn no_number_of_a_person_comes_to_the_browser() {
    let Some(browser) = Browser::find() else { return };
    let server = served(canaries);
    let list = browser.load(&server, "/");
    assert!(list.dom.contains("+86139******78"), "the mask is shown: {}", list.dom);
    let mut pages = vec![browser.load(&server, &format!("/apps/{CANARY_APP}"))];
    pages.extend(list.alerts().iter().take(3).map(|id| browser.load(&server, &format!("/alerts/{id}"))));
    pages.push(list);
    for page in pages {
        for number in CANARIES.iter().chain(&[CANARY_CALLER]) {
            // Not even the subscriber's part of it.
            assert!(!page.dom.contains(&number[number.len() - 8..]), "{}", page.dom);
        }
    }
}

#[test]
fn it_can_be_read_on_a_phone_and_on_a_desk() {
    let Some(browser) = Browser::find() else { return };
    let server = served(crowd);
    let folder = tempfile::tempdir().expect("a folder");
    for size in ["500,900", "1280,900"] {
        let picture = folder.path().join(format!("{size}.png"));
        let args = [
            format!("--screenshot={}", picture.display()),
            format!("--window-size={size}"),
            format!("http://{}/", server.address()),
        ];
        let loaded = browser.run(&args.each_ref().map(String::as_str));
        let drawn = std::fs::metadata(&picture).map_or(0, |file| file.len());
        // An empty page is drawn in a few thousand bytes.
        assert!(drawn > 20_000, "{drawn} bytes: {}", loaded.log);
    }
}
