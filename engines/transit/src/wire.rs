//! The texts that go over the wire: base64, and `vault:v1:` before what a version has made.
//!
//! Whoever sends them may be hostile: [`split`] and [`decode`] take any text, and say what is wrong with it.

use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, Engine};
use sdk::{Failure, Result};

/// As lenient as clients are used to: bits that nothing reads may be set.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
const PADDED: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    LENIENT.with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::RequireNone),
);
const PREFIX: &str = "vault:v";

pub fn encode(bytes: &[u8]) -> String {
    PADDED.encode(bytes)
}

pub fn decode(text: &str) -> Result<Vec<u8>, String> {
    decode_by(&PADDED, text)
}

pub fn encode_url(bytes: &[u8]) -> String {
    URL.encode(bytes)
}

pub fn decode_url(text: &str) -> Result<Vec<u8>, String> {
    decode_by(&URL, text)
}

/// Line ends do not count.
fn decode_by(engine: &GeneralPurpose, text: &str) -> Result<Vec<u8>, String> {
    let decoded = match text.contains(['\r', '\n']) {
        true => engine.decode(text.replace(['\r', '\n'], "")),
        false => engine.decode(text),
    };
    decoded.map_err(|problem| match problem {
        DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => {
            format!("illegal base64 data at input byte {at}")
        }
        DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => "illegal base64 data at its end".to_owned(),
    })
}

pub fn prefixed(version: u64, text: &str) -> String {
    format!("{PREFIX}{version}:{text}")
}

/// The version that made a text, and the rest of it. `what` is what the text should be.
pub fn split<'t>(what: &str, text: &'t str) -> Result<(u64, &'t str)> {
    let rest = text.strip_prefix(PREFIX).ok_or_else(|| Failure::invalid(format!("invalid {what}: no prefix")))?;
    let (number, rest) =
        rest.split_once(':').ok_or_else(|| Failure::invalid(format!("invalid {what}: wrong number of fields")))?;
    let number =
        number.parse().map_err(|_| Failure::invalid(format!("invalid {what}: version number could not be decoded")))?;
    Ok((number, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_split_or_refused(text in "(vault:v)?[0-9]{0,22}:?\\PC*") {
            if let Ok((number, rest)) = split("ciphertext", &text) {
                prop_assert!(text.starts_with(PREFIX) && text.ends_with(&[":", rest].concat()));
                prop_assert!(prefixed(number, rest).len() <= text.len());
            }
            let _ = (decode(&text), decode_url(&text));
        }

        #[test]
        fn what_was_made_is_split_again(number: u64, bytes: Vec<u8>) {
            let text = prefixed(number, &encode(&bytes));
            let (version, rest) = split("ciphertext", &text).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(version, number);
            prop_assert_eq!(decode(rest), Ok(bytes));
        }
    }

    #[test]
    fn what_is_no_ciphertext_is_told_why() {
        for (text, why) in [
            ("", "no prefix"),
            ("vault:1:AAAA", "no prefix"),
            ("vault:v1", "wrong number of fields"),
            ("vault:v:AAAA", "version number"),
            ("vault:v-1:AAAA", "version number"),
            ("vault:v18446744073709551616:AAAA", "version number"),
        ] {
            let said = split("ciphertext", text).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
