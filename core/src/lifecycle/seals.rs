//! The seals of this node's configuration: asking them, and how what is behind them is.
//!
//! What is behind a seal may be away, slow, or gone for good. So each is asked within a deadline, several at once, and each
//! is tried every few seconds, sealed or not: whoever runs the server should hear that a key service is away before it is needed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use barrier::{
    JoinKey, JoinWrap, RootKey, Seal, SealFailure, SealKind, UnwrapError, Wrap, WrapError, WrappedRoot,
    unwrap_fitting_root, wrap_root,
};
use futures::future::join_all;
use futures::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use storage::Millis;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::Node;

/// How long any seal has for an answer, whatever it promises itself.
pub(super) const CALL_MAX: Duration = Duration::from_secs(12);
/// How often one is tried that is well.
const LOOK: Duration = Duration::from_secs(15);
/// The first pause after a failure; it doubles up to the last.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(10);
/// How often an unsealed node sees whether the stored wrap still opens. It puts the root key on the way from the service.
const VERIFY: Duration = Duration::from_secs(3600);
/// Of a wrap that is its own.
const DOES_NOT_OPEN: &str = "it does not open what it has wrapped, as if its key had been deleted or made anew; `operator seal add` \
                             wraps the root key by it as it is now";
/// What is encrypted and decrypted to see whether it can be.
const PROBE: &str = "holdfast seal probe";

/// A seal as the configuration names it.
#[derive(Clone)]
pub struct ConfiguredSeal {
    pub name: String,
    /// The least goes first.
    pub priority: u32,
    /// It is being left: nothing is wrapped or unsealed by it.
    pub disabled: bool,
    pub seal: Arc<dyn Seal>,
}

impl ConfiguredSeal {
    /// The only one of its kind.
    pub fn new(seal: Arc<dyn Seal>) -> Self {
        Self { name: seal.kind().name().to_owned(), priority: 1, disabled: false, seal }
    }
}

/// How what is behind a seal is, as this node found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealHealth {
    unhealthy_since: Option<Instant>,
    /// For those who may know where it is.
    pub problem: Option<String>,
    /// Nobody knows yet.
    untried: bool,
}

impl SealHealth {
    fn untried() -> Self {
        Self { unhealthy_since: Some(Instant::now()), problem: Some("it was not tried yet".to_owned()), untried: true }
    }

    pub fn is_healthy(&self) -> bool {
        self.problem.is_none()
    }

    /// When it began to be unhealthy, where it is `now`. A node that is sealed does not know the cluster's time.
    pub fn unhealthy_since(&self, now: Millis) -> Option<Millis> {
        let passed = self.unhealthy_since?.elapsed();
        Some(Millis(now.0.saturating_sub(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX))))
    }
}

/// All of them, the first first.
#[derive(Default)]
pub(super) struct Seals(Vec<Kept>);

struct Kept {
    configured: ConfiguredSeal,
    since: Instant,
    health: Mutex<SealHealth>,
    /// Why it did not unseal this node, until it does.
    refused: Mutex<Option<String>>,
}

impl Seals {
    pub fn new(mut configured: Vec<ConfiguredSeal>) -> Self {
        configured.sort_by_key(|seal| seal.priority);
        let kept = |configured| Kept {
            configured,
            since: Instant::now(),
            health: Mutex::new(SealHealth::untried()),
            refused: Mutex::default(),
        };
        Self(configured.into_iter().map(kept).collect())
    }

    pub fn all(&self) -> impl Iterator<Item = &ConfiguredSeal> {
        self.0.iter().map(|kept| &kept.configured)
    }

    pub fn enabled(&self) -> impl Iterator<Item = &ConfiguredSeal> {
        self.all().filter(|seal| !seal.disabled)
    }

    pub fn disabled(&self) -> impl Iterator<Item = &ConfiguredSeal> {
        self.all().filter(|seal| seal.disabled)
    }

    pub fn any(&self) -> bool {
        self.enabled().next().is_some()
    }

    pub fn get(&self, name: &str) -> Option<&ConfiguredSeal> {
        self.enabled().find(|seal| seal.name == name)
    }

    pub fn health(&self, name: &str) -> Option<SealHealth> {
        let kept = self.0.iter().find(|kept| kept.configured.name == name && !kept.configured.disabled)?;
        Some(kept.health.lock().clone())
    }

    /// Whether one of them could have a wrap here.
    pub fn may_open(&self, wrapped: &WrappedRoot) -> bool {
        self.enabled().any(|seal| wrapped.wraps.iter().any(|wrap| wrap.kind == seal.seal.kind()))
    }

