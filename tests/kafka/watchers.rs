//! Those who watch: a real Prometheus and a real Alertmanager in temporary folders, and a receiver that keeps what it is sent.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::eventually;

/// What Debian calls its packages' programs.
const PROMETHEUS: &str = "prometheus";
const ALERTMANAGER: &str = "prometheus-alertmanager";

/// Whether both are there.
pub fn are_installed() -> bool {
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    is_there(PROMETHEUS) && is_there(ALERTMANAGER)
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// The body that an address gives; `None` if it gives none, or not with status 200.
pub fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: test\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.lines().next()?.contains(" 200").then(|| body.to_owned())
}

/// The JSON that an address gives.
pub fn get_json(address: &str, path: &str) -> Option<Value> {
    serde_json::from_str(&get(address, path)?).ok()
}

/// A process that ends with the test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command, log: &Path) -> Self {
        let log = fs::File::options().create(true).append(true).open(log).expect("a log");
        command.stdout(log.try_clone().expect("a log")).stderr(log).stdin(Stdio::null());
        Self(command.spawn().expect("it starts"))
    }

    fn end(mut self) {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status().expect("kill runs");
        assert!(asked.success() && self.0.wait().is_ok());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A receiver of webhooks: what it was sent, in order.
pub struct Receiver {
    pub port: u16,
    bodies: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    /// Begins to listen, as long as the test runs.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (port, bodies) = (listener.local_addr().expect("an address").port(), Arc::<Mutex<Vec<Value>>>::default());
        let kept = bodies.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // Whoever breaks off comes again.
                let _ = take(stream, &kept);
            }
        });
        Self { port, bodies }
    }

    /// How many bodies so far.
    pub fn bodies(&self) -> usize {
        self.bodies.lock().expect("no panic under the lock").len()
    }

    /// All alerts of all bodies so far, in order.
    pub fn alerts(&self) -> Vec<Value> {
        let bodies = self.bodies.lock().expect("no panic under the lock");
        bodies.iter().flat_map(|body| body["alerts"].as_array().cloned().unwrap_or_default()).collect()
    }

    /// What it was told of an alert, by its fingerprint: `firing` or `resolved`, in order.
    pub fn told_of(&self, fingerprint: &str) -> Vec<String> {
        let of_it = |alert: &Value| alert["fingerprint"] == fingerprint;
        self.alerts()
            .iter()
            .filter(|alert| of_it(alert))
            .map(|alert| alert["status"].as_str().expect("text").to_owned())
            .collect()
    }
}

fn take(stream: TcpStream, bodies: &Mutex<Vec<Value>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some((_, value)) = line.to_lowercase().split_once("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    bodies.lock().expect("no panic under the lock").push(serde_json::from_slice(&body)?);
    reader.into_inner().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

/// An Alertmanager that passes everything on to a receiver.
pub struct Alertmanager {
    folder: TempDir,
    pub address: String,
    running: Option<Running>,
}

impl Alertmanager {
    /// Starts one that groups alerts by this label, or not at all by `...`, and waits so long for more of a group, first and later.
    pub fn start(receiver: &Receiver, group_by: &str, wait: &str, interval: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = format!(
            "route: {{receiver: all, group_by: ['{group_by}'], group_wait: {wait}, group_interval: {interval}, repeat_interval: 4h}}\n\
             receivers:\n- name: all\n  webhook_configs:\n  - {{url: 'http://127.0.0.1:{}/', send_resolved: true}}\n",
            receiver.port
        );
        fs::write(folder.path().join("alertmanager.yml"), config).expect("written");
        let mut alertmanager = Self { folder, address: format!("127.0.0.1:{}", free_port()), running: None };
        alertmanager.begin();
        alertmanager
    }

    /// Starts it where it was, after an end.
    pub fn begin(&mut self) {
        let folder = self.folder.path();
        let mut command = Command::new(ALERTMANAGER);
        command
            .arg(format!("--config.file={}", folder.join("alertmanager.yml").display()))
            .arg(format!("--storage.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={}", self.address))
            .arg("--cluster.listen-address=");
        self.running = Some(Running::start(&mut command, &folder.join("log")));
        eventually("an Alertmanager", || get(&self.address, "/-/ready"));
    }

    /// Ends it; it may begin again.
    pub fn end(&mut self) {
        self.running.take().expect("it runs").end();
    }

    /// Its alerts now.
    pub fn alerts(&self) -> Vec<Value> {
        let alerts = get_json(&self.address, "/api/v2/alerts").and_then(|alerts| alerts.as_array().cloned());
        alerts.unwrap_or_default()
    }
}

/// A Prometheus with the rules of `deploy/`, that looks at a service every second.
pub struct Prometheus {
    _folder: TempDir,
    pub address: String,
    _running: Running,
}

impl Prometheus {
    /// Starts it.
    pub fn start(service: &str, alertmanager: &str) -> Self {
        let (folder, address) = (tempfile::tempdir().expect("a folder"), format!("127.0.0.1:{}", free_port()));
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus");
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: ['{rules}/rules.yaml', '{rules}/alerts.yaml']\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]}}\n\
             scrape_configs: [{{job_name: dialwatch, static_configs: [{{targets: ['{service}']}}]}}]\n",
            rules = rules.display()
        );
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config).expect("written");
        let mut command = Command::new(PROMETHEUS);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"));
        let running = Running::start(&mut command, &folder.path().join("log"));
        eventually("a Prometheus", || get(&address, "/-/ready"));
        Self { _folder: folder, address, _running: running }
    }

    /// Whether it has a series of this metric.
    pub fn has(&self, metric: &str) -> bool {
        let answer = get_json(&self.address, &format!("/api/v1/query?query={metric}")).unwrap_or_default();
        answer["data"]["result"].as_array().is_some_and(|series| !series.is_empty())
    }

    /// The names of its alerts that fire now.
    pub fn firing(&self) -> Vec<String> {
        let answer = get_json(&self.address, "/api/v1/alerts").unwrap_or_default();
        let alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
        let fires = |alert: &&Value| alert["state"] == "firing";
        alerts.iter().filter(fires).filter_map(|alert| Some(alert["labels"]["alertname"].as_str()?.to_owned())).collect()
    }

    /// Its rules: name, health and last error.
    pub fn rules(&self) -> Vec<(String, String, String)> {
        let answer = get_json(&self.address, "/api/v1/rules").unwrap_or_default();
        let groups = answer["data"]["groups"].as_array().cloned().unwrap_or_default();
        let text = |rule: &Value, field: &str| rule[field].as_str().unwrap_or_default().to_owned();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default());
        rules.map(|rule| (text(&rule, "name"), text(&rule, "health"), text(&rule, "lastError"))).collect()
    }
}
