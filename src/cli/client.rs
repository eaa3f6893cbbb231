//! One request to the API and its answer. Knows nothing of any endpoint.

use std::error::Error;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{ClientBuilder, Method, Url};
use serde_json::Value;
use zeroize::Zeroizing;

use super::failure::Failure;

pub struct Client {
    http: reqwest::Client,
    address: Url,
    token: Option<Zeroizing<String>>,
    namespace: Option<String>,
}

/// What came back, whatever its status.
pub struct Reply {
    pub status: u16,
    /// Null where there was no body.
    pub body: Value,
    asked: String,
}

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

impl Client {
    pub fn new(
        http: ClientBuilder,
        address: &str,
        token: Option<Zeroizing<String>>,
        namespace: Option<String>,
    ) -> Result<Client, Failure> {
        let unusable =
            || Failure::usage(format!("{address:?} is not a server's URL, such as \"https://127.0.0.1:8200\""));
        let address: Url = address.parse().map_err(|_| unusable())?;
        if !matches!(address.scheme(), "http" | "https") || address.host().is_none() {
            return Err(unusable());
        }
        let http = http.connect_timeout(CONNECT_WITHIN).timeout(ANSWER_WITHIN).build();
        let http = http.map_err(|error| Failure::usage(format!("Error setting up TLS: {}", with_causes(&error))))?;
        Ok(Client { http, address, token, namespace })
    }

    pub async fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.send(Method::GET, path, None).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Result<Reply, Failure> {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Reply, Failure> {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Result<Reply, Failure> {
        self.send(Method::DELETE, path, None).await
    }

    pub async fn list(&self, path: &str) -> Result<Reply, Failure> {
        // LIST is a method of this API alone, made of letters that a method may have.
        let method = Method::from_bytes(b"LIST").map_err(|_| Failure::refused("LIST is not a method"))?;
        self.send(method, path, None).await
    }

    /// `path` stands below `/v1/`. What it holds beside slashes is encoded, a query excepted.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Reply, Failure> {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let mut url = self.address.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/v1/{}", path.trim_start_matches('/')));
        url.set_query(query);
        let asked = format!("{method} {url}");
        let mut request = self.http.request(method, url).header("X-Vault-Request", "true");
        if let Some(token) = &self.token {
            let mut value = HeaderValue::from_str(token)
                .map_err(|_| Failure::usage("The token holds a character that no token has"))?;
            value.set_sensitive(true);
            request = request.header("X-Vault-Token", value);
        }
        if let Some(namespace) = &self.namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|error| unreachable(&asked, error))?;
        let status = answer.status().as_u16();
        let text = answer.bytes().await.map_err(|error| unreachable(&asked, error))?;
        let body = if text.is_empty() { Value::Null } else { serde_json::from_slice(&text).unwrap_or(Value::Null) };
        Ok(Reply { status, body, asked })
    }

    pub fn with_token(mut self, token: &str) -> Client {
        self.token = Some(Zeroizing::new(token.to_owned()));
        self
    }
}

impl Reply {
    pub fn ok(self) -> Result<Value, Failure> {
        if (200..300).contains(&self.status) { Ok(self.body) } else { Err(self.refusal()) }
    }

    /// As [`Reply::ok`], with nothing found as `None`.
    pub fn found(self) -> Result<Option<Value>, Failure> {
        let nothing_said = self.body["errors"].as_array().is_none_or(Vec::is_empty);
        if self.status == 404 && nothing_said { Ok(None) } else { self.ok().map(Some) }
    }

    /// The refusal in the form that Vault's users know.
    fn refusal(&self) -> Failure {
        let mut text = format!("Error making API request.\n\nURL: {}\nCode: {}.", self.asked, self.status);
        let errors: Vec<&str> =
            self.body["errors"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !errors.is_empty() {
            text.push_str(" Errors:\n");
        }
        for error in errors {
            text.push_str(&format!("\n* {error}"));
        }
        Failure::Refused(text)
    }
}

fn unreachable(asked: &str, error: reqwest::Error) -> Failure {
    Failure::Refused(format!("{asked}: {}", with_causes(&error.without_url())))
}

/// The library says what it did; the reason is further down.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !text.ends_with(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        cause = error.source();
    }
    text
}
