//! `auth/token/accessors/`: the accessors of all tokens.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use sdk::{Answer, Ctx, Input, Path, Verb, View};

#[derive(Input)]
struct List {}

pub fn path(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("accessors/?")
        .help("Lists the accessors of all tokens.", "An accessor can be used to look up, renew or revoke its token.")
        .sudo()
        .view(Verb::List, move |_: &Ctx, List {}: List, view: &View| Answer::keys(node.tokens.accessors(view)?))
}
