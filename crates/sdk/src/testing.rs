//! One mount of a plugin on an in-memory store: a plugin's tests in milliseconds, without a server.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value};
use storage::{
    Access, Clear, CommitError, Latches, MemoryStore, Millis, OpenStore, Path as StorePath, PathKey, RequestId, Term,
    TxnState, View,
};

use crate::{Answer, Body, Ctx, Failure, Handler, MountInfo, Namespace, Other, Plugin, Result, Verb};

pub struct Bench {
    plugin: Arc<dyn Plugin>,
    pub mount: MountInfo,
    store: OpenStore,
    latches: Arc<Latches>,
    /// Move it to let time pass.
    pub now: Millis,
    pub content_type: &'static str,
    /// The other mount that operations touch.
    pub other: Option<Other>,
    /// Where requests come from.
    pub remote: Option<IpAddr>,
    ids: AtomicU64,
}

impl Bench {
    pub fn new(plugin: impl Plugin + 'static, options: &[(&str, &str)]) -> Self {
        let options: BTreeMap<_, _> = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let kind = plugin.types()[0];
        let options = plugin.options(kind, options).expect("a test mounts with options that the plugin accepts");
        let mount = MountInfo {
            path: "m/".into(),
            kind: kind.into(),
            accessor: format!("{kind}_00000000"),
            uuid: "uuid".into(),
            options,
            default_lease_ttl: Duration::from_secs(2_764_800),
            max_lease_ttl: Duration::from_secs(2_764_800),
        };
        Self {
            plugin: Arc::new(plugin),
            mount,
            store: OpenStore::new(Arc::new(MemoryStore::default()), Arc::new(Clear)),
            latches: Latches::new(),
            now: Millis(1_700_000_000_000),
            content_type: "application/json",
            other: None,
            remote: None,
            ids: AtomicU64::new(0),
        }
    }

    /// A mount of the same plugin beside this one, which [`other`](Self::other) may be.
    pub fn beside(&self, path: &str) -> Other {
        let folder = StorePath::root(storage::Class::Replicated).join(&PathKey::kind("beside").plain(path));
        Other::new(MountInfo { path: path.into(), ..self.mount.clone() }, folder)
    }

    pub async fn read(&mut self, path: &str) -> Result<Answer> {
        self.call(Verb::Read, path, Value::Null).await
    }

    pub async fn write(&mut self, path: &str, body: Value) -> Result<Answer> {
        self.call(Verb::Write, path, body).await
    }

