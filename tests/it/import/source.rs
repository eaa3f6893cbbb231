//! The server that is carried over from.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::harness::{Client, Cluster, Transport, until};

/// Names the program of an OpenBao.
const PROGRAM: &str = "HOLDFAST_TEST_PEER";

pub struct Source {
    pub url: String,
    pub token: String,
    pub client: Client,
    /// What vouches for it, if it speaks TLS.
    pub ca: Option<PathBuf>,
    /// It is not of this house, and large.
    pub is_peer: bool,
    _running: Running,
}

/// Ends with the test.
enum Running {
    Peer { process: Child, _home: TempDir },
    Cluster { _cluster: Box<Cluster> },
}

impl Source {
    pub async fn start() -> Source {
        #[expect(clippy::disallowed_methods, reason = "who has the program says where it is")]
        match std::env::var(PROGRAM) {
            Ok(program) => Source::peer(&program).await,
            Err(_) => {
                let cluster = Cluster::serving(1, Transport::Tls).await;
                let ca = cluster.ca().map(Path::to_owned);
                let (url, token) = (cluster.nodes[0].url(), cluster.keys.as_ref().unwrap().root.clone());
                Source::new(url, token, ca, Running::Cluster { _cluster: Box::new(cluster) })
            }
        }
    }

    async fn peer(program: &str) -> Source {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let home = TempDir::with_prefix("holdfast-peer-").unwrap();
        let mut command = Command::new(program);
        command.args(["server", "-dev", "-dev-root-token-id=root", &format!("-dev-listen-address={address}")]);
        command.env("HOME", home.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap();
        let source =
            Source::new(format!("http://{address}"), "root".into(), None, Running::Peer { process, _home: home });
        until("the peer should serve", async || source.client.health().await.filter(|status| *status == 200)).await;
        source
    }

    fn new(url: String, token: String, ca: Option<PathBuf>, running: Running) -> Source {
        let client = Client::new(&url, ca.as_deref()).with_token(&token);
        Source { url, token, client, ca, is_peer: matches!(running, Running::Peer { .. }), _running: running }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Running::Peer { process, .. } = self {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
