//! The caller's watermarks.

use std::fs;

use gallerist_index::{Durability, Index, Options};

use crate::oracle::{READ_ONLY, borrowed, contents, copy, rows, scratch};

/// Groups of shards 0 and 1 of two.
fn groups(index: &Index) -> [u64; 2] {
    let mut groups = [None; 2];
    for (id, group) in (10_000..).zip(5_000..) {
        let row = [(id, group, vec![1.0, 0.0, 0.0])];
        let receipt = index.insert(&borrowed(&row)).unwrap();
        groups[usize::from(receipt.sequences[0].0)] = Some(group);
        if let [Some(first), Some(second)] = groups {
            return [first, second];
        }
    }
    unreachable!()
}

#[test]
fn a_watermark_stays_whatever_becomes_of_its_log() {
    let (directory, index) = scratch(Options::new(3).shards(2));
    assert_eq!(index.watermarks(), [0, 0]);
    let [first, second] = groups(&index);
    let row = |id, group| [(id, group, vec![0.0, 1.0, 0.0])];
    index.insert_marked(&borrowed(&row(1, first)), Durability::Bulk, 7).unwrap();
    assert_eq!(index.watermarks(), [7, 0]);
    index.insert_marked(&borrowed(&row(2, second)), Durability::Group, 9).unwrap();
    index.delete_marked(&[1], 8).unwrap();
    // A lower one changes nothing.
    index.delete_marked(&[2], 3).unwrap();
    assert_eq!(index.watermarks(), [8, 9]);
    // Without rows it goes to shard 0.
    assert_eq!(index.delete_marked(&[77], 11).unwrap().sequences[0].0, 0);
    assert_eq!(index.insert_marked(&[], Durability::Group, 12).unwrap().sequences[0].0, 0);
    assert!(index.set_watermark(13).unwrap().durable);
    assert_eq!(index.watermarks(), [13, 9]);

    let path = index.path().to_owned();
    let crashed = directory.path().join("crashed");
    copy(&path, &crashed);
    assert_eq!(Index::open(&crashed).unwrap().watermarks(), [13, 9], "after a crash");
    index.seal().unwrap();
    index.purge().unwrap();
    assert_eq!(index.watermarks(), [13, 9]);
    let taken = directory.path().join("taken");
    index.snapshot(&taken).unwrap();
    index.close().unwrap();
    let restored = directory.path().join("restored");
    Index::restore(&taken, &restored, None).unwrap();
    for path in [path, taken, restored] {
        let reader = Index::open_with(&path, &READ_ONLY).unwrap();
        assert_eq!(reader.watermarks(), [13, 9], "{}", path.display());
    }
}

/// What the index cannot know alone: the end of a log is gone, and nothing in it says so.
#[test]
fn a_lost_tail_shows_in_the_watermark() {
    let (directory, index) = scratch(Options::new(3).shards(1));
    index.insert_marked(&borrowed(&rows(3, 0..4, 2)), Durability::Group, 1).unwrap();
    index.insert_marked(&borrowed(&rows(3, 4..8, 2)), Durability::Group, 2).unwrap();
    let crashed = directory.path().join("crashed");
    copy(index.path(), &crashed);
    let (log, bytes) = contents(&crashed)
        .into_iter()
        .find(|(path, _)| path.extension().is_some_and(|extension| extension == "log"))
        .unwrap();
    let mut bytes = bytes.unwrap();
    let end = bytes.len();
    bytes[end - 100] ^= 1;
    fs::write(log, bytes).unwrap();
    for _ in 0..2 {
        let opened = Index::open_with(&crashed, &READ_ONLY).unwrap();
        assert_eq!((opened.view().len(), opened.watermarks()), (4, vec![1]));
    }
    assert_eq!(Index::open(&crashed).unwrap().watermarks(), [1]);
}

/// A batch that is too large for one transaction has its watermark in the last one of each shard.
#[test]
fn a_watermark_comes_after_all_rows_of_its_call() {
    let (directory, index) = scratch(Options::new(3).shards(1).seal_rows(10));
    index.insert_marked(&borrowed(&rows(3, 0..35, 1)), Durability::Bulk, 5).unwrap();
    index.seal().unwrap();
    let crashed = directory.path().join("crashed");
    index.insert_marked(&borrowed(&rows(3, 100..108, 1)), Durability::Bulk, 6).unwrap();
    copy(index.path(), &crashed);
    let opened = Index::open(&crashed).unwrap();
    assert_eq!((opened.view().len(), opened.watermarks()), (43, vec![6]));
}
