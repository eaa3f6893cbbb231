//! The public keys that verifiers are told.

use std::collections::BTreeSet;

use sdk::{Millis, Read, Result};

use crate::{Client, Jwk, NamedKey, Provider, Public, Used};

#[derive(Default)]
pub struct KeySet {
    pub keys: Vec<Public>,
    /// Of roles: the shortest period of any key, in seconds. A copy that is no older knows each key that signs.
    pub steady: Option<u64>,
}

impl KeySet {
    /// What verifies the tokens of roles.
    pub fn of_roles(read: &impl Read, now: Millis) -> Result<Self> {
        let mut set = Self::default();
        for name in NamedKey::names(read)? {
            let Some(key) = NamedKey::get(read, &name)? else { continue };
            set.keep_up_with(&key);
            if Used::KeyByRole.is_used(read, &name)? || Used::KeyByRole.lingers(read, &name, now)? {
                set.keys.extend(key.verifies(now).cloned());
            }
        }
        Ok(set)
    }

    /// What verifies any token, also one whose role is not there any more.
    pub fn of_all(read: &impl Read, now: Millis) -> Result<Self> {
        let mut set = Self::default();
        for name in NamedKey::names(read)? {
            if let Some(key) = NamedKey::get(read, &name)? {
                set.keys.extend(key.verifies(now).cloned());
            }
        }
        Ok(set)
    }

    /// What verifies the tokens of a provider's clients, and for its time what has signed for clients that are gone.
    pub fn of_provider(read: &impl Read, provider: &Provider, now: Millis) -> Result<Self> {
        let mut names = BTreeSet::new();
        for name in NamedKey::names(read)? {
            if Used::KeyByClient.lingers(read, &name, now)? {
                names.insert(name);
            }
        }
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
        let mut set = Self::default();
        for name in names {
            if let Some(key) = NamedKey::get(read, &name)? {
                set.keys.extend(key.verifies(now).cloned());
            }
        }
        Ok(set)
    }

    fn keep_up_with(&mut self, key: &NamedKey) {
        let own = key.rotation_period.min(key.verification_ttl);
        self.steady = Some(self.steady.map_or(own, |steady| steady.min(own)));
    }

    pub fn find(&self, kid: &str) -> Option<&Public> {
        self.keys.iter().find(|public| public.kid == kid)
    }

    pub fn jwks(&self) -> Result<Vec<Jwk>> {
        self.keys.iter().map(Public::jwk).collect()
    }
}
