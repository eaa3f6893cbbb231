//! `holdfast operator dr drill`: whether a disaster would be survived, found out without one.
//!
//! A server of its own, on this machine and in a folder that goes with it, becomes one more secondary of the primary, is
//! compared with it, cut off, promoted and asked. The primary is left as it was: what was made for the drill is taken back,
//! however it ends.

use std::fs::Permissions;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use crate::cli::client::{Client, Manner};
use crate::cli::failure::{Done, Failure, While};
use crate::cli::globals::Globals;
use crate::cli::output::{self, cell};

#[derive(Args)]
#[command(after_help = "Example:\n  holdfast operator dr drill")]
pub struct Arguments {
    /// How many minutes the copy may take
    #[arg(long, value_name = "MINUTES", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=1440))]
    patience: u64,
}

/// The copy: a server of this program, on this machine alone.
struct Scratch {
    process: Child,
    folder: TempDir,
    address: String,
}

/// What was found out.
#[derive(Default)]
struct Found {
    copied: Duration,
    records: u64,
    revision: String,
    compared: bool,
    missing: u64,
    serves: Duration,
}

const POLICY: &str = "path \"sys/replication/dr/secondary/*\" { capabilities = [\"update\"] }";
const READY_WITHIN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);
/// How often equal revisions are tried for, while the primary is written to.
const COMPARISONS: usize = 50;

pub async fn run(arguments: Arguments, globals: &Globals) -> Result<Done, Failure> {
    let primary = globals.client()?;
    let doing = "reading how the cluster stands to others";
    let status = primary.get("sys/replication/dr/status").await.doing(doing)?.ok().doing(doing)?;
    if status["data"]["mode"] != "primary" {
        return Err(Failure::refused(
            "A drill is made at a DR primary; this cluster is none (operator dr primary enable)",
        ));
    }
    let name = format!("drill-{}", hex::encode(crypto::random::<8>()));
    let until = Instant::now() + Duration::from_secs(arguments.patience * 60);
    let mut signals =
        Stopping::listen().map_err(|error| Failure::refused(format!("Error listening to signals: {error}")))?;
    let found = tokio::select! {
        found = drill(&primary, &name, until) => found,
        () = signals.any() => Err(Failure::refused("The drill was stopped; what it made is taken back")),
    };
    // Both may have been undone already, or never made.
    primary.post("sys/replication/dr/primary/revoke-secondary", &json!({ "id": name })).await.ok();
    primary.delete(&format!("sys/policies/acl/{name}")).await.ok();
    let found = found?;
    let report = json!({
        "copied_ms": millis(found.copied),
        "records": found.records,
        "revision": found.revision,
        "hashes_equal": found.compared,
        "rpo_changes": found.missing,
        "rto_ms": millis(found.serves),
    });
    globals.output()?.value(&report, || table(&report))
}

/// Whatever asks a command to end. A terminal that is closed sends SIGHUP.
struct Stopping([Signal; 3]);

