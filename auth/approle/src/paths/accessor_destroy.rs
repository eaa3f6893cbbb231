//! `role/:role_name/secret-id-accessor/destroy`: takes away the secret ID that has an accessor.

use sdk::{Answer, Ctx, Failure, Input, Path, Result, Txn, Verb};

use crate::name::Name;
use crate::role::{Role, nobody};
use crate::secret_id::SecretId;

/// Does not repeat what was asked for: somebody may have given the secret ID instead.
pub const UNKNOWN: &str = "failed to find accessor entry for secret_id_accessor: no secret ID of this role has it";

#[derive(Input)]
pub struct One {
    /// The role's name.
    role_name: Name,
    /// The accessor.
    secret_id_accessor: String,
}

impl One {
    /// The role's name and the accessor.
    pub fn checked(self) -> Result<(String, String)> {
        let name = self.role_name.checked()?;
        if self.secret_id_accessor.is_empty() {
            return Err(Failure::invalid("missing secret_id_accessor"));
        }
        Ok((name, self.secret_id_accessor))
    }
}

pub fn path() -> Path {
    Path::new("role/:role_name/secret-id-accessor/destroy/?")
        .ids([
            (Verb::Write, "app-role-destroy-secret-id-by-accessor"),
            (Verb::Delete, "app-role-destroy-secret-id-by-accessor2"),
        ])
        .help("Takes away the secret ID that has an accessor.", "Tokens that it gave stay.")
        .txn(Verb::Write, destroy)
        .txn(Verb::Delete, destroy)
}

fn destroy(ctx: &Ctx, input: One, txn: &mut Txn) -> Result<Answer> {
    let (name, accessor) = input.checked()?;
    let role = Role::get(txn, &name)?.ok_or_else(|| nobody(&name))?;
    let found = SecretId::by_accessor(txn, &role, &accessor, ctx.now)?;
    let (mac, found) = found.ok_or_else(|| Failure::invalid(UNKNOWN))?;
    found.remove(txn, &role.uid, &mac);
    Ok(Answer::empty())
}
