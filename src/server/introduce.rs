//! A joiner's way to a member: its API, by HTTP.

use std::time::Duration;

use async_trait::async_trait;
use base64::prelude::{BASE64_STANDARD, Engine};
use holdfast_core::lifecycle::{Admission, Introduce, JoinAnswer, JoinChallenge, JoinTarget, NotLetIn};
use holdfast_core::replication::Member;
use remote_error::with_causes;
use reqwest::{ClientBuilder, StatusCode, Url};
use sdk::{Value, json};
use serde::de::DeserializeOwned;

use crate::roots;

const CALL_MAX: Duration = Duration::from_secs(10);

pub struct HttpIntroduce;

#[async_trait]
impl Introduce for HttpIntroduce {
    async fn is_initialised(&self, target: &JoinTarget) -> Result<bool, String> {
        let answer = call(target, "sys/init", None).await.map_err(|problem| problem.to_string())?;
        answer["initialized"].as_bool().ok_or_else(|| "its answer cannot be read".to_owned())
    }

    async fn challenge(&self, target: &JoinTarget, joiner: &Member) -> Result<JoinChallenge, String> {
        let body = json!({"server_id": joiner.name, "public_key": BASE64_STANDARD.encode(joiner.key)});
        let asked = post(target, "sys/storage/raft/bootstrap/challenge", &body).await;
        asked.map_err(|problem| problem.to_string())
    }

    async fn answer(&self, target: &JoinTarget, answer: &JoinAnswer) -> Result<Admission, NotLetIn> {
        let body = serde_json::to_value(answer).map_err(|e| NotLetIn::Failed(e.to_string()))?;
        post(target, "sys/storage/raft/bootstrap/answer", &body).await
    }
}

async fn post<T: DeserializeOwned>(target: &JoinTarget, path: &str, body: &Value) -> Result<T, NotLetIn> {
    let answer = call(target, path, Some(body)).await?;
    serde_json::from_value(answer["data"].clone())
        .map_err(|e| NotLetIn::Failed(format!("its answer cannot be read: {e}")))
}

/// With a body a POST, without one a GET.
async fn call(target: &JoinTarget, path: &str, body: Option<&Value>) -> Result<Value, NotLetIn> {
    let (status, answer) = answered(target, path, body).await.map_err(NotLetIn::Failed)?;
    if status.is_success() {
        return Ok(answer);
    }
    let errors: Vec<&str> = answer["errors"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    Err(match status {
        StatusCode::BAD_REQUEST => NotLetIn::Refused(errors.join("; ")),
        _ => NotLetIn::Failed(format!("it answered {status}: {}", errors.join("; "))),
    })
}

async fn answered(target: &JoinTarget, path: &str, body: Option<&Value>) -> Result<(StatusCode, Value), String> {
    let mut url = Url::parse(&target.leader_api_addr).map_err(|e| format!("it is no URL: {e}"))?;
    url.set_path(&format!("/v1/{path}"));
    let mut client = client(target)?;
    if let Some(name) = &target.leader_tls_servername {
        client = under_name(client, &mut url, name).await?;
    }
    let client = client.build().map_err(|e| with_causes(&e))?;
    let request = match body {
        Some(body) => client.post(url).json(body),
        None => client.get(url),
    };
    let response = request.send().await.map_err(|e| with_causes(&e))?;
    let status = response.status();
    let answer: Value = response.json().await.map_err(|e| with_causes(&e))?;
    Ok((status, answer))
}

fn client(target: &JoinTarget) -> Result<ClientBuilder, String> {
    let mut builder = reqwest::Client::builder().timeout(CALL_MAX).use_rustls_tls();
    if let Some(ca) = &target.leader_ca_cert {
        for certificate in reqwest::Certificate::from_pem_bundle(ca.as_bytes()).map_err(|e| with_causes(&e))? {
            builder = builder.add_root_certificate(certificate);
        }
    } else {
        for certificate in roots::of_this_machine() {
            builder = builder.add_root_certificate(certificate);
        }
    }
    if let (Some(cert), Some(key)) = (&target.leader_client_cert, &target.leader_client_key) {
        let identity = reqwest::Identity::from_pem(format!("{cert}\n{key}").as_bytes()).map_err(|e| with_causes(&e))?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

/// Goes where the URL says, and expects the certificate of `name` there.
async fn under_name(client: ClientBuilder, url: &mut Url, name: &str) -> Result<ClientBuilder, String> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let mut found = tokio::net::lookup_host((host.as_str(), port)).await.map_err(|e| with_causes(&e))?;
    let address = found.next().ok_or_else(|| format!("{host} has no address"))?;
    url.set_host(Some(name)).map_err(|e| format!("leader_tls_servername {name:?} is no host name: {e}"))?;
    Ok(client.resolve(name, address))
}
