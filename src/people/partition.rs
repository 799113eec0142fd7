//! Disjoint clusters of faces that grow by unions and obey exclusions.

use super::constraints::Constraints;

/// A union-find whose clusters carry the exclusions of their faces. The cluster of a face has the number of one of its faces.
#[derive(Debug, Clone)]
pub struct Partition {
    parent: Vec<u32>,
    size: Vec<u32>,
    /// Of each root, the numbers of the exclusions that its faces are in, ascending.
    exclusions: Vec<Vec<u32>>,
    /// Of each root, whether all of its faces are weak.
    is_weak: Vec<bool>,
}

impl Partition {
    /// Single faces, except those that must be together. The constraints must be about faces below `faces`.
    pub fn new(faces: usize, constraints: &Constraints) -> Self {
        let mut partition = Self {
            parent: (0..faces as u32).collect(),
            size: vec![1; faces],
            exclusions: vec![Vec::new(); faces],
            is_weak: vec![false; faces],
        };
        constraints.weak().iter().for_each(|&face| partition.is_weak[face as usize] = true);
        for (number, excluded) in (0..).zip(constraints.exclusions()) {
            for &face in excluded {
                partition.exclusions[face as usize].push(number);
            }
        }
        for &(a, b) in constraints.must_links() {
            partition.unite(a, b);
        }
        partition
    }

    /// Number of faces.
    pub fn faces(&self) -> usize {
        self.parent.len()
    }

    /// The cluster of a face.
    pub fn find(&mut self, face: u32) -> u32 {
        let mut at = face;
        while self.parent[at as usize] != at {
            let above = self.parent[self.parent[at as usize] as usize];
            self.parent[at as usize] = above;
            at = above;
        }
        at
    }

    /// Faces of a cluster.
    pub fn size(&self, cluster: u32) -> u32 {
        self.size[cluster as usize]
    }

    /// Whether an exclusion keeps two clusters apart, or both have weak faces only.
    pub fn is_forbidden(&self, a: u32, b: u32) -> bool {
        if self.is_weak[a as usize] && self.is_weak[b as usize] {
            return true;
        }
        let (mut short, mut long) = (&self.exclusions[a as usize], &self.exclusions[b as usize]);
        if short.len() > long.len() {
            std::mem::swap(&mut short, &mut long);
        }
        short.iter().any(|number| long.binary_search(number).is_ok())
    }

    /// Unites the clusters of two faces, whatever the exclusions. Returns the cluster that is left and the one that is gone, or `None` if
    /// they are one already.
    pub fn unite(&mut self, a: u32, b: u32) -> Option<(u32, u32)> {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return None;
        }
        let key = |cluster: u32| (self.size[cluster as usize], std::cmp::Reverse(cluster));
        let (left, gone) = if key(a) > key(b) { (a, b) } else { (b, a) };
        self.parent[gone as usize] = left;
        self.size[left as usize] += self.size[gone as usize];
        self.is_weak[left as usize] &= self.is_weak[gone as usize];
        let gained = std::mem::take(&mut self.exclusions[gone as usize]);
        if !gained.is_empty() {
            let all = &mut self.exclusions[left as usize];
            all.extend(gained);
            all.sort_unstable();
            all.dedup();
        }
        Some((left, gone))
    }

    /// Unites the clusters of two faces if no exclusion keeps them apart.
    pub fn unite_if_allowed(&mut self, a: u32, b: u32) -> Option<(u32, u32)> {
        let (a, b) = (self.find(a), self.find(b));
        if a == b || self.is_forbidden(a, b) { None } else { self.unite(a, b) }
    }

    /// The clusters of all faces, numbered from 0 in the order of their first faces.
    pub fn numbered(mut self) -> Vec<u32> {
        let mut numbers = vec![u32::MAX; self.parent.len()];
        let mut next = 0;
        (0..self.parent.len() as u32)
            .map(|face| {
                let number = self.find(face) as usize;
                if numbers[number] == u32::MAX {
                    numbers[number] = next;
                    next += 1;
                }
                numbers[number]
            })
            .collect()
    }
}
