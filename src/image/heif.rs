//! HEIF: photos of phones as HEIC, and AVIF. An installed program decodes them.
//!
//! This module reads the boxes, checks the size of the picture before the program is started, and reads what the program wrote. The
//! program applies the rotation in the boxes. The orientation in EXIF must be ignored in this format.

mod items;
mod program;

use image::metadata::Orientation;

use super::annotations::Annotations;
use super::boxes::Boxes;
use super::{DecodeError, Photo, Still, jpeg, png};
use items::Items;
pub use program::programs;

/// What is asked of the program.
#[derive(Debug, Clone, Copy)]
struct Task {
    is_avif: bool,
    items: Items,
    pixels: u64,
    /// Memory for everything, in bytes.
    memory: u64,
}

/// A file whose boxes were read.
#[derive(Debug)]
pub(super) struct Outline<'a> {
    bytes: &'a [u8],
    items: Items,
    is_avif: bool,
    annotations: Annotations<'a>,
}

/// Reads the boxes.
pub(super) fn inspect(bytes: &[u8], is_avif: bool) -> Result<Outline<'_>, DecodeError> {
    let (items, mut annotations) = items::read(bytes)?;
    annotations.container = Some(Orientation::NoTransforms);
    Ok(Outline { bytes, items, is_avif, annotations })
}

impl Outline<'_> {
    fn pixels(&self) -> u64 {
        u64::from(self.items.size.0) * u64::from(self.items.size.1)
    }
}

impl<'a> Still<'a> for Outline<'a> {
    fn size(&self) -> (u32, u32) {
        self.items.size
    }

    /// The planes and the output of the program, or the file that it wrote, its copy, its pixels and RGB here.
    fn memory(&self) -> u64 {
        let bytes: u64 = if self.items.is_deep { 40 } else { 24 };
        bytes.saturating_mul(self.pixels()).saturating_add(64 << 20)
    }

    fn check(&self) -> Result<(), DecodeError> {
        program::check(self.is_avif)
    }

    fn annotations(&self) -> &Annotations<'a> {
        &self.annotations
    }

    /// The video of a motion photo is in a box of its own.
    fn holds_more(&self) -> bool {
        Boxes(self.bytes).any(|one| &one.kind == b"mpvd")
    }

    fn decode(self: Box<Self>, memory: u64) -> Result<Photo, DecodeError> {
        let task = Task { is_avif: self.is_avif, items: self.items, pixels: self.pixels(), memory };
        picture(&program::run(self.bytes, task)?, self.annotations, task)
    }
}

/// The picture that a program wrote. The orientation and the profile are those of the boxes, whatever the program copied.
fn picture(written: &[u8], annotations: Annotations<'_>, task: Task) -> Result<Photo, DecodeError> {
    let still: Box<dyn Still<'_> + '_> = match written.starts_with(&[0xff, 0xd8]) {
        true => {
            let mut outline = jpeg::inspect(written)?;
            outline.annotations = annotations;
            Box::new(outline)
        }
        false => {
            let mut outline = png::inspect(written)?;
            outline.annotations = annotations;
            Box::new(outline)
        }
    };
    if !(1..=task.pixels).contains(&still.pixels_of_header()) {
        return Err(DecodeError::Failed("damaged HEIF: its picture is larger than its boxes say".into()));
    }
    still.check()?;
    still.decode(task.memory)
}
