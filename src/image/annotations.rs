//! What a file says about its picture: EXIF, XMP and the colour profile.

use image::metadata::Orientation;

use super::profile::Profile;
use super::{exif, xmp};

/// The parts of a file that describe its picture, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Annotations<'a> {
    /// EXIF blocks.
    pub exif: Vec<&'a [u8]>,
    /// XMP packets.
    pub xmp: Vec<&'a [u8]>,
    /// The colour profile.
    pub profile: Profile<'a>,
    /// The orientation that the container states instead of EXIF.
    pub container: Option<Orientation>,
}

impl Annotations<'_> {
    /// The orientation: that of the container, else the first in EXIF, else the first in XMP.
    pub fn orientation(&self) -> Option<Orientation> {
        let xmp = |packet: &&[u8]| exif::of_number(xmp::value(packet, "tiff:Orientation")?.parse().ok()?);
        self.container
            .or_else(|| self.exif.iter().find_map(|block| exif::orientation(block)))
            .or_else(|| self.xmp.iter().find_map(xmp))
    }
}
