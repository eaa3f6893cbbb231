//! `users`: the names of all users.

use sdk::{Answer, Ctx, Input, Page, Path, Result, Verb, View};

use crate::user;

#[derive(Input)]
struct List {
    #[field(flatten)]
    page: Page,
}

pub fn path() -> Path {
    Path::new("users/?").help("Lists the users.", "The names in alphabetical order.").view(Verb::List, list)
}

fn list(_: &Ctx, input: List, view: &View) -> Result<Answer> {
    Answer::keys(input.page.of(view, &user::folder())?)
}
