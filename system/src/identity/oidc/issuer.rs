//! Who tokens say they are of: an address that verifiers find the public keys below.

use holdfast_core::lifecycle::Node;
use holdfast_core::replication::Role;
use oidc::{Config, Provider};
use sdk::{Ctx, Failure, Read, Result};

pub const WARNING: &str = "If \"issuer\" is set explicitly, all tokens must be validated against that address, including those issued \
     by secondary clusters. Setting issuer to \"\" will restore the default behavior of using the cluster's api_addr as the issuer.";

pub fn check(issuer: &str) -> Result<()> {
    if issuer.is_empty() || oidc::is_issuer(issuer) {
        return Ok(());
    }
    Err(Failure::invalid(
        "invalid issuer, which must include only a scheme, host, and optional port (e.g. https://example.com:8200)",
    ))
}

/// Of identity tokens.
pub fn of_roles(node: &Node, ctx: &Ctx, read: &impl Read) -> Result<String> {
    Ok(format!("{}/v1/{}identity/oidc", address(node, &Config::get(read)?.issuer)?, ctx.namespace.path))
}

pub fn of_provider(node: &Node, ctx: &Ctx, provider: &Provider, name: &str) -> Result<String> {
    Ok(format!("{}/v1/{}identity/oidc/provider/{name}", address(node, &provider.issuer)?, ctx.namespace.path))
}

/// What was set, or else the active node's: so all nodes say the same at any time. Whoever does not know that one says
/// nothing, since what an application learns here it keeps.
pub fn address(node: &Node, set: &str) -> Result<String> {
    if !set.is_empty() {
        return Ok(set.to_owned());
    }
    match node.role() {
        Role::Active { .. } => Ok(node.replication.joining().api_address),
        Role::Standby { leader } if !leader.api_address.is_empty() => Ok(leader.api_address),
        Role::Standby { .. } | Role::Unknown => Err(Failure::Unavailable(
            "the address of the active node, which is the issuer unless one is set, is not known here at present"
                .into(),
        )),
    }
}

/// How long others may keep what names this issuer: one that was not set changes with the active node.
pub fn kept(set: &str) -> &'static str {
    if set.is_empty() { "no-cache" } else { "max-age=3600" }
}
