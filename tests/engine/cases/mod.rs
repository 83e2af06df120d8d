//! The cases: for each rule what it fires on, and its hardest innocent look-alikes.

mod abnormal_rate;
mod blind_dialing;
mod business_mismatch;
mod callee_frequency;
mod caller_rotation;
mod complaint_ratio;
mod cross_region;
mod feed_health;
mod harassment_redial;
mod resale;
mod rest_time;
mod robot_dialing;

use super::scenario::Traffic;

/// One case: a folder of its own.
pub struct Case {
    /// `<rule>--fires-<what>` or `<rule>--quiet-<what>`.
    pub name: &'static str,
    /// What it shows, in words.
    pub shows: &'static str,
    /// What it sets, as YAML; empty if it sets nothing.
    pub config: &'static str,
    /// Its records.
    pub traffic: fn() -> Traffic,
}

/// Time goes on for a day after the last call, so that alerts resolve.
const RESOLVE: &str = "resolve_at_end: true\n";

/// Every case.
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(blind_dialing::CASES);
    cases.extend(harassment_redial::CASES);
    cases.extend(callee_frequency::CASES);
    cases.extend(rest_time::CASES);
    cases.extend(abnormal_rate::CASES);
    cases.extend(robot_dialing::CASES);
    cases.extend(caller_rotation::CASES);
    cases.extend(feed_health::CASES);
    cases.extend(complaint_ratio::CASES);
    cases.extend(business_mismatch::CASES);
    cases.extend(cross_region::CASES);
    cases.extend(resale::CASES);
    cases
}
