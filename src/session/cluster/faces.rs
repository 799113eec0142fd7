//! The faces of a gallery as a collection: their vectors, the pairs of similar ones, and what is known about them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::super::Control;
use super::super::error::Result;
use super::super::joining::join;
use crate::gallery::{
    Gallery, GalleryError, JoinDevice, Pair, PairSubjects, Rejections, SubjectTemplate, UnknownFace, View,
};
use crate::image::PhotoHash;
use crate::people::{Constraints, Edge, Nearest, Strangers};
use crate::template::product::dot;

/// Closest faces of each face that are kept.
pub(super) const MOST: usize = 64;
/// The quality below which faces are weak: they join people, and make none. One in 150 of the faces that fill LFW's photos is below it, and half
/// of the blurred and averted faces in their background, among which strangers score like mates.
const WEAK: u8 = 50;
/// Lowest score of two faces that are one picture, such as a face and its mirror image.
const PICTURE: f32 = 0.9;
/// Lowest score of a face and its copy in another photo, such as a collage.
const COPY: f32 = 0.95;
/// Faces that are read at a time.
const BLOCK: usize = 4096;

/// A template and its source.
#[derive(Debug)]
pub(super) struct Face {
    pub id: u64,
    /// Id and name of its subject.
    pub subject: Option<(u64, String)>,
    pub path: Option<PathBuf>,
    pub row: Option<u64>,
    pub bounds: Option<[f32; 4]>,
    pub photo: Option<PhotoHash>,
    /// Its quality, 0 to 100.
    pub quality: Option<u8>,
}

impl Face {
    fn of_subject(template: SubjectTemplate) -> Self {
        let SubjectTemplate { id, subject_id, subject, path, row, face, photo } = template;
        let unknown = Self::unknown(UnknownFace { id, path, row, face, photo });
        Self { subject: Some((subject_id, subject)), ..unknown }
    }

    fn unknown(face: UnknownFace) -> Self {
        let UnknownFace { id, path, row, face, photo } = face;
        let (bounds, quality) = face.map(|face| (face.bounds, face.quality.overall)).unzip();
        Self { id, subject: None, path, row, bounds, photo, quality }
    }

    /// Name of its subject.
    fn name(&self) -> Option<&str> {
        self.subject.as_ref().map(|(_, name)| name.as_str())
    }

    /// A key that follows from the vector and the photo. A name is no part of it: the order of the faces decides which pairs give the scores of
    /// strangers, and a face that got a name must not change the threshold.
    fn key(&self, vector: &[f32]) -> u128 {
        let mut hash = blake3::Hasher::new();
        let mut numbers = |numbers: &[f32]| {
            for number in numbers {
                hash.update(&number.to_bits().to_le_bytes());
            }
        };
        numbers(vector);
        numbers(self.bounds.as_ref().map_or(&[], |bounds| &bounds[..]));
        hash.update(self.photo.as_ref().map_or(&[], |photo| &photo[..]));
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize().as_bytes()[..16]);
        u128::from_le_bytes(key)
    }
}

/// The faces of a gallery in the order of their keys, equal ones in that of their names, so that nothing depends on the order in which they were added.
pub(super) struct Faces {
    pub faces: Vec<Face>,
    pub keys: Vec<u128>,
    /// The vectors, row by row.
    pub vectors: Vec<f32>,
    pub dimension: usize,
    /// `None` for fewer than two faces.
    pub strangers: Option<Strangers>,
    rejections: Rejections,
    view: View,
}

/// Pairs of similar faces.
pub(super) struct Edges {
    pub edges: Vec<Edge>,
    /// The lowest score.
    pub least: f32,
}

