//! What a configuration means, and everything that is said of one that is wrong.

use super::*;

fn problems(text: &str) -> Vec<(String, usize, usize)> {
    let problems = Config::parse(text, "test.yaml").expect_err("it is wrong");
    problems
        .list()
        .iter()
        .map(|problem| {
            let place = problem.place.expect("everything stands somewhere");
            (format!("{}: {}", problem.path, problem.message), place.line, place.column)
        })
        .collect()
}

#[test]
fn an_empty_file_is_the_built_in_configuration() {
    for text in ["", "# nothing\n", "rules:\npolicy:\n  # timezone: UTC\nsinks:\n"] {
        let config = Config::parse(text, "test.yaml").expect("valid");
        assert_eq!(config.policy().version, Config::parse("", "").expect("valid").policy().version, "{text}");
        assert_eq!(config.policy().lateness_ms, 300_000);
    }
}

#[test]
fn everything_wrong_is_said_at_once() {
    let text = "\
lateness: soon
polcy: {}
policy:
  timezone: Asia/Shangri-La
  home_country: +86
  pack: nobody-2020
  channels_per_number: 0
rules:
  blind_dialing:
    mode: maybe
  callee_frequency:
    calls_in_5_minutes_max: many
    calls_in_24_hours_max: -1
    calls_in_24_hours_max: 5
bounds:
  apps: 0
";
    let found = problems(text);
    let places: Vec<(usize, usize)> = found.iter().map(|(_, line, column)| (*line, *column)).collect();
    assert_eq!(
        places,
        [(1, 11), (2, 1), (4, 13), (5, 17), (6, 9), (7, 24), (10, 11), (12, 29), (13, 28), (14, 5), (16, 9)],
        "{found:#?}"
    );
}

#[test]
fn flags_stand_above_the_file() {
    let overrides = Overrides { lateness: Some(Duration::minutes(1)), ..Overrides::default() };
    let config = Config::build("lateness: 7m", "test.yaml", &overrides, Environment::Ignore).expect("valid");
    assert_eq!(config.policy().lateness_ms, 60_000);
    let overrides = Overrides { lateness: Some(Duration::minutes(9_999)), ..Overrides::default() };
    assert!(Config::build("", "test.yaml", &overrides, Environment::Ignore).is_err());
}

#[test]
fn the_version_follows_the_judgement_not_the_writing() {
    let version = |text| Config::parse(text, "test.yaml").expect("valid").policy().version;
    assert_eq!(version("lateness: 5m"), version("lateness: 300s # the same\nprivacy: {reveal_numbers: true}"));
    assert_ne!(version("lateness: 5m"), version("lateness: 6m"));
    assert_ne!(version(""), version("rules: {callee_frequency: {calls_in_24_hours_max: 4}}"));
    assert_ne!(version(""), version("rules: {callee_frequency: {mode: shadow}}"));
}

#[test]
fn values_are_read_as_people_mean_them() {
    let text = "policy: {home_country: 44}\nrules:\n  blind_dialing: {mode: off}\n  callee_frequency: {mode: on}\n\
                metrics: {apps: off}\n";
    let config = Config::parse(text, "test.yaml").expect("valid");
    assert_eq!(config.metrics().apps, super::metrics::AppLabels::Off);
    let policy = config.policy();
    assert_eq!(policy.home_country, "44");
    assert_eq!(policy.rules.blind_dialing.mode, crate::engine::detector::Mode::Off);
}

#[test]
fn odd_documents_have_one_clear_problem() {
    for (text, place) in [
        ("a: [1,2\nb: 3\n", (2, 2)),
        ("- 1\n- 2\n", (1, 1)),
        ("just text", (1, 1)),
        ("---\nlateness: 1m\n---\nlateness: 2m\n", (4, 1)),
        ("lateness: *nowhere\n", (1, 11)),
        ("sinks: {}\n", (1, 8)),
        ("sinks: [smoke]\n", (1, 9)),
        ("sinks:\n  - jsonl: {path: [1]}\n", (2, 19)),
        ("sinks:\n  - {jsonl: {}, other: {}}\n", (2, 5)),
        ("rules: [blind_dialing]\n", (1, 8)),
        ("lateness:\n", (1, 9)),
    ] {
        let found = problems(text);
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert_eq!((found[0].1, found[0].2), place, "{text}: {found:#?}");
    }
}

#[test]
fn problems_never_crash_it() {
    // Every prefix of a file, and every single character taken out.
    let text = include_str!("../../deploy/dialwatch.yaml");
    for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
        let _ = Config::parse(&text[..at], "test.yaml");
        let rest = text[at..].chars().next().map_or("", |c| &text[at + c.len_utf8()..]);
        let _ = Config::parse(&format!("{}{rest}", &text[..at]), "test.yaml");
    }
}

