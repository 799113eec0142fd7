//! Errors as `application/problem+json` (RFC 9457), with stable codes.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

use crate::calibration::CalibrationError;
use crate::encoder::EncoderError;
use crate::experiment::ExperimentError;
use crate::gallery::{GalleryError, VectorErrorKind};
use crate::reason::Reason;
use crate::reply::{FaceEnrolled, InvalidField, ProblemBody};
use crate::session::SessionError;

/// An error of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// A stable code for programs.
    pub code: &'static str,
    /// What is wrong, in words. It contains no path and no name of a file of the server.
    pub detail: String,
    /// The invalid fields.
    pub errors: Vec<InvalidField>,
    /// The results of an enrollment in which no face gave a template.
    pub faces: Vec<FaceEnrolled>,
    /// Seconds after which the client may try again.
    pub retry_after: Option<u64>,
}

/// Result with [`Problem`].
pub type Result<T, E = Problem> = std::result::Result<T, E>;

impl Problem {
    /// A problem with a status, a code and an explanation.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), faces: Vec::new(), retry_after: None }
    }

    /// The request is not well-formed.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// A field is invalid.
    pub fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        let invalid = InvalidField { field: field.into(), reason: reason.into() };
        let detail = format!("{}: {}", invalid.field, invalid.reason);
        let errors = vec![invalid];
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", detail) }
    }

    /// The thing that the request names does not exist.
    pub fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// The request contradicts the state of the gallery.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// Too many requests are waiting.
    pub fn overloaded() -> Self {
        let detail = "too many requests are waiting; try again later";
        Self { retry_after: Some(1), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "overloaded", detail) }
    }

    /// The server is starting or stopping.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self { retry_after: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", detail) }
    }

    /// An error of the server. The cause is logged and not shown, because it may contain paths.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        let detail = "the server failed; its log has the details under this id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// No template came from a photo, for this reason.
    pub fn no_template(reason: Reason, detail: &str) -> Self {
        let (status, detail) = match (reason, detail) {
            (Reason::TemporaryFailure, detail) => (StatusCode::SERVICE_UNAVAILABLE, detail.to_owned()),
            (Reason::TooLarge, detail) => (StatusCode::PAYLOAD_TOO_LARGE, without_options(detail)),
            (reason, "") => (StatusCode::UNPROCESSABLE_ENTITY, reason.to_string()),
            (_, detail) => (StatusCode::UNPROCESSABLE_ENTITY, detail.to_owned()),
        };
        Self::new(status, reason.code(), detail)
    }

    /// The reply, with the id of the request.
    pub fn response(&self, id: &str) -> Response<Body> {
        let body = ProblemBody {
            r#type: "about:blank".into(),
            title: self.status.canonical_reason().unwrap_or("Error").into(),
            status: self.status.as_u16(),
            code: self.code.into(),
            detail: self.detail.clone(),
            id: id.into(),
            errors: self.errors.clone(),
            faces: self.faces.clone(),
        };
        let mut response = Response::new(Body::from(serde_json::to_vec(&body).unwrap_or_default()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The limits are those of the server; a value that would permit the photo does not help a client.
fn without_options(detail: &str) -> String {
    detail.split("; ").filter(|part| !part.ends_with("permits it")).collect::<Vec<_>>().join("; ")
}

/// What helps where neither the gallery nor its model has a threshold.
const WITHOUT_THRESHOLD: &str = "give one (`decision.threshold` in JSON, `threshold` in a query or form), or calibrate the gallery (POST calibrations)";

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        let unprocessable = |code, error: &dyn std::fmt::Display| {
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, error.to_string())
        };
        match error {
            SessionError::Gallery(error) | SessionError::BadRow(error) => error.into(),
            SessionError::Request { field, reason } => Self::field(field, reason),
            SessionError::NoSubject { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_subject", error.to_string())
            }
            SessionError::Thresholds { .. } | SessionError::GraphProvesNothing | SessionError::SharedName => {
                unprocessable("invalid_request", &error)
            }
            SessionError::ExternalTemplates => Self::conflict("templates_only", error.to_string()),
            SessionError::NoThreshold => {
                Self::conflict("no_threshold", format!("{error}; {WITHOUT_THRESHOLD}"))
            }
            SessionError::Calibration(error) => error.into(),
            SessionError::Experiment(ExperimentError::Calibration(error)) => error.into(),
            SessionError::Experiment(ExperimentError::Gallery(error)) => error.into(),
            SessionError::Encoder(EncoderError::NoNetworks { .. }) => {
                Self::conflict("no_networks", "this server runs without networks, so it takes templates only")
            }
            SessionError::FewStrangers { .. }
            | SessionError::NothingUsable(_)
            | SessionError::NoPerson(_) => unprocessable("too_few_probes", &error),
            error => Self::internal(&error),
        }
    }
}

impl From<CalibrationError> for Problem {
    fn from(error: CalibrationError) -> Self {
        match error {
            CalibrationError::Missing(_) => Self::conflict("not_calibrated", error.to_string()),
            CalibrationError::Damaged { .. } => Self::internal(&error),
            error => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "calibration", error.to_string()),
        }
    }
}

impl From<GalleryError> for Problem {
    fn from(error: GalleryError) -> Self {
        match &error {
            GalleryError::UnknownSubject { .. } => Self::not_found("unknown_subject", error.to_string()),
            GalleryError::UnknownSubjectId { .. } => Self::not_found("unknown_subject", error.to_string()),
            GalleryError::UnknownList { .. } => Self::not_found("unknown_list", error.to_string()),
            GalleryError::UnknownEntry { .. } => Self::not_found("unknown_entry", error.to_string()),
            GalleryError::CannotUndo { .. } => Self::conflict("cannot_undo", error.to_string()),
            GalleryError::UnknownTemplate { .. } => Self::not_found("unknown_face", error.to_string()),
            GalleryError::WrongDimension { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong_dimension", error.to_string())
            }
            GalleryError::SubjectName { .. } | GalleryError::SimilarName { .. } => {
                Self::field("name", error.to_string())
            }
            GalleryError::TemplateThere { .. } => Self::conflict("already_there", error.to_string()),
            GalleryError::Vectors(cause) if cause.kind() == VectorErrorKind::ReadOnly => {
                Self::conflict("read_only", "the gallery is open for reading only")
            }
            GalleryError::Full { .. } | GalleryError::NoRoom { .. } => {
                tracing::error!(%error, "the disk is full");
                let detail = "the disk of the server is full; nothing was written";
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", detail)
            }
            _ => Self::internal(&error),
        }
    }
}
