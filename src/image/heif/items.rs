//! The items of a HEIF file (ISO/IEC 23008-12) as far as they are needed: the size of the picture, what changes it, and its descriptions.

use super::super::annotations::Annotations;
use super::super::boxes::{Boxes, Numbers};
use super::super::profile::Profile;
use super::DecodeError;

/// What the boxes say about the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Items {
    /// Width and height of the largest picture, before rotation.
    pub size: (u32, u32),
    /// Whether samples may have more than 8 bits.
    pub is_deep: bool,
    /// Whether the displayed picture is rotated, mirrored or cut.
    pub is_transformed: bool,
    /// Whether the planes of colour are as large as that of luma, or half as large in one direction.
    pub has_full_chroma: bool,
    /// Whether there is a plane of alpha.
    pub has_alpha: bool,
}

/// A part of the file that belongs to an item.
struct Extent {
    item: u64,
    /// 0: of the file, 1: of the box with data.
    method: u64,
    offset: u64,
    length: u64,
}

fn damaged(what: &str) -> DecodeError {
    DecodeError::Failed(format!("damaged or truncated HEIF: {what}"))
}

/// Reads the boxes. Refuses a file that ends before the end of its data.
pub(super) fn read(bytes: &[u8]) -> Result<(Items, Annotations<'_>), DecodeError> {
    if let Some(cut) = Boxes(bytes).find(|one| !one.whole) {
        return Err(damaged(&format!("it ends within its {} box", cut.kind.escape_ascii())));
    }
    let meta = Boxes(bytes).body(b"meta").and_then(|body| body.get(4..));
    let meta = Boxes(meta.ok_or_else(|| damaged("it has no items"))?);
    let properties = meta.clone().body(b"iprp").unwrap_or_default();
    let container = Boxes(Boxes(properties).body(b"ipco").unwrap_or_default());
    let primary = meta.clone().body(b"pitm").and_then(primary);
    let of_primary: Vec<usize> = Boxes(properties)
        .filter(|one| &one.kind == b"ipma")
        .filter_map(|one| associations(one.body, primary?))
        .flatten()
        .collect();

    let mut items = Items::default();
    let mut annotations = Annotations::default();
    let mut profiles = Vec::new();
    for (number, property) in (1..).zip(container) {
        let is_primary = of_primary.contains(&number);
        match (&property.kind, property.body) {
            (b"ispe", [_, _, _, _, a, b, c, d, e, f, g, h, ..]) => {
                let size = (u32::from_be_bytes([*a, *b, *c, *d]), u32::from_be_bytes([*e, *f, *g, *h]));
                let pixels = |size: (u32, u32)| u64::from(size.0) * u64::from(size.1);
                if pixels(size) > pixels(items.size) {
                    items.size = size;
                }
            }
            (b"pixi", [_, _, _, _, _, depths @ ..]) => items.is_deep |= depths.iter().any(|&depth| depth > 8),
            (b"av1C", [_, _, flags, ..]) => {
                items.is_deep |= flags & 0x40 != 0;
                items.has_full_chroma |= flags & 0x10 == 0 && flags & 0x0c != 0x0c;
            }
            (b"hvcC", body) => {
                items.is_deep |= body.get(17).is_some_and(|depth| depth & 7 != 0);
                items.has_full_chroma |= body.get(16).is_some_and(|chroma| chroma & 3 > 1);
            }
            (b"irot" | b"imir" | b"clap", _) => items.is_transformed |= is_primary,
            (b"auxC", body) => items.has_alpha |= is_alpha(body),
            (b"colr", body) => profiles.extend(profile(body).map(|profile| (!is_primary, profile))),
            _ => {}
        }
    }
    if items.size == (0, 0) {
        return Err(damaged("it does not state the size of its picture"));
    }
    // A picture of tiles may have its profile at the tiles. An ICC profile takes precedence over numbers.
    profiles.sort_by_key(|(is_other, profile)| (*is_other, matches!(profile, Profile::Cicp(..))));
    annotations.profile = profiles.into_iter().next().map(|(_, profile)| profile).unwrap_or_default();
    describe(bytes, &meta, &mut annotations)?;
    Ok((items, annotations))
}

fn profile(body: &[u8]) -> Option<Profile<'_>> {
    let (kind, body) = body.split_first_chunk::<4>()?;
    match (kind, body) {
        (b"nclx", [_, primaries, _, transfer, ..]) => Some(Profile::Cicp(*primaries, *transfer)),
        (b"prof" | b"rICC", icc) => Some(Profile::Icc(icc)),
        _ => None,
    }
}

/// The number of the primary item.
fn primary(body: &[u8]) -> Option<u64> {
    let (version, _, mut numbers) = Numbers::full(body)?;
    numbers.next(if version == 0 { 2 } else { 4 })
}

