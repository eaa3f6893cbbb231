//! Passwords: their bcrypt hashes, made and checked.

use std::sync::LazyLock;

use sdk::{Failure, Result};
use zeroize::Zeroizing;

const COST: u32 = 10;
/// Of hashes made elsewhere: weaker ones are too easy to guess, stronger ones take a processor for too long.
const COST_GIVEN: std::ops::RangeInclusive<u32> = 5..=12;
/// More is not looked at by bcrypt.
const LENGTH_MAX: usize = 72;

/// A password as a request brings it.
pub type Password = Zeroizing<String>;

/// What a request says the password is to be.
pub enum Given {
    Password(Password),
    Hash(String),
}

impl Given {
    /// `None` if neither was given.
    pub fn of(password: String, hash: String) -> Result<Option<Self>> {
        match (password.is_empty(), hash.is_empty()) {
            (true, true) => Ok(None),
            (false, false) => Err(Failure::invalid("only one of password or password_hash may be provided")),
            (true, false) => {
                check_hash(&hash)?;
                Ok(Some(Self::Hash(hash)))
            }
            (false, true) if password.len() > LENGTH_MAX => {
                Err(Failure::invalid(format!("the password is too long: it may have at most {LENGTH_MAX} bytes")))
            }
            (false, true) => Ok(Some(Self::Password(Password::new(password)))),
        }
    }

    /// Takes long for a password.
    pub fn hash(self) -> Result<String> {
        match self {
            Self::Hash(hash) => Ok(hash),
            Self::Password(password) => bcrypt::hash(password.as_bytes(), COST).map_err(Failure::internal),
        }
    }
}

fn check_hash(hash: &str) -> Result<()> {
    let parts: bcrypt::HashParts =
        hash.parse().map_err(|_| Failure::invalid("password_hash is not a valid bcrypt hash"))?;
    let cost = parts.get_cost();
    if cost < *COST_GIVEN.start() {
        return Err(Failure::invalid(format!(
            "bcrypt cost of {cost} is too low, want {} at minimum",
            COST_GIVEN.start()
        )));
    }
    if cost > *COST_GIVEN.end() {
        return Err(Failure::invalid(format!("bcrypt cost of {cost} exceeds maximum cost of {}", COST_GIVEN.end())));
    }
    Ok(())
}

/// Takes long, also without a hash to compare with: who asks is not told that a user does not exist.
pub fn matches(password: &Password, hash: Option<&str>) -> bool {
    static NOBODY: LazyLock<String> = LazyLock::new(|| bcrypt::hash("nobody", COST).unwrap_or_default());
    let same = bcrypt::verify(password.as_bytes(), hash.unwrap_or(&NOBODY)).unwrap_or(false);
    same && hash.is_some()
}
