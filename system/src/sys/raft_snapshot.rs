//! `sys/storage/raft/snapshot` and `snapshot-force`: backups, made and restored.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use holdfast_core::backup::{Restore, Trust};
use holdfast_core::lifecycle::Node;
use sdk::{Act, Answer, Body, Failure, Input, Outcome, Params, Path, Result, Verb};

use super::once::once;

#[derive(Input)]
struct Nothing {}

struct Save(Arc<Node>);

struct RestoreAct {
    node: Arc<Node>,
    trust: Trust,
}

pub fn path(node: &Arc<Node>) -> Path {
    Path::new("storage/raft/snapshot")
        .help(
            "Makes a backup, or restores one.",
            "A backup is everything but what belongs to this one cluster: its members, and how its root key is wrapped. \
             One of this cluster's own root key is restored at once, and the nodes stay unsealed.",
        )
        .answers(Verb::Read, Outcome::other("application/gzip"))
        .act::<Nothing>(Verb::Read, Save(Arc::clone(node)))
        .act::<Nothing>(Verb::Write, RestoreAct { node: Arc::clone(node), trust: Trust::RootKey })
}

pub fn force(node: &Arc<Node>) -> Path {
    Path::new("storage/raft/snapshot-force")
        .help(
            "Restores a backup of whatever root key.",
            "Its key shares are the cluster's from then on; nodes that do not hold its root key seal themselves.",
        )
        .act::<Nothing>(Verb::Write, RestoreAct { node: Arc::clone(node), trust: Trust::Caller })
}

#[async_trait]
impl Act for Save {
    async fn act(&self, _params: &Params, _deadline: Instant) -> Result<Answer> {
        let pipe = self.0.save(self.0.replication.now())?;
        let body = Body::Stream { content_type: "application/gzip", file_name: Some("backup.tar.gz"), pipe };
        Ok(Answer { body, ..Answer::empty() })
    }
}

#[async_trait]
impl Act for RestoreAct {
    async fn act(&self, params: &Params, _deadline: Instant) -> Result<Answer> {
        let upload = params.upload().ok_or_else(|| Failure::invalid("the body must be a backup"))?;
        let restore = self.node.restore(upload, self.trust).await?;
        // The answer still has to be audited with the keys of before.
        Ok(Answer::empty().then(once(&self.node, restore, end)))
    }
}

async fn end(_: Arc<Node>, restore: Restore, _: tokio::time::Instant) -> Result<Answer> {
    drop(restore);
    Ok(Answer::empty())
}
