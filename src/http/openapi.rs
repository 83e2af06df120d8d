//! The description of the API, made from the routes and the types of their answers. Nothing is described twice.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::routes::{Form, Route};

/// Where errors are described.
const ERROR: &str = "#/components/responses/Error";

/// An OpenAPI 3.1 document of `routes`.
pub(super) fn document(routes: &[Route]) -> Value {
    let mut answers = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.meta_schema = None;
            settings.definitions_path = "/components/schemas".into();
        })
        .for_serialize()
        .into_generator();
    let mut paths = Map::new();
    for route in routes {
        if matches!(route.form, Form::Page) {
            continue;
        }
        let operations = paths.entry(route.path).or_insert_with(|| json!({}));
        operations[route.method.as_str().to_lowercase()] = operation(route, &mut answers);
    }
    let error = answers.subschema_for::<Refusal>();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "dialwatch",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What one process of dialwatch knows of the apps whose calls it judges. Times are event time, \
                            RFC 3339 in UTC. No phone number is shown, unless privacy.reveal_numbers is set.",
        },
        "paths": paths,
        "components": {
            "schemas": answers.take_definitions(true),
            "responses": {"Error": {"description": "Why not.", "content": {"application/json": {"schema": error}}}},
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "bearer",
                "description": "The secret of http.token_file. Not asked for where it is not set. A browser that has \
                                sent it to /login presents a cookie instead.",
            }},
        },
    })
}

fn operation(route: &Route, answers: &mut SchemaGenerator) -> Value {
    let (answer, refusal) = match route.form {
        Form::Json(schema) => {
            let content = json!({"application/json": {"schema": schema(answers)}});
            (json!({"description": "The answer.", "content": content}), json!({"$ref": ERROR}))
        }
        Form::Text(kind) => {
            let content = json!({kind.split(';').next().unwrap_or(kind): {"schema": {"type": "string"}}});
            (json!({"description": "The answer.", "content": content}), json!({"description": "Why not.", "content": content}))
        }
        Form::Page => return Value::Null,
    };
    let words = route.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let id: Vec<String> = [route.method.as_str().to_lowercase()].into_iter().chain(words.map(str::to_owned)).collect();
    let mut operation = json!({
        "operationId": id.join("_"),
        "summary": route.summary,
        "parameters": parameters(route),
        "responses": {"200": answer, "default": refusal},
        "security": if route.is_public { json!([]) } else { json!([{"token": []}, {}]) },
    });
    if let Some(body) = route.body {
        let content = json!({"application/json": {"schema": body(answers)}});
        operation["requestBody"] = json!({"required": true, "content": content});
    }
    operation
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|step| step.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| {
        let schema = json!({"type": "string"});
        json!({"name": name, "in": "path", "required": true, "description": route.of, "schema": schema})
    });
    let mut inline = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator();
    let query: Schema = (route.query)(&mut inline);
    let fields = query.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let in_query = fields.into_iter().map(|(name, mut schema)| {
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        json!({"name": name, "in": "query", "required": false, "description": description, "schema": schema})
    });
    in_path.chain(in_query).collect()
}
