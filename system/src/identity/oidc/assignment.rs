//! `oidc/assignment`, `oidc/assignment/:name`: who may log in.

use oidc::{ALLOW_ALL, Assignment, Used};
use schemars::JsonSchema;
use sdk::{Answer, CommaList, Ctx, Failure, Input, Name, Path, Reply, Result, Txn, Verb, View};
use serde::Serialize;

use super::Nothing;
use super::given::{NAMED_MAX, in_use, room_for_one, set};

/// Of entities, and of groups.
const IDS_MAX: usize = 4096;

#[derive(Input)]
struct Named {
    /// The assignment's name.
    name: Name,
}

#[derive(Input)]
struct Write {
    /// The assignment's name.
    name: Name,
    /// IDs of entities.
    entity_ids: Option<CommaList>,
    /// IDs of groups: whoever is in one of them or in a group of theirs.
    group_ids: Option<CommaList>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    entity_ids: Vec<String>,
    group_ids: Vec<String>,
}

pub fn list() -> Path {
    Path::new("oidc/assignment/?")
        .ids([(Verb::List, "oidc-list-assignments")])
        .help("Lists the assignments.", "By their names.")
        .view(Verb::List, |_: &Ctx, Nothing {}: Nothing, view: &View| Answer::keys(Assignment::names(view)?))
}

pub fn one() -> Path {
    Path::new("oidc/assignment/:name")
        .ids([
            (Verb::Read, "oidc-read-assignment"),
            (Verb::Write, "oidc-write-assignment"),
            (Verb::Delete, "oidc-delete-assignment"),
        ])
        .help("Who may log in to clients.", "Entities and groups by their IDs; a client names assignments.")
        .exists(|_: &Ctx, named: Named, view: &View| Ok(Assignment::get(view, &named.name.checked()?)?.is_some()))
        .view(Verb::Read, |_: &Ctx, named: Named, view: &View| {
            let Assignment { entity_ids, group_ids } =
                Assignment::get(view, &named.name.checked()?)?.ok_or(Failure::NotFound)?;
            Reply::data(Shown { entity_ids, group_ids })
        })
        .txn(Verb::Write, write)
        .txn(Verb::Delete, delete)
}

fn fixed(name: &str, what: &str) -> Result<()> {
    if name == ALLOW_ALL {
        return Err(Failure::invalid(format!("{what} of assignment {name:?} not allowed")));
    }
    Ok(())
}

fn ids(what: &str, list: CommaList) -> Result<Vec<String>> {
    set(what, CommaList(list.0.into_iter().map(|id| id.to_lowercase()).collect()), IDS_MAX)
}

fn write(_: &Ctx, input: Write, txn: &mut Txn) -> Result<Answer> {
    let name = input.name.checked()?;
    fixed(&name, "modification")?;
    let found = Assignment::take(txn, &name)?;
    if found.is_none() {
        room_for_one("assignments", &Assignment::names(txn)?)?;
    }
    let mut assignment = found.unwrap_or_default();
    if let Some(entities) = input.entity_ids {
        assignment.entity_ids = ids("entity_ids", entities)?;
    }
    if let Some(groups) = input.group_ids {
        assignment.group_ids = ids("group_ids", groups)?;
    }
    assignment.put(txn, &name)?;
    Ok(Answer::empty())
}

fn delete(_: &Ctx, named: Named, txn: &mut Txn) -> Result<Answer> {
    let name = named.name.checked()?;
    fixed(&name, "deletion")?;
    Assignment::take(txn, &name)?;
    let users = Used::AssignmentByClient.relied_on_by(txn, &name, NAMED_MAX)?;
    if !users.is_empty() {
        return Err(in_use("assignment", &name, "clients", &users));
    }
    Used::AssignmentByClient.forget(txn, &name);
    Assignment::delete(txn, &name);
    Ok(Answer::empty())
}
