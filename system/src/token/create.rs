//! `auth/token/create`, `create-orphan`, `create/:role_name`.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::identity::{self, Arrival};
use holdfast_core::lifecycle::Node;
use holdfast_core::mount::TtlLimits;
use holdfast_core::token::{ClientToken, NewToken, NotCreated, TokenKind, auth_block};
use sdk::{Answer, Caller, Ctx, Failure, Input, KvPairs, Outcome, Path, Result, Seconds, StringList, Txn, Verb};

use super::own;
use super::role::{Role, RoleType};

#[derive(Input)]
struct Create {
    /// The token's id, if it is not to be random. Asks for root rights.
    id: Option<String>,
    /// The policies of the token; those of the caller if none are given.
    policies: Option<StringList>,
    /// Text that goes with the token into audit entries.
    meta: KvPairs,
    /// Makes an orphan. Asks for root or sudo rights.
    no_parent: bool,
    /// Leaves the policy `default` out.
    no_default_policy: bool,
    /// How long it lives unless it is renewed.
    ttl: Option<Seconds>,
    /// The older name of `ttl`.
    #[field(deprecated)]
    lease: Option<Seconds>,
    /// How long it can live however often it is renewed.
    explicit_max_ttl: Seconds,
    /// Each renewal prolongs by this, without an end. Asks for root or sudo rights.
    period: Seconds,
    /// A name for audit entries.
    #[field(default = "token".into())]
    display_name: String,
    /// How many requests it may make; zero for no limit.
    num_uses: i64,
    /// Whether it can be renewed.
    #[field(default = true)]
    renewable: bool,
    /// `service`, which is stored, or `batch`, which is not, and can be neither renewed nor revoked.
    #[field(name = "type")]
    kind: String,
    /// The entity alias to log in as; only with a role.
    entity_alias: String,
}

#[derive(Input)]
struct CreateAgainst {
    /// The role that says what the token may be. It is the path's, never the body's: policies are about paths.
    role_name: String,
    #[field(flatten)]
    token: Create,
}

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let of = |pattern, id, orphan: bool, help, description| {
        let node = Arc::clone(node);
        let path = Path::new(pattern).ids([(Verb::Write, id)]).help(help, description);
        let path = path.answers(Verb::Write, Outcome::auth());
        path.txn(Verb::Write, move |ctx: &Ctx, input: Create, txn: &mut Txn| {
            create(&node, ctx, input, &Against { orphan, role: None }, txn)
        })
    };
    let by_role = Arc::clone(node);
    vec![
        of(
            "create",
            "token-create",
            false,
            "Makes a token.",
            "Makes a child of the calling token, with its policies or fewer.",
        ),
        of(
            "create-orphan",
            "token-create-orphan",
            true,
            "Makes an orphan.",
            "Makes a token without a parent, which outlives its maker.",
        ),
        Path::new("create/:role_name")
            .ids([(Verb::Write, "token-create-against-role")])
            .answers(Verb::Write, Outcome::auth())
            .help("Makes a token against a role.", "The role says what the token may be, whatever its maker may.")
            .txn(Verb::Write, move |ctx: &Ctx, input: CreateAgainst, txn: &mut Txn| {
                let role = Role::get(txn, &input.role_name)?
                    .ok_or_else(|| Failure::invalid(format!("unknown role {:?}", input.role_name)))?;
                let against = Against { orphan: role.orphan, role: Some((input.role_name, role)) };
                create(&by_role, ctx, input.token, &against, txn)
            }),
    ]
}

/// What the path says of the token.
struct Against {
    orphan: bool,
    role: Option<(String, Role)>,
}

impl Against {
    fn role(&self) -> Option<&Role> {
        self.role.as_ref().map(|(_, role)| role)
    }

    /// The path that the token's lease is below.
    fn path(&self, ctx: &Ctx) -> String {
        let mut path = format!("{}{}", ctx.mount.path, ctx.path.trim_end_matches('/'));
        if let Some(role) = self.role().filter(|role| !role.path_suffix.is_empty()) {
            path = format!("{path}/{}", role.path_suffix);
        }
        path
    }
}

