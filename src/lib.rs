//! Gallerist: photos go in, a durable gallery of face templates comes out, and a probe photo gets a
//! ranked candidate list and a decision.
//!
//! Data goes one way. [`image`] decodes a photo, [`face`] finds, aligns and grades the faces in it, [`encoder`] turns aligned faces into
//! [`template`]s, and [`ingest`] runs all of that on every core. A [`gallery`] keeps templates and searches them, [`fusion`] makes one
//! score of a person's templates, and [`decision`] turns candidate lists into answers. [`calibration`], [`audit`] and [`evaluation`] compute
//! error rates from searches that [`experiment`] runs; [`report`] shows them.

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
