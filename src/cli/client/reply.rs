//! What came back.

use bytes::Bytes;
use serde_json::Value;

use crate::cli::failure::Failure;

/// Whatever its status.
pub struct Reply {
    pub status: u16,
    /// Null where there was no body, or one that is not JSON.
    pub body: Value,
    /// The body as it came.
    pub raw: Bytes,
    pub(super) asked: String,
}

impl Reply {
    pub(super) fn new(status: u16, raw: Bytes, asked: String) -> Reply {
        let body = serde_json::from_slice(&raw).unwrap_or(Value::Null);
        Reply { status, body, raw, asked }
    }

    pub fn ok(self) -> Result<Value, Failure> {
        self.good().map(|reply| reply.body)
    }

    /// As [`Reply::ok`]: the data, whether or not there is an envelope around it.
    pub fn inside(self) -> Result<Value, Failure> {
        self.ok().map(|answer| if answer["data"].is_object() { answer["data"].clone() } else { answer })
    }

    /// As [`Reply::ok`], with the body as it came.
    pub fn good(self) -> Result<Reply, Failure> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(self.refusal()) }
    }

    /// As [`Reply::ok`], with nothing found as `None`. A 404 with data is an answer: a deleted version has metadata.
    /// One that says why is a refusal, be it in a warning.
    pub fn found(self) -> Result<Option<Value>, Failure> {
        let nothing_said = self.said("errors").is_empty() && self.said("warnings").is_empty();
        match self.status {
            404 if self.body["data"].is_object() => Ok(Some(self.body)),
            404 if nothing_said => Ok(None),
            _ => self.ok().map(Some),
        }
    }

    /// The refusal in the form that Vault's users know.
    fn refusal(&self) -> Failure {
        let mut text = format!("Error making API request.\n\nURL: {}\nCode: {}.", self.asked, self.status);
        for (title, key) in [(" Errors:", "errors"), ("\n\nWarnings:", "warnings")] {
            let said = self.said(key);
            if !said.is_empty() {
                text.push_str(&format!("{title}\n"));
            }
            for sentence in said {
                text.push_str(&format!("\n* {sentence}"));
            }
        }
        // Whoever may is told by it why.
        if let (403, Some(id)) = (self.status, self.body["request_id"].as_str()) {
            text.push_str(&format!("\n\nRequest ID: {id}"));
        }
        Failure::Refused(text)
    }

    fn said(&self, key: &str) -> Vec<&str> {
        self.body[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }
}
