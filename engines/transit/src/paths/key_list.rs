//! `keys`: the names of all keys.

use sdk::{Answer, Ctx, Input, Page, Path, Read, Result, Verb, View};

use crate::{record, wrapping};

#[derive(Input)]
struct List {
    #[field(flatten)]
    page: Page,
}

pub fn path() -> Path {
    Path::new("keys/?").help("Lists the keys.", "The names in alphabetical order.").view(Verb::List, list)
}

fn list(_: &Ctx, input: List, view: &View) -> Result<Answer> {
    let mut names = view.list(&record::folder())?;
    // Where clients expect the wrapping key, once there is one.
    if view.revision(&wrapping::at())?.is_some() {
        names.push("import/".into());
        names.sort();
    }
    Answer::keys(input.page.of(names))
}
