//! `dialwatch simulate`: labelled traffic on disk, or in Kafka as a platform would put it there.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::platform::Platform;
use super::replay::formats;
use super::{ConfigOptions, Failure, say};
use crate::config::kafka::{RawKafka, RawTopics};
use crate::config::{Duration, Environment};
use crate::engine::decode::Format;
use crate::engine::time::Timestamp;
use crate::simulate::{Families, Flaws, Summary, WireFormat, World, send, write_files};

/// How long a broker is waited for unless a configuration says otherwise.
const PATIENCE: Duration = Duration::from_millis(10_000);

/// Arguments of `simulate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Everything follows from it: the same seed gives the same traffic
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// When the world begins, such as 2026-03-02T00:00:00Z
    #[arg(long, value_name = "TIME", default_value_t = World::START, value_parser = moment)]
    start: Timestamp,

    /// How many days the world lasts
    #[arg(long, value_name = "D", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,

    /// How many apps it has
    #[arg(long, value_name = "T", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tenants: u32,

    /// Which families of apps: `usual` those of the demo, `tuning` all that limits may be tuned on, `held_out` those that nobody
    /// tunes on, or `all`
    #[arg(long, value_name = "WHICH", default_value = "usual", value_parser = choices())]
    families: Families,

    /// The share of clean apps among those that are drawn; the first apps go through all families once
    #[arg(long, value_name = "SHARE", default_value_t = 0.8, value_parser = share)]
    clean_share: f64,

    /// No abuse begins, and nothing out of the ordinary happens, within the first so many days
    #[arg(long, value_name = "D", default_value_t = 0)]
    quiet_days: u32,

    /// Whether records lack fields now and then and clocks are off: `none`, or `modest`; without it only with families held out
    #[arg(long, value_name = "HOW", value_parser = flaws())]
    flaws: Option<Flaws>,

    /// The folder for calls.jsonl, feedback.jsonl, registry.jsonl and labels.json
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The format of the calls; without it `tccc`, or what the configuration says of Kafka
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    format: Option<Format>,

    #[command(flatten)]
    kafka: KafkaArgs,
}

/// Where in Kafka, if there.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Kafka")]
struct KafkaArgs {
    /// Write calls, feedback and registrations to Kafka, keyed by app id; only labels.json is written to the folder
    #[arg(long)]
    to_kafka: bool,

    /// A configuration file: brokers, topics, format and properties are those of its `kafka` section
    #[arg(short, long, value_name = "FILE", env = "DIALWATCH_CONFIG")]
    config: Option<PathBuf>,

    /// The brokers, as host:port, separated by commas
    #[arg(long, value_name = "HOST:PORT", requires = "to_kafka")]
    brokers: Option<String>,

    /// The topic of the calls [default: calls]
    #[arg(long, value_name = "TOPIC", requires = "to_kafka")]
    calls_topic: Option<String>,

    /// The topic of the feedback, with as many partitions as the calls [default: feedback]
    #[arg(long, value_name = "TOPIC", requires = "to_kafka")]
    feedback_topic: Option<String>,

    /// The topic of the registry [default: registry]
    #[arg(long, value_name = "TOPIC", requires = "to_kafka")]
    registry_topic: Option<String>,
}

fn choices() -> impl TypedValueParser<Value = Families> {
    PossibleValuesParser::new(Families::ALL.map(Families::as_str))
        .try_map(|name| Families::ALL.into_iter().find(|which| which.as_str() == name).ok_or("no such families"))
}

fn flaws() -> impl TypedValueParser<Value = Flaws> {
    PossibleValuesParser::new(["none", "modest"]).map(|name| if name == "none" { Flaws::NONE } else { Flaws::MODEST })
}

fn moment(text: &str) -> Result<Timestamp, String> {
    serde_json::from_value(text.into()).map_err(|_| "it is no RFC 3339 time such as 2026-03-02T00:00:00Z".into())
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "it is no number")?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("it must lie between 0 and 1".into()) }
}

/// Makes the traffic.
pub fn run(args: Args) -> Result<(), Failure> {
    let world = args.world();
    let summary = if args.kafka.to_kafka {
        args.send(&world)?
    } else {
        write_files(&world, wire(args.format.unwrap_or(Format::Tccc)), &args.out)
            .with_context(|| format!("{}: the traffic cannot be written", args.out.display()))?
    };
    say(&format!(
        "{}: {} calls of {} apps, {} feedback, {} registrations, {} labels",
        args.out.display(),
        summary.calls,
        args.tenants,
        summary.feedback,
        summary.registrations,
        summary.labels
    ));
    Ok(())
}

const fn wire(format: Format) -> WireFormat {
    match format {
        Format::Tccc => WireFormat::Tccc,
        Format::Dialwatch => WireFormat::Dialwatch,
    }
}

impl Args {
    fn world(&self) -> World {
        let mut world = World::new(self.seed, self.days, self.tenants);
        world.start = self.start;
        world.options.families = self.families;
        world.options.clean_share = self.clean_share;
        world.options.quiet_days = self.quiet_days;
        world.options.flaws = self.flaws;
        world
    }

