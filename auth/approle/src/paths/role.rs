//! `role/:role_name`: one role.

use sdk::{Answer, Ctx, Failure, Input, Path, Reply, Result, Txn, Verb, View};

use super::Which;
use crate::name::Name;
use crate::role::{Role, Shown};
use crate::role_fields::RoleFields;

#[derive(Input)]
struct Write {
    /// The role's name, at most 4096 bytes.
    role_name: Name,
    /// Whether its secret IDs are of this cluster alone. Said when the role is made, and never again.
    local_secret_ids: Option<bool>,
    #[field(flatten)]
    fields: RoleFields,
}

pub fn path() -> Path {
    Path::new("role/:role_name").ids([(Verb::Read, "app-role-read-role"), (Verb::Write, "app-role-write-role"), (Verb::Delete, "app-role-delete-role")])
        .help(
            "A role.",
            "A write sets what it gives and leaves the rest. Tokens and secret IDs that were given already keep what they \
             have. A role that is deleted takes its secret IDs along.",
        )
        .exists(|_: &Ctx, which: Which, view: &View| match which.role_name.checked() {
            Ok(name) => Ok(Role::get(view, &name)?.is_some()),
            Err(_) => Ok(true),
        })
        .view(Verb::Read, read)
        .txn(Verb::Write, write)
        .txn(Verb::Delete, delete)
}

fn read(_: &Ctx, which: Which, view: &View) -> Result<Reply<Shown>> {
    let role = Role::get(view, &which.role_name.checked()?)?.ok_or(Failure::NotFound)?;
    Reply::data(role.show())
}

fn write(ctx: &Ctx, input: Write, txn: &mut Txn) -> Result<Answer> {
    let name = input.role_name.checked()?;
    let known = Role::take(txn, &name)?;
    let before = known.as_ref().map(|role| role.role_id.clone());
    if before.is_some() && input.local_secret_ids.is_some() {
        return Err(Failure::invalid("local_secret_ids can only be modified during role creation"));
    }
    let mut role = known.unwrap_or_else(Role::fresh);
    role.local_secret_ids = input.local_secret_ids.unwrap_or(role.local_secret_ids);
    let warnings = role.update(ctx, input.fields)?;
    role.put(txn, &name, before.as_deref())?;
    Ok(Answer::empty().warned(warnings))
}

fn delete(_: &Ctx, which: Which, txn: &mut Txn) -> Result<Answer> {
    let name = which.role_name.checked()?;
    if let Some(role) = Role::take(txn, &name)? {
        role.delete(txn, &name);
    }
    Ok(Answer::empty())
}
