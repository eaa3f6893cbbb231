//! What the rest of the node may do with the state: look.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use storage::{Epoch, RequestId, Revision, SealedSnapshot, StoreError};
use tokio::sync::watch;

use super::feed::Behind;
use super::loading::Loading;
use super::outcomes::Outcome;
use super::position::Position;
use super::raft::Shared;
use super::trail::Seen;
use super::view::StateView;
use crate::consensus::StoredMembership;
use crate::dr::Standing;
use crate::identity::RemovedKeys;
use crate::recovery::Recovery;
use crate::snapshot::{Checkpoint, Receiving};

#[derive(Clone)]
pub struct StateReader {
    shared: Arc<Shared>,
}

impl StateReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The state as it is applied now. Whoever looks while nothing is applied shares a view.
    pub fn snapshot(&self) -> Result<Arc<dyn SealedSnapshot>, StoreError> {
        let mut recent = self.shared.recent.lock();
        let applied = self.applied();
        if let Some(view) = recent.upgrade().filter(|view| view.index() >= applied) {
            return Ok(view);
        }
        let view = StateView::new(self.shared.database.load_full(), Arc::clone(&self.shared.journal))?;
        let view = Arc::new(view);
        *recent = Arc::downgrade(&view);
        Ok(view)
    }

    /// Where the state stands, and every move of it. What it names is visible to a snapshot taken afterwards.
    pub fn position(&self) -> watch::Receiver<Position> {
        self.shared.position.subscribe()
    }

    /// The fingerprint that the state had at a revision, if that is not long ago.
    pub fn fingerprint_at(&self, revision: Revision) -> Seen {
        self.shared.live.read().trail.at(revision)
    }

    /// The line of history that the state is on.
    pub fn epoch(&self) -> watch::Receiver<Epoch> {
        self.shared.epoch.subscribe()
    }

    /// The load that is under way, as far as entries are applied.
    pub fn loading(&self) -> Option<Loading> {
        self.shared.live.read().loading.clone()
    }

    /// How the cluster stands to others, and every change of that.
    pub fn standing(&self) -> watch::Receiver<Arc<Standing>> {
        self.shared.standing.subscribe()
    }

    /// What the feed has behind a moment of the history, up to about so many bytes.
    pub fn fed_behind(&self, revision: Revision, fingerprint: [u8; 32], bytes: usize) -> Result<Behind, StoreError> {
        self.shared.database.load().fed_behind(revision, fingerprint, bytes)
    }

    /// What the feed takes.
    pub fn feed_bytes(&self) -> Result<u64, StoreError> {
        self.shared.database.load().feed_bytes()
    }

    /// From where on the feed takes no more than so many bytes. Blocks.
    pub fn feed_within(&self, bytes: u64) -> Result<Option<Revision>, StoreError> {
        self.shared.database.load().feed_within(bytes)
    }

    /// The index up to which entries are applied.
    pub fn applied(&self) -> u64 {
        self.shared.position.borrow().index()
    }

    /// Up to which index a view may show entries, though not all before are told of yet.
    pub fn begun(&self) -> u64 {
        self.shared.begun.load(Ordering::SeqCst)
    }

    /// The newest membership that is applied.
    pub fn membership(&self) -> StoredMembership {
        self.shared.live.read().membership.clone()
    }

    /// The format that the cluster is at.
    pub fn format(&self) -> u32 {
        self.shared.format.load(Ordering::Relaxed)
    }

    /// The newest recovery that is applied.
    pub fn recovery(&self) -> Option<Arc<Recovery>> {
        self.shared.live.read().recovery.clone()
    }

    /// Whose nodes were members once, as far as entries are applied.
    pub fn removed(&self) -> RemovedKeys {
        self.shared.live.read().removed.clone()
    }

    /// What became of a request. `NotRun` is only as true as the state is recent: ask after a linearizable read point.
    pub fn outcome(&self, id: &RequestId) -> Result<Outcome, StoreError> {
        let live = self.shared.live.read();
        match live.outcomes.find(id) {
            Some(index) => Ok(Outcome::Ran(self.shared.database.load().ran(index)?)),
            // It would have run at an index above the one its id begins with.
            None if id.applied >= live.position.evicted => Ok(Outcome::NotRun),
            None => Ok(Outcome::Forgotten),
        }
    }

    /// The current snapshot, if one was made.
    pub fn current_checkpoint(&self) -> Option<Checkpoint> {
        self.shared.shelf.current()
    }

    /// A folder to receive a snapshot into.
    pub fn receive(&self) -> io::Result<Receiving> {
        self.shared.shelf.receive()
    }

    /// Writes a checkpoint of the state as it is now to a folder that must not exist. Blocks.
    pub fn checkpoint_to(&self, folder: &Path) -> io::Result<()> {
        self.shared.database.load().checkpoint(folder)
    }

    /// Ends the database's background work, before the process ends. Blocks.
    pub fn close(&self) {
        self.shared.database.load().stop_background_work();
    }
}
