//! Policy packs: the published limits of providers and regulators, each with its source. Data: a file a pack, and a line here.
//!
//! A pack lies under the configuration: it sets the limits it names, the file sets what it says otherwise, and what neither
//! names stays as it is built in, which is what the default pack says. Nothing here is a limit that nobody published.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::raw::{PACK, RawConfig, RawPolicy};
use crate::engine::detector::RuleParams;
use crate::engine::detector::violations::{Amendment, ViolationTable};

/// The registry: a line makes a pack of the file of its name.
macro_rules! packs {
    ($($name:literal),+ $(,)?) => { const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("packs/", $name, ".yaml")))),+]; };
}

packs! {
    "tccc-2026-02",
    "tencent-vms",
    "aliyun-vms",
    "aliyun-ccc",
    "volcengine-voice",
    "huawei-voice",
    "telnyx",
    "us-telemarketing",
    "us-debt-collection",
    "uk-ofcom-2010",
}

/// A policy pack.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Its name: that of its file.
    #[serde(skip)]
    pub name: &'static str,
    /// Whose limits they are, and on what.
    pub title: String,
    /// Where they hold.
    pub jurisdiction: String,
    /// The country code of the callees it is about; absent if of any.
    pub country_code: Option<String>,
    /// The date or the state of what was published.
    pub version: String,
    /// What whoever chooses it should know.
    pub note: Option<String>,
    /// Its limits.
    pub limits: Vec<PublishedLimit>,
    /// What its violation table says otherwise than the base's.
    pub violations: Vec<Amendment>,
}

/// A published limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishedLimit {
    /// The field of the configuration that it sets.
    pub limit: String,
    /// To what.
    pub value: Value,
    /// Where it is published.
    pub source: String,
    /// How it is meant there, and how it is taken here.
    pub remark: String,
}

/// What a pack may set.
#[derive(Serialize, Deserialize)]
struct Settable {
    policy: RawPolicy,
    rules: RuleParams,
}

static PACKS: LazyLock<Vec<Pack>> =
    LazyLock::new(|| FILES.iter().filter_map(|(name, text)| Some(Pack { name, ..serde_saphyr::from_str(text).ok()? })).collect());

/// Every pack, the default first.
pub fn all() -> &'static [Pack] {
    &PACKS
}

/// A pack by its name.
pub fn named(name: &str) -> Option<&'static Pack> {
    all().iter().find(|pack| pack.name == name)
}

impl Pack {
    /// Sets its limits in `raw`, but for those of which `is_set` says that the file has them.
    ///
    /// # Errors
    /// If a limit of it is none: what and why. None of the packs here does that, see the test.
    pub(super) fn lay_under(&self, raw: &mut RawConfig, is_set: impl Fn(&str) -> bool) -> Result<(), String> {
        let mut tree = json!({"policy": raw.policy, "rules": raw.rules});
        for PublishedLimit { limit, value, .. } in self.limits.iter().filter(|published| !is_set(&published.limit)) {
            let field = tree.pointer_mut(&pointer(limit)).ok_or_else(|| format!("`{limit}` is no limit"))?;
            *field = value.clone();
        }
        let set: Settable = serde_json::from_value(tree).map_err(|error| error.to_string())?;
        (raw.policy, raw.rules) = (set.policy, set.rules);
        Ok(())
    }

