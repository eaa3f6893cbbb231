//! `sys/policies/acl`, `sys/policies/acl/:name`.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use holdfast_core::lifecycle::Node;
use policy::Operation;
use sdk::{Answer, Ctx, Failure, Input, Path, Result, Txn, Verb, View, json};

use super::policy_failure;

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
}

pub fn list(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("policies/acl/?")
        .ids([(Verb::List, "policies-list-acl-policies")])
        .help("Lists the ACL policies.", "The names of all policies that can be given to a token.")
        .view(Verb::List, move |_: &Ctx, Nothing {}: Nothing, view: &View| Answer::keys(node.policies.list(view)?))
}

pub fn one(node: &Arc<Node>) -> Path {
    let (reads, writes, deletes) = (Arc::clone(node), Arc::clone(node), Arc::clone(node));
    Path::new("policies/acl/:name+")
        .ids([
            (Verb::Read, "policies-read-acl-policy"),
            (Verb::Write, "policies-write-acl-policy"),
            (Verb::Delete, "policies-delete-acl-policy"),
        ])
        .help(
            "Reads, writes and deletes an ACL policy.",
            "A change counts for every token that has the policy, at once.",
        )
        .view(Verb::Read, move |ctx: &Ctx, named: Named, view: &View| {
            let name = lower(&reads, ctx, view, Operation::Read, &named.name)?;
            let policy = reads.policies.get(view, &name)?.ok_or(Failure::NotFound)?;
            Ok(Answer::json(json!({"name": policy.name, "policy": policy.text})))
        })
        .txn(Verb::Write, move |ctx: &Ctx, input: Write, txn: &mut Txn| {
            set(&writes, ctx, &input.name, &input.policy, txn)
        })
        .txn(Verb::Delete, move |ctx: &Ctx, named: Named, txn: &mut Txn| {
            let name = lower(&deletes, ctx, &txn.as_view(), Operation::Delete, &named.name)?;
            deletes.policies.delete(txn, &name).map_err(policy_failure)?;
            Ok(Answer::empty())
        })
}

/// Policies are named in lower case. The caller must be allowed what the name becomes, not only what it was.
pub(super) fn lower(node: &Node, ctx: &Ctx, view: &View, operation: Operation, name: &str) -> Result<String> {
    let lower = name.to_lowercase();
    if lower == name {
        return Ok(lower);
    }
    let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
    let folder = ctx.path.strip_suffix(name).unwrap_or(ctx.path);
    let path = format!("{}{folder}{lower}", ctx.mount.path);
    if !node.policies.allow(view, caller, operation, &path, ctx.now)? {
        return Err(Failure::denied("1 error occurred:\n\t* permission denied\n\n"));
    }
    Ok(lower)
}

pub(super) fn set(node: &Node, ctx: &Ctx, name: &str, text: &str, txn: &mut Txn) -> Result<Answer> {
    if text.is_empty() {
        return Err(Failure::invalid("'policy' parameter not supplied or empty"));
    }
    let lower = lower(node, ctx, &txn.as_view(), Operation::Update, name)?;
    let decoded = BASE64_STANDARD.decode(text.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    node.policies.set(txn, &lower, decoded.as_deref().unwrap_or(text)).map_err(policy_failure)?;
    Ok(if lower == name {
        Answer::empty()
    } else {
        Answer::empty().warn(format!("policy name was converted to {lower}"))
    })
}
