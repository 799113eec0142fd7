//! What goes in, and what is said about it.

/// One row to insert.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The caller's id, unique among live rows of the whole index. May be used again once deleted.
    pub id: u64,
    /// What the row belongs to (a person, a document). Rows of a group live in one shard, are found together
    /// by [`View::group_ids`](crate::View::group_ids) and compete as one in
    /// [`Query::top_groups`](crate::Query::top_groups).
    pub group: u64,
    /// `dimension` finite components of length 1 (within 0.001). Stored bit by bit as given.
    pub vector: &'a [f32],
}

/// A stored row, copied out.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The caller's id.
    pub id: u64,
    /// What the row belongs to.
    pub group: u64,
    /// The vector, bit by bit as inserted.
    pub vector: Vec<f32>,
}

/// When an insert is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// After a sync to disk that writers waiting at the same time share: whoever comes while a sync runs is covered
    /// by the next one, so nobody waits for more than two. Nothing acknowledged is lost in a power cut.
    #[default]
    Group,
    /// After a sync of its own.
    Each,
    /// Without a sync. Survives the end of the process, however abrupt; in a power cut what came after the last
    /// [`Index::sync`](crate::Index::sync) or seal may be lost, from the end, never with holes in a shard.
    Bulk,
}

/// Acknowledges a write: it is visible to every later view.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Rows inserted, or rows deleted that were live.
    pub rows: usize,
    /// Whether the write survives a power cut.
    pub durable: bool,
    /// For each shard that was written: its number and the last sequence number of the write in its log.
    pub sequences: Vec<(u16, u64)>,
}
