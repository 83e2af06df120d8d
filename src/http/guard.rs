//! Who may ask for what, and how much a request may be. Decided before anything is looked up.
//!
//! Metrics and probes are for everybody. The rest is for those with the token; without a token it is for this machine
//! alone, and only if nobody else can reach the server at all.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Site;
use super::answer::Refusal;
use super::routes;
use crate::config::http::Token;

/// The longest an answer may take to be made.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// The token in force. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Access(Arc<RwLock<Option<Token>>>);

impl Access {
    /// For those who present `token`; `None` for those on this machine.
    pub fn new(token: Option<Token>) -> Self {
        Self(Arc::new(RwLock::new(token)))
    }

    /// Another token holds from now on.
    pub fn change(&self, token: Option<Token>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// Whether a request may be answered. `is_local` if no other machine can reach the server.
    fn check(&self, headers: &HeaderMap, is_local: bool) -> Result<(), Refusal> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Some(token) => match bearer(headers) {
                Some(presented) if token.is(presented) => Ok(()),
                Some(_) => Err(Refusal::new(StatusCode::UNAUTHORIZED, "the token is not the one of http.token_file")),
                None => Err(Refusal::new(StatusCode::UNAUTHORIZED, "this needs the header Authorization: Bearer TOKEN")),
            },
            None if is_local => by_this_machine(headers),
            None => Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "this is not served where other machines can reach it: set http.token_file, or http.listen to 127.0.0.1",
            )),
        }
    }
}

/// What stands in `Authorization: Bearer …`.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// Whether a browser on this machine asks on its own behalf: a page from elsewhere may neither ask in its name nor reach
/// the server by a name of its own that it makes point here.
fn by_this_machine(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(header::HOST).unwrap_or("localhost");
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_here = name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let origin = text(header::ORIGIN).map(|origin| origin.split_once("://").map_or("", |(_, host)| host));
    if is_here && origin.is_none_or(|origin| origin == host) {
        return Ok(());
    }
    let reason = "without http.token_file this is served to this machine alone, as localhost or 127.0.0.1";
    Err(Refusal::new(StatusCode::FORBIDDEN, reason))
}

/// Lets those pass who may ask.
pub(super) async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    if routes::is_public(request.uri().path()) {
        return next.run(request).await;
    }
    match site.access.check(request.headers(), site.is_local) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            let is_unknown = refusal.status == StatusCode::UNAUTHORIZED;
            let mut response = refusal.into_response();
            if is_unknown {
                let challenge = HeaderValue::from_static("Bearer realm=\"dialwatch\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            response
        }
    }
}

/// Lets requests pass that bring nothing, and lets them wait for so long.
pub(super) async fn bound(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let length = headers.get(header::CONTENT_LENGTH);
    if length.is_some_and(|length| length.as_bytes() != b"0") || headers.contains_key(header::TRANSFER_ENCODING) {
        return Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "a request brings no body here").into_response();
    }
    match tokio::time::timeout(ANSWER_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let error = format!("no answer was made within {} s", ANSWER_MAX.as_secs());
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error).into_response()
        }
    }
}
