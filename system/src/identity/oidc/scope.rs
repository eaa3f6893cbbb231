//! `oidc/scope`, `oidc/scope/:name`: what clients are told of who logs in.

use oidc::{OPENID, Scope, Template, Used};
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Name, Path, Reply, Result, Txn, Verb, View};
use serde::Serialize;

use super::Nothing;
use super::given::{NAMED_MAX, TEXT_MAX, in_use, room_for_one, template};

#[derive(Input)]
struct Named {
    /// The scope's name.
    name: Name,
}

#[derive(Input)]
struct Write {
    /// The scope's name.
    name: Name,
    /// Claims: JSON with templates, as it is or in base64.
    template: Option<String>,
    /// What it is for.
    description: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    description: String,
    template: String,
}

pub fn list() -> Path {
    Path::new("oidc/scope/?")
        .ids([(Verb::List, "oidc-list-scopes")])
        .help("Lists the scopes.", "By their names.")
        .view(Verb::List, |_: &Ctx, Nothing {}: Nothing, view: &View| Answer::keys(Scope::names(view)?))
}

pub fn one() -> Path {
    Path::new("oidc/scope/:name")
        .ids([(Verb::Read, "oidc-read-scope"), (Verb::Write, "oidc-write-scope"), (Verb::Delete, "oidc-delete-scope")])
        .help("What clients are told of who logs in.", "Claims that a client gets if it asks for the scope.")
        .exists(|_: &Ctx, named: Named, view: &View| Ok(Scope::get(view, &named.name.checked()?)?.is_some()))
        .view(Verb::Read, |_: &Ctx, named: Named, view: &View| {
            let Scope { template, description } = Scope::get(view, &named.name.checked()?)?.ok_or(Failure::NotFound)?;
            Reply::data(Shown { description, template })
        })
        .txn(Verb::Write, write)
        .txn(Verb::Delete, delete)
}

fn write(_: &Ctx, input: Write, txn: &mut Txn) -> Result<Answer> {
    let name = input.name.checked()?;
    if name == OPENID {
        return Err(Failure::invalid(format!("the {OPENID:?} scope name is reserved")));
    }
    let found = Scope::take(txn, &name)?;
    if found.is_none() {
        room_for_one("scopes", &Scope::names(txn)?)?;
    }
    let mut scope = found.unwrap_or_default();
    scope.description = input.description.unwrap_or(scope.description);
    if scope.description.len() > TEXT_MAX {
        return Err(Failure::invalid(format!("a description may have at most {TEXT_MAX} bytes")));
    }
    scope.template = input.template.map_or(scope.template, template);
    if !scope.template.is_empty() {
        Template::new(&scope.template).map_err(Failure::Invalid)?;
    }
    scope.put(txn, &name)?;
    Ok(Answer::empty())
}

fn delete(_: &Ctx, named: Named, txn: &mut Txn) -> Result<Answer> {
    let name = named.name.checked()?;
    Scope::take(txn, &name)?;
    let users = Used::ScopeByProvider.relied_on_by(txn, &name, NAMED_MAX)?;
    if !users.is_empty() {
        return Err(in_use("scope", &name, "providers", &users));
    }
    Used::ScopeByProvider.forget(txn, &name);
    Scope::delete(txn, &name);
    Ok(Answer::empty())
}