impl Stopping {
    fn listen() -> std::io::Result<Self> {
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Self([interrupt?, terminate?, hangup?]))
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

async fn drill(primary: &Client, name: &str, until: Instant) -> Result<Found, Failure> {
    let scratch = Scratch::start(name)?;
    let local = scratch.found().await?;
    let mut found = Found::default();

    let doing = "making an activation token";
    let asked = json!({ "id": name, "ttl": "10m" });
    let path = "sys/replication/dr/primary/secondary-token";
    let made = primary.post(path, &asked).await.doing(doing)?.ok().doing(doing)?;
    let token = Zeroizing::new(cell(&made["wrap_info"]["token"]));
    let operating = operation_token(primary, name).await?;

    let began = Instant::now();
    let doing = "enabling the copy";
    local
        .post("sys/replication/dr/secondary/enable", &json!({ "token": *token }))
        .await
        .doing(doing)?
        .ok()
        .doing(doing)?;
    in_step(&local, until).await?;
    found.copied = began.elapsed();

    compare(primary, &local, &operating, &mut found).await?;
    cut_off(primary, &local, name, &mut found).await?;

    let began = Instant::now();
    let doing = "promoting the copy";
    let asked = json!({ "dr_operation_token": *operating, "force": true });
    local.post("sys/replication/dr/secondary/promote", &asked).await.doing(doing)?.ok().doing(doing)?;
    let token = primary.token().map(|token| Zeroizing::new(token.to_owned()));
    serves(&local.with_token(token), name).await?;
    found.serves = began.elapsed();
    Ok(found)
}

/// One that ends soon, and that the copy takes without asking anybody.
async fn operation_token(primary: &Client, name: &str) -> Result<Zeroizing<String>, Failure> {
    let doing = "making a token for the promotion";
    let policy = json!({ "policy": POLICY });
    primary.post(&format!("sys/policies/acl/{name}"), &policy).await.doing(doing)?.ok().doing(doing)?;
    let asked = json!({ "type": "batch", "no_parent": true, "policies": [name], "ttl": "24h" });
    let made = primary.post("auth/token/create", &asked).await.doing(doing)?.ok().doing(doing)?;
    Ok(Zeroizing::new(cell(&made["auth"]["client_token"])))
}

/// Waits until the copy has what the primary has.
async fn in_step(local: &Client, until: Instant) -> Result<(), Failure> {
    let mut problem = String::new();
    while Instant::now() < until {
        if let Ok(answer) = local.get("sys/replication/dr/status").await
            && let Ok(status) = answer.ok()
        {
            let status = &status["data"];
            if status["copy_state"] == "following" && status["behind"] == 0 {
                return Ok(());
            }
            problem = cell(&status["problem"]);
        }
        sleep(LOOK).await;
    }
    Err(Failure::refused(format!("The copy was not in step in time; it says: {problem}")))
}

/// Both read all that they have; at an equal revision all of it has to be equal.
async fn compare(primary: &Client, local: &Client, operating: &str, found: &mut Found) -> Result<(), Failure> {
    let doing = "reading all records";
    let (nothing, with_token) = (json!({}), json!({ "dr_operation_token": operating }));
    for _ in 0..COMPARISONS {
        let (here, there) = tokio::join!(
            primary.post("sys/replication/merkle-check", &nothing),
            local.post("sys/replication/dr/secondary/merkle-check", &with_token)
        );
        let (here, there) = (here.doing(doing)?.ok().doing(doing)?, there.doing(doing)?.ok().doing(doing)?);
        let (here, there) = (&here["data"], &there["data"]);
        found.records = there["records"].as_u64().unwrap_or_default();
        if here["revision"] == there["revision"] {
            found.compared = true;
            return match ["fingerprint", "sha256", "records"].iter().all(|field| here[field] == there[field]) {
                true => Ok(()),
                false => Err(Failure::refused(format!("The copy differs from the primary: {here} {there}"))),
            };
        }
        sleep(LOOK).await;
    }
    Ok(())
}

/// As if the primary were lost. What it acknowledges from here on is what a disaster would have taken.
async fn cut_off(primary: &Client, local: &Client, name: &str, found: &mut Found) -> Result<(), Failure> {
    let doing = "cutting the copy off";
    let at = |answer: Value| answer["data"]["last_dr_wal"].as_u64().unwrap_or_default();
    let before = at(primary.get("sys/replication/dr/status").await.doing(doing)?.ok().doing(doing)?);
    let path = "sys/replication/dr/primary/revoke-secondary";
    primary.post(path, &json!({ "id": name })).await.doing(doing)?.ok().doing(doing)?;
    let has = local.get("sys/replication/dr/status").await.doing(doing)?.ok().doing(doing)?;
    found.revision = cell(&has["data"]["revision"]);
    found.missing = before.saturating_sub(has["data"]["last_remote_wal"].as_u64().unwrap_or_default());
    Ok(())
}

/// The token of before counts, and a write is taken.
async fn serves(local: &Client, name: &str) -> Result<(), Failure> {
    let end = Instant::now() + READY_WITHIN;
    let policy = json!({ "policy": POLICY });
    loop {
        let answer = local.post(&format!("sys/policies/acl/{name}-served"), &policy).await;
        let problem = match answer {
            Ok(reply) if reply.status < 300 => return Ok(()),
            Ok(reply) => format!("a write is answered {}", reply.status),
            Err(failure) => failure.to_string(),
        };
        if Instant::now() > end {
            return Err(Failure::refused(format!("The promoted copy does not serve: {problem}")));
        }
        sleep(LOOK).await;
    }
}

impl Scratch {
    fn start(name: &str) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::refused(format!("Error starting the copy: {error}"));
        let mut made = tempfile::Builder::new();
        let made = made.prefix("holdfast-drill-").permissions(Permissions::from_mode(0o700)).tempdir();
        let folder = made.map_err(failed)?;
        let [api, cluster] = free_ports().map_err(failed)?;
        let address = format!("http://127.0.0.1:{api}");
        let config = json!({
            "api_addr": address,
            "cluster_addr": format!("https://127.0.0.1:{cluster}"),
            "storage": { "raft": { "path": folder.path().join("data"), "node_id": name } },
            "listener": [{ "tcp": {
                "address": format!("127.0.0.1:{api}"),
                "cluster_address": format!("127.0.0.1:{cluster}"),
                "tls_disable": true,
            } }],
            "log_level": "warn",
        });
        let file = folder.path().join("server.json");
        std::fs::write(&file, config.to_string()).map_err(failed)?;
        let program = std::env::current_exe().map_err(failed)?;
        let log = std::fs::File::create(folder.path().join("log")).map_err(failed)?;
        let mut command = Command::new(program);
        command.arg("server").arg(format!("-config={}", file.display())).arg("-ends-with-input");
        // Its end is this process's, also where that has no time to say so.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().map_err(failed)?;
        Ok(Self { process, folder, address })
    }

