//! `sys/policy`, `sys/policy/:name`: the older form of `sys/policies/acl`.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use policy::Operation;
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Path, Reply, Txn, Verb, View};
use serde::Serialize;

use super::{policies_acl, policy_failure};

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Named {
    /// The policy's name, in lower case.
    name: String,
}

#[derive(Input)]
struct Write {
    /// The policy's name, in lower case.
    name: String,
    #[field(flatten)]
    given: policies_acl::Given,
    /// The older name of `policy`.
    #[field(deprecated)]
    rules: String,
}

#[derive(Serialize, JsonSchema)]
struct Names {
    keys: Vec<String>,
    policies: Vec<String>,
}

pub fn list(node: &Arc<Node>) -> Path {
    let of = |node: Arc<Node>| {
        move |ctx: &Ctx, Nothing {}: Nothing, view: &View| {
            let names = node.policies.list(view, &ctx.namespace.id)?;
            Reply::mirrored(Names { policies: names.clone(), keys: names })
        }
    };
    Path::new("policy/?")
        .ids([(Verb::Read, "policies-list")])
        .help("Lists the ACL policies.", "The older form of sys/policies/acl.")
        .view(Verb::Read, of(Arc::clone(node)))
        .view(Verb::List, of(Arc::clone(node)))
}

pub fn one(node: &Arc<Node>) -> Path {
    let (reads, writes, deletes) = (Arc::clone(node), Arc::clone(node), Arc::clone(node));
    Path::new("policy/:name+")
        .ids([
            (Verb::Read, "policies-read-acl-policy2"),
            (Verb::Write, "policies-write-acl-policy2"),
            (Verb::Delete, "policies-delete-acl-policy2"),
        ])
        .help("Reads, writes and deletes an ACL policy.", "The older form of sys/policies/acl.")
        .view(Verb::Read, move |ctx: &Ctx, named: Named, view: &View| {
            let name = policies_acl::lower(&reads, ctx, view, Operation::Read, &named.name)?;
            let policy = reads.policies.get(view, &name, ctx.now)?.ok_or(Failure::NotFound)?;
            Reply::mirrored(policies_acl::Shown::older(policy))
        })
        .txn(Verb::Write, move |ctx: &Ctx, mut input: Write, txn: &mut Txn| {
            let old = input.given.policy.as_ref().is_none_or(String::is_empty) && !input.rules.is_empty();
            if old {
                input.given.policy = Some(input.rules);
            }
            let answer = policies_acl::set(&writes, ctx, &input.name, &input.given, txn)?;
            Ok(if old { answer.warn("'rules' is deprecated, please use 'policy' instead") } else { answer })
        })
        .txn(Verb::Delete, move |ctx: &Ctx, named: Named, txn: &mut Txn| {
            let name = policies_acl::lower(&deletes, ctx, &txn.as_view(), Operation::Delete, &named.name)?;
            deletes.policies.delete(txn, &ctx.namespace.id, &name).map_err(policy_failure)?;
            Ok(Answer::empty())
        })
}
