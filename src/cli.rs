//! The command line: `gallerist VERB GALLERY ...`.
//!
//! Exit codes: 0 done, 1 error, 2 usage, 3 no usable input, 10 match, 11 no match, 12 inconclusive, 130 interrupted.

mod advice;
mod audit;
mod authentic;
mod backup;
mod calibrate;
mod certificate;
mod cluster;
mod compact;
mod counts;
mod dedup;
mod demo;
mod encode;
mod engine;
mod enroll;
mod eval;
mod export;
mod folders;
mod identify;
mod import;
mod init;
mod inspect;
mod interrupt;
mod list;
mod model;
mod naming;
mod networks;
mod opening;
mod pairs;
mod probes;
mod prune;
mod purge;
mod reembed;
#[cfg(feature = "server")]
mod remote;
mod reply;
mod rows;
mod screen;
mod search;
mod searching;
#[cfg(feature = "server")]
mod serve;
mod skip;
mod subject;
mod threshold;
#[cfg(feature = "server")]
mod token;
mod train;
mod undo;
mod values;
mod verify;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use thiserror::Error;
use tracing_subscriber::EnvFilter;

use crate::decision::Decision;
use crate::session::SessionError;
use screen::{ClosedOutput, Format, SafeLog, Screen, escaped, print_error};

const EXIT_CODES: &str = "Exit codes: 0 done, 1 error, 2 usage, 3 no input was usable, 10 match, 11 no match, 12 inconclusive, \
                          130 interrupted.";

/// Face galleries: enroll photos, identify probe photos. Works offline; photos never leave this machine.
#[derive(Debug, Parser)]
#[command(name = "gallerist", version, max_term_width = 110, after_help = EXIT_CODES)]
struct Arguments {
    /// Output format: text for people, or JSON for programs, one object per line
    #[arg(
        long,
        global = true,
        value_parser = format,
        default_value = "text",
        value_name = "text|json",
        help_heading = "Everywhere"
    )]
    format: Vec<FormatArgument>,
    /// Log more to the standard error; give it twice for all messages
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Everywhere")]
    verbose: u8,
    /// Wait up to SECONDS for other processes to close the gallery. One process may write, or any number may read [default: 0]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = opening::seconds, help_heading = "Everywhere")]
    wait: Option<Duration>,
    #[command(subcommand)]
    verb: Verb,
}

/// Values of `--format`. `text` and `json` set the format of the output. `npy` and `jsonl` set the format of the files of `encode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FormatArgument {
    /// Text for people.
    Text,
    /// One JSON object per line.
    Json,
    /// Vectors in a `.npy` file.
    Npy,
    /// Vectors in JSON lines.
    Jsonl,
}

fn format(word: &str) -> Result<FormatArgument, String> {
    match word {
        "text" => Ok(FormatArgument::Text),
        "json" => Ok(FormatArgument::Json),
        "npy" => Ok(FormatArgument::Npy),
        "jsonl" => Ok(FormatArgument::Jsonl),
        _ => Err("expected text or json, and for `encode` npy or jsonl".into()),
    }
}

/// The file that `encode` writes the vectors to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// `embeddings.npy`.
    Npy,
    /// `templates.jsonl`.
    Jsonl,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make an empty gallery that is bound to one model
    Init(init::Arguments),
    /// Find the faces in photos and add them to a gallery; run again to resume
    Enroll(enroll::Arguments),
    /// Identify the people in photos: candidate list and decision
    Identify(identify::Arguments),
    /// Decide whether two photos show the same person
    Verify(verify::Arguments),
    /// Measure the false positive identification rate, and derive thresholds from it
    Calibrate(calibrate::Arguments),
    /// Measure the accuracy of recognition: error rates, curves, and an HTML page
    Eval(eval::Arguments),
    /// Measure the misses of a search, and list duplicate subjects and wrong photos
    Audit(audit::Arguments),
    /// Judge whether faces are genuine or pictures of pictures, by a gate fitted to examples
    Authentic(authentic::Arguments),
    /// Find copies of photos and move them away; find people who are in a gallery twice
    Dedup(dedup::Arguments),
    /// Find out which faces of a gallery show one person, named or not
    Cluster(cluster::Arguments),
    /// Verify replies of `identify` by brute force
    CheckCertificate(certificate::Arguments),
    /// List the templates closest to given vectors
    Search(search::SearchArguments),
    /// List every template with at least a given score
    Range(search::RangeArguments),
    /// Add templates from a .npy file; run again to resume
    Import(import::Arguments),
    /// Find the faces in photos and write their templates to a folder; run again to resume
    Encode(encode::Arguments),
    /// Write all templates to a .npy file and their descriptions to a JSONL file
    Export(export::Arguments),
    /// List, show, rename, merge and remove subjects; move and remove single templates
    Subject(subject::Arguments),
    /// Show, make, change and remove lists of subjects
    List(list::Arguments),
    /// Undo corrections: renames, merges, moves, rejections, assignments of clusters, removals by `prune`
    Undo(undo::Arguments),
    /// Remove the faces of photos that are not in their folder any more; find moved photos again
    Prune(prune::Arguments),
    /// Migrate a gallery to another model, from its photos
    Reembed(reembed::Arguments),
    /// Set the threshold that applies if there is no calibration
    SetThreshold(threshold::Arguments),
    /// Merge the segments of a gallery into a few large ones
    Compact(compact::Arguments),
    /// Erase the bytes of removed templates from the files of a gallery
    Purge(purge::Arguments),
    /// Copy a gallery; it may be in use
    Backup(backup::BackupArguments),
    /// Make a gallery from a backup
    Restore(backup::RestoreArguments),
    /// Show the content and the size of a gallery
    Stats(inspect::StatsArguments),
    /// Verify every byte of a gallery
    Check(inspect::CheckArguments),
    /// Serve galleries over HTTP, with a page for browsers
    #[cfg(feature = "server")]
    Serve(serve::Arguments),
    /// Make, list and remove the tokens of `serve`
    #[cfg(feature = "server")]
    Token(token::Arguments),
    /// Show the available models
    Model(model::Arguments),
    /// Train an encoder on your own photos or templates
    Train(Box<train::Arguments>),
    /// Demonstrate the main commands on sample photos
    Demo(demo::Arguments),
}

