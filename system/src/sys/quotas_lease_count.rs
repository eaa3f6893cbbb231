//! `sys/quotas/lease-count`, `sys/quotas/lease-count/:name`: how many leases there may be.

use std::sync::Arc;

use holdfast_core::catalog::Catalog;
use holdfast_core::lifecycle::Node;
use holdfast_core::quota::LeaseCounts;
use holdfast_core::quota::leases::counted;
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Path, Reply, Result, Txn, Verb, View};
use serde::Serialize;

use super::quota_scope;

const LEASES_MAX: i64 = 1 << 40;

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Named {
    /// The quota's name.
    name: String,
}

#[derive(Input)]
struct Write {
    /// The quota's name.
    name: String,
    /// The namespace or the mount it holds for, or a path below a mount, with a `*` at its end for all that begin so. From the
    /// root; empty: the root namespace.
    path: String,
    /// Not offered: leases do not say by which role they were made.
    role: String,
    /// How many leases there may be.
    max_leases: i64,
    /// Of a namespace: whether it holds in those below as well. The root's does if nothing is said.
    inheritable: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    path: String,
    role: &'static str,
    max_leases: i64,
    /// How many are counted.
    counter: i64,
    /// As long as leases that were there before are being counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    settling: Option<bool>,
    /// Where it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    inheritable: Option<bool>,
}

pub fn list() -> Path {
    Path::new("quotas/lease-count/?")
        .help("Lists the lease counts.", "By their names.")
        .view(Verb::List, |_: &Ctx, Nothing {}: Nothing, view: &View| {
            Answer::keys(LeaseCounts::read(view)?.0.into_keys().collect())
        })
}

pub fn one(node: &Arc<Node>, mountable: &Arc<Catalog>) -> Path {
    let (node, mountable) = (Arc::clone(node), Arc::clone(mountable));
    Path::new("quotas/lease-count/:name")
        .help(
            "Reads, writes and deletes a lease count.",
            "A request that would make one lease more than there may be is refused. Leases that were there before the quota \
             are counted in the background: as long as that goes on, it reads \"settling\".",
        )
        .view(Verb::Read, |_: &Ctx, named: Named, view: &View| {
            let rules = LeaseCounts::read(view)?;
            let rule = rules.0.get(&named.name).ok_or(Failure::NotFound)?;
            Reply::data(Shown {
                kind: "lease-count",
                path: rule.scope.path(),
                role: "",
                max_leases: rule.max,
                counter: counted(view, rule)?,
                settling: rule.settling.is_some().then_some(true),
                inheritable: rule.inheritable,
                name: named.name,
            })
        })
        .txn(Verb::Write, move |_: &Ctx, input: Write, txn: &mut Txn| set(&node, &mountable, &input, txn))
        .txn(Verb::Delete, |_: &Ctx, named: Named, txn: &mut Txn| {
            LeaseCounts::change(txn)?.remove(txn, &named.name)?;
            Ok(Answer::empty())
        })
}

fn set(node: &Node, mountable: &Catalog, input: &Write, txn: &mut Txn) -> Result<Answer> {
    if !(1..=LEASES_MAX).contains(&input.max_leases) {
        return Err(Failure::Invalid(format!("'max_leases' is invalid: it is 1 to {LEASES_MAX}")));
    }
    if !input.role.is_empty() {
        return Err(Failure::invalid("leases are not counted by role; set a quota for the path of the logins"));
    }
    let scope = quota_scope::parse(node, mountable, txn, &input.path, "")?;
    let rules = LeaseCounts::change(txn)?;
    let scopes = rules.0.iter().map(|(name, rule)| (name, &rule.scope));
    quota_scope::check_room(scopes, &input.name, &scope, "lease counts")?;
    rules.set(txn, &input.name, scope, input.max_leases, input.inheritable)?;
    Ok(Answer::empty())
}
