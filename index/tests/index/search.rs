//! Searches against scoring every row and sorting.

use std::ops::Range;

use gallerist_index::{Answer, Error, Hit, Index, Mode, Options, RangeStream, View};
use proptest::prelude::*;

use crate::oracle::{Oracle, Random, borrowed, quick_directory, rows, vector};

/// An index with three segments and a buffer in each of three shards, a third of its rows deleted in all of them.
fn large(dimension: usize, count: u64) -> (tempfile::TempDir, Index, Oracle) {
    let directory = quick_directory();
    let options = Options::new(dimension).shards(3).background_compaction(false);
    let index = Index::create(&directory.path().join("index"), options).unwrap();
    let mut oracle = Oracle::default();
    for quarter in 0..4 {
        let given = rows(dimension, quarter * count / 4..(quarter + 1) * count / 4, 7);
        index.insert(&borrowed(&given)).unwrap();
        given.into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
        if quarter < 3 {
            index.seal().unwrap();
        }
    }
    let deleted: Vec<u64> = (0..count).filter(|id| id % 3 == 1 || (40..80).contains(id)).collect();
    assert_eq!(index.delete(&deleted).unwrap().rows, deleted.len());
    deleted.iter().for_each(|id| drop(oracle.0.remove(id)));
    assert!(index.stats().segments == 9 && index.stats().buffered_rows > 0);
    (directory, index, oracle)
}

/// Everything that one probe can ask for, against one sort.
fn compare(view: &View, oracle: &Oracle, probe: &[f32]) {
    let (ranked, groups) = (oracle.ranked(probe), oracle.ranked_groups(probe));
    let whole = |answer: &Answer| {
        assert!(answer.complete && answer.scanned == ranked.len() as u64 && answer.mode == Mode::Exact);
        assert_eq!(answer.max_score, ranked.first().map(|hit| hit.score));
    };
    for k in [0, 1, 2, 10, 100, 999, ranked.len(), ranked.len() + 1, usize::MAX] {
        let answer = view.query(probe).unwrap().top_k(k).unwrap();
        assert_eq!(answer.hits, ranked[..k.min(ranked.len())]);
        whole(&answer);
        let answer = view.query(probe).unwrap().mode(Mode::Exact).top_groups(k).unwrap();
        assert_eq!(answer.hits, groups[..k.min(groups.len())], "one hit for each of {k} groups");
        whole(&answer);
    }
    let middle = ranked.get(ranked.len() / 2).map_or(0.0, |hit| hit.score);
    for least in [2.0, 0.9, middle, 0.0, -2.0, f32::NEG_INFINITY, f32::INFINITY] {
        let answer = view.query(probe).unwrap().range(least).unwrap();
        assert_eq!(answer.hits, ranked[..ranked.partition_point(|hit| hit.score >= least)]);
        whole(&answer);
        let only = view.query(probe).unwrap().hits_only().range(least).unwrap();
        assert_eq!(only.max_score, answer.hits.first().map(|hit| hit.score));
        assert_eq!((&only.hits, only.scanned, only.complete), (&answer.hits, answer.scanned, true));
        let mut stream = view.query(probe).unwrap().stream(least);
        assert_eq!(sorted(&mut stream), answer.hits);
        assert!(stream.complete() && stream.next().is_none());
        assert_eq!((stream.scanned(), stream.max_score()), (answer.scanned, answer.max_score));
    }
}

/// All hits of a stream, best first.
fn sorted(stream: &mut RangeStream<'_>) -> Vec<Hit> {
    let mut hits: Vec<Hit> = stream.by_ref().map(|hit| hit.unwrap()).collect();
    hits.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.id.cmp(&other.id)));
    hits
}

#[test]
fn twenty_thousand_rows_answer_as_a_sort_does() {
    let (_directory, index, oracle) = large(64, 20_000);
    let view = index.view();
    compare(&view, &oracle, &vector(64, 1_000_000));
    compare(&view, &oracle, &vector(64, 5));
    let own = view.query(&vector(64, 12_000)).unwrap().top_k(1).unwrap();
    assert_eq!(own.hits[0].id, 12_000);
}

