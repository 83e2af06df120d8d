//! All apps at once: builds the apps of a world and merges their records by arrival.
//!
//! Holds one open record a stream and what the streams hold; never the traffic.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::draw::{Draw, scatter};
use super::family::{Conduct, Draft, Family, Split};
use super::flaws::Flaws;
use super::plan::Activity;
use super::stream::{Conditions, Stream};
use super::{SimulatedCall, World};

/// Streams of chance per app: the app's own, and one for each of its activities.
const STREAMS_PER_APP: u64 = 16;

/// The families of a world with their weights, in the order in which its first apps go through them.
pub(super) fn weights(world: &World) -> Vec<(&'static Family, f64)> {
    if !world.options.shares.is_empty() {
        return world.options.shares.iter().copied().filter(|(_, weight)| *weight > 0.0).collect();
    }
    let all = world.options.families.in_turn();
    let clean = all.iter().filter(|family| family.conduct == Conduct::Clean).count() as f64;
    let abusive = all.len() as f64 - clean;
    let weight = |family: &Family| match family.conduct {
        Conduct::Clean => world.options.clean_share / clean,
        Conduct::Abusive { .. } => (1.0 - world.options.clean_share) / abusive,
    };
    all.into_iter().map(|family| (family, weight(family))).collect()
}

/// Every app of a world, drafted, in order.
pub(super) fn drafts(world: &World) -> impl Iterator<Item = (&'static Family, Draft<'_>)> {
    let weights = weights(world);
    let tenants = if weights.is_empty() { 0 } else { world.tenants };
    (0..tenants).map(move |app| {
        let family = family_of(world, &weights, app);
        let mut draft = Draft::new(world, seed_of(world, family), app, u64::from(app) * STREAMS_PER_APP);
        (family.draft)(&mut draft);
        be_quiet(&mut draft);
        be_flawed(&mut draft, family);
        (family, draft)
    })
}

/// Sets the chance of the families held out apart from that of all others.
const HELD_OUT: u64 = 0x6865_6c64_206f_7574;

/// What the chance of an app of this family comes from.
fn seed_of(world: &World, family: &Family) -> u64 {
    match family.split() {
        Split::Tuning => world.seed,
        Split::HeldOut => scatter(world.seed ^ HELD_OUT),
    }
}

/// Work that is nothing but abuse does not begin before abuse may.
fn be_quiet(draft: &mut Draft<'_>) {
    let from = draft.abuse_from();
    let is_abuse = |work: &Activity| work.contacts.iter().all(|contact| !contact.breaks.is_empty());
    draft.activities.iter_mut().filter(|work| is_abuse(work)).for_each(|work| work.from = work.from.max(from));
}

/// Declares what the app's records lack.
fn be_flawed(draft: &mut Draft<'_>, family: &Family) {
    let usual = if family.split() == Split::HeldOut { Flaws::MODEST } else { Flaws::NONE };
    draft.flaws = draft.world.options.flaws.unwrap_or(usual).of_app(draft);
}

/// The first apps cover every family once, the others are drawn.
fn family_of(world: &World, weights: &[(&'static Family, f64)], app: u32) -> &'static Family {
    if let Some((family, _)) = weights.get(app as usize) {
        return family;
    }
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let mut left = Draw::new(world.seed, u64::from(app) * STREAMS_PER_APP + STREAMS_PER_APP - 1).unit() * total;
    let drawn = weights.iter().find(|(_, weight)| {
        left -= weight;
        left < 0.0
    });
    drawn.map_or(weights[weights.len() - 1].0, |(family, _)| family)
}

/// The records of a world in order of arrival.
pub(super) struct Traffic {
    streams: Vec<Stream>,
    /// When each stream's next record arrives.
    heads: BinaryHeap<Reverse<(i64, usize)>>,
}

impl Traffic {
    /// The traffic of a world, at its beginning.
    pub(super) fn new(world: &World) -> Self {
        let mut streams = Vec::new();
        for (_, draft) in drafts(world) {
            let app = draft.app;
            assert!((draft.activities.len() as u64) < STREAMS_PER_APP - 1, "a family has too many activities");
            let conditions = Conditions {
                zone: draft.clock(),
                end: world.end(),
                abuse_from: draft.abuse_from(),
                delivery: world.options.delivery,
                outage: draft.outage,
                flaws: draft.flaws,
            };
            for (number, work) in (1..).zip(draft.activities) {
                let draw = Draw::new(draft.seed, u64::from(app) * STREAMS_PER_APP + number);
                streams.push(Stream::new(app, work, conditions.clone(), draw));
            }
        }
        let heads =
            streams.iter_mut().enumerate().filter_map(|(index, stream)| Some(Reverse((stream.next_arrival_ms()?, index))));
        Self { heads: heads.collect(), streams }
    }
}

#[cfg(test)]
impl Traffic {
    /// The most records and callees to be called again that were held at once, over all streams.
    pub(super) fn held_at_most(&self) -> usize {
        self.streams.iter().map(Stream::held_at_most).sum()
    }
}

impl Iterator for Traffic {
    type Item = SimulatedCall;

    fn next(&mut self) -> Option<SimulatedCall> {
        let mut head = self.heads.peek_mut()?;
        let Reverse((arrival_ms, index)) = &mut *head;
        let stream = &mut self.streams[*index];
        let call = stream.take();
        match stream.next_arrival_ms() {
            Some(next_ms) => *arrival_ms = next_ms,
            None => drop(PeekMut::pop(head)),
        }
        call
    }
}
