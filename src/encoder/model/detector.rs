//! Detectors of users: SCRFD in ONNX files, instead of the built-in MTCNN.
//!
//! The ONNX file itself is kept, and its SHA-256 is that of the published file. It is converted whenever it is loaded, with the limits of
//! [`detector`].
//!
//! Such a detector has the name `scrfd-` and the first digits of its SHA-256. A model with it has both names, joined by `+`:
//! `duo-128+scrfd-5838f7fe`. Galleries keep this name, so `gallerist init` and `gallerist model import` copy the file to the folder of the
//! models, where later commands find it. Landmarks decide how a face is aligned, so the detector is part of the fingerprint.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use prost::bytes::Bytes;

use super::{Kind, Model, Origin, Weights, models_dir};
use crate::encoder::onnx::{detector, pack};
use crate::encoder::{EncoderError, weights};

/// Beginning of the name of a detector. Digits of its SHA-256 follow.
const PREFIX: &str = "scrfd-";
const DIGITS: usize = 8;

/// A detector of a user.
#[derive(Clone, PartialEq, Eq)]
pub struct DetectorFile {
    /// The ONNX file. After [`Self::open`] of a pack the SHA-256 is that of the file in the pack.
    pub weights: Weights,
    /// The content of the ONNX file, if it was read.
    content: Option<Bytes>,
}

impl fmt::Debug for DetectorFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DetectorFile").field(&self.weights).finish()
    }
}

impl DetectorFile {
    /// The detector in an ONNX file, or the one in a pack. It is converted, so that a file that cannot be used is refused here.
    ///
    /// # Errors
    /// The file is refused. It is one of a known publisher, whose conditions are not accepted: neither by `accept_licence` nor before, when
    /// it was copied to the folder of the models.
    pub fn open(path: &Path, accept_licence: bool) -> Result<Self, EncoderError> {
        let refused = |reason: String| EncoderError::Onnx { file: path.to_owned(), reason };
        let found = pack::open_detector(path).map_err(|refusal| refused(refusal.to_string()))?;
        let file = std::path::absolute(path).map_err(|error| refused(error.to_string()))?;
        let found_detector = Self { weights: Weights::of(file, &found.bytes), content: Some(found.bytes) };
        if let Some(known) = found.licence
            && !accept_licence
            && !found_detector.place(&models_dir()).is_file()
        {
            return Err(refused(known.refusal(&found.file)));
        }
        Ok(found_detector)
    }

    /// The detector in a file that a manifest names. It is read when it is loaded.
    pub(super) fn named_by(weights: Weights) -> Self {
        Self { weights, content: None }
    }

    /// The detector with this name in the folder of the models.
    ///
    /// # Errors
    /// It is not there, cannot be read, or is another file.
    pub fn installed(name: &str) -> Result<Self, EncoderError> {
        let file = models_dir().join(format!("{name}.onnx"));
        let absent =
            |reason: String| EncoderError::NoDetector { name: name.into(), file: file.clone(), reason };
        let read = || -> std::io::Result<Vec<u8>> {
            let (opened, length) = weights::open_regular(&file, detector::LARGEST_FILE)?;
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut std::io::Read::take(opened, length), &mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|error| absent(error.to_string()))?;
        let found = Self { weights: Weights::of(file.clone(), &bytes), content: Some(bytes.into()) };
        if found.name() == name {
            return Ok(found);
        }
        Err(absent(format!("its sha256 is {}", found.weights.sha256)))
    }

    /// Its name, from its content.
    pub fn name(&self) -> String {
        format!("{PREFIX}{}", self.weights.sha256.get(..DIGITS).unwrap_or_default())
    }

    /// Its place in a folder of models.
    fn place(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.onnx", self.name()))
    }

    /// The same detector as the file that [`Self::install`] makes beside a manifest.
    pub(crate) fn beside(&self) -> Self {
        let weights = Weights { file: self.place(Path::new("")), ..self.weights.clone() };
        Self { weights, content: self.content.clone() }
    }

