//! The routes: each is a line in [`all`], and nothing about it is anywhere else. The router, the guard and the description
//! are made from these lines.

use std::sync::{Arc, LazyLock};

use axum::extract::rejection::{FormRejection, JsonRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Query, RawPathParams, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Json, Router};
use maud::Markup;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::answer::{Refusal, json};
use super::{Site, alerts, api, guard, page, probes, remarks};

/// Every route.
pub(super) fn all() -> Vec<Route> {
    vec![
        Route::text("/metrics", "Metrics in the Prometheus text format.", probes::METRICS_TYPE, probes::metrics),
        Route::text("/-/healthy", "Whether the main loop moves. If not (503), only a restart helps.", TEXT, probes::healthy),
        Route::text("/-/ready", "Whether records are judged; 503 says what is waited for.", TEXT, probes::ready),
        Route::json(Method::POST, "/-/reload", "Reads the configuration again; a wrong one changes nothing.", probes::reload),
        Route::json(Method::GET, "/api/v1/apps", "The apps of this process's partitions.", api::apps),
        Route::json(Method::GET, "/api/v1/apps/{id}", "All that is known of one app.", api::app).of("The app's id."),
        Route::json(Method::GET, "/api/v1/apps/{id}/ledger", "What was recorded against an app, the newest first.", api::ledger)
            .of("The app's id."),
        Route::json(Method::GET, "/api/v1/alerts", "The open alerts, the gravest first, of equals the newest.", alerts::alerts),
        Route::json(Method::GET, "/api/v1/alerts/{id}", "One open alert.", alerts::alert).of("The alert's id."),
        Route::told("/api/v1/alerts/{id}/acknowledge", "Marks an open alert as known to somebody.", remarks::acknowledge)
            .of("The alert's id."),
        Route::told("/api/v1/apps/{id}/mute", "Mutes an app's alerts, or those by one rule.", remarks::mute).of("The app's id."),
        Route::told("/api/v1/apps/{id}/unmute", "Takes a mute back.", remarks::unmute).of("The app's id."),
        Route::json(Method::GET, "/api/v1/mutes", "The mutes in force, by app and rule.", remarks::mutes),
        Route::json(Method::GET, "/api/v1/rules", "The rules, and how they are set.", api::rules),
        Route::json(Method::GET, "/api/v1/openapi.json", "This description.", api::openapi),
        Route::page("/", page::overview::show),
        Route::page("/alerts/{id}", page::alert::show),
        Route::page("/apps/{id}", page::app::show),
        Route::form("/alerts/{id}/acknowledge", page::forms::acknowledge),
        Route::form("/apps/{id}/mute", page::forms::mute),
        Route::form("/apps/{id}/unmute", page::forms::unmute),
        Route::page("/login", page::login::show).for_everybody(),
        Route::form("/login", page::login::enter).for_everybody(),
        Route::form("/logout", page::login::leave),
        Route { form: Form::Page, ..Route::text("/style.css", "", "text/css; charset=utf-8", page::style) },
    ]
}

const TEXT: &str = "text/plain; charset=utf-8";

/// What a handler is asked.
pub(super) struct Asked<'a, Q> {
    pub(super) site: &'a Site,
    /// What stands in the path's braces; empty if it has none.
    pub(super) id: &'a str,
    pub(super) query: Q,
}

/// The query of a route that takes none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// What a handler is told.
pub(super) struct Told<'a, B> {
    pub(super) site: &'a Site,
    /// What stands in the path's braces; empty if it has none.
    pub(super) id: &'a str,
    /// What stands beside the body.
    pub(super) headers: &'a HeaderMap,
    pub(super) body: B,
}

