//! `sys/namespaces/:path/rotate`, `sys/namespaces/:path/key-status`: the data key of a namespace with a seal of its own.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Outcome, Path, Reply, Result, Txn, Verb, timestamp};
use serde::Serialize;

use super::namespaces::refused;
use super::namespaces_seal::found;
use super::once::once;

#[derive(Input)]
struct Named {
    /// The namespace's name.
    path: String,
}

#[derive(Serialize, JsonSchema)]
struct Status {
    /// Its number.
    term: u32,
    /// Since when it is in use.
    install_time: String,
    /// About how often it has encrypted.
    encryptions: u64,
}

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let (rotates, shows) = (Arc::clone(node), Arc::clone(node));
    vec![
        Path::new("namespaces/:path/rotate")
            .ids([(Verb::Write, "namespaces-rotate")])
            .help(
                "Makes a new data key for a namespace.",
                "Of one with a seal of its own, which has to be open. What former keys wrote stays readable. It also happens by \
                 itself, when `sys/rotate/config` says so.",
            )
            .sudo()
            .txn(Verb::Write, move |_: &Ctx, named: Named, txn: &mut Txn| rotate(&rotates, &named, txn)),
        Path::new("namespaces/:path/key-status")
            .ids([(Verb::Read, "namespaces-key-status")])
            .answers(Verb::Read, Outcome::data::<Status>())
            .help("Shows the data key of a namespace.", "Of one with a seal of its own, which has to be open.")
            // It writes nothing; but only the active node knows the count.
            .txn(Verb::Read, move |_: &Ctx, named: Named, txn: &mut Txn| {
                let record = found(&shows, &named.path, txn)?;
                shows.namespaces.seal_of(txn, &record).map_err(refused)?;
                let status = shows.tenant_key_status(&record.id)?;
                Reply::data(Status {
                    term: status.term,
                    install_time: timestamp(status.installed),
                    encryptions: status.encryptions,
                })
            }),
    ]
}

fn rotate(node: &Arc<Node>, named: &Named, txn: &mut Txn) -> Result<Answer> {
    let record = found(node, &named.path, txn)?;
    if record.is_sealed() {
        return Err(Failure::invalid("namespace is sealed: unseal it first"));
    }
    node.rotate_tenant(txn, &record).map_err(refused)?;
    // Each node goes over when it meets the new key; here it is done before the answer.
    let follow = once(node, record.id, |node, id, _| async move {
        if let Err(problem) = node.follow_tenant_keys(&id) {
            tracing::warn!(namespace = id.as_str(), %problem, "the new data key is not in use yet; it is tried again");
        }
        Ok(Answer::empty())
    });
    Ok(Answer::empty().then(follow))
}
