//! Which photos may be in one group.
//!
//! - Photos that were taken at different times, or with different exposures as those of a bracket, are different photos. Photos whose encoded
//!   pictures are equal are not, whatever their data say.
//! - Of an animation, a file of several pages and a camera raw file, only a part is compared. They are copies of equal bytes only.
//! - Of two photos that hold more than their pictures, such as two motion photos, neither is a copy of the other.
//! - Photos that the user keeps apart, and photos of one item.

use std::collections::{BTreeMap, BTreeSet};

use super::cache::{ContentHash, Facts};

/// Whether two photos say that they were taken at different times or with different exposures, and their encoded pictures are not equal. Such
/// photos are never copies of each other.
pub fn are_different_exposures(one: &Facts, other: &Facts) -> bool {
    let are_encoded_equally = one.encoded.is_some() && one.encoded == other.encoded;
    !are_encoded_equally
        && (differ(&one.taken, &other.taken)
            || (0..2).any(|at| differ(&one.exposure[at], &other.exposure[at])))
}

/// Whether both have a value, and these are different.
fn differ<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one != other)
}

/// What is known of each of the photos that may be grouped.
pub(super) struct Compatibility<'a> {
    photos: Vec<Photo<'a>>,
    apart: BTreeSet<(ContentHash, ContentHash)>,
}

struct Photo<'a> {
    content: ContentHash,
    facts: &'a Facts,
    /// Its items that have other photos too.
    items: Vec<usize>,
    /// Whether the user keeps it apart from another one.
    is_apart: bool,
    kind: u32,
}

impl<'a> Compatibility<'a> {
    /// Of contents with their facts and with those of their items that have other photos too; and of the pairs of contents, the smaller first,
    /// that the user keeps apart.
    pub fn new(
        contents: impl Iterator<Item = (ContentHash, &'a Facts, Vec<usize>)>,
        apart: BTreeSet<(ContentHash, ContentHash)>,
    ) -> Self {
        let are_apart: BTreeSet<ContentHash> = apart.iter().flat_map(|(one, other)| [*one, *other]).collect();
        let photo = |(content, facts, items)| Photo {
            content,
            facts,
            items,
            is_apart: are_apart.contains(&content),
            kind: 0,
        };
        let mut photos: Vec<Photo<'_>> = contents.map(photo).collect();
        set_kinds(&mut photos);
        Self { photos, apart }
    }

    /// Whether two photos may be in one group.
    pub fn may_join(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.photos[one], &self.photos[other]);
        let (facts, other_facts) = (one.facts, other.facts);
        let are_partly_compared = facts.has_more || other_facts.has_more;
        let hold_more = facts.holds_more && other_facts.holds_more;
        let is_kept_apart =
            one.is_apart && other.is_apart && self.apart.contains(&pair(one.content, other.content));
        !are_partly_compared
            && !hold_more
            && !is_kept_apart
            && !are_different_exposures(facts, other_facts)
            && !one.items.iter().any(|item| other.items.contains(item))
    }

    /// The kind of a photo: photos of one kind may join each other, and whatever may join one of them may join all of them.
    pub fn kind(&self, photo: usize) -> u32 {
        self.photos[photo].kind
    }
}

fn pair(one: ContentHash, other: ContentHash) -> (ContentHash, ContentHash) {
    (one.min(other), one.max(other))
}

/// What a file says about the moment of a photo.
type Moment<'a> = (&'a Option<String>, [Option<i16>; 2]);

