//! What `Mode::Auto` chooses: never less certain than asked for, and what it explained.

use gallerist_index::{Certificate, Cost, GraphOptions, GraphWhen, Index, Mode, Options, Query};

use crate::oracle::{Oracle, borrowed, quick_directory, vector};

const ROWS: u64 = 6_000;

/// Many rows in one segment with codes and a graph, and some in a buffer.
fn index() -> (tempfile::TempDir, Index, Oracle) {
    let directory = quick_directory();
    let graph = GraphOptions { when: GraphWhen::Always, degree: 8, build_width: 40 };
    let options = Options::new(24).shards(1).background_compaction(false).graph(graph);
    let index = Index::create(&directory.path().join("index"), options).unwrap();
    let rows: Vec<_> = (0..ROWS).map(|id| (id, id / 2, vector(24, id))).collect();
    let (sealed, buffered) = rows.split_at(ROWS as usize - 100);
    index.insert(&borrowed(sealed)).unwrap();
    index.seal().unwrap();
    index.insert(&borrowed(buffered)).unwrap();
    let mut oracle = Oracle::default();
    rows.into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
    (directory, index, oracle)
}

fn chosen(costs: &[Cost]) -> Mode {
    let chosen: Vec<Mode> = costs.iter().filter(|cost| cost.chosen).map(|cost| cost.mode).collect();
    assert!(costs.iter().all(|cost| cost.milliseconds > 0.0));
    assert_eq!(chosen.len(), 1, "{costs:?}");
    chosen[0]
}

#[test]
fn what_was_explained_is_done_and_as_certain_as_asked_for() {
    let (_directory, index, oracle) = index();
    let view = index.view();
    let probe = vector(24, ROWS + 1);
    let ranked = oracle.ranked(&probe);
    let query = || view.query(&probe).unwrap();

    let modes = |query: Query<'_>| query.explain().iter().map(|cost| cost.mode).collect::<Vec<_>>();
    assert_eq!(modes(query()), [Mode::Exact, Mode::Scan], "graphs miss rows");
    let answer = query().top_k(10).unwrap();
    assert_eq!((answer.mode, answer.certificate), (chosen(&query().explain()), Certificate::Exact));
    assert_eq!(answer.hits, ranked[..10]);

    let [_, _, graph] = query().recall(0.3).explain()[..] else { panic!("three ways") };
    assert!(matches!(graph.mode, Mode::Graph { width: 64.. }), "{graph:?}");
    let answer = query().recall(0.3).top_k(10).unwrap();
    assert_eq!(answer.mode, chosen(&query().recall(0.3).explain()));
    assert!(answer.hits.len() == 10 && answer.complete != matches!(answer.mode, Mode::Graph { .. }));
    assert_eq!(
        modes(query().recall(0.3).filter(&|id, _| id > 7)).len(),
        2,
        "nobody knows how long that walk is"
    );
    assert_eq!(modes(query().recall(1.0)).len(), 2, "no graph finds all");

    let complete = query().recall(0.3).range(0.5).unwrap();
    assert!(complete.complete && complete.hits.iter().all(|hit| hit.score >= 0.5));
}

#[test]
fn selected_rows_are_the_same_whatever_is_chosen() {
    let (_directory, index, oracle) = index();
    let view = index.view();
    let probe = vector(24, ROWS + 2);
    for every in [1000, 100, 10, 2] {
        let selection = view.select(|id, _| id % every == 0);
        let query = || view.query(&probe).unwrap().among(&selection).unwrap();
        let mode = chosen(&query().explain());
        let answer = query().top_k(5).unwrap();
        assert_eq!((answer.mode, answer.complete), (mode, true));
        let mut left = oracle.clone();
        left.0.retain(|id, _| id % every == 0);
        assert_eq!(answer.hits, left.ranked(&probe)[..5]);
        let batch = view.batch(&[&probe, &probe]).unwrap().among(&selection).unwrap();
        assert!(batch.top_k(5).unwrap().iter().all(|other| other.hits == answer.hits && other.mode == mode));
    }
}
