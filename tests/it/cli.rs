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
    for way in ["version", "-version", "--version", "-v"] {
        let ran = run(&[way]);
        assert_eq!((ran.status, ran.out.as_str()), (0, concat!("Holdfast v", env!("CARGO_PKG_VERSION"), "\n")));
    }
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
        (&["status", "-header=x"][..], "it must be NAME=VALUE"),
        (&["status", "-tls-server-name=a b", "-address=https://127.0.0.1:1"][..], "it is not a host's name"),
        (&["write", "sys/x"][..], "Must supply data or use -force"),
        (&["kv", "patch", "secret/app"][..], "Must supply data"),
        (&["kv", "undelete", "secret/app"][..], "--versions"),
        (&["token", "revoke"][..], "required"),
        (&["lease", "revoke", "-force", "x"][..], "--prefix"),
        (&["token", "capabilities", "-accessor", "x"][..], "an accessor and a path"),
        (&["operator", "init", "-pgp-keys=/nowhere.asc", "-status", "-xy"][..], "unexpected argument '--xy'"),
        (&["operator", "generate-root", "-decode=AAAA"][..], "--otp"),
        (&["operator", "raft", "snapshot", "restore", "/nowhere.snap"][..], "/nowhere.snap"),
        (&["operator", "raft", "autopilot", "set-config"][..], "Nothing to set"),
        (&["login", "-method=userpass"][..], "'username' must be supplied"),
        (&["login", "-non-interactive"][..], "-non-interactive"),
        (&["status", "-format=xml"][..], "possible values: table, json, yaml, raw"),
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

#[test]
fn settings_of_the_environment_that_make_no_sense() {
    for (name, value) in [("VAULT_FORMAT", "xml"), ("VAULT_MAX_RETRIES", "many"), ("VAULT_CLIENT_TIMEOUT", "soon")] {
        let address = nobody();
        let ran = run_with(&["read", "sys/x"], &[("VAULT_ADDR", &address), (name, value)], "");
        assert_eq!((ran.status, ran.err.contains(name)), (1, true), "{ran:?}");
    }
}

#[test]
fn requests_are_shown_in_place_of_being_sent() {
    let variables = [("VAULT_ADDR", "http://127.0.0.1:1"), ("VAULT_TOKEN", "s.secret"), ("VAULT_NAMESPACE", "team")];
    let ran = run_with(&["-output-curl-string", "write", "secret/app", "k=v"], &variables, "");
    let shown = "curl -X PUT -H \"X-Vault-Request: true\" -H \"X-Vault-Token: $(holdfast print token)\" \
                 -H 'X-Vault-Namespace: team' -d '{\"k\":\"v\"}' 'http://127.0.0.1:1/v1/secret/app'\n";
    assert_eq!((ran.status, ran.out.as_str()), (0, shown), "{ran:?}");
    let ran = run_with(&["secrets", "enable", "kv", "-output-policy"], &variables, "");
    assert_eq!(ran.out, "path \"sys/mounts/kv\" {\n  capabilities = [\"create\", \"update\"]\n}\n");
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = run(&["completion", shell]);
        assert_eq!(ran.status, 0);
        assert!(ran.out.contains("enable-versioning") && ran.out.contains("output-curl-string"), "{shell}");
    }
    assert_eq!(run(&["completion", "tcsh"]).status, 1);
    let home = tempfile::TempDir::new().unwrap();
    let variables = [("HOME", home.path().to_str().unwrap())];
    assert_eq!(run_with(&["completion", "fish", "-install"], &variables, "").status, 0);
    assert!(home.path().join(".config/fish/completions/holdfast.fish").exists());
    assert_eq!(run_with(&["completion", "zsh", "-install"], &variables, "").status, 1);
}

#[test]
fn a_policy_is_looked_over() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let name = file.path().to_str().unwrap();
    let lint = |text: &str| {
        std::fs::write(file.path(), text).unwrap();
        run(&["policy", "lint", "-kv2=secret", name])
    };
    assert_eq!(lint("path \"secret/data/app\" { policy = \"read\" }").status, 0);
    let beside = lint("# ours\npath \"secret/app\" { policy = \"read\" }");
    assert_eq!(beside.status, 1);
    assert!(beside.out.contains(&format!("{name}:2: ")) && beside.out.contains("secret/data/app"), "{}", beside.out);
    assert_eq!(lint("path \"a\" {}").status, 2);
    assert_eq!(lint("path \"a\" { capabilities = [\"raed\"] }").status, 1);
}

#[test]
fn a_policy_is_laid_out_anew() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let name = file.path().to_str().unwrap();
    std::fs::write(file.path(), "path \"a\" {\ncapabilities=[\"read\"] # why\n}").unwrap();
    let ran = run(&["policy", "fmt", name]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let text = std::fs::read_to_string(name).unwrap();
    assert_eq!(text, "path \"a\" {\n  capabilities = [\"read\"] # why\n}\n");
    std::fs::write(file.path(), "path {").unwrap();
    assert_eq!(run(&["policy", "fmt", name]).status, 1);
    assert_eq!(std::fs::read_to_string(name).unwrap(), "path {", "what cannot be read is left alone");
}
