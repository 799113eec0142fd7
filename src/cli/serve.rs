//! `gallerist serve`

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;

use super::authentic::GateArguments;
use super::engine::EngineArguments;
use super::screen::Screen;
use super::{ExitStatus, Usage, interrupt, opening, token};
use crate::server::token::{NewToken, Scope, make, read};
use crate::server::{Limits, Options, ServeError, ServedGallery, TlsFiles, serve};

/// Serve galleries over HTTP, with a page for browsers at `/` and an OpenAPI document at `/openapi.json`. The first start makes a token and
/// prints it once. SIGINT or SIGTERM finishes the requests that were accepted, and ends the server.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Galleries to serve, each under the name of its folder or under a name of yours
    #[arg(value_name = "GALLERY|NAME=GALLERY", required_unless_present = "root")]
    galleries: Vec<String>,
    /// Address and port. An address other than loopback needs TLS
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7878")]
    bind: SocketAddr,
    /// Also serve all galleries in this folder, and let clients with the scope `admin` make and drop galleries in it
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Certificate chain for TLS, in PEM
    #[arg(long, value_name = "FILE.pem", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Private key for TLS, in PEM
    #[arg(long, value_name = "FILE.pem", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// A name of this server in URLs, beside localhost and the address; may be given several times
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// The file with the hashes of the tokens [default: gallerist/tokens.json in the user's state folder]
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// Folder for the backups that clients with the scope `admin` may start
    #[arg(long, value_name = "DIR")]
    backups: Option<PathBuf>,
    /// Keep photos that are enrolled over HTTP: scaled down, upright, without metadata. They are erased with their subjects
    #[arg(long)]
    keep_photos: bool,
    /// Log every decision to this file: who asked, what the decision was, and about whom. It contains no photos, templates or names
    #[arg(long, value_name = "FILE.jsonl")]
    decision_log: Option<PathBuf>,
    /// Most open connections
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections, help_heading = "Limits")]
    max_connections: usize,
    /// Most requests that wait for a search or a write, for each gallery. More are refused with 429
    #[arg(long, value_name = "N", default_value_t = Limits::default().queue, help_heading = "Limits")]
    queue: usize,
    /// Most photos that wait or are processed. Requests with more are refused with 429
    #[arg(long, value_name = "N", default_value_t = Limits::default().photos, help_heading = "Limits")]
    photo_queue: usize,
    /// Most bytes of a request
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().body_bytes, help_heading = "Limits")]
    max_body: usize,
    #[command(flatten)]
    gate: GateArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let options = arguments.options()?;
    let bind = options.bind;
    let tls = options.tls.is_some();
    prepare_process();
    let stop = interrupt::stop_flag();
    let stopped = async move {
        while !stop.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let names: Vec<String> = options.galleries.iter().map(|gallery| gallery.name.clone()).collect();
    let tokens = options.tokens.clone();
    let print = |address: SocketAddr, is_ready: bool| {
        let base = format!("{}://{}", if tls { "https" } else { "http" }, address);
        let printed = match is_ready {
            false => announce(screen, &base, &names, &tokens),
            true => screen
                .json(&serde_json::json!({ "event": "ready" }))
                .map_err(Into::into)
                .and_then(|()| Ok(screen.text("ready")?)),
        };
        if let Err(error) = printed {
            tracing::warn!(%error, "the standard output failed");
        }
    };
    serve(options, opening::wait(), stopped, &print).map_err(|error| match error {
        ServeError::Session(error) => anyhow::Error::new(error),
        ServeError::NeedsTls(_) => anyhow::Error::new(error).context(format!("--bind {bind}")),
        other => other.into(),
    })?;
    screen.text("stopped")?;
    Ok(ExitStatus::Done)
}

