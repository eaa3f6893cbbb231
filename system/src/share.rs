//! A key share as requests give it.

use barrier::Share;
use base64::prelude::{BASE64_STANDARD, Engine};
use zeroize::Zeroizing;

/// The key alone, and with its coordinate.
const LENGTHS: [usize; 2] = [32, 33];

/// From hexadecimal or base64. A text can be both: what has the length of a share in hexadecimal is that.
pub fn decode(text: &str) -> Option<Share> {
    let hex = hex::decode(text).ok().filter(|bytes| LENGTHS.contains(&bytes.len()));
    let bytes = Zeroizing::new(hex.or_else(|| BASE64_STANDARD.decode(text).ok()).or_else(|| hex::decode(text).ok())?);
    Some(Share::from_slice(&bytes))
}
