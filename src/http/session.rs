//! The session of a browser: what it presents instead of the token, which it cannot put into a header. Never the token itself.
//!
//! Nothing is remembered of it: it says when it ends, sealed with the token, so that it holds at every process with that token,
//! over a restart too, and no longer once the token is another.

use axum::http::{HeaderMap, header};

use crate::config::http::Token;
use crate::engine::time::{HOUR_S, SECOND_MS, Timestamp};

const COOKIE: &str = "dialwatch_session";
/// A day at work.
const LENGTH_S: i64 = 12 * HOUR_S as i64;

/// The cookie of a session that begins at `now`. It is sent to this server alone, with requests of its own pages, and no script
/// can read it; where the page came by https it is never sent otherwise.
pub(super) fn cookie(token: &Token, now: Timestamp, is_secure: bool) -> String {
    let end = now.plus_millis(LENGTH_S * SECOND_MS).seconds().to_string();
    let (seal, secure) = (token.seal(end.as_bytes()).to_hex(), if is_secure { "; Secure" } else { "" });
    format!("{COOKIE}={end}.{seal}; Path=/; Max-Age={LENGTH_S}; HttpOnly; SameSite=Strict{secure}")
}

/// What takes the cookie from a browser.
pub(super) fn no_cookie() -> String {
    format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
}

/// The session that a request presents.
pub(super) fn presented(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// Whether a session was made with the token and is not over.
pub(super) fn holds(token: &Token, session: &str, now: Timestamp) -> bool {
    let Some((end, seal)) = session.split_once('.') else { return false };
    let is_ours = blake3::Hash::from_hex(seal).is_ok_and(|seal| seal == token.seal(end.as_bytes()));
    is_ours && end.parse::<i64>().is_ok_and(|end_s| now < Timestamp::from_seconds(end_s))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn token(secret: &str) -> Token {
        Token::new(secret.as_bytes()).expect("visible")
    }

    #[test]
    fn a_session_is_of_its_token_and_ends() {
        let (token, other, now) =
            (token("first-token-of-many"), token("other-token-of-many"), Timestamp::from_seconds(1_773_018_000));
        let cookie = cookie(&token, now, false);
        assert!(cookie.ends_with("; HttpOnly; SameSite=Strict") && !cookie.contains("first-token"), "{cookie}");
        let mut headers = HeaderMap::new();
        assert_eq!(presented(&headers), None);
        let sent = format!("theme=dark; {}; x=", cookie.split(';').next().expect("a pair"));
        headers.insert(header::COOKIE, HeaderValue::from_str(&sent).expect("a header"));
        let session = presented(&headers).expect("presented");
        assert!(holds(&token, session, now) && holds(&token, session, now.plus_millis(LENGTH_S * SECOND_MS - 1)));
        assert!(!holds(&token, session, now.plus_millis(LENGTH_S * SECOND_MS)), "it is over");
        assert!(!holds(&other, session, now));
        let (end, seal) = session.split_once('.').expect("two parts");
        let later: i64 = end.parse::<i64>().expect("seconds") + 1;
        for forged in [format!("{later}.{seal}"), format!("{end}."), format!("{end}.{}", &seal[1..]), end.into(), String::new()] {
            assert!(!holds(&token, &forged, now), "{forged}");
        }
        assert!(!seal.contains(&blake3::hash(b"first-token-of-many").to_hex()[..16]), "not the token's digest either");
    }

    #[test]
    fn by_https_it_is_sent_no_other_way() {
        assert!(cookie(&token("first-token-of-many"), Timestamp::default(), true).ends_with("; Secure"));
        assert!(no_cookie().contains("Max-Age=0"));
    }
}