    pub async fn list(&mut self, path: &str) -> Result<Vec<String>> {
        let data = data(self.call(Verb::List, path, Value::Null).await?);
        let keys = data["keys"].as_array().cloned().unwrap_or_default();
        Ok(keys.iter().map(|k| k.as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Whether a write to the path would be an update; `None` where the path does not tell.
    pub fn exists(&self, path: &str) -> Result<Option<bool>> {
        let matched = self.plugin.backend(&self.mount).find(path).ok_or(Failure::NoSuch("unsupported path".into()))?;
        let snapshot = self.store.snapshot().map_err(Failure::internal)?;
        matched.exists(&self.ctx(path, &Namespace::root()), &matched.params(Map::new()), &View::new(snapshot, space()))
    }

    /// What the pipeline does with a request after it was let through.
    pub async fn call(&mut self, verb: Verb, path: &str, body: Value) -> Result<Answer> {
        let body = match body {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let plugin = Arc::clone(&self.plugin);
        let matched = plugin.backend(&self.mount).find(path).ok_or(Failure::NoSuch("unsupported path".into()))?;
        let operation = matched.operation(verb)?;
        let params = matched.params(body);
        let root = Namespace::root();
        let ctx = self.ctx(path, &root);
        let space = space();
        let snapshot = self.store.snapshot().map_err(Failure::internal)?;
        let mut answer = match &operation.handler {
            Handler::View(run) => run(&ctx, &params, &View::new(snapshot, space))?,
            Handler::Upsert(upsert) => {
                let view = View::new(snapshot.clone(), space);
                match matched.exists(&ctx, &params, &view)? {
                    Some(false) => self.transact(snapshot, |txn| (upsert.missing)(&ctx, &params, txn)).await?,
                    _ => (upsert.there)(&ctx, &params, &view)?,
                }
            }
            Handler::Txn(run) => self.transact(snapshot, |txn| run(&ctx, &params, txn)).await?,
            Handler::Slow(slow) => {
                let prepared = match (slow.prepare)(&ctx, &params, &View::new(snapshot.clone(), space.clone()))? {
                    crate::Work::Done(done) => done,
                    crate::Work::Slow(work) => work()?,
                    crate::Work::Waits(work) => work.await?,
                };
                self.transact(snapshot, |txn| (slow.finish)(&ctx, &params, &prepared, txn)).await?
            }
            Handler::Act(act) => act.act(&params, std::time::Instant::now() + Duration::from_secs(5)).await?,
            Handler::Batch(_) => return Err(Failure::internal("other operations are not at hand here")),
            Handler::Node => return Err(Failure::Unsupported),
        };
        answer.warnings.extend(operation.warnings(&params));
        Ok(answer)
    }

    /// Whether a login that has waited would be one still.
    pub fn stands(&self, login: &crate::Login) -> Result<bool> {
        let snapshot = self.store.snapshot().map_err(Failure::internal)?;
        let mut state = TxnState::new(snapshot, self.latches.begin());
        self.plugin.stands(&self.ctx("", &Namespace::root()), login, &state.at(space()))
    }

    /// Has the mount do what is due by now, as often as something is. How often that was.
    pub async fn do_due(&mut self) -> Result<usize> {
        let plugin = Arc::clone(&self.plugin);
        for count in 0.. {
            let snapshot = self.store.snapshot().map_err(Failure::internal)?;
            let Some(chore) = plugin.due(&View::new(snapshot.clone(), space()), self.now)? else { return Ok(count) };
            let finish = chore()?;
            self.transact(snapshot, |txn| finish(txn).map(|()| Answer::empty())).await?;
        }
        Ok(usize::MAX)
    }

    async fn transact(
        &self,
        snapshot: storage::OpenSnapshot,
        run: impl FnOnce(&mut storage::Txn) -> Result<Answer>,
    ) -> Result<Answer> {
        let mut state = TxnState::new(snapshot, self.latches.begin());
        let answer = run(&mut state.at(space()))?;
        let (batch, _latches) = state.finish();
        let id = RequestId { applied: self.ids.fetch_add(1, Ordering::Relaxed), random: [0; 16] };
        let batch = self.store.seal(id, self.now, batch).map_err(Access::from)?;
        self.store.commit(Term(1), batch).await.map_err(|e| match e {
            CommitError::TooLarge { .. } => Failure::TooLarge(e.to_string()),
            other => Failure::internal(other),
        })?;
        Ok(answer)
    }

    fn ctx<'a>(&'a self, path: &'a str, namespace: &'a Namespace) -> Ctx<'a> {
        Ctx {
            namespace,
            mount: &self.mount,
            path,
            other: self.other.as_ref(),
            caller: None,
            remote: self.remote,
            now: self.now,
            wraps: false,
            content_type: self.content_type,
            authorization: &NOTHING_SAID,
        }
    }
}

static NOTHING_SAID: crate::Authorization = crate::Authorization { bearer: false, basic: None };

/// The mount's folder.
fn space() -> StorePath {
    StorePath::root(storage::Class::Replicated).join(&PathKey::kind("mount"))
}

/// The `data` of an answer; empty if it has none.
pub fn data(answer: Answer) -> Map<String, Value> {
    match answer.body {
        Body::Data(data) | Body::Mirrored(data) | Body::Bare(data) => data,
        Body::Empty | Body::Null | Body::Raw { .. } | Body::Stream { .. } => Map::new(),
    }
}

#[cfg(test)]
mod tests;
