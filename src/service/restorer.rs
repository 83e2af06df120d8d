//! Restores partitions that came: recalls their state beside the poller, and has judged again what its journal names, so that nothing
//! else stands still meanwhile.
//!
//! It opens no partition: what it has restored goes back to the conductor, which may have lost the partition by then.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender};
use rdkafka::Message;
use rdkafka::message::BorrowedMessage;

use super::lane::{Lane, OwnedRecord, Raw, Relived, Reliving};
use super::progress::Progress;
use super::worker::Common;
use crate::checkpoint::recall::Recaller;
use crate::checkpoint::{Entry, Head};
use crate::kafka::KafkaProblem;
use crate::metrics::Stream;
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
    let is_gone = || request.gone.load(Ordering::Relaxed);
    let Some(mut recalled) = recaller.recall(partition, is_gone)? else { return Ok(None) };
    let (start, bytes) = (recalled.start, recalled.bytes);
    let apps = recalled.kept.as_ref().map_or(0, |kept| kept.apps.len());
    let journal = recalled.kept.as_mut().map(|kept| (kept.end.clone(), mem::take(&mut kept.journal)));
    let progress = Arc::new(Progress::new(common.dispatch.sinks(), common.outbox_alerts_max));
    let gauges = common.metrics.partitions.of(partition);
    // What an earlier process judged by is most likely what is in force by now.
    let policy = common.reload.policy().unwrap_or_else(|| common.policy.clone());
    let mut lane = Box::new(Lane::new(partition, recalled, policy, &common.place, progress, gauges));
    let again = match journal {
        Some((end, journal)) if !journal.is_empty() => {
            let Some(relived) = relive(recaller, common, &mut lane, end, journal, &is_gone)? else { return Ok(None) };
            relived.calls
        }
        _ => 0,
    };
    let restores = &common.metrics.restores;
    restores.duration.recorder().record(began.elapsed(), 1);
    restores.apps.inc_by(apps as u64);
    restores.calls.inc_by(again);
    let took_s = began.elapsed().as_secs_f64();
    tracing::info!(partition, apps, bytes, again, took_s, next_call = start.next_call, "a partition is restored");
    Ok(Some(Restored { request, lane, start }))
}

/// Has a lane judge again what the journal names; `None` if the partition `is_gone` meanwhile.
fn relive(
    recaller: &Recaller<'_>,
    common: &Common,
    lane: &mut Lane,
    end: Head,
    journal: Vec<Entry>,
    is_gone: &impl Fn() -> bool,
) -> Result<Option<Relived>, KafkaProblem> {
    let (partition, (next_call, next_feedback)) = (lane.partition(), lane.position());
    let mut feedback = VecDeque::new();
    if let (Some(next), Some(end)) = (next_feedback, end.next_feedback)
        && next < end
    {
        let keep = |record: &BorrowedMessage<'_>| {
            feedback.push_back(OwnedRecord { payload: record.payload().unwrap_or_default().into(), offset: record.offset() });
            record.offset() + 1 >= end
        };
        if !recaller.read_again(Stream::Feedback, partition, next, is_gone, keep)? {
            return Ok(None);
        }
    }
    let end_call = end.next_call;
    let mut reliving = Reliving::new(lane, end, journal, &common.reading, feedback);
    let judge = |record: &BorrowedMessage<'_>| {
        reliving.call(Raw { payload: record.payload().unwrap_or_default(), key: record.key(), offset: record.offset() })
    };
    let names_calls = next_call < end_call;
    if names_calls && !recaller.read_again(Stream::Calls, partition, next_call, is_gone, judge)? {
        return Ok(None);
    }
    let relived = reliving.end().map_err(|(stream, next)| recaller.lost(stream, partition, next))?;
    if !relived.is_same {
        tracing::warn!(
            partition,
            calls = relived.calls,
            "what was judged since the state was written has been judged again, by another policy or version, and otherwise: the alerts \
             that were sent stand"
        );
    }
    Ok(Some(relived))
}
