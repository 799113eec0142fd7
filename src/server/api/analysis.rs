//! The faces in photos, without a gallery: their places, their quality, their templates.

use axum::http::{Method, StatusCode};

use super::handler;
use crate::ingest::{self, Census, Finding, Skip, look};
use crate::reply::{
    AnalyzePhotos, AnalyzedFace, AnalyzedPhoto, AnalyzedPhotos, Timings, UnusedFace, VERSION,
};
use crate::server::call::{Call, Reply, json};
use crate::server::input::{self, PhotoForm};
use crate::server::photo::{self, milliseconds};
use crate::server::problem::{Problem, Result};
use crate::server::route::{Access, Route};
use crate::server::token::Scope;

pub fn routes() -> Vec<Route> {
    let route = |path, words, handler| {
        Route::new(Method::POST, path, Access::Scope(Scope::Identify), words, handler)
            .takes::<AnalyzePhotos>()
            .takes_as::<PhotoForm>("multipart/form-data")
            .gives::<AnalyzedPhotos>(200)
    };
    let embed = ("embed", "The templates of the faces in photos, with the model of the gallery");
    let detect = ("detect", "The places of the faces in photos");
    let quality = ("quality", "The quality of the faces in photos");
    vec![
        route("/v1/galleries/{gallery}/embed", embed, handler!(self::embed)),
        route("/v1/galleries/{gallery}/detect", detect, handler!(self::detect)),
        route("/v1/galleries/{gallery}/quality", quality, handler!(self::detect)),
    ]
}

async fn embed(call: Call) -> Result<Reply> {
    if !call.sees_scores() {
        let detail = "this token does not allow templates in replies";
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    let served = call.gallery()?;
    let (photos, options) = input::photos(&call).await?;
    let (_, options) = served.photos(&options)?;
    let looks = photo::each(&call, &served, photos, options, look).await?;
    let mut timings = Timings::default();
    photo::enter(&mut timings, &looks);
    let photos = looks.into_iter().map(|look| {
        let (faces, skip) = match look.result.finding {
            Finding::Faces(faces) => (faces, None),
            Finding::Skipped(skip) => (Vec::new(), Some(skip)),
            Finding::Known => (Vec::new(), None),
        };
        let faces = faces.into_iter().map(|face| AnalyzedFace {
            face: face.index,
            provenance: face.provenance,
            template: Some(face.template.as_slice().to_vec()),
        });
        (faces.collect(), look.result.census, skip)
    });
    reply(&call, photos.collect(), timings)
}

async fn detect(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let (photos, options) = input::photos(&call).await?;
    let (_, options) = served.photos(&options)?;
    let seen = photo::each(&call, &served, photos, options, ingest::detect).await?;
    let mut timings = Timings::default();
    photo::enter(&mut timings, &seen);
    let photos = seen.into_iter().map(|seen| {
        let (faces, skip) = match seen.result.faces {
            Ok(faces) => (faces, None),
            Err(skip) => (Vec::new(), Some(skip)),
        };
        let faces =
            faces.into_iter().map(|(face, provenance)| AnalyzedFace { face, provenance, template: None });
        (faces.collect(), seen.result.census, skip)
    });
    reply(&call, photos.collect(), timings)
}

fn reply(
    call: &Call,
    photos: Vec<(Vec<AnalyzedFace>, Census, Option<Skip>)>,
    mut timings: Timings,
) -> Result<Reply> {
    let photos = photos.into_iter().enumerate().map(|(input, (faces, census, skip))| AnalyzedPhoto {
        input,
        faces,
        refused: census
            .refused
            .into_iter()
            .map(|refused| UnusedFace {
                face: refused.index,
                bounds: refused.bounds,
                reason: refused.skip.reason,
                detail: refused.skip.detail,
            })
            .collect(),
        not_looked_at: census.not_looked_at,
        reason: skip.as_ref().map(|skip| skip.reason),
        detail: skip.map(|skip| skip.detail).unwrap_or_default(),
    });
    let photos = photos.collect();
    timings.total_ms = milliseconds(call.received.elapsed());
    json(StatusCode::OK, &AnalyzedPhotos { version: VERSION, photos, timings })
}
