//! `sys/policy/explain`, `sys/policy/explain-self`, `sys/policy/explain/:id`: which rule of which policy decides, and why a
//! request was refused.
//!
//! Whoever explains a caller's own rights learns of a rule only what the policies say that they may read: otherwise
//! which policies took part, and whether it is granted, which `sys/capabilities-self` tells as well.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use async_trait::async_trait;
use holdfast_core::catalog::Catalog;
use holdfast_core::denials::{Denial, DeniedToken};
use holdfast_core::identity::Rights;
use holdfast_core::lifecycle::Node;
use holdfast_core::pipeline::{is_protected, refusal};
use holdfast_core::replication::Role;
use holdfast_core::request::canonical;
use holdfast_core::space;
use holdfast_core::token::{ClientToken, TokenRecord, Why, joined};
use policy::{Explanation, Operation, Question, RuleView, Ruling};
use schemars::JsonSchema;
use sdk::{
    Act, Answer, Caller, CommaList, Ctx, Failure, Input, Map, Namespace, Outcome, Output, Params, Path, Reply, Result,
    Seconds, Value, Verb, View,
};
use serde::Serialize;

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

#[derive(Default, Serialize, JsonSchema)]
struct Explained {
    allowed: bool,
    /// A word for programs, as `granted`, `no_rule`, `missing_capability`, `parameter_denied`, `sudo`.
    reason: &'static str,
    /// A sentence for people.
    explanation: String,
    path: String,
    operation: String,
    /// What the operation needs.
    capability: Option<&'static str>,
    /// Whether the path needs `sudo` besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    needs_sudo: Option<bool>,
    /// The rule that decides, if one says anything about the path.
    rule: Option<Decides>,
    /// Rules that fit the path as well and are not asked, since a more specific one decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    overruled: Option<Vec<Overruled>>,
    /// Those that were asked.
    policies: Option<Vec<String>>,
    /// Those of them that there are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_policies: Option<Vec<String>>,
    token: Option<Token>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// When it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
}

/// All that is said for one path.
#[derive(Serialize, JsonSchema)]
struct Decides {
    /// With templates filled in.
    path: String,
    capabilities: Vec<&'static str>,
    /// The rules that it is put together from.
    from: Vec<From>,
}

#[derive(Serialize, JsonSchema)]
struct From {
    policy: String,
    namespace: String,
    /// What gives the policy: `token`, `entity`, `group` and its name, or several of them.
    identity: String,
    /// As written.
    path: String,
    /// Of the policy's text.
    line: u32,
    capabilities: Vec<&'static str>,
    grants: bool,
    denies: bool,
}

#[derive(Serialize, JsonSchema)]
struct Overruled {
    path: String,
    capabilities: Vec<&'static str>,
}

#[derive(Serialize, JsonSchema)]
struct Token {
    accessor: String,
    display_name: String,
    entity_id: String,
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
            .answers(Verb::Read, Outcome::data::<Explained>())
            .act::<ById>(Verb::Read, Remembered(Arc::clone(node))),
    ]
}

