//! Authenticity: whether a face belongs to a person in front of the camera, or is a picture of a picture or manipulated.
//!
//! The method is that of Korshunov and Marcel (arXiv 1812.08685): measures of image quality and a linear classifier. [`Measures`] are
//! computed for the region around a face: full-reference measures against a blurred copy, and no-reference measures of focus,
//! compression, noise, colour, texture and moire. One compares the face with its surroundings: the traces of an earlier compression,
//! which a face that was put into a photo has lost. A [`Gate`] is a logistic regression on the standardised measures with its threshold
//! and its error rates. [`fit()`] makes one from examples of both classes and measures it on people that it was not fitted to.
//!
//! # Limits
//!
//! A gate knows the cameras and the attacks that it was fitted to. The measures depend on the camera, the light, the compression and the
//! size of the face, so the error rates of a gate hold for photos that are taken like its examples and for no others. The traces of an
//! earlier compression are lost when a photo is scaled, turned or cut off the grid of its blocks, so a gate that was fitted to swapped
//! faces does not find those in such photos. A [`Judgement`] says whether the photo is unlike the examples. The authenticity of a face
//! says nothing about the identity of the person.
//!
//! # Error rates
//!
//! Those of ISO/IEC 30107-3, as [`ErrorRates`]: APCER, the share of the attacks that are accepted, and BPCER, the share of the genuine faces
//! that are refused, with 95 % intervals by a bootstrap over people.

mod classifier;
mod colour;
mod compression;
mod error_rates;
mod fit;
mod gate;
mod measures;
mod plane;
mod reference;
mod region;
mod sharpness;
mod spectrum;
#[cfg(test)]
mod tests;
mod texture;
mod unmeasured;

pub use error_rates::{ErrorRates, Rate, Trial};
pub use fit::{Example, FEWEST_FACES, FEWEST_PEOPLE, FitError, fit};
pub use gate::{BEGINNING, Class, Contribution, Document, FittedTo, Gate, Judgement, VERSION, Verdict};
pub use measures::{COUNT, MEASURES, Measure, Measures};
pub use unmeasured::Unmeasured;
