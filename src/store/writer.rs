//! The one writer: a thread that owns the only writing connection and makes one
//! transaction of all that waits, so that they share one fsync.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Backend, Result, StoreError, Writes};

/// The most publishes that may wait.
const MAX_WAITING: usize = 8192;

/// The most payload bytes that may wait.
const MAX_WAITING_BYTES: usize = 64 << 20;

/// A transaction takes no more operations once it has written so many rows.
const MAX_ROWS: usize = 4000;

/// A transaction takes no more operations once it has taken so long: whoever comes
/// meanwhile waits for it to end.
const MAX_TIME: Duration = Duration::from_millis(10);

/// After its first operation, a transaction takes so many publishes, if any wait:
/// outcomes that keep coming must not keep publishers waiting. Few, because more
/// would let in more than goes out.
const PUBLISHES_FIRST: usize = 2;

/// A transaction takes no more operations once they bring so many payload bytes.
const MAX_BYTES: usize = 8 << 20;

/// Something to do inside a transaction.
pub(super) trait Op: Send {
    /// Does it. May be called again after [`Op::undo`].
    fn run(&mut self, store: &mut dyn Writes) -> Result<()>;

    /// The transaction in which it ran is gone.
    fn undo(&mut self) {}

    /// It is on disk, or it is not and this is why.
    fn done(self: Box<Self>, result: Result<()>);

    /// Payload bytes that it holds while it waits.
    fn bytes(&self) -> usize {
        0
    }

    /// Whether it only adds: all else makes room, sooner or later.
    fn is_publish(&self) -> bool {
        false
    }
}

type Job = Box<dyn Op>;

/// What waits for the writer. Outcomes and claims go first, but for a few publishes
/// in each transaction, and are never refused, because each of them makes room;
/// publishes are bounded.
#[derive(Default)]
pub(super) struct Queue {
    jobs: Mutex<Jobs>,
    arrived: Condvar,
}

#[derive(Default)]
struct Jobs {
    urgent: VecDeque<Job>,
    publishes: VecDeque<Job>,
    bytes: usize,
    /// Operations that the transaction under way has taken.
    taken: usize,
    closed: bool,
}

impl Queue {
    /// Puts a publish at the end, or gives it back to its caller as an error.
    pub(super) fn publish(&self, job: Job) {
        let mut jobs = self.lock();
        let full = jobs.publishes.len() >= MAX_WAITING || jobs.bytes > MAX_WAITING_BYTES;
        if jobs.closed || full {
            let why = if jobs.closed { StoreError::Closed } else { StoreError::Busy };
            drop(jobs);
            return job.done(Err(why));
        }
        jobs.bytes += job.bytes();
        jobs.publishes.push_back(job);
        drop(jobs);
        self.arrived.notify_one();
    }

    /// Puts anything else at the end of what goes first.
    pub(super) fn urgent(&self, job: Job) {
        let mut jobs = self.lock();
        if jobs.closed {
            drop(jobs);
            return job.done(Err(StoreError::Closed));
        }
        jobs.urgent.push_back(job);
        drop(jobs);
        self.arrived.notify_one();
    }

    /// Takes no more; what waits is still done.
    fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// The next job; waits for one. `None` once all is done and the queue is closed.
    fn wait(&self) -> Option<Job> {
        let mut jobs = self.lock();
        jobs.taken = 0;
        loop {
            if let Some(job) = jobs.next() {
                return Some(job);
            }
            if jobs.closed {
                return None;
            }
            jobs = self.arrived.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn next(&self) -> Option<Job> {
        self.lock().next()
    }

    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Jobs {
    fn next(&mut self) -> Option<Job> {
        self.taken += 1;
        if (2..2 + PUBLISHES_FIRST).contains(&self.taken) {
            self.next_publish().or_else(|| self.urgent.pop_front())
        } else {
            self.urgent.pop_front().or_else(|| self.next_publish())
        }
    }

    fn next_publish(&mut self) -> Option<Job> {
        let job = self.publishes.pop_front()?;
        self.bytes = self.bytes.saturating_sub(job.bytes());
        Some(job)
    }
}

/// The thread; ends when it is closed, after all that waits is done.
pub(super) struct Writer {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(backend: Box<dyn Backend>, queue: Arc<Queue>) -> Result<Self> {
        let jobs = queue.clone();
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || write_all(backend, &jobs))
            .map_err(|e| StoreError::Failed(format!("no thread for the writer: {e}")))?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)) })
    }

    /// Does what waits, closes the database and ends the thread.
    pub(super) fn close(&self) {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writer had died");
        }
    }
}

