//! Replays: the same alerts for any number of shards and any size of chunks, and every record accounted for.

use super::*;
use std::io::Write;

/// Keeps everything.
#[derive(Default)]
struct Kept {
    alerts: Vec<u8>,
    letters: Vec<String>,
}

impl Output for Kept {
    fn alert(&mut self, alert: &Alert) -> io::Result<()> {
        serde_json::to_writer(&mut self.alerts, alert)?;
        self.alerts.push(b'\n');
        Ok(())
    }

    fn dead_letter(&mut self, letter: &DeadLetter<'_>) -> io::Result<()> {
        self.letters.push(serde_json::to_string(letter)?);
        Ok(())
    }
}

const START_MS: i64 = 1_773_020_460_000;

/// The same dull generator everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Six hours of several apps, some of which call a few people again and again; disordered within the lateness, a few lines
/// unreadable.
fn calls(seed: u64, count: u64) -> Vec<u8> {
    let mut dice = Dice(seed);
    let mut text = Vec::new();
    for number in 0..count {
        let start = START_MS + (number * 6 * 3_600_000 / count) as i64 - dice.below(200_000) as i64;
        let app = dice.below(40);
        let callee = if app < 5 { dice.below(20) } else { dice.below(100_000) };
        let outcome = ["invalid_number", "no_answer", "rejected", "answered"][dice.below(4) as usize];
        let end = start + 1_000 + dice.below(60_000) as i64;
        if dice.below(300) == 0 {
            writeln!(text, "{{\"call_id\":\"c{number}\",\"app_id\":").expect("written");
        }
        writeln!(
            text,
            "{{\"call_id\":\"c{number}\",\"app_id\":\"app{app}\",\"direction\":\"outbound\",\"kind\":\"agent\",\
             \"caller\":\"0100000{app:04}\",\"callee\":\"1990{callee:07}\",\"start\":{start},\"end\":{end},\
             \"answer\":{start},\"outcome\":\"{outcome}\",\"hangup_by\":\"customer\"}}"
        )
        .expect("written");
    }
    text
}

fn feedback(seed: u64, count: u64) -> Vec<u8> {
    let mut dice = Dice(seed);
    let mut text = Vec::new();
    for _ in 0..count {
        let (app, callee, at) = (dice.below(5), dice.below(20), START_MS + dice.below(6 * 3_600_000) as i64);
        writeln!(text, "{{\"kind\":\"opt_out\",\"app_id\":\"app{app}\",\"callee\":\"1990{callee:07}\",\"at\":{at}}}")
            .expect("written");
    }
    text.extend(b"{\"kind\":\"opt_out\"}\n");
    text
}

fn replay(shards: usize, chunk_bytes: usize) -> Replay {
    Replay {
        policy: Arc::new(Policy::for_tests()),
        format: Format::Dialwatch,
        app_id: None,
        newest: Timestamp::LATEST,
        shards,
        chunk_bytes,
        resolve_at_end: true,
    }
}

fn source(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> Source {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("written");
    Source::open(&path).expect("opened")
}

#[test]
fn shards_and_chunks_change_nothing() {
    for seed in [1, 2] {
        let (calls, feedback) = (calls(seed, 12_000), feedback(seed, 30));
        let mut first: Option<(Kept, Summary)> = None;
        for (shards, chunk_bytes) in [(1, CHUNK_BYTES), (1, 1), (2, 100_000), (3, 70_000), (8, 1), (8, CHUNK_BYTES)] {
            let folder = tempfile::tempdir().expect("folder");
            let half = calls.len() / 2 + calls[calls.len() / 2..].iter().position(|byte| *byte == b'\n').expect("a line") + 1;
            let inputs = Inputs {
                calls: vec![source(&folder, "a", &calls[..half]), source(&folder, "b", &calls[half..])],
                feedback: vec![source(&folder, "f", &feedback)],
                registry: vec![source(&folder, "r", b"{\"app_id\":\"app1\",\"name\":\"One\",\"seats\":2}\n{\"name\":1}\n")],
            };
            let mut kept = Kept::default();
            let summary = replay(shards, chunk_bytes).run(inputs, &mut kept).expect("runs").0;
            assert!(summary.records.is_balanced(), "seed {seed}: {:?}", summary.records);
            for stream in Stream::ALL {
                assert!(summary.records.of(stream, Outcome::Invalid) > 0, "seed {seed}: {:?}", summary.records);
            }
            assert_eq!(kept.letters.len() as u64, summary.errors.count());
            let letters = |kept: &Kept| kept.letters.iter().map(|line| without_folder(line, &folder)).collect::<Vec<_>>();
            match &first {
                None => {
                    assert!(summary.alerts.opened() > 5 && summary.alerts.open() == 0, "seed {seed}: {summary}");
                    kept.letters = letters(&kept);
                    first = Some((kept, summary));
                }
                Some((kept_first, summary_first)) => {
                    assert!(kept.alerts == kept_first.alerts, "seed {seed}: {shards} shards, {chunk_bytes} bytes a chunk");
                    assert_eq!(letters(&kept), kept_first.letters);
                    assert_eq!((&summary.records, summary.apps), (&summary_first.records, summary_first.apps));
                }
            }
        }
    }
}

fn without_folder(line: &str, folder: &tempfile::TempDir) -> String {
    line.replace(&folder.path().display().to_string(), "")
}

#[test]
fn the_alerts_stand_in_the_order_of_time() {
    let folder = tempfile::tempdir().expect("folder");
    let inputs = Inputs { calls: vec![source(&folder, "a", &calls(3, 8_000))], ..Inputs::default() };
    let mut kept = Kept::default();
    replay(4, 50_000).run(inputs, &mut kept).expect("runs");
    let order: Vec<(String, String)> = kept
        .alerts
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| {
            let alert: serde_json::Value = serde_json::from_slice(line).expect("json");
            (alert["updated_at"].to_string(), alert["app_id"].to_string())
        })
        .collect();
    assert!(order.len() > 10 && order.is_sorted());
}

