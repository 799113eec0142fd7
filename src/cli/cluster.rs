//! `gallerist cluster`

mod measures;
mod people;
mod review;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::engine::{EngineArguments, minimum_face};
use super::screen::{Bar, Screen, Table, count, plural, score};
use super::{ExitStatus, Usage, interrupt, networks, opening, values};
use crate::gallery::{Gallery, refuse_inside};
use crate::ingest::Faces;
use crate::reply::{
    ClusterMethod, ClusterOverview, ClusterThresholdFrom, ClustersLeftOut, FacesClustered, PhotoRequest,
};
use crate::report::PAGE;
use crate::session::replacement::{require_own, require_two};
use crate::session::{ClusterRequest, Control, EnrollRequest, Naming, Session};

/// Find out which faces of a gallery show one person. All templates are clustered, with and without a name. Faces of one photo are never put
/// together, unless they are copies, as in a collage. Faces of one subject stay together and those of two subjects apart, unless
/// --ignore-names is given. The gallery is changed by --photos and --assign only. Run them again for new photos: faces that have a subject
/// keep it, so corrections stay. Without new photos or corrections, --assign changes nothing when it is run again.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery; with --photos it is made if there is none
    gallery: PathBuf,
    /// First store every face of these photos, or folders of photos, without a name
    #[arg(long, value_name = "PATH", num_args = 1..)]
    photos: Vec<PathBuf>,
    /// With --photos: leave out faces with a shorter side below PIXELS [default: 40, and 1/40 of the photo's longer side if that is more]
    #[arg(long, value_name = "PIXELS", requires = "photos", value_parser = minimum_face)]
    min_face: Option<f32>,
    /// With --photos: leave out faces with a quality below QUALITY, 0 to 100. Faces below 50, such as blurred ones, join people, and are none
    /// by themselves
    #[arg(long, value_name = "QUALITY", default_value_t = 0, requires = "photos", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_quality: u8,
    /// Then give faces without a name the names that they have in another gallery of the same photos, such as one of another model, and take
    /// over what was rejected and kept apart there
    #[arg(long, value_name = "GALLERY", conflicts_with = "evaluate")]
    names_from: Option<PathBuf>,
    /// Give each face without a name the subject of its cluster. Clusters without a subject become `Person 1`, `Person 2` and so on;
    /// `subject rename` names them, `subject reject` takes out a wrong face
    #[arg(long, conflicts_with_all = ["ignore_names", "evaluate"])]
    assign: bool,
    /// Fewest faces of a new subject, with --assign; copies of a photo count as one
    #[arg(long, value_name = "N", default_value_t = 3, requires = "assign", value_parser = clap::value_parser!(u16).range(1..))]
    min_faces: u16,
    /// How to cluster. `all` is for --evaluate
    #[arg(long, value_enum, default_value = "two-stage", value_name = "METHOD")]
    method: Method,
    /// The threshold of the method [default: from the scores of strangers in the gallery]
    #[arg(long, value_name = "COSINE", allow_negative_numbers = true, value_parser = values::cosine)]
    threshold: Option<f32>,
    /// Use the names of the gallery for nothing but the lists
    #[arg(long)]
    ignore_names: bool,
    /// Give each face of a cluster the name that most of its named faces have, as a proposal
    #[arg(long)]
    labels: bool,
    /// Longest list of the largest clusters
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
    /// Do not show the subjects on this list: clusters with nobody else are left out of the report, the page, the file and the proposals. Their
    /// faces stay in the gallery, and new ones join them with --assign; may be given several times. `list add` makes a list
    #[arg(long = "not-list", value_name = "NAME", conflicts_with = "evaluate")]
    not_lists: Vec<String>,
    /// Write each face with its cluster, as one JSON object per line. With --evaluate: write a page with tables and charts to this folder
    #[arg(long, value_name = "FILE.jsonl|DIR")]
    out: Option<PathBuf>,
    /// Write an HTML page with the faces of the largest clusters, to name people and take out wrong faces
    #[arg(long, value_name = "PAGE.html", conflicts_with = "evaluate")]
    page: Option<PathBuf>,
    /// Most clusters on the page
    #[arg(long, value_name = "N", default_value_t = 500, requires = "page")]
    page_clusters: usize,
    /// Most faces of a cluster on the page: all of them are needed to split a cluster by hand
    #[arg(long, value_name = "N", default_value_t = 24, requires = "page")]
    page_faces: usize,
    /// Carry out what was chosen on the page; `undo` takes it back
    #[arg(long, value_name = "REVIEW.json", conflicts_with_all = ["photos", "names_from", "assign", "evaluate", "out", "page", "labels", "ignore_names", "threshold", "method", "not_lists"])]
    apply: Option<PathBuf>,
    /// With --apply: list what it would change; change nothing
    #[arg(long, requires = "apply")]
    dry_run: bool,
    /// Cluster without the names, and measure the clusters against the subjects
    #[arg(long, conflicts_with_all = ["labels", "limit"])]
    evaluate: bool,
    #[command(flatten)]
    engine: EngineArguments,
}

