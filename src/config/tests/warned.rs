//! What is odd but stops nothing.

use super::{load, minimal};

/// The warnings, each from the file's name on.
fn warnings(text: &str) -> Vec<String> {
    let (_, warnings) = load(text).unwrap();
    let from_name = |text: String| text[text.find("server.hcl").unwrap()..].to_owned();
    warnings.iter().map(|warning| from_name(warning.to_string())).collect()
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    assert_eq!(
        warnings(&minimal("api_adr = \"x\"\n\nzzz = 1")),
        [
            "server.hcl:3: the key `api_adr` is not known; did you mean `api_addr`?",
            "server.hcl:5: the key `zzz` is not known"
        ]
    );
    let inside = "storage \"raft\" { path = \"/d\" node_id = \"n\"\n pth = 1\n retry_join { leader_api_addr = \"http://h:1\"\n leader_ca_cert_fil = 1 } }
        listener \"tcp\" { tls_disable = true\n max_request_siz = 1 }
        audit \"file\" \"a\" { options { file_path = \"/a\" } desciption = 1 }";
    let found = warnings(inside);
    assert_eq!(found.len(), 4, "{found:?}");
    for (line, nearest) in [(4, "leader_ca_cert_file"), (2, "path"), (6, "max_request_size"), (7, "description")] {
        let expected = |warning: &&String| {
            warning.starts_with(&format!("server.hcl:{line}: "))
                && warning.ends_with(&format!("did you mean `{nearest}`?"))
        };
        assert_eq!(found.iter().filter(expected).count(), 1, "{line} {nearest} {found:?}");
    }
}

#[test]
fn keys_without_a_use_here_are_named_with_the_reason() {
    let text = "ui = true\ntelemetry { circonus_api_app = \"x\" }\nlicense_path = \"/p\"\ncache_size = 3";
    assert_eq!(
        warnings(&minimal(text)),
        [
            "server.hcl:4: `circonus_api_app` is ignored (not offered): nothing is sent to Circonus",
            "server.hcl:3: `ui` is ignored (not offered): there is no web interface",
            "server.hcl:5: `license_path` is ignored (of Vault's enterprise edition): no license is needed",
            "server.hcl:6: `cache_size` is ignored (obsolete): the store sizes its own cache",
        ]
    );
}

#[test]
fn values_that_are_taken_otherwise() {
    let listening = |keys: &str| {
        warnings(&format!(
            "storage \"raft\" {{ path = \"/d\" node_id = \"n\" }}\nlistener \"tcp\" {{ tls_disable = true {keys} }}"
        ))
    };
    let unlimited = listening("max_request_size = -1");
    assert_eq!(unlimited, ["server.hcl:2: `max_request_size` is taken as 536870912, the most that is offered"]);
    let everywhere = listening("address = \"0.0.0.0:8200\"");
    assert!(
        everywhere[0].contains("without `api_addr` clients and other nodes are told 127.0.0.1:8200"),
        "{everywhere:?}"
    );
}

#[test]
fn a_root_key_in_the_clear_is_warned_of() {
    let kms = |address: &str| {
        let keys = format!("address = \"{address}\" token = \"t\" key_name = \"k\" mount_path = \"transit\"");
        warnings(&minimal(&format!("seal \"transit\" {{ {keys} }}")))
    };
    assert_eq!(kms("https://kms:8200"), [""; 0]);
    let found = kms("http://kms:8200");
    assert!(found.len() == 1 && found[0].contains("reads the root key"), "{found:?}");
}
