//! How well clusters of faces agree with the people in the photos.
//!
//! *BCubed* (Bagga and Baldwin 1998) averages over faces: the precision of a face is the share of its cluster that shows its person, its
//! recall the share of its person that is in its cluster. *Pairwise* rates count pairs of faces, so a person with many photos weighs
//! by the square of their number. *V-measure* (Rosenberg and Hirschberg 2007) compares entropies. A clustering of single faces has a high
//! BCubed F where most people have one photo; [`Clustering::largest_cluster_recall`] does not reward that.
//!
//! The cost is that of counting each (cluster, person) once: O(faces).

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Precision, recall, and their harmonic mean; shares from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agreement {
    /// Share of what was put together that belongs together. 1 where nothing was put together.
    pub precision: f64,
    /// Share of what belongs together that was put together. 1 where nothing belongs together.
    pub recall: f64,
    /// Their harmonic mean; 0 if both are 0.
    pub f: f64,
}

/// The measures of a clustering against the people that the faces show.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Clustering {
    /// Faces whose person is known. All averages are over them.
    pub faces: u64,
    /// Faces of strangers: each counts as a person who is not among the known ones. In a cluster they lower precision.
    pub strangers: u64,
    /// Known people.
    pub people: u64,
    /// Known people with at least two faces.
    pub people_with_several: u64,
    /// Clusters with a known face.
    pub clusters: u64,
    /// BCubed precision, recall and F.
    pub bcubed: Agreement,
    /// Precision, recall and F of pairs of faces. Pairs of two strangers are not counted, because it is not known whether they show one
    /// person.
    pub pairs: Agreement,
    /// Share of the uncertainty about the person of a known face that its cluster removes. Strangers are left out.
    pub homogeneity: f64,
    /// Share of the uncertainty about the cluster of a known face that its person removes. Strangers are left out.
    pub completeness: f64,
    /// Harmonic mean of homogeneity and completeness.
    pub v_measure: f64,
    /// People whose faces are in more than one cluster.
    pub people_split: u64,
    /// People who share a cluster with another person or a stranger.
    pub people_merged: u64,
    /// Clusters with a known face and a face of another person.
    pub clusters_mixed: u64,
    /// The share of a person's faces in the person's largest cluster, averaged over people with at least two faces. 1 if there is none.
    pub largest_cluster_recall: f64,
}

/// The agreement of a clustering at one place of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClusteringPoint {
    /// Faces that were clustered.
    pub faces: u64,
    /// Of these, faces of strangers.
    pub strangers: u64,
    /// The threshold, a cosine.
    pub threshold: f32,
    /// BCubed precision, recall and F of the others.
    pub bcubed: Agreement,
}

/// Measures clusters against people. `clusters` has the cluster of each face, `people` its person, or `None` for a stranger. Both have any
/// numbers as names, and one entry per face; faces beyond the shorter of the two are not counted.
pub fn clustering(clusters: &[u64], people: &[Option<u64>]) -> Clustering {
    let counts = Counts::of(clusters, people);
    let (homogeneity, completeness) = counts.entropies();
    let several = counts.people.values().filter(|&&faces| faces > 1).count() as u64;
    Clustering {
        faces: counts.faces,
        strangers: counts.strangers,
        people: counts.people.len() as u64,
        people_with_several: several,
        clusters: counts.clusters.values().filter(|cluster| cluster.known > 0).count() as u64,
        bcubed: counts.bcubed(),
        pairs: counts.pairs(),
        homogeneity,
        completeness,
        v_measure: harmonic(homogeneity, completeness),
        people_split: counts.parts.values().filter(|parts| parts.len() > 1).count() as u64,
        people_merged: counts.parts.values().filter(|parts| counts.shares(parts)).count() as u64,
        clusters_mixed: counts.clusters.values().filter(|cluster| cluster.is_mixed()).count() as u64,
        largest_cluster_recall: counts.largest_cluster_recall(),
    }
}

/// Faces of a cluster.
#[derive(Debug, Clone, Copy, Default)]
struct Cluster {
    known: u64,
    strangers: u64,
    people: u64,
}

impl Cluster {
    fn size(self) -> u64 {
        self.known + self.strangers
    }

    fn is_mixed(self) -> bool {
        self.people > 1 || (self.people == 1 && self.strangers > 0)
    }
}

struct Counts {
    faces: u64,
    strangers: u64,
    clusters: HashMap<u64, Cluster>,
    people: HashMap<u64, u64>,
    /// Of each person, the clusters with the number of the person's faces in them, in ascending order of the cluster.
    parts: HashMap<u64, Vec<(u64, u64)>>,
}

