//! The state of the server.

use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::handler;
use crate::reply::{GalleryLoad, Health, ReplyCounts, Sender, ServerStatus, StageLatency, VERSION};
use crate::server::call::{Call, Reply, json, with_type};
use crate::server::metrics::Stage;
use crate::server::openapi;
use crate::server::problem::{Problem, Result};
use crate::server::route::{Access, Route};
use crate::server::token::Scope;

/// Text in Prometheus's format.
#[derive(Debug, Serialize, JsonSchema)]
struct MetricsText(String);

pub fn routes() -> Vec<Route> {
    let route = |path, access, words, handler| Route::new(Method::GET, path, access, words, handler);
    let admin = Access::Scope(Scope::Admin);
    let health = ("health", "Whether the server runs");
    let ready = ("ready", "Whether the server can reply to requests");
    let metrics = ("metrics", "Counters and histograms in Prometheus's format");
    let document = ("openapi", "This document");
    vec![
        route("/healthz", Access::Open, health, handler!(self::health)).gives::<Health>(200),
        route("/readyz", Access::Open, ready, handler!(self::ready)).gives::<Health>(200),
        route("/openapi.json", Access::Open, document, handler!(self::document))
            .gives::<serde_json::Value>(200),
        route("/metrics", admin, metrics, handler!(self::metrics)).gives_as::<MetricsText>(200, "text/plain"),
        route("/v1/me", Access::Token, ("me", "What the token allows"), handler!(self::me))
            .gives::<Sender>(200),
        route(
            "/v1/status",
            admin,
            ("status", "The load and the speed of the server"),
            handler!(self::status),
        )
        .gives::<ServerStatus>(200),
    ]
}

async fn health(_: Call) -> Result<Reply> {
    json(StatusCode::OK, &Health { status: "ok".into() })
}

async fn ready(call: Call) -> Result<Reply> {
    if call.app.is_ready() {
        return json(StatusCode::OK, &Health { status: "ok".into() });
    }
    Err(Problem::unavailable("the server is starting"))
}

async fn document(_: Call) -> Result<Reply> {
    Ok(with_type(StatusCode::OK, "application/json", openapi::text().to_owned()))
}

async fn metrics(call: Call) -> Result<Reply> {
    Ok(with_type(StatusCode::OK, "text/plain", call.app.metrics.text()))
}

async fn me(call: Call) -> Result<Reply> {
    let Some(token) = &call.token else { return Err(Problem::internal(&"a token is missing")) };
    let scopes =
        Scope::ALL.into_iter().filter(|scope| token.allows(*scope)).map(|scope| scope.name().to_owned());
    let (name, scores) = (token.record.name.clone(), call.sees_scores());
    json(StatusCode::OK, &Sender { version: VERSION, name, scopes: scopes.collect(), scores })
}

async fn status(call: Call) -> Result<Reply> {
    let app = &call.app;
    let galleries = app.all().into_iter().map(|served| GalleryLoad {
        gallery: served.name.clone(),
        searches_waiting: served.searcher.waiting() as u64,
        writes_waiting: served.enroller.waiting() as u64,
    });
    let latency = Stage::ALL.into_iter().map(|stage| {
        let histogram = app.metrics.stage(stage);
        StageLatency {
            stage: stage.name().into(),
            count: histogram.count(),
            p50_ms: histogram.quantile(0.5) * 1e3,
            p99_ms: histogram.quantile(0.99) * 1e3,
        }
    });
    let [success, redirected, refused, failed] = app.metrics.replies();
    let status = ServerStatus {
        version: VERSION,
        uptime_s: app.metrics.uptime().as_secs_f64(),
        ready: app.is_ready(),
        galleries: galleries.collect(),
        photos_waiting: app.photos.waiting() as u64,
        latency: latency.collect(),
        requests: ReplyCounts { ok: success + redirected, refused, failed },
    };
    json(StatusCode::OK, &status)
}
