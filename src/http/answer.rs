//! Answers: JSON that is right, or a refusal that says why. Never text that a program would have to guess at.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::config::Problems;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Why a request is not answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(super) struct Refusal {
    #[serde(skip)]
    pub(super) status: StatusCode,
    /// What is wrong, for a person.
    pub(super) error: String,
    /// Everything that is wrong with a configuration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemView>,
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
struct ProblemView {
    /// The field, as a path; empty if the whole file is meant.
    path: String,
    /// What is wrong with it.
    message: String,
    /// The line of the file, from 1, if it stands in the file.
    line: Option<usize>,
    /// The column, from 1.
    column: Option<usize>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), problems: Vec::new() }
    }

    pub(super) fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// A configuration that is wrong.
    pub(super) fn of_configuration(problems: &Problems) -> Self {
        let list = problems.list().iter().map(|problem| ProblemView {
            path: problem.path.clone(),
            message: problem.message.clone(),
            line: problem.place.map(|place| place.line),
            column: problem.place.map(|place| place.column),
        });
        Self { problems: list.collect(), ..Self::bad_request("the configuration is wrong: the one before stays in force") }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, json(&self)).into_response()
    }
}

/// A value as the body of an answer. It is nobody else's, and holds only now.
pub(super) fn json(value: &impl Serialize) -> Response {
    let headers = [
        (header::CONTENT_TYPE, JSON),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    match serde_json::to_vec(value) {
        Ok(body) => (headers, body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
