//! `role`: the names of all roles.

use sdk::{Answer, Ctx, Input, Page, Path, Result, Verb, View};

use crate::role;

#[derive(Input)]
struct List {
    #[field(flatten)]
    page: Page,
}

pub fn path() -> Path {
    Path::new("role/?")
        .ids([(Verb::List, "app-role-list-roles")])
        .help("Lists the roles.", "The names in alphabetical order.")
        .view(Verb::List, list)
}

fn list(_: &Ctx, input: List, view: &View) -> Result<Answer> {
    Answer::keys(input.page.of(view, &role::folder())?)
}
