//! `dialwatch explain`: one alert in words, from the service or from a file of alerts: the numbers, the limits, the calls and
//! where they lie. Changes nothing, and says what the page says.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Failure, print};
use crate::client::{Client, secret};
use crate::engine::alert::Alert;
use crate::engine::alert::ledger::Entry;
use crate::engine::time::Timestamp;
use crate::explain::{Words, counted, entered, item};
use crate::mutes::Remark;

/// How long the service may take to answer.
const PATIENCE: Duration = Duration::from_secs(35);
/// The longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// Entries of the app's ledger that are told.
const ENTRIES_TOLD: usize = 10;

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The alert, by its whole id
    #[arg(value_name = "ALERT_ID", value_parser = alert_id)]
    alert_id: String,

    /// Where the service is
    #[arg(long, value_name = "URL", env = "DIALWATCH_URL", default_value = "http://127.0.0.1:9664", value_parser = url)]
    url: String,

    /// A file with the service's token, if it asks for one
    #[arg(long, value_name = "FILE", env = "DIALWATCH_TOKEN_FILE")]
    token_file: Option<PathBuf>,

    /// A file of alerts as JSON lines instead of the service; - is stdin
    #[arg(long, value_name = "FILE", conflicts_with = "token_file")]
    alerts: Option<PathBuf>,
}

fn alert_id(text: &str) -> Result<String, String> {
    let is_one = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if is_one { Ok(text.to_owned()) } else { Err("an alert's id has letters and digits alone".into()) }
}

fn url(text: &str) -> Result<String, String> {
    let host =
        text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).ok_or("it must begin with http:// or https://")?;
    if host.is_empty() || host.starts_with('/') || !host.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it names no host".into());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// An open alert as the service shows it.
#[derive(Deserialize)]
struct Shown {
    #[serde(flatten)]
    alert: Alert,
    muted_until: Option<Timestamp>,
    acknowledged: Option<Remark>,
}

/// The newest entries of a ledger.
#[derive(Deserialize)]
struct Ledger {
    strikes: u64,
    entries: Vec<Entry>,
}

/// Explains.
pub fn run(args: Args) -> Result<(), Failure> {
    let text = match &args.alerts {
        Some(path) => told(&last_in(path, &args.alert_id)?),
        None => from_service(&args)?,
    };
    print(text.as_bytes())
}

fn told(alert: &Alert) -> String {
    format!(
        "{}: {} by app {} (alert {})\n{}",
        alert.severity,
        alert.rule.as_str(),
        alert.app_id,
        alert.alert_id,
        Words::of(alert).text(usize::MAX)
    )
}

/// The last message about an alert in a file.
fn last_in(path: &Path, alert_id: &str) -> Result<Alert, anyhow::Error> {
    let name = if path == Path::new("-") { "(stdin)".to_owned() } else { path.display().to_string() };
    let read = || -> io::Result<Box<dyn BufRead>> {
        if path == Path::new("-") {
            return Ok(Box::new(BufReader::new(io::stdin())));
        }
        Ok(Box::new(BufReader::new(File::open(path)?)))
    };
    let lines = read().with_context(|| format!("{name}: cannot be read"))?.lines();
    let mut last = None;
    for (at, line) in lines.enumerate() {
        let line = line.with_context(|| format!("{name}: cannot be read"))?;
        // Other lines may be anything: they are not asked for.
        if !line.contains(alert_id) {
            continue;
        }
        let alert: Alert = serde_json::from_str(&line).with_context(|| format!("{name}:{}: it is no alert", at + 1))?;
        if alert.alert_id == alert_id {
            last = Some(alert);
        }
    }
    last.ok_or_else(|| anyhow!("{name}: no alert {alert_id} is in it"))
}

fn from_service(args: &Args) -> Result<String, anyhow::Error> {
    let client = Client::new(PATIENCE, None, None).map_err(anyhow::Error::msg)?;
    let client = match &args.token_file {
        Some(path) => client.bearing(&secret(path).map_err(anyhow::Error::msg)?),
        None => client,
    };
    let service = Service { url: &args.url, client };
    let Shown { alert, muted_until, acknowledged } = service.get(&format!("/api/v1/alerts/{}", args.alert_id))?;
    let mut text = told(&alert);
    if let Some(Remark { by, reason, until, .. }) = acknowledged {
        text += &format!("Known to {by} until {until}: {reason}\n");
    }
    if let Some(until) = muted_until {
        text += &format!("Muted until {until}.\n");
    }
    let app_id: String = alert.app_id.bytes().map(encoded).collect();
    let ledger: Ledger = service.get(&format!("/api/v1/apps/{app_id}/ledger?limit={ENTRIES_TOLD}"))?;
    text += &format!("Ledger of the app: {}.\n", counted(ledger.strikes, "strike"));
    ledger.entries.iter().for_each(|entry| item(&mut text, &entered(entry)));
    Ok(text)
}

