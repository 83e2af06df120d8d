//! Input from Kafka: one thread polls, hands out records and tells what the group gives and takes. Moves bytes only.
//!
//! Three clients of one group: the calls are subscribed to and shared by the group; the feedback follows the calls'
//! partitions by hand, because no assignor but one promises two topics to one member; the registry is read by everybody.
//!
//! What it promises of the order: the registry is read to its end before the first call; the feedback of a partition is
//! read to its end before the first call of that partition. From then on each comes as it arrives. No record of a
//! partition comes before whoever remembers it has said where to begin, and it never commits by itself.

mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

pub use watch::{Ends, Watch};

use crate::config::kafka::RawKafka;
use crate::kafka::{Connection, KafkaProblem, PROMPT, Topics, add, failed, partitions};
use watch::Change;

/// After so many calls the followed topics get their turn, even while calls keep coming.
const CALLS_A_TURN: u32 = 256;
/// The longest wait for a broker to confirm the end of a partition.
const CONFIRM: Duration = Duration::from_secs(1);

/// The consumers.
pub struct Clients {
    topics: Topics,
    calls: BaseConsumer<Watch>,
    feedback: Option<BaseConsumer<Watch>>,
    registry: Option<BaseConsumer<Watch>>,
    group_id: String,
    instance_id: Option<String>,
}

impl Clients {
    /// Connects and checks the topics. Waits for a broker as long as the configuration allows, unless `is_stopped`.
    ///
    /// # Errors
    /// Whatever makes it pointless to go on.
    pub fn connect(kafka: &RawKafka, connection: &Connection, is_stopped: impl Fn() -> bool) -> Result<Self, KafkaProblem> {
        // Where to begin is always said; a record that is gone meanwhile must not be stepped over.
        let followed = |reset| connection.consumer(&[("auto.offset.reset", reset), PROMPT], Watch::default());
        let calls = connection.consumer(&[("auto.offset.reset", "error")], Watch::default())?;
        Ok(Self {
            topics: Topics::check(&calls, connection, kafka, is_stopped)?,
            calls,
            feedback: kafka.topics.feedback.as_ref().map(|_| followed("error")).transpose()?,
            registry: kafka.topics.registry.as_ref().map(|_| followed("earliest")).transpose()?,
            group_id: kafka.group_id.clone(),
            instance_id: kafka.group_instance_id.clone(),
        })
    }

    /// A problem in words that name the topic and the group.
    fn told(&self, problem: KafkaProblem, field: &'static str) -> KafkaProblem {
        let topic = self.topics.names.used().find(|(used, _)| *used == field).map_or("", |(_, topic)| topic);
        problem.of_topic(field, topic).of_group(&self.group_id)
    }

    /// The consumer of the calls, for questions about the group and the log.
    pub fn calls(&self) -> &BaseConsumer<Watch> {
        &self.calls
    }
}

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

    /// When it was written, by the clock of whoever wrote it or of the broker, in Unix milliseconds.
    pub fn written_ms(&self) -> Option<i64> {
        self.0.timestamp().to_millis()
    }

    /// Its key, whatever it is.
    pub fn key_bytes(&self) -> Option<&[u8]> {
        self.0.key()
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

/// Where the records of a partition begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The first call.
    pub next_call: i64,
    /// The first feedback, if there is a topic of it.
    pub next_feedback: Option<i64>,
}

