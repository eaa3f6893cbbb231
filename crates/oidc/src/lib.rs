#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod algorithm;
mod claims;
mod client;
mod code;
mod default;
mod expiry;
mod jwk;
mod jws;
mod key;
mod key_set;
mod pkce;
mod provider;
mod random;
mod redirect;
mod role;
mod signer;
mod template;
#[cfg(test)]
#[allow(clippy::unwrap_used)] // In a test an unwrap is an assertion.
mod tests;
mod users;

pub use algorithm::Algorithm;
pub use claims::{RESERVED, reserved};
pub use client::{Assignment, Client, ClientKind, Scope};
pub use code::{Grant, TTL as CODE_TTL, redeem, store};
pub use default::{ALLOW_ALL, DEFAULT, OPENID};
pub use expiry::{due, next_due};
pub use jwk::Jwk;
pub use jws::{ACCESS_TOKEN, ID_TOKEN, Parsed, hash_claim, parse, sign};
pub use key::{KEYS_MAX, Made, NamedKey, Public};
pub use key_set::KeySet;
pub use pkce::{Challenge, NotAChallenge};
pub use provider::{Config, Provider};
pub use random::letters;
pub use redirect::{can_redirect, is_issuer, may_redirect};
pub use role::Role;
pub use signer::{Signer, Signers};
pub use template::Template;
pub use users::Used;

use sdk::Key;

fn folder(kind: &str) -> Key {
    Key::kind("oidc").plain(kind)
}
