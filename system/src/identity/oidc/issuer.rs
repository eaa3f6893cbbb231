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
    Ok(format!("{}/v1/{}identity/oidc", address(node, &Config::get(read)?.issuer), ctx.namespace.path))
}

pub fn of_provider(node: &Node, ctx: &Ctx, provider: &Provider, name: &str) -> String {
    format!("{}/v1/{}identity/oidc/provider/{name}", address(node, &provider.issuer), ctx.namespace.path)
}

/// Where it was set, or else the active node's: so all nodes say the same at any time.
pub fn address(node: &Node, set: &str) -> String {
    if !set.is_empty() {
        return set.to_owned();
    }
    match node.role() {
        Role::Standby { leader } if !leader.api_address.is_empty() => leader.api_address,
        _ => node.replication.joining().api_address,
    }
}
