//! The `http` section: where metrics, probes, the API and the page are served, and to whom.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `http` section as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawHttp {
    /// Where to listen, as `host:port`; port 0 takes any free one; empty serves nothing.
    pub listen: String,
    /// Where people reach it, such as `https://dialwatch.example.net`: links in alerts begin with it. Empty leaves them out.
    pub external_url: String,
    /// A file with a secret of at least 16 visible characters that everything but metrics and probes is asked with, as
    /// `Authorization: Bearer`. A relative path starts at the folder of the configuration file. Without it everything is
    /// served where no other machine can reach it (127.0.0.1, ::1), and elsewhere metrics and probes alone.
    pub token_file: Option<PathBuf>,
}

impl Default for RawHttp {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9664".into(), external_url: String::new(), token_file: None }
    }
}

impl RawHttp {
    /// What is wrong with values that parsed: the field, as a path within the section, and the reason.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let has_port = |(host, port): (&str, &str)| !host.is_empty() && port.parse::<u16>().is_ok();
        let mut problems = Vec::new();
        if !self.listen.is_empty() && !self.listen.rsplit_once(':').is_some_and(has_port) {
            problems.push(("listen", format!("`{}` is not host:port", self.listen)));
        }
        let url = &self.external_url;
        if !url.is_empty() && !url.starts_with("http://") && !url.starts_with("https://") {
            problems.push(("external_url", format!("`{url}` begins with neither http:// nor https://")));
        }
        problems
    }

    /// Where the page of an alert is, without its id; empty if nobody said where people reach it.
    pub fn alert_page(&self) -> String {
        let url = self.external_url.trim_end_matches('/');
        if url.is_empty() { String::new() } else { format!("{url}/alerts/") }
    }

    /// Whether other machines may reach it and find metrics and probes alone. A name is taken for this machine's.
    pub(super) fn hides_most(&self) -> bool {
        let host = self.listen.rsplit_once(':').map_or("", |(host, _)| host);
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        self.token_file.is_none() && address.is_ok_and(|address| !address.is_loopback())
    }
}

/// The secret that callers of the API present. Only its digest is kept; its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(blake3::Hash);

impl Token {
    /// A token; `None` if no header could carry it.
    pub fn new(secret: &[u8]) -> Option<Self> {
        secret.iter().all(u8::is_ascii_graphic).then(|| Self(blake3::hash(secret)))
    }

    /// Whether this was presented. The time it takes tells nothing: both sides are digested first, so that not even the
    /// length matters, and digests are compared in constant time (as `blake3::Hash` is).
    pub fn is(&self, presented: &[u8]) -> bool {
        self.0 == blake3::hash(presented)
    }

    /// A digest of a message that only who has the token can make, and that does not tell the token. Digests are compared in
    /// constant time.
    pub fn seal(&self, message: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&blake3::derive_key("dialwatch http session", self.0.as_bytes()), message)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_itself_alone_and_not_shown() {
        let token = Token::new(b"sixteen-or-more!").expect("visible");
        assert!(token.is(b"sixteen-or-more!") && !token.is(b"sixteen-or-more") && !token.is(b""));
        assert!(!format!("{token:?}").contains("sixteen"));
        assert_eq!(Token::new(b"two words"), None);
        assert_eq!(Token::new("schlüssel".as_bytes()), None);
    }

    #[test]
    fn what_others_may_reach_is_known() {
        let hides = |listen: &str, token: Option<&str>| {
            RawHttp { listen: listen.into(), token_file: token.map(PathBuf::from), ..RawHttp::default() }.hides_most()
        };
        assert!(hides("0.0.0.0:9664", None) && hides("[::]:9664", None) && hides("10.0.0.1:1", None));
        assert!(!hides("127.0.0.1:9664", None) && !hides("[::1]:9664", None) && !hides("localhost:9664", None));
        assert!(!hides("0.0.0.0:9664", Some("token")) && !hides("", None));
    }
}
