//! `role/:role_name/secret-id`: makes a secret ID; lists the accessors of those that there are.

use sdk::{Answer, Ctx, Input, Page, Path, Result, Txn, Verb, View};

use crate::name::Name;
use crate::registration::{Source, Terms, register};
use crate::role::{Role, nobody};
use crate::secret_id;

#[derive(Input)]
struct Make {
    /// The role's name.
    role_name: Name,
    #[field(flatten)]
    terms: Terms,
}

#[derive(Input)]
struct List {
    /// The role's name.
    role_name: Name,
    #[field(flatten)]
    page: Page,
}

pub fn path() -> Path {
    Path::new("role/:role_name/secret-id/?")
        .ids([(Verb::List, "app-role-list-secret-ids"), (Verb::Write, "app-role-write-secret-id")])
        .help("Makes a secret ID; lists accessors.", "A secret ID is shown this once and is not kept.")
        .txn(Verb::Write, |ctx: &Ctx, input: Make, txn: &mut Txn| {
            register(ctx, &input.role_name.checked()?, Source::Made, input.terms, txn)
        })
        .view(Verb::List, list)
}

fn list(_: &Ctx, input: List, view: &View) -> Result<Answer> {
    let name = input.role_name.checked()?;
    let role = Role::get(view, &name)?.ok_or_else(|| nobody(&name))?;
    Answer::keys(input.page.of(view, &secret_id::accessors(&role.uid))?)
}
