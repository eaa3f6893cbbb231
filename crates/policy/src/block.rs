//! From the text of a policy to its rules: the grammar of `path` blocks.

use std::sync::Arc;
use std::time::Duration;

use hcl::{Block, Body, HclError, Item, Kind, Value};
use jiff::Timestamp;

use crate::rule::{Limits, Rule, Terms};
use crate::{
    Capability, CapabilitySet, ControlGroup, Factor, ListFilter, Operation, Parameters, PolicyError, duration, template,
};

pub(crate) fn read(text: &str) -> Result<Vec<Rule>, PolicyError> {
    let body = hcl::parse(text)?;
    refuse_unknown(&body, &TOP_KEYS, None)?;
    body.blocks("path", 1)?.iter().map(rule).collect()
}

/// The path a rule is filed under: without a leading slash.
pub(crate) fn stored_path(written: &str) -> Result<Box<str>, String> {
    if written.contains("+*") {
        return Err("invalid use of wildcards (`+*` is forbidden)".to_owned());
    }
    Ok(written.strip_prefix('/').unwrap_or(written).into())
}

fn rule(block: &Block<'_>) -> Result<Rule, PolicyError> {
    let written = block.labels[0].text.as_str();
    refuse_unknown(block.body, &RULE_KEYS, Some(written))?;
    let bad = |problem: String| PolicyError::BadRule { path: written.to_owned(), problem };
    template::is_template(written).map_err(|problem| bad(problem.to_owned()))?;
    let path = stored_path(written).map_err(bad)?;
    let terms = terms(block.body).map_err(|Problem(problem)| bad(problem))?;
    Ok(Rule { written: written.into(), path, line: block.at.line, terms: Arc::new(terms) })
}

/// What is wrong inside a block; the path is put before it.
struct Problem(String);

impl From<String> for Problem {
    fn from(problem: String) -> Problem {
        Problem(problem)
    }
}

impl From<HclError> for Problem {
    fn from(error: HclError) -> Problem {
        Problem(error.to_string())
    }
}

fn terms(body: &Body) -> Result<Terms, Problem> {
    let capabilities = capabilities(body)?;
    let limits = Limits {
        min_wrapping: wrapping_ttl(body, "min_wrapping_ttl")?,
        max_wrapping: wrapping_ttl(body, "max_wrapping_ttl")?,
        allowed: parameters(body, "allowed_parameters")?,
        denied: parameters(body, "denied_parameters")?,
        required: texts(body, "required_parameters")?,
        page: page(body)?,
        filter: filter(body, capabilities)?,
        mfa_methods: texts(body, "mfa_methods")?,
        control_groups: control_groups(body)?,
    };
    if let (Some(min), Some(max)) = (limits.min_wrapping, limits.max_wrapping)
        && max < min
    {
        return Err("max_wrapping_ttl cannot be less than min_wrapping_ttl".to_owned().into());
    }
    Ok(Terms { capabilities, limits, expiration: expiration(body)? })
}

/// `capabilities` together with what the older `policy = "…"` stands for. A deny leaves nothing else.
fn capabilities(body: &Body) -> Result<CapabilitySet, Problem> {
    let mut set = CapabilitySet::EMPTY;
    for name in texts(body, "capabilities")? {
        set.insert(Capability::named(&name).ok_or_else(|| format!("invalid capability {name:?}"))?);
    }
    if let Some(old) = text(body, "policy")?.filter(|old| !old.is_empty()) {
        use Capability::{Create, Delete, Deny, List, Read, Sudo, Update};
        let granted: &[Capability] = match old {
            "deny" => &[Deny],
            "read" => &[Read, List],
            "write" => &[Create, Read, Update, Delete, List],
            "sudo" => &[Create, Read, Update, Delete, List, Sudo],
            _ => return Err(format!("invalid policy {old:?}").into()),
        };
        granted.iter().for_each(|capability| set.insert(*capability));
    }
    Ok(if set.denies() { CapabilitySet::DENY } else { set })
}

