//! Registering a secret ID, whether it is made up here or chosen by who asks.

use std::time::Duration;

use schemars::JsonSchema;
use sdk::{CommaList, Ctx, Failure, Input, Reply, Result, Seconds, Txn};
use serde::Serialize;
use uuid::Uuid;

use crate::role::Role;
use crate::role_fields::whole;
use crate::secret_id::{Mac, SecretId};
use crate::{expiry, metadata, networks};

/// How many old ones go with each new one: more than one, or a backlog would stay.
const SWEEP: usize = 4;

#[derive(Input)]
pub struct Terms {
    /// A JSON object of texts, as a text: its tokens carry it.
    metadata: String,
    /// Networks that it may be used from, within the role's.
    cidr_list: CommaList,
    /// Networks that its tokens may be used from, within the role's.
    token_bound_cidrs: CommaList,
    /// How many logins it is good for, at most as many as the role says; zero for no limit.
    num_uses: Option<i64>,
    /// How long it is good, at most as long as the role says; zero for no end.
    ttl: Option<Seconds>,
}

/// Where a secret ID comes from. One that is chosen may have been there before.
pub enum Source {
    Made,
    Chosen(String),
}

/// It is shown this once.
#[derive(Serialize, JsonSchema)]
pub struct Made {
    secret_id: String,
    secret_id_accessor: String,
    secret_id_num_uses: i64,
    secret_id_ttl: u64,
}

pub fn register(ctx: &Ctx, name: &str, source: Source, terms: Terms, txn: &mut Txn) -> Result<Reply<Made>> {
    let chosen = matches!(source, Source::Chosen(_));
    let secret_id = match source {
        Source::Made => Uuid::new_v4().to_string(),
        Source::Chosen(text) if text.is_empty() => return Err(crate::secret_id::missing()),
        Source::Chosen(text) => text,
    };
    let role = Role::get(txn, name)?.ok_or_else(|| Failure::NoSuch(format!("role {name:?} does not exist")))?;
    if !role.bind_secret_id {
        return Err(Failure::invalid("bind_secret_id is not set on the role"));
    }
    let (new, lives) = terms.agreed(ctx, &role)?;
    let mac = role.mac(&secret_id)?;
    make_room(ctx, &role, &mac, chosen, txn)?;
    new.register(txn, &role, &mac)?;
    let made = Reply::data(Made {
        secret_id,
        secret_id_accessor: new.accessor.clone(),
        secret_id_num_uses: new.uses,
        secret_id_ttl: lives.as_secs(),
    })?;
    Ok(made.with(|answer| answer.accessor(new.accessor)))
}

/// Looks whether it is there already, and takes away what is past its time. What is registered after that is written
/// over what is swept.
fn make_room(ctx: &Ctx, role: &Role, mac: &Mac, chosen: bool, txn: &mut Txn) -> Result<()> {
    let before = SecretId::take(txn, role, mac)?;
    if before.as_ref().is_some_and(|before| !before.is_expired(ctx.now)) {
        return Err(Failure::invalid("failed to store secret_id: SecretID is already registered"));
    }
    expiry::sweep(txn, ctx.now, SWEEP)?;
    if let Some(before) = before {
        before.remove(txn, &role.uid, mac);
    }
    if chosen {
        expiry::hold_sweeps(txn)?;
    }
    Ok(())
}

impl Terms {
    /// What they come to under the role's, and how long that is on this mount; zero for no end.
    fn agreed(self, ctx: &Ctx, role: &Role) -> Result<(SecretId, Duration)> {
        let (CommaList(cidrs), CommaList(token_cidrs)) = (self.cidr_list, self.token_bound_cidrs);
        networks::check(&cidrs)?;
        networks::check_inside(&networks::parsed(role.networks()), &networks::parsed(&cidrs))?;
        networks::check(&token_cidrs)?;
        networks::check_inside(&role.token.bound_cidrs, &networks::parsed(&token_cidrs))?;
        let uses = self.num_uses.unwrap_or(role.secret_id_num_uses);
        if uses < 0 {
            return Err(Failure::invalid("num_uses cannot be negative"));
        }
        if role.secret_id_num_uses > 0 && (uses == 0 || uses > role.secret_id_num_uses) {
            return Err(Failure::invalid("num_uses cannot be higher than the role's secret_id_num_uses"));
        }
        let ttl = self.ttl.map_or(role.secret_id_ttl, whole);
        if !role.secret_id_ttl.is_zero() && (ttl.is_zero() || ttl > role.secret_id_ttl) {
            return Err(Failure::invalid("ttl cannot be longer than the role's secret_id_ttl"));
        }
        let lives = ttl.min(ctx.mount.max_lease_ttl);
        let new = SecretId {
            accessor: Uuid::new_v4().to_string(),
            uses,
            ttl,
            created: ctx.now,
            updated: ctx.now,
            expires: (!lives.is_zero()).then(|| ctx.now.plus(lives)),
            metadata: metadata::parse(&self.metadata)?,
            cidrs,
            token_cidrs,
        };
        Ok((new, lives))
    }
}
