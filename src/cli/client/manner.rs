//! How requests are made: what goes with each of them, how long they may take, how often they are tried.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::Instead;
use crate::cli::duration;
use crate::cli::environment;
use crate::cli::failure::Failure;

pub struct Manner {
    pub namespace: Option<String>,
    pub wrap_ttl: Option<String>,
    pub headers: HeaderMap,
    /// Of one try, from the first byte sent to the last one read.
    pub timeout: Duration,
    /// Tries after the first.
    pub retries: u32,
    /// Whether a node's word that another is to be asked counts.
    pub follow: bool,
    pub instead: Option<Instead>,
}

const ANSWER_WITHIN: Duration = Duration::from_secs(60);
const RETRIES: u32 = 2;
const RETRIES_MOST: u32 = 100;

impl Default for Manner {
    fn default() -> Manner {
        Manner {
            namespace: None,
            wrap_ttl: None,
            headers: HeaderMap::new(),
            timeout: ANSWER_WITHIN,
            retries: RETRIES,
            follow: true,
            instead: None,
        }
    }
}

impl Manner {
    /// As the environment has it: `NAMESPACE`, `WRAP_TTL`, `CLIENT_TIMEOUT`, `MAX_RETRIES`, `DISABLE_REDIRECTS`.
    pub fn of_environment() -> Result<Manner, Failure> {
        let mut manner = Manner {
            namespace: environment::setting("NAMESPACE"),
            wrap_ttl: environment::setting("WRAP_TTL"),
            follow: !environment::flag("DISABLE_REDIRECTS"),
            ..Manner::default()
        };
        if let Some(text) = environment::setting("CLIENT_TIMEOUT") {
            let given = duration::parse(&text).filter(|given| !given.is_zero());
            manner.timeout = given.ok_or_else(|| {
                Failure::usage(format!("VAULT_CLIENT_TIMEOUT is {text:?}: it must be a duration such as 30s or 2m"))
            })?;
        }
        if let Some(text) = environment::setting("MAX_RETRIES") {
            let given = text.parse().ok().filter(|number| *number <= RETRIES_MOST);
            manner.retries = given.ok_or_else(|| {
                Failure::usage(format!("VAULT_MAX_RETRIES is {text:?}: it must be a number from 0 to {RETRIES_MOST}"))
            })?;
        }
        Ok(manner)
    }

    pub fn add_header(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let unusable = || Failure::usage(format!("{name}={value} is not a header that HTTP can carry"));
        let name_of_http: HeaderName = name.parse().map_err(|_| unusable())?;
        let value_of_http = HeaderValue::from_str(value).map_err(|_| unusable())?;
        self.headers.append(name_of_http, value_of_http);
        Ok(())
    }
}
