//! `dialwatch topics`: the topics that the service needs and the rights it must have, as commands; with `--apply` the topics
//! are created.

use std::path::Path;

use super::{ConfigOptions, Failure, print, say};
use crate::config::Environment;
use crate::kafka::Connection;
use crate::kafka::provision::{self, Made};

/// Arguments of `topics`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: ConfigOptions,

    /// Partitions of each topic: as many processes can share the work
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(i32).range(1..))]
    partitions: i32,

    /// Copies of each topic
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..))]
    replication: i32,

    /// Who the service is to the brokers
    #[arg(long, value_name = "PRINCIPAL", default_value = "User:dialwatch")]
    principal: String,

    /// Create the topics that are not there; those that are stay as they are. Rights are said, never granted
    #[arg(long)]
    apply: bool,
}

/// Says or creates them.
pub fn run(args: Args) -> Result<(), Failure> {
    let environment = if args.apply { Environment::Read } else { Environment::Ignore };
    let config = args.config.open(environment)?;
    let kafka = config.kafka();
    if kafka.bootstrap_servers.is_empty() {
        return Err(Failure::Usage("there are no brokers without kafka.bootstrap_servers: pass -c FILE".into()));
    }
    let servers = &kafka.bootstrap_servers;
    let topics = provision::topics(kafka, args.partitions, args.replication);
    let has_watchdog = config.watchdog().every.millis() > 0;
    let mut text = String::new();
    if args.apply {
        let folder = Path::new(config.file_name()).parent().unwrap_or(Path::new(""));
        let connection = Connection::new(kafka, folder).map_err(anyhow::Error::from)?;
        let made = provision::create(&connection, &topics).map_err(anyhow::Error::from)?;
        for (topic, made) in topics.iter().zip(made) {
            let what = if made == Made::Created { "created" } else { "is there, and was left as it is" };
            say(&format!("{}: {what}", topic.name));
        }
    } else {
        topics.iter().for_each(|topic| text += &(topic.command(servers) + "\n"));
    }
    for right in provision::rights(kafka, has_watchdog) {
        text += &(right.command(servers, &args.principal) + "\n");
    }
    print(text.as_bytes())
}
