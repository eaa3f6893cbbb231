//! `identity/group-alias`, `group-alias/id`: what a mount calls an external group.

use std::sync::Arc;

use holdfast_core::identity::{self, GroupAliasChange};
use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Keys, Page, Path, Reply, Result, Txn, Verb, View};
use serde::Serialize;

use super::mounts::{self, Found};
use super::shown;

#[derive(Input)]
struct Known {
    /// The alias's id.
    id: String,
}

#[derive(Input)]
struct Write {
    /// The id of the alias to change; without it one is made.
    id: Option<String>,
    /// What the mount calls the group.
    name: String,
    /// The accessor of the auth mount.
    mount_accessor: String,
    /// The external group; a new one if none is given.
    canonical_id: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Written {
    canonical_id: String,
    id: String,
}

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let (makes, lists, reads, writes) = (Arc::clone(node), Arc::clone(node), Arc::clone(node), Arc::clone(node));
    vec![
        Path::new("group-alias")
            .ids([(Verb::Write, "group-create-alias")])
            .help("Makes an alias of an external group, or changes one.", "A group has one alias.")
            .txn(Verb::Write, move |ctx: &Ctx, input: Write, txn: &mut Txn| write(&makes, ctx, input, txn)),
        Path::new("group-alias/id/?")
            .ids([(Verb::List, "group-list-aliases-by-id")])
            .help("Lists the aliases of groups.", "By id, with whose they are and at which mount.")
            .view(Verb::List, move |_: &Ctx, page: Page, view: &View| list(&lists, &page, view)),
        Path::new("group-alias/id/:id")
            .ids([
                (Verb::Read, "group-read-alias-by-id"),
                (Verb::Write, "group-update-alias-by-id"),
                (Verb::Delete, "group-delete-alias-by-id"),
            ])
            .help("Reads, changes and deletes an alias of a group.", "The group stays when its alias is deleted.")
            .view(Verb::Read, move |ctx: &Ctx, known: Known, view: &View| {
                let group = identity::group_by_alias_id(view, &known.id)?;
                let alias = group.and_then(|group| group.alias).ok_or(Failure::NotFound)?;
                Reply::data(shown::alias(&reads, ctx, view, alias)?)
            })
            .txn(Verb::Write, move |ctx: &Ctx, input: Write, txn: &mut Txn| write(&writes, ctx, input, txn))
            .txn(Verb::Delete, |ctx: &Ctx, known: Known, txn: &mut Txn| {
                identity::delete_group_alias(txn, ctx.now, &known.id)?;
                Ok(Answer::empty())
            }),
    ]
}

/// Without an answer where there is nothing to do.
fn write(node: &Node, ctx: &Ctx, input: Write, txn: &mut Txn) -> Result<Option<Reply<Written>>> {
    let Write { id, name, mount_accessor, canonical_id } = input;
    if id.as_deref() == Some("") {
        return Err(Failure::invalid("empty group alias ID"));
    }
    if name.is_empty() {
        return Err(Failure::invalid("missing alias name"));
    }
    if mount_accessor.is_empty() {
        return Err(Failure::invalid("missing mount_accessor"));
    }
    mounts::check(node, txn, Some(&mount_accessor))?;
    let change = GroupAliasChange { id, name, mount_accessor, canonical_id };
    let written = identity::write_group_alias(txn, ctx.now, change)?;
    written.map(|alias| Reply::data(Written { canonical_id: alias.canonical_id, id: alias.id })).transpose()
}

fn list(node: &Node, page: &Page, view: &View) -> Result<Reply<Keys>> {
    let keys = identity::group_alias_ids(view, page.after(), page.limit())?;
    let mounts = Found::new(node, view);
    super::listed(keys, |id| {
        let alias = identity::group_by_alias_id(view, id)?.and_then(|group| group.alias);
        alias.map(|alias| shown::listed(&mounts, alias)).transpose()
    })
}
