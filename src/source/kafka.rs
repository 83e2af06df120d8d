//! Input from Kafka: one thread polls, hands out records and tells what the group gives and takes. Moves bytes only.
//!
//! What it promises of the order: the registry is read to its end before the first call; the feedback of a partition is
//! read to its end before the first call of that partition. From then on each comes as it arrives.
//! It never commits by itself: whoever judges says how far it has come.

mod client;

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

pub use client::{Clients, Ends, KafkaProblem};

use crate::config::kafka::OffsetReset;
use client::{Change, Watch};

/// After so many calls the followed topics get their turn, even while calls keep coming.
const CALLS_A_TURN: u32 = 256;
/// The longest wait for the coordinator or a partition's leader while records wait.
const QUERY: Duration = Duration::from_secs(5);
/// The longest wait for a broker to confirm the end of a partition.
const CONFIRM: Duration = Duration::from_secs(1);

/// A record as it came: borrowed from the client, not copied.
pub struct Record<'c>(BorrowedMessage<'c>);

impl Record<'_> {
    /// Its value; empty if it has none.
    pub fn payload(&self) -> &[u8] {
        self.0.payload().unwrap_or_default()
    }

    /// Whether it says that its key is no more: a record without a value in a compacted topic.
    pub fn is_deletion(&self) -> bool {
        self.0.payload().is_none()
    }

    /// Its key, if that is text: the app id.
    pub fn key(&self) -> Option<&str> {
        self.0.key().and_then(|key| std::str::from_utf8(key).ok())
    }

    /// Its partition.
    pub fn partition(&self) -> i32 {
        self.0.partition()
    }

    /// Its offset.
    pub fn offset(&self) -> i64 {
        self.0.offset()
    }
}

/// What came.
pub enum Event<'c> {
    /// A record of the calls topic.
    Call(Record<'c>),
    /// A record of the feedback topic.
    Feedback(Record<'c>),
    /// A record of the registry topic.
    Registration(Record<'c>),
    /// The registry is read to its end; the group is being joined.
    RegistryRead,
    /// These partitions belong to this process from now on. Empty if it has none for the time being.
    Assigned(Vec<i32>),
    /// These partitions go. They must be finished and then given back with [`Source::release`].
    Revoked {
        /// The partitions.
        partitions: Vec<i32>,
        /// They are gone already: what was not committed is no longer ours to commit.
        lost: bool,
    },
}

/// How far the records of one partition are judged: the offsets to go on with, if any record was.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    /// The partition.
    pub partition: i32,
    /// The next call.
    pub next_call: Option<i64>,
    /// The next feedback.
    pub next_feedback: Option<i64>,
}

/// The source: what is polled, paused and followed.
pub struct Source<'c> {
    clients: &'c Clients,
    /// Partitions of the registry that are not read to their end yet.
    unread: BTreeSet<i32>,
    has_joined: bool,
    /// Partitions whose calls wait for their feedback to be read.
    held: BTreeSet<i32>,
    /// Partitions whose calls wait because whoever judges them is behind.
    stalled: BTreeSet<i32>,
    calls_this_turn: u32,
}

/// What polling a client gave.
enum Polled<'c> {
    Record(Record<'c>),
    End(i32),
    Nothing,
}

impl<'c> Source<'c> {
    /// Begins with the registry.
    ///
    /// # Errors
    /// The registry cannot be followed.
    pub fn new(clients: &'c Clients) -> Result<Self, KafkaProblem> {
        let unread: BTreeSet<i32> = clients.registry_partitions.iter().copied().collect();
        if let (Some(registry), Some(topic)) = (&clients.registry, &clients.topics.registry) {
            let mut partitions = TopicPartitionList::new();
            for partition in &unread {
                add(&mut partitions, topic, *partition, Offset::Beginning)?;
            }
            registry.assign(&partitions).map_err(failed("following the registry"))?;
        }
        Ok(Self { clients, unread, has_joined: false, held: BTreeSet::new(), stalled: BTreeSet::new(), calls_this_turn: 0 })
    }

