//! The policies every server has.

/// Granted to every token unless it is asked not to be; may be rewritten, not deleted.
pub const DEFAULT: &str = "default";
/// Everything, in its namespace and below. Has no text.
pub const ROOT: &str = "root";
/// What a wrapping token may do.
pub const RESPONSE_WRAPPING: &str = "response-wrapping";
/// What a token that stands for a request under approval may do.
pub const CONTROL_GROUP: &str = "control-group";

/// Cannot be written or deleted.
pub const FIXED: [&str; 3] = [ROOT, RESPONSE_WRAPPING, CONTROL_GROUP];
/// Cannot be given to a token by a caller.
pub const NOT_ASSIGNABLE: [&str; 2] = [RESPONSE_WRAPPING, CONTROL_GROUP];

/// The text of a built-in policy; root's is empty.
pub fn text(name: &str) -> Option<&'static str> {
    match name {
        DEFAULT => Some(DEFAULT_TEXT),
        ROOT => Some(""),
        RESPONSE_WRAPPING => Some(RESPONSE_WRAPPING_TEXT),
        CONTROL_GROUP => Some(CONTROL_GROUP_TEXT),
        _ => None,
    }
}

const DEFAULT_TEXT: &str = r#"# A token may see, renew and revoke itself.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }

# It may ask what it may do.
path "sys/capabilities-self" { capabilities = ["update"] }
path "sys/internal/ui/resultant-acl" { capabilities = ["read"] }

# It may read the entity it belongs to.
path "identity/entity/id/{{identity.entity.id}}" { capabilities = ["read"] }
path "identity/entity/name/{{identity.entity.name}}" { capabilities = ["read"] }

# It may look up and renew a lease whose id it knows.
path "sys/leases/lookup" { capabilities = ["update"] }
path "sys/leases/renew" { capabilities = ["update"] }

# Its own cubbyhole is its own.
path "cubbyhole/*" { capabilities = ["create", "read", "update", "delete", "list"] }

# It may wrap values, and look into and open wrapping tokens it holds.
path "sys/wrapping/wrap" { capabilities = ["update"] }
path "sys/wrapping/lookup" { capabilities = ["update"] }
path "sys/wrapping/unwrap" { capabilities = ["update"] }

# Hashing reveals nothing.
path "sys/tools/hash" { capabilities = ["update"] }
path "sys/tools/hash/*" { capabilities = ["update"] }

# It may log in to applications through an OIDC provider.
path "identity/oidc/provider/+/authorize" { capabilities = ["read", "update"] }
"#;

const RESPONSE_WRAPPING_TEXT: &str = r#"# Put the wrapped answer away, and take it out once.
path "cubbyhole/response" { capabilities = ["create", "read"] }
path "sys/wrapping/unwrap" { capabilities = ["update"] }
"#;

const CONTROL_GROUP_TEXT: &str = r#"# Keep the request that waits for approval, and take out its answer.
path "cubbyhole/control-group" { capabilities = ["create", "read", "update"] }
path "sys/wrapping/unwrap" { capabilities = ["update"] }
"#;
