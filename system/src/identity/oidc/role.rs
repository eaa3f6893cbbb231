//! `oidc/role`, `oidc/role/:name`: what identity tokens say, and for how long.

use oidc::{Made, NamedKey, Role, Template, letters};
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Name, Path, Reply, Result, Seconds, Txn, Verb, View, Work};
use serde::Serialize;

use super::given::{TEXT_MAX, room_for_one, template};
use super::{Nothing, pairs};

/// Seconds: of a role that nothing else is said of.
const TTL: u64 = 24 * 3600;

#[derive(Input)]
struct Named {
    /// The role's name.
    name: Name,
}

#[derive(Input)]
struct Write {
    /// The role's name.
    name: Name,
    #[field(flatten)]
    given: Given,
}

#[derive(Input)]
struct Given {
    /// The key that signs its tokens. It must be there.
    key: Option<String>,
    /// Claims beside those that every token has: JSON with templates, as it is or in base64.
    template: Option<String>,
    /// How long its tokens count: no longer than its key verifies them; a day if it is not said.
    ttl: Option<Seconds>,
    /// Whom its tokens are for; random if it is not said.
    client_id: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    client_id: String,
    key: String,
    template: String,
    /// In seconds.
    ttl: u64,
}

pub fn list() -> Path {
    Path::new("oidc/role/?")
        .ids([(Verb::List, "oidc-list-roles")])
        .help("Lists the roles.", "By their names.")
        .view(Verb::List, |_: &Ctx, Nothing {}: Nothing, view: &View| Answer::keys(Role::names(view)?))
}

pub fn one() -> Path {
    Path::new("oidc/role/:name")
        .ids([(Verb::Read, "oidc-read-role"), (Verb::Write, "oidc-write-role"), (Verb::Delete, "oidc-delete-role")])
        .help(
            "A role that identity tokens are made by.",
            "It says which key signs them and what they say of their entity.",
        )
        .exists(|_: &Ctx, named: Named, view: &View| Ok(Role::get(view, &named.name.checked()?)?.is_some()))
        .view(Verb::Read, |_: &Ctx, named: Named, view: &View| {
            let Role { key, template, ttl, client_id } =
                Role::get(view, &named.name.checked()?)?.ok_or(Failure::NotFound)?;
            Reply::data(Shown { client_id, key, template, ttl })
        })
        .slow(Verb::Write, prepare, |ctx: &Ctx, input: Write, made: &Vec<Made>, txn: &mut Txn| {
            write(ctx, input, made, txn)
        })
        .txn(Verb::Delete, |ctx: &Ctx, named: Named, txn: &mut Txn| {
            let name = named.name.checked()?;
            if let Some(role) = Role::take(txn, &name)? {
                role.delete(txn, &name, ctx.now)?;
            }
            Ok(Answer::empty())
        })
}

fn planned(before: Option<&Role>, given: Given) -> Result<Role> {
    let before = before.cloned().unwrap_or_else(|| Role { ttl: TTL, ..Role::default() });
    let role = Role {
        key: given.key.unwrap_or(before.key),
        template: given.template.map_or(before.template, template),
        ttl: given.ttl.map_or(before.ttl, |span| span.0.as_secs()),
        client_id: given.client_id.unwrap_or(before.client_id),
    };
    if role.key.is_empty() {
        return Err(Failure::invalid("the key parameter is required"));
    }
    if role.client_id.len() > TEXT_MAX {
        return Err(Failure::invalid(format!("client_id may have at most {TEXT_MAX} bytes")));
    }
    if !role.template.is_empty() {
        Template::new(&role.template).map_err(Failure::Invalid)?;
    }
    Ok(role)
}

fn prepare(_: &Ctx, input: Write, view: &View) -> Result<Work<Vec<Made>>> {
    let role = planned(Role::get(view, &input.name.checked()?)?.as_ref(), input.given)?;
    pairs::first(view, &role.key)
}

fn write(ctx: &Ctx, input: Write, made: &[Made], txn: &mut Txn) -> Result<Answer> {
    let name = input.name.checked()?;
    let before = Role::take(txn, &name)?;
    if before.is_none() {
        room_for_one("roles", &Role::names(txn)?)?;
    }
    let mut role = planned(before.as_ref(), input.given)?;
    let key = NamedKey::get(txn, &role.key)?;
    let key = key.ok_or_else(|| Failure::invalid(format!("cannot find key {:?}", role.key)))?;
    if role.ttl > key.verification_ttl {
        let text = "a role's token ttl cannot be longer than the verification_ttl of the key it references";
        return Err(Failure::invalid(text));
    }
    if role.client_id.is_empty() {
        role.client_id = letters(26);
    }
    pairs::begin(ctx, txn, &role.key, made)?;
    role.put(txn, &name, before.as_ref(), ctx.now)?;
    Ok(Answer::empty())
}