/// What takes what it is told, and answers in JSON.
type Taker<B, A> = fn(Told<'_, B>) -> Result<A, Refusal>;
/// What makes a page.
type PageHandler<Q> = fn(Asked<'_, Q>) -> Result<Markup, Refusal>;
/// What takes a form.
type FormHandler<B> = fn(Told<'_, B>) -> Result<Response, Refusal>;

/// What makes an answer in JSON.
type Handler<Q, A> = fn(Asked<'_, Q>) -> Result<A, Refusal>;
/// What makes an answer in text.
type TextHandler = fn(&Site) -> (StatusCode, String);

/// What an answer looks like.
pub(super) enum Form {
    /// JSON, with its schema.
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// Text of this type.
    Text(&'static str),
    /// For a person's browser: no part of the API.
    Page,
}

/// A route: who may ask what, and what is answered.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    /// Whether everybody may ask.
    pub(super) is_public: bool,
    /// What stands in the path's braces.
    pub(super) of: &'static str,
    /// The query as an object.
    pub(super) query: fn(&mut SchemaGenerator) -> Schema,
    /// The body, if it takes one in JSON.
    pub(super) body: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// Whether it takes a body at all.
    takes_body: bool,
    pub(super) form: Form,
    handler: MethodRouter<Arc<Site>>,
}

impl Route {
    /// A route that answers in JSON, for those who have access.
    fn json<Q, A>(method: Method, path: &'static str, summary: &'static str, handler: Handler<Q, A>) -> Self
    where
        Q: DeserializeOwned + JsonSchema + Send + 'static,
        A: Serialize + JsonSchema + 'static,
    {
        let answer = move |State(site): State<Arc<Site>>, ids: RawPathParams, query: Result<Query<Q>, QueryRejection>| async move {
            let id = id_of(&ids);
            match query {
                Ok(Query(query)) => aside(move || respond(handler, Asked { site: &site, id: &id, query })).await,
                Err(rejection) => Refusal::bad_request(rejection.body_text()).into_response(),
            }
        };
        let filter = if method == Method::POST { MethodFilter::POST } else { MethodFilter::GET };
        let form = Form::Json(|schemas| schemas.subschema_for::<A>());
        Self { form, query: Q::json_schema, ..Self::new(method, path, summary, on(filter, answer)) }
    }

    /// A route that is told something in JSON, for those who have access.
    fn told<B, A>(path: &'static str, summary: &'static str, handler: Taker<B, A>) -> Self
    where
        B: DeserializeOwned + JsonSchema + Send + 'static,
        A: Serialize + JsonSchema + 'static,
    {
        let answer = move |State(site): State<Arc<Site>>,
                           ids: RawPathParams,
                           query: Result<Query<Nothing>, QueryRejection>,
                           headers: HeaderMap,
                           body: Result<Json<B>, JsonRejection>| async move {
            let id = id_of(&ids);
            if let Err(rejection) = query {
                return Refusal::bad_request(rejection.body_text()).into_response();
            }
            match body {
                Ok(Json(body)) => {
                    aside(move || match handler(Told { site: &site, id: &id, headers: &headers, body }) {
                        Ok(answer) => json(&answer),
                        Err(refusal) => refusal.into_response(),
                    })
                    .await
                }
                Err(rejection) => Refusal::new(rejection.status(), rejection.body_text()).into_response(),
            }
        };
        let route = Self::new(Method::POST, path, summary, on(MethodFilter::POST, answer));
        let form = Form::Json(|schemas| schemas.subschema_for::<A>());
        Self { form, body: Some(|schemas| schemas.subschema_for::<B>()), takes_body: true, ..route }
    }

    /// A page, for those who have access.
    fn page<Q>(path: &'static str, handler: PageHandler<Q>) -> Self
    where
        Q: DeserializeOwned + Send + 'static,
    {
        let answer = move |State(site): State<Arc<Site>>, ids: RawPathParams, query: Result<Query<Q>, QueryRejection>| async move {
            let id = id_of(&ids);
            let made = move || {
                let Query(query) = query.map_err(|rejection| Refusal::bad_request(rejection.body_text()))?;
                handler(Asked { site: &site, id: &id, query }).map(page::answer)
            };
            aside(move || made().unwrap_or_else(|refusal: Refusal| page::refused(&refusal))).await
        };
        Self::new(Method::GET, path, "", on(MethodFilter::GET, answer))
    }

    /// Where a page sends a form, for those who have access; never in the name of a page from elsewhere.
    fn form<B>(path: &'static str, handler: FormHandler<B>) -> Self
    where
        B: DeserializeOwned + Send + 'static,
    {
        let answer = move |State(site): State<Arc<Site>>,
                           ids: RawPathParams,
                           headers: HeaderMap,
                           body: Result<axum::Form<B>, FormRejection>| async move {
            let id = id_of(&ids);
            let made = move || {
                guard::is_our_page(&headers)?;
                let axum::Form(body) = body.map_err(|rejection| Refusal::new(rejection.status(), rejection.body_text()))?;
                handler(Told { site: &site, id: &id, headers: &headers, body })
            };
            aside(move || made().unwrap_or_else(|refusal: Refusal| page::refused(&refusal))).await
        };
        let route = Self::new(Method::POST, path, "", on(MethodFilter::POST, answer));
        Self { takes_body: true, ..route }
    }

    fn new(method: Method, path: &'static str, summary: &'static str, handler: MethodRouter<Arc<Site>>) -> Self {
        let (query, form) = (Nothing::json_schema, Form::Page);
        Self { method, path, summary, is_public: false, of: "", query, body: None, takes_body: false, form, handler }
    }

    /// A route that answers in text, for everybody.
    fn text(path: &'static str, summary: &'static str, kind: &'static str, handler: TextHandler) -> Self {
        let answer = move |State(site): State<Arc<Site>>| async move {
            aside(move || {
                let (status, text) = handler(&site);
                (status, [(header::CONTENT_TYPE, kind)], text).into_response()
            })
            .await
        };
        let route = Self::new(Method::GET, path, summary, on(MethodFilter::GET, answer));
        Self { is_public: true, form: Form::Text(kind), ..route }
    }

    /// The same for everybody.
    fn for_everybody(self) -> Self {
        Self { is_public: true, ..self }
    }

    /// The same with what stands in the path's braces.
    fn of(self, what: &'static str) -> Self {
        Self { of: what, ..self }
    }
}

fn id_of(ids: &RawPathParams) -> String {
    ids.iter().next().map_or_else(String::new, |(_, id)| id.to_owned())
}

fn respond<Q, A: Serialize>(handler: Handler<Q, A>, asked: Asked<'_, Q>) -> Response {
    match handler(asked) {
        Ok(answer) => json(&answer),
        Err(refusal) => refusal.into_response(),
    }
}

/// Makes an answer on a thread of its own, so that it holds up no other.
async fn aside(answer: impl FnOnce() -> Response + Send + 'static) -> Response {
    let answered = tokio::task::spawn_blocking(answer).await;
    answered.unwrap_or_else(|_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "no answer could be made").into_response())
}

/// Whether everybody may ask for a path.
pub(super) fn is_public(path: &str) -> bool {
    static PUBLIC: LazyLock<Vec<&str>> =
        LazyLock::new(|| all().iter().filter(|route| route.is_public).map(|route| route.path).collect());
    PUBLIC.contains(&path)
}

/// Whether a request for a path may bring a body.
pub(super) fn takes_body(method: &Method, path: &str) -> bool {
    static TAKING: LazyLock<Vec<Route>> = LazyLock::new(|| all().into_iter().filter(|route| route.takes_body).collect());
    let is_at = |pattern: &str| {
        let (steps, asked) = (pattern.split('/'), path.split('/'));
        steps.clone().count() == asked.clone().count()
            && steps.zip(asked).all(|(step, asked)| step == asked || step.starts_with('{'))
    };
    TAKING.iter().any(|route| route.method == *method && is_at(route.path))
}

/// All routes behind their guard.
pub(super) fn router(site: Arc<Site>) -> Router {
    let routes = all().into_iter().fold(Router::new(), |router, route| router.route(route.path, route.handler));
    routes
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "there is nothing here: see /api/v1/openapi.json") })
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "not by this method: see /api/v1/openapi.json")
        })
        .layer(DefaultBodyLimit::max(guard::BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(site.clone(), guard::guard))
        .layer(middleware::from_fn(guard::bound))
        .with_state(site)
}
