//! `users/:username/policies`: changes a user's policies and nothing else.

use sdk::{Answer, Ctx, Failure, Input, LowerName, Path, Result, Txn, Verb};

use crate::user::{User, UserFields};

#[derive(Input)]
struct Change {
    /// The user's name.
    username: LowerName,
    #[field(flatten)]
    fields: UserFields,
}

pub fn path() -> Path {
    Path::new("users/:username/policies")
        .ids([(Verb::Write, "userpass-update-policies")])
        .help("Changes a user's policies.", "Tokens that the user has already cannot be renewed from then on.")
        .txn(Verb::Write, change)
}

fn change(_: &Ctx, input: Change, txn: &mut Txn) -> Result<Answer> {
    let name = input.username.checked()?;
    let mut user = User::take(txn, &name)?.ok_or_else(nobody)?;
    user.update(input.fields.policies_alone())?;
    user.put(txn, &name)?;
    Ok(Answer::empty())
}

pub(super) fn nobody() -> Failure {
    Failure::invalid("username does not exist")
}
