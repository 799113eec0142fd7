//! Random changes of aligned faces: mirrored, shifted and scaled, coloured, blurred, compressed.
//!
//! They imitate what separates two photos of a person without changing who it is. The strengths are those that aligned crops of real
//! photos show: shifts of a few pixels from landmarks, the light of rooms, the compression of messengers.

use image::codecs::jpeg::JpegEncoder;
use image::{ImageBuffer, Rgb, imageops};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::Inputs;

/// Largest shift, as a share of a side.
const SHIFT: f32 = 0.05;
/// Largest change of the size.
const ZOOM: f32 = 0.08;
/// Largest change of brightness, contrast and of each colour.
const COLOUR: f32 = 0.25;

/// The inputs with each face changed at random. Vectors stay as they are.
#[must_use]
pub fn changed(inputs: Inputs, random: &mut ChaCha8Rng) -> Inputs {
    let Inputs::Faces { side, mut pixels } = inputs else { return inputs };
    let size = (3 * side * side).max(1);
    // The choices for a face depend on its place in the batch only, not on the core that changes it.
    let seeds: Vec<u64> = pixels.chunks(size).map(|_| random.random()).collect();
    pixels.par_chunks_mut(size).zip(seeds).for_each(|(face, seed)| {
        change(face, side, &mut ChaCha8Rng::seed_from_u64(seed));
    });
    Inputs::Faces { side, pixels }
}

fn change(face: &mut [u8], side: usize, random: &mut ChaCha8Rng) {
    if random.random_bool(0.5) {
        mirror(face, side);
    }
    if random.random_bool(0.7) {
        let [x, y] = [0, 1].map(|_| random.random_range(-SHIFT..SHIFT) * side as f32);
        place(face, side, (x, y, 1.0 + random.random_range(-ZOOM..ZOOM)));
    }
    if random.random_bool(0.7) {
        colour(face, random);
    }
    if random.random_bool(0.1) {
        grey(face);
    }
    let (blurs, compresses) = (random.random_bool(0.15), random.random_bool(0.25));
    if blurs {
        blur(face, side, random.random_range(0.5..2.0));
    }
    if compresses {
        compress(face, side, random.random_range(20..90));
    }
}

fn mirror(face: &mut [u8], side: usize) {
    for row in face.chunks_mut(3 * side) {
        let mirrored: Vec<u8> = row.as_chunks::<3>().0.iter().rev().flatten().copied().collect();
        row.copy_from_slice(&mirrored);
    }
}

/// Shifts and scales around the middle, with bilinear interpolation. The border is repeated.
fn place(face: &mut [u8], side: usize, (right, down, zoom): (f32, f32, f32)) {
    let source = face.to_vec();
    let last = side.saturating_sub(1) as f32;
    let middle = last / 2.0;
    let pixel = |x: usize, y: usize, channel: usize| f32::from(source[3 * (y * side + x) + channel]);
    for y in 0..side {
        for x in 0..side {
            let from =
                |at: usize, shift: f32| ((at as f32 - middle - shift) / zoom + middle).clamp(0.0, last);
            let (u, v) = (from(x, right), from(y, down));
            let (left, top) = (u as usize, v as usize);
            let (next, below) = ((left + 1).min(side - 1), (top + 1).min(side - 1));
            let (a, b) = (u - left as f32, v - top as f32);
            for channel in 0..3 {
                let above = pixel(left, top, channel) * (1.0 - a) + pixel(next, top, channel) * a;
                let under = pixel(left, below, channel) * (1.0 - a) + pixel(next, below, channel) * a;
                face[3 * (y * side + x) + channel] = (above * (1.0 - b) + under * b).round() as u8;
            }
        }
    }
}

