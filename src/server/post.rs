//! Posting audit entries and spans: the HTTP client of `http` devices and of traces.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use holdfast_core::audit::{HttpTarget, Post};
use remote_error::with_causes;
use reqwest::Client;
use reqwest::redirect::Policy;

use crate::roots;

/// One client for all that it posts to: it keeps connections open.
pub struct HttpPost(Client);

impl HttpPost {
    /// Trusts what the machine trusts.
    pub fn new() -> Result<Self, String> {
        let mut builder = Client::builder()
            .use_rustls_tls()
            .redirect(Policy::none())
            .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")));
        for certificate in roots::of_this_machine() {
            builder = builder.add_root_certificate(certificate);
        }
        builder.build().map(Self).map_err(|e| e.to_string())
    }
}

#[async_trait]
impl Post for HttpPost {
    async fn post(&self, to: &HttpTarget, body: Bytes, within: Duration) -> Result<(), String> {
        let mut request = self.0.post(&to.uri).timeout(within).body(body);
        for (name, value) in &to.headers {
            request = request.header(name, value);
        }
        // Not the address: it may hold a credential.
        let answer = request.send().await.map_err(|e| with_causes(&e.without_url()))?;
        if answer.status().is_success() { Ok(()) } else { Err(format!("it answered {}", answer.status())) }
    }
}
