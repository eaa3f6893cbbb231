//! A secret ID's record, under a hash of it, and the index from its accessor.

use std::time::Duration;

use schemars::JsonSchema;
use sdk::{Access, Failure, Key, Millis, Read, Result, Txn};
use serde::{Deserialize, Serialize};

use crate::expiry::{self, Due};
use crate::metadata::Metadata;
use crate::role::Role;

/// A secret ID under its role's key, in hexadecimal: names its record, logs nobody in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mac(String);

impl Mac {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(hex::encode(bytes))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct SecretId {
    pub accessor: String,
    /// Logins that are left; zero for no limit. Whoever takes the last one takes the record away.
    pub uses: i64,
    /// What was asked for; the mount may have said less.
    pub ttl: Duration,
    pub created: Millis,
    pub updated: Millis,
    pub expires: Option<Millis>,
    pub metadata: Metadata,
    /// Networks that it may be used from, as they were written.
    pub cidrs: Vec<String>,
    /// Networks that its tokens may be used from, in place of the role's.
    pub token_cidrs: Vec<String>,
}

/// The time that the wire has for never.
const NEVER: &str = "0001-01-01T00:00:00Z";

fn folder(uid: &str) -> Key {
    Key::kind("secret-id").plain(uid)
}

fn key(uid: &str, mac: &Mac) -> Key {
    folder(uid).plain(mac.as_str())
}

/// The accessors of a role's secret IDs; their names are all that a listing reads.
pub fn accessors(uid: &str) -> Key {
    Key::kind("accessor").plain(uid)
}

pub fn delete_all(txn: &mut Txn, uid: &str) {
    txn.delete_folder(&folder(uid));
    txn.delete_folder(&accessors(uid));
}

impl SecretId {
    /// One whose time is up is not there any more.
    pub fn get(read: &impl Read, role: &Role, mac: &Mac, now: Millis) -> Result<Option<Self>> {
        Ok(Self::stored(read, &role.uid, mac)?.filter(|found| !found.is_expired(now)))
    }

    pub fn stored(read: &impl Read, uid: &str, mac: &Mac) -> Result<Option<Self>, Access> {
        read.get(&key(uid, mac))
    }

    /// Reads what is going to be written, whether its time is up or not.
    pub fn take(txn: &Txn, role: &Role, mac: &Mac) -> Result<Option<Self>> {
        Ok(txn.get_for_update(&key(&role.uid, mac))?)
    }

    pub fn by_accessor(read: &impl Read, role: &Role, accessor: &str, now: Millis) -> Result<Option<(Mac, Self)>> {
        let Some(mac) = read.get::<Mac>(&accessors(&role.uid).plain(accessor))? else { return Ok(None) };
        Ok(Self::get(read, role, &mac, now)?.map(|found| (mac, found)))
    }

    pub fn is_expired(&self, now: Millis) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }

    /// With its accessor and the time when it is to be swept away.
    pub fn register(&self, txn: &mut Txn, role: &Role, mac: &Mac) -> Result<(), Access> {
        txn.put(&accessors(&role.uid).plain(&self.accessor), mac)?;
        if let Some(at) = self.expires {
            expiry::schedule(txn, &Due { at, uid: role.uid.clone(), mac: mac.clone() })?;
        }
        self.put(txn, role, mac)
    }

    fn put(&self, txn: &mut Txn, role: &Role, mac: &Mac) -> Result<(), Access> {
        txn.put(&key(&role.uid, mac), self)
    }

    /// Takes one login of a limited number. Each writes the record, so of two at once the second finds it changed, runs
    /// again and sees what is left.
    pub fn spend(mut self, txn: &mut Txn, role: &Role, mac: &Mac, now: Millis) -> Result<(), Access> {
        if self.uses <= 1 {
            self.remove(txn, &role.uid, mac);
            return Ok(());
        }
        (self.uses, self.updated) = (self.uses - 1, now);
        self.put(txn, role, mac)
    }

    pub fn remove(&self, txn: &mut Txn, uid: &str, mac: &Mac) {
        txn.delete(&key(uid, mac));
        txn.delete(&accessors(uid).plain(&self.accessor));
        if let Some(at) = self.expires {
            expiry::unschedule(txn, &Due { at, uid: uid.to_owned(), mac: mac.clone() });
        }
    }

    pub fn show(&self) -> Shown {
        Shown {
            cidr_list: self.cidrs.clone(),
            creation_time: sdk::timestamp(self.created),
            expiration_time: self.expires.map_or_else(|| NEVER.to_owned(), sdk::timestamp),
            last_updated_time: sdk::timestamp(self.updated),
            metadata: self.metadata.clone(),
            secret_id_accessor: self.accessor.clone(),
            secret_id_num_uses: self.uses,
            secret_id_ttl: self.ttl.as_secs(),
            token_bound_cidrs: self.token_cidrs.clone(),
        }
    }
}

/// As the wire shows a secret ID.
#[derive(Serialize, JsonSchema)]
pub struct Shown {
    cidr_list: Vec<String>,
    creation_time: String,
    expiration_time: String,
    last_updated_time: String,
    metadata: Metadata,
    secret_id_accessor: String,
    secret_id_num_uses: i64,
    secret_id_ttl: u64,
    token_bound_cidrs: Vec<String>,
}

pub fn missing() -> Failure {
    Failure::invalid("missing secret_id")
}
