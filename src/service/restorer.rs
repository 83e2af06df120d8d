//! Restores partitions that came: recalls their state beside the poller, so that nothing else stands still meanwhile.
//!
//! It opens no partition: what it has restored goes back to the conductor, which may have lost the partition by then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};

use super::lane::Lane;
use super::progress::Progress;
use super::worker::Common;
use crate::checkpoint::recall::Recaller;
use crate::kafka::KafkaProblem;
use crate::source::kafka::Start;

/// A partition to restore. Once `gone` is set nobody waits for it any more.
pub struct Request {
    /// The partition.
    pub partition: i32,
    /// Whether the partition has gone again.
    pub gone: Arc<AtomicBool>,
}

/// A partition that is restored.
pub struct Restored {
    /// The request it answers.
    pub request: Request,
    /// The lane, and where its records go on.
    pub lane: Box<Lane>,
    /// Where its records go on.
    pub start: Start,
}

/// Restores what is asked for until nothing will be.
pub fn run(
    recaller: &Recaller<'_>,
    common: &Common,
    requests: &Receiver<Request>,
    restored: &Sender<Result<Restored, KafkaProblem>>,
) {
    for request in requests {
        let gone = request.gone.clone();
        let Some(answer) = restore(recaller, common, request).transpose() else { continue };
        // What became of a partition that has gone is another process's concern.
        if !gone.load(Ordering::Relaxed) && restored.send(answer).is_err() {
            return;
        }
    }
}

fn restore(recaller: &Recaller<'_>, common: &Common, request: Request) -> Result<Option<Restored>, KafkaProblem> {
    let (began, partition) = (Instant::now(), request.partition);
    let Some(recalled) = recaller.recall(partition, || request.gone.load(Ordering::Relaxed))? else { return Ok(None) };
    let (start, bytes) = (recalled.start, recalled.bytes);
    let apps = recalled.kept.as_ref().map_or(0, |kept| kept.apps.len());
    let progress = Arc::new(Progress::new(common.dispatch.sinks(), common.outbox_alerts_max));
    let gauges = common.metrics.partitions.of(partition);
    let lane = Lane::new(partition, recalled, common.policy.clone(), &common.place, progress, gauges);
    common.metrics.restores.duration.recorder().record(began.elapsed(), 1);
    common.metrics.restores.apps.inc_by(apps as u64);
    let took_s = began.elapsed().as_secs_f64();
    tracing::info!(partition, apps, bytes, took_s, next_call = start.next_call, "a partition is restored");
    Ok(Some(Restored { request, lane: Box::new(lane), start }))
}
