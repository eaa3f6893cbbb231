//! What a handler answers with. It cannot hold an error: that is the other half of the handler's result.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Act, Failure, Login, Pipe, SecondFactor};

/// The `auth` block of a login or a token creation, as the wire shows it.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct AuthBlock {
    pub client_token: String,
    pub accessor: String,
    #[schemars(with = "Option<Vec<String>>")]
    pub policies: Vec<String>,
    #[schemars(with = "Option<Vec<String>>")]
    pub token_policies: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub identity_policies: Vec<String>,
    pub metadata: Option<std::collections::BTreeMap<String, String>>,
    /// Seconds.
    pub lease_duration: u64,
    pub renewable: bool,
    pub entity_id: String,
    pub token_type: String,
    pub orphan: bool,
    /// What is asked for before there is a token: the rest is empty then.
    pub mfa_requirement: Option<Value>,
    pub num_uses: i64,
    /// The token was there before.
    #[serde(skip)]
    pub renewed: bool,
}

/// The `wrap_info` block: the token that holds the answer instead of the caller.
#[derive(Clone, Serialize, Deserialize)]
pub struct WrapInfo {
    pub token: String,
    pub accessor: String,
    /// Seconds.
    pub ttl: u64,
    pub creation_time: String,
    pub creation_path: String,
    /// Of the token inside, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wrapped_accessor: Option<String>,
}

impl AuthBlock {
    /// As it goes out. Where there is no token yet, nothing is said of its policies.
    pub fn shown(&self) -> Value {
        let mut shown = serde_json::json!(self);
        if let (Some(_), Value::Object(fields)) = (&self.mfa_requirement, &mut shown) {
            fields.insert("policies".into(), Value::Null);
            fields.remove("token_policies");
        }
        shown
    }
}

#[derive(Clone, Default)]
pub enum Body {
    /// 204, or 200 when there are warnings.
    #[default]
    Empty,
    /// The usual envelope without anything in it: 200.
    Null,
    /// The `data` of the usual envelope.
    Data(Map<String, Value>),
    /// `data`, repeated at the top level of the envelope as the older `sys` answers do.
    Mirrored(Map<String, Value>),
    /// A JSON object of its own, without the envelope.
    Bare(Map<String, Value>),
    /// Anything else.
    Raw { content_type: &'static str, bytes: Vec<u8> },
    /// What is made while it is sent; under a name if it is a file.
    Stream { content_type: &'static str, file_name: Option<&'static str>, pipe: Pipe },
}

#[derive(Clone, Default)]
pub struct Answer {
    pub shown_once: bool,
    /// Replaces the status that follows from the body.
    pub status: Option<u16>,
    pub body: Body,
    /// Headers beside those that every answer has, or instead of them; by name in lower case.
    pub headers: Vec<(&'static str, String)>,
    pub warnings: Vec<String>,
    /// Shows an empty list where there are no warnings, instead of nothing.
    pub lists_warnings: bool,
    /// `lease_duration` of an answer without a lease, in seconds.
    pub lease_seconds: Option<u64>,
    pub auth: Option<AuthBlock>,
    /// Ends a login that waits for it, whose token becomes `auth`.
    pub second_factor: Option<SecondFactor>,
    /// Of a credential in the body. If the answer is wrapped, who holds the wrapping token can have it taken back.
    pub accessor: Option<String>,
    /// Makes a token, which becomes `auth`.
    pub login: Option<Login>,
    /// Where the rest of this answer was put: this is all that goes out.
    pub wrapped: Option<WrapInfo>,
    /// Done once the answer is audited, before it is sent: what would make auditing it impossible, or may be done only if
    /// the answer arrives. Warnings of what it answers are added; its failure is sent instead.
    pub then: Option<Arc<dyn Act>>,
    /// The request is refused, and what its transaction has written stays: a wrong attempt counts.
    pub refused: Option<Failure>,
}

impl Answer {
    /// What it holds was made for whoever reads it, and is nowhere else: it is kept for nobody who asks again.
    #[must_use]
    pub fn shown_once(self) -> Self {
        Self { shown_once: true, ..self }
    }

    /// The same without what it repeats.
    #[must_use]
    pub fn unmirrored(mut self) -> Self {
        self.body = match self.body {
            Body::Mirrored(data) => Body::Data(data),
            body => body,
        };
        self
    }

    /// Done, nothing to say: 204.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Done, nothing to say, where clients expect an envelope all the same.
    pub fn null() -> Self {
        Self { body: Body::Null, ..Self::default() }
    }

    pub fn data(data: Map<String, Value>) -> Self {
        Self { body: Body::Data(data), ..Self::default() }
    }

    /// `data` from something that serializes to a JSON object.
    pub fn json(value: Value) -> Self {
        Self::data(object(value))
    }

    pub fn mirrored(value: Value) -> Self {
        Self { body: Body::Mirrored(object(value)), ..Self::default() }
    }

    pub fn bare(value: Value) -> Self {
        Self { body: Body::Bare(object(value)), ..Self::default() }
    }

    pub fn login(login: Login) -> Self {
        Self { login: Some(login), ..Self::default() }
    }

    pub fn second_factor(second_factor: SecondFactor) -> Self {
        Self { second_factor: Some(second_factor), ..Self::default() }
    }

    pub fn auth(auth: AuthBlock) -> Self {
        Self { auth: Some(auth), ..Self::default() }
    }

    /// Refuses the request, but keeps what was written.
    pub fn refused(failure: Failure) -> Self {
        Self { refused: Some(failure), ..Self::default() }
    }

    /// A listing. An empty one is "not found" on the wire.
    pub fn keys(keys: Vec<String>) -> crate::Result<Self> {
        if keys.is_empty() {
            return Err(Failure::NotFound);
        }
        Ok(Self::json(serde_json::json!({ "keys": keys })))
    }

    /// Whether writing it down takes so long that others should not wait for it: a listing of very many names.
    pub fn is_long(&self) -> bool {
        const LONG: usize = 1000;
        let Body::Data(data) = &self.body else { return false };
        data.get("keys").and_then(Value::as_array).is_some_and(|keys| keys.len() > LONG)
    }

    /// The token that this answer hands out for the first time.
    pub fn made(&self) -> Option<&AuthBlock> {
        self.auth.as_ref().filter(|auth| !auth.renewed && auth.mfa_requirement.is_none())
    }

    #[must_use]
    pub fn then(mut self, act: Arc<dyn Act>) -> Self {
        self.then = Some(act);
        self
    }

    #[must_use]
    pub fn accessor(mut self, accessor: impl Into<String>) -> Self {
        self.accessor = Some(accessor.into());
        self
    }

    /// With more warnings, also where the body has no envelope for them.
    #[must_use]
    pub fn warned(mut self, warnings: Vec<String>) -> Self {
        self.warnings.extend(warnings);
        if let Body::Bare(map) = &mut self.body {
            map.insert("warnings".into(), serde_json::json!(self.warnings));
        }
        self
    }

    #[must_use]
    pub fn listing_warnings(mut self) -> Self {
        self.lists_warnings = true;
        self
    }

    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    #[must_use]
    pub fn warn(mut self, text: impl Into<String>) -> Self {
        self.warnings.push(text.into());
        self
    }

    #[must_use]
    pub fn lease_seconds(mut self, seconds: u64) -> Self {
        self.lease_seconds = Some(seconds);
        self
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}
