//! Configuration: text -> [`RawConfig`] -> [`Config`], parsed once, checked once, all problems at once.
//!
//! A [`Config`] that exists is valid. Only [`Config::open`] touches the machine; [`Config::parse`] is pure.

mod document;
pub mod duration;
mod example;
pub mod exceptions;
pub mod http;
pub mod kafka;
pub mod metrics;
pub mod packs;
pub mod problem;
mod raw;
mod reading;
mod reload;
pub mod sinks;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

pub use duration::Duration;
pub use example::example;
pub use problem::{Place, Problem, Problems};
pub use raw::{PACK, RawBounds, RawConfig, RawLifecycle, RawPolicy, RawPrivacy, RawWatchdog};
pub use reload::Changes;
pub use sinks::{RawAlertmanager, RawJsonl, RawSink, RawWebhook};

use crate::engine::detector::RuleParams;
use crate::engine::memory::MemoryBounds;
use crate::engine::number::Pseudonyms;
use crate::engine::policy::{Bounds, Lifecycle, Policy};
use crate::engine::time::{LocalClock, Timestamp};
use document::Document;
use exceptions::RawException;
use http::{RawHttp, Token};
use kafka::RawKafka;
use metrics::RawMetrics;
use packs::Pack;

/// The longest lateness: a shard holds all calls of so long a time.
const LATENESS_MAX: Duration = Duration::minutes(24 * 60);
/// The shortest secret that cannot be guessed.
const SECRET_BYTES_MIN: usize = 16;
/// The name of the built-in configuration.
const BUILT_IN: &str = "(built-in defaults)";
/// The key of pseudonyms where none is configured: public, so they hide nothing from who tries all numbers.
const PUBLIC_KEY: &[u8] = b"dialwatch without a pseudonym key";

/// What stands above the file: flags, and the environment where a flag is not given.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// In place of `lateness`.
    pub lateness: Option<Duration>,
    /// In place of `privacy.pseudonym_key_file`; a relative path starts at the working folder.
    pub pseudonym_key_file: Option<PathBuf>,
}

/// Whether to look at what a configuration refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Files must be there and readable; secrets are read.
    Read,
    /// Nothing but the configuration file itself is looked at.
    Ignore,
}

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    file_name: String,
    raw: RawConfig,
    clock: LocalClock,
    version: String,
    pseudonyms: Pseudonyms,
    token: Option<Token>,
}

impl Config {
    /// Reads the configuration at `path`, or takes the built-in one.
    ///
    /// # Errors
    /// Everything that is wrong with it, also that it cannot be read.
    pub fn open(path: Option<&Path>, overrides: &Overrides, environment: Environment) -> Result<Self, Problems> {
        let Some(path) = path else { return Self::build("", BUILT_IN, overrides, environment) };
        let file_name = path.display().to_string();
        let unreadable = |message: String| {
            Problems::new(&file_name, "", vec![Problem { path: String::new(), message, place: None, help: None }])
        };
        let bytes = std::fs::read(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        let text = String::from_utf8(bytes).map_err(|_| unreadable("not UTF-8 text".into()))?;
        Self::build(&text, &file_name, overrides, environment)
    }

    /// Reads the configuration in `text`; `file_name` is for messages.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, Problems> {
        Self::build(text, file_name, &Overrides::default(), Environment::Ignore)
    }

    fn build(text: &str, file_name: &str, overrides: &Overrides, environment: Environment) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let document = Document::parse(text, &mut problems);
        let mut raw: RawConfig = document.read(&mut problems);
        let folder = Path::new(file_name).parent().unwrap_or(Path::new(""));
        for file in [&mut raw.privacy.pseudonym_key_file, &mut raw.http.token_file].into_iter().flatten() {
            *file = folder.join(&*file);
        }
        raw.lateness = overrides.lateness.unwrap_or(raw.lateness);
        raw.privacy.pseudonym_key_file = overrides.pseudonym_key_file.clone().or(raw.privacy.pseudonym_key_file);

