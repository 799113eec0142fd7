//! Requests with an `Idempotency-Key`: a repeated request gets the reply of the first one.
//!
//! The keys are kept in memory. After a restart a repeated enrollment is recognised by its content instead, and its faces are `unchanged`.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use bytes::Bytes;

use super::problem::{Problem, Result};

/// Longest key, in bytes.
const LONGEST: usize = 200;
/// How long a reply is kept.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Most kept replies, and most bytes of them.
const MOST: (usize, usize) = (10_000, 32 << 20);

/// Token, path and key of a request.
type Key = (String, String, String);

enum State {
    Running,
    Done { status: StatusCode, body: Bytes, at: Instant },
}

#[derive(Default)]
struct Replies {
    all: HashMap<Key, ([u8; 32], State)>,
    finished: VecDeque<Key>,
    bytes: usize,
}

/// The replies to requests with a key.
#[derive(Default)]
pub struct Idempotency(Mutex<Replies>);

/// What to do with a request.
pub enum Attempt<'a> {
    /// It is the first with its key.
    First(Running<'a>),
    /// It was replied to before.
    Repeated(StatusCode, Bytes),
}

/// The first request with a key. Without [`finish`](Running::finish), the next attempt is the first again.
pub struct Running<'a> {
    replies: &'a Idempotency,
    key: Key,
}

impl Idempotency {
    /// Enters a request. `hash` identifies its content.
    ///
    /// # Errors
    /// The key is too long; it was used for another body; the first request is still running.
    pub fn enter(&self, token: &str, path: &str, key: &str, hash: [u8; 32]) -> Result<Attempt<'_>> {
        if key.is_empty() || key.len() > LONGEST {
            let reason = format!("expected 1 to {LONGEST} bytes, got {}", key.len());
            return Err(Problem::field("Idempotency-Key", reason));
        }
        let key = (token.to_owned(), path.to_owned(), key.to_owned());
        let mut replies = self.lock();
        replies.forget_old();
        match replies.all.get(&key) {
            Some((known, _)) if *known != hash => Err(Problem::conflict(
                "idempotency_key_reused",
                "the Idempotency-Key was used for another request",
            )),
            Some((_, State::Running)) => {
                let detail = "the first request with this Idempotency-Key is still running";
                Err(Problem { retry_after: Some(1), ..Problem::conflict("still_running", detail) })
            }
            Some((_, State::Done { status, body, .. })) => Ok(Attempt::Repeated(*status, body.clone())),
            None => {
                replies.all.insert(key.clone(), (hash, State::Running));
                Ok(Attempt::First(Running { replies: self, key }))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Replies> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Replies {
    fn forget_old(&mut self) {
        while let Some(key) = self.finished.front() {
            let is_old = match self.all.get(key) {
                Some((_, State::Done { at, .. })) => at.elapsed() > KEPT,
                _ => true,
            };
            if !is_old && self.finished.len() <= MOST.0 && self.bytes <= MOST.1 {
                return;
            }
            if let Some(key) = self.finished.pop_front()
                && let Some((_, State::Done { body, .. })) = self.all.remove(&key)
            {
                self.bytes -= body.len();
            }
        }
    }
}

impl Running<'_> {
    /// Keeps the reply.
    pub fn finish(self, status: StatusCode, body: Bytes) {
        let mut replies = self.replies.lock();
        replies.bytes += body.len();
        if let Some((_, state)) = replies.all.get_mut(&self.key) {
            *state = State::Done { status, body, at: Instant::now() };
        }
        replies.finished.push_back(self.key.clone());
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut replies = self.replies.lock();
        if matches!(replies.all.get(&self.key), Some((_, State::Running))) {
            replies.all.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(attempt: Result<Attempt<'_>>) -> &'static str {
        match attempt {
            Ok(Attempt::First(_)) => "first",
            Ok(Attempt::Repeated(..)) => "repeated",
            Err(problem) => problem.code,
        }
    }

    #[test]
    fn a_repeated_request_gets_the_first_reply() {
        let replies = Idempotency::default();
        let enter = |key: &'static str, body: &'static [u8]| {
            replies.enter("t", "/p", key, [body.first().copied().unwrap_or(0); 32])
        };
        let Ok(Attempt::First(first)) = enter("k", b"1") else { panic!("the first") };
        assert_eq!(code(enter("k", b"1")), "still_running");
        assert_eq!(code(enter("other", b"1")), "first");
        first.finish(StatusCode::CREATED, Bytes::from_static(b"done"));
        let Ok(Attempt::Repeated(status, body)) = enter("k", b"1") else { panic!("repeated") };
        assert_eq!((status, &body[..]), (StatusCode::CREATED, &b"done"[..]));
        assert_eq!(code(enter("k", b"2")), "idempotency_key_reused");
        assert_eq!(code(replies.enter("u", "/p", "k", [2; 32])), "first");
        assert_eq!(code(enter("", b"")), "invalid_request");
    }

    #[test]
    fn a_failed_request_may_be_tried_again() {
        let replies = Idempotency::default();
        drop(replies.enter("t", "/p", "k", [1; 32]));
        assert_eq!(code(replies.enter("t", "/p", "k", [1; 32])), "first");
    }
}
