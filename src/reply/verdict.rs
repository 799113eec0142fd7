//! The result of verifying a reply by brute force.

use serde::{Deserialize, Serialize};

use crate::decision::Certificate;

/// Whether a reply agrees with the result of brute force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Line number of the reply, from 1.
    pub reply: u64,
    /// The certificate in the reply; `None` if nothing was searched or the line is not a reply.
    pub certificate: Option<Certificate>,
    /// Whether no problem was found.
    pub holds: bool,
    /// The problems, in words.
    pub problems: Vec<String>,
    /// Fields that were not verified.
    pub not_proven: Vec<String>,
}
