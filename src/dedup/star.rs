//! A photo and its copies.

use super::alignment::Alignment;
use super::comparison::{Likeness, Refuted, compare};
use super::hash::Window;
use super::level::Pyramid;
use super::moments::Moments;
use super::orientation::Orientation;
use super::signature::{STRIPS, Signature, WINDOWS};
use super::thumbnail::Thumbnail;
use super::vectors::vectorized;

/// Largest distance of the hashes of two copies.
pub(super) const BITS: u32 = 11;

/// Candidates that are refused in a row before the rest is not looked at.
const MOST_REFUSED: usize = 48;

/// A centre and its copies.
#[derive(Debug, Clone, PartialEq)]
pub struct Star {
    /// The photo with which the copies were compared.
    pub centre: usize,
    /// Its copies in ascending order, with their likeness to it.
    pub copies: Vec<(usize, Likeness)>,
}

/// The photos to group.
pub trait Photos: Sync {
    /// An error of reading a thumbnail.
    type Error: Send;

    /// The thumbnail of a photo.
    ///
    /// # Errors
    /// It cannot be read.
    fn thumbnail(&self, photo: usize) -> Result<Thumbnail, Self::Error>;

    /// Whether two photos may be in one group, in either order: `false` for different exposures, and for pairs that the user keeps apart.
    fn may_join(&self, one: usize, other: usize) -> bool;

    /// The kind of a photo. Photos of one kind may join each other, and whatever may join one of them may join all of them. So a group is
    /// checked by its kinds and not by all pairs.
    fn kind(&self, photo: usize) -> u32;

    /// Whether `photo`, whose thumbnail is like that of `centre`, is a copy of it in detail.
    ///
    /// # Errors
    /// What is known of them cannot be read.
    fn confirms(&self, centre: usize, photo: usize, likeness: &Likeness) -> Result<bool, Self::Error>;
}

/// An orientation of a photo, the part of it that may correspond to the centre, and where to begin to align that part.
pub(super) type Candidate = (Orientation, Window, Alignment);

/// The candidate whose hash of `window` is near to that of the window `kept` of the centre.
pub(super) fn candidate(orientation: Orientation, window: usize, kept: usize) -> Candidate {
    let part = orientation.window(WINDOWS[window]);
    (orientation, part, Alignment::between(part, WINDOWS[kept]))
}

/// Whether a part of a photo may correspond to the window `kept` of a centre: a part in the middle of one picture hardly corresponds to a
/// part of another.
pub(super) fn parts_may_correspond(kept: usize) -> bool {
    kept == 0 || kept >= STRIPS
}

/// The ways in which a photo may be a copy of a centre. An index of many photos finds the same.
pub(super) fn candidates(photo: &Signature, centre: &Signature) -> Vec<Candidate> {
    let mut found = Vec::new();
    for orientation in Orientation::ALL {
        for (kept, hash) in centre.hashes.iter().enumerate() {
            let turned = hash.oriented(orientation.inverse());
            for (window, own) in photo.hashes.iter().enumerate() {
                let is_whole = (window, kept) == (0, 0);
                let is_looked_for =
                    is_whole || centre.has_structure() && (window == 0 || parts_may_correspond(kept));
                if is_looked_for
                    && own.distance(turned) <= BITS
                    && photo.may_equal(orientation, centre, is_whole)
                {
                    let candidate = candidate(orientation, window, kept);
                    if !found.contains(&candidate) {
                        found.push(candidate);
                    }
                }
            }
        }
    }
    found
}

/// A photo that was found to be a copy of a centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Copy {
    pub photo: usize,
    pub likeness: Likeness,
    /// Mean squared difference of the thumbnails after alignment, in squared levels of grey; 0 if it was not asked for.
    pub difference: f32,
}

/// Those of the candidates that are copies of a centre, the nearest first. The candidates that are most like it are tried first: after many
/// that are refused, the rest is not looked at. So each of many look-alikes (pages of one form, frames of one camera) costs a bounded number
/// of comparisons. Without `measured` no difference is computed, and they come in their order.
///
/// # Errors
/// A photo cannot be read.
pub(super) fn copies<P: Photos>(
    centre: usize,
    mut candidates: Vec<(usize, Vec<Candidate>)>,
    photos: &P,
    measured: bool,
) -> Result<Vec<Copy>, P::Error> {
    candidates.retain(|(photo, _)| photos.may_join(centre, *photo));
    let mut copies = Vec::new();
    if candidates.is_empty() {
        return Ok(copies);
    }
    let kept = Pyramid::of(&photos.thumbnail(centre)?);
    let mut refused = 0;
    for (photo, candidates) in candidates {
        match copy((centre, &kept), photo, candidates, photos, measured)? {
            Some(copy) => {
                copies.push(copy);
                refused = 0;
            }
            None => refused += 1,
        }
        if refused == MOST_REFUSED {
            break;
        }
    }
    copies.sort_unstable_by(|one, other| {
        one.difference.total_cmp(&other.difference).then(one.photo.cmp(&other.photo))
    });
    Ok(copies)
}

/// How a photo is a copy of a centre; `None` if it is not.
///
/// # Errors
/// A photo cannot be read.
pub(super) fn copy<P: Photos>(
    (centre, kept): (usize, &Pyramid),
    photo: usize,
    candidates: Vec<Candidate>,
    photos: &P,
    measured: bool,
) -> Result<Option<Copy>, P::Error> {
    match like(kept, photo, candidates, photos, measured)? {
        Some(copy) if photos.confirms(centre, photo, &copy.likeness)? => Ok(Some(copy)),
        _ => Ok(None),
    }
}

/// How the thumbnail of a photo is that of a copy; `None` if it is not.
///
/// # Errors
/// The photo cannot be read.
pub(super) fn like<P: Photos>(
    kept: &Pyramid,
    photo: usize,
    candidates: Vec<Candidate>,
    photos: &P,
    measured: bool,
) -> Result<Option<Copy>, P::Error> {
    let thumbnail = photos.thumbnail(photo)?;
    let mut turned: Vec<(Orientation, Pyramid, Refuted)> = Vec::new();
    Ok(candidates.into_iter().find_map(|(orientation, part, start)| {
        if turned.last().is_none_or(|(last, ..)| *last != orientation) {
            let pyramid = Pyramid::of(&orientation.apply(&thumbnail));
            turned.push((orientation, pyramid, Refuted::default()));
        }
        let (_, pyramid, refuted) = turned.last_mut()?;
        let likeness = compare(pyramid, kept, orientation, (part, start), refuted)?;
        let difference = if measured { difference(pyramid, kept, &likeness.alignment) } else { 0.0 };
        Some(Copy { photo, likeness, difference })
    }))
}

/// Mean squared difference of two thumbnails where they show the same, in squared levels of grey. A change of contrast or brightness counts.
fn difference(one: &Pyramid, other: &Pyramid, alignment: &Alignment) -> f32 {
    vectorized(
        #[inline(always)]
        || {
            let seen = other.levels[0].seen_through(alignment.scale, alignment.shift);
            let mut moments = Moments::default();
            for row in seen.rows.clone() {
                let line = row * seen.side + seen.columns.start..row * seen.side + seen.columns.end;
                moments.add_all(&one.levels[0].grey[line.clone()], &seen.grey[line]);
            }
            moments.squared_difference()
        },
    )
}
