//! Sequential JPEG files with one scan per component. zune-jpeg 0.5.15 decodes them to wrong pixels if rows are
//! subsampled (its issues 419 and 422). A scan of one component is itself a grey JPEG, which zune-jpeg decodes correctly.
//! This module decodes each component and combines the planes.

use zune_jpeg::zune_core::colorspace::ColorSpace;

use super::super::{DecodeError, room_for};
use super::{Colour, Component, END, Frame, Outline, Part, START, huffman, raw};

/// The samples of one component.
struct Plane {
    width: usize,
    samples: Vec<u8>,
    across: usize,
    down: usize,
}

/// RGB of a file with one scan per component. `filling` follows each scan.
pub(super) fn pixels(outline: &Outline<'_>, filling: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let frame = &outline.frame;
    if !matches!(frame.colour, Colour::YCbCr | Colour::Rgb) {
        return Err(unsupported());
    }
    let planes =
        (0..3).map(|number| plane(outline, number, filling)).collect::<Result<Vec<_>, DecodeError>>()?;
    let most = |side: fn(&Component) -> u8| frame.components.iter().map(side).max().map_or(1, usize::from);
    let (most_across, most_down) = (most(|one| one.horizontal), most(|one| one.vertical));
    let (width, height) = (usize::from(frame.width), usize::from(frame.height));
    let mut pixels = room_for(3 * (width * height) as u64)?;
    for y in 0..height {
        for x in 0..width {
            let sample = |plane: &Plane| {
                let rows = plane.samples.len() / plane.width;
                plane.between(
                    place(x, plane.across, most_across, plane.width),
                    place(y, plane.down, most_down, rows),
                )
            };
            let values = [sample(&planes[0]), sample(&planes[1]), sample(&planes[2])];
            pixels.extend(if frame.colour == Colour::Rgb { values } else { rgb(values) });
        }
    }
    Ok(pixels)
}

/// The place of pixel `at` among the `count` samples of a plane that has `factor` samples for every `most` pixels: the previous sample
/// and the distance from it.
fn place(at: usize, factor: usize, most: usize, count: usize) -> (usize, f32) {
    let place = ((at as f32 + 0.5) * factor as f32 / most as f32 - 0.5).clamp(0.0, (count - 1) as f32);
    (place as usize, place.fract())
}

impl Plane {
    /// The interpolated value between four samples.
    fn between(&self, (x, right): (usize, f32), (y, below): (usize, f32)) -> u8 {
        let sample = |x: usize, y: usize| {
            let at = y * self.width + x.min(self.width - 1);
            f32::from(self.samples.get(at).or(self.samples.last()).copied().unwrap_or(128))
        };
        let row = |y: usize| sample(x, y) * (1.0 - right) + sample(x + 1, y) * right;
        (row(y) * (1.0 - below) + row(y + 1) * below).round() as u8
    }
}

fn unsupported() -> DecodeError {
    super::walk::unsupported("JPEG with scans of some of its components")
}

/// Decodes the scan of one component as a grey picture.
fn plane(outline: &Outline<'_>, number: usize, filling: &[u8]) -> Result<Plane, DecodeError> {
    let frame = &outline.frame;
    let component = frame.components[number];
    let most = |side: fn(&Component) -> u8| frame.components.iter().map(side).max().map_or(1, u32::from);
    let side =
        |whole: u16, factor: u8, most: u32| (u32::from(whole) * u32::from(factor)).div_ceil(most) as u16;
    let grey = Frame {
        progressive: false,
        width: side(frame.width, component.horizontal, most(|one| one.horizontal)),
        height: side(frame.height, component.vertical, most(|one| one.vertical)),
        components: vec![Component { horizontal: 1, vertical: 1, ..component }],
        colour: Colour::Grey,
    };
    let mut file = START.to_vec();
    file.extend(huffman::standard_tables());
    for part in &outline.parts {
        match part {
            Part::Segment(segment) => file.extend(*segment),
            Part::Frame => file.extend(grey.written()),
            Part::Scan(header, _) if header.first() != Some(&1) => return Err(unsupported()),
            Part::Scan(header, data) if header.get(1) == Some(&component.id) => {
                file.extend(grey.scan_header(header)?);
                file.extend(*data);
                file.extend(filling);
                file.extend(END);
                let samples = raw(&file, (grey.width, grey.height), ColorSpace::Luma)?;
                let (across, down) = (component.horizontal.into(), component.vertical.into());
                return Ok(Plane { width: grey.width.into(), samples, across, down });
            }
            Part::Scan(..) => {}
        }
    }
    Err(DecodeError::Failed("truncated JPEG: a component is missing".into()))
}

/// The conversion of JFIF.
fn rgb([luma, blue, red]: [u8; 3]) -> [u8; 3] {
    let (luma, blue, red) = (f32::from(luma), f32::from(blue) - 128.0, f32::from(red) - 128.0);
    let green = luma - 0.344_136 * blue - 0.714_136 * red;
    [luma + 1.402 * red, green, luma + 1.772 * blue].map(|value| value.round() as u8)
}
