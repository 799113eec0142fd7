//! Camera raw files, made like those of the cameras.

use super::*;

/// A value of an entry: its type and its bytes.
pub type Value = (u16, Vec<u8>);

pub fn short(value: u16) -> Value {
    (3, value.to_le_bytes().to_vec())
}

pub fn long(value: usize) -> Value {
    (4, (value as u32).to_le_bytes().to_vec())
}

/// A directory at this place of a file, with its longer values behind it.
pub fn directory(at: usize, entries: &[(u16, Value)], next: usize) -> Vec<u8> {
    let mut entries = entries.to_vec();
    entries.sort_by_key(|entry| entry.0);
    let mut head = (entries.len() as u16).to_le_bytes().to_vec();
    let mut values = Vec::new();
    let after = at + 2 + 12 * entries.len() + 4;
    for (tag, (kind, value)) in entries {
        let size = match kind {
            3 => 2,
            4 | 13 => 4,
            _ => 1,
        };
        head.extend(tag.to_le_bytes());
        head.extend(kind.to_le_bytes());
        head.extend(((value.len() / size) as u32).to_le_bytes());
        match value.len() {
            0..=4 => head.extend([value, vec![0; 4]].concat().get(..4).unwrap()),
            _ => {
                head.extend(((after + values.len()) as u32).to_le_bytes());
                values.extend(value);
            }
        }
    }
    head.extend((next as u32).to_le_bytes());
    [head, values].concat()
}

fn preview(width: u32, height: u32) -> Vec<u8> {
    encoded(gradient(width, height), ImageFormat::Jpeg)
}

/// A file of TIFF with a small and a large JPEG. `layout` writes the directories from the place of the first one and the places of the
/// two JPEGs with their lengths.
fn file(magic: &[u8], layout: impl Fn(usize, [(usize, usize); 2]) -> Vec<u8>) -> Vec<u8> {
    let (small, large) = (preview(16, 12), preview(64, 48));
    let mut bytes = magic.to_vec();
    bytes.resize(16, 0);
    let places = [(16, small.len()), (16 + small.len(), large.len())];
    bytes.extend(small);
    bytes.extend(large);
    let at = bytes.len();
    bytes[4..8].copy_from_slice(&(at as u32).to_le_bytes());
    bytes.extend(layout(at, places));
    bytes
}

fn pointed((at, length): (usize, usize)) -> [(u16, Value); 2] {
    [(513, long(at)), (514, long(length))]
}

fn strip((at, length): (usize, usize)) -> [(u16, Value); 3] {
    [(259, short(6)), (273, long(at)), (279, long(length))]
}

/// NEF and DNG: previews in directories below the first, which has the orientation.
fn nef(orientation: u16) -> Vec<u8> {
    file(b"II*\0", |at, [small, large]| {
        let below = at + 200;
        let first = [
            (271, (2, b"NIKON CORPORATION\0".to_vec())),
            (272, (2, b"NIKON D850\0".to_vec())),
            (274, short(orientation)),
            (330, long(below)),
        ];
        let mut bytes = directory(at, &[&first[..], &pointed(small)].concat(), below + 200);
        bytes.resize(200, 0);
        bytes.extend(directory(below, &[&[(259, short(6))][..], &pointed(large)].concat(), 0));
        bytes.resize(400, 0);
        bytes.extend(directory(below + 200, &[(259, short(34713)), (262, short(32803))], 0));
        bytes
    })
}

/// CR2: the large JPEG as the strip of the first directory.
fn cr2() -> Vec<u8> {
    file(b"II*\0\0\0\0\0CR\x02\0", |at, [small, large]| {
        let mut bytes = directory(at, &[&[(274, short(8))][..], &strip(large)].concat(), at + 100);
        bytes.resize(100, 0);
        bytes.extend(directory(at + 100, &pointed(small), 0));
        bytes
    })
}

/// RW2: a whole JPEG as the value of an entry.
fn rw2() -> Vec<u8> {
    file(b"IIU\0", |at, _| directory(at, &[(46, (7, preview(64, 48))), (274, short(6))], 0))
}

/// ORF: the JPEG in the notes of the maker, whose offsets count from their beginning.
fn orf() -> Vec<u8> {
    let jpeg = preview(64, 48);
    let mut note = b"OLYMPUS\0II\x03\0".to_vec();
    note.extend(directory(12, &[(0x2020, (13, 40_u32.to_le_bytes().to_vec()))], 0));
    note.resize(40, 0);
    note.extend(directory(40, &[(0x101, long(100)), (0x102, long(jpeg.len()))], 0));
    note.resize(100, 0);
    note.extend(jpeg);
    file(b"IIRO", |at, [small, _]| {
        let details = at + 100;
        let mut bytes = directory(at, &[&[(34665, long(details))][..], &pointed(small)].concat(), 0);
        bytes.resize(100, 0);
        bytes.extend(directory(details, &[(37500, (7, note.clone()))], 0));
        bytes
    })
}

