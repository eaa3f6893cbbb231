//! What goes out: status and JSON, as the wire has them.

use std::collections::BTreeMap;

use sdk::{Answer, Body, Failure, Map, Pipe, Value, json};
use serde::{Deserialize, Serialize};
use storage::RequestId;

#[derive(Clone, Serialize, Deserialize)]
pub struct Response {
    pub status: u16,
    pub content_type: String,
    pub body: Vec<u8>,
    pub headers: BTreeMap<String, String>,
    /// What follows, where there is more than fits into `body`.
    #[serde(skip)]
    pub stream: Option<Pipe>,
    /// Nothing was done here, and the active node is elsewhere: the request may be sent again under its id.
    #[serde(default)]
    pub moved: bool,
}

impl Response {
    pub fn json(status: u16, body: &Value) -> Self {
        let mut bytes = serde_json::to_vec(body).expect("a JSON value always serializes");
        bytes.push(b'\n');
        Self { body: bytes, ..Self::empty(status) }
    }

    pub fn empty(status: u16) -> Self {
        Self {
            status,
            content_type: "application/json".into(),
            body: Vec::new(),
            headers: BTreeMap::new(),
            stream: None,
            moved: false,
        }
    }

    pub fn errors(status: u16, errors: &[&str]) -> Self {
        Self::json(status, &json!({ "errors": errors }))
    }

    /// 307: the same request, at another address.
    pub fn redirect(location: &str) -> Self {
        let mut response = Self::empty(307);
        response.headers.insert("location".into(), location.into());
        response
    }

    /// 503, to be tried again after this many seconds.
    pub fn unavailable(text: &str) -> Self {
        let mut response = Self::errors(503, &[text]);
        response.headers.insert("retry-after".into(), "1".into());
        response
    }

    /// The same, when no other node has been asked yet.
    pub fn moved(text: &str) -> Self {
        Self { moved: true, ..Self::unavailable(text) }
    }

    pub fn failure(failure: &Failure) -> Self {
        match failure {
            Failure::NotFound => Self::errors(404, &[]),
            Failure::Sealed => Self::errors(503, &["Vault is sealed"]),
            Failure::Unavailable(text) => Self::unavailable(text),
            Failure::NamespaceSealed(_) => Self::unavailable(&failure.to_string()),
            Failure::Moved(text) => Self::moved(text),
            Failure::Busy => Self::unavailable("the record is being changed by other requests; try again"),
            Failure::Unlisted(_) => Self::unavailable("the folder is too busy to be listed; try again"),
            Failure::Internal(_) => Self::errors(500, &["internal error; the server's log has the details"]),
            Failure::Unsupported => Self::errors(405, &["1 error occurred:\n\t* unsupported operation\n\n"]),
            other => Self::errors(other.status(), &[&other.to_string()]),
        }
    }

    /// 403, with the id that `sys/policy/explain` knows it by.
    pub fn denied(id: RequestId, failure: &Failure) -> Self {
        let id = id.to_string();
        let mut response = Self::json(failure.status(), &json!({"errors": [failure.to_string()], "request_id": id}));
        response.headers.insert("x-vault-request-id".into(), id);
        response
    }

    pub fn answer(id: RequestId, answer: &Answer) -> Self {
        let status = |default: u16| answer.status.unwrap_or(default);
        if let Some(wrapped) = &answer.wrapped {
            return Self::json(200, &wrapped_envelope(wrapped));
        }
        let mut response = match &answer.body {
            // Who says 200 of nothing wants the envelope.
            Body::Empty if answer.warnings.is_empty() && answer.auth.is_none() && answer.status != Some(200) => {
                Self::empty(status(204))
            }
            Body::Raw { content_type, bytes } => {
                Self { content_type: (*content_type).into(), body: bytes.clone(), ..Self::empty(status(200)) }
            }
            Body::Stream { content_type, file_name, pipe } => Self {
                content_type: (*content_type).into(),
                headers: file_name
                    .map(|name| ("content-disposition".into(), format!("attachment; filename=\"{name}\"")))
                    .into_iter()
                    .collect(),
                stream: Some(pipe.clone()),
                ..Self::empty(status(200))
            },
            Body::Bare(map) => Self::json(status(200), &Value::Object(map.clone())),
            _ => Self::json(status(200), &Value::Object(envelope(id, answer))),
        };
        response.headers.extend(answer.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        response
    }
}

/// Of the answer itself nothing shows.
fn wrapped_envelope(wrapped: &sdk::WrapInfo) -> Value {
    json!({
        "request_id": "",
        "lease_id": "",
        "renewable": false,
        "lease_duration": 0,
        "data": null,
        "wrap_info": wrapped,
        "warnings": null,
        "auth": null,
    })
}

fn envelope(id: RequestId, answer: &Answer) -> Map<String, Value> {
    let data = match &answer.body {
        Body::Data(data) | Body::Mirrored(data) => Value::Object(data.clone()),
        _ => Value::Null,
    };
    let mut out = match &answer.body {
        Body::Mirrored(data) => data.clone(),
        _ => Map::new(),
    };
    let warnings =
        if answer.warnings.is_empty() && !answer.lists_warnings { Value::Null } else { json!(answer.warnings) };
    for (name, value) in [
        ("request_id", json!(id.to_string())),
        ("lease_id", json!("")),
        ("renewable", json!(false)),
        ("lease_duration", json!(answer.lease_seconds.unwrap_or(0))),
        ("data", data),
        ("wrap_info", Value::Null),
        ("warnings", warnings),
        ("auth", answer.auth.as_ref().map_or(Value::Null, sdk::AuthBlock::shown)),
    ] {
        out.insert(name.into(), value);
    }
    out
}
