//! The folder of an unfinished migration, beside the gallery that it makes:
//!
//! ```text
//! TARGET.reembed/
//!     pair.json           the former gallery and the two models
//!     faces.log           the encoded faces
//!     gallery.building    the new gallery, incomplete
//!     gallery             the new gallery, complete; after the exchange of names the former one
//!     report.json         the reply, from the moment when `gallery` is complete
//! ```

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::error::{Result, SessionError};
use super::super::replacement::{replace, sweep};
use super::log::FaceLog;
use crate::gallery::{
    Access, Gallery, GalleryError, exchange, put_in_free_place, refuse_inside, refuse_occupied,
};
use crate::reply::{Model, Reembedded, VERSION};
use crate::template::Binding;

const PAIR: &str = "pair.json";
const LOG: &str = "faces.log";
const REPORT: &str = "report.json";

/// The former gallery and the two models of a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pair {
    version: u32,
    /// The id of the former gallery.
    gallery: [u8; 16],
    from: Model,
    to: Model,
}

impl Pair {
    pub fn of(gallery: &Gallery, to: &Binding) -> Self {
        Self { version: VERSION, gallery: gallery.id(), from: gallery.binding().into(), to: to.into() }
    }
}

/// The paths of a migration.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    /// The former gallery, before the exchange.
    pub gallery: PathBuf,
    /// The new gallery, after the exchange.
    pub target: PathBuf,
    /// The former gallery, after the exchange; `None` if it stays where it is.
    pub former: Option<PathBuf>,
    /// The folder of the unfinished migration.
    pub work: PathBuf,
}

impl Paths {
    /// The paths for a gallery and a model. `out` is the place of the new gallery; `None`: that of the former one.
    pub fn of(gallery: &Path, out: Option<&Path>, model: &str) -> Result<Self> {
        let gallery = real(gallery)?;
        let target = out.map_or_else(|| Ok(gallery.clone()), real)?;
        let name: String =
            model.chars().map(|c| if c.is_alphanumeric() || "-+.".contains(c) { c } else { '_' }).collect();
        let former = out.is_none().then(|| beside(&gallery, &format!(".before-{name}")));
        let work = beside(&target, ".reembed");
        Ok(Self { gallery, target, former, work })
    }

    /// Requires that the new gallery will have a place.
    ///
    /// # Errors
    /// Something is there.
    pub fn require_free(&self) -> Result<()> {
        match &self.former {
            Some(former) => refuse_occupied(former)?,
            None => refuse_occupied(&self.target)?,
        }
        Ok(refuse_inside(&self.work)?)
    }

    fn in_work(&self, name: &str) -> PathBuf {
        self.work.join(name)
    }

    /// Where the new gallery is built.
    pub fn building(&self) -> PathBuf {
        self.in_work("gallery.building")
    }

    fn complete(&self) -> PathBuf {
        self.in_work("gallery")
    }

