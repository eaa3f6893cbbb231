//! `sys/replication/dr/secondary/enable`, `…/promote`, `…/disable`, `…/update-primary`: becoming a copy, and what becomes of it.

use std::sync::Arc;

use holdfast_core::dr::{Change, Following};
use holdfast_core::lifecycle::Node;
use sdk::{Answer, CommaList, Failure, Input, OnSecondary, Path, Result, Verb};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::ceremony::acting;
use super::once::once;
use super::replication::{WITH_WARNINGS, done, failure, not_needed};

#[derive(Input)]
struct Enable {
    /// What dr/primary/secondary-token of the primary has answered.
    token: Option<String>,
    /// Takes the primary's data although this cluster has mounts of its own, which are then gone.
    force: bool,
    /// Not needed.
    primary_api_addr: Option<String>,
    /// Not needed.
    ca_file: Option<String>,
    /// Not needed.
    ca_path: Option<String>,
}

#[derive(Input)]
struct Promote {
    /// Of generate-operation-token, or an orphan batch token of the primary whose policies allow this path.
    dr_operation_token: Option<String>,
    /// Promotes although the copy is known not to be complete: what it lacks is lost.
    force: bool,
    /// Not needed.
    primary_cluster_addr: Option<String>,
}

#[derive(Input)]
struct Disable {
    /// Of generate-operation-token, or an orphan batch token of the primary whose policies allow this path.
    dr_operation_token: Option<String>,
}

#[derive(Input)]
struct UpdatePrimary {
    /// Of generate-operation-token, or an orphan batch token of the primary whose policies allow this path.
    dr_operation_token: Option<String>,
    /// An activation token of the cluster that is to be the primary; an empty text: there is none for now.
    token: Option<String>,
    /// Follows a primary with another root key, by which all that this copy has is replaced.
    force: bool,
    /// Where the same primary is now: host and port of its cluster listeners. Without token.
    update_primary_addrs: Option<CommaList>,
    /// Not needed.
    primary_api_addr: Option<String>,
    /// Not needed.
    ca_file: Option<String>,
    /// Not needed.
    ca_path: Option<String>,
}

pub fn enable(node: &Arc<Node>) -> Path {
    Path::new("replication/dr/secondary/enable")
        .help(
            "Makes this cluster a copy of another one.",
            "All that it has is replaced by what the primary has, once that has arrived; its nodes go over to the primary's keys \
             by themselves, and from then on unseal by the primary's shares, or by their own seal.",
        )
        .answers(Verb::Write, WITH_WARNINGS)
        .act::<Enable>(
            Verb::Write,
            acting(node, |node: Arc<Node>, enable: Enable, deadline: Instant| async move {
                let token = Zeroizing::new(enable.token.unwrap_or_default());
                if token.is_empty() {
                    return Err(Failure::invalid(NO_TOKEN));
                }
                let following = node.prepare_to_follow(&token, enable.force, deadline).await.map_err(failure)?;
                let idle = [
                    ("primary_api_addr", enable.primary_api_addr.is_some()),
                    ("ca_file", enable.ca_file.is_some()),
                    ("ca_path", enable.ca_path.is_some()),
                ];
                Ok(answer(following, &idle, &node))
            }),
        )
}

pub fn promote(node: &Arc<Node>) -> Path {
    Path::new("replication/dr/secondary/promote")
        .secondary_only(OnSecondary::ByOperationToken)
        .help(
            "Makes this copy the primary.",
            "It serves from then on. The former primary serves nothing more as soon as it hears of it, and becomes its secondary; \
             other secondaries need a new token of this one.",
        )
        .answers(Verb::Write, WITH_WARNINGS)
        .act::<Promote>(
            Verb::Write,
            acting(node, |node: Arc<Node>, promote: Promote, deadline: Instant| async move {
                let _ = promote.dr_operation_token;
                node.change_standing(Change::Promote { force: promote.force }, deadline).await.map_err(failure)?;
                let text = "this cluster is the DR primary now; the former one is fenced when it meets this one, and until then \
                            serves its clients if it runs: demote it, or keep them from it. Other secondaries need a new token";
                let given = promote.primary_cluster_addr.is_some_and(|address| !address.is_empty());
                let idle = not_needed(&[("primary_cluster_addr", given)]);
                Ok(done([text.to_owned()].into_iter().chain(idle).collect()))
            }),
        )
}

