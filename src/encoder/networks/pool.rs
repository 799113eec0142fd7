//! One set of weights for many threads.

use std::sync::{Mutex, PoisonError};

use tch::TchError;

/// A network whose weights are shared, but whose handles are not: `tch` tensors may move between threads, but
/// not be used by two at a time.
pub(super) trait Handle: Send + Sized {
    /// Another handle on the same weights. Copies no weights; libtorch counts references atomically.
    fn another(&self) -> Self;
}

/// Handles that threads borrow one at a time. There are as many as threads ever ran at once.
pub(super) struct Pool<T>(Mutex<Vec<T>>, Mutex<T>);

impl<T: Handle> Pool<T> {
    pub fn new(first: T) -> Self {
        Self(Mutex::new(Vec::new()), Mutex::new(first))
    }

    /// Runs `work` with a handle of its own, gradients off. A handle is given back even if `work` fails, and
    /// dropped if it panics.
    pub fn with<R>(&self, work: impl FnOnce(&T) -> Result<R, TchError>) -> Result<R, TchError> {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let handle = idle.unwrap_or_else(|| self.1.lock().unwrap_or_else(PoisonError::into_inner).another());
        let result = {
            let _no_gradients = tch::no_grad_guard();
            work(&handle)
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
        result
    }
}