    /// Copies it to a folder of models, if it is not there, and returns it as the file there.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn install(&self, folder: &Path) -> Result<Self, EncoderError> {
        let place = self.place(folder);
        let failed =
            |error: std::io::Error| EncoderError::Weights { file: place.clone(), reason: error.to_string() };
        let content = self.read()?;
        let weights = Weights { file: place.clone(), ..self.weights.clone() };
        if weights::check(&self.name(), &place, &weights.sha256, Origin::Detector).is_err() {
            std::fs::create_dir_all(folder).map_err(failed)?;
            let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
            file.write_all(&content).map_err(failed)?;
            file.as_file().sync_all().map_err(failed)?;
            file.persist(&place).map_err(|error| failed(error.error))?;
            std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        }
        Ok(Self { weights, content: Some(content) })
    }

    /// The verified content of the ONNX file.
    ///
    /// # Errors
    /// It is missing, too large, unreadable, or has another SHA-256.
    fn read(&self) -> Result<Bytes, EncoderError> {
        match &self.content {
            Some(content) => Ok(content.clone()),
            None => {
                let Weights { file, sha256 } = &self.weights;
                Ok(weights::read(&self.name(), file, sha256, Origin::Detector)?.into())
            }
        }
    }

    /// Its network, from the verified content of the ONNX file.
    ///
    /// # Errors
    /// The file is missing, too large, unreadable, has another SHA-256, or is refused.
    pub fn convert(&self) -> Result<detector::Converted, EncoderError> {
        let file = self.weights.file.clone();
        detector::convert(self.read()?)
            .map_err(|refusal| EncoderError::Onnx { file, reason: refusal.to_string() })
    }
}

impl Model {
    /// This model with another detector. Its name tells the detector, unless the model had it already.
    #[must_use]
    pub fn with_detector(mut self, detector: DetectorFile) -> Self {
        let is_same = |own: &DetectorFile| own.weights.sha256 == detector.weights.sha256;
        if !self.detector.as_ref().is_some_and(is_same) {
            self.name = format!("{}+{}", Self::split(&self.name).0, detector.name());
        }
        self.set_detector(Some(&detector));
        self
    }

    /// The name of its detector.
    pub fn detector_name(&self) -> String {
        self.detector.as_ref().map_or_else(|| "mtcnn".to_owned(), DetectorFile::name)
    }

    /// Changes the detector of this model and of its members.
    pub(in crate::encoder) fn set_detector(&mut self, detector: Option<&DetectorFile>) {
        self.detector = detector.cloned();
        if let Kind::Ensemble(ensemble) = &mut self.kind {
            ensemble.members.iter_mut().for_each(|member| member.model.set_detector(detector));
        }
    }

    /// The name of a model without its detector, and the name of the detector.
    pub fn split(name: &str) -> (&str, Option<&str>) {
        let is_detector = |name: &str| {
            let digits = name.strip_prefix(PREFIX);
            digits.is_some_and(|digits| {
                digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
            })
        };
        match name.rsplit_once('+') {
            Some((model, detector)) if is_detector(detector) => (model, Some(detector)),
            _ => (name, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detector(digit: char) -> DetectorFile {
        let sha256 = digit.to_string().repeat(64);
        DetectorFile::named_by(Weights { file: "detector.onnx".into(), sha256 })
    }

    #[test]
    fn a_detector_changes_name_and_fingerprint_of_networks_and_ensembles() {
        for name in ["mobilefacenet-192", "duo-128"] {
            let own = Model::named(name).unwrap();
            let [one, other] = ['1', '2'].map(|digit| own.clone().with_detector(detector(digit)));
            let mut prints = [&own, &one, &other].map(Model::fingerprint);
            prints.sort();
            assert!(prints[0] != prints[1] && prints[1] != prints[2], "{name}");
            assert_eq!(one.name, format!("{name}+scrfd-11111111"));
            assert_eq!(Model::split(&one.name), (name, Some("scrfd-11111111")));
            // Another detector takes its place; the same one changes nothing.
            assert_eq!(one.clone().with_detector(detector('2')).name, other.name);
            assert_eq!(one.clone().with_detector(detector('1')), one);
            assert!(one.files().iter().any(|file| file.model == "scrfd-11111111"), "{:?}", one.files());
        }
        assert_eq!(Model::split("a+b"), ("a+b", None));
        assert_eq!(Model::split("a+scrfd-1234567g"), ("a+scrfd-1234567g", None));
    }
}
