use base64::prelude::{BASE64_STANDARD, Engine};
use crypto::Hash;

use super::*;

const HOST: &str = "api-1234.duosecurity.com";
const SECRET: &str = "Zh5eGmUq9zpfQnyUIu5OL9iWoMMv5ZNmk3zLJ4Ep";
const AUTH: &str = r#"{"stat": "OK", "response": {"result": "auth", "status_msg": "Account is active", "devices": [{"device": "D"}]}}"#;
const BEGUN: &str = r#"{"stat": "OK", "response": {"txid": "45f7c92b-f45f-4862-8545-e0f58e78075a"}}"#;

fn duo(service: &Service, trusts: bool) -> Duo {
    let options = DuoOptions {
        api_hostname: HOST.into(),
        integration_key: "DIKEY".into(),
        secret_key: Zeroizing::new(SECRET.into()),
        push_info: "from=login%20portal".into(),
    };
    Duo::new(options, service.client(trusts), now).unwrap()
}

use zeroize::Zeroizing;

fn status(result: &str, status: &str) -> String {
    format!(r#"{{"stat": "OK", "response": {{"result": "{result}", "status": "{status}", "status_msg": "said so"}}}}"#)
}

/// Says these about the push, one after the other.
async fn saying(last: &'static [(&'static str, &'static str)]) -> Service {
    Service::start(HOST, move |seen, number| match seen.path.split('?').next().unwrap() {
        "/auth/v2/preauth" => (200, AUTH.into()),
        "/auth/v2/auth" => (200, BEGUN.into()),
        "/auth/v2/auth_status" => match last[number - 2] {
            ("silent", _) => (SILENT, String::new()),
            (result, why) => (200, status(result, why)),
        },
        other => panic!("{other}"),
    })
    .await
}

/// Computed here from what arrived, as the service does it.
fn is_signed(seen: &Seen) {
    let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
    let params = if seen.method == "GET" { query } else { &seen.body };
    let text = format!("{}\n{}\n{}\n{path}\n{params}", seen.date, seen.method, seen.host);
    let signature = hex::encode(Hash::Sha512.hmac(SECRET.as_bytes(), text.as_bytes()));
    assert_eq!(seen.authorization, format!("Basic {}", BASE64_STANDARD.encode(format!("DIKEY:{signature}"))));
    assert_eq!(seen.date, "Tue, 21 Aug 2012 17:29:18 +0000");
}

#[tokio::test]
async fn a_push_that_is_approved() {
    let service = saying(&[("waiting", "pushed"), ("allow", "allow")]).await;
    duo(&service, true).ask(&about("ann & co", None), later()).await.unwrap();
    let seen = service.seen();
    let asked: Vec<(&str, &str, &str)> =
        seen.iter().map(|seen| (seen.method.as_str(), seen.path.as_str(), seen.body.as_str())).collect();
    let status = "/auth/v2/auth_status?txid=45f7c92b-f45f-4862-8545-e0f58e78075a";
    let push =
        "async=1&device=auto&factor=push&ipaddr=192.0.2.7&pushinfo=from%3Dlogin%2520portal&username=ann%20%26%20co";
    let wanted = [
        ("POST", "/auth/v2/preauth", "ipaddr=192.0.2.7&username=ann%20%26%20co"),
        ("POST", "/auth/v2/auth", push),
        ("GET", status, ""),
        ("GET", status, ""),
    ];
    assert_eq!(asked, wanted);
    seen.iter().for_each(is_signed);
}

#[tokio::test]
async fn a_passcode_goes_in_the_place_of_a_push() {
    let service = saying(&[("allow", "allow")]).await;
    duo(&service, true).ask(&about("ann", Some("123 456")), later()).await.unwrap();
    let asked = &service.seen()[1];
    assert_eq!(asked.body, "async=1&factor=passcode&ipaddr=192.0.2.7&passcode=123%20456&username=ann");
    is_signed(asked);
}

#[tokio::test]
async fn only_the_word_allow_lets_in() {
    for said in [("deny", "deny"), ("deny", "fraud"), ("deny", "timeout"), ("deny", "mfa_expired")] {
        let said: &'static [(&str, &str)] = vec![said].leak();
        let service = saying(said).await;
        let refused = duo(&service, true).ask(&about("ann", None), later()).await.unwrap_err();
        assert_eq!(refused, Refusal::Denied(format!("Duo was told no ({}): said so", said[0].1)));
    }
    for said in ["ALLOW", "allowed", "", "true"] {
        let said: &'static [(&str, &str)] = vec![(&*said.to_owned().leak(), "allow")].leak();
        let service = saying(said).await;
        let refused = duo(&service, true).ask(&about("ann", None), later()).await.unwrap_err();
        assert!(is_unavailable(&refused), "{said:?}: {refused:?}");
    }
}

#[tokio::test]
async fn nobody_waits_longer_than_was_asked() {
    let service = saying(&[("silent", "")]).await;
    let soon = Instant::now() + Duration::from_secs(2);
    let refused = duo(&service, true).ask(&about("ann", None), soon).await.unwrap_err();
    assert_eq!(refused, Refusal::Denied("Duo got no answer in time".into()));
}

#[tokio::test]
async fn whom_duo_does_not_ask() {
    for (result, wanted) in [
        ("allow", Ok(())),
        ("deny", Err(Refusal::Denied("Duo refuses this user: said so".into()))),
        ("enroll", Err(Refusal::Denied("Duo has no device of this user: said so".into()))),
        ("else", Err(Refusal::Unavailable("Duo says \"else\" of this user".into()))),
    ] {
        let service = Service::start(HOST, move |_, _| (200, status(result, ""))).await;
        assert_eq!(duo(&service, true).ask(&about("ann", None), later()).await, wanted);
        assert_eq!(service.seen().len(), 1, "nobody gets a push");
    }
}

#[tokio::test]
async fn what_is_no_answer_lets_nobody_in() {
    let failed =
        r#"{"stat": "FAIL", "code": 40103, "message": "Invalid signature\nin request", "message_detail": "x"}"#;
    let large = " ".repeat(2 << 20) + AUTH;
    for (status, body) in [
        (401, failed.to_owned()),
        (200, "allow".into()),
        (200, String::new()),
        (200, r#"{"stat": "OK"}"#.into()),
        (200, r#"{"stat": "OK", "response": {"result": true}}"#.into()),
        (302, AUTH.replace("auth", "unheard of")),
        (200, large),
    ] {
        let shown = body.clone();
        let service = Service::start(HOST, move |_, _| (status, body.clone())).await;
        let refused = duo(&service, true).ask(&about("ann", None), later()).await.unwrap_err();
        assert!(is_unavailable(&refused), "{shown:.60}: {refused:?}");
        let Refusal::Unavailable(text) = refused else { unreachable!() };
        assert!(!text.contains('\n') && !text.contains(SECRET), "{text}");
    }
    let no_transaction = Service::start(HOST, |seen, _| match seen.path.as_str() {
        "/auth/v2/preauth" => (200, AUTH.into()),
        _ => (200, r#"{"stat": "OK", "response": {"result": "allow"}}"#.into()),
    });
    let refused = duo(&no_transaction.await, true).ask(&about("ann", None), later()).await.unwrap_err();
    assert!(is_unavailable(&refused), "{refused:?}");
}

/// Who cannot show Duo's certificate learns nothing, and lets nobody in.
#[tokio::test]
async fn a_stranger_is_not_asked() {
    let service = saying(&[("allow", "allow")]).await;
    let refused = duo(&service, false).ask(&about("ann", None), later()).await.unwrap_err();
    assert!(is_unavailable(&refused), "{refused:?}");
    assert!(service.seen().is_empty());
}

#[test]
fn a_host_is_a_host() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let made = |host: &str, key: &str| {
        let (integration_key, secret_key) = (key.to_owned(), Zeroizing::new("s".to_owned()));
        let options = DuoOptions { api_hostname: host.into(), integration_key, secret_key, push_info: String::new() };
        Duo::new(options, reqwest::Client::new(), now).is_ok()
    };
    assert!(made(HOST, "i") && made("duo.example:8443", "i") && !made(HOST, ""));
    for host in ["", "a/b", "a@b", "a?b", "a#b", "a\\b", "a b", "http://a", "a:b", "[::1]", "ä.example"] {
        assert!(!made(host, "i"), "{host:?}");
    }
}
