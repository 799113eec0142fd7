//! Photos that were deleted, moved or changed after their faces were stored.
//!
//! A photo is its content. It is missing if a recorded path lies in one of the given folders, no file of the folders has its content, and
//! no file is at its other paths. What cannot be looked up is not missing: a file that cannot be read, a link that leads nowhere, an
//! empty folder, in which a disk may have been mounted.

mod contents;
mod places;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::error::{Result, SessionError};
use super::{Control, Session, Stopped};
use crate::gallery::OwnedFace;
use crate::image::PhotoHash;
use crate::reply::{PhotoGone, PhotoMissing, PhotosMissing, PhotosPruned, VERSION};
use contents::Contents;
pub(super) use contents::content;
pub(super) use places::{Places, State};

/// Photos whose faces are removed with the syncs of one write.
const BLOCK: usize = 1024;

/// The request for a comparison of photos with folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PruneRequest {
    /// The folders of the photos.
    pub folders: Vec<PathBuf>,
    /// Whether photos count with faces that were enrolled with a name. Otherwise their faces stay.
    pub enrolled: bool,
    /// Whether nothing is changed.
    pub dry_run: bool,
}

/// What was found, before anything is changed.
struct Found {
    summary: PhotosPruned,
    paths: Vec<(PhotoHash, Vec<PathBuf>)>,
    missing: Vec<Missing>,
}

struct Missing {
    photo: PhotoHash,
    path: PathBuf,
    reason: PhotoGone,
}

impl Session {
    /// Compares the photos of the gallery with the files of folders. Photos that were moved get their new paths. The faces of missing ones
    /// leave the gallery, and `undo` brings them back until a purge. `sink` gets each missing photo. Photos that have no path in the folders
    /// are not concerned. The inner error means that it was stopped; the removals that were made before stay.
    ///
    /// # Errors
    /// The first error of `sink`; a folder does not exist; some photos are missing and none is in the folders, as on a disk that is not
    /// mounted, or with the content that it had, and nothing is changed; the disk is full or failing.
    pub fn prune<E: From<SessionError>>(
        &self,
        request: &PruneRequest,
        control: &Control<'_>,
        mut sink: impl FnMut(PhotoMissing) -> Result<(), E>,
    ) -> Result<Result<PhotosPruned, Stopped>, E> {
        let found = match self.compared(&request.folders, control)? {
            Ok(found) => found,
            Err(stopped) => return Ok(Err(stopped)),
        };
        let Found { mut summary, paths, missing } = found;
        summary.dry_run = request.dry_run;
        let gallery = self.gallery();
        let unnamed = gallery.stored_unnamed().map_err(SessionError::from)?;
        let (mut gone, mut faces) = (Vec::new(), Vec::new());
        for Missing { photo, path, reason } in missing {
            let own: Vec<OwnedFace> = gallery.faces_of_photo(&photo).map_err(SessionError::from)?;
            let kept = !request.enrolled && !own.iter().all(|face| unnamed.contains(face));
            let subjects: BTreeSet<&str> =
                own.iter().filter_map(|face| Some(face.subject.as_ref()?.1.as_str())).collect();
            sink(PhotoMissing {
                path: path.to_string_lossy().into_owned(),
                reason,
                faces: own.len() as u64,
                subjects: subjects.into_iter().map(str::to_owned).collect(),
                kept,
            })?;
            match (kept, reason) {
                (true, _) => summary.kept += 1,
                (false, PhotoGone::Deleted) => summary.deleted += 1,
                (false, PhotoGone::Changed) => summary.changed += 1,
            }
            if !kept {
                gone.push(photo);
                faces.extend(own);
            }
        }
        summary.faces = faces.len() as u64;
        let emptied = gallery.emptied_by(&faces).map_err(SessionError::from)?;
        summary.subjects_gone = emptied.into_iter().map(|subject| subject.name).collect();
        if request.dry_run {
            return Ok(Ok(summary));
        }
        gallery.set_paths(&paths).map_err(SessionError::from)?;
        let total = gone.len() as u64;
        for (number, block) in gone.chunks(BLOCK).enumerate() {
            let done = (number * BLOCK) as u64;
            if control.is_stopped() {
                return Ok(Err(Stopped { looked_at: done, total, unit: "missing photo" }));
            }
            control.report("missing photos", done, Some(total));
            for entry in gallery.prune_photos(block).map_err(SessionError::from)? {
                let [first, last] = summary.journal_ids.unwrap_or([entry; 2]);
                summary.journal_ids = Some([first.min(entry), last.max(entry)]);
            }
        }
        Ok(Ok(summary))
    }

