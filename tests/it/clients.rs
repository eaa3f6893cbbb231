//! Clients that others wrote, unmodified, through a standby.

use std::path::Path;
use std::process::Command;

use crate::harness::{Cluster, Transport};

/// `scripts/test` installs the client and names its Python here.
const PYTHON: &str = "HOLDFAST_TEST_PYTHON";

#[tokio::test]
async fn hvac_uses_a_versioned_engine() {
    through_a_standby("kv.py").await;
}

#[tokio::test]
async fn hvac_logs_in_with_role_and_secret_ids() {
    through_a_standby("approle.py").await;
}

#[tokio::test]
async fn hvac_encrypts_and_signs() {
    through_a_standby("transit.py").await;
}

async fn through_a_standby(script: &str) {
    #[expect(clippy::disallowed_methods, reason = "the script that installs the client says where it is")]
    let python = std::env::var(PYTHON).expect("scripts/test installs hvac, and says here which Python has it");
    let cluster = Cluster::serving(3, Transport::Tls).await;
    let standby = cluster.standbys().await[0];
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/clients").join(script));
    command.arg(cluster.nodes[standby].url()).arg(cluster.ca().unwrap());
    command.env("VAULT_TOKEN", &cluster.keys.as_ref().unwrap().root);
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.ends_with("all good\n"), "{said}{}", String::from_utf8_lossy(&ran.stderr));
}
