//! Recalls a partition when it comes: reads its state from the topic and decides where its records go on.
//!
//! It reads once more what the journal of the state names. It writes nothing and judges nothing. What a predecessor left half written is waited for: it is committed or rolled back first.

use std::ops::Range;
use std::time::{Duration, Instant};

use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::plan::{Facts, Misfit, Plan, plan};
use super::{Gathered, Kept, StateError, StateRecord};
use crate::config::kafka::{OffsetReset, RawKafka, RawTopics, Recovery};
use crate::kafka::{Connection, KafkaProblem, PROMPT, Voice, add, failed, partitions};
use crate::metrics::Stream;
use crate::source::kafka::{Start, Watch};

/// The longest wait for one answer of a broker.
const QUERY: Duration = Duration::from_secs(5);
/// What it does most of the time, in words.
const READING: &str = "reading the state";
/// How often it is looked whether an open transaction has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is known of a partition that came.
pub struct Recalled {
    /// Where its records go on.
    pub start: Start,
    /// What was remembered, if anything counts.
    pub kept: Option<Kept>,
    /// Deletes what is remembered but no longer counts.
    pub clear: Vec<StateRecord>,
    /// Bytes of state that were read.
    pub bytes: usize,
}

/// What recalls partitions, one after the other.
pub struct Recaller<'c> {
    calls: &'c BaseConsumer<Watch>,
    /// Reads what is committed.
    reader: BaseConsumer<Voice>,
    /// Sees what is not committed yet.
    seer: BaseConsumer<Voice>,
    topics: RawTopics,
    group_id: String,
    reset: OffsetReset,
    recovery: Recovery,
    patience: Duration,
}

impl<'c> Recaller<'c> {
    /// One that asks the group through the consumer of the calls.
    ///
    /// # Errors
    /// No client can be made.
    pub fn new(kafka: &RawKafka, connection: &Connection, calls: &'c BaseConsumer<Watch>) -> Result<Self, KafkaProblem> {
        Ok(Self {
            calls,
            reader: connection.consumer(&[("auto.offset.reset", "earliest"), PROMPT], Voice::default())?,
            seer: connection.consumer(&[("isolation.level", "read_uncommitted")], Voice::default())?,
            topics: kafka.topics.clone(),
            group_id: kafka.group_id.clone(),
            reset: kafka.auto_offset_reset,
            recovery: kafka.recovery,
            patience: connection.patience,
        })
    }

    /// Recalls a partition; `None` if it `is_gone` meanwhile.
    ///
    /// # Errors
    /// The broker does not answer, the state cannot be used, or it does not fit the log and is not to be made to.
    pub fn recall(&self, partition: i32, is_gone: impl Fn() -> bool) -> Result<Option<Recalled>, KafkaProblem> {
        // In this order: once the offsets are stable no predecessor can commit any more, and once nothing is open in the
        // state topic what it did commit is visible.
        let (calls_committed, feedback_committed) = self.committed(partition, &is_gone)?;
        let Some(gathered) = self.read_state(partition, &is_gone)? else { return Ok(None) };
        let (bytes, mut clear) = (gathered.bytes(), gathered.deletions());
        let mut kept = match gathered.finish(&self.group_id, partition) {
            Ok(kept) => kept,
            // What belongs to another group is not ours to delete, whatever is configured.
            Err(error) if self.recovery == Recovery::Rebuild && !matches!(error, StateError::Foreign { .. }) => {
                tracing::warn!(partition, "the state cannot be used and is begun anew: {error}");
                None
            }
            Err(error) => return Err(KafkaProblem::State { topic: self.topics.state.clone(), partition, error }),
        };
        let end = kept.as_ref().map(|kept| kept.end.position());
        let calls = self.plan(&self.topics.calls, partition, end.map(|end| end.0), calls_committed)?;
        let feedback = match &self.topics.feedback {
            Some(topic) => Some(self.plan(topic, partition, end.and_then(|end| end.1), feedback_committed)?),
            None => None,
        };
        let again = self.plan_again(partition, kept.as_ref())?;
        if again.iter().chain([&calls]).chain(&feedback).any(|plan| matches!(plan, Plan::Rebuild(..))) {
            kept = None;
        }
        if kept.is_some() {
            clear.clear();
        }
        let start = Start { next_call: calls.next(), next_feedback: feedback.map(Plan::next) };
        Ok(Some(Recalled { start, kept, clear, bytes }))
    }

