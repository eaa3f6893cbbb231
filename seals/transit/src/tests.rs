use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use barrier::{RootKey, UnwrapError, WrappedRoot, unwrap_root, wrap_root};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;

use super::*;

/// A transit engine as far as it goes: what it encrypts is in plain sight.
#[derive(Default)]
struct Kms {
    version: AtomicU64,
    asked: AtomicUsize,
    /// Answered first.
    instead: Mutex<VecDeque<(u16, &'static str)>>,
    /// Answered instead of anything else, as it stands.
    says: Mutex<Option<String>>,
    hangs: AtomicBool,
    /// Path, token and namespace of each request.
    seen: Mutex<Vec<(String, String, String)>>,
}

impl Kms {
    async fn start() -> (Arc<Self>, String) {
        let kms = Arc::new(Self { version: AtomicU64::new(1), ..Self::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let serving = Arc::clone(&kms);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let kms = Arc::clone(&serving);
                let service = service_fn(move |request| {
                    let kms = Arc::clone(&kms);
                    async move { Ok::<_, Infallible>(kms.answer(request).await) }
                });
                tokio::spawn(async move {
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        (kms, address)
    }

    async fn answer(&self, request: Request<Incoming>) -> hyper::Response<Full<Bytes>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let path = request.uri().path().to_owned();
        let header = |name| request.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        self.seen.lock().push((path.clone(), header("x-vault-token"), header("x-vault-namespace")));
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if let Some(said) = self.says.lock().clone() {
            return hyper::Response::new(Full::from(said));
        }
        if let Some((status, said)) = self.instead.lock().pop_front() {
            let mut answer = hyper::Response::new(Full::from(json!({ "errors": [said] }).to_string()));
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            if status == 307 {
                answer.headers_mut().insert("location", said.parse().unwrap());
            }
            return answer;
        }
        let body: Value = serde_json::from_slice(&request.into_body().collect().await.unwrap().to_bytes()).unwrap();
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        let answered = if path.contains("/encrypt/") {
            json!({ "data": { "ciphertext": format!("vault:v{}:{}", self.version.load(Ordering::Relaxed), text("plaintext")) } })
        } else if path.contains("/decrypt/") {
            json!({ "data": { "plaintext": text("ciphertext").split(':').nth(2) } })
        } else {
            json!({ "auth": { "lease_duration": 1, "renewable": true } })
        };
        hyper::Response::new(Full::from(answered.to_string()))
    }

    fn answers_first(&self, status: u16, said: &'static str, times: usize) {
        self.instead.lock().extend([(status, said)].repeat(times));
    }
}

pub fn seal(address: &str) -> TransitSeal {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let options = Options {
        address: address.parse().unwrap(),
        token: Token::Given(Zeroizing::new("t0ken".into())),
        key_name: "unseal".into(),
        mount_path: "/keys/transit/".into(),
        namespace: Some("team".into()),
        renew: true,
        stays: false,
    };
    TransitSeal::new(options, client)
}

#[tokio::test]
async fn what_it_seals_it_opens_for_the_same_purpose_alone() {
    let (kms, address) = Kms::start().await;
    let seal = seal(&address);
    let sealed = seal.encrypt("root", b"plain").await.unwrap();
    let id = seal.key_id();
    assert_eq!(id, "keys/transit/unseal");
    assert_eq!(seal.decrypt(&id, "root", &sealed).await.unwrap()[..], *b"plain");
    assert_eq!(seal.decrypt(&id, "join", &sealed).await.err(), Some(SealFailure::DoesNotOpen));
    assert_eq!(seal.decrypt("other", "root", &sealed).await.err(), Some(SealFailure::NoSuchKey("other".into())));
    let first = kms.seen.lock()[0].clone();
    assert_eq!(first, ("/v1/keys/transit/encrypt/unseal".into(), "t0ken".into(), "team".into()));
}

#[tokio::test]
async fn a_rotation_there_makes_the_wrap_outdated() {
    let (kms, address) = Kms::start().await;
    let seal = seal(&address);
    let old = seal.encrypt("root", b"plain").await.unwrap();
    assert!(!seal.is_outdated(&seal.key_id(), &old));
    kms.version.store(2, Ordering::Relaxed);
    assert!(!seal.is_outdated(&seal.key_id(), &old), "nobody knows yet");
    let new = seal.encrypt("probe", b"x").await.unwrap();
    assert!(seal.is_outdated(&seal.key_id(), &old));
    assert!(!seal.is_outdated(&seal.key_id(), &new));
    assert!(!seal.is_outdated("another/key", &old), "another key may be the later one");

    // The key is made anew there: its first version is its last, and nothing is outdated for ever.
    kms.version.store(1, Ordering::Relaxed);
    let anew = seal.encrypt("root", b"plain").await.unwrap();
    assert!(!seal.is_outdated(&seal.key_id(), &anew));
    *kms.says.lock() = Some(json!({ "data": { "ciphertext": format!("vault:v{}:x", u64::MAX) } }).to_string());
    seal.encrypt("probe", b"x").await.unwrap();
    *kms.says.lock() = None;
    let next = seal.encrypt("root", b"plain").await.unwrap();
    assert!(!seal.is_outdated(&seal.key_id(), &next));
}

#[tokio::test]
async fn it_tries_again_and_not_for_ever() {
    let (kms, address) = Kms::start().await;
    let seal = seal(&address);
    kms.answers_first(503, "Vault is sealed", 2);
    seal.encrypt("root", b"plain").await.unwrap();
    assert_eq!(kms.asked.swap(0, Ordering::Relaxed), 3);
    kms.answers_first(503, "Vault is sealed", 9);
    let failed = seal.encrypt("root", b"plain").await.err();
    assert_eq!(failed, Some(SealFailure::Unavailable("it answered 503: Vault is sealed".into())));
    assert_eq!(kms.asked.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_refusal_is_not_repeated_and_only_a_ciphertext_s_fault_is_final() {
    let (kms, address) = Kms::start().await;
    let seal = seal(&address);
    let sealed = seal.encrypt("root", b"plain").await.unwrap();
    kms.asked.store(0, Ordering::Relaxed);
    for (status, said, expected) in [
        (403, "permission denied", None),
        (404, "no handler for route", None),
        (400, "encryption key not found", None),
        (400, "ciphertext or signature version is disallowed by policy (too old)", None),
        (400, "message decryption not supported for key type hmac", None),
        (400, "missing 'context' for key derivation", None),
        (400, "invalid ciphertext: could not decode base64", Some(SealFailure::DoesNotOpen)),
        (400, "cipher: message authentication failed", Some(SealFailure::DoesNotOpen)),
    ] {
        kms.answers_first(status, said, 1);
        let failure = seal.decrypt(&seal.key_id(), "root", &sealed).await.err().unwrap();
        match expected {
            Some(expected) => assert_eq!(failure, expected),
            None => assert_eq!(failure, SealFailure::Refused(format!("{status}: {said}"))),
        }
    }
    assert_eq!(kms.asked.load(Ordering::Relaxed), 8);
}

#[tokio::test]
async fn it_goes_where_a_standby_sends_it() {
    let (kms, address) = Kms::start().await;
    let seal = seal(&address);
    kms.answers_first(307, "/v1/elsewhere/encrypt/unseal", 1);
    seal.encrypt("root", b"plain").await.unwrap();
    assert_eq!(kms.seen.lock()[1].0, "/v1/elsewhere/encrypt/unseal");
    kms.answers_first(307, "/v1/elsewhere", 12);
    let failed = seal.encrypt("root", b"plain").await;
    assert!(matches!(failed, Err(SealFailure::Unavailable(why)) if why.contains("again and again")));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let seal = seal("http://127.0.0.1:9");
    let wrapped = WrappedRoot::new(vec![{
        let (_kms, address) = Kms::start().await;
        wrap_root(&super::tests::seal(&address), &RootKey::random(), &barrier::JoinKey::random()).await.unwrap()
    }]);
    assert!(matches!(unwrap_root(&seal, &wrapped).await, Err(UnwrapError::Unavailable(_))));
}

#[tokio::test]
async fn its_token_is_renewed_again_and_again() {
    let (kms, address) = Kms::start().await;
    let seal = Arc::new(seal(&address));
    let keeping = Arc::clone(&seal);
    let kept = tokio::spawn(async move { keeping.keep().await });
    kms.answers_first(403, "permission denied", 1);
    while kms.seen.lock().iter().filter(|(path, ..)| path == "/v1/auth/token/renew-self").count() < 3 {
        tokio::task::yield_now().await;
    }
    kept.abort();
}

/// Whose seal it is has leave for one server.
#[tokio::test]
async fn a_seal_that_stays_is_not_sent_on_to_others() {
    let (kms, address) = Kms::start().await;
    let (other, there) = Kms::start().await;
    let mut seal = seal(&address);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    seal.calls = Calls::new(client, address.parse().unwrap(), Token::Given(Zeroizing::new("t".into())), None, true);
    kms.answers_first(307, "/v1/elsewhere/encrypt/unseal", 1);
    seal.encrypt("root", b"plain").await.unwrap();
    kms.answers_first(307, Box::leak(format!("{there}/v1/transit/encrypt/unseal").into_boxed_str()), 4);
    let Err(SealFailure::Unavailable(why)) = seal.encrypt("root", b"plain").await else { panic!("it is sent on") };
    assert!(why.contains("another server"), "{why}");
    assert!(other.seen.lock().is_empty());
}

#[tokio::test]
async fn what_a_server_answers_is_bounded() {
    let (kms, address) = Kms::start().await;
    let seal = seal(&address);
    let problem = async |said: String| {
        *kms.says.lock() = Some(said);
        match seal.encrypt("root", b"plain").await {
            Err(SealFailure::Unavailable(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    let large = json!({ "data": { "ciphertext": "x".repeat(1 << 20) } }).to_string();
    assert!(problem(large).await.contains("too large"));
    assert!(problem("no JSON".to_owned()).await.contains("not JSON"));
    *kms.says.lock() = None;
    kms.answers_first(403, Box::leak(format!("a\nb{}", "c".repeat(5000)).into_boxed_str()), 1);
    let Err(SealFailure::Refused(why)) = seal.encrypt("root", b"plain").await else { panic!("it is refused") };
    assert!(why.len() < 400 && !why.contains('\n'), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_not_waited_for() {
    let (kms, address) = Kms::start().await;
    kms.hangs.store(true, Ordering::Relaxed);
    let failed = seal(&address).encrypt("root", b"plain").await;
    assert_eq!(failed, Err(SealFailure::Unavailable("it did not answer in time".into())));
}

#[test]
fn a_redirect_does_not_lead_out_of_tls() {
    let from = "https://kms:8200/v1/transit/encrypt/a".parse().unwrap();
    assert!(call::next(&from, "http://kms:8200/v1/transit/encrypt/a").is_err());
    assert_eq!(call::next(&from, "https://other:8200/v1/a").unwrap().host_str(), Some("other"));
    assert!(call::next(&from, "https://[").is_err());
}

#[test]
fn only_a_token_that_says_so_never_ends() {
    assert_eq!(renewal::left(&json!({ "auth": { "lease_duration": 0 } })), Some(0));
    assert_eq!(renewal::left(&json!({ "auth": { "lease_duration": 60 } })), Some(60));
    for other in [json!({}), json!({ "auth": null }), json!({ "auth": {} }), json!({ "lease_duration": 0 })] {
        assert_eq!(renewal::left(&other), None, "{other}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_token_in_the_file_is_renewed_by_its_own_life() {
    let file = std::env::temp_dir().join(format!("holdfast-transit-renewed-{}", std::process::id()));
    std::fs::write(&file, "first").unwrap();
    let client = reqwest::Client::builder().no_proxy();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let url = "http://127.0.0.1:9".parse().unwrap();
    let calls = Calls::new(client.build().unwrap(), url, Token::InFile(file.clone()), None, false);
    let began = tokio::time::Instant::now();
    let day = std::time::Duration::from_secs(24 * 3600);
    let changing = async {
        tokio::time::sleep(std::time::Duration::from_secs(600)).await;
        std::fs::write(&file, "second").unwrap();
    };
    tokio::join!(renewal::wait(&calls, day), changing);
    assert!(began.elapsed() < std::time::Duration::from_secs(700), "{:?}", began.elapsed());
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn a_token_in_a_file_may_change() {
    let file = std::env::temp_dir().join(format!("holdfast-transit-{}", std::process::id()));
    std::fs::write(&file, "first\n").unwrap();
    let token = Token::InFile(file.clone());
    assert_eq!(token.read().await.unwrap().as_str(), "first");
    std::fs::write(&file, "second\n").unwrap();
    assert_eq!(token.read().await.unwrap().as_str(), "second");
    std::fs::remove_file(&file).unwrap();
    assert!(token.read().await.unwrap_err().contains("cannot be read"));
    let seal = TransitSeal {
        calls: Calls::new(reqwest::Client::new(), "http://127.0.0.1:9".parse().unwrap(), token, None, false),
        ..seal("http://127.0.0.1:9")
    };
    let failed = seal.encrypt("root", b"plain").await;
    assert!(matches!(failed, Err(SealFailure::Unavailable(why)) if why.contains("cannot be read")));
}
