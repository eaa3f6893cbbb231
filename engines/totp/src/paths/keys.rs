//! `keys`: the names of all keys.

use sdk::{Answer, Ctx, Input, Page, Path, Result, Verb, View};

use crate::records;

#[derive(Input)]
struct List {
    #[field(flatten)]
    page: Page,
}

pub fn path() -> Path {
    Path::new("keys/?").help("Lists the keys.", "The names in alphabetical order.").view(Verb::List, list)
}

fn list(_: &Ctx, input: List, view: &View) -> Result<Answer> {
    Answer::keys(input.page.of(view, &records::keys())?)
}
