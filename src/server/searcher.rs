//! The search thread of a gallery. Probes of concurrent requests are searched for in one pass over the gallery.
//!
//! A pass takes all probes that wait when it starts, up to [`TOGETHER`]. A lone probe never waits. If the last pass had several requests and
//! others are arriving, the next pass waits for as many, at most a millisecond: clients that got their replies together ask again together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::metrics::{Metrics, Stage};
use super::problem::{Problem, Result};
use crate::gallery::TOGETHER;
use crate::reply::{Among, Identification, IdentifyRequest, Probe};
use crate::session::{Asked, Policy, Session, SessionError, Subjects};
use crate::template::Template;

/// Longest time that a pass waits for requests that are arriving.
const WINDOW: Duration = Duration::from_millis(1);

/// Probes of one request, at most [`TOGETHER`].
struct Lookup {
    probes: Vec<(Probe, Template)>,
    request: Arc<IdentifyRequest>,
    queued: Instant,
    reply: oneshot::Sender<Result<Found>>,
}

/// The replies for some probes.
pub struct Found {
    /// The replies, in the order of the probes.
    pub replies: Vec<Identification>,
    /// Time before the pass.
    pub waited: Duration,
    /// Duration of the pass.
    pub searched: Duration,
}

/// The queue of a search thread.
pub struct Searcher {
    sender: Sender<Lookup>,
    arriving: Arc<AtomicUsize>,
}

/// A request whose probes will soon be queued.
pub struct Arriving(Arc<AtomicUsize>);

impl Drop for Arriving {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Searcher {
    /// Starts the thread. `queue` is the number of waiting requests beyond which others are refused.
    ///
    /// # Errors
    /// The system starts no thread.
    pub fn start(session: Arc<Session>, metrics: Arc<Metrics>, queue: usize) -> std::io::Result<Self> {
        let (sender, receiver) = bounded(queue);
        let arriving = Arc::new(AtomicUsize::new(0));
        let worker = Worker { session, metrics, arriving: Arc::clone(&arriving), selected: None };
        thread::Builder::new().name("search".into()).spawn(move || worker.run(&receiver))?;
        Ok(Self { sender, arriving })
    }

    /// Announces a request with templates as probes.
    pub fn announce(&self) -> Arriving {
        self.arriving.fetch_add(1, Ordering::Relaxed);
        Arriving(Arc::clone(&self.arriving))
    }

    /// Number of waiting requests.
    pub fn waiting(&self) -> usize {
        self.sender.len()
    }

    /// Searches for probes, at most [`TOGETHER`].
    ///
    /// # Errors
    /// Too many requests are waiting; the request does not fit the gallery; the gallery failed.
    pub async fn search(
        &self,
        probes: Vec<(Probe, Template)>,
        request: &Arc<IdentifyRequest>,
    ) -> Result<Found> {
        let (reply, found) = oneshot::channel();
        let lookup = Lookup { probes, request: Arc::clone(request), queued: Instant::now(), reply };
        self.sender.try_send(lookup).map_err(|error| match error {
            TrySendError::Full(_) => Problem::overloaded(),
            TrySendError::Disconnected(_) => Problem::unavailable("the gallery is being closed"),
        })?;
        found.await.unwrap_or_else(|_| Err(Problem::internal(&"a search stopped")))
    }
}

struct Worker {
    session: Arc<Session>,
    metrics: Arc<Metrics>,
    arriving: Arc<AtomicUsize>,
    /// The last filter, with the number of changes of the gallery for which it was selected.
    selected: Option<(u64, Among, Arc<Subjects>)>,
}

/// A request with its policy.
struct Prepared {
    lookup: Lookup,
    policy: Policy,
}

impl Worker {
    fn run(mut self, receiver: &Receiver<Lookup>) {
        let mut expected = 1;
        while let Ok(first) = receiver.recv() {
            let batch = self.batch(first, receiver, expected);
            expected = batch.len();
            self.answer(batch);
        }
    }

