//! `gallerist verify --server`

use std::path::PathBuf;

use anyhow::Result;

use crate::cli::Usage;
use crate::client::Client;
use crate::reply::{PhotoRequest, VerifiedFaces};
use crate::session::Verified;

/// Compares two photos with the model of a gallery. Without a name, the server has one gallery only.
pub fn verify(
    client: &Client<'_>,
    name: Option<&str>,
    photos: [PathBuf; 2],
    (threshold, request): (Option<f32>, &PhotoRequest),
) -> Result<Verified> {
    let gallery = match name {
        Some(name) => client.gallery(name)?,
        None => match <[_; 1]>::try_from(client.galleries()?.galleries) {
            Ok([only]) => only,
            Err(several) => {
                let names: Vec<&str> = several.iter().map(|one| one.gallery.as_str()).collect();
                return Err(Usage(format!("--gallery NAME is needed; the server has {}", listed(&names))).into());
            }
        },
    };
    Ok(match client.verify_photos(&gallery, photos, threshold, &request.into())? {
        VerifiedFaces::Compared(compared) => Verified::Compared(compared),
        VerifiedFaces::Refused { refused, .. } => Verified::Refused(refused),
    })
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "no gallery".into() } else { names.join(", ") }
}
