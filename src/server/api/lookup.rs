//! Look-ups of templates, without decisions.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use tokio::time::timeout;

use super::handler;
use crate::reply::{LookUp, LookUpRange, LookedUp, RangeLine, VERSION};
use crate::server::call::{Call, Reply, json, with_type};
use crate::server::input::template;
use crate::server::problem::{Problem, Result};
use crate::server::route::{Access, Route};
use crate::server::served::Served;
use crate::server::token::Scope;
use crate::session::lookup;
use crate::template::Template;

/// Lines in one piece of a reply.
const LINES: usize = 512;
/// Longest time in which a client must take a piece.
const SLOWEST: Duration = Duration::from_secs(30);

pub fn routes() -> Vec<Route> {
    let access = Access::Scope(Scope::Admin);
    let search = ("search", "The templates closest to others");
    let groups = ("searchGroups", "The subjects closest to templates, each with its best template");
    let range = (
        "range",
        "All templates with at least a given score: one JSON object per line, and one at the end of each probe",
    );
    let route = |path, words, handler| {
        Route::new(Method::POST, path, access, words, handler).takes::<LookUp>().gives::<LookedUp>(200)
    };
    vec![
        route("/v1/galleries/{gallery}/search", search, handler!(self::search)),
        route("/v1/galleries/{gallery}/search/groups", groups, handler!(self::groups)),
        Route::new(Method::POST, "/v1/galleries/{gallery}/range", access, range, handler!(self::range))
            .takes::<LookUpRange>()
            .gives_as::<RangeLine>(200, "application/x-ndjson"),
    ]
}

fn templates(embeddings: &[Vec<f32>], served: &Served) -> Result<Vec<Template>> {
    if embeddings.is_empty() || embeddings.len() > 1024 {
        return Err(Problem::field("embeddings", format!("expected 1 to 1024, got {}", embeddings.len())));
    }
    let embeddings = embeddings.iter().enumerate();
    embeddings.map(|(at, numbers)| template(numbers, served, || format!("embeddings[{at}]"))).collect()
}

async fn search(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let LookUp { embeddings, top_k } = call.json()?;
    let templates = templates(&embeddings, &served)?;
    require_length(top_k)?;
    let lookups = call.work(move || {
        let gallery = served.session.gallery();
        (0..).zip(&templates).map(|(at, one)| lookup::search(gallery, at, one, top_k as usize)).collect()
    });
    let lookups = lookups.await.map_err(|error: Problem| error)?;
    json(StatusCode::OK, &LookedUp { version: VERSION, lookups })
}

async fn groups(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let LookUp { embeddings, top_k } = call.json()?;
    let templates = templates(&embeddings, &served)?;
    require_length(top_k)?;
    let lookups = call.work(move || {
        (0..)
            .zip(&templates)
            .map(|(at, one)| served.session.closest_subjects(at, one, top_k as usize))
            .collect()
    });
    json(StatusCode::OK, &LookedUp { version: VERSION, lookups: lookups.await? })
}

fn require_length(top_k: u32) -> Result<()> {
    if (1..=10_000).contains(&top_k) {
        return Ok(());
    }
    Err(Problem::field("top_k", format!("expected 1 to 10000, got {top_k}")))
}

async fn range(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let LookUpRange { embeddings, min_score } = call.json()?;
    if !(-1.0..=1.0).contains(&min_score) {
        return Err(Problem::field("min_score", format!("expected a cosine from -1 to 1, got {min_score}")));
    }
    let templates = templates(&embeddings, &served)?;
    let (sender, body) = Channel::<Bytes>::new(8);
    let place =
        std::sync::Arc::clone(&call.app.work).try_acquire_owned().map_err(|_| Problem::overloaded())?;
    let handle = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let mut lines = Lines { sender, text: Vec::new(), waiting: 0, handle };
        for (probe, one) in (0..).zip(&templates) {
            if lines.enter(&served, probe, one, min_score).is_none() {
                return; // the client has left
            }
        }
        lines.flush();
    });
    Ok(with_type(StatusCode::OK, "application/x-ndjson", Body::new(body)))
}

/// Lines on their way to a client. They wait until the client has read earlier ones.
struct Lines {
    sender: Sender<Bytes>,
    text: Vec<u8>,
    waiting: usize,
    handle: tokio::runtime::Handle,
}

impl Lines {
    /// The lines of a probe. `None` if the client has left.
    fn enter(&mut self, served: &Served, probe: u64, template: &Template, min_score: f32) -> Option<()> {
        let found = lookup::range(served.session.gallery(), probe, template, min_score, &|| false);
        let found = match found {
            Ok((found, _)) => found,
            Err(error) => {
                let failed = Problem::from(error).code.to_owned();
                self.push(&RangeLine::Failed { failed })?;
                self.flush()?;
                return None;
            }
        };
        let hits = found.matches.len() as u64;
        for hit in found.matches {
            self.push(&RangeLine::Hit { probe, hit })?;
        }
        let (complete, searched, max_similarity) = (found.complete, found.searched, found.max_similarity);
        self.push(&RangeLine::End { probe, hits, complete, searched, max_similarity })
    }

    fn push(&mut self, line: &RangeLine) -> Option<()> {
        serde_json::to_writer(&mut self.text, line).ok()?;
        self.text.push(b'\n');
        self.waiting += 1;
        if self.waiting == LINES { self.flush() } else { Some(()) }
    }

    fn flush(&mut self) -> Option<()> {
        self.waiting = 0;
        let text = std::mem::take(&mut self.text);
        let send = self.sender.send_data(text.into());
        self.handle.block_on(async { timeout(SLOWEST, send).await }).ok()?.ok()
    }
}