#[test]
fn the_key_file_makes_the_pseudonyms() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("dialwatch.yaml");
    let number = crate::engine::number::Number::token("somebody");
    let pseudonym = |text: &str| {
        std::fs::write(&file, text).expect("written");
        let config = Config::open(Some(&file), &Overrides::default(), Environment::Read);
        config.map(|config| config.policy().pseudonyms.of("app", number))
    };
    std::fs::write(folder.path().join("key"), "a secret of many bytes\n").expect("written");
    std::fs::write(folder.path().join("short"), "secret").expect("written");
    let public = pseudonym("").expect("valid");
    let keyed = pseudonym("privacy: {pseudonym_key_file: key}").expect("valid");
    assert_ne!(public, keyed);
    let short = pseudonym("privacy: {pseudonym_key_file: short}").expect_err("too short");
    assert!(short.list()[0].message.ends_with("holds 6 bytes: a secret needs at least 16"), "{short}");
    assert!(pseudonym("privacy: {pseudonym_key_file: nowhere}").is_err());
}

#[test]
fn a_token_must_fit_into_a_header() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("dialwatch.yaml");
    std::fs::write(&file, "http: {token_file: token}").expect("written");
    let open = |token: &str| {
        std::fs::write(folder.path().join("token"), token).expect("written");
        Config::open(Some(&file), &Overrides::default(), Environment::Read)
    };
    let config = open("sixteen-or-more-visible\r\n").expect("valid");
    assert!(config.token().expect("a token").is(b"sixteen-or-more-visible"));
    for (token, reason) in [("short", "holds 5 bytes"), ("sixteen bytes but blanks", "no header can carry")] {
        let problems = open(token).expect_err("no token");
        assert!(problems.list()[0].message.contains(reason), "{problems}");
        assert_eq!(problems.list()[0].path, "http.token_file");
    }
    assert!(Config::parse("http: {token_file: token}", "").expect("not looked at").token().is_none());
}

#[test]
fn the_example_says_all_there_is_and_changes_nothing() {
    let example = example::example();
    let config = Config::parse(&example, "example.yaml").expect("valid");
    assert_eq!(config.raw, RawConfig::default());
    for (at, line) in example.lines().enumerate().filter(|(_, line)| line.ends_with(':') && !line.contains('#')) {
        let above = example.lines().nth(at.wrapping_sub(1)).unwrap_or_default();
        assert!(above.trim_start().starts_with('#'), "line {}: {line} has no comment", at + 1);
    }
    for rule in crate::engine::detector::RuleName::ALL {
        assert!(example.contains(&format!("  {}:\n", rule.as_str())), "{example}");
    }
    assert!(
        example == include_str!("../../deploy/dialwatch.yaml"),
        "run: dialwatch schema config --example >deploy/dialwatch.yaml"
    );
}

#[test]
fn exceptions_are_read_and_checked() {
    let text =
        "exceptions:\n  - {app_id: 1400000001, rule: rest_time, reason: a hotline, until: 2026-12-31T00:00:00+08:00, by: Lin}\n";
    let config = Config::parse(text, "test.yaml").expect("valid");
    let policy = config.policy();
    let [exception] = policy.exceptions.as_slice() else { panic!("{:?}", policy.exceptions) };
    assert_eq!((&*exception.app_id, exception.rule.as_str(), &*exception.reason), ("1400000001", "rest_time", "a hotline"));
    assert_eq!((exception.until.to_string().as_str(), exception.by.as_deref()), ("2026-12-30T16:00:00Z", Some("Lin")));
    assert_ne!(policy.version, Config::parse("", "").expect("valid").policy().version, "it changes judgements");
    let later = Config::parse(&text.replace("2026-12-31", "2027-12-31"), "").expect("valid");
    assert_eq!(config.taking(later).1.changed, ["exceptions"]);
}

#[test]
fn an_exception_that_is_over_is_a_warning() {
    let of = |year| format!("exceptions: [{{app_id: a, rule: rest_time, reason: r, until: '{year}-01-01T00:00:00Z'}}]");
    let warnings = |year| Config::parse(&of(year), "").expect("valid").warnings().join("\n");
    assert!(warnings(2001).contains("exceptions: that of rest_time for the app a ended at 2001-01-01T00:00:00Z"));
    assert!(!warnings(2099).contains("exceptions"));
}

#[test]
fn a_watchdog_leaves_partitions_time_to_be_idle() {
    let wrong = |text: &str| Config::parse(text, "").err().map(|problems| problems.to_string()).unwrap_or_default();
    assert_eq!(wrong("watchdog: {every: 1m}"), "");
    assert_eq!(wrong("watchdog: {every: 1s}\nkafka: {bootstrap_servers: 'b:1', idle_timeout: '0'}"), "");
    assert!(wrong("watchdog: {every: 30s}").contains("30s is not longer than kafka.idle_timeout of 30s"));
    assert!(wrong("watchdog: {every: 2m}").contains("2m is not between 1s and 1m, nor 0"));
}

#[test]
fn what_is_wrong_with_a_sink_is_said_with_its_place() {
    let text = "sinks:\n- jsonl: {path: a}\n- alertmanager:\n    urls: [nowhere]\n";
    let problems = Config::parse(text, "c.yaml").expect_err("wrong").to_string();
    assert!(problems.contains("sinks.1.alertmanager.urls.0"), "{problems}");
    assert!(problems.contains("c.yaml:4:12"), "{problems}");
}
