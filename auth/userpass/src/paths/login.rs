//! `login/:username`: a token for the right password.

use sdk::{Answer, Ctx, Failure, Input, Login, LowerName, Path, Result, Txn, Verb, View, Work, json};

use crate::password::{self, Password};
use crate::user::User;

#[derive(Input)]
struct Credentials {
    /// The user's name.
    username: LowerName,
    /// The password.
    password: String,
}

/// The hash that the password was right for.
struct Right(String);

pub fn path() -> Path {
    Path::new("login/:username")
        .ids([(Verb::Write, "userpass-login")])
        .help(
            "Logs in.",
            "Gives a token with the user's policies. Too many wrong passwords lock the user out for a while.",
        )
        .login("username")
        .slow(Verb::Write, prepare, log_in)
}

fn prepare(_: &Ctx, input: Credentials, view: &View) -> Result<Work<Right>> {
    let name = input.username.checked()?;
    if input.password.is_empty() {
        return Err(Failure::invalid("missing password"));
    }
    let password = Password::new(input.password);
    let hash = User::get(view, &name)?.map(|user| user.hash);
    Ok(Work::Slow(Box::new(move || match hash {
        Some(hash) if password::matches(&password, Some(&hash)) => Ok(Right(hash)),
        Some(_) => Err(wrong()),
        None => {
            password::matches(&password, None);
            Err(wrong())
        }
    })))
}

fn log_in(_: &Ctx, input: Credentials, right: &Right, txn: &mut Txn) -> Result<Answer> {
    let name = input.username.checked()?;
    // Changed or removed since it was checked.
    let user = User::get(txn, &name)?.filter(|user| user.hash == right.0).ok_or_else(wrong)?;
    let internal = json!({ "username": name, "found": user.mark() });
    Ok(Answer::login(Login {
        alias: name.clone(),
        alias_metadata: Default::default(),
        group_aliases: Vec::new(),
        display_name: name.clone(),
        metadata: [("username".to_owned(), name.clone())].into(),
        internal,
        token: user.token,
        for_elsewhere: false,
    }))
}

fn wrong() -> Failure {
    Failure::WrongCredentials("invalid username or password".into())
}
