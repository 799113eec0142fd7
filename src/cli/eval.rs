//! `gallerist eval`

mod one_image;
mod pairs;
mod scratch;
mod summary;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::{Result, bail, ensure};
use clap::Args;

use super::probes::{ProbeArguments, several_faces};
use super::screen::{Bar, Screen};
use super::searching::SearchOptions;
use super::{ExitStatus, Usage, interrupt, opening, rows, values};
use crate::evaluation::{Identification, Options, verification};
use crate::experiment::{LabelledProbes, Probe};
use crate::gallery::{Gallery, mode_name};
use crate::reply::PhotoRequest;
use crate::report::{self, Report, Setting};
use crate::session::engine::chosen;
use crate::session::policy::search;
use crate::session::probes::{Source, is_vectors};
use crate::session::{Control, Networks, Session, Stopped, evaluate};
use crate::template::Binding;

/// Measure the accuracy of recognition, and write an HTML page with tables and charts. There are three protocols. With a gallery, mated and
/// non-mated probes are searched for. With --one-image, a temporary gallery is made from one photo of each person of a labelled set. With
/// --pairs, pairs of photos are compared.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery to search
    #[arg(requires_all = ["mated", "nonmated"])]
    gallery: Option<PathBuf>,
    /// Mated probes: a folder with one folder of photos per subject, or templates, one per row
    #[arg(long, value_name = "DIR|FILE.npy", requires = "gallery")]
    mated: Option<PathBuf>,
    /// Subject names of --mated FILE.npy, one per row
    #[arg(long, value_name = "FILE.txt", requires = "mated")]
    mated_subjects: Option<PathBuf>,
    /// Non-mated probes: photos or templates of people who are not in the gallery
    #[arg(long, value_name = "DIR|FILE.npy", requires = "gallery")]
    nonmated: Option<PathBuf>,
    /// Names of the people in --nonmated FILE.npy, one per row [default: each row is another person]
    #[arg(long, value_name = "FILE.txt", requires = "nonmated")]
    nonmated_subjects: Option<PathBuf>,
    /// A labelled set. A person with two or more photos is enrolled with the first; the next ones are mated probes. The photo of a person
    /// with one photo is a non-mated probe. This is the usual protocol on LFW
    #[arg(long, value_name = "DIR|FILE.npy", conflicts_with = "gallery")]
    one_image: Option<PathBuf>,
    /// Names of the people in --one-image FILE.npy, one per row
    #[arg(long, value_name = "FILE.txt", requires = "one_image")]
    subjects: Option<PathBuf>,
    /// Most mated probes per person with --one-image
    #[arg(long, value_name = "N", default_value_t = 1, requires = "one_image", value_parser = clap::value_parser!(u32).range(1..))]
    mated_each: u32,
    /// Pairs of photos: lines of PHOTO, PHOTO and 1 (same person) or 0, separated by tabs
    #[arg(long, value_name = "FILE.tsv")]
    pairs: Option<PathBuf>,
    /// Folder of the photos in --pairs, with one folder per person
    #[arg(long, value_name = "DIR", default_value = ".", requires = "pairs")]
    root: PathBuf,
    /// Folder to write the report to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Title of the page
    #[arg(long, value_name = "TEXT", default_value = "Face recognition, measured")]
    title: String,
    /// Target FPIRs of the report
    #[arg(
        long,
        value_name = "FPIR,...",
        action = clap::ArgAction::Set, // an option that is given twice is an error
        value_delimiter = ',',
        default_value = "0.1,0.01,0.001",
        num_args = 1,
        allow_negative_numbers = true,
        value_parser = values::rate
    )]
    target_fpir: Vec<f64>,
    /// Target FMRs of the report
    #[arg(
        long,
        value_name = "FMR,...",
        action = clap::ArgAction::Set, // an option that is given twice is an error
        value_delimiter = ',',
        default_value = "0.01,0.001,0.0001",
        num_args = 1,
        allow_negative_numbers = true,
        value_parser = values::rate
    )]
    target_fmr: Vec<f64>,
    /// Bootstrap repetitions for the intervals
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    repetitions: u32,
    /// Seed of the random choices
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    search: SearchOptions,
    #[command(flatten)]
    probes: ProbeArguments,
}

