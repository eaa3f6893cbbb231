//! `sys/internal/ui/namespaces`: the namespaces below this one that the caller can use.

use sdk::{Ctx, Failure, Input, Keys, Path, Reply, Verb, View};

#[derive(Input)]
struct Nothing {}

/// Open: what shows follows from the caller. The root namespace has none below it.
pub fn path() -> Path {
    Path::new("internal/ui/namespaces")
        .ids([(Verb::Read, "internal-ui-list-namespaces")])
        .help("Lists the namespaces that the caller can use.", "There is only the root namespace.")
        .open()
        .view(Verb::Read, move |ctx: &Ctx, Nothing {}: Nothing, _: &View| {
            if ctx.caller.is_none() {
                return Err(Failure::denied("permission denied"));
            }
            Reply::data(Keys { keys: Vec::new(), key_info: None })
        })
}
