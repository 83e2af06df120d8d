//! The page over a real socket: what is in it, what is never in it, and who may change what.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use super::*;
use crate::engine::number::Number;
use crate::engine::record::{CallRecord, Direction, HangupBy, Kind, Outcome, Position, RawOutcome};
use crate::engine::shard::{Effects, Input, Shard};
use crate::status::Pen;

const TOKEN: &str = "first-token-of-many-bytes";
const NOW_S: i64 = 1_790_000_000;

/// Sends a body; `headers` are lines.
fn send(address: SocketAddr, path: &str, headers: &[&str], body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).expect("listening");
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    write!(stream, "POST {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
        .expect("sent");
    read(stream)
}

const JSON: &str = "Content-Type: application/json";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const HERE: &str = "Host: localhost";
const FROM_HERE: &str = "Origin: http://localhost";

/// The value of a header, as it came.
fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let value = answer.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_else(|| panic!("no {name} in {}", answer.head))
}

/// The ids of the alerts that a page lists, in order.
fn listed(page: &Answer) -> Vec<&str> {
    assert_eq!(page.status, 200, "{page:?}");
    page.body.split("<a href=\"/alerts/").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn the_page_lists_open_alerts_the_gravest_first_and_filters_them() {
    let server = serve(&filled());
    let all = get(&server, "/");
    assert_eq!(listed(&all), ["1400000003-rest_time-5", "1400000003-blind_dialing-1", "1400000003-rest_time-9"]);
    assert!(all.body.contains("3 alerts about 1 of 3 apps"), "{}", all.body);
    assert_eq!(listed(&get(&server, "/?rule=rest_time")), ["1400000003-rest_time-5", "1400000003-rest_time-9"]);
    assert_eq!(listed(&get(&server, "/?rule=rest_time&severity=notice&app=&page=&refresh=")), ["1400000003-rest_time-9"]);
    let searched = get(&server, "/?app=LANTERN");
    assert_eq!(listed(&searched), [""; 0]);
    assert!(searched.body.contains("href=\"/apps/1400000002\">1400000002</a> Lantern Insurance"), "{}", searched.body);
    assert_eq!(listed(&get(&server, "/?app=0003")).len(), 3);
    assert!(!all.body.contains("http-equiv=\"refresh\""));
    assert!(get(&server, "/?refresh=30").body.contains("<meta http-equiv=\"refresh\" content=\"30\">"));
    assert_eq!((get(&server, "/?rule=gossip").status, get(&server, "/?page=x").status), (400, 400));
}

#[test]
fn nothing_from_elsewhere_is_loaded_and_nothing_runs() {
    let server = serve(&filled());
    for path in ["/", "/alerts/1400000003-rest_time-5", "/apps/1400000003", "/apps/nobody"] {
        let page = get(&server, path);
        let policy = header(&page, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; form-action 'self'"), "{policy}");
        assert_eq!((header(&page, "cache-control"), header(&page, "x-content-type-options")), ("no-store", "nosniff"));
        assert_eq!(header(&page, "referrer-policy"), "same-origin");
        for foreign in ["<script", " style=\"", "http://", "https://", "//cdn", " onclick"] {
            assert!(!page.body.contains(foreign), "{foreign} in {path}");
        }
    }
    let style = get(&server, "/style.css");
    assert!(style.head.contains("text/css") && style.body.contains("prefers-color-scheme: dark"), "{}", style.head);
}

#[test]
fn five_thousand_alerts_are_paged_and_quickly_there() {
    let view = view();
    for app in 0..500 {
        let id = format!("14{app:08}");
        let alerts = (0..10).map(|at| alert(&id, RuleName::ALL[at % 5], Severity::ALL[at % 4], app * 10 + at as i64)).collect();
        view.board.put(status(&id, 30, alerts));
    }
    let server = serve(&view);
    let began = Instant::now();
    let first = get(&server, "/");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(listed(&first).len(), 100);
    assert!(first.body.contains("1–100 of 5,000") && first.body.contains("<b>5,000</b> all"), "{}", &first.body[..3_000]);
    assert!(first.body.len() < 300_000, "{} bytes", first.body.len());
    let last = get(&server, "/?page=50");
    assert!(last.body.contains("4,901–5,000 of 5,000") && !last.body.contains(">next<"));
    assert_eq!(listed(&last).len(), 100);
    assert_ne!(listed(&first), listed(&last));
    assert!(get(&server, "/?page=51").body.contains("There are 50 pages."));
    assert_eq!(listed(&get(&server, "/?severity=severe&page=10")).len(), 100);
    assert!(get(&server, "/?severity=severe").body.contains("1–100 of 1,000"));
}

#[test]
fn hostile_texts_are_shown_as_texts() {
    let view = view();
    let id = "<img src=x onerror=alert(1)>&\"'/..";
    let filed =
        Filed { name: "</title><script>alert(2)</script>".into(), scene: "\"><i>".into(), callers: 1, ..Filed::default() };
    let of_it = Alert { summary: "<script>alert(3)</script>".into(), ..alert(id, RuleName::RestTime, Severity::Major, 1) };
    let of_it = Alert { alert_id: "0123".into(), ..of_it };
    view.board.put(AppStatus { filed: Some(filed), ..status(id, 9, vec![of_it]) });
    let server = serve(&view);
    let path = "/apps/%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E%26%22%27%2F..";
    for asked in ["/", path, "/alerts/0123", "/?app=%3Cscript%3E%22"] {
        let page = get(&server, asked);
        assert_eq!(page.status, 200, "{asked}");
        for raw in ["<script", "<img", "\"><i>", "</title><script"] {
            assert!(!page.body.contains(raw), "{raw} in {asked}");
        }
    }
    assert!(
        get(&server, "/").body.contains(&format!("<a href=\"{path}\">&lt;img src=x onerror=alert(1)&gt;&amp;&quot;'/..</a>"))
    );
    assert!(get(&server, path).body.contains("&lt;/title&gt;&lt;script&gt;alert(2)&lt;/script&gt;"));
}

/// A board as the service writes it, of an app that called some people too often.
fn written(callees: &[&str]) -> View {
    let (view, policy) = (view(), Arc::new(Policy::for_tests()));
    let mut shard = Shard::new(policy.clone(), 1);
    let mut pen = Pen::new(0);
    let mut effects = Effects::default();
    for (at, callee) in callees.iter().cycle().take(callees.len() * 8).enumerate() {
        let end = Timestamp::from_seconds(1_773_018_000 + at as i64 * 5);
        let record = CallRecord {
            app_id: "1400300716".into(),
            call_id: format!("call-{at}").into(),
            direction: Direction::Outbound,
            kind: Kind::Agent,
            caller: Number::parse("+8675582345678", "86"),
            callee: Number::parse(callee, "86"),
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
    let now = Timestamp::from_seconds(1_773_018_000 + 20 * 60).plus_millis(policy.lateness_ms);
    shard.apply(Input::Tick(now), &mut effects);
    pen.write(&view.board, &shard);
    view
}

#[test]
fn no_number_of_a_person_is_on_a_page_and_its_mask_is() {
    let view = written(&["+8613912345678", "13987654321", "+8617012349876"]);
    let app = view.board.app("1400300716").expect("judged");
    assert!(app.open_alerts.len() >= 3, "{:?}", app.open_alerts);
    let server = serve(&view);
    let mut paths = vec!["/".to_owned(), "/?app=1400300716".into(), "/apps/1400300716".into()];
    paths.extend(app.open_alerts.iter().map(|alert| format!("/alerts/{}", alert.alert_id)));
    let mut masks = 0;
    for path in paths {
        let page = get(&server, &path);
        assert_eq!(page.status, 200, "{path}");
        for canary in ["13912345678", "13987654321", "17012349876", "75582345678", "12345678", "87654321", "12349876", "82345678"]
        {
            assert!(!page.body.contains(canary), "{canary} in {path}");
        }
        masks += page.body.matches("+86139******").count();
    }
    assert!(masks > 10, "{masks} masks: the numbers have not come this far");
}

#[test]
fn the_page_of_an_alert_says_what_explain_says() {
    let view = written(&["+8613912345678"]);
    let app = view.board.app("1400300716").expect("judged");
    let server = serve(&view);
    for alert in &app.open_alerts {
        let page = get(&server, &format!("/alerts/{}", alert.alert_id)).body;
        let words = crate::explain::Words::of(alert);
        let mut said =
            vec![words.summary, words.opened, words.window, words.basis, format!("dialwatch explain {}", alert.alert_id)];
        said.extend(words.counted.iter().flat_map(|counted| [counted.definition.to_owned(), counted.formula.clone()]));
        said.extend(words.calls);
        for text in said {
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            assert!(page.contains(&text), "`{text}` is not said in {page}");
        }
        assert_eq!(page.matches("class=\"limit\"").count(), alert.evidence.len());
        assert!(page.contains("action=\"/apps/1400300716/mute\"") && page.contains("/acknowledge\""));
    }
    assert!(get(&server, "/apps/1400300716").body.contains("declined"));
    assert!(get(&server, "/alerts/nothing").body.contains("knows no such open alert"));
}

#[test]
fn an_alert_that_is_over_is_told_of_by_the_ledger() {
    let view = view();
    let mut ledger = Arc::default();
    let over = alert("1400000003", RuleName::RestTime, Severity::Violation, 1);
    Ledger::enter(&mut ledger, &over, ViolationTable::default().row(RuleName::RestTime, None, Severity::Violation), 0);
    view.board.put(AppStatus { ledger, ..status("1400000003", 30, Vec::new()) });
    let server = serve(&view);
    let page = get(&server, &format!("/alerts/{}", over.alert_id));
    assert_eq!(page.status, 200);
    assert!(page.body.contains("no longer open") && page.body.contains("violation by rest_time under"), "{}", page.body);
    get(&server, &format!("/api/v1/alerts/{}", over.alert_id)).refused(404);
}

#[test]
fn mutes_hide_alerts_until_they_end() {
    static CLOCK_S: AtomicI64 = AtomicI64::new(NOW_S);
    let clock = || Timestamp::from_seconds(CLOCK_S.load(Ordering::Relaxed));
    let server = Server::start_at("127.0.0.1:0", filled(), Access::default(), None, clock).expect("a free port");
    let at = |hours: i64| Timestamp::from_seconds(NOW_S + hours * 3_600);
    let tell = |path: &str, body: String| send(server.address(), path, &[HERE, JSON], &body);
    let body = format!("{{\"rule\":\"rest_time\",\"until\":\"{}\",\"reason\":\"a drill\",\"by\":\"ana\"}}", at(2));
    let done = tell("/api/v1/apps/1400000003/mute", body.clone());
    assert_eq!((done.status, &done.json()["until"], &done.json()["rule"]), (200, &at(2).to_string().into(), &"rest_time".into()));
    let page = get(&server, "/");
    assert_eq!(listed(&page), ["1400000003-blind_dialing-1"]);
    assert!(page.body.contains("2 muted alerts not shown"), "{}", page.body);
    assert_eq!(listed(&get(&server, "/?muted=show")).len(), 3);
    let alerts = get(&server, "/api/v1/alerts").json();
    let muted: Vec<&Value> = alerts["alerts"].as_array().expect("a list").iter().map(|alert| &alert["muted_until"]).collect();
    assert_eq!(muted, [&at(2).to_string().into(), &Value::Null, &at(2).to_string().into()], "the API lists them as before");
    let app = get(&server, "/apps/1400000003").body;
    assert!(app.contains("<b>ana</b>: a drill") && app.contains("action=\"/apps/1400000003/unmute\""), "{app}");
    assert_eq!(get(&server, "/api/v1/mutes").json()["total"], 1);

    CLOCK_S.store(NOW_S + 2 * 3_600, Ordering::Relaxed);
    assert_eq!(listed(&get(&server, "/")).len(), 3, "it has ended");
    assert!(tell("/api/v1/apps/1400000003/mute", body).refused(400).contains("until: it must lie in the future"));
    let all = format!("{{\"until\":\"{}\",\"reason\":\"a drill\",\"by\":\"ana\"}}", at(5));
    assert_eq!(tell("/api/v1/apps/1400000003/mute", all.clone()).status, 200);
    assert_eq!(listed(&get(&server, "/")), [""; 0]);
    assert!(tell("/api/v1/apps/nobody/mute", all).refused(404).contains("knows no such app"));
    let back = |reason: &str| tell("/api/v1/apps/1400000003/unmute", format!("{{\"reason\":\"{reason}\",\"by\":\"ben\"}}"));
    assert!(back("").refused(400).contains("reason: it must not be empty"));
    assert_eq!(back("over").status, 200);
    assert_eq!(listed(&get(&server, "/")).len(), 3);
    back("over").refused(404);
}

#[test]
fn an_acknowledgement_marks_an_alert_and_hides_nothing() {
    let server = serve(&filled());
    let tell = |id: &str, body: &str| send(server.address(), &format!("/api/v1/alerts/{id}/acknowledge"), &[HERE, JSON], body);
    let body = format!("{{\"until\":\"{}\",\"reason\":\"called them\",\"by\":\"ana <x>\"}}", wall_clock().plus_millis(3_600_000));
    let done = tell("1400000003-rest_time-5", &body);
    assert_eq!((done.status, &done.json()["alert_id"]), (200, &"1400000003-rest_time-5".into()), "{done:?}");
    let page = get(&server, "/");
    assert_eq!(listed(&page).len(), 3);
    assert!(page.body.contains("known to ana &lt;x&gt;"), "{}", page.body);
    assert!(get(&server, "/alerts/1400000003-rest_time-5").body.contains("called them"));
    let shown = get(&server, "/api/v1/alerts/1400000003-rest_time-5").json();
    assert_eq!((&shown["acknowledged"]["by"], &shown["muted_until"]), (&"ana <x>".into(), &Value::Null));
    tell("no-such-alert", &body).refused(404);
    tell("1400000003-rest_time-5", "{\"by\":\"ana\"}").refused(422);
    tell("1400000003-rest_time-5", "{").refused(400);
    send(server.address(), "/api/v1/alerts/1400000003-rest_time-5/acknowledge", &[HERE, FORM], &body).refused(415);
    tell("1400000003-rest_time-5", &" ".repeat(9_000)).refused(413);
}

#[test]
fn a_form_does_what_the_api_does_and_leads_back() {
    let server = serve(&filled());
    let fill = |path: &str, body: &str| send(server.address(), path, &[HERE, FROM_HERE, FORM], body);
    let done = fill("/apps/1400000003/mute", "rule=rest_time&hours=24&by=ana&reason=a+drill");
    assert_eq!((done.status, header(&done, "location")), (303, "/apps/1400000003"));
    assert_eq!(listed(&get(&server, "/")), ["1400000003-blind_dialing-1"]);
    let done = fill("/alerts/1400000003-blind_dialing-1/acknowledge", "hours=1&by=ana&reason=%E5%A5%BD");
    assert_eq!((done.status, header(&done, "location")), (303, "/alerts/1400000003-blind_dialing-1"));
    assert!(get(&server, "/alerts/1400000003-blind_dialing-1").body.contains("</time>: 好"));
    assert_eq!(fill("/apps/1400000003/unmute", "rule=rest_time&by=ana&reason=over").status, 303);
    assert_eq!(listed(&get(&server, "/")).len(), 3);
    let wrong = fill("/apps/1400000003/mute", "rule=&hours=0&by=ana&reason=x");
    assert!(wrong.status == 400 && wrong.body.contains("until: it must lie in the future"), "{wrong:?}");
}

#[test]
fn no_page_from_elsewhere_can_have_anything_done() {
    let access = Access::new(Token::new(TOKEN.as_bytes()));
    let with_token = Server::start_with("127.0.0.1:0", filled(), access, None).expect("a free port");
    let session = session_of(&with_token);
    let (without, body) = (serve(&filled()), "hours=24&by=ana&reason=x");
    for origin in ["Origin: http://localhost:81", "Origin: https://evil.example", "Origin: null", "X-No-Origin: 1"] {
        for (server, cookie) in [(&without, "X-No-Cookie: 1"), (&with_token, session.as_str())] {
            let sent = send(server.address(), "/apps/1400000003/mute", &[HERE, origin, FORM, cookie], body);
            assert_eq!(sent.status, 403, "{origin} {cookie}: {sent:?}");
        }
        let json = "{\"until\":\"2100-01-01T00:00:00Z\",\"reason\":\"x\",\"by\":\"x\"}";
        let sent = send(with_token.address(), "/api/v1/apps/1400000003/mute", &[HERE, origin, JSON, &session], json);
        assert_eq!(sent.status, 403, "{origin}: {sent:?}");
        let sent = send(with_token.address(), "/-/reload", &[HERE, origin, &session], "");
        assert_eq!(sent.status, 403, "{origin}: {sent:?}");
    }
    // What a page can send without being asked for leave beforehand is no JSON.
    let sent = send(without.address(), "/api/v1/apps/1400000003/mute", &[HERE, "Content-Type: text/plain"], "{}");
    sent.refused(415);
    assert_eq!(get(&without, "/api/v1/mutes").json()["total"], 0);
    let sent = send(with_token.address(), "/apps/1400000003/mute", &[HERE, FROM_HERE, FORM, &session], body);
    assert_eq!(sent.status, 303, "{sent:?}");
}

/// Logs in, and returns the header line that presents the session.
fn session_of(server: &Server) -> String {
    let entered = send(server.address(), "/login", &[HERE, FROM_HERE, FORM], &format!("token={TOKEN}&next=%2Fapps%2F1"));
    assert_eq!((entered.status, header(&entered, "location")), (303, "/apps/1"), "{entered:?}");
    let cookie = header(&entered, "set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains(TOKEN), "{cookie}");
    format!("Cookie: {}", cookie.split(';').next().expect("a pair"))
}

#[test]
fn a_browser_logs_in_with_the_token_and_keeps_a_session() {
    let access = Access::new(Token::new(TOKEN.as_bytes()));
    let server = Server::start_with("127.0.0.1:0", filled(), access.clone(), None).expect("a free port");
    let asks = |path: &str, headers: &[&str]| ask_with(server.address(), &format!("GET {path}"), headers);
    let html = "Accept: text/html,application/xhtml+xml";
    let away = asks("/alerts/x?y=z", &[HERE, html]);
    assert_eq!((away.status, header(&away, "location")), (303, "/login?next=%2Falerts%2Fx%3Fy%3Dz"));
    asks("/", &[HERE]).refused(401);
    asks("/api/v1/apps", &[HERE, html]).refused(401);
    let login = asks("/login?next=%2Falerts%2Fx", &[HERE, html]);
    assert!(login.status == 200 && login.body.contains("value=\"/alerts/x\""), "{login:?}");
    assert_eq!(asks("/style.css", &[HERE]).status, 200);

    let wrong = send(server.address(), "/login", &[HERE, FROM_HERE, FORM], "token=a-guess&next=%2F");
    assert!(wrong.status == 401 && !wrong.head.contains("set-cookie"), "{wrong:?}");
    let elsewhere = ["Origin: http://evil.example", HERE, FORM];
    assert_eq!(send(server.address(), "/login", &elsewhere, &format!("token={TOKEN}")).status, 403);
    let session = session_of(&server);
    assert_eq!(listed(&asks("/", &[HERE, html, &session])).len(), 3);
    assert_eq!(asks("/api/v1/apps", &[HERE, &session]).status, 200);
    assert!(asks("/", &[HERE, html, &session]).body.contains("Log out"));
    let forged = format!("{}0", &session[..session.len() - 1]);
    let forged = if forged == session { format!("{}1", &session[..session.len() - 1]) } else { forged };
    assert_eq!(asks("/", &[HERE, html, &forged]).status, 303);

    let left = send(server.address(), "/logout", &[HERE, FROM_HERE, FORM, &session], "");
    assert!(left.status == 303 && header(&left, "set-cookie").contains("Max-Age=0"), "{left:?}");
    access.change(Token::new(b"other-token-of-many-bytes"));
    assert_eq!(asks("/", &[HERE, html, &session]).status, 303, "another token ends every session");
    access.change(None);
    assert_eq!(asks("/", &[HERE, html]).status, 200);
    assert!(asks("/login", &[HERE, html]).body.contains("nobody needs to log in"));
}

#[test]
fn a_session_ends_by_the_clock() {
    static CLOCK_S: AtomicI64 = AtomicI64::new(NOW_S);
    let clock = || Timestamp::from_seconds(CLOCK_S.load(Ordering::Relaxed));
    let access = Access::new(Token::new(TOKEN.as_bytes()));
    let server = Server::start_at("0.0.0.0:0", filled(), access, None, clock).expect("a free port");
    let session = session_of(&server);
    let status = || ask_with(server.address(), "GET /", &[HERE, &session]).status;
    assert_eq!(status(), 200);
    CLOCK_S.store(NOW_S + 12 * 3_600, Ordering::Relaxed);
    assert_eq!(status(), 401);
}

#[test]
fn where_nothing_is_served_a_browser_is_told_so() {
    let server = Server::start_with("0.0.0.0:0", filled(), Access::default(), None).expect("a free port");
    let address = SocketAddr::from(([127, 0, 0, 1], server.address().port()));
    let page = ask_with(address, "GET /", &["Host: any", "Accept: text/html"]);
    assert!(
        page.status == 403 && page.body.contains("set http.token_file") && page.body.starts_with("<!DOCTYPE html>"),
        "{page:?}"
    );
    assert_eq!(ask_with(address, "GET /style.css", &["Host: any"]).status, 200);
}
