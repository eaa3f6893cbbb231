//! How far a rekeying is, or its verification.

use serde_json::Value;

use crate::cli::client::Client;
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output::{self, cell};

pub async fn show(client: &Client, path: &str, globals: &Globals) -> Result<Done, Failure> {
    let doing = "reading rekey status";
    let status = client.get(path).await.doing(doing)?.inside().doing(doing)?;
    globals.output()?.value(&status, || table(&status))
}

pub fn table(status: &Value) -> String {
    let mut rows = Vec::new();
    let mut add = |name: &str, value: String| rows.push([name.to_owned(), value]);
    let started = status["started"].as_bool().unwrap_or(false);
    // A rekeying asks for old keys and says what becomes of them; a verification asks for new ones.
    let verification = started && status["required"].is_null();
    let [nonce, progress] = match verification {
        true => ["Verification Nonce", "Verification Progress"],
        false => ["Nonce", "Rekey Progress"],
    };
    add(nonce, status["nonce"].as_str().unwrap_or("").to_owned());
    add("Started", started.to_string());
    if started {
        let required = if verification { &status["t"] } else { &status["required"] };
        add(progress, format!("{}/{}", cell(&status["progress"]), cell(required)));
        add("New Shares", cell(&status["n"]));
        add("New Threshold", cell(&status["t"]));
        if let Some(required) = status["verification_required"].as_bool() {
            add("Verification Required", required.to_string());
        }
        if let Some(nonce) = status["verification_nonce"].as_str().filter(|nonce| !nonce.is_empty()) {
            add("Verification Nonce", nonce.to_owned());
        }
    }
    if status["pgp_fingerprints"].as_array().is_some_and(|list| !list.is_empty()) {
        add("PGP Fingerprints", cell(&status["pgp_fingerprints"]));
        add("Backup", cell(&status["backup"]));
    }
    output::pairs(&rows)
}
