//! `login`: a token for a role's ID and, unless the role says otherwise, one of its secret IDs.

use sdk::{Answer, Ctx, Failure, Input, Login, Path, Result, Txn, Verb, View};

use crate::networks;
use crate::plugin::Internal;
use crate::role::Role;
use crate::secret_id::{SecretId, missing};

#[derive(Input)]
struct Credentials {
    /// The role's ID.
    role_id: String,
    /// One of its secret IDs.
    secret_id: String,
}

pub fn path() -> Path {
    Path::new("login")
        .ids([(Verb::Write, "app-role-login")])
        .help(
            "Logs in.",
            "Gives a token with the role's policies. Too many wrong secret IDs lock the role out for a while.",
        )
        .login("role_id")
        .role(|_: &Ctx, input: Credentials, view: &View| {
            Ok(Role::with_id(view, input.role_id.trim())?.map(|(name, _)| name))
        })
        .txn(Verb::Write, log_in)
}

fn log_in(ctx: &Ctx, input: Credentials, txn: &mut Txn) -> Result<Answer> {
    let role_id = input.role_id.trim();
    if role_id.is_empty() {
        return Err(Failure::invalid("missing role_id"));
    }
    // No secret was guessed: nobody is locked out for it.
    let (name, role) = Role::with_id(txn, role_id)?.ok_or_else(|| Failure::invalid(WRONG))?;
    let shown = if role.bind_secret_id { Some(shown(ctx, &role, input.secret_id.trim(), txn)?) } else { None };
    networks::check_source(role.networks(), ctx.remote, "role")?;
    let mut token = role.token.clone();
    let internal = Internal {
        role_name: name.clone(),
        policies: token.policies.clone(),
        no_default_policy: token.no_default_policy,
    };
    let mut metadata = Default::default();
    if let Some(secret_id) = shown {
        metadata = secret_id.metadata;
        if !secret_id.token_cidrs.is_empty() {
            token.bound_cidrs = networks::parsed(&secret_id.token_cidrs);
        }
    }
    metadata.insert("role_name".into(), name);
    Ok(Answer::login(Login {
        alias: role.role_id,
        alias_metadata: metadata.clone(),
        group_aliases: Vec::new(),
        display_name: String::new(),
        metadata,
        internal: serde_json::to_value(internal).map_err(Failure::internal)?,
        token,
        for_elsewhere: true,
    }))
}

const WRONG: &str = "invalid role or secret ID";

/// The secret ID that was shown, one use of it spent if they are counted.
fn shown(ctx: &Ctx, role: &Role, secret_id: &str, txn: &mut Txn) -> Result<SecretId> {
    if secret_id.is_empty() {
        return Err(missing());
    }
    let mac = role.mac(secret_id)?;
    let wrong = || Failure::WrongCredentials(WRONG.into());
    let found = SecretId::get(txn, role, &mac, ctx.now)?.ok_or_else(wrong)?;
    // The role's may have been narrowed since.
    networks::check_inside(&networks::parsed(role.networks()), &networks::parsed(&found.cidrs))?;
    networks::check_source(&found.cidrs, ctx.remote, "secret ID")?;
    if found.uses == 0 {
        return Ok(found);
    }
    let counted = SecretId::take(txn, role, &mac)?.ok_or_else(wrong)?;
    counted.clone().spend(txn, role, &mac, ctx.now)?;
    Ok(counted)
}
