//! Identification of photos in folders and of rows of a file.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::batch::{Batches, Item, in_parts};
use super::error::{ClientError, Result};
use super::Client;
use crate::ingest::{Skip, walk};
use crate::reason::Reason;
use crate::reply::{
    FaceOptions, GalleryShown, GivenFace, IdentifiedFaces, IdentifyFaces, IdentifyRequest, Model, Probe, Refusal, Reply,
};
use crate::session::Stopped;
use crate::vectors::VectorFile;

/// Rows of a request. A server searches for as many in one pass.
const ROWS: usize = 256;

impl Client<'_> {
    /// Identifies the faces in photos and in folders of photos, as [`Session::identify_photos`](crate::session::Session::identify_photos).
    ///
    /// # Errors
    /// The first error of `sink`; the server cannot be reached, or refused a request.
    pub fn identify_photos<E: From<ClientError>>(
        &self,
        gallery: &GalleryShown,
        paths: &[PathBuf],
        photos: &FaceOptions,
        request: &IdentifyRequest,
        mut sink: impl FnMut(Reply) -> Result<(), E>,
    ) -> Result<Stopped, E> {
        let request = IdentifyFaces { photos: photos.clone(), ..request.clone().into() };
        let model = Model::from(&gallery.model);
        let mut looked_at = 0;
        for batch in Batches::new(walk(paths).map(Item::read)) {
            if self.is_stopped() {
                break;
            }
            let sent: Vec<&[u8]> = batch.iter().filter_map(|item| item.content.as_deref().ok()).collect();
            let replies = match self.replies(gallery, &sent, &request, &model) {
                Err(_) if self.is_stopped() => break,
                replies => replies?,
            };
            let mut replies = replies.into_iter();
            for item in &batch {
                looked_at += 1;
                let of_item = match &item.content {
                    Ok(_) => replies.next().unwrap_or_default(),
                    // Beside photos in folders there are other files.
                    Err(skip) if skip.reason == Reason::NotAPhoto => Vec::new(),
                    Err(skip) => vec![refused(skip, &model)],
                };
                of_item.into_iter().map(|reply| placed(reply, &item.path(), None)).try_for_each(&mut sink)?;
            }
        }
        let total = if self.is_stopped() { (walk(paths).count() as u64).max(looked_at) } else { looked_at };
        Ok(Stopped { looked_at, total, unit: "input" })
    }

    /// Identifies the valid rows of a file of vectors, as [`Session::identify_rows`](crate::session::Session::identify_rows). Returns the
    /// number of processed rows.
    ///
    /// # Errors
    /// The first error of `sink`; the file cannot be read; the server cannot be reached, or refused a request.
    pub fn identify_rows<E: From<ClientError>>(
        &self,
        gallery: &GalleryShown,
        file: &VectorFile,
        request: &IdentifyRequest,
        mut sink: impl FnMut(Reply) -> Result<(), E>,
    ) -> Result<u64, E> {
        let path = file.path().to_string_lossy().into_owned();
        let mut looked_at = 0;
        for first in (0..file.rows).step_by(ROWS) {
            let rows = file.valid(first, ROWS).map_err(|error| ClientError::Input(error.to_string()))?;
            if self.is_stopped() {
                break;
            }
            if rows.is_empty() {
                continue;
            }
            let probes = rows.iter().map(|(_, row)| GivenFace::Embedding { embedding: row.as_slice().to_vec() });
            let request = IdentifyFaces { probes: probes.collect(), ..request.clone().into() };
            let found = match self.identify_templates(&gallery.gallery, &request) {
                Err(_) if self.is_stopped() => break,
                found => found?,
            };
            if found.replies.len() != rows.len() {
                return Err(ClientError::Input("the server replied to other probes".into()).into());
            }
            for (reply, (row, _)) in found.replies.into_iter().zip(rows) {
                sink(placed(reply, &path, Some(row)))?;
                looked_at += 1;
            }
        }
        Ok(looked_at)
    }

    /// The replies for each photo.
    fn replies(
        &self,
        gallery: &GalleryShown,
        photos: &[&[u8]],
        request: &IdentifyFaces,
        model: &Model,
    ) -> Result<Vec<Vec<Reply>>> {
        let mut send = |part: &[&[u8]]| self.identify(&gallery.gallery, part, request);
        let mut all = Vec::with_capacity(photos.len());
        for (count, result) in in_parts(photos, &ClientError::is_too_large, &mut send)? {
            match result {
                Ok(found) => all.extend(by_photo(found, count)?),
                Err(error) => {
                    let detail = match error {
                        ClientError::Problem { problem, .. } => problem.detail,
                        error => error.to_string(),
                    };
                    all.push(vec![refused(&Skip::new(Reason::TooLarge, detail), model)]);
                }
            }
        }
        Ok(all)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// The replies for each of `count` photos.
fn by_photo(found: IdentifiedFaces, count: usize) -> Result<Vec<Vec<Reply>>> {
    let mut replies: Vec<Vec<Reply>> = (0..count).map(|_| Vec::new()).collect();
    for reply in found.replies {
        let row = probe(&reply).row.and_then(|row| usize::try_from(row).ok());
        let place = row.and_then(|row| replies.get_mut(row));
        let Some(place) = place else { return Err(ClientError::Input("the server replied to other probes".into())) };
        place.push(reply);
    }
    Ok(replies)
}

fn probe(reply: &Reply) -> &Probe {
    match reply {
        Reply::Identified(reply) => &reply.probe,
        Reply::Refused(reply) => &reply.probe,
    }
}

/// The reply with the place of its probe on this machine.
fn placed(mut reply: Reply, path: &str, row: Option<u64>) -> Reply {
    let probe = match &mut reply {
        Reply::Identified(reply) => &mut reply.probe,
        Reply::Refused(reply) => &mut reply.probe,
    };
    path.clone_into(&mut probe.path);
    probe.row = row;
    reply
}

/// The reply for a photo that was not sent.
pub(super) fn refused(skip: &Skip, model: &Model) -> Reply {
    Reply::Refused(Box::new(refusal(skip, model)))
}

/// The refusal of a photo that was not sent.
pub(super) fn refusal(skip: &Skip, model: &Model) -> Refusal {
    let probe = Probe {
        faces: Some(0),
        not_looked_at: Some(0),
        reasons: vec![skip.reason],
        detail: Some(skip.detail.clone()),
        ..Probe::default()
    };
    Refusal::new(probe, model.clone())
}
