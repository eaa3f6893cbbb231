//! Claims that nobody but the server writes.

pub const RESERVED: [&str; 10] =
    ["iat", "aud", "exp", "iss", "sub", "namespace", "nonce", "auth_time", "at_hash", "c_hash"];

/// The refusal of a claim's name, if it is one of these.
pub fn reserved(name: &str) -> Option<String> {
    let listed = || RESERVED.join(", ");
    RESERVED.contains(&name).then(|| format!("top level key {name:?} not allowed. Restricted keys: {}", listed()))
}
