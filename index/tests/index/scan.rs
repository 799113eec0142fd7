//! Searches by codes, which bound every score, against scoring every row and sorting.

use std::fs;

use gallerist_index::{Certificate, Error, Hit, Index, Mode, Options, Query, View};

use crate::oracle::{Oracle, Random, borrowed, quick_directory};

/// A unit vector near one of a few hundred directions, whose components shrink by a factor: what encoders make.
fn face(random: &mut Random, dimension: usize, shrink: f64) -> Vec<f32> {
    let mut weight = 1.0;
    let normal = |random: &mut Random| {
        (0..4).map(|_| random.below(1 << 20) as f64 / f64::from(1 << 19) - 1.0).sum::<f64>()
    };
    let mut person = Random(random.below(400));
    let numbers: Vec<f64> = (0..dimension)
        .map(|_| {
            weight *= shrink;
            weight * (normal(&mut person) + 0.7 * normal(random))
        })
        .collect();
    let norm = numbers.iter().map(|number| number * number).sum::<f64>().sqrt();
    numbers.iter().map(|number| (number / norm) as f32).collect()
}

/// An index with two segments that have codes, one that has none and a buffer; a seventh of the rows is deleted.
fn index(dimension: usize, shrink: f64) -> (tempfile::TempDir, Index, Oracle, Random) {
    let directory = quick_directory();
    let options = Options::new(dimension).shards(1).background_compaction(false);
    let index = Index::create(&directory.path().join("index"), options).unwrap();
    let (mut oracle, mut random) = (Oracle::default(), Random(dimension as u64));
    let mut next = 0;
    for count in [6_000, 5_001, 400, 300] {
        let rows: Vec<_> =
            (next..next + count).map(|id| (id, id / 3, face(&mut random, dimension, shrink))).collect();
        next += count;
        index.insert(&borrowed(&rows)).unwrap();
        rows.into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
        if count > 300 {
            index.seal().unwrap();
        }
    }
    let deleted: Vec<u64> = (0..next).step_by(7).collect();
    index.delete(&deleted).unwrap();
    deleted.iter().for_each(|id| drop(oracle.0.remove(id)));
    assert_eq!(index.stats().segments, 3);
    (directory, index, oracle, random)
}

fn compare(view: &View, oracle: &Oracle, probe: &[f32], certain: bool) -> u64 {
    let (ranked, groups) = (oracle.ranked(probe), oracle.ranked_groups(probe));
    let query = || view.query(probe).unwrap().mode(Mode::Scan);
    let mut rescored = 0;
    for k in [0, 1, 10, 500, usize::MAX] {
        let answer = query().top_k(k).unwrap();
        assert_eq!(answer.hits, ranked[..k.min(ranked.len())]);
        assert_eq!((answer.max_score, answer.mode), (Some(ranked[0].score), Mode::Scan));
        assert_eq!((answer.scanned, answer.complete), (ranked.len() as u64, certain));
        assert_eq!(answer.certificate == Certificate::Exact, certain);
        rescored = if k == 10 { answer.rescored } else { rescored };
        assert_eq!(query().top_groups(k).unwrap().hits, groups[..k.min(groups.len())]);
        let auto = view.query(probe).unwrap().top_k(k).unwrap();
        assert_eq!((&auto.hits, auto.certificate), (&answer.hits, Certificate::Exact));
    }
    for least in [ranked[40].score, 0.99, 2.0, -2.0] {
        let answer = query().range(least).unwrap();
        assert_eq!(answer.hits, ranked[..ranked.partition_point(|hit| hit.score >= least)]);
        assert_eq!(answer.max_score, Some(ranked[0].score));
        let only = query().hits_only().range(least).unwrap();
        assert_eq!(only.max_score, answer.hits.first().map(|hit| hit.score));
        assert!(least < 2.0 || only.rescored < answer.rescored, "the best of all is not looked for");
        assert_eq!((only.hits, only.certificate), (answer.hits, answer.certificate));
    }
    rescored
}

#[test]
fn bounds_lose_no_hit() {
    for (dimension, shrink) in [(16, 1.0), (96, 0.95), (200, 0.98)] {
        let (_directory, index, oracle, mut random) = index(dimension, shrink);
        let view = index.view();
        for _ in 0..4 {
            let rescored = compare(&view, &oracle, &face(&mut random, dimension, shrink), true);
            assert!((10..4_000).contains(&rescored), "{rescored} of {} rows were scored", view.len());
        }
        assert!(index.check().unwrap().is_clean());
    }
}

