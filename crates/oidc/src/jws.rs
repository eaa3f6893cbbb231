//! Signed tokens in the compact form (RFC 7515, RFC 7519): three parts of base64 with dots between.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use crypto::PublicKey;
use sdk::{Failure, Map, Result, Value, json};
use serde_json::from_slice;

use crate::{Algorithm, Signer};

/// The longest token that is looked at, in bytes.
const TOKEN_MAX: usize = 64 * 1024;

/// What a header calls an access token (RFC 9068), so that nobody takes it for an ID token.
pub const ACCESS_TOKEN: Option<&str> = Some("at+jwt");
/// An ID token is called nothing.
pub const ID_TOKEN: Option<&str> = None;

pub fn sign(signer: &Signer, kind: Option<&str>, claims: &Map<String, Value>) -> Result<String> {
    let mut head = json!({ "alg": signer.algorithm.name(), "kid": signer.kid });
    if let Some(kind) = kind {
        head["typ"] = json!(kind);
    }
    let part = |value: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(value);
    let body = serde_json::to_vec(claims).map_err(Failure::internal)?;
    let signed = format!("{}.{}", part(head.to_string().as_bytes()), part(&body));
    let signature = signer.algorithm.sign(&signer.key, signed.as_bytes()).map_err(Failure::internal)?;
    Ok(format!("{signed}.{}", part(&signature)))
}

/// A token that is well formed, and signed by whoever.
pub struct Parsed<'a> {
    pub algorithm: Algorithm,
    /// The key that it says it is signed with.
    pub kid: String,
    claims: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

pub fn parse(token: &str) -> Result<Parsed<'_>, &'static str> {
    if token.len() > TOKEN_MAX {
        return Err("the token is longer than 64 KiB");
    }
    let decoded = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| "a part of it is not base64url");
    let (signed, signature) = token.rsplit_once('.').ok_or("compact JWS format must have three parts")?;
    let (head, claims) = signed.split_once('.').ok_or("compact JWS format must have three parts")?;
    let head: Map<String, Value> = from_slice(&decoded(head)?).map_err(|_| "its header is not a JSON object")?;
    let text = |name: &str| head.get(name).and_then(Value::as_str);
    if head.contains_key("crit") {
        return Err("its header asks for extensions that are not known here");
    }
    let algorithm = text("alg").and_then(Algorithm::by_name).ok_or("unexpected signature algorithm")?;
    let claims = from_slice(&decoded(claims)?).map_err(|_| "its claims are not a JSON object")?;
    let signature = decoded(signature)?;
    Ok(Parsed { algorithm, kid: text("kid").unwrap_or_default().to_owned(), claims, signed, signature })
}

impl Parsed<'_> {
    /// The claims, if this key has signed them by the algorithm that it is for.
    pub fn verified(&self, key: &PublicKey, algorithm: Algorithm) -> Option<&Map<String, Value>> {
        let right = self.algorithm == algorithm && algorithm.verify(key, self.signed.as_bytes(), &self.signature);
        right.then_some(&self.claims)
    }
}

/// What binds something to the token that it came with: the left half of its hash.
pub fn hash_claim(algorithm: Algorithm, text: &str) -> String {
    let hash = algorithm.hash().digest(text.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(algorithm: Algorithm) -> Signer {
        Signer { kid: "k1".into(), algorithm, key: algorithm.generate().unwrap() }
    }

    #[test]
    fn what_was_signed_is_read_and_nothing_else() {
        let claims = json!({ "sub": "e", "exp": 5 }).as_object().cloned().unwrap();
        for algorithm in [Algorithm::RS384, Algorithm::ES256, Algorithm::EdDSA] {
            let signer = signer(algorithm);
            let token = sign(&signer, ID_TOKEN, &claims).unwrap();
            let parsed = parse(&token).unwrap();
            assert_eq!((parsed.kid.as_str(), parsed.algorithm), ("k1", algorithm));
            assert_eq!(parsed.verified(signer.key.public(), algorithm), Some(&claims));
            let other = if algorithm == Algorithm::RS384 { Algorithm::RS256 } else { Algorithm::RS384 };
            assert!(parsed.verified(signer.key.public(), other).is_none(), "the key is for one algorithm");
            let forged = BASE64_URL_SAFE_NO_PAD.encode(b"{\"sub\":\"other\"}");
            let parts: Vec<&str> = token.split('.').collect();
            let forged = format!("{}.{forged}.{}", parts[0], parts[2]);
            assert!(parse(&forged).unwrap().verified(signer.key.public(), algorithm).is_none());
        }
    }

    #[test]
    fn what_is_no_token_is_told_why() {
        let head = |head: &str| format!("{}.e30.AA", BASE64_URL_SAFE_NO_PAD.encode(head));
        let long = "a".repeat(TOKEN_MAX + 1);
        for (token, names) in [
            ("", "three parts"),
            ("a.b", "three parts"),
            ("a.b.c.d", "base64url"),
            (&head("[]"), "header"),
            (&head("{\"alg\":\"none\"}"), "algorithm"),
            (&head("{\"alg\":\"HS256\"}"), "algorithm"),
            (&head("{\"alg\":\"RS256\",\"crit\":[\"b64\"]}"), "extensions"),
            (&long, "64 KiB"),
        ] {
            let why = parse(token).map(|_| ()).unwrap_err();
            assert!(why.contains(names), "{token:.20} {why}");
        }
    }

    /// The example of OpenID Connect Core 1.0, A.4, whose token is signed by RS256.
    #[test]
    fn a_hash_claim_is_the_left_half() {
        let claim = hash_claim(Algorithm::RS256, "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk");
        assert_eq!(claim, "LDktKdoQak3Pk0cnXxCltA");
        assert_eq!(hash_claim(Algorithm::EdDSA, "a").len(), 43);
    }
}
