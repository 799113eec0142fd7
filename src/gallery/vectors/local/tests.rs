//! The checks of all stores for the local store, and further ones.

use std::path::PathBuf;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

use crate::gallery::vectors::conformance::Place;
use crate::gallery::vectors::{Access, GraphWhen, Mode, Query, Row, VectorErrorKind, VectorStore, local};
use crate::template::{Template, product};

struct Folder(TempDir);

impl Folder {
    fn path(&self) -> PathBuf {
        self.0.path().join("index")
    }

    fn create(dimension: usize, graph: GraphWhen) -> (Self, Box<dyn VectorStore>) {
        let folder = Self(tempfile::tempdir().unwrap());
        let store = local::create(&folder.path(), dimension, "model", graph).unwrap();
        (folder, Box::new(store))
    }

    fn open(&self, access: Access) -> Option<Box<dyn VectorStore>> {
        Some(Box::new(local::open(&self.path(), access, Duration::ZERO).unwrap()))
    }
}

/// Stores with their rows in buffers and logs.
mod buffered {
    use super::*;
    use crate::gallery::vectors::conformance::conforms;

    struct Buffered(Folder);

    impl Place for Buffered {
        fn create(dimension: usize) -> (Self, Box<dyn VectorStore>) {
            let (folder, store) = Folder::create(dimension, GraphWhen::Never);
            (Self(folder), store)
        }

        fn reopen(&self, access: Access) -> Option<Box<dyn VectorStore>> {
            self.0.open(access)
        }
    }

    conforms!(Buffered);
}

/// Stores with their rows in segments, which have codes where they are large.
mod sealed {
    use super::*;
    use crate::gallery::vectors::conformance::conforms;

    pub struct Sealed(Folder);

    impl Place for Sealed {
        const ROWS: usize = 18_000; // segments of fewer than 4096 rows have no codes

        fn create(dimension: usize) -> (Self, Box<dyn VectorStore>) {
            let (folder, store) = Folder::create(dimension, GraphWhen::Never);
            (Self(folder), store)
        }

        fn reopen(&self, access: Access) -> Option<Box<dyn VectorStore>> {
            self.0.open(access)
        }

        fn arrange(store: &dyn VectorStore) {
            store.compact().unwrap();
        }
    }

    conforms!(Sealed);
}

/// Stores with their rows in segments that have graphs.
mod graphs {
    use super::*;
    use crate::gallery::vectors::conformance::conforms;

    pub struct Graphs(Folder);

    impl Place for Graphs {
        fn create(dimension: usize) -> (Self, Box<dyn VectorStore>) {
            let (folder, store) = Folder::create(dimension, GraphWhen::Always);
            (Self(folder), store)
        }

        fn reopen(&self, access: Access) -> Option<Box<dyn VectorStore>> {
            self.0.open(access)
        }

        fn arrange(store: &dyn VectorStore) {
            store.compact().unwrap();
        }
    }

    conforms!(Graphs);
}

fn unit(random: &mut ChaCha8Rng, dimension: usize) -> Vec<f32> {
    let raw: Vec<f32> = (0..dimension).map(|_| random.random_range(-1.0..1.0)).collect();
    Template::from_raw(&raw).unwrap().as_slice().to_vec()
}

/// The stores have the intended state: their searches use codes, and graphs.
#[test]
fn large_segments_are_searched_by_codes_and_graphs() {
    for (rows, graph, mode) in [
        (<sealed::Sealed as Place>::ROWS, GraphWhen::Never, Mode::Scan),
        (<graphs::Graphs as Place>::ROWS, GraphWhen::Always, Mode::Graph { width: 32 }),
    ] {
        let (_folder, store) = Folder::create(40, graph);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let vectors: Vec<Vec<f32>> = (0..rows).map(|_| unit(&mut random, 40)).collect();
        let row = |(id, vector)| Row { id, subject: id / 3, vector };
        let rows: Vec<Row<'_>> = (1..).zip(vectors.iter().map(Vec::as_slice)).map(row).collect();
        store.insert(&rows, 1).unwrap();
        store.compact().unwrap();
        let probes = [&vectors[0][..]];
        let query = Query { mode, ..Query::new(&probes) };
        assert_eq!(store.snapshot().unwrap().top(&query, 3).unwrap()[0].mode, mode);
    }
}

