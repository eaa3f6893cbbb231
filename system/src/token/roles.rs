//! `auth/token/roles`, `auth/token/roles/:role_name`.

use std::collections::BTreeSet;
use std::time::Duration;

use sdk::{Answer, CommaList, Ctx, Failure, FromField, Input, Path, Reply, Result, Seconds, Txn, Value, Verb, View};

use super::role::{Given, Role, RoleType};

#[derive(Input)]
struct Nothing {}

#[derive(Input)]
struct Named {
    /// The role's name.
    role_name: String,
}

#[derive(Input)]
struct Write {
    /// The role's name.
    role_name: String,
    /// Policies that its tokens may have, whatever their maker has.
    allowed_policies: Option<CommaList>,
    /// The same, with stars for any text.
    allowed_policies_glob: Option<CommaList>,
    /// Policies that its tokens must not have.
    disallowed_policies: Option<CommaList>,
    /// The same, with stars for any text.
    disallowed_policies_glob: Option<CommaList>,
    /// Entity aliases that may be asked for, with stars for any text.
    allowed_entity_aliases: Option<CommaList>,
    /// Its tokens have no parent.
    orphan: Option<bool>,
    /// Whether its tokens can be renewed.
    renewable: Option<bool>,
    /// Put behind the path of its tokens, to revoke by.
    path_suffix: Option<String>,
    /// Each renewal prolongs by this, without an end.
    token_period: Option<Seconds>,
    /// How long a token can live however often it is renewed.
    token_explicit_max_ttl: Option<Seconds>,
    /// Addresses and networks that a token may be used from.
    token_bound_cidrs: Option<CommaList>,
    /// How many requests a token may make; zero for no limit.
    token_num_uses: Option<i64>,
    /// `service`, `batch`, or one of them unless the request says the other: `default-service`, `default-batch`.
    token_type: Option<Value>,
    /// Leaves the policy `default` out, where the role says which policies there are.
    token_no_default_policy: Option<bool>,
    /// The older name of `token_period`.
    #[field(deprecated)]
    period: Option<Seconds>,
    /// The older name of `token_explicit_max_ttl`.
    #[field(deprecated)]
    explicit_max_ttl: Option<Seconds>,
    /// The older name of `token_bound_cidrs`.
    #[field(deprecated)]
    bound_cidrs: Option<CommaList>,
}

pub fn list() -> Path {
    Path::new("roles/?")
        .help("Lists the roles.", "The names of all roles that tokens can be made against.")
        .view(Verb::List, |_: &Ctx, Nothing {}: Nothing, view: &View| Answer::keys(Role::names(view)?))
}

pub fn one() -> Path {
    Path::new("roles/:role_name")
        .ids([(Verb::Read, "token-read-role"), (Verb::Write, "token-write-role"), (Verb::Delete, "token-delete-role")])
        .help(
            "Reads, writes and deletes a role.",
            "A role says what the tokens that are made against it may be. A change counts for those made after it.",
        )
        .view(Verb::Read, |_: &Ctx, named: Named, view: &View| {
            let role = Role::get(view, &named.role_name)?.ok_or(Failure::NotFound)?;
            Reply::data(role.show(&named.role_name))
        })
        .txn(Verb::Write, write)
        .txn(Verb::Delete, |_: &Ctx, named: Named, txn: &mut Txn| {
            Role::delete(txn, &named.role_name);
            Ok(Answer::empty())
        })
        .exists(|_: &Ctx, named: Named, view: &View| Ok(Role::get(view, &named.role_name)?.is_some()))
}

/// What is absent stays as it was.
fn write(ctx: &Ctx, input: Write, txn: &mut Txn) -> Result<Answer> {
    let name = input.role_name;
    let mut role = Role::for_update(txn, &name)?.unwrap_or_default();
    let mut answer = Answer::empty();
    for (given, kept) in [
        (input.allowed_policies, &mut role.allowed_policies),
        (input.allowed_policies_glob, &mut role.allowed_policies_glob),
        (input.disallowed_policies, &mut role.disallowed_policies),
        (input.disallowed_policies_glob, &mut role.disallowed_policies_glob),
    ] {
        if let Some(list) = given {
            *kept = lower(&list);
        }
    }
    if let Some(list) = input.allowed_entity_aliases {
        role.allowed_entity_aliases = Some(lower(&list));
    }
    role.orphan = input.orphan.unwrap_or(role.orphan);
    role.renewable = input.renewable.unwrap_or(role.renewable);
    role.path_suffix = input.path_suffix.unwrap_or(role.path_suffix);
    role.num_uses = input.token_num_uses.unwrap_or(role.num_uses);
    role.no_default_policy = input.token_no_default_policy.unwrap_or(role.no_default_policy);
    if let Some(value) = input.token_type {
        role.token_type = RoleType::parse(&String::from_field(&value).map_err(Failure::Invalid)?)?;
    }
    let span = |span: Seconds| Ok(Duration::from_secs(span.0.as_secs()));
    take("period", &mut role.period, input.token_period, input.period, span, &mut answer)?;
    let (new, old) = (input.token_explicit_max_ttl, input.explicit_max_ttl);
    take("explicit_max_ttl", &mut role.explicit_max_ttl, new, old, span, &mut answer)?;
    let cidrs = |list: CommaList| list.0.iter().map(|text| sdk::cidr(text)).collect::<Result<Vec<_>>>();
    take("bound_cidrs", &mut role.bound_cidrs, input.token_bound_cidrs, input.bound_cidrs, cidrs, &mut answer)?;
    role.check()?;
    let most = ctx.mount.max_lease_ttl;
    if role.explicit_max_ttl.value > most {
        answer = answer.warn(format!(
            "The explicit max TTL of {} seconds is longer than the {} that the mount allows; tokens get the shorter one",
            role.explicit_max_ttl.value.as_secs(),
            most.as_secs()
        ));
    }
    role.put(txn, &name)?;
    Ok(answer)
}

/// Takes a value by its name or by the older one. The newer wins.
fn take<G, T>(
    name: &str,
    kept: &mut Given<T>,
    new: Option<G>,
    old: Option<G>,
    read: impl Fn(G) -> Result<T>,
    answer: &mut Answer,
) -> Result<()> {
    if new.is_some() && old.is_some() {
        let text = format!("Both 'token_{name}' and deprecated '{name}' value supplied, ignoring the deprecated value");
        answer.warnings.push(text);
    }
    let older = new.is_none();
    if let Some(given) = new.or(old) {
        *kept = Given { value: read(given)?, older };
    }
    Ok(())
}

fn lower(list: &CommaList) -> Vec<String> {
    let sorted: BTreeSet<String> = list.0.iter().map(|item| item.to_lowercase()).filter(|p| !p.is_empty()).collect();
    sorted.into_iter().collect()
}
