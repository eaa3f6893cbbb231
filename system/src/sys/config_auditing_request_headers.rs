//! `sys/config/auditing/request-headers`, `…/:header`: the request headers that audit entries show.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_core::audit::AuditTable;
use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Path, Reply, Txn, Verb, View};
use serde::Serialize;

use super::audit::failure;

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Named {
    /// The header's name.
    header: String,
}

#[derive(Input)]
struct Show {
    /// The header's name.
    header: String,
    /// Whether its values are hashed.
    hmac: bool,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    /// Whether its values are hashed.
    hmac: bool,
}

#[derive(Serialize, JsonSchema)]
struct All {
    headers: BTreeMap<String, Shown>,
}

pub fn all() -> Path {
    Path::new("config/auditing/request-headers")
        .ids([(Verb::Read, "auditing-list-request-headers")])
        .help("Lists the headers that audit entries show.", "Of each, whether its values are hashed.")
        .sudo()
        .view(Verb::Read, |_: &Ctx, Nothing {}: Nothing, view: &View| {
            let table = AuditTable::read(view)?;
            let shown = |(name, hmac): (&String, &bool)| (name.clone(), Shown { hmac: *hmac });
            Reply::mirrored(All { headers: table.headers.iter().map(shown).collect() })
        })
}

pub fn one(node: &Arc<Node>) -> Path {
    let (shows, hides) = (Arc::clone(node), Arc::clone(node));
    Path::new("config/auditing/request-headers/:header")
        .ids([
            (Verb::Read, "auditing-read-request-header-information"),
            (Verb::Write, "auditing-enable-request-header"),
            (Verb::Delete, "auditing-disable-request-header"),
        ])
        .help("Lets audit entries show a header, or not.", "Names are the same in upper and lower case.")
        .sudo()
        .view(Verb::Read, |_: &Ctx, named: Named, view: &View| {
            let table = AuditTable::read(view)?;
            let hmac = table.headers.get(&named.header.to_ascii_lowercase());
            let hmac = *hmac.ok_or_else(|| Failure::invalid("Could not find header in config"))?;
            Reply::mirrored(BTreeMap::from([(named.header, Shown { hmac })]))
        })
        .txn(Verb::Write, move |_: &Ctx, show: Show, txn: &mut Txn| {
            shows.audit.show_header(txn, &show.header, show.hmac).map_err(failure)?;
            Ok(Answer::empty())
        })
        .txn(Verb::Delete, move |_: &Ctx, named: Named, txn: &mut Txn| {
            hides.audit.hide_header(txn, &named.header).map_err(failure)?;
            Ok(Answer::empty())
        })
}
