//! `sys/policy/explain`, `sys/policy/explain-self`, `sys/policy/explain/:id`: which rule of which policy decides, and why a
//! request was refused.
//!
//! Whoever explains a caller's own rights learns of a rule only what the policies say that they may read: otherwise
//! which policies took part, and whether it is granted, which `sys/capabilities-self` tells as well.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use async_trait::async_trait;
use holdfast_core::catalog::Catalog;
use holdfast_core::denials::Denial;
use holdfast_core::lifecycle::Node;
use holdfast_core::pipeline::{is_protected, refusal};
use holdfast_core::replication::Role;
use holdfast_core::request::canonical;
use holdfast_core::token::{ClientToken, TokenRecord, Why};
use policy::{Explanation, Operation, Question, RuleView, Ruling};
use sdk::{
    Act, Answer, Caller, CommaList, Ctx, Failure, Input, Map, Params, Path, Result, Seconds, Value, Verb,
    View, json,
};

#[derive(Input)]
struct Asked {
    /// The token that is asked about.
    token: String,
    /// The accessor of the token that is asked about, instead of the token.
    accessor: String,
    /// The policies that are asked about, instead of a token.
    policies: CommaList,
    #[field(flatten)]
    what: What,
}

#[derive(Input)]
struct OfSelf {
    #[field(flatten)]
    what: What,
}

#[derive(Input)]
struct ById {
    /// The id that the refusal came with.
    id: String,
}

/// A request that might be made.
#[derive(Input)]
struct What {
    /// Where, as below `/v1/`.
    path: String,
    /// create, read, update, patch, delete, list or scan.
    operation: String,
    /// What the request's body would be, where a rule is about parameters.
    parameters: Map<String, Value>,
    /// For how long the answer would be wrapped.
    wrap_ttl: Option<Seconds>,
}

pub fn paths(node: &Arc<Node>, all: &Arc<OnceLock<Catalog>>) -> Vec<Path> {
    let (any, own) = (Arc::clone(node), Arc::clone(node));
    let (of_any, of_own) = (Arc::clone(all), Arc::clone(all));
    vec![
        Path::new("policy/explain")
            .help(
                "Explains what a token or policies may do.",
                "Whether a request would be allowed, which rule of which policy decides, and why not otherwise.",
            )
            .sudo()
            .view(Verb::Write, move |ctx: &Ctx, asked: Asked, view: &View| explain(&any, &of_any, ctx, &asked, view)),
        Path::new("policy/explain-self")
            .help(
                "Explains what the caller may do.",
                "As policy/explain, for the calling token. Rules show where the caller may read their policies.",
            )
            .view(Verb::Write, move |ctx: &Ctx, asked: OfSelf, view: &View| {
                explain_self(&own, &of_own, ctx, &asked.what, view)
            }),
        Path::new("policy/explain/:id")
            .help(
                "Explains a refusal.",
                "Why the request of this id was refused. The node that refused it remembers, for about a thousand requests.",
            )
            .sudo()
            .act::<ById>(Verb::Read, Remembered(Arc::clone(node))),
    ]
}

fn explain(node: &Node, all: &OnceLock<Catalog>, ctx: &Ctx, asked: &Asked, view: &View) -> Result<Answer> {
    let question = asked.what.read()?;
    let (token, names) = match (asked.token.as_str(), asked.accessor.as_str(), asked.policies.0.as_slice()) {
        (token, "", []) if !token.is_empty() => {
            known(node.tokens.authenticate(view, &ClientToken::new(token.into()), ctx.now).map(|valid| valid.record))?
        }
        ("", accessor, []) if !accessor.is_empty() => {
            let key = node.tokens.by_accessor(view, accessor)?;
            let key = key.ok_or_else(|| Failure::invalid("there is no token with this accessor"))?;
            known(node.tokens.valid(view, key, ctx.now).map(|valid| valid.record))?
        }
        ("", "", policies) if !policies.is_empty() => (None, policies.iter().map(|name| name.to_lowercase()).collect()),
        _ => return Err(Failure::invalid("say who is asked about: one of token, accessor and policies")),
    };
    let told = decide(node, all, ctx, view, &names, &question)?;
    let mut data = told.show();
    if let Some(record) = token {
        data["token"] = identity(&record);
    }
    let mut missing = Vec::new();
    for name in &names {
        if !node.policies.exists(view, name, ctx.now)? {
            missing.push(name);
        }
    }
    data["policies"] = json!(names);
    data["missing_policies"] = json!(missing);
    Ok(Answer::json(data))
}

