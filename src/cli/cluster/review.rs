//! `gallerist cluster --page` and `--apply`: the page of the clusters, and what a user has chosen on it.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

use super::hidden_line;
use crate::cli::engine::EngineArguments;
use crate::cli::naming::{print_kept_apart, print_similar};
use crate::cli::screen::{Bar, Screen, count, plural, score};
use crate::cli::{ExitStatus, interrupt, opening};
use crate::gallery::refuse_inside;
use crate::ingest::PathText;
use crate::reply::{
    ClusteredFace, DoubleSubject, FacesClustered, Review, ReviewApplied, ReviewChange, ReviewObstacle,
};
use crate::report::people::{Cluster, ShownFace, html};
use crate::session::replacement::replace;
use crate::session::{Clustered, Control, Session, SessionError};

/// Most ids of faces in a line.
const IDS: usize = 10;
/// Most pairs of subjects that may be one person, and the names of a cluster.
const ALIKE: [usize; 2] = [1000, 3];

/// The faces of a page that have no picture.
#[derive(Debug, Default)]
pub struct Hidden {
    faces: u64,
    /// How many of their photos are recorded by a path from another folder.
    relative: u64,
}

impl Hidden {
    fn of(clusters: &[Cluster]) -> Self {
        let faces = clusters.iter().flat_map(|cluster| &cluster.shown);
        let hidden: Vec<&ShownFace> = faces.filter(|face| face.picture.is_none()).collect();
        let is_relative = |face: &&&ShownFace| !face.path.is_empty() && Path::new(&face.path).is_relative();
        let relative = hidden.iter().filter(is_relative).count() as u64;
        Self { faces: hidden.len() as u64, relative }
    }

    /// Why they have none, and what helps; `None` if all have one.
    pub fn note(&self) -> Option<String> {
        let Self { faces, relative } = self;
        let faces = Some(*faces).filter(|faces| *faces > 0)?;
        let here = match relative {
            0 => "",
            _ => "; their paths start from the folder in which they were stored, so run it there",
        };
        Some(format!(
            "{} on the page without a picture, because the photos are not at their paths{here}; `gallerist prune` with --photos \
             follows photos that were moved",
            plural(faces, "face")
        ))
    }
}

/// Writes the page of the largest clusters that are shown, without subjects on the lists: at most so many clusters, and so many faces of each. Returns the
/// faces without a picture; `None` if it was stopped.
pub fn write(
    out: &Path,
    session: &Session,
    (clustered, not_lists): (&Clustered, &[String]),
    [most, most_faces]: [usize; 2],
    control: &Control<'_>,
) -> Result<Option<Hidden>> {
    refuse_inside(out)?;
    let mut ids: HashMap<String, u64> = HashMap::new();
    session.gallery().each_subject(|subject| ids.extend([(subject.name, subject.id)]))?;
    let Ok(doubles) = session.subjects_alike(ALIKE[0], not_lists, control)? else { return Ok(None) };
    let mut alike: HashMap<u64, Vec<String>> = HashMap::new();
    for DoubleSubject { score: value, sides: [one, other], .. } in doubles {
        for (own, other) in [(&one, &other), (&other, &one)] {
            let names = alike.entry(own.subject_id).or_default();
            names.extend((names.len() < ALIKE[1]).then(|| format!("{} ({})", other.subject, score(value))));
        }
    }
    let several = clustered.shown().filter(|faces| faces.len() > 1).take(most);
    let mut clusters: Vec<Cluster> =
        several.map(|faces| cluster((faces, most_faces), (&ids, &mut alike))).collect();
    let shown: Vec<u64> = clusters.iter().flat_map(|one| &one.shown).map(|face| face.id).collect();
    let Some(mut pictures) = session.face_pictures(&shown, control)? else { return Ok(None) };
    for face in clusters.iter_mut().flat_map(|one| &mut one.shown) {
        face.picture = pictures.remove(&face.id);
    }
    let mut names: Vec<String> = ids.into_keys().collect();
    names.sort_unstable();
    let FacesClustered { faces, clusters: all, singletons, left_out, .. } = clustered.summary;
    let lede = format!(
        "{}: {} of several faces, of which the page shows {}, and {}{}",
        plural(faces, "face"),
        plural(all - singletons, "cluster"),
        count(clusters.len() as u64),
        plural(singletons, "single face"),
        left_out.map_or_else(String::new, |left_out| format!("; {}", hidden_line(left_out, not_lists)))
    );
    let page = html(&lede, &session.review_id(), &clusters, &names);
    let written = replace(out, |file| {
        file.write_all(page.as_bytes()).map_err(|error| SessionError::io(out, "writing it")(error))
    })?;
    written.finish()?;
    Ok(Some(Hidden::of(&clusters)))
}

fn cluster(
    (faces, most): (&[ClusteredFace], usize),
    (ids, alike): (&HashMap<String, u64>, &mut HashMap<u64, Vec<String>>),
) -> Cluster {
    let subject = faces.iter().find_map(|face| face.subject.clone());
    let mut order: Vec<&ClusteredFace> = faces.iter().collect();
    order.sort_by(|a, b| a.centrality.total_cmp(&b.centrality));
    let shown = order.into_iter().take(most).map(|face| ShownFace {
        id: face.face_id,
        path: face.path.as_ref().and_then(PathText::path).unwrap_or_default().to_string_lossy().into_owned(),
        picture: None,
    });
    let subject_id = subject.as_ref().and_then(|name| ids.get(name).copied());
    Cluster {
        subject_id,
        subject,
        alike: subject_id.and_then(|id| alike.remove(&id)).unwrap_or_default(),
        faces: faces.len() as u64,
        face_ids: faces.iter().filter(|face| face.subject.is_none()).map(|face| face.face_id).collect(),
        shown: shown.collect(),
    }
}

