//! Writes checkpoints: state, alerts, dead letters and input offsets leave in one transaction, or none of them does.
//!
//! It decides nothing: what is written is handed to it, and whether to try again is said by the error.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{SharedEncoder, StateRecord};
use crate::config::kafka::{RawKafka, RawTopics};
use crate::engine::alert::Alert;
use crate::engine::due::AppState;
use crate::kafka::{Connection, KafkaProblem, Voice, add, failed};
use crate::metrics::Stream;

/// How long one call to the coordinator may last before it is made again.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How often it is looked whether all is delivered. The client itself, asked to flush, looks every 100 ms.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// For how many times the length a transaction may have it is asked what became of one. The coordinator has rolled it back by
/// then, and a client that still hears nothing will not: only a new session, which asks what is committed, helps.
const PATIENCE_TIMEOUTS: u32 = 2;
/// The headers of a dead letter, as Kafka Connect names them.
const HEADERS: &str = "__connect.errors.";

/// What one partition wants to be written.
pub struct Part {
    /// The partition.
    pub partition: i32,
    /// Whether it is the state as it was at a checkpoint that holds already: the offsets to go with it are that one's, or later ones.
    pub is_snapshot: bool,
    /// The offset of the next call.
    pub next_call: i64,
    /// The offset of the next feedback.
    pub next_feedback: Option<i64>,
    /// What is remembered: all of it once it is packed.
    pub state: Vec<StateRecord>,
    /// The apps that changed, to be packed.
    pub apps: Vec<AppState>,
    /// Packs them.
    pub encoder: SharedEncoder,
    /// Alerts, each with when the records were received that led to it.
    pub alerts: Vec<Sent>,
    /// The number of the alert after the last.
    pub next_alert: u64,
    /// Records that could not be read.
    pub dead_letters: Vec<DeadLetter>,
    /// Whether a call of the watchdog has been judged since the last checkpoint.
    pub has_watchdog: bool,
}

impl Part {
    /// Makes records of the apps: the dear part of a checkpoint, and none of the judging thread's business.
    pub fn pack(&mut self) {
        let mut encoder = self.encoder.lock();
        for app in self.apps.drain(..) {
            let (app_id, bytes) = app.into_bytes();
            encoder.app(&app_id, &bytes, &mut self.state);
        }
    }
}

/// An alert that leaves, and when the records were received that led to it.
pub type Sent = (Outgoing, Instant);

/// An alert on its way to the sinks.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its number in its partition.
    pub number: u64,
    /// The alert.
    pub alert: Alert,
}

/// A record that could not be read, as it came.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The stream it came in.
    pub stream: Stream,
    /// Where it lies.
    pub partition: i32,
    /// Where it lies.
    pub offset: i64,
    /// Its key, if it has one.
    pub key: Option<Box<[u8]>>,
    /// Its value.
    pub payload: Box<[u8]>,
    /// What is wrong with it, without what is in it.
    pub reason: String,
}

/// Why a checkpoint was not written.
#[derive(Debug)]
pub enum Unwritten {
    /// Nothing of it is visible; it may be tried again.
    Again(KafkaProblem),
    /// It cannot be said what is visible, or trying again is useless: only a new session, from what is committed, helps.
    Over(KafkaProblem),
}

/// What the producer tells besides what it was asked. Which topic it may not write to is said in its log and nowhere else.
#[derive(Default)]
struct Teller {
    voice: Voice,
    refused: Mutex<Option<String>>,
}

impl Teller {
    fn refused(&self) -> MutexGuard<'_, Option<String>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Teller {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == "ADDPARTS" && message.contains("authorization failed") {
            *self.refused() = message.split('"').nth(1).map(str::to_owned);
        }
        Voice::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.voice.heard(&error, reason);
    }
}

impl ProducerContext for Teller {
    type DeliveryOpaque = ();

