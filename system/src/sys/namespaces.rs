//! `sys/namespaces`, `sys/namespaces/:path`: those right below the namespace of the request.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use holdfast_core::lifecycle::Node;
use holdfast_core::namespace::{NamespaceRecord, NewNamespace, NewTenant, Refused};
use holdfast_core::space;
use schemars::JsonSchema;
use sdk::{
    Answer, Ctx, Failure, Input, Keys, Map, Namespace, Outcome, Output, Page, Path, Reply, Result, Txn, Value, Verb,
    View, Work,
};
use serde::Serialize;

use super::namespaces_seal::Shares;
use super::namespaces_seal_config;
use super::once::once;

const SEAL_STAYS: &str = "cannot modify existing namespace seal config";

/// How many are shown at once of all that lie below.
const SCANNED_MAX: usize = 10_000;

#[derive(Input)]
struct List {
    #[field(flatten)]
    page: Page,
}

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Named {
    /// The namespace's name.
    path: String,
}

#[derive(Input)]
struct Write {
    /// The namespace's name.
    path: String,
    /// Text by name, shown with the namespace.
    custom_metadata: Option<Map<String, Value>>,
    /// A seal of its own, as HCL or JSON: `seal "shamir" { shares = 5 threshold = 3 }`, or that of a key service. Only when it is
    /// made.
    seal: String,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Shown {
    /// Behind the point of its tokens and accessors.
    id: String,
    uuid: String,
    /// From the root.
    path: String,
    custom_metadata: BTreeMap<String, String>,
    /// Whether its own API is locked.
    locked: bool,
    /// Whether it is being removed.
    tainted: bool,
    #[serde(flatten)]
    shares: Option<Shares>,
}

/// What becomes of a removal: it goes on behind the answer.
#[derive(Serialize, JsonSchema)]
pub(super) struct Removing {
    status: &'static str,
}

impl Removing {
    pub(super) const STARTED: Self = Self { status: "in-progress" };
}

impl Shown {
    pub(super) fn new(above: &Namespace, record: &NamespaceRecord) -> Self {
        Self {
            id: record.id.as_str().to_owned(),
            uuid: record.uuid.clone(),
            path: format!("{}{}/", above.path, record.name),
            custom_metadata: record.custom_metadata.clone(),
            locked: record.is_locked(),
            tainted: record.doomed,
            shares: None,
        }
    }
}

pub fn list(node: &Arc<Node>) -> Path {
    let (lists, scans) = (Arc::clone(node), Arc::clone(node));
    Path::new("namespaces/?")
        .help("Lists the namespaces below.", "Those right below the namespace of the request, or all that lie in it.")
        .view(Verb::List, move |ctx: &Ctx, List { page }: List, view: &View| {
            let mut infos = Infos::default();
            for name in lists.namespaces.names(view, page.after(), page.limit())? {
                if let Some(record) = lists.namespaces.get(view, &name)? {
                    infos.add(format!("{name}/"), ctx.namespace, &record)?;
                }
            }
            infos.reply()
        })
        .view(Verb::Scan, move |ctx: &Ctx, Nothing {}: Nothing, view: &View| scan(&scans, ctx, view))
}

pub fn one(node: &Arc<Node>) -> Path {
    let (reads, writes, patches, deletes) = (Arc::clone(node), Arc::clone(node), Arc::clone(node), Arc::clone(node));
    let prepares = Arc::clone(node);
    Path::new("namespaces/:path+")
        .ids([
            (Verb::Read, "namespaces-read"),
            (Verb::Write, "namespaces-write"),
            (Verb::Patch, "namespaces-patch"),
            (Verb::Delete, "namespaces-delete"),
        ])
        .answers(Verb::Delete, Outcome::data::<Removing>())
        .help(
            "Makes, changes and removes namespaces.",
            "A namespace has mounts, policies, tokens and identities of its own, which nobody outside can see or guess. \
             Removing one ends all of them.",
        )
        .view(Verb::Read, move |ctx: &Ctx, named: Named, view: &View| {
            let name = name(&reads, &named.path)?;
            let record = reads.namespaces.get(view, name)?.ok_or(Failure::NotFound)?;
            Reply::data(Shown::new(ctx.namespace, &record))
        })
        .slow(
            Verb::Write,
            move |ctx: &Ctx, input: Write, view: &View| prepare(&prepares, ctx, &input, view),
            move |ctx: &Ctx, input: Write, made: &Option<NewTenant>, txn: &mut Txn| {
                write(&writes, ctx, input, made.as_ref(), txn)
            },
        )
        .txn(Verb::Patch, move |ctx: &Ctx, input: Write, txn: &mut Txn| patch(&patches, ctx, input, txn))
        .txn(Verb::Delete, move |ctx: &Ctx, named: Named, txn: &mut Txn| {
            let Some(record) = deletes.namespaces.get_for_update(txn, name(&deletes, &named.path)?)? else {
                return Ok(Answer::null().warn("requested namespace does not exist"));
            };
            if !record.doomed {
                if record.is_sealed() {
                    return Err(Failure::invalid("namespace is sealed: unseal it first, or use delete-sealed"));
                }
                if !deletes.namespaces.is_open(&record) {
                    return Err(Failure::NamespaceSealed(record.id.keyring().to_owned()));
                }
                deletes.namespaces.doom(txn, ctx.namespace, record).map_err(refused)?;
            }
            Ok(Reply::data(Removing::STARTED)?.into_answer())
        })
}

/// The name that a path has. One that nothing can have is refused.
pub(super) fn name<'a>(node: &Node, path: &'a str) -> Result<&'a str> {
    let name = path.trim_end_matches('/');
    node.namespaces.check_name(name).map_err(refused)?;
    Ok(name)
}