fn explain_self(node: &Node, all: &OnceLock<Catalog>, ctx: &Ctx, what: &What, view: &View) -> Result<Answer> {
    let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
    let question = what.read()?;
    let told = decide(node, all, ctx, view, &caller.policies, &question)?;
    for name in &caller.policies {
        if !may_read(node, ctx, view, caller, name)? {
            return Ok(Answer::json(told.show_little(&caller.policies)));
        }
    }
    let mut data = told.show();
    data["policies"] = json!(caller.policies);
    Ok(Answer::json(data))
}

fn may_read(node: &Node, ctx: &Ctx, view: &View, caller: &Caller, name: &str) -> Result<bool> {
    for folder in ["sys/policies/acl", "sys/policy"] {
        if node.policies.allow(view, caller, Operation::Read, &format!("{folder}/{name}"), ctx.now)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn known(record: Result<Arc<TokenRecord>, Why>) -> Result<(Option<Arc<TokenRecord>>, Vec<String>)> {
    match record {
        Ok(record) => {
            let policies = record.policies.clone();
            Ok((Some(record), policies))
        }
        Err(Why::Access(access)) => Err(access.into()),
        Err(why) => Err(Failure::Invalid(format!("whatever its policies say, the token does not count: {why}"))),
    }
}

struct Asking<'a> {
    path: String,
    operation: Operation,
    name: &'a str,
    parameters: &'a Map<String, Value>,
    wrap_ttl: Option<std::time::Duration>,
}

impl What {
    fn read(&self) -> Result<Asking<'_>> {
        let operation = match self.operation.as_str() {
            "create" => Operation::Create,
            "read" => Operation::Read,
            "update" | "write" => Operation::Update,
            "patch" => Operation::Patch,
            "delete" => Operation::Delete,
            "list" => Operation::List,
            "scan" => Operation::Scan,
            other => {
                return Err(Failure::Invalid(format!(
                    "unknown operation {other:?}: it is create, read, update, patch, delete, list or scan"
                )));
            }
        };
        let path = self.path.trim_start_matches('/');
        if path.is_empty() {
            return Err(Failure::invalid("missing path: the request must have this field, as \"secret/data/app\""));
        }
        let mut path = canonical(path.as_bytes()).map_err(|problem| {
            Failure::Invalid(format!("no request comes as far as a policy with this path: {problem}"))
        })?;
        if matches!(operation, Operation::List | Operation::Scan) && !path.ends_with('/') {
            path.push('/');
        }
        let wrap_ttl = self.wrap_ttl.map(|ttl| ttl.0).filter(|ttl| !ttl.is_zero());
        Ok(Asking { path, operation, name: &self.operation, parameters: &self.parameters, wrap_ttl })
    }
}

struct Told<'a> {
    asking: &'a Asking<'a>,
    needs_sudo: bool,
    explanation: Explanation,
    overruled: Vec<RuleView>,
}

fn decide<'a>(
    node: &Node,
    all: &OnceLock<Catalog>,
    ctx: &Ctx,
    view: &View,
    names: &[String],
    asking: &'a Asking<'a>,
) -> Result<Told<'a>> {
    let acl = node.policies.rules(view, names, ctx.now)?.acl;
    let catalog = all.get().ok_or_else(|| Failure::internal("the catalog is not complete"))?;
    let needs_sudo = is_protected(node, catalog, view, &asking.path)?;
    let question = Question {
        operation: asking.operation,
        path: &asking.path,
        parameters: Some(asking.parameters),
        wrap_ttl: asking.wrap_ttl,
    };
    let decision = acl.decide(&question);
    let explanation = refusal(&decision, needs_sudo).unwrap_or_else(|| decision.explain());
    let mut overruled = acl.overruled(&asking.path, asking.operation);
    overruled.truncate(OVERRULED_MAX);
    Ok(Told { asking, needs_sudo, explanation, overruled })
}

