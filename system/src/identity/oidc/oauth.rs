//! Answers as OAuth 2 and OpenID Connect have them: a JSON object without an envelope, also where something is refused.

use std::marker::PhantomData;

use schemars::JsonSchema;
use sdk::{Answer, Failure, Outcome, Output, Result, Value, json};
use serde::Serialize;

/// What an endpoint of OAuth answers, or why it does not.
pub struct OAuth<T>(Answer, PhantomData<fn() -> T>);

impl<T: Serialize> OAuth<T> {
    pub fn answer(body: T) -> Result<Self> {
        let body = serde_json::to_value(body).map_err(Failure::internal)?;
        Ok(Self(Answer::bare(body), PhantomData))
    }
}

impl<T> OAuth<T> {
    /// Changes what is not the body.
    #[must_use]
    pub fn with(self, change: impl FnOnce(Answer) -> Answer) -> Self {
        Self(change(self.0), PhantomData)
    }

    pub fn refused(refusal: Refusal) -> Self {
        let mut body = json!({ "error": refusal.error, "error_description": refusal.description });
        if let (Some(state), Value::Object(fields)) = (refusal.state, &mut body) {
            fields.insert("state".into(), json!(state));
        }
        Self(Answer::bare(body).status(refusal.status), PhantomData)
    }
}

impl<T: JsonSchema> Output for OAuth<T> {
    fn outcome() -> Option<Outcome> {
        Some(Outcome::body::<T>())
    }

    fn into_answer(self) -> Answer {
        self.0
    }
}

/// Why a request is refused, as the standards name it. What was written until then stays written.
pub struct Refusal {
    pub status: u16,
    pub error: &'static str,
    pub description: String,
    /// What the client has sent along.
    pub state: Option<String>,
}

impl Refusal {
    pub fn new(status: u16, error: &'static str, description: impl Into<String>) -> Self {
        Self { status, error, description: description.into(), state: None }
    }

    pub fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(400, "invalid_request", description)
    }

    pub fn invalid_grant(description: impl Into<String>) -> Self {
        Self::new(400, "invalid_grant", description)
    }
}

/// Refused, or not to be answered at all.
pub enum Stop {
    Refused(Refusal),
    Failed(Failure),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(failure: E) -> Self {
        Self::Failed(failure.into())
    }
}