impl Faces {
    /// Reads all templates. `None` if it was stopped.
    pub fn read(gallery: &Gallery, control: &Control<'_>) -> Result<Option<Self>> {
        let listed = list(gallery)?;
        let (view, dimension) = (gallery.view_with_unknown()?, gallery.binding().dimension);
        let mut faces = Vec::with_capacity(listed.len());
        let ids: Vec<u64> = listed.iter().map(|face| face.id).collect();
        let mut waiting = listed.into_iter();
        let is_whole = each_vector(&view, &ids, ("faces read", control), |vector| {
            // A face without a vector was removed meanwhile.
            faces.extend(waiting.next().zip(vector).map(|(face, vector)| (face.key(vector), face)));
        })?;
        if !is_whole {
            return Ok(None);
        }
        faces.sort_unstable_by(|(one_key, one), (other_key, other)| {
            one_key.cmp(other_key).then_with(|| (one.name(), one.id).cmp(&(other.name(), other.id)))
        });
        let (keys, faces): (Vec<u128>, Vec<Face>) = faces.into_iter().unzip();
        // Read again in this order: a sorted copy would need the memory twice.
        let ids: Vec<u64> = faces.iter().map(|face| face.id).collect();
        let mut vectors = Vec::with_capacity(ids.len() * dimension);
        let is_whole = each_vector(&view, &ids, ("vectors read", control), |vector| {
            vectors.extend_from_slice(vector.unwrap_or_default());
        })?;
        if !is_whole {
            return Ok(None);
        }
        let strangers = Strangers::of(&vectors, dimension);
        let rejections = gallery.rejections()?;
        Ok(Some(Self { faces, keys, vectors, dimension, strangers, rejections, view }))
    }

    pub fn len(&self) -> usize {
        self.faces.len()
    }

    /// Faces without a subject.
    pub fn unknown(&self) -> u64 {
        self.subjects().filter(Option::is_none).count() as u64
    }

    /// The id of the subject of each face.
    pub fn subjects(&self) -> impl Iterator<Item = Option<u64>> + '_ {
        self.faces.iter().map(|face| face.subject.as_ref().map(|(id, _)| *id))
    }

    /// The faces with a subject, and the first `strangers` of the others in the order of their keys.
    pub fn part(&self, strangers: u64) -> Part {
        let mut left = strangers;
        let chosen: Vec<usize> = (0..self.len())
            .filter(|&at| {
                let is_chosen = self.faces[at].subject.is_some() || left > 0;
                left -= u64::from(self.faces[at].subject.is_none() && left > 0);
                is_chosen
            })
            .collect();
        let row = |&at: &usize| &self.vectors[at * self.dimension..][..self.dimension];
        let vectors: Vec<f32> = chosen.iter().flat_map(row).copied().collect();
        let faces: Vec<&Face> = chosen.iter().map(|&at| &self.faces[at]).collect();
        Part {
            keys: chosen.iter().map(|&at| self.keys[at]).collect(),
            dimension: self.dimension,
            strangers: Strangers::of(&vectors, self.dimension),
            constraints: constraints(&faces, (&vectors, self.dimension), &[], None),
            people: faces.iter().map(|face| face.subject.as_ref().map(|(id, _)| *id)).collect(),
            ids: faces.iter().map(|face| face.id).collect(),
            vectors,
        }
    }

    /// The pairs with at least the score `least`, those of the closest faces of each face: first of all faces, then of each part. `None` if
    /// it was stopped.
    pub fn edges(
        &self,
        parts: &[Part],
        least: f32,
        device: JoinDevice<'_>,
        control: &Control<'_>,
    ) -> Result<Option<(Edges, Vec<Edges>)>> {
        let all: Vec<u64> = self.faces.iter().map(|face| face.id).collect();
        let places = |ids: &[u64]| ids.iter().copied().zip(0..).collect::<HashMap<u64, u32>>();
        let mut nearest: Vec<(HashMap<u64, u32>, Nearest)> = std::iter::once(&all)
            .chain(parts.iter().map(|part| &part.ids))
            .map(|ids| (places(ids), Nearest::new(ids.len(), MOST)))
            .collect();
        let mut sink = |pairs: &[Pair]| {
            for (at, nearest) in &mut nearest {
                for pair in pairs {
                    if let (Some(&a), Some(&b)) = (at.get(&pair.ids[0]), at.get(&pair.ids[1])) {
                        nearest.add(Edge { a, b, score: pair.score });
                    }
                }
            }
            ControlFlow::Continue(())
        };
        let is_whole = join(&self.view, (least, PairSubjects::Any), device, control, &mut sink)?;
        let mut edges = nearest.into_iter().map(|(_, nearest)| Edges { edges: nearest.edges(), least });
        Ok(is_whole.then(|| edges.next().map(|first| (first, edges.collect()))).flatten())
    }

    /// The faces of a photo are apart, unless they are copies of one face or of faces in several photos. Faces of low quality are weak. With the
    /// id of the subject of each face, those of a subject are together, two subjects are apart, and no face is with a subject that it does not
    /// show according to a user.
    pub fn constraints(&self, edges: &Edges, subjects: Option<&[Option<u64>]>) -> Constraints {
        let faces: Vec<&Face> = self.faces.iter().collect();
        let known = subjects.map(|subjects| (subjects, &self.rejections));
        constraints(&faces, (&self.vectors, self.dimension), &edges.edges, known)
    }

    /// What a method needs. The constraints are those of [`constraints`](Self::constraints).
    pub fn input<'a>(&'a self, constraints: &'a Constraints) -> Input<'a> {
        let Self { keys, vectors, dimension, strangers, .. } = self;
        Input { keys, vectors, dimension: *dimension, strangers: strangers.as_ref(), constraints }
    }
}

