//! The canary: a state that forgets a part of itself on the way through a checkpoint must be caught by the comparison of
//! `golden`. Each part of the state is made to be forgotten, one at a time; if no case notices, no case would notice a
//! field that somebody forgets to save, either.

use std::sync::Mutex;
use std::thread;

use ciborium::Value;
use dialwatch::engine::record::Registration;
use dialwatch::engine::shard::{Effects, Input, Shard, ShardSnapshot};

use super::cases;
use super::run::{self, Case, Files, Outcome};

/// The parts that no case's alerts show when they are forgotten, and why that is right. The state at the end shows some.
const SHOWN_BY_NO_ALERT: [(&str, &str); 13] = [
    ("apps_evicted", "counts what a bound cut off; no case comes near one"),
    ("apps.memory.callers_evicted", "counts what a bound cut off; no case comes near one"),
    ("apps.book.evicted", "counts what a bound cut off; no case comes near one"),
    ("apps.shadow_book.evicted", "counts what a bound cut off; no case comes near one"),
    ("apps.ledger", "what was recorded, for the API and the metrics; the state at the end shows it"),
    ("apps.calls_flooded", "counts what a bound cut off; no case comes near one"),
    ("apps.calls_judged", "shown where a bound cut something off"),
    ("apps.last_judged", "written by the next judgement, and shown of apps, not in alerts"),
    ("apps.first_call", "quoted by the alerts of another partition, if the app is met there"),
    ("apps.memory.swept_hour", "when the memory was last tidied; it is merely tidied again"),
    ("apps.rules.blind_dialing.callers", "matters for the one minute between two judgements; no cut of a case falls there"),
    ("apps.rules.caller_rotation.day", "ends a day early, which a median of days bears; the state shows it"),
    ("apps.rules.robot_dialing.called", "a line not looked at is looked at ten minutes later"),
];

/// The fields on the way to a part of a snapshot; those of an app begin with `apps`.
type Path = Vec<String>;

fn tree(snapshot: &ShardSnapshot) -> Value {
    Value::serialized(snapshot).expect("a tree")
}

/// The named fields of a structure.
fn fields(value: &Value) -> Option<impl Iterator<Item = (&str, &Value)>> {
    let Value::Map(entries) = value else { return None };
    let named = entries.iter().all(|(key, _)| key.is_text());
    (named && !entries.is_empty()).then(|| entries.iter().filter_map(|(key, value)| Some((key.as_text()?, value))))
}

fn field<'v>(value: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    let Value::Map(entries) = value else { return None };
    entries.iter_mut().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

/// A shard that has heard of the app of all cases, and of nothing else.
fn newborn(case: &Case<'_>) -> Value {
    let mut shard = Shard::new(case.policy.clone(), 1);
    let registration = Registration::nothing(super::scenario::APP.into());
    shard.apply(Input::Registration(&registration), &mut Effects::default());
    let mut newborn = tree(&shard.snapshot());
    *app(&mut newborn).and_then(|app| field(app, "registration")).expect("an app") = Value::Null;
    newborn
}

/// The first app of a snapshot: cases have one.
fn app(snapshot: &mut Value) -> Option<&mut Value> {
    match field(snapshot, "apps") {
        Some(Value::Array(apps)) => apps.first_mut(),
        _ => None,
    }
}

fn part<'v>(snapshot: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    match path {
        [first, rest @ ..] if first == "apps" => rest.iter().try_fold(app(snapshot)?, |value, name| field(value, name)),
        path => path.iter().try_fold(snapshot, |value, name| field(value, name)),
    }
}

/// Every part there is. The memory, the rules' states and the like are taken apart; a window is one part.
fn parts(newborn: &mut Value) -> Vec<Path> {
    const TAKEN_APART: [&str; 6] = ["head", "memory", "rules", "book", "shadow_book", "waiting"];
    fn below(value: &Value, path: &Path, parts: &mut Vec<Path>) {
        for (name, value) in fields(value).into_iter().flatten() {
            let path: Path = path.iter().cloned().chain([name.to_owned()]).collect();
            let is_rule = path.len() == 3 && path[1] == "rules";
            match value {
                Value::Null if is_rule => {}
                Value::Map(_) if is_rule || TAKEN_APART.contains(&name) && path.len() <= 2 => below(value, &path, parts),
                _ if name == "apps" || path == ["apps", "id"] => {}
                // A shard that forgets the time judges every minute since 1970: not to be waited for.
                _ if name == "open" => {}
                _ => parts.push(path),
            }
        }
    }
    let mut all = Vec::new();
    below(newborn, &Vec::new(), &mut all);
    below(app(newborn).expect("an app"), &vec!["apps".to_owned()], &mut all);
    all
}