    /// The next event; `None` if none came within `wait`.
    ///
    /// # Errors
    /// Whatever makes it pointless to go on.
    pub fn next(&mut self, wait: Duration) -> Result<Option<Event<'c>>, KafkaProblem> {
        if !self.has_joined {
            return self.read_registry(wait);
        }
        if let Some(change) = self.clients.calls.context().take_change() {
            return self.changed(change).map(Some);
        }
        if self.calls_this_turn >= CALLS_A_TURN
            && let Some(event) = self.follow(Duration::ZERO)?
        {
            // However much there is to follow, a call comes after each.
            self.calls_this_turn -= 1;
            return Ok(Some(event));
        }
        // While feedback is awaited nothing else may be to come.
        let wait = if self.held.is_empty() { wait } else { Duration::ZERO };
        if let Polled::Record(record) = poll(&self.clients.calls, wait)? {
            self.calls_this_turn += 1;
            return Ok(Some(Event::Call(record)));
        }
        self.follow(if self.held.is_empty() { Duration::ZERO } else { Duration::from_millis(5) })
    }

    /// The next event before the group is joined.
    fn read_registry(&mut self, wait: Duration) -> Result<Option<Event<'c>>, KafkaProblem> {
        if let (Some(registry), false) = (&self.clients.registry, self.unread.is_empty()) {
            match poll(registry, wait)? {
                Polled::Record(record) => return Ok(Some(Event::Registration(record))),
                Polled::End(partition) => self.unread.remove(&partition),
                Polled::Nothing => false,
            };
        }
        if !self.unread.is_empty() {
            return Ok(None);
        }
        self.clients.calls.subscribe(&[&self.clients.topics.calls]).map_err(failed("joining the group"))?;
        self.has_joined = true;
        Ok(Some(Event::RegistryRead))
    }

    /// The next record of a followed topic. Once there is none, the calls have their turn again.
    fn follow(&mut self, wait: Duration) -> Result<Option<Event<'c>>, KafkaProblem> {
        if let Some(feedback) = &self.clients.feedback {
            match poll(feedback, wait)? {
                Polled::Record(record) => return Ok(Some(Event::Feedback(record))),
                Polled::End(partition) => {
                    if self.held.remove(&partition) {
                        self.let_run(&[partition])?;
                    }
                }
                Polled::Nothing => {}
            }
        }
        if let Some(registry) = &self.clients.registry
            && let Polled::Record(record) = poll(registry, Duration::ZERO)?
        {
            return Ok(Some(Event::Registration(record)));
        }
        self.calls_this_turn = 0;
        Ok(None)
    }

    fn changed(&mut self, change: Change) -> Result<Event<'c>, KafkaProblem> {
        let calls = &self.clients.calls;
        match change {
            Change::Assign(partitions) => {
                let assigned = numbers(&partitions);
                let done = match calls.rebalance_protocol() {
                    RebalanceProtocol::Cooperative => calls.incremental_assign(&partitions),
                    _ => calls.assign(&partitions),
                };
                done.map_err(failed("taking partitions"))?;
                self.follow_feedback(&assigned)?;
                Ok(Event::Assigned(assigned))
            }
            Change::Revoke(partitions) => Ok(Event::Revoked { partitions: numbers(&partitions), lost: calls.assignment_lost() }),
        }
    }

    /// Holds the calls of new partitions until their feedback is read.
    fn follow_feedback(&mut self, assigned: &[i32]) -> Result<(), KafkaProblem> {
        let (Some(feedback), Some(topic)) = (&self.clients.feedback, &self.clients.topics.feedback) else {
            return Ok(());
        };
        if assigned.is_empty() {
            return Ok(());
        }
        self.held.extend(assigned);
        self.pause(assigned)?;
        let mut partitions = TopicPartitionList::new();
        for partition in assigned {
            add(&mut partitions, topic, *partition, Offset::Invalid)?;
        }
        let committed = self.clients.calls.committed_offsets(partitions, QUERY).map_err(failed("reading the group's offsets"))?;
        let mut begin = TopicPartitionList::new();
        for partition in committed.elements() {
            let offset = match (partition.offset(), self.clients.reset) {
                (Offset::Offset(next), _) => Offset::Offset(next),
                (_, OffsetReset::Earliest) => Offset::Beginning,
                (_, OffsetReset::Latest) => Offset::End,
                (_, OffsetReset::Error) => return Err(KafkaProblem::NoOffset { topic: topic.clone() }),
            };
            add(&mut begin, topic, partition.partition(), offset)?;
        }
        feedback.incremental_assign(&begin).map_err(failed("following the feedback"))
    }

    /// Gives revoked partitions back, after everything of them is finished and committed.
    ///
    /// # Errors
    /// The client refuses.
    pub fn release(&mut self, partitions: &[i32]) -> Result<(), KafkaProblem> {
        let calls = &self.clients.calls;
        // A pause would outlive the assignment.
        calls.resume(&list(&self.clients.topics.calls, partitions)?).map_err(failed("giving partitions back"))?;
        let done = match calls.rebalance_protocol() {
            RebalanceProtocol::Cooperative => calls.incremental_unassign(&list(&self.clients.topics.calls, partitions)?),
            _ => calls.unassign(),
        };
        done.map_err(failed("giving partitions back"))?;
        if let (Some(feedback), Some(topic)) = (&self.clients.feedback, &self.clients.topics.feedback) {
            feedback.incremental_unassign(&list(topic, partitions)?).map_err(failed("leaving the feedback"))?;
        }
        for partition in partitions {
            self.held.remove(partition);
            self.stalled.remove(partition);
        }
        Ok(())
    }

    /// Stops (`true`) or resumes fetching the calls of partitions whose judgement is behind.
    ///
    /// # Errors
    /// The client refuses.
    pub fn stall(&mut self, partitions: &[i32], stalled: bool) -> Result<(), KafkaProblem> {
        if stalled {
            self.stalled.extend(partitions);
            return self.pause(partitions);
        }
        self.stalled.retain(|partition| !partitions.contains(partition));
        self.let_run(partitions)
    }

    fn pause(&self, partitions: &[i32]) -> Result<(), KafkaProblem> {
        let list = list(&self.clients.topics.calls, partitions)?;
        self.clients.calls.pause(&list).map_err(failed("pausing partitions"))
    }

    /// Resumes those of the partitions that nothing holds any more.
    fn let_run(&self, partitions: &[i32]) -> Result<(), KafkaProblem> {
        let free = |partition: &&i32| !self.held.contains(*partition) && !self.stalled.contains(*partition);
        let free: Vec<i32> = partitions.iter().filter(free).copied().collect();
        let list = list(&self.clients.topics.calls, &free)?;
        self.clients.calls.resume(&list).map_err(failed("resuming partitions"))
    }

    /// Commits how far partitions are judged; waits for the broker's word if `wait`.
    ///
    /// # Errors
    /// The offsets could not be handed over, or, if waited for, not committed.
    pub fn commit(&self, judged: impl IntoIterator<Item = Judged>, wait: bool) -> Result<(), KafkaProblem> {
        let mut offsets = TopicPartitionList::new();
        for Judged { partition, next_call, next_feedback } in judged {
            if let Some(next) = next_call {
                add(&mut offsets, &self.clients.topics.calls, partition, Offset::Offset(next))?;
            }
            if let (Some(next), Some(topic)) = (next_feedback, &self.clients.topics.feedback) {
                add(&mut offsets, topic, partition, Offset::Offset(next))?;
            }
        }
        if offsets.count() == 0 {
            return Ok(());
        }
        let mode = if wait { CommitMode::Sync } else { CommitMode::Async };
        self.clients.calls.commit(&offsets, mode).map_err(failed("committing offsets"))
    }

    /// How far a partition of the calls goes, as last heard; `None` if nothing was heard yet.
    pub fn ends(&self, partition: i32) -> Option<Ends> {
        self.clients.calls.context().ends(partition)
    }

    /// Whether a broker says, just now, that nothing lies after `end` in a partition of the calls. `false` if none answers:
    /// a broker out of reach is not a silent partition.
    pub fn confirms_end(&self, partition: i32, end: i64) -> bool {
        match self.clients.calls.fetch_watermarks(&self.clients.topics.calls, partition, CONFIRM) {
            Ok((_, high)) => high == end,
            Err(error) => {
                tracing::debug!(partition, "the end of an idle partition is not known: {error}");
                false
            }
        }
    }

    /// Leaves the group. Everything must be finished and committed.
    pub fn leave(self) {
        for client in
            [Some(&self.clients.calls), self.clients.feedback.as_ref(), self.clients.registry.as_ref()].into_iter().flatten()
        {
            client.context().leave();
        }
        self.clients.calls.unsubscribe();
    }
}

