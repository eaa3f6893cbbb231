//! Work that takes a processor for long, as hashing a password: done by a few threads, so that other requests go on.
//!
//! The threads are as many as processors, and ask the kernel to be put behind all others: a login takes what is left over.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use rustix::process::{Pid, setpriority_process};
use sdk::{Failure, Prepared, Waiting};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::stack;

/// Requests that may wait for a thread.
const WAITING: usize = 1024;
/// Requests that may wait for another server at once.
const ELSEWHERE: usize = 256;
/// How far behind other threads, in steps of `nice`.
const NICE: i32 = 10;

pub(crate) type Task = Box<dyn FnOnce() -> Result<Prepared, Failure> + Send>;

/// What the task came to, or that it panicked.
type Outcome = std::thread::Result<Result<Prepared, Failure>>;

struct Job {
    task: Task,
    done: oneshot::Sender<Outcome>,
}

type Jobs = Arc<Mutex<mpsc::Receiver<Job>>>;

pub(crate) struct Workers {
    /// Started by the first task.
    queue: OnceLock<Option<mpsc::Sender<Job>>>,
    /// Room for those that wait for another server.
    elsewhere: Semaphore,
}

impl Default for Workers {
    fn default() -> Self {
        Self { queue: OnceLock::new(), elsewhere: Semaphore::new(ELSEWHERE) }
    }
}

fn busy() -> Failure {
    Failure::Unavailable("too many requests of this kind at once; try again".into())
}

impl Workers {
    /// For what somebody else does.
    pub async fn wait(&self, work: Waiting<Prepared>, deadline: Instant) -> Result<Prepared, Failure> {
        let _room = self.elsewhere.try_acquire().map_err(|_| busy())?;
        let late = || Failure::Unavailable("what the request waits for did not come in time".into());
        timeout_at(deadline, work).await.unwrap_or_else(|_| Err(late()))
    }

    pub async fn run(&self, task: Task, deadline: Instant) -> Result<Prepared, Failure> {
        let Some(queue) = self.queue.get_or_init(start) else { return Err(busy()) };
        let (done, outcome) = oneshot::channel();
        queue.try_send(Job { task, done }).map_err(|_| busy())?;
        match timeout_at(deadline, outcome).await {
            Ok(Ok(Ok(result))) => result,
            Ok(_) => Err(Failure::internal("the work panicked")),
            Err(_) => Err(busy()),
        }
    }
}

/// None if no thread could be had.
fn start() -> Option<mpsc::Sender<Job>> {
    let (queue, jobs) = mpsc::channel(WAITING);
    let jobs = Arc::new(Mutex::new(jobs));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let started = (0..processors).map(|_| spawn(jobs.clone())).filter(|thread| match thread {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "a thread for hashing passwords cannot be started");
            false
        }
    });
    (started.count() > 0).then_some(queue)
}

fn spawn(jobs: Jobs) -> io::Result<()> {
    std::thread::Builder::new().name("work".into()).spawn(move || {
        behind_others();
        loop {
            let Some(Job { task, done }) = jobs.lock().blocking_recv() else { return };
            // Nobody waits any more.
            if done.is_closed() {
                continue;
            }
            let _ = done.send(std::panic::catch_unwind(AssertUnwindSafe(task)));
            stack::overwrite();
        }
    })?;
    Ok(())
}

/// Puts the calling thread behind all others.
pub(crate) fn behind_others() {
    // To Linux a thread is a process with a priority of its own.
    let asked = Pid::from_raw(rustix::thread::gettid().as_raw_nonzero().get());
    if let Err(error) = setpriority_process(asked, NICE) {
        tracing::debug!(%error, "a worker's priority cannot be lowered");
    }
}
