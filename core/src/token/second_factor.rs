//! A login that needs a second factor, and any other: which it is, is known once it is known who it is.
//!
//! The factor comes with the login itself, or later. A login that waits for it is a record. When the factor comes it is looked
//! at again whether the login [stands](sdk::Plugin::stands), and only then is there a token.

use std::net::IpAddr;

use sdk::{Answer, AuthBlock, Authorization, Ctx, Failure, Login, Namespace, PluginKind, Result, SecondFactor, json};
use storage::{Millis, Txn};

use super::LoggedIn;
use crate::identity::mfa::{self, Answered, Enforcement, Factors, Question, Trial, Verdict, Waiting};
use crate::identity::{self, Entity};
use crate::lifecycle::Node;
use crate::mount::Mount;
use crate::space;

/// What a login came to.
pub enum Came {
    /// A token, and what is to be said of it.
    Token(Box<AuthBlock>, Vec<String>),
    /// It waits for one of these.
    Waits(Box<AuthBlock>),
    /// What was brought was wrong. What it has used up stays so.
    Refused(Failure),
    /// It depends on somebody's answer to this.
    Asks(Box<Question>),
}

impl Came {
    pub(crate) fn told_in(self, mut answer: Answer) -> Result<Answer, Box<Question>> {
        Ok(match self {
            Self::Asks(question) => return Err(question),
            Self::Token(auth, warnings) => {
                answer.auth = Some(*auth);
                answer.warnings.extend(warnings);
                answer
            }
            Self::Waits(auth) => {
                answer.auth = Some(*auth);
                answer.warn(
                    "A login request was issued that is subject to MFA validation. Please make sure to validate the login \
                     by sending another request to mfa/validate endpoint.",
                )
            }
            Self::Refused(failure) => Answer::refused(failure),
        })
    }
}

fn denied() -> Failure {
    Failure::denied("permission denied")
}

/// Whether a mount's logins get batch tokens where nothing else is said.
fn gives_batch(mount: &Mount) -> bool {
    matches!(mount.config.token_type.as_deref(), Some("batch" | "default-batch"))
}

/// Goes on with a login that an auth method has found to be right. `txn` is at the namespace's records.
#[expect(clippy::too_many_arguments, reason = "who logs in where, and with what")]
pub(crate) fn log_in(
    node: &Node,
    txn: &mut Txn,
    now: Millis,
    at: LoggedIn<'_>,
    mount: &Mount,
    login: Login,
    factors: &Factors,
    answered: &Answered,
) -> Result<Came> {
    let entity = node.tokens.admit(txn, now, &at, &login)?;
    let demanded = mfa::applying(txn, entity.as_ref(), &mount.accessor, &mount.type_name)?;
    if demanded.is_empty() {
        let (auth, mut warnings) = node.tokens.log_in(txn, now, at, gives_batch(mount), login, entity.as_ref())?;
        if !factors.is_empty() {
            warnings.push("Found MFA header but failed to find MFA Enforcement Config".into());
        }
        return Ok(Came::Token(Box::new(auth), warnings));
    }
    // A factor is somebody's.
    let entity = entity.ok_or_else(denied)?;
    let asks = node.second_factors.as_ref();
    mfa::check_answerable(txn, asks, at.namespace, &demanded)?;
    if factors.is_empty() {
        let waiting = Waiting::new(now, &entity.id, &mount.accessor, at.path, at.remote, login);
        mfa::wait(txn, &at.namespace.id, &waiting)?;
        return Ok(Came::Waits(Box::new(asked(txn, &waiting.id, &demanded)?)));
    }
    let (namespace, remote) = (at.namespace, at.remote);
    let trial = Trial { now, namespace, entity: &entity, factors, remote, asks, answered };
    match mfa::satisfy(txn, trial, &demanded)? {
        Verdict::Asks(question) => Ok(Came::Asks(question)),
        Verdict::Right => {
            let (auth, warnings) = node.tokens.log_in(txn, now, at, gives_batch(mount), login, Some(&entity))?;
            Ok(Came::Token(Box::new(auth), warnings))
        }
        Verdict::Wrong(_) => Ok(Came::Refused(denied())),
    }
}

/// Where a second factor is brought, and from where.
#[derive(Clone, Copy)]
pub(crate) struct Brought<'a> {
    pub namespace: &'a Namespace,
    pub remote: Option<IpAddr>,
    pub answered: &'a Answered,
}

