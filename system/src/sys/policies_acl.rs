//! `sys/policies/acl`, `sys/policies/acl/:name`.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use holdfast_core::lifecycle::Node;
use holdfast_core::mount::{Mount, Table};
use holdfast_core::policies::{NewPolicy, PolicyRecord, PolicySettings};
use policy::Operation;
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Keys, Map, Outcome, Path, Reply, Result, Seconds, Txn, Value, Verb, View};
use serde::Serialize;
use storage::Millis;

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
    #[field(flatten)]
    given: Given,
}

/// What a write may say of a policy, and a patch of some of it.
#[derive(Input)]
pub(super) struct Given {
    /// The rules, in HCL or JSON, as they are or in base64.
    pub policy: Option<String>,
    /// When the policy ends: RFC 3339, or seconds since 1970.
    pub expiration: Option<Value>,
    /// After how long the policy ends. Not together with `expiration`.
    pub ttl: Option<Seconds>,
    /// Writes only if the policy is at this version; -1 only if there is none.
    pub cas: Option<i64>,
    /// Whether later writes have to say `cas`.
    pub cas_required: Option<bool>,
    /// Lets slashes come in with what templates are filled in with.
    pub allow_slashes_in_identity_templates: Option<bool>,
    /// Lets wildcards come in with what templates are filled in with.
    pub allow_wildcards_in_identity_templates: Option<bool>,
}

pub fn list(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("policies/acl/?")
        .ids([(Verb::List, "policies-list-acl-policies")])
        .help("Lists the ACL policies.", "The names of all policies that can be given to a token.")
        .view(Verb::List, move |ctx: &Ctx, Nothing {}: Nothing, view: &View| {
            Answer::keys(node.policies.list(view, &ctx.namespace.id)?)
        })
}

pub fn detailed(node: &Arc<Node>) -> Path {
    let node = Arc::clone(node);
    Path::new("policies/detailed/acl/?")
        .help(
            "Lists the ACL policies with what they say.",
            "The names of all policies, and each policy as a read shows it.",
        )
        .view(Verb::List, move |ctx: &Ctx, Nothing {}: Nothing, view: &View| {
            let mut infos = Map::new();
            for name in node.policies.list(view, &ctx.namespace.id)? {
                if let Some(policy) = node.policies.get(view, &name, ctx.now)? {
                    infos.insert(name, serde_json::to_value(Shown::new(policy)).map_err(Failure::internal)?);
                }
            }
            Reply::data(Keys { keys: infos.keys().cloned().collect(), key_info: Some(infos) })
        })
}

pub fn one(node: &Arc<Node>) -> Path {
    let (reads, writes, patches, deletes) = (Arc::clone(node), Arc::clone(node), Arc::clone(node), Arc::clone(node));
    Path::new("policies/acl/:name+")
        .ids([
            (Verb::Read, "policies-read-acl-policy"),
            (Verb::Write, "policies-write-acl-policy"),
            (Verb::Patch, "policies-patch-acl-policy"),
            (Verb::Delete, "policies-delete-acl-policy"),
        ])
        .answers(Verb::Patch, Outcome::EMPTY.status(200))
        .help(
            "Reads, writes and deletes an ACL policy.",
            "A change counts for every token that has the policy, at once.",
        )
        .view(Verb::Read, move |ctx: &Ctx, named: Named, view: &View| {
            let name = lower(&reads, ctx, view, Operation::Read, &named.name)?;
            let policy = reads.policies.get(view, &name, ctx.now)?.ok_or(Failure::NotFound)?;
            Reply::data(Shown::new(policy))
        })
        .txn(Verb::Write, move |ctx: &Ctx, input: Write, txn: &mut Txn| {
            set(&writes, ctx, &input.name, &input.given, txn)
        })
        .txn(Verb::Patch, move |ctx: &Ctx, input: Write, txn: &mut Txn| {
            patch(&patches, ctx, &input.name, input.given, txn)
        })
        .txn(Verb::Delete, move |ctx: &Ctx, named: Named, txn: &mut Txn| {
            let name = lower(&deletes, ctx, &txn.as_view(), Operation::Delete, &named.name)?;
            deletes.policies.delete(txn, &ctx.namespace.id, &name).map_err(policy_failure)?;
            Ok(Answer::empty())
        })
}

/// A policy, its text under the name that the path has for it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Shown {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    /// The older name of `policy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<String>,
    /// How often it was written.
    version: i64,
    cas_required: bool,
    allow_slashes_in_identity_templates: bool,
    allow_wildcards_in_identity_templates: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
}

impl Shown {
    fn new(policy: PolicyRecord) -> Self {
        let settings = policy.settings;
        Self {
            name: policy.name,
            policy: Some(policy.text),
            rules: None,
            version: policy.version,
            cas_required: settings.cas_required,
            allow_slashes_in_identity_templates: settings.allow_slashes_in_identity_templates,
            allow_wildcards_in_identity_templates: settings.allow_wildcards_in_identity_templates,
            expiration: policy.expires.map(sdk::timestamp),
            modified: policy.modified.map(sdk::timestamp),
        }
    }