        let mut checked = Checked { document: &document, overrides, problems };
        checked.pack(&mut raw);
        let clock = checked.policy(&raw.policy);
        checked.limits(&raw);
        checked.exceptions(&raw.exceptions);
        checked.sinks(&raw.sinks);
        let key = match (&raw.privacy.pseudonym_key_file, environment) {
            (Some(file), Environment::Read) => checked.key(file),
            _ => PUBLIC_KEY.to_vec(),
        };
        let token = match (&raw.http.token_file, environment) {
            (Some(file), Environment::Read) => checked.token(file),
            _ => None,
        };
        match clock {
            Some(clock) if checked.problems.is_empty() => {
                let (version, pseudonyms) = (version(&raw), Pseudonyms::new(&key));
                Ok(Self { file_name: file_name.to_owned(), raw, clock, version, pseudonyms, token })
            }
            _ => Err(Problems::new(file_name, text, checked.problems)),
        }
    }

    /// The file it was read from, for messages.
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// What deserves to be said although it is permitted.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.raw.privacy.pseudonym_key_file.is_none() {
            warnings.push(
                "privacy.pseudonym_key_file is not set: pseudonyms of phone numbers are made under a public key and can be \
                 turned back by trying all numbers"
                    .into(),
            );
        }
        if self.raw.http.hides_most() {
            let listen = &self.raw.http.listen;
            warnings.push(format!(
                "http.token_file is not set: at {listen}, which other machines may reach, metrics and probes alone are served"
            ));
        }
        if self.raw.privacy.reveal_numbers {
            warnings.push("privacy.reveal_numbers is set: alerts carry raw phone numbers".into());
        }
        warnings.extend(self.pack().into_iter().flat_map(|pack| self.misfits(pack)));
        let now = Timestamp::from_millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64);
        for RawException { app_id, rule, until, .. } in self.raw.exceptions.iter().filter(|exception| exception.until < now) {
            warnings.push(format!("exceptions: that of {} for the app {app_id} ended at {until}: delete it", rule.as_str()));
        }
        warnings
    }

    /// What a pack other than the default says and the file does not follow: perhaps because it lists every default.
    fn misfits(&self, pack: &Pack) -> Vec<String> {
        let (name, home) = (pack.name, &self.raw.policy.home_country);
        if name == PACK {
            return Vec::new();
        }
        let overridden = pack.overridden(&self.raw).into_iter();
        let mut warnings: Vec<String> = overridden
            .map(|(limit, own, published)| {
                format!("{limit} is {own}, published is {published}: the file stands above the pack {name}")
            })
            .collect();
        if let Some(code) = pack.country_code.as_ref().filter(|code| *code != home) {
            warnings.push(format!(
                "policy.home_country is {home}, and the pack {name} is about callees with the country code {code}: set it, and \
                 policy.timezone"
            ));
        }
        warnings
    }

    /// The policy pack that the configuration rests on.
    pub fn pack(&self) -> Option<&'static Pack> {
        packs::named(&self.raw.policy.pack)
    }

    /// The `kafka` section.
    pub fn kafka(&self) -> &RawKafka {
        &self.raw.kafka
    }

    /// The `http` section.
    pub fn http(&self) -> &RawHttp {
        &self.raw.http
    }

    /// What whoever asks for more than metrics and probes must present.
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// The `metrics` section.
    pub fn metrics(&self) -> &RawMetrics {
        &self.raw.metrics
    }

    /// Where the service sends alerts.
    pub fn sinks(&self) -> &[RawSink] {
        &self.raw.sinks
    }

    /// Labels that alerts get on their way to the first Alertmanager; none if there is none.
    pub fn external_labels(&self) -> BTreeMap<String, String> {
        let first = self.raw.sinks.iter().find_map(|sink| if let RawSink::Alertmanager(raw) = sink { Some(raw) } else { None });
        first.map(|alertmanager| alertmanager.external_labels.clone()).unwrap_or_default()
    }

    /// The `watchdog` section.
    pub fn watchdog(&self) -> &RawWatchdog {
        &self.raw.watchdog
    }

    /// The country code of numbers written without one: what decoders need.
    pub fn home_country(&self) -> &str {
        &self.raw.policy.home_country
    }

    /// What the shards judge by.
    pub fn policy(&self) -> Policy {
        let RawConfig { policy, lifecycle, bounds, .. } = &self.raw;
        Policy {
            pack: policy.pack.clone(),
            version: self.version.clone(),
            lateness_ms: self.raw.lateness.millis(),
            home_country: policy.home_country.clone(),
            clock: self.clock.clone(),
            channels_per_number: policy.channels_per_number,
            rules: self.raw.rules.clone(),
            violations: self.pack().map(Pack::violations).unwrap_or_default(),
            exceptions: self.raw.exceptions.iter().map(RawException::exception).collect(),
            lifecycle: Lifecycle {
                pending_judgements: lifecycle.pending_judgements,
                resolve_after_ms: lifecycle.resolve_after.millis(),
                merge_gap_ms: lifecycle.merge_gap.millis(),
                repeat_after_ms: lifecycle.repeat_after.millis(),
            },
            bounds: Bounds {
                apps: bounds.apps,
                memory: MemoryBounds { callees: bounds.callees_per_app, callers: bounds.callers_per_app },
                open_alerts: bounds.open_alerts_per_app,
                waiting_calls: bounds.waiting_calls_per_app,
            },
            pseudonyms: self.pseudonyms.clone(),
            reveal_numbers: self.raw.privacy.reveal_numbers,
        }
    }
}

