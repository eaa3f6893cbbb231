//! Loading the replicated keys anew, as the leader carries it out: entry after entry, then the switch.
//!
//! Whatever goes wrong before the switch changes nothing: the load is ended by this node, or, when this node is gone, by
//! the next leader, which does not go on with it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use storage::{Check, Class, Epoch, RawKey, Revision, Stored};
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use crate::bulk::{Bulk, Chunk, Landing, LoadId, Merge, Switch};
use crate::consensus::{Applied, Command};
use crate::format::Form;
use crate::handover::Gate;
use crate::machine::value;
use crate::propose::{ProposeError, propose};
use crate::shared::Shared;

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("another restore is under way")]
    Busy,
    #[error("this node does not lead")]
    NotLeader,
    #[error("the cluster cannot take the data: {0}")]
    Unavailable(String),
    #[error("a record of {0} bytes is larger than any entry may be")]
    TooLarge(usize),
    #[error("a key that is not replicated cannot be loaded")]
    NotReplicated,
    /// After the switch alone: the state is the old one or the new one, on all nodes.
    #[error("it is unknown whether the switch to the loaded state was carried out")]
    Unknown,
}

/// Whence a loaded state comes, and what is written on top of it.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Where it stood in its own history.
    pub revision: Revision,
    pub fingerprint: [u8; 32],
    /// What `puts` were made from, in the state that ends: had it changed, the switch would not take place.
    pub checks: Vec<Check>,
    pub puts: Vec<(RawKey, Bytes)>,
    /// Folders to empty before that.
    pub prefix_deletes: Vec<RawKey>,
}

/// What this node loads.
pub(crate) struct Loads {
    pub shared: Arc<Shared>,
    pub gate: Arc<Gate>,
    busy: Arc<tokio::sync::Mutex<()>>,
    own: Mutex<Option<LoadId>>,
}

/// A load under way. Dropped before its switch, it is ended and leaves nothing.
pub struct Load {
    loads: Arc<Loads>,
    term: u64,
    id: LoadId,
    chunks: u32,
    switching: bool,
    _busy: OwnedMutexGuard<()>,
}

impl Loads {
    pub fn new(shared: Arc<Shared>, gate: Arc<Gate>) -> Self {
        Self { shared, gate, busy: Arc::default(), own: Mutex::default() }
    }

    /// Begins a load, as the leader of this term. What an earlier one has left is removed.
    pub async fn begin(self: &Arc<Self>) -> Result<Load, LoadError> {
        let busy = Arc::clone(&self.busy).try_lock_owned().map_err(|_| LoadError::Busy)?;
        let leadership = self.shared.leadership.borrow().clone();
        if !leadership.is_ready() {
            return Err(LoadError::NotLeader);
        }
        let id = LoadId(crypto::random());
        *self.own.lock() = Some(id);
        let load =
            Load { loads: Arc::clone(self), term: leadership.term, id, chunks: 0, switching: false, _busy: busy };
        load.propose(Bulk::Begin(id)).await?;
        Ok(load)
    }

    /// Ends what a leader before this one has left, each time this node comes to lead.
    pub async fn sweep(self: Arc<Self>) {
        let mut leadership = self.shared.leadership.subscribe();
        loop {
            let now = leadership.borrow_and_update().clone();
            // A ready leader has applied all that the leaders before it put into the log.
            if now.is_ready()
                && let Some(left) = self.shared.reader.loading()
                && *self.own.lock() != Some(left.id)
                && left.merging.is_none()
            {
                tracing::info!(chunks = left.chunks, "what an unfinished load has left is removed");
                self.end(now.term, left.id).await;
            }
            if leadership.changed().await.is_err() {
                return;
            }
        }
    }

    /// Goes on with a merge that has begun, if one has. Answers where the state stands then.
    pub async fn bring_to_its_end(&self) -> Result<Option<Revision>, LoadError> {
        let leadership = self.shared.leadership.borrow().clone();
        while let Some(left) = self.shared.reader.loading().filter(|left| left.merging.is_some()) {
            let step = Command::Bulk(Bulk::Step(left.id));
            match propose(&self.shared, &self.gate, leadership.term, step).await {
                Ok(Applied::Switched(revision)) => return Ok(Some(revision)),
                Ok(_) => {}
                Err(ProposeError::NotActive) => return Err(LoadError::NotLeader),
                Err(ProposeError::Unavailable(why)) => return Err(LoadError::Unavailable(why.to_owned())),
                Err(ProposeError::Unknown) => return Err(LoadError::Unknown),
            }
        }
        Ok(None)
    }

    async fn end(&self, term: u64, id: LoadId) {
        if propose(&self.shared, &self.gate, term, Command::Bulk(Bulk::End(id))).await.is_err() {
            tracing::warn!("what an unfinished load has left stays until the next leader or load removes it");
        }
    }
}

impl Load {
    /// Adds records, as one entry. The caller keeps each call to about 1 MiB.
    pub async fn add(&mut self, records: Vec<(RawKey, Stored)>) -> Result<(), LoadError> {
        if records.iter().any(|(key, _)| key.class() != Class::Replicated) {
            return Err(LoadError::NotReplicated);
        }
        let form = Form::of(self.loads.shared.reader.format());
        let encode =
            |(key, stored): (RawKey, Stored)| (key, value::encode(stored.revision, &stored.value, form).into());
        let chunk = Chunk { load: self.id, number: self.chunks, records: records.into_iter().map(encode).collect() };
        if chunk.size() > proto::MESSAGE_MAX * 3 / 4 {
            return Err(LoadError::TooLarge(chunk.size()));
        }
        self.propose(Bulk::Chunk(Arc::new(chunk))).await?;
        self.chunks += 1;
        Ok(())
    }