    /// Makes the folder, or continues the work in it. Removes the galleries that a killed run left there.
    ///
    /// # Errors
    /// [`SessionError::OtherWork`]; another process is at work there; the disk is full or failing.
    pub fn open(&self, pair: &Pair) -> Result<FaceLog> {
        match DirBuilder::new().mode(0o700).create(&self.work) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(SessionError::io(&self.work, "making the folder")(error));
            }
            _ => {}
        }
        sweep(&self.work)?;
        match self.pair()? {
            Some(found) if found == *pair => {}
            Some(found) if self.in_work(LOG).exists() || self.complete().exists() => {
                let Pair { from, to, .. } = found;
                let what =
                    format!("unfinished work of another gallery or model, from {} to {}", from.name, to.name);
                return Err(SessionError::OtherWork { folder: self.work.clone(), what });
            }
            // A finished migration whose folder was not removed completely leaves the description.
            found if found.is_some() || self.is_empty()? => {
                let text = serde_json::to_vec(pair).map_err(std::io::Error::from);
                self.write(PAIR, &text.map_err(SessionError::io(&self.work, "writing into it"))?)?;
            }
            _ => {
                let what = "it is not the folder of an unfinished migration".into();
                return Err(SessionError::OtherWork { folder: self.work.clone(), what });
            }
        }
        let log = FaceLog::open(&self.in_work(LOG))?;
        // The former gallery is there after an exchange of names, and then the migration is finished before this is called.
        if id_at(&self.complete())? == Some(pair.gallery) {
            let what = "it is the former gallery".into();
            return Err(SessionError::OtherWork { folder: self.complete(), what });
        }
        for folder in [self.building(), self.complete()].into_iter().filter(|folder| folder.exists()) {
            fs::remove_dir_all(&folder).map_err(SessionError::io(&folder, "removing it"))?;
        }
        Ok(log)
    }

    fn is_empty(&self) -> Result<bool> {
        let mut entries = fs::read_dir(&self.work).map_err(SessionError::io(&self.work, "reading it"))?;
        Ok(entries.next().is_none())
    }

    /// The migration in the folder, if there is one.
    fn pair(&self) -> Result<Option<Pair>> {
        let path = self.in_work(PAIR);
        match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            read => {
                let text = read.map_err(SessionError::io(&path, "reading it"))?;
                let pair = serde_json::from_slice(&text).map_err(std::io::Error::from);
                pair.map(Some).map_err(SessionError::io(&path, "reading it"))
            }
        }
    }

    fn write(&self, name: &str, text: &[u8]) -> Result<()> {
        let path = self.in_work(name);
        let write = |file: &mut File| file.write_all(text).map_err(SessionError::io(&path, "writing it"));
        replace::<SessionError>(&path, write)?.finish()
    }

    /// Puts the built gallery in its place, and removes the folder. A crash at any moment leaves either the former gallery or the new one in
    /// the place, and the next run finishes the rest.
    ///
    /// # Errors
    /// Something is at one of the places; the disk is full or failing.
    pub fn publish(&self, reply: &Reembedded) -> Result<()> {
        let text = serde_json::to_vec(reply).map_err(std::io::Error::from);
        self.write(REPORT, &text.map_err(SessionError::io(&self.work, "writing into it"))?)?;
        put_in_free_place(&self.building(), &self.complete())?;
        match &self.former {
            Some(former) => exchange(&self.complete(), &self.target, former)?,
            None => put_in_free_place(&self.complete(), &self.target)?,
        }
        self.remove()
    }

    fn remove(&self) -> Result<()> {
        // The description goes last: without it, the rest would be in the way of the next migration.
        let files = [LOG, REPORT, PAIR].map(|name| self.in_work(name));
        for file in files {
            match fs::remove_file(&file) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(SessionError::io(&file, "removing it")(error));
                }
                _ => {}
            }
        }
        fs::remove_dir(&self.work).map_err(SessionError::io(&self.work, "removing it"))
    }

    /// Finishes a migration to this model that was killed after the new gallery was complete, if the names were exchanged, or one of them was
    /// changed. Returns its reply.
    ///
    /// # Errors
    /// A gallery cannot be opened; the disk is failing.
    pub fn finish_killed(&self, to: &Binding) -> Result<Option<Reembedded>> {
        let path = self.in_work(REPORT);
        let Some(pair) = self.pair()?.filter(|pair| pair.to == to.into() && path.exists()) else {
            return Ok(None);
        };
        let _alone = FaceLog::open(&self.in_work(LOG))?;
        let [in_work, in_place] = [id_at(&self.complete())?, id_at(&self.target)?];
        let is_former = Some(pair.gallery);
        match &self.former {
            // The names were exchanged.
            Some(former) if in_work == is_former && in_place.is_some() => {
                put_in_free_place(&self.complete(), former)?;
            }
            // The file system cannot exchange names, and the former gallery has its new one.
            Some(former) if in_work.is_some() && in_place.is_none() && id_at(former)? == is_former => {
                put_in_free_place(&self.complete(), &self.target)?;
            }
            _ if in_work.is_none() && in_place.is_some() && in_place != is_former => {}
            _ => return Ok(None),
        }
        let text = fs::read(&path).map_err(SessionError::io(&path, "reading it"))?;
        let reply = serde_json::from_slice(&text).map_err(std::io::Error::from);
        let reply = reply.map_err(SessionError::io(&path, "reading it"))?;
        self.remove()?;
        Ok(Some(reply))
    }
}