/// The snapshot with a part as it was at birth.
fn forgetting(snapshot: &ShardSnapshot, path: &Path, newborn: &Value) -> ShardSnapshot {
    let (mut tree, mut newborn) = (tree(snapshot), newborn.clone());
    if let (Some(part), Some(blank)) = (part(&mut tree, path), part(&mut newborn, path)) {
        *part = blank.clone();
    }
    tree.deserialized().expect("a snapshot")
}

/// How a case notices that a part is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Noticed {
    Not,
    ByState,
    ByAlerts,
}

fn notices(name: &str, case: &Case<'_>, straight: &Outcome, path: &Path) -> Noticed {
    let newborn = newborn(case);
    // What a rule remembers may matter for a minute only: its own cases are cut everywhere.
    let is_of_rule = path.len() == 4 && name.starts_with(&format!("{}--fires", path[2]));
    let places = if is_of_rule { (0..case.records.len()).collect() } else { run::places(case, 0) };
    let cut = run::cut(case, &places, |snapshot| forgetting(snapshot, path, &newborn));
    match &cut {
        cut if cut.alerts != straight.alerts || cut.shadowed != straight.shadowed => Noticed::ByAlerts,
        cut if cut.state != straight.state => Noticed::ByState,
        _ => Noticed::Not,
    }
}

/// How it is noticed at all that a part is forgotten. A rule's own cases are the likeliest: they are asked first.
fn gravest(judged: &[(&str, &Case<'_>, &Outcome)], path: &Path) -> Noticed {
    let is_own = |name: &str| path.get(2).is_some_and(|rule| name.starts_with(rule.as_str()));
    let mut noticed = Noticed::Not;
    for own in [true, false] {
        for (name, case, straight) in judged.iter().filter(|(name, ..)| is_own(name) == own) {
            noticed = noticed.max(notices(name, case, straight, path));
            if noticed == Noticed::ByAlerts {
                return noticed;
            }
        }
    }
    noticed
}

#[test]
fn a_forgotten_part_of_the_state_is_noticed() {
    let files: Vec<_> = cases::all().iter().map(|case| (case.name, Files::of(case))).collect();
    let mut cases: Vec<_> = files.iter().map(|(name, files)| (*name, files.case())).collect();
    cases.sort_by_key(|(_, case)| case.records.len());
    let straight: Vec<Outcome> = cases.iter().map(|(_, case)| run::straight(case)).collect();
    let judged: Vec<_> = cases.iter().zip(&straight).map(|((name, case), straight)| (*name, case, straight)).collect();
    let paths = Mutex::new(parts(&mut newborn(&cases[0].1)));
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(path) = { paths.lock().unwrap().pop() } {
                    let name = path.join(".").trim_start_matches("head.").to_owned();
                    let noticed = gravest(&judged, &path);
                    let excused = SHOWN_BY_NO_ALERT.iter().any(|(part, _)| *part == name);
                    if excused == (noticed == Noticed::ByAlerts) {
                        wrong.lock().unwrap().push(format!("{name}: {noticed:?}, excused: {excused}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "parts that may be forgotten, or need no excuse:\n{}", wrong.join("\n"));
}

#[test]
fn a_snapshot_taken_apart_and_put_together_is_the_same() {
    for case in cases::all() {
        let files = Files::of(&case);
        let case = files.case();
        let places = run::places(&case, 0);
        let rebuilt = run::cut(&case, &places[..1], |snapshot| tree(snapshot).deserialized().expect("a snapshot"));
        assert!(rebuilt == run::straight(&case), "the canary itself is ill");
    }
}
