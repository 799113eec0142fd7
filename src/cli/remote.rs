//! Commands against a running server: arguments, and the client.

pub mod enroll;
pub mod identify;
pub mod verify;

use std::env::var_os;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use super::screen::print_error;
use super::{Usage, interrupt};
use crate::client::{Client, ClientError, Server};
use crate::reply::GalleryShown;

/// The variable with the token.
const TOKEN: &str = "GALLERIST_TOKEN";

/// A server that does the work.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub struct ServerArguments {
    /// Ask a running `gallerist serve` at this URL, which has its own networks and limits. The gallery is given by its name there. The token
    /// is read from the environment variable GALLERIST_TOKEN or from --token-file
    #[arg(
        long,
        value_name = "URL",
        conflicts_with_all = [
            "model", "detector", "accept_licence", "trust_model_code", "device", "max_pixels", "max_file", "max_memory", "workers",
        ]
    )]
    server: Option<String>,
    /// File with the token for --server
    #[arg(long, value_name = "FILE", requires = "server")]
    token_file: Option<PathBuf>,
    /// Certificates of the authority that the server's certificate is of, in PEM [default: the public authorities]
    #[arg(long, value_name = "FILE.pem", requires = "server")]
    ca: Option<PathBuf>,
}

impl ServerArguments {
    /// A client of the server, if one is given.
    pub fn client(&self) -> Result<Option<Client<'static>>> {
        let Some(url) = &self.server else { return Ok(None) };
        let server = Server { url: url.clone(), token: self.token()?, authority: self.ca.clone() };
        Ok(Some(Client::new(&server, &|notice| print_error(notice), interrupt::stop_flag())?))
    }

    fn token(&self) -> Result<String> {
        if let Some(file) = &self.token_file {
            let text =
                fs::read_to_string(file).with_context(|| format!("--token-file {}", file.display()))?;
            return Ok(text.trim().to_owned());
        }
        let token = var_os(TOKEN).and_then(|token| token.into_string().ok()).unwrap_or_default();
        if token.trim().is_empty() {
            return Err(
                Usage(format!("--server needs a token: set {TOKEN}, or give --token-file FILE")).into()
            );
        }
        Ok(token.trim().to_owned())
    }
}

/// The gallery with this name on the server.
fn gallery(client: &Client<'_>, name: &Path) -> Result<GalleryShown> {
    let name = name.to_str().context("the name of a gallery on a server is UTF-8 text")?;
    Ok(client.gallery(name)?)
}

/// Advice for an error of the client; `None` if there is none.
pub fn advice(error: &ClientError) -> Option<String> {
    Some(match error {
        ClientError::Untrusted { reason, .. } if reason.contains("known authority") => {
            "--ca FILE.pem states a private authority".into()
        }
        ClientError::Problem { problem, .. } => match problem.code.as_str() {
            "unauthorized" => format!(
                "{TOKEN} or --token-file gives a token; `gallerist token make` makes one on the server"
            ),
            "templates_only" => "use `identify --vectors`".into(),
            "not_calibrated" => "calibrate it there, or give a threshold with --threshold".into(),
            "unknown_gallery" => "with --server the gallery is given by its name there".into(),
            _ => return None,
        },
        _ => return None,
    })
}
