//! Photos that lie on their side or stand on their head without saying so: faces are found upright only.

use super::{DetectOptions, Detector, Face, NetworkError};
use crate::image::Photo;

/// A turned photo of which more is not needed to find its faces.
const LONGEST: u32 = 2048;

/// The faces of `photo`, largest box first, and by how many degrees clockwise it was turned to look at them: 0, 90, 180 or 270.
/// Bounds and landmarks are those in the photo as it was given.
///
/// It is looked at turned only if nothing is found as it is, the most prominent face does not look upright, or the detector is
/// about as sure of that face turned. Of the four ways that one counts in which the most prominent face looks upright, and if several
/// or none do, that in which the detector is surest; against a face that may be upright after all it has to be surer by a factor.
///
/// # Errors
/// The network failed.
pub fn detect_turned(
    detector: &dyn Detector,
    photo: &Photo,
    options: &DetectOptions,
) -> Result<(Vec<Face>, u16), NetworkError> {
    let faces = detector.detect(photo, options)?;
    let stance = Stance::of(&faces, photo);
    let upright = match Face::most_prominent(&faces, photo) {
        Some(face) if stance.upright => face.score >= SURE || !may_be_turned(detector, photo, face)?,
        _ => false,
    };
    let mut best = (stance, faces, 0);
    if upright {
        return Ok((best.1, best.2));
    }
    let may_be_upright = Face::most_prominent(&best.1, photo).is_some_and(|face| face.roll().abs() <= 60.0);
    let allowed = match (may_be_upright, stance.upright) {
        (true, true) if stance.score >= CLEAR => doubt(stance.score) / SURER,
        (true, true) => doubt(stance.score) / TWICE_AS_SURE,
        (true, false) => doubt(stance.score) / MUCH_SURER,
        (false, _) => 1.0,
    };
    let step = step(photo, options);
    let finer = DetectOptions { min_face: options.min_face / step as f32, ..*options };
    for quarters in [1, 2, 3] {
        let turned = turned(photo, quarters, step);
        let found = detector.detect(&turned, &finer)?;
        let stance = Stance::of(&found, &turned);
        if stance > best.0 && doubt(stance.score) <= allowed {
            let faces = found.into_iter().map(|face| back(face, photo, quarters, step)).collect();
            best = (stance, faces, 90 * quarters);
        }
    }
    Ok((best.1, best.2))
}

/// A face that looks upright and scores this or more is upright. Of 1,543 faces that were found in upside-down photos of LFW, five that look
/// upright score above 0.9995 and none above 0.9997. One in six upright faces scores less.
const SURE: f32 = 0.9997;
/// A false upright find in a photo that lies on its side scores less than this.
const SURE_OF_SIDE: f32 = 0.995;
/// A face below this share of the photo's shorter side is small.
const SMALL: f32 = 0.4;
/// Height by width that 95 % of the boxes of upright faces exceed. False upright finds in photos that lie on their side often do not.
const HIGH: f32 = 1.2;
/// Below this score a face that looks upright is unclear: small, blurred or covered.
const CLEAR: f32 = 0.99;

/// The doubt about a clear upright face, divided by this, is the most that a turned face may leave. Without it, one of 2,865 upright photos
/// of LFW was turned wrongly. With 4, six upside-down photos are not recognised, with 1.25 two.
const SURER: f32 = 1.25;
/// The same for an unclear upright face. With [`SURER`], one of 400 upright crops of families was turned wrongly.
const TWICE_AS_SURE: f32 = 2.0;
/// The same for a face with level eyes whose box is too broad for an upright one. Without it, two of 3,103 upright photos of LFW were turned
/// wrongly.
const MUCH_SURER: f32 = 4.0;
/// The whole turned photo is searched if a face in the turned surroundings leaves less than so many times the doubt, because a part of
/// a photo gives other scores than the whole. This happens for 8 of 2,865 upright photos of LFW.
const NEARLY_AS_SURE: f32 = 5.0;

/// 1 minus the detector's score.
fn doubt(score: f32) -> f32 {
    1.0 - score
}

/// How much the most prominent face of a photo looks as if the photo stood upright.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
struct Stance {
    /// Whether its eyes are level and its box is higher than wide. A face on its side that is taken for an upright one has a box
    /// that is not: of 287 upright photos of LFW, all boxes are higher than wide by 12 % or more.
    upright: bool,
    score: f32,
}

impl Stance {
    fn of(faces: &[Face], photo: &Photo) -> Self {
        Face::most_prominent(faces, photo).map_or(Self { upright: false, score: 0.0 }, |face| {
            let [width, height] = face.size();
            let upright = face.roll().abs() <= 30.0 && height >= 1.1 * width && face.score >= 0.9;
            Self { upright, score: face.score }
        })
    }
}

