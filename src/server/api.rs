//! The operations.

mod analysis;
mod faces;
mod galleries;
mod identify;
mod jobs;
mod journal;
mod lists;
mod lookup;
mod measures;
mod server;
mod subjects;
mod verify;

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Request, StatusCode};
use axum::routing::{MethodFilter, on};

use super::app::App;
use super::guard::{dispatch, request_id, with_headers};
use super::page;
use super::problem::Problem;
use super::route::Route;

/// All routes.
pub fn routes() -> Vec<Route> {
    [
        server::routes(),
        galleries::routes(),
        faces::routes(),
        subjects::routes(),
        identify::routes(),
        verify::routes(),
        analysis::routes(),
        lookup::routes(),
        lists::routes(),
        measures::routes(),
        journal::routes(),
        jobs::routes(),
    ]
    .concat()
}

/// The router of a server.
pub fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for route in routes().into_iter().map(Arc::new) {
        let app = Arc::clone(app);
        let filter = match route.method {
            Method::GET => MethodFilter::GET,
            Method::PUT => MethodFilter::PUT,
            Method::PATCH => MethodFilter::PATCH,
            Method::DELETE => MethodFilter::DELETE,
            _ => MethodFilter::POST,
        };
        let path = route.path;
        let handler =
            move |request: Request<axum::body::Body>| dispatch(Arc::clone(&app), Arc::clone(&route), request);
        router = router.route(path, on(filter, handler));
    }
    let problem = |status: StatusCode, code: &'static str, detail: &'static str| {
        move || async move {
            let id = request_id();
            with_headers(Problem::new(status, code, detail).response(&id), &id)
        }
    };
    page::add(router, app)
        .fallback(problem(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path"))
        .method_not_allowed_fallback(problem(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this path has other methods",
        ))
}

/// Starts the purges that an earlier server did not finish.
pub fn resume_erasures(app: &App) {
    for served in app.all() {
        let started = match served.session.gallery().unerased() {
            Ok(0) => continue,
            Ok(_) => jobs::purge_job(app, &served, None).map(|_| ()).map_err(|problem| problem.detail),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = started {
            tracing::warn!(gallery = served.name, error, "removed templates are not erased yet");
        }
    }
}

/// A handler of a route.
macro_rules! handler {
    ($function:path) => {
        |call| Box::pin($function(call))
    };
}
pub(super) use handler;