    /// Whether the logs still hold what the journal names: a plan for each of the two that it names anything of.
    fn plan_again(&self, partition: i32, kept: Option<&Kept>) -> Result<Vec<Plan>, KafkaProblem> {
        let Some(Kept { head, end, .. }) = kept else { return Ok(Vec::new()) };
        let calls = (Stream::Calls, Some(head.next_call), Some(end.next_call));
        let feedback = (Stream::Feedback, head.next_feedback, end.next_feedback);
        let named = [calls, feedback].into_iter().filter(|(_, begin, end)| begin < end);
        let topics = named.filter_map(|(stream, begin, _)| Some((self.topics.of(stream)?, begin)));
        topics.map(|(topic, begin)| self.plan(topic, partition, begin, None)).collect()
    }

    fn plan(&self, topic: &str, partition: i32, remembered: Option<i64>, committed: Option<i64>) -> Result<Plan, KafkaProblem> {
        let log = log_of(self.calls, topic, partition)?;
        let misfit = |misfit: Misfit| KafkaProblem::Misfit { topic: topic.to_owned(), partition, misfit };
        let plan = plan(&Facts { remembered, committed, log }, self.reset, self.recovery).map_err(misfit)?;
        if let Plan::Rebuild(next, misfit) = plan {
            tracing::warn!(topic, partition, next, "the partition is begun anew: {misfit}");
        }
        Ok(plan)
    }

    /// The group's offsets of the calls and of the feedback, once no transaction can change them any more.
    fn committed(&self, partition: i32, is_gone: &impl Fn() -> bool) -> Result<(Option<i64>, Option<i64>), KafkaProblem> {
        let mut wanted = partitions(&self.topics.calls, [partition])?;
        if let Some(feedback) = &self.topics.feedback {
            add(&mut wanted, feedback, partition, Offset::Invalid)?;
        }
        let answered =
            self.ask("reading the group's offsets", is_gone, || self.calls.committed_offsets(wanted.clone(), QUERY))?;
        let of = |topic: &str| {
            let found = answered.find_partition(topic, partition)?;
            if let Offset::Offset(next) = found.offset() { Some(next) } else { None }
        };
        Ok((of(&self.topics.calls), self.topics.feedback.as_deref().and_then(of)))
    }

    /// Asks again until a broker answers, as long as one is waited for at the start and somebody waits for the answer.
    fn ask<T>(
        &self,
        doing: &'static str,
        is_gone: &impl Fn() -> bool,
        mut question: impl FnMut() -> Result<T, KafkaError>,
    ) -> Result<T, KafkaProblem> {
        let began = Instant::now();
        loop {
            let told = |error| failed(doing)(error).of_group(&self.group_id).of_topic("topics.state", &self.topics.state);
            match question().map_err(told) {
                Err(KafkaProblem::Client { error, .. }) if began.elapsed() < self.patience && !is_gone() => {
                    tracing::debug!("{doing}: {error}");
                    std::thread::sleep(LOOK_EVERY);
                }
                answered => return answered,
            }
        }
    }

