//! `role/:role_name/custom-secret-id`: takes a secret ID that somebody chose.

use sdk::{Ctx, Input, Path, Txn, Verb};

use crate::name::Name;
use crate::registration::{Source, Terms, register};

#[derive(Input)]
struct Take {
    /// The role's name.
    role_name: Name,
    /// The secret ID, at most 4096 bytes.
    secret_id: String,
    #[field(flatten)]
    terms: Terms,
}

pub fn path() -> Path {
    Path::new("role/:role_name/custom-secret-id")
        .ids([(Verb::Write, "app-role-write-custom-secret-id")])
        .help(
            "Takes a secret ID that somebody chose.",
            "One that can be guessed can be guessed here too: leave it to the server where you can.",
        )
        .txn(Verb::Write, |ctx: &Ctx, input: Take, txn: &mut Txn| {
            register(ctx, &input.role_name.checked()?, Source::Chosen(input.secret_id), input.terms, txn)
        })
}