#[test]
fn a_product_is_the_same_number_here_and_in_a_template() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for length in (0..200).chain([255, 256, 257, 384, 500, 511, 512, 1000, 1024, 2048, 4096]) {
        for _ in 0..5 {
            let mut vector = || -> Vec<f32> { (0..length).map(|_| random.random_range(-2.0..2.0)).collect() };
            let (one, other) = (vector(), vector());
            assert_eq!(product::dot(&one, &other).to_bits(), local::dot(&one, &other).to_bits(), "{length}");
            // Of vectors of different length, only the shorter length is used.
            let part = &one[..length / 2];
            assert_eq!(product::dot(part, &other).to_bits(), local::dot(part, &other).to_bits(), "{length}");
        }
    }
}

#[test]
fn an_error_has_the_text_and_the_causes_of_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let (_folder, store) = Folder::create(8, GraphWhen::Never);
    let error = store.insert(&[Row { id: 1, subject: 1, vector: &[1.0; 3] }], 1).unwrap_err();
    assert_eq!(error.to_string(), "row 0: expected a vector of dimension 8, got 3");
    assert!(std::error::Error::source(&error).is_none());
    let nowhere = folder.path().join("no/where");
    let error = local::create(&nowhere, 8, "model", GraphWhen::Never).err().unwrap();
    let cause = std::error::Error::source(&error).unwrap();
    assert!(cause.downcast_ref::<std::io::Error>().is_some());
    assert!(error.to_string().contains(&cause.to_string()), "{error}");
    assert_eq!(error.kind(), VectorErrorKind::Failed);
}

#[test]
fn another_owner_is_not_reported_as_damage() {
    let (folder, store) = Folder::create(8, GraphWhen::Never);
    let open = || local::open(&folder.path(), Access::ReadOnly, Duration::ZERO).err().unwrap().kind();
    assert_eq!(open(), VectorErrorKind::Locked);
    drop(store);
    std::fs::write(folder.path().join("MANIFEST"), "damaged").unwrap();
    assert_eq!(open(), VectorErrorKind::Damaged);
}

#[test]
fn a_copy_is_restored_without_rows_deleted_since() {
    let (folder, store) = Folder::create(8, GraphWhen::Never);
    let vector = {
        let mut vector = [0.0; 8];
        vector[0] = 1.0;
        vector
    };
    let rows = [1, 2, 3].map(|id| Row { id, subject: id, vector: &vector });
    store.insert(&rows, 4).unwrap();
    let (copy, beside) = (folder.0.path().join("copy"), folder.0.path().join("beside"));
    store.copy_to(&copy).unwrap();
    local::copy_at(&folder.path(), &beside).unwrap();
    store.delete(&[2, 3], 5).unwrap();
    drop(store);
    let original = local::open(&folder.path(), Access::ReadOnly, Duration::ZERO).unwrap();
    let mut erasures = original.erasures().unwrap();
    erasures.keep(&[(3, 3)]);
    for copy in [copy, beside] {
        assert!(local::check_at(&copy).unwrap().problems.is_empty());
        let opened = local::open(&copy, Access::ReadOnly, Duration::ZERO).unwrap();
        assert_eq!(opened.erased_since(&erasures).unwrap(), [2]);
        assert_eq!(opened.identity(), original.identity());
        drop(opened);
        let restored = copy.with_extension("restored");
        local::restore(&copy, &restored, Some(&erasures)).unwrap();
        let restored = local::open(&restored, Access::ReadOnly, Duration::ZERO).unwrap();
        let mut ids: Vec<u64> = restored.snapshot().unwrap().rows().map(|row| row.unwrap().id).collect();
        ids.sort_unstable();
        assert_eq!(ids, [1, 3]);
    }
}
