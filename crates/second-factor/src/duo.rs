//! Duo's Auth API, version 2.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use base64::prelude::{BASE64_STANDARD, Engine};
use crypto::Hash;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use remote_error::one_line;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderValue};
use reqwest::{Client, Method, Url};
use serde::Deserialize;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use crate::call::{send, soon};
use crate::{Clock, Factor, Question, Refusal, denied, origin, unavailable};

/// What stays as it is in a parameter.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Questions about one push. Each waits over there until something happens.
const LOOKS_MAX: usize = 100;
/// Between two of them, should they not wait.
const PAUSE: Duration = Duration::from_secs(1);

/// How this server is known to Duo. No Debug.
pub struct DuoOptions {
    pub api_hostname: String,
    pub integration_key: String,
    pub secret_key: Zeroizing<String>,
    /// What a push shows besides, as parameters of a URL.
    pub push_info: String,
}

pub struct Duo {
    options: DuoOptions,
    origin: Url,
    client: Client,
    clock: Clock,
}

type Params<'a> = BTreeMap<&'static str, &'a str>;

#[derive(Deserialize)]
struct Said<T> {
    stat: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    message_detail: String,
    response: Option<T>,
}

#[derive(Deserialize)]
struct Verdict {
    result: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    status_msg: String,
}

#[derive(Deserialize)]
struct Begun {
    #[serde(default)]
    txid: String,
}

impl Duo {
    /// The client follows no redirect.
    pub fn new(options: DuoOptions, client: Client, clock: Clock) -> Result<Self, String> {
        let origin = origin::of_host(&options.api_hostname)?;
        if options.integration_key.is_empty() || options.secret_key.is_empty() {
            return Err("its keys are empty".into());
        }
        Ok(Self { options, origin, client, clock })
    }

    async fn call<T: for<'de> Deserialize<'de>>(
        &self,
        method: Method,
        path: &'static str,
        params: &Params<'_>,
        until: Instant,
    ) -> Result<T, Refusal> {
        let date = date((self.clock)()).ok_or_else(|| unavailable("this server's clock is wrong"))?;
        let params = canonical(params);
        // As the other side sees it in the request.
        let mut host = self.origin.host_str().unwrap_or_default().to_owned();
        if let Some(port) = self.origin.port() {
            host = format!("{host}:{port}");
        }
        let text = to_sign(&date, method.as_str(), &host, path, &params);
        let authorization = authorization(&self.options.integration_key, &self.options.secret_key, &text);
        let mut shown_key =
            HeaderValue::from_str(&authorization).map_err(|_| unavailable("its integration key is none"))?;
        shown_key.set_sensitive(true);
        let mut url = self.origin.clone();
        url.set_path(path);
        let mut request = self.client.request(method.clone(), url.clone());
        if method == Method::GET {
            url.set_query(Some(&params));
            request = self.client.get(url);
        } else {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(params);
        }
        let answer = send(request.header(DATE, date).header(AUTHORIZATION, shown_key), until).await?;
        let said: Said<T> = answer.json()?;
        if said.stat != "OK" {
            let status = answer.status;
            let why = one_line([said.message, said.message_detail].join(" ").trim());
            return Err(unavailable(format!("it answered {status}: {why}")));
        }
        said.response.ok_or_else(|| unavailable("its answer says nothing"))
    }
}

