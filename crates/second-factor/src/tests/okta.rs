use serde_json::json;
use zeroize::Zeroizing;

use super::*;

const HOST: &str = "acme.okta.com";
const POLL: &str = "/api/v1/users/00u1/factors/opf1/transactions/v2mst1";

fn okta(service: &Service, trusts: bool, primary_email: bool) -> Okta {
    let options = OktaOptions { host: HOST.into(), api_token: Zeroizing::new("00token".into()), primary_email };
    let mut okta = Okta::new(options, service.client(trusts)).unwrap();
    okta.pause = Duration::from_millis(1);
    okta
}

fn users() -> String {
    json!([{"id": "00u1", "status": "ACTIVE", "profile": {"login": "ann@example.com"}}]).to_string()
}

fn factors() -> String {
    json!([
        {"id": "sms1", "factorType": "sms", "provider": "OKTA", "status": "ACTIVE"},
        {"unlike": "any other"},
        {"id": "old1", "factorType": "push", "provider": "OKTA", "status": "PENDING_ACTIVATION"},
        {"id": "opf1", "factorType": "push", "provider": "OKTA", "status": "ACTIVE"},
    ])
    .to_string()
}

fn waiting(link: &str) -> String {
    json!({"factorResult": "WAITING", "_links": {"poll": {"href": link, "hints": {"allow": ["GET"]}}}}).to_string()
}

/// Says these about the challenge, one after the other; the last again and again.
async fn saying(results: &'static [&'static str]) -> Service {
    Service::start(HOST, move |seen, number| match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", "/api/v1/users/00u1/factors") => (200, factors()),
        ("POST", "/api/v1/users/00u1/factors/opf1/verify") => (201, waiting(&format!("https://{HOST}{POLL}"))),
        ("GET", POLL) => match results[(number - 3).min(results.len() - 1)] {
            "silent" => (SILENT, String::new()),
            "limited" => {
                (429, json!({"errorCode": "E0000047", "errorSummary": "API call exceeded rate limit"}).to_string())
            }
            result => (200, json!({"factorResult": result}).to_string()),
        },
        ("GET", path) if path.starts_with("/api/v1/users?") => (200, users()),
        other => panic!("{other:?}"),
    })
    .await
}

#[tokio::test]
async fn a_push_that_is_approved() {
    let service = saying(&["WAITING", "limited", "WAITING", "SUCCESS"]).await;
    okta(&service, true, false).ask(&about("ann@example.com", None), later()).await.unwrap();
    let seen = service.seen();
    assert!(seen.iter().all(|seen| seen.authorization == "SSWS 00token"));
    let asked: Vec<(&str, &str)> = seen.iter().map(|seen| (seen.method.as_str(), seen.path.as_str())).collect();
    let found = "/api/v1/users?filter=profile.login+eq+%22ann%40example.com%22&limit=2";
    let verify = "/api/v1/users/00u1/factors/opf1/verify";
    assert_eq!(asked[..3], [("GET", found), ("GET", "/api/v1/users/00u1/factors"), ("POST", verify)]);
    assert_eq!(asked[3..], [("GET", POLL); 4]);
    assert_eq!(seen[2].body, "{}");

    let by_mail = saying(&["SUCCESS"]).await;
    okta(&by_mail, true, true).ask(&about("ann", None), later()).await.unwrap();
    assert_eq!(by_mail.seen()[0].path, "/api/v1/users?filter=profile.email+eq+%22ann%22&limit=2");
}

#[tokio::test]
async fn only_the_word_success_lets_in() {
    for (result, wanted) in [("REJECTED", "Okta was told no"), ("TIMEOUT", "Okta got no answer in time")] {
        let service = saying(vec!["WAITING", result].leak()).await;
        let refused = okta(&service, true, false).ask(&about("ann", None), later()).await.unwrap_err();
        assert_eq!(refused, Refusal::Denied(wanted.into()));
    }
    for result in ["success", "", "CHALLENGE", "ERROR"] {
        let service = saying(vec![result].leak()).await;
        let refused = okta(&service, true, false).ask(&about("ann", None), later()).await.unwrap_err();
        assert!(is_unavailable(&refused), "{result}: {refused:?}");
    }
}

