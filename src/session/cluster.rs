//! Clusters of the faces of a gallery: who is in the photos.

mod assignment;
mod curves;
mod entries;
mod faces;
mod overview;
mod plan;
mod preview;
mod review;
mod settling;
mod transfer;

use std::collections::HashSet;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::error::{Result, SessionError};
use super::replacement::replace;
use super::{Control, Session, Stopped};
use crate::evaluation::clustering;
use crate::gallery::refuse_inside;
use crate::people::{Collection, Constraints, Method, TwoStage};
use crate::reply::{
    ClusterMethod, ClusterThresholdFrom, ClusteredFace, ClusteringMeasured, ClusteringsMeasured,
    FacesClustered, VERSION,
};
use crate::template::Binding;
use faces::{Edges, Faces, Input, MOST};
use overview::Numbered;
use settling::{Intended, Settling};

/// Strangers that a face is expected to meet above the lowest score of an edge: enough to fill the list of its closest faces.
const STRANGERS: f64 = MOST as f64;
/// Faces below which the scores of strangers are not measured if the gallery has a threshold.
const FEW: usize = 30;
/// The highest thresholds of linkage and of seeds, as parts of the way from the threshold of the gallery to 1. Where one person has most of
/// the faces, the scores of mates are taken for those of strangers, and the threshold would split that person. For four models and 5,700
/// faces, the best thresholds of linkage are 9 to 13 % of that way; for a million faces, those from strangers are 16 to 21 %.
const HIGHEST: [f32; 2] = [0.2, 0.4];
/// Rounds of Chinese whispers.
const ROUNDS: u32 = 20;
/// Faces in the neighbourhood of a core of DBSCAN.
const FEWEST: usize = 3;
/// The neighbour that gives the core score of HDBSCAN, and the fewest faces of its clusters: many people have two photos.
const HDBSCAN: (usize, usize) = (1, 2);

/// The request for clusters.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterRequest {
    /// The method.
    pub method: ClusterMethod,
    /// The threshold of the method, -1 to 1. `None`: from the scores of strangers in the collection.
    pub threshold: Option<f32>,
    /// Whether the names of the gallery are ignored. Otherwise faces of one subject are together, those of two subjects apart, and no face is with
    /// a subject from which a user has rejected it.
    pub ignore_names: bool,
    /// Whether each face gets the name of the subject with the most faces in its cluster.
    pub labels: bool,
    /// The longest list of the largest clusters.
    pub largest: usize,
    /// Lists of subjects. A cluster with faces of these subjects only is left out of what is shown. This does not change the clusters.
    pub not_lists: Vec<String>,
    /// The fewest faces of a new subject, if the clusters are made to be [assigned](Session::assign). They are then made until assigning them
    /// would change nothing in the next ones.
    pub assign: Option<usize>,
}

impl Default for ClusterRequest {
    fn default() -> Self {
        Self {
            method: ClusterMethod::TwoStage,
            threshold: None,
            ignore_names: false,
            labels: false,
            largest: 10,
            not_lists: Vec::new(),
            assign: None,
        }
    }
}

/// Clusters, and each face with its cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Clustered {
    /// What there is.
    pub summary: FacesClustered,
    /// The faces in the order of their clusters, in a cluster in the order of their ids.
    pub faces: Vec<ClusteredFace>,
    /// The numbers of the clusters that are not shown.
    pub left_out: HashSet<u64>,
    /// What is to be assigned, if that was asked for.
    intended: Option<Vec<Intended>>,
}

impl Clustered {
    /// The faces of each cluster that is shown.
    pub fn shown(&self) -> impl Iterator<Item = &[ClusteredFace]> {
        let clusters = self.faces.chunk_by(|a, b| a.cluster == b.cluster);
        clusters.filter(|faces| !faces.first().is_some_and(|face| self.left_out.contains(&face.cluster)))
    }

    /// Writes one JSON object per face of the clusters that are shown to a file, which is replaced when it is complete.
    ///
    /// # Errors
    /// The file is in a gallery; the disk is full or failing.
    pub fn write(&self, out: &Path) -> Result<()> {
        refuse_inside(out)?;
        let written = replace(out, |file| {
            let io = |error| SessionError::io(out, "writing it")(error);
            let mut lines = BufWriter::with_capacity(1 << 20, file);
            for face in self.shown().flatten() {
                serde_json::to_writer(&mut lines, face).map_err(|error| io(error.into()))?;
                lines.write_all(b"\n").map_err(io)?;
            }
            lines.flush().map_err(io)
        })?;
        written.finish()
    }
}

