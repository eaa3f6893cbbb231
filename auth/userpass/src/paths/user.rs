//! `users/:username`: one user.

use sdk::{Answer, Ctx, Failure, Input, LowerName, Path, Reply, Result, Txn, Verb, View, Work};

use crate::password::Given;
use crate::user::{Shown, User, UserFields, key};

#[derive(Input)]
struct Which {
    /// The user's name.
    username: LowerName,
}

#[derive(Input)]
struct Write {
    /// The user's name.
    username: LowerName,
    /// The password, 1 to 72 bytes. A new user needs it.
    password: String,
    /// A bcrypt hash in place of the password.
    password_hash: String,
    #[field(flatten)]
    fields: UserFields,
}

pub fn path() -> Path {
    Path::new("users/:username")
        .ids([
            (Verb::Read, "userpass-read-user"),
            (Verb::Write, "userpass-write-user"),
            (Verb::Delete, "userpass-delete-user"),
        ])
        .help(
            "A user.",
            "A write sets what it gives and leaves the rest. Tokens that were given already keep what they have.",
        )
        .exists(|_: &Ctx, which: Which, view: &View| match which.username.checked() {
            Ok(name) => Ok(User::get(view, &name)?.is_some()),
            Err(_) => Ok(true),
        })
        .view(Verb::Read, read)
        .slow(Verb::Write, prepare, write)
        .txn(Verb::Delete, delete)
}

fn read(_: &Ctx, which: Which, view: &View) -> Result<Reply<Shown>> {
    let user = User::get(view, &which.username.checked()?)?.ok_or(Failure::NotFound)?;
    Reply::data(user.show())
}

/// The hash, if a password is set. What is wrong is said before anything is hashed.
fn prepare(_: &Ctx, input: Write, view: &View) -> Result<Work<Option<String>>> {
    let name = input.username.checked()?;
    let given = Given::of(input.password, input.password_hash)?;
    let known = User::get(view, &name)?;
    let is_new = known.is_none();
    known.unwrap_or_default().update(input.fields)?;
    match given {
        Some(given) => Ok(Work::Slow(Box::new(move || given.hash().map(Some)))),
        None if is_new => Err(Failure::invalid("must provide either password or password_hash")),
        None => Ok(Work::Done(None)),
    }
}

fn write(_: &Ctx, input: Write, hash: &Option<String>, txn: &mut Txn) -> Result<Answer> {
    let name = input.username.checked()?;
    let known = User::take(txn, &name)?;
    if known.is_none() && hash.is_none() {
        return Err(Failure::invalid("must provide either password or password_hash"));
    }
    let mut user = known.unwrap_or_default();
    user.update(input.fields)?;
    if let Some(hash) = hash {
        user.hash.clone_from(hash);
    }
    user.put(txn, &name)?;
    Ok(Answer::empty())
}

fn delete(_: &Ctx, which: Which, txn: &mut Txn) -> Result<Answer> {
    txn.delete(&key(&which.username.checked()?));
    Ok(Answer::empty())
}
