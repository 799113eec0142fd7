//! Verification.

use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::handler;
use crate::ingest::{Faces, Look};
use crate::reply::{FaceOptions, Refusal, Verification, VerifyFaces};
use crate::server::call::{Call, Reply, json};
use crate::server::decision_log::Entry;
use crate::server::input::{self, Face, PairForm};
use crate::server::photo::{self, Processed};
use crate::server::problem::{Problem, Result};
use crate::server::route::{Access, Route};
use crate::server::token::Scope;
use crate::session::{Side, Verified, threshold, verified};

/// The reply of a verification.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Verdict {
    /// Two faces were compared.
    Compared(Box<Verification>),
    /// A photo gave no template.
    Refused {
        /// The decision: `inconclusive`.
        decision: crate::decision::Decision,
        /// The photos or faces without a template.
        refused: Vec<Refusal>,
    },
}

pub fn routes() -> Vec<Route> {
    let words = ("verify", "Decide whether two faces are of one person");
    let access = Access::Scope(Scope::Identify);
    vec![
        Route::new(Method::POST, "/v1/galleries/{gallery}/verify", access, words, handler!(verify))
            .takes::<VerifyFaces>()
            .takes_as::<PairForm>("multipart/form-data")
            .gives::<Verdict>(200),
    ]
}

async fn verify(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let (faces, given, photos) = input::verify(&call, &served).await?;
    let binding = served.session.gallery().binding();
    let threshold = threshold(given, binding)?;
    let (_, options) = served.photos(&FaceOptions { faces: Faces::Largest, ..photos })?;
    let looks = photo::looks(&call, &served, faces.iter().filter_map(Face::photo).collect(), options).await?;
    let mut seen = looks.iter();
    let mut sides = Vec::with_capacity(2);
    for face in &faces {
        sides.push(match face {
            Face::Template(template) => Side::Template(template),
            Face::Photo(_) => {
                let look: Option<&Processed<Look>> = seen.next();
                Side::of(&look.ok_or_else(|| Problem::internal(&"a photo was not processed"))?.result)
            }
        });
    }
    let Ok(sides) = <[Side<'_>; 2]>::try_from(sides) else { return Err(Problem::internal(&"expected two faces")) };
    let verdict = match verified(&sides, &threshold, binding) {
        Verified::Compared(compared) => Verdict::Compared(compared),
        Verified::Refused(refused) => {
            Verdict::Refused { decision: crate::decision::Decision::Inconclusive, refused }
        }
        Verified::Stopped(_) => return Err(Problem::unavailable("the server is stopping")),
    };
    log(&call, &verdict)?;
    json(StatusCode::OK, &hidden(&call, verdict))
}

/// Senders who may not see scores get the decision and the score in bands.
fn hidden(call: &Call, mut verdict: Verdict) -> Verdict {
    if let Verdict::Compared(compared) = &mut verdict
        && !call.sees_scores()
    {
        compared.similarity = (compared.similarity / 0.05).floor() * 0.05;
        compared.distance = 1.0 - compared.similarity;
    }
    verdict
}

fn log(call: &Call, verdict: &Verdict) -> Result<()> {
    let Some(log) = &call.app.decisions else { return Ok(()) };
    let (decision, threshold) = match verdict {
        Verdict::Compared(compared) => (compared.decision, Some(compared.threshold)),
        Verdict::Refused { decision, .. } => (*decision, None),
    };
    let (token, request) = (call.token_name(), &*call.id);
    let entry = Entry { token, gallery: "", request, probe: 0, decision, subject_id: None, threshold };
    log.append(&[entry]).map_err(|error| Problem::internal(&error))
}
