//! The write thread of a gallery. Faces of concurrent requests become durable with the syncs of one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::metrics::{Metrics, Stage};
use super::problem::{Problem, Result};
use crate::gallery::Person;
use crate::session::{Enrolled, EnrolledRow, ProcessedPhoto, Session, SessionError};
use crate::template::Template;

/// Most requests in one write.
const TOGETHER: usize = 128;

/// Templates of one request, with their subjects.
pub type Set = Vec<(Template, Person)>;

/// Something to enroll, and where the result goes.
enum Task {
    Photo(Box<ProcessedPhoto>, Reply<Enrolled>),
    Set(Set, Reply<Vec<EnrolledRow>>),
}

struct Reply<T> {
    queued: Instant,
    sender: oneshot::Sender<Result<Written<T>>>,
}

/// A durable result.
pub struct Written<T> {
    /// The result.
    pub result: T,
    /// Time before the write.
    pub waited: Duration,
    /// Duration of the write.
    pub wrote: Duration,
}

/// The queue of a write thread.
pub struct Enroller {
    sender: Sender<Task>,
}

impl Enroller {
    /// Starts the thread. `queue` is the number of waiting faces and sets beyond which others are refused.
    ///
    /// # Errors
    /// The system starts no thread.
    pub fn start(session: Arc<Session>, metrics: Arc<Metrics>, queue: usize) -> std::io::Result<Self> {
        let (sender, receiver) = bounded(queue);
        let run = move || {
            while let Ok(first) = receiver.recv() {
                write(&session, &metrics, batch(first, &receiver));
            }
        };
        thread::Builder::new().name("enroll".into()).spawn(run)?;
        Ok(Self { sender })
    }

    /// Number of waiting faces and sets.
    pub fn waiting(&self) -> usize {
        self.sender.len()
    }

    /// Queues a processed photo.
    ///
    /// # Errors
    /// Too many requests are waiting.
    pub fn queue_photo(&self, photo: ProcessedPhoto) -> Result<Queued<Enrolled>> {
        self.queue(|reply| Task::Photo(Box::new(photo), reply))
    }

    /// Enrolls templates, all or none.
    ///
    /// # Errors
    /// Too many requests are waiting; the gallery failed.
    pub async fn set(&self, set: Set) -> Result<Written<Vec<EnrolledRow>>> {
        self.queue(|reply| Task::Set(set, reply))?.written().await
    }

    fn queue<T>(&self, task: impl FnOnce(Reply<T>) -> Task) -> Result<Queued<T>> {
        let (sender, written) = oneshot::channel();
        let task = task(Reply { queued: Instant::now(), sender });
        self.sender.try_send(task).map_err(|error| match error {
            TrySendError::Full(_) => Problem::overloaded(),
            TrySendError::Disconnected(_) => Problem::unavailable("the gallery is being closed"),
        })?;
        Ok(Queued(written))
    }
}

/// A face that will be written. It is also written if nobody waits for it.
pub struct Queued<T>(oneshot::Receiver<Result<Written<T>>>);

impl<T> Queued<T> {
    /// The result, once it is durable.
    ///
    /// # Errors
    /// The gallery failed.
    pub async fn written(self) -> Result<Written<T>> {
        self.0.await.unwrap_or_else(|_| Err(Problem::internal(&"a write stopped")))
    }
}

fn batch(first: Task, receiver: &Receiver<Task>) -> Vec<Task> {
    std::iter::once(first).chain(receiver.try_iter().take(TOGETHER - 1)).collect()
}

fn write(session: &Session, metrics: &Metrics, batch: Vec<Task>) {
    let (mut photos, mut photo_replies, mut sets, mut set_replies) = (vec![], vec![], vec![], vec![]);
    for task in batch {
        match task {
            Task::Photo(photo, reply) => {
                photos.push(*photo);
                photo_replies.push(reply);
            }
            Task::Set(set, reply) => {
                sets.push(set);
                set_replies.push(reply);
            }
        }
    }
    if !photos.is_empty() {
        let started = Instant::now();
        let written = guarded(|| session.enroll_processed(photos));
        let added = written.iter().flatten().map(|enrolled| match enrolled {
            Enrolled::Added(templates, _) => templates.len() as u64,
            Enrolled::Skipped(..) => 0,
        });
        metrics.enrolled.fetch_add(added.sum(), Ordering::Relaxed);
        answer(photo_replies, written, started, metrics);
    }
    if !sets.is_empty() {
        let started = Instant::now();
        let parts: Vec<&[(Template, Person)]> = sets.iter().map(Vec::as_slice).collect();
        let written = guarded(|| session.enroll_sets(&parts));
        let added = written.iter().flatten().flatten().filter(|row| row.is_new).count() as u64;
        metrics.enrolled.fetch_add(added, Ordering::Relaxed);
        answer(set_replies, written, started, metrics);
    }
}

fn guarded<T>(work: impl FnOnce() -> Result<T, SessionError>) -> Result<T> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(SessionError::Input("a write panicked".into()))).map_err(Problem::from)
}

fn answer<T>(replies: Vec<Reply<T>>, written: Result<Vec<T>>, started: Instant, metrics: &Metrics) {
    let wrote = started.elapsed();
    metrics.stage(Stage::Write).record(wrote);
    let results: Vec<Result<T>> = match written {
        Ok(results) => results.into_iter().map(Ok).collect(),
        Err(problem) => replies.iter().map(|_| Err(problem.clone())).collect(),
    };
    for (reply, result) in replies.into_iter().zip(results) {
        let waited = started.duration_since(reply.queued);
        let _ = reply.sender.send(result.map(|result| Written { result, waited, wrote }));
    }
}