fn explain(node: &Node, all: &OnceLock<Catalog>, ctx: &Ctx, asked: &Asked, view: &View) -> Result<Reply<Explained>> {
    let question = asked.what.read()?;
    let (token, own) = match (asked.token.as_str(), asked.accessor.as_str(), asked.policies.0.as_slice()) {
        (token, "", []) if !token.is_empty() => {
            let token = ClientToken::new(token.into());
            known(node.tokens.asked_about(view, &ctx.namespace.id, &token, ctx.now).map(|valid| valid.record))?
        }
        ("", accessor, []) if !accessor.is_empty() => {
            let key = node.tokens.by_accessor(view, &ctx.namespace.id, accessor)?;
            let key = key.ok_or_else(|| Failure::invalid("there is no token with this accessor"))?;
            known(node.tokens.valid(view, key, ctx.now).map(|valid| valid.record))?
        }
        ("", "", policies) if !policies.is_empty() => (None, policies.iter().map(|name| name.to_lowercase()).collect()),
        _ => return Err(Failure::invalid("say who is asked about: one of token, accessor and policies")),
    };
    let home = token.as_ref().map_or(ctx.namespace, |record| &record.home);
    let entity = token.as_ref().map_or("", |token| token.entity_id.as_str());
    let rights = node.policies.rights(view, &home.id, entity)?;
    if let Some(why) = rights.unfit() {
        return Err(Failure::Invalid(format!("whatever its policies say, the token does not count: {why}")));
    }
    let names = joined(&own, &rights.policies);
    let told = decide(node, all, ctx, view, home, (&own, &rights), &question)?;
    let mut missing = Vec::new();
    let records = view.elsewhere(space::records(&home.id));
    for name in &names {
        if !node.policies.exists(&records, name, ctx.now)? {
            missing.push(name.clone());
        }
    }
    let token = token.map(|record| identity(&record));
    Reply::data(Explained { token, missing_policies: Some(missing), policies: Some(names), ..told.show() })
}

fn explain_self(node: &Node, all: &OnceLock<Catalog>, ctx: &Ctx, what: &What, view: &View) -> Result<Reply<Explained>> {
    let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
    let question = what.read()?;
    let home = caller.way.as_deref().and_then(|way| ctx.namespace.path.strip_suffix(way));
    let home = home.ok_or_else(|| Failure::denied("permission denied"))?;
    let home = Namespace { id: caller.home.clone(), path: home.to_owned() };
    let rights = node.policies.rights(view, &home.id, &caller.entity_id)?;
    let names = joined(&caller.policies, &rights.policies);
    let told = decide(node, all, ctx, view, &home, (&caller.policies, &rights), &question)?;
    let mut shown = told.show();
    for name in &names {
        if !may_read(node, ctx, view, caller, name)? {
            shown = told.show_little();
            break;
        }
    }
    Reply::data(Explained { policies: Some(names), ..shown })
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
    /// What gives the policies of the rules that decide, in their order.
    sources: Vec<String>,
    needs_sudo: bool,
    explanation: Explanation,
    overruled: Vec<RuleView>,
}

fn decide<'a>(
    node: &Node,
    all: &OnceLock<Catalog>,
    ctx: &Ctx,
    view: &View,
    home: &Namespace,
    (names, rights): (&[String], &Rights),
    asking: &'a Asking<'a>,
) -> Result<Told<'a>> {
    let acl = node.policies.rules(view, &home.id, names, rights, ctx.now)?.acl;
    let way = home.way_to(ctx.namespace).unwrap_or_default();
    let path = format!("{way}{}", asking.path);
    let catalog = all.get().ok_or_else(|| Failure::internal("the catalog is not complete"))?;
    let needs_sudo = is_protected(node, catalog, view, &home.path, &path)?;
    let question = Question {
        operation: asking.operation,
        path: &path,
        parameters: Some(asking.parameters),
        wrap_ttl: asking.wrap_ttl,
    };
    let decision = acl.decide(&question);
    let explanation = refusal(&decision, needs_sudo).unwrap_or_else(|| decision.explain());
    let rules = explanation.ruling.as_ref().map(|ruling| ruling.rules.as_slice()).unwrap_or_default();
    let sources = rules.iter().map(|rule| rights.source_of(names, &rule.policy)).collect();
    let mut overruled = acl.overruled(&path, asking.operation);
    overruled.truncate(OVERRULED_MAX);
    Ok(Told { asking, sources, needs_sudo, explanation, overruled })
}

