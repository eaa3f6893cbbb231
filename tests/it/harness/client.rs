//! JSON over HTTP to one node, without the product's own client.

use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, Method};
use serde_json::Value;

/// Speaks to one address, with a token or without.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: String,
    token: Option<String>,
    headers: Vec<(&'static str, String)>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    /// Null if there was none, a text if it was not JSON.
    pub body: Value,
}

const ANSWER_WITHIN: Duration = Duration::from_secs(30);

impl Client {
    pub fn new(address: &str, ca: Option<&Path>) -> Client {
        // Of several tests in one process the first installs it.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut http = reqwest::Client::builder().timeout(ANSWER_WITHIN).redirect(reqwest::redirect::Policy::none());
        if let Some(ca) = ca {
            http = http.add_root_certificate(Certificate::from_pem(&std::fs::read(ca).unwrap()).unwrap());
        }
        Client { http: http.build().unwrap(), address: address.to_owned(), token: None, headers: Vec::new() }
    }

    pub fn with_token(&self, token: &str) -> Client {
        Client { token: Some(token.to_owned()), ..self.clone() }
    }

    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// A header of the test's choice, instead of an earlier one of that name.
    pub fn with_header(&self, name: &'static str, value: &str) -> Client {
        let others = self.headers.iter().filter(|(other, _)| *other != name).cloned();
        Client { headers: others.chain([(name, value.to_owned())]).collect(), ..self.clone() }
    }

    /// In a namespace, by its path.
    pub fn within(&self, namespace: &str) -> Client {
        self.with_header("X-Vault-Namespace", namespace)
    }

    /// The answer, or why there was none. `path` begins with `/`.
    pub async fn try_send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, reqwest::Error> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.address));
        if let Some(token) = &self.token {
            request = request.header("X-Vault-Token", token);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await?;
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        Ok(Answer { status, headers, body })
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let answer = self.try_send(method, path, body).await;
        answer.unwrap_or_else(|error| panic!("{method} {}{path}: {error:?}", self.address))
    }

    /// The bytes of an answer that is no JSON.
    pub async fn download(&self, path: &str) -> Vec<u8> {
        self.open(path).await.error_for_status().unwrap().bytes().await.unwrap().to_vec()
    }

    /// An answer whose body is yet to come.
    pub async fn open(&self, path: &str) -> reqwest::Response {
        let mut request = self.http.get(format!("{}{path}", self.address));
        if let Some(token) = &self.token {
            request = request.header("X-Vault-Token", token);
        }
        request.send().await.unwrap()
    }

    /// Sends bytes as the body, in pieces, with a pause between any two.
    pub async fn try_upload(&self, path: &str, body: &[u8], pause: Duration) -> Result<Answer, reqwest::Error> {
        let pieces: Vec<Vec<u8>> = body.chunks(16 * 1024).map(<[u8]>::to_vec).collect();
        let pieces = futures::stream::unfold(pieces.into_iter(), move |mut pieces| async move {
            tokio::time::sleep(pause).await;
            Some((Ok::<_, std::io::Error>(pieces.next()?), pieces))
        });
        let mut request = self.http.post(format!("{}{path}", self.address)).body(reqwest::Body::wrap_stream(pieces));
        if let Some(token) = &self.token {
            request = request.header("X-Vault-Token", token);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await?;
        Ok(Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null) })
    }

    pub async fn upload(&self, path: &str, body: &[u8]) -> Answer {
        self.try_upload(path, body, Duration::ZERO).await.unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub async fn list(&self, path: &str) -> Answer {
        self.send("LIST", path, None).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(&body)).await
    }

    /// What `sys/health` says, if the node answers at all.
    pub async fn health(&self) -> Option<u16> {
        self.try_send("GET", "/v1/sys/health", None).await.ok().map(|answer| answer.status)
    }
}

impl Answer {
    /// The body of an answer that must be a success.
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.body);
        self.body
    }

    /// The first of its error texts.
    pub fn error(&self) -> &str {
        self.body["errors"][0].as_str().unwrap_or("")
    }
}
