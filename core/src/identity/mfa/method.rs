//! Methods: what a second factor can be. No Debug: they hold what the server proves itself with to others.

use std::collections::BTreeSet;
use std::time::Duration;

use sdk::{Failure, Result};
use serde::{Deserialize, Serialize};
use storage::{Access, PathKey, Read, Txn};
use totp::{Algorithm, Digits, Key, Secret};

use super::enforcement::using_key;
use super::folder;
use super::key::keys_of;
use crate::identity::{check_name, new_id};

/// Of one namespace.
const METHODS_MAX: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Totp,
    Duo,
    Okta,
    PingId,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Duo => "duo",
            Self::Okta => "okta",
            Self::PingId => "pingid",
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Method {
    pub id: String,
    /// Empty if it has none.
    pub name: String,
    pub settings: Settings,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Settings {
    Totp(Totp),
    Duo(Duo),
    Okta(Okta),
    PingId(PingId),
}

impl Settings {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Totp(_) => Kind::Totp,
            Self::Duo(_) => Kind::Duo,
            Self::Okta(_) => Kind::Okta,
            Self::PingId(_) => Kind::PingId,
        }
    }

    pub fn uses_passcode(&self) -> bool {
        match self {
            Self::Totp(_) => true,
            Self::Duo(duo) => duo.use_passcode,
            Self::Okta(_) | Self::PingId(_) => false,
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Totp {
    pub issuer: String,
    /// Seconds, at least one.
    pub period: u64,
    pub algorithm: Algorithm,
    pub digits: Digits,
    pub skew: u64,
    /// Bytes.
    pub key_size: usize,
    /// Pixels; zero for no QR code.
    pub qr_size: u32,
    pub max_validation_attempts: u32,
}

impl Totp {
    pub(super) fn key(&self, account_name: String) -> Key {
        Key {
            secret: Secret::random(self.key_size),
            issuer: self.issuer.clone(),
            account_name,
            period: self.period,
            algorithm: self.algorithm,
            digits: self.digits,
            skew: self.skew,
        }
    }

    /// For how long one code can be right.
    pub(super) fn window(&self) -> Duration {
        Duration::from_secs(self.period.saturating_mul(self.skew.saturating_mul(2).saturating_add(1)))
    }

    /// Refuses what no key could be shown by: whoever asks for one would be refused each time.
    pub fn check(&self) -> Result<()> {
        if self.qr_size > 0 {
            self.key(new_id()).barcode(self.qr_size)?;
        }
        Ok(())
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Duo {
    pub secret_key: String,
    pub integration_key: String,
    pub api_hostname: String,
    pub push_info: String,
    pub use_passcode: bool,
    pub username_format: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Okta {
    pub org_name: String,
    pub api_token: String,
    /// Empty where `production` says which it is.
    pub base_url: String,
    pub production: bool,
    pub primary_email: bool,
    pub username_format: String,
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub struct PingId {
    pub use_base64_key: String,
    pub use_signature: bool,
    pub token: String,
    pub idp_url: String,
    pub org_alias: String,
    pub admin_url: String,
    pub authenticator_url: String,
    pub username_format: String,
}

fn all() -> PathKey {
    folder("method")
}

fn method_key(id: &str) -> PathKey {
    all().name(id)
}

fn name_key(name: &str) -> PathKey {
    folder("method-name").name(name)
}

pub fn method(read: &impl Read, id: &str) -> Result<Option<Method>, Access> {
    if id.is_empty() { Ok(None) } else { read.get(&method_key(id)) }
}

/// A page of methods in the order of their ids: of one kind, or of all.
pub fn methods(read: &impl Read, kind: Option<Kind>, after: Option<&str>, limit: usize) -> Result<Vec<Method>, Access> {
    let mut found = Vec::new();
    for id in read.page(&all(), after, usize::MAX)? {
        let method = method(read, &id)?;
        found.extend(method.filter(|method| kind.is_none_or(|kind| method.settings.kind() == kind)));
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// Changes the method with that id, or else with that name, or makes one. `settings` is given what it was before.
pub fn write_method(
    txn: &mut Txn,
    kind: Kind,
    id: Option<&str>,
    name: Option<&str>,
    settings: impl FnOnce(Option<&Settings>) -> Result<Settings>,
) -> Result<Method> {
    let mut found = match id {
        Some(id) => Some(for_update(txn, id)?.ok_or(Failure::NotFound)?),
        None => None,
    };
    if let Some(name) = name {
        check_name("an MFA method", name)?;
        match (txn.get_for_update::<String>(&name_key(name))?, &found) {
            (Some(holder), None) => found = for_update(txn, &holder)?,
            (Some(holder), Some(method)) if holder != method.id => {
                let text = format!("a login MFA method configuration with the method name {name:?} already exists");
                return Err(Failure::invalid(text));
            }
            _ => {}
        }
    }
    if let Some(method) = found.as_ref().filter(|method| method.settings.kind() != kind) {
        let is = method.settings.kind().name();
        return Err(Failure::invalid(format!("the MFA method is of the type {is}, which stays as it is")));
    }
    let settings = settings(found.as_ref().map(|method| &method.settings))?;
    let mut method = match found {
        Some(method) => Method { settings, ..method },
        None if txn.page(&all(), None, METHODS_MAX)?.len() >= METHODS_MAX => {
            return Err(Failure::invalid(format!("a namespace can have at most {METHODS_MAX} MFA methods")));
        }
        None => Method { id: new_id(), name: String::new(), settings },
    };
    if let Some(name) = name.filter(|name| **name != method.name) {
        if !method.name.is_empty() {
            txn.delete(&name_key(&method.name));
        }
        name.clone_into(&mut method.name);
        txn.put(&name_key(name), &method.id)?;
    }
    txn.put(&method_key(&method.id), &method)?;
    Ok(method)
}

fn for_update(txn: &Txn, id: &str) -> Result<Option<Method>, Access> {
    txn.get_for_update(&method_key(id))
}

/// With the keys that entities have for it. Not while an enforcement asks for it.
pub fn delete_method(txn: &mut Txn, kind: Kind, id: &str) -> Result<()> {
    let Some(method) = for_update(txn, id)? else { return Ok(()) };
    if method.settings.kind() != kind {
        return Err(Failure::invalid("method type does not match the MFA config type"));
    }
    let using: BTreeSet<String> = txn.get_for_update(&using_key(id))?.unwrap_or_default();
    if let Some(name) = using.first() {
        let text = format!("methodID is still used by an enforcement configuration with name: {name:?}");
        return Err(Failure::invalid(text));
    }
    if !method.name.is_empty() {
        txn.delete(&name_key(&method.name));
    }
    for folder in keys_of(id) {
        txn.delete_folder(&folder);
    }
    txn.delete(&method_key(id));
    Ok(())
}
