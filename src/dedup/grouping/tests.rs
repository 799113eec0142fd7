//! Groups of thumbnails.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::super::comparison::Likeness;
use super::super::hash::Hasher;
use super::super::star::candidates;
use super::super::tests::{scene, thumbnail};
use super::super::thumbnail::Thumbnail;
use super::*;

struct Scenes(Vec<Thumbnail>);

impl Photos for Scenes {
    type Error = ();

    fn thumbnail(&self, photo: usize) -> Result<Thumbnail, ()> {
        Ok(self.0[photo].clone())
    }

    fn may_join(&self, centre: usize, photo: usize) -> bool {
        // The last one is kept apart from all.
        centre.max(photo) + 1 < self.0.len()
    }

    fn kind(&self, photo: usize) -> u32 {
        photo as u32
    }

    fn confirms(&self, _: usize, _: usize, _: &Likeness) -> Result<bool, ()> {
        Ok(true)
    }
}

fn signatures(thumbnails: &[Thumbnail]) -> Vec<Signature> {
    let hasher = Hasher::default();
    thumbnails.iter().map(|one| Signature::of(one, &hasher)).collect()
}

fn grouped(thumbnails: Vec<Thumbnail>) -> Vec<Star> {
    let signatures = signatures(&thumbnails);
    group(&signatures, &Scenes(thumbnails), |_| true).unwrap().unwrap()
}

#[test]
fn copies_in_all_orientations_are_one_group_and_pairs_that_are_kept_apart_are_not() {
    let mut thumbnails = Vec::new();
    for seed in [1, 2] {
        let original = thumbnail(scene(seed));
        thumbnails.extend(Orientation::ALL.map(|orientation| orientation.apply(&original)));
    }
    thumbnails.push(thumbnail(scene(1)));
    let groups: BTreeSet<BTreeSet<usize>> = grouped(thumbnails)
        .iter()
        .map(|star| star.copies.iter().map(|(copy, _)| *copy).chain([star.centre]).collect())
        .collect();
    assert_eq!(groups, BTreeSet::from([(0..8).collect(), (8..16).collect()]));
}

#[test]
fn a_chain_of_small_changes_is_not_one_group() {
    // Each frame moves on by a little; the last ones have three quarters of the picture in common with the first.
    let scene = &scene(4);
    let chain: Vec<Thumbnail> =
        (0..40).map(|step| thumbnail(move |x, y| scene(x + 0.007 * step as f32, y))).collect();
    let groups = grouped(chain);
    assert!(groups.len() > 1, "{groups:?}");
    for star in groups {
        assert!(star.copies.iter().all(|(copy, _)| copy.abs_diff(star.centre) <= 4), "{star:?}");
    }
}

#[test]
fn the_index_finds_the_candidates_that_a_comparison_of_all_hashes_finds() {
    let mut thumbnails = Vec::new();
    for seed in 1..6 {
        let scene = scene(seed);
        for (left, top, size) in [(0.0, 0.0, 1.0), (0.05, 0.05, 0.9), (0.0, 0.0, 0.88), (0.12, 0.03, 0.85)] {
            let part = thumbnail(|x, y| scene(left + size * x, top + size * y));
            thumbnails.push(Orientation::ALL[seed as usize].apply(&part));
            thumbnails.push(part);
        }
    }
    let signatures = signatures(&thumbnails);
    let index = Index::new(&signatures, (0..signatures.len()).collect());
    let mut count = 0;
    for centre in 0..signatures.len() {
        let found = index.candidates(centre, &vec![State::New; signatures.len()]);
        for photo in (0..signatures.len()).filter(|photo| *photo != centre) {
            let expected = candidates(&signatures[photo], &signatures[centre]);
            let found = found.get(&photo).map(|(_, found)| found.clone()).unwrap_or_default();
            count += expected.len();
            assert!(
                found.len() == expected.len() && expected.iter().all(|one| found.contains(one)),
                "{photo} of {centre}: {found:?} instead of {expected:?}"
            );
        }
    }
    assert!(count > 200, "{count}");
}

#[test]
fn groups_are_one_if_a_member_equals_all_of_both_although_their_centres_differ() {
    // One has a strip at the top and one at the bottom, so each equals the original, and they do not equal each other.
    let scene = scene(9);
    let with_strip = |from: f32, to: f32, grey: f32| {
        thumbnail(|x, y| {
            let is_text = (x * 90.0).sin() > 0.0;
            if (from..to).contains(&y) { if is_text { grey } else { 100.0 } } else { scene(x, y) }
        })
    };
    let top = [with_strip(0.0, 0.1, 160.0), with_strip(0.0, 0.1, 158.0)];
    let bottom = with_strip(0.9, 1.0, 160.0);
    let thumbnails =
        Vec::from([top[0].clone(), top[1].clone(), bottom, thumbnail(&scene), thumbnail(&scene)]);
    let signatures = signatures(&thumbnails);
    let photos = Scenes(thumbnails);
    let star = |centre: usize, copy: usize| {
        let found =
            copies(centre, vec![(copy, candidates(&signatures[copy], &signatures[centre]))], &photos, true);
        let found = found.unwrap();
        assert_eq!(found.len(), 1, "{centre} {copy}");
        Star { centre, copies: found.iter().map(|copy| (copy.photo, copy.likeness)).collect() }
    };
    let both = united(vec![star(0, 1), star(2, 3)], &signatures, &[9, 9, 9, 1, 0], &photos).unwrap();
    let [one] = &both[..] else { panic!("{both:?}") };
    assert_eq!(one.centre, 3);
    assert_eq!(one.copies.iter().map(|(copy, _)| *copy).collect::<Vec<_>>(), [0, 1, 2]);
    // Without the original there is no such member.
    let apart = vec![star(0, 1), Star { centre: 2, copies: Vec::new() }];
    assert_eq!(united(apart.clone(), &signatures, &[9; 5], &photos).unwrap(), apart);
}

