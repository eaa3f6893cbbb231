//! Makes the listings of large folders: on a thread of their own, behind all others, so that no request waits for one but
//! those that ask for it.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use sdk::Failure;
use storage::{Access, Listings, OpenStore, RawKey};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::stack;
use crate::work::behind_others;

/// Folders that may wait to be listed.
const WAITING: usize = 64;
/// How often kept listings hear what has changed while nobody reads them.
const HEAR: Duration = Duration::from_millis(100);

/// Comes to hold what the making came to.
type Outcome = Option<Result<(), Problem>>;

#[derive(Clone, Debug)]
enum Problem {
    Sealed,
    NamespaceSealed(String),
    Broken(String),
}

struct Job {
    folder: RawKey,
    done: watch::Sender<Outcome>,
}

type Making = Arc<Mutex<HashMap<RawKey, watch::Receiver<Outcome>>>>;

pub(crate) struct Lister {
    store: OpenStore,
    listings: Arc<Listings>,
    /// The folders that wait or are being listed.
    making: Making,
    /// Of the thread, which the first folder starts and the last owner ends. None if it could not be had.
    queue: OnceLock<Option<SyncSender<Job>>>,
}

impl Lister {
    pub fn new(store: OpenStore, listings: Arc<Listings>) -> Self {
        Self { store, listings, making: Making::default(), queue: OnceLock::new() }
    }

    /// Comes back when a new snapshot will find the folder's listing, or has to be asked whether it does.
    pub async fn make(&self, folder: &RawKey, deadline: Instant) -> Result<(), Failure> {
        if self.listings.is_at_hand(folder) {
            return Ok(());
        }
        let mut outcome = self.join(folder)?;
        match timeout_at(deadline, outcome.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => match &*outcome {
                Some(Err(Problem::Sealed)) => Err(Failure::Sealed),
                Some(Err(Problem::NamespaceSealed(keyring))) => Err(Failure::NamespaceSealed(keyring.clone())),
                Some(Err(Problem::Broken(text))) => Err(Failure::internal(text)),
                Some(Ok(())) | None => Ok(()),
            },
            Ok(Err(_)) => Err(Failure::internal("the making of a listing ended without a result")),
            Err(_) => {
                Err(Failure::Unavailable("the folder is large and could not be listed in time; try again".into()))
            }
        }
    }

    /// The making that is under way, or a new one.
    fn join(&self, folder: &RawKey) -> Result<watch::Receiver<Outcome>, Failure> {
        let mut making = self.making.lock();
        if let Some(outcome) = making.get(folder) {
            return Ok(outcome.clone());
        }
        let busy = || Failure::Unavailable("too many large folders are to be listed at once; try again".into());
        let queue = self.queue.get_or_init(|| self.start()).as_ref().ok_or_else(busy)?;
        let (done, outcome) = watch::channel(None);
        queue.try_send(Job { folder: folder.clone(), done }).map_err(|_| busy())?;
        making.insert(folder.clone(), outcome.clone());
        Ok(outcome)
    }

    fn start(&self) -> Option<SyncSender<Job>> {
        let (queue, jobs) = sync_channel(WAITING);
        let (store, listings, making) = (self.store.clone(), Arc::clone(&self.listings), Arc::clone(&self.making));
        let thread = std::thread::Builder::new().name("listing".into());
        match thread.spawn(move || work(&jobs, &store, &listings, &making)) {
            Ok(_) => Some(queue),
            Err(error) => {
                tracing::warn!(%error, "a thread for listing large folders cannot be started");
                None
            }
        }
    }
}

fn work(jobs: &Receiver<Job>, store: &OpenStore, listings: &Listings, making: &Making) {
    behind_others();
    loop {
        let next = if listings.size().1 == 0 {
            jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            jobs.recv_timeout(HEAR)
        };
        match next {
            Ok(Job { folder, done }) => {
                let made = std::panic::catch_unwind(AssertUnwindSafe(|| listings.make(store, &folder)));
                let outcome = match made {
                    Ok(made) => made.map_err(|error| match Access::from(error) {
                        Access::Sealed => Problem::Sealed,
                        Access::NamespaceSealed(keyring) => Problem::NamespaceSealed(keyring),
                        other => Problem::Broken(other.to_string()),
                    }),
                    Err(_) => Err(Problem::Broken("the making of a listing panicked".into())),
                };
                making.lock().remove(&folder);
                done.send_replace(Some(outcome));
                stack::overwrite();
            }
            Err(RecvTimeoutError::Timeout) => {
                match std::panic::catch_unwind(AssertUnwindSafe(|| listings.keep_up(store))) {
                    Ok(Ok(())) => {}
                    Ok(Err(problem)) => tracing::debug!(%problem, "what has changed in listed folders is not known"),
                    // The next hearing, or the next reader, goes on from there.
                    Err(_) => tracing::error!("the hearing of what has changed in listed folders panicked"),
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests;
