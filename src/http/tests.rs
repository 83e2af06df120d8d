//! The server over a real socket: who is answered what.

mod page;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;

use serde_json::Value;

use super::*;
use crate::config::Config;
use crate::config::http::Token;
use crate::engine::alert::Alert;
use crate::engine::alert::ledger::Ledger;
use crate::engine::detector::violations::ViolationTable;
use crate::engine::detector::{Mode, RuleName, Severity};
use crate::engine::policy::{Exception, Policy};
use crate::engine::terms::Terms;
use crate::engine::time::Timestamp;
use crate::engine::window::tally::Tally;
use crate::service::health::Stage;
use crate::status::{AppStatus, Filed};

/// An answer as it came.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that it is a refusal, and returns why.
    #[track_caller]
    fn refused(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.head.contains("content-type: application/json"), "{self:?}");
        self.json()["error"].as_str().expect("a reason").to_owned()
    }
}

/// Asks with these header lines, which end in a blank line; `line` is the method and the path.
fn ask_with(address: SocketAddr, line: &str, headers: &[&str]) -> Answer {
    let mut stream = TcpStream::connect(address).expect("listening");
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    write!(stream, "{line} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n").expect("sent");
    read(stream)
}

fn read(mut stream: TcpStream) -> Answer {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer}"));
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

fn ask(address: SocketAddr, line: &str) -> Answer {
    ask_with(address, line, &["Host: localhost"])
}

fn get(server: &Server, path: &str) -> Answer {
    ask(server.address(), &format!("GET {path}"))
}

fn view() -> View {
    View::new().expect("valid metrics")
}

fn serve(view: &View) -> Server {
    Server::start("127.0.0.1:0", view.clone()).expect("a free port")
}

fn alert(app_id: &str, rule: RuleName, severity: Severity, minute: i64) -> Alert {
    let starts_at = Timestamp::from_seconds(1_773_018_000 + minute * 60);
    let alert_id = format!("{app_id}-{}-{minute}", rule.as_str());
    Alert { alert_id, rule, severity, starts_at, ..crate::engine::alert::tests::example(app_id) }
}

fn status(app_id: &str, placed: u32, mut open_alerts: Vec<Alert>) -> AppStatus {
    open_alerts.sort_by(crate::status::gravest_first);
    AppStatus {
        app_id: app_id.into(),
        partition: 3,
        as_of: Timestamp::from_seconds(1_773_021_600),
        last_judged: Timestamp::from_seconds(1_773_021_000),
        calls_judged: 2 * u64::from(placed),
        day: Tally { placed, answered: placed / 2, ..Tally::default() },
        course: Arc::default(),
        callees_day: placed,
        callees_remembered: placed as usize,
        terms: None,
        ledger: Arc::default(),
        filed: None,
        open_alerts,
    }
}

/// Three apps: one quiet, one with a name, one with three alerts.
fn filled() -> View {
    let view = view();
    let filed = Filed { name: "Lantern Insurance".into(), callers: 7, seats: Some(5), ..Filed::default() };
    view.board.put(status("1400000001", 900, Vec::new()));
    view.board.put(AppStatus { filed: Some(filed), ..status("1400000002", 0, Vec::new()) });
    let (blind, rest) = (RuleName::BlindDialing, RuleName::RestTime);
    let id = "1400000003";
    let alerts =
        vec![alert(id, rest, Severity::Notice, 9), alert(id, blind, Severity::Major, 1), alert(id, rest, Severity::Major, 5)];
    view.board.put(status(id, 30, alerts));
    view
}

/// The values of a field, in order.
fn each<'v>(list: &'v Value, field: &str) -> Vec<&'v str> {
    list.as_array().expect("a list").iter().map(|item| item[field].as_str().expect("text")).collect()
}

#[test]
fn probes_follow_the_service() {
    let view = view();
    let server = serve(&view);
    assert_eq!(get(&server, "/-/healthy").status, 200);
    let answer = get(&server, "/-/ready");
    assert_eq!((answer.status, answer.body.as_str()), (503, "not ready: connecting to the brokers\n"));
    view.health.enter(Stage::Running);
    assert_eq!(get(&server, "/-/ready").status, 200);
    let answer = ask_with(server.address(), "GET /metrics?from=anybody", &["Host: prometheus.example"]);
    assert!(answer.head.contains("content-type: text/plain; version=0.0.4"), "{answer:?}");
    assert!(answer.body.contains("dialwatch_records_total{result=\"applied\",stream=\"calls\"} 0"), "{answer:?}");
    assert_eq!(ask(server.address(), "HEAD /metrics").body, "");

    let address = server.address();
    drop(server);
    assert!(TcpStream::connect(address).is_err(), "a dropped server listens no more");
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let server = serve(&view());
    assert!(Server::start(&server.address().to_string(), view()).is_err());
}