#[test]
fn without_structure_one_bit_says_so() {
    let (_directory, index, oracle, mut random) = index(512, 1.0);
    let view = index.view();
    for _ in 0..2 {
        compare(&view, &oracle, &face(&mut random, 512, 1.0), false);
    }
    let probe = face(&mut random, 512, 1.0);
    let query = || view.query(&probe).unwrap();
    let certificate = |query: Query<'_>| query.top_k(10).unwrap().certificate;
    assert_eq!(certificate(query().mode(Mode::Scan)), Certificate::Bounded { miss: 1e-5 });
    assert_eq!(certificate(query().miss(1e-3)), Certificate::Bounded { miss: 1e-3 });
    assert_eq!(certificate(query().miss(0.1)), Certificate::Bounded { miss: 0.1 });
    assert_eq!(certificate(query().miss(1e-15)), Certificate::Bounded { miss: 1e-15 });
    assert_eq!(certificate(query().miss(1e-3).mode(Mode::Exact)), Certificate::Exact);
    assert_eq!(certificate(query()), Certificate::Exact, "a miss must be allowed");
}

#[test]
fn filters_selections_and_batches_are_bounded_alike() {
    let (_directory, index, oracle, mut random) = index(96, 0.95);
    let view = index.view();
    let odd = |id: u64, group: u64| id % 2 == 1 && !group.is_multiple_of(3);
    let selection = view.select(|id, _| id % 5 != 2);
    let mut left = oracle.clone();
    left.0.retain(|&id, row| odd(id, row.0) && id % 5 != 2);
    let probes: Vec<Vec<f32>> = (0..20).map(|_| face(&mut random, 96, 0.95)).collect();
    let borrowed: Vec<&[f32]> = probes.iter().map(Vec::as_slice).collect();
    let batch = || view.batch(&borrowed).unwrap().mode(Mode::Scan).among(&selection).unwrap().filter(&odd);
    let (top, groups, range) =
        (batch().top_k(10).unwrap(), batch().top_groups(10).unwrap(), batch().range(0.5).unwrap());
    for (at, probe) in probes.iter().enumerate() {
        let ranked = left.ranked(probe);
        let whole = |hits: &[Hit]| assert_eq!(hits, &ranked[..hits.len()]);
        whole(&top[at].hits);
        whole(&range[at].hits);
        assert_eq!(top[at].hits.len(), 10);
        assert_eq!(range[at].hits.len(), ranked.partition_point(|hit| hit.score >= 0.5));
        assert_eq!(groups[at].hits, left.ranked_groups(probe)[..10]);
        assert_eq!(top[at].max_score, Some(ranked[0].score));
        let query = || view.query(probe).unwrap().mode(Mode::Scan).among(&selection).unwrap().filter(&odd);
        assert_eq!(query().top_k(10).unwrap().hits, top[at].hits);
    }
}

#[test]
fn threads_and_reopening_change_no_hit() {
    let (_directory, index, _, mut random) = index(96, 0.95);
    let probe = face(&mut random, 96, 0.95);
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let (path, view) = (index.path().to_owned(), index.view());
    let ask = |view: &View| view.query(&probe).unwrap().mode(Mode::Scan).top_k(25).unwrap().hits;
    let expected = ask(&view);
    for threads in [1, 2, 7] {
        assert_eq!(pool(threads).install(|| ask(&view)), expected);
    }
    index.compact().unwrap();
    assert_eq!(ask(&index.view()), expected);
    drop(view);
    index.close().unwrap();
    assert_eq!(ask(&Index::open(&path).unwrap().view()), expected);
}

#[test]
fn damaged_codes_are_named_and_vectors_still_answer() {
    let (_directory, index, oracle, mut random) = index(96, 0.95);
    let path = index.path().to_owned();
    index.close().unwrap();
    let largest = fs::read_dir(&path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "seg"))
        .max_by_key(|file| file.metadata().unwrap().len())
        .unwrap();
    // The codes are the last but for checksums.
    let mut bytes = fs::read(&largest).unwrap();
    let at = bytes.len() - 70_000;
    bytes[at] ^= 1;
    fs::write(&largest, bytes).unwrap();
    let index = Index::open(&path).unwrap();
    let (view, probe) = (index.view(), face(&mut random, 96, 0.95));
    let error = view.query(&probe).unwrap().mode(Mode::Scan).top_k(3).unwrap_err();
    assert!(matches!(&error, Error::Damaged { path, .. } if *path == largest), "{error}");
    let exact = view.query(&probe).unwrap().mode(Mode::Exact).top_k(3).unwrap();
    assert_eq!(exact.hits, oracle.ranked(&probe)[..3]);
    assert!(!index.check().unwrap().is_clean());
}
