//! Errors of a service, as `application/problem+json` (RFC 9457).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FaceEnrolled;

/// An invalid field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvalidField {
    /// The path of the field, such as `probes[0].image`.
    pub field: String,
    /// What is wrong.
    pub reason: String,
}

/// The body of an error reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemBody {
    /// Always `about:blank`: the meaning is given by `code`.
    pub r#type: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status.
    #[schemars(range(min = 400, max = 599))]
    pub status: u16,
    /// A stable code for programs, such as `no_face`.
    pub code: String,
    /// What is wrong, in words.
    pub detail: String,
    /// Identifies the request in the log of the server.
    pub id: String,
    /// The invalid fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<InvalidField>,
    /// The result for each face of an enrollment in which no face gave a template.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faces: Vec<FaceEnrolled>,
}
