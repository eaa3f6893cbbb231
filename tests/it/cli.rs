//! Commands that need no server, or find none.

use std::net::TcpListener;

use crate::harness::{run, run_with};

/// An address that nobody listens on.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn version_names_the_product() {
    let ran = run(&["version"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, concat!("Holdfast v", env!("CARGO_PKG_VERSION"), "\n")));
}

#[test]
fn help_is_no_error_and_nonsense_is() {
    let help = run(&["operator", "-help"]);
    assert_eq!(help.status, 0);
    assert!(help.out.contains("unseal") && help.out.contains("step-down"), "{}", help.out);
    let nonsense = run(&["kv", "gett", "x"]);
    assert_eq!(nonsense.status, 1);
    assert!(nonsense.err.contains("gett") && nonsense.err.contains("get"), "{}", nonsense.err);
    assert_eq!(run(&[]).status, 1);
}

#[test]
fn a_server_that_is_not_there() {
    let address = nobody();
    let status = run_with(&["status"], &[("VAULT_ADDR", &address)], "");
    assert_eq!(status.status, 1, "2 would say that it is sealed");
    assert!(status.err.starts_with(&format!("Error checking seal status: GET {address}/v1/sys/seal-status: ")));
    assert!(status.err.contains("Connection refused"), "{}", status.err);
    let read = run_with(&["kv", "get", "secret/app"], &[("VAULT_ADDR", &address)], "");
    assert_eq!(read.status, 2);
}

#[test]
fn the_products_own_variable_goes_first() {
    let address = nobody();
    let ran = run_with(&["status"], &[("VAULT_ADDR", "http://unused.invalid"), ("HOLDFAST_ADDR", &address)], "");
    assert!(ran.err.contains(&address), "{}", ran.err);
    let ran = run_with(&["status", "-address", "http://127.0.0.1:1"], &[("HOLDFAST_ADDR", &address)], "");
    assert!(ran.err.contains("http://127.0.0.1:1/v1/"), "{}", ran.err);
}

#[test]
fn what_cannot_be_used_is_said_before_anything_is_sent() {
    let address = nobody();
    let to_nobody = [("VAULT_ADDR", address.as_str())];
    for (arguments, part) in [
        (&["kv", "put", "secret/app"][..], "Must supply data"),
        (&["kv", "put", "secret/app", "password"][..], "\"password\" has no `=`"),
        (&["kv", "put", "secret/app", "@/nowhere.json"][..], "/nowhere.json"),
        (&["operator", "unseal"][..], "Nothing was entered"),
        (&["status", "-ca-cert=/nowhere.pem"][..], "/nowhere.pem"),
        (&["status", "-client-cert=/c.pem"][..], "must be given together"),
        (&["status", "-format=xml"][..], "possible values: table, json, yaml"),
    ] {
        let ran = run_with(arguments, &to_nobody, "");
        assert_eq!(ran.status, 1, "{arguments:?} {ran:?}");
        assert!(ran.err.contains(part), "{arguments:?} {ran:?}");
    }
    let ran = run_with(&["status", "-address=nonsense"], &[], "");
    assert_eq!((ran.status, ran.err.contains("is not a server's URL")), (1, true), "{}", ran.err);
}

#[test]
fn a_dev_server_takes_no_configuration() {
    let ran = run(&["server", "-dev", "-config=/x.hcl"]);
    assert_eq!((ran.status, ran.err.contains("leave out -config")), (1, true), "{}", ran.err);
    let ran = run(&["server", "-dev", "-dev-listen-address=nowhere"]);
    assert_eq!(ran.status, 1);
}