/// Neither by a question that hangs nor by very many of them.
#[tokio::test]
async fn nobody_waits_longer_than_was_asked() {
    let service = saying(&["silent"]).await;
    let soon = Instant::now() + Duration::from_secs(1);
    assert!(okta(&service, true, false).ask(&about("ann", None), soon).await.is_err());
    let service = saying(&["WAITING"]).await;
    let refused = okta(&service, true, false).ask(&about("ann", None), later()).await.unwrap_err();
    assert_eq!(refused, Refusal::Denied("Okta got no answer in time".into()));
    assert_eq!(service.seen().len(), 3 + 100);
}

#[tokio::test]
async fn whom_okta_cannot_ask() {
    let two = json!([{"id": "a"}, {"id": "b"}]).to_string();
    for (users, factors, wanted) in [
        ("[]".to_owned(), factors(), "Okta has no such user"),
        (two, factors(), "Okta has more than one such user"),
        (users(), "[]".to_owned(), "Okta has no device of this user that takes a push"),
        (
            users(),
            r#"[{"id": "s", "factorType": "sms"}]"#.to_owned(),
            "Okta has no device of this user that takes a push",
        ),
    ] {
        let service = Service::start(HOST, move |seen, _| {
            (200, if seen.path.ends_with("/factors") { factors.clone() } else { users.clone() })
        });
        let refused = okta(&service.await, true, false).ask(&about("ann", None), later()).await.unwrap_err();
        assert_eq!(refused, Refusal::Denied(wanted.into()));
    }
    let service = saying(&["SUCCESS"]).await;
    for name in ["\" or profile.login sw \"", "a\\"] {
        let refused = okta(&service, true, false).ask(&about(name, None), later()).await.unwrap_err();
        assert!(matches!(refused, Refusal::Denied(_)));
    }
    assert!(service.seen().is_empty(), "a name is not part of the filter's language");
}

/// The token is not shown to whom an answer names, and nobody is let in by another's challenge.
#[tokio::test]
async fn a_link_elsewhere_is_not_followed() {
    for link in [
        "https://evil.example/api/v1/users/00u1/factors/opf1/transactions/t".to_owned(),
        format!("http://{HOST}{POLL}"),
        format!("https://{HOST}:444{POLL}"),
        format!("https://x@{HOST}{POLL}"),
        format!("https://{HOST}/api/v1/users/00u2/factors/opf1/transactions/t"),
        format!("https://{HOST}/api/v1/users/00u1/factors/opf1/../opf2/transactions/t"),
        POLL.to_owned(),
        String::new(),
    ] {
        let shown = link.clone();
        let service = Service::start(HOST, move |seen, _| match seen.path.as_str() {
            "/api/v1/users/00u1/factors" => (200, factors()),
            "/api/v1/users/00u1/factors/opf1/verify" => (200, waiting(&link)),
            path if path.starts_with("/api/v1/users?") => (200, users()),
            _ => (200, json!({"factorResult": "SUCCESS"}).to_string()),
        });
        let service = service.await;
        let refused = okta(&service, true, false).ask(&about("ann", None), later()).await.unwrap_err();
        assert!(is_unavailable(&refused), "{shown}: {refused:?}");
        assert_eq!(service.seen().len(), 3, "{shown}");
    }
}

#[tokio::test]
async fn what_is_no_answer_lets_nobody_in() {
    let unknown = json!({"errorCode": "E0000011", "errorSummary": "Invalid token provided"}).to_string();
    for (status, body) in [(401, unknown), (200, "SUCCESS".into()), (200, "{}".into()), (500, String::new())] {
        let service = Service::start(HOST, move |_, _| (status, body.clone())).await;
        let refused = okta(&service, true, false).ask(&about("ann", None), later()).await.unwrap_err();
        assert!(is_unavailable(&refused), "{refused:?}");
    }
    let service = saying(&["SUCCESS"]).await;
    assert!(is_unavailable(&okta(&service, false, false).ask(&about("ann", None), later()).await.unwrap_err()));
    assert!(service.seen().is_empty());
}
