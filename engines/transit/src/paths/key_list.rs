//! `keys`: the names of all keys.

use sdk::{Answer, Ctx, Input, Page, Path, Result, Verb, View};

use crate::{record, wrapping};

#[derive(Input)]
struct List {
    #[field(flatten)]
    page: Page,
}

pub fn path() -> Path {
    Path::new("keys/?")
        .ids([(Verb::List, "transit-list-keys")])
        .help("Lists the keys.", "The names in alphabetical order.")
        .view(Verb::List, list)
}

fn list(_: &Ctx, input: List, view: &View) -> Result<Answer> {
    let mut names = input.page.of(view, &record::folder())?;
    // Where clients expect the wrapping key, once there is one.
    let place = names.partition_point(|name| name.as_str() < WRAPPING);
    let fits = input.page.after.as_str() < WRAPPING && place < input.page.limit();
    if fits && view.revision(&wrapping::at())?.is_some() {
        names.insert(place, WRAPPING.into());
        names.truncate(input.page.limit());
    }
    Answer::keys(names)
}

const WRAPPING: &str = "import/";