    /// By whichever answers first with one that fits. The error names all.
    pub async fn open(
        &self,
        wrapped: &WrappedRoot,
        fits: impl Fn(&RootKey) -> bool + Send + Sync,
    ) -> Result<RootKey, String> {
        self.first(async |seal: &ConfiguredSeal| {
            let opened = unwrap_fitting_root(seal.seal.as_ref(), &seal.name, wrapped, &fits).await;
            self.note_opening(seal, wrapped, opened.as_ref().err());
            match opened {
                Err(UnwrapError::WrongKey | UnwrapError::Damaged) if wrapped.of(&seal.name).is_none() => {
                    Err(UnwrapError::NoWrap)
                }
                opened => opened,
            }
        })
        .await
    }

    /// What a seal has come to on this node counts for how it is: a key that was replaced does all that a probe asks of it.
    fn note_opening(&self, seal: &ConfiguredSeal, wrapped: &WrappedRoot, problem: Option<&UnwrapError>) {
        let Some(kept) = self.0.iter().find(|kept| kept.configured.name == seal.name) else { return };
        let own = wrapped.of(&seal.name).is_some_and(|wrap| wrap.kind == seal.seal.kind());
        match problem {
            None => *kept.refused.lock() = None,
            Some(UnwrapError::WrongKey | UnwrapError::Damaged) if own => {
                let text = DOES_NOT_OPEN.to_owned();
                *kept.refused.lock() = Some(text.clone());
                let mut health = kept.health.lock();
                let since = Some(health.unhealthy_since.unwrap_or_else(Instant::now));
                *health = SealHealth { unhealthy_since: since, problem: Some(text), untried: false };
            }
            Some(_) => {}
        }
    }

    pub async fn find_join_key(&self, wraps: &[JoinWrap]) -> Result<JoinKey, String> {
        self.first(|seal| seal.seal.find_join_key(&seal.name, wraps)).await
    }

    async fn first<'a, T, Fut>(&'a self, ask: impl Fn(&'a ConfiguredSeal) -> Fut) -> Result<T, String>
    where
        Fut: Future<Output = Result<T, UnwrapError>>,
    {
        let mut asked: FuturesUnordered<_> = self
            .enabled()
            .map(|seal| {
                let answer = ask(seal);
                async move { within(answer).await.map_err(|problem| format!("{}: {problem}", seal.name)) }
            })
            .collect();
        let mut problems = Vec::new();
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(found) => return Ok(found),
                Err(problem) => problems.push(problem),
            }
        }
        Err(problems.join("; "))
    }
}

/// An answer of a seal, or that there was none in time.
pub(super) async fn within<T, E: From<SealFailure>>(asked: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    until(Instant::now() + CALL_MAX, asked).await
}

/// The same up to a moment.
pub(super) async fn until<T, E: From<SealFailure>>(
    end: Instant,
    asked: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let late = || Err(SealFailure::Unavailable("it did not answer in time".to_owned()).into());
    timeout_at(end, asked).await.unwrap_or_else(|_| late())
}

impl Node {
    /// What it was configured to unseal with; without a seal of its own, operators' shares.
    pub fn configured_seal(&self) -> SealKind {
        self.seals.enabled().next().map_or(SealKind::Shamir, |seal| seal.seal.kind())
    }

    pub fn unseals_itself(&self) -> bool {
        self.seals.any()
    }

    /// Wraps of a root key that is new to this cluster, one by each seal but those it is to be without. A seal that cannot be
    /// reached now is made up for later, as long as there is one that can.
    pub(super) async fn wrapped_by_seals(
        &self,
        root: &RootKey,
        join: &JoinKey,
        without: &BTreeSet<String>,
    ) -> Result<Vec<Wrap>, String> {
        let asked = self.seals.enabled().filter(|seal| !without.contains(&seal.name));
        let made = join_all(asked.map(async |seal| {
            let wrap = within(wrap_root(seal.seal.as_ref(), root, join)).await;
            wrap.map(|wrap| wrap.named(&seal.name)).map_err(|problem| format!("{}: {problem}", seal.name))
        }));
        let (wraps, problems): (Vec<_>, Vec<_>) = made.await.into_iter().partition(Result::is_ok);
        let wraps: Vec<Wrap> = wraps.into_iter().flatten().collect();
        let problems: Vec<String> = problems.into_iter().filter_map(Result::err).collect();
        if wraps.is_empty() && !problems.is_empty() {
            return Err(problems.join("; "));
        }
        for problem in problems {
            tracing::warn!(problem, "the root key is not wrapped by a seal yet");
        }
        Ok(wraps)
    }

    /// Whether one of the seals does its work now; there being none is no problem. The error names all.
    pub(crate) async fn try_seals(&self) -> Result<(), String> {
        if !self.unseals_itself() {
            return Ok(());
        }
        self.seals.first(async |seal: &ConfiguredSeal| Ok(probe(seal.seal.as_ref()).await?)).await
    }

