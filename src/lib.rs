//! Gallerist enrolls photos into a durable gallery of face templates. For a probe photo it returns a ranked candidate list and a decision.
//!
//! Data flows in one direction. [`image`] decodes a photo. [`face`] finds, aligns and grades the faces in it. [`encoder`] makes
//! [`template`]s from aligned faces. [`ingest`] runs these steps on every core. A [`gallery`] stores templates and searches them.
//! [`fusion`] combines the scores of a subject's templates into one score. [`decision`] makes a decision from a candidate list.
//! [`calibration`], [`audit`] and [`evaluation`] compute error rates from the searches of [`experiment`]. [`report`] shows them. A
//! [`session`] does all of this for a program, with the requests and replies of [`reply`].
//!
//! # Example
//!
//! This enrolls two people from the bytes of one photo each, and identifies a photo. The stand-in encoder needs no networks, and its
//! templates only recognise the same photo; the code for a real model is the same.
//!
//! ```
//! use gallerist::encoder::Model;
//! use gallerist::gallery::{GraphWhen, Name, Person};
//! use gallerist::reply::{EngineRequest, IdentifyRequest, PhotoRequest, Reply};
//! use gallerist::session::Session;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let photo = |person: &str| std::fs::read(format!("{}/tests/faces/{person}/neutral.jpg", env!("CARGO_MANIFEST_DIR"))).unwrap();
//! # let folder = tempfile::tempdir()?;
//! # let (folder, ada, grace) = (folder.path().join("gallery"), photo("001"), photo("003"));
//! let binding = Model::find("stand-in")?.binding();
//! let session = Session::create(&folder, &binding, GraphWhen::Never, EngineRequest::default())?;
//! let photos = PhotoRequest::default();
//! for (name, bytes) in [("Ada", &ada), ("Grace", &grace)] {
//!     session.enroll_photo(bytes, format!("{name}.jpg"), &Person::Named(Name::new(name)?), &photos)?;
//! }
//!
//! let request = IdentifyRequest::default();
//! let policy = session.identification_policy(&request)?;
//! for reply in session.identify_photo(&ada, &photos, (&request, &policy))? {
//!     match reply {
//!         Reply::Identified(reply) => assert_eq!(reply.matches[0].subject, "Ada"),
//!         Reply::Refused(reply) => println!("no face: {:?}", reply.probe.reasons),
//!     }
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

pub mod audit;
pub mod authenticity;
pub mod calibration;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "server")]
pub mod client;
pub mod control;
pub mod decision;
pub mod dedup;
pub mod encoder;
pub mod evaluation;
pub mod experiment;
pub mod face;
pub mod fit;
pub mod fusion;
pub mod gallery;
pub mod image;
pub mod ingest;
mod number;
pub mod people;
pub mod reason;
pub mod reply;
pub mod report;
#[cfg(feature = "server")]
pub mod server;
pub mod session;
pub mod template;
pub mod train;
pub mod vectors;
