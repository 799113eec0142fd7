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
    /// Known, but not decoded: its name, and how to convert it to a format that is decoded.
    Other(&'static str, &'static str),
}

/// The advice for formats that every converter reads.
const CONVERT: &str = "convert it to JPEG or PNG first, for example with `magick IN OUT.png`";
const HEIF: &str = "convert it to JPEG first, for example with `heif-convert IN.heic OUT.jpg`; iPhones take JPEG with \
                    Settings, Camera, Formats, Most Compatible";
const AVIF: &str = "convert it to JPEG first, for example with `heif-convert IN.avif OUT.jpg`";
const JPEG_XL: &str = "convert it to JPEG first, for example with `djxl IN.jxl OUT.jpg`";
const RAW: &str = "develop it to JPEG first, or use the JPEG that the camera wrote with it";

impl Format {
    /// The format of a file that begins with `bytes`.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let starts = |magic: &[u8]| bytes.starts_with(magic);
        let has = |at: usize, magic: &[u8]| bytes.get(at..at + magic.len()) == Some(magic);
        let brand = |names: &[&[u8; 4]]| has(4, b"ftyp") && names.iter().any(|name| has(8, &name[..]));
        let tiff = starts(b"II*\0") || starts(b"MM\0*");
        Some(match () {
            () if starts(&[0xff, 0xd8]) => Self::Jpeg,
            () if starts(b"\x89PNG\r\n\x1a\n") => Self::Png,
            () if starts(b"RIFF") && has(8, b"WEBP") => Self::WebP,
            () if starts(b"GIF87a") || starts(b"GIF89a") => Self::Other("GIF", CONVERT),
            () if starts(b"BM") && has(6, &[0; 4]) => Self::Other("BMP", CONVERT),
            () if tiff && has(8, b"CR") => Self::Other("camera raw", RAW),
            () if tiff || starts(b"II+\0") || starts(b"MM\0+") => Self::Other("TIFF and camera raw", CONVERT),
            () if brand(&[b"avif", b"avis"]) => Self::Other("AVIF", AVIF),
            () if brand(&[b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"]) => {
                Self::Other("HEIF/HEIC", HEIF)
            }
            () if brand(&[b"crx "]) => Self::Other("camera raw", RAW),
            () if starts(b"FUJIFILMCCD-RAW") || starts(b"IIRO") || starts(b"IIU\0") || starts(b"FOVb") => {
                Self::Other("camera raw", RAW)
            }
            () if starts(&[0xff, 0x0a]) || starts(b"\0\0\0\x0cJXL ") => Self::Other("JPEG XL", JPEG_XL),
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
