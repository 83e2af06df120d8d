//! What a running service takes of a newer configuration, and what it does not.
//!
//! Never reads a file: it compares two configurations that are valid.

use serde::Serialize;
use serde_json::Value;

use super::http::RawHttp;
use super::raw::{RawConfig, RawPolicy, RawPrivacy};
use super::{Config, version};

/// What differs, as paths such as `rules.blind_dialing.mode`; never a value, since some are secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Changes {
    /// What holds from now on.
    pub changed: Vec<String>,
    /// What differs in the file and needs a restart to hold.
    pub needs_restart: Vec<String>,
    /// What tells the policy in force from others.
    pub policy_version: String,
}

impl Config {
    /// What holds once `newer` is read while this one runs: its policy, and whatever else can change without a restart.
    ///
    /// The secret of pseudonyms stays, since the ids of open alerts are made with it; so does the home country, which
    /// decides which callee a number is.
    pub fn taking(&self, newer: Self) -> (Self, Changes) {
        let raw = newer.raw.clone();
        let RawConfig { policy, lateness, rules, exceptions, lifecycle, bounds, privacy, http, metrics, .. } = raw;
        let raw = RawConfig {
            policy: RawPolicy { home_country: self.raw.policy.home_country.clone(), ..policy },
            lateness,
            rules,
            exceptions,
            lifecycle,
            bounds,
            privacy: RawPrivacy { pseudonym_key_file: self.raw.privacy.pseudonym_key_file.clone(), ..privacy },
            kafka: self.raw.kafka.clone(),
            http: RawHttp { listen: self.raw.http.listen.clone(), external_url: self.raw.http.external_url.clone(), ..http },
            metrics,
            sinks: self.raw.sinks.clone(),
            watchdog: self.raw.watchdog.clone(),
        };
        let mut changed = differences(&self.raw, &raw);
        let mut needs_restart = differences(&raw, &newer.raw);
        note(&mut changed, "http.token_file", self.token != newer.token);
        note(&mut needs_restart, "privacy.pseudonym_key_file", self.pseudonyms != newer.pseudonyms);
        let taken = Self { version: version(&raw), raw, pseudonyms: self.pseudonyms.clone(), ..newer };
        let changes = Changes { changed, needs_restart, policy_version: taken.version.clone() };
        (taken, changes)
    }
}

/// Notes a file whose path is the same and whose contents are not.
fn note(paths: &mut Vec<String>, path: &str, differs: bool) {
    if differs && !paths.iter().any(|known| known == path) {
        paths.push(path.to_owned());
    }
}

fn differences(one: &RawConfig, other: &RawConfig) -> Vec<String> {
    let tree = |raw: &RawConfig| serde_json::to_value(raw).unwrap_or_default();
    let mut paths = Vec::new();
    compare("", &tree(one), &tree(other), &mut paths);
    paths
}

fn compare(path: &str, one: &Value, other: &Value, paths: &mut Vec<String>) {
    let (Value::Object(fields), Value::Object(others)) = (one, other) else {
        if one != other {
            paths.push(path.to_owned());
        }
        return;
    };
    let added = others.keys().filter(|key| !fields.contains_key(*key));
    for key in fields.keys().chain(added) {
        let value = |fields: &serde_json::Map<String, Value>| fields.get(key).cloned().unwrap_or_default();
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        compare(&path, &value(fields), &value(others), paths);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Environment, Overrides};
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(text, "test.yaml").expect("valid")
    }

    #[test]
    fn an_equal_configuration_changes_nothing() {
        let running = config("lateness: 2m\n");
        let (taken, changes) = running.taking(config("lateness: 120s # the same\n"));
        assert_eq!(changes, Changes { policy_version: running.policy().version, ..Changes::default() }, "{changes:?}");
        assert_eq!(taken.policy().version, running.policy().version);
    }

    #[test]
    fn the_policy_is_taken_and_the_rest_needs_a_restart() {
        let running = config("kafka: {bootstrap_servers: 'a:1', properties: {ssl.key.password: pony}}\n");
        let newer = "lateness: 2m\nrules: {rest_time: {mode: off}}\npolicy: {home_country: 44, timezone: Europe/London}\n\
                     privacy: {reveal_numbers: true}\nmetrics: {topk: 7}\nhttp: {listen: '127.0.0.1:1'}\nsinks: []\n\
                     kafka: {bootstrap_servers: 'b:1', properties: {ssl.key.password: horse, check.crcs: true}}\n";
        let (taken, changes) = running.taking(config(newer));
        assert_eq!(
            changes.changed,
            ["lateness", "metrics.topk", "policy.timezone", "privacy.reveal_numbers", "rules.rest_time.mode"]
        );
        assert_eq!(
            changes.needs_restart,
            [
                "http.listen",
                "kafka.bootstrap_servers",
                "kafka.properties.ssl.key.password",
                "kafka.properties.check.crcs",
                "policy.home_country",
                "sinks"
            ]
        );
        assert!(!format!("{changes:?}").contains("horse"), "no value is told");
        let policy = taken.policy();
        assert_eq!((policy.lateness_ms, policy.home_country.as_str(), policy.reveal_numbers), (120_000, "86", true));
        assert_eq!(taken.kafka().bootstrap_servers, "a:1");
        assert_eq!(changes.policy_version, policy.version);
        assert_ne!(policy.version, config(newer).policy().version, "the version is of what is in force");

        let (_, again) = taken.taking(config(newer));
        assert!(again.changed.is_empty(), "{again:?}");
        assert_eq!(again.needs_restart, changes.needs_restart, "it is said again until the restart");
    }

    #[test]
    fn a_new_token_is_taken_and_a_new_key_is_not() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("dialwatch.yaml");
        std::fs::write(&file, "http: {token_file: token}\nprivacy: {pseudonym_key_file: key}\n").expect("written");
        let open = |secret: &str| {
            std::fs::write(folder.path().join("token"), format!("{secret}-as-a-token\n")).expect("written");
            std::fs::write(folder.path().join("key"), format!("{secret} as a key, long")).expect("written");
            Config::open(Some(&file), &Overrides::default(), Environment::Read).expect("valid")
        };
        let running = open("first");
        let (taken, changes) = running.taking(open("other"));
        assert_eq!(changes.changed, ["http.token_file"]);
        assert_eq!(changes.needs_restart, ["privacy.pseudonym_key_file"]);
        assert!(taken.token().expect("a token").is(b"other-as-a-token"));
        let number = crate::engine::number::Number::token("somebody");
        assert_eq!(taken.policy().pseudonyms.of("app", number), running.policy().pseudonyms.of("app", number));
    }
}
