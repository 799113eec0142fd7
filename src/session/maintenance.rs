//! Maintenance of a gallery, with the replies of [`reply`](crate::reply): purges, compactions, backups, and the gallery in short.

use std::path::Path;
use std::time::Instant;

use super::error::Result;
use super::{Control, Progress};
use crate::calibration::Calibration;
use crate::experiment::record;
use crate::gallery::{Gallery, PurgeSpace};
use crate::reply::{BackupMade, CalibrationOverview, Compacted, Purged, StatsCalibration, VERSION};

/// Erases the bytes of removed templates from all files.
///
/// # Errors
/// The disk is full or failing.
pub fn purge(gallery: &Gallery) -> Result<Purged> {
    let PurgeSpace { needed, available } = gallery.purge_room()?;
    let done = gallery.purge()?;
    Ok(Purged {
        version: VERSION,
        erased: if done.is_whole() { done.removed } else { 0 },
        removed: done.removed,
        rewritten: Some(done.rewritten as u64),
        held_by_views: Some(done.held_by_views as u64),
        catalog_held: Some(done.catalog_held),
        room_needed: needed,
        room_available: available,
        dry_run: false,
    })
}

/// What a purge would erase, and the space that it needs.
///
/// # Errors
/// The gallery failed.
pub fn purge_preview(gallery: &Gallery) -> Result<Purged> {
    let PurgeSpace { needed, available } = gallery.purge_room()?;
    let removed = gallery.unerased()?;
    Ok(Purged {
        version: VERSION,
        erased: removed,
        removed,
        rewritten: None,
        held_by_views: None,
        catalog_held: None,
        room_needed: needed,
        room_available: available,
        dry_run: true,
    })
}

/// Merges the segments of a gallery into a few large ones.
///
/// # Errors
/// The disk is full or failing.
pub fn compact(gallery: &Gallery) -> Result<Compacted> {
    let started = Instant::now();
    let done = gallery.compact()?;
    Ok(Compacted {
        version: VERSION,
        rewritten: done.rewritten as u64,
        segments: done.segments as u64,
        erased: done.erased,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Copies the gallery at `gallery`, which may be in use, to `to`.
///
/// # Errors
/// Something is at `to`; the gallery is damaged; the disk is full or failing.
pub fn backup(gallery: &Path, to: &Path, control: &Control<'_>) -> Result<BackupMade> {
    let started = Instant::now();
    let backup = Gallery::backup(gallery, to, &|done, of| {
        (control.progress)(Progress { unit: "bytes verified", done, total: Some(of) });
    })?;
    let to = to.to_string_lossy().into_owned();
    Ok(BackupMade { version: VERSION, to, backup, seconds: started.elapsed().as_secs_f64() })
}

/// The latest calibration in short, or why it cannot be read; `None` if there is none.
///
/// # Errors
/// The catalog failed.
pub fn calibration(gallery: &Gallery) -> Result<Option<StatsCalibration>> {
    let counts = gallery.counts()?;
    Ok(match record::calibration(gallery, None) {
        Ok(found) => found.map(|(_, calibration)| overview(&calibration, counts)),
        Err(error) => Some(StatsCalibration::Unreadable { error: error.to_string() }),
    })
}

/// A calibration in short, for a gallery with this number of subjects and templates.
pub fn overview(calibration: &Calibration, (subjects, templates): (u64, u64)) -> StatsCalibration {
    let operating = calibration.targets.first().map(|&target| calibration.operating(target, subjects));
    StatsCalibration::Readable(Box::new(CalibrationOverview {
        fusion: calibration.fusion,
        n_subjects: calibration.subjects,
        n_templates: calibration.templates,
        nonmated_searches: calibration.maxima.len(),
        made: calibration.made,
        operating: operating.and_then(Result::ok),
        stale: calibration.stale(subjects, templates),
    }))
}