#[test]
fn apps_are_listed_found_and_paged() {
    let server = serve(&filled());
    let list = |query: &str| get(&server, &format!("/api/v1/apps{query}")).json();
    let all = list("");
    assert_eq!(each(&all["apps"], "app_id"), ["1400000003", "1400000001", "1400000002"], "the gravest, then the busiest");
    assert_eq!(all["total"], 3);
    let worst = &all["apps"][0];
    assert_eq!(
        (&worst["open_alerts"], &worst["gravest"], &worst["answered_share_day"]),
        (&3.into(), &"major".into(), &0.5.into())
    );
    assert_eq!(worst["as_of"], "2026-03-09T02:00:00Z");
    assert_eq!(all["apps"][2]["answered_share_day"], Value::Null, "no share of no calls");

    assert_eq!(each(&list("?order=calls")["apps"], "app_id")[0], "1400000001");
    let page = list("?order=app_id&limit=1&offset=1");
    assert_eq!((each(&page["apps"], "app_id"), &page["total"]), (vec!["1400000002"], &3.into()));
    assert_eq!(each(&list("?search=lantern")["apps"], "name"), ["Lantern Insurance"]);
    assert_eq!(each(&list("?search=%30%30%33")["apps"], "app_id"), ["1400000003"]);
    assert_eq!(list("?search=nobody")["total"], 0);
}

#[test]
fn an_app_is_shown_with_what_it_filed_and_its_alerts() {
    let server = serve(&filled());
    let app = get(&server, "/api/v1/apps/1400000003").json();
    assert_eq!((&app["day"]["placed"], &app["day"]["answered"], &app["partition"]), (&30.into(), &15.into(), &3.into()));
    assert_eq!(each(&app["alerts"], "severity"), ["major", "major", "notice"]);
    assert_eq!((&app["alerts"][0]["schema"], &app["filed"]), (&"dialwatch.alert/1".into(), &Value::Null));
    let app = get(&server, "/api/v1/apps/1400000002").json();
    assert_eq!(
        (&app["filed"]["callers"], &app["filed"]["seats"], &app["name"]),
        (&7.into(), &5.into(), &"Lantern Insurance".into())
    );
    let reason = get(&server, "/api/v1/apps/nobody").refused(404);
    assert!(reason.contains("knows no such app"), "{reason}");
}

#[test]
fn the_ledger_of_an_app_is_shown_the_newest_first() {
    let view = view();
    let table = ViolationTable::default();
    let mut ledger = Arc::default();
    for (minute, rule, severity) in [
        (1, RuleName::RestTime, Severity::Violation),
        (2, RuleName::HarassmentRedial, Severity::Major),
        (3, RuleName::BlindDialing, Severity::Violation),
    ] {
        let alert = alert("1400000003", rule, severity, minute);
        Ledger::enter(&mut ledger, &alert, table.row(rule, None, severity), 0);
    }
    let until = Timestamp::from_seconds(1_773_021_600);
    let exception = Exception { app_id: "1400000003".into(), rule: RuleName::RestTime, reason: "agreed".into(), until, by: None };
    let terms = Terms::of("1400000003", None, &Policy { exceptions: vec![exception], ..Policy::for_tests() });
    view.board.put(AppStatus { ledger, terms, ..status("1400000003", 30, Vec::new()) });
    let server = serve(&view);
    let page = get(&server, "/api/v1/apps/1400000003/ledger").json();
    assert_eq!((&page["total"], &page["strikes"], &page["dropped"]), (&3.into(), &2.into(), &0.into()));
    assert_eq!(each(&page["entries"], "rule"), ["blind_dialing", "harassment_redial", "rest_time"]);
    assert_eq!(each(&page["entries"], "action"), ["warn_and_record", "end_service", "warn_and_record"]);
    assert_eq!((&page["entries"][0]["recorded"], &page["entries"][0]["ended_at"]), (&1.into(), &Value::Null));
    let second = get(&server, "/api/v1/apps/1400000003/ledger?limit=1&offset=1").json();
    assert_eq!((each(&second["entries"], "clause"), &second["total"]), (vec!["agreement/4.4.9"], &3.into()));
    assert!(get(&server, "/api/v1/apps/nobody/ledger").refused(404).contains("knows no such app"));
    assert!(get(&server, "/api/v1/apps/1400000003/ledger?limit=0").refused(400).contains("between 1 and 1000"));
    let app = get(&server, "/api/v1/apps/1400000003").json();
    assert_eq!((&app["strikes"], &app["exceptions"][0]["reason"]), (&2.into(), &"agreed".into()));
}

