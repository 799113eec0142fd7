//! `gallerist model import`

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::super::engine::{DetectorArguments, DeviceArgument};
use super::super::screen::{Bar, Screen, Table, count, percent};
use super::super::{ExitStatus, interrupt, values};
use crate::encoder::{ChannelOrder, EncoderError, Engine, Scale};
use crate::face::Chip;
use crate::reply::{ImportedModel, TriedSetting};
use crate::session::{Control, ModelImport, ModelImportRequest, import_model};

/// Import the ONNX file of a face encoder. Its input (alignment, order of the channels, mean, scale) is found by measurement: every usual
/// setting is tried on photos of 20 people, and the one that separates them best is taken
#[derive(Debug, Args)]
pub struct Arguments {
    /// The ONNX file, or a folder or zip archive that contains one encoder, such as a model pack of InsightFace
    file: PathBuf,
    /// Name of the model [default: the name of the file]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Alignment and size of the faces, such as arcface-112, dlib-150 or facenet-160
    #[arg(long, value_name = "CHIP")]
    chip: Option<Chip>,
    /// Order of the channels
    #[arg(long, value_enum)]
    channels: Option<Channels>,
    /// Subtracted from the channels (0 to 255): one number, or three with commas
    #[arg(long, value_name = "NUMBERS", value_parser = three, allow_negative_numbers = true)]
    mean: Option<[f32; 3]>,
    /// Factor for the difference, such as 1/127.5: one number, or three with commas
    #[arg(long, value_name = "NUMBERS", value_parser = factors)]
    scale: Option<[f32; 3]>,
    /// Score from which two faces count as one person [default: derived from the measured scores]
    #[arg(long, value_name = "COSINE", value_parser = values::cosine, allow_negative_numbers = true)]
    threshold: Option<f32>,
    /// Licence of the weights, for `model list`
    #[arg(long, value_name = "TEXT")]
    licence: Option<String>,
    /// Import a network although it does not separate the people whose photos it is tried on
    #[arg(long)]
    accept_inaccurate: bool,
    #[command(flatten)]
    detector: DetectorArguments,
    /// Folder for the manifest and the weights. Models elsewhere than in the default folder are named by their path
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Convert and measure, but write nothing
    #[arg(long)]
    dry_run: bool,
    /// Device of the networks
    #[arg(long, value_enum, default_value = "auto")]
    device: DeviceArgument,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Channels {
    Rgb,
    Bgr,
}

/// One number for all channels, or three.
fn three(text: &str) -> Result<[f32; 3], String> {
    let wrong = || "expected one number, or three with commas; a fraction is written 1/127.5".to_owned();
    let numbers = text.split(',').map(|part| number(part.trim()).ok_or_else(wrong));
    match *numbers.collect::<Result<Vec<f32>, _>>()? {
        [number] => Ok([number; 3]),
        [a, b, c] => Ok([a, b, c]),
        _ => Err(wrong()),
    }
}

/// A finite number: `0.5`, or `1/2`.
fn number(text: &str) -> Option<f32> {
    let parse = |text: &str| text.trim().parse::<f32>().ok();
    let number = match text.split_once('/') {
        Some((above, below)) => parse(above)? / parse(below)?,
        None => parse(text)?,
    };
    Some(number).filter(|number| number.is_finite())
}

/// Factors that do not remove a channel.
fn factors(text: &str) -> Result<[f32; 3], String> {
    let factors = three(text)?;
    match Scale::from(factors).is_normal() {
        true => Ok(factors),
        false => Err("expected factors other than 0".into()),
    }
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let channels = arguments.channels.map(|channels| match channels {
        Channels::Rgb => ChannelOrder::Rgb,
        Channels::Bgr => ChannelOrder::Bgr,
    });
    let request = ModelImportRequest {
        file: arguments.file.clone(),
        name: arguments.name.clone(),
        out: arguments.out.clone(),
        chip: arguments.chip,
        channels,
        mean: arguments.mean,
        scale: arguments.scale.map(Scale::from),
        threshold: arguments.threshold,
        licence: arguments.licence.clone(),
        detector: arguments.detector.detector.clone(),
        accept_licence: arguments.detector.accept_licence,
        accept_inaccurate: arguments.accept_inaccurate,
        dry_run: arguments.dry_run,
        device: arguments.device.into(),
    };
    if !Engine::is_provided() {
        return Err(EncoderError::NoNetworks { model: arguments.file.display().to_string() }.into());
    }
    let bar = Bar::new();
    let control = Control { stop: interrupt::stop_flag(), progress: &|progress| bar.show(progress) };
    let result = import_model(&request, &control);
    bar.finish();
    match result? {
        ModelImport::Stopped(stopped) => interrupt::report(stopped, screen),
        ModelImport::Done(model) => {
            print(&model, arguments, screen)?;
            Ok(ExitStatus::Done)
        }
    }
}

fn print(model: &ImportedModel, arguments: &Arguments, screen: Screen) -> Result<()> {
    screen.json(model)?;
    let (operations, parameters) = (count(model.operations as u64), count(model.parameters as u64));
    let products = model.products as f64 / 1e9;
    screen.text(format!(
        "{}: operator set {}, {operations} operations, {parameters} weights, {products:.2} billion products a face, {} numbers a \
         template",
        model.file, model.operator_set, model.dimension
    ))?;
    screen.text("input settings, tried on two photos each of 20 people:")?;
    let mut table = Table::new(&[4, 5]);
    table.row(["chip", "channels", "mean", "scale", "d'", "rank 1", ""].map(str::to_owned));
    for setting in &model.settings {
        table.row(row(setting));
    }
    table.lines(2).iter().try_for_each(|line| screen.text(line))?;
    model.warnings.iter().try_for_each(|warning| screen.text(format!("warning: {warning}")))?;
    screen.text(format!("threshold {:.3}: {}", model.threshold, model.threshold_basis))?;
    screen.text(format!("licence: {}", model.licence))?;
    screen.text(match &model.unused_detector {
        Some(file) => {
            format!("detector: {}; --detector uses {file} of the same pack instead", model.detector)
        }
        None => format!("detector: {}", model.detector),
    })?;
    let fingerprint = model.fingerprint.get(..12).unwrap_or_default();
    let done = match (model.written, arguments.dry_run) {
        (true, _) => "imported as",
        (false, true) => "not written (dry run):",
        (false, false) => "already imported as",
    };
    screen.text(format!("{done} {} (fingerprint {fingerprint}...), {}", model.name, model.manifest))?;
    let name = if arguments.out.is_some() { &model.manifest } else { &model.name };
    Ok(screen.text(format!("next: gallerist init GALLERY --model {name}"))?)
}

fn row(setting: &TriedSetting) -> [String; 7] {
    let numbers = |numbers: [f32; 3]| match numbers {
        [a, b, c] if a.to_bits() == b.to_bits() && b.to_bits() == c.to_bits() => factor(a),
        other => other.map(factor).join(","),
    };
    let channels = match setting.channels {
        ChannelOrder::Rgb => "rgb",
        ChannelOrder::Bgr => "bgr",
    };
    [
        setting.chip.clone(),
        channels.to_owned(),
        numbers(setting.mean),
        numbers(setting.scale),
        setting.d_prime.map_or_else(
            || "failed".into(),
            |d_prime| {
                // Not -0.00.
                format!("{:.2}", (d_prime * 100.0).round() / 100.0 + 0.0)
            },
        ),
        setting.rank_1.map_or_else(String::new, percent),
        if setting.taken { "taken".into() } else { String::new() },
    ]
}

/// A mean, or a scale as the fraction that it usually is.
fn factor(number: f32) -> String {
    let inverse = 1.0 / number;
    let tenths = (inverse * 1000.0).round() / 1000.0;
    match number {
        number if number > 0.0 && number < 1.0 && (1.0 / tenths - number).abs() < 1e-7 => {
            format!("1/{tenths}")
        }
        number => format!("{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_one_or_three() {
        assert_eq!(three("127.5"), Ok([127.5; 3]));
        assert_eq!(three("1, 2,3"), Ok([1.0, 2.0, 3.0]));
        assert!(
            ["", "1,2", "a", "nan", "1,2,inf", "1/0", "1/", "/2"].iter().all(|wrong| three(wrong).is_err())
        );
        assert_eq!(
            (factor(1.0 / 127.5), factor(0.0), factor(1.0 / 128.0)),
            ("1/127.5".into(), "0".into(), "1/128".into())
        );
    }

    #[test]
    fn a_scale_is_written_as_it_is_printed_and_is_not_0() {
        assert_eq!(factors("1/127.5"), Ok([1.0 / 127.5; 3]));
        assert_eq!(factors("1/58.395, 1/57.12,1/57.375"), Ok([1.0 / 58.395, 1.0 / 57.12, 1.0 / 57.375]));
        assert_eq!(factors("0.0078125"), Ok([1.0 / 128.0; 3]));
        for wrong in ["0", "-0", "1/0", "0/1", "1,0,1", "1e-42", "nan"] {
            assert!(factors(wrong).is_err(), "{wrong}");
        }
    }
}
