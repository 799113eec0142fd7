//! The programs that decode HEIF and AVIF, and their runs.
//!
//! A program runs as a child process in a folder of its own that only the user can read and that is removed afterwards. Its processor time,
//! memory and output are limited where the system permits it. It belongs to a process group of its own, so that Ctrl-C does not end it
//! while this program finishes the photos that it began.
//!
//! A program that takes too long or that a signal from outside ends says nothing about the file: both are temporary failures.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use super::super::room_for;
use super::{DecodeError, Task};

/// Longest run. A photo of 12 megapixels takes less than a second, one of 200 megapixels half a minute.
const LONGEST: Duration = Duration::from_secs(120);
/// Address space beyond the memory for the picture: libraries and the stacks of threads.
const ADDRESSES: u64 = 2 << 30;
/// Most bytes of a program's message in an error.
const LONGEST_MESSAGE: usize = 300;
const INPUT: &str = "picture.heif";
const MESSAGES: &str = "messages";

/// A program that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decoder {
    /// Of libavif. AVIF only, and it does not rotate.
    AvifDec,
    /// Of libheif, version 1.18 or newer.
    HeifDec,
    /// The same program under its earlier name.
    HeifConvert,
    /// Of libvips, which uses libheif.
    Vips,
}

impl Decoder {
    /// The order of preference.
    const ALL: [Self; 4] = [Self::AvifDec, Self::HeifDec, Self::HeifConvert, Self::Vips];

    fn name(self) -> &'static str {
        match self {
            Self::HeifDec => "heif-dec",
            Self::HeifConvert => "heif-convert",
            Self::AvifDec => "avifdec",
            Self::Vips => "vips",
        }
    }

    /// The ending of the file that it writes. JPEG of the highest quality is written six times faster than PNG, but has 8 bits, no
    /// alpha, and chroma of half the size, as most of the pictures themselves.
    fn ending(self, task: Task) -> &'static str {
        let fits = !task.items.has_alpha && (task.items.is_deep || !task.items.has_full_chroma);
        match self {
            Self::HeifDec | Self::HeifConvert if fits => "jpg",
            _ => "png",
        }
    }

    fn arguments(self, output: &str) -> Vec<String> {
        let options: &[&str] = match self {
            Self::HeifDec | Self::HeifConvert => &["-q", "100", INPUT, output],
            Self::AvifDec => &["--depth", "8", "--png-compress", "1", INPUT, output],
            Self::Vips => return vec!["copy".into(), INPUT.into(), format!("{output}[compression=1]")],
        };
        options.iter().map(|&option| option.to_owned()).collect()
    }
}

/// The programs on this machine. They are looked for once.
fn installed() -> &'static [(Decoder, PathBuf)] {
    static INSTALLED: OnceLock<Vec<(Decoder, PathBuf)>> = OnceLock::new();
    INSTALLED.get_or_init(|| find(&std::env::var_os("PATH").unwrap_or_default()))
}

/// The names of the installed programs that decode HEIF and AVIF, in the order of preference, with `+` between them. Empty if there are none.
pub fn programs() -> String {
    installed().iter().map(|(decoder, _)| decoder.name()).collect::<Vec<_>>().join("+")
}

/// The programs in the folders of a search path.
fn find(path: &OsStr) -> Vec<(Decoder, PathBuf)> {
    let place = |decoder: Decoder| {
        let file = format!("{}{}", decoder.name(), std::env::consts::EXE_SUFFIX);
        let candidates = std::env::split_paths(path).filter(|folder| folder.is_absolute());
        let found = candidates.map(|folder| folder.join(&file)).find(|file| is_program(file))?;
        Some((decoder, found))
    };
    Decoder::ALL.into_iter().filter_map(place).collect()
}

fn is_program(file: &Path) -> bool {
    let Ok(metadata) = fs::metadata(file) else { return false };
    #[cfg(unix)]
    let may_run = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may_run = true;
    metadata.is_file() && may_run
}

/// Refuses the file if no program on this machine decodes it.
pub(super) fn check(is_avif: bool) -> Result<(), DecodeError> {
    if installed().iter().any(|(decoder, _)| is_avif || *decoder != Decoder::AvifDec) {
        return Ok(());
    }
    Err(missing(is_avif))
}

fn missing(is_avif: bool) -> DecodeError {
    let (name, convert) = match is_avif {
        true => ("AVIF", "convert it to JPEG"),
        false => (
            "HEIF/HEIC",
            "convert it to JPEG (iPhones take JPEG with Settings, Camera, Formats, Most Compatible)",
        ),
    };
    DecodeError::Unsupported(format!(
        "{name} files are decoded by a program of libheif, which is not installed: install libheif-examples \
         (Debian, Ubuntu), libheif-tools (Fedora) or libheif (Arch, Homebrew), or {convert}"
    ))
}

/// The JPEG or PNG that the first program writes that succeeds.
pub(super) fn run(bytes: &[u8], task: Task) -> Result<Vec<u8>, DecodeError> {
    run_first(installed(), bytes, task, LONGEST)
}

