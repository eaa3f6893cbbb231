//! `sys/storage/raft/remove-peer`, `…/promote`, `…/demote`: what may be done to a member.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use holdfast_core::lifecycle::Node;
use holdfast_core::replication::{MemberChange, MemberError};
use sdk::{Act, Answer, Failure, Input, OnSecondary, Params, Path, Result, Verb};

#[derive(Input)]
struct Named {
    /// The member's name, its `node_id`.
    server_id: Option<String>,
    /// On a DR secondary.
    dr_operation_token: Option<String>,
}

struct Change {
    node: Arc<Node>,
    change: MemberChange,
}

pub fn remove(node: &Arc<Node>) -> Path {
    path(
        node,
        "storage/raft/remove-peer",
        MemberChange::Remove,
        "Takes a node out of the cluster.",
        "It is told, and starts no more on its old data. If it is the active one, another takes over first. Refused where \
         the nodes that remain could not decide anything.",
    )
}

pub fn promote(node: &Arc<Node>) -> Path {
    path(
        node,
        "storage/raft/promote",
        MemberChange::Promote,
        "Lets a node without a vote have one.",
        "It gets it as soon as it has everything and has been well for a while.",
    )
}

pub fn demote(node: &Arc<Node>) -> Path {
    path(
        node,
        "storage/raft/demote",
        MemberChange::Demote,
        "Takes a node's vote.",
        "It goes on as a copy, without a vote, until it is promoted. Refused where the voters that remain could not decide \
         anything.",
    )
}

fn path(
    node: &Arc<Node>,
    pattern: &'static str,
    change: MemberChange,
    synopsis: &'static str,
    description: &'static str,
) -> Path {
    Path::new(pattern)
        .on_secondary(OnSecondary::ByOperationToken)
        .help(synopsis, description)
        .act::<Named>(Verb::Write, Change { node: Arc::clone(node), change })
}

#[async_trait]
impl Act for Change {
    async fn act(&self, params: &Params, deadline: Instant) -> Result<Answer> {
        let Named { server_id, dr_operation_token } = Named::parse(params)?;
        // It was for authorization alone.
        drop(dr_operation_token);
        let name = server_id.filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Failure::invalid("no server id provided"))?;
        let members = self.node.replication.members();
        let Some(member) = members.iter().find(|status| status.member.name == name) else {
            let mut names: Vec<String> = members.iter().map(|status| format!("{:?}", status.member.name)).collect();
            names.sort();
            let text = format!("no node of this cluster has the id {name:?}; its nodes are {}", names.join(", "));
            return Err(Failure::Invalid(text));
        };
        let changed = self.node.replication.change_member(member.member.id, self.change, deadline.into()).await;
        changed.map_err(|error| match error {
            MemberError::Refused(_) => Failure::Invalid(format!("{name:?} stays as it is: {error}")),
            MemberError::Unavailable(_) => Failure::Unavailable(error.to_string()),
            MemberError::Unknown(_) => Failure::OutcomeUnknown(error.to_string()),
        })?;
        tracing::info!(node = name, change = ?self.change, "a member was changed by request");
        Ok(Answer::empty())
    }
}
