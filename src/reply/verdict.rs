//! The result of recomputing a reply.

use serde::{Deserialize, Serialize};

use crate::decision::Certificate;

/// Whether a reply is what the gallery gives by brute force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The line of the reply, from 1.
    pub reply: u64,
    /// The certificate that it claims; `None` if nothing was searched, or it is no reply.
    pub certificate: Option<Certificate>,
    /// Whether nothing is wrong with it.
    pub holds: bool,
    /// What is wrong, in words.
    pub problems: Vec<String>,
    /// Fields that nothing proves.
    pub not_proven: Vec<String>,
}