/// A digest of everything that can change a judgement: the same for the same judgements, however the file is written.
fn version(raw: &RawConfig) -> String {
    #[derive(Serialize)]
    struct Judgement<'a> {
        policy: &'a RawPolicy,
        lateness: Duration,
        rules: &'a RuleParams,
        exceptions: &'a [RawException],
        lifecycle: &'a RawLifecycle,
        bounds: &'a RawBounds,
    }
    let RawConfig { policy, lateness, rules, exceptions, lifecycle, bounds, .. } = raw;
    let judgement = Judgement { policy, lateness: *lateness, rules, exceptions, lifecycle, bounds };
    let bytes = serde_json::to_vec(&judgement).unwrap_or_default();
    blake3::hash(&bytes).to_hex()[..12].to_owned()
}

/// The checks of a configuration that could be read: each notes what it finds, where it stands.
struct Checked<'d> {
    document: &'d Document,
    overrides: &'d Overrides,
    problems: Vec<Problem>,
}

impl Checked<'_> {
    fn note(&mut self, path: String, message: impl Into<String>, help: Option<&str>) {
        let steps: Vec<&str> = path.split('.').collect();
        let place = self.document.place(&steps);
        self.problems.push(Problem { path, message: message.into(), place, help: help.map(str::to_owned) });
    }

    /// Lays the pack under what the file says.
    fn pack(&mut self, raw: &mut RawConfig) {
        let Some(pack) = packs::named(&raw.policy.pack) else {
            let known: Vec<&str> = packs::all().iter().map(|pack| pack.name).collect();
            let help = reading::choice("pack", &raw.policy.pack, &known);
            return self.note("policy.pack".into(), format!("there is no policy pack `{}`", raw.policy.pack), help.as_deref());
        };
        let document = self.document;
        if let Err(error) = pack.lay_under(raw, |path| document.holds(path)) {
            self.note("policy.pack".into(), format!("the pack itself is wrong: {error}"), None);
        }
    }

    fn exceptions(&mut self, exceptions: &[RawException]) {
        // One that could not be read is not in the list: the others stand elsewhere in it than in the file.
        if self.problems.iter().any(|problem| problem.path.starts_with("exceptions.")) {
            return;
        }
        for (at, exception) in exceptions.iter().enumerate() {
            for (field, reason) in exception.problems(&exceptions[..at]) {
                self.note(format!("exceptions.{at}.{field}"), reason, None);
            }
        }
    }

    fn sinks(&mut self, sinks: &[RawSink]) {
        // As with exceptions.
        if self.problems.iter().any(|problem| problem.path.starts_with("sinks.")) {
            return;
        }
        for (at, sink) in sinks.iter().enumerate() {
            for (field, reason) in sink.problems() {
                self.note(format!("sinks.{at}.{}.{field}", sink.name()), reason, None);
            }
        }
    }

    fn policy(&mut self, policy: &RawPolicy) -> Option<LocalClock> {
        let digits = &policy.home_country;
        if !(1..=3).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) || digits.starts_with('0') {
            let help = "write the digits alone, such as \"86\"";
            self.note("policy.home_country".into(), format!("`{digits}` is not a country code"), Some(help));
        }
        if policy.channels_per_number == 0 {
            self.note("policy.channels_per_number".into(), "must be at least 1", None);
        }
        let clock = LocalClock::named(&policy.timezone);
        if clock.is_none() {
            let help = "write a name of the IANA table, such as Asia/Shanghai";
            self.note("policy.timezone".into(), format!("there is no time zone `{}`", policy.timezone), Some(help));
        }
        clock
    }

    fn limits(&mut self, raw: &RawConfig) {
        if raw.lateness > LATENESS_MAX {
            let path = if self.overrides.lateness.is_some() { "--lateness" } else { "lateness" };
            self.note(path.into(), format!("{} is too long: at most {LATENESS_MAX}", raw.lateness), None);
        }
        for (rule, field, reason) in raw.rules.problems() {
            self.note(format!("rules.{rule}.{field}", rule = rule.as_str()), reason, None);
        }
        if raw.lifecycle.pending_judgements == 0 {
            self.note("lifecycle.pending_judgements".into(), "must be at least 1", None);
        }
        let bounds = &raw.bounds;
        for (field, bound) in [
            ("apps", bounds.apps),
            ("callees_per_app", bounds.callees_per_app),
            ("callers_per_app", bounds.callers_per_app),
            ("open_alerts_per_app", bounds.open_alerts_per_app),
            ("waiting_calls_per_app", bounds.waiting_calls_per_app),
        ] {
            if bound == 0 {
                self.note(format!("bounds.{field}"), "must be at least 1", None);
            }
        }
        for (field, reason) in raw.kafka.problems() {
            self.note(format!("kafka.{field}"), reason, None);
        }
        for (field, reason) in raw.http.problems() {
            self.note(format!("http.{field}"), reason, None);
        }
        for (field, reason) in raw.metrics.problems() {
            self.note(format!("metrics.{field}"), reason, None);
        }
        for (field, reason) in raw.watchdog.problems(raw.kafka.idle_timeout) {
            self.note(format!("watchdog.{field}"), reason, None);
        }
    }

    fn key(&mut self, file: &Path) -> Vec<u8> {
        let overridden = self.overrides.pseudonym_key_file.is_some();
        let path = if overridden { "--pseudonym-key-file" } else { "privacy.pseudonym_key_file" };
        self.secret(path, file).unwrap_or_default()
    }

    fn token(&mut self, file: &Path) -> Option<Token> {
        let secret = self.secret("http.token_file", file)?;
        let token = Token::new(&secret);
        if token.is_none() {
            let reason = "holds blanks or characters outside ASCII, which no header can carry";
            self.note("http.token_file".into(), format!("{} {reason}", file.display()), None);
        }
        token
    }

    /// The secret in a file, of which `path` is the field.
    fn secret(&mut self, path: &str, file: &Path) -> Option<Vec<u8>> {
        let mut note = |reason: String| {
            self.note(path.into(), format!("{} {reason}", file.display()), None);
            None
        };
        match std::fs::read(file) {
            Err(error) => note(format!("cannot be read: {error}")),
            Ok(secret) if secret.trim_ascii().len() < SECRET_BYTES_MIN => {
                note(format!("holds {} bytes: a secret needs at least {SECRET_BYTES_MIN}", secret.trim_ascii().len()))
            }
            // An editor's newline at the end must not make another secret.
            Ok(secret) => Some(secret.trim_ascii_end().to_vec()),
        }
    }
}

#[cfg(test)]
mod tests;
