//! `gallerist verify`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::engine::{EngineArguments, PhotoArguments};
#[cfg(feature = "server")]
use super::remote::{self, ServerArguments};
use super::{ExitStatus, Screen, interrupt, pairs, reply, values};
use crate::decision::Decision;
use crate::session::engine::{chosen, load, options};
use crate::session::{Control, Verified, threshold, verify_photos};

/// Decide whether two photos show the same person; or, with --pairs, measure the accuracy of these decisions. If the largest faces do not
/// match and one of the photos shows more faces, the result is inconclusive.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Two photos; the largest face of each is compared
    #[arg(num_args = 2, value_names = ["A", "B"], required_unless_present = "pairs", conflicts_with = "pairs")]
    photos: Vec<PathBuf>,
    /// Measure on a list of pairs: lines of PHOTO, PHOTO and 1 (same person) or 0, separated by tabs
    #[arg(long, value_name = "FILE.tsv")]
    #[cfg_attr(feature = "server", arg(conflicts_with = "server"))]
    pairs: Option<PathBuf>,
    /// Folder of the photos in --pairs
    #[arg(long, value_name = "DIR", default_value = ".", requires = "pairs")]
    root: PathBuf,
    /// Score at or above which two faces count as one person [default: the model's threshold, uncalibrated]
    #[arg(long, value_name = "COSINE", allow_negative_numbers = true, value_parser = values::cosine)]
    threshold: Option<f32>,
    #[command(flatten)]
    photo_options: PhotoArguments,
    #[command(flatten)]
    engine: EngineArguments,
    /// Name of the gallery on the server whose model compares the photos; needed if the server has several galleries
    #[cfg(feature = "server")]
    #[arg(long, value_name = "NAME", requires = "server", help_heading = "Server")]
    gallery: Option<String>,
    #[cfg(feature = "server")]
    #[command(flatten)]
    server: ServerArguments,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let control = Control { stop: interrupt::stop_flag(), progress: &|_| {} };
    let (networks, photos) = (arguments.engine.request(), arguments.photo_options.largest());
    #[cfg(feature = "server")]
    if let Some(client) = arguments.server.client()? {
        let (name, asked) = (arguments.gallery.as_deref(), (arguments.threshold, &photos));
        return print(remote::verify::verify(&client, name, arguments.pair()?, asked)?, screen);
    }
    let model = chosen(&networks)?;
    let binding = model.binding();
    let threshold = threshold(arguments.threshold, &binding)?;
    if let Some(list) = &arguments.pairs {
        if list.is_file() {
            pairs::require(list, &pairs::read(list, &arguments.root)?)?; // before the networks are loaded
        }
        let engine = load(&networks, &model)?; // a pipe can be read only once
        let pairs = pairs::read(list, &arguments.root)?;
        pairs::require(list, &pairs)?;
        return pairs::measure(&pairs, &engine, &options(&photos)?, &binding, &threshold, screen);
    }
    let pair = arguments.pair()?;
    let engine = load(&networks, &model)?;
    print(verify_photos(&engine, pair, &photos, &threshold, &control)?, screen)
}

impl Arguments {
    /// The two photos.
    fn pair(&self) -> Result<[PathBuf; 2]> {
        let [a, b] = self.photos.as_slice() else { anyhow::bail!("expected two photos") };
        for path in [a, b] {
            anyhow::ensure!(path.symlink_metadata().is_ok(), "{}: no such file", path.display());
        }
        Ok([a.clone(), b.clone()])
    }
}

fn print(verified: Verified, screen: Screen) -> Result<ExitStatus> {
    match verified {
        Verified::Compared(compared) => {
            reply::print_verification(&compared, screen)?;
            Ok(ExitStatus::Decided(compared.decision))
        }
        Verified::Refused(refused) => {
            for refusal in &refused {
                screen.json(refusal)?;
                reply::print_refusal(refusal, screen)?;
            }
            Ok(ExitStatus::Decided(Decision::Inconclusive))
        }
        Verified::Stopped(stopped) => interrupt::report(stopped, screen),
    }
}
