//! The page for a browser. Its files are part of the program.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::routing::get;

use super::app::App;
use super::guard::{request_id, with_headers};
use super::problem::Problem;

/// A file of the page.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static [u8],
}

macro_rules! assets {
    ($($media_type:ident: $($name:literal),+;)+) => {
        [$($(Asset { name: $name, media_type: $media_type, content: include_bytes!(concat!("page/", $name)) }),+),+]
    };
}

const INDEX: &[u8] = include_bytes!("page/index.html");

const CSS: &str = "text/css; charset=utf-8";
const DRAWING: &str = "image/svg+xml";
const SCRIPT: &str = "text/javascript; charset=utf-8";

static ASSETS: &[Asset] = &assets! {
    CSS: "style.css";
    DRAWING: "icon.svg";
    SCRIPT:
        "access.js", "api.js", "app.js", "basis.js", "camera.js", "candidates.js", "corrections.js",
        "dialogs.js", "dom.js", "enroll.js", "enrollment.js", "erasure.js", "faces.js", "history.js", "identify.js",
        "name_field.js", "people.js", "person.js", "photo_input.js", "pictures.js", "problem.js",
        "score_bar.js", "session.js", "status.js", "strings.js", "theme.js", "toasts.js", "verdict.js",
        "words.js";
};

/// The router with the page at `/` and its files below `/assets/`.
pub fn add(router: Router, app: &Arc<App>) -> Router {
    let index = Arc::clone(app);
    let mut router = router.route(
        "/",
        get(move |request: Request<Body>| {
            let app = Arc::clone(&index);
            async move { file(&app, &request, "text/html; charset=utf-8", INDEX) }
        }),
    );
    for asset in ASSETS {
        let app = Arc::clone(app);
        let handler = move |request: Request<Body>| {
            let app = Arc::clone(&app);
            async move { file(&app, &request, asset.media_type, asset.content) }
        };
        router = router.route(&format!("/assets/{}", asset.name), get(handler));
    }
    router
}

fn file(
    app: &App,
    request: &Request<Body>,
    media_type: &'static str,
    content: &'static [u8],
) -> Response<Body> {
    if let Err(problem) = app.hosts.check(request.method(), request.headers()) {
        let id = request_id();
        return with_headers(Problem::response(&problem, &id), &id);
    }
    let mut reply = Response::new(Body::from(content));
    *reply.status_mut() = StatusCode::OK;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    // A new version of the program has new files.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    with_headers(reply, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/server/page");
        let files =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<String> = files.filter(|name| name != "index.html").collect();
        let mut served: Vec<&str> = ASSETS.iter().map(|asset| asset.name).collect();
        files.sort();
        served.sort_unstable();
        assert_eq!(served, files);
    }
}