#[async_trait]
impl Factor for Duo {
    async fn ask(&self, question: &Question<'_>, until: Instant) -> Result<(), Refusal> {
        let remote = question.remote.map(|remote| remote.to_string());
        let mut about = Params::from([("username", question.username)]);
        about.extend(remote.as_deref().map(|remote| ("ipaddr", remote)));
        let first: Verdict = self.call(Method::POST, "/auth/v2/preauth", &about, soon(until)).await?;
        match first.result.as_str() {
            "auth" => {}
            // Whom Duo does not ask, by what is set over there.
            "allow" => return Ok(()),
            "enroll" => return denied(format!("Duo has no device of this user: {}", one_line(&first.status_msg))),
            "deny" => return denied(format!("Duo refuses this user: {}", one_line(&first.status_msg))),
            other => return Err(unavailable(format!("Duo says {:?} of this user", one_line(other)))),
        }
        let mut asked = about;
        asked.insert("async", "1");
        match question.passcode {
            Some(passcode) => asked.extend([("factor", "passcode"), ("passcode", passcode)]),
            None => {
                asked.extend([("factor", "push"), ("device", "auto")]);
                asked.extend(Some(self.options.push_info.as_str()).filter(|i| !i.is_empty()).map(|i| ("pushinfo", i)));
            }
        }
        let begun: Begun = self.call(Method::POST, "/auth/v2/auth", &asked, soon(until)).await?;
        if begun.txid.is_empty() {
            return Err(unavailable("Duo's answer names no transaction"));
        }
        let about = Params::from([("txid", begun.txid.as_str())]);
        for _ in 0..LOOKS_MAX {
            let last: Verdict = match self.call(Method::GET, "/auth/v2/auth_status", &about, until).await {
                // Nobody said anything until the end.
                Err(_) if Instant::now() >= until => break,
                said => said?,
            };
            match last.result.as_str() {
                "allow" => return Ok(()),
                "waiting" => sleep(PAUSE.min(until.saturating_duration_since(Instant::now()))).await,
                "deny" => {
                    let (status, why) = (one_line(&last.status), one_line(&last.status_msg));
                    return denied(format!("Duo was told no ({status}): {why}"));
                }
                other => return Err(unavailable(format!("Duo says {:?} of its question", one_line(other)))),
            }
            if Instant::now() >= until {
                break;
            }
        }
        denied("Duo got no answer in time")
    }
}

/// In the order of their names, as they are signed and sent.
fn canonical(params: &Params<'_>) -> String {
    let encoded = |text| utf8_percent_encode(text, ENCODED);
    let pairs: Vec<String> =
        params.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

fn to_sign(date: &str, method: &str, host: &str, path: &str, params: &str) -> String {
    [date, &method.to_uppercase(), &host.to_lowercase(), path, params].join("\n")
}

fn authorization(integration_key: &str, secret_key: &str, text: &str) -> String {
    let signature = hex::encode(Hash::Sha512.hmac(secret_key.as_bytes(), text.as_bytes()));
    format!("Basic {}", BASE64_STANDARD.encode(format!("{integration_key}:{signature}")))
}

/// As mail writes it.
fn date(millis: i64) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(millis).ok()?;
    Some(at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signed request that Duo's documentation shows.
    #[test]
    fn the_documented_request_is_signed_as_documented() {
        let params = canonical(&Params::from([("username", "root"), ("realname", "First Last")]));
        let host = "api-XXXXXXXX.duosecurity.com";
        let text = to_sign("Tue, 21 Aug 2012 17:29:18 -0000", "post", host, "/accounts/v1/account/list", &params);
        assert_eq!(
            text,
            "Tue, 21 Aug 2012 17:29:18 -0000\nPOST\napi-xxxxxxxx.duosecurity.com\n/accounts/v1/account/list\n\
             realname=First%20Last&username=root"
        );
        let made = authorization("DIWJ8X6AEYOR5OMC6TQ1", "Zh5eGmUq9zpfQnyUIu5OL9iWoMMv5ZNmk3zLJ4Ep", &text);
        let documented = "Basic RElXSjhYNkFFWU9SNU9NQzZUUTE6MWJmZmI4OTI0MzQ4ZjdkYjdkYTllN2Q3ZDc0OWRlZDkzYWFmZDAyZDhlOTA0OTYwZGE3\
                          Yjk2YzU3NTEwMjIwMTg1YTY0YTI4MjdlZThmMjRhYzVkMzA4MDJhOWVlOTdlNTlkZTQ0YjMwNGIxODI0MmYwZDU5NmQxNWE4MTIyYWY=";
        assert_eq!(made, documented);
    }

    #[test]
    fn parameters_are_in_order_and_say_what_they_say() {
        let params = Params::from([("username", "H ell?o"), ("password", "A(!'*)~-_."), ("async", "é+&=")]);
        let wanted = "async=%C3%A9%2B%26%3D&password=A%28%21%27%2A%29~-_.&username=H%20ell%3Fo";
        assert_eq!(canonical(&params), wanted);
    }

    #[test]
    fn the_time_is_written_as_mail_writes_it() {
        assert_eq!(date(1_345_570_158_000).unwrap(), "Tue, 21 Aug 2012 17:29:18 +0000");
    }
}
