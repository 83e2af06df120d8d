//! The demo as a newcomer meets it: one command, nothing installed, going on until it is told to end.

#![allow(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// A demo that runs; it is killed when the test ends before it does.
struct Demo {
    child: Child,
    said: Receiver<String>,
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dialwatch"));
        let command = command.arg("demo").args(arguments).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let (tell, said) = channel();
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { child, said }
    }

    /// Everything said until a line of which `wanted` tells.
    fn until<T>(&self, wanted: impl Fn(&str) -> Option<T>) -> (String, T) {
        let (began, mut said) = (Instant::now(), String::new());
        loop {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let line = self.said.recv_timeout(left).unwrap_or_else(|_| panic!("nothing more was said:\n{said}"));
            said += &format!("{line}\n");
            if let Some(found) = wanted(&line) {
                return (said, found);
            }
        }
    }

    /// Where it serves.
    fn address(&self) -> String {
        let address = |line: &str| Some(line.split_once("its page is at http://")?.1.split_once('/')?.0.to_owned());
        self.until(address).1
    }

    /// Runs until it ends by itself: how it ended, what it showed, what it said since last asked.
    fn end(mut self) -> (ExitStatus, String, String) {
        let mut shown = String::new();
        self.child.stdout.take().expect("piped").read_to_string(&mut shown).expect("text");
        let status = self.child.wait().expect("it ends");
        (status, shown, self.said.iter().map(|line| line + "\n").collect())
    }

    fn interrupt(&self) {
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }
}

/// A GET without a token.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    body.to_owned()
}

/// The day of a line of the live summary, and the calls judged by then.
fn progress(line: &str) -> Option<(u32, u64)> {
    let (day, rest) = line.strip_prefix("day ")?.split_once(", ")?;
    let calls = rest.split("; ").find_map(|part| part.split_once(" calls judged"))?.0.replace(',', "");
    Some((day.replace(',', "").parse().ok()?, calls.parse().ok()?))
}

/// A number of somebody, made up or not: `+`, `00` or nothing, and eleven digits or more in a row. Ids of apps have ten.
fn raw_number(text: &str) -> Option<String> {
    let digits = text.split(|letter: char| !letter.is_ascii_digit());
    digits.map(str::to_owned).find(|run| run.len() >= 11)
}

#[test]
fn it_answers_meanwhile_and_shows_in_the_end_what_it_found() {
    let demo = Demo::start(&["--for", "5s", "--day", "3s", "--apps", "24"]);
    let address = demo.address();
    let (mut said, _) = demo.until(|line| progress(line).filter(|(_, calls)| *calls > 1_000));
    let metrics = get(&address, "/metrics");
    assert!(metrics.contains("dialwatch_records_consumed_total{stream=\"calls\"}"), "{metrics}");
    let alerts = get(&address, "/api/v1/alerts");
    assert!(alerts.starts_with('{') && alerts.contains("\"total\":"), "{alerts}");
    let page = get(&address, "/");
    assert!(page.contains("<h1>Open alerts</h1>") && page.contains("The service is running"), "{page}");
    let (status, shown, more) = demo.end();
    said += &more;
    assert_eq!(status.code(), Some(0), "{said}");
    assert_eq!(shown.lines().filter(|line| line.starts_with("14000000")).count(), 24, "{shown}");
    assert_eq!(shown.matches("What was counted:").count(), 2, "{shown}");
    assert!(shown.contains(" simulated days through Kafka in "), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 120), "{shown}");
    for text in [&shown, &said] {
        assert!(!text.contains('\u{1b}'), "neither colours nor redrawing where no terminal is: {text}");
        assert_eq!(raw_number(text), None, "{text}");
    }
    assert!(raw_number("to +8614212345678:").is_some());
}

#[test]
fn the_days_go_on_until_it_is_interrupted() {
    let demo = Demo::start(&["--day", "500ms", "--apps", "4"]);
    // Two days are what a world used to have.
    let (mut said, ()) = demo.until(|line| (progress(line)?.0 >= 4).then_some(()));
    assert!(said.contains("It goes on until Ctrl-C"), "{said}");
    demo.interrupt();
    let (status, shown, more) = demo.end();
    said += &more;
    assert_eq!(status.code(), Some(0), "{said}");
    assert_eq!(shown.lines().filter(|line| line.starts_with("14000000")).count(), 4, "{shown}");
    let closing = shown.lines().find(|line| line.contains(" simulated days through Kafka in ")).expect("a closing line");
    let days = closing.split(" simulated days").next().and_then(|text| text.rsplit(' ').next()).expect("how many");
    assert!(days.parse::<f64>().expect("a number") >= 3.0, "{closing}");
}

#[test]
fn a_second_interrupt_does_not_wait() {
    let mut demo = Demo::start(&["--apps", "4"]);
    let _ = demo.until(|line| progress(line).filter(|(_, calls)| *calls > 0));
    let began = Instant::now();
    // Two that come at once are one: the second is sent until it was heard.
    let status = loop {
        demo.interrupt();
        if let Some(status) = demo.child.try_wait().expect("a child") {
            break status;
        }
        assert!(began.elapsed() < PATIENCE, "it goes on");
    };
    assert_eq!(status.code(), Some(130));
}

#[test]
fn what_cannot_be_is_refused() {
    for (arguments, expected, code) in [
        (["--listen", "256.0.0.1:1"], "256.0.0.1:1 cannot be listened at", 1),
        (["--for", "0"], "it must be longer than nothing", 2),
        (["--day", "0s"], "it must be longer than nothing", 2),
        (["--for", "soon"], "it is not a duration", 2),
    ] {
        let (status, shown, said) = Demo::start(&arguments).end();
        assert_eq!((status.code(), shown.as_str()), (Some(code), ""), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}
