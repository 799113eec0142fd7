//! Metadata of a photo: when and with which camera it was taken.

use time::{Date, Month, PrimitiveDateTime, Time};

use super::annotations::Annotations;
use super::ifd::{Directory, tag};
use super::{exif, open, xmp};

const DATE_TIME_ORIGINAL: u16 = 0x9003;
const DATE_TIME_DIGITIZED: u16 = 0x9004;
const OFFSET_TIME_ORIGINAL: u16 = 0x9011;
const OFFSET_TIME_DIGITIZED: u16 = 0x9012;
const SUB_SECONDS_ORIGINAL: u16 = 0x9291;
const SUB_SECONDS_DIGITIZED: u16 = 0x9292;
const EXPOSURE_TIME: u16 = 0x829a;
const EXPOSURE_BIAS: u16 = 0x9204;
const BODY_SERIAL_NUMBER: u16 = 0xa431;
const CAMERA_SERIAL_NUMBER: u16 = 0xc62f; // of DNG

/// What EXIF and XMP say about a photo. All fields may be missing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// When the photo was taken.
    pub taken: Option<Taken>,
    /// The maker of the camera.
    pub make: Option<String>,
    /// The model of the camera.
    pub model: Option<String>,
    /// The serial number of the camera's body.
    pub serial: Option<String>,
    /// The program that wrote the file; in a photo as the camera made it, the version of the camera's own.
    pub software: Option<String>,
    /// The exposure time in seconds.
    pub exposure_time: Option<f64>,
    /// The exposure bias in steps of a factor of 2.
    pub exposure_bias: Option<f64>,
    /// Whether there is a place on Earth.
    pub has_place: bool,
    /// Number of entries in the EXIF block, its sub-directories included, plus one for a packet of XMP. Entries that say how pixels are
    /// stored are not counted.
    pub fields: usize,
}

/// The time at which a photo was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The time as the file states it: date, time, decimals of a second and offset, without those that are missing.
    pub text: String,
    /// Seconds since 1970-01-01 00:00. In UTC if there is an offset, otherwise by the clock of the camera.
    pub seconds: i64,
    /// The decimals of a second, 0 to 999,999,999.
    pub nanoseconds: u32,
    /// Offset from UTC in seconds, positive to the east, if the file states it.
    pub offset: Option<i32>,
}

/// The metadata in the bytes of an image file. The picture itself is not read, and damage gives missing fields only.
pub fn metadata(bytes: &[u8]) -> Metadata {
    open(bytes).map(|still| Metadata::of(still.annotations())).unwrap_or_default()
}

impl Metadata {
    /// The first value of each field.
    pub(super) fn of(annotations: &Annotations<'_>) -> Self {
        let mut found = Self::default();
        for block in &annotations.exif {
            let Some(first) = exif::block(block).and_then(|tiff| tiff.first()) else { continue };
            let (details, place) = (first.below(tag::EXIF), first.below(tag::GPS));
            let text = |tag: u16| first.text(tag);
            // Some raw files have the details in a block of their own.
            let details = details.unwrap_or(first);
            found.make = found.make.or_else(|| text(tag::MAKE));
            found.model = found.model.or_else(|| text(tag::MODEL));
            found.serial = found
                .serial
                .or_else(|| details.text(BODY_SERIAL_NUMBER))
                .or_else(|| text(CAMERA_SERIAL_NUMBER));
            found.taken = found.taken.or_else(|| taken(&details));
            found.software = found.software.or_else(|| text(tag::SOFTWARE));
            found.exposure_time = found.exposure_time.or_else(|| details.fraction(EXPOSURE_TIME));
            found.exposure_bias = found.exposure_bias.or_else(|| details.fraction(EXPOSURE_BIAS));
            // A directory without a place has at most its version.
            let of_place = place.map_or(0, |place| place.len());
            found.has_place |= of_place > 1;
            let of_details = first.below(tag::EXIF).map_or(0, |details| details.len());
            found.fields = found.fields.max(first.described() + of_details + of_place);
        }
        for packet in &annotations.xmp {
            let value = |name: &str| xmp::value(packet, name);
            let date = || value("exif:DateTimeOriginal").or_else(|| value("photoshop:DateCreated"));
            found.taken = found.taken.or_else(|| parsed(date()?, None, None));
            found.has_place |= value("exif:GPSLatitude").is_some();
        }
        found.fields += usize::from(!annotations.xmp.is_empty());
        found
    }
}

