//! Gallerist: photos go in, a durable gallery of face templates comes out, and a probe photo gets a
//! ranked candidate list and a decision.
//!
//! Data goes one way. [`image`] decodes a photo, [`face`] finds, aligns and grades the faces in it, [`encoder`] turns aligned faces into
//! [`template`]s, and [`ingest`] runs all of that on every core. A [`gallery`] keeps templates and searches them, [`fusion`] makes one
//! score of a person's templates, and [`decision`] turns candidate lists into answers. [`calibration`], [`audit`] and [`evaluation`] compute
//! error rates from searches that [`experiment`] runs; [`report`] shows them.
//!
//! # Who is in a photo
//!
//! Two people are enrolled from the bytes of a photo each, and another photo is looked up. The stand-in encoder needs no networks and knows
//! nobody; with a real model the lines are the same.
//!
//! ```
//! use gallerist::decision::{Certificate, Decision, Threshold, decide};
//! use gallerist::encoder::{Device, Engine, Model};
//! use gallerist::gallery::{EnrolledFace, Enrollment, Gallery, GraphWhen, Name, Person, Search};
//! use gallerist::ingest::{Finding, Options, look};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let photo = |person: &str| std::fs::read(format!("{}/tests/faces/{person}/neutral.jpg", env!("CARGO_MANIFEST_DIR"))).unwrap();
//! # let folder = tempfile::tempdir()?;
//! # let (folder, ada, grace) = (folder.path().join("gallery"), photo("001"), photo("003"));
//! let model = Model::find("stand-in")?;
//! let engine = Engine::load(&model, Device::Auto, false)?;
//! let gallery = Gallery::create(&folder, &model.binding(), GraphWhen::Never)?;
//! let options = Options::default();
//! for (name, bytes) in [("Ada", &ada), ("Grace", &grace)] {
//!     let seen = look(&engine, bytes, &options);
//!     let Finding::Faces(faces) = seen.finding else { return Err("no face".into()) };
//!     let person = Person::Named(Name::new(name)?);
//!     let enrolled = faces.into_iter().map(|face| EnrolledFace {
//!         person: person.clone(), template: face.template, provenance: face.provenance,
//!     });
//!     let (path, faces) = (format!("{name}.jpg").into(), Ok(enrolled.collect()));
//!     gallery.enroll(&[Enrollment { path, hash: seen.hash, settings: String::new(), faces }])?;
//! }
//!
//! let Finding::Faces(faces) = look(&engine, &ada, &options).finding else { return Err("no face".into()) };
//! let found = gallery.identify(&faces[0].template, 3, &Search::default())?;
//! let best = found.candidates.first().ok_or("the gallery is empty")?;
//! let threshold = Threshold::uncalibrated(gallery.binding()).ok_or("the model has no threshold")?;
//! let (decision, _) = decide(Some(best.score), &Certificate::of(&found, None), &threshold);
//! assert_eq!((decision, &*best.subject), (Decision::Match, "Ada"));
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

pub mod audit;
pub mod calibration;
pub mod cli;
pub mod decision;
pub mod encoder;
pub mod evaluation;
pub mod experiment;
pub mod face;
pub mod fusion;
pub mod gallery;
pub mod image;
pub mod ingest;
mod number;
pub mod report;
pub mod template;
pub mod vectors;
