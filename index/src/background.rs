//! Threads for work that nobody waits for.

use std::sync::LazyLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::Error;

/// Apart from those of searches, which would otherwise wait behind the building of a graph. `None`: the system has none to give.
static POOL: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    let pool =
        ThreadPoolBuilder::new().thread_name(|number| format!("gallerist-background-{number}")).build();
    pool.inspect_err(|error| tracing::warn!(%error, "segments are written on the threads of searches")).ok()
});

/// What such work calls between its pieces; an error ends it.
pub(crate) type Tick<'a> = &'a (dyn Fn() -> Result<(), Error> + Sync);

/// Does something whose parallel parts are done by threads of the background.
pub(crate) fn run<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match &*POOL {
        Some(pool) => pool.install(work),
        None => work(),
    }
}
