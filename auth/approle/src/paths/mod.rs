//! One file a path. What a role's own paths have in common is here.

mod accessor_destroy;
mod accessor_lookup;
mod bind_secret_id;
mod bound_cidr_list;
mod custom_secret_id;
mod local_secret_ids;
mod login;
mod period;
mod policies;
mod role;
mod role_id;
mod roles;
mod secret_id_bound_cidrs;
mod secret_id_destroy;
mod secret_id_lookup;
mod secret_id_num_uses;
mod secret_id_ttl;
mod secret_ids;
mod tidy;
mod token_bound_cidrs;
mod token_max_ttl;
mod token_num_uses;
mod token_ttl;

use sdk::{Answer, Failure, Input, Path, Reply, Result, Txn, View};
use serde::Serialize;

use crate::name::Name;
use crate::role::Role;

pub fn all() -> Vec<Path> {
    vec![
        roles::path(),
        role::path(),
        role_id::path(),
        policies::path(),
        period::path(),
        bind_secret_id::path(),
        bound_cidr_list::path(),
        secret_id_bound_cidrs::path(),
        secret_id_num_uses::path(),
        secret_id_ttl::path(),
        local_secret_ids::path(),
        token_bound_cidrs::path(),
        token_ttl::path(),
        token_max_ttl::path(),
        token_num_uses::path(),
        secret_ids::path(),
        custom_secret_id::path(),
        secret_id_lookup::path(),
        secret_id_destroy::path(),
        accessor_lookup::path(),
        accessor_destroy::path(),
        tidy::path(),
        login::path(),
    ]
}

#[derive(Input)]
struct Which {
    /// The role's name.
    role_name: Name,
}

#[derive(Input)]
struct Nothing;

/// One property of a role.
fn shown<T: Serialize>(name: Name, view: &View, property: impl FnOnce(&Role) -> T) -> Result<Reply<T>> {
    let role = Role::get(view, &name.checked()?)?.ok_or(Failure::NotFound)?;
    Reply::data(property(&role))
}

/// Sets a property of a role that is there.
fn changed(name: Name, txn: &mut Txn, change: impl FnOnce(&mut Role) -> Result<()>) -> Result<Answer> {
    let name = name.checked()?;
    let role = Role::take(txn, &name)?.ok_or_else(Failure::unsupported_path)?;
    put(role, &name, txn, change)
}

/// Sets a property back. A role that is not there has it so already.
fn reset(name: Name, txn: &mut Txn, change: impl FnOnce(&mut Role)) -> Result<Answer> {
    let name = name.checked()?;
    let Some(role) = Role::take(txn, &name)? else { return Ok(Answer::empty()) };
    put(role, &name, txn, |role| {
        change(role);
        Ok(())
    })
}

fn put(mut role: Role, name: &str, txn: &mut Txn, change: impl FnOnce(&mut Role) -> Result<()>) -> Result<Answer> {
    let before = role.role_id.clone();
    change(&mut role)?;
    role.put(txn, name, Some(&before))?;
    Ok(Answer::empty())
}

/// A field that a path is about.
fn given<T>(field: Option<T>, name: &str) -> Result<T> {
    field.ok_or_else(|| Failure::invalid(format!("missing {name}")))
}
