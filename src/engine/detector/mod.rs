//! The rules: each a file, each a line in `rules!`, nothing about them anywhere else.
//!
//! A rule looks at what an app's memory says and returns findings. It never opens an alert, keeps no calls of its own
//! beyond its declared state, and knows neither the wire nor other rules.

pub mod finding;
pub mod forbidden;
pub mod violations;

use std::fmt::Debug;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use finding::{Evidence, Feature, Finding, Over, Severity, Subject};

use super::memory::{Memory, Profile};
use super::number::Number;
use super::overlaps::Overlap;
use super::record::{Call, Elsewhere, Feedback};
use super::time::{LocalTime, Minute, Timestamp};
use super::window::pairs::Contact;
use super::window::repeats::Repeat;

/// A call at the moment it is judged, in the order in which calls ended. The memory already holds the pair, not yet
/// the refusal the call may itself be.
pub struct Observed<'a> {
    /// The call, outbound and placed or inbound.
    pub call: &'a Call,
    /// What it meant to its callee; `None` if it is not an outbound call to a known number.
    pub contact: Option<Contact>,
    /// All calls to the callee within 24 hours, this one included; empty if it is the only one.
    pub repeats: &'a [Repeat],
    /// The app's memory.
    pub memory: &'a Memory,
    /// What the app filed, and the policy for it.
    pub profile: &'a Profile,
    /// The wall clock at the start of the call.
    pub local_start: LocalTime,
}

/// A closed minute at the moment it is judged; all its calls are in the memory.
pub struct Judged<'a> {
    /// The minute.
    pub minute: Minute,
    /// Outbound calls that ended in it.
    pub placed: u32,
    /// The caller numbers that ended calls in it, in order.
    pub callers: &'a [Number],
    /// The app's memory.
    pub memory: &'a Memory,
    /// What the app filed, and the policy for it.
    pub profile: &'a Profile,
    /// The wall clock at the end of the minute.
    pub local_end: LocalTime,
    /// By how many seconds it is ahead of UTC.
    pub offset_s: i32,
}

impl Judged<'_> {
    /// The event time of the judgement: the end of the minute.
    pub fn at(&self) -> Timestamp {
        self.minute.end()
    }
}

/// One rule. All functions are pure; state is one small value per app, saved with the app.
pub trait Rule: 'static {
    /// The limits, with their defaults: the rule's section of the configuration.
    type Params: Limits;
    /// What the rule itself must remember of an app. Most need nothing: the memory is common.
    type State: Clone + Debug + PartialEq + Default + Serialize + DeserializeOwned;

    /// The name on the wire.
    const NAME: &'static str;
    /// What it says, for documents and pages.
    const SUMMARY: &'static str;

    /// What is wrong with limits that parsed: field and reason.
    fn problems(_params: &Self::Params) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Judges a call.
    fn observe(_params: &Self::Params, _state: &mut Self::State, _observed: &Observed<'_>, _findings: &mut Vec<Finding>) {}

    /// Takes in a feedback, after the memory has.
    fn heed(
        _params: &Self::Params,
        _state: &mut Self::State,
        _feedback: &Feedback,
        _memory: &Memory,
        _findings: &mut Vec<Finding>,
    ) {
    }

    /// Whether time alone can make it find something, so that the app must be judged though it stays silent.
    fn is_waiting(_params: &Self::Params, _state: &Self::State) -> bool {
        false
    }

    /// Takes in, at once, that the app was met elsewhere too.
    fn locate(_params: &Self::Params, _state: &mut Self::State, _elsewhere: &Elsewhere) {}

    /// Takes in, at once, that another app called the same people. It must take effect at a moment of its own.
    fn meet(_params: &Self::Params, _state: &mut Self::State, _overlap: &Overlap) {}

    /// Judges a closed minute in which the app ended calls or has an alert open.
    fn judge(_params: &Self::Params, _state: &mut Self::State, _judged: &Judged<'_>, _findings: &mut Vec<Finding>) {}
}

/// How a rule takes part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Its alerts are sent.
    #[default]
    On,
    /// Evaluated and counted, never sent.
    Shadow,
    /// Not evaluated.
    Off,
}

/// What every rule's limits have in common.
pub trait Limits: Clone + Debug + PartialEq + Default + Serialize + DeserializeOwned + JsonSchema {
    /// How the rule takes part.
    fn mode(&self) -> Mode;
    /// Sets how the rule takes part.
    fn set_mode(&mut self, mode: Mode);
}

