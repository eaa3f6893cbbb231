//! What an operation answers, as a type: what the API description says of an answer is what the code makes it of.
//!
//! A handler that returns a plain [`Answer`] says nothing of it, and is taken at its verb: a write or a deletion answers
//! nothing, a listing answers keys. One whose answer has more to it returns a [`Reply`], a [`Bare`] or a [`Given`].

use std::marker::PhantomData;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Answer, AuthBlock, Body, Failure, Result};

/// What a handler may return.
pub trait Output {
    /// `None`: what follows from the verb.
    fn outcome() -> Option<Outcome>;
    fn into_answer(self) -> Answer;
}

/// Which part of an answer a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `data` of the envelope.
    Data,
    /// `auth` of the envelope.
    Auth,
    /// All of it: there is no envelope.
    Body,
}

impl Part {
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Auth => "auth",
            Self::Body => "body",
        }
    }
}

/// What an operation answers when it succeeds.
#[derive(Clone, Copy)]
pub struct Outcome {
    pub status: u16,
    pub content: Content,
}

#[derive(Clone, Copy)]
pub enum Content {
    Nothing,
    Json {
        part: Part,
        schema: fn() -> Value,
        /// Or 204, where there is nothing to tell.
        may_be_empty: bool,
    },
    /// No JSON.
    Other(&'static str),
}

impl Outcome {
    /// Done, and nothing to tell.
    pub const EMPTY: Self = Self { status: 204, content: Content::Nothing };

    pub fn data<T: JsonSchema>() -> Self {
        Self::json::<T>(Part::Data)
    }

    pub fn body<T: JsonSchema>() -> Self {
        Self::json::<T>(Part::Body)
    }

    pub fn auth() -> Self {
        Self::json::<AuthBlock>(Part::Auth)
    }

    pub fn keys() -> Self {
        Self::data::<Keys>()
    }

    pub fn other(content_type: &'static str) -> Self {
        Self { status: 200, content: Content::Other(content_type) }
    }

    #[must_use]
    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// It may have nothing to tell.
    #[must_use]
    pub fn or_empty(mut self) -> Self {
        if let Content::Json { may_be_empty, .. } = &mut self.content {
            *may_be_empty = true;
        }
        self
    }

    fn json<T: JsonSchema>(part: Part) -> Self {
        Self { status: 200, content: Content::Json { part, schema: schema::<T>, may_be_empty: false } }
    }
}

fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::openapi3().for_serialize().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(fields) = schema.as_object_mut() {
        // The name of a Rust type.
        fields.remove("title");
    }
    schema
}

/// A listing's answer.
#[derive(Serialize, JsonSchema)]
pub struct Keys {
    /// Names; those of folders end with a slash.
    pub keys: Vec<String>,
    /// More of each, where there is more to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_info: Option<Map<String, Value>>,
}

impl Output for Answer {
    fn outcome() -> Option<Outcome> {
        None
    }

    fn into_answer(self) -> Answer {
        self
    }
}

/// An answer whose data is a `T`.
pub struct Reply<T>(Answer, PhantomData<fn() -> T>);

impl<T: Serialize> Reply<T> {
    pub fn data(data: T) -> Result<Self> {
        Ok(Self(Answer::data(object(data)?), PhantomData))
    }

    /// As older `sys` answers are: the data again beside the envelope's own fields.
    pub fn mirrored(data: T) -> Result<Self> {
        Ok(Self(Answer { body: Body::Mirrored(object(data)?), ..Answer::default() }, PhantomData))
    }
}

impl<T> Reply<T> {
    #[must_use]
    pub fn warn(self, text: impl Into<String>) -> Self {
        Self(self.0.warn(text), PhantomData)
    }

    #[must_use]
    pub fn warned(self, warnings: Vec<String>) -> Self {
        Self(self.0.warned(warnings), PhantomData)
    }

    #[must_use]
    pub fn lease_seconds(self, seconds: u64) -> Self {
        Self(self.0.lease_seconds(seconds), PhantomData)
    }

    /// Changes what is not the data.
    #[must_use]
    pub fn with(self, change: impl FnOnce(Answer) -> Answer) -> Self {
        Self(change(self.0), PhantomData)
    }
}

impl<T: JsonSchema> Output for Reply<T> {
    fn outcome() -> Option<Outcome> {
        Some(Outcome::data::<T>())
    }

    fn into_answer(self) -> Answer {
        self.0
    }
}

/// 204 where there is nothing.
impl<T: JsonSchema> Output for Option<Reply<T>> {
    fn outcome() -> Option<Outcome> {
        Some(Outcome::data::<T>().or_empty())
    }

    fn into_answer(self) -> Answer {
        self.map_or_else(Answer::empty, Output::into_answer)
    }
}

/// A JSON object of its own, without the envelope.
pub struct Bare<T>(Answer, PhantomData<fn() -> T>);

impl<T: Serialize> Bare<T> {
    pub fn new(body: T) -> Result<Self> {
        Ok(Self(Answer { body: Body::Bare(object(body)?), ..Answer::default() }, PhantomData))
    }
}

impl<T: JsonSchema> Output for Bare<T> {
    fn outcome() -> Option<Outcome> {
        Some(Outcome::body::<T>())
    }

    fn into_answer(self) -> Answer {
        self.0
    }
}

/// An answer with a token in it: one that was made or prolonged.
pub struct Given(pub Answer);

impl Output for Given {
    fn outcome() -> Option<Outcome> {
        Some(Outcome::auth())
    }

    fn into_answer(self) -> Answer {
        self.0
    }
}

fn object(value: impl Serialize) -> Result<Map<String, Value>> {
    match serde_json::to_value(value).map_err(Failure::internal)? {
        Value::Object(map) => Ok(map),
        other => Err(Failure::internal(format!("an answer must be an object, and this is {other}"))),
    }
}
