//! Documents: JSON texts that callers store in a gallery, by kind and key. The gallery does not interpret them.

use std::sync::atomic::Ordering;

use super::Gallery;
use super::error::Result;

/// A kind of documents. Each kind has a table in the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// Calibrations, by fusion. The newest few of a key are kept.
    Calibration,
    /// Audits, by search mode. The newest one of a key is kept.
    Audit,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its number among the documents of its kind.
    pub id: i64,
    /// Its key.
    pub key: String,
    /// The JSON text.
    pub text: String,
}

/// Checks a document. Returns the problem in words; `None` if there is none.
pub type DocumentCheck<'a> = &'a dyn Fn(&Gallery, DocumentKind, &Document) -> Option<String>;

impl Gallery {
    /// Stores a document as the newest of its kind and key. Returns its number.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn keep_document(&self, kind: DocumentKind, key: &str, text: &str) -> Result<i64> {
        let mut catalog = self.catalog();
        let kept = match kind {
            DocumentKind::Calibration => catalog.keep_calibration(key, text),
            DocumentKind::Audit => catalog.keep_audit(key, text),
        };
        self.documents_kept.fetch_add(1, Ordering::Release); // also after an error, which may leave fewer documents
        let id = kept?;
        self.record_in_index(&catalog)?;
        Ok(id)
    }

    /// Number of documents that were stored since the gallery was opened. While it does not change, no document changes. Does not wait
    /// for a running write.
    pub fn documents_kept(&self) -> u64 {
        self.documents_kept.load(Ordering::Acquire)
    }

    /// The newest document of a kind, or the newest with a key: its number and its text.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn document(&self, kind: DocumentKind, key: Option<&str>) -> Result<Option<(i64, String)>> {
        match kind {
            DocumentKind::Calibration => self.catalog().calibration(key),
            DocumentKind::Audit => self.catalog().audit(key),
        }
    }

    /// The problems of all documents, in words.
    pub(super) fn document_problems(&self, check: DocumentCheck<'_>) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        for (kind, table) in [(DocumentKind::Calibration, "calibrations"), (DocumentKind::Audit, "audits")] {
            let documents = self.catalog().documents(table)?; // the check may use the catalog
            for (id, key, text) in documents {
                problems.extend(check(self, kind, &Document { id, key, text }));
            }
        }
        Ok(problems)
    }
}

/// Requires that a document is JSON.
pub(super) fn is_json(_: &Gallery, kind: DocumentKind, document: &Document) -> Option<String> {
    let error = serde_json::from_str::<serde::de::IgnoredAny>(&document.text).err()?;
    let what = match kind {
        DocumentKind::Calibration => "calibration",
        DocumentKind::Audit => "audit",
    };
    Some(format!("{what} {} cannot be read: {error}", document.id))
}