/// Prints the address, and the token of the first start.
fn announce(screen: Screen, base: &str, names: &[String], tokens: &Path) -> Result<()> {
    let galleries = match names {
        [] => "no gallery yet".to_owned(),
        [one] => format!("gallery {one}"),
        several => format!("{} galleries: {}", several.len(), several.join(", ")),
    };
    screen.text(format!("serving at {base}: {galleries}"))?;
    let token = first_token(tokens)?;
    match &token {
        Some(token) => {
            screen.text(format!("open {base}/#token={token}"))?;
            screen.text("this token is shown once; `gallerist token` makes and removes others")?;
        }
        None => screen.text(format!("open {base}/ and use your token"))?,
    }
    Ok(screen
        .json(&serde_json::json!({ "event": "serving", "url": base, "galleries": names, "token": token }))?)
}

/// A token with all scopes, if there is no token yet.
fn first_token(file: &Path) -> Result<Option<String>> {
    if !read(file)?.is_empty() {
        return Ok(None);
    }
    let new = NewToken { name: "owner".into(), scope: Scope::Admin, scores: true, rate: None };
    Ok(Some(make(file, new)?))
}

impl Arguments {
    fn options(&self) -> Result<Options> {
        let tls = self.tls_certificate.clone().zip(self.tls_key.clone());
        if !self.bind.ip().is_loopback() && tls.is_none() {
            let what = "is reachable from other machines, so it needs --tls-certificate and --tls-key";
            return Err(Usage(format!("--bind {} {what}", self.bind)).into());
        }
        if let Some(folder) = &self.backups {
            ensure!(folder.is_dir(), "{}: not a folder; --backups needs one", folder.display());
        }
        Ok(Options {
            bind: self.bind,
            galleries: self.galleries()?,
            root: self.root.clone(),
            tls: tls.map(|(certificate, key)| TlsFiles { certificate, key }),
            hosts: self.hosts.clone(),
            tokens: token::file(self.tokens.as_deref())?,
            backups: self.backups.clone(),
            keep_photos: self.keep_photos,
            decision_log: self.decision_log.clone(),
            engine: self.engine.request(),
            guard: self.gate.guard()?,
            limits: Limits {
                connections: self.max_connections.max(1),
                queue: self.queue.max(1),
                photos: self.photo_queue.max(1),
                body_bytes: self.max_body.max(1024),
                ..Limits::default()
            },
        })
    }

    /// The given galleries, and those in the root.
    fn galleries(&self) -> Result<Vec<ServedGallery>> {
        let mut galleries = Vec::new();
        for given in &self.galleries {
            let (name, path) = match given.split_once('=') {
                Some((name, path)) if !Path::new(given).exists() => (name.to_owned(), PathBuf::from(path)),
                _ => (name_of(Path::new(given))?, PathBuf::from(given)),
            };
            galleries.push(served(name, path)?);
        }
        if let Some(root) = &self.root {
            let folders = root.read_dir().with_context(|| format!("--root {}", root.display()))?;
            for folder in folders {
                let path = folder?.path();
                if path.join("catalog.sqlite").is_file() {
                    galleries.push(served(name_of(&path)?, path)?);
                }
            }
        }
        Ok(galleries)
    }
}

/// The name of a folder.
fn name_of(path: &Path) -> Result<String> {
    let real = path.canonicalize().with_context(|| path.display().to_string())?;
    let name = real.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    name.with_context(|| format!("{}: its name is not text; use NAME={}", path.display(), path.display()))
}

fn served(name: String, path: PathBuf) -> Result<ServedGallery> {
    let refused =
        |reason| anyhow!("{name:?} cannot be used in URLs: {reason}; give another name: NAME=GALLERY");
    ServedGallery::new(name.clone(), path).map_err(refused)
}

/// Allows as many connections as the system does, and keeps other processes of the user from reading the memory.
fn prepare_process() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
            tracing::warn!(%error, "the limit on open files stays as it is");
        }
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        tracing::warn!(%error, "core dumps stay possible");
    }
}
