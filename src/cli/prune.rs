//! `gallerist prune`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::screen::{Bar, Screen, count, plural};
use super::{ExitStatus, interrupt, opening};
use crate::reply::{EngineRequest, PhotoGone, PhotoMissing, PhotosPruned};
use crate::session::{Control, PruneRequest, Session};

/// Most names and paths of a list.
const LISTED: usize = 20;

/// Remove the faces of photos that are not in their folder any more. Without --yes it prints what it would do. Every file of the folder is
/// read, so a photo that was moved or renamed keeps its faces and names, and gets its new path. The faces of photos that were deleted, or edited
/// so that they show others, leave the gallery; `gallerist undo` brings them back until `gallerist purge` erases them. Run `cluster --photos`
/// before: it reads edited photos, and keeps the faces of those that show the same, such as after a change of the metadata.
/// Photos elsewhere, in an empty folder, and behind a link that leads nowhere stay, and all do if none is in the folder: a disk may be missing.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// The folders of the photos, as for `cluster --photos`
    #[arg(long, value_name = "DIR", num_args = 1.., required = true)]
    photos: Vec<PathBuf>,
    /// Also remove the faces of missing photos that were enrolled with a name
    #[arg(long)]
    enrolled: bool,
    /// Do it
    #[arg(long)]
    yes: bool,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let Arguments { gallery, photos, enrolled, yes } = arguments;
    let gallery = if *yes { opening::to_write(gallery)? } else { opening::to_read(gallery)? };
    let session = Session::of(gallery, EngineRequest::default());
    let bar = Bar::new();
    let control = Control { stop: interrupt::stop_flag(), progress: &|progress| bar.show(progress) };
    let request = PruneRequest { folders: photos.clone(), enrolled: *enrolled, dry_run: !yes };
    let mut listed = 0;
    let pruned = session.prune(&request, &control, |missing| -> Result<()> {
        listed += 1;
        bar.suspend(|| {
            if listed <= LISTED {
                screen.text(line(&missing))?;
            }
            screen.json(&missing)
        })?;
        Ok(())
    })?;
    bar.finish();
    let pruned = match pruned {
        Ok(pruned) => pruned,
        Err(stopped) => return interrupt::report(stopped, screen),
    };
    if let Some(more) = listed.checked_sub(LISTED).filter(|more| *more > 0) {
        screen.text(format!("  and {} more", count(more as u64)))?;
    }
    print(&pruned, screen)?;
    screen.json(&pruned)?;
    Ok(ExitStatus::Done)
}

/// A missing photo in words.
fn line(missing: &PhotoMissing) -> String {
    let PhotoMissing { path, reason, faces, subjects, kept } = missing;
    let what = match reason {
        PhotoGone::Deleted => "gone",
        PhotoGone::Changed => "changed",
    };
    let names = if subjects.is_empty() { String::new() } else { format!(" of {}", subjects.join(", ")) };
    let kept = if *kept { "; stays, because it was enrolled with a name" } else { "" };
    format!("{what} {path}  ({}{names}{kept})", plural(*faces, "face"))
}

fn print(pruned: &PhotosPruned, screen: Screen) -> Result<()> {
    let PhotosPruned { present, moved, deleted, changed, faces, subjects_gone, kept, unreachable, .. } =
        pruned;
    let is = if pruned.dry_run { "would be " } else { "" };
    screen.text(format!(
        "{} of the gallery there, {} with other paths than before",
        plural(*present, "photo"),
        count(*moved)
    ))?;
    screen.text(format!(
        "{} gone and {} changed: {} {is}removed",
        plural(*deleted, "photo"),
        count(*changed),
        plural(*faces, "face")
    ))?;
    if !subjects_gone.is_empty() {
        let more = subjects_gone.len().saturating_sub(LISTED) as u64;
        let more = if more > 0 { format!(", and {} more", count(more)) } else { String::new() };
        let names = subjects_gone[..subjects_gone.len().min(LISTED)].join(", ");
        let lost = if pruned.dry_run { "would lose" } else { "lost" };
        screen.text(format!(
            "{} {lost} the last face: {names}{more}",
            plural(subjects_gone.len() as u64, "subject")
        ))?;
    }
    if *kept > 0 {
        screen.text(format!(
            "{} stay, because faces in them were enrolled with a name; --enrolled removes them",
            plural(*kept, "missing photo")
        ))?;
    }
    if pruned.unread > 0 {
        screen.text(format!(
            "{} changed and not read since; the faces stay until `gallerist cluster` with --photos, or `enroll`, has read them",
            plural(pruned.unread, "photo")
        ))?;
    }
    if *unreachable > 0 {
        let paths = &pruned.unreachable_paths;
        let more = paths.len().saturating_sub(LISTED);
        let more = if more > 0 { format!(", and {} more", count(more as u64)) } else { String::new() };
        screen.text(format!(
            "{} stay, because a folder is empty, a link leads nowhere or a file cannot be read: {}{more}",
            plural(*unreachable, "photo"),
            paths[..paths.len().min(LISTED)].join(", ")
        ))?;
    }
    match (pruned.dry_run, pruned.journal_ids) {
        (true, _) if *moved + *faces > 0 => screen.text("nothing was changed; --yes does it")?,
        (_, Some([first, last])) => {
            let range = if first == last { first.to_string() } else { format!("{first}-{last}") };
            screen.text(format!(
                "`gallerist undo` with --entry {range} takes it back, and `gallerist purge` erases the faces"
            ))?;
        }
        _ => {}
    }
    Ok(())
}
