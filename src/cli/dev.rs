//! `holdfast server -dev`: a server to try things on. One node in a folder that goes when it stops, without TLS, set up
//! through its own API and unsealed.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::client::Client;
use super::environment;
use super::failure::Failure;
use super::output::cell;
use crate::config::{
    ApiAddress, LeaseLimits, Listener, LogSettings, RaftStorage, RaftTiming, RequestLimits, Seal, ServerConfig,
};

#[derive(Args)]
pub struct DevFlags {
    /// Start a server for trying things: unsealed, without TLS, forgetting everything when it stops
    #[arg(long)]
    dev: bool,
    /// The root token of a -dev server; else VAULT_DEV_ROOT_TOKEN_ID
    #[arg(long, value_name = "TOKEN")]
    dev_root_token_id: Option<String>,
    /// Where a -dev server listens; else VAULT_DEV_LISTEN_ADDRESS
    #[arg(long, value_name = "ADDRESS")]
    dev_listen_address: Option<SocketAddr>,
}

/// A server for trying things, decided but not started.
pub struct Dev {
    folder: TempDir,
    address: SocketAddr,
    root_token: Option<String>,
}

const READY_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Dev {
    pub fn wanted(flags: &DevFlags) -> Result<Option<Dev>, Failure> {
        if !flags.dev && flags.dev_root_token_id.is_none() && flags.dev_listen_address.is_none() {
            return Ok(None);
        }
        let folder = TempDir::with_prefix("holdfast-dev-");
        let folder = folder.map_err(|error| Failure::Server(format!("Error making a temporary folder: {error}")))?;
        let root_token = flags.dev_root_token_id.clone().or_else(|| environment::setting("DEV_ROOT_TOKEN_ID"));
        Ok(Some(Dev { folder, address: address(flags)?, root_token }))
    }

    pub fn config(&self) -> ServerConfig {
        let cluster_address = SocketAddr::new(self.address.ip(), self.address.port().wrapping_add(1));
        ServerConfig {
            storage: RaftStorage {
                path: self.folder.path().to_owned(),
                node_id: "dev".to_owned(),
                timing: RaftTiming::default(),
                max_entry_size: 1 << 20,
                retry_join: Vec::new(),
                read_index_only: false,
            },
            listeners: vec![Listener {
                address: self.address,
                cluster_address,
                tls: None,
                limits: RequestLimits::default(),
                header_timeout: Duration::from_secs(10),
            }],
            api_address: ApiAddress { tls: false, at: self.address.into() },
            cluster_address: cluster_address.into(),
            cluster_name: None,
            audit: Vec::new(),
            audit_api: Default::default(),
            seal: Seal::Shamir,
            leases: LeaseLimits::default(),
            log: LogSettings::default(),
            standby_reads: true,
            lock_memory: false,
            pid_file: None,
        }
    }

    /// Initialises and unseals the running server, mounts `secret/` and says how to reach it.
    pub async fn set_up(&self) -> Result<(), Failure> {
        let address = format!("http://{}", self.address);
        let client = || Client::new(reqwest::Client::builder(), &address, None, None);
        let asked = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let made =
            client()?.put("sys/init", &asked).await?.ok().map_err(|failure| failure.while_doing("initializing"))?;
        let (key, first_token) = (cell(&made["keys_base64"][0]), cell(&made["root_token"]));
        let unsealed = client()?.put("sys/unseal", &json!({ "key": key })).await?.ok();
        unsealed.map_err(|failure| failure.while_doing("unsealing"))?;
        let client = client()?.with_token(&first_token);
        until_active(&client).await?;
        let engine = json!({ "type": "kv", "options": { "version": "2" } });
        let mounted = client.post("sys/mounts/secret", &engine).await?.ok();
        mounted.map_err(|failure| failure.while_doing("mounting secret/"))?;
        let token = self.settled_token(&client, first_token).await?;
        println!(
            "A server for trying things: it forgets everything when it stops, and listens without TLS.\n\n    \
             export VAULT_ADDR='{address}'\n\nUnseal Key: {key}\nRoot Token: {token}\n"
        );
        Ok(())
    }

    /// The token that was asked for takes the place of the one that initialising made.
    async fn settled_token(&self, client: &Client, first: String) -> Result<String, Failure> {
        let Some(wanted) = &self.root_token else { return Ok(first) };
        let asked = json!({ "id": wanted, "policies": ["root"], "no_parent": true, "display_name": "dev" });
        let failed = |failure: Failure| failure.while_doing("making the root token");
        let made: Value = client.post("auth/token/create", &asked).await?.ok().map_err(failed)?;
        client.post("auth/token/revoke-self", &json!({})).await?.ok().map_err(failed)?;
        Ok(cell(&made["auth"]["client_token"]))
    }
}

fn address(flags: &DevFlags) -> Result<SocketAddr, Failure> {
    if let Some(address) = flags.dev_listen_address {
        return Ok(address);
    }
    let Some(text) = environment::setting("DEV_LISTEN_ADDRESS") else {
        return Ok(SocketAddr::from(([127, 0, 0, 1], 8200)));
    };
    text.parse().map_err(|_| Failure::usage(format!("{text:?} is not an address such as 127.0.0.1:8200")))
}

async fn until_active(client: &Client) -> Result<(), Failure> {
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        let status = client.get("sys/health").await?.status;
        if status == 200 {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Failure::refused(format!("The server did not become active: sys/health answers {status}")));
        }
        sleep(LOOK_AGAIN).await;
    }
}