    /// Everything in the partition of the state topic; `None` if the partition of the calls is gone meanwhile.
    fn read_state(&self, partition: i32, is_gone: &impl Fn() -> bool) -> Result<Option<Gathered>, KafkaProblem> {
        let topic = self.topics.state.as_str();
        let mut gathered = Gathered::new();
        let end = loop {
            let all = self.ask(READING, is_gone, || log_range(&self.seer, topic, partition))?;
            let committed = self.ask(READING, is_gone, || log_range(&self.reader, topic, partition))?;
            if committed.end >= all.end {
                break committed;
            }
            if is_gone() {
                return Ok(None);
            }
            tracing::debug!(partition, "a transaction of a predecessor is still open in the state topic");
            std::thread::sleep(LOOK_EVERY);
        };
        if end.is_empty() {
            return Ok(Some(gathered));
        }
        let read_on = self.read(topic, partition, Offset::Beginning, is_gone, |record| {
            gathered.take(record.key().unwrap_or_default(), record.payload());
            false
        })?;
        Ok(read_on.then_some(gathered))
    }

    /// Reads once more what lies in a `topic` of input, from an offset on, until `take` says that it was the last, or all is read.
    /// Returns `false` if the partition `is_gone` meanwhile.
    ///
    /// # Errors
    /// The broker does not answer.
    pub fn read_again(
        &self,
        stream: Stream,
        partition: i32,
        next: i64,
        is_gone: &impl Fn() -> bool,
        take: impl FnMut(&BorrowedMessage<'_>) -> bool,
    ) -> Result<bool, KafkaProblem> {
        match self.topics.of(stream) {
            Some(topic) => self.read(topic, partition, Offset::Offset(next), is_gone, take),
            None => Ok(true),
        }
    }

    /// Reads a partition from an offset on until `take` says that it was the last, or all is read. Returns `false` if the partition
    /// of the calls `is_gone` meanwhile.
    fn read(
        &self,
        topic: &str,
        partition: i32,
        from: Offset,
        is_gone: &impl Fn() -> bool,
        mut take: impl FnMut(&BorrowedMessage<'_>) -> bool,
    ) -> Result<bool, KafkaProblem> {
        let mut assignment = TopicPartitionList::new();
        add(&mut assignment, topic, partition, from)?;
        self.reader.assign(&assignment).map_err(failed(READING))?;
        let mut heard = Instant::now();
        loop {
            match self.reader.poll(Duration::from_millis(100)) {
                Some(Ok(record)) if take(&record) => break,
                Some(Ok(_)) => heard = Instant::now(),
                Some(Err(KafkaError::PartitionEOF(_))) => break,
                // Told of every attempt to connect while nobody listened.
                Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::AllBrokersDown))) => {}
                Some(Err(error)) => match failed(READING)(error).of_topic(self.topics.field_of(topic), topic) {
                    KafkaProblem::Client { error, .. } => tracing::debug!("{READING}: {error}"),
                    problem => return Err(problem),
                },
                None if heard.elapsed() >= self.patience => {
                    return Err(KafkaProblem::Silent { doing: READING, waited_s: self.patience.as_secs() });
                }
                None => {}
            }
            if is_gone() {
                return Ok(false);
            }
        }
        self.reader.unassign().map_err(failed(READING))?;
        Ok(true)
    }

    /// What to say of a record that the journal names and that is no longer there.
    pub fn lost(&self, stream: Stream, partition: i32, next: i64) -> KafkaProblem {
        let topic = self.topics.of(stream).unwrap_or_default();
        let oldest = log_of(self.calls, topic, partition).map_or(next + 1, |log| log.start.max(next + 1));
        KafkaProblem::Misfit { topic: topic.to_owned(), partition, misfit: Misfit::RecordsGone { next, oldest } }
    }
}

fn log_range<C: rdkafka::consumer::ConsumerContext>(
    client: &BaseConsumer<C>,
    topic: &str,
    partition: i32,
) -> Result<Range<i64>, KafkaError> {
    client.fetch_watermarks(topic, partition, QUERY).map(|(low, high)| low..high)
}

fn log_of(client: &BaseConsumer<Watch>, topic: &str, partition: i32) -> Result<Range<i64>, KafkaProblem> {
    log_range(client, topic, partition).map_err(failed("asking how far the log goes"))
}