/// The numbers of the properties of an item, from 1.
fn associations(body: &[u8], item: u64) -> Option<Vec<usize>> {
    let (version, flags, mut numbers) = Numbers::full(body)?;
    let (wide, mask) = if flags & 1 == 1 { (2, 0x7fff) } else { (1, 0x7f) };
    for _ in 0..numbers.next(4)? {
        let number = numbers.next(if version == 0 { 2 } else { 4 })?;
        let count = numbers.next(1)? as usize;
        let found: Vec<usize> =
            (0..count).map_while(|_| Some((numbers.next(wide)? & mask) as usize)).collect();
        if number == item {
            return Some(found);
        }
    }
    None
}

fn is_alpha(body: &[u8]) -> bool {
    let kind = body.get(4..).unwrap_or_default();
    kind.starts_with(b"urn:mpeg:hevc:2015:auxid:1\0")
        || kind.starts_with(b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")
}

/// Finds EXIF and XMP, and checks that the data of all items are in the file.
fn describe<'a>(
    bytes: &'a [u8],
    meta: &Boxes<'a>,
    annotations: &mut Annotations<'a>,
) -> Result<(), DecodeError> {
    let extents = meta.clone().body(b"iloc").and_then(extents);
    let extents = extents.ok_or_else(|| damaged("the places of its items cannot be read"))?;
    let data = meta.clone().body(b"idat").unwrap_or_default();
    let slice = |extent: &Extent| {
        let from = match extent.method {
            0 => bytes,
            1 => data,
            _ => return None,
        };
        let start = usize::try_from(extent.offset).ok()?;
        let rest = from.get(start..)?;
        match extent.length {
            0 => Some(rest), // up to the end
            length => rest.get(..usize::try_from(length).ok()?),
        }
    };
    if extents.iter().any(|extent| extent.method <= 1 && slice(extent).is_none()) {
        return Err(damaged("it ends before the data of its picture"));
    }
    for (item, kind, content) in meta.clone().body(b"iinf").map(kinds).unwrap_or_default() {
        let Some(body) = extents.iter().find(|extent| extent.item == item).and_then(slice) else { continue };
        match (&kind, body) {
            (b"Exif", [a, b, c, d, block @ ..]) => {
                let skipped = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
                annotations.exif.extend(block.get(skipped..));
            }
            (b"mime", packet) if content.starts_with(b"application/rdf+xml") => annotations.xmp.push(packet),
            _ => {}
        }
    }
    Ok(())
}

/// The extents of all items. None if the box is damaged.
fn extents(body: &[u8]) -> Option<Vec<Extent>> {
    let (version, _, mut numbers) = Numbers::full(body)?;
    let sizes = numbers.next(2)?;
    let [of_offset, of_length, of_base, of_index] = [12, 8, 4, 0].map(|shift| (sizes >> shift & 15) as usize);
    let of_index = if version == 0 { 0 } else { of_index };
    let of_item = if version < 2 { 2 } else { 4 };
    if [of_offset, of_length, of_base, of_index].iter().any(|&size| size > 8) {
        return None;
    }
    let mut found = Vec::new();
    for _ in 0..numbers.next(of_item)? {
        let item = numbers.next(of_item)?;
        let method = if version == 0 { 0 } else { numbers.next(2)? & 15 };
        numbers.next(2)?; // the reference to another file
        let base = numbers.next(of_base)?;
        for _ in 0..numbers.next(2)? {
            if of_index + of_offset + of_length == 0 {
                break; // without numbers a loop would read nothing
            }
            numbers.next(of_index)?;
            let offset = base.checked_add(numbers.next(of_offset)?)?;
            found.push(Extent { item, method, offset, length: numbers.next(of_length)? });
        }
    }
    Some(found)
}

/// Number, kind and content type of the items.
fn kinds(body: &[u8]) -> Vec<(u64, [u8; 4], &[u8])> {
    let Some((version, _, mut numbers)) = Numbers::full(body) else { return Vec::new() };
    if numbers.next(if version == 0 { 2 } else { 4 }).is_none() {
        return Vec::new();
    }
    let entry = |body| {
        let (version, _, mut numbers) = Numbers::full(body)?;
        let item = numbers.next(match version {
            2 => 2,
            3 => 4,
            _ => return None,
        })?;
        numbers.next(2)?; // protection
        let (kind, rest) = numbers.0.split_first_chunk::<4>()?;
        let name = rest.iter().position(|&byte| byte == 0)?;
        Some((item, *kind, &rest[name + 1..]))
    };
    Boxes(numbers.0).filter(|one| &one.kind == b"infe").filter_map(|one| entry(one.body)).collect()
}
