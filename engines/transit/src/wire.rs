//! The texts that go over the wire: base64, and `vault:v1:` before what a version has made.

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
    let number = number
        .parse()
        .map_err(|_| Failure::invalid(format!("invalid {what}: version number could not be decoded")))?;
    Ok((number, rest))
}
