//! Okta's pushes: the user is looked up, their push factor challenged, and the challenge asked about until it is over.

use std::time::Duration;

use async_trait::async_trait;
use remote_error::one_line;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Client, RequestBuilder, Url};
use serde::Deserialize;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use crate::call::{Answer, send, soon};
use crate::{Factor, Question, Refusal, denied, origin, unavailable};

const LOOKS_MAX: usize = 100;
/// Between two looks: Okta limits how often it is asked.
const PAUSE: Duration = Duration::from_secs(2);

/// How this server is known to Okta. No Debug.
pub struct OktaOptions {
    /// Of the organization, `acme.okta.com`.
    pub host: String,
    pub api_token: Zeroizing<String>,
    /// Whether users are told by their primary e-mail address, and not by their login.
    pub primary_email: bool,
}

pub struct Okta {
    options: OktaOptions,
    origin: Url,
    client: Client,
    pub(crate) pause: Duration,
}

#[derive(Deserialize)]
struct User {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserFactor {
    id: String,
    factor_type: String,
    #[serde(default = "active")]
    status: String,
}

fn active() -> String {
    "ACTIVE".into()
}

#[derive(Deserialize)]
struct Challenge {
    #[serde(rename = "factorResult")]
    result: String,
    #[serde(rename = "_links")]
    links: Option<Links>,
}

#[derive(Deserialize)]
struct Links {
    poll: Option<Link>,
}

#[derive(Deserialize)]
struct Link {
    href: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Problem {
    #[serde(default)]
    error_code: String,
    #[serde(default)]
    error_summary: String,
}

impl Okta {
    /// The client follows no redirect.
    pub fn new(options: OktaOptions, client: Client) -> Result<Self, String> {
        let origin = origin::of_host(&options.host)?;
        if options.api_token.is_empty() {
            return Err("its token is empty".into());
        }
        Ok(Self { options, origin, client, pause: PAUSE })
    }

    fn url(&self, path: &[&str]) -> Result<Url, Refusal> {
        let mut url = self.origin.clone();
        let no_base = || unavailable("its address cannot have a path");
        url.path_segments_mut().map_err(|()| no_base())?.pop_if_empty().extend(["api", "v1", "users"]).extend(path);
        Ok(url)
    }

    async fn call(&self, request: RequestBuilder, until: Instant) -> Result<Answer, Refusal> {
        let token = format!("SSWS {}", self.options.api_token.as_str());
        let mut token = HeaderValue::from_str(&token).map_err(|_| unavailable("its token is none"))?;
        token.set_sensitive(true);
        send(request.header(ACCEPT, "application/json").header(AUTHORIZATION, token), soon(until)).await
    }

    async fn user(&self, username: &str, until: Instant) -> Result<String, Refusal> {
        // A quotation mark would end the name in the filter's language.
        if username.contains(['"', '\\']) {
            return denied("Okta has no user with such a name");
        }
        let field = if self.options.primary_email { "profile.email" } else { "profile.login" };
        let mut url = self.url(&[])?;
        url.query_pairs_mut().append_pair("filter", &format!("{field} eq \"{username}\"")).append_pair("limit", "2");
        let users: Vec<User> = read(&self.call(self.client.get(url), until).await?)?;
        match users.as_slice() {
            [] => denied("Okta has no such user"),
            [user] => Ok(user.id.clone()),
            _ => denied("Okta has more than one such user"),
        }
    }

    /// The push factor of a user.
    async fn factor(&self, user: &str, until: Instant) -> Result<String, Refusal> {
        let factors: Vec<serde_json::Value> =
            read(&self.call(self.client.get(self.url(&[user, "factors"])?), until).await?)?;
        // Factors of other kinds may look like anything.
        let mut factors = factors.into_iter().filter_map(|factor| serde_json::from_value::<UserFactor>(factor).ok());
        match factors.find(|factor| factor.factor_type == "push" && factor.status == "ACTIVE") {
            Some(factor) => Ok(factor.id),
            None => denied("Okta has no device of this user that takes a push"),
        }
    }
}

#[async_trait]
impl Factor for Okta {
    async fn ask(&self, question: &Question<'_>, until: Instant) -> Result<(), Refusal> {
        let user = self.user(question.username, until).await?;
        let factor = self.factor(&user, until).await?;
        let of_factor = self.url(&[&user, "factors", &factor])?;
        let verify = self.url(&[&user, "factors", &factor, "verify"])?;
        let begun: Challenge = read(&self.call(self.client.post(verify).json(&serde_json::json!({})), until).await?)?;
        if begun.result != "WAITING" {
            return denied(format!("Okta did not ask: {}", one_line(&begun.result)));
        }
        let link = begun.links.and_then(|links| links.poll).map(|poll| poll.href).unwrap_or_default();
        // The token goes where it was to go, and the answer is about who was asked.
        let leads =
            |url: &Url| origin::is_same(&self.origin, url) && url.path().starts_with(&format!("{}/", of_factor.path()));
        let link = Url::parse(&link).ok().filter(leads);
        let link = link.ok_or_else(|| unavailable("Okta's answer does not lead to the challenge"))?;
        for _ in 0..LOOKS_MAX {
            sleep(self.pause.min(until.saturating_duration_since(Instant::now()))).await;
            if Instant::now() >= until {
                break;
            }
            let answer = self.call(self.client.get(link.clone()), until).await?;
            if answer.status == 429 {
                continue;
            }
            match read::<Challenge>(&answer)?.result.as_str() {
                "WAITING" => {}
                "SUCCESS" => return Ok(()),
                "REJECTED" => return denied("Okta was told no"),
                "TIMEOUT" => return denied("Okta got no answer in time"),
                other => return Err(unavailable(format!("Okta says {:?} of its question", one_line(other)))),
            }
        }
        denied("Okta got no answer in time")
    }
}

fn read<T: for<'de> Deserialize<'de>>(answer: &Answer) -> Result<T, Refusal> {
    if answer.is_success() {
        return answer.json();
    }
    let said: Problem = answer.json()?;
    let why = one_line(format!("{} {}", said.error_code, said.error_summary).trim());
    Err(unavailable(format!("it answered {}: {why}", answer.status)))
}
