//! `identity/entity-alias`, `entity-alias/id`; under their older names `alias`, `alias/id`.

use std::sync::Arc;

use holdfast_core::identity::{self, AliasChange};
use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Keys, KvPairs, Page, Path, Reply, Result, Txn, Verb, View};
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
    /// The id of the alias to change; without it the one of that mount and name is changed, or made.
    id: Option<String>,
    /// What the mount calls the entity.
    name: Option<String>,
    /// The accessor of the auth mount.
    mount_accessor: Option<String>,
    /// The entity; a new one if none is given.
    canonical_id: Option<String>,
    /// The older name of `canonical_id`.
    #[field(deprecated)]
    entity_id: Option<String>,
    /// Text that policies can refer to.
    custom_metadata: Option<KvPairs>,
}

#[derive(Serialize, JsonSchema)]
struct Written {
    canonical_id: String,
    id: String,
}

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let current = family(
        node,
        ["entity-alias", "entity-alias/id/?", "entity-alias/id/:id"],
        [
            "entity-create-alias",
            "entity-list-aliases-by-id",
            "entity-read-alias-by-id",
            "entity-update-alias-by-id",
            "entity-delete-alias-by-id",
        ],
    );
    let older = family(
        node,
        ["alias", "alias/id/?", "alias/id/:id"],
        ["alias-create", "alias-list-by-id", "alias-read-by-id", "alias-update-by-id", "alias-delete-by-id"],
    );
    current.into_iter().chain(older).collect()
}

fn family(node: &Arc<Node>, patterns: [&'static str; 3], ids: [&'static str; 5]) -> Vec<Path> {
    let (makes, lists, reads, writes) = (Arc::clone(node), Arc::clone(node), Arc::clone(node), Arc::clone(node));
    let [of_all, of_list, of_one] = patterns;
    let [make, list_id, read, update, delete] = ids;
    vec![
        Path::new(of_all)
            .ids([(Verb::Write, make)])
            .help("Makes an alias of an entity, or changes one.", "An entity has at most one alias at each mount.")
            .txn(Verb::Write, move |ctx: &Ctx, input: Write, txn: &mut Txn| write(&makes, ctx, input, txn)),
        Path::new(of_list)
            .ids([(Verb::List, list_id)])
            .help("Lists the aliases of entities.", "By id, with whose they are and at which mount.")
            .view(Verb::List, move |_: &Ctx, page: Page, view: &View| list(&lists, &page, view)),
        Path::new(of_one)
            .ids([(Verb::Read, read), (Verb::Write, update), (Verb::Delete, delete)])
            .help("Reads, changes and deletes an alias of an entity.", "The entity stays when its alias is deleted.")
            .view(Verb::Read, move |ctx: &Ctx, known: Known, view: &View| {
                let alias = identity::alias_by_id(view, &known.id)?.ok_or(Failure::NotFound)?;
                Reply::data(shown::alias(&reads, ctx, view, alias)?)
            })
            .txn(Verb::Write, move |ctx: &Ctx, input: Write, txn: &mut Txn| write(&writes, ctx, input, txn))
            .txn(Verb::Delete, |_: &Ctx, known: Known, txn: &mut Txn| {
                identity::delete_alias(txn, &known.id)?;
                Ok(Answer::empty())
            }),
    ]
}

/// Without an answer where there is nothing to do.
fn write(node: &Node, ctx: &Ctx, input: Write, txn: &mut Txn) -> Result<Option<Reply<Written>>> {
    let Write { id, name, mount_accessor, canonical_id, entity_id, custom_metadata } = input;
    let canonical_id = canonical_id.filter(|id| !id.is_empty()).or(entity_id);
    mounts::check(node, txn, mount_accessor.as_deref())?;
    let custom_metadata = custom_metadata.map(|pairs| pairs.0);
    let change = AliasChange { id, name, mount_accessor, canonical_id, custom_metadata };
    let written = identity::write_alias(txn, ctx.now, change)?;
    written.map(|alias| Reply::data(Written { canonical_id: alias.canonical_id, id: alias.id })).transpose()
}

fn list(node: &Node, page: &Page, view: &View) -> Result<Reply<Keys>> {
    let keys = identity::alias_ids(view, page.after(), page.limit())?;
    let mounts = Found::new(node, view);
    super::listed(keys, |id| identity::alias_by_id(view, id)?.map(|alias| shown::listed(&mounts, alias)).transpose())
}
