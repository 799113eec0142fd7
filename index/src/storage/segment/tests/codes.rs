//! Tests of the L0 codes of a segment.

use super::super::l0::Learned;
use super::super::layout::{L0_BLOCKS, L0_ROTATION, L0_SECOND, Section};
use super::super::writer;
use super::{File, vector};
use crate::codes::l0::{Bits, Rotation};
use crate::error::Error;

/// A change of the head of a rotation: bits, directions, reach, components.
type HeadChange = fn(&mut [u32]);

#[test]
fn a_hostile_rotation_is_refused() {
    let cases: [(&str, HeadChange); 8] = [
        ("three bits", |head| head[0] = 3),
        ("other bits", |head| head[0] = if head[0] == 4 { 8 } else { 4 }),
        ("a direction more", |head| head[1] += 1),
        ("a direction less", |head| head[1] -= 1),
        ("a component more", |head| head[3] += 1),
        ("fewer components than directions", |head| head[3] -= 16),
        ("more components than a code holds", |head| head[3] = 1024),
        ("components of all memory", |head| head[3] = u32::MAX),
    ];
    for (what, change) in cases {
        let mut file = File::new(192, 4_500);
        assert!(file.open().unwrap().coded().unwrap().is_some());
        let segment = file.changed(L0_ROTATION, |section| {
            let mut head: Vec<u32> =
                section[..16].as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
            change(&mut head);
            section[..16].copy_from_slice(&head.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<_>>());
        });
        match segment.unwrap().coded().err() {
            Some(Error::Damaged { path, .. }) => assert_eq!(path, file.path, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn a_code_that_does_not_say_its_components_has_64_bytes() {
    let mut file = File::new(512, 4_500);
    let whole = file.open().unwrap();
    let rotation = whole.coded().unwrap().unwrap().learned.rotation.clone();
    assert_eq!(rotation.components, rotation.bits.most(), "otherwise this shows nothing");
    let older = file.changed(L0_ROTATION, |section| section[12..16].fill(0)).unwrap();
    assert_eq!(older.coded().unwrap().unwrap().learned.rotation, rotation);
    assert!(older.check(&|| Ok(())).unwrap().is_empty());
}

/// A segment with codes of one bit.
fn of_one_bit(rows: u64) -> File {
    let sample: Vec<f32> = (0..256).flat_map(|id| vector(64, id)).collect();
    let known = Learned { rotation: Rotation::learn_with(64, &sample, Bits::One, 512), reach: 9.0 };
    File::with(64, rows, writer::Extras { rotation: Some(&known), ..Default::default() })
}

#[test]
fn codes_of_one_bit_have_a_second_one() {
    let mut file = of_one_bit(600);
    let segment = file.open().unwrap();
    let coded = segment.coded().unwrap().unwrap();
    assert!(!coded.is_certain() && coded.has_second());
    assert_eq!(coded.second(599).unwrap().unwrap().len(), 64 / 8 + 6);
    assert!(segment.check(&|| Ok(())).unwrap().is_empty());
    // Written by a version that had none: the rows have only their first bits.
    let sections: Vec<Section> =
        file.sections().into_iter().filter(|section| section.kind != L0_SECOND).collect();
    let older = file.forged(&sections, |_| {}).unwrap();
    assert!(older.coded().unwrap().unwrap().second(599).unwrap().is_none());
    for kind in [L0_BLOCKS, L0_SECOND] {
        let other = file.changed(kind, |bits| bits[14 * 300] ^= 16).unwrap().check(&|| Ok(())).unwrap();
        assert!(
            matches!(&other[..], [Error::Damaged { expected, .. }] if expected.contains("as the vectors say")),
            "{other:?}"
        );
        drop(file.changed(kind, |bits| bits[14 * 300] ^= 16));
    }
    let mut sections = file.sections();
    sections.iter_mut().find(|section| section.kind == L0_SECOND).unwrap().length -= 14;
    let shorter = file.forged(&sections, |_| {}).unwrap();
    let error = shorter.coded().err().unwrap().to_string();
    assert!(error.contains("second bits as long as they are"), "{error}");
}

#[test]
fn directions_that_are_not_orthonormal_are_found() {
    for (what, factor) in
        [("longer", 1.001f32), ("shorter", 0.999), ("none", 0.0), ("not a number", f32::NAN)]
    {
        let mut file = of_one_bit(600);
        let changed = file.changed(L0_ROTATION, |section| {
            for number in section[16..16 + 64 * 4].as_chunks_mut().0 {
                *number = (f32::from_le_bytes(*number) * factor).to_le_bytes();
            }
        });
        let problems = changed.unwrap().check(&|| Ok(())).unwrap();
        assert!(
            matches!(&problems[..], [Error::Damaged { expected, .. }] if expected == "orthonormal directions"),
            "{what}: {problems:?}"
        );
    }
}

#[test]
fn few_rows_have_codes_by_a_known_rotation() {
    for (rows, coded) in [(511, false), (512, true)] {
        assert_eq!(of_one_bit(rows).open().unwrap().coded().unwrap().is_some(), coded, "{rows} rows");
    }
    assert!(File::new(64, 512).open().unwrap().coded().unwrap().is_none(), "nothing is learned from so few");
}

#[test]
fn a_rotation_is_used_again_where_it_fits() {
    let file = File::new(192, 4_500);
    let known = file.open().unwrap().coded().unwrap().unwrap().learned.clone();
    let rotation = |reach: f32| {
        let known = Learned { reach, ..known.clone() };
        let extras = writer::Extras { rotation: Some(&known), ..Default::default() };
        File::with(192, 4_500, extras).open().unwrap().coded().unwrap().unwrap().learned.clone()
    };
    let far = known.reach * 7.0;
    assert_eq!(rotation(far).reach, far, "bounds are no wider than said: nothing is learned");
    assert_eq!(
        rotation(known.reach / 7.0),
        known,
        "bounds are wider than said: learned again, from the same rows"
    );
}
