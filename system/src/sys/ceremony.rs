//! What the endpoints of rekey and of root generation share: acting on the node, reading shares, naming failures.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use barrier::Share;
use holdfast_core::lifecycle::{CeremonyError, Node};
use schemars::JsonSchema;
use sdk::{Act, Answer, Bare, Failure, Input, Outcome, Output, Params, Reply, Result, json};
use serde::Serialize;

use super::change_failure;

/// How an answer travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As an object of its own: the older paths, which need no token where the configuration says so.
    Bare,
    /// In the usual envelope: the newer paths, which always need one.
    Enveloped,
}

impl Form {
    pub fn answer(self, body: impl Serialize + JsonSchema) -> Result<Answer> {
        Ok(match self {
            Self::Bare => Bare::new(body)?.into_answer(),
            Self::Enveloped => Reply::data(body)?.into_answer(),
        })
    }

    /// That such an answer is a `T`.
    pub fn outcome<T: JsonSchema>(self) -> Outcome {
        match self {
            Self::Bare => Outcome::body::<T>(),
            Self::Enveloped => Outcome::data::<T>(),
        }
    }
}

struct Acting<I, F> {
    node: Arc<Node>,
    run: F,
    input: PhantomData<fn(I)>,
}

/// An act that works on the node.
pub fn acting<I, F, Fut>(node: &Arc<Node>, run: F) -> impl Act + 'static
where
    I: Input + 'static,
    F: Fn(Arc<Node>, I, tokio::time::Instant) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Answer>> + Send + 'static,
{
    Acting { node: Arc::clone(node), run, input: PhantomData }
}

#[async_trait]
impl<I, F, Fut> Act for Acting<I, F>
where
    I: Input,
    F: Fn(Arc<Node>, I, tokio::time::Instant) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Answer>> + Send,
{
    async fn act(&self, params: &Params, deadline: Instant) -> Result<Answer> {
        let work = (self.run)(Arc::clone(&self.node), I::parse(params)?, deadline.into());
        work.await
    }
}

pub fn failure(error: CeremonyError) -> Failure {
    match error {
        CeremonyError::Refused(text) => Failure::Invalid(text),
        CeremonyError::Busy => Failure::Unavailable(error.to_string()),
        CeremonyError::Change(change) => change_failure(change),
    }
}

/// These paths refuse a listing without a word, as clients are used to.
pub fn not_listed() -> Answer {
    Answer::bare(json!({"errors": []})).status(405)
}

pub const NO_KEY: &str = "'key' must be specified in request body as JSON";

/// The share of a request.
pub fn share(key: Option<String>) -> Result<Share> {
    let text = zeroize::Zeroizing::new(key.unwrap_or_default());
    if text.is_empty() {
        return Err(Failure::invalid(NO_KEY));
    }
    crate::share::decode(text.trim()).ok_or_else(|| Failure::invalid("'key' must be a valid hex or base64 string"))
}

/// Shares in both spellings.
pub fn spelled(keys: &[zeroize::Zeroizing<Vec<u8>>]) -> (Vec<String>, Vec<String>) {
    use base64::prelude::{BASE64_STANDARD, Engine};
    (keys.iter().map(hex::encode).collect(), keys.iter().map(|key| BASE64_STANDARD.encode(key)).collect())
}