    pub fn older(policy: PolicyRecord) -> Self {
        let shown = Self::new(policy);
        Self { rules: shown.policy, policy: None, ..shown }
    }
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

pub(super) fn set(node: &Node, ctx: &Ctx, name: &str, given: &Given, txn: &mut Txn) -> Result<Answer> {
    let text = given.policy.as_deref().unwrap_or_default();
    if text.is_empty() {
        return Err(Failure::invalid("'policy' parameter not supplied or empty"));
    }
    let lower = lower(node, ctx, &txn.as_view(), Operation::Update, name)?;
    let settings = settings(given, PolicySettings::default());
    write(
        node,
        ctx,
        name,
        &NewPolicy {
            namespace: &ctx.namespace.id,
            name: &lower,
            text,
            expires: expires(ctx, given)?,
            settings,
            cas: given.cas,
        },
        txn,
    )
}

/// What is not said stays as it was.
fn patch(node: &Node, ctx: &Ctx, name: &str, given: Given, txn: &mut Txn) -> Result<Answer> {
    ctx.check_merge_patch()?;
    let lower = lower(node, ctx, &txn.as_view(), Operation::Patch, name)?;
    let there = node.policies.get(txn, &lower, ctx.now)?;
    let there = there.ok_or_else(|| Failure::NoSuch("policy not found".into()))?;
    let text = given.policy.as_deref().unwrap_or(&there.text);
    if text.is_empty() {
        return Err(Failure::invalid("'policy' parameter not supplied or empty"));
    }
    let new = NewPolicy {
        namespace: &ctx.namespace.id,
        name: &lower,
        text,
        expires: expires(ctx, &given)?.or(there.expires),
        settings: settings(&given, there.settings),
        cas: given.cas.or(Some(there.version)),
    };
    let answer = write(node, ctx, name, &new, txn)?;
    Ok(Answer { warnings: answer.warnings, ..Answer::null() })
}

fn write(node: &Node, ctx: &Ctx, asked: &str, new: &NewPolicy<'_>, txn: &mut Txn) -> Result<Answer> {
    let decoded = BASE64_STANDARD.decode(new.text.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let new = NewPolicy { text: decoded.as_deref().unwrap_or(new.text), ..*new };
    let written = node.policies.set(txn, ctx.now, &new).map_err(policy_failure)?;
    let mut answer = Answer::empty();
    if new.name != asked {
        answer = answer.warn(format!("policy name was converted to {}", new.name));
    }
    for finding in policy::lint(&written, &kv2_mounts(node, txn)?) {
        if finding.misleads {
            answer = answer.warn(format!("line {}: {}", finding.line, finding.text));
        }
    }
    Ok(answer)
}

fn kv2_mounts(node: &Node, txn: &Txn) -> Result<Vec<String>> {
    let mounts = node.mounts.list(txn, Table::Secret)?;
    let version = |mount: &Mount| mount.options.as_ref().and_then(|options| options.get("version").cloned());
    let versioned = mounts.values().filter(|mount| version(mount).as_deref() == Some("2"));
    Ok(versioned.map(|mount| mount.full_path()).collect())
}

fn settings(given: &Given, there: PolicySettings) -> PolicySettings {
    let (slashes, wildcards) = (given.allow_slashes_in_identity_templates, given.allow_wildcards_in_identity_templates);
    PolicySettings {
        cas_required: given.cas_required.unwrap_or(there.cas_required),
        allow_slashes_in_identity_templates: slashes.unwrap_or(there.allow_slashes_in_identity_templates),
        allow_wildcards_in_identity_templates: wildcards.unwrap_or(there.allow_wildcards_in_identity_templates),
    }
}

fn expires(ctx: &Ctx, given: &Given) -> Result<Option<Millis>> {
    match (&given.expiration, given.ttl) {
        (Some(_), Some(_)) => Err(Failure::invalid("cannot supply both 'expiration' and 'ttl' for policies")),
        (Some(at), None) => moment(at).map(Some).ok_or_else(|| {
            Failure::invalid("'expiration' must be a time, as \"2030-01-31T12:00:00Z\" or seconds since 1970")
        }),
        (None, Some(ttl)) => Ok(Some(ctx.now.plus(ttl.0))),
        (None, None) => Ok(None),
    }
}

/// A time in the past is one: it is refused with a sentence of its own.
fn moment(value: &Value) -> Option<Millis> {
    let seconds = |seconds: i64| Some(Millis(u64::try_from(seconds).unwrap_or(0).saturating_mul(1000)));
    match value {
        Value::Number(number) => seconds(number.as_i64()?),
        Value::String(text) => match text.parse::<i64>() {
            Ok(number) => seconds(number),
            Err(_) => sdk::moment(text),
        },
        _ => None,
    }
}
