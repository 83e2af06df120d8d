//! `dialwatch topics --apply` on a real broker: what is missing is created as it must be, and the service then runs on it.

use std::process::Output;

use crate::NO_IDLE_TICKS;
use crate::broker::{self, unique};
use crate::program::{Program, dialwatch};
use crate::topics::{Position, Topics};

/// Topics that are not there.
fn unmade() -> Topics {
    let [calls, feedback, registry, state, alerts, dead_letters, group] =
        ["calls", "feedback", "registry", "state", "alerts", "dead-letters", "group"].map(unique);
    Topics { calls, feedback, registry, state, alerts, dead_letters, group, partitions: 3 }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_is_missing_is_created_and_what_is_there_is_left() {
    let Some(broker) = broker::shared() else { return };
    let (topics, folder) = (unmade(), tempfile::tempdir().expect("a folder"));
    let config = topics.config(broker, NO_IDLE_TICKS);
    std::fs::write(folder.path().join("dialwatch.yaml"), &config).expect("written");
    let apply = || -> Output {
        let arguments = ["topics", "-c", "dialwatch.yaml", "--partitions", "3", "--replication", "1", "--apply"];
        dialwatch(folder.path()).args(arguments).output().expect("it runs")
    };
    let first = apply();
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert_eq!(text(&first.stderr).matches(": created").count(), 6, "{}", text(&first.stderr));
    let rights = text(&first.stdout);
    assert!(rights.lines().all(|line| line.starts_with("kafka-acls.sh ")) && rights.lines().count() == 8, "{rights}");
    let second = apply();
    assert!(second.status.success(), "{}", text(&second.stderr));
    assert_eq!(text(&second.stderr).matches("was left as it is").count(), 6, "{}", text(&second.stderr));
    // The service looks at every topic when it starts: that each is there, as wide as it must be, the state compacted.
    let mut program = Program::start(&config);
    program.wait_until_ready();
    program.wait_assigned(|assigned| assigned == 3);
    assert!(!program.log().contains("compacted cannot be seen"), "the settings were read");
    program.end();
    assert_eq!(Position::in_calls(broker, &topics).ends().expect("ends").len(), 3);
}
