//! Enrollment, and corrections of single templates.

use std::path::PathBuf;
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;

use super::handler;
use crate::gallery::{EnrolledTemplate, FaceOfPhoto, GalleryError, Person};
use crate::image::{self, PhotoHash, picture};
use crate::ingest::{Census, Faces, RefusedFace, look};
use crate::reason::Reason;
use crate::reply::{
    EnrollFaces, EnrolledFaces, FaceEnrolled, FaceOptions, MoveFaces, Renamed, TemplatesMoved,
    TemplatesRemoved, Timings, UnusedFace, VERSION,
};
use crate::server::call::{Call, Reply, json, with_type};
use crate::server::enroller::{Set, Written};
use crate::server::idempotency::Attempt;
use crate::server::input::{self, Enroll, EnrollQuery, Face, Octets, PhotoForm};
use crate::server::photo::{self, milliseconds};
use crate::server::problem::{Problem, Result};
use crate::server::route::{Access, Route};
use crate::server::served::Served;
use crate::server::token::Scope;
use crate::session::{Enrolled, EnrolledRow, ProcessedPhoto, person_of_face, subjects};

const FACES: &str = "/v1/galleries/{gallery}/faces";
const FACE: &str = "/v1/galleries/{gallery}/faces/{face}";
const PICTURE: &str = "/v1/galleries/{gallery}/faces/{face}/picture";

pub fn routes() -> Vec<Route> {
    let (enroll, admin) = (Access::Scope(Scope::Enroll), Access::Scope(Scope::Admin));
    let words = ("enroll", "Enroll faces; they are durable when the reply is sent");
    let picture = ("facePicture", "The face in its photo, if the server keeps photos");
    let remove = ("removeFace", "Remove a template");
    let relocate = ("moveFaces", "Move templates to another subject");
    vec![
        Route::new(Method::POST, FACES, enroll, words, handler!(self::enroll))
            .query::<EnrollQuery>()
            .takes_key()
            .takes::<EnrollFaces>()
            .takes_as::<PhotoForm>("multipart/form-data")
            .takes_as::<Octets>("application/octet-stream")
            .gives::<EnrolledFaces>(200)
            .gives::<EnrolledFaces>(201),
        Route::new(Method::GET, PICTURE, enroll, picture, handler!(self::picture))
            .gives_as::<Octets>(200, "image/jpeg"),
        Route::new(Method::DELETE, FACE, admin, remove, handler!(self::remove))
            .gives::<TemplatesRemoved>(200),
        Route::new(
            Method::POST,
            "/v1/galleries/{gallery}/faces/move",
            admin,
            relocate,
            handler!(self::relocate),
        )
        .takes::<MoveFaces>()
        .gives::<TemplatesMoved>(200),
    ]
}

async fn enroll(call: Call) -> Result<Reply> {
    let Some(key) = call.headers.get("idempotency-key") else { return enroll_once(&call).await };
    let key = key.to_str().map_err(|_| Problem::field("Idempotency-Key", "expected printable ASCII"))?;
    let (token, path) = (call.token_name(), call.uri.to_string());
    match call.app.idempotency.enter(token, &path, key, input::identity(&call))? {
        Attempt::Repeated(status, body) => Ok(with_type(status, "application/json", body)),
        Attempt::First(running) => {
            let (parts, body) = enroll_once(&call).await?.into_parts();
            let body = body.collect().await.map_err(|error| Problem::internal(&error))?.to_bytes();
            running.finish(parts.status, body.clone());
            Ok(Reply::from_parts(parts, body.into()))
        }
    }
}

async fn enroll_once(call: &Call) -> Result<Reply> {
    let served = call.gallery()?;
    let Enroll { faces, photos } = input::enroll(call, &served).await?;
    let is_named = |(_, person): &(Face, Person)| matches!(person, Person::Named(_));
    if photos.faces == Faces::All && faces.iter().any(is_named) {
        return Err(Problem::field("photos.faces", "all faces of a photo would get the same name"));
    }
    let mut timings = Timings::default();
    let set = templates(&faces);
    let results = if faces.len() == set.len() {
        Vec::new()
    } else {
        enroll_photos(call, &served, &faces, &photos, &mut timings).await?
    };
    let rows = if set.is_empty() { Vec::new() } else { enroll_set(&served, set, &mut timings).await? };
    let assemble = move || {
        let (mut results, mut rows) = (results.into_iter(), rows.into_iter());
        let result = |(face, person): &(Face, Person)| {
            let result = match face {
                Face::Photo(_) => {
                    results.next().map(|(hash, written)| of_photo(&served, (&hash, person), written))
                }
                Face::Template(_) => rows.next().map(|row| of_row(&served, person, row)),
            };
            result.unwrap_or_else(|| Err(Problem::internal(&"a face has no result")))
        };
        faces.iter().map(result).collect::<Result<Vec<_>>>()
    };
    // It reads the catalog, which may wait for a write.
    let enrolled = call.work(assemble).await?;
    timings.total_ms = milliseconds(call.received.elapsed());
    reply(enrolled, timings)
}

