//! From a login to its token.

use std::net::IpAddr;

use sdk::{AuthBlock, Cidr, Failure, Login, MountInfo, Namespace, TokenType};
use storage::{Millis, Txn};

use super::{NewToken, NotCreated, Origin, TokenKind, TokenRecord, Tokens};
use crate::identity::{self, Arrival, Entity};
use crate::mount::TtlLimits;

/// Where somebody has logged in.
pub struct LoggedIn<'a> {
    pub namespace: &'a Namespace,
    /// Of the request, in the namespace.
    pub path: &'a str,
    pub mount: &'a MountInfo,
    pub remote: Option<IpAddr>,
}

impl Tokens {
    /// Who has logged in, if the login can have a token: the entity of its alias, which is made at the first time.
    pub(super) fn admit(
        &self,
        txn: &mut Txn,
        now: Millis,
        at: &LoggedIn<'_>,
        login: &Login,
    ) -> Result<Option<Entity>, Failure> {
        if !login.for_elsewhere && !sdk::within(&login.token.bound_cidrs, at.remote) {
            return Err(Failure::denied("permission denied"));
        }
        let policies = super::create::normalized(login.token.policies.clone());
        if policies.iter().any(|name| name == "root") {
            return Err(Failure::invalid("auth methods cannot create root tokens; take the policy \"root\" away"));
        }
        if let Some(fixed) = policies.iter().find(|p| policy::builtin::NOT_ASSIGNABLE.contains(&p.as_str())) {
            return Err(Failure::invalid(format!("cannot assign policy {fixed:?}")));
        }
        if login.alias.is_empty() {
            return Ok(None);
        }
        let arrival = Arrival {
            mount_accessor: &at.mount.accessor,
            alias: &login.alias,
            metadata: Some(&login.alias_metadata),
            groups: Some(&login.group_aliases),
        };
        identity::arrive(txn, now, &arrival).map(Some)
    }

    /// Makes the token of a login that was admitted, for the namespace whose mount it is. `batch` is what the mount gives
    /// unless the user's own settings say otherwise.
    pub(super) fn log_in(
        &self,
        txn: &mut Txn,
        now: Millis,
        at: LoggedIn<'_>,
        batch: bool,
        login: Login,
        entity: Option<&Entity>,
    ) -> Result<(AuthBlock, Vec<String>), Failure> {
        let settings = login.token;
        let LoggedIn { namespace, path, mount, remote } = at;
        let mut policies = super::create::normalized(settings.policies);
        if !settings.no_default_policy && !policies.iter().any(|name| name == "default") {
            policies.push("default".into());
        }
        let kind = match settings.token_type {
            TokenType::Service => TokenKind::Service,
            TokenType::Batch => TokenKind::Batch,
            TokenType::Default if batch => TokenKind::Batch,
            TokenType::Default => TokenKind::Service,
        };
        let mut bound_cidrs = settings.bound_cidrs;
        if let Some(own) = remote.filter(|_| settings.strictly_bind_ip).and_then(|ip| Cidr::parse(&ip.to_string())) {
            bound_cidrs = vec![own];
        }
        let (mut entity_id, mut given) = (String::new(), Vec::new());
        if let Some(entity) = entity {
            entity_id.clone_from(&entity.id);
            given = identity::policies_of(txn, &entity_id)?;
        }
        let service = kind == TokenKind::Service;
        let new = NewToken {
            kind,
            policies,
            home: namespace.clone(),
            path: path.to_owned(),
            display_name: display_name(namespace, mount, &login.display_name),
            meta: Some(login.metadata),
            ttl: settings.ttl,
            max_ttl: settings.max_ttl,
            explicit_max_ttl: if service { settings.explicit_max_ttl } else { Default::default() },
            period: if service { settings.period } else { Default::default() },
            limits: Some(TtlLimits { default: mount.default_lease_ttl, max: mount.max_lease_ttl }),
            renewable: service,
            num_uses: if service { settings.num_uses } else { 0 },
            bound_cidrs,
            entity_id,
            logged_in: Some(now),
            origin: Some(Origin { mount: mount.accessor.clone(), internal: login.internal }),
            ..NewToken::default()
        };
        let created = self.create(txn, now, new).map_err(|refused| match refused {
            NotCreated::Access(access) => access.into(),
            refused => Failure::invalid(refused.to_string()),
        })?;
        Ok((auth_block(created.token.expose().to_owned(), &created.record, given, now), created.warnings))
    }
}

/// `userpass-ann`: where it logged in, and as whom.
fn display_name(namespace: &Namespace, mount: &MountInfo, name: &str) -> String {
    let path = format!("{}{}", namespace.path, mount.path);
    let path = path.strip_prefix("auth/").unwrap_or(&path).trim_end_matches('/').replace('/', "-");
    if name.is_empty() { path } else { format!("{path}-{name}") }
}

/// Two lists of policies as one: sorted, each once.
pub fn joined(own: &[String], more: &[String]) -> Vec<String> {
    let mut all: Vec<String> = own.iter().chain(more).cloned().collect();
    all.sort();
    all.dedup();
    all
}

/// A token as the wire shows it to whom it is given, with the policies that its entity gives it now.
pub fn auth_block(token: String, record: &TokenRecord, identity_policies: Vec<String>, now: Millis) -> AuthBlock {
    AuthBlock {
        renewed: false,
        client_token: token,
        accessor: record.accessor.clone(),
        policies: joined(&record.policies, &identity_policies),
        token_policies: record.policies.clone(),
        identity_policies,
        metadata: record.meta.clone(),
        lease_duration: record.ttl(now),
        renewable: record.renewable,
        entity_id: record.entity_id.clone(),
        token_type: record.kind.name().into(),
        orphan: record.orphan(),
        mfa_requirement: None,
        num_uses: record.num_uses,
    }
}
