//! One call of the other server: a few attempts, all of them within one deadline.

use std::time::Duration;

use barrier::SealFailure;
use remote_error::{one_line, with_causes};
use reqwest::header::{CONTENT_LENGTH, HeaderValue, LOCATION};
use reqwest::{Client, Response, Url};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use crate::Token;

/// How long a call may take, whatever it has to wait for.
const CALL_MAX: Duration = Duration::from_secs(8);
/// How long one attempt may take.
const TRY_MAX: Duration = Duration::from_secs(4);
const TRIES: u32 = 4;
/// The pause after the first attempt; it doubles, and half of it is left to chance.
const PAUSE: Duration = Duration::from_millis(200);
/// A standby may send to the active node.
const REDIRECTS: usize = 2;
/// An answer that is larger is none of a transit engine.
const ANSWER_MAX: u64 = 1 << 20;

pub(crate) struct Calls {
    client: Client,
    address: Url,
    token: Token,
    namespace: Option<String>,
    stays: bool,
}

/// How a call failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Called {
    /// The server says that it is the caller's fault.
    Refused { status: u16, problem: String },
    /// Asking again later may help.
    Failed(String),
}

impl Called {
    pub fn into_failure(self) -> SealFailure {
        match self {
            Self::Refused { status, problem } => SealFailure::Refused(format!("{status}: {problem}")),
            Self::Failed(problem) => SealFailure::Unavailable(problem),
        }
    }
}

impl Calls {
    pub fn new(client: Client, address: Url, token: Token, namespace: Option<String>, stays: bool) -> Self {
        Self { client, address, token, namespace, stays }
    }

    pub fn token_may_change(&self) -> bool {
        self.token.may_change()
    }

    /// Tells the present token from another one.
    pub async fn token_id(&self) -> Option<[u8; 32]> {
        self.token.read().await.ok().map(|token| crypto::sha256(token.as_bytes()))
    }

    /// `path` below `/v1/`, each part as it is named.
    pub async fn post(&self, path: &[&str], body: &Value) -> Result<Value, Called> {
        let url = self.url(path)?;
        let end = Instant::now() + CALL_MAX;
        let mut pause = PAUSE;
        let mut tried = 1;
        loop {
            let tried_until = end.min(Instant::now() + TRY_MAX);
            let problem = match timeout_at(tried_until, self.follow(url.clone(), body)).await {
                Ok(Err(Called::Failed(problem))) => problem,
                Ok(done) => return done,
                Err(_) => "it did not answer in time".to_owned(),
            };
            let next = Instant::now() + pause / 2 + pause.mul_f64(chance() / 2.0);
            if tried == TRIES || next >= end {
                return Err(Called::Failed(problem));
            }
            tried += 1;
            pause *= 2;
            sleep(next - Instant::now()).await;
        }
    }

    fn url(&self, path: &[&str]) -> Result<Url, Called> {
        let mut url = self.address.clone();
        let no_base = || Called::Failed("its address cannot have a path".to_owned());
        let mut segments = url.path_segments_mut().map_err(|()| no_base())?;
        segments.pop_if_empty().push("v1").extend(path.iter().flat_map(|part| part.split('/')));
        drop(segments);
        Ok(url)
    }

    async fn follow(&self, mut url: Url, body: &Value) -> Result<Value, Called> {
        for _ in 0..=REDIRECTS {
            let answer = self.once(url.clone(), body).await?;
            if !answer.status().is_redirection() {
                return read(answer).await;
            }
            let location = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let to = next(&url, location.unwrap_or_default())?;
            if self.stays && to.origin() != url.origin() {
                return Err(Called::Failed("it sends on to another server, which nobody has allowed".to_owned()));
            }
            url = to;
        }
        Err(Called::Failed("one server sends on to another, again and again".to_owned()))
    }

    async fn once(&self, url: Url, body: &Value) -> Result<Response, Called> {
        let token = self.token.read().await.map_err(Called::Failed)?;
        let mut shown = HeaderValue::from_str(&token)
            .map_err(|_| Called::Failed("its token holds a character that no token has".to_owned()))?;
        shown.set_sensitive(true);
        let mut request = self.client.post(url).header("X-Vault-Request", "true").header("X-Vault-Token", shown);
        if let Some(namespace) = &self.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        request.json(body).send().await.map_err(|problem| Called::Failed(with_causes(&problem.without_url())))
    }
}

/// Where a redirect leads.
pub(crate) fn next(url: &Url, location: &str) -> Result<Url, Called> {
    let next = url.join(location).map_err(|_| Called::Failed("it sends on to what is no URL".to_owned()))?;
    if url.scheme() == "https" && next.scheme() != "https" {
        return Err(Called::Failed("it sends on to where everybody could read the token".to_owned()));
    }
    Ok(next)
}

async fn read(mut answer: Response) -> Result<Value, Called> {
    let status = answer.status();
    let too_large = || Called::Failed("its answer is too large for one of a transit engine".to_owned());
    let announced = answer.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > ANSWER_MAX) {
        return Err(too_large());
    }
    let mut body = zeroize::Zeroizing::new(Vec::new());
    while let Some(piece) = answer.chunk().await.map_err(|e| Called::Failed(with_causes(&e.without_url())))? {
        body.extend_from_slice(&piece);
        if body.len() as u64 > ANSWER_MAX {
            return Err(too_large());
        }
    }
    let parsed: Option<Value> = serde_json::from_slice(&body).ok();
    if status.is_success() {
        return parsed.ok_or_else(|| Called::Failed("its answer is not JSON".to_owned()));
    }
    let said = parsed.as_ref().and_then(|answer| answer["errors"].as_array()).into_iter().flatten();
    let said: Vec<&str> = said.filter_map(Value::as_str).collect();
    let problem = if said.is_empty() { "without a word".to_owned() } else { one_line(&said.join("; ")) };
    match status.as_u16() {
        // The rest of 4xx will be the same again.
        status @ 400..=499 if !matches!(status, 412 | 429 | 472 | 473) => Err(Called::Refused { status, problem }),
        status => Err(Called::Failed(format!("it answered {status}: {problem}"))),
    }
}

/// Evenly between nothing and one.
pub(crate) fn chance() -> f64 {
    f64::from(u32::from_be_bytes(crypto::random())) / f64::from(u32::MAX)
}
