//! Providers: an issuer, the clients that may use it and the scopes that they may ask for.
//!
//! ```text
//! oidc / provider / name
//! oidc / config              the issuer of identity tokens
//! ```

use sdk::{Key, Millis, Read, Result, Txn};
use serde::{Deserialize, Serialize};

use crate::default::{DEFAULT, OPENID, names_with};
use crate::{Client, Used, folder};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Provider {
    /// Scheme, host and port; the server's own if empty.
    pub issuer: String,
    /// `*` is all of them.
    pub allowed_client_ids: Vec<String>,
    pub scopes_supported: Vec<String>,
}

fn providers() -> Key {
    folder("provider")
}

impl Provider {
    fn default_one() -> Self {
        Self { allowed_client_ids: vec!["*".into()], ..Self::default() }
    }

    pub fn get(read: &impl Read, name: &str) -> Result<Option<Self>> {
        let stored = read.get(&providers().name(name))?;
        Ok(stored.or_else(|| (name == DEFAULT).then(Self::default_one)))
    }

    pub fn take(txn: &Txn, name: &str) -> Result<Option<Self>> {
        txn.latch(&providers().name(name))?;
        Self::get(txn, name)
    }

    pub fn names(read: &impl Read) -> Result<Vec<String>> {
        names_with(read, &providers(), &[DEFAULT])
    }

    pub fn put(&self, txn: &mut Txn, name: &str, before: &Self, now: Millis) -> Result<()> {
        Used::ScopeByProvider.refer(txn, name, &before.scopes_supported, &self.scopes_supported)?;
        for id in before.allowed_client_ids.iter().filter(|id| !self.allows(id)) {
            if let Some(client) = Client::by_id(txn, id)? {
                Used::KeyByClient.lets_go(txn, &client.key, now)?;
            }
        }
        Ok(txn.put(&providers().name(name), self)?)
    }

    pub fn delete(&self, txn: &mut Txn, name: &str) -> Result<()> {
        Used::ScopeByProvider.refer(txn, name, &self.scopes_supported, &[])?;
        txn.delete(&providers().name(name));
        Ok(())
    }

    pub fn allows(&self, client_id: &str) -> bool {
        self.allowed_client_ids.iter().any(|allowed| allowed == "*" || allowed == client_id)
    }

    /// Those of the scopes in `asked` that are supported: sorted, each once, without the one that says it is OpenID Connect.
    /// `None`: that one is not among them.
    pub fn scopes(&self, asked: &str) -> Option<Vec<String>> {
        let mut asked: Vec<&str> = asked.split(' ').filter(|scope| !scope.is_empty()).collect();
        if !asked.contains(&OPENID) {
            return None;
        }
        asked.sort_unstable();
        asked.dedup();
        let known = |scope: &&str| *scope != OPENID && self.scopes_supported.iter().any(|known| known == scope);
        Some(asked.into_iter().filter(known).map(str::to_owned).collect())
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Config {
    /// Scheme, host and port; the server's own if empty.
    pub issuer: String,
}

impl Config {
    pub fn get(read: &impl Read) -> Result<Self> {
        Ok(read.get(&folder("config"))?.unwrap_or_default())
    }

    pub fn put(&self, txn: &mut Txn) -> Result<()> {
        Ok(txn.put(&folder("config"), self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_that_nobody_knows_are_left_out() {
        let provider = Provider { scopes_supported: vec!["a".into(), "b".into()], ..Provider::default() };
        assert_eq!(provider.scopes("b openid  a b x"), Some(vec!["a".into(), "b".into()]));
        assert_eq!(provider.scopes("openid"), Some(vec![]));
        for none in ["", "a b", "OpenID", "openid,a"] {
            assert_eq!(provider.scopes(none), None, "{none}");
        }
    }
}
