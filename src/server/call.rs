//! A request whose sender is known and whose body is complete.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::app::App;
use super::problem::{Problem, Result};
use super::served::Served;
use super::token::{Scope, Token};

/// A reply.
pub type Reply = Response<Body>;

/// A request.
pub struct Call {
    /// The server.
    pub app: Arc<App>,
    /// The token of the sender; `None` on open paths.
    pub token: Option<Arc<Token>>,
    /// The parameters of the path.
    pub parameters: Vec<(String, String)>,
    /// The URI.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// When the head arrived.
    pub received: Instant,
    /// Identifies the request in logs.
    pub id: String,
}

impl Call {
    /// A parameter of the path.
    pub fn parameter(&self, name: &str) -> &str {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    /// An id in the path. A text that is no number is no id.
    ///
    /// # Errors
    /// It is not a number.
    pub fn id_parameter(&self, name: &str, code: &'static str) -> Result<u64> {
        let text = self.parameter(name);
        // `parse` would also accept a sign.
        let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let id = digits.and_then(|digits| digits.parse().ok());
        id.ok_or_else(|| Problem::not_found(code, format!("{name}: expected a number")))
    }

    /// The gallery in the path.
    ///
    /// # Errors
    /// There is none with this name.
    pub fn gallery(&self) -> Result<Arc<Served>> {
        let name = self.parameter("gallery");
        self.app
            .gallery(name)
            .ok_or_else(|| Problem::not_found("unknown_gallery", "no such gallery is served"))
    }

    /// The query of the URI.
    ///
    /// # Errors
    /// A field is unknown or invalid.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T> {
        axum::extract::Query::try_from_uri(&self.uri)
            .map(|axum::extract::Query(query)| query)
            .map_err(|error| Problem::field("query", cause(&error)))
    }

    /// The media type of the body, without parameters, in lower case.
    pub fn media_type(&self) -> String {
        let given = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        given.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The JSON body.
    ///
    /// # Errors
    /// The body is of another type, not JSON, or has invalid or unknown fields.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        match self.media_type().as_str() {
            "application/json" => parse(&self.body),
            other => Err(unsupported(other, "application/json")),
        }
    }

    /// As [`json`](Self::json); an empty body counts as an empty object.
    ///
    /// # Errors
    /// As [`json`](Self::json).
    pub fn json_or_default<T: DeserializeOwned>(&self) -> Result<T> {
        if self.body.is_empty() { parse(b"{}") } else { self.json() }
    }

    /// The name of the token, for logs.
    pub fn token_name(&self) -> &str {
        self.token.as_ref().map_or("", |token| &token.record.name)
    }

    /// Whether the sender may see scores.
    pub fn sees_scores(&self) -> bool {
        self.token.as_ref().is_some_and(|token| token.record.scores || token.allows(Scope::Admin))
    }

    /// Does work that may wait for the disk or the catalog, on another thread.
    ///
    /// # Errors
    /// Too much work is waiting; the error of the work.
    pub async fn work<T: Send + 'static, E: Into<Problem> + Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T> {
        let place = Arc::clone(&self.app.work).try_acquire_owned().map_err(|_| Problem::overloaded())?;
        let run = move || {
            let _place = place;
            work()
        };
        let done = tokio::task::spawn_blocking(run).await;
        done.map_err(|error| Problem::internal(&error))?.map_err(Into::into)
    }
}

/// Parses a JSON text.
///
/// # Errors
/// It is not JSON (400), or has invalid or unknown fields (422).
pub fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner());
        match inner.classify() {
            serde_json::error::Category::Data if path == "." => Problem::field("body", inner.to_string()),
            serde_json::error::Category::Data => Problem::field(path, inner.to_string()),
            _ => Problem::malformed(format!("the body is not JSON: {inner}")),
        }
    })?;
    deserializer.end().map_err(|error| Problem::malformed(format!("the body is not JSON: {error}")))?;
    Ok(parsed)
}

/// The problem of a body of an unexpected type.
pub fn unsupported(got: &str, expected: &str) -> Problem {
    let got = if got.is_empty() { "none" } else { got };
    let detail = format!("Content-Type: expected {expected}, got {got}");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
}

/// The innermost cause of an error.
fn cause(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

/// A reply in JSON.
///
/// # Errors
/// It cannot be written as JSON.
pub fn json(status: StatusCode, reply: &impl Serialize) -> Result<Reply> {
    let text = serde_json::to_vec(reply).map_err(|error| Problem::internal(&error))?;
    Ok(with_type(status, "application/json", text))
}

/// A reply of some type.
pub fn with_type(status: StatusCode, media_type: &'static str, body: impl Into<Body>) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::IdentifyFaces;

    #[test]
    fn invalid_bodies_name_the_field() {
        let problem = |text: &str| parse::<IdentifyFaces>(text.as_bytes()).unwrap_err();
        let wrong = problem(r#"{"probes": [], "top_k": "five"}"#);
        assert_eq!((wrong.status.as_u16(), &*wrong.errors[0].field), (422, "top_k"));
        let unknown = problem(r#"{"probes": [], "topk": 5}"#);
        assert!(unknown.status.as_u16() == 422 && unknown.detail.contains("topk"), "{unknown:?}");
        for malformed in ["", "{", "nonsense", r#"{"probes": []} x"#] {
            assert_eq!(problem(malformed).code, "malformed", "{malformed}");
        }
        let two = problem(r#"{"probes": [{"image": "", "embedding": []}]}"#);
        assert!(two.detail.contains("either `image`"), "{two:?}");
    }
}
