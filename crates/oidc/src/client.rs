//! Applications that people log in to, who may log in to them, and what they are told of who does.
//!
//! ```text
//! oidc / client / name        with the secret
//! oidc / client-id / id       name
//! oidc / assignment / name
//! oidc / scope / name
//! ```

use sdk::{Key, Millis, Read, Result, Txn};
use serde::{Deserialize, Serialize};

use crate::default::{ALLOW_ALL, names, names_with};
use crate::{Used, folder};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientKind {
    /// Keeps a secret.
    Confidential,
    /// Cannot: it proves by PKCE that it is who has asked.
    Public,
}

impl ClientKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Confidential => "confidential",
            Self::Public => "public",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Confidential, Self::Public].into_iter().find(|kind| kind.name() == name)
    }
}

/// No Debug: it holds the secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct Client {
    pub id: String,
    pub secret: Option<String>,
    pub kind: ClientKind,
    pub key: String,
    pub redirect_uris: Vec<String>,
    pub assignments: Vec<String>,
    /// Seconds.
    pub id_token_ttl: u64,
    /// Seconds.
    pub access_token_ttl: u64,
    pub authorization_code: bool,
    pub client_credentials: bool,
}

fn clients() -> Key {
    folder("client")
}

fn client_id(id: &str) -> Key {
    folder("client-id").name(id)
}

impl Client {
    pub fn get(read: &impl Read, name: &str) -> Result<Option<Self>> {
        Ok(read.get(&clients().name(name))?)
    }

    pub fn by_id(read: &impl Read, id: &str) -> Result<Option<Self>> {
        match read.get::<String>(&client_id(id))? {
            Some(name) => Self::get(read, &name),
            None => Ok(None),
        }
    }

    pub fn take(txn: &Txn, name: &str) -> Result<Option<Self>> {
        Ok(txn.get_for_update(&clients().name(name))?)
    }

    pub fn names(read: &impl Read) -> Result<Vec<String>> {
        names(read, &clients())
    }

    /// Whether it may have tokens for itself, which nobody but a client that keeps a secret can ask for.
    pub fn has_tokens_for_itself(&self) -> bool {
        self.client_credentials && self.kind == ClientKind::Confidential
    }

    /// Whether it is this secret that the client has. A public one has none, and none is right.
    #[must_use]
    pub fn is_proved_by(&self, secret: &str) -> bool {
        self.secret.as_ref().is_none_or(|own| crypto::ct_eq(own.as_bytes(), secret.as_bytes()))
    }

    pub fn put(&self, txn: &mut Txn, name: &str, before: Option<&Self>) -> Result<()> {
        let assignments = before.map(|client| client.assignments.as_slice()).unwrap_or_default();
        let key = before.map(|client| std::slice::from_ref(&client.key)).unwrap_or_default();
        Used::AssignmentByClient.refer(txn, name, assignments, &self.assignments)?;
        Used::KeyByClient.refer(txn, name, key, std::slice::from_ref(&self.key))?;
        txn.put(&client_id(&self.id), name)?;
        Ok(txn.put(&clients().name(name), self)?)
    }

    pub fn delete(&self, txn: &mut Txn, name: &str, now: Millis) -> Result<()> {
        Used::KeyByClient.lets_go(txn, &self.key, now)?;
        Used::AssignmentByClient.refer(txn, name, &self.assignments, &[])?;
        Used::KeyByClient.refer(txn, name, std::slice::from_ref(&self.key), &[])?;
        txn.delete(&client_id(&self.id));
        txn.delete(&clients().name(name));
        Ok(())
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Assignment {
    pub entity_ids: Vec<String>,
    pub group_ids: Vec<String>,
}

fn assignments() -> Key {
    folder("assignment")
}

impl Assignment {
    pub fn get(read: &impl Read, name: &str) -> Result<Option<Self>> {
        if name == ALLOW_ALL {
            let everybody = vec!["*".to_owned()];
            return Ok(Some(Self { entity_ids: everybody.clone(), group_ids: everybody }));
        }
        Ok(read.get(&assignments().name(name))?)
    }

    pub fn take(txn: &Txn, name: &str) -> Result<Option<Self>> {
        Ok(txn.get_for_update(&assignments().name(name))?)
    }

    pub fn names(read: &impl Read) -> Result<Vec<String>> {
        names_with(read, &assignments(), &[ALLOW_ALL])
    }

    pub fn put(&self, txn: &mut Txn, name: &str) -> Result<()> {
        Ok(txn.put(&assignments().name(name), self)?)
    }

    pub fn delete(txn: &mut Txn, name: &str) {
        txn.delete(&assignments().name(name));
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Scope {
    pub template: String,
    pub description: String,
}

fn scopes() -> Key {
    folder("scope")
}

impl Scope {
    pub fn get(read: &impl Read, name: &str) -> Result<Option<Self>> {
        Ok(read.get(&scopes().name(name))?)
    }

    pub fn take(txn: &Txn, name: &str) -> Result<Option<Self>> {
        Ok(txn.get_for_update(&scopes().name(name))?)
    }

    pub fn names(read: &impl Read) -> Result<Vec<String>> {
        names(read, &scopes())
    }

    pub fn put(&self, txn: &mut Txn, name: &str) -> Result<()> {
        Ok(txn.put(&scopes().name(name), self)?)
    }

    pub fn delete(txn: &mut Txn, name: &str) {
        txn.delete(&scopes().name(name));
    }
}
