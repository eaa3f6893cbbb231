//! The storage contract's own suite, over one node.

use std::sync::Arc;

use async_trait::async_trait;
use storage::apply::Refusal;
use storage::{Batch, CommitError, Committed, SealedSnapshot, SealedStore, StoreError, Term};

use super::nodes::Nodes;
use crate::consensus::{Applied, Command, Raft, Timing};
use crate::machine::StateReader;

struct OneNode {
    raft: Raft,
    reader: StateReader,
    _nodes: Nodes,
}

#[async_trait]
impl SealedStore for OneNode {
    fn snapshot(&self) -> Result<Arc<dyn SealedSnapshot>, StoreError> {
        self.reader.snapshot()
    }

    async fn commit(&self, _: Term, batch: Batch) -> Result<Committed, CommitError> {
        let (size, limit) = (batch.size(), 1 << 20);
        if size > limit {
            return Err(CommitError::TooLarge { size, limit });
        }
        let id = batch.id;
        let answer = self.raft.client_write(Command::batch(batch)).await;
        match answer.map_err(|_| CommitError::Unknown(id))?.data {
            Applied::Committed(committed) => Ok(committed),
            Applied::Refused(Refusal::Conflict(key)) => Err(CommitError::Conflict { key }),
            Applied::Refused(Refusal::Floor(key)) => Err(CommitError::Floor { key }),
            Applied::Repeated(ran) => Err(CommitError::Repeated(ran)),
            other => panic!("no batch is answered so: {other:?}"),
        }
    }

    fn applied(&self) -> u64 {
        self.reader.applied()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sealed_store_s_suite_passes() {
    storage::suite::sealed::run(async || {
        let mut nodes = Nodes::new(Timing::default(), |_| {});
        nodes.start(1).await;
        nodes.found(1, [1]).await;
        let (raft, reader) = (nodes.node(1).raft.clone(), nodes.node(1).reader.clone());
        (Arc::new(OneNode { raft, reader, _nodes: nodes }) as Arc<dyn SealedStore>, Term(1))
    })
    .await;
}