/// When the photo was taken, or when it was digitized.
fn taken(details: &Directory<'_>) -> Option<Taken> {
    let time = |date: u16, decimals: u16, offset: u16| {
        parsed(&details.text(date)?, details.text(decimals).as_deref(), details.text(offset).as_deref())
    };
    time(DATE_TIME_ORIGINAL, SUB_SECONDS_ORIGINAL, OFFSET_TIME_ORIGINAL)
        .or_else(|| time(DATE_TIME_DIGITIZED, SUB_SECONDS_DIGITIZED, OFFSET_TIME_DIGITIZED))
}

/// A time such as `2024:05:31 18:02:03`, or `2024-05-31T18:02:03.25+02:00` in XMP. None if it is no time.
fn parsed(text: &str, decimals: Option<&str>, offset: Option<&str>) -> Option<Taken> {
    let text = text.trim();
    let (stamp, rest) = text.split_at_checked(19)?;
    let number = |range: std::ops::Range<usize>| stamp.get(range)?.parse::<u16>().ok();
    let small = |range: std::ops::Range<usize>| u8::try_from(number(range)?).ok();
    let date =
        Date::from_calendar_date(number(0..4)?.into(), Month::try_from(small(5..7)?).ok()?, small(8..10)?);
    let time = Time::from_hms(small(11..13)?, small(14..16)?, small(17..19)?);
    let clock = PrimitiveDateTime::new(date.ok()?, time.ok()?).assume_utc().unix_timestamp();
    let (inner, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
        None => ("", rest),
    };
    let decimals = decimals.unwrap_or(inner);
    let digits: String = decimals.chars().take_while(char::is_ascii_digit).take(9).collect();
    let nanoseconds = format!("{digits:0<9}").parse().unwrap_or(0);
    let offset_text = offset.unwrap_or(rest).trim();
    let offset = offset_seconds(offset_text);
    let point = if digits.is_empty() { "" } else { "." };
    let shown = if offset.is_some() { offset_text } else { "" };
    let text = format!("{stamp}{point}{digits}{shown}");
    Some(Taken { text, seconds: clock - i64::from(offset.unwrap_or(0)), nanoseconds, offset })
}

/// The seconds of an offset such as `+02:00` or `Z`.
fn offset_seconds(text: &str) -> Option<i32> {
    if text == "Z" {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let (hours, minutes) = (hours.parse::<i32>().ok()?, minutes.parse::<i32>().ok()?);
    ((0..=15).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (3600 * hours + 60 * minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_exif_and_xmp_are_read() {
        let seconds = 1_717_178_523; // 2024-05-31 18:02:03
        let plain = parsed("2024:05:31 18:02:03", None, None).unwrap();
        assert_eq!((plain.seconds, plain.nanoseconds, plain.offset), (seconds, 0, None));
        let exact = parsed("2024:05:31 18:02:03", Some("25"), Some("+02:00")).unwrap();
        assert_eq!(
            (exact.seconds, exact.nanoseconds, exact.offset),
            (seconds - 7200, 250_000_000, Some(7200))
        );
        assert_eq!(exact.text, "2024:05:31 18:02:03.25+02:00");
        let xmp = parsed("2024-05-31T18:02:03.25-03:30", None, None).unwrap();
        assert_eq!((xmp.seconds, xmp.nanoseconds), (seconds + 12_600, 250_000_000));
        assert_eq!(parsed("2024-05-31T18:02:03Z", None, None).unwrap().offset, Some(0));
        for text in
            ["", "0000:00:00 00:00:00", "    :  :     :  :  ", "2024:13:31 18:02:03", "2024:05:31 18:02:0ä"]
        {
            assert_eq!(parsed(text, None, None), None, "{text}");
        }
    }

    #[test]
    fn exposures_are_read_from_fractions_and_from_whole_numbers() {
        // A directory with the exposure time 1/50 as a fraction; and the bias -1 as a fraction of signs, or as a whole number.
        let of = |bias: [u8; 8]| {
            let time = [&[0x9a, 0x82, 5, 0, 1, 0, 0, 0], &40_u32.to_le_bytes()[..]].concat();
            let bias = [&[0x04, 0x92], &bias[..2], &[1, 0, 0, 0], &bias[4..]].concat();
            let values = [1_i32, 50, -1, 1].map(i32::to_le_bytes).concat();
            let block = [&b"II*\0\x08\0\0\0\x02\0"[..], &time, &bias, &[0; 6], &values].concat();
            let found = Metadata::of(&Annotations { exif: vec![&block], ..Annotations::default() });
            (found.exposure_time, found.exposure_bias)
        };
        assert_eq!(of([10, 0, 0, 0, 48, 0, 0, 0]), (Some(0.02), Some(-1.0)));
        assert_eq!(of([9, 0, 0, 0, 255, 255, 255, 255]), (Some(0.02), Some(-1.0)));
    }
}