fn raf() -> Vec<u8> {
    let jpeg = turned(&preview(64, 48), 6);
    let mut bytes = b"FUJIFILMCCD-RAW 0201".to_vec();
    bytes.resize(84, 0);
    bytes.extend(148_u32.to_be_bytes());
    bytes.extend((jpeg.len() as u32).to_be_bytes());
    bytes.resize(148, 0);
    [bytes, jpeg].concat()
}

fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes(), kind.as_slice(), body].concat()
}

/// CR3: a JPEG of medium size in a box, and a large one as the sample of a track.
fn cr3() -> Vec<u8> {
    let (medium, large) = (preview(32, 24), preview(64, 48));
    let orientation = boxed(b"CMT1", &tiff(6));
    let id = [7; 16];
    let start = |at: u64| {
        let sizes = [&[0; 8][..], &1_u32.to_be_bytes(), &(large.len() as u32).to_be_bytes()].concat();
        let places = [&[0; 4][..], &1_u32.to_be_bytes(), &at.to_be_bytes()].concat();
        let table = [boxed(b"stsz", &sizes), boxed(b"co64", &places)].concat();
        let track = boxed(b"trak", &boxed(b"mdia", &boxed(b"minf", &boxed(b"stbl", &table))));
        let movie = boxed(b"moov", &[boxed(b"uuid", &[&id[..], &orientation].concat()), track].concat());
        let shown = boxed(b"PRVW", &[&[0; 16][..], &medium].concat());
        let shown = boxed(b"uuid", &[&id[..], &[0; 8], &shown].concat());
        [boxed(b"ftyp", b"crx \0\0\0\x01crx isom"), movie, shown].concat()
    };
    let at = start(0).len() as u64 + 8;
    [start(at), boxed(b"mdat", &large)].concat()
}

fn all() -> [Vec<u8>; 6] {
    [nef(6), cr2(), rw2(), orf(), raf(), cr3()]
}

#[test]
fn the_largest_preview_is_decoded_and_turned_as_the_raw_file_says() {
    let plain = decoded(&preview(64, 48));
    for (number, bytes) in all().iter().enumerate() {
        let photo = decoded(bytes);
        let expected = if number == 3 { (64, 48) } else { (48, 64) };
        assert_eq!((photo.width, photo.height), expected, "file {number}");
    }
    assert!(decoded(&nef(1)) == plain && decoded(&orf()) == plain);
    let turned = decoded(&nef(6));
    assert_eq!(pixel(&turned, 47, 0), pixel(&plain, 0, 0));
}

#[test]
fn the_orientation_of_the_preview_takes_precedence() {
    let upright = turned(&preview(64, 48), 1);
    let bytes = file(b"IIU\0", |at, _| directory(at, &[(46, (7, upright.clone())), (274, short(6))], 0));
    assert_eq!(decoded(&bytes).width, 64);
}

#[test]
fn an_incomplete_preview_is_not_used() {
    let whole = nef(1);
    let large = preview(64, 48);
    let at = whole.windows(large.len()).position(|part| part == large).unwrap();
    let mut bytes = whole.clone();
    bytes[at + large.len() / 2..at + large.len()].fill(0);
    assert_eq!(decoded(&bytes).width, 16, "the small one is whole");
    let bytes = file(b"IIU\0", |at, _| directory(at, &[(274, short(6))], 0));
    let error = decode(&bytes, &Limits::default()).unwrap_err();
    assert!(error.reason().code() == "unsupported" && error.to_string().contains("develop"), "{error}");
}

#[test]
fn limits_apply_to_the_preview() {
    let limits = Limits { pixels: 3_000, ..Limits::default() };
    for bytes in all() {
        assert_eq!(decode(&bytes, &limits).unwrap_err().reason().code(), "too_large");
    }
}

#[test]
fn cut_and_damaged_files_never_panic() {
    for whole in all() {
        for length in 0..whole.len() {
            let _ = decode(&whole[..length], &Limits::default());
            let _ = metadata(&whole[..length]);
        }
    }
    // Directories that point to themselves and to each other.
    let bytes =
        file(b"II*\0", |at, _| directory(at, &[(262, short(32803)), (330, long(at)), (34665, long(at))], at));
    assert_eq!(code(&bytes), "unsupported");
}

#[test]
fn metadata_of_a_raw_file_are_those_of_the_camera() {
    let found = metadata(&nef(6));
    assert_eq!(found.make.as_deref(), Some("NIKON CORPORATION"));
    assert_eq!(found.model.as_deref(), Some("NIKON D850"));
    assert_eq!(found.fields, 2, "what says how the pixels are stored is not counted");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn changed_bytes_never_panic(
        which in 0_usize..6,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut bytes = all()[which].clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let limits = Limits { pixels: 1 << 20, ..Limits::default() };
        let _ = decode(&bytes, &limits);
        let _ = metadata(&bytes);
    }
}
