//! Each kind of error: it names the file and the line, and says what would be right.

use std::path::PathBuf;

use super::{folder, load, load_in, minimal, refusal};
use crate::config::{ConfigError, Environment};

/// Line 3 of a good configuration is this.
fn third_line(line: &str) -> String {
    refusal(&minimal(line))
}

fn storage(keys: &str) -> String {
    refusal(&format!("storage \"raft\" {{ {keys} }}\nlistener \"tcp\" {{ tls_disable = true }}"))
}

fn listener(keys: &str) -> String {
    refusal(&format!("storage \"raft\" {{ path = \"/d\" node_id = \"n\" }}\nlistener \"tcp\" {{ {keys} }}"))
}

#[test]
fn bad_values_at_the_top() {
    assert_eq!(
        third_line("default_lease_ttl = \"soon\""),
        "server.hcl:3: `default_lease_ttl` is \"soon\": it must be a duration such as \"30s\" or \"768h\""
    );
    assert_eq!(third_line("disable_mlock = 7"), "server.hcl:3: `disable_mlock` is 7: it must be true or false");
    assert_eq!(
        third_line("log_level = \"loud\""),
        "server.hcl:3: `log_level` is \"loud\": it must be trace, debug, info, warn or error"
    );
    assert_eq!(
        third_line("log_format = \"xml\""),
        "server.hcl:3: `log_format` is \"xml\": it must be standard or json"
    );
    for bad in ["10.0.0.1:8200", "ftp://h:1", "https://h:1/path", "https://u@h:1", "https://h:99999", "https://"] {
        let message = third_line(&format!("api_addr = \"{bad}\""));
        assert!(message.starts_with(&format!("server.hcl:3: `api_addr` is {bad:?}: it must be a URL")), "{message}");
    }
    for bad in ["https://10.0.0.1", "10.0.0.1", "https://h:0", ""] {
        let message = third_line(&format!("cluster_addr = \"{bad}\""));
        assert!(message.contains("`cluster_addr`") && message.contains("a host and a port"), "{message}");
    }
    assert_eq!(third_line("cluster_name = [1]"), "server.hcl:3: `cluster_name` is a list: it must be a text in quotes");
    assert_eq!(
        third_line("default_lease_ttl = \"20h\" max_lease_ttl = \"10h\""),
        "server.hcl:3: `default_lease_ttl` is \"20h\": it must not be longer than max_lease_ttl, which is 36000s"
    );
}

#[test]
fn bad_values_in_storage() {
    let node = "path = \"/d\" node_id = \"n\"";
    assert_eq!(
        storage(&format!("{node} performance_multiplier = 11")),
        "server.hcl:1: `performance_multiplier` is 11: it must be between 0 and 10"
    );
    assert_eq!(
        storage(&format!("{node} performance_multiplier = \"fast\"")),
        "server.hcl:1: `performance_multiplier` is \"fast\": it must be a whole number"
    );
    assert!(storage(&format!("{node} max_entry_size = 1")).contains("it must be between 65536 and 8388608"));
    assert!(storage("path = \"/d\" node_id = \"a b\"").contains("without spaces"));
    assert!(storage(&format!("{node} heartbeat_interval = \"1ms\"")).contains("at least \"10ms\""));
    assert!(storage(&format!("{node} election_timeout = \"100ms\"")).contains("at least three heartbeats"));
    assert!(storage(&format!("{node} retry_join {{ leader_api_addr = \"x\" }}")).contains("the URL of a member"));
    assert!(storage(&format!("{node} retry_join {{ }}")).contains("`retry_join` lacks `leader_api_addr`"));
    let joining = |keys: &str| storage(&format!("{node} retry_join {{ leader_api_addr = \"http://h:1\" {keys} }}"));
    assert!(joining("leader_client_cert_file = \"/c\"").contains("and its key must be given together"));
    let message = joining("leader_client_key = \"canary-key\" leader_client_cert_file = \"/c\"");
    assert!(message.contains("it must be PEM text") && !message.contains("canary"), "{message}");
    assert!(joining("leader_ca_cert = \"x\" leader_ca_cert_file = \"/x\"").contains("not both"));
}

