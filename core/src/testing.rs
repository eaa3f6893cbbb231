//! A cluster of one in memory: the whole of core without a disk or a network.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use storage::{Batch, MemoryStore, Millis, RequestId, SealedStore, Term};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::replication::{
    Asker, ForwardError, Member, MemberStatus, Outcome, Position, Replication, Role, Unavailable,
};

/// Always the leader once it is founded.
pub struct Alone {
    store: Arc<MemoryStore>,
    role: watch::Sender<Role>,
    now: Mutex<Millis>,
}

impl Default for Alone {
    fn default() -> Self {
        Self {
            store: Arc::new(MemoryStore::default()),
            role: watch::Sender::new(Role::Unknown),
            now: Mutex::new(Millis(1_700_000_000_000)),
        }
    }
}

impl Alone {
    /// As after an election that it won again.
    pub fn lead_again(&self, term: Term) {
        self.role.send_replace(Role::Active { term });
    }

    /// Lets time pass.
    pub fn advance(&self, by: std::time::Duration) {
        let mut now = self.now.lock();
        *now = now.plus(by);
    }
}

#[async_trait]
impl Replication for Alone {
    fn initialised(&self) -> bool {
        self.store.applied() > 0
    }
    fn store(&self) -> Arc<dyn SealedStore> {
        Arc::clone(&self.store) as _
    }
    fn role(&self) -> watch::Receiver<Role> {
        self.role.subscribe()
    }
    fn position(&self) -> Position {
        Position { committed: self.store.applied(), applied: self.store.applied() }
    }
    fn members(&self) -> Vec<MemberStatus> {
        vec![MemberStatus { member: self.joining(), voter: true, leader: true }]
    }
    fn now(&self) -> Millis {
        *self.now.lock()
    }
    fn set_sealed(&self, _sealed: bool) {}
    async fn read_point(&self, _deadline: Instant) -> Result<Millis, Unavailable> {
        Ok(self.now())
    }
    async fn found(&self, first: Batch) -> Result<(), Unavailable> {
        self.store.commit(Term(1), first).await.map_err(|e| Unavailable(e.to_string()))?;
        self.role.send_replace(Role::Active { term: Term(1) });
        Ok(())
    }
    fn joining(&self) -> Member {
        Member {
            id: 1,
            name: "alone".into(),
            address: "127.0.0.1:0".into(),
            api_address: "http://127.0.0.1:0".into(),
            key: [0; 32],
        }
    }
    async fn admit(&self, _joiner: Member, _deadline: Instant) -> Result<Vec<Member>, Unavailable> {
        Err(Unavailable("a cluster in memory has one node".into()))
    }
    async fn enter(&self, _members: Vec<Member>) -> Result<(), Unavailable> {
        Err(Unavailable("a cluster in memory has one node".into()))
    }
    async fn forward(&self, _id: RequestId, _payload: Bytes, _deadline: Instant) -> Result<Bytes, ForwardError> {
        Err(ForwardError::NotSent("a cluster in memory has one node".into()))
    }
    async fn outcome(&self, _id: RequestId, _asker: Asker, _deadline: Instant) -> Result<Outcome, Unavailable> {
        Ok(Outcome::Unknown)
    }
    async fn step_down(&self, _deadline: Instant) -> Result<(), Unavailable> {
        Ok(())
    }
}