/// Refuses all that waits, should the writer die of a defect: nobody may wait
/// for an answer that will not come.
struct LastWill<'a>(&'a Queue);

impl Drop for LastWill<'_> {
    fn drop(&mut self) {
        self.0.close();
        while let Some(job) = self.0.next() {
            job.done(Err(StoreError::Closed));
        }
    }
}

fn write_all(mut backend: Box<dyn Backend>, queue: &Queue) {
    let _will = LastWill(queue);
    while let Some(first) = queue.wait() {
        if let Err(error) = backend.begin() {
            refuse_all(queue, first, &error);
            continue;
        }
        let mut batch = Vec::with_capacity(64);
        match together(backend.as_mut(), queue, first, &mut batch) {
            Ok(()) => batch.into_iter().for_each(|job| job.done(Ok(()))),
            Err(error) => {
                tracing::debug!(%error, jobs = batch.len(), "a transaction failed; its parts are tried one by one");
                backend.rollback();
                for job in &mut batch {
                    job.undo();
                }
                one_by_one(backend.as_mut(), batch);
            }
        }
    }
}

/// Somebody else has the database: all that wait are told so now, rather than
/// each after a wait of its own.
fn refuse_all(queue: &Queue, first: Job, error: &StoreError) {
    let mut next = Some(first);
    while let Some(job) = next {
        job.done(Err(error.clone()));
        next = queue.next();
    }
}

/// Runs all that waits in one transaction, up to its bounds.
fn together(backend: &mut dyn Backend, queue: &Queue, first: Job, batch: &mut Vec<Job>) -> Result<()> {
    let began = Instant::now();
    let mut bytes = 0;
    let mut next = Some(first);
    while let Some(mut job) = next {
        bytes += job.bytes();
        let ran = job.run(backend.writes());
        batch.push(job);
        ran?;
        let full = backend.rows() >= MAX_ROWS || bytes >= MAX_BYTES || began.elapsed() >= MAX_TIME;
        next = if full { None } else { queue.next() };
    }
    backend.commit()
}

/// Runs the batch again with a mark before each operation, so that the failure
/// of one does not undo another's write; publishes in a transaction of their own
/// after the rest, because for want of room the database undoes a whole one.
fn one_by_one(backend: &mut dyn Backend, batch: Vec<Job>) {
    let (publishes, rest): (Vec<_>, Vec<_>) = batch.into_iter().partition(|job| job.is_publish());
    for mut part in [rest, publishes] {
        if part.is_empty() {
            continue;
        }
        let results = apart(backend, &mut part);
        for (mut job, result) in part.into_iter().zip(results) {
            if result.is_err() {
                job.undo();
            }
            job.done(result);
        }
    }
}

/// What came of each, in one transaction.
fn apart(backend: &mut dyn Backend, jobs: &mut [Job]) -> Vec<Result<()>> {
    let mut results = vec![];
    let ended = backend.begin().and_then(|()| {
        for job in jobs.iter_mut() {
            results.push(marked(backend, job)?);
        }
        backend.commit()
    });
    if let Err(error) = ended {
        backend.rollback();
        let failed = |result: Result<()>| result.and(Err(error.clone()));
        results = results.into_iter().map(failed).collect();
        results.resize(jobs.len(), Err(error));
    }
    results
}

/// What came of one; an error if the transaction is gone, and what ran in it
/// before: the same for all, whatever came of them.
fn marked(backend: &mut dyn Backend, job: &mut Job) -> Result<Result<()>> {
    backend.mark()?;
    let result = job.run(backend.writes());
    if backend.unmark(result.is_ok()) {
        return Ok(result);
    }
    Err(result.err().unwrap_or_else(|| StoreError::Failed("the transaction was rolled back".into())))
}