/// The templates among the faces.
fn templates(faces: &[(Face, Person)]) -> Set {
    let templates = faces.iter().filter_map(|(face, person)| match face {
        Face::Template(template) => Some((template.clone(), person.clone())),
        Face::Photo(_) => None,
    });
    templates.collect()
}

async fn enroll_set(served: &Served, set: Set, timings: &mut Timings) -> Result<Vec<EnrolledRow>> {
    let Written { result, waited, wrote } = served.enroller.set(set).await?;
    timings.queue_ms += milliseconds(waited);
    timings.write_ms += milliseconds(wrote);
    Ok(result)
}

fn of_row(served: &Served, person: &Person, row: EnrolledRow) -> Result<FaceEnrolled> {
    Ok(match row.subject {
        Some(subject_id) => FaceEnrolled::Enrolled {
            subject: person.name().to_string(),
            subject_id,
            subjects: Vec::new(),
            renamed: Vec::new(),
            face_ids: vec![row.id],
            faces: None,
            not_looked_at: None,
            note: None,
            bounds: None,
            quality: None,
            refused: Vec::new(),
        },
        None => {
            let subject = served.session.gallery().template(row.id)?.map(|template| template.subject);
            let (reason, detail) = (Reason::Duplicate, String::new());
            FaceEnrolled::Unchanged { subject, face_ids: vec![row.id], reason, detail }
        }
    })
}

async fn enroll_photos(
    call: &Call,
    served: &Arc<Served>,
    faces: &[(Face, Person)],
    photos: &FaceOptions,
    timings: &mut Timings,
) -> Result<Vec<(PhotoHash, Enrolled)>> {
    let (request, options) = served.photos(photos)?;
    let given = faces.iter().filter_map(|(face, person)| match face {
        Face::Photo(bytes) => Some((bytes.clone(), person.clone())),
        Face::Template(_) => None,
    });
    let (bytes, people): (Vec<_>, Vec<Person>) = given.unzip();
    let keeps = call.app.options.keep_photos;
    let originals = if keeps { bytes.clone() } else { Vec::new() };
    let looks = photo::each(call, served, bytes, options, look).await?;
    photo::enter(timings, &looks);
    // All photos are queued before the first result is awaited, so that they become durable together.
    let photos = looks.into_iter().zip(people).map(|(look, person)| {
        let hash = look.result.hash;
        let photo =
            ProcessedPhoto { look: look.result, path: PathBuf::new(), person, photos: request.clone() };
        (hash, served.enroller.queue_photo(photo))
    });
    let photos: Vec<_> = photos.collect();
    let mut results = Vec::with_capacity(photos.len());
    for (hash, queued) in photos {
        let Written { result, waited, wrote } = queued?.written().await?;
        timings.queue_ms = timings.queue_ms.max(milliseconds(waited));
        timings.write_ms = timings.write_ms.max(milliseconds(wrote));
        let is_new = matches!(result, Enrolled::Added(..));
        results.push((hash, result));
        if let Some(original) = originals.get(results.len() - 1).filter(|_| is_new) {
            keep_picture(call, served, hash, original.clone()).await?;
        }
    }
    Ok(results)
}

/// Keeps a smaller copy of a photo. The photo is enrolled in any case.
async fn keep_picture(call: &Call, served: &Arc<Served>, hash: PhotoHash, photo: Bytes) -> Result<()> {
    let served = Arc::clone(served);
    let (_, options) = served.photos(&FaceOptions::default())?;
    let place = call.app.photos.admit_another().await?;
    let keep = move || {
        let picture = image::decode(&photo, &options.limits).ok().and_then(|photo| picture::picture(&photo));
        let Some(picture) = picture else { return Ok(()) };
        served.session.gallery().keep_picture(&hash, &picture)
    };
    match call.app.photos.start_work(place, keep)?.done().await?.0 {
        Ok(()) | Err(GalleryError::UnknownPhoto { .. }) => Ok(()), // it may have been removed at once
        Err(error) => Err(error.into()),
    }
}

