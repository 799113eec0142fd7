//! The quality of a face for recognition, computed from the results of detection and alignment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::align::within;
use super::{Chip, Crop, Face, Landmarks};
use crate::image::Photo;

/// Measures of one face. Angles are rough estimates from five points. Use them to sort faces, not as measurements.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quality {
    /// Shorter side of the face's bounds within the photo, in pixels.
    pub size_px: f32,
    /// The detector's confidence, 0 to 1.
    pub detector_score: f32,
    /// Variance of the 4-neighbour Laplacian of the crop's luma (0 to 255), over the central half of its
    /// width and height. Pixels outside the photo and at its border are left out. A face that was enlarged to fill the crop is
    /// blurred and has a low value.
    pub sharpness: f32,
    /// Degrees, positive for a face turned to the right of the picture.
    pub yaw: f32,
    /// Degrees, positive for a face that looks up.
    pub pitch: f32,
    /// Degrees, positive for a head that leans clockwise in the picture.
    pub roll: f32,
    /// 0 (unusable) to 100: the product of a share for each of size, detector score, sharpness and pose. One
    /// bad property is enough for a low value.
    pub overall: u8,
}

/// A face of this size in pixels fills the crop without enlargement.
const FULL_SIZE: f32 = 112.0;
/// The sharpness that gives a share of one half.
const HALF_SHARPNESS: f32 = 20.0;
/// Distance of the nose tip from the plane of the eyes, relative to the distance between the eyes.
const NOSE_DEPTH: f32 = 0.5;
/// Distance from eyes to mouth, and from eyes to nose tip on that line, relative to the distance between the eyes: the points of ArcFace.
const EYES_TO_MOUTH: f32 = 1.155;
const NOSE_HEIGHT: f32 = 0.495;

impl Quality {
    /// Measures `face` of `photo`, which is aligned to `crop` for `chip`.
    pub fn measure(photo: &Photo, face: &Face, crop: &Crop, chip: Chip) -> Self {
        let [left, top, right, bottom] = face.bounds;
        let width = right.min(photo.width as f32) - left.max(0.0);
        let height = bottom.min(photo.height as f32) - top.max(0.0);
        let size_px = width.min(height).max(0.0);
        let sharpness = sharpness(crop, within(photo, &face.landmarks, chip).as_deref());
        let [yaw, pitch, roll] =
            pose(&face.landmarks).map(|angle| if angle.is_finite() { angle } else { 90.0 });
        let pose = (yaw.to_radians().cos() * pitch.to_radians().cos()).max(0.0);
        let overall = (size_px / FULL_SIZE).min(1.0).sqrt()
            * face.score.clamp(0.0, 1.0)
            * (sharpness / (sharpness + HALF_SHARPNESS))
            * pose;
        Self {
            size_px,
            detector_score: face.score,
            sharpness,
            yaw,
            pitch,
            roll,
            overall: (100.0 * overall).round() as u8,
        }
    }
}

/// Yaw, pitch and roll in degrees. Landmarks that coincide give NaN or right angles.
///
/// Let `t` be the distance of the nose from the line between the middle of the eyes and the middle of the mouth, relative to the
/// visible distance between the eyes. A head with a given `yaw` has `t = depth * tan(yaw)`. Pitch follows likewise
/// from the place of the nose between eyes and mouth.
fn pose(landmarks: &Landmarks) -> [f32; 3] {
    let [left_eye, right_eye, nose, left_mouth, right_mouth] = *landmarks;
    let middle = |p: [f32; 2], q: [f32; 2]| [(p[0] + q[0]) / 2.0, (p[1] + q[1]) / 2.0];
    let minus = |p: [f32; 2], q: [f32; 2]| [p[0] - q[0], p[1] - q[1]];
    let across = minus(right_eye, left_eye);
    let eyes = middle(left_eye, right_eye);
    let down = minus(middle(left_mouth, right_mouth), eyes);
    let nose = minus(nose, eyes);
    let (eye_distance, height) = (across[0].hypot(across[1]), down[0].hypot(down[1]));
    let aside = (nose[0] * down[1] - nose[1] * down[0]) / height;
    let along = (nose[0] * down[0] + nose[1] * down[1]) / (height * height);
    let yaw = (aside / eye_distance / NOSE_DEPTH).atan();
    let pitch = ((NOSE_HEIGHT - along) * EYES_TO_MOUTH / NOSE_DEPTH).atan();
    let roll = across[1].atan2(across[0]);
    [yaw, pitch, roll].map(f32::to_degrees)
}

