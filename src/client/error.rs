//! Errors of the client.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::reply::ProblemBody;

/// Result with [`ClientError`].
pub type Result<T, E = ClientError> = std::result::Result<T, E>;

/// Longest time before the next try, whatever the server asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// An error of a request to a server.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The URL is not that of a server.
    #[error("{url}: {reason}")]
    Url {
        /// The given URL.
        url: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The token cannot be sent.
    #[error("the token contains a character that no token has")]
    Token,
    /// The certificates of the authority cannot be used.
    #[error("{}: {reason}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The server cannot be reached, or a connection to it broke.
    #[error("{url}: {reason}")]
    Connection {
        /// The URL of the server.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The certificate of the server is not trusted.
    #[error("{url}: the certificate is not trusted: {reason}")]
    Untrusted {
        /// The URL of the server.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server refused the request, or failed.
    #[error("{} ({}, request {})", problem.detail, problem.code, problem.id)]
    Problem {
        /// What the server replied.
        problem: Box<ProblemBody>,
        /// When the request may be tried again.
        retry_after: Option<Duration>,
    },
    /// The reply is not that of a server of galleries.
    #[error("{url}: unexpected reply, status {status}: {reason}")]
    Reply {
        /// The URL of the server.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong.
        reason: String,
    },
    /// A photo or a file of vectors cannot be read.
    #[error("{0}")]
    Input(String),
}

impl ClientError {
    /// The code of the server's refusal.
    pub fn code(&self) -> Option<&str> {
        if let Self::Problem { problem, .. } = self { Some(&problem.code) } else { None }
    }

    /// Whether the body was too large for the server.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::Problem { problem, .. } if problem.status == 413)
    }

    /// Time before the next try, if one may succeed. `tries` is the number of tries so far, at least 1.
    pub(super) fn wait(&self, tries: u32) -> Option<Duration> {
        match self {
            Self::Problem { retry_after: Some(time), .. } => Some((*time * tries).min(LONGEST_WAIT)),
            Self::Connection { .. } => Some(Duration::from_millis(250) * 2_u32.pow(tries.min(6))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(retry_after: Option<Duration>) -> ClientError {
        let problem = ProblemBody {
            r#type: "about:blank".into(),
            title: String::new(),
            status: 429,
            code: "overloaded".into(),
            detail: "too many requests are waiting".into(),
            id: "7".into(),
            errors: Vec::new(),
            faces: Vec::new(),
        };
        ClientError::Problem { problem: Box::new(problem), retry_after }
    }

    #[test]
    fn only_what_may_pass_later_is_tried_again() {
        let second = Duration::from_secs(1);
        let busy = problem(Some(second));
        assert_eq!(busy.to_string(), "too many requests are waiting (overloaded, request 7)");
        assert_eq!((busy.wait(1), busy.wait(3)), (Some(second), Some(3 * second)));
        assert_eq!(problem(Some(3600 * second)).wait(1), Some(LONGEST_WAIT));
        assert_eq!(problem(None).wait(1), None);
        let broken = ClientError::Connection { url: String::new(), reason: String::new() };
        assert!(broken.wait(1) < broken.wait(2));
        assert_eq!(ClientError::Token.wait(1), None);
    }
}
