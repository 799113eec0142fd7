//! `gallerist cluster --photos`, `--names-from` and `--assign`: a collection of photos becomes a gallery of people.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Arguments, require_lists};
use crate::cli::screen::{Bar, Screen, count, plural};
use crate::cli::{ExitStatus, enroll, interrupt, opening};
use crate::gallery::{GalleryError, GraphWhen};
use crate::reply::{FacesAssigned, NamesTransferred};
use crate::session::{Clustered, Control, EnrollRequest, Session};

/// Stores the faces of photos without names. The gallery is made if there is none. Returns the session, and the status of the enrollment unless
/// everything is done.
pub fn with_photos(
    Arguments { gallery, engine, not_lists, .. }: &Arguments,
    request: EnrollRequest,
    screen: Screen,
) -> Result<(Session, Option<ExitStatus>)> {
    request.check()?;
    let session = if gallery.exists() {
        opening::session_to_write(gallery, engine)?
    } else if let Some(name) = not_lists.first().cloned() {
        return Err(GalleryError::UnknownList { name }.into());
    } else {
        Session::create(gallery, &engine.binding()?, GraphWhen::Never, engine.request())?
    };
    require_lists(session.gallery(), not_lists)?;
    let bar = Bar::new();
    let control = Control { stop: interrupt::stop_flag(), progress: &|progress| bar.show(progress) };
    let summary = session.enroll(&request, &control, |event| enroll::print(event, screen, &bar))?;
    // Photos without a face prevent nothing: the gallery may have faces of earlier photos.
    let status = Some(enroll::status(&summary)).filter(|status| *status == ExitStatus::Interrupted);
    if status.is_none() {
        report_missing(&session, &request.paths, screen)?;
    }
    Ok((session, status))
}

/// Reports photos of the gallery that seem to be gone from the folders. Nothing is changed.
fn report_missing(session: &Session, folders: &[PathBuf], screen: Screen) -> Result<()> {
    let Some(missing) = session.photos_missing(folders)? else { return Ok(()) };
    screen.text(format!(
        "{} of the gallery not there any more, {} changed; `gallerist prune` with --photos lists them and removes their faces",
        plural(missing.deleted, "photo"),
        count(missing.changed)
    ))?;
    Ok(screen.json(&missing)?)
}

/// Takes over the names of another gallery, and prints what was done.
pub fn transfer(
    session: &Session,
    from: &Path,
    control: &Control<'_>,
    (bar, screen): (&Bar, Screen),
) -> Result<ExitStatus> {
    let transferred = session.transfer_names(&opening::to_read(from)?, control)?;
    bar.finish();
    let transferred = match transferred {
        Ok(transferred) => transferred,
        Err(stopped) => return interrupt::report(stopped, screen),
    };
    let NamesTransferred { faces, subjects, other_person, rejections, distinct, .. } = &transferred;
    screen.text(format!(
        "{} named as {} of {}; {} and {} taken over",
        plural(*faces, "face"),
        plural(*subjects, "subject"),
        from.display(),
        plural(*rejections, "rejection"),
        plural(*distinct, "distinct pair")
    ))?;
    if *other_person > 0 {
        screen.text(format!(
            "{} not named: the generated names belong to other people here",
            plural(*other_person, "face")
        ))?;
    }
    screen.json(&transferred)?;
    Ok(ExitStatus::Done)
}

/// Gives unknown faces the subjects of their clusters, and prints what was done.
pub fn assign(
    session: &Session,
    clustered: &mut Clustered,
    control: &Control<'_>,
    (bar, screen): (&Bar, Screen),
) -> Result<ExitStatus> {
    let assigned = session.assign(clustered, control)?;
    bar.finish();
    let assigned = match assigned {
        Ok(assigned) => assigned,
        Err(stopped) => return interrupt::report(stopped, screen),
    };
    print(&assigned, screen)?;
    screen.json(&assigned)?;
    Ok(ExitStatus::Done)
}

fn print(assigned: &FacesAssigned, screen: Screen) -> Result<()> {
    let FacesAssigned { faces, joined, new_subjects, unknown, journal_ids, .. } = assigned;
    let new = faces - joined;
    screen.text(format!(
        "{} joined subjects of the gallery, {} became {}; {} without a name",
        plural(*joined, "face"),
        count(new),
        plural(*new_subjects, "new subject"),
        count(*unknown)
    ))?;
    match journal_ids {
        None => Ok(()),
        Some([first, last]) if first == last => {
            screen.text(format!("`gallerist undo` with --entry {first} takes it back"))
        }
        Some([first, last]) => {
            screen.text(format!("`gallerist undo` with --entry {first}-{last} takes it back"))
        }
    }
    .map_err(Into::into)
}
