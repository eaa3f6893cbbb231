//! Declaring operations: paths, verbs, handlers, and finding the one that a request means.

use std::any::Any;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use storage::{Txn, View};

use crate::pattern::Pattern;
use crate::{
    Answer, BatchAnswer, Ctx, Failure, FieldSpec, Input, Outcome, Output, Params, Reply, Result, Step, Touches,
};

/// What is done to a path. A write is a create or an update, told apart by [`Path::exists`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Verb {
    Read,
    Write,
    Patch,
    Delete,
    List,
    Scan,
}

type ViewFn = dyn Fn(&Ctx, &Params, &View) -> Result<Answer> + Send + Sync;
type TxnFn = dyn Fn(&Ctx, &Params, &mut Txn) -> Result<Answer> + Send + Sync;
type RoleFn = dyn Fn(&Ctx, &Params, &View) -> Result<Option<String>> + Send + Sync;
type StepsFn = dyn Fn(&Params) -> Result<Vec<Step>> + Send + Sync;
type TouchesFn = dyn Fn(&Params) -> Result<Touches> + Send + Sync;
type ExistsFn = dyn Fn(&Ctx, &Params, &View) -> Result<bool> + Send + Sync;

/// An effect on the node or the cluster: sealing, giving leadership away. Runs on the active node, once, after
/// authorization, and waits no longer than its deadline.
#[async_trait::async_trait]
pub trait Act: Send + Sync {
    async fn act(&self, params: &Params, deadline: Instant) -> Result<Answer>;

    /// Runs on the node that got the request, not on the active one.
    fn here(&self) -> bool {
        false
    }

    /// Changes nothing, so it may run again and need not be written down as begun.
    fn only_looks(&self) -> bool {
        false
    }
}

/// What has to be done before a transaction and needs no store.
pub enum Work<T> {
    Done(T),
    /// Takes a processor for long: one of a few threads does it.
    Slow(Box<dyn FnOnce() -> Result<T> + Send>),
    /// Waits for somebody else: until the request's deadline at most.
    Waits(Waiting<T>),
}

/// Somebody else's work.
pub type Waiting<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// What work came to; shared, as the transaction behind it may run again.
pub type Prepared = Arc<dyn Any + Send + Sync>;

type PrepareFn = dyn Fn(&Ctx, &Params, &View) -> Result<Work<Prepared>> + Send + Sync;
type FinishFn = dyn Fn(&Ctx, &Params, &Prepared, &mut Txn) -> Result<Answer> + Send + Sync;

/// Work, then a transaction. What the work was given may have changed meanwhile: the transaction looks again.
pub struct Slow {
    pub prepare: Box<PrepareFn>,
    pub finish: Box<FinishFn>,
}

/// A write that changes nothing where its path exists, and creates what it needs where it does not.
pub struct Upsert {
    pub there: Box<ViewFn>,
    pub missing: Box<TxnFn>,
}

#[derive(Clone)]
pub enum Handler {
    /// Cannot write: runs wherever reads are served.
    View(Arc<ViewFn>),
    /// A view for an update, a transaction for a create: [`Path::exists`] tells which it is.
    Upsert(Arc<Upsert>),
    /// Runs on the active node, possibly more than once, and commits as one batch.
    Txn(Arc<TxnFn>),
    Slow(Arc<Slow>),
    Act(Arc<dyn Act>),
    /// Other operations, all in one transaction or none.
    Batch(Arc<StepsFn>),
    /// Answered by the node before anything of a request is authorized, sealed or not: it is declared to be described.
    Node,
}

#[derive(Clone)]
pub struct Operation {
    pub handler: Handler,
    pub fields: Vec<FieldSpec>,
    pub arbitrary: bool,
    /// As far as the handler's type says it.
    outcome: Option<Outcome>,
}

/// What becomes of a path where the cluster is the secondary of another one, which serves almost nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnSecondary {
    #[default]
    Refused,
    /// It is there for everybody.
    Open,
    /// It takes an operation token in the place of any other.
    ByOperationToken,
}