impl Told<'_> {
    fn show(&self) -> Explained {
        let overruled = self.overruled.iter();
        let overruled = overruled
            .map(|rule| Overruled { path: rule.path.clone(), capabilities: rule.capabilities.names() })
            .collect();
        Explained {
            path: self.asking.path.clone(),
            operation: self.asking.name.to_owned(),
            needs_sudo: Some(self.needs_sudo),
            overruled: Some(overruled),
            ..explained(&self.explanation, &self.sources)
        }
    }

    /// For who may not read all of the policies.
    fn show_little(&self) -> Explained {
        let allowed = self.explanation.allowed;
        let (reason, text) = match (allowed, self.explanation.reason) {
            (true, _) => ("granted", "the policies grant it"),
            (false, "no_rule" | "denied" | "missing_capability") => ("not_granted", "the policies do not grant it"),
            (false, "sudo") => ("sudo", "the path also needs the capability sudo"),
            (false, _) => ("limits", "the policies grant it, within limits that this request does not keep"),
        };
        Explained {
            allowed,
            reason,
            explanation: format!("{text}; which rule says so is told to who may read all of the policies"),
            path: self.asking.path.clone(),
            operation: self.asking.name.to_owned(),
            capability: self.explanation.needs.map(|capability| capability.name()),
            needs_sudo: Some(self.needs_sudo),
            ..Explained::default()
        }
    }
}

fn explained(explanation: &Explanation, sources: &[String]) -> Explained {
    Explained {
        allowed: explanation.allowed,
        reason: explanation.reason,
        explanation: explanation.text.clone(),
        capability: explanation.needs.map(|capability| capability.name()),
        rule: explanation.ruling.as_ref().map(|ruling| decides(ruling, explanation, sources)),
        ..Explained::default()
    }
}

fn decides(ruling: &Ruling, explanation: &Explanation, sources: &[String]) -> Decides {
    let sources = sources.iter().map(Some).chain(std::iter::repeat(None));
    let from = ruling.rules.iter().zip(sources).map(|(rule, source)| From {
        policy: rule.policy.to_string(),
        namespace: rule.namespace.to_string(),
        identity: source.cloned().unwrap_or_default(),
        path: rule.path.to_string(),
        line: rule.line,
        capabilities: rule.capabilities.names(),
        grants: explanation.needs.is_some_and(|capability| rule.capabilities.contains(capability)),
        denies: rule.capabilities.denies(),
    });
    Decides { path: ruling.path.to_string(), capabilities: ruling.capabilities.names(), from: from.collect() }
}

fn identity(record: &TokenRecord) -> Token {
    Token {
        accessor: record.accessor.clone(),
        display_name: record.display_name.clone(),
        entity_id: record.entity_id.clone(),
    }
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
        // By their ids: another namespace may be at the path of one that is gone.
        let (view, asker) = (self.0.local_view()?, &params.namespace().id);
        let found = self.0.denials.find(&id);
        let within = |of: &Denial| self.0.namespaces.is_within(&view, &of.namespace.id, asker);
        let known = asker.is_root() || found.as_ref().map(within).transpose()?.unwrap_or_default();
        match found.filter(|_| known) {
            Some(denial) => Ok(Reply::data(remembered(&denial))?.into_answer()),
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

fn remembered(denial: &Denial) -> Explained {
    let told = match (&denial.decided, &denial.token) {
        (Some(decided), token) => {
            explained(decided, token.as_ref().map(|token| token.sources.as_slice()).unwrap_or_default())
        }
        (None, token) => Explained {
            reason: if token.is_some() { "operation" } else { "before_policies" },
            explanation: denial.why.clone(),
            ..Explained::default()
        },
    };
    let token = |token: &DeniedToken| Token {
        accessor: token.accessor.clone(),
        display_name: token.display_name.clone(),
        entity_id: token.entity_id.clone(),
    };
    Explained {
        path: denial.path.clone(),
        operation: denial.operation.to_owned(),
        policies: denial.token.as_ref().map(|token| token.policies.clone()),
        token: denial.token.as_ref().map(token),
        request_id: Some(denial.id.to_string()),
        time: Some(sdk::timestamp(denial.at)),
        ..told
    }
}

/// More rules that were not asked are left out.
const OVERRULED_MAX: usize = 64;