pub fn disable(node: &Arc<Node>) -> Path {
    Path::new("replication/dr/secondary/disable")
        .secondary_only(OnSecondary::ByOperationToken)
        .help(
            "Makes this copy a cluster of its own.",
            "With the data that it has and the primary's keys and shares; the primary goes on. Revoke it there.",
        )
        .answers(Verb::Write, WITH_WARNINGS)
        .act::<Disable>(
            Verb::Write,
            acting(node, |node: Arc<Node>, disable: Disable, deadline: Instant| async move {
                let _ = disable.dr_operation_token;
                node.change_standing(Change::Leave, deadline).await.map_err(failure)?;
                let text = "this cluster serves its copy of the primary's data from now on, as one of its own; the primary's leases \
                            are in it too, and it ends them in its own time";
                Ok(done(vec![text.to_owned()]))
            }),
        )
}

pub fn update_primary(node: &Arc<Node>) -> Path {
    Path::new("replication/dr/secondary/update-primary")
        .secondary_only(OnSecondary::ByOperationToken)
        .help(
            "Tells this copy of another primary, or where its primary is now.",
            "With a token of a cluster that has the same root key, what differs from it is fetched. One with another root key \
             shares no history: it takes force, and replaces everything.",
        )
        .answers(Verb::Write, WITH_WARNINGS)
        .act::<UpdatePrimary>(Verb::Write, acting(node, update))
}

async fn update(node: Arc<Node>, update: UpdatePrimary, deadline: Instant) -> Result<Answer> {
    let _ = update.dr_operation_token;
    let idle = [
        ("primary_api_addr", update.primary_api_addr.is_some()),
        ("ca_file", update.ca_file.is_some()),
        ("ca_path", update.ca_path.is_some()),
    ];
    let change = match (update.token.map(Zeroizing::new), update.update_primary_addrs) {
        (Some(_), Some(_)) => return Err(Failure::invalid("give token or update_primary_addrs, not both")),
        (None, None) => return Err(Failure::invalid("give token, or update_primary_addrs")),
        (Some(token), None) if token.is_empty() => {
            Change::Follow { id: String::new(), primary: Vec::new(), reign: 0, adopted: None }
        }
        (Some(token), None) => {
            let following = node.prepare_to_follow(&token, update.force, deadline).await.map_err(failure)?;
            return Ok(answer(following, &idle, &node));
        }
        (None, Some(CommaList(addresses))) => {
            if addresses.is_empty() {
                return Err(Failure::invalid("update_primary_addrs must name at least one host:port"));
            }
            Change::Readdress { addresses }
        }
    };
    node.change_standing(change, deadline).await.map_err(failure)?;
    Ok(done(not_needed(&idle).into_iter().collect()))
}

/// The keys that the answer is audited with are gone as soon as the copy is complete.
fn answer(following: Following, idle: &[(&str, bool)], node: &Arc<Node>) -> Answer {
    let text = format!(
        "this cluster becomes the DR secondary {:?} of {:?}: it serves nothing else from now on, and dr/status says how far the \
         copy is. It is unsealed by the primary's key shares from then on, or by its own seal",
        following.id, following.cluster_name
    );
    let warnings = [text].into_iter().chain(not_needed(idle)).collect();
    done(warnings).then(once(node, following, follow))
}

async fn follow(node: Arc<Node>, following: Following, deadline: Instant) -> Result<Answer> {
    node.follow(following, deadline).await.map_err(failure).map(|()| Answer::empty())
}

const NO_TOKEN: &str =
    "token must be given: the activation token that dr/primary/secondary-token of the primary has answered";
