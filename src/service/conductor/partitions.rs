//! Partitions come and go: restored before their first record, finished and committed before they are given back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Conductor, Dealt};
use crate::service::ServiceError;
use crate::service::health::Stage;
use crate::service::queue::Gone;
use crate::service::restorer::{Request, Restored};
use crate::service::worker::Job;

impl Conductor<'_, '_> {
    /// Has partitions restored that the group gives to this process.
    pub(super) fn take(&mut self, partitions: &[i32]) -> Result<(), ServiceError> {
        for partition in partitions {
            let gone = Arc::new(AtomicBool::new(false));
            self.coming.insert(*partition, gone.clone());
            self.requests.send(Request { partition: *partition, gone }).map_err(|_| Gone)?;
        }
        self.common.metrics.rebalances.assigned.inc();
        self.assignment_changed("partitions came", partitions);
        Ok(())
    }

    /// Lets the records of restored partitions come.
    pub(super) fn open_restored(&mut self) -> Result<(), ServiceError> {
        while let Ok(restored) = self.restored.try_recv() {
            let Restored { request, lane, start } = restored?;
            let partition = request.partition;
            // A partition that went and came again is another request.
            if !self.coming.get(&partition).is_some_and(|gone| Arc::ptr_eq(gone, &request.gone)) {
                continue;
            }
            self.coming.remove(&partition);
            self.source.begin(partition, start)?;
            let (hand, now) = (self.idlest_hand(), Instant::now());
            let gauges = lane.gauges();
            let dealt = Dealt {
                hand,
                progress: lane.progress().clone(),
                lag: gauges.lag.clone(),
                lag_seconds: gauges.lag_seconds.clone(),
                next_dealt: start.next_call,
                next_seen: start.next_call,
                written_ms: None,
                last_call: now,
                last_tick: now,
                last_snapshot: now,
            };
            self.dealt.insert(partition, dealt);
            self.hands[hand].add(Job::Open(lane));
            self.assignment_changed("records of a partition begin", &[partition]);
        }
        Ok(())
    }

    /// The worker with the fewest partitions.
    fn idlest_hand(&self) -> usize {
        let load = |hand: &usize| self.dealt.values().filter(|dealt| dealt.hand == *hand).count();
        (0..self.hands.len()).min_by_key(load).unwrap_or(0)
    }

    /// Finishes what is in hand of partitions that go, commits it and gives them back.
    pub(super) fn give(&mut self, partitions: &[i32], lost: bool) -> Result<(), ServiceError> {
        let deadline = Instant::now() + self.close_timeout;
        for gone in partitions.iter().filter_map(|partition| self.coming.remove(partition)) {
            gone.store(true, Ordering::Relaxed);
        }
        if lost {
            tracing::warn!(?partitions, "partitions were lost: what was not committed is judged again elsewhere");
        } else if !self.settle(deadline)? {
            tracing::warn!(?partitions, "not everything was committed in time: it is judged again elsewhere");
        }
        self.close(partitions)?;
        self.source.release(partitions)?;
        self.stalled.retain(|partition| !partitions.contains(partition));
        self.common.metrics.rebalances.revoked.inc();
        self.assignment_changed("partitions went", partitions);
        Ok(())
    }

    /// Lets the workers drop partitions. Records of theirs that are still on the way are passed over.
    fn close(&mut self, partitions: &[i32]) -> Result<(), ServiceError> {
        let (done, all_done) = crossbeam_channel::bounded(self.hands.len());
        let mut asked = 0;
        for (at, hand) in self.hands.iter_mut().enumerate() {
            let is_own = |partition: &&i32| self.dealt.get(partition).is_some_and(|dealt| dealt.hand == at);
            let own: Vec<i32> = partitions.iter().filter(is_own).copied().collect();
            if !own.is_empty() {
                hand.add(Job::Close { partitions: own, done: done.clone() });
                asked += 1;
            }
        }
        partitions.iter().for_each(|partition| drop(self.dealt.remove(partition)));
        let deadline = Instant::now() + self.close_timeout;
        while asked > 0 && Instant::now() < deadline {
            self.send(Duration::from_millis(5))?;
            if all_done.recv_timeout(Duration::from_millis(5)).is_ok() {
                asked -= 1;
            }
        }
        Ok(())
    }

    fn assignment_changed(&self, what: &str, partitions: &[i32]) {
        self.common.metrics.partitions_assigned.set((self.dealt.len() + self.coming.len()) as i64);
        tracing::info!(?partitions, assigned = self.dealt.len(), restoring = self.coming.len(), "{what}");
        self.health.enter(if self.coming.is_empty() { Stage::Running } else { Stage::Restoring });
    }
}
