//! HEIF and AVIF as far as they are read here. `heif/program.rs` tests the runs of programs.

use super::*;

/// A picture of 48 x 32 pixels with a clean aperture, and EXIF whose orientation must be ignored.
pub const TURNED_HEIC: &[u8] = include_bytes!("../fixtures/turned.heic");
/// Four quarters of other colours, in Display P3.
pub const P3: &[u8] = include_bytes!("../fixtures/p3.heic");
/// The upper half is opaque, the lower half is clear.
pub const ALPHA: &[u8] = include_bytes!("../fixtures/alpha.avif");
/// A rotation in the boxes, and the same in EXIF.
pub const TURNED_AVIF: &[u8] = include_bytes!("../fixtures/turned.avif");

const ALL: [&[u8]; 4] = [TURNED_HEIC, P3, ALPHA, TURNED_AVIF];

#[test]
fn metadata_are_read_without_a_program() {
    for bytes in [TURNED_HEIC, TURNED_AVIF] {
        let found = metadata(bytes);
        assert_eq!(found.taken.unwrap().text, "2024:05:31 18:02:03.25+02:00");
        assert_eq!((found.make.as_deref(), found.serial.as_deref()), (Some("Maker"), Some("1234")));
    }
    assert_eq!(metadata(P3), Metadata::default());
}

#[test]
fn a_cut_file_is_refused_before_a_program_is_started() {
    for whole in ALL {
        for length in 33..whole.len() {
            assert_eq!(open(&whole[..length]).unwrap_err().reason().code(), "decode_failed", "{length}");
        }
    }
}

#[test]
fn the_size_is_checked_before_a_program_is_started() {
    let mut bytes = ALPHA.to_vec();
    let at = bytes.windows(4).position(|part| part == b"ispe").unwrap();
    bytes[at + 8..at + 16].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
    assert_eq!(inspect(&bytes, &Limits::default()).unwrap_err().reason().code(), "too_large");
    bytes[at + 8..at + 16].fill(0);
    assert_eq!(inspect(&bytes, &Limits::default()).unwrap_err().reason().code(), "decode_failed");
}

#[test]
fn repeated_extents_without_numbers_end() {
    let mut bytes = ALPHA.to_vec();
    let at = bytes.windows(4).position(|part| part == b"iloc").unwrap();
    bytes[at + 8..at + 10].fill(0); // the sizes of offset, length and base
    let _ = open(&bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn changed_bytes_never_panic(
        which in 0_usize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut bytes = ALL[which].to_vec();
        for (at, value) in changes {
            let at = at.index(bytes.len().min(900));
            bytes[at] = value;
        }
        let _ = open(&bytes);
        let _ = metadata(&bytes);
    }
}
