//! What a rule says: a finding, with evidence whose every number can be recomputed from the calls.

use std::fmt::{self, Write};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::number::Number;
use crate::engine::time::Timestamp;
use crate::engine::window::recent::Sample;

/// How grave a finding is, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Look: nobody is accused.
    Notice,
    /// Warn, and record one.
    Violation,
    /// Grave.
    Major,
    /// End the service.
    Severe,
}

impl Severity {
    /// Every severity, mildest first.
    pub const ALL: [Self; 4] = [Self::Notice, Self::Violation, Self::Major, Self::Severe];

    /// The word used on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Violation => "violation",
            Self::Major => "major",
            Self::Severe => "severe",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What of an app a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// The app as a whole.
    App,
    /// One of its caller numbers.
    Caller(Number),
    /// One of its callees.
    Callee(Number),
}

/// Which calls a number of the evidence was counted over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// The last hour, by the end of the call, to the minute.
    Hour,
    /// The last day, by the end of the call: to the quarter of an hour, where caller numbers are told apart to the hour.
    Day,
    /// The last day, by the end of the call to the quarter of an hour, first contacts only: see `Contact::first`.
    DayFirst,
    /// The last fourteen days, by the end of the call to half a day, first contacts only.
    FortnightFirst,
    /// Five minutes: by the start of the calls to one callee, by the end of all calls of the app.
    FiveMinutes,
    /// The last 24 hours to the second, by the start of the call; of feedback, by when it was given, and what came in too late
    /// for that counts once.
    Rolling24h,
    /// The last seven days, to the hour: answered calls by their end, people who complained by the start of the latest call
    /// to them.
    Week,
    /// This week and the one before, by the end of the call, as of the day's first judgement; weeks begin on Thursdays at 00:00
    /// UTC. Numbers not used for a week are forgotten.
    Fortnight,
    /// The callees of one day, UTC, by the end of the call: all of them, or of both apps those with the 256 smallest hashes.
    DaySketch,
    /// The minutes after a refusal in which the policy takes calls for retaliation, by the start of the call.
    AfterRefusal,
    /// The first contacts of the last day that are held (at most 256), at their last look.
    FirstContacts,
    /// The last talks over 6 s that are held (at most 512).
    LastTalks,
    /// The last calls of the caller number that are held (at most 64).
    LastCalls,
    /// Everything since the run, the night, or the refusal it rests on began, or since a second partition was met.
    SinceStart,
}

macro_rules! features {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal),+ $(,)?) => {
        /// Every quantity that evidence may quote. The doc of each is its definition; a naive model recomputes each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum Feature { $($(#[doc = $doc])+ #[serde(rename = $name)] $variant),+ }

        impl Feature {
            /// Every feature, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name used on the wire.
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name),+ } }

            /// What it counts, in words.
            pub const fn definition(self) -> &'static str { match self { $(Self::$variant => concat!($($doc),+)),+ } }
        }
    };
}

