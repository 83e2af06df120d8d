//! How good the alerts are: worlds that nothing was tuned on, judged by the engine and by the usual simple baselines.
//!
//! `make quality` writes `QUALITY.md` and its picture. `cargo bench --bench quality -- --why` prints a short page instead and
//! tells of every miss and every false alarm, of the worlds that limits are tuned on; `--set rule.field=value,...` tries limits.
#![allow(clippy::expect_used)]

mod aims;
mod baselines;
mod course;
mod page;
mod scores;
mod trials;
mod variants;
mod why;

use std::fmt::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;

use baselines::BASELINES;
use course::{Engine, Judge, Judged};
use dialwatch::engine::policy::Policy;
use dialwatch::simulate::{Families, Flaws, World};
use scores::{Pairs, Scores};

/// Some worlds: seeds that nothing else uses, days, apps in each, and the days before anything bad begins.
struct Worlds {
    families: Families,
    seeds: Range<u64>,
    days: u32,
    apps: u32,
    quiet_days: u32,
    flaws: Option<Flaws>,
}

/// What the page reports: families held out from tuning, with the flaws of real records.
const REPORTED: Worlds =
    Worlds { families: Families::HeldOut, seeds: 6_001..6_007, days: 24, apps: 110, quiet_days: 8, flaws: None };
/// The same families without flaws, for the rules that are exact: what a record does not show nobody can name.
const EXACT: Worlds =
    Worlds { families: Families::HeldOut, seeds: 6_101..6_103, days: 10, apps: 60, quiet_days: 0, flaws: Some(Flaws::NONE) };
/// Smaller ones for the trials, which need a whole engine for each limit.
const TRIED: Worlds = Worlds { families: Families::HeldOut, seeds: 6_201..6_203, days: 9, apps: 30, quiet_days: 0, flaws: None };
/// What limits are tuned on.
const TUNED: Worlds = Worlds { families: Families::Tuning, seeds: 101..103, days: 20, apps: 64, quiet_days: 8, flaws: None };
/// The share of clean apps.
const CLEAN_SHARE: f64 = 0.55;

impl Worlds {
    fn all(&self) -> Vec<World> {
        let world = |seed| {
            let mut world = World::new(seed, self.days, self.apps);
            world.options.families = self.families;
            world.options.quiet_days = self.quiet_days;
            world.options.flaws = self.flaws;
            world.options.clean_share = CLEAN_SHARE;
            world
        };
        self.seeds.clone().map(world).collect()
    }
}

fn main() {
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
    if has("--write") {
        write();
    } else {
        look(has("--why"));
    }
}

/// The tuning worlds, on stdout.
fn look(tells_why: bool) {
    let worlds = judged(&TUNED.all(), &judges);
    if tells_why {
        worlds.iter().for_each(why::tell);
    }
    print!("{}", found(&TUNED, &Scores::new(&worlds, &BASELINES)));
}

/// The whole page.
fn write() {
    let mut scores = Scores::new(&judged(&REPORTED.all(), &judges), &BASELINES);
    scores.pairs = Pairs::of_all(&judged(&EXACT.all(), &|| vec![engine()]));
    let mut text = found(&REPORTED, &scores);
    let picture = dialwatch::evaluate::picture(&scores.report).expect("it can be drawn");
    std::fs::write(root().join("benches/quality/picture.svg"), picture).expect("the picture can be written");
    text += include_str!("remarks.md");
    // The trials take much longer than all the rest: whoever cannot wait has a page without them.
    save(&text);
    let silent = trials::trials(&TRIED.all(), variants::defaults(), variants::silent_indicators());
    let about = "Each rule alone, without one of its indicators, on smaller worlds of the same families.";
    page::trials(&mut text, "Indicators silenced", about, &silent);
    save(&text);
    let moved = trials::trials(&TRIED.all(), variants::defaults(), variants::moved_limits());
    let about = "Each rule alone, one limit a quarter lower or higher (whole numbers by one at least), on the same worlds.";
    page::trials(&mut text, "Limits moved by a quarter", about, &moved);
    save(&text);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn save(page: &str) {
    std::fs::write(root().join("QUALITY.md"), page).expect("the page can be written");
}

fn found(worlds: &Worlds, scores: &Scores) -> String {
    let mut text = head(worlds, scores);
    page::aims(&mut text, &aims::aims(scores));
    page::found(&mut text, scores);
    page::families(&mut text, scores);
    page::failures(&mut text, scores);
    text
}

fn head(worlds: &Worlds, scores: &Scores) -> String {
    let mut text = String::from("# How good the alerts are\n\nWritten by `make quality`: the same program gives the same page. ");
    let world = &scores.report.world;
    let _ = writeln!(
        text,
        "{} simulated worlds of {} days with {} apps each (`{}` families, seeds {} to {}): {} records, {} clean apps and {} others. \
         In the first {} days no abuse begins, so that apps have a past.\n\n\
         ![precision, recall and delay](benches/quality/picture.svg)",
        worlds.seeds.end - worlds.seeds.start,
        worlds.days,
        worlds.apps,
        worlds.families.as_str(),
        worlds.seeds.start,
        worlds.seeds.end - 1,
        scores.records,
        world.clean_apps,
        world.apps - world.clean_apps,
        worlds.quiet_days,
    );
    let _ = writeln!(
        text,
        "\nRules without an incident in these worlds, of which only false alarms are measured: {}.",
        page::unlabelled(scores).join(", ")
    );
    text
}

fn engine<'a>() -> Box<dyn Judge + 'a> {
    Box::new(Engine::new(policy()))
}

fn judges<'a>() -> Vec<Box<dyn Judge + 'a>> {
    std::iter::once(engine()).chain(BASELINES.iter().map(|baseline| (baseline.new)() as Box<dyn Judge>)).collect()
}

/// The default policy, with the limits of `--set`.
fn policy() -> Policy {
    let mut policy = Policy::for_tests();
    let mut rules = serde_json::to_value(&policy.rules).expect("limits are JSON");
    let sets = std::env::args().skip_while(|arg| arg != "--set").nth(1).unwrap_or_default();
    for (path, value) in sets.split(',').filter_map(|set| set.split_once('=')) {
        let (rule, field) = path.split_once('.').expect("rule.field");
        rules[rule][field] = serde_json::from_str(value).expect("a number");
    }
    policy.rules = serde_json::from_value(rules).expect("limits");
    policy
}

/// Worlds judged, as many at once as there are cores.
fn judged<'a>(worlds: &[World], judges: &(dyn Fn() -> Vec<Box<dyn Judge + 'a>> + Sync)) -> Vec<Judged> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let waiting = Mutex::new(worlds.iter().enumerate().collect::<Vec<_>>());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..cores.min(worlds.len()) {
            scope.spawn(|| {
                while let Some((place, world)) = { waiting.lock().expect("nobody panicked").pop() } {
                    let judged = course::judge(world, judges());
                    done.lock().expect("nobody panicked").push((place, judged));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("nobody panicked");
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, judged)| judged).collect()
}
