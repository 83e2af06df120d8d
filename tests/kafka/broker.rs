//! One real Apache Kafka for tests and benches: started on free ports, waited for, stopped and started again, frozen.
//!
//! `DIALWATCH_TEST_KAFKA=host:port` takes a broker that is there. The broker dies with the process that started it,
//! however that ends.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::access;
use crate::jars;
use crate::program::tell;

/// Any 16 bytes in Base64, as Kafka writes them.
const CLUSTER_ID: &str = "ZGlhbHdhdGNoLXRlc3RzIQ";
/// The longest a broker takes to answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A broker.
pub struct Broker {
    listeners: Listeners,
    guard: Option<Guard>,
}

/// Where it listens.
struct Listeners {
    plain: String,
    sasl: Option<String>,
    tls: Option<String>,
}

/// The shell that holds the broker: what it is told, line by line, and what it says when that is done.
struct Guard {
    folder: PathBuf,
    process: Child,
    talk: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

/// What can be done to a broker.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// Start it again: the same data, the same ports.
    Start,
    /// End it as an operator does.
    Stop,
    /// End it as a power cut does.
    Kill,
    /// Let it keep its connections and answer nothing.
    Freeze,
    /// Let a frozen one go on.
    Thaw,
}

/// The broker all tests of this process share; `None`, with a word on stderr, if none is to be had. On CI that is a failure.
pub fn shared() -> Option<&'static Broker> {
    static BROKER: OnceLock<Result<Broker, String>> = OnceLock::new();
    usable(BROKER.get_or_init(|| Broker::start().map_err(|error| error.to_string())).as_ref())
}

/// A broker of one's own, to be stopped and started; `None` as with [`shared`], or if the one to use is somebody else's.
pub fn own() -> Option<Broker> {
    if std::env::var_os("DIALWATCH_TEST_KAFKA").is_some() {
        skipped("a broker that is not ours is not stopped");
        return None;
    }
    usable(Broker::start().map_err(|error| error.to_string()))
}

fn usable<B, E: AsRef<str>>(broker: Result<B, E>) -> Option<B> {
    match broker {
        Ok(broker) => Some(broker),
        Err(error) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => panic!("no Kafka on CI: {}", error.as_ref()),
        Err(error) => {
            skipped(&format!("no Kafka to test against: {}", error.as_ref()));
            None
        }
    }
}

/// Says that something was not tested.
pub fn skipped(why: &str) {
    tell(&format!("skipped: {why}"));
}

impl Broker {
    /// Takes the broker that is there, or starts one.
    pub fn start() -> io::Result<Self> {
        if let Ok(plain) = std::env::var("DIALWATCH_TEST_KAFKA") {
            let broker = Self { listeners: Listeners { plain, sasl: None, tls: None }, guard: None };
            broker.wait()?;
            return Ok(broker);
        }
        let jars = jars::folder()?;
        let folder = tempfile::Builder::new().prefix("dialwatch-kafka-").tempdir()?.keep();
        let ports = free_ports()?;
        fs::write(folder.join("server.properties"), properties(ports, &folder))?;
        let [plain, sasl, tls] = [ports[1], ports[2], ports[3]].map(|port| format!("127.0.0.1:{port}"));
        let listeners = Listeners { plain, sasl: Some(sasl), tls: Some(tls) };
        let broker = Self { listeners, guard: Some(Guard::start(&jars, folder)?) };
        broker.try_order(Order::Start)?;
        Ok(broker)
    }

    /// Does something to the broker; when it is started, waits until it answers.
    pub fn order(&self, order: Order) {
        self.try_order(order).unwrap_or_else(|error| panic!("{order:?}: {error}"));
    }

    fn try_order(&self, order: Order) -> io::Result<()> {
        let guard = self.guard.as_ref().ok_or_else(|| io::Error::other("the broker is not ours"))?;
        guard.order(order)?;
        if matches!(order, Order::Start) {
            self.wait().map_err(|error| io::Error::other(format!("{error}:\n{}", guard.log())))?;
        }
        Ok(())
    }

    /// Where clients begin that need not say who they are. They may do everything.
    pub fn servers(&self) -> &str {
        &self.listeners.plain
    }

