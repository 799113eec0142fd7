//! The columns of rows that lie together, in a buffer or in a segment.

/// Borrowed columns of some rows. Row `i` has `ids[i]`, `groups[i]` and
/// `vectors[i * dimension..][..dimension]`; `order` lists the rows by ascending id. `lengths` is empty where
/// all are 1.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) dimension: usize,
    pub(crate) ids: &'a [u64],
    pub(crate) groups: &'a [u64],
    pub(crate) order: &'a [u32],
    pub(crate) vectors: &'a [f32],
    pub(crate) lengths: &'a [f32],
}

impl<'a> Part<'a> {
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn vector(&self, row: usize) -> Option<&'a [f32]> {
        self.vectors.get(row * self.dimension..(row + 1) * self.dimension)
    }

    /// What the length of a row's vector was before it was normalised.
    pub(crate) fn length(&self, row: usize) -> f32 {
        self.lengths.get(row).copied().unwrap_or(1.0)
    }

    /// Ids come from files: a row number beyond the end sorts last and is never found.
    fn id(&self, row: u32) -> u64 {
        self.ids.get(row as usize).copied().unwrap_or(u64::MAX)
    }

    /// The row with this id, dead or alive.
    pub(crate) fn find(&self, id: u64) -> Option<usize> {
        let at = self.order.partition_point(|&row| self.id(row) < id);
        let row = *self.order.get(at)? as usize;
        (self.ids.get(row) == Some(&id)).then_some(row)
    }

    /// Calls `found(position in ids, row)` for each of the ascending `ids` that is here. Takes time in
    /// proportion to the shorter of both lists and the logarithm of the longer.
    pub(crate) fn find_each(&self, ids: &[u64], mut found: impl FnMut(usize, usize)) {
        let mut rest = self.order;
        let last = rest.last().map(|&row| self.id(row));
        for (position, &id) in ids.iter().enumerate() {
            if last.is_none_or(|last| last < id) {
                return;
            }
            let mut reach = 1;
            while reach < rest.len() && self.id(rest[reach]) < id {
                reach *= 2;
            }
            let near = rest.len().min(reach + 1);
            let at = reach / 2 + rest[reach / 2..near].partition_point(|&row| self.id(row) < id);
            rest = &rest[at..];
            if let Some(&row) = rest.first()
                && self.ids.get(row as usize) == Some(&id)
            {
                found(position, row as usize);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lookups_agree_with_a_linear_search(
            ids in prop::collection::btree_set(0u64..500, 0..200),
            shuffle in any::<u64>(),
            wanted in prop::collection::btree_set(0u64..520, 0..100),
        ) {
            let mut ids: Vec<u64> = ids.into_iter().collect();
            ids.sort_by_key(|id| (id ^ shuffle).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let mut order: Vec<u32> = (0..ids.len() as u32).collect();
            order.sort_by_key(|&row| ids[row as usize]);
            let part = Part { dimension: 1, ids: &ids, groups: &ids, order: &order, vectors: &[], lengths: &[] };
            let wanted: Vec<u64> = wanted.into_iter().collect();
            let mut seen = Vec::new();
            part.find_each(&wanted, |position, row| seen.push((wanted[position], row)));
            let expected: Vec<(u64, usize)> = wanted
                .iter()
                .filter_map(|&id| ids.iter().position(|&other| other == id).map(|row| (id, row)))
                .collect();
            prop_assert_eq!(&seen, &expected);
            for &id in &wanted {
                prop_assert_eq!(part.find(id), ids.iter().position(|&other| other == id));
            }
        }
    }

    #[test]
    fn a_wrong_order_finds_nothing_and_does_not_panic() {
        let (vectors, lengths) = (&[1.0, 1.0], &[]);
        let part = Part { dimension: 1, ids: &[5, 6], groups: &[1, 1], order: &[9, 8], vectors, lengths };
        assert_eq!(part.find(5), None);
        part.find_each(&[1, 5, 6, u64::MAX], |_, _| panic!("nothing is there"));
        assert_eq!(part.vector(2), None);
    }
}
