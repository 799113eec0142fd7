//! Arguments that choose and run the networks, shared by the verbs that look at photos.

use anyhow::{Context, Result};
use clap::Args;

use crate::encoder::{Device, EncoderError, Engine, Kind, Model};
use crate::face::DetectOptions;
use crate::gallery::Gallery;
use crate::image::Limits;
use crate::ingest::{Faces, Options};

/// Which networks, and where they run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Networks")]
pub struct EngineArguments {
    /// A model of `gallerist model list`, or the TOML manifest of a model of your own
    #[arg(long, value_name = "NAME|FILE.toml")]
    pub model: Option<String>,
    /// Run the code in a TorchScript model of your own: loading one runs it with your rights
    #[arg(long)]
    pub trust_model_code: bool,
    /// Where the networks run; auto takes a CUDA device if libtorch and the machine have one. The built-in models give the same templates
    /// there; with a TorchScript model of your own, set NVIDIA_TF32_OVERRIDE=0 or convolutions are rounded
    #[arg(long, value_enum, default_value = "auto")]
    pub device: Device,
}

/// How photos are looked at.
#[derive(Debug, Args)]
#[command(next_help_heading = "Photos")]
pub struct PhotoArguments {
    /// Refuse faces whose shorter side is smaller, in pixels [default: 40, and 1/40 of a big photo's longer side]
    #[arg(long, value_name = "PIXELS", value_parser = minimum_face)]
    pub min_face: Option<f32>,
    /// Refuse faces of lower quality, 0 to 100
    #[arg(long, value_name = "QUALITY", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub min_quality: u8,
    /// Refuse photos in which more than one face is found, as `several_faces`
    #[arg(long)]
    pub single_face: bool,
    /// Refuse photos of more pixels, such as 500M (millions) [default: 256M]
    #[arg(long, value_name = "PIXELS", value_parser = millions)]
    pub max_pixels: Option<u64>,
    /// Refuse larger files, such as 500M or 1G (of 1024) [default: 256M]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub max_file: Option<u64>,
    /// Memory that all photos under way may take together, such as 4G; photos wait for it, and one that needs more is refused.
    /// The networks take theirs besides [default: half of the machine's]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub max_memory: Option<u64>,
    /// WebP is always read: accepted for scripts that say it
    #[arg(long, hide = true)]
    pub webp: bool,
    /// Threads that compute [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,
}

fn minimum_face(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(pixels) if (12.0..=10_000.0).contains(&pixels) => Ok(pixels),
        _ => Err("expected a number of pixels from 12 to 10000".into()),
    }
}

/// A number with K, M, G or T for powers of `base`, whole or with a fraction, at least 1.
fn number_with_suffix(text: &str, base: u64) -> Result<u64, String> {
    let text = text.trim();
    let (digits, power) = match text.char_indices().next_back() {
        Some((at, suffix)) if suffix.is_ascii_alphabetic() => {
            let power = "KMGT".find(suffix.to_ascii_uppercase()).map(|at| at as u32 + 1);
            (&text[..at], power.ok_or_else(|| format!("unknown suffix {suffix:?}, expected K, M, G or T"))?)
        }
        _ => (text, 0),
    };
    let plain = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    let number = digits.parse::<f64>().ok().filter(|number| plain && number.is_finite());
    let number = number.ok_or("expected a number with or without K, M, G or T, such as 500M")?;
    let number = number * (base as f64).powi(power as i32);
    if (1.0..1e18).contains(&number) { Ok(number as u64) } else { Err("out of range".into()) }
}

fn bytes(text: &str) -> Result<u64, String> {
    number_with_suffix(text, 1024)
}

fn millions(text: &str) -> Result<u64, String> {
    number_with_suffix(text, 1000)
}

impl PhotoArguments {
    pub fn options(&self, faces: Faces) -> Options {
        let defaults = Options::default();
        Options {
            faces,
            detect: self
                .min_face
                .map_or_else(DetectOptions::default, |min_face| DetectOptions { min_face, min_share: 0.0 }),
            min_quality: self.min_quality,
            single_face: self.single_face,
            limits: Limits {
                pixels: self.max_pixels.unwrap_or(defaults.limits.pixels),
                file_bytes: self.max_file.unwrap_or(defaults.limits.file_bytes),
                memory: self.max_memory.unwrap_or(defaults.limits.memory),
            },
            workers: self.workers.map_or(defaults.workers, usize::from),
        }
    }
}

impl EngineArguments {
    /// The model named, or the best one there is.
    pub fn chosen(&self) -> Result<Model> {
        Ok(self.model.as_deref().map(Model::find).transpose()?.unwrap_or_else(Model::default_available))
    }

    /// Loads the networks of `model`.
    pub fn load(&self, model: &Model) -> Result<Engine> {
        Ok(Engine::load(model, self.device, self.trust_model_code)?)
    }

    /// Makes sure that the networks which a gallery is bound to, if any, can run in this process.
    pub fn prepare_for(&self, gallery: &Gallery) -> Result<()> {
        let binding = gallery.binding();
        let is_real = |model: Model| model.kind != Kind::StandIn;
        if Engine::is_provided() || binding.is_external() || !Model::named(&binding.model).is_none_or(is_real)
        {
            return Ok(());
        }
        Err(EncoderError::NoNetworks { model: binding.model.clone() }.into())
    }

    /// Loads the networks that a gallery is bound to.
    pub fn load_for(&self, gallery: &Gallery) -> Result<Engine> {
        let binding = gallery.binding();
        anyhow::ensure!(
            !binding.is_external(),
            "this gallery holds templates made elsewhere, so photos cannot be compared with it; \
             use `search` and `import` with vectors of the same origin"
        );
        let model = match &self.model {
            Some(name) => Model::find(name)?,
            None => Model::named(&binding.model).with_context(|| {
                format!(
                    "the gallery is bound to {}; give its manifest with --model FILE.toml",
                    binding.describe()
                )
            })?,
        };
        model.require_for(binding)?;
        self.load(&model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_suffixes() {
        assert_eq!(bytes("4G"), Ok(4 << 30));
        assert_eq!(bytes("1.5m"), Ok(3 << 19));
        assert_eq!(bytes("123"), Ok(123));
        assert_eq!(millions("200M"), Ok(200_000_000));
        for wrong in ["", "M", "-1M", "0", "5X", "nan", "inf", "1e9", "9999999T", "4 GB", "é"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
