#![doc = include_str!("../README.md")]

mod call;
mod duo;
mod okta;
mod origin;
mod pingid;

use std::net::IpAddr;

use async_trait::async_trait;
use tokio::time::Instant;

pub use duo::{Duo, DuoOptions};
pub use okta::{Okta, OktaOptions};
pub use pingid::{PingId, PingIdOptions};

/// About whom a service is asked. No Debug: a passcode is a secret for as long as it counts.
pub struct Question<'a> {
    /// As the service knows them.
    pub username: &'a str,
    /// In the place of a push, where the service takes one.
    pub passcode: Option<&'a str>,
    /// Where they log in from.
    pub remote: Option<IpAddr>,
}

/// Why somebody is not let in, with a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// They said no, or nothing; or the service says no of them.
    Denied(String),
    /// The service cannot be asked, or says what nobody understands.
    Unavailable(String),
}

/// A service that asks somebody whether it is they who log in.
#[async_trait]
pub trait Factor: Send + Sync {
    /// Waits until they have answered, at the latest until then.
    async fn ask(&self, question: &Question<'_>, until: Instant) -> Result<(), Refusal>;
}

/// What the time is, in milliseconds since 1970.
pub type Clock = fn() -> i64;

fn denied<T>(text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Denied(text.into()))
}

fn unavailable(text: impl Into<String>) -> Refusal {
    Refusal::Unavailable(text.into())
}

#[cfg(test)]
mod tests;