    /// A cluster of its own, unsealed.
    async fn found(&self) -> Result<Client, Failure> {
        let end = Instant::now() + READY_WITHIN;
        let http = || reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build();
        let broken = |error: reqwest::Error| Failure::Server(format!("Error setting up HTTP: {error}"));
        let client =
            || Client::new(http().map_err(broken)?, &self.address, Manner { retries: 0, ..Manner::default() }, None);
        while client()?.get("sys/seal-status").await.is_err() {
            if Instant::now() > end {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                let last = log.lines().last().unwrap_or("it has said nothing").to_owned();
                return Err(Failure::refused(format!("The copy did not start: {last}")));
            }
            sleep(LOOK).await;
        }
        let doing = "initializing the copy";
        let asked = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let made = client()?.put("sys/init", &asked).await.doing(doing)?.ok().doing(doing)?;
        let key = Zeroizing::new(cell(&made["keys_base64"][0]));
        client()?.put("sys/unseal", &json!({ "key": *key })).await.doing(doing)?.ok().doing(doing)?;
        let client = client()?.with_token(Some(Zeroizing::new(cell(&made["root_token"]))));
        while client.get("sys/health").await?.status != 200 {
            if Instant::now() > end {
                return Err(Failure::refused("The copy did not become active"));
            }
            sleep(LOOK).await;
        }
        Ok(client)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Nobody listens there right now.
fn free_ports() -> std::io::Result<[u16; 2]> {
    let bound = [TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?];
    Ok([bound[0].local_addr()?.port(), bound[1].local_addr()?.port()])
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn table(report: &Value) -> String {
    let compared = if report["hashes_equal"] == true {
        "all records equal the primary's".to_owned()
    } else {
        "not at an equal revision: the primary was written to all the time".to_owned()
    };
    output::pairs(&[
        ["Copied in (ms)".to_owned(), cell(&report["copied_ms"])],
        ["Records".to_owned(), cell(&report["records"])],
        ["Compared".to_owned(), compared],
        ["Promoted at revision".to_owned(), cell(&report["revision"])],
        ["RPO (changes missing)".to_owned(), cell(&report["rpo_changes"])],
        ["RTO (ms, promotion to a write)".to_owned(), cell(&report["rto_ms"])],
    ])
}
