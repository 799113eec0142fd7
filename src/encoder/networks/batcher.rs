//! Batches for a device that is fast only with many inputs at once. Many threads ask, each for one photo, and wait. Few threads collect
//! what is asked for, run the network once for all of it, and reply.

use std::io;
use std::sync::Arc;
use std::thread;

use crossbeam::channel::{Receiver, Sender, bounded, unbounded};
use gallerist::face::NetworkError;

/// Batches under way at once: one is prepared on a CPU core while the device computes another one.
const UNDER_WAY: usize = 2;

/// A network that is run with batches of many callers. Its threads end when it is dropped.
pub(super) struct Batcher<T, R> {
    jobs: Sender<Job<T, R>>,
}

/// The inputs of one caller, and where the outputs go: one for each input.
struct Job<T, R> {
    inputs: Vec<T>,
    reply: Sender<Result<Vec<R>, NetworkError>>,
}

/// Runs a network on inputs. Returns one output for each.
type Run<T, R> = dyn Fn(&[T]) -> Result<Vec<R>, NetworkError> + Send + Sync;

impl<T: Send + 'static, R: Send + 'static> Batcher<T, R> {
    /// A batch takes inputs of waiting callers until the sum of their `size` is `most` or more.
    ///
    /// # Errors
    /// The system starts no thread.
    pub fn new(
        most: usize,
        size: fn(&T) -> usize,
        run: impl Fn(&[T]) -> Result<Vec<R>, NetworkError> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let (send, jobs) = unbounded();
        let run: Arc<Run<T, R>> = Arc::new(run);
        for _ in 0..UNDER_WAY {
            let (jobs, run) = (jobs.clone(), Arc::clone(&run));
            thread::Builder::new().spawn(move || {
                while let Some(batch) = collect(&jobs, most, size) {
                    work(batch, &*run);
                }
            })?;
        }
        Ok(Self { jobs: send })
    }

    /// The outputs for `inputs`, as part of a batch. Waits for them.
    ///
    /// # Errors
    /// The network failed on these inputs.
    pub fn run(&self, inputs: Vec<T>) -> Result<Vec<R>, NetworkError> {
        let (reply, outputs) = bounded(1);
        let ended = || NetworkError::Library {
            model: "batch".into(),
            reason: "the thread that runs the network has ended".into(),
        };
        self.jobs.send(Job { inputs, reply }).map_err(|_| ended())?;
        outputs.recv().map_err(|_| ended())?
    }
}

/// Waits for a job and takes those that wait behind it. None if there will be no more.
fn collect<T, R>(jobs: &Receiver<Job<T, R>>, most: usize, size: fn(&T) -> usize) -> Option<Vec<Job<T, R>>> {
    let mut batch = vec![jobs.recv().ok()?];
    let size = |job: &Job<T, R>| job.inputs.iter().map(size).sum::<usize>();
    let mut total = size(&batch[0]);
    while total < most
        && let Ok(job) = jobs.try_recv()
    {
        total += size(&job);
        batch.push(job);
    }
    Some(batch)
}

/// Runs a batch and replies. If it fails, runs each job by itself, so that one caller does not affect the others.
fn work<T, R>(batch: Vec<Job<T, R>>, run: &Run<T, R>) {
    let mut inputs = Vec::new();
    let mut callers = Vec::new();
    for job in batch {
        callers.push((job.inputs.len(), job.reply));
        inputs.extend(job.inputs);
    }
    match run(&inputs) {
        Ok(outputs) => {
            let mut outputs = outputs.into_iter();
            for (count, reply) in callers {
                reply.send(Ok(outputs.by_ref().take(count).collect())).ok(); // a caller may have ended
            }
        }
        Err(error) if callers.len() == 1 => {
            callers.into_iter().for_each(|(_, reply)| drop(reply.send(Err(error.clone()))));
        }
        Err(_) => {
            let mut inputs = inputs.as_slice();
            for (count, reply) in callers {
                let (own, rest) = inputs.split_at(count);
                reply.send(run(own)).ok();
                inputs = rest;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_caller_gets_its_own_outputs_and_its_own_failure() {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        let squares = |inputs: &[u64]| {
            CALLS.fetch_add(1, Ordering::SeqCst);
            thread::sleep(std::time::Duration::from_millis(1));
            if inputs.contains(&13) {
                return Err(NetworkError::Failed { model: "squares".into(), reason: "thirteen".into() });
            }
            Ok(inputs.iter().map(|input| input * input).collect())
        };
        let batcher = Batcher::new(64, |_| 1, squares).unwrap();
        thread::scope(|scope| {
            for caller in 0..32_u64 {
                let batcher = &batcher;
                scope.spawn(move || {
                    for round in 0..20 {
                        let inputs: Vec<u64> = (caller..caller + round % 4).collect();
                        let expected =
                            (!inputs.contains(&13)).then(|| inputs.iter().map(|x| x * x).collect());
                        assert_eq!(batcher.run(inputs).ok(), expected);
                    }
                });
            }
        });
        assert!(CALLS.load(Ordering::SeqCst) < 32 * 20, "calls were joined");
    }
}
