//! Clients that others wrote, unmodified, through a standby.

use std::path::{PathBuf, absolute};
use std::process::Command;

use crate::harness::{Cluster, Transport};

#[tokio::test]
async fn hvac_uses_a_versioned_engine() {
    through_a_standby(hvac("kv.py")).await;
}

#[tokio::test]
async fn hvac_logs_in_with_role_and_secret_ids() {
    through_a_standby(hvac("approle.py")).await;
}

#[tokio::test]
async fn hvac_encrypts_and_signs() {
    through_a_standby(hvac("transit.py")).await;
}

#[tokio::test]
async fn a_go_client_does_a_page_of_work() {
    through_a_standby(Command::new(installed("HOLDFAST_TEST_GO_CLIENT"))).await;
}

#[tokio::test]
async fn a_javascript_client_does_a_page_of_work() {
    let mut command = Command::new("node");
    command.env("NODE_PATH", installed("HOLDFAST_TEST_JS_MODULES")).arg(program("js/client.js"));
    through_a_standby(command).await;
}

fn hvac(script: &str) -> Command {
    let mut command = Command::new(installed("HOLDFAST_TEST_PYTHON"));
    command.arg(program(script));
    command
}

pub fn program(name: &str) -> PathBuf {
    absolute("tests/it/clients").unwrap().join(name)
}

#[expect(clippy::disallowed_methods, reason = "the script that installs the clients says where they are")]
pub fn installed(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("scripts/test installs a client, and says in {variable} where"))
}

async fn through_a_standby(mut command: Command) {
    let cluster = Cluster::serving(3, Transport::Tls).await;
    let standby = cluster.standbys().await[0];
    command.arg(cluster.nodes[standby].url()).arg(cluster.ca().unwrap());
    command.env("VAULT_TOKEN", &cluster.keys.as_ref().unwrap().root);
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.ends_with("all good\n"), "{said}{}", String::from_utf8_lossy(&ran.stderr));
}
