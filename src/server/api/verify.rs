//! Verification.

use axum::http::{Method, StatusCode};

use super::handler;
use crate::decision::Decision;
use crate::ingest::{Faces, Look, look};
use crate::reply::{FaceOptions, Refusal, VerifiedFaces, VerifyFaces};
use crate::server::call::{Call, Reply, json};
use crate::server::decision_log::Entry;
use crate::server::input::{self, Face, PairForm};
use crate::server::photo::{self, Processed};
use crate::server::problem::{Problem, Result};
use crate::server::route::{Access, Route};
use crate::server::token::Scope;
use crate::session::{Side, Verified, threshold, verified};

/// The names of the two faces in a request.
const SIDES: [&str; 2] = ["a", "b"];

pub fn routes() -> Vec<Route> {
    let words = ("verify", "Decide whether two faces are of one person");
    let access = Access::Scope(Scope::Identify);
    vec![
        Route::new(Method::POST, "/v1/galleries/{gallery}/verify", access, words, handler!(verify))
            .takes::<VerifyFaces>()
            .takes_as::<PairForm>("multipart/form-data")
            .gives::<VerifiedFaces>(200),
    ]
}

async fn verify(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let (faces, given, photos) = input::verify(&call, &served).await?;
    if given.is_some() && !call.sees_scores() {
        let detail = "this token does not allow thresholds of its own; the model's applies";
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    let binding = served.session.gallery().binding();
    let threshold = threshold(given, binding)?;
    let (_, options) = served.photos(&FaceOptions { faces: Faces::Largest, ..photos })?;
    let bytes = faces.iter().filter_map(Face::photo).collect();
    let looks = photo::each(&call, &served, bytes, options, look).await?;
    let mut seen = looks.iter();
    let mut sides = Vec::with_capacity(2);
    for (face, name) in faces.iter().zip(SIDES) {
        sides.push(match face {
            Face::Template(template) => Side::Template(template),
            Face::Photo(_) => {
                let look: Option<&Processed<Look>> = seen.next();
                let look = &look.ok_or_else(|| Problem::internal(&"a photo was not processed"))?.result;
                Side::Photo { path: name.to_owned(), finding: &look.finding, census: &look.census }
            }
        });
    }
    let Ok(sides) = <[Side<'_>; 2]>::try_from(sides) else {
        return Err(Problem::internal(&"expected two faces"));
    };
    let verdict = match verified(&sides, &threshold, binding) {
        Verified::Compared(mut compared) => {
            compared.a.path.clear();
            compared.b.path.clear();
            VerifiedFaces::Compared(compared)
        }
        Verified::Refused(mut refused) => {
            for Refusal { probe, .. } in &mut refused {
                let side = SIDES.iter().position(|name| *name == probe.path);
                probe.row = side.map(|side| side as u64);
                probe.path.clear();
            }
            VerifiedFaces::Refused { decision: Decision::Inconclusive, refused }
        }
        Verified::Stopped(_) => return Err(Problem::unavailable("the server is stopping")),
    };
    log(&call, &served.name, &verdict)?;
    json(StatusCode::OK, &hidden(&call, verdict))
}

/// Senders who may not see scores get the decision and the score in bands.
fn hidden(call: &Call, mut verdict: VerifiedFaces) -> VerifiedFaces {
    if let VerifiedFaces::Compared(compared) = &mut verdict
        && !call.sees_scores()
    {
        compared.similarity = super::identify::band(compared.similarity);
        compared.distance = 1.0 - compared.similarity;
    }
    verdict
}

fn log(call: &Call, gallery: &str, verdict: &VerifiedFaces) -> Result<()> {
    let Some(log) = &call.app.decisions else { return Ok(()) };
    let (decision, threshold) = match verdict {
        VerifiedFaces::Compared(compared) => (compared.decision, Some(compared.threshold)),
        VerifiedFaces::Refused { decision, .. } => (*decision, None),
    };
    let (token, request) = (call.token_name(), &*call.id);
    let entry = Entry { token, gallery, request, probe: 0, decision, subject_id: None, threshold };
    log.append(&[entry]).map_err(|error| Problem::internal(&error))
}
