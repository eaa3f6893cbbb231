//! Many inputs in one request: how they are read, and what the answer to them is.

use sdk::{Answer, Failure, FromField, Map, Result, Value};

/// More are refused: one request is not to keep a processor for itself.
const ITEMS_MAX: usize = 10_000;
/// With more than so many, or an RSA key, other requests go on meanwhile.
const FEW: usize = 32;

/// The field `batch_input`; `null` is as good as none.
#[derive(Default)]
pub struct BatchInput(Option<Value>);

impl FromField for BatchInput {
    const KIND: &'static str = "array";
    fn from_field(value: &Value) -> std::result::Result<Self, String> {
        Ok(Self(Some(value.clone()).filter(|value| !value.is_null())))
    }
}

pub struct Item<'a>(&'a Map<String, Value>);

impl BatchInput {
    pub fn items(&self) -> Result<Option<Vec<Item<'_>>>> {
        let items = match &self.0 {
            None => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(bad("it must be a list")),
        };
        if items.is_empty() {
            return Err(Failure::invalid("missing batch input to process"));
        }
        if items.len() > ITEMS_MAX {
            return Err(bad(format!("it has {} items, and may have {ITEMS_MAX}", items.len())));
        }
        let read = items.iter().enumerate().map(|(at, item)| match item {
            Value::Object(fields) => Ok(Item(fields)),
            _ => Err(bad(format!("[{at}] must be an object"))),
        });
        read.collect::<Result<_>>().map(Some)
    }
}

impl Item<'_> {
    /// A text that must be one.
    pub fn text(&self, at: usize, name: &str) -> Result<Option<String>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Null) => Ok(Some(String::new())),
            Some(_) => Err(bad(format!("'[{at}].{name}' must be a string"))),
        }
    }

    /// A text or a number, where both are taken.
    pub fn loose(&self, at: usize, name: &str) -> Result<Option<String>> {
        match self.0.get(name) {
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            _ => self.text(at, name),
        }
    }

    pub fn number(&self, at: usize, name: &str) -> Result<i64> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(0),
            Some(value) => {
                let number = if value.is_number() { value.as_i64() } else { None };
                number.ok_or_else(|| bad(format!("'[{at}].{name}' must be an integer")))
            }
        }
    }

    pub fn reference(&self, at: usize) -> Result<String> {
        Ok(self.loose(at, "reference")?.unwrap_or_default())
    }
}

pub fn bad(why: impl std::fmt::Display) -> Failure {
    Failure::invalid(format!("failed to parse batch input: {why}"))
}

/// The caller's faults are told with their item; others end the request.
pub fn told<T>(result: Result<T>) -> Result<Result<T, String>> {
    match result {
        Ok(done) => Ok(Ok(done)),
        Err(Failure::Invalid(text)) => Ok(Err(text)),
        Err(other) => Err(other),
    }
}

/// Lets others go on where the work is much.
pub fn run<T>(used: &crate::keys::InUse, items: usize, work: impl FnOnce() -> T) -> T {
    if used.key.kind.is_rsa() || items > FEW { sdk::aside(work) } else { work() }
}

/// 400 once an item failed, or what the caller wants it to be as long as one did not.
pub fn with_status(answer: Answer, failed: bool, went_well: bool, code: Option<i64>) -> Answer {
    match code.filter(|_| went_well) {
        _ if !failed => answer,
        None => answer.status(400),
        Some(code) => match u16::try_from(code).ok().filter(|code| (200..600).contains(code)) {
            Some(code) => answer.status(code),
            None => answer
                .status(400)
                .warn("invalid HTTP response code override from partial_failure_response_code, reverting to 400"),
        },
    }
}