/// Whether the photo may be turned although `face` looks upright. The detector finds a false upright face, with the mouth for eyes, in half of
/// the upside-down photos and in some that lie on their side, but scores it lower than the true face.
///
/// Searches the turned surroundings of `face` for faces of its size. If `face` is small, also searches the whole turned photo for larger
/// ones: an ear or a pattern beside the true face may look like a small face.
fn may_be_turned(detector: &dyn Detector, photo: &Photo, face: &Face) -> Result<bool, NetworkError> {
    let side = face.size().into_iter().fold(1.0, f32::max);
    let [width, height] = face.size();
    let may_lie = face.score < SURE_OF_SIDE || height < HIGH * width;
    let ways: &[u16] = if may_lie { &[2, 1, 3] } else { &[2] };
    let is_found = |photo: &Photo, ways: &[u16], side: f32| -> Result<bool, NetworkError> {
        const SEEN: f32 = 160.0; // pixels of a face that are enough
        let step = ((side / SEEN) as u32).clamp(1, photo.width.min(photo.height));
        let options = DetectOptions { min_face: side / step as f32, min_share: 0.0 };
        for &quarters in ways {
            let found = detector.detect(&turned(photo, quarters, step), &options)?;
            if found.iter().any(|other| doubt(other.score) < NEARLY_AS_SURE * doubt(face.score)) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let shorter = photo.width.min(photo.height) as f32;
    if side < SMALL * shorter && is_found(photo, &[1, 2, 3], side.max(shorter / 6.0))? {
        return Ok(true);
    }
    surroundings(photo, face, side).map_or(Ok(false), |around| is_found(&around, ways, 0.6 * side))
}

/// The part of the photo within `side` pixels of the middle of a face.
fn surroundings(photo: &Photo, face: &Face, side: f32) -> Option<Photo> {
    let [left, top, right, bottom] = face.bounds;
    let range = |near: f32, far: f32, of: u32| {
        let middle = (near + far) / 2.0;
        (middle - side).clamp(0.0, of as f32) as usize..(middle + side).clamp(0.0, of as f32) as usize
    };
    let (columns, rows) = (range(left, right, photo.width), range(top, bottom, photo.height));
    let row = |y: usize| {
        let start = 3 * y * photo.width as usize;
        &photo.pixels[start + 3 * columns.start..start + 3 * columns.end]
    };
    let (width, height) = (columns.len() as u32, rows.len() as u32);
    (width > 0 && height > 0).then(|| Photo { width, height, pixels: rows.flat_map(row).copied().collect() })
}

/// Every which pixel of a photo is enough when it is turned: large faces of large photos lose nothing by it, and
/// the copy stays small.
fn step(photo: &Photo, options: &DetectOptions) -> u32 {
    let spare = options.min_face_in(photo) / DetectOptions::default().min_face;
    (photo.width.max(photo.height) / LONGEST).min(spare as u32).max(1)
}

/// The photo turned clockwise by so many quarters, each pixel the mean of `step` by `step`.
fn turned(photo: &Photo, quarters: u16, step: u32) -> Photo {
    let (width, height) = (photo.width / step, photo.height / step);
    let (across, down) = if quarters == 2 { (width, height) } else { (height, width) };
    let mut pixels = Vec::with_capacity(3 * across as usize * down as usize);
    for (y, x) in (0..down).flat_map(|y| (0..across).map(move |x| (y, x))) {
        let (x, y) = match quarters {
            1 => (y, height - 1 - x),
            2 => (width - 1 - x, height - 1 - y),
            _ => (width - 1 - y, x),
        };
        pixels.extend(mean(photo, x * step, y * step, step));
    }
    Photo { width: across, height: down, pixels }
}

fn mean(photo: &Photo, left: u32, top: u32, step: u32) -> [u8; 3] {
    let mut sum = [0_u32; 3];
    for y in top..top + step {
        let start = 3 * (y as usize * photo.width as usize + left as usize);
        for pixel in photo.pixels[start..start + 3 * step as usize].chunks_exact(3) {
            for (sum, &value) in sum.iter_mut().zip(pixel) {
                *sum += u32::from(value);
            }
        }
    }
    sum.map(|sum| ((sum + step * step / 2) / (step * step)) as u8)
}

/// A face of the turned photo where it is in the photo as it was given.
fn back(face: Face, photo: &Photo, quarters: u16, step: u32) -> Face {
    let (width, height) = ((photo.width / step) as f32, (photo.height / step) as f32);
    let scale = step as f32;
    let point = |[x, y]: [f32; 2]| {
        let [x, y] = match quarters {
            1 => [y, height - 1.0 - x],
            2 => [width - 1.0 - x, height - 1.0 - y],
            _ => [width - 1.0 - y, x],
        };
        [x, y].map(|at| scale * at + (scale - 1.0) / 2.0)
    };
    let [left, top, right, bottom] = face.bounds;
    let ([x, y], [u, v]) = (point([left, top]), point([right, bottom]));
    Face {
        bounds: [x.min(u), y.min(v), x.max(u), y.max(v)],
        score: face.score,
        landmarks: face.landmarks.map(point),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::face::Chip;

    /// Finds one face where the white corner of a photo is at its top left, and says how often it looked.
    struct Corner {
        score: f32,
        looks: Mutex<u32>,
    }

    impl Detector for Corner {
        fn detect(&self, photo: &Photo, _: &DetectOptions) -> Result<Vec<Face>, NetworkError> {
            *self.looks.lock().unwrap() += 1;
            let landmarks = Chip::ARCFACE_112.template();
            let bounds = [20.0, 20.0, 90.0, 110.0];
            let upright = photo.pixels[0] == 255;
            Ok(if upright { vec![Face { bounds, score: self.score, landmarks }] } else { Vec::new() })
        }
    }

    fn photo() -> Photo {
        let mut pixels = vec![0; 3 * 120 * 160];
        pixels[..3].fill(255);
        Photo { width: 120, height: 160, pixels }
    }

    fn look(photo: &Photo, score: f32) -> (Vec<Face>, u16, u32) {
        let corner = Corner { score, looks: Mutex::default() };
        let (faces, turned) = detect_turned(&corner, photo, &DetectOptions::default()).unwrap();
        (faces, turned, corner.looks.into_inner().unwrap())
    }

    #[test]
    fn an_upright_face_is_found_in_one_look_and_none_in_four() {
        let (faces, turned, looks) = look(&photo(), 0.9999);
        assert_eq!((faces.len(), turned, looks), (1, 0, 1));
        let dark = Photo { pixels: vec![0; 3 * 120 * 160], ..photo() };
        let (faces, turned, looks) = look(&dark, 0.9999);
        assert_eq!((faces.len(), turned, looks), (0, 0, 4));
    }

    #[test]
    fn a_turned_face_is_found_where_it_is_in_the_photo_as_given() {
        let [left, right, ..] = Chip::ARCFACE_112.template();
        for (quarters, degrees, eyes) in [
            (1, 270, [left, right].map(|[x, y]| [159.0 - y, x])),
            (2, 180, [left, right].map(|[x, y]| [119.0 - x, 159.0 - y])),
            (3, 90, [left, right].map(|[x, y]| [y, 119.0 - x])),
        ] {
            let (faces, turned, _) = look(&turned(&photo(), quarters, 1), 0.9999);
            assert_eq!((turned, [faces[0].landmarks[0], faces[0].landmarks[1]]), (degrees, eyes));
            let [width, height] = faces[0].size();
            assert_eq!((width, height), if quarters == 2 { (70.0, 90.0) } else { (90.0, 70.0) });
        }
    }

    #[test]
    fn a_doubtful_face_costs_closer_looks_and_a_poor_one_all_of_them() {
        for (score, expected) in [(0.997, 2), (0.97, 4)] {
            let (faces, turned, looks) = look(&photo(), score);
            assert_eq!((faces.len(), turned, looks), (1, 0, expected));
        }
        let (faces, turned, looks) = look(&photo(), 0.8);
        assert_eq!((faces.len(), turned, looks), (1, 0, 4));
    }

    /// Finds a face that is as wide as high in any photo, and surer in one whose corner is white.
    struct Broad([f32; 2]);

    impl Detector for Broad {
        fn detect(&self, photo: &Photo, _: &DetectOptions) -> Result<Vec<Face>, NetworkError> {
            let white = photo.pixels[0] == 255;
            let bounds = if white { [20.0, 20.0, 90.0, 110.0] } else { [20.0, 20.0, 90.0, 90.0] };
            Ok(vec![Face {
                bounds,
                score: self.0[usize::from(white)],
                landmarks: Chip::ARCFACE_112.template(),
            }])
        }
    }

    #[test]
    fn a_broad_face_yields_only_to_a_much_surer_one() {
        let lying = turned(&photo(), 3, 1);
        for (broad, other, expected) in [(0.999, 0.9999, 90), (0.999, 0.9995, 0), (0.9999, 0.97, 0)] {
            let found = detect_turned(&Broad([broad, other]), &lying, &DetectOptions::default()).unwrap();
            assert_eq!(found.1, expected, "{broad} and {other}");
        }
    }

    #[test]
    fn a_large_photo_is_turned_small_and_its_face_is_found_at_its_size() {
        let mut large = Photo { width: 4200, height: 600, pixels: vec![0; 3 * 4200 * 600] };
        for row in 598..600 {
            let start = 3 * row * 4200;
            large.pixels[start..start + 6].fill(255);
        }
        let (faces, turned, _) = look(&large, 0.9999);
        assert_eq!(turned, 90);
        assert_eq!(faces[0].size(), [180.0, 140.0], "twice as large, and on its side");
        assert_eq!(faces[0].bounds[0], 40.5);
    }
}