#[test]
fn bad_values_in_a_listener() {
    assert_eq!(
        listener("address = \"example.com:8200\" tls_disable = true"),
        "server.hcl:2: `address` is \"example.com:8200\": it must be an IP address and a port such as \
         \"127.0.0.1:8200\" or \"[::]:8200\""
    );
    assert!(listener("tls_disable = \"maybe\"").contains("it must be true or false"));
    assert!(
        listener("tls_cert_file = \"/c\" tls_key_file = \"/k\" tls_min_version = \"tls10\"").contains("tls12 or tls13")
    );
    assert_eq!(
        listener("tls_cert_file = \"/c\""),
        "server.hcl:2: `listener \"tcp\"` lacks `tls_key_file`: TLS needs `tls_cert_file` and `tls_key_file`; \
         `tls_disable = true` does without"
    );
    assert!(listener("tls_disable = true max_request_duration = \"-1s\"").contains("it must be a duration"));
    assert!(listener("tls_disable = true address = \"h:1\"").contains("an IP address and a port"));
    let tls = |keys: &str| listener(&format!("tls_cert_file = \"/c\" tls_key_file = \"/k\" {keys}"));
    assert!(tls("tls_max_version = \"tls12\" tls_min_version = \"tls13\"").contains("no version is left"));
    assert!(tls("tls_cipher_suites = \"TLS_MINE\"").contains("TLS_MINE is not offered; there are TLS_ECDHE_"));
    assert!(tls("tls_key_exchange_preferences = [\"CurveP521\"]").contains("its entries must be X25519MLKEM768"));
    assert!(tls("tls_auto_reload_interval = \"1s\"").contains("at least \"5s\""));
    let plain = |keys: &str| listener(&format!("tls_disable = true {keys}"));
    assert!(plain("proxy_protocol_behavior = \"maybe\"").contains("use_always, allow_authorized or deny_unauthorized"));
    assert!(
        plain("proxy_protocol_behavior = \"deny_unauthorized\"").contains("needs `proxy_protocol_authorized_addrs`")
    );
    assert!(plain("x_forwarded_for_authorized_addrs = \"everybody\"").contains("addresses or networks"));
    assert!(plain("x_forwarded_for_hop_skips = -1").contains("between 0 and 100"));
    assert!(plain("x_forwarded_for_client_cert_decoders = [\"HEX\"]").contains("URL, PEM or RFC9440"));
    assert!(plain("custom_response_headers { \"9xx\" = {} }").contains("\"9xx\" is no status"));
    assert!(plain("custom_response_headers { \"2xx\" = { \"a b\" = [\"\"] } }").contains("no name of a header"));
    assert!(plain("custom_response_headers { \"2xx\" = { \"A\" = 1 } }").contains("a list of texts"));
    assert!(plain("role = \"admin\"").contains("default or metrics_only"));
    assert!(plain("telemetry { metrics_only = true disallow_metrics = true }").contains("alone and not at all"));
    assert!(plain("cors_allowed_origins = [\"*\", \"a\"]").contains("\"*\" alone"));
    assert!(plain("chroot_namespace = \"team/\"").contains("`chroot_namespace` is not offered by this server"));
    assert!(third_line("listener \"unix\" { }").contains("lacks `address`"));
    assert!(third_line("listener \"unix\" { address = \"/s\" socket_mode = \"9\" }").contains("an octal file mode"));
    assert!(third_line("log_requests_level = \"some\"").contains("off, trace, debug, info, warn or error"));
    assert!(listener("tls_disable = true max_json_depth = 0").contains("between 1 and 1000"));
    assert!(listener("tls_disable = true address = \"127.0.0.1:65535\"").contains("lacks `cluster_address`"));
    let same = listener("tls_disable = true address = \"127.0.0.1:1\" cluster_address = \"127.0.0.1:1\"");
    assert!(same.contains("are both 127.0.0.1:1"), "{same}");
    let required = "tls_cert_file = \"/c\" tls_key_file = \"/k\" tls_require_and_verify_client_cert = true";
    assert!(listener(&format!("{required} tls_disable_client_certs = true")).contains("cannot be required"));
    let twice = third_line("listener \"tcp\" { tls_disable = true }");
    assert!(twice.starts_with("server.hcl:3: two listeners have the address 127.0.0.1:8200"), "{twice}");
}

#[test]
fn bad_audit_devices() {
    let device = |body: &str| third_line(&format!("audit \"file\" \"a\" {{ {body} }}"));
    assert_eq!(device(""), "server.hcl:3: file_path is required: it names the file that entries are appended to");
    assert!(device("options { mode = \"9\" file_path = \"/a\" }").contains("an octal file mode"));
    assert!(
        device("options { file_path = \"/a\" filter = \"path = x\" }").contains("the filter is wrong at character 6")
    );
    assert!(third_line("audit \"pigeon\" \"a\" {}").contains("there is no audit \"pigeon\"; there are file, socket"));
    let unset = r#"audit "http" "a" { options { uri = "env://HOLDFAST_NOT_SET" } }"#;
    assert!(third_line(unset).contains("the variable HOLDFAST_NOT_SET"));
    assert!(third_line("audit_api_folders = 3").contains("it must be a list of texts"));
    let two = "audit \"file\" \"a\" { options { file_path = \"/a\" } }\naudit \"file\" \"a/\" { options { file_path = \"/b\" } }";
    assert!(third_line(two).starts_with("server.hcl:4: two audit devices have the path \"a\""));
}