/// Leaves out pixels that are not `within` the photo, and their neighbours.
fn sharpness(crop: &Crop, within: Option<&[bool]>) -> f32 {
    let side = crop.side as usize;
    let luma: Vec<f32> = crop
        .pixels
        .chunks_exact(3)
        .map(|pixel| 0.299 * f32::from(pixel[0]) + 0.587 * f32::from(pixel[1]) + 0.114 * f32::from(pixel[2]))
        .collect();
    let (mut sum, mut squares, mut count) = (0.0_f64, 0.0_f64, 0.0_f64);
    for y in side / 4..side - side / 4 {
        for x in side / 4..side - side / 4 {
            let at = y * side + x;
            let around = [at.checked_sub(side), at.checked_sub(1), Some(at + 1), Some(at + side)];
            let seen = |at: usize| within.is_none_or(|within| within.get(at) == Some(&true));
            if !seen(at) || !around.iter().flatten().all(|&neighbour| seen(neighbour)) {
                continue;
            }
            let Some(around) =
                around.into_iter().map(|neighbour| luma.get(neighbour?).copied()).sum::<Option<f32>>()
            else {
                continue;
            };
            let laplacian = f64::from(around - 4.0 * luma[at]);
            sum += laplacian;
            squares += laplacian * laplacian;
            count += 1.0;
        }
    }
    if count == 0.0 { 0.0 } else { (squares / count - (sum / count).powi(2)).max(0.0) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(landmarks: Landmarks) -> Face {
        Face { bounds: [0.0, 0.0, 112.0, 112.0], score: 1.0, landmarks }
    }

    fn crop(pixel: impl Fn(u32, u32) -> u8) -> Crop {
        let pixels = (0..112).flat_map(|y| (0..112).map(move |x| (x, y)));
        Crop { side: 112, pixels: pixels.flat_map(|(x, y)| [pixel(x, y); 3]).collect() }
    }

    fn photo() -> Photo {
        Photo { width: 112, height: 112, pixels: vec![0; 112 * 112 * 3] }
    }

    #[test]
    fn the_points_of_the_chip_look_straight_ahead() {
        let [yaw, pitch, roll] = pose(&Chip::ARCFACE_112.template());
        assert!(yaw.abs() < 2.0 && pitch.abs() < 2.0 && roll.abs() < 1.0, "{yaw} {pitch} {roll}");
    }

    #[test]
    fn moving_the_nose_changes_the_angles() {
        let mut landmarks = Chip::ARCFACE_112.template();
        landmarks[2][0] += 10.0;
        landmarks[2][1] -= 8.0;
        let [yaw, pitch, _] = pose(&landmarks);
        assert!((20.0..40.0).contains(&yaw), "{yaw}");
        assert!((15.0..40.0).contains(&pitch), "{pitch}");
    }

    #[test]
    fn blur_and_small_size_lower_the_quality() {
        let template = face(Chip::ARCFACE_112.template());
        let sharp = Quality::measure(
            &photo(),
            &template,
            &crop(|x, y| if (x / 4 + y / 4) % 2 == 0 { 60 } else { 190 }),
            Chip::ARCFACE_112,
        );
        let flat = Quality::measure(&photo(), &template, &crop(|_, _| 90), Chip::ARCFACE_112);
        assert!(sharp.overall > 90, "{sharp:?}");
        assert_eq!((flat.sharpness, flat.overall), (0.0, 0));
        let small = Face { bounds: [0.0, 0.0, 28.0, 28.0], ..template };
        let small = Quality::measure(
            &photo(),
            &small,
            &crop(|x, y| if (x / 4 + y / 4) % 2 == 0 { 60 } else { 190 }),
            Chip::ARCFACE_112,
        );
        assert!(small.overall < 60 && small.size_px == 28.0, "{small:?}");
    }

    #[test]
    fn landmarks_that_coincide_have_quality_zero() {
        let quality =
            Quality::measure(&photo(), &face([[5.0; 2]; 5]), &crop(|x, _| x as u8), Chip::ARCFACE_112);
        assert_eq!(quality.overall, 0);
        assert!(quality.yaw.is_finite() && quality.pitch.is_finite() && quality.roll.is_finite());
    }

    /// The edge between photo and padding is very sharp, but it is not part of the face.
    #[test]
    fn the_border_of_the_photo_does_not_count_as_sharp() {
        let half = Photo { width: 60, height: 112, pixels: vec![90; 60 * 112 * 3] };
        let template = face(Chip::ARCFACE_112.template());
        let chip = Chip::ARCFACE_112;
        let quality =
            Quality::measure(&half, &template, &super::super::align(&half, &template.landmarks, chip), chip);
        assert_eq!((quality.sharpness, quality.size_px), (0.0, 60.0));
    }
}
