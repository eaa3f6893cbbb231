//! Public keys as JWK (RFC 7517, RFC 8037).

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use crypto::{KeyKind, Numbers, PublicKey};
use serde::Serialize;

use crate::Algorithm;

#[derive(Serialize)]
pub struct Jwk {
    #[serde(rename = "use")]
    pub purpose: &'static str,
    pub kty: &'static str,
    pub kid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<&'static str>,
    pub alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
}

impl Jwk {
    /// `None`: the key is of no kind that has a form here.
    pub fn of(key: &PublicKey, kid: &str, algorithm: Algorithm) -> Option<Self> {
        let text = |bytes: Vec<u8>| Some(BASE64_URL_SAFE_NO_PAD.encode(bytes));
        let (mut x, mut y, mut n, mut e) = (None, None, None, None);
        match key.numbers()? {
            Numbers::Rsa { modulus, exponent } => (n, e) = (text(modulus), text(exponent)),
            Numbers::Curve { x: first, y: second } => (x, y) = (text(first), text(second)),
            Numbers::Ed25519(bytes) => x = text(bytes.to_vec()),
        }
        let (kty, crv) = match key.kind() {
            KeyKind::Rsa(_) => ("RSA", None),
            KeyKind::P256 => ("EC", Some("P-256")),
            KeyKind::P384 => ("EC", Some("P-384")),
            KeyKind::P521 => ("EC", Some("P-521")),
            KeyKind::Ed25519 => ("OKP", Some("Ed25519")),
        };
        Some(Self { purpose: "sig", kty, kid: kid.to_owned(), crv, alg: algorithm.name(), x, y, n, e })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_have_the_length_of_their_curve() {
        let size = |text: &Option<String>| BASE64_URL_SAFE_NO_PAD.decode(text.as_ref().unwrap()).unwrap().len();
        for (algorithm, length) in [(Algorithm::ES256, 32), (Algorithm::ES384, 48), (Algorithm::ES512, 66)] {
            let key = algorithm.generate().unwrap();
            let jwk = Jwk::of(key.public(), "a", algorithm).unwrap();
            assert_eq!((size(&jwk.x), size(&jwk.y), jwk.kty), (length, length, "EC"));
        }
        let rsa = Jwk::of(Algorithm::RS256.generate().unwrap().public(), "a", Algorithm::RS256).unwrap();
        assert_eq!((size(&rsa.n), rsa.e.as_deref(), rsa.x), (256, Some("AQAB"), None));
        let edwards = Jwk::of(Algorithm::EdDSA.generate().unwrap().public(), "a", Algorithm::EdDSA).unwrap();
        assert_eq!((size(&edwards.x), edwards.crv, edwards.kty), (32, Some("Ed25519"), "OKP"));
    }
}