impl Session {
    /// Clusters all templates of the gallery, with and without a subject. Two templates of one photo are never together, unless they are of
    /// one subject or copies, as in a collage. Templates of faces of low quality join clusters, and make none by themselves. The result does
    /// not depend on the order in which the templates were added, except for the numbers of clusters of equal size. The inner error means that it was stopped.
    ///
    /// # Errors
    /// The threshold is out of its range; there is no such list; clusters without the names are to be assigned; a device was requested, and
    /// cannot be used; the gallery has no templates, or failed.
    pub fn cluster(
        &self,
        request: &ClusterRequest,
        control: &Control<'_>,
    ) -> Result<Result<Clustered, Stopped>> {
        require(request.threshold)?;
        let listed = self.subject_ids(&[], &request.not_lists)?;
        let (names, mut device) = (!request.ignore_names, self.products()?);
        if request.assign.is_some() && !names {
            let reason = "expected clusters that keep the subjects of the gallery".into();
            return Err(SessionError::Request { field: "ignore_names", reason });
        }
        let Some(faces) = self.faces(control)? else { return Ok(Err(self.stopped()?)) };
        let free = Constraints::new();
        let input = faces.input(&free);
        let threshold = threshold(&input, request.method, (request.threshold, self.gallery().binding()));
        let least = least(&input, &[threshold]);
        let Some((edges, _)) = faces.edges(&[], least, device.as_deref_mut(), control)? else {
            return Ok(Err(self.stopped()?));
        };
        let mut settling = Settling::new(&faces, request.assign, self.gallery())?;
        let numbered = loop {
            let constraints = faces.constraints(&edges, names.then_some(settling.subjects()));
            let input = faces.input(&constraints);
            let Some(clusters) = run(&input, &edges, (request.method, threshold), control)? else {
                return Ok(Err(self.stopped()?));
            };
            let numbered = Numbered::of(&clusters, &faces);
            if !settling.advance(numbered.members()) {
                break numbered;
            }
        };
        let left_out = numbered.only_of(&listed, settling.subjects());
        let intended = request.assign.map(|_| settling.intended(numbered.members()));
        let summary = FacesClustered {
            version: VERSION,
            method: request.method,
            threshold: threshold.map(|(value, _)| value),
            threshold_from: threshold.map(|(_, from)| from),
            names_obeyed: names,
            faces: faces.len() as u64,
            unknown: faces.unknown(),
            clusters: numbered.clusters(),
            singletons: numbered.singletons(),
            labelled: None,
            largest: numbered.largest(&faces, request.largest, &left_out),
            left_out: (!request.not_lists.is_empty()).then(|| numbered.left_out(&left_out)),
        };
        let labelled = request.labels.then(|| numbered.labelled(&faces));
        Ok(Ok(Clustered {
            summary: FacesClustered { labelled, ..summary },
            faces: numbered.lines(faces, request.labels),
            left_out,
            intended,
        }))
    }

    /// Clusters all templates of the gallery without its names, by each of these methods, and measures the clusters against its subjects.
    /// Templates without a subject count as strangers. With `curves`, the first method is also measured with fewer strangers and at other
    /// thresholds. The inner error means that it was stopped.
    ///
    /// # Errors
    /// As [`cluster`](Self::cluster); the gallery has no subjects.
    pub fn measure_clusters(
        &self,
        methods: &[ClusterMethod],
        given: Option<f32>,
        curves: bool,
        control: &Control<'_>,
    ) -> Result<Result<ClusteringsMeasured, Stopped>> {
        require(given)?;
        let mut device = self.products()?;
        let Some(faces) = self.faces(control)? else { return Ok(Err(self.stopped()?)) };
        let people: Vec<Option<u64>> = faces.subjects().collect();
        let subjects = people.iter().flatten().collect::<HashSet<_>>().len() as u64;
        if subjects == 0 {
            let what = "the gallery contains no subjects: clusters are measured against them";
            return Err(SessionError::NothingUsable(what.into()));
        }
        let free = Constraints::new();
        let (input, binding) = (faces.input(&free), self.gallery().binding());
        let thresholds: Vec<_> =
            methods.iter().map(|&method| threshold(&input, method, (given, binding))).collect();
        let plan = curves.then(|| curves::Plan::new(&faces, methods, &thresholds)).flatten();
        let (parts, around) = plan.as_ref().map_or((&[][..], &[][..]), |plan| (&plan.parts, &plan.around));
        let all = [&thresholds[..], around].concat();
        let least = least(&input, &all);
        let Some((edges, of_parts)) = faces.edges(parts, least, device.as_deref_mut(), control)? else {
            return Ok(Err(self.stopped()?));
        };
        let constraints = faces.constraints(&edges, None);
        let input = faces.input(&constraints);
        let mut measured = Vec::with_capacity(methods.len());
        for (&method, &threshold) in methods.iter().zip(&thresholds) {
            let Some(clusters) = run(&input, &edges, (method, threshold), control)? else {
                return Ok(Err(self.stopped()?));
            };
            let numbered = Numbered::of(&clusters, &faces);
            measured.push(ClusteringMeasured {
                method,
                threshold: threshold.map(|(value, _)| value),
                threshold_from: threshold.map(|(_, from)| from),
                clusters: numbered.clusters(),
                singletons: numbered.singletons(),
                measures: clustering(numbered.numbers(), &people),
            });
        }
        let (mut by_strangers, mut by_threshold) = (Vec::new(), Vec::new());
        if let Some(plan) = plan {
            let at_threshold = plan.by_threshold((&input, &people[..]), &edges, control)?;
            let with_strangers = plan.by_strangers(&of_parts, (given, binding), control)?;
            let (Some(at), Some(with)) = (at_threshold, with_strangers) else {
                return Ok(Err(self.stopped()?));
            };
            by_strangers = with;
            by_threshold = at;
            // The curve ends with all strangers.
            if let (false, Some(all)) = (by_strangers.is_empty(), measured.first()) {
                by_strangers.push(curves::of_all(all));
            }
        }
        Ok(Ok(ClusteringsMeasured {
            version: VERSION,
            faces: faces.len() as u64,
            unknown: faces.unknown(),
            subjects,
            methods: measured,
            by_strangers,
            by_threshold,
        }))
    }

