//! Sinks over HTTP against a server that answers as it is told. The bugs of other senders (`reference/ecosystem.md` 1.6) are
//! tried one by one: here, in `letter`, in `standing` and in `service/dispatch`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::*;
use crate::config::{Duration as Length, RawAlertmanager, RawWebhook};
use crate::engine::alert::Status;
use crate::engine::alert::tests::example;

/// A request: its headers in small letters, and its body.
#[derive(Clone, Debug)]
struct Request {
    headers: String,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// A server that answers each request with the status that `answer` finds for its body.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    fn start(answer: impl Fn(&Request) -> u16 + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let kept = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream);
                let mut headers = String::new();
                while reader.read_line(&mut headers).is_ok_and(|bytes| bytes > 2) {}
                let headers = headers.to_lowercase().replace('\r', "");
                let request = Request { headers, body: Vec::new() };
                let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
                let mut body = vec![0; length];
                reader.read_exact(&mut body).expect("a body");
                let request = Request { body, ..request };
                let status = answer(&request);
                kept.lock().expect("fine").push(request);
                let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 4\r\nConnection: close\r\n\r\nsaid");
                reader.into_inner().write_all(answer.as_bytes()).expect("answered");
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("fine").clone()
    }

    /// The app ids of each request's alerts.
    fn apps(&self) -> Vec<Vec<String>> {
        let apps = |request: &Request| {
            let body = request.json();
            let alerts = body.as_array().or(body["alerts"].as_array()).expect("alerts").clone();
            alerts.iter().map(|alert| alert["labels"]["app_id"].as_str().expect("text").to_owned()).collect()
        };
        self.requests().iter().map(apps).collect()
    }
}

fn alertmanager(urls: &[&str]) -> alertmanager::Alertmanager {
    let raw = RawAlertmanager { urls: urls.iter().map(|url| (*url).to_owned()).collect(), ..RawAlertmanager::default() };
    alertmanager::Alertmanager::new(&raw, Path::new(""), "").expect("a sink")
}

fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

fn over(alert: Alert) -> Alert {
    Alert { status: Status::Resolved, ends_at: Some(alert.starts_at.plus_millis(60_000)), ..alert }
}

#[test]
fn every_alertmanager_is_told_and_one_that_takes_it_is_enough() {
    let (one, two) = (Server::start(|_| 200), Server::start(|_| 200));
    assert_eq!(alertmanager(&[&one.url, &two.url]).deliver(&[example("app")]), Delivery::Done);
    assert_eq!((one.apps(), two.apps()), (vec![vec!["app".to_owned()]], vec![vec!["app".to_owned()]]));
    let gone = nowhere();
    let partly = alertmanager(&[&gone, &one.url]).deliver(&[example("app")]);
    assert!(matches!(&partly, Delivery::Partly(why) if why.starts_with(&gone)), "{partly:?}");
    let not_yet = alertmanager(&[&gone]).deliver(&[example("app")]);
    assert!(matches!(not_yet, Delivery::Retry(..)), "{not_yet:?}");
}

#[test]
fn one_refused_alert_takes_no_other_along() {
    let server = Server::start(|request| if String::from_utf8_lossy(&request.body).contains("bad") { 400 } else { 200 });
    let alerts = [example("good"), example("bad"), example("fine")];
    let refused = alertmanager(&[&server.url]).deliver(&alerts);
    assert_eq!(refused, Delivery::Refused(1, "status 400: said".into()));
    assert_eq!(server.apps()[1..], [["good"], ["bad"], ["fine"]]);
}

#[test]
fn a_server_that_is_busy_is_waited_for() {
    for status in [302, 429, 503] {
        let server = Server::start(move |_| status);
        let delivery = alertmanager(&[&server.url]).deliver(&[example("app")]);
        assert!(matches!(&delivery, Delivery::Retry(_, why) if why.contains(&status.to_string())), "{delivery:?}");
        assert_eq!(server.requests().len(), 1, "no redirect is followed");
    }
}