/// The limits of a rule: its section of the configuration, each with its default and its source.
macro_rules! limits {
    ($(#[$meta:meta])* $name:ident { $($(#[doc = $doc:literal])+ $field:ident: $kind:ty = $default:expr),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            /// `on`, `shadow` (evaluated and counted, never sent) or `off`.
            pub mode: $crate::engine::detector::Mode,
            $($(#[doc = $doc])+ pub $field: $kind,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { mode: $crate::engine::detector::Mode::On, $($field: $default,)* }
            }
        }

        impl $crate::engine::detector::Limits for $name {
            fn mode(&self) -> $crate::engine::detector::Mode { self.mode }
            fn set_mode(&mut self, mode: $crate::engine::detector::Mode) { self.mode = mode; }
        }
    };
}

/// What is common to all rules and fits in a table.
#[derive(Clone, Copy, Debug)]
pub struct RuleInfo {
    /// The rule.
    pub rule: RuleName,
    /// What it says.
    pub summary: &'static str,
}

/// The registry. A line makes a rule: its configuration section, its state in the snapshot, its calls, its row in tables.
/// New rules go last: saved state tells rules by their place. A new line is a new layout of the state: see `checkpoint`. What
/// its findings amount to is in the table of `violations`.
macro_rules! rules {
    ($($module:ident :: $rule:ident = $name:literal),+ $(,)?) => {
        $(pub mod $module;)+

        /// Every rule by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum RuleName { $(#[doc = $name] #[serde(rename = $name)] $rule),+ }

        impl RuleName {
            /// Every rule, in order.
            pub const ALL: &'static [Self] = &[$(Self::$rule),+];

            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$rule => <$module::$rule as Rule>::NAME),+ }
            }

            /// Name and summary.
            pub const fn info(self) -> RuleInfo {
                match self {
                    $(Self::$rule => RuleInfo {
                        rule: self,
                        summary: <$module::$rule as Rule>::SUMMARY,
                    }),+
                }
            }
        }

        /// The `rules` section of the configuration.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct RuleParams { $(#[doc = $name] pub $module: <$module::$rule as Rule>::Params),+ }

        impl RuleParams {
            /// How a rule takes part.
            pub fn mode(&self, rule: RuleName) -> Mode {
                match rule { $(RuleName::$rule => self.$module.mode()),+ }
            }

            /// Sets how a rule takes part.
            pub fn set_mode(&mut self, rule: RuleName, mode: Mode) {
                match rule { $(RuleName::$rule => self.$module.set_mode(mode)),+ }
            }

            /// Sets the limits of a rule to those it has in `other`.
            pub fn keep_from(&mut self, other: &Self, rule: RuleName) {
                match rule { $(RuleName::$rule => self.$module = other.$module.clone()),+ }
            }

            /// Everything wrong with the limits: rule, field, reason.
            pub fn problems(&self) -> Vec<(RuleName, &'static str, String)> {
                let mut problems = Vec::new();
                $(for (field, reason) in <$module::$rule as Rule>::problems(&self.$module) {
                    problems.push((RuleName::$rule, field, reason));
                })+
                problems
            }
        }

        /// What the rules remember of an app.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct RuleStates { $($module: <$module::$rule as Rule>::State),+ }

        impl RuleStates {
            /// Lets every rule judge a call.
            pub fn observe(&mut self, params: &RuleParams, observed: &Observed<'_>, findings: &mut Found) {
                $(if params.$module.mode() != Mode::Off {
                    <$module::$rule as Rule>::observe(&params.$module, &mut self.$module, observed, findings.of(RuleName::$rule));
                    findings.tag(RuleName::$rule);
                })+
            }

            /// Lets every rule take in a feedback.
            pub fn heed(&mut self, params: &RuleParams, feedback: &Feedback, memory: &Memory, findings: &mut Found) {
                $(if params.$module.mode() != Mode::Off {
                    <$module::$rule as Rule>::heed(&params.$module, &mut self.$module, feedback, memory, findings.of(RuleName::$rule));
                    findings.tag(RuleName::$rule);
                })+
            }

            /// Whether time alone can make a rule find something.
            pub fn is_waiting(&self, params: &RuleParams) -> bool {
                $(params.$module.mode() != Mode::Off && <$module::$rule as Rule>::is_waiting(&params.$module, &self.$module))||+
            }

            /// Lets every rule take in that the app was met elsewhere too.
            pub fn locate(&mut self, params: &RuleParams, elsewhere: &Elsewhere) {
                $(if params.$module.mode() != Mode::Off {
                    <$module::$rule as Rule>::locate(&params.$module, &mut self.$module, elsewhere);
                })+
            }

            /// Lets every rule take in that another app called the same people.
            pub fn meet(&mut self, params: &RuleParams, overlap: &Overlap) {
                $(if params.$module.mode() != Mode::Off {
                    <$module::$rule as Rule>::meet(&params.$module, &mut self.$module, overlap);
                })+
            }

            /// Lets every rule judge a closed minute.
            pub fn judge(&mut self, params: &RuleParams, judged: &Judged<'_>, findings: &mut Found) {
                $(if params.$module.mode() != Mode::Off {
                    <$module::$rule as Rule>::judge(&params.$module, &mut self.$module, judged, findings.of(RuleName::$rule));
                    findings.tag(RuleName::$rule);
                })+
            }

            /// Lets one rule judge a closed minute: for benches.
            pub fn judge_one(&mut self, rule: RuleName, params: &RuleParams, judged: &Judged<'_>, findings: &mut Found) {
                match rule {
                    $(RuleName::$rule => {
                        <$module::$rule as Rule>::judge(&params.$module, &mut self.$module, judged, findings.of(rule));
                        findings.tag(rule);
                    })+
                }
            }

            /// Lets one rule judge a call: for benches.
            pub fn observe_one(&mut self, rule: RuleName, params: &RuleParams, observed: &Observed<'_>, findings: &mut Found) {
                match rule {
                    $(RuleName::$rule => {
                        <$module::$rule as Rule>::observe(&params.$module, &mut self.$module, observed, findings.of(rule));
                        findings.tag(rule);
                    })+
                }
            }
        }
    };
}