fn run_first(
    programs: &[(Decoder, PathBuf)],
    bytes: &[u8],
    task: Task,
    longest: Duration,
) -> Result<Vec<u8>, DecodeError> {
    let mut failure = None;
    for (decoder, program) in programs {
        if *decoder == Decoder::AvifDec && (!task.is_avif || task.items.is_transformed) {
            continue;
        }
        match run_one(*decoder, program, bytes, task, longest) {
            Err(error @ DecodeError::Failed(_)) => failure = failure.or(Some(error)),
            other => return other,
        }
    }
    Err(failure.unwrap_or_else(|| missing(task.is_avif)))
}

fn run_one(
    decoder: Decoder,
    program: &Path,
    bytes: &[u8],
    task: Task,
    longest: Duration,
) -> Result<Vec<u8>, DecodeError> {
    let temporary = |error: std::io::Error| {
        let folder = std::env::temp_dir();
        DecodeError::Temporary(format!(
            "cannot decode with {} in {}: {error}",
            decoder.name(),
            folder.display()
        ))
    };
    let mut folder = tempfile::Builder::new();
    folder.prefix("gallerist-picture-");
    #[cfg(unix)]
    folder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    let folder = folder.tempdir().map_err(temporary)?;
    fs::write(folder.path().join(INPUT), bytes).map_err(temporary)?;
    let output = format!("output.{}", decoder.ending(task));
    let messages = File::create(folder.path().join(MESSAGES)).map_err(temporary)?;
    let mut command = Command::new(program);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let child = command
        .args(decoder.arguments(&output))
        .current_dir(folder.path())
        .env("TMPDIR", folder.path())
        .env("MALLOC_ARENA_MAX", "2") // fewer reserved addresses
        .env_remove("GALLERIST_TOKEN")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(messages)
        .spawn()
        .map_err(temporary)?;
    let Some(status) = wait(child, task, longest).map_err(temporary)? else {
        let seconds = longest.as_secs();
        return Err(DecodeError::Temporary(format!("{} took longer than {seconds} s", decoder.name())));
    };
    match written(folder.path(), &output) {
        Some(file) if status.success() => {
            let length = fs::metadata(&file).map_err(temporary)?.len();
            if length > most_bytes(task) {
                return Err(DecodeError::Failed(format!("{} wrote {length} bytes", decoder.name())));
            }
            drop(room_for(length)?);
            let read = fs::read(&file).map_err(temporary)?;
            folder.close().map_err(temporary)?;
            Ok(read)
        }
        _ if was_ended(status) => {
            Err(DecodeError::Temporary(format!("{} was ended from outside", decoder.name())))
        }
        _ => {
            let said = fs::read(folder.path().join(MESSAGES)).unwrap_or_default();
            let said = String::from_utf8_lossy(&said[..said.len().min(LONGEST_MESSAGE)]);
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            let how = format!("{} failed: {said}", decoder.name());
            Err(DecodeError::Failed(format!("damaged, or a variant that is not decoded: {how}")))
        }
    }
}

/// Most bytes that a program may write: samples of 16 bits with alpha, and what PNG adds to them.
fn most_bytes(task: Task) -> u64 {
    9 * task.pixels + (1 << 20)
}

/// Whether the process ended by a signal of the user, or of the system when memory or processor time ran out.
fn was_ended(status: ExitStatus) -> bool {
    #[cfg(unix)]
    let ended = matches!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(libc::SIGKILL | libc::SIGTERM | libc::SIGINT | libc::SIGHUP | libc::SIGQUIT | libc::SIGXCPU)
    );
    #[cfg(not(unix))]
    let ended = false;
    ended
}

/// Waits for the end of a process. None if it was ended because it took too long.
fn wait(mut child: Child, task: Task, longest: Duration) -> std::io::Result<Option<ExitStatus>> {
    limit(&child, task);
    let started = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(Some(status)),
            Ok(None) if started.elapsed() < longest => {}
            other => {
                child.kill()?;
                child.wait()?;
                return other.map(|_| None);
            }
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Limits the address space, the output and the processor time of a process.
#[cfg(target_os = "linux")]
fn limit(child: &Child, task: Task) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    let limits = [
        (Resource::As, task.memory.saturating_add(ADDRESSES)),
        (Resource::Fsize, most_bytes(task)),
        (Resource::Cpu, 4 * LONGEST.as_secs()),
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        // A process that has ended already cannot be limited.
        let _ = prlimit(Some(pid), resource, Rlimit { current: Some(most), maximum: Some(most) });
    }
}

#[cfg(not(target_os = "linux"))]
fn limit(_: &Child, _: Task) {}

/// The file that was written. If a file has several pictures, some versions write `output-1.jpg` and so on.
fn written(folder: &Path, output: &str) -> Option<PathBuf> {
    let (stem, ending) = output.split_once('.')?;
    let numbered = (1..=64).map(|number| folder.join(format!("{stem}-{number}.{ending}")));
    std::iter::once(folder.join(output)).chain(numbered).find(|file| file.is_file())
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
