//! Arguments for probes, shared by the commands that measure.

use clap::Args;

use super::engine::{EngineArguments, PhotoArguments};
use super::rows::RowArguments;
use super::screen::plural;

/// How probes are read: rows of files of vectors, photos, and the networks for photos.
#[derive(Debug, Args)]
pub struct ProbeArguments {
    #[command(flatten)]
    pub rows: RowArguments,
    #[command(flatten)]
    pub photos: PhotoArguments,
    #[command(flatten)]
    pub engine: EngineArguments,
}

/// A warning about photos with several faces; `None` if there are none.
pub fn several_faces(photos: u64) -> Option<String> {
    (photos > 0).then(|| {
        format!(
            "{} with more than one face, the largest was used; --single-face refuses them",
            plural(photos, "photo")
        )
    })
}
