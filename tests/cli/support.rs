//! Running the program, and calls to run it on.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a run ended.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Asserts that stderr holds every one of `texts`.
    #[track_caller]
    pub fn says(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.stderr.contains(text), "`{text}` is not in:\n{}", self.stderr);
        }
    }

    /// The counts of a stream's line in the summary, by what they count; asserts that they sum up.
    #[track_caller]
    pub fn ledger(&self, stream: &str) -> std::collections::BTreeMap<String, u64> {
        let line =
            self.stderr.lines().find_map(|line| line.strip_prefix(&format!("{stream:<10}"))).expect("a line of the summary");
        let mut counts = std::collections::BTreeMap::new();
        let plain = line.replace(": ", ", ");
        for part in plain.split(", ") {
            let (count, what) = part.split_once(' ').expect("a count and what it counts");
            counts.insert(what.to_owned(), count.replace(',', "").parse().expect("a number"));
        }
        let read = counts["read"];
        assert_eq!(read, counts.iter().filter(|(what, _)| *what != "read").map(|(_, count)| count).sum::<u64>(), "{line}");
        counts
    }
}

/// Runs the program in `folder`, with `stdin`.
pub fn run_with(folder: &Path, stdin: &[u8], environment: &[(&str, &str)], args: &[&str]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dialwatch"))
        .args(args)
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    let bytes = stdin.to_vec();
    let writer = std::thread::spawn(move || {
        // Who does not read its stdin to the end may close it.
        let _ = input.write_all(&bytes);
    });
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("written");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: output.status.code().expect("an exit code"), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs the program in `folder`.
pub fn run(folder: &Path, args: &[&str]) -> Ran {
    run_with(folder, b"", &[], args)
}

/// A folder of one test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join(name)).expect("read")
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        run(self.path(), args)
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("compressed");
    encoder.finish().expect("compressed")
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("compressed")
}

/// A simple generator: what it gives is the same everywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// 2026-03-09, a Monday, 09:40 in Shanghai.
pub const START_S: u64 = 1_773_020_400;

/// One unanswered call as TCCC pushes it.
pub fn push(app: &str, session: &str, caller: &str, callee: &str, start_s: u64) -> String {
    let (ring, end) = (start_s + 3, start_s + 20);
    format!(
        "{{\"SdkAppId\":{app},\"SessionId\":\"{session}\",\"Direction\":1,\"CallType\":1,\"StartTimestamp\":{start_s},\
         \"RingTimestamp\":{ring},\"AcceptTimestamp\":0,\"EndedTimestamp\":{end},\"Duration\":0,\"EndStatus\":202,\
         \"EndStatusString\":\"notAnswer\",\"HungUpSide\":\"user\",\"Caller\":\"{caller}\",\"Callee\":\"{callee}\"}}"
    )
}

/// Two hours of twelve apps, of which two call the same few people again and again.
pub fn pushes(seed: u64) -> String {
    let mut dice = Dice(seed);
    let mut text = String::new();
    for number in 0..6_000 {
        let app = dice.below(12);
        let callee = if app < 2 { dice.below(15) } else { dice.below(1_000_000) };
        let start_s = START_S + number * 7_200 / 6_000;
        let (caller, callee) = (format!("0086010000{app:05}"), format!("0086199{callee:08}"));
        let call = push(&format!("{}", 1_400_000_000 + app), &format!("call-{number}"), &caller, &callee, start_s);
        writeln!(text, "{call}").expect("written");
    }
    text
}

/// What every replay of these tests is run with.
pub const REPLAY: &[&str] = &["replay", "--format", "tccc"];

/// Replays with further arguments.
pub fn replay(folder: &Folder, args: &[&str]) -> Ran {
    folder.run(&[REPLAY, args].concat())
}