fn create(node: &Node, ctx: &Ctx, mut input: Create, against: &Against, txn: &mut Txn) -> Result<Answer> {
    let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
    let request_path = format!("{}{}", ctx.mount.path, ctx.path);
    let privileged = caller.root || node.policies.has_sudo(txn, caller, &request_path, ctx.now)?;
    let own_home = caller.home == ctx.namespace.id;
    if !own_home && !privileged {
        let text = "root or sudo privileges required to directly generate a token in a child namespace";
        return Err(Failure::invalid(text));
    }
    if caller.uses_left.is_some() {
        return Err(Failure::invalid("restricted use token cannot generate child tokens"));
    }
    if caller.batch {
        return Err(Failure::invalid("batch tokens cannot create more tokens"));
    }
    if input.num_uses < 0 {
        return Err(Failure::invalid("number of uses cannot be negative"));
    }
    for (asked, what) in [
        (input.id.is_some(), "root or sudo privileges required to specify token id"),
        (input.no_parent && against.role.is_none(), "root or sudo privileges required to create orphan token"),
        (!input.period.0.is_zero(), "root or sudo privileges required to create periodic token"),
    ] {
        if asked && !privileged {
            return Err(Failure::invalid(what));
        }
    }
    let policies = policies(&input, caller, own_home, privileged, against.role())?;
    let mut warnings = Vec::new();
    if let Some(role) = against.role() {
        limit(&mut input, role, &mut warnings);
    }
    let kind = kind(&input, against.role())?;
    if input
        .id
        .as_deref()
        .is_some_and(|id| id.starts_with("s.") || id.contains('.') || id.trim() != id || id.is_empty())
    {
        return Err(Failure::invalid("custom token ID cannot be empty, have the prefix \"s.\" or contain a \".\""));
    }
    let (names, is_root) = (policies.clone(), policies.iter().any(|p| p == "root"));
    if input.id.is_some() && !ctx.namespace.is_root() {
        return Err(Failure::invalid("token IDs can only be manually specified in the root namespace"));
    }
    if is_root && !own_home {
        return Err(Failure::invalid("root tokens may not be created from a parent namespace"));
    }
    if is_root && !caller.root {
        return Err(Failure::invalid("root tokens may not be created without parent token being root"));
    }
    if is_root && kind == TokenKind::Batch {
        return Err(Failure::invalid("batch tokens cannot be root tokens"));
    }
    let ttl = input.ttl.or(input.lease).map_or(Duration::ZERO, |s| s.0);
    // No latch: the request relies on its own token in any case, and one token may make many at once.
    let maker = node.tokens.valid(&txn.as_view(), own(ctx)?, ctx.now).ok().map(|valid| valid.record);
    let ends = maker.as_ref().is_some_and(|record| record.expires.is_some());
    let role_terms = against.role().map(Role::terms).unwrap_or_default();
    let spans = [ttl, input.period.0, input.explicit_max_ttl.0, role_terms.period, role_terms.explicit_max_ttl];
    let endless = spans.iter().all(Duration::is_zero);
    if is_root && ends && endless {
        return Err(Failure::invalid("expiring root tokens cannot create non-expiring root tokens; give a ttl"));
    }
    // What the maker is bound to binds what it makes, unless a role says something else.
    let own_bounds = || maker.map(|record| record.bound_cidrs.clone()).unwrap_or_default();
    let role_bounds = against.role().map(|role| role.bound_cidrs.value.clone()).filter(|list| !list.is_empty());
    let bound_cidrs = if is_root { Vec::new() } else { role_bounds.unwrap_or_else(own_bounds) };
    let chosen = input.id.is_some();
    let orphan = against.orphan || input.no_parent && against.role.is_none();
    let entity_id = match aliased(ctx, &input.entity_alias, against.role(), txn)? {
        Some(entity) => entity,
        None if orphan || !own_home => String::new(),
        None => caller.entity_id.clone(),
    };
    // It is as long ago for a child as for its parent.
    let logged_in = caller.logged_in.filter(|_| !entity_id.is_empty() && entity_id == caller.entity_id);
    let new = NewToken {
        id: input.id.map(ClientToken::new),
        kind,
        policies,
        home: ctx.namespace.clone(),
        path: against.path(ctx),
        display_name: display_name(&input.display_name),
        meta: Some(input.meta.0),
        ttl,
        explicit_max_ttl: input.explicit_max_ttl.0,
        period: input.period.0,
        role_terms,
        renewable: input.renewable,
        num_uses: input.num_uses,
        parent: if orphan { None } else { Some(own(ctx)?) },
        entity_id,
        logged_in,
        bound_cidrs,
        limits: Some(TtlLimits { default: ctx.mount.default_lease_ttl, max: ctx.mount.max_lease_ttl }),
        role: against.role.as_ref().map(|(name, _)| name.clone()),
        never_expires: is_root,
        ..NewToken::default()
    };
    let created = node.tokens.create(txn, ctx.now, new).map_err(|refused| match refused {
        NotCreated::Access(access) => access.into(),
        refused => Failure::invalid(refused.to_string()),
    })?;
    let given = identity::policies_of(txn, &created.record.entity_id)?;
    let mut answer = Answer::auth(auth_block(created.token.expose().to_owned(), &created.record, given, ctx.now));
    answer.warnings = warnings;
    for name in names.iter().filter(|n| *n != "root" && *n != "default") {
        if !node.policies.exists(txn, name, ctx.now)? {
            answer = answer.warn(format!("Policy {name:?} does not exist"));
        }
    }
    if chosen {
        answer = answer.warn(match kind {
            TokenKind::Service => {
                "The token's id was chosen by the caller: it is only as hard to guess as they made it"
            }
            TokenKind::Batch => "The id of a batch token cannot be chosen; the one that was given is not used",
        });
    }
    answer.warnings.extend(created.warnings);
    Ok(answer)
}