    /// The waiting requests, until there are enough probes for a pass.
    fn batch(&self, first: Lookup, receiver: &Receiver<Lookup>, expected: usize) -> Vec<Lookup> {
        let deadline = Instant::now() + WINDOW;
        let mut probes = first.probes.len();
        let mut batch = vec![first];
        while probes < TOGETHER {
            let is_worth_waiting = batch.len() < expected && self.arriving.load(Ordering::Relaxed) > 0;
            let next = match receiver.try_recv() {
                Err(_) if is_worth_waiting => receiver.recv_deadline(deadline).ok(),
                next => next.ok(),
            };
            let Some(next) = next else { break };
            probes += next.probes.len();
            batch.push(next);
        }
        batch
    }

    fn answer(&mut self, batch: Vec<Lookup>) {
        let started = Instant::now();
        let mut prepared: Vec<Prepared> = Vec::with_capacity(batch.len());
        for lookup in batch.into_iter().filter(|lookup| !lookup.reply.is_closed()) {
            let same = prepared.iter().find(|other| Arc::ptr_eq(&other.lookup.request, &lookup.request));
            let known = same.map(|other| other.policy.clone());
            match known.map_or_else(|| self.policy(&lookup.request), Ok) {
                Ok(policy) => prepared.push(Prepared { lookup, policy }),
                Err(error) => drop(lookup.reply.send(Err(error.into()))),
            }
        }
        let asked: Vec<Asked<'_>> = prepared.iter().flat_map(Prepared::asked).collect();
        self.metrics.probes.fetch_add(asked.len() as u64, Ordering::Relaxed);
        self.metrics.passes.fetch_add(1, Ordering::Relaxed);
        let found = self.identify(&asked);
        let searched = started.elapsed();
        self.metrics.stage(Stage::Search).record(searched);
        match found {
            Ok(replies) => {
                let mut replies = replies.into_iter();
                for Prepared { lookup, .. } in prepared {
                    let replies = replies.by_ref().take(lookup.probes.len()).collect();
                    let waited = started.duration_since(lookup.queued);
                    self.metrics.stage(Stage::Queue).record(waited);
                    let _ = lookup.reply.send(Ok(Found { replies, waited, searched }));
                }
            }
            Err(_) if prepared.len() > 1 => {
                // One request must not fail because of another one.
                prepared.into_iter().for_each(|one| self.answer(vec![one.lookup]));
            }
            Err(problem) => {
                prepared.into_iter().for_each(|one| drop(one.lookup.reply.send(Err(problem.clone()))));
            }
        }
    }

    fn identify(&self, asked: &[Asked<'_>]) -> Result<Vec<Identification>> {
        let identified = catch_unwind(AssertUnwindSafe(|| self.session.identify_batch(asked)));
        identified
            .unwrap_or_else(|_| Err(SessionError::Input("a search panicked".into())))
            .map_err(Problem::from)
    }

    fn policy(&mut self, request: &IdentifyRequest) -> Result<Policy, SessionError> {
        let subjects = self.subjects(&request.among)?;
        self.session.policy_among(request, subjects)
    }

    /// The subjects of a filter. The last filter is kept until the gallery changes, because a selection looks at every row.
    fn subjects(&mut self, among: &Among) -> Result<Option<Arc<Subjects>>, SessionError> {
        let changes = self.session.gallery().changes();
        if let Some((then, known, subjects)) = &self.selected
            && (*then, known) == (changes, among)
        {
            return Ok(Some(Arc::clone(subjects)));
        }
        let Some(subjects) = self.session.among(among)?.map(Arc::new) else { return Ok(None) };
        self.selected = Some((changes, among.clone(), Arc::clone(&subjects)));
        Ok(Some(subjects))
    }
}

impl Prepared {
    fn asked(&self) -> impl Iterator<Item = Asked<'_>> {
        let (request, policy) = (&*self.lookup.request, &self.policy);
        self.lookup.probes.iter().map(move |(probe, template)| Asked { probe, template, request, policy })
    }
}
