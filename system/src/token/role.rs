//! A role that tokens are made against: its record, and what it says about a token.

use std::time::Duration;

use holdfast_core::token::{RoleTerms, TokenKind};
use schemars::JsonSchema;
use sdk::{Cidr, Failure, Key, Read, Result, Txn};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Role {
    pub allowed_policies: Vec<String>,
    pub allowed_policies_glob: Vec<String>,
    pub disallowed_policies: Vec<String>,
    pub disallowed_policies_glob: Vec<String>,
    /// `None` was never set.
    pub allowed_entity_aliases: Option<Vec<String>>,
    pub orphan: bool,
    pub renewable: bool,
    pub path_suffix: String,
    pub period: Given<Duration>,
    pub explicit_max_ttl: Given<Duration>,
    pub bound_cidrs: Given<Vec<Cidr>>,
    pub num_uses: i64,
    pub token_type: RoleType,
    pub no_default_policy: bool,
}

/// A value, and whether it was given under its older name, under which it then shows as well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given<T> {
    pub value: T,
    pub older: bool,
}

/// The type of a role's tokens: as the request asks, or whatever it asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleType {
    #[default]
    DefaultService,
    DefaultBatch,
    Service,
    Batch,
}

/// As the wire shows a role. Spans are in seconds.
#[derive(Serialize, JsonSchema)]
pub struct Shown {
    name: String,
    allowed_policies: Vec<String>,
    allowed_policies_glob: Vec<String>,
    disallowed_policies: Vec<String>,
    disallowed_policies_glob: Vec<String>,
    allowed_entity_aliases: Option<Vec<String>>,
    orphan: bool,
    renewable: bool,
    path_suffix: String,
    period: u64,
    explicit_max_ttl: u64,
    token_period: u64,
    token_explicit_max_ttl: u64,
    token_type: &'static str,
    token_no_default_policy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_num_uses: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_bound_cidrs: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound_cidrs: Option<Vec<String>>,
}

