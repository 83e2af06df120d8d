//! The program under test: `dialwatch run` as a process of its own, its metrics, its alerts, its end.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::broker::{Broker, unique};
use crate::traffic::{Alerts, Topics};

/// The longest anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a pipe holds on Linux.
const PIPE_BYTES: usize = 65_536;

/// A running service.
pub struct Program {
    folder: TempDir,
    process: Child,
    address: Option<String>,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// A configuration that reads `topics`, with `more` lines in its `kafka` section.
pub fn config(broker: &Broker, topics: &Topics, more: &str) -> String {
    format!(
        "kafka:\n  bootstrap_servers: {}\n  group_id: {}\n  topics: {{calls: {}, feedback: {}, registry: {}}}\n{more}\
         http: {{listen: '127.0.0.1:0'}}\nsinks:\n  - jsonl: {{path: alerts.jsonl}}\n",
        broker.servers(),
        unique("group"),
        topics.calls,
        topics.feedback,
        topics.registry,
    )
}

/// Asks until the answer is there. Each question takes time of its own, so this neither sleeps for luck nor spins.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "{what} did not come to pass within {PATIENCE:?}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

impl Program {
    /// Starts the service with a configuration.
    pub fn start(config: &str) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), config)
    }

    /// Starts the service whose alerts go into a pipe that is full, and returns the other end of the pipe.
    pub fn start_clogged(config: &str) -> (Self, File) {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("alerts.jsonl");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
        // Open both ways, so that neither end waits for the other.
        let mut pipe = File::options().read(true).write(true).open(pipe).expect("a pipe");
        pipe.write_all(&[b'\n'; PIPE_BYTES]).expect("room for so much and no more");
        (Self::start_in(folder, config), pipe)
    }

    fn start_in(folder: TempDir, config: &str) -> Self {
        fs::write(folder.path().join("dialwatch.yaml"), config).expect("written");
        let mut process = Command::new(env!("CARGO_BIN_EXE_dialwatch"))
            .args(["run", "-c"])
            .arg(folder.path().join("dialwatch.yaml"))
            .args(["--log", "info,dialwatch=debug"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = BufReader::new(process.stderr.take().expect("piped"));
        let kept = log.clone();
        let reader = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut kept = kept.lock().expect("no panic under the lock");
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        Self { folder, process, address: None, log, reader: Some(reader) }
    }

    /// What it wrote on stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("no panic under the lock").clone()
    }

    fn address(&mut self) -> String {
        if self.address.is_none() {
            let found = eventually("an address", || {
                self.log().lines().find_map(|line| Some(line.split_once("http://")?.1.split_once('/')?.0.to_owned()))
            });
            self.address = Some(found);
        }
        self.address.clone().expect("just found")
    }

    /// Asks its HTTP server; `None` if it does not answer.
    pub fn get(&mut self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address()).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// The series of all metrics.
    pub fn scrape(&mut self) -> Scrape {
        Scrape(self.get("/metrics").expect("the service answers"))
    }

    /// Waits until `count` records of a stream are judged. Every scrape on the way must balance.
    pub fn wait_for(&mut self, stream: &str, count: u64) {
        eventually("all records judged", || {
            assert!(self.process.try_wait().expect("a process").is_none(), "it ended: {}", self.log());
            let scrape = self.scrape();
            scrape.assert_balanced();
            (scrape.sum("dialwatch_records_consumed_total", &[("stream", stream)]) >= count as f64).then_some(())
        });
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.process.id().to_string()).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let status = self.process.wait().expect("a process");
        if let Some(reader) = self.reader.take() {
            reader.join().expect("stderr is read to its end");
        }
        status
    }

    /// The alerts it has sent.
    pub fn alerts(&self) -> Alerts {
        Alerts::read(&fs::read_to_string(self.folder.path().join("alerts.jsonl")).expect("the sink's file"))
    }

    /// Asks it to end and waits until it has, as it should.
    pub fn end(mut self) -> Alerts {
        self.signal("TERM");
        let status = self.wait();
        assert!(status.success(), "{status}: {}", self.log());
        self.alerts()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A scrape.
pub struct Scrape(String);

impl Scrape {
    /// The sum over all series of a metric with these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has_labels = |series: &str| labels.iter().all(|(label, value)| series.contains(&format!("{label}=\"{value}\"")));
        self.0
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.rsplit_once(' '))
            .filter(|(series, _)| series.split('{').next() == Some(name) && has_labels(series))
            .map(|(_, value)| value.parse::<f64>().expect("a number"))
            .sum()
    }

    /// Every record that was consumed is accounted for.
    pub fn assert_balanced(&self) {
        for stream in ["calls", "feedback", "registry"] {
            let labels = [("stream", stream)];
            let consumed = self.sum("dialwatch_records_consumed_total", &labels);
            assert_eq!(self.sum("dialwatch_records_total", &labels), consumed, "{stream}");
        }
    }
}