/// The entity of the alias that was asked for, made if there is none.
fn aliased(ctx: &Ctx, alias: &str, role: Option<&Role>, txn: &mut Txn) -> Result<Option<String>> {
    if alias.is_empty() {
        return Ok(None);
    }
    let role = role.ok_or_else(|| Failure::invalid("'entity_alias' is only allowed in combination with token role"))?;
    if !role.allows_alias(alias) {
        return Err(Failure::invalid("invalid 'entity_alias' value"));
    }
    let arrival = Arrival { mount_accessor: &ctx.mount.accessor, alias, metadata: None, groups: None };
    match identity::arrive(txn, ctx.now, &arrival) {
        Ok(entity) => Ok(Some(entity.id)),
        Err(Failure::Denied(_)) => Err(Failure::denied("entity from given entity alias is disabled")),
        Err(failure) => Err(failure),
    }
}

/// Of the request's limits and the role's the lesser ones count.
fn limit(input: &mut Create, role: &Role, warnings: &mut Vec<String>) {
    for (what, asked, given) in [
        ("Period", input.period.0, role.period.value),
        ("Explicit max TTL", input.explicit_max_ttl.0, role.explicit_max_ttl.value),
    ] {
        if given.is_zero() || asked.is_zero() {
            continue;
        }
        warnings.push(format!(
            "{what} specified both during creation call and in role; using the lesser value of {} seconds",
            asked.min(given).as_secs()
        ));
    }
    if role.num_uses > 0 {
        input.num_uses = if input.num_uses == 0 { role.num_uses } else { input.num_uses.min(role.num_uses) };
    }
    input.renewable &= role.renewable;
}

fn kind(input: &Create, role: Option<&Role>) -> Result<TokenKind> {
    let asked = match input.kind.as_str() {
        "" | "default" => None,
        "service" => Some(TokenKind::Service),
        "batch" => Some(TokenKind::Batch),
        other => {
            return Err(Failure::invalid(format!(
                "invalid 'token_type' value {other:?}: use \"service\" or \"batch\""
            )));
        }
    };
    let kind = role.map_or(RoleType::DefaultService, |role| role.token_type).of(asked);
    if kind == TokenKind::Service {
        return Ok(kind);
    }
    for (given, name) in [
        (input.num_uses != 0, "num_uses"),
        (!input.period.0.is_zero(), "period"),
        (!input.explicit_max_ttl.0.is_zero(), "explicit_max_ttl"),
    ] {
        if given {
            return Err(Failure::invalid(format!("batch tokens cannot have {name:?} set")));
        }
    }
    Ok(kind)
}

/// The token's policies: never more than its maker may give, or its role does.
fn policies(
    input: &Create,
    caller: &Caller,
    own_home: bool,
    privileged: bool,
    role: Option<&Role>,
) -> Result<Vec<String>> {
    let given = input.policies.as_ref().map_or(&[][..], |list| &list.0);
    let mut policies: Vec<String> = given.iter().map(|p| p.trim().to_lowercase()).filter(|p| !p.is_empty()).collect();
    let role = role.filter(|role| role.says_policies() || role.refuses_policies());
    let says = role.is_some_and(Role::says_policies);
    // In another namespace policies of the same names are others.
    let inherited = policies.is_empty() && !says && own_home;
    match role.filter(|_| policies.is_empty()) {
        Some(role) if says => policies.clone_from(&role.allowed_policies),
        _ if inherited => policies.clone_from(&caller.policies),
        _ => {}
    }
    policies.sort();
    policies.dedup();
    if !privileged && !says && policies.iter().any(|p| !own_home || !caller.policies.contains(p)) {
        return Err(Failure::invalid("child policies must be subset of parent"));
    }
    if let Some(fixed) = policies.iter().find(|p| policy::builtin::NOT_ASSIGNABLE.contains(&p.as_str())) {
        return Err(Failure::invalid(format!("cannot assign policy {fixed:?}")));
    }
    if let Some(role) = role {
        role.check_policies(&policies)?;
    }
    if policies.iter().any(|p| p == "root") {
        return Ok(vec!["root".into()]);
    }
    let may_default = match role {
        Some(role) => role.gives_default() && (says || privileged || caller.policies.iter().any(|p| p == "default")),
        None => privileged || caller.policies.iter().any(|p| p == "default"),
    };
    if !input.no_default_policy && !inherited && may_default && !policies.iter().any(|p| p == "default") {
        policies.push("default".into());
        policies.sort();
    }
    Ok(policies)
}

fn display_name(given: &str) -> String {
    if given == "token" {
        return "token".into();
    }
    let mut clean = String::new();
    for c in given.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => clean.push(c),
            _ if !clean.ends_with('-') => clean.push('-'),
            _ => {}
        }
    }
    format!("token-{}", clean.trim_end_matches('-'))
}