async fn picture(call: Call) -> Result<Reply> {
    let (served, id) = (call.gallery()?, call.id_parameter("face", "unknown_face")?);
    let found = call.work(move || {
        let gallery = served.session.gallery();
        let Some(FaceOfPhoto { photo, face, .. }) = gallery.face_of(id)? else { return Ok(None) };
        let picture = gallery.picture(&photo)?;
        Ok::<_, GalleryError>(picture.and_then(|picture| picture::face(&picture, face.bounds)))
    });
    let picture =
        found.await?.ok_or_else(|| Problem::not_found("no_picture", "no picture of this face is kept"))?;
    Ok(with_type(StatusCode::OK, "image/jpeg", picture))
}

fn of_photo(
    served: &Served,
    (hash, person): (&PhotoHash, &Person),
    enrolled: Enrolled,
) -> Result<FaceEnrolled> {
    let gallery = served.session.gallery();
    match enrolled {
        Enrolled::Added(templates, census) => {
            let face_ids: Vec<u64> = templates.iter().map(|template| template.id).collect();
            let first =
                templates.first().map(|template| gallery.template(template.id)).transpose()?.flatten();
            let Some(first) = first else {
                return Err(Problem::conflict("removed", "the face was removed at once"));
            };
            let subjects: Vec<String> =
                templates.iter().map(|template| template.subject.to_string()).collect();
            Ok(FaceEnrolled::Enrolled {
                subject: first.subject,
                subject_id: first.subject_id,
                renamed: renamed(person, &templates)?,
                subjects: if subjects.len() > 1 { subjects } else { Vec::new() },
                face_ids,
                faces: Some(census.found),
                not_looked_at: Some(census.not_looked_at),
                note: census.note(),
                bounds: first.face.as_ref().map(|face| face.bounds),
                quality: first.face.map(|face| face.quality),
                refused: refused(&census),
            })
        }
        Enrolled::Skipped(skip, _) if matches!(skip.reason, Reason::Duplicate | Reason::OtherName) => {
            let held = gallery.templates_of_photo(hash)?;
            let subject = held.iter().find_map(|template| template.subject.clone());
            let face_ids = held.into_iter().map(|template| template.template).collect();
            // The detail of the skip may contain a path of this machine.
            let detail = subject.as_ref().filter(|_| skip.reason == Reason::OtherName);
            let detail = detail.map(|subject| format!("in the gallery as {subject}")).unwrap_or_default();
            Ok(FaceEnrolled::Unchanged { subject, face_ids, reason: skip.reason, detail })
        }
        Enrolled::Skipped(skip, census) => {
            let (reason, detail) = (skip.reason, skip.detail);
            Ok(FaceEnrolled::Skipped { reason, detail, refused: refused(&census) })
        }
    }
}

/// Generated names that were already used, and the names that were used instead.
fn renamed(person: &Person, templates: &[EnrolledTemplate]) -> Result<Vec<Renamed>> {
    let mut renamed = Vec::new();
    for template in templates {
        let (from, to) =
            (person_of_face(person, template.face)?.name().to_string(), template.subject.to_string());
        if from != to {
            renamed.push(Renamed { from, to });
        }
    }
    Ok(renamed)
}

fn refused(census: &Census) -> Vec<UnusedFace> {
    let unused = |face: &RefusedFace| UnusedFace {
        face: face.index,
        bounds: face.bounds,
        reason: face.skip.reason,
        detail: face.skip.detail.clone(),
    };
    census.refused.iter().map(unused).collect()
}

/// 201 if something was added, 200 if everything was there. If no face gave a template, a problem with the first reason and all results.
fn reply(faces: Vec<FaceEnrolled>, timings: Timings) -> Result<Reply> {
    let skipped = faces.iter().filter_map(|face| match face {
        FaceEnrolled::Skipped { reason, detail, .. } => Some((*reason, detail.clone())),
        _ => None,
    });
    let skipped: Vec<_> = skipped.collect();
    if let Some((reason, detail)) = skipped.first().filter(|_| skipped.len() == faces.len()) {
        return Err(Problem { faces, ..Problem::no_template(*reason, detail) });
    }
    let is_new = faces.iter().any(|face| matches!(face, FaceEnrolled::Enrolled { .. }));
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    json(status, &EnrolledFaces { version: VERSION, faces, timings })
}

async fn remove(call: Call) -> Result<Reply> {
    let (served, id) = (call.gallery()?, call.id_parameter("face", "unknown_face")?);
    let removed =
        call.work(move || subjects::remove_templates(served.session.gallery(), &[id], false)).await?;
    json(StatusCode::OK, &removed.0)
}

async fn relocate(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let MoveFaces { face_ids, to } = call.json()?;
    if face_ids.is_empty() {
        return Err(Problem::field("face_ids", "expected at least one"));
    }
    input::person(&to, || "to".into())?;
    let moved =
        call.work(move || subjects::move_templates(served.session.gallery(), &face_ids, &to, false)).await?;
    json(StatusCode::OK, &moved.0)
}
