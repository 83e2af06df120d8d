//! `resale`: what looks like several customers behind one app, or one customer behind several apps.
//!
//! Weak signs, and nobody is accused: each is a notice to look. Two teams may well be unlike, and two providers may serve one
//! list of customers. It looks once a day: at the app's caller numbers, whether they fall into groups that are used unlike each
//! other; and at the other apps of this process, whether they called the same people (see `overlaps`). Apps of another process
//! are not seen.

use std::borrow::Cow;
use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::finding::{counted, listed};
use super::{Evidence, Feature, Finding, Judged, Over, Rule, Severity, Subject};
use crate::engine::number::Number;
use crate::engine::overlaps::Overlap;
use crate::engine::statistics::wilson_lower;
use crate::engine::time::{DAY_MINUTES, DAY_S, HOUR_S, Minute, SECOND_MS, Timestamp};
use crate::engine::window::habits::{Counts, Distances, fortnight_from_s};

limits! {
    /// Limits of `resale`. Source: `detection.md` D5, which calls them unvalidated; the rest are engineering choices.
    ResaleLimits {
        /// Calls in this week and the last that a caller number must have to be compared with others.
        number_calls_min: u32 = 100,
        /// The same of a group of numbers.
        group_calls_min: u32 = 200,
        /// Jensen-Shannon distance (base 2) from which two uses are unlike in something.
        distance_min: f64 = 0.3,
        /// In how much they must be unlike to be two groups, of three: hours of the day, ends of the calls, provinces of the
        /// callees. A late shift is unlike in one.
        unlike_min: u32 = 2,
        /// Callees of a day that two apps must each have to be compared.
        overlap_callees_min: u32 = 200,
        /// Callees in common, of all callees of both.
        overlap_share_min: f64 = 0.3,
        /// Hours for which the alert about another app stays open.
        open_hours: u32 = 24,
        /// One-sided confidence of bounds, in standard deviations.
        z: f64 = 3.09,
    }
}

/// The rule.
pub struct Resale;

/// Numbers compared: those with the most calls.
const NUMBERS_MAX: usize = 256;
/// Groups made of them; what is unlike all of so many is left out.
const GROUPS_MAX: usize = 8;
/// What other apps have in common with an app is told at this hour of the next day, UTC: until then every partition has
/// come to the end of the day, so that it does not matter which came first.
const TOLD_AT_HOUR: u32 = 6;
/// Other apps that are named.
const NAMED_MAX: usize = 3;

/// What was found at the last look.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Looked {
    /// The day of the last look at the numbers, from the Unix epoch, in UTC.
    day: u32,
    groups: Option<Groups>,
    overlaps: Vec<Overlap>,
}

/// Groups of caller numbers that are used unlike each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Groups {
    says: String,
    evidence: Vec<Evidence>,
}

/// One of the matters that make up the finding.
struct Part<'l> {
    lingering: bool,
    at: Timestamp,
    from: Timestamp,
    says: Cow<'l, str>,
    evidence: Cow<'l, [Evidence]>,
}

impl Rule for Resale {
    type Params = ResaleLimits;
    type State = Looked;

    const NAME: &'static str = "resale";
    const SUMMARY: &'static str = "groups of caller numbers that are used unlike each other; the same callees under several apps";

    fn problems(limits: &Self::Params) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        for (field, share) in [("distance_min", limits.distance_min), ("overlap_share_min", limits.overlap_share_min)] {
            if !(0.0..=1.0).contains(&share) {
                problems.push((field, format!("{share} is not between 0 and 1")));
            }
        }
        if !(1..=3).contains(&limits.unlike_min) {
            problems.push(("unlike_min", format!("{} is not 1, 2 or 3", limits.unlike_min)));
        }
        if !(1.0..=8.0).contains(&limits.z) {
            problems.push(("z", format!("{} is not between 1 and 8 standard deviations", limits.z)));
        }
        problems
    }

    /// What was heard of another app takes effect at a moment of its own.
    fn is_waiting(_: &Self::Params, looked: &Looked) -> bool {
        !looked.overlaps.is_empty()
    }

    fn meet(_: &Self::Params, looked: &mut Looked, overlap: &Overlap) {
        if let Err(place) = looked.overlaps.binary_search(overlap) {
            looked.overlaps.insert(place, overlap.clone());
        }
    }

    fn judge(limits: &Self::Params, looked: &mut Looked, judged: &Judged<'_>, findings: &mut Vec<Finding>) {
        let looks = judged.minute.day() > looked.day;
        if looks {
            looked.day = judged.minute.day();
            looked.groups = groups(limits, judged);
        }
        let groups = looked.groups.as_ref().map(|groups| Part {
            lingering: !looks,
            at: judged.at(),
            from: Timestamp::from_seconds(fortnight_from_s(judged.minute.start().seconds()).into()),
            says: groups.says.as_str().into(),
            evidence: groups.evidence.as_slice().into(),
        });
        let overlap = overlap(limits, looked, judged);
        findings.extend(finding(judged, groups.into_iter().chain(overlap).collect()));
        let is_over = |overlap: &Overlap| judged.at() >= told_at(overlap).plus_millis(open_ms(limits));
        looked.overlaps.retain(|overlap| !is_over(overlap));
    }
}

