//! `sys/replication/dr/primary/secondary-token`: an activation token for a new secondary.

use std::sync::Arc;

use holdfast_core::dr::{Invitation, TTL_DEFAULT};
use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Answer, Input, Outcome, Output, Path, Reply, Result, Seconds, Verb, WrapInfo};
use serde::Serialize;
use tokio::time::Instant;

use super::ceremony::acting;
use super::once::once;
use super::replication::failure;

#[derive(Input)]
struct Ask {
    /// What the secondary is called from now on. Each name counts once.
    id: Option<String>,
    /// For how long the token counts.
    #[field(default = Seconds(TTL_DEFAULT))]
    ttl: Seconds,
    /// What dr/secondary/generate-public-key of the secondary has answered: the token is then encrypted to it.
    secondary_public_key: Option<String>,
}

/// The encrypted token.
#[derive(Serialize, JsonSchema)]
struct Encrypted {
    token: String,
}

const PATH: &str = "sys/replication/dr/primary/secondary-token";

pub fn path(node: &Arc<Node>) -> Path {
    Path::new("replication/dr/primary/secondary-token")
        .help(
            "Makes an activation token.",
            "With it another cluster becomes a copy of this one, once: it is given this cluster's root key for it. In the form \
             of a wrapping token, or in the answer's data where it is encrypted to a key.",
        )
        .sudo()
        .answers(Verb::Write, Outcome::data::<Encrypted>())
        .act::<Ask>(
            Verb::Write,
            acting(node, |node: Arc<Node>, ask: Ask, _: Instant| async move {
                let key = ask.secondary_public_key.as_deref().filter(|key| !key.is_empty());
                let made = node.invitation(ask.id.as_deref().unwrap_or_default(), ask.ttl.0, key).map_err(failure)?;
                let answer = match key {
                    Some(_) => Reply::data(Encrypted { token: made.token.to_string() })?.into_answer(),
                    None => Answer { wrapped: Some(wrapped(&made)), ..Answer::default() },
                };
                // A token that is not handed out must not count.
                Ok(answer.then(once(&node, made, invite)))
            }),
        )
}

async fn invite(node: Arc<Node>, invitation: Invitation, deadline: Instant) -> Result<Answer> {
    node.invite(&invitation, deadline).await.map_err(failure).map(|()| Answer::empty())
}

fn wrapped(invitation: &Invitation) -> WrapInfo {
    WrapInfo {
        token: invitation.token.to_string(),
        accessor: invitation.accessor.clone(),
        ttl: invitation.ttl.as_secs(),
        creation_time: sdk::timestamp(invitation.created),
        creation_path: PATH.to_owned(),
        wrapped_accessor: None,
    }
}
