//! `gallerist identify --server`

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::gallery;
use crate::cli::NothingUsable;
use crate::cli::rows::RowArguments;
use crate::cli::screen::Screen;
use crate::client::Client;
use crate::reply::{IdentifyRequest, PhotoRequest, Reply};
use crate::session::{Stopped, require_rows};

/// Identifies photos.
pub fn photos(
    client: &Client<'_>,
    (name, paths): (&Path, &[PathBuf]),
    (request, photos): (&IdentifyRequest, &PhotoRequest),
    print: impl FnMut(Reply) -> Result<()>,
) -> Result<Stopped> {
    client.identify_photos(&gallery(client, name)?, paths, &photos.into(), request, print)
}

/// Identifies the rows of a file. Returns also the number of invalid rows.
pub fn vectors(
    client: &Client<'_>,
    (name, path): (&Path, &Path),
    request: &IdentifyRequest,
    (rows, screen): (&RowArguments, Screen),
    print: impl FnMut(Reply) -> Result<()>,
) -> Result<(Stopped, u64)> {
    let gallery = gallery(client, name)?;
    let (file, left_out) = rows.open(path, screen)?;
    let left_out = left_out.len() as u64;
    if left_out == file.rows {
        return Err(NothingUsable(format!("{}: no probe in it is usable", path.display())).into());
    }
    require_rows(&file, &gallery.model)?;
    let looked_at = client.identify_rows(&gallery, &file, request, print)? + left_out;
    Ok((Stopped { looked_at, total: file.rows, unit: "input" }, left_out))
}
