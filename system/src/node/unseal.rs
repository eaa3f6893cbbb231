//! `sys/unseal`.

use holdfast_core::lifecycle::UnsealError;
use holdfast_core::response::Response;
use sdk::{Map, Value};

use super::{Local, seal_status};

pub async fn unseal(local: &Local, body: &Map<String, Value>) -> Response {
    let node = &local.node;
    let reset = body.get("reset").and_then(Value::as_bool).unwrap_or(false);
    let result = if reset {
        node.reset_unseal()
    } else {
        match body.get("key").and_then(Value::as_str).filter(|k| !k.is_empty()) {
            None => {
                let text = "'key' must be specified in request body as JSON, or 'reset' set to true";
                return Response::errors(400, &[text]);
            }
            Some(text) => match crate::share::decode(text) {
                Some(share) => node.unseal(share).await,
                None => return Response::errors(400, &["'key' must be a valid hex or base64 string"]),
            },
        }
    };
    match result {
        Ok(status) => {
            if local.lock_memory && node.barrier.is_memory_locked() == Ok(false) {
                tracing::warn!("the kernel does not pin the keys to memory: raise `ulimit -l`, or set disable_mlock");
            }
            Response::json(200, &seal_status::body(node, &status))
        }
        Err(UnsealError::Failed(problem)) => {
            tracing::error!(problem, "unsealing failed");
            Response::errors(500, &[&format!("unsealing failed: {problem}")])
        }
        Err(error) => Response::errors(400, &[&error.to_string()]),
    }
}
