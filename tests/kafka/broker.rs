//! One real Apache Kafka for tests and benches: found, started on free ports, waited for, stopped.
//!
//! `DIALWATCH_TEST_KAFKA=host:port` takes a broker that is there. Otherwise the jars come through Maven, once, into a cache
//! outside the tree. The broker dies with the process that started it, however that ends.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};

/// The Apache Kafka that is tested against.
const VERSION: &str = "4.1.1";
/// Any 16 bytes in Base64, as Kafka writes them.
const CLUSTER_ID: &str = "ZGlhbHdhdGNoLXRlc3RzIQ";
/// The longest a broker takes to answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A broker.
pub struct Broker {
    servers: String,
    process: Option<Child>,
}

/// The broker all tests of this process share; `None`, with a word on stderr, if none is to be had. On CI that is a failure.
pub fn shared() -> Option<&'static Broker> {
    static BROKER: OnceLock<Result<Broker, String>> = OnceLock::new();
    match BROKER.get_or_init(|| Broker::start().map_err(|error| error.to_string())) {
        Ok(broker) => Some(broker),
        Err(error) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => panic!("no Kafka on CI: {error}"),
        Err(error) => {
            // Written past the test runner, which keeps back what passing tests print.
            let _ = writeln!(io::stderr(), "skipped: no Kafka to test against: {error}");
            None
        }
    }
}

impl Broker {
    /// Takes the broker that is there, or starts one.
    pub fn start() -> io::Result<Self> {
        if let Ok(servers) = std::env::var("DIALWATCH_TEST_KAFKA") {
            let broker = Self { servers, process: None };
            broker.wait()?;
            return Ok(broker);
        }
        let jars = jars()?;
        let folder = tempfile::Builder::new().prefix("dialwatch-kafka-").tempdir()?.keep();
        let [port, controller_port] = free_ports()?;
        fs::write(folder.join("server.properties"), properties(port, controller_port, &folder))?;
        let mut broker = Self { servers: format!("127.0.0.1:{port}"), process: Some(spawn(&jars, &folder)?) };
        broker.wait().inspect_err(|_| broker.stop())?;
        Ok(broker)
    }

    /// Where clients begin.
    pub fn servers(&self) -> &str {
        &self.servers
    }

    /// Waits until the broker answers.
    fn wait(&self) -> io::Result<()> {
        let client: BaseConsumer = self.config().create().map_err(io::Error::other)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match client.fetch_metadata(None, Duration::from_millis(500)) {
                Ok(metadata) if !metadata.brokers().is_empty() => return Ok(()),
                _ if Instant::now() < deadline => {}
                Ok(_) => return Err(io::Error::other(format!("the broker at {} knows no broker", self.servers))),
                Err(error) => return Err(io::Error::other(format!("no broker answers at {}: {error}", self.servers))),
            }
        }
    }

    /// What a client of this broker begins with.
    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers).set("log_level", "0");
        config
    }

    /// Creates a topic with a name nobody else has, beginning with `purpose`.
    pub fn create_topic(&self, purpose: &str, partitions: i32, settings: &[(&str, &str)]) -> String {
        let name = unique(purpose);
        let admin: AdminClient<DefaultClientContext> = self.config().create().expect("an admin client");
        let mut topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let created = runtime.block_on(admin.create_topics([&topic], &AdminOptions::new())).expect("answered");
        created.into_iter().for_each(|topic| {
            topic.expect("created");
        });
        name
    }

    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // The guard ends when its input does, and takes the broker and its folder along.
            drop(process.stdin.take());
            let _ = process.wait();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A name nobody else has.
pub fn unique(purpose: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{purpose}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Two ports that were free a moment ago.
fn free_ports() -> io::Result<[u16; 2]> {
    let (one, other) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    Ok([one.local_addr()?.port(), other.local_addr()?.port()])
}

fn properties(port: u16, controller_port: u16, folder: &Path) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={}
log.retention.ms=-1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
",
        folder.join("data").display()
    )
}

/// Formats the storage and starts the broker under a guard: a shell that waits for the end of its input, which comes when
/// this process ends, and then ends the broker and removes its folder.
fn spawn(jars: &Path, folder: &Path) -> io::Result<Child> {
    let java = format!("java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '{}/*'", jars.display());
    let script = format!(
        "cd '{folder}' || exit 1
{java} kafka.tools.StorageTool format -t {CLUSTER_ID} -c server.properties >format.log 2>&1 || {{ cat format.log >&2; exit 1; }}
{java} kafka.Kafka server.properties >broker.log 2>&1 </dev/null &
broker=$!
cat >/dev/null
kill -9 $broker
wait $broker 2>/dev/null
cd / && rm -rf '{folder}'",
        folder = folder.display()
    );
    Command::new("sh").arg("-c").arg(script).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()
}

/// The folder with Kafka's jars, fetched through Maven if they are not there yet.
fn jars() -> io::Result<PathBuf> {
    let home = || Path::new(&std::env::var_os("HOME").unwrap_or_else(|| "/tmp".into())).join(".cache");
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("dialwatch/kafka");
    let jars = cache.join(VERSION);
    if jars.is_dir() {
        return Ok(jars);
    }
    fs::create_dir_all(&cache)?;
    let workshop = tempfile::tempdir_in(&cache)?;
    let mut pom = fs::File::create(workshop.path().join("pom.xml"))?;
    write!(
        pom,
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>
<groupId>dialwatch</groupId><artifactId>test-broker</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency>
  <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
</dependency></dependencies></project>"
    )?;
    eprintln!("fetching Apache Kafka {VERSION} through Maven, once");
    let mut maven = Command::new("mvn")
        .args(["-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=jars"])
        .current_dir(workshop.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| io::Error::other(format!("mvn cannot be started: {error}")))?;
    let mut complaints = String::new();
    if let Some(mut stderr) = maven.stderr.take() {
        stderr.read_to_string(&mut complaints)?;
    }
    if !maven.wait()?.success() {
        return Err(io::Error::other(format!("Kafka's jars cannot be fetched: {complaints}")));
    }
    // Whole or not at all; another process may have been faster.
    match fs::rename(workshop.path().join("jars"), &jars) {
        Err(_) if jars.is_dir() => Ok(jars),
        renamed => renamed.map(|()| jars),
    }
}