    // What is not delivered fails the transaction.
    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// The writer of one process.
pub struct Writer {
    producer: ThreadedProducer<Teller>,
    transactional_id: String,
    group_id: String,
    topics: RawTopics,
    /// How long a transaction may stay undecided, from its beginning until it is rolled back.
    undecided_max: Duration,
}

/// Until when an answer is waited for.
struct Wait<'s, S> {
    until: Instant,
    is_stopped: &'s S,
}

impl<S: Fn() -> bool> Wait<'_, S> {
    fn is_over(&self) -> bool {
        (self.is_stopped)() || Instant::now() >= self.until
    }
}

impl Writer {
    /// Connects, and rolls back what an earlier process of this name left open. Waits as long as the configuration allows,
    /// unless `is_stopped`.
    ///
    /// # Errors
    /// The broker does not let it.
    pub fn connect(kafka: &RawKafka, connection: &Connection, is_stopped: impl Fn() -> bool) -> Result<Self, KafkaProblem> {
        let transactional_id = kafka.transactional_id();
        let timeout = Duration::from_millis(kafka.session_timeout.millis().unsigned_abs());
        let timeout_ms = timeout.as_millis().to_string();
        let own = [("transactional.id", transactional_id.as_str()), ("transaction.timeout.ms", &timeout_ms), ("linger.ms", "1")];
        let producer: ThreadedProducer<Teller> = connection.producer(&own, Teller::default())?;
        let began = Instant::now();
        while let Err(error) = producer.init_transactions(ATTEMPT) {
            if is_stopped() {
                return Err(KafkaProblem::Stopped);
            }
            let may_pass = matches!(&error, KafkaError::Transaction(error) if error.is_retriable());
            if !may_pass || began.elapsed() >= connection.patience {
                return Err(failed("taking the transactional id")(error).of_transaction(&transactional_id));
            }
        }
        let undecided_max = (timeout * PATIENCE_TIMEOUTS).max(ATTEMPT * 2);
        Ok(Self { producer, transactional_id, group_id: kafka.group_id.clone(), topics: kafka.topics.clone(), undecided_max })
    }

    /// Writes a checkpoint in the name of `member`. Lasts until it is decided, or `is_stopped`.
    ///
    /// # Errors
    /// See [`Unwritten`].
    pub fn write(
        &self,
        parts: &[&Part],
        member: &ConsumerGroupMetadata,
        is_stopped: &impl Fn() -> bool,
    ) -> Result<Written, Unwritten> {
        let mut written = Written::default();
        let wait = Wait { until: Instant::now() + self.undecided_max, is_stopped };
        let done = self.attempt(parts, member, &wait, &mut written);
        done.map(|()| written).map_err(|error| self.roll_back(error, &wait))
    }

    fn attempt(
        &self,
        parts: &[&Part],
        member: &ConsumerGroupMetadata,
        wait: &Wait<'_, impl Fn() -> bool>,
        written: &mut Written,
    ) -> KafkaResult<()> {
        self.producer.begin_transaction()?;
        for part in parts {
            for record in &part.state {
                written.bytes += record.value.as_ref().map_or(0, Vec::len) as u64;
                self.send(&self.topics.state, Some(part.partition), Some(&record.key), record.value.as_deref(), None, wait)?;
            }
            if let Some(topic) = &self.topics.alerts {
                for (Outgoing { alert, .. }, _) in &part.alerts {
                    let value = serde_json::to_vec(alert).unwrap_or_default();
                    self.send(topic, None, Some(alert.alert_id.as_bytes()), Some(&value), None, wait)?;
                }
            }
            if let Some(topic) = &self.topics.dead_letters {
                for letter in &part.dead_letters {
                    let headers = Some(letter.headers(self.topics.of(letter.stream).unwrap_or_default()));
                    self.send(topic, None, letter.key.as_deref(), Some(&letter.payload), headers, wait)?;
                }
            }
        }
        let offsets = self.offsets(parts).map_err(|_| KafkaError::Canceled)?;
        again_while_retriable(wait, || self.producer.send_offsets_to_transaction(&offsets, member, ATTEMPT))?;
        // All is handed over, and leaves by itself after `linger.ms`.
        while self.producer.in_flight_count() > 0 && !wait.is_over() {
            std::thread::sleep(LOOK_EVERY);
        }
        // A commit that timed out may have been heard: only asking again tells.
        again_while_retriable(wait, || self.producer.commit_transaction(ATTEMPT))
    }