/// The numbers of one use.
struct Group {
    numbers: u32,
    counts: Counts,
}

/// The app's numbers in groups of like use, if there is more than one group: the number with the most calls begins the first, and
/// each further one joins the nearest group that is not unlike it, or begins another.
fn groups(limits: &ResaleLimits, judged: &Judged<'_>) -> Option<Groups> {
    let now_s = judged.minute.start().seconds();
    let used = judged.memory.callers_by_number().map(|(number, caller)| (number, caller.habits.fortnight(now_s)));
    let mut numbers: Vec<(Number, Counts)> = used.filter(|(_, counts)| counts.calls >= limits.number_calls_min.max(1)).collect();
    if numbers.len() < 2 {
        return None;
    }
    numbers.sort_by_key(|(number, counts)| (Reverse(counts.calls), *number));
    let mut groups: Vec<Group> = Vec::new();
    for (_, counts) in numbers.into_iter().take(NUMBERS_MAX) {
        let distances = groups.iter().map(|group| group.counts.distances(&counts, limits.number_calls_min));
        let like = distances.enumerate().filter(|(_, distances)| unlike(limits, distances) < limits.unlike_min);
        let nearest = like.min_by(|one, other| whole(&one.1).total_cmp(&whole(&other.1))).map(|(place, _)| place);
        match nearest {
            Some(place) => {
                groups[place].numbers += 1;
                groups[place].counts.join(&counts);
            }
            None if groups.len() < GROUPS_MAX => groups.push(Group { numbers: 1, counts }),
            None => {}
        }
    }
    groups.retain(|group| group.counts.calls >= limits.group_calls_min);
    groups.sort_by_key(|group| Reverse(group.counts.calls));
    told(limits, &groups)
}

/// What there is to say of groups, the largest first: those that are unlike the largest as wholes, too.
fn told(limits: &ResaleLimits, groups: &[Group]) -> Option<Groups> {
    let (largest, others) = groups.split_first()?;
    let distances = |group: &Group| largest.counts.distances(&group.counts, limits.number_calls_min);
    let others: Vec<&Group> = others.iter().filter(|group| unlike(limits, &distances(group)) >= limits.unlike_min).collect();
    let second = others.first()?;
    let apart: Vec<_> = parts(&distances(second)).into_iter().filter(|(.., distance)| *distance >= limits.distance_min).collect();
    let sizes = std::iter::once(largest).chain(others.iter().copied());
    let sizes: Vec<String> = sizes.map(|group| format!("{} with {} calls", counted(group.numbers.into(), "number"), group.counts.calls)).collect();
    let differ: Vec<String> = apart.iter().map(|(_, what, _)| (*what).to_owned()).collect();
    let count = others.len() as u64 + 1;
    let distance = |(feature, _, distance): &(Feature, &str, f64)| Evidence {
        observed: *distance,
        ..Evidence::count(*feature, second.counts.calls.into(), limits.distance_min, Over::Fortnight)
    };
    let groups = Evidence::count(Feature::NumberGroups, count, 1.0, Over::Fortnight);
    Some(Groups {
        says: format!(
            "The caller numbers fall into {count} groups that are used unlike each other ({}): the first two differ in {}.",
            sizes.join(", "),
            listed(&differ)
        ),
        evidence: std::iter::once(groups).chain(apart.iter().map(distance)).collect(),
    })
}

