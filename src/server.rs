//! The HTTP server: look-ups, enrollments and everything else that a [`session`](crate::session) does, for programs and for a page in a
//! browser.
//!
//! ```text
//! connection --> guard --------------> api ------------------> reply
//!                host, origin, token,  photos --> pool ----+
//!                scope, rate, body     templates ----------+--> searcher: one pass for concurrent probes
//!                                                          +--> enroller: one sync for concurrent faces
//!                                      long operations ------> jobs
//! ```
//!
//! `route` has one table of all operations. The router, the scopes and the OpenAPI document come from it. Searches, writes and photos have
//! threads of their own with bounded queues. When a queue is full, a request is refused at once with 429.
//!
//! # Security
//!
//! Every operation needs a token, also on the loopback interface; only the page, the OpenAPI document and the two health checks do not. An
//! address other than loopback requires TLS. Requests with another `Host`, or from a page of another origin, are refused, and there is no
//! CORS. The server opens no URL and no path that a request names. Photos are not kept unless the owner asks for it.

mod access;
mod api;
mod app;
mod call;
mod decision_log;
mod enroller;
mod guard;
mod head_timer;
mod idempotency;
mod input;
mod job;
mod listen;
mod metrics;
mod openapi;
mod options;
mod page;
mod photo;
mod pool;
mod problem;
mod route;
mod searcher;
mod served;
pub mod token;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;

pub use openapi::document;
pub use options::{Limits, Options, ServedGallery, TlsFiles};

use crate::session::SessionError;
use app::App;
use listen::Listener;
use token::TokenError;

/// An error of a server.
#[derive(Debug, Error)]
pub enum ServeError {
    /// A gallery or its networks cannot be used.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The tokens cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Two galleries have the same name.
    #[error("two galleries have the name {0:?}; give one of them another name")]
    SameName(String),
    /// The address needs TLS.
    #[error("{0} is reachable from other machines, so the server needs a certificate and a key for TLS")]
    NeedsTls(SocketAddr),
    /// The address cannot be used.
    #[error("{bind}: listening: {source}")]
    Bind {
        /// The address.
        bind: SocketAddr,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The certificate or the key cannot be used.
    #[error("{}: {what}", certificate.display())]
    Tls {
        /// The certificate.
        certificate: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The log of decisions cannot be used.
    #[error("{}: {source}", path.display())]
    DecisionLog {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: std::io::Error,
    },
    /// The system starts no thread.
    #[error("starting a thread: {0}")]
    Thread(std::io::Error),
}

/// Serves until `stop` is called. `listening` is called with the address as soon as connections are accepted, and with `true` when the
/// server is ready.
///
/// # Errors
/// A gallery cannot be opened; the address cannot be used; the networks cannot be loaded.
pub fn serve(
    options: Options,
    wait: Duration,
    stop: impl Future<Output = ()> + Send + 'static,
    listening: &dyn Fn(SocketAddr, bool),
) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("http").build();
    let runtime = runtime.map_err(ServeError::Thread)?;
    runtime.block_on(async move {
        let listener = Listener::open(options.bind, options.tls.as_ref()).await?;
        let bind = options.bind;
        let address = listener.address().map_err(|source| ServeError::Bind { bind, source })?;
        let app = Arc::new(App::open(options, wait)?);
        let router = api::router(&app);
        let (stopping, stopped) = watch::channel(false);
        listening(address, false);
        let serving = tokio::spawn(listener.serve(Arc::clone(&app), router, stopped));
        let warming = Arc::clone(&app);
        let warm = tokio::task::spawn_blocking(move || warming.warm());
        warm.await.map_err(|error| ServeError::Thread(error.into()))??;
        api::resume_erasures(&app);
        listening(address, true);
        stop.await;
        let _ = stopping.send(true);
        let _ = serving.await;
        app.finish(Duration::from_secs(10)).await;
        Ok(())
    })
}