#[test]
fn alerts_are_listed_the_gravest_first() {
    let server = serve(&filled());
    let list = |query: &str| get(&server, &format!("/api/v1/alerts{query}")).json();
    let all = list("");
    assert_eq!(each(&all["alerts"], "rule"), ["rest_time", "blind_dialing", "rest_time"]);
    assert_eq!(each(&list("?rule=rest_time")["alerts"], "severity"), ["major", "notice"]);
    let page = list("?severity=major&limit=1&offset=1");
    assert_eq!((each(&page["alerts"], "rule"), &page["total"]), (vec!["blind_dialing"], &2.into()));
    assert_eq!(list("?app_id=1400000001")["total"], 0);
    assert_eq!(list("?app_id=nobody")["alerts"], Value::Array(Vec::new()));
}

#[test]
fn rules_are_shown_as_they_are_in_force() {
    let view = view();
    let server = serve(&view);
    let rules = get(&server, "/api/v1/rules").json();
    assert_eq!(rules["rules"].as_array().map(Vec::len), Some(RuleName::ALL.len()));
    assert_eq!((&rules["policy_version"], &rules["rules"][0]["mode"]), (&Value::Null, &Value::Null));
    let mut policy = Policy::for_tests();
    policy.rules.set_mode(RuleName::RestTime, Mode::Shadow);
    view.reload.begin(Arc::new(policy));
    let rules = get(&server, "/api/v1/rules").json();
    let rest = rules["rules"].as_array().and_then(|rules| rules.iter().find(|rule| rule["rule"] == "rest_time")).expect("a rule");
    assert_eq!((&rest["mode"], &rest["limits"]["from_minute"]), (&"shadow".into(), &480.into()));
    assert_eq!(rest["clause"], "outbound-rules/hours");
    assert_eq!((&rules["pack"], &rest["published"][0]["limit"]), (&"tccc-2026-02".into(), &"rules.rest_time.from_minute".into()));
    assert!(rest["published"][0]["source"].as_str().is_some_and(|source| source.contains("679/79155")));
    assert_eq!(rest["violations"][1]["action"], "warn_and_record");
}

#[test]
fn what_cannot_be_answered_is_refused_with_a_reason() {
    let server = serve(&filled());
    let reason = |line: &str, status: u16| ask(server.address(), line).refused(status);
    assert!(reason("GET /api/v1/apps?limit=0", 400).contains("between 1 and 1000"));
    assert!(reason("GET /api/v1/apps?limit=many", 400).contains("limit"));
    assert!(reason("GET /api/v1/apps?serach=x", 400).contains("unknown field `serach`"));
    assert!(reason("GET /api/v1/alerts?rule=gossip", 400).contains("gossip"));
    assert!(reason("GET /api/v1/alerts?severity=", 400).contains("severity"));
    reason("GET /api/v1/nothing", 404);
    reason("DELETE /api/v1/apps", 405);
    reason("GET /-/reload", 405);
    assert!(reason("POST /-/reload", 404).contains("no configuration"));
    let with_body = ask_with(server.address(), "GET /api/v1/rules", &["Host: localhost", "Content-Length: 5"]);
    with_body.refused(413);
    ask_with(server.address(), "POST /-/reload", &["Host: localhost", "Transfer-Encoding: chunked"]).refused(413);
}

#[test]
fn a_request_that_is_too_long_is_not_read_to_its_end() {
    let server = serve(&view());
    let mut stream = TcpStream::connect(server.address()).expect("listening");
    // The server may have hung up before all is written or read: that too is an answer.
    let _ = write!(stream, "GET /api/v1/apps?search={} HTTP/1.1\r\n\r\n", "x".repeat(1_000_000));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(get(&server, "/-/healthy").status, 200);
}

#[test]
fn without_a_token_this_machine_alone_is_answered_and_in_its_own_name() {
    let server = serve(&filled());
    let asks = |headers: &[&str]| ask_with(server.address(), "GET /api/v1/apps", headers).status;
    for mine in ["localhost", "LOCALHOST:9664", "127.0.0.1:9664", "[::1]:9664"] {
        assert_eq!(asks(&[&format!("Host: {mine}")]), 200, "{mine}");
    }
    for foreign in ["rebound.example", "10.0.0.1:9664", "", "[::2]:1"] {
        assert_eq!(asks(&[&format!("Host: {foreign}")]), 403, "{foreign}");
    }
    assert_eq!(asks(&["Host: localhost:1", "Origin: http://localhost:1"]), 200);
    assert_eq!(asks(&["Host: localhost:1", "Origin: http://elsewhere.example"]), 403);
    assert_eq!(asks(&["Host: localhost:1", "Origin: null"]), 403);
}

