//! How much of what namespaces have asked of key services goes on at once. What is behind a seal that the server offers may be its own
//! too, as a device that does one thing after the other: tenants do not make the server's own unsealing late, nor each other's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sdk::{Namespace, NamespaceId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Calls on behalf of namespaces, besides the server's own.
const CALLS_MAX: usize = 16;
/// Of them those on behalf of one that lies right in the root, and all that lie in it.
const CALLS_OF_ONE: usize = 4;
/// So long what a service has shown counts for whoever asks how it is.
const TRIED_MAX: Duration = Duration::from_secs(5);

pub(super) struct Calls {
    all: Arc<Semaphore>,
    /// By the name of the outermost namespace, while it has calls.
    of_one: Mutex<BTreeMap<String, Arc<Semaphore>>>,
    tried: Mutex<BTreeMap<NamespaceId, Arc<Tried>>>,
}

/// How a service was. Who holds it is the one that asks.
type Tried = tokio::sync::Mutex<Option<(Instant, Result<(), String>)>>;

/// A call may be made while it lives.
pub(super) struct Room {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Default for Calls {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(CALLS_MAX)), of_one: Mutex::default(), tried: Mutex::default() }
    }
}

impl Calls {
    /// Waits for a place; the caller's patience bounds it. `name` is right below `above`.
    pub async fn room(&self, above: &Namespace, name: &str) -> Result<Room, String> {
        let outermost = above.path.split('/').next().filter(|outermost| !outermost.is_empty()).unwrap_or(name);
        let own = {
            let mut of_one = self.of_one.lock();
            of_one.retain(|_, calls| Arc::strong_count(calls) > 1);
            let new = || Arc::new(Semaphore::new(CALLS_OF_ONE));
            Arc::clone(of_one.entry(outermost.to_owned()).or_insert_with(new))
        };
        let ended = |_| "the server stops".to_owned();
        // First its own: who has many under way takes nobody's place while these wait.
        let own = own.acquire_owned().await.map_err(ended)?;
        let all = Arc::clone(&self.all).acquire_owned().await.map_err(ended)?;
        Ok(Room { _own: own, _all: all })
    }

    /// What trying the service of a namespace comes to: one tries at a time, and who asks meanwhile, or soon after, hears the same.
    pub async fn tried(
        &self,
        id: &NamespaceId,
        try_it: impl Future<Output = Result<(), String>>,
    ) -> Result<(), String> {
        let tried = {
            let mut all = self.tried.lock();
            all.retain(|_, tried| {
                let fresh = |(at, _): &(Instant, _)| at.elapsed() < TRIED_MAX;
                tried.try_lock().map_or(true, |tried| tried.as_ref().is_some_and(fresh))
            });
            Arc::clone(all.entry(id.clone()).or_default())
        };
        let mut tried = tried.lock().await;
        if let Some((at, came)) = tried.as_ref()
            && at.elapsed() < TRIED_MAX
        {
            return came.clone();
        }
        let came = try_it.await;
        *tried = Some((Instant::now(), came.clone()));
        came
    }

    /// The service is another one from now on.
    pub fn forget(&self, id: &NamespaceId) {
        self.tried.lock().remove(id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt;
    use tokio::task::JoinSet;
    use tokio::time::sleep;

    use super::*;

    fn at(path: &str) -> Namespace {
        Namespace { path: path.to_owned(), ..Namespace::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_is_tried_once_whoever_asks() {
        let (calls, asked) = (Arc::new(Calls::default()), Arc::new(AtomicUsize::default()));
        let (id, other) =
            (NamespaceId::parse("aaaaAAAA-aaaaAAAA").unwrap(), NamespaceId::parse("bbbbBBBB-bbbbBBBB").unwrap());
        let ask = |id: &NamespaceId| {
            let (calls, asked, id) = (Arc::clone(&calls), Arc::clone(&asked), id.clone());
            async move {
                let slow = async {
                    asked.fetch_add(1, Ordering::Relaxed);
                    sleep(Duration::from_secs(1)).await;
                    Err("away".to_owned())
                };
                calls.tried(&id, slow).await
            }
        };
        let mut all = JoinSet::new();
        (0..50).for_each(|_| drop(all.spawn(ask(&id))));
        all.spawn(ask(&other));
        while let Some(came) = all.join_next().await {
            assert_eq!(came.unwrap(), Err("away".to_owned()));
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        tokio::time::advance(TRIED_MAX).await;
        ask(&id).await.unwrap_err();
        assert_eq!(asked.load(Ordering::Relaxed), 3);
        calls.forget(&id);
        ask(&id).await.unwrap_err();
        assert_eq!((asked.load(Ordering::Relaxed), calls.tried.lock().len()), (4, 1));
    }

    #[tokio::test]
    async fn one_tenant_leaves_room_for_others() {
        let calls = Calls::default();
        let mut held = Vec::new();
        for n in 0..CALLS_OF_ONE {
            held.push(calls.room(&at(&format!("many/n{n}/")), "x").await.unwrap());
        }
        assert!(calls.room(&at("many/"), "y").now_or_never().is_none());
        assert!(calls.room(&at(""), "many").now_or_never().is_none());
        assert!(calls.room(&at("other/"), "y").now_or_never().is_some());
        for n in CALLS_OF_ONE..CALLS_MAX {
            held.push(calls.room(&at(""), &format!("n{n}")).await.unwrap());
        }
        assert!(calls.room(&at("other/"), "y").now_or_never().is_none());
        held.clear();
        assert!(calls.room(&at("many/"), "y").now_or_never().is_some());
        assert!(calls.of_one.lock().len() <= 2, "what has no calls is forgotten");
    }
}
