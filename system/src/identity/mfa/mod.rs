//! `identity/mfa/`: the methods that a login's second factor can be, and who has to use them.

mod duo;
mod login_enforcement;
mod method;
mod okta;
mod pingid;
mod shown;
mod totp;
mod totp_key;

use std::sync::Arc;

use holdfast_core::identity::mfa::{self, Kind, Settings};
use holdfast_core::lifecycle::Node;
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Keys, Map, Page, Path, Reply, Result, Txn, Verb, View};
use serde::Serialize;

use shown::Shown;

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let mut paths = totp_key::paths();
    paths.extend(totp::paths());
    paths.extend(duo::paths());
    paths.extend(okta::paths());
    paths.extend(pingid::paths());
    paths.extend(method::paths());
    paths.extend(login_enforcement::paths(node));
    paths
}

#[derive(Input)]
struct Which {
    /// The method's id.
    method_id: String,
}

/// Which method a write means. What has neither is made.
#[derive(Input)]
struct Named {
    /// The method's id, to change it.
    method_id: String,
    /// A name that no other method has. Without an id, the method of that name is changed, or made.
    method_name: String,
}

#[derive(Serialize, JsonSchema)]
struct Made {
    method_id: String,
}

const MISSING: &str = "missing method ID";

/// Listing, reading and deleting, which are the same for each kind of method. `patterns` are of all and of one, `ids` of
/// list, read and delete.
fn of_kind(kind: Kind, patterns: [&'static str; 2], ids: [&'static str; 3]) -> [Path; 2] {
    let [all, one] = patterns;
    let [lists, reads, deletes] = ids;
    [
        Path::new(all)
            .ids([(Verb::List, lists)])
            .help("The MFA methods of this kind.", "Lists them with their settings; a write makes one.")
            .view(Verb::List, move |ctx: &Ctx, page: Page, view: &View| list(ctx, Some(kind), &page, view)),
        Path::new(one)
            .ids([(Verb::Read, reads), (Verb::Delete, deletes)])
            .help(
                "An MFA method of this kind.",
                "What is secret of it is not shown. One that an enforcement asks for stays.",
            )
            .view(Verb::Read, move |ctx: &Ctx, which: Which, view: &View| read(ctx, Some(kind), &which.method_id, view))
            .txn(Verb::Delete, move |_: &Ctx, which: Which, txn: &mut Txn| {
                mfa::delete_method(txn, kind, &which.method_id)?;
                Ok(Answer::empty())
            }),
    ]
}

fn list(ctx: &Ctx, kind: Option<Kind>, page: &Page, view: &View) -> Result<Reply<Keys>> {
    let (mut keys, mut info) = (Vec::new(), Map::new());
    for method in mfa::methods(view, kind, page.after(), page.limit())? {
        keys.push(method.id.clone());
        let id = method.id.clone();
        info.insert(id, serde_json::to_value(shown::method(ctx, method)).map_err(Failure::internal)?);
    }
    super::listing(keys, info)
}

fn read(ctx: &Ctx, kind: Option<Kind>, id: &str, view: &View) -> Result<Reply<Shown>> {
    let method = mfa::method(view, id)?.ok_or(Failure::NotFound)?;
    if let Some(kind) = kind.filter(|kind| *kind != method.settings.kind()) {
        let text = format!("failed to find the method ID under MFA type {}.", kind.name());
        return Err(Failure::invalid(text));
    }
    Reply::data(shown::method(ctx, method))
}

/// What was there already is changed without an answer.
fn write(
    txn: &mut Txn,
    kind: Kind,
    named: &Named,
    settings: impl FnOnce(Option<&Settings>) -> Result<Settings>,
) -> Result<Option<Reply<Made>>> {
    fn given(text: &str) -> Option<&str> {
        Some(text).filter(|text| !text.is_empty())
    }
    let id = given(&named.method_id);
    let method = mfa::write_method(txn, kind, id, given(&named.method_name), settings)?;
    match id {
        Some(_) => Ok(None),
        None => Reply::data(Made { method_id: method.id }).map(Some),
    }
}

/// The text of a field that has to be there.
fn required(text: &str, problem: &str) -> Result<String> {
    if text.is_empty() { Err(Failure::invalid(problem)) } else { bounded(text) }
}

/// A text of settings.
fn bounded(text: &str) -> Result<String> {
    const TEXT_MAX: usize = 4096;
    if text.len() > TEXT_MAX {
        return Err(Failure::invalid(format!("a field of an MFA method can have at most {TEXT_MAX} bytes")));
    }
    Ok(text.to_owned())
}