/// The result with its warnings, or how far a stopped measurement was.
type Measured<T> = Result<(T, Vec<String>), Stopped>;

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    if arguments.gallery.is_none() && arguments.one_image.is_none() && arguments.pairs.is_none() {
        return Err(Usage(
            "nothing to evaluate: give a gallery with --mated and --nonmated, or --one-image, or --pairs"
                .into(),
        )
        .into());
    }
    values::require_distinct("--target-fpir", &arguments.target_fpir)?;
    values::require_distinct("--target-fmr", &arguments.target_fmr)?;
    let stop = interrupt::stop_flag();
    if let Some(list) = arguments.pairs.as_ref().filter(|list| list.is_file()) {
        arguments.pairs_of(list)?; // report missing photos before any is processed; a pipe can be read only once
    }
    let mut warnings = Vec::new();
    let (identified, binding) = match (&arguments.gallery, &arguments.one_image) {
        (Some(path), _) => {
            let session = opening::session_to_read(path, &arguments.probes.engine)?;
            let binding = session.gallery().binding().clone();
            (Some(arguments.identify_in(&session, screen, stop)?), binding)
        }
        (None, Some(set)) => {
            let binding = arguments.binding_of_set(set)?;
            (Some(arguments.one_image(set, &binding, screen, stop)?), binding)
        }
        (None, None) => (None, chosen(&arguments.probes.engine.request())?.binding()),
    };
    let identification = match identified.transpose() {
        Err(stopped) => return interrupt::report(stopped, screen),
        Ok(measured) => measured.map(|(measured, more)| {
            warnings.extend(more);
            measured
        }),
    };
    let verified = arguments.pairs.as_ref().map(|list| arguments.verify(list, &binding, screen, stop));
    let verification = match verified.transpose()?.transpose() {
        Err(stopped) => return interrupt::report(stopped, screen),
        Ok(measured) => measured.map(|(measured, more)| {
            warnings.extend(more);
            measured
        }),
    };
    let report = Report { setting: arguments.setting(&binding)?, warnings, identification, verification };
    report::write(&report, &arguments.out)?;
    summary::print(&report, &arguments.out, screen)?;
    Ok(ExitStatus::Done)
}

/// What the probe sources of an evaluation have in common.
struct Reading<'a> {
    networks: &'a Networks,
    photos: &'a PhotoRequest,
    /// The model of the templates.
    binding: &'a Binding,
    control: Control<'a>,
}