/// The distances that are known.
fn parts(distances: &Distances) -> Vec<(Feature, &'static str, f64)> {
    let all = [
        (Feature::HoursDistance, "their hours", distances.hours),
        (Feature::EndsDistance, "what comes of their calls", distances.ends),
        (Feature::RegionsDistance, "the provinces they call", distances.regions),
    ];
    all.into_iter().filter_map(|(feature, what, distance)| Some((feature, what, distance?))).collect()
}

/// In how much two uses are unlike.
fn unlike(limits: &ResaleLimits, distances: &Distances) -> u32 {
    parts(distances).iter().filter(|(.., distance)| *distance >= limits.distance_min).count() as u32
}

/// One number for how far two uses lie apart: the mean of what is known.
fn whole(distances: &Distances) -> f64 {
    let parts = parts(distances);
    parts.iter().map(|(.., distance)| distance).sum::<f64>() / parts.len().max(1) as f64
}

/// When an overlap takes effect.
fn told_at(overlap: &Overlap) -> Timestamp {
    Timestamp::from_seconds(i64::from((overlap.day + 1) * DAY_S + TOLD_AT_HOUR * HOUR_S))
}

fn open_ms(limits: &ResaleLimits) -> i64 {
    i64::from(limits.open_hours) * i64::from(HOUR_S) * SECOND_MS
}

/// The apps that called the same people, as far as that is told of by now.
fn overlap(limits: &ResaleLimits, looked: &Looked, judged: &Judged<'_>) -> Option<Part<'static>> {
    let bound = |overlap: &Overlap| wilson_lower(overlap.common.shared.into(), overlap.common.of.into(), limits.z);
    let is_open = |overlap: &&Overlap| {
        let begins = told_at(overlap);
        judged.at() >= begins && judged.at() < begins.plus_millis(open_ms(limits)) && bound(overlap) >= limits.overlap_share_min
    };
    let mut open: Vec<&Overlap> = looked.overlaps.iter().filter(is_open).collect();
    open.sort_by(|one, other| bound(other).total_cmp(&bound(one)).then_with(|| one.cmp(other)));
    let most = *open.first()?;
    let mut others: Vec<String> = Vec::new();
    for overlap in &open {
        if others.len() < NAMED_MAX && !others.iter().any(|known| **known == *overlap.other) {
            others.push(overlap.other.to_string());
        }
    }
    let first = open.iter().map(|overlap| told_at(overlap)).min()?;
    let day = Minute(most.day * DAY_MINUTES).start();
    let common = most.common;
    Some(Part {
        lingering: judged.minute.start() >= open.iter().map(|overlap| told_at(overlap)).max()?,
        at: first,
        from: day,
        says: format!(
            "On the day from {day} this app and {} called the same people: at least {:.0} % of all whom this app and {} called.",
            listed(&others),
            bound(most) * 100.0,
            most.other
        )
        .into(),
        evidence: vec![Evidence::share(
            Feature::SharedCallees,
            common.shared,
            common.of,
            bound(most),
            limits.overlap_share_min,
            Over::DaySketch,
        )]
        .into(),
    })
}

/// One finding of both matters: news if either is.
fn finding(judged: &Judged<'_>, parts: Vec<Part<'_>>) -> Option<Finding> {
    let (at, from) = (parts.iter().map(|part| part.at).min()?, parts.iter().map(|part| part.from).min()?);
    let lingering = parts.iter().all(|part| part.lingering);
    // Nobody reads what is merely not over yet.
    let said: &[Part<'_>] = if lingering { &[] } else { &parts };
    Some(Finding {
        subject: Subject::App,
        severity: Severity::Notice,
        certain: true,
        lingering,
        at,
        from,
        // One more matter is news.
        weight: parts.len() as u64,
        summary: said.iter().map(|part| part.says.as_ref()).collect::<Vec<_>>().join(" "),
        evidence: said.iter().flat_map(|part| part.evidence.iter().copied()).collect(),
        samples: if lingering { Vec::new() } else { judged.memory.recent.samples(|_| true) },
        calls: judged.memory.day.total().placed.into(),
        callees: judged.memory.pairs.distinct_day().into(),
    })
}