impl Counts {
    fn of(clusters: &[u64], people: &[Option<u64>]) -> Self {
        let mut joint: HashMap<(u64, u64), u64> = HashMap::new();
        let mut counts = Self {
            faces: 0,
            strangers: 0,
            clusters: HashMap::new(),
            people: HashMap::new(),
            parts: HashMap::new(),
        };
        for (&name, person) in clusters.iter().zip(people) {
            let cluster = counts.clusters.entry(name).or_default();
            match *person {
                None => {
                    cluster.strangers += 1;
                    counts.strangers += 1;
                }
                Some(person) => {
                    cluster.known += 1;
                    counts.faces += 1;
                    *counts.people.entry(person).or_default() += 1;
                    *joint.entry((name, person)).or_default() += 1;
                }
            }
        }
        // Sorted, so that sums of floats do not depend on the order of a hash map.
        let mut joint: Vec<_> = joint.into_iter().collect();
        joint.sort_unstable();
        for ((name, person), faces) in joint {
            counts.clusters.entry(name).or_default().people += 1;
            counts.parts.entry(person).or_default().push((name, faces));
        }
        counts
    }

    /// The counts (faces of a person in a cluster, faces of the person, cluster), in ascending order of person and cluster.
    fn cells(&self) -> impl Iterator<Item = (u64, u64, Cluster)> + '_ {
        let mut people: Vec<_> = self.parts.iter().collect();
        people.sort_unstable_by_key(|(person, _)| **person);
        people.into_iter().flat_map(move |(person, parts)| {
            let all = self.people.get(person).copied().unwrap_or_default();
            let cluster = |name| self.clusters.get(name).copied().unwrap_or_default();
            parts.iter().map(move |(name, faces)| (*faces, all, cluster(name)))
        })
    }

    fn bcubed(&self) -> Agreement {
        let (mut precision, mut recall) = (0.0, 0.0);
        for (faces, of_person, cluster) in self.cells() {
            let square = faces as f64 * faces as f64;
            precision += square / cluster.size() as f64;
            recall += square / of_person as f64;
        }
        agreement(share(precision, self.faces as f64), share(recall, self.faces as f64))
    }

    fn pairs(&self) -> Agreement {
        let together: f64 = self.cells().map(|(faces, ..)| pairs(faces)).sum();
        let clusters = self.clusters.values();
        let made: u128 =
            clusters.map(|c| count(c.known) + u128::from(c.known) * u128::from(c.strangers)).sum();
        let wanted: u128 = self.people.values().map(|&faces| count(faces)).sum();
        agreement(share(together, made as f64), share(together, wanted as f64))
    }

    /// Homogeneity and completeness.
    fn entropies(&self) -> (f64, f64) {
        let all = self.faces as f64;
        let entropy = |mut sizes: Vec<u64>| -> f64 {
            sizes.sort_unstable();
            sizes.iter().filter(|&&size| size > 0).map(|&n| -(n as f64 / all) * (n as f64 / all).ln()).sum()
        };
        let of_people = entropy(self.people.values().copied().collect());
        let of_clusters = entropy(self.clusters.values().map(|cluster| cluster.known).collect());
        let (mut people_given_clusters, mut clusters_given_people) = (0.0, 0.0);
        for (faces, of_person, cluster) in self.cells() {
            let weight = faces as f64 / all;
            people_given_clusters -= weight * (faces as f64 / cluster.known as f64).ln();
            clusters_given_people -= weight * (faces as f64 / of_person as f64).ln();
        }
        let removed = |left: f64, of: f64| if of > 0.0 { (1.0 - left / of).clamp(0.0, 1.0) } else { 1.0 };
        (removed(people_given_clusters, of_people), removed(clusters_given_people, of_clusters))
    }

    /// Whether one of these clusters has a face of another person.
    fn shares(&self, parts: &[(u64, u64)]) -> bool {
        parts.iter().any(|(name, _)| self.clusters.get(name).is_some_and(|cluster| cluster.is_mixed()))
    }

    fn largest_cluster_recall(&self) -> f64 {
        let mut people: Vec<_> = self.people.iter().filter(|(_, faces)| **faces > 1).collect();
        people.sort_unstable();
        let largest = |person| self.parts.get(person).into_iter().flatten().map(|(_, faces)| *faces).max();
        let sum: f64 = people
            .iter()
            .map(|(person, all)| largest(person).unwrap_or_default() as f64 / **all as f64)
            .sum();
        share(sum, people.len() as f64)
    }
}

/// A share; 1 of nothing.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 1.0 }
}

fn count(faces: u64) -> u128 {
    u128::from(faces) * u128::from(faces.saturating_sub(1)) / 2
}

fn pairs(faces: u64) -> f64 {
    count(faces) as f64
}

fn agreement(precision: f64, recall: f64) -> Agreement {
    Agreement { precision, recall, f: harmonic(precision, recall) }
}

fn harmonic(a: f64, b: f64) -> f64 {
    if a + b > 0.0 { 2.0 * a * b / (a + b) } else { 0.0 }
}
