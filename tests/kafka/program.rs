//! The program under test: `dialwatch run` as a process of its own, its metrics, its log, its end.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The longest anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a pipe holds on Linux.
const PIPE_BYTES: usize = 65_536;
/// How much of its log is shown when a test fails.
const LOG_LINES: usize = 60;

/// A running service.
pub struct Program {
    _folder: TempDir,
    process: Child,
    address: Option<String>,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// Says something past the test runner, which keeps back what passing tests print.
pub fn tell(what: &str) {
    // Whoever has closed stderr does not want to know.
    let _ = writeln!(io::stderr(), "{what}");
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
        Self::start_in(tempfile::tempdir().expect("a folder"), config, "info,dialwatch=debug")
    }

    /// Starts the service with a configuration; it says no more than it must.
    #[allow(dead_code, reason = "for benches")]
    pub fn start_quiet(config: &str) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), config, "info")
    }

    /// Starts the service with a configuration and a secret in a file beside it.
    pub fn start_with(config: &str, (file, secret): (&str, &str)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(file), secret).expect("written");
        Self::start_in(folder, config, "info,dialwatch=debug")
    }

    /// Starts the service whose sink `alerts.jsonl` is a pipe that is full, and returns the other end of the pipe.
    pub fn start_clogged(config: &str) -> (Self, File) {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("alerts.jsonl");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
        // Open both ways, so that neither end waits for the other.
        let mut pipe = File::options().read(true).write(true).open(pipe).expect("a pipe");
        pipe.write_all(&[b'\n'; PIPE_BYTES]).expect("room for so much and no more");
        (Self::start_in(folder, config, "info,dialwatch=debug"), pipe)
    }

    fn start_in(folder: TempDir, config: &str, log: &str) -> Self {
        fs::write(folder.path().join("dialwatch.yaml"), config).expect("written");
        let mut process = dialwatch(folder.path())
            .args(["run", "-c", "dialwatch.yaml", "--log", log])
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
        Self { _folder: folder, process, address: None, log, reader: Some(reader) }
    }

    /// What it wrote on stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("no panic under the lock").clone()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().expect("a process").is_none()
    }

    /// Asks until the answer is there; fails at once if the service ends.
    pub fn eventually<T>(&mut self, what: &str, mut ask: impl FnMut(&mut Self) -> Option<T>) -> T {
        eventually(what, || {
            assert!(self.is_running(), "waiting for {what}: the service ended: {:?}", self.process.try_wait());
            ask(self)
        })
    }

    fn address(&mut self) -> Option<String> {
        if self.address.is_none() {
            let found = |line: &str| Some(line.split_once("http://")?.1.split_once('/')?.0.to_owned());
            self.address = self.log().lines().find_map(found);
        }
        self.address.clone()
    }

    /// Where its HTTP server listens.
    pub fn listens_at(&mut self) -> String {
        self.eventually("an address", Self::address)
    }

    /// Asks its HTTP server; `None` if it does not answer.
    pub fn get(&mut self, path: &str) -> Option<String> {
        let address = self.address()?;
        let mut stream = TcpStream::connect(&address).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Waits until it says that it is ready.
    pub fn wait_until_ready(&mut self) {
        self.eventually("readiness", |program| program.get("/-/ready").filter(|answer| answer.starts_with("HTTP/1.1 200")));
    }

    /// The series of all metrics; `None` if the service does not answer.
    pub fn try_scrape(&mut self) -> Option<Scrape> {
        self.get("/metrics").map(Scrape)
    }

    /// The series of all metrics.
    pub fn scrape(&mut self) -> Scrape {
        self.eventually("metrics", Self::try_scrape)
    }

    /// How many partitions it owns; 0 if it does not answer.
    pub fn assigned(&mut self) -> u32 {
        self.try_scrape().map_or(0, |scrape| scrape.sum("dialwatch_partitions_assigned", &[]) as u32)
    }

    /// Waits until it owns some number of partitions.
    pub fn wait_assigned(&mut self, is_enough: impl Fn(u32) -> bool) {
        self.eventually("an assignment", |program| is_enough(program.assigned()).then_some(()));
    }

    /// Waits until `count` records of a stream are judged. Every scrape on the way must balance.
    pub fn wait_for(&mut self, stream: &str, count: usize) {
        self.eventually("all records judged", |program| {
            let scrape = program.try_scrape()?;
            scrape.assert_balanced();
            (scrape.sum("dialwatch_records_consumed_total", &[("stream", stream)]) >= count as f64).then_some(())
        });
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.process.id().to_string()).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Ends it on the spot.
    pub fn kill(mut self) {
        self.process.kill().expect("a process");
        self.wait();
    }

    /// Shows the end of its log, and where all of it is.
    fn tell_log(&self) {
        let log = self.log();
        let lines: Vec<&str> = log.lines().filter(|line| !line.contains("brokers are down")).collect();
        let tail = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("dialwatch-{}.log", self.process.id()));
        let kept = fs::write(&file, &log).map_or_else(|error| error.to_string(), |()| file.display().to_string());
        eprintln!("--- the last the service said; all of it: {kept} ---\n{tail}\n---");
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let status = eventually("the end of the service", || self.process.try_wait().expect("a process"));
        if let Some(reader) = self.reader.take() {
            reader.join().expect("stderr is read to its end");
        }
        status
    }

    /// Asks it to end, once it hears that, and waits until it has, as it should.
    pub fn end(mut self) {
        self.eventually("a sign of life", |program| program.get("/-/healthy"));
        self.signal("TERM");
        let status = self.wait();
        assert!(status.success(), "{status}");
    }

    /// Waits until it gives up, and asserts that the message with which it does holds every one of `phrases`.
    #[track_caller]
    pub fn refuses(&mut self, phrases: &[&str]) {
        let status = self.wait();
        assert_eq!(status.code(), Some(1), "{status}");
        let log = self.log();
        let message = log.rfind("\nerror: ").map_or("", |at| &log[at + 1..]);
        for phrase in phrases {
            assert!(message.contains(phrase), "`{phrase}` is not said in\n{message}");
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(scrape) = self.try_scrape()
        {
            eprintln!("--- its metrics ---\n{}", scrape.telling());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            self.tell_log();
        }
    }
}

/// The program, in a folder, whatever the environment says.
pub fn dialwatch(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dialwatch"));
    command.current_dir(folder).env_clear();
    command
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

    /// The series of single partitions and of what was counted, without zeros: what tells where somebody is stuck.
    fn telling(&self) -> String {
        let tells = |line: &&str| (line.contains("partition=") || line.contains("_total")) && !line.ends_with(" 0");
        self.0.lines().filter(|line| !line.starts_with('#')).filter(tells).collect::<Vec<&str>>().join("\n")
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
