//! A world as others read it: calls, feedback, registry and labels, as lines, in files or wherever they are sent.
//!
//! The forms are the contract's. The numbers in the labels are whole, not masked: they are nobody's.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use super::draw::scatter;
use super::family::{Conduct, Draft, Family, Intensity, Parameter, Split};
use super::numbers::{app_id, caller};
use super::truth::{Label, Labeller};
use super::{SimulatedCall, WireFormat, World, apps, calls, feedback_as_it_comes, registrations, traffic};
use crate::engine::record::{FeedbackKind, Kind};
use crate::engine::time::Timestamp;

/// The name and version of the form of `labels.json`.
pub const LABELS_SCHEMA: &str = "dialwatch.labels/1";
/// The longest line of a call: room is made once.
const LINE_BYTES: usize = 2_048;

/// One line of feedback, in the contract's form.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FeedbackLine {
    /// What it says.
    pub kind: FeedbackKind,
    /// About which app.
    pub app_id: String,
    /// Who says it, E.164.
    pub callee: String,
    /// When, Unix milliseconds.
    #[serde(rename = "at")]
    pub at_ms: i64,
    /// Where it came in.
    pub channel: &'static str,
    /// What it is about.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub category: &'static str,
    /// Whether it was found true.
    pub verified: bool,
    /// The call it is about; none for a consent, which is given before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
}

impl FeedbackLine {
    /// What is said about a call: a consent before it, something after it, or nothing. Copies are passed over.
    pub fn of(call: &SimulatedCall) -> impl Iterator<Item = Self> + use<> {
        let line = |kind, at: Timestamp, channel, category, verified, call_id| Self {
            kind,
            app_id: app_id(call.app).to_string(),
            callee: call.callee.to_string(),
            at_ms: at.millis(),
            channel,
            category,
            verified,
            call_id,
        };
        let agreed = call.agreed.map(|at| line(FeedbackKind::Consent, at, "app", "", true, None));
        let voice = call.voice.map(|voice| {
            let (channel, category) = match voice.kind {
                FeedbackKind::Complaint if call.id & 1 == 0 => ("12321", "harassment"),
                FeedbackKind::Complaint => ("carrier", "harassment"),
                _ if call.kind == Kind::Agent => ("agent", ""),
                _ => ("ivr", ""),
            };
            line(voice.kind, voice.at, channel, category, voice.verified, Some(call.call_id()))
        });
        agreed.into_iter().chain(voice).take(if call.copy { 0 } else { 2 })
    }
}

/// One line of the registry, in the contract's form.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegistryLine {
    /// The app.
    pub app_id: String,
    /// A made-up name.
    pub name: String,
    /// Its industry.
    pub industry: &'static str,
    /// Its business scene.
    pub scene: &'static str,
    /// How many agents may be signed in.
    pub seats: u32,
    /// The numbers it filed.
    pub callers: Vec<CallerLine>,
    /// Its time zone, if it is not the usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<&'static str>,
    /// Where its callees are at home, if it filed that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<&'static str>,
    /// What it said it does.
    pub declared_use: Vec<&'static str>,
    /// Since when it is a customer.
    pub since: Timestamp,
}

/// A filed caller number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallerLine {
    /// The number, E.164.
    pub number: String,
    /// How many calls it may carry at once.
    pub channels: u32,
}

impl RegistryLine {
    /// What an app filed; `None` if it never did.
    pub(super) fn of(draft: &Draft<'_>) -> Option<Self> {
        let filing = &draft.filing;
        let number = |index, channels| CallerLine { number: caller(draft.app, index).to_string(), channels };
        let callers = filing
            .callers
            .iter()
            .flat_map(|block| (block.first..block.first + block.count).map(|index| number(index, block.channels)));
        filing.registered.then(|| Self {
            app_id: app_id(draft.app).to_string(),
            name: format!("Synthetic {:04x}", scatter(draft.seed ^ u64::from(draft.app)) & 0xffff),
            industry: filing.industry,
            scene: filing.scene,
            seats: filing.seats,
            callers: callers.collect(),
            timezone: filing.timezone,
            regions: filing.regions.clone(),
            declared_use: filing.declared_use.clone(),
            since: filing.since,
        })
    }
}

/// An app in `labels.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AppLine {
    /// The app.
    pub app_id: String,
    /// Its family.
    pub family: &'static str,
    /// What it may be used for.
    pub split: Split,
    /// Whether it keeps the rules: every alert about it is false.
    pub clean: bool,
    /// How hard it tries, if it is not clean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intensity: Option<Intensity>,
    /// Whether it is in the registry.
    pub registered: bool,
    /// How many numbers it calls from, in all its time.
    pub lines: u32,
    /// What it was made of.
    pub parameters: Vec<Parameter>,
}

impl AppLine {
    pub(super) fn of(family: &Family, draft: Draft<'_>) -> Self {
        let clean = family.conduct == Conduct::Clean;
        Self {
            app_id: app_id(draft.app).to_string(),
            family: family.name,
            split: family.split(),
            clean,
            intensity: (!clean).then_some(draft.intensity),
            registered: draft.filing.registered,
            lines: draft.lines(),
            parameters: draft.parameters,
        }
    }
}