/// The result of a command that did not fail with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExitStatus {
    Done,
    /// A check failed. The command has printed what is wrong.
    Failed,
    /// No input was usable. The command has printed the reasons.
    NothingUsable,
    Decided(Decision),
    Interrupted,
}

/// The error for commands without any usable input.
#[derive(Debug, Error)]
#[error("{0}")]
struct NothingUsable(String);

/// An error: options that contradict each other.
#[derive(Debug, Error)]
#[error("{0}")]
struct Usage(String);

impl ExitStatus {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::NothingUsable => 3,
            Self::Decided(Decision::Match) => 10,
            Self::Decided(Decision::NoMatch) => 11,
            Self::Decided(Decision::Inconclusive) => 12,
            Self::Interrupted => 130,
        }
    }
}

impl Verb {
    /// Whether the command only prints. Such a command ends when the reader closes the standard output.
    fn only_prints(&self) -> bool {
        match self {
            Self::Search(_) | Self::Range(_) | Self::Stats(_) | Self::Model(_) => true,
            Self::Subject(arguments) => arguments.only_prints(),
            Self::List(arguments) => arguments.only_prints(),
            _ => false,
        }
    }
}

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| exit_with_usage(error));
    // Galleries, exports, backups and reports contain personal data. All files that the program makes are readable by their owner only.
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    log_to_stderr(arguments.verbose);
    opening::set_wait(arguments.wait.unwrap_or_default());
    report_file_size_limit();
    let closed_output =
        if arguments.verb.only_prints() { ClosedOutput::Stop } else { ClosedOutput::Continue };
    let (screen, files) = formats(&arguments, closed_output);
    if networks::is_restarted() {
        interrupt::stop_flag(); // for the signals that came while libtorch was loaded
    }
    interrupt::take();
    let result = networks::require_same_build().and_then(|()| run(arguments.verb, files, screen));
    let result =
        result.map_err(|error| if networks::are_missing(&error) { networks::restart() } else { error });
    let code = match result {
        Ok(end) => end.code(),
        Err(error) if closed_output == ClosedOutput::Stop && is_broken_pipe(&error) => 0, // the reader closed the pipe
        Err(error) => {
            print_error(format!("error: {}", message(&error)));
            failed(&error)
        }
    };
    ExitCode::from(Screen::lost_output().map_or(code, |lost| report_lost_output(lost, code)))
}

/// Reports that output was lost, and returns the exit code. The work itself is complete. A closed standard output is not an error, because
/// the reader closed it; any other failure is.
fn report_lost_output(lost: &io::Error, code: u8) -> u8 {
    if lost.kind() == io::ErrorKind::BrokenPipe {
        print_error("the standard output was closed; the command continued without it");
        return code;
    }
    print_error(format!("error: the standard output failed ({lost}); the command continued without it"));
    1
}

/// Prints an error in the arguments and exits. The text is escaped, because arguments may be file names.
fn exit_with_usage(error: clap::Error) -> ! {
    let safe = || std::env::args_os().map(|word| escaped(&word.to_string_lossy()).into_owned());
    let error =
        if error.use_stderr() { Arguments::try_parse_from(safe()).err().unwrap_or(error) } else { error };
    error.exit()
}

/// The exit code of an error.
fn failed(error: &anyhow::Error) -> u8 {
    match error.downcast_ref() {
        _ if error.is::<NothingUsable>() => ExitStatus::NothingUsable.code(),
        _ if error.is::<Usage>() => 2,
        _ if is_invalid_request(error) => 2,
        Some(SessionError::NothingUsable(_)) => ExitStatus::NothingUsable.code(),
        Some(
            SessionError::Request { .. }
            | SessionError::Thresholds { .. }
            | SessionError::GraphProvesNothing
            | SessionError::SharedName,
        ) => 2,
        _ => 1,
    }
}

