//! Thread pools for background work, and the check that threads can be started at all.

use std::io;
use std::path::Path;
use std::sync::LazyLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Context, Error};

/// Apart from those of searches, which would otherwise wait behind the building of a graph. `None`: the
/// system has none to give.
static POOL: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    let pool =
        ThreadPoolBuilder::new().thread_name(|number| format!("gallerist-background-{number}")).build();
    pool.inspect_err(|error| tracing::warn!(%error, "segments are written on the threads of searches")).ok()
});

/// What became of starting the threads that searches share, unless the program has started them already.
static SEARCHES: LazyLock<Option<i32>> = LazyLock::new(|| {
    let failed = ThreadPoolBuilder::new().build_global().err()?;
    // Without a reason of the system's, they are there.
    let reason = std::error::Error::source(&failed)?.downcast_ref::<io::Error>()?;
    Some(reason.raw_os_error().unwrap_or(libc::EAGAIN))
});

/// An error where the threads of searches could not be started: without them, searches and checks would end
/// the process.
pub(crate) fn expect_threads(path: &Path) -> Result<(), Error> {
    match *SEARCHES {
        None => Ok(()),
        Some(code) => {
            Err(io::Error::from_raw_os_error(code)).context(path, "starting the threads of searches")
        }
    }
}

/// What such work calls between its pieces; an error ends it.
pub(crate) type Tick<'a> = &'a (dyn Fn() -> Result<(), Error> + Sync);

/// Does something whose parallel parts are done by threads of the background.
pub(crate) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match &*POOL {
        Some(pool) => pool.install(work),
        None => work(),
    }
}
