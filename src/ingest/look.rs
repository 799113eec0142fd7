//! Processing of one photo in memory, without the pipeline.

use sha2::{Digest, Sha256};

use super::{Census, EncodedFace, Finding, Options, Skip, select};
use crate::encoder::Engine;
use crate::face::Aligned;
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
}

/// Decodes one photo in memory, detects its faces and encodes those that are used, on the calling thread. For callers with
/// one photo at a time, such as a server; [`run`](super::run) is for many photos. The limits of `options` apply, but calls do not wait
/// for memory: callers must limit how many photos they process at the same time.
pub fn look(engine: &Engine, bytes: &[u8], options: &Options) -> Look {
    let mut census = Census::default();
    let finding = faces_in(engine, bytes, options, &mut census);
    Look { hash: Sha256::digest(bytes).into(), finding: finding.unwrap_or_else(Finding::Skipped), census }
}

fn faces_in(engine: &Engine, bytes: &[u8], options: &Options, census: &mut Census) -> Result<Finding, Skip> {
    let photo = image::decode(bytes, &options.limits)?;
    let chosen = select::faces(engine, options, &photo, census)?;
    let (aligned, places): (Vec<Aligned>, Vec<_>) =
        chosen.into_iter().map(|face| (face.aligned, (face.index, face.provenance))).unzip();
    let templates =
        engine.encoder.encode(&aligned).map_err(|error| Skip::network(Reason::EncodeFailed, &error))?;
    let encoded = places.into_iter().zip(templates);
    let encoded = encoded.map(|((index, provenance), template)| EncodedFace { index, template, provenance });
    Ok(Finding::Faces(encoded.collect()))
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