    /// Those of its limits that `raw` sets otherwise: the field, what it is there, what is published.
    pub(super) fn overridden(&self, raw: &RawConfig) -> Vec<(&str, Value, &Value)> {
        let tree = json!({"policy": raw.policy, "rules": raw.rules});
        let differs = |published: &'_ PublishedLimit| {
            let own = tree.pointer(&pointer(&published.limit))?;
            let same = own == &published.value || own.as_f64().is_some_and(|own| published.value.as_f64() == Some(own));
            (!same).then(|| own.clone())
        };
        self.limits.iter().filter_map(|published| Some((&*published.limit, differs(published)?, &published.value))).collect()
    }

    /// Its violation table.
    pub fn violations(&self) -> ViolationTable {
        if self.name == PACK { ViolationTable::default() } else { ViolationTable::amended(PACK, &self.violations) }
    }
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::engine::detector::{Mode, RuleName, Severity};

    #[test]
    fn every_pack_can_be_read_and_sets_what_it_names() {
        assert_eq!(
            all().iter().map(|pack| pack.name).collect::<Vec<_>>(),
            FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>()
        );
        for pack in all() {
            let mut raw = RawConfig::default();
            pack.lay_under(&mut raw, |_| false).unwrap_or_else(|error| panic!("{}: {error}", pack.name));
            assert_eq!(raw.rules.problems(), [], "{}", pack.name);
            assert!(pack.overridden(&raw).is_empty(), "{}: {:?}", pack.name, pack.overridden(&raw));
            let config = Config::parse(&format!("policy: {{pack: {}}}", pack.name), "").expect("valid");
            assert_eq!((config.raw.rules, config.raw.policy.pack.as_str()), (raw.rules, pack.name));
        }
    }

    #[test]
    fn every_limit_has_its_source_once() {
        for pack in all() {
            assert!(!pack.limits.is_empty() && !pack.title.is_empty() && !pack.version.is_empty());
            for (at, published) in pack.limits.iter().enumerate() {
                let PublishedLimit { limit, source, remark, .. } = published;
                assert!(!source.trim().is_empty() && !remark.trim().is_empty(), "{}: {limit}", pack.name);
                assert!(pack.limits[..at].iter().all(|other| other.limit != *limit), "{}: {limit} twice", pack.name);
                assert!(limit.starts_with("rules.") || limit == "policy.channels_per_number", "{}: {limit}", pack.name);
            }
            for amendment in &pack.violations {
                assert!(pack.limits.iter().any(|limit| limit.limit.starts_with(&format!("rules.{}.", amendment.rule.as_str()))));
            }
        }
    }

    #[test]
    fn the_default_pack_is_what_is_built_in() {
        let pack = named(PACK).expect("the default");
        assert!(pack.overridden(&RawConfig::default()).is_empty(), "{:?}", pack.overridden(&RawConfig::default()));
        assert!(pack.violations.is_empty(), "the base is the default pack's table");
    }

    #[test]
    fn a_wrong_name_or_value_in_a_pack_is_an_error() {
        let with = |limit: &str, value: Value| {
            let published = PublishedLimit { limit: limit.into(), value, source: "s".into(), remark: "r".into() };
            let pack = Pack { limits: vec![published], ..named(PACK).expect("the default").clone() };
            pack.lay_under(&mut RawConfig::default(), |_| false)
        };
        assert!(with("rules.callee_frequency.calls_in_24_hours_max", json!(4)).is_ok());
        for (limit, value) in [
            ("rules.callee_frequency.calls_in_24_hours", json!(4)),
            ("rules.callee_frequencies.calls_in_24_hours_max", json!(4)),
            ("rules.callee_frequency.calls_in_24_hours_max", json!("four")),
            ("rules.callee_frequency.calls_in_24_hours_max", json!(-1)),
            ("rules.callee_frequency.mode", json!("sometimes")),
        ] {
            assert!(with(limit, value).is_err(), "{limit}");
        }
    }

    #[test]
    fn the_file_stands_above_the_pack() {
        let text = "policy: {pack: volcengine-voice}\nrules: {callee_frequency: {calls_in_5_minutes_max: 2}}\n";
        let config = Config::parse(text, "").expect("valid");
        let limits = &config.policy().rules.callee_frequency;
        assert_eq!((limits.calls_in_5_minutes_max, limits.calls_in_24_hours_max), (2, 10));
        let warnings = config.warnings().join("\n");
        assert!(warnings.contains("calls_in_5_minutes_max is 2, published is 3"), "{warnings}");
        assert!(!warnings.contains("calls_in_24_hours_max"), "{warnings}");
        // What is written is set, also where it is what is built in.
        let text = "policy: {pack: us-telemarketing}\nrules: {callee_frequency: {mode: on}}\n";
        assert_eq!(Config::parse(text, "").expect("valid").policy().rules.callee_frequency.mode, Mode::On);
    }

    #[test]
    fn alerts_cite_the_pack_and_what_is_the_bases_says_so() {
        let policy = Config::parse("policy: {pack: volcengine-voice}", "").expect("valid").policy();
        let clause = |rule| policy.violations.row(rule, None, Severity::Violation).clause.to_string();
        assert_eq!(clause(RuleName::CalleeFrequency), "volcengine.com/docs/6358/80242");
        assert_eq!(clause(RuleName::RestTime), "tccc-2026-02/outbound-rules/hours");
        assert_eq!(Config::parse("", "").expect("valid").policy().violations, ViolationTable::default());
    }

    #[test]
    fn packs_are_told_apart_by_their_version() {
        let versions: std::collections::BTreeSet<String> = all()
            .iter()
            .map(|pack| Config::parse(&format!("policy: {{pack: {}}}", pack.name), "").expect("valid").policy().version)
            .collect();
        assert_eq!(versions.len(), all().len());
    }

    #[test]
    fn a_pack_of_elsewhere_asks_for_the_place() {
        let warnings = |text: &str| Config::parse(text, "").expect("valid").warnings().join("\n");
        assert!(warnings("policy: {pack: us-telemarketing}").contains("country code 1"));
        assert!(
            !warnings("policy: {pack: us-telemarketing, home_country: 1, timezone: America/New_York}").contains("country code")
        );
        assert!(!warnings("policy: {pack: telnyx}").contains("country code"));
    }

    /// The table of the documents is the registry.
    #[test]
    fn the_readme_lists_every_pack() {
        let readme = include_str!("../../README.md");
        for pack in all() {
            let row = format!("| `{}` | {} |", pack.name, pack.title);
            assert!(readme.contains(&row), "no row in README.md:\n{row}");
        }
    }
}
