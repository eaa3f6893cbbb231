//! The form of an entry: one line of JSON, as Vault's file device writes it.
//!
//! Every text value of a request's or an answer's data, and every token and accessor, is replaced by
//! `hmac-sha256:` and an HMAC under a key of this cluster, so that equal values can be found but not read.

use std::cell::Cell;

use barrier::Barrier;
use sdk::{Answer, Body, Failure, Value, json};
use storage::Millis;

use crate::request::Request;

/// The caller, if known.
#[derive(Clone)]
pub struct Who {
    pub accessor: String,
    pub display_name: String,
    pub policies: Vec<String>,
    pub entity_id: String,
}

/// What an entry is about.
pub struct Subject<'a> {
    pub request: &'a Request,
    pub operation: &'a str,
    pub mount: Option<(&'a str, &'a str)>,
    pub who: Option<&'a Who>,
}

pub struct Hmac<'a> {
    barrier: &'a Barrier,
    failed: Cell<bool>,
}

impl<'a> Hmac<'a> {
    pub fn new(barrier: &'a Barrier) -> Self {
        Self { barrier, failed: Cell::new(false) }
    }

    /// Whether the barrier was sealed meanwhile: the entry is then incomplete.
    pub fn failed(&self) -> bool {
        self.failed.get()
    }

    fn text(&self, text: &str) -> String {
        match self.barrier.audit_hmac(text.as_bytes()) {
            Ok(mac) => format!("hmac-sha256:{}", hex::encode(mac)),
            Err(_) => {
                self.failed.set(true);
                String::new()
            }
        }
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => Value::Array(items.iter().map(|v| self.value(v)).collect()),
            Value::Object(map) => Value::Object(map.iter().map(|(k, v)| (k.clone(), self.value(v))).collect()),
            other => other.clone(),
        }
    }
}

pub fn entry(
    kind: &str,
    now: Millis,
    subject: &Subject<'_>,
    outcome: Option<Result<&Answer, &Failure>>,
    hmac: &Hmac<'_>,
) -> Vec<u8> {
    let request = subject.request;
    let auth = subject.who.map(|who| {
        json!({
            "client_token": request.token.as_ref().map(|t| hmac.text(t.expose())),
            "accessor": hmac.text(&who.accessor),
            "display_name": who.display_name,
            "policies": who.policies,
            "token_policies": who.policies,
            "entity_id": who.entity_id,
            "token_type": "service",
        })
    });
    let mut entry = json!({
        "time": sdk::timestamp(now),
        "type": kind,
        "auth": auth,
        "request": {
            "id": request.id.to_string(),
            "operation": subject.operation,
            "client_token": request.token.as_ref().map(|t| hmac.text(t.expose())),
            "client_token_accessor": subject.who.map(|who| hmac.text(&who.accessor)),
            "namespace": {"id": "root"},
            "path": request.path,
            "mount_type": subject.mount.map(|m| m.0),
            "mount_accessor": subject.mount.map(|m| m.1),
            "data": if request.body.is_empty() { Value::Null } else { hmac.value(&Value::Object(request.body.clone())) },
            "remote_address": request.remote.map(|r| r.ip().to_string()),
            "remote_port": request.remote.map(|r| r.port()),
        },
    });
    match outcome {
        Some(Ok(answer)) => entry["response"] = response(answer, hmac),
        Some(Err(failure)) => entry["error"] = json!(failure.to_string()),
        None => {}
    }
    let mut line = serde_json::to_vec(&entry).expect("a JSON value always serializes");
    line.push(b'\n');
    line
}

fn response(answer: &Answer, hmac: &Hmac<'_>) -> Value {
    let data = match &answer.body {
        Body::Data(data) | Body::Mirrored(data) | Body::Bare(data) => hmac.value(&Value::Object(data.clone())),
        Body::Empty | Body::Raw { .. } | Body::Stream { .. } => Value::Null,
    };
    let auth = answer.auth.as_ref().map(|auth| {
        json!({
            "client_token": hmac.text(&auth.client_token),
            "accessor": hmac.text(&auth.accessor),
            "policies": auth.policies,
            "token_policies": auth.token_policies,
            "token_type": auth.token_type,
        })
    });
    json!({ "data": data, "auth": auth, "warnings": answer.warnings })
}
