//! Calibrations and audits as documents of a gallery. Numbers are kept; names and paths are not: a person who is removed from a gallery must
//! not remain in its documents.

use super::ExperimentError;
use crate::audit::Audit;
use crate::calibration::{Calibration, CalibrationError};
use crate::decision::Missed;
use crate::fusion::Fusion;
use crate::gallery::{Document, DocumentKind, Gallery, GalleryError, Result};

/// Keeps a calibration, without its suspects; the newest of a fusion is used. Returns its number.
///
/// # Errors
/// It is of another model; the disk is full or failing.
pub fn keep_calibration(gallery: &Gallery, calibration: &Calibration) -> Result<i64, ExperimentError> {
    calibration.require(gallery.binding())?;
    let kept = Calibration { suspects: Vec::new(), ..calibration.clone() };
    let text = serde_json::to_string(&kept).map_err(|error| unreadable(0, &error))?;
    Ok(gallery.keep_document(DocumentKind::Calibration, calibration.fusion.name(), &text)?)
}

/// The newest calibration, or the newest for one fusion, with its number.
///
/// # Errors
/// It cannot be read, or is of another model.
pub fn calibration(
    gallery: &Gallery,
    fusion: Option<Fusion>,
) -> Result<Option<(i64, Calibration)>, ExperimentError> {
    let found = gallery.document(DocumentKind::Calibration, fusion.map(Fusion::name));
    let found = found.map_err(|error| match error {
        GalleryError::DamagedCatalog { path, what } => {
            GalleryError::DamagedCatalog { path, what: format!("{what}; calibrate again") }
        }
        other => other,
    })?;
    let Some((id, text)) = found else { return Ok(None) };
    let calibration: Calibration = serde_json::from_str(&text).map_err(|error| unreadable(id, &error))?;
    calibration.require(gallery.binding())?;
    Ok(Some((id, calibration)))
}

/// Keeps what an audit of a way to search found, without the people and photos that it lists.
///
/// # Errors
/// The disk is full or failing.
pub fn keep_audit(gallery: &Gallery, audit: &Audit) -> Result<()> {
    let kept = Audit { doubles: Vec::new(), outliers: Vec::new(), not_found: Vec::new(), ..audit.clone() };
    let text = serde_json::to_string(&kept)
        .map_err(|error| gallery.damaged(format!("an audit cannot be written: {error}")))?;
    gallery.keep_document(DocumentKind::Audit, &audit.search, &text)?;
    Ok(())
}

/// What the last audit of a way to search says that it misses; `None` if there was none, or the gallery has
/// grown by half or more since.
///
/// # Errors
/// The catalog failed.
pub fn audited(gallery: &Gallery, search: &str) -> Result<Option<Missed>> {
    audit(gallery, search)?.map_or(Ok(None), |audit| missed(gallery, &audit))
}

/// The last audit of a way to search.
pub(super) fn audit(gallery: &Gallery, search: &str) -> Result<Option<Audit>> {
    let found = gallery.document(DocumentKind::Audit, Some(search))?;
    found.map(|(_, text)| audit_from(gallery, search, &text)).transpose()
}

/// What an audit says that a way to search misses, if it is still valid.
pub(super) fn missed(gallery: &Gallery, audit: &Audit) -> Result<Option<Missed>> {
    Ok(if audit.is_fresh(gallery.counts()?.1) { audit.missed() } else { None })
}

/// What is wrong with a document of a gallery; `None` if nothing is.
pub fn problem(gallery: &Gallery, kind: DocumentKind, document: &Document) -> Option<String> {
    let Document { id, key, text } = document;
    match kind {
        DocumentKind::Calibration => match serde_json::from_str::<Calibration>(text) {
            Err(error) => Some(format!("calibration {id} cannot be read: {error}")),
            Ok(one) if one.fusion.name() != key => {
                Some(format!("calibration {id} of fusion {key} is of fusion {}", one.fusion.name()))
            }
            Ok(one) => one.require(gallery.binding()).err().map(|error| format!("calibration {id}: {error}")),
        },
        DocumentKind::Audit => audit_from(gallery, key, text).err().map(|error| error.to_string()),
    }
}

fn audit_from(gallery: &Gallery, search: &str, text: &str) -> Result<Audit> {
    serde_json::from_str(text)
        .map_err(|error| gallery.damaged(format!("the audit of search {search} cannot be read: {error}")))
}

fn unreadable(id: i64, error: &serde_json::Error) -> CalibrationError {
    CalibrationError::Damaged { id, what: error.to_string() }
}
