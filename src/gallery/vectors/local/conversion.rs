//! Conversions between the types of the gallery and those of the index.

use gallerist_index as index;

use crate::gallery::vectors::{
    Access, Answer, CheckReport, Compaction, GraphWhen, Hit, Mode, Pair, PairSubjects, Proof, PurgeReceipt,
    Receipt, Row, Statistics, Stored, VectorError, VectorErrorKind,
};

impl From<index::Error> for VectorError {
    fn from(error: index::Error) -> Self {
        let kind = match error {
            index::Error::WrongDimension { .. } => VectorErrorKind::WrongDimension,
            index::Error::NotFinite { .. }
            | index::Error::NotUnit { .. }
            | index::Error::NoDirection { .. } => VectorErrorKind::InvalidVector,
            index::Error::DuplicateId { .. } => VectorErrorKind::DuplicateId,
            index::Error::InvalidOption { .. } => VectorErrorKind::InvalidArgument,
            index::Error::OtherView => VectorErrorKind::OtherSnapshot,
            index::Error::Locked { .. } => VectorErrorKind::Locked,
            index::Error::OpenForReading { .. } => VectorErrorKind::ReadOnly,
            index::Error::Full { .. } => VectorErrorKind::Full,
            index::Error::Damaged { .. } => VectorErrorKind::Damaged,
            index::Error::Device { .. } => VectorErrorKind::Device,
            _ => VectorErrorKind::Failed,
        };
        Self::new(kind, error)
    }
}

impl From<Access> for index::Access {
    fn from(access: Access) -> Self {
        match access {
            Access::ReadWrite => Self::ReadWrite,
            Access::ReadOnly => Self::ReadOnly,
        }
    }
}

impl From<GraphWhen> for index::GraphWhen {
    fn from(when: GraphWhen) -> Self {
        match when {
            GraphWhen::Never => Self::Never,
            GraphWhen::Auto => Self::Auto,
            GraphWhen::Always => Self::Always,
        }
    }
}

impl From<index::GraphWhen> for GraphWhen {
    fn from(when: index::GraphWhen) -> Self {
        match when {
            index::GraphWhen::Auto => Self::Auto,
            index::GraphWhen::Always => Self::Always,
            _ => Self::Never,
        }
    }
}

impl<'a> From<Row<'a>> for index::Row<'a> {
    fn from(Row { id, subject, vector }: Row<'a>) -> Self {
        Self { id, group: subject, vector }
    }
}

impl From<index::Pair> for Pair {
    fn from(index::Pair { ids, groups, score }: index::Pair) -> Self {
        Self { ids, subjects: groups, score }
    }
}

impl From<PairSubjects> for index::PairGroups {
    fn from(subjects: PairSubjects) -> Self {
        match subjects {
            PairSubjects::Any => Self::Any,
            PairSubjects::Different => Self::Different,
            PairSubjects::Same => Self::Same,
        }
    }
}

impl From<index::Stored> for Stored {
    fn from(row: index::Stored) -> Self {
        Self { id: row.id, subject: row.group, vector: row.vector }
    }
}

impl From<Mode> for index::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Auto => Self::Auto,
            Mode::Exact => Self::Exact,
            Mode::Scan => Self::Scan,
            Mode::Graph { width } => Self::Graph { width },
        }
    }
}

impl From<index::Mode> for Mode {
    fn from(mode: index::Mode) -> Self {
        match mode {
            index::Mode::Exact => Self::Exact,
            index::Mode::Scan => Self::Scan,
            index::Mode::Graph { width } => Self::Graph { width },
            _ => Self::Auto,
        }
    }
}

impl From<index::Certificate> for Proof {
    /// An unknown kind of certificate proves nothing.
    fn from(certificate: index::Certificate) -> Self {
        match certificate {
            index::Certificate::Exact => Self::Exact,
            index::Certificate::Bounded { miss } => Self::Bounded { miss },
            _ => Self::None,
        }
    }
}

impl From<index::Hit> for Hit {
    fn from(hit: index::Hit) -> Self {
        Self { id: hit.id, subject: hit.group, score: hit.score }
    }
}

impl From<index::Answer> for Answer {
    fn from(answer: index::Answer) -> Self {
        Self {
            hits: answer.hits.into_iter().map(Hit::from).collect(),
            complete: answer.complete,
            certificate: answer.certificate.into(),
            mode: answer.mode.into(),
            scanned: answer.scanned,
            max_score: answer.max_score,
        }
    }
}

impl From<index::Receipt> for Receipt {
    fn from(receipt: index::Receipt) -> Self {
        Self { shards: receipt.sequences.into_iter().map(|(shard, _)| shard).collect() }
    }
}

impl From<index::Stats> for Statistics {
    fn from(stats: index::Stats) -> Self {
        Self {
            deleted: stats.deleted_rows,
            segments: stats.segments as u64,
            buffered: stats.buffered_rows,
            bytes: stats.bytes,
        }
    }
}

impl From<index::CheckReport> for CheckReport {
    fn from(report: index::CheckReport) -> Self {
        Self {
            files: report.files as u64,
            problems: report.problems.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<index::Compaction> for Compaction {
    fn from(done: index::Compaction) -> Self {
        Self { rewritten: done.rewritten, segments: done.segments, erased: done.erased }
    }
}

impl From<index::PurgeReceipt> for PurgeReceipt {
    fn from(receipt: index::PurgeReceipt) -> Self {
        Self { rewritten: receipt.rewritten, held_by_views: receipt.held_by_views }
    }
}