/// `labels.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelFile {
    /// Name and version of this form.
    pub schema: &'static str,
    /// The seed of the world.
    pub seed: u64,
    /// When it begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// Every app.
    pub apps: Vec<AppLine>,
    /// What the abusive ones did.
    pub labels: Vec<Label>,
}

/// The labels of a world whose traffic has been noted.
pub(super) fn labels(world: &World, labeller: Labeller) -> Vec<Label> {
    let about: Vec<_> = traffic::drafts(world)
        .map(|(family, draft)| match family.conduct {
            Conduct::Clean => None,
            Conduct::Abusive { may_break, .. } => Some((family.name, draft.intensity, may_break)),
        })
        .collect();
    labeller.finish(|app| about.get(app as usize).copied().flatten())
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Records of calls, copies included.
    pub calls: u64,
    /// Bytes of `calls.jsonl`, if that was written.
    pub call_bytes: u64,
    /// Lines of feedback.
    pub feedback: u64,
    /// Apps in the registry.
    pub registrations: u64,
    /// Labels.
    pub labels: u64,
}

/// Writes `calls.jsonl`, `feedback.jsonl`, `registry.jsonl` and `labels.json` into the directory `dir`, which is made if
/// need be. Existing files are replaced. Feedback and the people harmed are held in memory, calls are not.
///
/// # Errors
/// When a file cannot be written.
pub fn write_files(world: &World, format: WireFormat, dir: &Path) -> io::Result<Summary> {
    std::fs::create_dir_all(dir)?;
    let mut summary = Summary::default();
    let mut labeller = Labeller::default();
    let mut feedback = Vec::new();
    let mut line = Vec::with_capacity(LINE_BYTES);
    let mut out = BufWriter::new(File::create(dir.join("calls.jsonl"))?);
    for call in calls(world) {
        line.clear();
        call.write(format, &mut line);
        out.write_all(&line)?;
        labeller.note(&call);
        feedback.extend(FeedbackLine::of(&call));
        summary.calls += 1;
        summary.call_bytes += line.len() as u64;
    }
    out.flush()?;
    feedback.sort_by_key(|line| line.at_ms);
    summary.feedback = write_lines(&dir.join("feedback.jsonl"), &feedback)?;
    summary.registrations = write_lines(&dir.join("registry.jsonl"), &registrations(world))?;
    summary.labels = write_labels(world, labeller, dir)?;
    Ok(summary)
}

/// Where the records of a world go that is not written to files.
pub trait Outlet {
    /// Why one cannot be taken.
    type Error: From<io::Error>;

    /// Takes what an app filed; all of them come before the first call.
    ///
    /// # Errors
    /// It cannot be taken.
    fn registration(&mut self, line: &RegistryLine) -> Result<(), Self::Error>;

    /// Takes what was said.
    ///
    /// # Errors
    /// It cannot be taken.
    fn feedback(&mut self, line: &FeedbackLine) -> Result<(), Self::Error>;

    /// Takes a call.
    ///
    /// # Errors
    /// It cannot be taken.
    fn call(&mut self, call: &SimulatedCall) -> Result<(), Self::Error>;
}

/// Sends the records of a world to `outlet`, each when it would come, and writes `labels.json` into the directory `dir`, which is
/// made if need be. Holds what is said within some hours and the people harmed, no calls.
///
/// # Errors
/// When a record is not taken, or the labels cannot be written.
pub fn send<O: Outlet>(world: &World, outlet: &mut O, dir: &Path) -> Result<Summary, O::Error> {
    std::fs::create_dir_all(dir)?;
    let mut summary = Summary::default();
    for line in registrations(world) {
        outlet.registration(&line)?;
        summary.registrations += 1;
    }
    let mut labeller = Labeller::default();
    let mut said = feedback_as_it_comes(world).peekable();
    for call in calls(world) {
        while let Some(line) = said.next_if(|line| line.at_ms <= call.arrival.millis()) {
            outlet.feedback(&line)?;
            summary.feedback += 1;
        }
        outlet.call(&call)?;
        labeller.note(&call);
        summary.calls += 1;
    }
    for line in said {
        outlet.feedback(&line)?;
        summary.feedback += 1;
    }
    summary.labels = write_labels(world, labeller, dir)?;
    Ok(summary)
}

/// Writes `labels.json`; returns how many labels it holds.
fn write_labels(world: &World, labeller: Labeller, dir: &Path) -> io::Result<u64> {
    let labels = labels(world, labeller);
    let count = labels.len() as u64;
    let file =
        LabelFile { schema: LABELS_SCHEMA, seed: world.seed, start: world.start, end: world.end(), apps: apps(world), labels };
    let mut out = BufWriter::new(File::create(dir.join("labels.json"))?);
    serde_json::to_writer_pretty(&mut out, &file)?;
    writeln!(out)?;
    out.flush()?;
    Ok(count)
}

fn write_lines<T: Serialize>(path: &Path, lines: &[T]) -> io::Result<u64> {
    let mut out = BufWriter::new(File::create(path)?);
    for line in lines {
        serde_json::to_writer(&mut out, line)?;
        writeln!(out)?;
    }
    out.flush()?;
    Ok(lines.len() as u64)
}