fn poll(client: &BaseConsumer<Watch>, wait: Duration) -> Result<Polled<'_>, KafkaProblem> {
    match client.poll(wait) {
        None => Ok(Polled::Nothing),
        Some(Ok(message)) => Ok(Polled::Record(Record(message))),
        Some(Err(KafkaError::PartitionEOF(partition))) => Ok(Polled::End(partition)),
        Some(Err(error)) if is_passing(&error) => {
            tracing::debug!("polling: {error}");
            Ok(Polled::Nothing)
        }
        Some(Err(error)) => Err(KafkaProblem::Client { doing: "reading records", error }),
    }
}

/// Whether the client recovers by itself.
fn is_passing(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    !matches!(
        error,
        KafkaError::MessageConsumptionFatal(_)
            | KafkaError::MessageConsumption(
                Code::AutoOffsetReset
                    | Code::TopicAuthorizationFailed
                    | Code::GroupAuthorizationFailed
                    | Code::UnknownTopicOrPartition
                    | Code::UnknownTopic
                    | Code::Fatal
            )
    )
}

fn numbers(partitions: &TopicPartitionList) -> Vec<i32> {
    let mut numbers: Vec<i32> =
        partitions.elements().iter().map(rdkafka::topic_partition_list::TopicPartitionListElem::partition).collect();
    numbers.sort_unstable();
    numbers
}

fn list(topic: &str, partitions: &[i32]) -> Result<TopicPartitionList, KafkaProblem> {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        add(&mut list, topic, *partition, Offset::Invalid)?;
    }
    Ok(list)
}

fn add(list: &mut TopicPartitionList, topic: &str, partition: i32, offset: Offset) -> Result<(), KafkaProblem> {
    list.add_partition_offset(topic, partition, offset).map_err(failed("naming a partition"))
}

fn failed(doing: &'static str) -> impl Fn(KafkaError) -> KafkaProblem {
    move |error| KafkaProblem::Client { doing, error }
}
