//! `sys/namespaces/api-lock/lock`, `…/unlock`: nothing of a locked namespace is served, nor of those in it.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::namespace::{NamespaceRecord, Place};
use holdfast_core::space;
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Path, Reply, Result, Txn, Verb};
use serde::Serialize;

use super::namespaces::refused;

#[derive(Input)]
struct Lock {
    /// The way to the namespace from that of the request; that of the request itself if none is given.
    path: Option<String>,
}

#[derive(Input)]
struct Unlock {
    /// The way to the namespace from that of the request; that of the request itself if none is given.
    path: Option<String>,
    /// What locking it has answered. Whoever has sudo rights can do without.
    unlock_key: String,
}

#[derive(Serialize, JsonSchema)]
struct Locked {
    /// Shown this once.
    unlock_key: String,
}

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let lock = |pattern, id| {
        let node = Arc::clone(node);
        Path::new(pattern)
            .ids([(Verb::Write, id)])
            .help(
                "Locks the API of a namespace.",
                "Until it is unlocked, requests to it and to those in it are answered by 503.",
            )
            .txn(Verb::Write, move |ctx: &Ctx, input: Lock, txn: &mut Txn| {
                let (place, record) = found(&node, ctx, txn, input.path.as_deref())?;
                let mut above = txn.elsewhere(space::records(&place.above().unwrap_or_default()));
                let unlock_key = node.namespaces.lock(&mut above, &place.namespace.path, record).map_err(refused)?;
                Reply::data(Locked { unlock_key })
            })
    };
    let unlock = |pattern, id| {
        let node = Arc::clone(node);
        Path::new(pattern)
            .ids([(Verb::Write, id)])
            .help("Unlocks the API of a namespace.", "By the key that locking it has answered, or by sudo rights.")
            .txn(Verb::Write, move |ctx: &Ctx, input: Unlock, txn: &mut Txn| unlock_by(&node, ctx, &input, txn))
    };
    vec![
        lock("namespaces/api-lock/lock", "namespaces-lock-api"),
        lock("namespaces/api-lock/lock/:path+", "namespaces-lock-api-below"),
        unlock("namespaces/api-lock/unlock", "namespaces-unlock-api"),
        unlock("namespaces/api-lock/unlock/:path+", "namespaces-unlock-api-below"),
    ]
}

fn unlock_by(node: &Node, ctx: &Ctx, input: &Unlock, txn: &mut Txn) -> Result<Answer> {
    let (place, record) = found(node, ctx, txn, input.path.as_deref())?;
    let key = Some(input.unlock_key.as_str()).filter(|key| !key.is_empty());
    let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
    if key.is_none() && !node.policies.has_sudo(txn, caller, &format!("{}{}", ctx.mount.path, ctx.path), ctx.now)? {
        return Err(Failure::invalid("unlock_key must be given: what locking the namespace has answered"));
    }
    let mut above = txn.elsewhere(space::records(&place.above().unwrap_or_default()));
    node.namespaces.unlock(&mut above, &place.namespace.path, key, record).map_err(refused)?;
    Ok(match key {
        Some(_) => Answer::empty(),
        None => Answer::null().warn("Namespace unlocked using sudo capabilities"),
    })
}

/// The namespace that is meant, and its record, for update.
fn found(node: &Node, ctx: &Ctx, txn: &mut Txn, path: Option<&str>) -> Result<(Arc<Place>, NamespaceRecord)> {
    let missing = || Failure::invalid("requested namespace does not exist");
    let (view, mut seen) = (txn.as_view(), Vec::new());
    let here = node.namespaces.by_id(&view, &ctx.namespace.id, &mut seen)?.ok_or_else(missing)?;
    let place = node.namespaces.descend(&view, &here, path.unwrap_or_default(), &mut seen)?.ok_or_else(missing)?;
    let above = place.above().ok_or_else(|| Failure::invalid("the root namespace cannot be locked"))?;
    let above = txn.elsewhere(space::records(&above));
    let record = node.namespaces.record_for_update(&above, &place.namespace.id)?.filter(|record| !record.doomed);
    Ok((place, record.ok_or_else(missing)?))
}
