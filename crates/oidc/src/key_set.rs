//! The public keys that verifiers are told.

use std::collections::BTreeSet;

use sdk::{Millis, Read, Result};

use crate::{Client, Jwk, NamedKey, Provider, Public, Used};

pub struct KeySet {
    pub keys: Vec<Public>,
    /// Seconds that no named key rotates, or is forgotten, in less of: a copy that is no older knows each key that signs.
    pub steady: u64,
}

impl KeySet {
    /// What verifies the tokens of roles.
    pub fn of_roles(read: &impl Read, now: Millis) -> Result<Self> {
        let mut set = Self { keys: Vec::new(), steady: u64::MAX };
        for name in NamedKey::names(read)? {
            let Some(key) = NamedKey::get(read, &name)? else { continue };
            set.steady = set.steady.min(key.rotation_period).min(key.verification_ttl);
            if Used::KeyByRole.is_used(read, &name)? {
                set.keys.extend(key.verifies(now).cloned());
            }
        }
        Ok(set)
    }

    /// What verifies the tokens of a provider's clients.
    pub fn of_provider(read: &impl Read, provider: &Provider, now: Millis) -> Result<Self> {
        let mut names = BTreeSet::new();
        for id in &provider.allowed_client_ids {
            if id == "*" {
                for name in NamedKey::names(read)? {
                    if Used::KeyByClient.is_used(read, &name)? {
                        names.insert(name);
                    }
                }
            } else if let Some(client) = Client::by_id(read, id)? {
                names.insert(client.key);
            }
        }
        let mut set = Self { keys: Vec::new(), steady: u64::MAX };
        for name in names {
            let Some(key) = NamedKey::get(read, &name)? else { continue };
            set.steady = set.steady.min(key.rotation_period).min(key.verification_ttl);
            set.keys.extend(key.verifies(now).cloned());
        }
        Ok(set)
    }

    pub fn find(&self, kid: &str) -> Option<&Public> {
        self.keys.iter().find(|public| public.kid == kid)
    }

    pub fn jwks(&self) -> Result<Vec<Jwk>> {
        self.keys.iter().map(Public::jwk).collect()
    }
}
