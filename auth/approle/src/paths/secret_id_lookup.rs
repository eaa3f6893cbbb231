//! `role/:role_name/secret-id/lookup`: what is known of a secret ID.

use sdk::{Ctx, Path, Reply, Result, Verb, View};

use super::secret_id_destroy::One;
use crate::role::{Role, nobody};
use crate::secret_id::{SecretId, Shown};

pub fn path() -> Path {
    Path::new("role/:role_name/secret-id/lookup/?")
        .ids([(Verb::Write, "app-role-look-up-secret-id")])
        .help("What is known of a secret ID.", "Nothing is answered of one that is not there.")
        .view(Verb::Write, look_up)
}

fn look_up(ctx: &Ctx, input: One, view: &View) -> Result<Option<Reply<Shown>>> {
    let (name, secret_id) = input.checked()?;
    let role = Role::get(view, &name)?.ok_or_else(|| nobody(&name))?;
    let found = SecretId::get(view, &role, &role.mac(&secret_id)?, ctx.now)?;
    found.map(|found| Reply::data(found.show())).transpose()
}
