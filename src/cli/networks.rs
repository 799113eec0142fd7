//! The switch from `gallerist` to `gallerist-networks`, the program with libtorch, for commands that need networks.

use std::env::{args_os, current_exe, var, var_os};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Error, Result, anyhow, ensure};

use super::interrupt;
use crate::encoder::EncoderError;
use crate::session::{Session, SessionError};

const PROGRAM: &str = "gallerist-networks";

/// Identifies the source code. From the build script.
const BUILD: &str = env!("GALLERIST_BUILD");

/// Environment variable with the build that started this program.
const STARTED_BY: &str = "GALLERIST_STARTED_BY";

/// One of these exists where the driver of a CUDA device is loaded: on Linux, and in the Linux of Windows.
const DEVICES: [&str; 2] = ["/dev/nvidiactl", "/dev/dxg"];

/// Settings of glibc's allocator, unless the user has set them: the process keeps blocks of up to 64 MiB, and up to 256 MiB of free memory.
/// Networks and decoders allocate megabytes for every photo. If they were returned to the system each time, it would clear and map the
/// pages again, which took up to 9 % of the time of an enrollment.
const MEMORY: [(&str, &str); 2] =
    [("MALLOC_MMAP_THRESHOLD_", "67108864"), ("MALLOC_TRIM_THRESHOLD_", "268435456")];

/// Whether a command failed because this process has no networks. Then nothing is open and nothing was printed, because commands load
/// networks first.
pub fn are_missing(error: &Error) -> bool {
    let is_missing = |cause: &EncoderError| matches!(cause, EncoderError::NoNetworks { .. });
    error.chain().any(|cause| match cause.downcast_ref() {
        Some(SessionError::Encoder(cause)) => is_missing(cause),
        _ => cause.downcast_ref().is_some_and(is_missing),
    })
}

/// Refuses to continue the command of another build of this program, which happens if only one of the two programs was rebuilt.
pub fn require_same_build() -> Result<()> {
    let started_by = var(STARTED_BY).unwrap_or_else(|_| BUILD.to_owned());
    ensure!(
        started_by == BUILD,
        "{PROGRAM} is of another build than gallerist; build both with `cargo build --release`, and copy both"
    );
    Ok(())
}

/// Continues in the program with networks if a join of all templates is worth a device and this machine may have one. Without that program the
/// processor joins, unless a device was requested.
///
/// # Errors
/// [`EncoderError::NoNetworks`], with which the command is continued; the gallery failed.
pub fn require_for_join(session: &Session) -> Result<()> {
    let may_be_there = || DEVICES.iter().any(|file| Path::new(file).exists()) && program().is_ok();
    if session.lacks_products()? && may_be_there() {
        return Err(EncoderError::NoNetworks { model: "join".into() }.into());
    }
    Ok(())
}

/// Whether `gallerist` was replaced by this process. It blocked the signals while libtorch was loaded.
pub fn is_restarted() -> bool {
    var(STARTED_BY).is_ok()
}

/// Replaces this process by the program with networks, with the same arguments. Returns only on failure.
pub fn restart() -> Error {
    let program = match program() {
        Ok(program) => program,
        Err(error) => return error,
    };
    let mut arguments = args_os();
    let name = arguments.next().unwrap_or_else(|| "gallerist".into());
    let memory = MEMORY.into_iter().filter(|(name, _)| var_os(name).is_none());
    interrupt::block();
    let error = Command::new(&program).arg0(name).args(arguments).env(STARTED_BY, BUILD).envs(memory).exec();
    interrupt::unblock();
    Error::new(error).context(format!("{}: starting it", program.display()))
}

/// The path of the program: beside this one, or where both were built. So a copy of this program works on the machine of the build.
fn program() -> Result<PathBuf> {
    let own = current_exe().context("finding this program")?;
    let folders = [own.parent(), Some(Path::new(env!("GALLERIST_BUILT_IN")))];
    let found = folders.iter().flatten().map(|folder| folder.join(PROGRAM)).find(|program| program.is_file());
    found.ok_or_else(|| {
        anyhow!(
            "{} is not beside {}: networks run in it; build both with `cargo build --release`, and copy both",
            PROGRAM,
            own.display()
        )
    })
}