/// Ends a login that waits: one token, for whoever brings all that is asked for. `txn` is at the namespace's records.
pub(crate) fn validate(
    node: &Node,
    txn: &mut Txn,
    now: Millis,
    brought: Brought<'_>,
    SecondFactor { id, factors }: &SecondFactor,
) -> Result<Came> {
    let Brought { namespace, remote, answered } = brought;
    let unknown = || Failure::invalid("invalid request ID");
    let waiting = mfa::waiting(txn, id, now)?.ok_or_else(unknown)?;
    let known = identity::present(txn, &waiting.entity_id)?;
    let entity: Entity = known.filter(|entity| !entity.disabled).ok_or_else(denied)?;
    let mount = node.mounts.by_accessor(txn, &waiting.mount)?.ok_or_else(denied)?;
    if !waiting.login.for_elsewhere && !sdk::within(&waiting.login.token.bound_cidrs, remote) {
        return Err(denied());
    }
    if !stands(node, txn, now, brought, &waiting, &mount, &entity)? {
        return Err(Failure::denied("the login that has waited counts no more: log in again"));
    }
    let demanded = mfa::applying(txn, Some(&entity), &mount.accessor, &mount.type_name)?;
    if demanded.is_empty() {
        return Err(Failure::invalid("no second factor is asked for any more: log in again"));
    }
    let asks = node.second_factors.as_ref();
    let trial = Trial { now, namespace, entity: &entity, factors, remote, asks, answered };
    match mfa::satisfy(txn, trial, &demanded)? {
        Verdict::Asks(question) => Ok(Came::Asks(question)),
        Verdict::Wrong(why) => Ok(Came::Refused(Failure::Denied(why))),
        Verdict::Right => {
            mfa::done(txn, &namespace.id, &waiting)?;
            let info = node.mounts.info(&mount);
            let at = LoggedIn { namespace, path: &waiting.path, mount: &info, remote: waiting.remote };
            let batch = gives_batch(&mount);
            let (auth, warnings) = node.tokens.log_in(txn, now, at, batch, waiting.login, Some(&entity))?;
            Ok(Came::Token(Box::new(auth), warnings))
        }
    }
}

/// Whether it would be let in still: nobody has locked the user out meanwhile, or taken the alias or the user away.
fn stands(
    node: &Node,
    txn: &mut Txn,
    now: Millis,
    brought: Brought<'_>,
    waiting: &Waiting,
    mount: &Mount,
    entity: &Entity,
) -> Result<bool> {
    let Brought { namespace, remote, .. } = brought;
    let login = &waiting.login;
    if node.lockouts.is_locked(txn, &namespace.id, mount, &login.alias, now)? {
        return Ok(false);
    }
    let owner = identity::alias(txn, &mount.accessor, &login.alias)?.map(|alias| alias.canonical_id);
    if owner.as_ref() != Some(&entity.id) {
        return Ok(false);
    }
    let Some(plugin) = node.plugin(PluginKind::Auth, &mount.type_name) else { return Ok(false) };
    let (info, authorization) = (node.mounts.info(mount), Authorization::default());
    let ctx = Ctx {
        namespace,
        mount: &info,
        path: "",
        other: None,
        caller: None,
        remote,
        now,
        wraps: false,
        content_type: "",
        authorization: &authorization,
    };
    plugin.stands(&ctx, login, &txn.elsewhere(space::mount(&namespace.id, &mount.uuid)))
}

/// The place of a token where there is none yet: what is asked for.
fn asked(txn: &Txn, id: &str, demanded: &[Enforcement]) -> Result<AuthBlock> {
    let mut constraints = sdk::Map::new();
    for enforcement in demanded {
        let mut any = Vec::new();
        for id in &enforcement.method_ids {
            let Some(method) = mfa::method(txn, id)? else { continue };
            let (kind, uses_passcode) = (method.settings.kind().name(), method.settings.uses_passcode());
            let mut asked = json!({"type": kind, "id": id, "uses_passcode": uses_passcode});
            if !method.name.is_empty() {
                asked["name"] = json!(method.name);
            }
            any.push(asked);
        }
        constraints.insert(enforcement.name.clone(), json!({ "any": any }));
    }
    Ok(AuthBlock {
        client_token: String::new(),
        accessor: String::new(),
        policies: Vec::new(),
        token_policies: Vec::new(),
        identity_policies: Vec::new(),
        metadata: None,
        lease_duration: 0,
        renewable: false,
        entity_id: String::new(),
        token_type: "default".into(),
        orphan: false,
        mfa_requirement: Some(json!({"mfa_request_id": id, "mfa_constraints": constraints})),
        num_uses: 0,
        renewed: false,
    })
}
