//! Arguments for networks and photos, shared by the commands that process photos.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::naming::FacesArgument;
use crate::encoder::{DetectorFile, Device, Model, models_dir};
use crate::reply::{EngineRequest, PhotoRequest};
use crate::template::Binding;

/// The model and the device.
#[derive(Debug, Args)]
#[command(next_help_heading = "Networks")]
pub struct EngineArguments {
    /// A name from `gallerist model list`, or the TOML manifest of your own model
    #[arg(long, value_name = "NAME|FILE.toml")]
    model: Option<String>,
    #[command(flatten)]
    detector: DetectorArguments,
    #[command(flatten)]
    device: DeviceArguments,
}

/// The detector.
#[derive(Debug, Args)]
#[command(next_help_heading = "Networks")]
pub struct DetectorArguments {
    /// SCRFD face detector instead of the built-in one: an ONNX file with landmarks, such as det_10g.onnx, or a pack with one. Landmarks
    /// decide how faces are aligned, so a gallery is bound to its detector; it remembers it from `init`
    #[arg(long, value_name = "FILE.onnx")]
    pub detector: Option<PathBuf>,
    /// Accept the conditions of the publisher, if the file is a known one
    #[arg(long)]
    pub accept_licence: bool,
}

/// The device, and the permission to run the code of a model.
#[derive(Debug, Args)]
#[command(next_help_heading = "Networks")]
pub struct DeviceArguments {
    /// Run the code in your own TorchScript model. Loading a model runs its code with your rights
    #[arg(long)]
    trust_model_code: bool,
    /// Device of the networks, and of comparing all pairs. auto uses a CUDA device if libtorch and the machine have one; for pairs, from
    /// 200,000 templates on. The built-in models give the same templates on every device. For your own TorchScript model set
    /// NVIDIA_TF32_OVERRIDE=0, otherwise convolutions are rounded
    #[arg(long, value_enum, default_value = "auto")]
    device: DeviceArgument,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum DeviceArgument {
    /// CUDA if it is available, otherwise the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The first CUDA device. An error if there is none.
    Cuda,
}

impl From<DeviceArgument> for Device {
    fn from(device: DeviceArgument) -> Self {
        match device {
            DeviceArgument::Auto => Self::Auto,
            DeviceArgument::Cpu => Self::Cpu,
            DeviceArgument::Cuda => Self::Cuda,
        }
    }
}

/// The largest photos.
#[derive(Debug, Args)]
#[command(next_help_heading = "Photos")]
pub struct SizeArguments {
    /// Refuse photos with more pixels, such as 500M (millions) [default: 256M]
    #[arg(long, value_name = "PIXELS", value_parser = millions)]
    pub max_pixels: Option<u64>,
    /// Refuse larger files, such as 500M or 1G (powers of 1024) [default: 256M]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub max_file: Option<u64>,
}

/// How photos are processed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Photos")]
pub struct PhotoArguments {
    /// Refuse faces with a shorter side below PIXELS [default: 40, and 1/40 of the photo's longer side if that is more]
    #[arg(long, value_name = "PIXELS", value_parser = minimum_face)]
    min_face: Option<f32>,
    /// Refuse faces with a quality below QUALITY, 0 to 100
    #[arg(long, value_name = "QUALITY", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    min_quality: u8,
    /// Refuse photos with more than one face, with the reason `several_faces`
    #[arg(long)]
    single_face: bool,
    #[command(flatten)]
    size: SizeArguments,
    /// Memory for all photos in flight, such as 4G. Photos wait for it; a photo that needs more is refused. The networks need additional
    /// memory [default: half of the machine's memory]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    max_memory: Option<u64>,
    /// Has no effect: WebP is always supported. Accepted for old scripts
    #[arg(long, hide = true)]
    webp: bool,
    /// Number of computing threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
}

pub fn minimum_face(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(pixels) if (12.0..=10_000.0).contains(&pixels) => Ok(pixels),
        _ => Err("expected a number of pixels from 12 to 10000".into()),
    }
}

/// A number of at least 1 with an optional fraction and an optional suffix K, M, G or T for powers of `base`.
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

/// Reads a number of bytes with or without a suffix for powers of 1024.
pub fn bytes(text: &str) -> Result<u64, String> {
    number_with_suffix(text, 1024)
}

fn millions(text: &str) -> Result<u64, String> {
    number_with_suffix(text, 1000)
}

impl PhotoArguments {
    /// The request for these faces.
    pub fn request(&self, faces: FacesArgument) -> PhotoRequest {
        PhotoRequest {
            faces: faces.into(),
            min_face: self.min_face,
            min_quality: self.min_quality,
            single_face: self.single_face,
            max_pixels: self.size.max_pixels,
            max_file: self.size.max_file,
            max_memory: self.max_memory,
            workers: self.workers,
        }
    }

    /// The request for the largest face of each photo.
    pub fn largest(&self) -> PhotoRequest {
        self.request(FacesArgument::Largest)
    }
}

impl DetectorArguments {
    /// The binding of a new gallery to the named model, or to the default one, with the given detector.
    ///
    /// # Errors
    /// There is no such model; its networks or the detector cannot be used.
    pub fn binding(&self, model: Option<&str>) -> Result<Binding> {
        let mut model = model.map(Model::find).transpose()?.unwrap_or_else(Model::default_available);
        if let Some(file) = &self.detector {
            let detector = DetectorFile::open(file, self.accept_licence)?;
            // Later commands find it there.
            model = model.with_detector(detector.install(&models_dir())?);
        }
        model.check_weights()?;
        Ok(model.binding())
    }
}

impl EngineArguments {
    /// The binding of a new gallery.
    ///
    /// # Errors
    /// As [`DetectorArguments::binding`].
    pub fn binding(&self) -> Result<Binding> {
        self.detector.binding(self.model.as_deref())
    }

    /// The request for the networks.
    pub fn request(&self) -> EngineRequest {
        EngineRequest {
            detector: self.detector.detector.clone(),
            accept_licence: self.detector.accept_licence,
            ..self.device.request(self.model.clone())
        }
    }
}

impl DeviceArguments {
    /// The request for the networks of a model.
    pub fn request(&self, model: Option<String>) -> EngineRequest {
        EngineRequest {
            model,
            trust_model_code: self.trust_model_code,
            device: self.device.into(),
            ..EngineRequest::default()
        }
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
