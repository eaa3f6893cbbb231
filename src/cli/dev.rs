//! `holdfast server -dev`: a server to try things on. One node in a folder that goes when it stops, set up through its
//! own API and unsealed; without TLS, or with a certificate that it makes itself.

mod certificates;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use super::client::{Client, Manner};
use super::environment;
use super::failure::{Failure, While};
use super::output::cell;
use super::token_file;
use certificates::Certificates;

use crate::config::{ApiAddress, LeaseLimits, Listener, LogSettings, RaftStorage, RaftTiming, ServerConfig, Telemetry};

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
    /// Do not keep the root token in the file where commands look for one
    #[arg(long)]
    dev_no_store_token: bool,
    /// Mount version 1 of the key-value engine at secret/, not version 2
    #[arg(long)]
    dev_kv_v1: bool,
    /// With TLS, by a certificate made for it
    #[arg(long)]
    dev_tls: bool,
    /// Where that certificate, its key and its authority are written; else a folder that goes with the server
    #[arg(long, value_name = "FOLDER", requires = "dev_tls")]
    dev_tls_cert_dir: Option<PathBuf>,
    /// A name or an address that the certificate has besides this machine's; may be given again
    #[arg(long, value_name = "NAME", requires = "dev_tls")]
    dev_tls_san: Vec<String>,
}

/// A server for trying things, decided but not started.
pub struct Dev {
    folder: TempDir,
    address: SocketAddr,
    root_token: Option<String>,
    kv_version: &'static str,
    store_token: bool,
    certificates: Option<Certificates>,
}

const READY_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Dev {
    pub fn wanted(flags: &DevFlags) -> Result<Option<Dev>, Failure> {
        let meant = flags.dev_root_token_id.is_some() || flags.dev_listen_address.is_some() || flags.dev_tls;
        if !flags.dev && !meant {
            return Ok(None);
        }
        let folder = TempDir::with_prefix("holdfast-dev-");
        let folder = folder.map_err(|error| Failure::Server(format!("Error making a temporary folder: {error}")))?;
        let root_token = flags.dev_root_token_id.clone().or_else(|| environment::setting("DEV_ROOT_TOKEN_ID"));
        let address = address(flags)?;
        let certificates = if flags.dev_tls {
            let place = flags.dev_tls_cert_dir.as_deref().unwrap_or(folder.path());
            Some(Certificates::make(place, address.ip(), &flags.dev_tls_san)?)
        } else {
            None
        };
        Ok(Some(Dev {
            folder,
            address,
            root_token,
            kv_version: if flags.dev_kv_v1 { "1" } else { "2" },
            store_token: !flags.dev_no_store_token,
            certificates,
        }))
    }

    pub fn config(&self) -> ServerConfig {
        let cluster_address = SocketAddr::new(self.address.ip(), self.address.port().wrapping_add(1));
        ServerConfig {
            storage: RaftStorage {
                path: self.folder.path().join("data"),
                node_id: "dev".to_owned(),
                timing: RaftTiming::default(),
                max_entry_size: 1 << 20,
                retry_join: Vec::new(),
                retry_join_as_non_voter: false,
                min_free_space: 0,
                read_index_only: false,
                snapshot_rate_limit: None,
                replication_feed_max_size: 1 << 30,
            },
            listeners: vec![Listener {
                tls: self.certificates.as_ref().map(Certificates::files),
                ..Listener::at(self.address)
            }],
            api_address: ApiAddress { tls: self.certificates.is_some(), at: self.address.into() },
            cluster_address: cluster_address.into(),
            cluster_name: None,
            audit: Vec::new(),
            audit_api: Default::default(),
            snapshot_auto_folders: Vec::new(),
            outbound_hosts: Vec::new(),
            namespace_seals: Vec::new(),
            unseal_from_members: false,
            seals: Vec::new(),
            lockouts: Default::default(),
            leases: LeaseLimits::default(),
            log: LogSettings::default(),
            telemetry: Telemetry { prometheus: true, traces: None },
            standby_reads: true,
            lock_memory: false,
            tell_hostname: false,
            tell_node_id: false,
            pid_file: None,
        }
    }

    /// Initialises and unseals the running server, mounts `secret/` and says how to reach it.
    pub async fn set_up(&self) -> Result<(), Failure> {
        let scheme = if self.certificates.is_some() { "https" } else { "http" };
        let address = format!("{scheme}://{}", reachable(self.address));
        // What it waits for it asks for itself.
        let manner = || Manner { retries: 0, ..Manner::default() };
        let client = || Client::new(self.http()?, &address, manner(), None);
        let asked = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let made = client()?.put("sys/init", &asked).await.doing("initializing")?.ok().doing("initializing")?;
        let (key, first_token) = (cell(&made["keys_base64"][0]), cell(&made["root_token"]));
        client()?.put("sys/unseal", &json!({ "key": key })).await.doing("unsealing")?.ok().doing("unsealing")?;
        let client = client()?.with_token(Some(Zeroizing::new(first_token.clone())));
        until_active(&client).await?;
        let engine = json!({ "type": "kv", "options": { "version": self.kv_version } });
        let doing = "mounting secret/";
        client.post("sys/mounts/secret", &engine).await.doing(doing)?.ok().doing(doing)?;
        let token = self.settled_token(&client, first_token).await?;
        if self.store_token {
            token_file::store(&token)?;
        }
        let trust = match &self.certificates {
            None => "listens without TLS".to_owned(),
            Some(made) => format!("is trusted by who trusts {}", made.authority().display()),
        };
        let cacert = match &self.certificates {
            None => String::new(),
            Some(made) => format!("    export VAULT_CACERT='{}'\n", made.authority().display()),
        };
        println!(
            "A server for trying things: it forgets everything when it stops, and {trust}.\n\n    \
             export VAULT_ADDR='{address}'\n{cacert}\nUnseal Key: {key}\nRoot Token: {token}\n"
        );
        Ok(())
    }

    fn http(&self) -> Result<reqwest::Client, Failure> {
        let mut http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        if let Some(made) = &self.certificates {
            http = http.add_root_certificate(made.trusted()?);
        }
        http.build().map_err(|error| Failure::Server(format!("Error setting up TLS: {error}")))
    }

    /// The token that was asked for takes the place of the one that initialising made.
    async fn settled_token(&self, client: &Client, first: String) -> Result<String, Failure> {
        let Some(wanted) = &self.root_token else { return Ok(first) };
        let asked = json!({ "id": wanted, "policies": ["root"], "no_parent": true, "display_name": "dev" });
        let doing = "making the root token";
        let made = client.post("auth/token/create", &asked).await.doing(doing)?.ok().doing(doing)?;
        client.post("auth/token/revoke-self", &json!({})).await.doing(doing)?.ok().doing(doing)?;
        Ok(cell(&made["auth"]["client_token"]))
    }
}

/// Where this machine reaches a server that listens there: no certificate is for "all addresses".
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    address
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

#[cfg(test)]
mod tests {
    #[test]
    fn all_addresses_are_reached_by_the_loopback() {
        let reached = |text: &str| super::reachable(text.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:8200"), "127.0.0.1:8200");
        assert_eq!(reached("[::]:1"), "[::1]:1");
        assert_eq!(reached("10.0.0.1:1"), "10.0.0.1:1");
    }
}
