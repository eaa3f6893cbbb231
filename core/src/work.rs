//! Work that takes a processor for long, as hashing a password: done by a few threads, so that other requests go on.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use sdk::{Failure, Prepared};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// Requests that may wait for a thread.
const WAITING: usize = 1024;

pub(crate) type Task = Box<dyn FnOnce() -> Result<Prepared, Failure> + Send>;

pub(crate) struct Workers {
    threads: Arc<Semaphore>,
    queue: Semaphore,
}

impl Default for Workers {
    /// One processor is left to everybody else, where there is more than one.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self { threads: Arc::new(Semaphore::new(processors.saturating_sub(1).max(1))), queue: Semaphore::new(WAITING) }
    }
}

impl Workers {
    pub async fn run(&self, task: Task, deadline: Instant) -> Result<Prepared, Failure> {
        let busy = || Failure::Unavailable("too many requests of this kind at once; try again".into());
        let _place = self.queue.try_acquire().map_err(|_| busy())?;
        let threads = Arc::clone(&self.threads);
        let Ok(Ok(thread)) = timeout_at(deadline, threads.acquire_owned()).await else { return Err(busy()) };
        let done = tokio::task::spawn_blocking(move || {
            let done = std::panic::catch_unwind(AssertUnwindSafe(task));
            drop(thread);
            done
        });
        match timeout_at(deadline, done).await {
            Ok(Ok(Ok(done))) => done,
            Ok(_) => Err(Failure::internal("the work panicked")),
            Err(_) => Err(busy()),
        }
    }
}