pub(super) fn refused(refused: Refused) -> Failure {
    match refused {
        Refused::Invalid(text) => Failure::Invalid(text),
        Refused::Unavailable(text) => Failure::Unavailable(text),
        Refused::Access(access) => access.into(),
    }
}

/// Has a key service wrap the keys of a namespace that is to be made, if it says one.
fn prepare(node: &Arc<Node>, ctx: &Ctx, input: &Write, view: &View) -> Result<Work<Option<NewTenant>>> {
    let name = name(node, &input.path)?;
    if input.seal.is_empty() || node.namespaces.get(view, name)?.is_some() {
        return Ok(Work::Done(None));
    }
    let Some(service) = namespaces_seal_config::parse(&input.seal)?.service else { return Ok(Work::Done(None)) };
    let (node, above, name, now) = (Arc::clone(node), ctx.namespace.clone(), name.to_owned(), ctx.now);
    Ok(Work::Waits(Box::pin(
        async move { node.new_tenant(&above, &name, service, now).await.map(Some).map_err(refused) },
    )))
}

fn write(
    node: &Arc<Node>,
    ctx: &Ctx,
    input: Write,
    by_service: Option<&NewTenant>,
    txn: &mut Txn,
) -> Result<Reply<Shown>> {
    let name = name(node, &input.path)?;
    let custom_metadata = texts(input.custom_metadata.unwrap_or_default())?;
    let mut begins_open = None;
    let shown = match node.namespaces.get_for_update(txn, name)? {
        Some(record) if record.doomed => {
            return Err(Failure::invalid("namespace with that name exists and is currently being deleted"));
        }
        Some(mut record) => {
            if !input.seal.is_empty() {
                return Err(Failure::invalid(SEAL_STAYS));
            }
            record.custom_metadata = custom_metadata;
            node.namespaces.update(txn, &record).map_err(refused)?;
            Shown::new(ctx.namespace, &record)
        }
        None => {
            let asked = Some(input.seal.as_str()).filter(|seal| !seal.is_empty());
            let asked = asked.map(namespaces_seal_config::parse).transpose()?;
            if asked.as_ref().is_some_and(|asked| asked.service.is_some()) && by_service.is_none() {
                return Err(Failure::invalid("the namespace was there a moment ago; try again"));
            }
            let seal = asked.map(|asked| asked.shares);
            let new = NewNamespace { above: ctx.namespace, name, custom_metadata, seal, by_service, now: ctx.now };
            let made = node.namespaces.create(&node.mounts, &node.policies, txn, new).map_err(refused)?;
            let shares = made.shares.as_ref().map(Shares::new);
            begins_open = by_service.map(|_| made.record.id.clone());
            Shown { shares, ..Shown::new(ctx.namespace, &made.record) }
        }
    };
    let once_shown = shown.shares.is_some();
    let reply = Reply::data(shown)?.with(|answer| if once_shown { answer.shown_once() } else { answer });
    let Some(id) = begins_open else { return Ok(reply) };
    // It is open as one that was unsealed is: so that it stays so without this node.
    let spread = once(node, id, |node, id, _| async move {
        Ok(Answer::empty().warned(node.spread_tenant(&id).await.into_iter().collect()))
    });
    Ok(reply.with(|answer| answer.then(spread)))
}

