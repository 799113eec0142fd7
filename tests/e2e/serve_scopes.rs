//! Which token may use which route; and the committed OpenAPI document.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::House;
use crate::serve::Server;

/// The scopes, each with those before it.
const SCOPES: [&str; 3] = ["identify", "enroll", "admin"];

/// An operation of the document: its method, its path, and the scope that it needs.
struct Operation {
    method: String,
    path: String,
    scope: Option<String>,
}

/// The operations of a document.
fn operations(document: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let text = operation["description"].as_str().unwrap();
            let scope =
                text.strip_prefix("Needs a token with the scope `").and_then(|rest| rest.strip_suffix("`."));
            assert!(
                scope.is_some_and(|scope| SCOPES.contains(&scope)) || text == "Needs no token.",
                "{path}: {text}"
            );
            let secured = !operation["security"].as_array().unwrap().is_empty();
            assert_eq!(scope.is_some(), secured, "{path}");
            found.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                scope: scope.map(str::to_owned),
            });
        }
    }
    found
}

#[test]
fn every_route_needs_the_scope_that_the_document_states() {
    let house = House::new();
    let server = Server::start(&house, &[]);
    let tokens: BTreeMap<&str, String> = SCOPES
        .iter()
        .map(|scope| (*scope, Server::token(&house, scope, scope, &["--rate", "100000", "--scores"])))
        .collect();
    let operations = operations(&server.get("/openapi.json").is(200));
    assert!(operations.len() > 30, "{} operations", operations.len());
    let mut refused = [0, 0];
    for Operation { method, path, scope } in &operations {
        // Nothing is named that exists, so a permitted request changes nothing.
        let path = path.replace("{gallery}", "nowhere").replace("{subject}", "999").replace("{face}", "999");
        let path = path.replace("{entry}", "999").replace("{list}", "none").replace("{job}", "job-999");
        let status = |token: &str| server.send(method, &path, token, None).status;
        let bad = format!("{}x", server.token);
        for token in ["", &bad] {
            match scope {
                Some(_) => assert_eq!(status(token), 401, "{method} {path}"),
                None => assert_eq!(status(token), 200, "{method} {path}"),
            }
            refused[0] += usize::from(scope.is_some());
        }
        let needed = SCOPES.iter().position(|known| Some(*known) == scope.as_deref()).unwrap_or(0);
        for (level, known) in SCOPES.iter().enumerate() {
            let status = status(&tokens[known]);
            match level < needed {
                true => assert_eq!(status, 403, "{method} {path} with {known}"),
                false => assert!(
                    ![401, 403].contains(&status) && status < 500,
                    "{method} {path} with {known}: {status}"
                ),
            }
            refused[1] += usize::from(level < needed);
        }
    }
    assert!(refused[0] > 60 && refused[1] > 20, "{refused:?}");
    // Without scores, templates are withheld too.
    let token = Server::token(&house, "door", "identify", &[]);
    assert_eq!(server.send("POST", "/v1/galleries/gallery/embed", &token, None).status, 403);
    server.stop();
}

#[test]
fn a_removed_token_ends_within_seconds() {
    let house = House::new();
    let server = Server::start(&house, &[]);
    let token = Server::token(&house, "guest", "identify", &[]);
    let status = || server.send("GET", "/v1/me", &token, None).status;
    assert_eq!(status(), 200);
    let tokens = house.path("tokens.json");
    crate::program::gallerist(["token", "remove", "guest", "--tokens", tokens.to_str().unwrap()]).ends(0);
    let started = std::time::Instant::now();
    while status() != 401 {
        assert!(started.elapsed().as_secs() < 10, "the token is still valid");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    server.stop();
}

/// `GALLERIST_WRITE_OPENAPI=1` writes the document instead.
#[test]
fn the_committed_document_is_the_served_one() {
    let house = House::new();
    let server = Server::start(&house, &[]);
    let served = server.get("/openapi.json");
    assert_eq!((served.status, &*served.kind), (200, "application/json"));
    let served = String::from_utf8(served.body).unwrap();
    server.stop();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/openapi.json");
    if std::env::var_os("GALLERIST_WRITE_OPENAPI").is_some() {
        std::fs::write(&path, &served).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(served.lines()).find(|(committed, served)| committed != served);
    assert!(
        committed == served,
        "GALLERIST_WRITE_OPENAPI=1 writes the document; the first difference: {differs:?}"
    );
    let document: Value = serde_json::from_str(&served).unwrap();
    assert_eq!(document["openapi"], json!("3.1.0"));
    // Every reference has a target.
    for reference in served.split("\"$ref\": \"#/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(&format!("/{reference}")).is_some(), "{reference}");
    }
}
