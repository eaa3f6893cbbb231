//! One request as a command words it.

use reqwest::Method;
use serde_json::Value;

pub struct Ask {
    pub method: Method,
    /// Below `/v1/`. What it holds beside slashes is encoded.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub body: Option<Value>,
    /// Asks about the way, not for the thing itself: sent even when requests are only shown, and never wrapped.
    pub preflight: bool,
    /// Whatever the answer is, it counts: what was sent is spent.
    pub once: bool,
}

impl Ask {
    pub fn new(method: Method, path: &str) -> Ask {
        let path = path.trim_start_matches('/').to_owned();
        Ask { method, path, query: Vec::new(), body: None, preflight: false, once: false }
    }

    /// `LIST` is a method of this API alone.
    pub fn list(path: &str) -> Ask {
        let method = Method::from_bytes(b"LIST").expect("invariant: LIST is made of letters that a method may have");
        Ask::new(method, path)
    }

    pub fn query(mut self, query: impl IntoIterator<Item = (String, String)>) -> Ask {
        self.query.extend(query);
        self
    }

    pub fn body(mut self, body: &Value) -> Ask {
        self.body = Some(body.clone());
        self
    }

    pub fn once(mut self) -> Ask {
        self.once = true;
        self
    }

    pub fn preflight(mut self) -> Ask {
        self.preflight = true;
        self
    }
}
