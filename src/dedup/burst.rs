//! Bursts: different exposures of one camera, near in time and alike.

use super::cache::Facts;
use super::hash::PerceptualHash;
use super::signature::Signature;

/// Longest time from the first frame to another, in milliseconds.
const LONGEST_MS: i64 = 10_000;
/// Largest distance of the hashes of two frames.
const BITS: u32 = 16;

/// A photo that may be a frame of a burst.
#[derive(Debug, Clone)]
pub struct Shot {
    /// Number of the picture.
    pub picture: usize,
    camera: String,
    size: (u32, u32),
    taken_ms: i64,
    hash: PerceptualHash,
}

impl Shot {
    /// `None` if the photo does not say when and with which camera it was taken.
    pub fn of(facts: &Facts, signature: &Signature, picture: usize) -> Option<Self> {
        let (camera, taken_ms) = (facts.camera.clone()?, facts.taken_ms?);
        let size = (facts.width.min(facts.height), facts.width.max(facts.height));
        Some(Self { picture, camera, size, taken_ms, hash: signature.hashes[0] })
    }
}

/// The bursts among `shots` as lists of places, each in order of time. Every frame is near the first one; a frame is in one burst.
pub fn bursts<A, B>(shots: &[(Shot, A, B)]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..shots.len()).collect();
    let key = |at: &usize| {
        let shot = &shots[*at].0;
        (shot.camera.clone(), shot.size, shot.taken_ms, shot.picture)
    };
    order.sort_by_cached_key(key);
    let mut bursts = Vec::new();
    let mut is_free = vec![true; shots.len()];
    for (start, &first) in order.iter().enumerate() {
        if !is_free[first] {
            continue;
        }
        let cover = &shots[first].0;
        let mut frames = vec![first];
        for &at in &order[start + 1..] {
            let shot = &shots[at].0;
            let is_same_camera = (&shot.camera, shot.size) == (&cover.camera, cover.size);
            if !is_same_camera || shot.taken_ms - cover.taken_ms > LONGEST_MS {
                break;
            }
            if is_free[at] && shot.hash.distance(cover.hash) <= BITS {
                frames.push(at);
            }
        }
        if frames.len() > 1 {
            frames.iter().for_each(|at| is_free[*at] = false);
            bursts.push(frames);
        }
    }
    bursts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shot(picture: usize, camera: &str, taken_ms: i64, hash: u64) -> (Shot, (), ()) {
        let shot =
            Shot { picture, camera: camera.into(), size: (3, 4), taken_ms, hash: PerceptualHash(hash) };
        (shot, (), ())
    }

    #[test]
    fn frames_of_one_camera_that_are_near_and_alike_are_a_burst() {
        let shots = [
            shot(0, "a", 2000, 0b1),
            shot(1, "a", 1000, 0),
            shot(2, "b", 1500, 0),        // another camera
            shot(3, "a", 1500, u64::MAX), // looks different
            shot(4, "a", 11_001, 0),      // too late for the first
            shot(5, "a", 3000, 0b11),
        ];
        assert_eq!(bursts(&shots), [vec![1, 0, 5]]);
    }
}