#[test]
fn what_this_version_does_not_offer() {
    assert!(third_line("seal \"awskms\" {}").starts_with("server.hcl:3: seal \"awskms\" is not offered"));
    assert!(third_line("listener \"quic\" {}").starts_with("server.hcl:3: listener \"quic\" is not offered"));
    let message = refusal("storage \"consul\" {}\nlistener \"tcp\" { tls_disable = true }");
    assert_eq!(message, "server.hcl:1: storage \"consul\" is not offered: the only storage is \"raft\"");
}

#[test]
fn what_is_missing() {
    assert!(refusal("listener \"tcp\" { tls_disable = true }").contains("server.hcl: has no `storage` block"));
    assert!(refusal("storage \"raft\" { path = \"/d\" node_id = \"n\" }").contains("has no `listener` block"));
    assert!(storage("node_id = \"n\"").contains("`storage \"raft\"` lacks `path`"));
    assert!(storage("path = \"/d\"").contains("`storage \"raft\"` lacks `node_id`"));
}

#[test]
fn what_is_not_a_configuration() {
    assert!(matches!(load("storage \"raft\" {").unwrap_err(), ConfigError::Syntax { .. }));
    assert!(refusal("\n\napi_addr = = 3").starts_with("server.hcl:3: "));
    let transit = |keys: &str| {
        let others = "token = \"t\" mount_path = \"transit\"";
        third_line(&format!("seal \"transit\" {{ {others} {keys} }}"))
    };
    let nowhere = transit("address = \"nonsense\" key_name = \"k\"");
    assert!(nowhere.starts_with("server.hcl:3: ") && nowhere.contains("it must be a URL"), "{nowhere}");
    let astray = transit("address = \"https://kms:8200\" key_name = \"../u\"");
    assert!(astray.starts_with("server.hcl:3: ") && astray.contains("`key_name`"), "{astray}");
    let sealed = |keys: &str| third_line(&format!("seal \"static\" {{ {keys} }}"));
    assert!(sealed("").contains("`current_key`"), "{}", sealed(""));
    assert!(sealed("current_key_id = \"a\"").contains("must be given together"));
    let short = sealed("current_key_id = \"a\" current_key = \"shh\"");
    assert!(short.contains("32 bytes") && !short.contains("shh"), "{short}");
    assert!(sealed("current_key_id = \"a\" current_key = \"file:///no/such\"").contains("cannot be read"));
    let device = "lib = \"/l\" token_label = \"t\" key_label = \"k\"";
    let octal = third_line(&format!("seal \"pkcs11\" {{ {device} pin = 0042 }}"));
    assert!(octal.contains("in quotes") && !octal.contains("34"), "{octal}");
    let file = third_line(&format!("seal \"pkcs11\" {{ {device} pin = \"file:///no/such\" }}"));
    assert!(file.contains("cannot be read"), "{file}");
    assert!(third_line("enable_unauthenticated_access = [\"all\"]").contains("\"all\""));
    assert!(third_line("seal = 3").starts_with("server.hcl:3: "));
    let nowhere = PathBuf::from("/nowhere/server.hcl");
    let error = load_in(&[nowhere], &Environment::default()).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }));
    assert!(error.to_string().starts_with("/nowhere/server.hcl: cannot be read: "), "{error}");
    let (_keep, path) = folder(&[("notes.txt", "")]);
    assert!(matches!(load_in(&[path], &Environment::default()).unwrap_err(), ConfigError::EmptyFolder { .. }));
    assert!(matches!(load_in(&[], &Environment::default()).unwrap_err(), ConfigError::NothingNamed));
}

#[test]
fn not_text_at_all() {
    let (_keep, path) = folder(&[]);
    let file = path.join("bytes.hcl");
    std::fs::write(&file, b"\xff\xfe").unwrap();
    let error = load_in(&[file], &Environment::default()).unwrap_err();
    assert!(error.to_string().ends_with("bytes.hcl:1: the file is not UTF-8 text"), "{error}");
}

#[test]
fn bad_variables_name_themselves() {
    let (_keep, path) = folder(&[("a.hcl", &minimal(""))]);
    let message =
        |environment: Environment| load_in(std::slice::from_ref(&path), &environment).unwrap_err().to_string();
    let bad = message(Environment { api_addr: Some("nope".into()), ..Environment::default() });
    assert!(bad.starts_with("the environment variable VAULT_API_ADDR is \"nope\": it must be a URL"), "{bad}");
    let bad = message(Environment { cluster_addr: Some("nope".into()), ..Environment::default() });
    assert!(bad.starts_with("the environment variable VAULT_CLUSTER_ADDR"), "{bad}");
    let bad = message(Environment { log_level: Some("loud".into()), ..Environment::default() });
    assert!(bad.starts_with("the environment variable VAULT_LOG_LEVEL"), "{bad}");
}
