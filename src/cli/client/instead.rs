//! A request that is shown, not sent: as a curl command, or as the policy that it needs.

use reqwest::Url;
use serde_json::Value;

use super::{Ask, Manner};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    Curl,
    Policy,
}

/// What needs `sudo` besides; `+` is any one segment, `*` any rest.
const SUDO: &[&str] = &[
    "auth/token/accessors",
    "auth/token/create-orphan",
    "auth/token/revoke-orphan",
    "sys/audit",
    "sys/audit/*",
    "sys/auth/+",
    "sys/auth/+/tune",
    "sys/config/auditing/request-headers",
    "sys/config/auditing/request-headers/*",
    "sys/config/cors",
    "sys/config/ui/headers",
    "sys/config/ui/headers/*",
    "sys/generate-root-token/*",
    "sys/generate-root/*",
    "sys/leases",
    "sys/leases/lookup",
    "sys/leases/lookup/*",
    "sys/leases/revoke-force/*",
    "sys/leases/revoke-prefix/*",
    "sys/raw",
    "sys/raw/*",
    "sys/rekey-recovery-key/*",
    "sys/rekey/*",
    "sys/remount",
    "sys/rotate",
    "sys/rotate/*",
    "sys/seal",
    "sys/step-down",
];

pub fn policy(ask: &Ask) -> String {
    let mut capabilities = match ask.method.as_str() {
        "GET" => vec!["read"],
        "LIST" => vec!["list"],
        "DELETE" => vec!["delete"],
        "PATCH" => vec!["patch"],
        _ => vec!["create", "update"],
    };
    let path = ask.path.trim_end_matches('/');
    if SUDO.iter().any(|pattern| matches(pattern, path)) {
        capabilities.push("sudo");
    }
    let capabilities: Vec<String> = capabilities.iter().map(|name| format!("{name:?}")).collect();
    format!("path {:?} {{\n  capabilities = [{}]\n}}", ask.path, capabilities.join(", "))
}

fn matches(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some("*"), Some(_)) => return true,
            (Some("+"), Some(_)) => {}
            (Some(pattern), Some(part)) if pattern == part => {}
            _ => return false,
        }
    }
}

/// The token is left to be read when the command runs: what is shown here may be shown to others.
pub fn curl(ask: &Ask, url: &Url, manner: &Manner, with_token: bool) -> String {
    let mut text = String::from("curl");
    let mut add = |part: &str| {
        text.push(' ');
        text.push_str(part);
    };
    if ask.method.as_str() != "GET" {
        add(&format!("-X {}", ask.method));
    }
    add("-H \"X-Vault-Request: true\"");
    if with_token {
        add("-H \"X-Vault-Token: $(holdfast print token)\"");
    }
    if let Some(namespace) = &manner.namespace {
        add(&format!("-H {}", quoted(&format!("X-Vault-Namespace: {namespace}"))));
    }
    if let Some(ttl) = manner.wrap_ttl.as_ref().filter(|_| !ask.preflight) {
        add(&format!("-H {}", quoted(&format!("X-Vault-Wrap-TTL: {ttl}"))));
    }
    for (name, value) in &manner.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        add(&format!("-H {}", quoted(&format!("{name}: {value}"))));
    }
    if let Some(body) = &ask.body {
        if ask.method.as_str() == "PATCH" {
            add("-H \"Content-Type: application/merge-patch+json\"");
        }
        add(&format!("-d {}", quoted(&Value::to_string(body))));
    }
    add(&quoted(url.as_str()));
    text
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

#[cfg(test)]
mod tests {
    use reqwest::Method;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_names_what_the_request_needs() {
        let read = Ask::new(Method::GET, "secret/data/app");
        assert_eq!(policy(&read), "path \"secret/data/app\" {\n  capabilities = [\"read\"]\n}");
        let enable = Ask::new(Method::PUT, "sys/audit/file");
        assert!(policy(&enable).contains("[\"create\", \"update\", \"sudo\"]"));
        assert!(!policy(&Ask::list("sys/auth")).contains("sudo"));
        for path in
            ["sys/rekey/init", "sys/rekey-recovery-key/update", "sys/generate-root/attempt", "sys/rotate/root/init"]
        {
            assert!(policy(&Ask::new(Method::PUT, path)).contains("sudo"), "{path}");
        }
    }

    #[test]
    fn a_curl_command_hides_the_token_and_survives_a_shell() {
        let ask = Ask::new(Method::PUT, "secret/a").body(&json!({ "k": "it's" }));
        let url: Url = "http://127.0.0.1:8200/v1/secret/a".parse().unwrap();
        let shown = curl(&ask, &url, &Manner::default(), true);
        assert_eq!(
            shown,
            "curl -X PUT -H \"X-Vault-Request: true\" -H \"X-Vault-Token: $(holdfast print token)\" \
             -d '{\"k\":\"it'\"'\"'s\"}' 'http://127.0.0.1:8200/v1/secret/a'"
        );
    }
}
