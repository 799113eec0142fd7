//! Snapshots of a local store.

use gallerist_index::{Batch, Control, Error, Progress};

use crate::gallery::vectors::error::Result;
use crate::gallery::vectors::{
    Answer, Join, Lookups, Pair, PairSink, Query, Rows, Selection, Snapshot, Stored, View,
};

/// A view of the index.
pub(super) struct LocalSnapshot(pub gallerist_index::View);

/// A condition on id and subject of a row.
type Condition<'a> = &'a (dyn Fn(u64, u64) -> bool + Sync);

impl LocalSnapshot {
    /// The search for a query. `not_excepted` is true for every row except [`Query::except`].
    fn batch<'a>(&'a self, query: &Query<'a>, not_excepted: Condition<'a>) -> Result<Batch<'a>> {
        let mut batch = self.0.batch(query.probes)?.mode(query.mode.into());
        if let Some(miss) = query.miss {
            batch = batch.miss(miss);
        }
        if let Some(recall) = query.recall {
            batch = batch.recall(recall);
        }
        if query.hits_only {
            batch = batch.hits_only();
        }
        if query.except.is_some() {
            batch = batch.filter(not_excepted);
        }
        Ok(match query.among {
            Some(selection) => batch.among(selection.downcast()?)?,
            None => batch,
        })
    }
}

fn all(answers: Vec<gallerist_index::Answer>) -> Vec<Answer> {
    answers.into_iter().map(Answer::from).collect()
}

impl Snapshot for LocalSnapshot {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn absent(&self, ids: &[u64]) -> Result<Vec<u64>> {
        Ok(ids.iter().copied().filter(|&id| !self.0.contains(id)).collect())
    }

    fn vectors<'a>(&'a self, ids: &'a [u64]) -> Lookups<'a> {
        Box::new(ids.iter().map(|&id| self.get(id)))
    }

    fn get(&self, id: u64) -> Result<Option<Stored>> {
        Ok(self.0.get(id)?.map(Stored::from))
    }

    fn ids_of(&self, subject: u64) -> Result<Vec<u64>> {
        Ok(self.0.group_ids(subject))
    }

    fn rows(&self) -> Rows<'_> {
        Box::new(self.0.rows().map(|row| Ok(row?.into())))
    }

    fn without(&self, ids: &[u64]) -> Result<View> {
        Ok(View::new(Self(self.0.without(ids))))
    }

    fn select(&self, passes: &dyn Fn(u64) -> bool) -> Result<Selection> {
        Ok(Selection::new(self.0.select(|_, subject| passes(subject))))
    }

    fn top(&self, query: &Query<'_>, k: usize) -> Result<Vec<Answer>> {
        let not_excepted = |id: u64, _: u64| Some(id) != query.except;
        Ok(all(self.batch(query, &not_excepted)?.top_k(k)?))
    }

    fn top_subjects(&self, query: &Query<'_>, k: usize) -> Result<Vec<Answer>> {
        let not_excepted = |id: u64, _: u64| Some(id) != query.except;
        Ok(all(self.batch(query, &not_excepted)?.top_groups(k)?))
    }

    fn range(&self, query: &Query<'_>, min_score: f32) -> Result<Vec<Answer>> {
        let not_excepted = |id: u64, _: u64| Some(id) != query.except;
        Ok(all(self.batch(query, &not_excepted)?.range(min_score)?))
    }

    fn join(&self, join: Join<'_>, sink: PairSink<'_>) -> Result<bool> {
        let report = |progress: Progress| (join.progress)(progress.done, progress.total.unwrap_or(0));
        let control = Control::new().stop(join.stop).progress(&report);
        let mut converted = Vec::new();
        let give = |pairs: &[gallerist_index::Pair]| {
            converted.clear();
            converted.extend(pairs.iter().copied().map(Pair::from));
            sink(&converted)
        };
        let of_index = self.0.join(join.min_score).groups(join.subjects.into()).control(control);
        let result = match join.device {
            Some(device) => of_index.run_on(device, give),
            None => of_index.run(give),
        };
        match result {
            Err(Error::Stopped { .. }) => Ok(false),
            result => Ok(result.map(|_| true)?),
        }
    }
}
