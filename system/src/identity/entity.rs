//! `identity/entity`, `entity/id`, `entity/name`, `entity/batch-delete`.

use std::sync::Arc;

use holdfast_core::identity::{self, BATCH_MAX, EntityChange};
use holdfast_core::lifecycle::Node;
use policy::Operation;
use schemars::JsonSchema;
use sdk::{Answer, CommaList, Ctx, Failure, Input, Keys, KvPairs, Page, Path, Reply, Result, Txn, Verb, View};
use serde::Serialize;

use super::mounts::Found;
use super::shown::{self, Brief};
use super::spelling::Spelling;

#[derive(Input)]
struct Named {
    /// The entity's name. Case does not tell names apart.
    name: String,
}

#[derive(Input)]
struct Known {
    /// The entity's id.
    id: String,
}

#[derive(Input)]
struct Write {
    /// The id of the entity to change; without it the one with that name is changed, or made.
    id: Option<String>,
    /// Its name; a random one if none is given.
    name: Option<String>,
    /// Policies that its tokens have besides their own.
    policies: Option<CommaList>,
    /// Text that policies can refer to.
    metadata: Option<KvPairs>,
    /// Whether neither its tokens nor its logins count.
    disabled: Option<bool>,
}

#[derive(Input)]
struct Several {
    /// The ids of the entities to delete.
    entity_ids: CommaList,
}

#[derive(Serialize, JsonSchema)]
struct Made {
    aliases: Option<Vec<String>>,
    id: String,
    name: String,
}

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let (lists, by_name, by_id) = (Arc::clone(node), Arc::clone(node), Arc::clone(node));
    let (writes, deletes) = (Arc::clone(node), Arc::clone(node));
    vec![
        Path::new("entity")
            .ids([(Verb::Write, "entity-create")])
            .help("Makes an entity, or changes the one of that id or name.", "What is not given stays as it was.")
            .txn(Verb::Write, |ctx: &Ctx, input: Write, txn: &mut Txn| write(ctx, input, txn)),
        Path::new("entity/batch-delete")
            .ids([(Verb::Write, "entity-batch-delete")])
            .help("Deletes entities.", "All of them or, if there are too many at once, none.")
            .txn(Verb::Write, delete_all),
        Path::new("entity/id/?")
            .ids([(Verb::List, "entity-list-by-id")])
            .help("Lists the entities by id.", "With their names and aliases.")
            .view(Verb::List, move |_: &Ctx, page: Page, view: &View| list(&lists, &page, view)),
        Path::new("entity/id/:id")
            .ids([
                (Verb::Read, "entity-read-by-id"),
                (Verb::Write, "entity-update-by-id"),
                (Verb::Delete, "entity-delete-by-id"),
            ])
            .help("Reads, changes and deletes an entity by its id.", "The tokens of a deleted entity count no more.")
            .view(Verb::Read, move |ctx: &Ctx, known: Known, view: &View| {
                let entity = identity::entity(view, &known.id)?.ok_or(Failure::NotFound)?;
                Reply::data(shown::entity(&by_id, ctx, view, entity)?)
            })
            .txn(Verb::Write, |ctx: &Ctx, input: Write, txn: &mut Txn| write(ctx, input, txn))
            .txn(Verb::Delete, |_: &Ctx, known: Known, txn: &mut Txn| {
                identity::delete_entity(txn, &known.id)?;
                Ok(Answer::empty())
            }),
        Path::new("entity/name/?")
            .ids([(Verb::List, "entity-list-by-name")])
            .help("Lists the entities by name.", "The names as they were written.")
            .view(Verb::List, |_: &Ctx, page: Page, view: &View| {
                Answer::keys(identity::entity_names(view, page.after(), page.limit())?)
            }),
        Path::new("entity/name/:name+")
            .ids([
                (Verb::Read, "entity-read-by-name"),
                (Verb::Write, "entity-update-by-name"),
                (Verb::Delete, "entity-delete-by-name"),
            ])
            .help("Reads, writes and deletes an entity by its name.", "A write makes it if there is none of that name.")
            .view(Verb::Read, move |ctx: &Ctx, named: Named, view: &View| {
                let entity = identity::entity_by_name(view, &named.name)?.ok_or(Failure::NotFound)?;
                spelled(&by_name, ctx, &named.name).check(view, Operation::Read, &entity.name)?;
                Reply::data(shown::entity(&by_name, ctx, view, entity)?)
            })
            .txn(Verb::Write, move |ctx: &Ctx, input: Write, txn: &mut Txn| write_named(&writes, ctx, input, txn))
            .txn(Verb::Delete, move |ctx: &Ctx, named: Named, txn: &mut Txn| {
                if let Some(entity) = identity::entity_by_name(txn, &named.name)? {
                    spelled(&deletes, ctx, &named.name).check_in(txn, Operation::Delete, &entity.name)?;
                    identity::delete_entity(txn, &entity.id)?;
                }
                Ok(Answer::empty())
            }),
    ]
}

fn spelled<'a>(node: &'a Node, ctx: &'a Ctx<'a>, asked: &'a str) -> Spelling<'a> {
    Spelling { node, ctx, folder: "entity/name", asked }
}

/// Of the entity that has the name of the path, or of a new one: an id says nothing else.
fn write_named(node: &Node, ctx: &Ctx, input: Write, txn: &mut Txn) -> Result<Option<Reply<Made>>> {
    let name = input.name.as_deref().unwrap_or_default();
    let holder = identity::entity_by_name(txn, name)?;
    if let Some(holder) = &holder {
        spelled(node, ctx, name).check_in(txn, Operation::Update, &holder.name)?;
    }
    if input.id.as_ref().is_some_and(|id| !id.is_empty() && holder.as_ref().is_none_or(|holder| holder.id != *id)) {
        return Err(Failure::invalid(
            "the id is not that of the entity with this name; to rename an entity write it at identity/entity/id/<id>",
        ));
    }
    write(ctx, input, txn)
}

/// What was there already is changed without an answer.
fn write(ctx: &Ctx, input: Write, txn: &mut Txn) -> Result<Option<Reply<Made>>> {
    let Write { id, name, policies, metadata, disabled } = input;
    let (policies, metadata) = (policies.map(|list| list.0), metadata.map(|pairs| pairs.0));
    let made = identity::write_entity(txn, ctx.now, EntityChange { id, name, policies, metadata, disabled })?;
    made.map(|entity| Reply::data(Made { aliases: None, id: entity.id, name: entity.name })).transpose()
}

fn delete_all(_: &Ctx, input: Several, txn: &mut Txn) -> Result<Answer> {
    let ids = input.entity_ids.0;
    if ids.is_empty() {
        return Err(Failure::invalid("missing entity ids to delete"));
    }
    if ids.len() > BATCH_MAX {
        let text = format!("at most {BATCH_MAX} entities can be deleted at once; these are {}", ids.len());
        return Err(Failure::invalid(text));
    }
    for id in &ids {
        identity::delete_entity(txn, id)?;
    }
    Ok(Answer::empty())
}

#[derive(Serialize)]
struct Listed {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<Brief>,
    name: String,
}

fn list(node: &Node, page: &Page, view: &View) -> Result<Reply<Keys>> {
    let keys = identity::entity_ids(view, page.after(), page.limit())?;
    let mounts = Found::new(node, view);
    super::listed(keys, |id| {
        let Some(entity) = identity::entity(view, id)? else { return Ok(None) };
        let aliases = entity.aliases.iter().map(|alias| shown::brief(&mounts, alias)).collect::<Result<_>>()?;
        Ok(Some(Listed { aliases, name: entity.name }))
    })
}
