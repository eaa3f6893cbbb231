mod duo;
mod okta;
mod pingid;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// 21 August 2012, 17:29:18.
const NOW: i64 = 1_345_570_158_000;

/// What was asked.
#[derive(Clone, Debug)]
struct Seen {
    method: String,
    /// With the query.
    path: String,
    host: String,
    date: String,
    authorization: String,
    body: String,
}

/// Answers nothing, ever.
const SILENT: u16 = 0;

/// A service on the loopback address, under the name that the real one has.
struct Service {
    at: SocketAddr,
    certificate: reqwest::Certificate,
    host: &'static str,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Service {
    /// `says` answers a status and a body to the request of that number.
    async fn start(host: &'static str, says: impl Fn(&Seen, usize) -> (u16, String) + Send + Sync + 'static) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![host.to_owned()]).unwrap().self_signed(&key).unwrap();
        let mut tls = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (seen, says) = (Arc::new(Mutex::new(Vec::new())), Arc::new(says));
        let writes = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, writes, says) = (acceptor.clone(), Arc::clone(&writes), Arc::clone(&says));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request: Request<Incoming>| {
                        let (writes, says) = (Arc::clone(&writes), Arc::clone(&says));
                        async move { Ok::<_, Infallible>(answer(request, &writes, &*says).await) }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        let certificate = reqwest::Certificate::from_der(certificate.der()).unwrap();
        Self { at, certificate, host, seen }
    }

    /// As the server has it.
    fn client(&self, trusts: bool) -> reqwest::Client {
        let builder = reqwest::Client::builder().use_rustls_tls().no_proxy().resolve(self.host, self.at);
        let builder = builder.redirect(reqwest::redirect::Policy::none());
        let builder = if trusts { builder.add_root_certificate(self.certificate.clone()) } else { builder };
        builder.build().unwrap()
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }
}

async fn answer(
    request: Request<Incoming>,
    seen: &Mutex<Vec<Seen>>,
    says: &(impl Fn(&Seen, usize) -> (u16, String) + Send + Sync),
) -> Response<Full<Bytes>> {
    let header = |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let (method, path) = (request.method().to_string(), request.uri().to_string());
    let (host, date, authorization) = (header("host"), header("date"), header("authorization"));
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let one = Seen { method, path, host, date, authorization, body };
    let number = {
        let mut seen = seen.lock();
        seen.push(one.clone());
        seen.len() - 1
    };
    let (status, body) = says(&one, number);
    if status == SILENT {
        std::future::pending::<()>().await;
    }
    Response::builder().status(status).body(Full::from(body)).unwrap()
}

fn about<'a>(username: &'a str, passcode: Option<&'a str>) -> Question<'a> {
    Question { username, passcode, remote: Some("192.0.2.7".parse().unwrap()) }
}

/// Long enough for whatever is not meant to run out of it.
fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn now() -> i64 {
    NOW
}

fn is_unavailable(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Unavailable(_))
}
