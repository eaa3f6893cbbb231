//! `sys/policy`, `sys/policy/:name`: the older form of `sys/policies/acl`.

use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use policy::Operation;
use sdk::{Answer, Ctx, Failure, Input, Path, Txn, Verb, View, json};

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
    /// The rules, in HCL or JSON, as they are or in base64.
    policy: String,
    /// The older name of `policy`.
    #[field(deprecated)]
    rules: String,
}

pub fn list(node: &Arc<Node>) -> Path {
    let of = |node: Arc<Node>| {
        move |_: &Ctx, Nothing {}: Nothing, view: &View| {
            let names = node.policies.list(view)?;
            Ok(Answer::mirrored(json!({"keys": names, "policies": names})))
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
            let policy = reads.policies.get(view, &name)?.ok_or(Failure::NotFound)?;
            Ok(Answer::mirrored(json!({"name": policy.name, "rules": policy.text})))
        })
        .txn(Verb::Write, move |ctx: &Ctx, input: Write, txn: &mut Txn| {
            let old = input.policy.is_empty() && !input.rules.is_empty();
            let text = if old { &input.rules } else { &input.policy };
            let answer = policies_acl::set(&writes, ctx, &input.name, text, txn)?;
            Ok(if old { answer.warn("'rules' is deprecated, please use 'policy' instead") } else { answer })
        })
        .txn(Verb::Delete, move |ctx: &Ctx, named: Named, txn: &mut Txn| {
            let name = policies_acl::lower(&deletes, ctx, &txn.as_view(), Operation::Delete, &named.name)?;
            deletes.policies.delete(txn, &name).map_err(policy_failure)?;
            Ok(Answer::empty())
        })
}