/// Counts the thumbnails that are read.
struct Counted(Scenes, AtomicUsize);

impl Photos for Counted {
    type Error = ();

    fn thumbnail(&self, photo: usize) -> Result<Thumbnail, ()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.thumbnail(photo)
    }

    fn may_join(&self, _: usize, _: usize) -> bool {
        true
    }

    fn kind(&self, _: usize) -> u32 {
        0
    }

    fn confirms(&self, centre: usize, photo: usize, likeness: &Likeness) -> Result<bool, ()> {
        self.0.confirms(centre, photo, likeness)
    }
}

#[test]
fn look_alikes_cost_a_bounded_number_of_comparisons_and_a_copy_begins_the_count_again() {
    let original = thumbnail(scene(1));
    let mut thumbnails = vec![original.clone(); 102];
    // Photo 40 is a copy, and so is the last one.
    let others = (1..101).filter(|photo| *photo != 40);
    let other = scene(2);
    others.for_each(|photo| thumbnails[photo] = thumbnail(|x, y| other(x + 0.01 * photo as f32, y)));
    let photos = Counted(Scenes(thumbnails), AtomicUsize::new(0));
    let whole = || vec![candidate(Orientation::default(), 0, 0)];
    let found = copies(0, (1..102).map(|photo| (photo, whole())).collect(), &photos, true).unwrap();
    assert_eq!(found.iter().map(|copy| copy.photo).collect::<Vec<_>>(), [40]);
    // The centre, 39 refused, the copy, 48 refused.
    assert_eq!(photos.1.into_inner(), 1 + 39 + 1 + 48);
}

/// Photos that tell their exposure or do not, and pairs that are kept apart.
struct Exposures {
    thumbnails: Vec<Thumbnail>,
    taken: Vec<Option<u32>>,
    apart: BTreeSet<(usize, usize)>,
}

impl Photos for Exposures {
    type Error = ();

    fn thumbnail(&self, photo: usize) -> Result<Thumbnail, ()> {
        Ok(self.thumbnails[photo].clone())
    }

    fn may_join(&self, one: usize, other: usize) -> bool {
        let are_different = matches!((self.taken[one], self.taken[other]), (Some(a), Some(b)) if a != b);
        !are_different && !self.apart.contains(&(one.min(other), one.max(other)))
    }

    fn kind(&self, photo: usize) -> u32 {
        let is_apart = self.apart.iter().any(|(one, other)| [*one, *other].contains(&photo));
        if is_apart { 1000 + photo as u32 } else { self.taken[photo].unwrap_or(999) }
    }

    fn confirms(&self, _: usize, _: usize, _: &Likeness) -> Result<bool, ()> {
        Ok(true)
    }
}

impl Exposures {
    fn groups(&self) -> Vec<Vec<usize>> {
        let stars = group(&signatures(&self.thumbnails), self, |_| true).unwrap().unwrap();
        let members = |star: &Star| star.copies.iter().map(|(copy, _)| *copy).chain([star.centre]).collect();
        stars.iter().map(members).collect()
    }
}

/// A copy of an exposure of a scene. Exposures differ less than copies may, and more than these copies do.
fn exposure(exposure: u32, copy: u32) -> Thumbnail {
    let scene = scene(14);
    let (exposure, copy) = (exposure as f32, copy as f32);
    thumbnail(move |x, y| {
        let change = 3.0 * (40.0 * x + 2.0 * exposure).sin();
        scene(x, y) + change + 0.2 * copy * (70.0 * y + copy).sin()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_undated_copy_goes_to_its_exposure_in_every_order(
        order in Just((0..9_usize).collect::<Vec<_>>()).prop_shuffle(),
        dated in 1..=3_usize,
    ) {
        // Three exposures with three copies each, the first `dated` of them with a date.
        let photo = |place: &usize| exposure((place / 3) as u32, (place % 3) as u32);
        let taken = |place: &usize| (place % 3 < dated).then_some((place / 3) as u32);
        let mut photos = Exposures {
            thumbnails: order.iter().map(photo).collect(),
            taken: order.iter().map(taken).collect(),
            apart: BTreeSet::new(),
        };
        let of = |group: &Vec<usize>| group.iter().map(|at| order[*at]).collect::<BTreeSet<usize>>();
        let groups: BTreeSet<BTreeSet<usize>> = photos.groups().iter().map(of).collect();
        prop_assert_eq!(groups, (0..3).map(|at| (3 * at..3 * at + 3).collect()).collect());
        photos.taken.fill(None);
        prop_assert_eq!(photos.groups().iter().map(Vec::len).collect::<Vec<_>>(), [9], "without dates");
    }

    #[test]
    fn no_two_members_of_a_group_are_photos_that_may_not_join(
        kinds in prop::collection::vec((0..3_u32, 0..4_u32, prop::option::of(0..3_u32)), 2..14),
        apart in prop::collection::btree_set((0..14_usize, 0..14_usize), 0..12),
    ) {
        let photos = Exposures {
            thumbnails: kinds.iter().map(|(number, copy, _)| exposure(*number, *copy)).collect(),
            taken: kinds.iter().map(|(.., taken)| *taken).collect(),
            apart: apart.into_iter().filter(|(one, other)| one < other).collect(),
        };
        let mut seen = BTreeSet::new();
        for group in photos.groups() {
            for (at, one) in group.iter().enumerate() {
                prop_assert!(seen.insert(*one), "{} is in two groups", one);
                for other in &group[at + 1..] {
                    prop_assert!(photos.may_join(*one, *other), "{} and {}", one, other);
                }
            }
        }
    }
}