features! {
    /// Placed calls whose callee the app first contacted within the last 24 hours, of all placed calls.
    FreshShare = "fresh_callee_share",
    /// Answered calls, of the calls that reached a callee.
    AnswerShare = "answer_share",
    /// Calls to numbers that do not exist, of the calls that reached a callee.
    InvalidShare = "invalid_number_share",
    /// Answered calls over within 6 s, of all answered calls.
    ShortShare = "short_answer_share",
    /// Declined calls, of the calls that reached a callee.
    RejectShare = "rejected_share",
    /// Consecutive first contacts whose numbers lie next to each other or one stride apart.
    NumberRun = "number_walk_run",
    /// Pairs of neighbouring numbers among the last first contacts; the bound is what chance would give.
    NeighbourPairs = "neighbour_pairs",
    /// Placed calls to one callee, over all caller numbers of the app; at most 48 are held.
    CallsToCallee = "calls_to_callee",
    /// Different caller numbers used towards one callee. The number of the first call counts if that call was a refusal or
    /// one of the app's last 128 when the second came.
    CallersOnCallee = "callers_on_callee",
    /// Refusals by the callee since it last called: declined, or answered and hung up within 5 s; at most 8 are held.
    Refusals = "refusals",
    /// Calls that disturbed the callee while its refusal stood.
    CallsAfterRefusal = "calls_after_refusal",
    /// Calls by a machine to a callee who answered shortly before and met nobody.
    RecallsAfterDrop = "recalls_after_dropped_answer",
    /// Calls begun outside the permitted hours, local time.
    CallsOutsideHours = "calls_outside_hours",
    /// Calls ended in five minutes; the bound is what the app's own week predicts.
    CallsInSlot = "calls_in_five_minutes",
    /// Calls in progress at one second. On one caller number the last 2 seconds of a call do not count by default: clocks differ.
    Concurrent = "concurrent_calls",
    /// Interquartile range of the gaps between the end of a call and the start of the next on one number, in seconds.
    GapSpread = "gap_iqr_s",
    /// Rayleigh power of the call starts on one number, over their count: 1 if all keep one period; the bound is the period
    /// in seconds.
    StartRhythm = "start_rhythm",
    /// Coefficient of variation of the gaps of a run without a pause of over 120 s on one number.
    GapVariation = "gap_variation",
    /// Answered calls over 6 s whose talk lies in the commonest 3-second bin, of the last such calls held.
    PlaybackShare = "one_length_share",
    /// Answered calls with an agent, of the answered calls whose record tells whether there was one.
    AgentShare = "agent_leg_share",
    /// Answered calls over within 6 s whose record tells that there was no agent, of all answered calls.
    DroppedShare = "dropped_answer_share",
    /// Different caller numbers used in the last day.
    ActiveCallers = "active_callers",
    /// Caller numbers of the last day that placed at most the permitted calls a day since they were first used, and none for an
    /// hour, of all active ones.
    SpentCallers = "spent_callers",
    /// Placed calls from caller numbers that first called within 24 hours (or had not for a week), of the placed calls that
    /// show their number.
    NewCallerShare = "new_caller_share",
    /// Placed calls from numbers the app never filed, of the placed calls that show their number.
    UnfiledShare = "unfiled_caller_share",
    /// People who complained, for each answered call; several complaints of one person count once, and people whom the app never
    /// called do not.
    ComplaintShare = "complaint_share",
    /// Complaints about fraud that were found true.
    VerifiedFraud = "verified_fraud_complaints",
    /// Complaints about harassment or abuse that were found true.
    VerifiedHarassment = "verified_harassment_complaints",
    /// Complaints about anything else that were found true.
    VerifiedOther = "verified_other_complaints",
    /// Complaints to which no reply was given in time, nor since. One that finds an earlier one true needs no other reply.
    OverdueReplies = "overdue_complaint_replies",
    /// Inspections that found a forbidden business that was not filed: see `forbidden`.
    ForbiddenBusiness = "forbidden_business_inspections",
    /// Inspections that found another business than the filed one, and not a forbidden one.
    OtherBusiness = "other_business_inspections",
    /// Inspections that found abuse of the person called.
    InspectedAbuse = "abuse_inspections",
    /// Inspections in which the person called says that the number was leaked.
    InspectedLeak = "number_leak_inspections",
    /// Inspections that found a call without consent.
    InspectedNoConsent = "no_consent_inspections",
    /// Placed calls from caller numbers of a province to callees of another one that the app did not file, of those whose caller
    /// and callee are both of a known province.
    OtherProvinceShare = "other_province_share",
    /// Placed calls to callees of a blocked region.
    BlockedRegionCalls = "calls_to_blocked_regions",
    /// Placed calls whose record does not say how they ended in a code or word that is known, of all placed calls.
    UnknownOutcomeShare = "unknown_outcome_share",
    /// Minutes since the app's last call ended, where its own week has calls; the bound is how many that week predicts for the
    /// time after which silence is told of.
    SilentMinutes = "silent_minutes",
    /// Groups of caller numbers that are used unlike each other; numbers with too few calls are in none.
    NumberGroups = "caller_number_groups",
    /// Jensen-Shannon distance (base 2) between the hours of the day at which the two largest groups of numbers call; counted are
    /// the calls of the second.
    HoursDistance = "hours_distance",
    /// The same of what comes of their calls: see `habits`.
    EndsDistance = "ends_distance",
    /// The same of the provinces they call, as far as they are known.
    RegionsDistance = "regions_distance",
    /// Callees of this app and of the other one, of all callees of either.
    SharedCallees = "shared_callees",
    /// Partitions in which calls of the app lie: the one that is judged, and the one in which it was met before.
    Partitions = "partitions",
}