#[test]
fn where_others_can_reach_it_nothing_but_metrics_and_probes_is_served_without_a_token() {
    let access = Access::default();
    let server = Server::start_with("0.0.0.0:0", filled(), access.clone(), None).expect("a free port");
    let address = SocketAddr::from(([127, 0, 0, 1], server.address().port()));
    for path in ["/api/v1/apps", "/api/v1/openapi.json", "/", "/-/reload", "/metrics/"] {
        let reason = ask(address, &format!("GET {path}")).refused(403);
        assert!(reason.contains("set http.token_file"), "{reason}");
    }
    assert_eq!(ask(address, "GET /metrics").status, 200);
    assert_eq!(ask(address, "GET /-/healthy").status, 200);
    access.change(Token::new(b"a-token-that-came-later"));
    let answer = ask_with(address, "GET /api/v1/apps", &["Host: any", "Authorization: Bearer a-token-that-came-later"]);
    assert_eq!(answer.status, 200);
}

#[test]
fn a_token_is_asked_for_and_checked() {
    let access = Access::new(Token::new(b"first-token-of-many-bytes"));
    let server = Server::start_with("127.0.0.1:0", filled(), access.clone(), None).expect("a free port");
    let asks = |authorization: &str| ask_with(server.address(), "GET /api/v1/apps", &["Host: any", authorization]);
    assert_eq!(asks("Authorization: Bearer first-token-of-many-bytes").status, 200);
    assert_eq!(asks("authorization: bearer   first-token-of-many-bytes").status, 200);
    for wrong in [
        "X-None: 1",
        "Authorization: Bearer",
        "Authorization: Bearer ",
        "Authorization: Basic Zmlyc3Q=",
        "Authorization: Bearer first-token-of-many-byte",
        "Authorization: Bearer first-token-of-many-bytes2",
        "Authorization: first-token-of-many-bytes",
    ] {
        let answer = asks(wrong);
        answer.refused(401);
        assert!(answer.head.contains("www-authenticate: Bearer"), "{wrong}: {answer:?}");
        assert!(!answer.body.contains("first-token"), "{answer:?}");
    }
    ask(server.address(), "GET /api/v1/nothing").refused(401);
    ask(server.address(), "POST /-/reload").refused(401);
    assert_eq!(ask(server.address(), "GET /metrics").status, 200);
    assert_eq!(ask(server.address(), "GET /-/ready").status, 503);
    access.change(Token::new(b"other-token-of-many-bytes"));
    asks("Authorization: Bearer first-token-of-many-bytes").refused(401);
    assert_eq!(asks("Authorization: Bearer other-token-of-many-bytes").status, 200);
}

#[test]
fn a_reload_says_what_changed_or_what_is_wrong() {
    let files = Arc::new(Mutex::new("lateness: 2m\n"));
    let (file, running) = (files.clone(), Config::parse("", "test.yaml").expect("valid"));
    let reloading: Reloading = Arc::new(move || {
        let text = *file.lock().expect("no panic under the lock");
        Ok(running.taking(Config::parse(text, "test.yaml")?).1)
    });
    let server = Server::start_with("127.0.0.1:0", view(), Access::default(), Some(reloading)).expect("a free port");
    let done = ask(server.address(), "POST /-/reload");
    assert_eq!((done.status, &done.json()["changed"]), (200, &serde_json::json!(["lateness"])));
    *files.lock().expect("no panic under the lock") = "lateness: soon\nrules: {gossip: {}}\n";
    let wrong = ask(server.address(), "POST /-/reload");
    assert!(wrong.refused(400).contains("stays in force"));
    let problems = &wrong.json()["problems"];
    assert_eq!(each(problems, "path"), ["lateness", "rules.gossip"]);
    assert_eq!((&problems[0]["line"], &problems[0]["column"]), (&1.into(), &11.into()));
}

