//! A role's record, and the index from its ID to its name.
//!
//! The ID can be changed and a name be used again, so neither names what belongs to the role: a number of its own does.

use std::time::Duration;

use schemars::JsonSchema;
use sdk::{Failure, Key, Read, Result, ShownToken, TokenFields, TokenSettings, Txn};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::role_fields::Older;
use crate::secret_id::Mac;

/// In bytes.
const SECRET_ID_MAX: usize = 4096;
/// In bytes: as long as an alias may be.
const ROLE_ID_MAX: usize = 1024;

#[derive(Clone, Serialize, Deserialize)]
pub struct Role {
    /// Names the folders of its secret IDs.
    pub uid: String,
    /// What its secret IDs are hashed under, in hexadecimal.
    key: String,
    pub role_id: String,
    pub bind_secret_id: bool,
    /// As they were written; `None` until they are for the first time.
    pub secret_id_bound_cidrs: Option<Vec<String>>,
    pub secret_id_num_uses: i64,
    pub secret_id_ttl: Duration,
    pub local_secret_ids: bool,
    pub token: TokenSettings,
    pub older: Older,
}

/// Whose a role ID is.
#[derive(Serialize, Deserialize)]
struct Owner {
    role: String,
}

pub fn folder() -> Key {
    Key::kind("role")
}

fn key(name: &str) -> Key {
    folder().name(name)
}

/// Without case, which tells no two of them apart: who has logged in is an alias by this, and those have none.
fn index(role_id: &str) -> Key {
    Key::kind("role-id").name(sdk::folded(role_id))
}

impl Role {
    /// A new one, with an ID that nobody can guess.
    pub fn fresh() -> Self {
        Self {
            uid: Uuid::new_v4().to_string(),
            key: hex::encode(sdk::random::<32>()),
            role_id: Uuid::new_v4().to_string(),
            bind_secret_id: true,
            secret_id_bound_cidrs: None,
            secret_id_num_uses: 0,
            secret_id_ttl: Duration::ZERO,
            local_secret_ids: false,
            token: TokenSettings::default(),
            older: Older::default(),
        }
    }

    pub fn get(read: &impl Read, name: &str) -> Result<Option<Self>> {
        Ok(read.get(&key(name))?)
    }

    /// The role that has this ID to the letter, with its name.
    pub fn with_id(read: &impl Read, role_id: &str) -> Result<Option<(String, Self)>> {
        let Some(Owner { role: name }) = read.get::<Owner>(&index(role_id))? else { return Ok(None) };
        Ok(Self::get(read, &name)?.filter(|role| role.role_id == role_id).map(|role| (name, role)))
    }

    /// Reads a role that is going to be written.
    pub fn take(txn: &Txn, name: &str) -> Result<Option<Self>> {
        Ok(txn.get_for_update(&key(name))?)
    }

    /// `before` is the ID that it had, if it was there.
    pub fn put(&self, txn: &mut Txn, name: &str, before: Option<&str>) -> Result<()> {
        if !self.is_constrained() {
            return Err(Failure::invalid("at least one constraint should be enabled on the role"));
        }
        if before != Some(self.role_id.as_str()) {
            if self.role_id.len() > ROLE_ID_MAX || self.role_id.chars().any(char::is_control) {
                return Err(Failure::invalid(format!(
                    "a role_id may have at most {ROLE_ID_MAX} bytes, and no control characters"
                )));
            }
            let owner = txn.get_for_update::<Owner>(&index(&self.role_id))?;
            if owner.is_some_and(|owner| owner.role != name) {
                return Err(Failure::invalid("role_id already in use"));
            }
            if let Some(before) = before {
                txn.delete(&index(before));
            }
            txn.put(&index(&self.role_id), &Owner { role: name.to_owned() })?;
        }
        Ok(txn.put(&key(name), self)?)
    }

    /// With all its secret IDs, however many they are: their folders go whole. Who registers one relies on the role's
    /// record, so none slips in behind.
    pub fn delete(&self, txn: &mut Txn, name: &str) {
        crate::secret_id::delete_all(txn, &self.uid);
        txn.delete(&index(&self.role_id));
        txn.delete(&key(name));
    }

    /// Something has to keep strangers out who know the role's ID.
    fn is_constrained(&self) -> bool {
        self.bind_secret_id || !self.networks().is_empty() || !self.token.bound_cidrs.is_empty()
    }

    /// Where one may log in from; anywhere if there are none.
    pub fn networks(&self) -> &[String] {
        self.secret_id_bound_cidrs.as_deref().unwrap_or_default()
    }

    /// What a secret ID is kept under.
    pub fn mac(&self, secret_id: &str) -> Result<Mac> {
        if secret_id.len() > SECRET_ID_MAX {
            let text = format!("secret_id is longer than maximum of {SECRET_ID_MAX} bytes");
            return Err(Failure::invalid(text));
        }
        let key = hex::decode(&self.key).map_err(Failure::internal)?;
        Ok(Mac::new(sdk::hmac_sha256(&key, secret_id.as_bytes())))
    }

    pub fn set_token(&mut self, fields: TokenFields) -> Result<()> {
        let mut settings = self.token.clone();
        settings.update(fields)?;
        if settings.strictly_bind_ip && !settings.bound_cidrs.is_empty() {
            let text = "'token_strictly_bind_ip' conflicts with 'token_bound_cidrs'; set only one";
            return Err(Failure::invalid(text));
        }
        self.token = settings;
        Ok(())
    }

    pub fn show(&self) -> Shown {
        let token = self.token.shown();
        let older = &self.older;
        Shown {
            bind_secret_id: self.bind_secret_id,
            local_secret_ids: self.local_secret_ids,
            secret_id_bound_cidrs: self.secret_id_bound_cidrs.clone(),
            secret_id_num_uses: self.secret_id_num_uses,
            secret_id_ttl: self.secret_id_ttl.as_secs(),
            policies: Some(token.token_policies.clone()).filter(|policies| older.policies && !policies.is_empty()),
            period: Some(token.token_period).filter(|period| older.period && *period > 0),
            token,
        }
    }
}

/// As the wire shows a role; a setting under its older name too, where it was given under that.
#[derive(Serialize, JsonSchema)]
pub struct Shown {
    #[serde(flatten)]
    token: ShownToken,
    bind_secret_id: bool,
    local_secret_ids: bool,
    secret_id_bound_cidrs: Option<Vec<String>>,
    secret_id_num_uses: i64,
    secret_id_ttl: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<u64>,
}

/// What to say of a role that is asked for something of its own.
pub fn nobody(name: &str) -> Failure {
    Failure::invalid(format!("role {name:?} does not exist"))
}