fn set_kinds(photos: &mut [Photo<'_>]) {
    let has_moment = |facts: &Facts| facts.taken.is_some() || facts.exposure.iter().any(Option::is_some);
    // An encoded picture tells photos apart only if its files say different things.
    let mut moments: BTreeMap<u64, BTreeSet<Moment<'_>>> = BTreeMap::new();
    for photo in photos.iter() {
        if let Some(encoded) = photo.facts.encoded.filter(|_| has_moment(photo.facts)) {
            moments.entry(encoded).or_default().insert((&photo.facts.taken, photo.facts.exposure));
        }
    }
    let has_two = |encoded: &u64| moments.get(encoded).is_some_and(|moments| moments.len() > 1);
    let mut known = BTreeMap::new();
    let mut next = 0;
    for photo in photos {
        let Facts { taken, exposure, encoded, has_more, holds_more, .. } = photo.facts;
        let is_one_of_its_kind = *has_more || *holds_more || photo.is_apart || !photo.items.is_empty();
        let encoded = encoded.filter(|encoded| has_moment(photo.facts) && has_two(encoded));
        photo.kind =
            if is_one_of_its_kind { next } else { *known.entry((taken, exposure, encoded)).or_insert(next) };
        next += u32::from(photo.kind == next);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn exposures_differ_if_both_say_so() {
        let at = |taken: Option<&str>| Facts { taken: taken.map(str::to_owned), ..Facts::default() };
        assert!(are_different_exposures(&at(Some("1")), &at(Some("2"))));
        assert!(!are_different_exposures(&at(Some("1")), &at(Some("1"))));
        assert!(!are_different_exposures(&at(Some("1")), &at(None)));
        let of = |exposure: [Option<i16>; 2]| Facts { exposure, ..at(Some("1")) };
        assert!(are_different_exposures(&of([Some(-66), None]), &of([Some(-56), None])));
        assert!(are_different_exposures(&of([None, Some(0)]), &of([Some(-56), Some(10)])));
        assert!(!are_different_exposures(&of([Some(-66), None]), &of([Some(-66), Some(0)])));
    }

    #[test]
    fn equal_encoded_pictures_are_one_exposure_whatever_their_dates_say() {
        let of = |taken: &str, encoded: Option<u64>| Facts {
            taken: Some(taken.into()),
            encoded,
            ..Facts::default()
        };
        assert!(!are_different_exposures(&of("1", Some(7)), &of("2", Some(7))));
        assert!(are_different_exposures(&of("1", Some(7)), &of("2", Some(8))));
        assert!(are_different_exposures(&of("1", None), &of("2", None)));
    }

    fn facts() -> impl Strategy<Value = Facts> {
        let rarely = || prop::bool::weighted(0.1);
        let few = || prop::option::of(0..3_u8);
        (few(), few(), few(), prop::option::of(0..3_u64), rarely(), rarely()).prop_map(
            |(taken, time, bias, encoded, has_more, holds_more)| {
                let taken = taken.map(|taken| taken.to_string());
                let exposure = [time, bias].map(|value| value.map(i16::from));
                Facts { taken, exposure, encoded, has_more, holds_more, ..Facts::default() }
            },
        )
    }

    proptest! {
        #[test]
        fn photos_of_one_kind_may_join_each_other_and_the_same_photos(
            facts in prop::collection::vec(facts(), 2..12),
            items in prop::collection::vec(prop::option::weighted(0.2, 0..3_usize), 12),
            apart in prop::collection::vec((0..12_u8, 0..12_u8), 0..3),
        ) {
            let apart = apart.iter().map(|(one, other)| pair([*one; 32], [*other; 32])).collect();
            let contents = facts.iter().zip(items).enumerate();
            let contents = contents.map(|(at, (facts, item))| ([at as u8; 32], facts, item.into_iter().collect()));
            let photos = Compatibility::new(contents, apart);
            for one in 0..facts.len() {
                for other in (0..facts.len()).filter(|other| *other != one) {
                    prop_assert_eq!(photos.may_join(one, other), photos.may_join(other, one));
                    if photos.kind(one) != photos.kind(other) {
                        continue;
                    }
                    prop_assert!(photos.may_join(one, other));
                    for third in (0..facts.len()).filter(|third| ![one, other].contains(third)) {
                        prop_assert_eq!(photos.may_join(one, third), photos.may_join(other, third));
                    }
                }
            }
        }
    }
}