/// One number, what it was held against, and what it was counted from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Which quantity.
    pub feature: Feature,
    /// Its value: `count / of` for a share.
    pub observed: f64,
    /// What is claimed with confidence: a Wilson bound, a prediction. `None` where the count itself is the proof.
    pub bound: Option<f64>,
    /// The limit of the policy.
    pub limit: f64,
    /// How many.
    pub count: u64,
    /// Of how many, for a share.
    pub of: Option<u64>,
    /// Counted over which calls.
    pub over: Over,
}

impl Evidence {
    /// A share with its bound.
    pub fn share(feature: Feature, count: u32, of: u32, bound: f64, limit: f64, over: Over) -> Self {
        let observed = if of == 0 { 0.0 } else { f64::from(count) / f64::from(of) };
        Self { feature, observed, bound: Some(bound), limit, count: count.into(), of: Some(of.into()), over }
    }

    /// A count.
    pub fn count(feature: Feature, count: u64, limit: f64, over: Over) -> Self {
        Self { feature, observed: count as f64, bound: None, limit, count, of: None, over }
    }
}

/// About how long a summary is: room made at once.
const SUMMARY_BYTES_USUAL: usize = 224;

/// `1 call`, `2 calls`: for summaries.
pub fn counted(count: u64, noun: &str) -> impl fmt::Display {
    fmt::from_fn(move |f| write!(f, "{count} {noun}{}", if count == 1 { "" } else { "s" }))
}

/// `once`, `twice`, `3 times`: for summaries.
pub fn times(count: u64) -> impl fmt::Display {
    fmt::from_fn(move |f| match count {
        1 => f.write_str("once"),
        2 => f.write_str("twice"),
        _ => write!(f, "{count} times"),
    })
}

/// `a, b and c`: for summaries.
pub fn listed<T: fmt::Display>(items: impl IntoIterator<Item = T> + Clone) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        let mut items = items.clone().into_iter().peekable();
        let mut is_first = true;
        while let Some(item) = items.next() {
            let between = match items.peek() {
                _ if std::mem::take(&mut is_first) => "",
                Some(_) => ", ",
                None => " and ",
            };
            write!(f, "{between}{item}")?;
        }
        Ok(())
    })
}

/// A summary, in one piece of memory.
pub fn summed_up(text: fmt::Arguments<'_>) -> String {
    let mut summary = String::with_capacity(SUMMARY_BYTES_USUAL);
    // Text takes whatever is written.
    let _ = summary.write_fmt(text);
    summary
}

/// What a rule found. A rule that finds the same again a minute later says so again: the alert book makes one alert of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// About what.
    pub subject: Subject,
    /// How grave.
    pub severity: Severity,
    /// Whether it may be acted on at once: a counted breach is, an estimate has to hold for two judgements.
    pub certain: bool,
    /// True if the limit itself is no longer passed but the value has not come back inside 80 % of it: keeps an open alert
    /// open, opens none.
    pub lingering: bool,
    /// The event time at which this evidence sufficed.
    pub at: Timestamp,
    /// Where the calls counted begin.
    pub from: Timestamp,
    /// The count by which the finding grows: an open alert is sent again when it has doubled.
    pub weight: u64,
    /// One sentence a person can act on: what, how much, since when. Never a number of a person.
    pub summary: String,
    /// The numbers.
    pub evidence: Vec<Evidence>,
    /// Some of the calls counted.
    pub samples: Vec<Sample>,
    /// Calls counted up to here.
    pub calls: u64,
    /// Callees among them.
    pub callees: u64,
}

impl Finding {
    /// Becomes one with a later one of the same judgement: begun by this, with the severity and evidence of the later of the
    /// graver.
    pub fn join(&mut self, later: &mut Self) {
        let (at, certain) = (self.at.min(later.at), self.certain || later.certain);
        let (calls, callees) = (self.calls, self.callees);
        let weight = |finding: &Self| (!finding.lingering, finding.severity);
        if weight(later) >= weight(self) {
            std::mem::swap(self, later);
        }
        (self.at, self.certain, self.calls, self.callees) = (at, certain, calls, callees);
    }
}