fn wrapping_ttl(body: &Body, key: &str) -> Result<Option<Duration>, Problem> {
    let Some(value) = body.get(key) else { return Ok(None) };
    let ttl = duration::read(value).map_err(|problem| format!("{key}: {problem}"))?;
    Ok((ttl > Duration::ZERO).then_some(ttl))
}

fn parameters(body: &Body, key: &str) -> Result<Parameters, Problem> {
    let mut parameters = Parameters::default();
    for block in body.blocks(key, 0)? {
        for Item { keys, value, at } in &block.body.items {
            let (Kind::List(values), [name]) = (&value.kind, keys.as_slice()) else {
                return Err(format!("{key}: a parameter needs a list of values ({at})").into());
            };
            parameters.add(&name.text, values.iter().map(json));
        }
    }
    Ok(parameters)
}

fn page(body: &Body) -> Result<Option<u64>, Problem> {
    let Some(value) = body.get("pagination_limit") else { return Ok(None) };
    let number = match &value.kind {
        Kind::Integer(number) => u64::try_from(*number).ok(),
        Kind::String(text) => text.parse().ok(),
        _ => None,
    };
    let number = number.ok_or_else(|| format!("pagination_limit must be a whole number from 0 on ({})", value.at))?;
    Ok((number > 0).then_some(number))
}

fn filter(body: &Body, capabilities: CapabilitySet) -> Result<Option<Arc<ListFilter>>, Problem> {
    const KEY: &str = "list_scan_response_keys_filter_path";
    let Some(template) = text(body, KEY)?.filter(|template| !template.is_empty()) else { return Ok(None) };
    if capabilities.denies() {
        return Ok(None);
    }
    if !capabilities.contains(Capability::List) {
        return Err(format!("{KEY} needs to be used on a path with the list capability").into());
    }
    let filter = ListFilter::parse(template).map_err(|problem| format!("{KEY}: {problem}"))?;
    Ok(Some(Arc::new(filter)))
}

fn expiration(body: &Body) -> Result<Option<Timestamp>, Problem> {
    let Some(value) = body.get("expiration") else { return Ok(None) };
    let read = match &value.kind {
        Kind::Integer(seconds) => Timestamp::from_second(*seconds).ok(),
        Kind::String(text) if text.is_empty() => return Ok(None),
        Kind::String(text) => match text.parse::<i64>() {
            Ok(seconds) => Timestamp::from_second(seconds).ok(),
            Err(_) => text.parse().ok(),
        },
        _ => None,
    };
    let time = read.ok_or_else(|| {
        format!("invalid expiration time ({}): RFC 3339 such as \"2030-01-31T12:00:00Z\" or Unix seconds", value.at)
    })?;
    Ok(Some(time))
}

fn control_groups(body: &Body) -> Result<Vec<Arc<ControlGroup>>, Problem> {
    body.blocks("control_group", 0)?.iter().map(|block| control_group(block.body).map(Arc::new)).collect()
}

fn control_group(body: &Body) -> Result<ControlGroup, Problem> {
    refuse_unknown_inside(body, "control_group", &["ttl", "self_auth_allowed", "factor"])?;
    let ttl = body.get("ttl").map_or(Ok(Duration::ZERO), duration::read);
    let ttl = ttl.map_err(|problem| format!("control_group ttl: {problem}"))?;
    let self_auth_allowed = match body.get("self_auth_allowed") {
        None => false,
        Some(value) => value.as_bool().ok_or("control_group self_auth_allowed must be true or false".to_owned())?,
    };
    let factors = body.blocks("factor", 1)?.iter().map(factor).collect::<Result<_, _>>()?;
    Ok(ControlGroup { ttl, self_auth_allowed, factors })
}

