//! Requests to the API and their answers. Knows nothing of any endpoint.
//!
//! ```text
//!   Ask ─► url, headers (Manner) ─► try ─┬─ 307 ─► once more, there, with the token
//!                                        ├─ refused, 412, 5xx ─► a pause, again (retry)
//!                                        └─ Reply
//! ```
//!
//! A stream ([`Client::download`], [`Client::upload`]) is never whole in memory, and is tried once.

mod ask;
mod instead;
mod manner;
mod reply;
mod retry;
mod server_name;
mod stream;

pub use ask::Ask;
pub use instead::Instead;
pub use manner::Manner;
pub use reply::Reply;
pub use server_name::ServerName;
pub use stream::Source;

use remote_error::with_causes;
use reqwest::header::{HOST, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde_json::Value;
use zeroize::Zeroizing;

use super::failure::Failure;

pub struct Client {
    http: reqwest::Client,
    address: Url,
    token: Option<Zeroizing<String>>,
    manner: Manner,
    server_name: Option<ServerName>,
}

/// Of nodes that send one another's way.
const REDIRECTS_MOST: usize = 3;

impl Client {
    pub fn new(
        http: reqwest::Client,
        address: &str,
        manner: Manner,
        server_name: Option<ServerName>,
    ) -> Result<Client, Failure> {
        let unusable =
            || Failure::usage(format!("{address:?} is not a server's URL, such as \"https://127.0.0.1:8200\""));
        let address: Url = address.parse().map_err(|_| unusable())?;
        if !matches!(address.scheme(), "http" | "https") || address.host().is_none() {
            return Err(unusable());
        }
        Ok(Client { http, address, token: None, manner, server_name })
    }

    pub fn with_token(mut self, token: Option<Zeroizing<String>>) -> Client {
        self.token = token;
        self
    }

    pub fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.as_str())
    }

    pub fn unwrapped(mut self) -> Client {
        self.manner.wrap_ttl = None;
        self
    }

    pub async fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.send(Ask::new(Method::GET, path)).await
    }

    /// Asks what a command has to know before it can word the request that is meant.
    pub async fn look(&self, path: &str) -> Result<Reply, Failure> {
        self.send(Ask::new(Method::GET, path).preflight()).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Result<Reply, Failure> {
        self.send(Ask::new(Method::PUT, path).body(body)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Reply, Failure> {
        self.send(Ask::new(Method::POST, path).body(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Result<Reply, Failure> {
        self.send(Ask::new(Method::PATCH, path).body(body)).await
    }

    pub async fn delete(&self, path: &str) -> Result<Reply, Failure> {
        self.send(Ask::new(Method::DELETE, path)).await
    }

    pub async fn list(&self, path: &str) -> Result<Reply, Failure> {
        self.send(Ask::list(path)).await
    }

    pub async fn send(&self, ask: Ask) -> Result<Reply, Failure> {
        let url = self.url(&ask);
        let asked = format!("{} {url}", ask.method);
        self.show_instead(&ask, &url)?;
        let mut tries = 0;
        loop {
            tries += 1;
            let again = tries <= self.manner.retries;
            let outcome = self.follow(&ask, &url, None).await;
            let wanted = match &outcome {
                Ok(answer) if again && !ask.once && retry::status_passes(answer.status().as_u16()) => {
                    answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok())
                }
                Err(Lost::Http(error)) if again && retry::error_passes(error) => None,
                _ => return read(outcome, asked).await,
            };
            tokio::time::sleep(retry::pause(tries, wanted)).await;
        }
    }

    /// Sends, and goes where the answers say. `stream` makes the body anew for each node.
    async fn follow(&self, ask: &Ask, url: &Url, stream: Option<&stream::Source>) -> Result<Response, Lost> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MOST {
            let mut request = self.request(ask, &url)?;
            if let Some(source) = stream {
                request = request.body(source.body().await?);
            } else {
                request = request.timeout(self.manner.timeout);
            }
            let answer = request.send().await.map_err(Lost::Http)?;
            let elsewhere = matches!(answer.status().as_u16(), 301 | 302 | 307 | 308) && self.manner.follow;
            let Some(location) = answer.headers().get(LOCATION).filter(|_| elsewhere) else { return Ok(answer) };
            let next = location.to_str().ok().and_then(|text| url.join(text).ok());
            let next = next.ok_or_else(|| Lost::Astray(format!("{url} sends on to {location:?}, which is no URL")))?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(Lost::Astray(format!("{url} sends on to {next}, which would show the token to all")));
            }
            url = next;
        }
        Err(Lost::Astray(format!("{url}: one node sends on to another, {REDIRECTS_MOST} times over")))
    }

    fn request(&self, ask: &Ask, url: &Url) -> Result<RequestBuilder, Lost> {
        let mut request = match &self.server_name {
            Some(name) if url.scheme() == "https" => {
                let (url, host) = name.stand_in(url).map_err(Lost::Asked)?;
                self.http.request(ask.method.clone(), url).header(HOST, host)
            }
            _ => self.http.request(ask.method.clone(), url.clone()),
        };
        request = request.header("X-Vault-Request", "true").headers(self.manner.headers.clone());
        if let Some(token) = &self.token {
            let value = HeaderValue::from_str(token);
            let mut value =
                value.map_err(|_| Lost::Asked(Failure::usage("The token holds a character that no token has")))?;
            value.set_sensitive(true);
            request = request.header("X-Vault-Token", value);
        }
        if let Some(namespace) = self.manner.namespace.as_ref().filter(|path| path.trim_matches('/') != "root") {
            request = request.header("X-Vault-Namespace", namespace);
        }
        if let Some(ttl) = self.manner.wrap_ttl.as_ref().filter(|_| !ask.preflight) {
            request = request.header("X-Vault-Wrap-TTL", ttl);
        }
        if let Some(body) = &ask.body {
            request = request.json(body);
            if ask.method == Method::PATCH {
                // `json` has set the header already, and `header` would add to it.
                let merge = HeaderValue::from_static("application/merge-patch+json");
                request = request.headers([(reqwest::header::CONTENT_TYPE, merge)].into_iter().collect());
            }
        }
        Ok(request)
    }

    fn url(&self, ask: &Ask) -> Url {
        at(self.address.clone(), ask)
    }

    fn show_instead(&self, ask: &Ask, url: &Url) -> Result<(), Failure> {
        match self.manner.instead.filter(|_| !ask.preflight) {
            None => Ok(()),
            Some(Instead::Policy) => Err(Failure::Shown(instead::policy(ask))),
            Some(Instead::Curl) => Err(Failure::Shown(instead::curl(ask, url, &self.manner, self.token.is_some()))),
        }
    }
}

/// What is asked of the server at that address.
fn at(mut url: Url, ask: &Ask) -> Url {
    let (path, query) = match ask.path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (ask.path.as_str(), None),
    };
    let base = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{base}/v1/{path}"));
    url.set_query(query);
    if !ask.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&ask.query);
    }
    url
}

/// Why there is no answer.
enum Lost {
    Http(reqwest::Error),
    Astray(String),
    Asked(Failure),
}

impl From<Failure> for Lost {
    fn from(failure: Failure) -> Lost {
        Lost::Asked(failure)
    }
}

impl Lost {
    fn failure(self, asked: &str) -> Failure {
        match self {
            Lost::Http(error) => Failure::Refused(format!("{asked}: {}", with_causes(&error.without_url()))),
            Lost::Astray(problem) => Failure::Refused(problem),
            Lost::Asked(failure) => failure,
        }
    }
}

async fn read(outcome: Result<Response, Lost>, asked: String) -> Result<Reply, Failure> {
    let answer = outcome.map_err(|lost| lost.failure(&asked))?;
    let status = answer.status().as_u16();
    let raw = answer.bytes().await.map_err(|error| Lost::Http(error).failure(&asked))?;
    Ok(Reply::new(status, raw, asked))
}

#[cfg(test)]
mod tests;