/// Values of `--method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    /// Strict seeds, then linkage
    TwoStage,
    /// Connected components
    Components,
    /// Average linkage
    Average,
    /// Chinese whispers
    Whispers,
    /// DBSCAN
    Density,
    /// HDBSCAN
    Hdbscan,
    /// Each of them
    All,
}

impl Method {
    fn methods(self) -> Vec<ClusterMethod> {
        match self {
            Self::TwoStage => vec![ClusterMethod::TwoStage],
            Self::Components => vec![ClusterMethod::Components],
            Self::Average => vec![ClusterMethod::Average],
            Self::Whispers => vec![ClusterMethod::Whispers],
            Self::Density => vec![ClusterMethod::Density],
            Self::Hdbscan => vec![ClusterMethod::Hdbscan],
            Self::All => ClusterMethod::ALL.to_vec(),
        }
    }
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    if let Some(review) = &arguments.apply {
        return review::apply(&arguments.gallery, review, arguments.dry_run, &arguments.engine, screen);
    }
    if !arguments.evaluate {
        arguments.out.as_deref().map(|out| require_own(out, "{")).transpose()?;
        arguments.page.as_deref().map(|page| require_own(page, PAGE)).transpose()?;
        if let (Some(out), Some(page)) = (&arguments.out, &arguments.page) {
            require_two(out, page)?;
        }
    }
    if let Some(from) = arguments.names_from.as_deref().filter(|from| is_same(from, &arguments.gallery)) {
        let what = format!("--names-from {}: expected another gallery; it is the same one", from.display());
        return Err(Usage(what).into());
    }
    let methods = arguments.method.methods();
    let method = match methods[..] {
        [method] => method,
        _ if !arguments.evaluate => {
            return Err(Usage("--method all: expected --evaluate, or one method".into()).into());
        }
        _ if arguments.threshold.is_some() => {
            let what = "--threshold: expected one method, because each has a threshold of its own";
            return Err(Usage(what.into()).into());
        }
        _ => ClusterMethod::TwoStage,
    };
    let session = match arguments.photos.is_empty() {
        false => {
            let (session, ended) = people::with_photos(arguments, arguments.enrollment(), screen)?;
            if let Some(ended) = ended {
                return Ok(ended);
            }
            session
        }
        true if arguments.assign || arguments.names_from.is_some() => {
            opening::session_to_write(&arguments.gallery, &arguments.engine)?
        }
        true => opening::session_to_read(&arguments.gallery, &arguments.engine)?,
    };
    require_lists(session.gallery(), &arguments.not_lists)?;
    networks::require_for_join(&session)?;
    let bar = Bar::new();
    let control = Control { stop: interrupt::stop_flag(), progress: &|progress| bar.show(progress) };
    if let Some(from) = &arguments.names_from {
        let status = people::transfer(&session, from, &control, (&bar, screen))?;
        if status != ExitStatus::Done {
            return Ok(status);
        }
    }
    if arguments.evaluate {
        let out = arguments.out.as_deref();
        out.map(refuse_inside).transpose()?;
        let measured = session.measure_clusters(&methods, arguments.threshold, out.is_some(), &control)?;
        bar.finish();
        let measured = match measured {
            Ok(measured) => measured,
            Err(stopped) => return interrupt::report(stopped, screen),
        };
        if let Some(out) = out {
            let model = &session.gallery().binding().model;
            measures::write(&measured, (&arguments.gallery, model), out)?;
        }
        return measures::print(&measured, out, screen);
    }
    arguments.cluster(&session, method, &control, (&bar, screen))
}

