//! Verbs that need a network go on in `gallerist-networks`, the program with libtorch in it.

use std::env::{args_os, current_exe, var, var_os};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Error, Result, anyhow, ensure};

use super::interrupt;
use crate::encoder::EncoderError;
use crate::session::SessionError;

const PROGRAM: &str = "gallerist-networks";

/// Differs when a source file does. From the build script.
const BUILD: &str = env!("GALLERIST_BUILD");

/// Names, in the environment, the build that went on as this program.
const BEGAN: &str = "GALLERIST_BEGAN";

/// How glibc's allocator keeps memory, unless the user says otherwise: blocks of up to 64 MiB and up to 256 MiB of free memory stay with the
/// process. Networks and decoders take and free megabytes for every photo; given back each time, the pages are cleared and
/// mapped anew, which took up to 9 % of an enrolment.
const MEMORY: [(&str, &str); 2] =
    [("MALLOC_MMAP_THRESHOLD_", "67108864"), ("MALLOC_TRIM_THRESHOLD_", "268435456")];

/// Whether a verb ended for want of networks in this process. Everything it had opened is closed again, and nothing was printed:
/// networks come first.
pub fn are_wanted(error: &Error) -> bool {
    let wanted = |cause: &EncoderError| matches!(cause, EncoderError::NoNetworks { .. });
    error.chain().any(|cause| match cause.downcast_ref() {
        Some(SessionError::Encoder(cause)) => wanted(cause),
        _ => cause.downcast_ref().is_some_and(wanted),
    })
}

/// Refuses to go on what another build of this program began: one of the two was built without the other.
pub fn agree() -> Result<()> {
    let began = var(BEGAN).unwrap_or_else(|_| BUILD.to_owned());
    ensure!(
        began == BUILD,
        "{PROGRAM} is of another build than gallerist; build both with `cargo build --release`, and copy both"
    );
    Ok(())
}

/// Whether `gallerist` goes on as this process: it kept the requests to end that came while libtorch was loaded.
pub fn go_on_here() -> bool {
    var(BEGAN).is_ok()
}

/// Replaces this process by the program that has networks, with the same arguments. Returns only if that cannot be done.
pub fn go_on() -> Error {
    let program = match program() {
        Ok(program) => program,
        Err(error) => return error,
    };
    let mut arguments = args_os();
    let name = arguments.next().unwrap_or_else(|| "gallerist".into());
    let memory = MEMORY.into_iter().filter(|(name, _)| var_os(name).is_none());
    interrupt::hold();
    let error = Command::new(&program).arg0(name).args(arguments).env(BEGAN, BUILD).envs(memory).exec();
    interrupt::release();
    Error::new(error).context(format!("{}: starting it", program.display()))
}

/// Beside this program, or where both were built, so that a program that is copied elsewhere on this machine goes on working.
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
