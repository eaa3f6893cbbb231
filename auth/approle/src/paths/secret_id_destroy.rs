//! `role/:role_name/secret-id/destroy`: takes a secret ID away.

use sdk::{Answer, Ctx, Input, Path, Result, Txn, Verb};

use crate::name::Name;
use crate::role::{Role, nobody};
use crate::secret_id::{SecretId, missing};

#[derive(Input)]
pub struct One {
    /// The role's name.
    role_name: Name,
    /// The secret ID.
    secret_id: String,
}

impl One {
    /// The role's name and the secret ID.
    pub fn checked(self) -> Result<(String, String)> {
        let name = self.role_name.checked()?;
        if self.secret_id.is_empty() { Err(missing()) } else { Ok((name, self.secret_id)) }
    }
}

pub fn path() -> Path {
    Path::new("role/:role_name/secret-id/destroy/?")
        .ids([(Verb::Write, "app-role-destroy-secret-id"), (Verb::Delete, "app-role-destroy-secret-id2")])
        .help("Takes a secret ID away.", "Tokens that it gave stay.")
        .txn(Verb::Write, destroy)
        .txn(Verb::Delete, destroy)
}

fn destroy(_: &Ctx, input: One, txn: &mut Txn) -> Result<Answer> {
    let (name, secret_id) = input.checked()?;
    let role = Role::get(txn, &name)?.ok_or_else(|| nobody(&name))?;
    let mac = role.mac(&secret_id)?;
    if let Some(found) = SecretId::take(txn, &role, &mac)? {
        found.remove(txn, &role.uid, &mac);
    }
    Ok(Answer::empty())
}
