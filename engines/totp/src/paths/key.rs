//! `keys/:name`: one key.

use schemars::JsonSchema;
use sdk::{Answer, Ctx, Failure, Input, Path, Reply, Result, Seconds, Txn, Verb, View};
use serde::Serialize;
use totp::{Algorithm, Digits, Key, Secret, Url};

use crate::name::Name;
use crate::records;

pub fn path() -> Path {
    Path::new("keys/:name")
        .ids([(Verb::Read, "totp-read-key"), (Verb::Write, "totp-create-key"), (Verb::Delete, "totp-delete-key")])
        .help(
            "A key.",
            "A write imports a key that somebody else has issued, or generates one. The answer to that is the only one \
             that shows the key: a read shows its settings. A write replaces all of what was there.",
        )
        .view(Verb::Read, read)
        .txn(Verb::Write, write)
        .txn(Verb::Delete, delete)
}

#[derive(Input)]
struct Which {
    /// The key's name.
    name: Name,
}

#[derive(Input)]
struct Write {
    /// The key's name.
    name: Name,
    /// Makes a new key. Without it, one is imported by `key` or `url`.
    generate: bool,
    /// Whether the answer shows the new key, as a URL and a QR code. Of a generated key only.
    #[field(default = true)]
    exported: bool,
    /// The new key's length in bytes. Of a generated key only.
    #[field(default = 20)]
    key_size: i64,
    /// The key to import, in base32.
    key: String,
    /// Who issues the key. A generated key must have it.
    issuer: String,
    /// Whose key it is. A generated key must have it.
    account_name: String,
    /// How long a code is the current one.
    #[field(default = Seconds(std::time::Duration::from_secs(30)))]
    period: Seconds,
    /// SHA1, SHA256 or SHA512.
    #[field(default = "SHA1".to_owned())]
    algorithm: String,
    /// How many digits a code has: 6 or 8.
    #[field(default = 6)]
    digits: i64,
    /// How many periods before and after the current one a code is right too: 0 or 1.
    #[field(default = 1)]
    skew: i64,
    /// The side of the QR code in pixels; 0 leaves it out. Of a generated key only.
    #[field(default = 200)]
    qr_size: i64,
    /// The key to import, as an `otpauth` URL. What it says comes before the other fields.
    url: String,
}

/// A key without its secret.
#[derive(Serialize, JsonSchema)]
struct Settings {
    account_name: String,
    algorithm: &'static str,
    digits: usize,
    issuer: String,
    /// Seconds.
    period: u64,
}

/// A key that was generated, as an authenticator takes it.
#[derive(Serialize, JsonSchema)]
struct Made {
    url: String,
    /// A PNG in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    barcode: Option<String>,
}

fn read(_: &Ctx, which: Which, view: &View) -> Result<Reply<Settings>> {
    let key = records::key(view, &which.name.checked()?)?.ok_or(Failure::NotFound)?;
    Reply::data(Settings {
        account_name: key.account_name,
        algorithm: key.algorithm.name(),
        digits: key.digits.count(),
        issuer: key.issuer,
        period: key.period,
    })
}

fn write(_: &Ctx, mut write: Write, txn: &mut Txn) -> Result<Option<Reply<Made>>> {
    let name = write.name.checked()?;
    if write.generate && !write.key.is_empty() {
        return Err(Failure::invalid("a key should not be passed if generate is true"));
    }
    if write.generate && !write.url.is_empty() {
        return Err(Failure::invalid("a url should not be passed if generate is true"));
    }
    let mut period = write.period.0.as_secs();
    if !write.url.is_empty() {
        let url = Url::parse(&write.url)?;
        write.issuer = url.issuer.unwrap_or(write.issuer);
        write.digits = url.digits.unwrap_or(write.digits);
        write.algorithm = url.algorithm.unwrap_or(write.algorithm);
        period = url.period.unwrap_or(period);
        (write.account_name, write.key) = (url.account_name, url.secret);
    }
    let digits = Digits::from_count(write.digits)?;
    let algorithm = Algorithm::from_name(&write.algorithm)?;
    if period == 0 {
        return Err(Failure::invalid("the period value must be greater than zero"));
    }
    let skew = u64::try_from(write.skew).ok().filter(|skew| *skew <= 1);
    let skew = skew.ok_or_else(|| Failure::invalid("the skew value must be 0 or 1"))?;
    let qr_size = totp::qr_size(write.qr_size)?;
    let key_size = totp::secret_size(write.key_size)?;
    if write.generate && write.account_name.is_empty() {
        return Err(Failure::invalid("the account_name value is required for generated keys"));
    }
    if write.generate && write.issuer.is_empty() {
        return Err(Failure::invalid("the issuer value is required for generated keys"));
    }
    let secret = if write.generate { Secret::random(key_size) } else { Secret::parse(&write.key)? };
    let key = Key { secret, issuer: write.issuer, account_name: write.account_name, period, algorithm, digits, skew };
    let shown = (write.generate && write.exported).then(|| made(&key, qr_size)).transpose()?;
    records::put_key(txn, &name, &key)?;
    Ok(shown)
}

fn made(key: &Key, qr_size: Option<u32>) -> Result<Reply<Made>> {
    let barcode = qr_size.map(|size| key.barcode(size)).transpose()?;
    Reply::data(Made { url: key.url(), barcode })
}

fn delete(_: &Ctx, which: Which, txn: &mut Txn) -> Result<Answer> {
    records::delete_key(txn, &which.name.checked()?);
    Ok(Answer::empty())
}
