//! `sys/namespaces/:path/seal-config`: another way to the key service that opens a namespace, as a new token for it.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::namespace::NewService;
use sdk::{Answer, CommaList, Ctx, Failure, Input, Path, Result, Txn, Verb, View, Work};

use super::namespaces::{name, refused};
use super::namespaces_seal::{found, given};
use super::namespaces_seal_config;
use super::once::once;

#[derive(Input)]
struct Replace {
    /// The namespace's name.
    path: String,
    /// As many of its shares as are needed.
    keys: CommaList,
    /// The service as it is to be asked from now on, as HCL or JSON: `seal "transit" { address = "…" token = "…" … }`.
    seal: String,
}

pub fn path(node: &Arc<Node>) -> Path {
    let (prepares, replaces) = (Arc::clone(node), Arc::clone(node));
    Path::new("namespaces/:path/seal-config")
        .ids([(Verb::Write, "namespaces-seal-config")])
        .help(
            "Says how the key service of a namespace is asked from now on.",
            "At another address, say, or with another token. By as many of the namespace's shares as are needed, and only if its key \
             there opens what is stored: otherwise nothing changes.",
        )
        .sudo()
        .slow(
            Verb::Write,
            move |ctx: &Ctx, input: Replace, view: &View| prepare(&prepares, ctx, &input, view),
            move |_: &Ctx, input: Replace, new: &NewService, txn: &mut Txn| {
                let record = found(&replaces, &input.path, txn)?;
                replaces.namespaces.replace_service(txn, &record, new).map_err(refused)?;
                let forget = once(&replaces, record.id, |node, id, _| async move {
                    node.service_is_new(&id);
                    Ok(Answer::empty())
                });
                Ok(Answer::empty().then(forget))
            },
        )
}

fn prepare(node: &Arc<Node>, ctx: &Ctx, input: &Replace, view: &View) -> Result<Work<NewService>> {
    let found = node.namespaces.live(view, name(node, &input.path)?)?;
    let record = found.ok_or_else(|| Failure::invalid("requested namespace does not exist"))?;
    let shares = given(&input.keys)?;
    if input.seal.is_empty() {
        return Err(Failure::invalid("missing seal: say how the key service is asked, as seal \"transit\" { … }"));
    }
    let service = namespaces_seal_config::parse(&input.seal)?.service;
    let service = service.ok_or_else(|| Failure::invalid("seal names no key service; shares are replaced by rekey"))?;
    let (node, above) = (Arc::clone(node), ctx.namespace.clone());
    Ok(Work::Waits(Box::pin(async move { node.new_service(&above, &record, &shares, service).await.map_err(refused) })))
}
