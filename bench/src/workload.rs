//! What is asked: one request after another, from a number.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    KvRead,
    KvWrite,
    TokenCreate,
    TokenLookupSelf,
    UserpassLogin,
    ApproleLogin,
    /// 63 bytes under an AES key of 256 bits.
    TransitEncrypt,
    /// 63 bytes under an Ed25519 key.
    TransitSign,
    /// A mount of its own for each number.
    Mount,
    /// A namespace of its own for each number.
    Namespace,
    /// A mount for each number, so many in each of those.
    NamespaceMount,
    /// What the bare server answers.
    Bare,
}

pub struct Workload {
    pub kind: Kind,
    pub token: String,
    pub mount: String,
    pub keys: usize,
    /// How many secrets one folder has; without it all are in one.
    pub folder_size: Option<usize>,
}

/// As `scripts/bench` has set it up.
const PASSWORD: &str = "bench-password";

impl Workload {
    pub fn request(&self, number: usize) -> Request<Full<Bytes>> {
        let key = number % self.keys;
        let (mount, folder) = (&self.mount, self.folder(key));
        let (method, path, body) = match self.kind {
            Kind::KvRead => (Method::GET, format!("/v1/{mount}/data/{folder}key-{key}"), Bytes::new()),
            Kind::KvWrite => (Method::POST, format!("/v1/{mount}/data/{folder}key-{key}"), secret(number)),
            Kind::TokenCreate => (Method::POST, "/v1/auth/token/create".to_owned(), Bytes::from_static(TOKEN)),
            Kind::TokenLookupSelf => (Method::GET, "/v1/auth/token/lookup-self".to_owned(), Bytes::new()),
            Kind::UserpassLogin => (
                Method::POST,
                "/v1/auth/userpass/login/bench".to_owned(),
                Bytes::from(format!("{{\"password\":\"{PASSWORD}\"}}")),
            ),
            Kind::ApproleLogin => (Method::POST, "/v1/auth/approle/login".to_owned(), Bytes::from_static(MACHINE)),
            Kind::TransitEncrypt => (Method::POST, "/v1/transit/encrypt/bench".to_owned(), base64("plaintext", number)),
            Kind::TransitSign => (Method::POST, "/v1/transit/sign/bench-sign".to_owned(), base64("input", number)),
            Kind::Mount => (Method::POST, format!("/v1/sys/mounts/mount-{key}"), Bytes::from_static(MOUNT)),
            Kind::Namespace => (Method::POST, format!("/v1/sys/namespaces/ns-{key}"), Bytes::new()),
            Kind::NamespaceMount => {
                let (namespace, mount) = (key / MOUNTS_EACH, key % MOUNTS_EACH);
                (Method::POST, format!("/v1/ns-{namespace}/sys/mounts/mount-{mount}"), Bytes::from_static(MOUNT))
            }
            Kind::Bare => (Method::GET, "/".to_owned(), Bytes::new()),
        };
        let mut request = Request::builder().method(method).uri(path).header("host", "bench");
        let logs_in = matches!(self.kind, Kind::UserpassLogin | Kind::ApproleLogin);
        if !self.token.is_empty() && !logs_in {
            request = request.header("x-vault-token", &self.token);
        }
        request.body(Full::new(body)).expect("every part is a valid one")
    }

    fn folder(&self, key: usize) -> String {
        self.folder_size.map_or_else(String::new, |size| format!("folder-{}/", key / size))
    }
}

const TOKEN: &[u8] = br#"{"ttl":"24h","no_default_policy":false}"#;
const MACHINE: &[u8] = br#"{"role_id":"bench-role","secret_id":"bench-secret"}"#;
const MOUNTS_EACH: usize = 15;
const MOUNT: &[u8] = br#"{"type":"kv","options":{"version":"1"}}"#;

/// Base64 of 63 bytes, of which no two are alike.
fn base64(field: &str, number: usize) -> Bytes {
    Bytes::from(format!("{{\"{field}\":\"{number:084}\"}}"))
}

/// One KiB of secret, different each time, so that nobody can answer from what was there.
fn secret(number: usize) -> Bytes {
    const LENGTH: usize = 1024;
    let mut value = format!("{number:016x}");
    let mut state = number as u64 | 1;
    while value.len() < LENGTH {
        // A linear congruential generator: what is written should not compress.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        value.push(char::from(b'a' + (state >> 33) as u8 % 26));
    }
    Bytes::from(format!("{{\"data\":{{\"value\":\"{value}\"}}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_json_of_a_kib_and_never_the_same() {
        let (one, two) = (secret(1), secret(2));
        assert_ne!(one, two);
        let read: serde_json::Value = serde_json::from_slice(&one).unwrap();
        assert_eq!(read["data"]["value"].as_str().unwrap().len(), 1024);
    }
}