/// Carries out a review that was saved on the page, or lists what it would change.
pub fn apply(
    gallery: &Path,
    file: &Path,
    dry_run: bool,
    engine: &EngineArguments,
    screen: Screen,
) -> Result<ExitStatus> {
    let text = fs::read_to_string(file).with_context(|| format!("{}: reading it", file.display()))?;
    let review: Review = serde_json::from_str(&text)
        .with_context(|| format!("{}: expected a review that the page of `cluster` saved", file.display()))?;
    if dry_run {
        return preview(&opening::session_to_read(gallery, engine)?, &review, screen);
    }
    let session = opening::session_to_write(gallery, engine)?;
    let bar = Bar::new();
    let control = Control { stop: interrupt::stop_flag(), progress: &|progress| bar.show(progress) };
    let applied = session.apply_review(&review, &control)?;
    bar.finish();
    let applied = match applied {
        Ok(applied) => applied,
        Err(stopped) => return interrupt::report(stopped, screen),
    };
    print(&applied, screen)?;
    screen.json(&applied)?;
    Ok(ExitStatus::Done)
}

/// Lists what a review would change.
fn preview(session: &Session, review: &Review, screen: Screen) -> Result<ExitStatus> {
    let (counts, changes) = session.preview_review(review)?;
    for change in &changes {
        screen.text(match change {
            ReviewChange::Rename { from, to } => format!("would rename {from} to {to}"),
            ReviewChange::Merge { from, into } => format!("would merge {from} into {into}"),
            ReviewChange::Name { subject, is_new, face_ids } => {
                let new = if *is_new { ", who would be new" } else { "" };
                format!(
                    "would name {} {subject}{new}: {}",
                    plural(face_ids.len() as u64, "face"),
                    ids(face_ids)
                )
            }
            ReviewChange::Move { subject, is_new, face_ids } => {
                let new = if *is_new { ", who would be new" } else { "" };
                format!(
                    "would move {} to {subject}{new}: {}",
                    plural(face_ids.len() as u64, "face"),
                    ids(face_ids)
                )
            }
            ReviewChange::Reject { subject, face_ids, is_last } => {
                let last = if *is_last { ", who would be gone" } else { "" };
                format!(
                    "would reject {} from {subject}{last}: {}",
                    plural(face_ids.len() as u64, "face"),
                    ids(face_ids)
                )
            }
        })?;
        screen.json(change)?;
    }
    print(&counts, screen)?;
    screen.json(&counts)?;
    Ok(ExitStatus::Done)
}

fn print(applied: &ReviewApplied, screen: Screen) -> Result<()> {
    let ReviewApplied { renamed, merged, named, rejected, moved, journal_ids, dry_run, .. } = applied;
    let would = if *dry_run { "would be: " } else { "" };
    let moved = if *moved > 0 { format!(", {} moved", plural(*moved, "face")) } else { String::new() };
    screen.text(format!(
        "{would}{} renamed, {} merged, {} named, {} rejected{moved}",
        plural(*renamed, "subject"),
        plural(*merged, "subject"),
        plural(*named, "face"),
        plural(*rejected, "face")
    ))?;
    for name in &applied.subjects_gone {
        let is = if *dry_run { "would be" } else { "is" };
        screen.text(format!("{name} {is} gone: no face is left"))?;
    }
    print_kept_apart(&applied.kept_apart, *dry_run, screen)?;
    print_similar(&applied.similar_names, screen)?;
    for one in &applied.left_alone {
        let name = one.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
        screen.text(format!("cluster {} of the review{name}: {}", one.cluster, left_alone(&one.obstacle)))?;
    }
    if let Some((first, last)) = journal_ids.iter().min().zip(journal_ids.iter().max()) {
        let range = if first == last { first.to_string() } else { format!("{first}-{last}") };
        screen.text(format!("`gallerist undo` with --entry {range} takes it back"))?;
    }
    Ok(())
}

/// Why a part of a review is left alone, in words.
fn left_alone(obstacle: &ReviewObstacle) -> String {
    let are = |ids: &[u64]| if ids.len() == 1 { "is" } else { "are" };
    match obstacle {
        ReviewObstacle::SubjectGone => "its subject is not in the gallery any more".into(),
        ReviewObstacle::FacesGone { face_ids } => {
            format!("{} {} not in the gallery any more", ids(face_ids), are(face_ids))
        }
        ReviewObstacle::Renamed { shown, now } => {
            format!("left alone, because {shown} on the page is called {now} now")
        }
        ReviewObstacle::Merged { shown, now } => {
            format!("left alone, because {shown} on the page was merged into another subject, {now}")
        }
        ReviewObstacle::OtherName { name } => {
            format!("left alone, because another cluster of the review gives its subject the name {name}")
        }
        ReviewObstacle::FacesNamed { face_ids, subject } => {
            let are = if face_ids.len() == 1 { "it is a face" } else { "they are faces" };
            format!("{} left alone, because {are} of {subject} now", ids(face_ids))
        }
        ReviewObstacle::NoName { face_ids } => {
            format!("{} not rejected, because the cluster has no name", ids(face_ids))
        }
    }
}

/// Ids of faces in a line.
fn ids(face_ids: &[u64]) -> String {
    let shown: Vec<String> = face_ids.iter().take(IDS).map(|id| format!("#{id}")).collect();
    match face_ids.len().checked_sub(IDS).filter(|more| *more > 0) {
        Some(more) => format!("{} and {} more", shown.join(", "), count(more as u64)),
        None => shown.join(", "),
    }
}
