//! `identity/group`, `group/id`, `group/name`.

use std::sync::Arc;

use holdfast_core::identity::{self, GroupChange, WhichGroup};
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
    /// The group's name. Case does not tell names apart.
    name: String,
}

#[derive(Input)]
struct Known {
    /// The group's id.
    id: String,
}

#[derive(Input)]
struct Write {
    /// The id of the group to change; without it the one with that name is changed, or made.
    id: Option<String>,
    /// Its name; a random one if none is given.
    name: Option<String>,
    /// `internal`, whose members are given here, or `external`, whose members an auth method knows.
    #[field(name = "type")]
    kind: Option<String>,
    /// Policies that the tokens of its members have besides their own.
    policies: Option<CommaList>,
    /// Text that policies can refer to.
    metadata: Option<KvPairs>,
    /// The entities that are in it: these, and no others.
    member_entity_ids: Option<CommaList>,
    /// The groups that are in it: these, and no others.
    member_group_ids: Option<CommaList>,
}

#[derive(Serialize, JsonSchema)]
struct Made {
    id: String,
    name: String,
}

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let (lists, by_name, by_id) = (Arc::clone(node), Arc::clone(node), Arc::clone(node));
    let (writes, deletes) = (Arc::clone(node), Arc::clone(node));
    vec![
        Path::new("group")
            .ids([(Verb::Write, "group-create")])
            .help("Makes a group, or changes the one of that id or name.", "What is not given stays as it was.")
            .txn(Verb::Write, |ctx: &Ctx, input: Write, txn: &mut Txn| {
                let which = match (&input.id, &input.name) {
                    (Some(id), _) => by(id, WhichGroup::Id, "empty group ID")?,
                    (None, Some(name)) => by(name, WhichGroup::Name, "empty group name")?,
                    (None, None) => WhichGroup::New,
                };
                write(ctx, which, input, txn)
            }),
        Path::new("group/id/?")
            .ids([(Verb::List, "group-list-by-id")])
            .help("Lists the groups by id.", "With their names, how many entities are in each, and their aliases.")
            .view(Verb::List, move |_: &Ctx, page: Page, view: &View| list(&lists, &page, view)),
        Path::new("group/id/:id")
            .ids([
                (Verb::Read, "group-read-by-id"),
                (Verb::Write, "group-update-by-id"),
                (Verb::Delete, "group-delete-by-id"),
            ])
            .help(
                "Reads, changes and deletes a group by its id.",
                "What its members have by it, they have or lose with their next request.",
            )
            .view(Verb::Read, move |ctx: &Ctx, known: Known, view: &View| {
                let group = identity::group(view, &known.id)?.ok_or(Failure::NotFound)?;
                Reply::data(shown::group(&by_id, ctx, view, group)?)
            })
            .txn(Verb::Write, |ctx: &Ctx, input: Write, txn: &mut Txn| {
                let which = WhichGroup::Id(input.id.clone().unwrap_or_default());
                write(ctx, which, input, txn)
            })
            .txn(Verb::Delete, |_: &Ctx, known: Known, txn: &mut Txn| {
                identity::delete_group(txn, &known.id)?;
                Ok(Answer::empty())
            }),
        Path::new("group/name/?")
            .ids([(Verb::List, "group-list-by-name")])
            .help("Lists the groups by name.", "The names as they were written.")
            .view(Verb::List, |_: &Ctx, page: Page, view: &View| {
                Answer::keys(identity::group_names(view, page.after(), page.limit())?)
            }),
        Path::new("group/name/:name+")
            .ids([
                (Verb::Read, "group-read-by-name"),
                (Verb::Write, "group-update-by-name"),
                (Verb::Delete, "group-delete-by-name"),
            ])
            .help("Reads, writes and deletes a group by its name.", "A write makes it if there is none of that name.")
            .view(Verb::Read, move |ctx: &Ctx, named: Named, view: &View| {
                let group = identity::group_by_name(view, &named.name)?.ok_or(Failure::NotFound)?;
                spelled(&by_name, ctx, &named.name).check(view, Operation::Read, &group.name)?;
                Reply::data(shown::group(&by_name, ctx, view, group)?)
            })
            .txn(Verb::Write, move |ctx: &Ctx, input: Write, txn: &mut Txn| {
                let name = input.name.clone().unwrap_or_default();
                if let Some(group) = identity::group_by_name(txn, &name)? {
                    spelled(&writes, ctx, &name).check_in(txn, Operation::Update, &group.name)?;
                }
                write(ctx, WhichGroup::Name(name), input, txn)
            })
            .txn(Verb::Delete, move |ctx: &Ctx, named: Named, txn: &mut Txn| {
                if let Some(group) = identity::group_by_name(txn, &named.name)? {
                    spelled(&deletes, ctx, &named.name).check_in(txn, Operation::Delete, &group.name)?;
                    identity::delete_group(txn, &group.id)?;
                }
                Ok(Answer::empty())
            }),
    ]
}

fn spelled<'a>(node: &'a Node, ctx: &'a Ctx<'a>, asked: &'a str) -> Spelling<'a> {
    Spelling { node, ctx, folder: "group/name", asked }
}

fn by(given: &str, which: fn(String) -> WhichGroup, missing: &str) -> Result<WhichGroup> {
    if given.is_empty() { Err(Failure::invalid(missing)) } else { Ok(which(given.to_owned())) }
}

/// What was there already is changed without an answer.
fn write(ctx: &Ctx, which: WhichGroup, input: Write, txn: &mut Txn) -> Result<Option<Reply<Made>>> {
    let list = |list: Option<CommaList>| list.map(|list| list.0);
    let change = GroupChange {
        name: input.name,
        kind: input.kind,
        policies: list(input.policies),
        metadata: input.metadata.map(|pairs| pairs.0),
        member_entity_ids: list(input.member_entity_ids),
        member_group_ids: list(input.member_group_ids),
    };
    let made = identity::write_group(txn, ctx.now, which, change)?;
    made.map(|group| Reply::data(Made { id: group.id, name: group.name })).transpose()
}

#[derive(Serialize)]
struct Listed {
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<Brief>,
    name: String,
    num_member_entities: i64,
    num_parent_groups: usize,
}

fn list(node: &Node, page: &Page, view: &View) -> Result<Reply<Keys>> {
    let keys = identity::group_ids(view, page.after(), page.limit())?;
    let mounts = Found::new(node, view);
    super::listed(keys, |id| {
        let Some(group) = identity::group(view, id)? else { return Ok(None) };
        Ok(Some(Listed {
            alias: group.alias.as_ref().map(|alias| shown::brief(&mounts, alias)).transpose()?,
            num_member_entities: identity::size(view, id)?,
            num_parent_groups: group.parents().len(),
            name: group.name,
        }))
    })
}