#[test]
fn of_one_alert_only_the_last_message_matters_and_requests_are_bounded() {
    let server = Server::start(|_| 200);
    let alert = example("app");
    assert_eq!(alertmanager(&[&server.url]).deliver(&[alert.clone(), example("other"), over(alert)]), Delivery::Done);
    assert_eq!(server.apps(), [["other", "app"]]);
    let many: Vec<Alert> = (0..1_000).map(|app| example(&format!("app-{app}"))).collect();
    assert_eq!(alertmanager(&[&server.url]).deliver(&many), Delivery::Done);
    assert_eq!(server.apps()[1..].iter().map(Vec::len).collect::<Vec<_>>(), [256, 256, 256, 232]);
    let headers = &server.requests()[0].headers;
    assert!(headers.starts_with("post /api/v2/alerts http/1.1"), "{headers}");
}

#[test]
fn a_webhook_gets_the_body_of_alertmanagers_and_can_check_who_sent_it() {
    let server = Server::start(|_| 200);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("secret"), "a secret of a webhook\n").expect("written");
    std::fs::write(folder.path().join("url"), format!("{}/hook?key=1\n", server.url)).expect("written");
    std::fs::write(folder.path().join("authorization"), "Bearer abc\n").expect("written");
    let mut raw = RawWebhook { url_file: Some("url".into()), secret_file: Some("secret".into()), ..RawWebhook::default() };
    raw.http.authorization_file = Some("authorization".into());
    raw.http.timeout = Length::from_millis(5_000);
    let mut webhook = webhook::Webhook::new(&raw, folder.path(), "https://dialwatch/alerts/").expect("a sink");
    let (one, two) = (example("one"), example("two"));
    let news = [one.clone(), two, over(one.clone())];
    assert_eq!(webhook.deliver(&news), Delivery::Done);
    assert_eq!(webhook.deliver(&news), Delivery::Done);

    let requests = server.requests();
    assert_eq!(server.apps(), [vec!["one", "two"], vec!["one"], vec!["one", "two"], vec!["one"]], "what opened, what is over");
    let (first, body) = (&requests[0], requests[0].json());
    assert!(first.headers.starts_with("post /hook?key=1 http/1.1"), "{}", first.headers);
    assert_eq!(first.header("authorization"), Some("bearer abc"));
    for (field, value) in
        [("version", "4"), ("status", "firing"), ("receiver", "dialwatch"), ("externalURL", "https://dialwatch/")]
    {
        assert_eq!(body[field], value, "{field}");
    }
    assert_eq!(body["groupLabels"], serde_json::json!({"alertname": "DialwatchBlindDialing"}));
    assert_eq!(body["commonLabels"]["severity"], "violation");
    assert_eq!(body["commonLabels"]["app_id"], Value::Null);
    let labels = letter::labels(&letter::Labels::new(), &one, one.severity);
    assert_eq!(body["alerts"][0]["fingerprint"], letter::fingerprint(&labels));
    assert_eq!(body["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z", "an open alert has no end");
    assert_eq!(requests[1].json()["status"], "resolved");

    let mut mac = Hmac::<Sha256>::new_from_slice(b"a secret of a webhook").expect("a key");
    mac.update(first.header("x-dialwatch-timestamp").expect("a time").as_bytes());
    mac.update(b".");
    mac.update(&first.body);
    let expected: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(first.header("x-dialwatch-signature"), Some(&*format!("sha256={expected}")));
    let key = |at: usize| requests[at].header("idempotency-key").expect("a key").to_owned();
    assert_eq!((key(0), key(1)), (key(2), key(3)), "the same news has the same key");
    assert_ne!(key(0), key(1));
}

#[test]
fn a_storm_at_a_webhook_is_a_few_requests() {
    let server = Server::start(|_| 200);
    let raw = RawWebhook { url: server.url.clone(), ..RawWebhook::default() };
    let mut webhook = webhook::Webhook::new(&raw, Path::new(""), "").expect("a sink");
    let many: Vec<Alert> = (0..1_000).map(|app| example(&format!("app-{app}"))).collect();
    assert_eq!(webhook.deliver(&many), Delivery::Done);
    assert_eq!(server.apps().iter().map(Vec::len).collect::<Vec<_>>(), [100; 10]);
}

#[test]
fn secrets_that_cannot_be_read_are_told_by_their_sink() {
    let raw = RawWebhook { url: "http://a".into(), secret_file: Some("/no/such/file".into()), ..RawWebhook::default() };
    let told = open(&[RawSink::Webhook(raw)], Path::new(""), "").err().expect("refused");
    assert!(told.starts_with("sinks.0.webhook: /no/such/file: "), "{told}");
}