/// Some of the faces, without their names.
pub(super) struct Part {
    keys: Vec<u128>,
    vectors: Vec<f32>,
    dimension: usize,
    strangers: Option<Strangers>,
    constraints: Constraints,
    ids: Vec<u64>,
    /// The id of the subject of each face.
    pub people: Vec<Option<u64>>,
}

impl Part {
    /// What a method needs.
    pub fn input(&self) -> Input<'_> {
        let Self { keys, vectors, dimension, strangers, constraints, .. } = self;
        Input { keys, vectors, dimension: *dimension, strangers: strangers.as_ref(), constraints }
    }
}

/// Faces for a method.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub keys: &'a [u128],
    pub vectors: &'a [f32],
    pub dimension: usize,
    pub strangers: Option<&'a Strangers>,
    pub constraints: &'a Constraints,
}

/// The faces of a photo are apart, as far as [`apart`] tells. If they are `known`, the subjects and the rejections count.
fn constraints(
    faces: &[&Face],
    vectors: (&[f32], usize),
    edges: &[Edge],
    known: Option<(&[Option<u64>], &Rejections)>,
) -> Constraints {
    let mut constraints = Constraints::new();
    let mut photos: BTreeMap<PhotoHash, Vec<u32>> = BTreeMap::new();
    let mut subjects: BTreeMap<u64, u32> = BTreeMap::new();
    for (at, face) in (0..).zip(faces) {
        if let Some(photo) = face.photo {
            photos.entry(photo).or_default().push(at);
        }
    }
    for (at, subject) in (0..).zip(known.map_or(&[][..], |(subjects, _)| subjects)) {
        if let Some(subject) = *subject {
            let first = *subjects.entry(subject).or_insert(at);
            if first != at {
                constraints.must_link(first, at);
            }
        }
    }
    photos.retain(|_, faces| faces.len() > 1);
    let copies = copies(faces, &photos, edges);
    photos.values().for_each(|faces| apart(faces, vectors, &copies, &mut constraints));
    let is_weak = |face: &Face| face.quality.is_some_and(|quality| quality < WEAK);
    for (at, _) in (0..).zip(faces).filter(|(_, face)| is_weak(face)) {
        constraints.weaken(at);
    }
    if let Some((owners, rejections)) = known {
        for ((at, face), own) in (0..).zip(faces).zip(owners) {
            let others = rejections.of_template(face.id).filter(|id| Some(*id) != *own);
            others.filter_map(|id| subjects.get(&id)).for_each(|&first| constraints.cannot_link(first, at));
        }
    }
    constraints.exclude(&subjects.into_values().collect::<Vec<_>>());
    constraints
}