/// One path pattern and what can be done there.
#[derive(Clone)]
pub struct Path {
    pub pattern: Pattern,
    pub help: &'static str,
    pub description: &'static str,
    pub operations: BTreeMap<Verb, Operation>,
    /// What generated clients call the operations.
    pub ids: Vec<(Verb, &'static str)>,
    answers: BTreeMap<Verb, Outcome>,
    exists: Option<Arc<ExistsFn>>,
    role: Option<Arc<RoleFn>>,
    touches: Option<Arc<TouchesFn>>,
    /// Needs no token.
    pub open: bool,
    /// Needs no token, but one that is brought has to count.
    pub no_dead_tokens: bool,
    /// Whoever has no token that was made for it is nobody here, and the operation itself says what they are told.
    pub bearer: bool,
    /// Needs no token where the listener that the request came in by opens this door.
    pub door: Option<&'static str>,
    /// A login, and the parameter that names who wants to.
    pub login: Option<&'static str>,
    /// What a caller is told whose token does not count, where "permission denied" would say too little.
    pub dead_token: Option<&'static str>,
    /// Needs the `sudo` capability besides.
    pub sudo: bool,
    pub on_secondary: OnSecondary,
    /// There is nothing to do here but on a secondary.
    pub secondary_only: bool,
    /// The root namespace alone has it.
    pub root_only: bool,
}

impl Path {
    pub fn new(pattern: &'static str) -> Self {
        Self {
            pattern: Pattern::new(pattern),
            help: "",
            description: "",
            operations: BTreeMap::new(),
            ids: Vec::new(),
            answers: BTreeMap::new(),
            exists: None,
            role: None,
            touches: None,
            open: false,
            no_dead_tokens: false,
            bearer: false,
            door: None,
            login: None,
            dead_token: None,
            sudo: false,
            on_secondary: OnSecondary::Refused,
            secondary_only: false,
            root_only: false,
        }
    }

    /// A line of help, and a paragraph.
    #[must_use]
    pub fn help(mut self, help: &'static str, description: &'static str) -> Self {
        (self.help, self.description) = (help, description);
        self
    }

