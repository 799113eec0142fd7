//! Jobs: long operations on a gallery, with progress and cancellation. The operations of a gallery run one after the other.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use time::OffsetDateTime;

use super::problem::{Problem, Result};
use crate::reply::{JobFailure, JobKind, JobProgress, JobResult, JobShown, JobState, VERSION};
use crate::session::{Control, Progress};

/// Finished jobs that are kept.
const KEPT: usize = 200;
/// Most jobs that wait or run.
const WAITING: usize = 32;

/// A long operation.
pub struct Job {
    number: u64,
    id: String,
    kind: JobKind,
    gallery: String,
    created: i64,
    stop: AtomicBool,
    progress: Mutex<Option<JobProgress>>,
    end: Mutex<End>,
}

enum End {
    Queued,
    Running,
    Ended { at: i64, state: JobState, result: Option<JobResult>, failure: Option<JobFailure> },
}

impl Job {
    /// The job as a reply.
    pub fn shown(&self) -> JobShown {
        let (state, finished, result, problem) = match &*lock(&self.end) {
            End::Queued => (JobState::Queued, None, None, None),
            End::Running => (JobState::Running, None, None, None),
            End::Ended { at, state, result, failure } => (*state, Some(*at), result.clone(), failure.clone()),
        };
        JobShown {
            version: VERSION,
            id: self.id.clone(),
            kind: self.kind,
            gallery: self.gallery.clone(),
            state,
            progress: lock(&self.progress).clone(),
            created: self.created,
            finished,
            result,
            problem,
        }
    }

    /// Requests that the job stops. What it has already done stays.
    pub fn cancel(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn has_ended(&self) -> bool {
        matches!(*lock(&self.end), End::Ended { .. })
    }

    fn finish(&self, state: JobState, result: Option<JobResult>, failure: Option<JobFailure>) {
        *lock(&self.end) = End::Ended { at: now(), state, result, failure };
    }
}

/// All jobs of a server. Their ids contain random digits, so an id does not occur again after a restart.
pub struct Jobs {
    run: u64,
    next: AtomicU64,
    all: Mutex<BTreeMap<u64, Arc<Job>>>,
}

impl Default for Jobs {
    fn default() -> Self {
        let run =
            getrandom::u64().unwrap_or_else(|_| OffsetDateTime::now_utc().unix_timestamp().cast_unsigned());
        Self { run, next: AtomicU64::new(0), all: Mutex::default() }
    }
}

impl Jobs {
    /// Starts an operation on a thread of its own. It begins when `turn` is free. `Ok(None)` means that it was stopped.
    ///
    /// # Errors
    /// Too many jobs are waiting.
    pub fn start(
        &self,
        kind: JobKind,
        gallery: &str,
        turn: Arc<Mutex<()>>,
        work: impl FnOnce(&Control<'_>) -> Result<Option<JobResult>> + Send + 'static,
    ) -> Result<Arc<Job>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let job = Arc::new(Job {
            number,
            id: format!("job-{:016x}-{number}", self.run),
            kind,
            gallery: gallery.into(),
            created: now(),
            stop: AtomicBool::new(false),
            progress: Mutex::new(None),
            end: Mutex::new(End::Queued),
        });
        self.enter(&job)?;
        let running = Arc::clone(&job);
        let run = move || {
            let _turn = lock(&turn);
            running.run(work);
        };
        if let Err(error) = thread::Builder::new().name("job".into()).spawn(run) {
            lock(&self.all).remove(&number);
            return Err(Problem::internal(&error));
        }
        Ok(job)
    }

    fn enter(&self, job: &Arc<Job>) -> Result<()> {
        let mut all = lock(&self.all);
        if all.values().filter(|job| !job.has_ended()).count() >= WAITING {
            return Err(Problem::overloaded());
        }
        all.insert(job.number, Arc::clone(job));
        while all.len() > KEPT + WAITING {
            let Some(oldest) = all.values().find(|job| job.has_ended()).map(|job| job.number) else { break };
            all.remove(&oldest);
        }
        Ok(())
    }

    /// The job with this id.
    pub fn find(&self, id: &str) -> Option<Arc<Job>> {
        lock(&self.all).values().find(|job| job.id == id).cloned()
    }