    fn faces(&self, control: &Control<'_>) -> Result<Option<Faces>> {
        let faces = Faces::read(self.gallery(), control)?;
        if faces.as_ref().is_some_and(|faces| faces.len() == 0) {
            return Err(SessionError::NothingUsable("the gallery contains no faces to cluster".into()));
        }
        Ok(faces)
    }

    fn stopped(&self) -> Result<Stopped> {
        let total = self.gallery().counts()?.1 + self.gallery().unknown_count()?;
        Ok(Stopped { looked_at: 0, total, unit: "face" })
    }
}

/// The threshold of a method and its source; `None` if there is a single face and none was given.
fn threshold(
    faces: &Input<'_>,
    method: ClusterMethod,
    (given, binding): (Option<f32>, &Binding),
) -> Threshold {
    if let Some(given) = given {
        return Some((given, ClusterThresholdFrom::Given));
    }
    let strangers = faces.strangers?;
    if let Some(value) = binding.threshold.filter(|_| faces.keys.len() < FEW) {
        return Some((value, ClusterThresholdFrom::Gallery));
    }
    let [_, seed, linkage] = TwoStage::default().thresholds(strangers);
    // One false edge of components, Chinese whispers and DBSCAN joins two people, or many: they need the threshold of a seed. HDBSCAN needs
    // none to separate people, but without one it unites people with a single photo.
    let (value, part) = match method {
        ClusterMethod::TwoStage | ClusterMethod::Average | ClusterMethod::Hdbscan => {
            (linkage as f32, HIGHEST[0])
        }
        ClusterMethod::Components | ClusterMethod::Whispers | ClusterMethod::Density => {
            (seed as f32, HIGHEST[1])
        }
    };
    let highest = binding.threshold.map(|least| least + part * (1.0 - least));
    match highest.filter(|highest| value > *highest) {
        Some(highest) => Some((highest, ClusterThresholdFrom::Limit)),
        None => Some((value, ClusterThresholdFrom::Strangers)),
    }
}

/// The lowest score of the edges that methods with these thresholds need.
fn least(faces: &Input<'_>, thresholds: &[Threshold]) -> f32 {
    let usual = faces.strangers.map_or(1.0, |strangers| strangers.threshold(STRANGERS) as f32);
    thresholds.iter().flatten().map(|(value, _)| *value).fold(usual, f32::min).clamp(-1.0, 1.0)
}

/// A threshold and its source.
type Threshold = Option<(f32, ClusterThresholdFrom)>;

fn require(threshold: Option<f32>) -> Result<()> {
    match threshold.filter(|score| !(-1.0..=1.0).contains(score)) {
        Some(threshold) => {
            let reason = format!("expected a cosine from -1 to 1, got {threshold}");
            Err(SessionError::Request { field: "threshold", reason })
        }
        None => Ok(()),
    }
}

/// The cluster of each face by a method; `None` if it was stopped.
fn run(
    faces: &Input<'_>,
    edges: &Edges,
    (method, threshold): (ClusterMethod, Threshold),
    control: &Control<'_>,
) -> Result<Option<Vec<u32>>> {
    control.report("faces to cluster", 0, Some(faces.keys.len() as u64));
    let threshold = threshold.map_or(1.0, |(value, _)| value);
    let method = match method {
        ClusterMethod::TwoStage => {
            Method::TwoStage(TwoStage { threshold: Some(threshold), ..TwoStage::default() })
        }
        ClusterMethod::Components => Method::Components(threshold),
        ClusterMethod::Average => Method::Average(threshold),
        ClusterMethod::Whispers => Method::Whispers { threshold, rounds: ROUNDS, seed: 1 },
        ClusterMethod::Density => Method::Density { threshold, fewest: FEWEST },
        ClusterMethod::Hdbscan => {
            let (neighbours, fewest) = HDBSCAN;
            Method::Hdbscan { threshold, neighbours, fewest }
        }
    };
    let collection = Collection {
        keys: faces.keys,
        vectors: faces.vectors,
        dimension: faces.dimension,
        edges: &edges.edges,
        least: edges.least,
        most: MOST,
        constraints: faces.constraints,
        stop: control.stop,
    };
    Ok(collection.cluster(&method)?)
}
