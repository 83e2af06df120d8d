//! Apache Kafka's jars: fetched through Maven, once, into a cache outside the tree.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The Apache Kafka that is tested against.
const VERSION: &str = "4.1.1";

/// Where they are; fetched through Maven if they are not there yet.
pub fn folder() -> io::Result<PathBuf> {
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
