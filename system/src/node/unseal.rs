//! `sys/unseal`.

use holdfast_core::lifecycle::UnsealError;
use holdfast_core::response::Response;
use sdk::{Bare, Input, Map, Params, Path, Value, Verb, json};

use super::{Local, seal_status};

#[derive(Input)]
struct Give {
    /// A share of the key, in hexadecimal or base64.
    key: String,
    /// Forgets the shares that were given.
    reset: bool,
    /// Whether the cluster goes over to the seals of this node's configuration.
    migrate: bool,
}

pub fn path() -> Path {
    Path::new("unseal")
        .help("Takes a share of the key.", "Once there are enough of them, this node is unsealed.")
        .open()
        .ids([(Verb::Write, "unseal")])
        .node::<Give, Bare<seal_status::Shown>>(Verb::Write)
}

pub async fn unseal(local: &Local, body: &Map<String, Value>) -> Response {
    let node = &local.node;
    let Give { key, reset, migrate } = match Give::parse(&Params::new([].into(), body.clone())) {
        Ok(given) => given,
        Err(failure) => return Response::failure(&failure),
    };
    let key = zeroize::Zeroizing::new(key);
    let result = if reset {
        node.reset_unseal()
    } else if key.is_empty() {
        let text = "'key' must be specified in request body as JSON, or 'reset' set to true";
        return Response::errors(400, &[text]);
    } else {
        match crate::share::decode(&key) {
            Some(share) if migrate => node.unseal_to_migrate(share).await,
            Some(share) => node.unseal(share).await,
            None => return Response::errors(400, &["'key' must be a valid hex or base64 string"]),
        }
    };
    match result {
        Ok(status) => {
            if local.lock_memory && node.barrier.is_memory_locked() == Ok(false) {
                tracing::warn!("the kernel does not pin the keys to memory: raise `ulimit -l`, or set disable_mlock");
            }
            Response::json(200, &json!(seal_status::shown(node, &status)))
        }
        Err(UnsealError::Failed(problem)) => {
            tracing::error!(problem, "unsealing failed");
            Response::errors(500, &[&format!("unsealing failed: {problem}")])
        }
        Err(error) => Response::errors(400, &[&error.to_string()]),
    }
}
