//! `gallerist enroll --server`

use std::path::Path;

use anyhow::{Context, Result};

use crate::client::Client;
use crate::reply::{EnrollEvent, EnrollSummary};
use crate::session::{EnrollRequest, Progress};

/// Enrolls photos.
pub fn enroll(
    client: &Client<'_>,
    name: &Path,
    request: &EnrollRequest,
    progress: &dyn Fn(Progress),
    print: impl FnMut(EnrollEvent) -> Result<()>,
) -> Result<EnrollSummary> {
    let name = name.to_str().context("the name of a gallery on a server is UTF-8 text")?;
    client.enroll_photos(name, (&request.paths, &request.naming, &(&request.photos).into()), progress, print)
}