#[test]
fn an_output_that_fails_ends_the_replay() {
    struct Full;
    impl Output for Full {
        fn alert(&mut self, _: &Alert) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn dead_letter(&mut self, _: &DeadLetter<'_>) -> io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().expect("folder");
    let inputs = Inputs { calls: vec![source(&folder, "a", &calls(4, 8_000))], ..Inputs::default() };
    let error = replay(2, 10_000).run(inputs, &mut Full).err().expect("full");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

/// Two days of six apps, of which the first three call the same people.
fn two_days() -> Vec<u8> {
    let mut dice = Dice(9);
    let mut text = Vec::new();
    for number in 0..4_000 {
        let start = START_MS + number * 36 * 3_600_000 / 4_000;
        let app = dice.below(6);
        let callee = dice.below(400) + if app < 3 { 0 } else { 1_000 * app };
        let end = start + 1_000 + dice.below(60_000) as i64;
        writeln!(
            text,
            "{{\"call_id\":\"c{number}\",\"app_id\":\"app{app}\",\"direction\":\"outbound\",\"kind\":\"agent\",\"agent\":\"1\",\
             \"caller\":\"0100000{app:04}\",\"callee\":\"1990{callee:07}\",\"start\":{start},\"end\":{end},\
             \"answer\":{start},\"outcome\":\"answered\",\"hangup_by\":\"customer\"}}"
        )
        .expect("written");
    }
    text
}

#[test]
fn apps_meet_at_the_end_of_a_day_whatever_their_shards() {
    let calls = two_days();
    let mut first: Option<Kept> = None;
    for (shards, chunk_bytes) in [(1, CHUNK_BYTES), (1, 1), (2, 100_000), (3, 70_000), (8, 1), (8, CHUNK_BYTES)] {
        let folder = tempfile::tempdir().expect("folder");
        let inputs = Inputs { calls: vec![source(&folder, "a", &calls)], ..Inputs::default() };
        let mut kept = Kept::default();
        replay(shards, chunk_bytes).run(inputs, &mut kept).expect("runs");
        let text = String::from_utf8_lossy(&kept.alerts);
        for (app, other) in [("app0", "app1 and app2"), ("app1", "app0 and app2"), ("app2", "app0 and app1")] {
            let met = |line: &&str| line.contains("\"rule\":\"resale\"") && line.contains(&format!("\"app_id\":\"{app}\""));
            let met: Vec<&str> = text.lines().filter(met).collect();
            let (one, another) = other.split_once(" and ").expect("two apps");
            let both = format!("this app and {another} and {one} called");
            assert!(
                met.iter().any(|line| line.contains(&format!("this app and {other} called")) || line.contains(&both)),
                "{app}: {met:?}"
            );
        }
        assert!(
            !["app3", "app4", "app5"].iter().any(|app| text.contains(&format!("{app} called the same"))),
            "they have nobody in common"
        );
        match &first {
            None => first = Some(kept),
            Some(first) => assert!(kept.alerts == first.alerts, "{shards} shards, {chunk_bytes} bytes a chunk"),
        }
    }
}
