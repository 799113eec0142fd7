//! What must and what cannot be in one cluster.

use std::collections::BTreeMap;

/// Facts about faces that every clustering obeys. Faces are given by their positions, from 0.
///
/// A cannot-link between two faces, two faces of one photo, and two named subjects are all the same thing: an *exclusion*, a set of faces of
/// which a cluster contains at most one. Must-links are stronger: faces that the user has put together stay together, even if they
/// are of one photo.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Constraints {
    must: Vec<(u32, u32)>,
    exclusions: Vec<Vec<u32>>,
    weak: Vec<u32>,
}

impl Constraints {
    /// No constraints.
    pub fn new() -> Self {
        Self::default()
    }

    /// Both faces show one person.
    pub fn must_link(&mut self, a: u32, b: u32) {
        self.must.push((a, b));
    }

    /// The faces show different people.
    pub fn cannot_link(&mut self, a: u32, b: u32) {
        self.exclude(&[a, b]);
    }

    /// All of these faces show different people, such as the faces of one photo.
    pub fn exclude(&mut self, faces: &[u32]) {
        if faces.len() > 1 {
            self.exclusions.push(faces.to_vec());
        }
    }

    /// A face that says little about whom it shows, such as a blurred one. It joins a cluster with a face of another kind; clusters of weak
    /// faces alone are not united, unless they must be.
    pub fn weaken(&mut self, face: u32) {
        self.weak.push(face);
    }

    /// Keeps earlier clusters as they are: `clusters` has the cluster of each face, `None` for a new one. New faces join one of them or open
    /// their own; two earlier clusters are not united.
    pub fn keep(&mut self, clusters: &[Option<u32>]) {
        let mut firsts: BTreeMap<u32, u32> = BTreeMap::new();
        for (face, cluster) in (0..).zip(clusters) {
            if let Some(cluster) = *cluster {
                let first = *firsts.entry(cluster).or_insert(face);
                if first != face {
                    self.must_link(first, face);
                }
            }
        }
        self.exclude(&firsts.into_values().collect::<Vec<_>>());
    }

    /// The pairs that must be together.
    pub fn must_links(&self) -> &[(u32, u32)] {
        &self.must
    }

    /// The sets of which a cluster has at most one face.
    pub fn exclusions(&self) -> &[Vec<u32>] {
        &self.exclusions
    }

    /// The weak faces.
    pub fn weak(&self) -> &[u32] {
        &self.weak
    }

    /// The same facts with other positions: `positions[face]` is the new position of a face.
    pub(super) fn renumbered(&self, positions: &[u32]) -> Self {
        let at = |face: u32| positions[face as usize];
        let mut must: Vec<_> = self.must.iter().map(|&(a, b)| (at(a).min(at(b)), at(a).max(at(b)))).collect();
        let mut exclusions: Vec<Vec<u32>> = self
            .exclusions
            .iter()
            .map(|faces| {
                let mut faces: Vec<u32> = faces.iter().map(|&face| at(face)).collect();
                faces.sort_unstable();
                faces.dedup();
                faces
            })
            .collect();
        must.sort_unstable();
        must.dedup();
        exclusions.sort_unstable();
        exclusions.dedup();
        exclusions.retain(|faces| faces.len() > 1);
        let mut weak: Vec<u32> = self.weak.iter().map(|&face| at(face)).collect();
        weak.sort_unstable();
        weak.dedup();
        Self { must, exclusions, weak }
    }

    /// The largest position in these facts.
    pub(super) fn last(&self) -> Option<u32> {
        let pairs = self.must.iter().flat_map(|&(a, b)| [a, b]);
        pairs.chain(self.exclusions.iter().flatten().copied()).chain(self.weak.iter().copied()).max()
    }
}
