//! Before a cluster is founded: is there one already that this node was configured to join?
//!
//! A node whose folder was emptied must find its cluster again, not found a second one beside it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Introduce, JoinTarget, Node};

/// How long the neighbours have for an answer, all at once. One that is away hinders nobody.
const ASK_MAX: Duration = Duration::from_secs(3);

/// The nodes that this one was configured to ask, and the way to them.
#[derive(Clone)]
pub struct Neighbours {
    pub targets: Vec<JoinTarget>,
    pub introduce: Arc<dyn Introduce>,
}

impl Node {
    /// The API address of a neighbour that belongs to a cluster.
    pub(crate) async fn founded_elsewhere(&self) -> Option<String> {
        let neighbours = self.neighbours.as_ref()?;
        let own = self.replication.joining().api_address;
        let mut asked = JoinSet::new();
        for target in neighbours.targets.iter().filter(|target| target.leader_api_addr != own) {
            let (target, introduce) = (target.clone(), Arc::clone(&neighbours.introduce));
            asked.spawn(async move {
                let answer = timeout(ASK_MAX, introduce.is_initialised(&target)).await;
                match answer.unwrap_or_else(|_| Err("it did not answer in time".to_owned())) {
                    Ok(true) => Some(target.leader_api_addr),
                    Ok(false) => None,
                    Err(problem) => {
                        tracing::info!(neighbour = target.leader_api_addr, problem, "it was not asked before founding");
                        None
                    }
                }
            });
        }
        while let Some(answer) = asked.join_next().await {
            if let Ok(Some(address)) = answer {
                return Some(address);
            }
        }
        None
    }
}
