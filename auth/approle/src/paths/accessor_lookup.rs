//! `role/:role_name/secret-id-accessor/lookup`: what is known of the secret ID that has an accessor.

use sdk::{Answer, Ctx, Outcome, Output, Path, Reply, Result, Verb, View, json};

use super::accessor_destroy::{One, UNKNOWN};
use crate::role::{Role, nobody};
use crate::secret_id::{SecretId, Shown};

pub fn path() -> Path {
    Path::new("role/:role_name/secret-id-accessor/lookup/?")
        .ids([(Verb::Write, "app-role-look-up-secret-id-by-accessor")])
        .help("What is known of the secret ID that has an accessor.", "The secret ID itself is not.")
        .answers(Verb::Write, Outcome::data::<Shown>())
        .view(Verb::Write, look_up)
}

fn look_up(ctx: &Ctx, input: One, view: &View) -> Result<Answer> {
    let (name, accessor) = input.checked()?;
    let role = Role::get(view, &name)?.ok_or_else(|| nobody(&name))?;
    Ok(match SecretId::by_accessor(view, &role, &accessor, ctx.now)? {
        Some((_, found)) => Reply::data(found.show())?.into_answer(),
        None => Answer::json(json!({ "error": UNKNOWN })).status(404),
    })
}
