//! The OpenAPI 3.1 document, made from the routes and the types.

use std::sync::OnceLock;

use axum::http::Method;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::api;
use super::route::{Access, Content, Route};
use crate::reply::ProblemBody;

const DESCRIPTION: &str = "Face galleries: look-ups, enrollments, corrections and measurements. Every operation needs a token: \
                           `Authorization: Bearer TOKEN`. Errors are `application/problem+json` with a stable `code`.";

/// The document as text. It is made once.
pub fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| serde_json::to_string_pretty(&document()).unwrap_or_default() + "\n")
}

/// The document.
pub fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<ProblemBody>();
    let mut paths = Map::new();
    for route in api::routes() {
        let operation = operation(&route, &mut generator, &problem);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation;
    }
    let schemas: Map<String, Value> = generator.take_definitions(true).into_iter().collect();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Gallerist",
            "description": DESCRIPTION,
            "version": crate::reply::VERSION.to_string(),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    });
    simplify(&mut document);
    document
}

/// Rewrites what generators of clients do not understand: schemas that are `true`, choices of constants that are an enumeration, and links of
/// the documentation in Rust.
fn simplify(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(simplify),
        Value::Object(fields) => {
            if let Some(names) = constants(fields) {
                fields.remove("oneOf");
                fields.insert("type".into(), json!("string"));
                fields.insert("enum".into(), names);
            }
            for (name, field) in fields.iter_mut() {
                match field {
                    Value::Bool(true) if name == "schema" => *field = json!({}),
                    Value::Object(properties) if name == "properties" => {
                        properties
                            .values_mut()
                            .filter(|schema| **schema == json!(true))
                            .for_each(|any| *any = json!({}));
                    }
                    Value::String(text) if name == "description" => *text = plain(text),
                    _ => {}
                }
                simplify(field);
            }
        }
        _ => {}
    }
}

/// The names of an enumeration, if a schema is a choice of constants.
fn constants(schema: &Map<String, Value>) -> Option<Value> {
    let choices = schema.get("oneOf")?.as_array()?;
    let mut names = Vec::new();
    for choice in choices {
        match (&choice["const"], &choice["enum"]) {
            (Value::String(name), _) => names.push(json!(name)),
            (_, Value::Array(several)) => names.extend(several.iter().cloned()),
            _ => return None,
        }
    }
    Some(Value::Array(names))
}

/// A description without links of the documentation in Rust.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("[`") {
        let Some((name, after)) = link.split_once("`]") else { break };
        let after = match after.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((_, after)) => after,
            None => after,
        };
        plain = plain + before + "`" + name + "`";
        rest = after;
    }
    (plain + rest).replace("`None`", "null")
}

fn operation(route: &Route, generator: &mut SchemaGenerator, problem: &Schema) -> Value {
    let scope = match route.access {
        Access::Open => None,
        Access::Token => Some("identify"),
        Access::Scope(scope) => Some(scope.name()),
    };
    let mut operation = json!({
        "operationId": route.operation,
        "summary": route.summary,
        "description": scope.map_or_else(|| "Needs no token.".into(), |scope| format!("Needs a token with the scope `{scope}`.")),
        "parameters": parameters(route, generator),
        "responses": responses(route, generator, problem),
        "security": scope.map_or_else(Vec::new, |_| vec![json!({ "token": [] })]),
    });
    if !route.bodies.is_empty() {
        let content = contents(route.bodies.iter(), generator);
        operation["requestBody"] = json!({ "required": !route.body_is_optional, "content": content });
    }
    operation
}

fn contents<'a>(contents: impl Iterator<Item = &'a Content>, generator: &mut SchemaGenerator) -> Value {
    let content =
        |content: &Content| (content.media_type.to_owned(), json!({ "schema": (content.schema)(generator) }));
    Value::Object(contents.map(content).collect())
}

/// The parameters of the path and of the query.
fn parameters(route: &Route, generator: &mut SchemaGenerator) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = in_path
        .map(|name| {
            let schema = match name {
                "subject" | "face" | "entry" => {
                    json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX })
                }
                "gallery" if route.method == Method::PUT => {
                    json!({ "type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$" })
                }
                _ => json!({ "type": "string", "minLength": 1 }),
            };
            json!({ "name": name, "in": "path", "required": true, "schema": schema })
        })
        .collect();
    if route.takes_key {
        let schema = json!({ "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$" });
        let description = "A repeated request with the same key and content gets the reply of the first one.";
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false, "schema": schema, "description": description
        }));
    }
    if let Some(query) = route.query {
        let schema = query(generator).to_value();
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            parameters
                .push(json!({ "name": name, "in": "query", "required": false, "schema": in_query(schema) }));
        }
    }
    parameters
}

/// The schema of a field of a query, which cannot be null.
fn in_query(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(types) = schema["type"].as_array() {
        let first = types.iter().find(|kind| **kind != "null").cloned();
        schema["type"] = first.unwrap_or(Value::Null);
    }
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("default");
    }
    schema
}

fn responses(route: &Route, generator: &mut SchemaGenerator, problem: &Schema) -> Value {
    let mut responses = Map::new();
    for (status, content) in &route.replies {
        let content = contents(std::iter::once(content), generator);
        responses.insert(status.to_string(), json!({ "description": "Success", "content": content }));
    }
    let problem = json!({ "application/problem+json": { "schema": problem } });
    for (range, what) in [("4XX", "The request is refused"), ("5XX", "The server failed, or is not ready")] {
        responses.insert(range.into(), json!({ "description": what, "content": problem }));
    }
    Value::Object(responses)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(value: &Value, check: &mut dyn FnMut(&str, &Value)) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| visit(value, check)),
            Value::Object(fields) => fields.iter().for_each(|(name, field)| {
                check(name, field);
                visit(field, check);
            }),
            _ => {}
        }
    }

    #[test]
    fn generators_of_clients_understand_the_document() {
        visit(&document(), &mut |name, field| {
            assert!(!(name == "schema" && field.is_boolean()), "a schema is {field}");
            let choices = if name == "oneOf" { field.as_array().map_or(&[][..], Vec::as_slice) } else { &[] };
            assert!(choices.is_empty() || choices.iter().any(|choice| choice["const"].is_null()), "{field}");
            assert!(name != "description" || !field.to_string().contains("[`"), "{field}");
        });
    }

    #[test]
    fn links_become_names() {
        assert_eq!(plain("[`VERSION`](super::VERSION), [`x`] or `None`."), "`VERSION`, `x` or null.");
        assert_eq!(plain("a [`b"), "a [`b");
    }
}
