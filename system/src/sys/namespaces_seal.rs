//! `sys/namespaces/:path/seal-status`, `…/seal`, `…/unseal`, `…/delete-sealed`, `…/rekey`, `…/rekey/verify`: namespaces with a
//! seal of their own.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use barrier::{SealConfig, Share};
use holdfast_core::lifecycle::{Node, TenantStatus};
use holdfast_core::namespace::{NamespaceRecord, NewShares};
use schemars::JsonSchema;
use sdk::{
    Act, Answer, CommaList, Ctx, Failure, Input, Outcome, Output, Params, Path, Reply, Result, Txn, Verb, View, Work,
};
use serde::Serialize;

use super::namespaces::{Removing, name, refused};
use super::once::once;
use crate::share;

#[derive(Input)]
struct Named {
    /// The namespace's name.
    path: String,
}

#[derive(Input)]
struct Unseal {
    /// The namespace's name.
    path: String,
    /// One of its shares, in hexadecimal or base64.
    key: String,
    /// Throws away the shares that were given.
    reset: bool,
}

#[derive(Input)]
struct Rekey {
    /// The namespace's name.
    path: String,
    /// As many of the present shares as are needed.
    keys: CommaList,
    /// How many new shares there are to be; as many as now if not said.
    shares: Option<i64>,
    /// How many of them are to be needed; as many as now if not said.
    threshold: Option<i64>,
}

#[derive(Input)]
struct Verify {
    /// The namespace's name.
    path: String,
    /// As many of the new shares as are needed.
    keys: CommaList,
}

#[derive(Serialize, JsonSchema)]
struct Status {
    #[serde(rename = "type")]
    kind: &'static str,
    initialized: bool,
    /// Also where this node only lacks its keys.
    sealed: bool,
    /// How many shares are needed.
    t: u8,
    /// How many there are.
    n: u8,
    /// How many were given.
    progress: usize,
    nonce: String,
    /// Whether the key service answers that opens it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    service_answers: Option<bool>,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    service_problem: Option<String>,
}

/// Shown this once.
#[derive(Serialize, JsonSchema)]
pub(super) struct Shares {
    /// In hexadecimal.
    key_shares: Vec<String>,
    key_threshold: u8,
}

impl Shares {
    pub(super) fn new(made: &NewShares) -> Self {
        let key_shares = made.shares.iter().map(|share| hex::encode(share.expose())).collect();
        Self { key_shares, key_threshold: made.config.threshold() }
    }
}

impl From<TenantStatus> for Status {
    fn from(status: TenantStatus) -> Self {
        Self {
            kind: status.kind.name(),
            initialized: true,
            sealed: status.sealed,
            t: status.threshold,
            n: status.shares,
            progress: status.given,
            nonce: status.nonce,
            service_answers: None,
            service_problem: None,
        }
    }
}

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let (seals, rekeys, verifies) = (Arc::clone(node), Arc::clone(node), Arc::clone(node));
    let (asks, deletes) = (Arc::clone(node), Arc::clone(node));
    vec![
        Path::new("namespaces/:path/seal-status")
            .ids([(Verb::Read, "namespaces-seal-status")])
            .answers(Verb::Read, Outcome::data::<Status>())
            .help("Shows how a namespace is sealed.", "Whether it is sealed, how many shares were given so far, and whether its key service answers, if it has one.")
            .act::<Named>(Verb::Read, Look(Arc::clone(node))),
        Path::new("namespaces/:path/seal")
            .ids([(Verb::Write, "namespaces-seal")])
            .help(
                "Seals a namespace.",
                "Nothing of it is served any more, on any node, and their keys for it are forgotten.",
            )
            .sudo()
            .txn(Verb::Write, move |ctx: &Ctx, named: Named, txn: &mut Txn| seal(&seals, ctx, &named, txn)),
        Path::new("namespaces/:path/unseal")
            .ids([(Verb::Write, "namespaces-unseal")])
            .answers(Verb::Write, Outcome::data::<Status>())
            .help("Unseals a namespace.", "Takes one share. The one that completes them opens it on all unsealed nodes. Without a share its key service is asked, \
                 if it has one.")
            .act::<Unseal>(Verb::Write, UnsealAct(Arc::clone(node))),
        Path::new("namespaces/:path/delete-sealed")
            .ids([(Verb::Delete, "namespaces-delete-sealed")])
            .help(
                "Removes a sealed namespace.",
                "Also one that no node has keys for. Everything of it goes, without being looked at.",
            )
            .sudo()
            .slow(
                Verb::Delete,
                move |_: &Ctx, named: Named, view: &View| ask_for_keys(&asks, &named, view),
                move |ctx: &Ctx, named: Named, (): &(), txn: &mut Txn| {
                    let record = found(&deletes, &named.path, txn)?;
                    if deletes.namespaces.is_open(&record) {
                        return Err(Failure::invalid("namespace is not sealed"));
                    }
                    deletes.namespaces.doom_unseen(txn, ctx.namespace, record).map_err(refused)?;
                    Reply::data(Removing::STARTED)
                },
            ),
        Path::new("namespaces/:path/rekey")
            .ids([(Verb::Write, "namespaces-rekey")])
            .help(
                "Makes new shares of a namespace.",
                "By as many of the present ones as are needed. The new ones count once they were verified; until then the \
                 present ones do.",
            )
            .sudo()
            .txn(Verb::Write, move |_: &Ctx, input: Rekey, txn: &mut Txn| {
                let record = found(&rekeys, &input.path, txn)?;
                let now = rekeys.namespaces.seal_of(txn, &record).map_err(refused)?.config;
                let (shares, threshold) = (input.shares, input.threshold);
                let shares = shares.unwrap_or_else(|| i64::from(now.shares()));
                let config = shamir(shares, threshold.unwrap_or_else(|| i64::from(now.threshold())))?;
                let made = rekeys.namespaces.rekey(txn, &record, &given(&input.keys)?, config).map_err(refused)?;
                Ok(Reply::data(Shares::new(&made))?.with(Answer::shown_once))
            }),
        Path::new("namespaces/:path/rekey/verify")
            .ids([(Verb::Write, "namespaces-rekey-verify")])
            .help("Takes new shares into use.", "By as many of them as are needed. The former ones count no more.")
            .sudo()
            .txn(Verb::Write, move |_: &Ctx, input: Verify, txn: &mut Txn| {
                let record = found(&verifies, &input.path, txn)?;
                verifies.namespaces.verify_rekey(txn, &record, &given(&input.keys)?).map_err(refused)?;
                Ok(Answer::empty())
            }),
    ]
}