    /// What generated clients call the operations, where that does not follow from the path.
    #[must_use]
    pub fn ids<const N: usize>(mut self, ids: [(Verb, &'static str); N]) -> Self {
        self.ids.extend(ids);
        self
    }

    /// What an operation answers, where its handler's type does not say it.
    #[must_use]
    pub fn answers(mut self, verb: Verb, outcome: Outcome) -> Self {
        self.answers.insert(verb, outcome);
        self
    }

    /// What the operation answers. `None`: it is not said.
    pub fn outcome(&self, verb: Verb) -> Option<Outcome> {
        let declared = self.answers.get(&verb).copied();
        declared.or_else(|| self.operations.get(&verb)?.outcome).or(match verb {
            Verb::Write if self.login.is_some() => Some(Outcome::auth()),
            Verb::Write | Verb::Patch | Verb::Delete => Some(Outcome::EMPTY),
            Verb::List | Verb::Scan => Some(Outcome::keys()),
            Verb::Read => None,
        })
    }

    /// Whether it tells a create from an update.
    pub fn tells_creates(&self) -> bool {
        self.exists.is_some()
    }

    #[must_use]
    pub fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// Needs no token; who brings one that does not count is refused all the same.
    #[must_use]
    pub fn open_without_token(mut self) -> Self {
        (self.open, self.no_dead_tokens) = (true, true);
        self
    }

    /// Refuses by itself whoever has no token for it, as OAuth has it: with 401, in words of its own.
    #[must_use]
    pub fn bearer(mut self) -> Self {
        self.bearer = true;
        self
    }

    /// Needs no token where the configuration says so, under this name.
    #[must_use]
    pub fn open_by(mut self, door: &'static str) -> Self {
        self.door = Some(door);
        self
    }

    /// Needs no token, and may give one. `alias` is the parameter that names the caller: failures are counted by it.
    #[must_use]
    pub fn login(mut self, alias: &'static str) -> Self {
        (self.open, self.login) = (true, Some(alias));
        self
    }

    /// Answers a token that does not count with 400 and this text.
    #[must_use]
    pub fn dead_token(mut self, text: &'static str) -> Self {
        self.dead_token = Some(text);
        self
    }

    #[must_use]
    pub fn sudo(mut self) -> Self {
        self.sudo = true;
        self
    }

    /// What becomes of it on a secondary.
    #[must_use]
    pub fn on_secondary(mut self, on_secondary: OnSecondary) -> Self {
        self.on_secondary = on_secondary;
        self
    }

    /// Refused where the cluster is no secondary.
    #[must_use]
    /// Concerns the whole cluster: it is not there in other namespaces than the root.
    pub fn root_only(mut self) -> Self {
        self.root_only = true;
        self
    }

    pub fn secondary_only(mut self, on_secondary: OnSecondary) -> Self {
        (self.open, self.secondary_only) = (true, true);
        self.on_secondary(on_secondary)
    }

    #[must_use]
    pub fn view<I, O, F>(self, verb: Verb, handler: F) -> Self
    where
        I: Input + 'static,
        O: Output + 'static,
        F: Fn(&Ctx, I, &View) -> Result<O> + Send + Sync + 'static,
    {
        let run = move |ctx: &Ctx, params: &Params, view: &View| {
            handler(ctx, I::parse(params)?, view).map(Output::into_answer)
        };
        self.saying::<I, O>(verb, Handler::View(Arc::new(run)))
    }

    #[must_use]
    pub fn txn<I, O, F>(self, verb: Verb, handler: F) -> Self
    where
        I: Input + 'static,
        O: Output + 'static,
        F: Fn(&Ctx, I, &mut Txn) -> Result<O> + Send + Sync + 'static,
    {
        let run = move |ctx: &Ctx, params: &Params, txn: &mut Txn| {
            handler(ctx, I::parse(params)?, txn).map(Output::into_answer)
        };
        self.saying::<I, O>(verb, Handler::Txn(Arc::new(run)))
    }

    /// A view where the path [exists](Self::exists), and a transaction where it does not.
    #[must_use]
    pub fn upsert<I, O, F, G>(self, verb: Verb, there: F, missing: G) -> Self
    where
        I: Input + 'static,
        O: Output + 'static,
        F: Fn(&Ctx, I, &View) -> Result<O> + Send + Sync + 'static,
        G: Fn(&Ctx, I, &mut Txn) -> Result<O> + Send + Sync + 'static,
    {
        let there =
            move |ctx: &Ctx, params: &Params, view: &View| there(ctx, I::parse(params)?, view).map(Output::into_answer);
        let missing = move |ctx: &Ctx, params: &Params, txn: &mut Txn| {
            missing(ctx, I::parse(params)?, txn).map(Output::into_answer)
        };
        let upsert = Upsert { there: Box::new(there), missing: Box::new(missing) };
        self.saying::<I, O>(verb, Handler::Upsert(Arc::new(upsert)))
    }

    /// A transaction with [`Work`] before it.
    #[must_use]
    pub fn slow<I, T, O, P, F>(self, verb: Verb, prepare: P, finish: F) -> Self
    where
        I: Input + 'static,
        T: Send + Sync + 'static,
        O: Output + 'static,
        P: Fn(&Ctx, I, &View) -> Result<Work<T>> + Send + Sync + 'static,
        F: Fn(&Ctx, I, &T, &mut Txn) -> Result<O> + Send + Sync + 'static,
    {
        let prepare = move |ctx: &Ctx, params: &Params, view: &View| {
            Ok(match prepare(ctx, I::parse(params)?, view)? {
                Work::Done(done) => Work::Done(Arc::new(done) as Prepared),
                Work::Slow(work) => Work::Slow(Box::new(move || Ok(Arc::new(work()?) as Prepared))),
                Work::Waits(work) => Work::Waits(Box::pin(async move { Ok(Arc::new(work.await?) as Prepared) })),
            })
        };
        let finish = move |ctx: &Ctx, params: &Params, prepared: &Prepared, txn: &mut Txn| {
            // What the same path's `prepare` made.
            let done = prepared.downcast_ref::<T>().ok_or_else(|| Failure::internal("work of another operation"))?;
            finish(ctx, I::parse(params)?, done, txn).map(Output::into_answer)
        };
        let slow = Slow { prepare: Box::new(prepare), finish: Box::new(finish) };
        self.saying::<I, O>(verb, Handler::Slow(Arc::new(slow)))
    }

    #[must_use]
    pub fn act<I: Input>(self, verb: Verb, act: impl Act + 'static) -> Self {
        self.with::<I>(verb, Handler::Act(Arc::new(act)))
    }

    /// Says which operations the request consists of.
    #[must_use]
    pub fn batch<I, F>(self, verb: Verb, steps: F) -> Self
    where
        I: Input + 'static,
        F: Fn(I) -> Result<Vec<Step>> + Send + Sync + 'static,
    {
        let steps = move |params: &Params| steps(I::parse(params)?);
        self.saying::<I, Reply<BatchAnswer>>(verb, Handler::Batch(Arc::new(steps)))
    }

    /// What the node answers by itself, described here.
    #[must_use]
    pub fn node<I: Input, O: Output>(self, verb: Verb) -> Self {
        self.saying::<I, O>(verb, Handler::Node)
    }

    /// Tells a create from an update. Without it every write is an update.
    #[must_use]
    pub fn exists<I, F>(mut self, check: F) -> Self
    where
        I: Input + 'static,
        F: Fn(&Ctx, I, &View) -> Result<bool> + Send + Sync + 'static,
    {
        self.exists = Some(Arc::new(move |ctx, params, view| check(ctx, I::parse(params)?, view)));
        self
    }

    /// Of a login: tells by which role of the method it is, for quotas that hold for one.
    #[must_use]
    pub fn role<I, F>(mut self, tell: F) -> Self
    where
        I: Input + 'static,
        F: Fn(&Ctx, I, &View) -> Result<Option<String>> + Send + Sync + 'static,
    {
        self.role = Some(Arc::new(move |ctx, params, view| tell(ctx, I::parse(params)?, view)));
        self
    }

    /// Whether logins here are by a role.
    pub fn tells_role(&self) -> bool {
        self.role.is_some()
    }

    /// What a write here touches besides this path. It happens only if the policies allow all of that too.
    #[must_use]
    pub fn touches<I, F>(mut self, touches: F) -> Self
    where
        I: Input + 'static,
        F: Fn(I) -> Result<Touches> + Send + Sync + 'static,
    {
        self.touches = Some(Arc::new(move |params| touches(I::parse(params)?)));
        self
    }

    pub fn touches_more(&self) -> bool {
        self.touches.is_some()
    }

    /// Of what it answers its verb says enough.
    fn with<I: Input>(self, verb: Verb, handler: Handler) -> Self {
        self.saying::<I, Answer>(verb, handler)
    }

    fn saying<I: Input, O: Output>(mut self, verb: Verb, handler: Handler) -> Self {
        let (fields, arbitrary, outcome) = (I::fields(), I::ARBITRARY, O::outcome());
        self.operations.insert(verb, Operation { handler, fields, arbitrary, outcome });
        self
    }
}

/// All paths of one kind of mount.
pub struct Backend {
    pub help: &'static str,
    pub paths: Vec<Arc<Path>>,
}

impl Backend {
    pub fn new(help: &'static str, paths: Vec<Path>) -> Self {
        Self { help, paths: paths.into_iter().map(Arc::new).collect() }
    }

    /// The first declared path that fits.
    pub fn find(&self, path: &str) -> Option<Matched> {
        let fits = |p: &Arc<Path>| p.pattern.matches(path).map(|captures| Matched { path: Arc::clone(p), captures });
        self.paths.iter().find_map(fits)
    }
}

/// A declared path and the names that a request's path gave it.
pub struct Matched {
    pub path: Arc<Path>,
    pub captures: BTreeMap<&'static str, String>,
}

impl Matched {
    pub fn operation(&self, verb: Verb) -> Result<&Operation> {
        self.path.operations.get(&verb).ok_or(Failure::Unsupported)
    }

    pub fn params(&self, body: Map<String, Value>) -> Params {
        Params::new(self.captures.clone(), body)
    }

    /// The role that a login here is by; `None` where the path does not tell.
    pub fn role(&self, ctx: &Ctx, params: &Params, view: &View) -> Result<Option<String>> {
        self.path.role.as_ref().map_or(Ok(None), |tell| tell(ctx, params, view))
    }

    /// What a write here touches besides its path.
    pub fn touches(&self, params: &Params) -> Result<Option<Touches>> {
        self.path.touches.as_ref().map(|touches| touches(params)).transpose()
    }

    /// Whether a write here would change something that exists; `None` where the path does not tell.
    pub fn exists(&self, ctx: &Ctx, params: &Params, view: &View) -> Result<Option<bool>> {
        self.path.exists.as_ref().map(|check| check(ctx, params, view)).transpose()
    }
}

impl Operation {
    /// Warnings about parameters that had no effect.
    pub fn warnings(&self, params: &Params) -> Vec<String> {
        if self.arbitrary { Vec::new() } else { params.warnings(&self.fields) }
    }
}