impl Arguments {
    fn source<'a>(&self, path: &'a Path, names: Option<&'a Path>, reading: &Reading<'a>) -> Source<'a> {
        let Reading { networks, photos, binding, control } = *reading;
        let skip_invalid = self.probes.rows.skip_invalid;
        Source { path, names, binding: Some(binding), networks, photos, skip_invalid, control }
    }

    fn options(&self) -> Options {
        Options {
            fpir_targets: self.target_fpir.clone(),
            fmr_targets: self.target_fmr.clone(),
            seed: self.seed,
            repetitions: self.repetitions,
            ..Options::default()
        }
    }

    fn binding_of_set(&self, set: &Path) -> Result<Binding> {
        if !is_vectors(set) {
            return Ok(chosen(&self.probes.engine.request())?.binding());
        }
        ensure!(
            self.pairs.is_none(),
            "--pairs compares photos; it cannot be used with templates in --one-image"
        );
        Ok(Binding::external(crate::vectors::VectorFile::open_or_standard_input(set)?.dimension, None))
    }

    fn identify_in(
        &self,
        session: &Session,
        screen: Screen,
        stop: &AtomicBool,
    ) -> Result<Measured<Identification>> {
        let gallery = session.gallery();
        let (Some(mated), Some(nonmated)) = (&self.mated, &self.nonmated) else {
            bail!("a gallery is evaluated with --mated and --nonmated");
        };
        let (bar, photos) = (Bar::new(), self.probes.photos.largest());
        let progress = |progress| bar.show(progress);
        let read = Reading {
            networks: session.networks(),
            photos: &photos,
            binding: gallery.binding(),
            control: Control { stop, progress: &progress },
        };
        let mated = self.source(mated, self.mated_subjects.as_deref(), &read);
        let nonmated = self.source(nonmated, self.nonmated_subjects.as_deref(), &read);
        for photo in mated.listed()?.into_iter().flatten() {
            mated_subject(session, photo.person.as_deref(), &photo.name)?;
        }
        for photo in nonmated.listed()?.into_iter().flatten() {
            require_nonmated(gallery, photo.person.as_deref(), &photo.name)?;
        }
        let (mated, nonmated) = match mated.read()? {
            Ok(mated) => match nonmated.read()? {
                Ok(nonmated) => (mated, nonmated),
                Err(stopped) => return Ok(Err(stopped)),
            },
            Err(stopped) => return Ok(Err(stopped)),
        };
        bar.finish();
        for read in [&mated, &nonmated] {
            rows::print_skipped(&read.invalid, screen)?;
        }
        let mut probes = Vec::with_capacity(mated.probes.len());
        for probe in mated.probes {
            let subject = mated_subject(session, probe.person.as_deref(), &probe.name)?;
            probes.push((probe, subject));
        }
        let mut failed = Vec::new();
        for one in &mated.failed {
            failed.push(mated_subject(session, one.person.as_deref(), &one.name)?);
        }
        for probe in &nonmated.probes {
            require_nonmated(gallery, probe.person.as_deref(), &probe.name)?;
        }
        let several = several_faces(mated.several + nonmated.several);
        let strangers: Vec<String> =
            nonmated.failed.into_iter().map(|one| one.person.unwrap_or(one.name)).collect();
        let probes =
            LabelledProbes { mated: &probes, non_mated: &nonmated.probes, failed: (&failed, &strangers) };
        let mut measured = self.identification(gallery, &probes, stop)?;
        if let Ok((_, warnings)) = &mut measured {
            warnings.extend(several);
        }
        Ok(measured)
    }

    fn identification(
        &self,
        gallery: &Gallery,
        probes: &LabelledProbes<'_>,
        stop: &AtomicBool,
    ) -> Result<Measured<Identification>> {
        let bar = Bar::new();
        let progress = |progress| bar.show(progress);
        let search = search(&self.search.request(), None)?;
        let measured =
            evaluate(gallery, probes, search, &self.options(), &Control { stop, progress: &progress })?;
        bar.finish();
        Ok(measured)
    }

    fn setting(&self, binding: &Binding) -> Result<Setting> {
        let search = search(&self.search.request(), None)?;
        let words = std::env::args_os().map(|word| quoted(&word.to_string_lossy()));
        let command: Vec<String> = std::iter::once("gallerist".to_owned()).chain(words.skip(1)).collect();
        Ok(Setting {
            title: self.title.clone(),
            model: binding.model.clone(),
            fingerprint: binding.fingerprint.clone(),
            fusion: search.fusion.name().into(),
            search: match mode_name(search.mode).as_str() {
                "auto" | "exact" => "exact: every template is scored or ruled out".into(),
                other => other.to_owned(),
            },
            command: command.join(" "),
            seed: self.seed,
            repetitions: self.repetitions,
            date: time::UtcDateTime::now().date().to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
        })
    }
}

/// The id of the subject in a mated probe.
fn mated_subject(session: &Session, person: Option<&str>, name: &str) -> Result<u64> {
    ensure!(
        person.is_some(),
        "{name}: the name of its person is not known; give --mated-subjects, or photos in folders named after people"
    );
    Ok(session.mated_subject(person, name)?)
}

/// Refuses a non-mated probe of a subject of the gallery.
fn require_nonmated(gallery: &Gallery, person: Option<&str>, name: &str) -> Result<()> {
    match person.filter(|person| gallery.subject(person).is_ok()) {
        Some(person) => {
            bail!("{name}: {person} is in the gallery; non-mated probes are of people who are not")
        }
        None => Ok(()),
    }
}

/// A word, quoted for a shell if necessary.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=./,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("--out"), "--out");
        assert_eq!(quoted("two words"), "'two words'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
