//! Checkpoints: everything that a training needs to continue to the same weights.
//!
//! A file is the line `gallerist checkpoint 1`, the line `sha256` with the hash of the rest, and the rest: a safetensors file whose
//! metadata contain the [`State`] as JSON under `state`. Tensors that begin with `best/` are those of the best network so far.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::Path;

use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::course::Epoch;
use super::{Options, Result, Tensors, TrainError};
use crate::encoder::graph::{serialized, values};
use crate::encoder::hexadecimal;

const FIRST_LINE: &str = "gallerist checkpoint 1\n";
/// Largest file that is read, in bytes.
const LARGEST: u64 = 8 << 30;
const BEST: &str = "best/";

/// Where a training is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The settings. A checkpoint of other settings is refused.
    pub options: Options,
    /// SHA-256 of the samples and their people, hexadecimal. A checkpoint of other samples is refused.
    pub samples: String,
    /// Steps that are done.
    pub step: u64,
    /// Sums over the steps of the epoch that is not complete: steps, losses, active shares, spreads.
    pub sums: [f64; 4],
    /// The epochs that are complete.
    pub epochs: Vec<Epoch>,
    /// The best validation so far, and its epoch; 0 is the start.
    pub best: (f64, usize),
}

/// A checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Where the training is.
    pub state: State,
    /// The state of the learner.
    pub learner: Tensors,
    /// The tensors of the best network.
    pub best: Tensors,
}

impl Checkpoint {
    /// Writes it, completely or not at all.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn write(&self, path: &Path) -> Result<()> {
        let failed = |reason: String| TrainError::Checkpoint { file: path.into(), reason };
        let bytes = self.to_bytes().map_err(&failed)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let written = || -> std::io::Result<()> {
            let mut file = NamedTempFile::new_in(folder)?;
            file.write_all(&bytes)?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
            std::fs::File::open(folder)?.sync_all()
        };
        written().map_err(|error| failed(format!("writing it: {error}")))
    }

    /// Reads one.
    ///
    /// # Errors
    /// It cannot be read, or is damaged; the message says what was expected.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |reason: String| TrainError::Checkpoint { file: path.into(), reason };
        let read = || -> std::io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            std::fs::File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|error| failed(format!("reading it: {error}")))?;
        Self::parse(&bytes).map_err(|reason| {
            failed(format!("{reason}. Remove it, or name another folder, to start the training anew"))
        })
    }

    fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let state = serde_json::to_string(&self.state).map_err(|error| error.to_string())?;
        let metadata = HashMap::from([("state".to_owned(), state)]);
        let learner = self.learner.iter().map(|(name, values)| (name.clone(), values));
        let best = self.best.iter().map(|(name, values)| (format!("{BEST}{name}"), values));
        let body = serialized(learner.chain(best), metadata)?;
        let hash = hexadecimal(&Sha256::digest(&body));
        Ok([FIRST_LINE.as_bytes(), format!("sha256 {hash}\n").as_bytes(), &body].concat())
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let rest = bytes.strip_prefix(FIRST_LINE.as_bytes()).ok_or_else(|| {
            format!("it is not a checkpoint: its first line is not {:?}", FIRST_LINE.trim())
        })?;
        let (line, body) =
            rest.split_at_checked(7 + 64 + 1).ok_or("the checkpoint ends in its second line")?;
        let stated = std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix("sha256 "));
        let stated = stated.and_then(|line| line.strip_suffix('\n'));
        let stated = stated.ok_or("its second line is not `sha256` and a hash")?;
        let found = hexadecimal(&Sha256::digest(body));
        if stated != found {
            return Err(format!(
                "the checkpoint is damaged: SHA-256 {found} from byte {}, expected {stated}",
                bytes.len() - body.len()
            ));
        }
        let (_, metadata) = SafeTensors::read_metadata(body).map_err(|error| error.to_string())?;
        let state = metadata.metadata().as_ref().and_then(|entries| entries.get("state"));
        let state = serde_json::from_str(state.ok_or("the checkpoint contains no state")?)
            .map_err(|error| format!("the state of the checkpoint cannot be read: {error}"))?;
        let file = SafeTensors::deserialize(body).map_err(|error| error.to_string())?;
        let (mut learner, mut best) = (Tensors::new(), Tensors::new());
        for (name, view) in file.tensors() {
            let tensor = values(&name, &view)?;
            match name.strip_prefix(BEST) {
                Some(name) => best.insert(name.into(), tensor),
                None => learner.insert(name.clone(), tensor),
            };
        }
        Ok(Self { state, learner, best })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Backbone, Loss, Values};
    use super::*;

    fn checkpoint() -> Checkpoint {
        let tensor = |values: &[f32]| Values { shape: vec![1, values.len()], values: values.to_vec() };
        Checkpoint {
            state: State {
                options: Options::usual(Loss::Margin, Backbone::Head),
                samples: "ab".into(),
                step: 7,
                sums: [1.0, 0.1 + 0.2, 0.5, 1.9],
                epochs: Vec::new(),
                best: (0.25, 3),
            },
            learner: Tensors::from([("w".into(), tensor(&[1.5, f32::MIN_POSITIVE, -0.0]))]),
            best: Tensors::from([("w".into(), tensor(&[2.0]))]),
        }
    }

    #[test]
    fn a_checkpoint_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        checkpoint().write(&path).unwrap();
        assert_eq!(Checkpoint::read(&path).unwrap(), checkpoint());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn every_damage_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        let whole = checkpoint().to_bytes().unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert!(Checkpoint::parse(&damaged).is_err(), "byte {at}");
            assert!(Checkpoint::parse(&whole[..at]).is_err(), "{at} bytes");
        }
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let told = Checkpoint::read(&path).unwrap_err().to_string();
        assert!(
            told.contains("checkpoint: ") && told.contains("damaged") && told.contains("Remove it"),
            "{told}"
        );
    }
}
