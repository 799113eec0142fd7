//! Gallerist: photos go in, a durable gallery of face templates comes out, and a probe photo gets a
//! ranked candidate list and a decision.
//!
//! Data goes one way: [`image`] decodes a photo, [`face`] finds, aligns and grades the faces in it,
//! [`encoder`] turns aligned faces into [`template`]s.

pub mod encoder;
pub mod face;
pub mod image;
pub mod template;