fn patch(node: &Node, ctx: &Ctx, input: Write, txn: &mut Txn) -> Result<Reply<Shown>> {
    ctx.check_merge_patch()?;
    if !input.seal.is_empty() {
        return Err(Failure::invalid(SEAL_STAYS));
    }
    let changes =
        input.custom_metadata.ok_or_else(|| Failure::invalid("missing required field \"custom_metadata\""))?;
    let found = node.namespaces.get_for_update(txn, name(node, &input.path)?)?.filter(|record| !record.doomed);
    let mut record = found.ok_or_else(|| Failure::invalid("namespace not found"))?;
    for (key, value) in changes {
        match value {
            Value::Null => {
                record.custom_metadata.remove(&key);
            }
            Value::String(text) => {
                record.custom_metadata.insert(key, text);
            }
            _ => {
                let text = format!("metadata patch can only have string or null values; {key:?} has another one");
                return Err(Failure::Invalid(text));
            }
        }
    }
    node.namespaces.update(txn, &record).map_err(refused)?;
    Reply::data(Shown::new(ctx.namespace, &record))
}

fn texts(given: Map<String, Value>) -> Result<BTreeMap<String, String>> {
    let text = |(key, value)| match value {
        Value::String(text) => Ok((key, text)),
        _ => Err(Failure::Invalid(format!("custom_metadata values must be strings; that of {key:?} is none"))),
    };
    given.into_iter().map(text).collect()
}

/// All that lie in the namespace, by their paths from it.
fn scan(node: &Node, ctx: &Ctx, view: &View) -> Result<Reply<Scanned>> {
    let mut infos = Infos::default();
    let mut open = VecDeque::from([ctx.namespace.clone()]);
    while let Some(above) = open.pop_front() {
        let records = view.elsewhere(space::records(&above.id));
        let left = SCANNED_MAX - infos.0.len();
        for name in node.namespaces.names(&records, None, left)? {
            let Some(record) = node.namespaces.get(&records, &name)? else { continue };
            let inner = Namespace { id: record.id.clone(), path: format!("{}{name}/", above.path) };
            infos.add(ctx.namespace.way_to(&inner).unwrap_or_default().to_owned(), &above, &record)?;
            // What lies in a sealed one cannot be read; what lies in one that is being removed is nothing.
            if !record.doomed && node.namespaces.is_open(&record) {
                open.push_back(inner);
            }
        }
        if infos.0.len() >= SCANNED_MAX {
            let text = format!("there may be more: {SCANNED_MAX} namespaces are shown at most");
            return Ok(Reply::data(Scanned::of(infos))?.warn(text));
        }
    }
    Reply::data(Scanned::of(infos))
}

/// Nothing at all where nothing lies below.
#[derive(Serialize, JsonSchema)]
struct Scanned {
    /// Ways from the namespace of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_info: Option<Map<String, Value>>,
}

impl Scanned {
    fn of(infos: Infos) -> Self {
        let keys = infos.0.keys().cloned().collect();
        let some = !infos.0.is_empty();
        Self { keys: some.then_some(keys), key_info: some.then_some(infos.0) }
    }
}

#[derive(Default)]
struct Infos(Map<String, Value>);

impl Infos {
    fn add(&mut self, path: String, above: &Namespace, record: &NamespaceRecord) -> Result<()> {
        let shown = serde_json::to_value(Shown::new(above, record)).map_err(Failure::internal)?;
        self.0.insert(path, shown);
        Ok(())
    }

    fn reply(self) -> Result<Reply<Keys>> {
        if self.0.is_empty() {
            return Err(Failure::NotFound);
        }
        Reply::data(Keys { keys: self.0.keys().cloned().collect(), key_info: Some(self.0) })
    }
}
