//! Processing of one photo in memory, without the pipeline.

use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::select::Chosen;
use super::{Census, EncodedFace, Finding, Options, Skip, select};
use crate::encoder::Engine;
use crate::face::{Aligned, Provenance};
use crate::image::{self, PhotoHash};
use crate::reason::Reason;

/// The result for the bytes of one photo.
#[derive(Debug)]
pub struct Look {
    /// SHA-256 of the bytes.
    pub hash: PhotoHash,
    /// The result.
    pub finding: Finding,
    /// The faces in it.
    pub census: Census,
    /// Durations of the steps.
    pub times: Times,
}

/// Durations of the steps for a photo. A step that was not reached has no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// Decoding.
    pub decode: Duration,
    /// Detection, alignment and quality.
    pub detect: Duration,
    /// Encoding.
    pub encode: Duration,
}

/// Decodes one photo in memory, detects its faces and encodes those that are used, on the calling thread. For callers with
/// one photo at a time, such as a server; [`run`](super::run) is for many photos. The limits of `options` apply, but calls do not wait
/// for memory: callers must limit how many photos they process at the same time.
pub fn look(engine: &Engine, bytes: &[u8], options: &Options) -> Look {
    let (mut census, mut times) = (Census::default(), Times::default());
    let finding = faces_in(engine, bytes, options, (&mut census, &mut times));
    let hash = Sha256::digest(bytes).into();
    Look { hash, finding: finding.unwrap_or_else(Finding::Skipped), census, times }
}

/// The faces of one photo in memory, without templates.
#[derive(Debug)]
pub struct Detected {
    /// Number and place of each used face, in the order of [`Finding::Faces`]; or the reason why there is none.
    pub faces: Result<Vec<(usize, Provenance)>, Skip>,
    /// The faces in the photo.
    pub census: Census,
    /// Durations of the steps.
    pub times: Times,
}

/// As [`look`], without encoding.
pub fn detect(engine: &Engine, bytes: &[u8], options: &Options) -> Detected {
    let (mut census, mut times) = (Census::default(), Times::default());
    let chosen = chosen_in(engine, bytes, options, (&mut census, &mut times));
    let places = |chosen: Vec<Chosen>| chosen.into_iter().map(|face| (face.index, face.provenance)).collect();
    Detected { faces: chosen.map(places), census, times }
}

/// The faces of one photo in memory, aligned to the chips of the model of `engine`, without templates.
///
/// # Errors
/// The reason why there is none.
pub fn aligned(engine: &Engine, bytes: &[u8], options: &Options) -> Result<Vec<Aligned>, Skip> {
    let chosen = chosen_in(engine, bytes, options, (&mut Census::default(), &mut Times::default()))?;
    Ok(chosen.into_iter().map(|face| face.aligned).collect())
}

fn faces_in(
    engine: &Engine,
    bytes: &[u8],
    options: &Options,
    (census, times): (&mut Census, &mut Times),
) -> Result<Finding, Skip> {
    let chosen = chosen_in(engine, bytes, options, (census, times))?;
    let started = Instant::now();
    let (aligned, places): (Vec<Aligned>, Vec<_>) =
        chosen.into_iter().map(|face| (face.aligned, (face.index, face.provenance, face.measures))).unzip();
    let templates =
        engine.encoder.encode(&aligned).map_err(|error| Skip::network(Reason::EncodeFailed, &error))?;
    times.encode = started.elapsed();
    let encoded = places.into_iter().zip(templates).zip(aligned);
    let encoded = encoded.map(|(((index, provenance, measures), template), aligned)| EncodedFace {
        index,
        template,
        provenance,
        measures,
        aligned: options.keep_aligned.then_some(aligned),
    });
    Ok(Finding::Faces(encoded.collect()))
}

fn chosen_in(
    engine: &Engine,
    bytes: &[u8],
    options: &Options,
    (census, times): (&mut Census, &mut Times),
) -> Result<Vec<Chosen>, Skip> {
    let started = Instant::now();
    let photo = image::decode(bytes, &options.limits)?;
    times.decode = started.elapsed();
    let started = Instant::now();
    let chosen = select::faces(engine, options, &photo, census)?;
    times.detect = started.elapsed();
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use ::image::{ImageBuffer, ImageFormat, Rgb};

    use super::*;
    use crate::encoder::{Device, Model};

    fn photo(side: u32) -> Vec<u8> {
        let pixels = ImageBuffer::from_fn(side, side, |x, y| Rgb([x as u8, y as u8, (x ^ y) as u8]));
        let mut bytes = std::io::Cursor::new(Vec::new());
        pixels.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn bytes_become_templates_or_a_reason() {
        let engine = Engine::load(&Model::named("stand-in").unwrap(), Device::Cpu, false).unwrap();
        let options = Options::default();
        let seen = look(&engine, &photo(200), &options);
        assert!(matches!(&seen.finding, Finding::Faces(faces) if faces.len() == seen.census.found));
        assert_eq!(seen.hash, PhotoHash::from(Sha256::digest(photo(200))));
        for (bytes, code) in [(&b"no photo"[..], "unsupported"), (&photo(8), "too_small"), (b"", "empty")] {
            let finding = look(&engine, bytes, &options).finding;
            assert!(
                matches!(&finding, Finding::Skipped(skip) if skip.reason.code() == code),
                "{code}: {finding:?}"
            );
        }
    }
}