impl Told<'_> {
    fn show(&self) -> Value {
        let mut data = explained(&self.explanation);
        data["path"] = json!(self.asking.path);
        data["operation"] = json!(self.asking.name);
        data["needs_sudo"] = json!(self.needs_sudo);
        let overruled =
            self.overruled.iter().map(|rule| json!({"path": rule.path, "capabilities": rule.capabilities.names()}));
        data["overruled"] = overruled.collect();
        data
    }

    /// For who may not read all of the policies.
    fn show_little(&self, names: &[String]) -> Value {
        let allowed = self.explanation.allowed;
        let (reason, text) = match (allowed, self.explanation.reason) {
            (true, _) => ("granted", "the policies grant it"),
            (false, "no_rule" | "denied" | "missing_capability") => ("not_granted", "the policies do not grant it"),
            (false, "sudo") => ("sudo", "the path also needs the capability sudo"),
            (false, _) => ("limits", "the policies grant it, within limits that this request does not keep"),
        };
        json!({
            "allowed": allowed,
            "reason": reason,
            "explanation": format!("{text}; which rule says so is told to who may read all of the policies"),
            "path": self.asking.path,
            "operation": self.asking.name,
            "needs_sudo": self.needs_sudo,
            "policies": names,
            "rule": null,
        })
    }
}

fn explained(explanation: &Explanation) -> Value {
    json!({
        "allowed": explanation.allowed,
        "reason": explanation.reason,
        "explanation": explanation.text,
        "capability": explanation.needs.map(|capability| capability.name()),
        "rule": explanation.ruling.as_ref().map(|ruling| rule(ruling, explanation)),
    })
}

fn rule(ruling: &Ruling, explanation: &Explanation) -> Value {
    let from = ruling.rules.iter().map(|rule| {
        let grants = explanation.needs.is_some_and(|capability| rule.capabilities.contains(capability));
        json!({
            "policy": rule.policy,
            "namespace": rule.namespace,
            // Those of entities and groups are told apart once there are any.
            "identity": "token",
            "path": rule.path,
            "line": rule.line,
            "capabilities": rule.capabilities.names(),
            "grants": grants,
            "denies": rule.capabilities.denies(),
        })
    });
    json!({"path": ruling.path, "capabilities": ruling.capabilities.names(), "from": from.collect::<Vec<_>>()})
}

fn identity(record: &TokenRecord) -> Value {
    json!({"accessor": record.accessor, "display_name": record.display_name, "entity_id": record.entity_id})
}

/// What the node that was asked remembers, else the active one.
struct Remembered(Arc<Node>);

#[async_trait]
impl Act for Remembered {
    fn here(&self) -> bool {
        true
    }

    fn only_looks(&self) -> bool {
        true
    }

    async fn act(&self, params: &Params, _deadline: Instant) -> Result<Answer> {
        let ById { id } = ById::parse(params)?;
        match self.0.denials.find(&id) {
            Some(denial) => Ok(Answer::json(remembered(&denial))),
            None if matches!(self.0.role(), Role::Standby { .. }) => {
                Err(Failure::Moved("this node refused no such request lately; the active node may have".into()))
            }
            None => Err(Failure::NoSuch(
                "neither this node nor the active one has lately refused a request of this id. A standby that answers reads \
                 remembers what it refused itself: ask the node that the refusal came from"
                    .into(),
            )),
        }
    }
}

fn remembered(denial: &Denial) -> Value {
    let mut data = denial.decided.as_ref().map_or_else(
        || json!({"allowed": false, "reason": "before_policies", "explanation": denial.why, "rule": null}),
        explained,
    );
    if denial.decided.is_none() && denial.token.is_some() {
        data["reason"] = json!("operation");
    }
    data["request_id"] = json!(denial.id.to_string());
    data["time"] = json!(sdk::timestamp(denial.at));
    data["operation"] = json!(denial.operation);
    data["path"] = json!(denial.path);
    data["token"] = json!(denial.token.as_ref().map(|token| json!({
        "accessor": token.accessor,
        "display_name": token.display_name,
        "entity_id": token.entity_id,
    })));
    data["policies"] = json!(denial.token.as_ref().map(|token| &token.policies));
    data
}

/// More rules that were not asked are left out.
const OVERRULED_MAX: usize = 64;