/// The source: what is polled, paused and followed.
pub struct Source<'c> {
    clients: &'c Clients,
    /// Partitions of the registry that are not read to their end yet.
    unread: BTreeSet<i32>,
    has_joined: bool,
    /// Partitions whose calls come.
    running: BTreeSet<i32>,
    /// Partitions whose calls wait for their feedback to be read, and where they will begin.
    held: BTreeMap<i32, i64>,
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
        let unread: BTreeSet<i32> = clients.topics.registry_partitions.iter().copied().collect();
        if let (Some(registry), Some(topic)) = (&clients.registry, &clients.topics.names.registry) {
            let mut whole = TopicPartitionList::new();
            for partition in &unread {
                add(&mut whole, topic, *partition, Offset::Beginning)?;
            }
            registry.assign(&whole).map_err(failed("following the registry"))?;
        }
        Ok(Self { clients, unread, has_joined: false, running: BTreeSet::new(), held: BTreeMap::new(), calls_this_turn: 0 })
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
        if let Polled::Record(record) = self.poll_calls(wait)? {
            self.calls_this_turn += 1;
            return Ok(Some(Event::Call(record)));
        }
        self.follow(if self.held.is_empty() { Duration::ZERO } else { Duration::from_millis(5) })
    }

    /// The next event before the group is joined.
    fn read_registry(&mut self, wait: Duration) -> Result<Option<Event<'c>>, KafkaProblem> {
        if let (Some(registry), false) = (&self.clients.registry, self.unread.is_empty()) {
            match poll(registry, wait).map_err(|problem| self.clients.told(problem, "topics.registry"))? {
                Polled::Record(record) => return Ok(Some(Event::Registration(record))),
                Polled::End(partition) => self.unread.remove(&partition),
                Polled::Nothing => false,
            };
        }
        if !self.unread.is_empty() {
            return Ok(None);
        }
        self.clients.calls.subscribe(&[&self.clients.topics.names.calls]).map_err(failed("joining the group"))?;
        self.has_joined = true;
        Ok(Some(Event::RegistryRead))
    }

    /// The next record of a followed topic. Once there is none, the calls have their turn again.
    fn follow(&mut self, wait: Duration) -> Result<Option<Event<'c>>, KafkaProblem> {
        if let Some(feedback) = &self.clients.feedback {
            match poll(feedback, wait).map_err(|problem| self.clients.told(problem, "topics.feedback"))? {
                Polled::Record(record) => return Ok(Some(Event::Feedback(record))),
                Polled::End(partition) => {
                    if let Some(next_call) = self.held.remove(&partition) {
                        self.let_run(partition, next_call)?;
                    }
                }
                Polled::Nothing => {}
            }
        }
        if let Some(registry) = &self.clients.registry
            && let Polled::Record(record) =
                poll(registry, Duration::ZERO).map_err(|problem| self.clients.told(problem, "topics.registry"))?
        {
            return Ok(Some(Event::Registration(record)));
        }
        self.calls_this_turn = 0;
        Ok(None)
    }

    fn poll_calls(&self, wait: Duration) -> Result<Polled<'c>, KafkaProblem> {
        poll(&self.clients.calls, wait).map_err(|problem| match (&problem, &self.clients.instance_id) {
            (KafkaProblem::Client { error, .. }, Some(instance_id)) if is_replacement(error) => {
                KafkaProblem::Replaced { instance_id: instance_id.clone() }
            }
            _ => self.clients.told(problem, "topics.calls"),
        })
    }

    fn changed(&mut self, change: Change) -> Result<Event<'c>, KafkaProblem> {
        let calls = &self.clients.calls;
        match change {
            Change::Assign(partitions) => {
                // Taken note of; no record comes before `begin` says where from.
                calls.incremental_assign(&TopicPartitionList::new()).map_err(failed("taking partitions"))?;
                Ok(Event::Assigned(numbers(&partitions)))
            }
            Change::Revoke(partitions) => Ok(Event::Revoked { partitions: numbers(&partitions), lost: calls.assignment_lost() }),
        }
    }

    /// Lets the records of an assigned partition come: first its feedback, then its calls.
    ///
    /// # Errors
    /// The client refuses.
    pub fn begin(&mut self, partition: i32, start: Start) -> Result<(), KafkaProblem> {
        let (Some(feedback), Some(topic), Some(next)) =
            (&self.clients.feedback, &self.clients.topics.names.feedback, start.next_feedback)
        else {
            return self.let_run(partition, start.next_call);
        };
        let mut from = TopicPartitionList::new();
        add(&mut from, topic, partition, Offset::Offset(next))?;
        feedback.incremental_assign(&from).map_err(failed("following the feedback"))?;
        self.held.insert(partition, start.next_call);
        Ok(())
    }

    fn let_run(&mut self, partition: i32, next_call: i64) -> Result<(), KafkaProblem> {
        let mut from = TopicPartitionList::new();
        add(&mut from, &self.clients.topics.names.calls, partition, Offset::Offset(next_call))?;
        self.clients.calls.incremental_assign(&from).map_err(failed("reading calls"))?;
        self.running.insert(partition);
        Ok(())
    }

    /// Gives revoked partitions back, after everything of them is finished and committed.
    ///
    /// # Errors
    /// The client refuses.
    pub fn release(&mut self, going: &[i32]) -> Result<(), KafkaProblem> {
        let Topics { names, .. } = &self.clients.topics;
        let running: Vec<i32> = going.iter().copied().filter(|partition| self.running.remove(partition)).collect();
        let list = partitions(&names.calls, running.iter().copied())?;
        // A pause would outlive the assignment.
        self.clients.calls.resume(&list).map_err(failed("giving partitions back"))?;
        self.clients.calls.incremental_unassign(&list).map_err(failed("giving partitions back"))?;
        let followed =
            going.iter().copied().filter(|partition| running.contains(partition) | self.held.remove(partition).is_some());
        if let (Some(feedback), Some(topic)) = (&self.clients.feedback, &names.feedback) {
            let list = partitions(topic, followed)?;
            if list.count() > 0 {
                feedback.incremental_unassign(&list).map_err(failed("leaving the feedback"))?;
            }
        }
        Ok(())
    }

    /// Stops (`true`) or resumes fetching the calls of partitions whose judgement is behind.
    ///
    /// # Errors
    /// The client refuses.
    pub fn stall(&self, those: &BTreeSet<i32>, stalled: bool) -> Result<(), KafkaProblem> {
        let list = partitions(&self.clients.topics.names.calls, those.intersection(&self.running).copied())?;
        let calls = &self.clients.calls;
        if stalled { calls.pause(&list) } else { calls.resume(&list) }.map_err(failed("pausing or resuming partitions"))
    }

    /// Who this process is in the group right now: what fences the writes of one that no longer is.
    pub fn membership(&self) -> Option<ConsumerGroupMetadata> {
        self.clients.calls.group_metadata()
    }

    /// How far a partition of the calls goes, as last heard; `None` if nothing was heard yet.
    pub fn ends(&self, partition: i32) -> Option<Ends> {
        self.clients.calls.context().ends(partition)
    }

    /// Whether a broker says, just now, that nothing lies after `end` in a partition of the calls. `false` if none answers:
    /// a broker out of reach is not a silent partition.
    pub fn confirms_end(&self, partition: i32, end: i64) -> bool {
        match self.clients.calls.fetch_watermarks(&self.clients.topics.names.calls, partition, CONFIRM) {
            Ok((_, high)) => high == end,
            Err(error) => {
                tracing::debug!(partition, "the end of an idle partition is not known: {error}");
                false
            }
        }
    }

    /// Whether another process has come with this one's name: the broker says so at the next sign of life, for which is
    /// waited as long as `patience`.
    pub fn replacement(&self, patience: Duration) -> Option<KafkaProblem> {
        let deadline = Instant::now() + patience;
        self.clients.instance_id.as_ref()?;
        while Instant::now() < deadline {
            match self.poll_calls(Duration::from_millis(100)) {
                Err(problem @ KafkaProblem::Replaced { .. }) => return Some(problem),
                Err(_) => return None,
                Ok(_) => {}
            }
        }
        None
    }

    /// Leaves the group. What is not committed will be judged again by whoever comes next.
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
        None if client.context().is_lost() => Err(KafkaProblem::Lost),
        None => Ok(Polled::Nothing),
        Some(Ok(message)) => Ok(Polled::Record(Record(message))),
        Some(Err(KafkaError::PartitionEOF(partition))) => Ok(Polled::End(partition)),
        Some(Err(error)) if is_passing(&error) => {
            tracing::debug!("polling: {error}");
            Ok(Polled::Nothing)
        }
        Some(Err(error)) => Err(failed("reading records")(error)),
    }
}

/// Whether another member has come with the same name.
fn is_replacement(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(error.rdkafka_error_code(), Some(Code::FencedInstanceId | Code::UnreleasedInstanceId | Code::Fatal))
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
                    | Code::FencedInstanceId
                    | Code::UnreleasedInstanceId
            )
    )
}

fn numbers(partitions: &TopicPartitionList) -> Vec<i32> {
    let mut numbers: Vec<i32> =
        partitions.elements().iter().map(rdkafka::topic_partition_list::TopicPartitionListElem::partition).collect();
    numbers.sort_unstable();
    numbers
}