/// The id of the gallery at a path; `None` if there is none.
fn id_at(path: &Path) -> Result<Option<[u8; 16]>> {
    match Gallery::open_with(path, Access::ReadOnly, Duration::ZERO) {
        Ok(gallery) => Ok(Some(gallery.id())),
        Err(GalleryError::NotAGallery(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The path without links. The last component need not exist.
fn real(path: &Path) -> Result<PathBuf> {
    let io = |error| SessionError::io(path, "resolving it")(error);
    if let Ok(real) = path.canonicalize() {
        return Ok(real);
    }
    let absolute = std::path::absolute(path).map_err(io)?;
    match (absolute.parent().map(Path::canonicalize), absolute.file_name()) {
        (Some(parent), Some(name)) => Ok(parent.map_err(io)?.join(name)),
        _ => Ok(absolute),
    }
}

/// A path beside another one, with its name and more.
fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(more);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::GraphWhen;
    use crate::reply::Carried;

    /// A former and a new gallery with their ids, and the paths and the reply of a migration between them.
    struct Killed {
        folder: tempfile::TempDir,
        paths: Paths,
        to: Binding,
        ids: [[u8; 16]; 2],
        reply: Reembedded,
    }

    impl Killed {
        /// A migration whose new gallery is built, and not in its place.
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let from =
                Binding { model: "old".into(), fingerprint: "a".repeat(64), ..Binding::external(4, None) };
            let to = Binding { model: "new".into(), fingerprint: "b".repeat(64), ..from.clone() };
            let paths = Paths::of(&folder.path().join("g"), None, "new").unwrap();
            let former = Gallery::create(&paths.gallery, &from, GraphWhen::Never).unwrap();
            drop(paths.open(&Pair::of(&former, &to)).unwrap());
            let new = Gallery::create(&paths.building(), &to, GraphWhen::Never).unwrap();
            let ids = [former.id(), new.id()];
            let none = Carried { before: 0, after: 0 };
            let reply = Reembedded {
                version: VERSION,
                gallery: "g".into(),
                former: "g.before-new".into(),
                from: (&from).into(),
                to: (&to).into(),
                subjects: none,
                templates: none,
                unknown: none,
                photos: 7,
                from_pictures: 0,
                missing: Vec::new(),
                parity: None,
                set_threshold: Some(0.25),
                calibrations: Vec::new(),
            };
            Self { folder, paths, to, ids, reply }
        }

        /// The reply was written, and the new gallery is complete.
        fn completed() -> Self {
            let killed = Self::new();
            killed.paths.write(REPORT, &serde_json::to_vec(&killed.reply).unwrap()).unwrap();
            fs::rename(killed.paths.building(), killed.paths.complete()).unwrap();
            killed
        }

        fn former(&self) -> PathBuf {
            self.folder.path().join("g.before-new")
        }

        #[track_caller]
        fn is_finished(&self) {
            assert_eq!(self.paths.finish_killed(&self.to).unwrap(), Some(self.reply.clone()));
            assert_eq!(id_at(&self.paths.target).unwrap(), Some(self.ids[1]));
            assert_eq!(id_at(&self.former()).unwrap(), Some(self.ids[0]));
            assert!(!self.paths.work.exists());
            assert_eq!(self.paths.finish_killed(&self.to).unwrap(), None);
        }

        #[track_caller]
        fn is_built_again(&self) {
            assert_eq!(self.paths.finish_killed(&self.to).unwrap(), None);
            let former = Gallery::open(&self.paths.gallery).unwrap();
            assert_eq!(former.id(), self.ids[0]);
            drop(self.paths.open(&Pair::of(&former, &self.to)).unwrap());
            assert!(!self.paths.building().exists() && !self.paths.complete().exists());
        }
    }

    #[test]
    fn a_built_gallery_takes_the_place_of_the_former_one() {
        let built = Killed::new();
        built.paths.publish(&built.reply).unwrap();
        assert_eq!(id_at(&built.paths.target).unwrap(), Some(built.ids[1]));
        assert_eq!(id_at(&built.former()).unwrap(), Some(built.ids[0]));
        assert!(!built.paths.work.exists());
    }

    #[test]
    fn a_kill_before_the_exchange_leaves_the_former_gallery_and_the_log() {
        Killed::new().is_built_again();
        Killed::completed().is_built_again();
    }

    #[test]
    fn a_kill_between_the_renames_is_finished_by_the_next_run() {
        // The names were exchanged.
        let killed = Killed::completed();
        let Paths { target, .. } = &killed.paths;
        let aside = killed.folder.path().join("aside");
        for (from, to) in
            [(target, &aside), (&killed.paths.complete(), target), (&aside, &killed.paths.complete())]
        {
            fs::rename(from, to).unwrap();
        }
        killed.is_finished();
        // The former gallery has its new name, on a file system that cannot exchange names.
        let killed = Killed::completed();
        fs::rename(&killed.paths.target, killed.former()).unwrap();
        killed.is_finished();
        // All names are right, and the folder was not removed.
        let killed = Killed::completed();
        fs::rename(&killed.paths.target, killed.former()).unwrap();
        fs::rename(killed.paths.complete(), &killed.paths.target).unwrap();
        killed.is_finished();
    }

    #[test]
    fn the_rest_of_a_finished_folder_is_not_in_the_way() {
        let killed = Killed::new();
        let former = Gallery::open(&killed.paths.gallery).unwrap();
        let other = Pair::of(&former, &Binding { model: "third".into(), ..killed.to.clone() });
        let refused = killed.paths.open(&other);
        assert!(matches!(refused, Err(SessionError::OtherWork { .. })));
        fs::remove_dir_all(killed.paths.building()).unwrap();
        fs::remove_file(killed.paths.in_work(LOG)).unwrap();
        drop(killed.paths.open(&other).unwrap());
        assert_eq!(killed.paths.pair().unwrap(), Some(other));
    }
}
