//! Second factors that a service asks for, in a cluster. The service is Duo's API as far as it goes, over TLS.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::harness::{Certificates, Cluster, Transport, until};
use crate::seals::found;

const LOGIN: &str = "/v1/auth/userpass/login/ann";
const SECRET: &str = "a-secret-key-of-duo-3f1d";

/// What it says of pushes, and what it was sent.
struct Duo {
    says: Mutex<&'static str>,
    sent: Mutex<Vec<(String, String)>>,
    /// One for each answer about a push.
    answers: Semaphore,
    port: u16,
    ca: PathBuf,
    _folder: TempDir,
}

impl Duo {
    async fn start() -> Arc<Duo> {
        let folder = TempDir::new().unwrap();
        let files = Certificates::make(folder.path());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let chain = vec![CertificateDer::from_pem_file(&files.certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
        let tls = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let duo = Arc::new(Duo {
            says: Mutex::new("allow"),
            sent: Mutex::default(),
            answers: Semaphore::new(0),
            port: listener.local_addr().unwrap().port(),
            ca: files.ca,
            _folder: folder,
        });
        let serving = Arc::clone(&duo);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (duo, acceptor) = (Arc::clone(&serving), acceptor.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request| {
                        let duo = Arc::clone(&duo);
                        async move { Ok::<_, Infallible>(duo.answer(request).await) }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        duo
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        self.sent.lock().push((path.clone(), String::from_utf8(body.to_vec()).unwrap()));
        let said = match path.as_str() {
            "/auth/v2/preauth" => json!({"result": "auth", "status_msg": ""}),
            "/auth/v2/auth" => json!({"txid": "tx"}),
            _ => {
                self.answers.acquire().await.unwrap().forget();
                json!({"result": *self.says.lock(), "status": "", "status_msg": ""})
            }
        };
        Response::new(Full::from(json!({"stat": "OK", "response": said}).to_string()))
    }

    fn pushes(&self) -> usize {
        self.sent.lock().iter().filter(|(path, _)| path == "/auth/v2/auth").count()
    }

    async fn rings(&self, times: usize) {
        until("the phone should ring", async || (self.pushes() >= times).then_some(())).await;
    }
}

struct Bound {
    cluster: Cluster,
    duo: Arc<Duo>,
    method: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

impl Bound {
    async fn new() -> Bound {
        let duo = Duo::start().await;
        let mut cluster = Cluster::configured(3, Transport::Plain, &json!({}));
        for node in &mut cluster.nodes {
            node.trusts(&duo.ca);
        }
        let cluster = cluster.brought_up(3, 2).await;
        let root = cluster.root(0);
        root.post("/v1/sys/auth/userpass", json!({"type": "userpass"})).await.ok();
        root.post("/v1/auth/userpass/users/ann", json!({"password": "pw"})).await.ok();
        let settings = json!({
            "secret_key": SECRET,
            "integration_key": "DI",
            "api_hostname": format!("localhost:{}", duo.port),
            "username_format": "{{identity.entity.name}}@example.com",
        });
        let method = text(&root.post("/v1/identity/mfa/method/duo", settings).await.ok()["data"]["method_id"]);
        let bound = json!({"mfa_method_ids": [method], "auth_method_types": ["userpass"]});
        root.post("/v1/identity/mfa/login-enforcement/le", bound).await.ok();
        let login = root.post(LOGIN, json!({"password": "pw"})).await.ok();
        assert_eq!(login["auth"]["client_token"], "");
        let keys = root.list("/v1/identity/entity/id").await.ok();
        let entity = text(&keys["data"]["keys"][0]);
        root.post(&format!("/v1/identity/entity/id/{entity}"), json!({"name": "ann"})).await.ok();
        Bound { cluster, duo, method }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_waits_for_a_phone_and_holds_up_nobody() {
    let Bound { mut cluster, duo, method } = Bound::new().await;
    let standby = cluster.nodes[cluster.standbys().await[0]].client();
    let begun = standby.post(LOGIN, json!({"password": "pw"})).await.ok();
    let id = text(&begun["auth"]["mfa_requirement"]["mfa_request_id"]);
    let asked = json!({"mfa_request_id": id, "mfa_payload": {&method: []}});
    let root = cluster.root(0);
    let meanwhile = async {
        duo.rings(1).await;
        // Whatever the login read can be written.
        root.post("/v1/identity/entity/name/ann", json!({"metadata": {"a": "b"}})).await.ok();
        root.post("/v1/auth/userpass/users/ann", json!({"token_ttl": "5m"})).await.ok();
        duo.answers.add_permits(1);
    };
    let (made, ()) = tokio::join!(standby.post("/v1/sys/mfa/validate", asked.clone()), meanwhile);
    let token = text(&made.ok()["auth"]["client_token"]);
    for index in 0..3 {
        let own = cluster.nodes[index].client().with_token(&token).get("/v1/auth/token/lookup-self").await.ok();
        assert_eq!(own["data"]["display_name"], "userpass-ann");
    }
    let push = duo.sent.lock().iter().find(|(path, _)| path == "/auth/v2/auth").unwrap().1.clone();
    assert!(push.contains("username=ann%40example.com") && push.contains("ipaddr=127.0.0.1"), "{push}");
    assert_eq!(standby.post("/v1/sys/mfa/validate", asked).await.status, 400);

    *duo.says.lock() = "deny";
    duo.answers.add_permits(1);
    let direct = standby.with_header("x-vault-mfa", &method);
    let refused = direct.post(LOGIN, json!({"password": "pw"})).await;
    assert_eq!((refused.status, refused.error()), (403, "permission denied"));

    // The leader dies while the phone rings: somebody is asked again, and nobody is let in twice.
    *duo.says.lock() = "allow";
    let rung = duo.pushes();
    let leader = cluster.leader().await;
    let other = cluster.nodes[(leader + 1) % 3].client().with_header("x-vault-mfa", &method);
    let mut node = cluster.nodes.remove(leader);
    let killed = async {
        duo.rings(rung + 1).await;
        node.kill();
        duo.rings(rung + 2).await;
        duo.answers.add_permits(2);
    };
    let (made, ()) = tokio::join!(other.post(LOGIN, json!({"password": "pw"})), killed);
    assert!(!text(&made.ok()["auth"]["client_token"]).is_empty());
    for node in &mut cluster.nodes {
        assert!(!node.log().contains(SECRET));
        node.stop().await;
    }
    assert_eq!(found(cluster.folder(), SECRET.as_bytes()), None);
}
