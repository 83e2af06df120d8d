//! `/login`: the token, typed once, for a session. And what a browser sees that may not look.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Head, encoded, frame, refused, with_status};
use crate::http::answer::Refusal;
use crate::http::routes::{Asked, Nothing, Told};
use crate::http::session;

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::http) struct Way {
    next: String,
}

/// What is typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::http) struct Typed {
    token: String,
    next: String,
}

/// `GET /login`
pub(in crate::http) fn show(asked: Asked<'_, Way>) -> Result<Markup, Refusal> {
    match asked.site.access.token() {
        Some(_) => Ok(form(&asked.query.next, None)),
        None => Err(Refusal::new(StatusCode::NOT_FOUND, "nobody needs to log in here: http.token_file is not set")),
    }
}

/// `POST /login`
pub(in crate::http) fn enter(told: Told<'_, Typed>) -> Result<Response, Refusal> {
    let Typed { token: typed, next } = &told.body;
    let token = told.site.access.token().filter(|token| token.is(typed.trim().as_bytes()));
    let Some(token) = token else {
        let page = form(next, Some("That is not the token of http.token_file."));
        return Ok(with_status(StatusCode::UNAUTHORIZED, page));
    };
    let cookie = session::cookie(&token, (told.site.clock)(), came_by_https(told.headers));
    Ok(leading(here(next), &cookie))
}

/// `POST /logout`
pub(in crate::http) fn leave(_: Told<'_, Nothing>) -> Result<Response, Refusal> {
    Ok(leading("/login", &session::no_cookie()))
}

/// What a browser sees that may not see what it asked for.
pub(in crate::http) fn turned_away(refusal: &Refusal, request: &Request) -> Response {
    if refusal.status != StatusCode::UNAUTHORIZED {
        return refused(refusal);
    }
    let asked = request.uri().path_and_query().filter(|_| *request.method() == Method::GET);
    let next = asked.map_or("/", |asked| asked.as_str());
    Redirect::to(&format!("/login?next={}", encoded(next))).into_response()
}

fn form(next: &str, problem: Option<&str>) -> Markup {
    frame(
        &Head::titled("Log in"),
        &html! {
            h1 { "Log in" }
            @if let Some(problem) = problem { p.caution { (problem) } }
            form.said method="post" action="/login" {
                input type="hidden" name="next" value=(next);
                label { "Token " input type="password" name="token" required autocomplete="current-password"; }
                button { "Log in" }
                p.dim { "The secret of http.token_file. The browser keeps a session of twelve hours, and never the token." }
            }
        },
    )
}

/// A browser says which page a form is from.
fn came_by_https(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

/// A path of this server; anything else leads to the overview. Browsers take `\` for `/`, and `//` for another server.
fn here(next: &str) -> &str {
    let is_path =
        next.starts_with('/') && !next[1..].starts_with(['/', '\\']) && next.bytes().all(|byte| byte.is_ascii_graphic());
    if is_path { next } else { "/" }
}

fn leading(path: &str, cookie: &str) -> Response {
    let mut response = Redirect::to(path).into_response();
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_pages_of_this_server_alone() {
        assert_eq!(here("/alerts/x?y=z"), "/alerts/x?y=z");
        for elsewhere in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nSet-Cookie: x", "javascript:0"]
        {
            assert_eq!(here(elsewhere), "/", "{elsewhere}");
        }
    }
}