/// A value that a described parameter takes.
fn example_of(parameter: &Value) -> String {
    let schema = parameter["schema"].to_string();
    let choices = |value: &Value| value.get("enum").or(value.get("const")).cloned();
    let mut schemas = vec![parameter["schema"].clone()];
    while let Some(schema) = schemas.pop() {
        match choices(&schema) {
            Some(Value::Array(choices)) => return choices[0].as_str().expect("a word").to_owned(),
            Some(choice) => return choice.as_str().expect("a word").to_owned(),
            None => {}
        }
        for several in ["oneOf", "anyOf"] {
            schemas.extend(schema.get(several).and_then(Value::as_array).cloned().unwrap_or_default());
        }
    }
    if schema.contains("integer") { "1".into() } else { "x".into() }
}

/// Asserts that an answer has the fields that its schema says, and no others.
#[track_caller]
fn assert_fields(document: &Value, schema: &Value, answer: &Answer) {
    let Some(reference) = schema["$ref"].as_str() else { return };
    let schema = document.pointer(reference.trim_start_matches('#')).expect("a schema");
    let (answer, described) = (answer.json(), schema["properties"].as_object().expect("fields"));
    let answered = answer.as_object().expect("an object");
    let unknown: Vec<&String> = answered.keys().filter(|field| !described.contains_key(*field)).collect();
    assert!(unknown.is_empty(), "{unknown:?} of {reference} are not described");
    for field in schema["required"].as_array().expect("a list") {
        assert!(answered.contains_key(field.as_str().expect("a name")), "{field} of {reference} is not answered");
    }
}

#[test]
fn every_route_is_described_as_it_is() {
    let server = serve(&filled());
    let document = get(&server, "/api/v1/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut operations = 0;
    for route in routes::all().into_iter().filter(|route| !matches!(route.form, routes::Form::Page)) {
        let method = route.method.as_str();
        let operation = &document["paths"][route.path][method.to_lowercase()];
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{}: {operation}", route.path);
        let id = if route.path.contains("/alerts/") { "1400000003-rest_time-5" } else { "1400000001" };
        let path = route.path.replace("{id}", id);
        let status = |query: &str| ask(server.address(), &format!("{method} {path}{query}")).status;
        // What is to be told something says so.
        assert!([200, 404, 415, 503].contains(&status("")), "{path}");
        assert_eq!(route.body.is_some(), status("") == 415, "{path}");
        if method == "GET" && !route.is_public {
            assert_fields(
                &document,
                &operation["responses"]["200"]["content"]["application/json"]["schema"],
                &get(&server, &path),
            );
        }
        let in_path = operation["parameters"].as_array().expect("parameters").iter().filter(|one| one["in"] == "path");
        assert_eq!(in_path.count(), route.path.matches('{').count(), "{}", route.path);
        for parameter in operation["parameters"].as_array().expect("parameters") {
            let name = parameter["name"].as_str().expect("a name");
            assert!(parameter["description"].as_str().is_some_and(|text| text.ends_with('.')), "{path}: {parameter}");
            if parameter["in"] == "query" {
                assert_eq!(status(&format!("?{name}={}", example_of(parameter))), 200, "{path}: {parameter}");
            }
        }
        if !route.is_public {
            assert_eq!(status("?no_such_parameter=1"), 400, "{path} takes what it does not describe");
        }
        operations += 1;
    }
    let described: usize =
        document["paths"].as_object().expect("paths").values().map(|path| path.as_object().map_or(0, |of| of.len())).sum();
    assert_eq!(described, operations);
}

#[test]
fn the_description_refers_to_nothing_that_is_not_in_it() {
    let document = openapi::document(&routes::all());
    let text = document.to_string();
    let references = text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next());
    let mut count = 0;
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference} leads nowhere");
        count += 1;
    }
    assert!(count > 20, "{count} references");
    // What an alert is, is what `dialwatch schema alert` says.
    let alert = schemars::schema_for!(Alert).to_value();
    let fields = |schema: &Value| schema["properties"].as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>());
    let mut open = fields(&document["components"]["schemas"]["OpenAlert"]).expect("fields");
    open.retain(|field| !["fingerprint", "muted_until", "acknowledged"].contains(&field.as_str()));
    assert_eq!(Some(open), fields(&alert));
}

#[test]
fn a_slow_or_silent_client_holds_up_nobody() {
    let server = serve(&filled());
    let silent: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(server.address()).expect("listening")).collect();
    let mut slow = TcpStream::connect(server.address()).expect("listening");
    slow.write_all(b"GET /-/healthy HT").expect("sent");
    assert_eq!(get(&server, "/-/healthy").status, 200);
    slow.write_all(b"TP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("sent");
    assert_eq!(read(slow).status, 200);
    drop(silent);
}
