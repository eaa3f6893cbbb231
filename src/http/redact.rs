//! `redact_*`: what a listener leaves out of the node's status for those who show no valid token.

use holdfast_core::response::Response;
use sdk::{Map, Value};

use crate::config::Redaction;

/// Whether the answer of this path has anything to leave out.
pub fn concerns(redaction: Redaction, path: &str) -> bool {
    let version = redaction.version || redaction.cluster_name;
    match path.trim_end_matches('/') {
        "sys/health" | "sys/seal-status" | "sys/unseal" => version,
        "sys/leader" => redaction.addresses,
        _ => false,
    }
}

/// The same answer with blanks.
pub fn blank(redaction: Redaction, mut response: Response) -> Response {
    let Ok(mut body) = serde_json::from_slice::<Map<String, Value>>(&response.body) else { return response };
    let all = [
        (redaction.version, &["version", "build_date", "commit_date"][..]),
        (redaction.cluster_name, &["cluster_name"]),
        (redaction.addresses, &["leader_address", "leader_cluster_address"]),
    ];
    for name in all.iter().filter(|(wanted, _)| *wanted).flat_map(|(_, names)| *names) {
        if let Some(value) = body.get_mut(*name) {
            *value = Value::String(String::new());
        }
    }
    response.body = Value::Object(body).to_string().into_bytes();
    response
}
