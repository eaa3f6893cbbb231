//! `users/:username/password`: changes a password and nothing else, for policies that let users change their own.

use sdk::{Answer, Ctx, Failure, Input, LowerName, Path, Result, Txn, Verb, View, Work};

use crate::password::Given;
use crate::user::User;

#[derive(Input)]
struct Change {
    /// The user's name.
    username: LowerName,
    /// The new password, 1 to 72 bytes.
    password: String,
    /// A bcrypt hash in place of the password.
    password_hash: String,
}

pub fn path() -> Path {
    Path::new("users/:username/password")
        .ids([(Verb::Write, "userpass-reset-password")])
        .help("Changes a user's password.", "The old one is wrong from then on.")
        .slow(Verb::Write, prepare, change)
}

fn prepare(_: &Ctx, input: Change, view: &View) -> Result<Work<String>> {
    let given = Given::of(input.password, input.password_hash)?;
    let given = given.ok_or_else(|| Failure::invalid("must provide either password or password_hash"))?;
    User::get(view, &input.username.checked()?)?.ok_or_else(super::policies::nobody)?;
    Ok(Work::Slow(Box::new(move || given.hash())))
}

fn change(_: &Ctx, input: Change, hash: &String, txn: &mut Txn) -> Result<Answer> {
    let name = input.username.checked()?;
    let mut user = User::take(txn, &name)?.ok_or_else(super::policies::nobody)?;
    user.hash.clone_from(hash);
    user.put(txn, &name)?;
    Ok(Answer::empty())
}
