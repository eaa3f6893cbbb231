//! What a write says of a role, older names included.

use std::time::Duration;

use sdk::{CommaList, Ctx, Failure, Input, Result, Seconds, TokenFields};
use serde::{Deserialize, Serialize};

use crate::networks;
use crate::role::Role;

/// What is absent leaves what was there.
#[derive(Input)]
pub struct RoleFields {
    #[field(flatten)]
    pub token: TokenFields,
    /// What the role is called at login; made up if it is not given.
    pub role_id: Option<String>,
    /// Whether a login needs a secret ID.
    pub bind_secret_id: Option<bool>,
    /// Networks that one may log in from; any if there are none.
    pub secret_id_bound_cidrs: Option<CommaList>,
    /// How many logins a secret ID is good for; zero for no limit.
    pub secret_id_num_uses: Option<i64>,
    /// How long a secret ID is good; zero for no end.
    pub secret_id_ttl: Option<Seconds>,
    #[field(flatten)]
    pub older: OlderFields,
}

#[derive(Input)]
pub struct OlderFields {
    /// The older name of `token_policies`.
    #[field(deprecated)]
    pub policies: Option<CommaList>,
    /// The older name of `token_period`.
    #[field(deprecated)]
    pub period: Option<Seconds>,
    /// The older name of `secret_id_bound_cidrs`.
    #[field(deprecated)]
    pub bound_cidr_list: Option<CommaList>,
}

/// Which of the settings were last given under their older names, and are shown under both.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Older {
    pub policies: bool,
    pub period: bool,
}

impl Role {
    /// Warns of what has no effect here.
    pub fn update(&mut self, ctx: &Ctx, fields: RoleFields) -> Result<Vec<String>> {
        let RoleFields { mut token, older, .. } = fields;
        let mut warnings = Vec::new();
        for (known, meant) in [("default-service", "service"), ("default-batch", "batch")] {
            if token.token_type.as_deref() == Some(known) {
                token.token_type = Some(meant.into());
                warnings.push(format!("{known} has no useful meaning; adjusting to {meant}"));
            }
        }
        let policies = older.policies.map(|CommaList(names)| CommaList(normalized(&names)));
        settle(&mut token.token_policies, policies, &mut self.older.policies);
        settle(&mut token.token_period, older.period, &mut self.older.period);
        self.set_token(token)?;
        if self.older.period {
            check_period(ctx, self.token.period)?;
        }
        if let Some(role_id) = fields.role_id {
            if role_id.is_empty() {
                return Err(Failure::invalid("invalid role_id supplied: it must not be empty"));
            }
            self.role_id = role_id;
        }
        self.bind_secret_id = fields.bind_secret_id.unwrap_or(self.bind_secret_id);
        if let Some(CommaList(list)) = fields.secret_id_bound_cidrs.or(older.bound_cidr_list) {
            networks::check(&list)?;
            self.secret_id_bound_cidrs = Some(list);
        }
        if let Some(uses) = fields.secret_id_num_uses {
            self.set_secret_id_num_uses(uses)?;
        }
        self.secret_id_ttl = fields.secret_id_ttl.map_or(self.secret_id_ttl, whole);
        if self.token.max_ttl > ctx.mount.max_lease_ttl {
            warnings.push(
                "token_max_ttl is greater than the backend mount's maximum TTL value; issued tokens' max TTL value will \
                 be truncated"
                    .into(),
            );
        }
        Ok(warnings)
    }

    pub fn set_secret_id_num_uses(&mut self, uses: i64) -> Result<()> {
        if uses < 0 {
            return Err(Failure::invalid("secret_id_num_uses cannot be negative"));
        }
        self.secret_id_num_uses = uses;
        Ok(())
    }

    /// Networks that a path of their own sets. There is another way to have none.
    pub fn set_networks(&mut self, list: Option<CommaList>) -> Result<()> {
        let Some(CommaList(list)) = list else { return Ok(()) };
        if list.is_empty() {
            return Err(Failure::invalid("missing bound_cidr_list: give at least one network, or delete this path"));
        }
        networks::check(&list)?;
        self.secret_id_bound_cidrs = Some(list);
        Ok(())
    }
}

pub fn check_period(ctx: &Ctx, period: Duration) -> Result<()> {
    let most = ctx.mount.max_lease_ttl;
    if period <= most {
        return Ok(());
    }
    let text = |span: Duration| sdk::duration::go(i128::try_from(span.as_nanos()).unwrap_or(i128::MAX));
    Err(Failure::invalid(format!(
        "period of {:?} is greater than the backend's maximum lease TTL of {:?}",
        text(period),
        text(most)
    )))
}

pub fn whole(span: Seconds) -> Duration {
    Duration::from_secs(span.0.as_secs())
}

/// Policies as paths about them alone take them: in lower case, sorted, each once.
pub fn normalized(names: &[String]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    names.sort();
    names.dedup();
    names
}

/// The newer name wins. The older one shows from then on if it was used alone, or beside the newer one.
pub fn settle<T>(newer: &mut Option<T>, older: Option<T>, shown: &mut bool) {
    match (newer.is_some(), older) {
        (true, older) => *shown = older.is_some(),
        (false, Some(value)) => {
            *shown = true;
            *newer = Some(value);
        }
        (false, None) => {}
    }
}
