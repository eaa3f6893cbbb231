//! `identity/entity/merge`.

use std::sync::Arc;

use holdfast_core::identity::{self, Clash, Merge, NotMerged};
use holdfast_core::lifecycle::Node;
use sdk::{Answer, CommaList, Ctx, Failure, Input, Outcome, Path, Read, Result, Txn, Verb, json};

use super::mounts::Found;

#[derive(Input)]
struct Asked {
    /// The entities that become part of another.
    from_entity_ids: CommaList,
    /// The entity that they become part of.
    to_entity_id: String,
    /// Of two aliases at one mount, the one that stays.
    conflicting_alias_ids_to_keep: CommaList,
    /// Where both have a secret for an MFA method, the other entity's stays; without this they are refused.
    force: bool,
}

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("entity/merge/?")
        .ids([(Verb::Write, "entity-merge")])
        .answers(Verb::Write, Outcome::EMPTY)
        .help(
            "Makes one entity of several.",
            "Aliases and group memberships move, and tokens go on as the other entity's. Its policies stay as they are.",
        )
        .txn(Verb::Write, move |ctx: &Ctx, asked: Asked, txn: &mut Txn| merge(&node, ctx, asked, txn))
}

fn merge(node: &Node, ctx: &Ctx, asked: Asked, txn: &mut Txn) -> Result<Answer> {
    let (CommaList(from), CommaList(keep), to) =
        (asked.from_entity_ids, asked.conflicting_alias_ids_to_keep, asked.to_entity_id);
    if to.is_empty() {
        return Err(Failure::invalid("missing entity id to merge to"));
    }
    if from.is_empty() {
        return Err(Failure::invalid("missing entity ids to merge from"));
    }
    match identity::merge(txn, ctx.now, &Merge { to: &to, from: &from, keep: &keep, force: asked.force }) {
        Ok(()) => Ok(Answer::empty()),
        Err(NotMerged::Failure(failure)) => Err(failure),
        Err(NotMerged::Clashes { text, clashes }) => {
            let mounts = Found::new(node, &*txn);
            let told = clashes.iter().map(|clash| tell(&mounts, clash)).collect::<Result<Vec<_>>>()?;
            Ok(Answer::bare(json!({ "errors": [text], "data": told })).status(400))
        }
    }
}

fn tell(mounts: &Found<'_, impl Read>, clash: &Clash) -> Result<sdk::Value> {
    let at = mounts.at(&clash.alias.mount_accessor)?;
    Ok(json!({
        "alias": clash.alias.name,
        "entity": clash.entity_name,
        "entity_id": clash.entity_id,
        "mount": at.as_ref().map_or("", |at| at.kind.as_str()),
        "mount_path": at.as_ref().map_or("", |at| at.path.as_str()),
    }))
}
