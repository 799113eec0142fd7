//! The options of a server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::reply::EngineRequest;
use crate::session::Guard;

/// A gallery to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedGallery {
    /// Its name in URLs: letters, digits, `.`, `_`, `-`; at most 64.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
}

impl ServedGallery {
    /// A gallery under a name.
    ///
    /// # Errors
    /// The name cannot be used in URLs. The error says what is expected.
    pub fn new(name: impl Into<String>, path: PathBuf) -> Result<Self, &'static str> {
        let name = name.into();
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        match (1..=64).contains(&name.len()) && is_plain && !name.starts_with('.') {
            true => Ok(Self { name, path }),
            false => Err("expected 1 to 64 letters, digits, `.`, `_` or `-`, not beginning with `.`"),
        }
    }
}

/// The certificate chain and the key of TLS, in PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// The limits of a server.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Open connections. More are closed at once.
    pub connections: usize,
    /// Time for the head of a request, from its first byte.
    pub head: Duration,
    /// Time that a connection may be open without a request.
    pub idle: Duration,
    /// Time for the body of a request.
    pub body: Duration,
    /// Time for the reply.
    pub reply: Duration,
    /// Bytes of the body of a request.
    pub body_bytes: usize,
    /// Bytes of all bodies at the same time.
    pub all_bodies: usize,
    /// Waiting requests for a search or a write, per gallery.
    pub queue: usize,
    /// Waiting photos.
    pub photos: usize,
    /// Pixels of a photo.
    pub pixels: u64,
    /// Memory for one photo in bytes.
    pub photo_memory: u64,
    /// Time for open requests when the server stops.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            head: Duration::from_secs(5),
            idle: Duration::from_secs(30),
            body: Duration::from_secs(30),
            reply: Duration::from_secs(30),
            body_bytes: 16 << 20,
            all_bodies: 512 << 20,
            queue: 1024,
            photos: 64,
            pixels: 64_000_000,
            photo_memory: 1 << 30,
            stop: Duration::from_secs(30),
        }
    }
}

/// The options of a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address.
    pub bind: SocketAddr,
    /// The galleries.
    pub galleries: Vec<ServedGallery>,
    /// Folder in which clients may make galleries. All galleries in it are served.
    pub root: Option<PathBuf>,
    /// TLS. An address other than loopback requires it.
    pub tls: Option<TlsFiles>,
    /// Names of this server in URLs, beside `localhost` and the address.
    pub hosts: Vec<String>,
    /// The file of tokens.
    pub tokens: PathBuf,
    /// Folder for backups. `None`: no backups.
    pub backups: Option<PathBuf>,
    /// Whether photos that are enrolled are kept, scaled down and without metadata.
    pub keep_photos: bool,
    /// The log of decisions.
    pub decision_log: Option<PathBuf>,
    /// The networks.
    pub engine: EngineRequest,
    /// The gate that judges the faces of probe photos.
    pub guard: Option<Arc<Guard>>,
    /// The limits.
    pub limits: Limits,
}