/// Whether a server refused the options.
#[cfg(feature = "server")]
fn is_invalid_request(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<crate::client::ClientError>()
        .is_some_and(|error| error.code() == Some("invalid_request"))
}

#[cfg(not(feature = "server"))]
fn is_invalid_request(_: &anyhow::Error) -> bool {
    false
}

/// The error with its causes and with advice. A cause whose text is already part of the error is left out.
fn message(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            let separator = if text.is_empty() { "" } else { ": " };
            text = format!("{text}{separator}{cause}");
        }
    }
    match advice::about(error) {
        Some(advice) => format!("{text}; {advice}"),
        None => text,
    }
}

/// The format of the output, and the format of the files of `encode`. An invalid combination ends the program.
fn formats(arguments: &Arguments, closed_output: ClosedOutput) -> (Screen, FileFormat) {
    let given = |wanted| arguments.format.contains(&wanted);
    let is_for_files = given(FormatArgument::Npy) || given(FormatArgument::Jsonl);
    if is_for_files && !matches!(arguments.verb, Verb::Encode(_)) {
        let what = "--format npy and jsonl are for `encode`; here it is text or json";
        Arguments::command().error(ErrorKind::InvalidValue, what).exit();
    }
    let screen = if given(FormatArgument::Json) { Format::Json } else { Format::Text };
    let files = if given(FormatArgument::Jsonl) { FileFormat::Jsonl } else { FileFormat::Npy };
    (Screen::new(screen, closed_output), files)
}

fn run(verb: Verb, files: FileFormat, screen: Screen) -> Result<ExitStatus> {
    match verb {
        Verb::Encode(arguments) => encode::run(&arguments, files, screen),
        Verb::Init(arguments) => init::run(&arguments, screen),
        Verb::Enroll(arguments) => enroll::run(&arguments, screen),
        Verb::Identify(arguments) => identify::run(&arguments, screen),
        Verb::Verify(arguments) => verify::run(&arguments, screen),
        Verb::Calibrate(arguments) => calibrate::run(&arguments, screen),
        Verb::Eval(arguments) => eval::run(&arguments, screen),
        Verb::Audit(arguments) => audit::run(&arguments, screen),
        Verb::Authentic(arguments) => authentic::run(&arguments, screen),
        Verb::CheckCertificate(arguments) => certificate::run(&arguments, screen),
        Verb::Search(arguments) => search::search(&arguments, screen),
        Verb::Range(arguments) => search::range(&arguments, screen),
        Verb::Import(arguments) => import::run(&arguments, screen),
        Verb::Dedup(arguments) => dedup::run(&arguments, screen),
        Verb::Cluster(arguments) => cluster::run(&arguments, screen),
        Verb::Export(arguments) => export::run(&arguments, screen),
        Verb::Subject(arguments) => subject::run(&arguments, screen),
        Verb::List(arguments) => list::run(&arguments, screen),
        Verb::Undo(arguments) => undo::run(&arguments, screen),
        Verb::Prune(arguments) => prune::run(&arguments, screen),
        Verb::Reembed(arguments) => reembed::run(&arguments, screen),
        Verb::SetThreshold(arguments) => threshold::run(&arguments, screen),
        Verb::Compact(arguments) => compact::run(&arguments, screen),
        Verb::Purge(arguments) => purge::run(&arguments, screen),
        Verb::Backup(arguments) => backup::backup(&arguments, screen),
        Verb::Restore(arguments) => backup::restore(&arguments, screen),
        Verb::Stats(arguments) => inspect::stats(&arguments, screen),
        Verb::Check(arguments) => inspect::check(&arguments, screen),
        #[cfg(feature = "server")]
        Verb::Serve(arguments) => serve::run(&arguments, screen),
        #[cfg(feature = "server")]
        Verb::Token(arguments) => token::run(&arguments, screen),
        Verb::Model(arguments) => model::run(&arguments, screen),
        Verb::Train(arguments) => train::run(&arguments, screen),
        Verb::Demo(arguments) => demo::run(&arguments, screen),
    }
}

/// A write beyond the limit on file sizes (`ulimit -f`) becomes an error with a message. The default is a signal that ends the program.
#[cfg(unix)]
fn report_file_size_limit() {
    if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default()) {
        tracing::warn!(%error, "a write beyond the limit on file sizes will end the program without a message");
    }
}

fn log_to_stderr(verbose: u8) {
    let level = ["warn", "info", "debug"][usize::from(verbose.min(2))];
    let filter = EnvFilter::try_from_env("GALLERIST_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| SafeLog)
        .with_target(false)
        .without_time()
        .init();
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(kind)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|e| e.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_sound() {
        super::Arguments::command().debug_assert();
    }

    #[test]
    fn each_cause_is_printed_once() {
        let cause =
            anyhow::anyhow!("no room").context("index/LOCK: opening it: no room").context("opening G");
        assert_eq!(super::message(&cause), "opening G: index/LOCK: opening it: no room");
    }
}
