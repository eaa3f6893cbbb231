//! PingID's pushes: one request and one answer, each a JWS under the key that both sides have.

use async_trait::async_trait;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD, Engine};
use remote_error::one_line;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::call::send;
use crate::{Clock, Factor, Question, Refusal, denied, origin, unavailable};

const VERSION: &str = "4.9";
/// Of the number that says what became of it.
const APPROVED: i64 = 200;
const KEY_MIN: usize = 16;

/// As the settings file says it. No Debug.
pub struct PingIdOptions {
    pub idp_url: String,
    pub org_alias: String,
    pub token: Zeroizing<String>,
    pub use_base64_key: Zeroizing<String>,
}

pub struct PingId {
    url: Url,
    org_alias: String,
    token: Zeroizing<String>,
    key: Zeroizing<Vec<u8>>,
    client: Client,
    clock: Clock,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    token: String,
    /// It has had both names.
    #[serde(rename = "orgAlias", alias = "org_alias", default)]
    org_alias: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    response_body: Body,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    error_id: i64,
    #[serde(default)]
    error_msg: Option<String>,
}

impl PingId {
    /// The client follows no redirect.
    pub fn new(options: PingIdOptions, client: Client, clock: Clock) -> Result<Self, String> {
        let mut url = origin::of_url(&options.idp_url)?;
        let no_base = || "its URL cannot have a path".to_owned();
        url.path_segments_mut().map_err(|()| no_base())?.pop_if_empty().extend(["rest", "4", "authonline", "do"]);
        let key = options.use_base64_key.trim();
        let key = BASE64_STANDARD.decode(key).or_else(|_| BASE64_URL_SAFE.decode(key)).map(Zeroizing::new);
        let key = key.map_err(|_| "its key is not base64".to_owned())?;
        if key.len() < KEY_MIN {
            return Err(format!("its key is shorter than {KEY_MIN} bytes"));
        }
        if options.token.is_empty() || options.org_alias.is_empty() {
            return Err("its token or the organization's alias is missing".into());
        }
        Ok(Self { url, org_alias: options.org_alias, token: options.token, key, client, clock })
    }

    fn signed(&self, body: &Value) -> Result<Zeroizing<String>, Refusal> {
        let at = jiff::Timestamp::from_millisecond((self.clock)());
        let at = at.map_err(|_| unavailable("this server's clock is wrong"))?;
        let header = json!({"alg": "HS256", "orgAlias": self.org_alias, "token": self.token.as_str()});
        let payload = json!({
            "reqHeader": {
                "locale": "en",
                "orgAlias": self.org_alias,
                "secretKey": self.token.as_str(),
                "timestamp": at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
                "version": VERSION,
            },
            "reqBody": body,
        });
        let [header, payload] = [header, payload].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
        let text = format!("{header}.{payload}");
        let signature = BASE64_URL_SAFE_NO_PAD.encode(crypto::hmac_sha256(&self.key, text.as_bytes()));
        Ok(Zeroizing::new(format!("{text}.{signature}")))
    }

    /// What was said under the same key, to us.
    fn read(&self, body: &[u8]) -> Option<Body> {
        let text = std::str::from_utf8(body).ok()?.trim();
        let (signed, signature) = text.rsplit_once('.')?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        if !crypto::ct_eq(&crypto::hmac_sha256(&self.key, signed.as_bytes()), &signature) {
            return None;
        }
        let (header, payload) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        let ours = crypto::ct_eq(header.token.as_bytes(), self.token.as_bytes()) && header.org_alias == self.org_alias;
        if header.alg != "HS256" || !ours {
            return None;
        }
        let said: Said = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        Some(said.response_body)
    }
}

#[async_trait]
impl Factor for PingId {
    async fn ask(&self, question: &Question<'_>, until: Instant) -> Result<(), Refusal> {
        let body = json!({"authType": "CONFIRM", "spAlias": "web", "userName": question.username});
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        let answer = send(request.body(self.signed(&body)?.as_str().to_owned()), until).await;
        let answer = match answer {
            Err(_) if Instant::now() >= until => return denied("PingID got no answer in time"),
            answer => answer?,
        };
        let said = self.read(&answer.body);
        let said = said.ok_or_else(|| {
            unavailable(format!("it answered {} with what it has not signed for this server", answer.status))
        })?;
        if !answer.is_success() {
            return Err(unavailable(format!("it answered {}", answer.status)));
        }
        if said.error_id == APPROVED {
            return Ok(());
        }
        denied(format!("PingID says no ({}): {}", said.error_id, one_line(&said.error_msg.unwrap_or_default())))
    }
}
