//! `sys/quotas/rate-limit`, `sys/quotas/rate-limit/:name`: how many requests a client may make.

use std::sync::Arc;

use holdfast_core::catalog::Catalog;
use holdfast_core::lifecycle::Node;
use holdfast_core::quota::{QuotaTable, RateLimit};
use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Path, Reply, Result, Seconds, SignedSeconds, Txn, Value, Verb, View, json};
use serde::Serialize;

use super::quota_scope;

/// The most requests in an interval, and the longest interval, in seconds.
const RATE_MAX: f64 = 1e12;
const SPAN_MAX: u64 = 365 * 24 * 3600;

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Named {
    /// The quota's name.
    name: String,
}

#[derive(Input)]
struct Write {
    /// The quota's name.
    name: String,
    /// The namespace or the mount it holds for, or a path below a mount, with a `*` at its end for all that begin so. From the
    /// root; empty: the root namespace.
    path: String,
    /// Of an auth method: the role whose logins it holds for.
    role: String,
    /// How many requests a client may make in an interval.
    rate: f64,
    /// How long an interval is.
    #[field(default = Seconds(std::time::Duration::from_secs(1)))]
    interval: Seconds,
    /// How long a client that has made too many gets nothing at all.
    block_interval: SignedSeconds,
    /// Of a namespace: whether it holds in those below as well. The root's does if nothing is said.
    inheritable: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
struct Shown {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    path: String,
    role: String,
    /// A number; whole if it is one.
    rate: Value,
    /// In seconds.
    interval: u64,
    /// In seconds.
    block_interval: u64,
    /// Where it was set: clients compare whole answers with those of servers that do not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    inheritable: Option<bool>,
}

pub fn list() -> Path {
    Path::new("quotas/rate-limit/?").help("Lists the rate limits.", "By their names.").view(
        Verb::List,
        |_: &Ctx, Nothing {}: Nothing, view: &View| {
            Answer::keys(QuotaTable::read(view)?.rate_limits.into_keys().collect())
        },
    )
}

pub fn one(node: &Arc<Node>, mountable: &Arc<Catalog>) -> Path {
    let (node, mountable) = (Arc::clone(node), Arc::clone(mountable));
    Path::new("quotas/rate-limit/:name")
        .help(
            "Reads, writes and deletes a rate limit.",
            "Each client may make so many requests in an interval to each node. Of several limits that hold for a request the \
             closest counts.",
        )
        .view(Verb::Read, |_: &Ctx, named: Named, view: &View| {
            let table = QuotaTable::read(view)?;
            let rule = table.rate_limits.get(&named.name).ok_or(Failure::NotFound)?;
            Reply::data(Shown {
                kind: "rate-limit",
                path: rule.scope.path(),
                role: rule.scope.role.clone(),
                rate: number(rule.rate),
                interval: rule.interval,
                block_interval: rule.block,
                inheritable: rule.inheritable,
                name: named.name,
            })
        })
        .txn(Verb::Write, move |_: &Ctx, input: Write, txn: &mut Txn| set(&node, &mountable, input, txn))
        .txn(Verb::Delete, |_: &Ctx, named: Named, txn: &mut Txn| {
            let mut table = QuotaTable::change(txn)?;
            if table.rate_limits.remove(&named.name).is_some() {
                table.write(txn)?;
            }
            Ok(Answer::empty())
        })
}

fn set(node: &Node, mountable: &Catalog, input: Write, txn: &mut Txn) -> Result<Answer> {
    if !(input.rate > 0.0 && input.rate <= RATE_MAX) {
        return Err(Failure::invalid("'rate' is invalid: it must be greater than 0, requests in an interval"));
    }
    let block = u64::try_from(input.block_interval.0 / sdk::duration::SECOND);
    let block = block.ok().filter(|seconds| *seconds <= SPAN_MAX);
    let block = block.ok_or_else(|| Failure::invalid("'block_interval' is invalid: it is 0 to 365 days"))?;
    let interval = input.interval.0.as_secs().max(1);
    if interval > SPAN_MAX {
        return Err(Failure::invalid("'interval' is invalid: it is 1 second to 365 days"));
    }
    let scope = quota_scope::parse(node, mountable, txn, &input.path, &input.role)?;
    let mut table = QuotaTable::change(txn)?;
    let scopes = table.rate_limits.iter().map(|(name, rule)| (name, &rule.scope));
    quota_scope::check_room(scopes, &input.name, &scope, "rate limits")?;
    let id = hex::encode(crypto::random::<8>());
    let rule = RateLimit { id, scope, rate: input.rate, interval, block, inheritable: input.inheritable };
    table.rate_limits.insert(input.name, rule);
    table.write(txn)?;
    Ok(Answer::empty())
}

/// A whole number reads as one.
fn number(rate: f64) -> Value {
    if rate.fract() == 0.0 { json!(rate as u64) } else { json!(rate) }
}
