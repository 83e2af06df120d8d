//! What asks HTTP servers and posts JSON to them, and what an answer to that means. Follows no redirect: what it is trusted with
//! goes to the address it was given and nowhere else.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

/// The longest part of an answer that is quoted.
const QUOTED_BYTES: u64 = 300;
/// How long to wait at most because a server says so.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// A client.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    authorization: Option<String>,
}

impl Client {
    /// A client that waits so long for an answer. `authorization` is a file with the value of that header, `ca` one with the
    /// certificates to trust instead of the system's, as PEM.
    ///
    /// # Errors
    /// A file cannot be read or holds something else.
    pub fn new(timeout: Duration, authorization: Option<&Path>, ca: Option<&Path>) -> Result<Self, String> {
        let roots = match ca {
            Some(file) => RootCerts::from(certificates(file)?),
            None => RootCerts::PlatformVerifier,
        };
        let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(roots).build();
        let agent = Agent::config_builder()
            .timeout_global(Some(timeout))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .proxy(None)
            .user_agent(concat!("dialwatch/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build()
            .into();
        let authorization = authorization.map(secret).transpose()?;
        Ok(Self { agent, authorization })
    }

    /// The same, with a token that it presents.
    pub fn bearing(self, token: &str) -> Self {
        Self { authorization: Some(format!("Bearer {token}")), ..self }
    }

    /// Asks for JSON: the status, and a body of at most so many bytes.
    ///
    /// # Errors
    /// Nobody answers, or not in HTTP.
    pub fn get(&self, url: &str, bytes_max: u64) -> Result<(u16, String), ureq::Error> {
        let mut request = self.agent.get(url).header("accept", "application/json");
        if let Some(value) = &self.authorization {
            request = request.header("authorization", value);
        }
        let mut response = request.call()?;
        let body = response.body_mut().with_config().limit(bytes_max).read_to_string()?;
        Ok((response.status().as_u16(), body))
    }

    /// Posts a body of JSON with these headers besides the usual ones.
    pub fn post(&self, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = self.agent.post(url).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(value) = &self.authorization {
            request = request.header("authorization", value);
        }
        match request.send(body) {
            Ok(mut response) => {
                let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                let status = response.status().as_u16();
                let said = response.body_mut().with_config().limit(QUOTED_BYTES).read_to_string().unwrap_or_default();
                Answer::of(status, after, &said)
            }
            Err(error) => Answer::Later(None, error.to_string()),
        }
    }
}

/// What an answer means for what was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was taken.
    Taken,
    /// It was not, and that may change; perhaps the server says when.
    Later(Option<Duration>, String),
    /// It was not, for what it is: it will never be.
    Never(String),
}

impl Answer {
    /// By the status, the seconds of `Retry-After` and what else was said. Only statuses about the body itself mean that it is
    /// useless to try again: what is forbidden or not found today may be a wrong password or address.
    fn of(status: u16, retry_after_s: Option<u64>, said: &str) -> Self {
        let why = || {
            let said: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            format!("status {status}: {}", said.trim())
        };
        match status {
            200..=299 => Self::Taken,
            400 | 413 | 422 => Self::Never(why()),
            _ => Self::Later(retry_after_s.map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_MAX)), why()),
        }
    }
}

/// A secret out of a file, without the end of its line.
///
/// # Errors
/// It cannot be read, or is empty or no text.
pub fn secret(file: &Path) -> Result<String, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let secret = text.trim();
    let is_fit = !secret.is_empty() && secret.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    if is_fit { Ok(secret.to_owned()) } else { Err(format!("{}: holds no line of visible characters", file.display())) }
}

/// A path of the configuration: a relative one starts at the folder of the file.
pub fn within(folder: &Path, file: Option<&PathBuf>) -> Option<PathBuf> {
    file.map(|file| folder.join(file))
}

fn certificates(file: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let pem = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let items = ureq::tls::parse_pem(&pem).filter_map(|item| match item {
        Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = items.collect();
    if certificates.is_empty() { Err(format!("{}: holds no certificate", file.display())) } else { Ok(certificates) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wrong_with_the_body_is_not_tried_again() {
        for status in [200, 202, 204] {
            assert_eq!(Answer::of(status, None, ""), Answer::Taken);
        }
        for status in [301, 302, 401, 403, 404, 408, 429, 500, 502, 503] {
            assert!(matches!(Answer::of(status, None, ""), Answer::Later(None, _)), "{status}");
        }
        for status in [400, 413, 422] {
            assert!(matches!(Answer::of(status, Some(1), "a\u{1b}[31m\nlabel"), Answer::Never(why) if !why.contains('\u{1b}')));
        }
        let hour = Answer::of(503, Some(3_600), "");
        assert!(matches!(hour, Answer::Later(Some(after), _) if after == RETRY_AFTER_MAX), "{hour:?}");
    }
}