/// The other photos with a copy of each face that has further ones in its photo.
fn copies(
    faces: &[&Face],
    several: &BTreeMap<PhotoHash, Vec<u32>>,
    edges: &[Edge],
) -> HashMap<u32, BTreeSet<PhotoHash>> {
    let mut copies: HashMap<u32, BTreeSet<PhotoHash>> = HashMap::new();
    for edge in edges.iter().filter(|edge| edge.score >= COPY) {
        let photo = |face: u32| faces.get(face as usize).and_then(|face| face.photo);
        let Some((a, b)) = photo(edge.a).zip(photo(edge.b)).filter(|(a, b)| a != b) else { continue };
        for (face, own, other) in [(edge.a, a, b), (edge.b, b, a)] {
            if several.contains_key(&own) {
                copies.entry(face).or_default().insert(other);
            }
        }
    }
    copies
}

/// Two faces of a photo show two people, unless they are one picture twice, as in a contact sheet, or both are pictures from other photos, as
/// in a collage: each has a copy in a photo that does not show the other one.
fn apart(
    faces: &[u32],
    (vectors, dimension): (&[f32], usize),
    copies: &HashMap<u32, BTreeSet<PhotoHash>>,
    constraints: &mut Constraints,
) {
    let row = |face: u32| &vectors[face as usize * dimension..][..dimension];
    let is_collage = |a, b| {
        let (a, b) = (copies.get(&a), copies.get(&b));
        a.zip(b).is_some_and(|(a, b)| a.difference(b).next().is_some() && b.difference(a).next().is_some())
    };
    let tells = |a, b| dot(row(a), row(b)) < PICTURE && !is_collage(a, b);
    let pairs = faces.iter().enumerate().flat_map(|(at, &a)| faces[at + 1..].iter().map(move |&b| (a, b)));
    if pairs.clone().all(|(a, b)| tells(a, b)) {
        constraints.exclude(faces);
    } else {
        pairs.filter(|(a, b)| tells(*a, *b)).for_each(|(a, b)| constraints.cannot_link(a, b));
    }
}

/// All templates: those of subjects, then those without.
pub(super) fn list(gallery: &Gallery) -> Result<Vec<Face>> {
    let (mut faces, mut last) = (Vec::new(), 0);
    loop {
        let block = gallery.templates_after(last, BLOCK)?;
        let Some(end) = block.last() else { break };
        last = end.id;
        faces.extend(block.into_iter().map(Face::of_subject));
    }
    last = 0;
    loop {
        let block = gallery.unknown_faces_after(last, BLOCK)?;
        let Some(end) = block.last() else { return Ok(faces) };
        last = end.id;
        faces.extend(block.into_iter().map(Face::unknown));
    }
}

/// Calls `visit` with the vector of each id, in order; `None` for an id that has none. Returns `false` if it was stopped.
fn each_vector(
    view: &View,
    ids: &[u64],
    (unit, control): (&'static str, &Control<'_>),
    mut visit: impl FnMut(Option<&[f32]>),
) -> Result<bool> {
    for (block, some) in ids.chunks(BLOCK).enumerate() {
        if control.is_stopped() {
            return Ok(false);
        }
        control.report(unit, (block * BLOCK) as u64, Some(ids.len() as u64));
        for row in view.vectors(some) {
            visit(row.map_err(GalleryError::from)?.as_ref().map(|row| &row.vector[..]));
        }
    }
    Ok(true)
}
