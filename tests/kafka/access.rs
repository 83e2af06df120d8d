//! Who may do what at a test broker: users with passwords, what each is allowed, and TLS.
//!
//! Clients that need not say who they are may do everything, so that only tests of access notice any of this.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use crate::broker::Broker;

/// The user whose rights are tested: none, until they are given.
pub const USER: &str = "dialwatch";
/// Its password.
pub const PASSWORD: &str = "the right one";
/// The certificate to trust, in the folder of the broker.
pub const CERTIFICATE: &str = "certificate.pem";
/// Of a key that lives for one test run.
const STORE_PASSWORD: &str = "changeit";

/// Makes a key and its certificate; the JDK brings the tool.
pub fn certificate_commands() -> String {
    format!(
        "keytool -genkeypair -keyalg EC -alias broker -dname CN=localhost -ext SAN=dns:localhost,ip:127.0.0.1 -storetype PKCS12 \
         -keystore store.p12 -storepass {STORE_PASSWORD} && \
         keytool -exportcert -rfc -alias broker -keystore store.p12 -storepass {STORE_PASSWORD} -file {CERTIFICATE}"
    )
}

/// What a broker is told about it.
pub fn properties(folder: &Path) -> String {
    format!(
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
listener.name.sasl.sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
         user_{USER}=\"{PASSWORD}\";
listener.name.tls.ssl.keystore.type=PKCS12
listener.name.tls.ssl.keystore.location={}
listener.name.tls.ssl.keystore.password={STORE_PASSWORD}
",
        folder.join("store.p12").display()
    )
}

/// A thing that rights are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'n> {
    /// A topic.
    Topic(&'n str),
    /// A consumer group.
    Group(&'n str),
    /// A transactional id.
    TransactionalId(&'n str),
}

/// What may be done to it. Reading and writing imply that it may be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read = 3,
    Write = 4,
    Describe = 8,
    DescribeConfigs = 10,
}

/// A right.
pub type Right<'n> = (Resource<'n>, Operation);

/// Gives [`USER`] rights, in Kafka's own protocol: the client library is not made to.
pub fn allow(broker: &Broker, rights: &[Right<'_>]) {
    const CREATE_ACLS: (i16, i16) = (30, 1);
    const LITERAL: u8 = 3;
    const ALLOW: u8 = 3;
    let mut request = Vec::new();
    request.extend(CREATE_ACLS.0.to_be_bytes());
    request.extend(CREATE_ACLS.1.to_be_bytes());
    request.extend(1_i32.to_be_bytes());
    text("tests", &mut request);
    request.extend((rights.len() as i32).to_be_bytes());
    for (resource, operation) in rights {
        let (kind, name) = match resource {
            Resource::Topic(name) => (2, name),
            Resource::Group(name) => (3, name),
            Resource::TransactionalId(name) => (5, name),
        };
        request.push(kind);
        text(name, &mut request);
        request.push(LITERAL);
        text(&format!("User:{USER}"), &mut request);
        text("*", &mut request);
        request.extend([*operation as u8, ALLOW]);
    }
    let answer = ask(broker.servers(), &request);
    // Correlation, throttle time and the number of results come first, then a code and an empty message for each.
    assert_eq!(answer.len(), 12 + rights.len() * 4, "{}", String::from_utf8_lossy(&answer));
    assert!(answer[12..].chunks(4).all(|result| result[..2] == [0, 0]), "{answer:?}");
}

fn text(text: &str, out: &mut Vec<u8>) {
    out.extend((text.len() as i16).to_be_bytes());
    out.extend(text.as_bytes());
}

fn ask(server: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server).expect("a broker");
    stream.write_all(&(request.len() as i32).to_be_bytes()).expect("sent");
    stream.write_all(request).expect("sent");
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("answered");
    let mut answer = vec![0; i32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).expect("answered");
    answer
}