/// From the numbers of a request.
pub(super) fn shamir(shares: i64, threshold: i64) -> Result<SealConfig> {
    SealConfig::shamir(shares, threshold, String::new())
        .map_err(|error| Failure::Invalid(format!("invalid seal config: {error}")))
}

pub(super) fn given(keys: &CommaList) -> Result<Vec<Share>> {
    let decode = |(n, text): (usize, &String)| {
        share::decode(text).ok_or_else(|| Failure::Invalid(format!("key {} is neither hexadecimal nor base64", n + 1)))
    };
    keys.0.iter().enumerate().map(decode).collect()
}

pub(super) fn found(node: &Node, path: &str, txn: &Txn) -> Result<NamespaceRecord> {
    let record = node.namespaces.get_for_update(txn, name(node, path)?)?.filter(|record| !record.doomed);
    record.ok_or_else(|| Failure::invalid("requested namespace does not exist"))
}

/// One that is open by its record may be so at another member.
fn ask_for_keys(node: &Arc<Node>, named: &Named, view: &View) -> Result<Work<()>> {
    let Some(record) = node.namespaces.live(view, name(node, &named.path)?)? else { return Ok(Work::Done(())) };
    if record.is_sealed() || node.namespaces.is_open(&record) {
        return Ok(Work::Done(()));
    }
    let node = Arc::clone(node);
    Ok(Work::Waits(Box::pin(async move {
        node.bring_tenant(&record.id).await;
        Ok(())
    })))
}

fn seal(node: &Arc<Node>, _ctx: &Ctx, named: &Named, txn: &mut Txn) -> Result<Answer> {
    let record = found(node, &named.path, txn)?;
    node.namespaces.set_sealed(txn, record, true).map_err(refused)?;
    // Each node does so by itself; here it is done before the answer.
    let forget = once(node, (), |node, (), _| async move {
        if let Err(problem) = node.drop_closed_tenants() {
            tracing::warn!(%problem, "keys of a sealed namespace are still held; it is tried again");
        }
        Ok(Answer::empty())
    });
    Ok(Answer::empty().then(forget))
}

/// What is collected, and whether the keys are there, is the active node's to say.
struct Look(Arc<Node>);

#[async_trait]
impl Act for Look {
    fn only_looks(&self) -> bool {
        true
    }

    async fn act(&self, params: &Params, _deadline: Instant) -> Result<Answer> {
        let Named { path } = Named::parse(params)?;
        let view = above(&self.0, params)?;
        let record = self.0.namespaces.live(&view, name(&self.0, &path)?)?.ok_or(Failure::NotFound)?;
        // A node that has just become active may lack its keys.
        self.0.bring_tenant(&record.id).await;
        let status = self.0.tenant_status(&view, &record).map_err(refused)?;
        let by_service = status.kind.is_automatic();
        let mut shown = Status::from(status);
        if by_service {
            let tried = self.0.try_service(params.namespace(), &record).await;
            (shown.service_answers, shown.service_problem) = (Some(tried.is_ok()), tried.err());
        }
        Ok(Reply::data(shown)?.into_answer())
    }
}

struct UnsealAct(Arc<Node>);

#[async_trait]
impl Act for UnsealAct {
    async fn act(&self, params: &Params, _deadline: Instant) -> Result<Answer> {
        let Unseal { path, key, reset } = Unseal::parse(params)?;
        let key = zeroize::Zeroizing::new(key);
        let (node, name) = (&self.0, name(&self.0, &path)?);
        if reset {
            let view = above(node, params)?;
            let record = node.namespaces.live(&view, name)?.ok_or(Failure::NotFound)?;
            node.reset_tenant_unseal(&record);
            return Ok(Reply::data(Status::from(node.tenant_status(&view, &record).map_err(refused)?))?.into_answer());
        }
        if key.is_empty() {
            let view = above(node, params)?;
            if let Some(record) = node.namespaces.live(&view, name)?
                && node.namespaces.service_of(&view, &record)?.is_some()
            {
                let status = node.unseal_by_service(params.namespace(), name).await.map_err(refused)?;
                return opened(status);
            }
            return Err(Failure::invalid("provided empty key: key must be one of the namespace's shares"));
        }
        let share =
            share::decode(&key).ok_or_else(|| Failure::invalid("'key' must be a valid hex or base64 string"))?;
        opened(node.unseal_tenant(params.namespace(), name, share).await.map_err(refused)?)
    }
}

fn opened(mut status: TenantStatus) -> Result<Answer> {
    let warnings = status.warning.take().into_iter().collect();
    Ok(Reply::data(Status::from(status))?.warned(warnings).into_answer())
}

/// The records of the namespace that a request goes to.
pub(super) fn above(node: &Node, params: &Params) -> Result<View> {
    Ok(node.local_view()?.elsewhere(holdfast_core::space::records(&params.namespace().id)))
}
