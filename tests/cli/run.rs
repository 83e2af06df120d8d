//! `run` from outside, without a broker: it waits for one while its HTTP server and its signals already work.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::support::Folder;

/// The longest anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A service that waits for a broker.
struct Service {
    folder: Folder,
    process: Child,
    log: Receiver<Value>,
    address: String,
    token: &'static str,
}

impl Service {
    /// Starts it with `more` in its configuration.
    fn start(more: &str) -> Self {
        let folder = Folder::new();
        folder.write("token", "the-first-token-of-all\n");
        folder.write("dialwatch.yaml", config(more));
        let mut process = Command::new(env!("CARGO_BIN_EXE_dialwatch"))
            .args(["run", "-c", "dialwatch.yaml", "--log-format", "json"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stderr = BufReader::new(process.stderr.take().expect("a pipe"));
        let (lines, log) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
                // Nobody listens any more once the test is over.
                let _ = lines.send(line);
            }
        });
        let mut service = Self { folder, process, log, address: String::new(), token: "the-first-token-of-all" };
        let line = service.says("metrics at http://");
        let address = line["message"].as_str().and_then(|text| text.split("http://").nth(1)?.split('/').next());
        service.address = address.expect("an address").to_owned();
        service
    }

    fn writes(&self, more: &str) {
        self.folder.write("dialwatch.yaml", config(more));
    }

    /// Waits for a line of the log with this in its message.
    #[track_caller]
    fn says(&self, text: &str) -> Value {
        loop {
            let line = self.log.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it never said `{text}`"));
            if line["message"].as_str().is_some_and(|message| message.contains(text)) {
                return line;
            }
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.process.id().to_string()).status().expect("kill runs");
        assert!(sent.success());
    }

    /// The status and the body of an answer.
    fn ask(&self, line: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let authorization = format!("Authorization: Bearer {}", self.token);
        write!(stream, "{line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{authorization}\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        (head[9..12].parse().expect("a status"), body.to_owned())
    }

    fn json(&self, line: &str, status: u16) -> Value {
        let (answered, body) = self.ask(line);
        assert_eq!(answered, status, "{body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// How a rule takes part.
    fn mode(&self, rule: &str) -> String {
        let rules = self.json("GET /api/v1/rules", 200);
        let rule = rules["rules"].as_array().and_then(|rules| rules.iter().find(|known| known["rule"] == rule));
        rule.expect("a rule")["mode"].as_str().expect("a mode").to_owned()
    }

    fn metric(&self, name: &str) -> String {
        let (_, text) = self.ask("GET /metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).expect("a series");
        line.to_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A configuration whose broker is not there.
fn config(more: &str) -> String {
    format!(
        "kafka: {{bootstrap_servers: '127.0.0.1:1', connect_timeout: 1h}}\n\
         http: {{listen: '127.0.0.1:0', token_file: token}}\n{more}\n"
    )
}

const SUCCESSFUL: &str = "dialwatch_config_last_reload_successful";

#[test]
fn a_signal_or_a_request_reads_the_configuration_again() {
    let mut service = Service::start("");
    assert_eq!((service.mode("rest_time"), service.metric(SUCCESSFUL)), ("on".into(), "1".into()));

    service.writes("rules: {rest_time: {mode: shadow}}");
    service.signal("HUP");
    assert_eq!(service.says("the configuration was read again")["changed"], "[\"rules.rest_time.mode\"]");
    assert_eq!(service.mode("rest_time"), "shadow");

    service.writes("rules: {rest_time: {mode: off}}\nsinks: []");
    service.folder.write("token", "another-token-than-before");
    let changes = service.json("POST /-/reload", 200);
    assert_eq!(changes["changed"], serde_json::json!(["rules.rest_time.mode", "http.token_file"]));
    assert_eq!(changes["needs_restart"], serde_json::json!(["sinks"]));
    let warning = service.says("need a restart");
    assert_eq!((&warning["level"], &warning["fields"]), (&"WARN".into(), &"[\"sinks\"]".into()));
    assert_eq!(service.ask("GET /api/v1/rules").0, 401, "the token before holds no more");
    service.token = "another-token-than-before";
    assert_eq!(service.mode("rest_time"), "off");
    assert_eq!(service.metric("dialwatch_policy_reloads_total{result=\"success\"}"), "2");

    service.signal("TERM");
    service.says("drained");
    assert!(service.process.wait().expect("a process").success());
}

#[test]
fn a_wrong_configuration_changes_nothing_and_is_told_of() {
    let service = Service::start("rules: {rest_time: {mode: shadow}}");
    service.writes("rules: {rest_time: {mode: off}}\nlateness: soon\nbounds: {apps: 0}");
    let refused = service.json("POST /-/reload", 400);
    assert_eq!(refused["problems"].as_array().map(Vec::len), Some(2));
    assert_eq!((service.mode("rest_time"), service.metric(SUCCESSFUL)), ("shadow".into(), "0".into()));
    service.says("the one before stays in force");
    let problem = service.says("is not a duration");
    assert_eq!((&problem["level"], &problem["field"], &problem["line"]), (&"ERROR".into(), &"lateness".into(), &4.into()));
    service.says("must be at least 1");

    service.writes("rules: {rest_time: {mode: shadow}}");
    assert_eq!(service.json("POST /-/reload", 200)["changed"], serde_json::json!([]));
    assert_eq!(service.metric(SUCCESSFUL), "1");
}

#[test]
fn warnings_are_lines_of_the_log() {
    let service = Service::start("privacy: {reveal_numbers: true}");
    // They come before the address, which has been read: ask for them again.
    service.signal("HUP");
    assert_eq!(service.says("alerts carry raw phone numbers")["level"], "WARN");
}