    /// Adds records as [`add`](Self::add) does, and records to take away, of a state that is to be merged into the current one.
    pub(crate) async fn add_difference(&mut self, records: Vec<(RawKey, Option<Stored>)>) -> Result<(), LoadError> {
        let form = Form::of(self.loads.shared.reader.format());
        let encode = |(key, stored): (RawKey, Option<Stored>)| {
            let record = stored.map(|stored| value::encode(stored.revision, &stored.value, form).into());
            (key, record.unwrap_or_default())
        };
        let chunk = Chunk { load: self.id, number: self.chunks, records: records.into_iter().map(encode).collect() };
        self.propose(Bulk::Chunk(Arc::new(chunk))).await?;
        self.chunks += 1;
        Ok(())
    }

    /// Makes what was loaded current, as that moment of another cluster's history.
    pub(crate) async fn adopt(mut self, revision: Revision, fingerprint: [u8; 32]) -> Result<Revision, LoadError> {
        let switch = Switch {
            load: self.id,
            chunks: self.chunks,
            epoch: revision.epoch,
            n: revision.n,
            fingerprint,
            checks: Vec::new(),
            puts: Vec::new(),
            prefix_deletes: Vec::new(),
            landing: Landing::Adopted,
        };
        match self.last(Bulk::Switch(Arc::new(switch))).await? {
            Applied::Switched(revision) => Ok(revision),
            _ => Err(LoadError::Unknown),
        }
    }

    /// From then on what was added is put in its place by [`Loads::bring_to_its_end`], by whoever leads.
    /// `base`: where the state stood that the difference was made from.
    pub(crate) async fn merge(
        mut self,
        base: (Revision, [u8; 32]),
        (revision, fingerprint): (Revision, [u8; 32]),
    ) -> Result<(), LoadError> {
        let merge = Merge { load: self.id, chunks: self.chunks, base, revision, fingerprint };
        self.last(Bulk::Merge(Arc::new(merge))).await.map(|_| ())
    }

    /// The step behind which the load is not this node's to end, unless it surely did not happen.
    async fn last(&mut self, bulk: Bulk) -> Result<Applied, LoadError> {
        self.switching = true;
        let done = self.propose(bulk).await;
        self.switching = matches!(done, Ok(_) | Err(LoadError::Unknown));
        done
    }

    /// Makes what was loaded current, on a new line of history.
    pub async fn switch(mut self, loaded: Loaded) -> Result<Revision, LoadError> {
        let shared = Arc::clone(&self.loads.shared);
        let current = shared.reader.position().borrow().revision.epoch.number;
        let number = current.max(loaded.revision.epoch.number).checked_add(1);
        let number = number.ok_or_else(|| LoadError::Unavailable("there is no epoch above this one".to_owned()))?;
        let epoch = Epoch { number, bits: u64::from_be_bytes(crypto::random()) };
        let Loaded { revision, fingerprint, checks, puts, prefix_deletes } = loaded;
        let (load, chunks) = (self.id, self.chunks);
        let (n, landing) = (revision.n, Landing::Raised);
        let switch = Switch { load, chunks, epoch, n, fingerprint, checks, puts, prefix_deletes, landing };
        self.switching = true;
        match self.propose(Bulk::Switch(Arc::new(switch))).await {
            Ok(Applied::Switched(revision)) => Ok(revision),
            Err(LoadError::Unknown) => {
                // A leader that comes after this one may bring it through.
                let mut position = shared.reader.position();
                let arrived = position.wait_for(|position| position.revision.epoch == epoch);
                match timeout(ARRIVES, arrived).await {
                    Ok(Ok(position)) => Ok(position.revision),
                    _ => Err(LoadError::Unknown),
                }
            }
            Ok(_) => Err(LoadError::Unknown),
            Err(error) => {
                self.switching = false;
                Err(error)
            }
        }
    }

    async fn propose(&self, bulk: Bulk) -> Result<Applied, LoadError> {
        let Loads { shared, gate, .. } = &*self.loads;
        match propose(shared, gate, self.term, Command::Bulk(bulk)).await {
            Ok(Applied::NotThisLoad) => Err(LoadError::Unavailable(ENDED.to_owned())),
            Ok(applied) => Ok(applied),
            Err(ProposeError::NotActive) => Err(LoadError::NotLeader),
            Err(ProposeError::Unavailable(why)) => Err(LoadError::Unavailable(why.to_owned())),
            Err(ProposeError::Unknown) if self.switching => Err(LoadError::Unknown),
            Err(ProposeError::Unknown) => Err(LoadError::Unavailable("leadership was lost".to_owned())),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.loads.own.lock().take();
        if !self.switching {
            let (loads, term, id) = (Arc::clone(&self.loads), self.term, self.id);
            self.loads.shared.runtime.spawn(async move { loads.end(term, id).await });
        }
    }
}

const ENDED: &str = "the restore was ended by another node, or the cluster's keys were changed meanwhile";
/// How long a switch whose answer was lost is waited for.
const ARRIVES: Duration = Duration::from_secs(10);
