//! The routes: each is a line in [`all`], and nothing about it is anywhere else. The router, the guard and the description
//! are made from these lines.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, RawPathParams, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::answer::{Refusal, json};
use super::{Site, api, guard, probes};

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
        Route::json(Method::GET, "/api/v1/alerts", "The open alerts, the gravest first, of equals the newest.", api::alerts),
        Route::json(Method::GET, "/api/v1/rules", "The rules, and how they are set.", api::rules),
        Route::json(Method::GET, "/api/v1/openapi.json", "This description.", api::openapi),
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
            let id = ids.iter().next().map_or_else(String::new, |(_, id)| id.to_owned());
            match query {
                Ok(Query(query)) => aside(move || respond(handler, Asked { site: &site, id: &id, query })).await,
                Err(rejection) => Refusal::bad_request(rejection.body_text()).into_response(),
            }
        };
        let filter = if method == Method::POST { MethodFilter::POST } else { MethodFilter::GET };
        let form = Form::Json(|schemas| schemas.subschema_for::<A>());
        Self { method, path, summary, is_public: false, of: "", query: Q::json_schema, form, handler: on(filter, answer) }
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
        Self {
            method: Method::GET,
            path,
            summary,
            is_public: true,
            of: "",
            query: Nothing::json_schema,
            form: Form::Text(kind),
            handler: on(MethodFilter::GET, answer),
        }
    }

    /// The same with what stands in the path's braces.
    fn of(self, what: &'static str) -> Self {
        Self { of: what, ..self }
    }
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

/// All routes behind their guard.
pub(super) fn router(site: Arc<Site>) -> Router {
    let routes = all().into_iter().fold(Router::new(), |router, route| router.route(route.path, route.handler));
    routes
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "there is nothing here: see /api/v1/openapi.json") })
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "not by this method: see /api/v1/openapi.json")
        })
        .layer(middleware::from_fn_with_state(site.clone(), guard::guard))
        .layer(middleware::from_fn(guard::bound))
        .with_state(site)
}
