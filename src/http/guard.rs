//! Who may ask for what, and how much a request may be. Decided before anything is looked up.
//!
//! Metrics and probes are for everybody. The rest is for those with the token; without a token it is for this machine
//! alone, and only if nobody else can reach the server at all. A browser may present the session it got for the token.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answer::Refusal;
use super::{Site, page, routes, session};
use crate::config::http::Token;
use crate::engine::time::Timestamp;

/// The longest body a request may bring where it may bring any.
pub(super) const BODY_BYTES_MAX: usize = 8 * 1_024;
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

    /// The token in force.
    pub(super) fn token(&self) -> Option<Token> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a request may be answered at `now`. `is_local` if no other machine can reach the server.
    fn check(&self, request: &Request, is_local: bool, now: Timestamp) -> Result<(), Refusal> {
        let headers = request.headers();
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Some(token) => match (bearer(headers), session::presented(headers)) {
                (Some(presented), _) if token.is(presented) => Ok(()),
                (Some(_), _) => Err(Refusal::new(StatusCode::UNAUTHORIZED, "the token is not the one of http.token_file")),
                (None, Some(cookie)) if session::holds(token, cookie, now) => match *request.method() {
                    Method::GET | Method::HEAD => Ok(()),
                    _ => is_our_page(headers),
                },
                (None, _) => Err(Refusal::new(StatusCode::UNAUTHORIZED, "this needs the header Authorization: Bearer TOKEN")),
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
    if is_here && origin(headers).is_none_or(|origin| origin == host) {
        return Ok(());
    }
    let reason = "without http.token_file this is served to this machine alone, as localhost or 127.0.0.1";
    Err(Refusal::new(StatusCode::FORBIDDEN, reason))
}

/// The host of the page in whose name a browser asks; every browser says so when it sends a form.
fn origin(headers: &HeaderMap) -> Option<&str> {
    let origin = headers.get(header::ORIGIN)?.to_str().unwrap_or_default();
    Some(origin.split_once("://").map_or("", |(_, host)| host))
}

/// Whether a browser asks in the name of one of our own pages, and of no other.
pub(super) fn is_our_page(headers: &HeaderMap) -> Result<(), Refusal> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    match origin(headers) {
        Some(origin) if !host.is_empty() && origin == host => Ok(()),
        _ => {
            Err(Refusal::new(StatusCode::FORBIDDEN, "this is taken from a page of this server alone, by a browser that says so"))
        }
    }
}

/// Whether a person asks, who is to read the answer.
fn wants_page(request: &Request) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accept.contains("text/html") && !request.uri().path().starts_with("/api/")
}

/// Lets those pass who may ask.
pub(super) async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    if routes::is_public(request.uri().path()) {
        return next.run(request).await;
    }
    match site.access.check(&request, site.is_local, (site.clock)()) {
        Ok(()) => next.run(request).await,
        Err(refusal) if wants_page(&request) => page::login::turned_away(&refusal, &request),
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

/// Lets requests pass that bring no more than they may, and lets them wait for so long.
pub(super) async fn bound(request: Request, next: Next) -> Response {
    if let Err(refusal) = bring(&request) {
        return refusal.into_response();
    }
    match tokio::time::timeout(ANSWER_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let error = format!("no answer was made within {} s", ANSWER_MAX.as_secs());
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error).into_response()
        }
    }
}

/// What a request brings must be allowed, and of a length that is known.
fn bring(request: &Request) -> Result<(), Refusal> {
    let headers = request.headers();
    let length = headers.get(header::CONTENT_LENGTH).map(|length| length.to_str().ok()?.parse::<usize>().ok());
    let is_chunked = headers.contains_key(header::TRANSFER_ENCODING);
    let too_large = |error: String| Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error));
    if !routes::takes_body(request.method(), request.uri().path()) {
        return match length {
            None | Some(Some(0)) if !is_chunked => Ok(()),
            _ => too_large("a request brings no body here".into()),
        };
    }
    match length {
        _ if is_chunked => Err(Refusal::new(StatusCode::LENGTH_REQUIRED, "a body comes with its Content-Length here")),
        None => Ok(()),
        Some(length) if length.is_some_and(|length| length <= BODY_BYTES_MAX) => Ok(()),
        Some(_) => too_large(format!("a body has at most {BODY_BYTES_MAX} bytes here")),
    }
}