fn factor(block: &Block<'_>) -> Result<Factor, Problem> {
    let name = block.labels[0].text.clone();
    refuse_unknown_inside(block.body, "factor", &["controlled_capabilities", "identity"])?;
    let operation = |name: String| {
        operation_named(&name).ok_or_else(|| Problem(format!("control_group factor: invalid capability {name:?}")))
    };
    let controlled = texts(block.body, "controlled_capabilities")?;
    let controlled = controlled.into_iter().map(operation).collect::<Result<_, _>>()?;
    let mut factor = Factor { name, controlled, group_names: Vec::new(), group_ids: Vec::new(), approvals: 0 };
    for identity in block.body.blocks("identity", 0)? {
        refuse_unknown_inside(identity.body, "identity", &["group_names", "group_ids", "approvals"])?;
        factor.group_names.extend(texts(identity.body, "group_names")?);
        factor.group_ids.extend(texts(identity.body, "group_ids")?);
        if let Some(value) = identity.body.get("approvals") {
            let approvals = value.as_integer().and_then(|number| u32::try_from(number).ok());
            factor.approvals = approvals.ok_or("approvals must be a whole number".to_owned())?;
        }
    }
    Ok(factor)
}

fn operation_named(name: &str) -> Option<Operation> {
    Some(match name {
        "create" => Operation::Create,
        "read" => Operation::Read,
        "update" => Operation::Update,
        "patch" => Operation::Patch,
        "delete" => Operation::Delete,
        "list" => Operation::List,
        "scan" => Operation::Scan,
        _ => return None,
    })
}

fn text<'a>(body: &'a Body, key: &str) -> Result<Option<&'a str>, Problem> {
    let Some(value) = body.get(key) else { return Ok(None) };
    let text = value.as_str();
    text.map(Some).ok_or_else(|| format!("{key} must be a text, not {} ({})", value.describe(), value.at).into())
}

/// A list of texts. Where the key is repeated the lists add up.
fn texts(body: &Body, key: &str) -> Result<Vec<String>, Problem> {
    let mut texts = Vec::new();
    for value in body.values(key) {
        let list = value.as_list().ok_or_else(|| wrong_list(key, value))?;
        for entry in list {
            texts.push(entry.as_str().ok_or_else(|| wrong_list(key, entry))?.to_owned());
        }
    }
    Ok(texts)
}

fn wrong_list(key: &str, value: &Value) -> Problem {
    format!("{key} must be a list of texts, not {} ({})", value.describe(), value.at).into()
}

/// A parameter value as a request would carry it. The depth is bounded by that of the text.
fn json(value: &Value) -> serde_json::Value {
    match &value.kind {
        Kind::Null => serde_json::Value::Null,
        Kind::String(text) => text.clone().into(),
        Kind::Integer(number) => (*number).into(),
        Kind::Float(number) => (*number).into(),
        Kind::Bool(truth) => (*truth).into(),
        Kind::List(values) => values.iter().map(json).collect(),
        Kind::Object(body) => {
            let members = body.items.iter().map(|item| (item.keys[0].text.clone(), json(&item.value)));
            serde_json::Value::Object(members.collect())
        }
    }
}

fn refuse_unknown(body: &Body, known: &[&str], path: Option<&str>) -> Result<(), PolicyError> {
    match body.unknown(known).next() {
        None => Ok(()),
        Some(unknown) => Err(PolicyError::UnknownKey {
            path: path.map(str::to_owned),
            key: unknown.key.to_owned(),
            at: unknown.at,
            nearest: unknown.nearest.map(str::to_owned),
        }),
    }
}

fn refuse_unknown_inside(body: &Body, block: &str, known: &[&str]) -> Result<(), Problem> {
    match body.unknown(known).next() {
        None => Ok(()),
        Some(unknown) => Err(format!("{block}: invalid key {:?} at {}", unknown.key, unknown.at).into()),
    }
}

const TOP_KEYS: [&str; 2] = ["name", "path"];

/// `comment` and `subscribe_event_types` are read over: nothing here depends on them.
const RULE_KEYS: [&str; 14] = [
    "capabilities",
    "policy",
    "allowed_parameters",
    "denied_parameters",
    "required_parameters",
    "min_wrapping_ttl",
    "max_wrapping_ttl",
    "expiration",
    "list_scan_response_keys_filter_path",
    "pagination_limit",
    "mfa_methods",
    "control_group",
    "comment",
    "subscribe_event_types",
];
