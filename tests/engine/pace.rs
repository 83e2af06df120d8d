//! When that which is closed is judged changes nothing: minute by minute, as late as can be, or at any moment between.

use std::sync::Arc;

use dialwatch::engine::alert::Alert;
use dialwatch::engine::overlaps;
use dialwatch::engine::policy::Policy;
use dialwatch::engine::record::Registration;
use dialwatch::engine::shard::{Accepted, Effects, Input, Shard};
use dialwatch::engine::time::{Minute, StreamClock, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::invariants::Traffic;

const SEEDS: [u64; 2] = [5, 77];

/// What a run came to.
#[derive(PartialEq)]
struct Outcome {
    alerts: Vec<Alert>,
    shadowed: Vec<Alert>,
    accepted: Vec<Accepted>,
    evicted: u64,
    state: Vec<u8>,
}

/// Everything that needs what was closed before to be judged first happens on the way: apps file anew, are met elsewhere, are told of
/// overlaps, are too many, and have too much waiting.
fn judged(traffic: &Traffic, policy: &Arc<Policy>, mut is_time: impl FnMut() -> bool) -> Outcome {
    let mut shard = Shard::new(policy.clone(), 3);
    let (mut clock, mut effects, mut accepted) = (StreamClock::default(), Effects::default(), Vec::new());
    for (index, (record, position)) in traffic.records().into_iter().enumerate() {
        if let Some(at) = clock.observe(record.end) {
            for end in overlaps::day_ends(shard.open_minute(), at, policy.lateness_ms) {
                shard.apply(Input::Pass(end), &mut effects);
                for (app_id, found) in overlaps::compare(std::mem::take(&mut effects.sketches)) {
                    for overlap in &found {
                        shard.apply(Input::Overlap { app_id: &app_id, overlap }, &mut effects);
                    }
                }
            }
            shard.apply(Input::Pass(at), &mut effects);
            if is_time() {
                // Every other time not all that is closed.
                let some = Minute(shard.open_minute().0 + 1 + index as u32 % 7);
                shard.hold((index % 2 == 0).then_some(some));
                shard.catch_up(&mut effects);
                shard.hold(None);
            }
        }
        accepted.push(shard.apply(Input::call(&record, position), &mut effects));
        if index % 3_000 == 1_000 {
            let filed = Registration { seats: Some(1 + index as u32 % 7), ..Registration::nothing(record.app_id.to_string()) };
            shard.apply(Input::Registration(&filed), &mut effects);
        }
        if index % 3_000 == 2_000 {
            let (app_id, here, there) = (&*record.app_id, position, position);
            shard.apply(Input::Elsewhere { app_id, here, there, at: record.end }, &mut effects);
        }
    }
    let end: Timestamp = clock.newest().plus_millis(26 * 3_600_000);
    shard.apply(Input::Tick(end), &mut effects);
    let Effects { alerts, shadowed, .. } = effects;
    let state = postcard::to_stdvec(&shard.snapshot()).expect("bytes");
    Outcome { alerts, shadowed, accepted, evicted: shard.apps_evicted(), state }
}

#[test]
fn it_does_not_matter_when_what_is_closed_is_judged() {
    let mut policy = Policy::for_tests();
    policy.bounds.waiting_calls = 25;
    policy.bounds.apps = 30;
    let policy = Arc::new(policy);
    for seed in SEEDS {
        let traffic = Traffic::new(seed);
        let expected = judged(&traffic, &policy, || true);
        assert!(expected.alerts.len() > 20 && expected.evicted > 0, "seed {seed}: {} alerts", expected.alerts.len());
        assert!(expected.accepted.contains(&Accepted::Flooded), "seed {seed}: nobody has too much waiting");
        for share in [0.0, 0.02, 0.3] {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let outcome = judged(&traffic, &policy, || random.random_bool(share));
            let first = outcome.alerts.iter().zip(&expected.alerts).position(|(alert, other)| alert != other);
            assert_eq!(first, None, "seed {seed}, share {share}: the first alert that differs");
            assert!(outcome == expected, "seed {seed}, share {share}");
        }
    }
}
