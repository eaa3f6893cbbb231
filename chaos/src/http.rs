//! One request to one node, and what became of it.

use std::net::SocketAddr;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::timeout;

#[derive(Clone)]
pub struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
}

#[derive(Clone, Debug)]
pub enum Reply {
    Answer {
        status: u16,
        body: Value,
        /// The number of the state that a write made, of all that the cluster ever had.
        index: Option<u64>,
    },
    /// No connection came about: nobody has seen the request.
    NotSent(String),
    /// The connection ended before the answer.
    Broken(String),
    /// There was no answer in time.
    Late,
}

impl Reply {
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Answer { status, .. } => Some(*status),
            _ => None,
        }
    }

    pub fn index(&self) -> Option<u64> {
        match self {
            Self::Answer { index, .. } => *index,
            _ => None,
        }
    }

    /// The body, if the request succeeded.
    pub fn good(&self) -> Option<&Value> {
        match self {
            Self::Answer { status: 200..=299, body, .. } => Some(body),
            _ => None,
        }
    }

    pub fn describe(&self) -> String {
        match self {
            Self::Answer { status, body, .. } => format!("{status} {body}"),
            Self::NotSent(problem) => format!("no connection: {problem}"),
            Self::Broken(problem) => format!("the connection broke: {problem}"),
            Self::Late => "no answer in time".to_owned(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        Self { client: Client::builder(TokioExecutor::new()).build(connector) }
    }
}

impl Http {
    pub async fn send(
        &self,
        to: SocketAddr,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
        within: Duration,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("http://{to}/v1/{path}"));
        if let Some(token) = token {
            request = request.header("x-vault-token", token);
        }
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let request = match request.body(Full::new(body)) {
            Ok(request) => request,
            Err(problem) => return Reply::NotSent(problem.to_string()),
        };
        timeout(within, self.exchange(request)).await.unwrap_or(Reply::Late)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Reply {
        let answer = match self.client.request(request).await {
            Ok(answer) => answer,
            Err(problem) if problem.is_connect() => return Reply::NotSent(causes(&problem)),
            Err(problem) => return Reply::Broken(causes(&problem)),
        };
        let status = answer.status().as_u16();
        let index = answer.headers().get("x-vault-index").and_then(|value| number(value.as_bytes()));
        match answer.into_body().collect().await {
            Ok(body) => {
                let bytes = body.to_bytes();
                let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
                let body = if bytes.is_empty() {
                    Value::Null
                } else {
                    serde_json::from_slice(&bytes).unwrap_or_else(|_| text())
                };
                Reply::Answer { status, body, index }
            }
            Err(problem) => Reply::Broken(causes(&problem)),
        }
    }
}

/// What an `X-Vault-Index` says: `v1:<cluster id>:<n>:…` in base64.
fn number(index: &[u8]) -> Option<u64> {
    let text = String::from_utf8(BASE64_STANDARD.decode(index).ok()?).ok()?;
    text.split(':').nth(2)?.parse().ok()
}

fn causes(problem: &dyn std::error::Error) -> String {
    let mut text = problem.to_string();
    let mut cause = problem.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

const CONNECT: Duration = Duration::from_secs(1);