    /// Where clients begin that say who they are (see [`access`]), if the broker asks that.
    pub fn sasl_servers(&self) -> Option<&str> {
        self.listeners.sasl.as_deref()
    }

    /// Where clients begin that want TLS, and the file of the certificate to trust, if the broker offers it.
    pub fn tls_servers(&self) -> Option<(&str, PathBuf)> {
        Some((self.listeners.tls.as_deref()?, self.guard.as_ref()?.folder.join(access::CERTIFICATE)))
    }

    /// Waits until the broker answers.
    fn wait(&self) -> io::Result<()> {
        let client: BaseConsumer = self.config().create().map_err(io::Error::other)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match client.fetch_metadata(None, Duration::from_millis(500)) {
                Ok(metadata) if !metadata.brokers().is_empty() => return Ok(()),
                _ if Instant::now() < deadline => {}
                Ok(_) => return Err(io::Error::other(format!("the broker at {} knows no broker", self.servers()))),
                Err(error) => return Err(io::Error::other(format!("no broker answers at {}: {error}", self.servers()))),
            }
        }
    }

    /// What a client of this broker begins with.
    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.servers()).set("log_level", "0");
        config
    }
}

impl Guard {
    /// Formats the storage and makes the certificate, under a shell that waits for the end of its input, which comes when
    /// this process ends, and then ends the broker and removes its folder.
    fn start(jars: &Path, folder: PathBuf) -> io::Result<Self> {
        let java = format!("java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '{}/*'", jars.display());
        let script = format!(
            "cd '{folder}' || exit 1
( {certificate} ) >certificate.log 2>&1 &
{java} kafka.tools.StorageTool format -t {CLUSTER_ID} -c server.properties >format.log 2>&1 || {{ cat format.log >&2; exit 1; }}
wait
while read -r order; do
    case $order in
        Start) {java} kafka.Kafka server.properties >>broker.log 2>&1 </dev/null & broker=$! ;;
        Stop) kill -TERM $broker; wait $broker ;;
        Kill) kill -KILL $broker; wait $broker ;;
        Freeze) kill -STOP $broker ;;
        Thaw) kill -CONT $broker ;;
    esac 2>/dev/null
    echo done
done
kill -KILL $broker
wait $broker 2>/dev/null
cd / && rm -rf '{folder}'",
            folder = folder.display(),
            certificate = access::certificate_commands(),
        );
        let mut shell = Command::new("sh");
        let mut process = shell.arg("-c").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(orders), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::Error::other("a shell without pipes"));
        };
        Ok(Self { folder, process, talk: Mutex::new((orders, BufReader::new(answers))) })
    }

    fn order(&self, order: Order) -> io::Result<()> {
        let mut talk = self.talk.lock().expect("no panic under the lock");
        let mut answer = String::new();
        writeln!(talk.0, "{order:?}").and_then(|()| talk.1.read_line(&mut answer))?;
        if answer == "done\n" { Ok(()) } else { Err(io::Error::other("the guard of the broker is gone")) }
    }

    /// The last the broker said.
    fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.join("broker.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(40).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(Guard { mut process, talk, .. }) = self.guard.take() {
            // The guard ends when its input does, and takes the broker and its folder along.
            drop(talk);
            let _ = process.wait();
        }
    }
}

/// A name nobody else has.
pub fn unique(purpose: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{purpose}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Ports that were free a moment ago.
fn free_ports() -> io::Result<[u16; 4]> {
    let held = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0"));
    let mut ports = [0; 4];
    for (port, listener) in ports.iter_mut().zip(held) {
        *port = listener?.local_addr()?.port();
    }
    Ok(ports)
}

/// A dead process is noticed within seconds, its transaction ended and a topic compacted: tests of that need not wait long.
fn properties([controller, plain, sasl, tls]: [u16; 4], folder: &Path) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=CONTROLLER://127.0.0.1:{controller},PLAIN://127.0.0.1:{plain},SASL://127.0.0.1:{sasl},TLS://127.0.0.1:{tls}
advertised.listeners=PLAIN://127.0.0.1:{plain},SASL://127.0.0.1:{sasl},TLS://127.0.0.1:{tls}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
log.dirs={}
log.retention.ms=-1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.cleaner.backoff.ms=500
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
{}",
        folder.join("data").display(),
        access::properties(folder)
    )
}