fn encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

struct Service<'a> {
    url: &'a str,
    client: Client,
}

/// Why the service does not answer.
#[derive(Deserialize)]
struct Refused {
    error: String,
}

impl Service<'_> {
    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, anyhow::Error> {
        let url = self.url;
        let asked = self.client.get(&format!("{url}{path}"), ANSWER_BYTES_MAX);
        let (status, body) = asked.with_context(|| format!("{url} does not answer"))?;
        if status == 200 {
            return serde_json::from_str(&body).with_context(|| format!("{url}{path} is not what it should be"));
        }
        let reason = serde_json::from_str::<Refused>(&body).map_or_else(|_| format!("status {status}"), |refused| refused.error);
        bail!("{url}: {reason}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::alert::tests::example;
    use crate::http::{Access, Server};
    use crate::service::View;
    use crate::status::AppStatus;

    #[test]
    fn a_url_names_a_scheme_and_a_host() {
        assert_eq!(url("http://127.0.0.1:9664"), Ok("http://127.0.0.1:9664".into()));
        assert_eq!(url("https://watch.example/dw/"), Ok("https://watch.example/dw".into()));
        assert!(url("ftp://watch.example").is_err_and(|error| error.contains("https://")));
        assert!(url("http:///x").is_err() && url("http://a b").is_err() && url("https://").is_err());
    }

    #[test]
    fn the_last_message_of_a_file_is_explained() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("alerts.jsonl");
        let first = Alert { summary: "The first.".into(), ..example("app") };
        let last = Alert { summary: "The last.".into(), ..example("app") };
        let other = Alert { alert_id: "another".into(), ..example("app") };
        let lines: Vec<String> =
            [&first, &last, &other].iter().map(|alert| serde_json::to_string(alert).expect("JSON")).collect();
        std::fs::write(&path, format!("not JSON\n\n{}\n", lines.join("\n"))).expect("written");
        let found = last_in(&path, &first.alert_id).expect("found");
        assert_eq!(found.summary, "The last.");
        assert!(told(&found).starts_with("violation: blind_dialing by app app (alert "), "{}", told(&found));
        assert!(last_in(&path, "nothing").expect_err("not there").to_string().contains("no alert nothing is in it"));
        std::fs::write(&path, "{\"alert_id\":\"broken\"}\n").expect("written");
        assert!(last_in(&path, "broken").expect_err("no alert").to_string().contains("alerts.jsonl:1: it is no alert"));
    }

    #[test]
    fn the_service_explains_what_is_open() {
        let view = View::new().expect("valid metrics");
        let open = Alert { summary: "It dials.".into(), ..example("app/1 %") };
        view.board.put(AppStatus { open_alerts: vec![open.clone()], ..crate::status::tests::example("app/1 %") });
        let token = crate::config::http::Token::new(b"a-token-of-many-bytes");
        let server = Server::start_with("127.0.0.1:0", view, Access::new(token), None).expect("a free port");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        std::fs::write(&file, "a-token-of-many-bytes\n").expect("written");
        let args = |alert_id: &str, token_file: Option<PathBuf>| Args {
            alert_id: alert_id.into(),
            url: format!("http://{}", server.address()),
            token_file,
            alerts: None,
        };
        let text = from_service(&args(&open.alert_id, Some(file.clone()))).expect("explained");
        assert!(text.contains("by app app/1 % (alert ") && text.contains("It dials.\n"), "{text}");
        assert!(text.ends_with("Ledger of the app: 0 strikes.\n"), "{text}");
        let refused = |args: Args| from_service(&args).expect_err("refused").to_string();
        assert!(refused(args("nothing", Some(file))).contains("knows no such open alert"));
        assert!(refused(args(&open.alert_id, None)).contains("Authorization: Bearer TOKEN"));
    }
}