impl RoleType {
    pub fn parse(text: &str) -> Result<Self> {
        Ok(match text {
            "default-service" => Self::DefaultService,
            "default-batch" => Self::DefaultBatch,
            "service" => Self::Service,
            "batch" => Self::Batch,
            other => {
                return Err(Failure::invalid(format!(
                    "invalid 'token_type' value {other:?}: it is service, batch, default-service or default-batch"
                )));
            }
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::DefaultService => "default-service",
            Self::DefaultBatch => "default-batch",
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }

    /// The type of a token, given what the request asks for, if it does.
    pub fn of(self, asked: Option<TokenKind>) -> TokenKind {
        match self {
            Self::Service => TokenKind::Service,
            Self::Batch => TokenKind::Batch,
            Self::DefaultService => asked.unwrap_or(TokenKind::Service),
            Self::DefaultBatch => asked.unwrap_or(TokenKind::Batch),
        }
    }
}

impl Default for Role {
    fn default() -> Self {
        Self {
            allowed_policies: Vec::new(),
            allowed_policies_glob: Vec::new(),
            disallowed_policies: Vec::new(),
            disallowed_policies_glob: Vec::new(),
            allowed_entity_aliases: None,
            orphan: false,
            renewable: true,
            path_suffix: String::new(),
            period: Given::default(),
            explicit_max_ttl: Given::default(),
            bound_cidrs: Given::default(),
            num_uses: 0,
            token_type: RoleType::default(),
            no_default_policy: false,
        }
    }
}

fn folder() -> Key {
    Key::kind("token-role")
}

impl Role {
    pub fn get(read: &impl Read, name: &str) -> Result<Option<Self>> {
        Ok(read.get(&folder().name(name))?)
    }

    pub fn for_update(txn: &Txn, name: &str) -> Result<Option<Self>> {
        Ok(txn.get_for_update(&folder().name(name))?)
    }

    pub fn put(&self, txn: &mut Txn, name: &str) -> Result<()> {
        Ok(txn.put(&folder().name(name), self)?)
    }

    pub fn delete(txn: &mut Txn, name: &str) {
        txn.delete(&folder().name(name));
    }

    pub fn names(read: &impl Read) -> Result<Vec<String>> {
        Ok(read.list(&folder())?)
    }

    /// Refuses what does not fit together.
    pub fn check(&self) -> Result<()> {
        if self.num_uses < 0 {
            return Err(Failure::invalid("'token_num_uses' cannot be negative"));
        }
        if !self.path_suffix.is_empty() && !is_suffix(&self.path_suffix) {
            return Err(Failure::invalid(
                "path_suffix must have at least three letters, digits, '_', '-' or '.', no \"..\", and begin and end with \
                 one of the first three",
            ));
        }
        if self.token_type != RoleType::Batch {
            return Ok(());
        }
        for (set, what) in [
            (!self.orphan, "non-orphan tokens"),
            (self.renewable, "renewable tokens"),
            (!self.period.value.is_zero(), "periodic tokens"),
            (!self.explicit_max_ttl.value.is_zero(), "tokens with an explicit max TTL"),
            (self.num_uses > 0, "tokens with a limit of uses"),
        ] {
            if set {
                return Err(Failure::invalid(format!(
                    "'token_type' cannot be 'batch' when the role is set to generate {what}"
                )));
            }
        }
        Ok(())
    }

    pub fn terms(&self) -> RoleTerms {
        RoleTerms { explicit_max_ttl: self.explicit_max_ttl.value, period: self.period.value }
    }

    /// Whether the role says which policies its tokens get, rather than the maker's own policies.
    pub fn says_policies(&self) -> bool {
        !self.allowed_policies.is_empty() || !self.allowed_policies_glob.is_empty()
    }

    pub fn refuses_policies(&self) -> bool {
        !self.disallowed_policies.is_empty() || !self.disallowed_policies_glob.is_empty()
    }

    /// Whether tokens may be made for the entity of this alias.
    pub fn allows_alias(&self, alias: &str) -> bool {
        let alias = alias.to_lowercase();
        self.allowed_entity_aliases.iter().flatten().any(|allowed| *allowed == alias || glob(allowed, &alias))
    }

    /// Whether tokens of this role get the policy `default` unasked.
    pub fn gives_default(&self) -> bool {
        !(self.no_default_policy && (self.says_policies() || self.refuses_policies())) && !self.disallows("default")
    }

    fn disallows(&self, name: &str) -> bool {
        self.disallowed_policies.iter().any(|p| p == name)
            || self.disallowed_policies_glob.iter().any(|pattern| glob(pattern, name))
    }

    /// Refuses policies that the role does not give.
    pub fn check_policies(&self, policies: &[String]) -> Result<()> {
        if let Some(name) = policies.iter().find(|name| self.disallows(name)) {
            return Err(Failure::invalid(format!("token policy {name:?} is disallowed by this role")));
        }
        let allows = |name: &String| {
            self.allowed_policies.contains(name)
                || name == "default" && self.gives_default()
                || self.allowed_policies_glob.iter().any(|pattern| glob(pattern, name))
        };
        match policies.iter().find(|name| !allows(name)) {
            Some(name) if self.says_policies() => Err(Failure::invalid(format!(
                "token policy {name:?} is not among the role's allowed policies {:?} and globs {:?}",
                self.allowed_policies, self.allowed_policies_glob
            ))),
            _ => Ok(()),
        }
    }

    /// As the wire shows it.
    pub fn show(&self, name: &str) -> Shown {
        let older = |span: &Given<Duration>| if span.older { span.value.as_secs() } else { 0 };
        let cidrs: Vec<String> = self.bound_cidrs.value.iter().map(ToString::to_string).collect();
        let cidrs = Some(cidrs).filter(|cidrs| !cidrs.is_empty());
        Shown {
            name: name.to_owned(),
            allowed_policies: self.allowed_policies.clone(),
            allowed_policies_glob: self.allowed_policies_glob.clone(),
            disallowed_policies: self.disallowed_policies.clone(),
            disallowed_policies_glob: self.disallowed_policies_glob.clone(),
            allowed_entity_aliases: self.allowed_entity_aliases.clone(),
            orphan: self.orphan,
            renewable: self.renewable,
            path_suffix: self.path_suffix.clone(),
            period: older(&self.period),
            explicit_max_ttl: older(&self.explicit_max_ttl),
            token_period: self.period.value.as_secs(),
            token_explicit_max_ttl: self.explicit_max_ttl.value.as_secs(),
            token_type: self.token_type.name(),
            token_no_default_policy: self.no_default_policy,
            token_num_uses: Some(self.num_uses).filter(|uses| *uses > 0),
            bound_cidrs: cidrs.clone().filter(|_| self.bound_cidrs.older),
            token_bound_cidrs: cidrs,
        }
    }
}

fn is_suffix(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() >= 3
        && !text.contains("..")
        && text.starts_with(word)
        && text.ends_with(word)
        && text.chars().all(|c| word(c) || c == '-' || c == '.')
}

/// Stars stand for any text.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, fits) in [
            ("dev-*", "dev-1", true),
            ("dev-*", "dev-", true),
            ("dev-*", "a-dev-1", false),
            ("*-admin", "db-admin", true),
            ("*-admin", "db-admin-2", false),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c", false),
            ("ab*ba", "aba", false),
            ("*", "", true),
            ("plain", "plain", true),
            ("plain", "plainer", false),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }
}
