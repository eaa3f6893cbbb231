//! Logins that wait for their second factor: whoever brings it, to whichever node, gets the token.

use std::net::IpAddr;
use std::time::Duration;

use sdk::{Login, NamespaceId};
use serde::{Deserialize, Serialize};
use storage::{Access, Millis, PathKey, Txn};

use super::folder;
use crate::due::{self, Due};
use crate::identity::new_id;

/// How long a login waits.
const WAITS: Duration = Duration::from_secs(300);
/// Of one entity. One more pushes out the oldest: who has the password can be in another's way, but keeps nobody out who brings
/// the factor with the login.
const WAITING_MAX: usize = 16;
const ID_MAX: usize = 36;

/// No Debug: who knows the id needs the second factor alone.
#[derive(Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub id: String,
    pub until: Millis,
    pub entity_id: String,
    /// The accessor of the mount that let it in.
    pub mount: String,
    /// Of the request, in the namespace.
    pub path: String,
    pub remote: Option<IpAddr>,
    pub login: Login,
}

impl Waiting {
    pub(crate) fn new(
        now: Millis,
        entity_id: &str,
        mount: &str,
        path: &str,
        remote: Option<IpAddr>,
        login: Login,
    ) -> Self {
        let (entity_id, mount, path) = (entity_id.to_owned(), mount.to_owned(), path.to_owned());
        Self { id: new_id(), until: now.plus(WAITS), entity_id, mount, path, remote, login }
    }

    fn due(&self, ns: &NamespaceId) -> Due {
        Due::MfaLogin { namespace: ns.clone(), entity: self.entity_id.clone(), id: self.id.clone() }
    }
}

fn login_key(id: &str) -> PathKey {
    folder("login").name(id)
}

fn waiting_key(entity: &str) -> PathKey {
    folder("waiting").plain(entity)
}

/// Those of an entity, the oldest first.
type All = Vec<(Millis, String)>;

pub(crate) fn wait(txn: &mut Txn, ns: &NamespaceId, waiting: &Waiting) -> Result<(), Access> {
    let key = waiting_key(&waiting.entity_id);
    let mut all: All = txn.get_for_update(&key)?.unwrap_or_default();
    while all.len() >= WAITING_MAX {
        let (until, id) = all.remove(0);
        txn.delete(&login_key(&id));
        let due = Due::MfaLogin { namespace: ns.clone(), entity: waiting.entity_id.clone(), id };
        due::unschedule(txn, ns, until, &due);
    }
    all.push((waiting.until, waiting.id.clone()));
    txn.put(&key, &all)?;
    txn.put(&login_key(&waiting.id), waiting)?;
    due::schedule(txn, ns, waiting.until, &waiting.due(ns))
}

/// The login with that id, if it still waits.
pub(crate) fn waiting(txn: &Txn, id: &str, now: Millis) -> Result<Option<Waiting>, Access> {
    if id.len() > ID_MAX {
        return Ok(None);
    }
    Ok(txn.get_for_update::<Waiting>(&login_key(id))?.filter(|waiting| now < waiting.until))
}

pub(crate) fn done(txn: &mut Txn, ns: &NamespaceId, waiting: &Waiting) -> Result<(), Access> {
    forget(txn, &waiting.entity_id, &waiting.id)?;
    due::unschedule(txn, ns, waiting.until, &waiting.due(ns));
    Ok(())
}

pub(crate) fn expire(txn: &mut Txn, entity: &str, id: &str) -> Result<(), Access> {
    forget(txn, entity, id)
}

fn forget(txn: &mut Txn, entity: &str, id: &str) -> Result<(), Access> {
    txn.delete(&login_key(id));
    let key = waiting_key(entity);
    let mut all: All = txn.get_for_update(&key)?.unwrap_or_default();
    all.retain(|(_, other)| other != id);
    if all.is_empty() {
        txn.delete(&key);
        return Ok(());
    }
    txn.put(&key, &all)
}
