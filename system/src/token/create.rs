//! `auth/token/create`, `create-orphan`.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::lifecycle::Node;
use holdfast_core::token::{ClientToken, NewToken, NotCreated, TokenKind, Why, auth_block};
use sdk::{Answer, Caller, Cidr, Ctx, Failure, Input, KvPairs, Path, Result, Seconds, StringList, Txn, Verb};

use super::own;

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

pub fn paths(node: &Arc<Node>) -> Vec<Path> {
    let of = |pattern, orphan: bool, help, description| {
        let node = Arc::clone(node);
        let path = Path::new(pattern).help(help, description);
        path.txn(Verb::Write, move |ctx: &Ctx, input: Create, txn: &mut Txn| create(&node, ctx, input, orphan, txn))
    };
    vec![
        of("create", false, "Makes a token.", "Makes a child of the calling token, with its policies or fewer."),
        of("create-orphan", true, "Makes an orphan.", "Makes a token without a parent, which outlives its maker."),
    ]
}

fn create(node: &Node, ctx: &Ctx, input: Create, orphan: bool, txn: &mut Txn) -> Result<Answer> {
    let caller = ctx.caller.ok_or_else(|| Failure::denied("permission denied"))?;
    let path = if orphan { "auth/token/create-orphan" } else { "auth/token/create" };
    let privileged = caller.root || node.policies.has_sudo(txn, caller, path, ctx.now)?;
    if caller.uses_left.is_some() {
        return Err(Failure::invalid("restricted use token cannot generate child tokens"));
    }
    if caller.batch {
        return Err(Failure::invalid("batch tokens cannot create more tokens"));
    }
    let kind = kind(&input)?;
    if !input.entity_alias.is_empty() {
        return Err(Failure::invalid("entity_alias needs a role, and this token is made without one"));
    }
    if input.num_uses < 0 {
        return Err(Failure::invalid("number of uses cannot be negative"));
    }
    for (asked, what) in [
        (input.id.is_some(), "root or sudo privileges required to specify token id"),
        (input.no_parent, "root or sudo privileges required to create orphan token"),
        (!input.period.0.is_zero(), "root or sudo privileges required to create periodic token"),
    ] {
        if asked && !privileged {
            return Err(Failure::invalid(what));
        }
    }
    let policies = policies(&input, caller, privileged)?;
    if input
        .id
        .as_deref()
        .is_some_and(|id| id.starts_with("s.") || id.contains('.') || id.trim() != id || id.is_empty())
    {
        return Err(Failure::invalid("custom token ID cannot be empty, have the prefix \"s.\" or contain a \".\""));
    }
    let (names, is_root) = (policies.clone(), policies.iter().any(|p| p == "root"));
    if is_root && !caller.root {
        return Err(Failure::invalid("root tokens may not be created without parent token being root"));
    }
    if is_root && kind == TokenKind::Batch {
        return Err(Failure::invalid("batch tokens cannot be root tokens"));
    }
    let chosen = input.id.is_some() && kind == TokenKind::Service;
    let ttl = input.ttl.or(input.lease).map_or(Duration::ZERO, |s| s.0);
    let new = NewToken {
        id: input.id.map(ClientToken::new),
        kind,
        policies,
        path: path.into(),
        display_name: display_name(&input.display_name),
        meta: Some(input.meta.0),
        ttl,
        explicit_max_ttl: input.explicit_max_ttl.0,
        period: input.period.0,
        renewable: input.renewable,
        num_uses: input.num_uses,
        parent: if orphan || input.no_parent { None } else { Some(own(ctx)?) },
        entity_id: caller.entity_id.clone(),
        // What the maker is bound to binds what it makes.
        bound_cidrs: if is_root { Vec::new() } else { bounds(node, ctx, txn)? },
        never_expires: is_root,
        ..NewToken::default()
    };
    let created = node.tokens.create(txn, ctx.now, new).map_err(|refused| match refused {
        NotCreated::Access(access) => access.into(),
        refused => Failure::invalid(refused.to_string()),
    })?;
    let mut answer = Answer::auth(auth_block(created.token.expose().to_owned(), &created.record, ctx.now));
    for name in names.iter().filter(|n| *n != "root" && *n != "default") {
        if !node.policies.exists(txn, name)? {
            answer = answer.warn(format!("Policy {name:?} does not exist"));
        }
    }
    if chosen {
        answer = answer.warn("The token's id was chosen by the caller: it is only as hard to guess as they made it");
    }
    answer.warnings.extend(created.warnings);
    Ok(answer)
}

fn kind(input: &Create) -> Result<TokenKind> {
    let kind = match input.kind.as_str() {
        "" | "service" | "default" => return Ok(TokenKind::Service),
        "batch" => TokenKind::Batch,
        other => {
            return Err(Failure::invalid(format!(
                "invalid 'token_type' value {other:?}: use \"service\" or \"batch\""
            )));
        }
    };
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

fn bounds(node: &Node, ctx: &Ctx, txn: &Txn) -> Result<Vec<Cidr>> {
    // Only looked at: whoever makes many tokens at once must not wait for themselves. The batch relies on it in any case.
    match node.tokens.valid(&txn.as_view(), own(ctx)?, ctx.now) {
        Ok(valid) => Ok(valid.record.bound_cidrs.clone()),
        Err(Why::Access(problem)) => Err(problem.into()),
        Err(_) => Err(Failure::denied("permission denied")),
    }
}

/// The token's policies: never more than its maker may give.
fn policies(input: &Create, caller: &Caller, privileged: bool) -> Result<Vec<String>> {
    let given = input.policies.as_ref().map_or(&[][..], |list| &list.0);
    let mut policies: Vec<String> = given.iter().map(|p| p.trim().to_lowercase()).filter(|p| !p.is_empty()).collect();
    let inherited = policies.is_empty();
    if inherited {
        policies.clone_from(&caller.policies);
    }
    policies.sort();
    policies.dedup();
    if !privileged && policies.iter().any(|p| !caller.policies.contains(p)) {
        return Err(Failure::invalid("child policies must be subset of parent"));
    }
    if let Some(fixed) = policies.iter().find(|p| policy::builtin::NOT_ASSIGNABLE.contains(&p.as_str())) {
        return Err(Failure::invalid(format!("cannot assign policy {fixed:?}")));
    }
    let is_root = policies.iter().any(|p| p == "root");
    if is_root {
        return Ok(vec!["root".into()]);
    }
    let may_default = privileged || caller.policies.iter().any(|p| p == "default");
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