#[test]
fn a_filter_hides_rows_and_nothing_else() {
    let (_directory, index, oracle) = large(8, 3_000);
    let view = index.view();
    let probe = vector(8, 77);
    type Filter = fn(u64, u64) -> bool;
    let filters: [(&str, Filter); 5] = [
        ("all", |_, _| true),
        ("none", |_, _| false),
        ("odd ids", |id, _| id % 2 == 1),
        ("few groups", |_, group| group % 50 == 0),
        ("one row", |id, _| id == 2_001),
    ];
    for (what, filter) in filters {
        let mut left = oracle.clone();
        left.0.retain(|id, row| filter(*id, row.0));
        let (ranked, groups) = (left.ranked(&probe), left.ranked_groups(&probe));
        let best = ranked.first().map(|hit| hit.score);
        let query = || view.query(&probe).unwrap().filter(&filter);
        for k in [0, 1, 10, 5_000] {
            let answer = query().top_k(k).unwrap();
            assert_eq!(answer.hits, ranked[..k.min(ranked.len())], "{what}");
            assert_eq!((answer.max_score, answer.scanned), (best, oracle.0.len() as u64), "{what}");
            assert_eq!(query().top_groups(k).unwrap().hits, groups[..k.min(groups.len())], "{what}");
        }
        for least in [-2.0, 0.3, 2.0] {
            let answer = query().range(least).unwrap();
            assert_eq!(answer.hits, ranked[..ranked.partition_point(|hit| hit.score >= least)], "{what}");
            assert_eq!(answer.max_score, best, "{what}");
            assert_eq!(sorted(&mut query().stream(least)), answer.hits, "{what}");
        }
        // Rows that are not selected are not even scored.
        let selected = view.select(filter);
        let ids: Vec<u64> = (0..3_100).filter(|id| left.0.contains_key(id)).chain([7, 9_999]).rev().collect();
        for selection in [&selected, &view.select_ids(&ids)] {
            assert_eq!((selection.len(), selection.is_empty()), (left.0.len(), left.0.is_empty()), "{what}");
            let query = || view.query(&probe).unwrap().among(selection).unwrap();
            let answer = query().top_k(10).unwrap();
            assert_eq!(answer.hits, ranked[..10.min(ranked.len())], "{what}");
            assert_eq!((answer.max_score, answer.scanned), (best, left.0.len() as u64), "{what}");
            assert_eq!(query().top_groups(10).unwrap().hits, groups[..10.min(groups.len())], "{what}");
            assert_eq!(sorted(&mut query().stream(-2.0)), ranked, "{what}");
            let both = query().filter(&|id, _| id % 2 == 0).range(-2.0).unwrap();
            assert_eq!(both.hits, ranked.iter().filter(|hit| hit.id % 2 == 0).copied().collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_selection_is_of_one_view() {
    let (_directory, index, _) = large(8, 300);
    let before = index.view();
    let selection = before.select(|id, _| id < 40);
    assert!(before.clone().query(&vector(8, 1)).unwrap().among(&selection).is_ok());
    index.delete(&[0]).unwrap();
    let after = index.view();
    assert!(matches!(after.query(&vector(8, 1)).unwrap().among(&selection), Err(Error::OtherView)));
    assert_eq!(
        before.query(&vector(8, 1)).unwrap().among(&selection).unwrap().top_k(99).unwrap().hits.len(),
        27
    );
}

#[test]
fn a_batch_answers_as_its_queries_do() {
    let (_directory, index, _) = large(64, 20_000);
    let view = index.view();
    let selection = view.select(|id, _| id % 5 < 3);
    for count in [0, 1, 2, 16, 17, 50] {
        let probes: Vec<Vec<f32>> = (0..count).map(|seed| vector(64, 3 * seed + 1_000)).collect();
        let probes: Vec<&[f32]> = probes.iter().map(Vec::as_slice).collect();
        let batch = || view.batch(&probes).unwrap().among(&selection).unwrap().filter(&|_, group| group != 5);
        let answers = [batch().top_k(7), batch().top_groups(7), batch().range(0.3)].map(Result::unwrap);
        assert!(answers.iter().all(|answers| answers.len() == probes.len()));
        for (at, probe) in probes.iter().enumerate() {
            let query =
                || view.query(probe).unwrap().among(&selection).unwrap().filter(&|_, group| group != 5);
            let expected = [query().top_k(7), query().top_groups(7), query().range(0.3)].map(Result::unwrap);
            assert_eq!(answers.each_ref().map(|answers| answers[at].clone()), expected);
        }
    }
    let bad = [&vector(64, 1)[..], &[1.0]];
    assert!(matches!(view.batch(&bad).err(), Some(Error::WrongDimension { row: 1, expected: 64, got: 1 })));
}

#[test]
fn equal_scores_rank_by_id_wherever_the_rows_lie() {
    let directory = quick_directory();
    let options = Options::new(5).shards(4);
    let index = Index::create(&directory.path().join("index"), options).unwrap();
    let mut oracle = Oracle::default();
    // Few vectors and many rows; ids in no order, spread over segments, buffers and shards.
    for part in 0..5u64 {
        let given: Vec<_> = (0..200)
            .map(|row| (part * 200 + row).wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .map(|id| (id, id % 97, vector(5, id % 3)))
            .collect();
        index.insert(&borrowed(&given)).unwrap();
        given.into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
        if part < 4 {
            index.seal().unwrap();
        }
    }
    (0..4).for_each(|seed| compare(&index.view(), &oracle, &vector(5, seed)));
}

#[test]
fn an_empty_index_answers_with_nothing() {
    let directory = quick_directory();
    let index = Index::create(&directory.path().join("index"), Options::new(3)).unwrap();
    compare(&index.view(), &Oracle::default(), &vector(3, 1));
    index.insert(&borrowed(&rows(3, 0..50, 5))).unwrap();
    index.seal().unwrap();
    index.delete(&(0..50).collect::<Vec<_>>()).unwrap();
    assert_eq!(index.stats().deleted_rows, 50);
    compare(&index.view(), &Oracle::default(), &vector(3, 1));
}

#[test]
fn hostile_probes_are_refused_by_type() {
    let directory = quick_directory();
    let index = Index::create(&directory.path().join("index"), Options::new(3)).unwrap();
    index.insert(&borrowed(&rows(3, 0..10, 2))).unwrap();
    let view = index.view();
    let refused = |probe: &[f32]| view.query(probe).err().unwrap();
    for wrong in [&[][..], &[1.0], &[0.6, 0.8], &[1.0, 0.0, 0.0, 0.0]] {
        assert!(
            matches!(refused(wrong), Error::WrongDimension { row: 0, expected: 3, got } if got == wrong.len())
        );
    }
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(matches!(refused(&[0.6, bad, 0.8]), Error::NotFinite { row: 0, position: 1 }));
    }
    for bad in [[0.0; 3], [1e-30, 0.0, 0.0], [1.0; 3], [1e30, 0.0, 0.0], [0.998, 0.0, 0.0]] {
        assert!(matches!(refused(&bad), Error::NotUnit { row: 0, .. }), "{bad:?}");
    }
    let query = || view.query(&[1.0, 0.0, 0.0]).unwrap();
    assert_eq!(query().top_k(3).unwrap().hits.len(), 3);
}

/// Every answer that the tests below compare, to the bit.
fn answers(view: &View, dimension: usize, probes: Range<u64>) -> Vec<(u64, u64, u32)> {
    let bits = |hit: Hit| (hit.id, hit.group, hit.score.to_bits());
    probes
        .flat_map(|seed| {
            let probe = vector(dimension, seed);
            let query = || view.query(&probe).unwrap();
            [query().top_k(20), query().top_groups(20), query().range(0.2)]
        })
        .flat_map(|answer| answer.unwrap().hits.into_iter().map(bits))
        .collect()
}

#[test]
fn threads_change_nothing() {
    let (_directory, index, oracle) = large(128, 15_000);
    let view = index.view();
    assert!(oracle.0.len() * 128 * 4 > 4 << 20, "enough for a search to use several threads");
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let expected = pool(1).install(|| answers(&view, 128, 0..3));
    assert!(expected.len() > 100);
    for threads in [2, 3, 16] {
        assert_eq!(pool(threads).install(|| answers(&view, 128, 0..3)), expected, "{threads} threads");
    }
    // The first of these verify the blocks of a fresh mapping, all at once.
    let (path, _) = (index.path().to_owned(), index.close().unwrap());
    let index = Index::open(&path).unwrap();
    let view = &index.view();
    std::thread::scope(|scope| {
        let searches: Vec<_> = (0..8).map(|_| scope.spawn(move || answers(view, 128, 0..3))).collect();
        searches.into_iter().for_each(|search| assert_eq!(search.join().unwrap(), expected));
    });
}

#[test]
fn sealing_and_reopening_change_no_bit() {
    let directory = quick_directory();
    let options = Options::new(100).shards(2);
    let mut index = Index::create(&directory.path().join("index"), options).unwrap();
    index.insert(&borrowed(&rows(100, 0..2_000, 5))).unwrap();
    index.delete(&(0..2_000).step_by(9).collect::<Vec<_>>()).unwrap();
    let path = index.path().to_owned();
    let before = answers(&index.view(), 100, 0..10);
    assert!(before.len() > 400);
    let old = index.view();
    for round in 0..2 {
        index.close().unwrap();
        index = Index::open(&path).unwrap();
        assert_eq!(answers(&index.view(), 100, 0..10), before, "reopened, {round} times sealed");
        index.seal().unwrap();
        assert_eq!((index.stats().buffered_rows, index.stats().segments), (0, 2));
        assert_eq!(answers(&index.view(), 100, 0..10), before, "sealed");
    }
    assert_eq!(answers(&old, 100, 0..10), before, "a view outlives its index");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_mixture_answers_as_a_sort_does(seed in any::<u64>(), dimension in 1usize..70, count in 1u64..300) {
        let directory = quick_directory();
        let options = Options::new(dimension).shards(2).seal_rows(40);
        let index = Index::create(&directory.path().join("index"), options).unwrap();
        let (mut oracle, mut random) = (Oracle::default(), Random(seed));
        for id in 0..count {
            let given = [(id, random.below(20), vector(dimension, random.below(100)))];
            index.insert(&borrowed(&given)).unwrap();
            given.into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
            if random.below(4) == 0 {
                let victim = random.below(id + 1);
                index.delete(&[victim]).unwrap();
                oracle.0.remove(&victim);
            }
        }
        compare(&index.view(), &oracle, &vector(dimension, random.below(200)));
    }
}

#[test]
fn a_range_from_what_is_no_number_is_refused() {
    let directory = quick_directory();
    let index = Index::create(&directory.path().join("index"), Options::new(3)).unwrap();
    index.insert(&borrowed(&rows(3, 0..10, 1))).unwrap();
    let (view, probe) = (index.view(), vector(3, 5));
    let refused = |error: Option<Error>| {
        assert!(matches!(error, Some(Error::InvalidOption { field: "min_score", .. })), "{error:?}");
    };
    refused(view.query(&probe).unwrap().range(f32::NAN).err());
    refused(view.batch(&[&probe]).unwrap().range(f32::NAN).err());
    let mut stream = view.query(&probe).unwrap().stream(f32::NAN);
    refused(stream.next().and_then(Result::err));
    assert!(stream.next().is_none());
    assert_eq!(view.query(&probe).unwrap().range(f32::NEG_INFINITY).unwrap().hits.len(), 10);
    assert!(view.query(&probe).unwrap().range(f32::INFINITY).unwrap().hits.is_empty());
}
