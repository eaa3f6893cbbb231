//! `server -dev`, as somebody who tries things would run it.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::harness::{run_with, until};

/// A server that ends with the test.
struct Dev(Child);

impl Dev {
    fn start(home: &Path, flags: &[&str]) -> Dev {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
        command.args(["server", "-dev"]).args(flags).env_clear().env("HOME", home);
        Dev(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that is free, as is the next one.
fn two_ports() -> u16 {
    loop {
        let one = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = one.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_certificate_of_its_own() {
    let home = TempDir::new().unwrap();
    let (folder, port) = (home.path().to_str().unwrap(), two_ports());
    let flags = [
        format!("-dev-listen-address=127.0.0.1:{port}"),
        format!("-dev-tls-cert-dir={folder}"),
        "-dev-tls=true".to_owned(),
        "-dev-tls-san=only.example".to_owned(),
        "-dev-root-token-id=root-of-a-test".to_owned(),
        "-dev-kv-v1".to_owned(),
    ];
    let _server = Dev::start(home.path(), &flags.each_ref().map(String::as_str));
    let kept = home.path().join(".vault-token");
    until("the root token should be kept", async || std::fs::read_to_string(&kept).ok()).await;

    let (address, ca) = (format!("https://127.0.0.1:{port}"), format!("{folder}/vault-ca.pem"));
    let reached = |more: &[&str], variables: &[(&str, &str)]| {
        let mut all = vec![("VAULT_ADDR", address.as_str()), ("HOME", folder)];
        all.extend(variables);
        run_with(&[&["token", "lookup", "-field=id"], more].concat(), &all, "")
    };
    let with_ca = [("VAULT_CACERT", ca.as_str())];
    assert_eq!(reached(&[], &with_ca).out, "root-of-a-test");
    assert_eq!(reached(&["-tls-server-name=only.example"], &with_ca).out, "root-of-a-test");
    let other = reached(&["-tls-server-name=other.example"], &with_ca);
    assert_eq!((other.status, other.err.contains("other.example")), (2, true), "{other:?}");
    assert_eq!(reached(&[], &[]).status, 2, "nobody vouches for it");
    assert_eq!(reached(&[], &[("VAULT_SKIP_VERIFY", "true")]).out, "root-of-a-test");
    let pem = std::fs::read_to_string(&ca).unwrap();
    assert_eq!(reached(&[], &[("VAULT_CACERT_BYTES", &pem)]).out, "root-of-a-test");
    std::fs::create_dir(home.path().join("trusted")).unwrap();
    std::fs::copy(&ca, home.path().join("trusted/ca.pem")).unwrap();
    assert_eq!(reached(&[&format!("-ca-path={folder}/trusted")], &[]).out, "root-of-a-test");

    let variables = [("VAULT_ADDR", address.as_str()), ("HOME", folder), ("VAULT_CACERT", ca.as_str())];
    let put = run_with(&["kv", "put", "secret/app", "k=v"], &variables, "");
    assert_eq!(put.out, "Success! Data written to: secret/app\n", "version 1: {put:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_to_be_kept() {
    let home = TempDir::new().unwrap();
    let port = two_ports();
    let address = format!("http://127.0.0.1:{port}");
    let listen = format!("-dev-listen-address=127.0.0.1:{port}");
    let _server = Dev::start(home.path(), &[&listen, "-dev-root-token-id=root-of-a-test", "-dev-no-store-token"]);
    let variables = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", "root-of-a-test"), ("VAULT_MAX_RETRIES", "0")];
    until("the secret should be there", async || {
        let put = run_with(&["kv", "put", "secret/app", "k=v"], &variables, "");
        (put.status == 0).then_some(())
    })
    .await;
    assert!(!home.path().join(".vault-token").exists());
}