/// Requires that there are these lists, before anything is done.
fn require_lists(gallery: &Gallery, lists: &[String]) -> Result<()> {
    Ok(lists.iter().try_for_each(|list| gallery.list(list).map(drop))?)
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

impl Arguments {
    /// The request that stores the faces of the photos.
    fn enrollment(&self) -> EnrollRequest {
        let Self { photos, min_face, min_quality, .. } = self;
        let limits =
            PhotoRequest { min_face: *min_face, min_quality: *min_quality, ..PhotoRequest::default() };
        let photo = PhotoRequest { faces: Faces::All, ..limits };
        EnrollRequest { paths: photos.clone(), naming: Naming::Nobody, photos: photo }
    }

    fn cluster(
        &self,
        session: &Session,
        method: ClusterMethod,
        control: &Control<'_>,
        (bar, screen): (&Bar, Screen),
    ) -> Result<ExitStatus> {
        let request = ClusterRequest {
            method,
            threshold: self.threshold,
            ignore_names: self.ignore_names,
            labels: self.labels,
            largest: self.limit,
            not_lists: self.not_lists.clone(),
            assign: self.assign.then(|| usize::from(self.min_faces)),
        };
        let clustered = session.cluster(&request, control)?;
        bar.finish();
        let mut clustered = match clustered {
            Ok(clustered) => clustered,
            Err(stopped) => return interrupt::report(stopped, screen),
        };
        screen.json(&clustered.summary)?;
        print(&clustered.summary, &self.not_lists, screen)?;
        if self.assign {
            let status = people::assign(session, &mut clustered, control, (bar, screen))?;
            if status != ExitStatus::Done {
                return Ok(status);
            }
        }
        if let Some(out) = &self.out {
            clustered.write(out)?;
            screen.text(format!("each face with its cluster: {}", out.display()))?;
        }
        if let Some(page) = &self.page {
            let most = [self.page_clusters, self.page_faces];
            let written = review::write(page, session, (&clustered, &self.not_lists), most, control)?;
            bar.finish();
            let Some(hidden) = written else { return Ok(ExitStatus::Interrupted) };
            screen.text(format!("page: {}", page.display()))?;
            hidden.note().map_or(Ok(()), |note| screen.text(note))?;
        }
        Ok(ExitStatus::Done)
    }
}

fn print(found: &FacesClustered, not_lists: &[String], screen: Screen) -> Result<()> {
    let FacesClustered { faces, unknown, clusters, singletons, largest, left_out, .. } = found;
    let without = if *unknown > 0 { format!(" ({} without a name)", count(*unknown)) } else { String::new() };
    screen.text(format!(
        "{}{without} in {}, of which {} of a single face",
        plural(*faces, "face"),
        plural(*clusters, "cluster"),
        count(*singletons)
    ))?;
    let threshold = threshold(found.threshold, found.threshold_from);
    screen.text(format!("{}, threshold {threshold}", name(found.method)))?;
    if found.names_obeyed && unknown < faces {
        screen.text("faces of one subject are kept together, those of two subjects apart")?;
    }
    if let Some(labelled) = found.labelled {
        let are = if labelled == 1 { "is" } else { "are" };
        screen.text(format!("{} without a name {are} in a cluster with a name", plural(labelled, "face")))?;
    }
    let mut table = Table::new(&[0, 1]);
    if !largest.is_empty() {
        table.row(["cluster", "faces", "shows"]);
    }
    for one in largest {
        table.row([count(one.cluster), count(one.faces), shown(one)]);
    }
    table.lines(2).iter().try_for_each(|line| screen.text(line))?;
    let hidden = left_out.map_or(0, |hidden| hidden.clusters - hidden.singletons);
    let more = clusters.saturating_sub(*singletons + hidden).saturating_sub(largest.len() as u64);
    if more > 0 {
        screen.text(format!("  and {} more of several faces", count(more)))?;
    }
    left_out.map_or(Ok(()), |left_out| screen.text(hidden_line(left_out, not_lists)))?;
    Ok(())
}

/// What is not shown, in words.
fn hidden_line(left_out: ClustersLeftOut, not_lists: &[String]) -> String {
    let ClustersLeftOut { clusters, faces, .. } = left_out;
    let (clusters, faces) = (plural(clusters, "cluster"), plural(faces, "face"));
    format!("left out: {clusters} with {faces}, only of subjects on {}", not_lists.join(", "))
}

/// The names in a cluster, or one of its photos.
fn shown(one: &ClusterOverview) -> String {
    let without = match one.unknown {
        0 => String::new(),
        unknown => format!(", {} without a name", count(unknown)),
    };
    match &one.subjects[..] {
        [] => one.path.clone().unwrap_or_else(|| "no photo".into()),
        [a] => format!("{a}{without}"),
        [a, b] => format!("{a}, {b}{without}"),
        [a, b, rest @ ..] => format!("{a}, {b}, and {} more{without}", plural(rest.len() as u64, "name")),
    }
}

/// A method in words.
fn name(method: ClusterMethod) -> &'static str {
    match method {
        ClusterMethod::TwoStage => "two-stage linkage",
        ClusterMethod::Components => "connected components",
        ClusterMethod::Average => "average linkage",
        ClusterMethod::Whispers => "Chinese whispers",
        ClusterMethod::Density => "DBSCAN",
        ClusterMethod::Hdbscan => "HDBSCAN",
    }
}

/// A threshold and its source in words.
fn threshold(value: Option<f32>, from: Option<ClusterThresholdFrom>) -> String {
    match value.zip(from) {
        Some((value, from)) => format!("{}, {}", score(value), source(from)),
        None => "not needed for a single face".into(),
    }
}

/// The source of a threshold in words.
fn source(from: ClusterThresholdFrom) -> &'static str {
    match from {
        ClusterThresholdFrom::Given => "given",
        ClusterThresholdFrom::Strangers => "from the scores of strangers in the gallery",
        ClusterThresholdFrom::Gallery => "of the gallery; there are too few faces to measure one",
        ClusterThresholdFrom::Limit => {
            "from that of the gallery; pairs of these faces give a higher one, because they are few or many show one person"
        }
    }
}
