//! Subjects: pages of them, their templates, corrections, and their erasure.

use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::handler;
use super::jobs::purge_job;
use crate::gallery::{Gallery, GalleryError, Name};
use crate::reply::{
    ErasedSubject, MergeSubject, RenameSubject, SubjectCorrected, SubjectErased, SubjectOnPage, SubjectShown,
    SubjectsPage, VERSION,
};
use crate::server::call::{Call, Reply, json};
use crate::server::problem::{Problem, Result};
use crate::server::route::{Access, Route};
use crate::server::token::Scope;
use crate::session::{SessionError, subjects};

/// Subjects on a page by default, and at most.
const PAGE: (usize, usize) = (50, 1000);
/// Subjects that are read at once when names are searched.
const BLOCK: usize = 4096;
/// Most subjects that are looked at for a page.
const LOOKED_AT: usize = 200_000;

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct SubjectsQuery {
    /// Subjects on the page.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Only subjects whose name contains this text, without regard to case.
    contains: Option<String>,
    /// Only the subject with this name.
    name: Option<String>,
}

pub fn routes() -> Vec<Route> {
    const ALL: &str = "/v1/galleries/{gallery}/subjects";
    const ONE: &str = "/v1/galleries/{gallery}/subjects/{subject}";
    const MERGE: &str = "/v1/galleries/{gallery}/subjects/{subject}/merge";
    let (enroll, admin) = (Access::Scope(Scope::Enroll), Access::Scope(Scope::Admin));
    let erase = ("eraseSubject", "Remove a subject at once, and erase its templates from all files by a job");
    vec![
        Route::new(Method::GET, ALL, enroll, ("listSubjects", "A page of subjects"), handler!(self::list))
            .query::<SubjectsQuery>()
            .gives::<SubjectsPage>(200),
        Route::new(
            Method::GET,
            ONE,
            enroll,
            ("showSubject", "A subject with its templates"),
            handler!(self::show),
        )
        .gives::<SubjectShown>(200),
        Route::new(Method::PATCH, ONE, admin, ("renameSubject", "Rename a subject"), handler!(self::rename))
            .takes::<RenameSubject>()
            .gives::<SubjectCorrected>(200),
        Route::new(
            Method::POST,
            MERGE,
            admin,
            ("mergeSubject", "Merge a subject into another"),
            handler!(self::merge),
        )
        .takes::<MergeSubject>()
        .gives::<SubjectCorrected>(200),
        Route::new(Method::DELETE, ONE, admin, erase, handler!(self::erase)).gives::<SubjectErased>(202),
    ]
}

async fn list(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let query: SubjectsQuery = call.query()?;
    let page = call.work(move || page(served.session.gallery(), &query)).await?;
    json(StatusCode::OK, &page)
}

fn page(gallery: &Gallery, query: &SubjectsQuery) -> Result<SubjectsPage> {
    let limit = query.limit.unwrap_or(PAGE.0);
    if !(1..=PAGE.1).contains(&limit) {
        return Err(Problem::field("limit", format!("expected 1 to {}, got {limit}", PAGE.1)));
    }
    if let Some(name) = &query.name {
        let found = match gallery.subject(name) {
            Ok(subject) => gallery.subjects_after(subject.id.saturating_sub(1), 1)?,
            Err(GalleryError::UnknownSubject { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        return Ok(SubjectsPage {
            version: VERSION,
            subjects: found.into_iter().map(on_page).collect(),
            next: None,
        });
    }
    let mut after: u64 = match &query.cursor {
        None => 0,
        Some(cursor) => cursor.parse().map_err(|_| Problem::field("cursor", "not the `next` of a page"))?,
    };
    let wanted = query.contains.as_ref().map(|text| text.to_lowercase());
    let block = if wanted.is_some() { BLOCK } else { limit + 1 };
    let (mut subjects, mut looked_at) = (Vec::new(), 0);
    let next = loop {
        let found = gallery.subjects_after(after, block)?;
        let is_last = found.len() < block;
        looked_at += found.len();
        for (subject, face) in found {
            let fits = wanted.as_ref().is_none_or(|text| subject.name.to_lowercase().contains(text));
            if subjects.len() == limit {
                return Ok(SubjectsPage { version: VERSION, subjects, next: Some(after.to_string()) });
            }
            after = subject.id;
            if fits && subject.templates > 0 {
                subjects.push(on_page((subject, face)));
            }
        }
        if is_last {
            break None;
        }
        if looked_at >= LOOKED_AT {
            break Some(after.to_string());
        }
    };
    Ok(SubjectsPage { version: VERSION, subjects, next })
}

fn on_page((subject, face_id): (crate::gallery::Subject, Option<u64>)) -> SubjectOnPage {
    SubjectOnPage { subject_id: subject.id, subject: subject.name, templates: subject.templates, face_id }
}

async fn show(call: Call) -> Result<Reply> {
    let (served, id) = (call.gallery()?, call.id_parameter("subject", "unknown_subject")?);
    let work = move || {
        let gallery = served.session.gallery();
        subjects::shown(gallery, &gallery.subject_of_id(id)?)
    };
    let mut shown = call.work(work).await?;
    if !call.token.as_ref().is_some_and(|token| token.allows(Scope::Admin)) {
        // Paths of photos that the owner enrolled are paths of the server.
        shown.templates.iter_mut().for_each(|template| template.path = None);
    }
    json(StatusCode::OK, &shown)
}

async fn rename(call: Call) -> Result<Reply> {
    let (served, id) = (call.gallery()?, call.id_parameter("subject", "unknown_subject")?);
    let RenameSubject { name } = call.json()?;
    let to = Name::new(&name).map_err(|error| Problem::field("name", error.to_string()))?;
    let renamed = call.work(move || {
        let gallery = served.session.gallery();
        let from = gallery.subject_of_id(id)?.name;
        if let Ok(other) = gallery.subject(to.as_str())
            && other.id != id
        {
            return Err(Problem::conflict(
                "name_taken",
                "another subject has this name; merge the two instead",
            ));
        }
        if from == to.as_str() {
            return Err(Problem::conflict("unchanged", "the subject has this name already"));
        }
        Ok(subjects::rename(gallery, &from, &to, false)?)
    });
    json(StatusCode::OK, &renamed.await?)
}

async fn merge(call: Call) -> Result<Reply> {
    let (served, id) = (call.gallery()?, call.id_parameter("subject", "unknown_subject")?);
    let MergeSubject { into } = call.json()?;
    if id == into {
        return Err(Problem::field("into", "a subject cannot be merged with itself"));
    }
    let merged = call.work(move || {
        let gallery = served.session.gallery();
        let (from, into) = (gallery.subject_of_id(id)?.name, gallery.subject_of_id(into)?.name);
        subjects::merge(gallery, &from, &into, false)
    });
    json(StatusCode::OK, &merged.await?)
}

async fn erase(call: Call) -> Result<Reply> {
    let (served, id) = (call.gallery()?, call.id_parameter("subject", "unknown_subject")?);
    let work = {
        let served = std::sync::Arc::clone(&served);
        move || {
            let gallery = served.session.gallery();
            let subject = gallery.subject_of_id(id)?;
            let face_ids = gallery.templates_of(&subject)?.iter().map(|template| template.id).collect();
            let removed = subjects::remove(gallery, &subject.name, false)?;
            Ok::<_, SessionError>((removed, ErasedSubject { subject_id: id, face_ids }))
        }
    };
    let (removed, erased) = call.work(work).await?;
    let job = purge_job(&call.app, &served, Some(erased))?.shown();
    json(StatusCode::ACCEPTED, &SubjectErased { removed, job })
}
