//! Proof Key for Code Exchange (RFC 7636): who redeems a code is who asked for it.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Challenge {
    method: Method,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Method {
    #[serde(rename = "plain")]
    Plain,
    S256,
}

#[derive(Debug, PartialEq)]
pub enum NotAChallenge {
    Method,
    Text,
}

impl Challenge {
    /// Without a method it is plain.
    pub fn new(method: &str, text: &str) -> Result<Self, NotAChallenge> {
        let method = match method {
            "" | "plain" => Method::Plain,
            "S256" => Method::S256,
            _ => return Err(NotAChallenge::Method),
        };
        if !(43..=128).contains(&text.len()) {
            return Err(NotAChallenge::Text);
        }
        Ok(Self { method, text: text.to_owned() })
    }

    #[must_use]
    pub fn is_met(&self, verifier: &str) -> bool {
        let answer = match self.method {
            Method::Plain => verifier.to_owned(),
            Method::S256 => BASE64_URL_SAFE_NO_PAD.encode(crypto::sha256(verifier.as_bytes())),
        };
        crypto::ct_eq(answer.as_bytes(), self.text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn only_the_verifier_meets_its_challenge() {
        let hashed = Challenge::new("S256", CHALLENGE).unwrap();
        assert!(hashed.is_met(VERIFIER) && !hashed.is_met(CHALLENGE) && !hashed.is_met(""));
        for method in ["plain", ""] {
            let plain = Challenge::new(method, VERIFIER).unwrap();
            assert!(plain.is_met(VERIFIER) && !plain.is_met(CHALLENGE));
        }
    }

    #[test]
    fn what_is_none() {
        assert_eq!(Challenge::new("s256", CHALLENGE), Err(NotAChallenge::Method));
        for length in [0, 42, 129] {
            assert_eq!(Challenge::new("S256", &"a".repeat(length)), Err(NotAChallenge::Text), "{length}");
        }
    }
}