    /// Counts photos that seem to be gone from folders, from the paths in the gallery alone: no file is read. `None` if there are none, or
    /// if no photo of the gallery is in the folders. Call it after the photos of the folders were enrolled, so that moved and changed ones are known.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn photos_missing(&self, folders: &[PathBuf]) -> Result<Option<PhotosMissing>> {
        let mut places = Places::new();
        let roots: Vec<_> = folders.iter().filter_map(|folder| places.root(folder)).collect();
        let (mut deleted, mut changed) = (0, 0);
        let mut at: HashMap<PathBuf, u64> = HashMap::new();
        for (_, paths) in self.gallery().photo_paths()? {
            let seen: Vec<_> = paths
                .iter()
                .filter(|path| !path.as_os_str().is_empty())
                .map(|path| (places.is_in(path, &roots), places.state(path), path))
                .collect();
            if seen.iter().all(|(is_in, ..)| !is_in) {
                continue;
            }
            match seen.iter().find(|(.., state, _)| *state != State::Gone) {
                None => deleted += 1,
                Some((true, State::File, path)) => *at.entry(places.identity(path)).or_default() += 1,
                Some(_) => {}
            }
        }
        changed += at.values().map(|photos| photos - 1).sum::<u64>();
        let is_told = !at.is_empty() && deleted + changed > 0;
        Ok(is_told.then_some(PhotosMissing { version: VERSION, deleted, changed }))
    }

    /// Whether the gallery has a result for each of these contents: faces, or why there are none.
    fn are_read(&self, contents: &[PhotoHash]) -> Result<bool> {
        for content in contents {
            if self.gallery().photo(content)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn compared(&self, folders: &[PathBuf], control: &Control<'_>) -> Result<Result<Found, Stopped>> {
        let mut places = Places::new();
        let mut roots = Vec::with_capacity(folders.len());
        for folder in folders {
            roots.push(places.root(folder).ok_or_else(|| {
                let folder = folder.display();
                SessionError::Input(format!("{folder}: expected a folder of photos that can be read"))
            })?);
        }
        let photos = self.gallery().photo_paths()?;
        let known: HashSet<PhotoHash> = photos.iter().map(|(hash, _)| *hash).collect();
        let contents = match Contents::read(folders, &known, &mut places, control) {
            Ok(contents) => contents,
            Err(stopped) => return Ok(Err(stopped)),
        };
        let mut found = Found {
            summary: PhotosPruned { version: VERSION, ..PhotosPruned::default() },
            paths: Vec::new(),
            missing: Vec::new(),
        };
        let mut unreachable = BTreeSet::new();
        for (photo, paths) in photos {
            let paths: Vec<PathBuf> = paths.into_iter().filter(|path| !path.as_os_str().is_empty()).collect();
            let seen: Vec<Known> =
                paths.iter().map(|path| Known::of(path, &photo, &mut places, &roots, &contents)).collect();
            if seen.iter().all(|one| !one.is_in) {
                continue;
            }
            let here = contents.of(&photo);
            let kept: Vec<PathBuf> = seen
                .iter()
                .zip(&paths)
                .filter(|(one, _)| matches!(one.state, Seen::Here | Seen::Unknown))
                .map(|(_, path)| path.clone())
                .collect();
            let is_known_to_be_there = seen.iter().any(|one| one.state == Seen::Here);
            if here.is_empty() && !is_known_to_be_there {
                if let Some((_, path)) = seen.iter().zip(&paths).find(|(one, _)| one.state == Seen::Unknown) {
                    found.summary.unreachable += 1;
                    unreachable.insert(places.obstacle(path));
                    continue;
                }
                let now: Vec<PhotoHash> = seen.iter().filter_map(|one| one.state.other()).collect();
                let is_changed = !now.is_empty();
                // The faces of an edited photo may be those that it had. That is not known before it is read.
                if is_changed && !self.are_read(&now)? {
                    found.summary.unread += 1;
                    continue;
                }
                let reason = if is_changed { PhotoGone::Changed } else { PhotoGone::Deleted };
                let path = paths.into_iter().next().unwrap_or_default();
                found.missing.push(Missing { photo, path, reason });
                continue;
            }
            found.summary.present += u64::from(!here.is_empty());
            // A path in a folder that is empty now stays, behind the one where the photo is.
            if kept.len() < paths.len() || !is_known_to_be_there {
                found.summary.moved += 1;
                let new = here
                    .iter()
                    .filter(|file| !kept.iter().any(|path| contents.is_at(file, path, &mut places)));
                let new: Vec<PathBuf> = new.cloned().collect();
                let (first, last) = if is_known_to_be_there { (kept, new) } else { (new, kept) };
                found.paths.push((photo, [first, last].concat()));
            }
        }
        found.summary.unreachable_paths =
            unreachable.iter().map(|path: &PathBuf| path.to_string_lossy().into_owned()).collect();
        if found.summary.present == 0 && !found.missing.is_empty() {
            let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
            return Err(SessionError::Input(format!(
                "{}: none of the photos of the gallery is there, and {} would be missing: expected their folder, on a disk \
                 that is mounted; nothing was changed",
                folders.join(", "),
                found.missing.len()
            )));
        }
        Ok(Ok(found))
    }
}

/// A path of a photo.
struct Known {
    /// Whether it lies in one of the folders.
    is_in: bool,
    state: Seen,
}

/// What is at a path of a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// Its content; outside of the folders any file.
    Here,
    /// Another content.
    Changed(PhotoHash),
    /// No file.
    Gone,
    /// It cannot be told.
    Unknown,
}

impl Seen {
    /// The other content.
    fn other(self) -> Option<PhotoHash> {
        match self {
            Self::Changed(content) => Some(content),
            Self::Here | Self::Gone | Self::Unknown => None,
        }
    }
}

impl Known {
    fn of(
        path: &Path,
        photo: &PhotoHash,
        places: &mut Places,
        roots: &[places::Root],
        contents: &Contents,
    ) -> Self {
        let is_in = places.is_in(path, roots);
        let state = match places.state(path) {
            State::Gone => Seen::Gone,
            State::Unreachable => Seen::Unknown,
            State::File if !is_in => Seen::Here,
            State::File => match contents.at(&places.identity(path)) {
                Some(hash) if hash == *photo => Seen::Here,
                Some(hash) => Seen::Changed(hash),
                None => Seen::Unknown,
            },
        };
        Self { is_in, state }
    }
}
