//! `seal`.

use std::path::Path;

use super::{Check, check};
use crate::config::{HsmSeal, Seal, SealedBy, ServerConfig, StaticKeys, TokenAt, TransitSeal};

pub const CHECKS: &[Check] = &[
    check("seal static current_key_id", r#"current_key_id = "other""#, |c| keys(c).current.id == "other"),
    check("seal static current_key", r#"current_key = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=""#, |c| {
        keys(c).current.key().expose() == &[2; 32]
    }),
    check("seal static previous_key_id", PREVIOUS, |c| keys(c).previous.as_ref().is_some_and(|key| key.id == "old")),
    check("seal static previous_key", PREVIOUS, |c| {
        keys(c).previous.as_ref().is_some_and(|key| key.key().expose() == b"00000000000000000000000000000000")
    }),
    check("seal static name", NAME, is_named),
    check("seal static priority", PRIORITY, is_third),
    check("seal static disabled", DISABLED, is_disabled),
    check("seal static namespaces", r#"namespaces = "only""#, |c| c.seals.is_empty() && c.namespace_seals.len() == 1),
    check("seal transit address", r#"address = "https://other:8200""#, |c| transit(c).address == "https://other:8200"),
    check("seal transit token", r#"token = "file:///run/token""#, |c| {
        transit(c).token == TokenAt::File("/run/token".into())
    }),
    check("seal transit key_name", r#"key_name = "other""#, |c| transit(c).key_name == "other"),
    check("seal transit mount_path", r#"mount_path = "keys/""#, |c| transit(c).mount_path == "keys/"),
    check("seal transit namespace", r#"namespace = "team""#, |c| transit(c).namespace.as_deref() == Some("team")),
    check("seal transit disable_renewal", r#"disable_renewal = "true""#, |c| !transit(c).renew),
    check("seal transit tls_ca_cert", r#"tls_ca_cert = "/ca""#, |c| {
        transit(c).tls.ca.as_deref() == Some(Path::new("/ca"))
    }),
    check("seal transit tls_client_cert", CLIENT, |c| {
        transit(c).tls.client.as_ref().is_some_and(|(certificate, _)| certificate == Path::new("/cert"))
    }),
    check("seal transit tls_client_key", CLIENT, |c| {
        transit(c).tls.client.as_ref().is_some_and(|(_, key)| key == Path::new("/key"))
    }),
    check("seal transit tls_server_name", r#"tls_server_name = "kms""#, |c| {
        transit(c).tls.server_name.as_deref() == Some("kms")
    }),
    check("seal transit tls_skip_verify", "tls_skip_verify = true", |c| transit(c).tls.skip_verify),
    check("seal transit name", NAME, is_named),
    check("seal transit priority", PRIORITY, is_third),
    check("seal transit disabled", DISABLED, is_disabled),
    check("seal transit namespaces", r#"namespaces = "only""#, |c| c.seals.is_empty() && c.namespace_seals.len() == 1),
    check("seal pkcs11 lib", r#"lib = "/other.so""#, |c| hsm(c).lib == Path::new("/other.so")),
    check("seal pkcs11 slot", r#"slot = "7""#, |c| hsm(c).slot == Some(7)),
    check("seal pkcs11 token_label", r#"token_label = "other""#, |c| hsm(c).token_label.as_deref() == Some("other")),
    check("seal pkcs11 pin", r#"pin = "4711""#, |c| hsm(c).pin.expose().as_str() == "4711"),
    check("seal pkcs11 key_label", r#"key_label = "other""#, |c| hsm(c).key.label() == Some("other")),
    check("seal pkcs11 key_id", r#"key_id = "0x3031""#, |c| hsm(c).key.id() == Some(b"01")),
    check("seal pkcs11 mechanism", r#"mechanism = "RSA_PKCS_OAEP""#, |c| {
        hsm(c).mechanism == seals_pkcs11::Mechanism::RsaOaep(seals_pkcs11::Hash::Sha256)
    }),
    check("seal pkcs11 rsa_oaep_hash", r#"mechanism = "0x9" rsa_oaep_hash = "sha1""#, |c| {
        hsm(c).mechanism == seals_pkcs11::Mechanism::RsaOaep(seals_pkcs11::Hash::Sha1)
    }),
    check("seal pkcs11 name", NAME, is_named),
    check("seal pkcs11 priority", PRIORITY, is_third),
    check("seal pkcs11 disabled", DISABLED, is_disabled),
    check("seal pkcs11 namespaces", r#"namespaces = "only""#, |c| c.seals.is_empty() && c.namespace_seals.len() == 1),
];

pub const BLOCKS: &[(&str, &str)] = &[
    (
        "seal shamir",
        r#"storage "raft" { path = "/d" node_id = "n" }
        listener "tcp" { tls_disable = true }
        seal "shamir" { HERE }"#,
    ),
    (
        "seal static",
        r#"storage "raft" { path = "/d" node_id = "n" }
        listener "tcp" { tls_disable = true }
        seal "static" {
          current_key_id = "one"
          current_key = "0101010101010101010101010101010101010101010101010101010101010101"
          HERE
        }"#,
    ),
    (
        "seal transit",
        r#"storage "raft" { path = "/d" node_id = "n" }
        listener "tcp" { tls_disable = true }
        seal "transit" {
          address = "https://kms:8200"
          token = "t"
          key_name = "unseal"
          mount_path = "transit"
          HERE
        }"#,
    ),
    (
        "seal pkcs11",
        r#"storage "raft" { path = "/d" node_id = "n" }
        listener "tcp" { tls_disable = true }
        seal "pkcs11" {
          lib = "/lib.so"
          token_label = "main"
          pin = "1234"
          key_label = "unseal"
          HERE
        }"#,
    ),
];

const PREVIOUS: &str = r#"previous_key_id = "old" previous_key = "00000000000000000000000000000000""#;
const CLIENT: &str = r#"tls_client_cert = "/cert" tls_client_key = "/key""#;
const NAME: &str = r#"name = "main""#;
const PRIORITY: &str = "priority = 3";
const DISABLED: &str = r#"disabled = "true""#;

fn only(config: &ServerConfig) -> &Seal {
    &config.seals[0]
}

fn is_named(config: &ServerConfig) -> bool {
    only(config).name == "main"
}

fn is_third(config: &ServerConfig) -> bool {
    only(config).priority == 3
}

fn is_disabled(config: &ServerConfig) -> bool {
    only(config).disabled
}

fn keys(config: &ServerConfig) -> &StaticKeys {
    match &only(config).by {
        SealedBy::Static(keys) => keys,
        other => panic!("the seal is {other:?}"),
    }
}

fn transit(config: &ServerConfig) -> &TransitSeal {
    match &only(config).by {
        SealedBy::Transit(seal) => seal,
        other => panic!("the seal is {other:?}"),
    }
}

fn hsm(config: &ServerConfig) -> &HsmSeal {
    match &only(config).by {
        SealedBy::Hsm(seal) => seal,
        other => panic!("the seal is {other:?}"),
    }
}