rules! {
    blind_dialing::BlindDialing = "blind_dialing",
    harassment_redial::HarassmentRedial = "harassment_redial",
    callee_frequency::CalleeFrequency = "callee_frequency",
    rest_time::RestTime = "rest_time",
    abnormal_rate::AbnormalRate = "abnormal_rate",
    robot_dialing::RobotDialing = "robot_dialing",
    caller_rotation::CallerRotation = "caller_rotation",
    feed_health::FeedHealth = "feed_health",
    complaint_ratio::ComplaintRatio = "complaint_ratio",
    business_mismatch::BusinessMismatch = "business_mismatch",
    cross_region::CrossRegion = "cross_region",
    resale::Resale = "resale",
}

/// Findings, each with the rule that made it. Its memory, and that of a list beside it, is used again from minute to minute.
#[derive(Debug, Default)]
pub struct Found {
    fresh: Vec<Finding>,
    tagged: Vec<(RuleName, Finding)>,
    spare: Vec<Number>,
}

impl Found {
    fn of(&mut self, _rule: RuleName) -> &mut Vec<Finding> {
        &mut self.fresh
    }

    /// Lends the list.
    pub fn spare(&mut self) -> Vec<Number> {
        std::mem::take(&mut self.spare)
    }

    /// Takes the list back.
    pub fn give_back(&mut self, spare: Vec<Number>) {
        self.spare = spare;
    }

    /// Inline, because nearly always, for every rule and call, there is nothing.
    #[inline]
    fn tag(&mut self, rule: RuleName) {
        if !self.fresh.is_empty() {
            self.tag_fresh(rule);
        }
    }

    #[cold]
    fn tag_fresh(&mut self, rule: RuleName) {
        self.tagged.extend(self.fresh.drain(..).map(|finding| (rule, finding)));
    }

    /// Takes everything found so far, in order: of several findings of a rule about one subject, one.
    pub fn drain_one_a_subject(&mut self) -> impl Iterator<Item = (RuleName, Finding)> + '_ {
        self.tagged.sort_by_key(|(rule, finding)| (*rule, finding.subject));
        self.tagged.dedup_by(|(rule, later), (other, first)| {
            let is_same = (*rule, later.subject) == (*other, first.subject);
            if is_same {
                first.join(later);
            }
            is_same
        });
        self.tagged.drain(..)
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.tagged.is_empty()
    }
}