    /// All jobs, newest first.
    pub fn list(&self) -> Vec<JobShown> {
        lock(&self.all).values().rev().map(|job| job.shown()).collect()
    }

    /// Requests that all jobs stop. Returns whether none is left.
    pub fn stop(&self) -> bool {
        let all = lock(&self.all);
        all.values().for_each(|job| job.cancel());
        all.values().all(|job| job.has_ended())
    }
}

impl Job {
    fn run(&self, work: impl FnOnce(&Control<'_>) -> Result<Option<JobResult>>) {
        if self.stop.load(Ordering::Relaxed) {
            return self.finish(JobState::Cancelled, None, None);
        }
        *lock(&self.end) = End::Running;
        let progress = |Progress { unit, done, total }: Progress| {
            *lock(&self.progress) = Some(JobProgress { unit: unit.into(), done, total });
        };
        let control = Control { stop: &self.stop, progress: &progress };
        let done = catch_unwind(AssertUnwindSafe(|| work(&control)));
        match done.unwrap_or_else(|_| Err(Problem::internal(&"a job panicked"))) {
            Ok(Some(result)) => self.finish(JobState::Done, Some(result), None),
            Ok(None) => self.finish(JobState::Cancelled, None, None),
            Err(Problem { code, detail, .. }) => {
                let failure = JobFailure { code: code.into(), detail };
                self.finish(JobState::Failed, None, Some(failure));
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Compacted;

    fn result() -> JobResult {
        let compacted = Compacted { version: VERSION, rewritten: 7, segments: 1, erased: 0, seconds: 0.5 };
        JobResult::Compact(compacted)
    }

    fn wait(job: &Job) -> JobShown {
        while !job.has_ended() {
            thread::yield_now();
        }
        job.shown()
    }

    #[test]
    fn jobs_end_with_a_result_a_failure_or_a_stop() {
        let (jobs, turn) = (Jobs::default(), Arc::default());
        let start = |work: fn(&Control<'_>) -> Result<Option<JobResult>>| {
            jobs.start(JobKind::Purge, "g", Arc::clone(&turn), work).unwrap()
        };
        let done = wait(&start(|_| Ok(Some(result()))));
        assert_eq!((done.state, done.result), (JobState::Done, Some(result())));
        let failed = wait(&start(|_| Err(Problem::conflict("planted", "why"))));
        assert_eq!((failed.state, failed.problem.unwrap().code), (JobState::Failed, "planted".into()));
        let panicked = wait(&start(|_| panic!("planted")));
        assert_eq!((panicked.state, panicked.problem.unwrap().code), (JobState::Failed, "internal".into()));
        let stopped = start(|control| {
            while !control.is_stopped() {
                thread::yield_now();
            }
            Ok(None)
        });
        let waiting = start(|_| Ok(Some(result())));
        assert!(!jobs.stop());
        assert_eq!(wait(&stopped).state, JobState::Cancelled);
        assert_eq!(wait(&waiting).state, JobState::Cancelled);
        assert!(jobs.stop());
        assert_eq!(jobs.list().len(), 5);
        let id = stopped.shown().id;
        assert_eq!(jobs.find(&id).unwrap().shown().id, id);
        assert!(jobs.find("job-1").is_none() && jobs.find("7").is_none());
    }

    #[test]
    fn an_id_does_not_occur_again_after_a_restart_in_the_same_second() {
        let id = || {
            let job =
                Jobs::default().start(JobKind::Compact, "g", Arc::default(), |_| Ok(Some(result()))).unwrap();
            wait(&job).id
        };
        assert_ne!(id(), id());
    }

    #[test]
    fn a_job_waits_for_its_turn() {
        let (jobs, turn) = (Jobs::default(), Arc::<Mutex<()>>::default());
        let held = lock(&turn);
        let job = jobs.start(JobKind::Compact, "g", Arc::clone(&turn), |_| Ok(Some(result()))).unwrap();
        assert_eq!(job.shown().state, JobState::Queued);
        drop(held);
        assert_eq!(wait(&job).state, JobState::Done);
    }
}
