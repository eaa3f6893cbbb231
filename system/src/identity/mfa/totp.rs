//! `identity/mfa/method/totp`, `mfa/method/totp/:method_id`: one-time codes of an authenticator.

use std::time::Duration;

use holdfast_core::identity::mfa::{Kind, Settings, Totp};
use sdk::{Ctx, Failure, Input, Path, Reply, Result, Seconds, Txn, Verb};
use totp::{Algorithm, Digits};

use super::{Made, Named, of_kind, required};

/// Where nothing else is said.
const ATTEMPTS: u32 = 5;

#[derive(Input)]
struct Write {
    #[field(flatten)]
    named: Named,
    /// Who issues the keys.
    issuer: String,
    /// How long a code is the current one.
    #[field(default = Seconds(Duration::from_secs(30)))]
    period: Seconds,
    /// The length of keys in bytes.
    #[field(default = 20)]
    key_size: i64,
    /// The side of the QR code in pixels; 0 leaves it out.
    #[field(default = 200)]
    qr_size: i64,
    /// SHA1, SHA256 or SHA512.
    #[field(default = "SHA1".to_owned())]
    algorithm: String,
    /// How many digits a code has: 6 or 8.
    #[field(default = 6)]
    digits: i64,
    /// How many periods before and after the current one a code is right too: 0 or 1.
    #[field(default = 1)]
    skew: i64,
    /// How many wrong codes of an entity there can be in the time in which one can be right; 5 if it is zero.
    max_validation_attempts: i64,
}

pub fn paths() -> Vec<Path> {
    let [all, one] = of_kind(
        Kind::Totp,
        ["mfa/method/totp/?", "mfa/method/totp/:method_id"],
        ["mfa-list-totp-methods", "mfa-read-totp-method-configuration", "mfa-delete-totp-method"],
    );
    vec![
        all.ids([(Verb::Write, "mfa-create-totp-method")]).txn(Verb::Write, write),
        one.ids([(Verb::Write, "mfa-configure-totp-method")]).txn(Verb::Write, write),
    ]
}

fn write(_: &Ctx, write: Write, txn: &mut Txn) -> Result<Option<Reply<Made>>> {
    super::write(txn, Kind::Totp, &write.named, |_| settings(&write).map(Settings::Totp))
}

fn settings(write: &Write) -> Result<Totp> {
    let invalid = |text: &'static str| move |_| Failure::invalid(text);
    let algorithm = Algorithm::from_name(&write.algorithm).map_err(invalid("unrecognized algorithm"))?;
    let digits = Digits::from_count(write.digits).map_err(invalid("digits can only be 6 or 8"))?;
    let period = write.period.0.as_secs();
    if period == 0 {
        return Err(Failure::invalid("period must be greater than zero"));
    }
    // What is used up is remembered for some periods.
    if period > u64::from(u32::MAX) {
        return Err(Failure::invalid("period must be at most 4294967295 seconds"));
    }
    let skew = u64::try_from(write.skew).ok().filter(|skew| *skew <= 1);
    let skew = skew.ok_or_else(|| Failure::invalid("skew must be 0 or 1"))?;
    if write.key_size <= 0 {
        return Err(Failure::invalid("key_size must be greater than zero"));
    }
    let key_size = totp::secret_size(write.key_size)?;
    let issuer = required(&write.issuer, "issuer must be set")?;
    let qr_size = totp::qr_size(write.qr_size)?.unwrap_or(0);
    let problem = "max_validation_attempts must be greater than zero";
    let attempts = u32::try_from(write.max_validation_attempts).map_err(|_| Failure::invalid(problem))?;
    let max_validation_attempts = if attempts == 0 { ATTEMPTS } else { attempts };
    let settings = Totp { issuer, period, algorithm, digits, skew, key_size, qr_size, max_validation_attempts };
    settings.check()?;
    Ok(settings)
}
