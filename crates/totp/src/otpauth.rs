//! `otpauth` URLs, by which a key goes from its issuer into somebody's authenticator.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sdk::{Failure, Result};

use crate::key::Key;

/// What a URL says of a key. It has an account and a secret, if only empty ones.
pub struct Url {
    pub issuer: Option<String>,
    pub account_name: String,
    pub secret: String,
    pub period: Option<u64>,
    pub digits: Option<i64>,
    pub algorithm: Option<String>,
}

impl Url {
    /// No Debug of the URL, nor of the library's error: both could show the key.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || Failure::invalid("an error occurred while parsing url string: it is no otpauth URL");
        let url = url::Url::parse(text).map_err(|_| wrong())?;
        let label = percent_decode_str(url.path()).decode_utf8().map_err(|_| wrong())?;
        let label = label.strip_prefix('/').unwrap_or(&label);
        let (issuer, account_name) = match label.split_once(':') {
            Some((issuer, account)) => (Some(issuer.to_owned()), account),
            None => (None, label),
        };
        let query = |name: &str| {
            let found = url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
            found.filter(|value| !value.is_empty())
        };
        let number = |name: &str| {
            let wrong = || format!("an error occurred while parsing {name} value in url: it must be a whole number");
            query(name).map(|text| text.parse::<i64>().map_err(|_| Failure::Invalid(wrong()))).transpose()
        };
        let period = number("period")?;
        Ok(Self {
            issuer: query("issuer").or(issuer),
            account_name: account_name.to_owned(),
            secret: query("secret").unwrap_or_default(),
            // Less than nothing is refused as nothing is.
            period: period.map(|seconds| u64::try_from(seconds).unwrap_or(0)),
            digits: number("digits")?,
            algorithm: query("algorithm"),
        })
    }
}

pub fn write(key: &Key) -> String {
    let text = |text| utf8_percent_encode(text, ESCAPED);
    format!(
        "otpauth://totp/{}:{}?algorithm={}&digits={}&issuer={}&period={}&secret={}",
        text(&key.issuer),
        utf8_percent_encode(&key.account_name, ESCAPED_IN_PATH),
        key.algorithm.name(),
        key.digits.count(),
        text(&key.issuer),
        key.period,
        key.secret.base32(),
    )
}

const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const ESCAPED_IN_PATH: &AsciiSet = &ESCAPED.remove(b'@');