    fn send(
        &self,
        topic: &str,
        partition: Option<i32>,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Option<OwnedHeaders>,
        wait: &Wait<'_, impl Fn() -> bool>,
    ) -> KafkaResult<()> {
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic);
        (record.partition, record.key, record.payload, record.headers) = (partition, key, value, headers);
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), rest)) if !wait.is_over() => {
                    record = rest;
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    fn offsets(&self, parts: &[&Part]) -> Result<TopicPartitionList, KafkaProblem> {
        let mut offsets = TopicPartitionList::new();
        for part in parts {
            add(&mut offsets, &self.topics.calls, part.partition, Offset::Offset(part.next_call))?;
            if let (Some(topic), Some(next)) = (&self.topics.feedback, part.next_feedback) {
                add(&mut offsets, topic, part.partition, Offset::Offset(next))?;
            }
        }
        Ok(offsets)
    }

    /// A problem in words that name what must be granted.
    fn told(&self, error: KafkaError) -> KafkaProblem {
        let problem = failed("writing a checkpoint")(error).of_transaction(&self.transactional_id).of_group(&self.group_id);
        let refused = self.producer.client().context().refused().take();
        let named = self.topics.used().find(|(_, topic)| Some(*topic) == refused.as_deref());
        match named {
            Some((field, topic)) => problem.of_topic(field, topic),
            None => problem,
        }
    }

    /// Ends a transaction that failed, and says whether it may be tried again.
    fn roll_back(&self, error: KafkaError, wait: &Wait<'_, impl Fn() -> bool>) -> Unwritten {
        let problem = |error: KafkaError| {
            let is_fenced = matches!(&error, KafkaError::Transaction(error) if is_fencing(error.code()))
                || self.producer.client().fatal_error().is_some_and(|(code, _)| is_fencing(code));
            match is_fenced {
                true => KafkaProblem::Fenced { transactional_id: self.transactional_id.clone() },
                false => self.told(error),
            }
        };
        if self.producer.client().fatal_error().is_some() {
            return Unwritten::Over(problem(error));
        }
        match again_while_retriable(wait, || self.producer.abort_transaction(ATTEMPT)) {
            Err(error) => Unwritten::Over(problem(error)),
            Ok(()) => match problem(error) {
                problem @ KafkaProblem::Client { .. } => Unwritten::Again(problem),
                problem => Unwritten::Over(problem),
            },
        }
    }
}

/// What a checkpoint came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written {
    /// Bytes of state.
    pub bytes: u64,
}

fn is_fencing(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced | RDKafkaErrorCode::InvalidProducerEpoch)
}

/// Makes a call of the transaction until it is answered, or it is no use to wait any longer.
fn again_while_retriable(wait: &Wait<'_, impl Fn() -> bool>, call: impl Fn() -> KafkaResult<()>) -> KafkaResult<()> {
    loop {
        match call() {
            Err(KafkaError::Transaction(error)) if error.is_retriable() && !wait.is_over() => {
                tracing::debug!("the transaction is not answered yet: {error}");
            }
            Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)) if !wait.is_over() => {}
            decided => return decided,
        }
    }
}

impl DeadLetter {
    /// Where it lay and why it lies here, in the words of Kafka Connect (KIP-298).
    fn headers(&self, topic: &str) -> OwnedHeaders {
        let (partition, offset) = (self.partition.to_string(), self.offset.to_string());
        [
            ("topic", topic),
            ("partition", &partition),
            ("offset", &offset),
            ("connector.name", "dialwatch"),
            ("stage", self.stream.as_str()),
            ("exception.message", &self.reason),
        ]
        .into_iter()
        .fold(OwnedHeaders::new(), |headers, (name, value)| {
            headers.insert(Header { key: &format!("{HEADERS}{name}"), value: Some(value) })
        })
    }
}