    fn send(&self, world: &World) -> Result<Summary, Failure> {
        let (kafka, folder) = self.kafka.settings()?;
        let format = wire(self.format.unwrap_or(kafka.format()));
        let mut platform = Platform::open(&kafka, &folder, format, None).map_err(anyhow::Error::from)?;
        platform.meet(&kafka).map_err(anyhow::Error::from)?;
        let summary = send(world, &mut platform, &self.out)?;
        platform.flush().map_err(anyhow::Error::from)?;
        say(&format!("{}: {} records written, keyed by app id", kafka.bootstrap_servers, platform.records()));
        Ok(summary)
    }
}

impl KafkaArgs {
    /// The `kafka` section with what the flags say above it, and the folder its relative paths start at.
    fn settings(&self) -> Result<(RawKafka, PathBuf), Failure> {
        let mut kafka = self.section()?;
        if let Some(brokers) = &self.brokers {
            kafka.bootstrap_servers.clone_from(brokers);
        }
        if let Some(topic) = &self.calls_topic {
            kafka.topics.calls.clone_from(topic);
        }
        kafka.topics.feedback = self.feedback_topic.clone().or(kafka.topics.feedback);
        kafka.topics.registry = self.registry_topic.clone().or(kafka.topics.registry);
        if kafka.bootstrap_servers.is_empty() {
            let reason = "--to-kafka needs brokers: pass --brokers HOST:PORT, or -c FILE with kafka.bootstrap_servers";
            return Err(Failure::Usage(reason.into()));
        }
        for (topic, what) in [(&kafka.topics.feedback, "feedback"), (&kafka.topics.registry, "registry")] {
            if topic.is_none() {
                say(&format!("warning: kafka.topics.{what} is not set: none is written"));
            }
        }
        let folder = self.config.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        Ok((kafka, folder.to_owned()))
    }

    fn section(&self) -> Result<RawKafka, Failure> {
        let Some(file) = &self.config else {
            let topics =
                RawTopics { feedback: Some("feedback".into()), registry: Some("registry".into()), ..RawTopics::default() };
            return Ok(RawKafka { topics, connect_timeout: PATIENCE, ..RawKafka::default() });
        };
        let options = ConfigOptions { config: Some(file.clone()), lateness: None, pseudonym_key_file: None };
        Ok(options.open(Environment::Ignore)?.kafka().clone())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parse(more: &[&str]) -> Result<Args, clap::Error> {
        Line::try_parse_from(["simulate", "--out", "world"].iter().chain(more)).map(|line| line.args)
    }

    #[test]
    fn flags_make_the_world() {
        let usual = parse(&[]).expect("parsed").world();
        assert_eq!((usual.seed, usual.days, usual.tenants, usual.start), (1, 1, 40, World::START));
        assert_eq!((usual.options.families, usual.options.quiet_days, usual.options.flaws), (Families::Usual, 0, None));
        let flags = [
            "--seed=7",
            "--start=2026-06-01T00:00:00Z",
            "--days=28",
            "--tenants=60",
            "--families=held_out",
            "--clean-share=0.5",
            "--quiet-days=14",
            "--flaws=none",
        ];
        let world = parse(&flags).expect("parsed").world();
        assert_eq!((world.seed, world.start.to_string()), (7, "2026-06-01T00:00:00Z".to_owned()));
        assert_eq!((world.options.families, world.options.quiet_days), (Families::HeldOut, 14));
        assert_eq!((world.options.clean_share, world.options.flaws), (0.5, Some(Flaws::NONE)));
        for wrong in ["--start=monday", "--families=mine", "--clean-share=2", "--flaws=many", "--brokers=localhost:9092"] {
            assert!(parse(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn flags_stand_above_the_configuration() {
        let kafka = |more: &[&str]| parse(&[&["--to-kafka"], more].concat()).expect("parsed").kafka.settings();
        assert!(matches!(kafka(&[]), Err(Failure::Usage(reason)) if reason.contains("--brokers")));
        let (plain, _) = kafka(&["--brokers", "one:9092", "--calls-topic", "cdr"]).expect("settings");
        let topics =
            |kafka: &RawKafka| (kafka.topics.calls.clone(), kafka.topics.feedback.clone(), kafka.topics.registry.clone());
        assert_eq!(plain.bootstrap_servers, "one:9092");
        assert_eq!(topics(&plain), ("cdr".into(), Some("feedback".into()), Some("registry".into())));

        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("dialwatch.yaml");
        let text =
            "kafka:\n  bootstrap_servers: two:9092\n  format: dialwatch\n  topics:\n    calls: calls-2\n    registry: filed\n";
        std::fs::write(&file, text).expect("written");
        let file = file.to_string_lossy().into_owned();
        let (of_file, from) = kafka(&["-c", &file]).expect("settings");
        assert_eq!((of_file.bootstrap_servers.as_str(), of_file.format()), ("two:9092", Format::Dialwatch));
        assert_eq!((topics(&of_file), from.as_path()), (("calls-2".into(), None, Some("filed".into())), folder.path()));
        let (above, _) = kafka(&["-c", &file, "--brokers", "three:9092", "--feedback-topic", "said"]).expect("settings");
        assert_eq!((above.bootstrap_servers.as_str(), above.topics.feedback.as_deref()), ("three:9092", Some("said")));
    }
}
