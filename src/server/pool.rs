//! The threads that process photos. Their number is that of the cores, so a burst of photos does not slow the searches down more than
//! that; on a CUDA device there are more, and their photos share batches.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Sender, unbounded};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::problem::{Problem, Result};

type Task = Box<dyn FnOnce() + Send>;

/// Threads with a bounded number of waiting photos.
pub struct PhotoPool {
    sender: Sender<Task>,
    places: Arc<Semaphore>,
    all: usize,
}

/// A place in the queue.
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

impl From<OwnedSemaphorePermit> for Place {
    fn from(permit: OwnedSemaphorePermit) -> Self {
        Self { _permit: permit }
    }
}

impl PhotoPool {
    /// Starts `threads` threads. `queue` photos may wait or be processed at the same time.
    ///
    /// # Errors
    /// The system starts no thread.
    pub fn start(threads: usize, queue: usize) -> std::io::Result<Self> {
        let (sender, receiver) = unbounded::<Task>();
        for _ in 0..threads.max(1) {
            let receiver = receiver.clone();
            let run = move || receiver.iter().for_each(|task| task());
            thread::Builder::new().name("photo".into()).spawn(run)?;
        }
        Ok(Self { sender, places: Arc::new(Semaphore::new(queue)), all: queue })
    }

    /// A place for the first photo of a request.
    ///
    /// # Errors
    /// All places are taken.
    pub fn admit(&self) -> Result<Place> {
        Arc::clone(&self.places).try_acquire_owned().map(Place::from).map_err(|_| Problem::overloaded())
    }

    /// A place for a further photo of an admitted request, as soon as there is one.
    ///
    /// # Errors
    /// The server stops.
    pub async fn admit_another(&self) -> Result<Place> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        place.map(Place::from).map_err(|_| Problem::unavailable("the server is stopping"))
    }

    /// Number of photos that wait or are processed.
    pub fn waiting(&self) -> usize {
        self.all - self.places.available_permits()
    }

    /// Starts `work` on one of the threads. Work whose result is not awaited any more is not begun.
    ///
    /// # Errors
    /// The server stops.
    pub fn start_work<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Working<T>> {
        let (sender, result) = oneshot::channel();
        let queued = Instant::now();
        let task = Box::new(move || {
            let waited = queued.elapsed();
            if !sender.is_closed() {
                let done = catch_unwind(AssertUnwindSafe(work)).map(|done| (done, waited));
                drop(place); // before the result is known, so that whoever has it can use the place
                let _ =
                    sender.send(done.map_err(|_| Problem::internal(&"the processing of a photo panicked")));
            }
        });
        self.sender.send(task).map_err(|_| Problem::unavailable("the server is stopping"))?;
        Ok(Working(result))
    }
}

/// Work on a thread.
pub struct Working<T>(oneshot::Receiver<Result<(T, Duration)>>);

impl<T> Working<T> {
    /// The result, and the time before the work began.
    ///
    /// # Errors
    /// The work panicked.
    pub async fn done(self) -> Result<(T, Duration)> {
        self.0.await.unwrap_or_else(|_| Err(Problem::internal(&"the processing of a photo stopped")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_beyond_the_queue_is_refused_and_panics_are_problems() {
        let pool = PhotoPool::start(1, 2).unwrap();
        let (one, other) = (pool.admit().unwrap(), pool.admit().unwrap());
        assert_eq!(pool.admit().err().map(|problem| problem.code), Some("overloaded"));
        assert_eq!(pool.start_work(one, || 7).unwrap().done().await.map(|(done, _)| done), Ok(7));
        let failed = pool.start_work(other, || panic!("planted")).unwrap().done().await;
        assert_eq!(failed.map(|((), _)| ()).map_err(|problem| problem.code), Err("internal"));
        let place = pool.admit_another().await.unwrap();
        assert_eq!(pool.start_work(place, || 8).unwrap().done().await.map(|(done, _)| done), Ok(8));
        assert_eq!(pool.waiting(), 0);
    }
}