fn colour(face: &mut [u8], random: &mut ChaCha8Rng) {
    let mut factor = || 1.0 + random.random_range(-COLOUR..COLOUR);
    let (brightness, contrast) = (factor(), factor());
    let channels = [0, 1, 2].map(|_| 1.0 + 0.4 * (factor() - 1.0));
    let mean = face.iter().map(|&value| f32::from(value)).sum::<f32>() / face.len().max(1) as f32;
    for pixel in face.as_chunks_mut::<3>().0 {
        for (value, channel) in pixel.iter_mut().zip(channels) {
            let changed = (f32::from(*value) - mean) * contrast + mean * brightness;
            *value = (changed * channel).round().clamp(0.0, 255.0) as u8;
        }
    }
}

fn grey(face: &mut [u8]) {
    for pixel in face.as_chunks_mut::<3>().0 {
        let [red, green, blue] = pixel.map(f32::from);
        *pixel = [(0.299 * red + 0.587 * green + 0.114 * blue).round() as u8; 3];
    }
}

fn blur(face: &mut [u8], side: usize, sigma: f32) {
    let picture = ImageBuffer::<Rgb<u8>, _>::from_raw(side as u32, side as u32, face.to_vec());
    if let Some(picture) = picture {
        face.copy_from_slice(imageops::fast_blur(&picture, sigma).as_raw());
    }
}

/// Compresses as JPEG and decodes. A face that cannot be compressed stays as it is.
fn compress(face: &mut [u8], side: usize, quality: u8) {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
    let (width, height) = (side as u32, side as u32);
    if image::ImageEncoder::write_image(encoder, face, width, height, image::ExtendedColorType::Rgb8).is_err()
    {
        return;
    }
    let decoded = image::load_from_memory_with_format(bytes.get_ref(), image::ImageFormat::Jpeg);
    if let Ok(decoded) = decoded.map(image::DynamicImage::into_rgb8)
        && decoded.as_raw().len() == face.len()
    {
        face.copy_from_slice(decoded.as_raw());
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::generator;
    use super::*;

    fn faces(count: usize) -> Inputs {
        let pixel = |at: usize| [(at % 112 * 2) as u8, (at / 112 % 112 * 2) as u8, 90];
        Inputs::Faces { side: 112, pixels: (0..count * 112 * 112).flat_map(pixel).collect() }
    }

    #[test]
    fn faces_are_changed_but_stay_similar() {
        let changed = changed(faces(40), &mut generator(5, 0, 1));
        assert_eq!(changed, super::changed(faces(40), &mut generator(5, 0, 1)));
        let (Inputs::Faces { pixels, .. }, Inputs::Faces { pixels: before, .. }) = (&changed, faces(40))
        else {
            unreachable!("faces stay faces")
        };
        let size = 3 * 112 * 112;
        let mut differing = 0;
        for (one, other) in pixels.chunks(size).zip(before.chunks(size)) {
            let mut mirrored = other.to_vec();
            mirror(&mut mirrored, 112);
            let difference = |to: &[u8]| {
                one.iter().zip(to).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / size as f64
            };
            assert!(difference(other).min(difference(&mirrored)) < 80.0);
            differing += usize::from(difference(other) > 0.0);
        }
        assert!(differing > 30, "{differing}");
    }

    #[test]
    fn each_change_does_what_it_says() {
        let Inputs::Faces { pixels, .. } = faces(1) else { unreachable!("faces") };
        let mut shifted = pixels.clone();
        place(&mut shifted, 112, (3.0, 0.0, 1.0));
        let at = |face: &[u8], x: usize, y: usize| face[3 * (y * 112 + x)];
        assert_eq!(at(&shifted, 50, 20), at(&pixels, 47, 20));
        let mut same = pixels.clone();
        place(&mut same, 112, (0.0, 0.0, 1.0));
        assert_eq!(same, pixels);
        let mut grey = pixels.clone();
        super::grey(&mut grey);
        assert!(grey.as_chunks::<3>().0.iter().all(|[r, g, b]| r == g && g == b));
        let mut compressed = pixels.clone();
        compress(&mut compressed, 112, 30);
        assert_ne!(compressed, pixels);
        let vectors = Inputs::Vectors { dimension: 1, values: vec![1.0] };
        assert_eq!(changed(vectors.clone(), &mut generator(1, 0, 1)), vectors);
    }
}
