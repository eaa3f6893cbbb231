//! A user's record.

use schemars::JsonSchema;
use sdk::{Access, CommaList, Failure, Input, Key, Read, Result, Seconds, ShownToken, TokenFields, TokenSettings, Txn};
use serde::{Deserialize, Serialize};

/// The fields that a write may bring besides the password. The older names give way to the newer ones.
#[derive(Input)]
pub struct UserFields {
    #[field(flatten)]
    token: TokenFields,
    /// The older name of `token_policies`.
    #[field(deprecated)]
    policies: Option<CommaList>,
    /// The older name of `token_ttl`.
    #[field(deprecated)]
    ttl: Option<Seconds>,
    /// The older name of `token_max_ttl`.
    #[field(deprecated)]
    max_ttl: Option<Seconds>,
    /// The older name of `token_bound_cidrs`.
    #[field(deprecated)]
    bound_cidrs: Option<CommaList>,
}

impl UserFields {
    /// Of these fields those about policies.
    pub fn policies_alone(self) -> Self {
        let token = TokenFields { token_policies: self.token.token_policies, ..TokenFields::default() };
        Self { token, policies: self.policies, ttl: None, max_ttl: None, bound_cidrs: None }
    }
}

/// Which of the settings were last given under their older names, and are shown under both.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
struct Older {
    policies: bool,
    ttl: bool,
    max_ttl: bool,
    bound_cidrs: bool,
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub struct User {
    /// A bcrypt hash.
    pub hash: String,
    pub token: TokenSettings,
    #[serde(default)]
    older: Older,
}

impl User {
    /// Tells one password of the user from another, and nothing of either: it changes with each that is set.
    pub fn mark(&self) -> String {
        hex::encode(&sdk::hmac_sha256(b"userpass", self.hash.as_bytes())[..8])
    }
}

/// As the wire shows a user; a setting under its older name too, where it was given under that.
#[derive(Serialize, JsonSchema)]
pub struct Shown {
    #[serde(flatten)]
    token: ShownToken,
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_ttl: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound_cidrs: Option<Vec<String>>,
}

pub fn folder() -> Key {
    Key::kind("user")
}

pub fn key(name: &str) -> Key {
    folder().name(name)
}

impl User {
    pub fn get(read: &impl Read, name: &str) -> Result<Option<Self>> {
        Ok(read.get(&key(name))?)
    }

    /// Reads a user that is going to be written.
    pub fn take(txn: &Txn, name: &str) -> Result<Option<Self>> {
        Ok(txn.get_for_update(&key(name))?)
    }

    pub fn put(&self, txn: &mut Txn, name: &str) -> Result<(), Access> {
        txn.put(&key(name), self)
    }

    pub fn update(&mut self, fields: UserFields) -> Result<()> {
        let mut older = self.older;
        let UserFields { mut token, policies, ttl, max_ttl, bound_cidrs } = fields;
        if let Some(CommaList(names)) = &mut token.token_policies {
            sort(names);
        }
        let lower = policies.map(|CommaList(names)| {
            let mut names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
            sort(&mut names);
            CommaList(names)
        });
        settle(&mut token.token_policies, lower, &mut older.policies, |list| list.0.is_empty());
        settle(&mut token.token_ttl, ttl, &mut older.ttl, |span| span.0.is_zero());
        settle(&mut token.token_max_ttl, max_ttl, &mut older.max_ttl, |span| span.0.is_zero());
        settle(&mut token.token_bound_cidrs, bound_cidrs, &mut older.bound_cidrs, |list| list.0.is_empty());
        let mut settings = self.token.clone();
        settings.update(token)?;
        if settings.strictly_bind_ip && !settings.bound_cidrs.is_empty() {
            let text = "'token_strictly_bind_ip' conflicts with 'token_bound_cidrs'; set only one";
            return Err(Failure::invalid(text));
        }
        (self.token, self.older) = (settings, older);
        Ok(())
    }

    pub fn show(&self) -> Shown {
        let (token, older) = (self.token.shown(), self.older);
        Shown {
            policies: older.policies.then(|| token.token_policies.clone()),
            ttl: older.ttl.then_some(token.token_ttl),
            max_ttl: older.max_ttl.then_some(token.token_max_ttl),
            bound_cidrs: older.bound_cidrs.then(|| token.token_bound_cidrs.clone()),
            token,
        }
    }
}

/// The newer name wins. The older one shows from then on if it was used alone, or beside the newer one.
fn settle<T>(newer: &mut Option<T>, older: Option<T>, shown: &mut bool, is_nothing: impl Fn(&T) -> bool) {
    match (newer.is_some(), older) {
        (true, Some(_)) => *shown = true,
        (true, None) => *shown = false,
        (false, Some(value)) => {
            *shown = !is_nothing(&value);
            *newer = Some(value);
        }
        (false, None) => {}
    }
}

fn sort(names: &mut Vec<String>) {
    names.sort();
    names.dedup();
}
