//! Detection of formats from their first bytes.

use std::path::Path;

/// Number of bytes that are sufficient to detect the format.
pub(super) const ENOUGH: usize = 32;

/// Formats that can be detected from their first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Jpeg,
    Png,
    WebP,
    Gif,
    Bmp,
    /// TIFF, or a camera raw file in its form.
    Tiff,
    /// A camera raw file in another form.
    Raw,
    JpegXl,
    Heif,
    Avif,
    /// Known, but not decoded: its name, and how to convert it to a format that is decoded.
    Other(&'static str, &'static str),
}

/// The formats that are decoded, for messages.
pub(super) const DECODED: &str =
    "JPEG, PNG, WebP, GIF, BMP, TIFF, HEIF, AVIF, JPEG XL and the previews of camera raw files are decoded";
/// The advice for formats that every converter reads.
pub(super) const CONVERT: &str = "convert it to JPEG or PNG first, for example with `magick IN OUT.png`";
pub(super) const JPEG_XL: &str = "convert it to JPEG first, for example with `djxl IN.jxl OUT.jpg`";
pub(super) const RAW: &str = "develop it to JPEG first, or use the JPEG that the camera wrote with it";

impl Format {
    /// The format of a file that begins with `bytes`.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let starts = |magic: &[u8]| bytes.starts_with(magic);
        let has = |at: usize, magic: &[u8]| bytes.get(at..at + magic.len()) == Some(magic);
        Some(match () {
            () if starts(&[0xff, 0xd8]) => Self::Jpeg,
            () if starts(b"\x89PNG\r\n\x1a\n") => Self::Png,
            () if starts(b"RIFF") && has(8, b"WEBP") => Self::WebP,
            () if starts(b"GIF87a") || starts(b"GIF89a") => Self::Gif,
            () if starts(b"BM") && has(6, &[0; 4]) => Self::Bmp,
            () if starts(b"II*\0") || starts(b"MM\0*") => Self::Tiff,
            () if starts(b"II+\0") || starts(b"MM\0+") => Self::Tiff,
            () if has(4, b"ftyp") => return Self::of_brands(bytes),
            () if starts(b"FUJIFILMCCD-RAW") || starts(b"IIU\0") => Self::Raw,
            () if starts(b"IIRO") || starts(b"IIRS") || starts(b"MMOR") => Self::Raw,
            () if starts(b"FOVb") => Self::Other("Sigma raw", RAW),
            () if starts(&[0xff, 0x0a]) || starts(b"\0\0\0\x0cJXL ") => Self::JpegXl,
            () if starts(b"\0\0\0\x0cjP  ") || starts(&[0xff, 0x4f, 0xff, 0x51]) => {
                Self::Other("JPEG 2000", CONVERT)
            }
            () if starts(b"II\xbc\x01") => Self::Other("JPEG XR", CONVERT),
            () if starts(b"8BPS") => Self::Other("Photoshop", CONVERT),
            () if starts(b"\0\0\x01\0") => Self::Other("ICO", CONVERT),
            () if starts(b"\x8aMNG") || starts(b"\x8bJNG") => Self::Other("MNG", CONVERT),
            () => return None,
        })
    }

    /// The format by the brands of an ISO file: its major brand, then those that it is compatible with.
    fn of_brands(bytes: &[u8]) -> Option<Self> {
        const HEIF: [&[u8; 4]; 8] = [b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"];
        let length = usize::try_from(u32::from_be_bytes(*bytes.first_chunk()?)).ok()?;
        let brands = bytes.get(8..length.clamp(12, 256).min(bytes.len()))?.as_chunks::<4>().0;
        let has = |of: &[&[u8; 4]]| brands.iter().any(|brand| of.contains(&brand));
        match brands.first()? {
            b"crx " => Some(Self::Raw),
            b"avif" | b"avis" => Some(Self::Avif),
            major if HEIF.contains(&major) && has(&[b"avif", b"avis"]) && !has(&[b"heic", b"heix"]) => {
                Some(Self::Avif)
            }
            major if HEIF.contains(&major) => Some(Self::Heif),
            _ => None,
        }
    }
}

/// Whether the name of a file is that of a photo. Used only to skip files of a folder without reading them. The format of a file
/// follows from its bytes.
pub(super) fn is_named_like_a_photo(path: &Path) -> bool {
    const ENDINGS: &[&str] = &[
        "jpg", "jpeg", "jpe", "jfif", "jif", "mpo", "png", "apng", "webp", "gif", "bmp", "dib", "tif",
        "tiff", "heic", "heif", "hif", "avif", "jxl", "jp2", "j2k", "jpx", "jxr", "wdp", "hdp", "psd", "dng",
        "cr2", "cr3", "crw", "nef", "nrw", "arw", "sr2", "srf", "raf", "orf", "rw2", "rwl", "pef", "srw",
        "x3f", "3fr", "iiq", "erf", "mrw", "pgm", "ppm", "pnm", "tga", "ico",
    ];
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}
