//! One copy of the weights for many threads.

use std::sync::{Mutex, PoisonError};

use tch::TchError;

/// A network with shared weights and separate handles. A `tch` tensor may move between threads, but two threads must not use it at the
/// same time.
pub(super) trait Handle: Send + Sized {
    /// Another handle of the same weights. Copies no weights; libtorch counts references atomically.
    fn another(&self) -> Self;
}

/// Handles for threads, one thread at a time each. Their number is the largest number of threads that ran at the same time.
pub(super) struct Pool<T>(Mutex<Vec<T>>, Mutex<T>);

impl<T: Handle> Pool<T> {
    pub fn new(first: T) -> Self {
        Self(Mutex::new(Vec::new()), Mutex::new(first))
    }

    /// Runs `work` with a handle of its own and without gradients. The handle returns to the pool even if `work` fails, and is
    /// dropped if `work` panics.
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
