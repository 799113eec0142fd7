//! The HTTP client of a server of galleries: identification, enrollment and verification of photos and templates on another machine.
//!
//! ```text
//! paths --walk--> photos --batch--> requests --HTTP--> server
//!                                                        |
//! sink <---- replies with the paths put back <-----------+
//! ```
//!
//! The functions have the shape of those of a [`session`](crate::session) and give the same replies, so that a program can print both in
//! the same way. Photos are sent as they are, several in a request. A request that the server refuses for a while (429, 503) and a broken
//! connection are tried again; an enrollment has an idempotency key, so that a second try has no further effect.
//!
//! The module knows nothing of galleries, arguments or terminals. It sends a token only over TLS or to this machine.

mod batch;
mod connection;
mod enroll;
mod error;
mod form;
mod identify;
mod verify;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::reply::{
    EnrollFaces, EnrolledFaces, FaceOptions, GalleriesListed, GalleryShown, IdentifiedFaces, IdentifyFaces, VERSION,
    VerifiedFaces,
};
use connection::{Connection, Request};
pub use error::{ClientError, Result};
use form::{Form, random};

/// Where a server is, and who asks.
#[derive(Clone)]
pub struct Server {
    /// `http://HOST:PORT` on this machine, or `https://HOST`.
    pub url: String,
    /// The token.
    pub token: String,
    /// A PEM file with the certificates of the authority that the server's certificate is of. `None`: the public authorities.
    pub authority: Option<PathBuf>,
}

/// A client of a server.
pub struct Client<'a> {
    connection: Connection<'a>,
    stop: &'a AtomicBool,
    /// Part of the idempotency keys. A later run must not get the replies of an earlier one: the gallery may have changed in between.
    run: String,
}

impl<'a> Client<'a> {
    /// A client. `notice` gets a message before each wait. `stop` ends waits, and operations after the running request.
    ///
    /// # Errors
    /// The URL, the token or the certificates cannot be used.
    pub fn new(server: &Server, notice: &'a dyn Fn(&str), stop: &'a AtomicBool) -> Result<Self> {
        Ok(Self { connection: Connection::new(server, notice, stop)?, stop, run: random()? })
    }

    /// The served galleries.
    ///
    /// # Errors
    /// The server cannot be reached, or refused the request.
    pub fn galleries(&self) -> Result<GalleriesListed> {
        self.connection.send(&Request { path: "/v1/galleries".into(), body: None, key: None })
    }

    /// A gallery: its model and its size.
    ///
    /// # Errors
    /// As [`galleries`](Self::galleries); the server is of another version.
    pub fn gallery(&self, name: &str) -> Result<GalleryShown> {
        let path = format!("/v1/galleries/{}", encoded(name));
        let shown: GalleryShown = self.connection.send(&Request { path, body: None, key: None })?;
        if shown.version != VERSION {
            let what = format!("the server has version {} of the replies, this program {VERSION}", shown.version);
            return Err(ClientError::Input(what));
        }
        Ok(shown)
    }

    /// Identifies the faces in photos. `probe.row` in the replies is the position of the photo. The probes of `request` are not used.
    ///
    /// # Errors
    /// As [`galleries`](Self::galleries).
    pub fn identify(&self, gallery: &str, photos: &[&[u8]], request: &IdentifyFaces) -> Result<IdentifiedFaces> {
        let mut form = Form::new(photos.iter().map(|photo| photo.len() + 256).sum())?;
        form.text("request", &without(request, "probes")?);
        photos.iter().for_each(|photo| form.bytes("image", photo));
        self.post(gallery, "identify", form.finish(), None)
    }

    /// Identifies the probes of a request.
    ///
    /// # Errors
    /// As [`galleries`](Self::galleries).
    pub fn identify_templates(&self, gallery: &str, request: &IdentifyFaces) -> Result<IdentifiedFaces> {
        let body = serde_json::to_vec(request).map_err(|error| ClientError::Input(error.to_string()))?;
        self.post(gallery, "identify", ("application/json".into(), body), None)
    }

    /// Enrolls photos, each with the name of its subject. The faces of `request` are not used.
    ///
    /// # Errors
    /// As [`galleries`](Self::galleries). If no photo gave a template, the problem contains the result for each.
    pub fn enroll(&self, gallery: &str, photos: &[(&str, &[u8])], request: &EnrollFaces) -> Result<EnrolledFaces> {
        let mut form = Form::new(photos.iter().map(|(name, photo)| name.len() + photo.len() + 512).sum())?;
        form.text("request", &without(request, "faces")?);
        let mut hash = Sha256::new();
        for (name, photo) in photos {
            form.text("subject", name);
            form.bytes("image", photo);
            for part in [name.as_bytes(), photo] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        self.post(gallery, "faces", form.finish(), Some(format!("{}-{hash}", self.run)))
    }

    /// Compares the largest faces of two photos.
    ///
    /// # Errors
    /// As [`galleries`](Self::galleries).
    pub fn verify(
        &self,
        gallery: &str,
        [a, b]: [&[u8]; 2],
        threshold: Option<f32>,
        photos: &FaceOptions,
    ) -> Result<VerifiedFaces> {
        let mut form = Form::new(a.len() + b.len())?;
        form.text("request", &serde_json::json!({ "threshold": threshold, "photos": photos }).to_string());
        form.bytes("a", a);
        form.bytes("b", b);
        self.post(gallery, "verify", form.finish(), None)
    }

    fn post<T: serde::de::DeserializeOwned>(
        &self,
        gallery: &str,
        operation: &str,
        body: (String, Vec<u8>),
        key: Option<String>,
    ) -> Result<T> {
        let path = format!("/v1/galleries/{}/{operation}", encoded(gallery));
        self.connection.send(&Request { path, body: Some(body), key })
    }
}

/// The JSON of a request without one of its fields.
fn without(request: &impl Serialize, field: &str) -> Result<String> {
    let mut value = serde_json::to_value(request).map_err(|error| ClientError::Input(error.to_string()))?;
    if let Some(fields) = value.as_object_mut() {
        fields.remove(field);
    }
    Ok(value.to_string())
}

/// A name as a part of a path.
fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~".contains(&byte);
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_part_of_a_path() {
        assert_eq!(encoded("faces-2_a"), "faces-2_a");
        assert_eq!(encoded("../a b?ü#"), "%2E%2E%2Fa%20b%3F%C3%BC%23");
    }

    #[test]
    fn a_form_has_the_other_fields_of_the_request() {
        let request = IdentifyFaces::from(crate::reply::IdentifyRequest { top_k: 7, ..Default::default() });
        let fields: serde_json::Value = serde_json::from_str(&without(&request, "probes").unwrap()).unwrap();
        assert_eq!((&fields["top_k"], &fields["probes"]), (&serde_json::json!(7), &serde_json::Value::Null));
    }
}