    /// The seals of this node's configuration that are to unseal this cluster, and how they are. One that has not wrapped the root
    /// key is of no use yet, however well it is.
    pub fn seal_health(&self) -> Vec<(String, SealHealth)> {
        let stored = self.stored_seal().ok().flatten().map(|(_, wraps)| wraps);
        let used = |kept: &&Kept| {
            let left = |wraps: &WrappedRoot| wraps.without.contains(&kept.configured.name);
            !kept.configured.disabled && !stored.as_ref().is_some_and(left)
        };
        let health = |kept: &Kept| {
            let mut health = kept.health.lock().clone();
            let name = &kept.configured.name;
            let lacks = stored.as_ref().is_some_and(|wraps| wraps.of(name).is_none());
            if health.is_healthy() && lacks {
                health.problem = Some("it has not wrapped the root key yet".to_owned());
                health.unhealthy_since = Some(kept.since);
            }
            (name.clone(), health)
        };
        self.seals.0.iter().filter(used).map(health).collect()
    }

    /// Tries the seals and lets them do what they do by themselves, until the server stops.
    pub async fn watch_seals(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut watched: FuturesUnordered<_> = self.seals.0.iter().map(|kept| self.watch_seal(kept)).collect();
        if watched.is_empty() {
            return;
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = async { while watched.next().await.is_some() {} } => {}
        }
    }

    async fn watch_seal(&self, kept: &Kept) {
        let seal = &kept.configured;
        if seal.disabled {
            return;
        }
        let trying = async {
            let (mut retry, mut verified) = (RETRY_FIRST, None::<Instant>);
            loop {
                let mut found = within(probe(seal.seal.as_ref())).await.map_err(|failure| failure.to_string());
                if found.is_err() || self.is_sealed() {
                    // It may come back with another key, and this node was not unsealed by it.
                    verified = None;
                }
                if found.is_ok()
                    && self.is_sealed()
                    && let Some(problem) = kept.refused.lock().clone()
                {
                    found = Err(problem);
                }
                if found.is_ok() && verified.is_none_or(|at| at.elapsed() >= VERIFY) {
                    found = self.still_opens(seal).await.map(|opened| {
                        verified = opened.then(Instant::now);
                    });
                }
                let pause = match &found {
                    Ok(()) => {
                        retry = RETRY_FIRST;
                        LOOK
                    }
                    Err(_) => {
                        let pause = retry;
                        retry = (retry * 2).min(RETRY_LAST);
                        pause
                    }
                };
                self.note_health(kept, found.err());
                sleep(with_chance(pause)).await;
            }
        };
        tokio::join!(trying, seal.seal.keep());
    }

    /// Whether the stored wrap was seen to open. A key that was deleted, or made anew under its name, does all that a probe asks of it.
    async fn still_opens(&self, seal: &ConfiguredSeal) -> Result<bool, String> {
        let stored = self.stored_seal().map_err(|problem| problem.to_string())?;
        let wrap = stored.as_ref().and_then(|(_, wraps)| wraps.of(&seal.name));
        let Some(wrap) = wrap.filter(|wrap| wrap.kind == seal.seal.kind() && !self.is_sealed()) else {
            return Ok(false);
        };
        match within(self.verified(seal, wrap)).await {
            Ok(()) => Ok(true),
            Err(WrapError::Sealed) => Ok(false),
            Err(WrapError::Seal(failure @ (SealFailure::Refused(_) | SealFailure::Unavailable(_)))) => {
                Err(failure.to_string())
            }
            Err(WrapError::Seal(_)) => Err(DOES_NOT_OPEN.to_owned()),
        }
    }

    fn note_health(&self, kept: &Kept, problem: Option<String>) {
        let seal = &*kept.configured.name;
        metrics::gauge!("holdfast.seal.healthy", "seal" => seal.to_owned()).set(f64::from(u8::from(problem.is_none())));
        {
            let mut health = kept.health.lock();
            match (&health.problem, &problem) {
                (None, Some(problem)) => tracing::warn!(seal, problem, "what is behind a seal does not do its work"),
                (Some(_), Some(problem)) if health.untried => {
                    tracing::warn!(seal, problem, "what is behind a seal does not do its work");
                }
                (Some(_), None) if !health.untried => tracing::info!(seal, "what is behind a seal does its work again"),
                _ => {}
            }
            let since = problem.is_some().then(|| health.unhealthy_since.unwrap_or_else(Instant::now));
            *health = SealHealth { unhealthy_since: since, problem, untried: false };
            if !health.is_healthy() {
                return;
            }
        }
        if self.wants_wraps() {
            self.rewrapping.notify_one();
        }
    }
}

pub(super) async fn probe(seal: &dyn Seal) -> Result<(), SealFailure> {
    let plain: [u8; 16] = crypto::random();
    let sealed = seal.encrypt(PROBE, &plain).await?;
    let opened = seal.decrypt(&seal.key_id(), PROBE, &sealed).await?;
    if crypto::ct_eq(&opened, &plain) { Ok(()) } else { Err(SealFailure::DoesNotOpen) }
}

/// Not all nodes at once: a fifth less, or more.
pub(super) fn with_chance(pause: Duration) -> Duration {
    let [random]: [u8; 1] = crypto::random();
    pause.mul_f64(0.8 + f64::from(random) / 640.0)
}
