use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;

const HOST: &str = "idp.pingidentity.com";
const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

fn options() -> PingIdOptions {
    PingIdOptions {
        idp_url: format!("https://{HOST}/pingid/"),
        org_alias: "org-1".into(),
        token: Zeroizing::new("t0ken".into()),
        use_base64_key: Zeroizing::new(BASE64_STANDARD.encode(KEY)),
    }
}

fn pingid(service: &Service) -> PingId {
    PingId::new(options(), service.client(true), now).unwrap()
}

fn jws(key: &[u8], header: &Value, payload: &Value) -> String {
    let [header, payload] = [header, payload].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
    let text = format!("{header}.{payload}");
    let signature = BASE64_URL_SAFE_NO_PAD.encode(crypto::hmac_sha256(key, text.as_bytes()));
    format!("{text}.{signature}")
}

fn header() -> Value {
    json!({"alg": "HS256", "token": "t0ken", "orgAlias": "org-1"})
}

fn said(id: i64, text: &str) -> Value {
    json!({"responseBody": {"errorId": id, "errorMsg": text, "uniqueMsgId": "webs_1", "sessionId": "s"}})
}

#[tokio::test]
async fn a_push_that_is_approved() {
    for header in [header(), json!({"alg": "HS256", "token": "t0ken", "org_alias": "org-1"})] {
        let service = Service::start(HOST, move |_, _| (200, jws(KEY, &header, &said(200, "ok")))).await;
        pingid(&service).ask(&about("ann", None), later()).await.unwrap();
        let seen = service.seen().remove(0);
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/pingid/rest/4/authonline/do"));
        let parts: Vec<&str> = seen.body.split('.').collect();
        let read = |part| serde_json::from_slice::<Value>(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert_eq!(read(parts[0]), json!({"alg": "HS256", "orgAlias": "org-1", "token": "t0ken"}));
        let head = json!({"locale": "en", "orgAlias": "org-1", "secretKey": "t0ken", "timestamp": "2012-08-21 17:29:18.000", "version": "4.9"});
        let body = json!({"authType": "CONFIRM", "spAlias": "web", "userName": "ann"});
        assert_eq!(read(parts[1]), json!({"reqHeader": head, "reqBody": body}));
        let signed = crypto::hmac_sha256(KEY, format!("{}.{}", parts[0], parts[1]).as_bytes());
        assert_eq!(parts[2], BASE64_URL_SAFE_NO_PAD.encode(signed));
    }
}

#[tokio::test]
async fn who_says_no_is_refused() {
    for (id, why) in [(20563, "Denied by the user"), (20560, "Timed out"), (10564, "User not found"), (0, "")] {
        let service = Service::start(HOST, move |_, _| (200, jws(KEY, &header(), &said(id, why)))).await;
        let refused = pingid(&service).ask(&about("ann", None), later()).await.unwrap_err();
        assert_eq!(refused, Refusal::Denied(format!("PingID says no ({id}): {why}")));
    }
    let silent = Service::start(HOST, |_, _| (SILENT, String::new())).await;
    let refused = pingid(&silent).ask(&about("ann", None), Instant::now() + Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(refused, Refusal::Denied("PingID got no answer in time".into()));
}

#[tokio::test]
async fn what_pingid_has_not_signed_for_us_lets_nobody_in() {
    let yes = said(200, "ok");
    let with = |name: &str, value: Value| {
        let mut header = header();
        header[name] = value;
        header
    };
    let unsigned = format!("{}.", jws(KEY, &with("alg", json!("none")), &yes).rsplit_once('.').unwrap().0);
    let ours = jws(KEY, &header(), &json!({"reqHeader": {}, "reqBody": {"errorId": 200}}));
    for body in [
        jws(b"another key than both sides have", &header(), &yes),
        jws(b"", &header(), &yes),
        jws(KEY, &with("alg", json!("none")), &yes),
        jws(KEY, &with("alg", json!("HS512")), &yes),
        jws(KEY, &with("token", json!("other")), &yes),
        jws(KEY, &with("orgAlias", json!("other")), &yes),
        jws(KEY, &json!({"alg": "HS256"}), &yes),
        jws(KEY, &header(), &json!({"errorId": 200})),
        jws(KEY, &header(), &json!({"responseBody": {"errorId": "200"}})),
        unsigned,
        // What it was sent comes back.
        ours,
        yes.to_string(),
        String::new(),
    ] {
        let shown = body.clone();
        let service = Service::start(HOST, move |_, _| (200, body.clone())).await;
        let refused = pingid(&service).ask(&about("ann", None), later()).await.unwrap_err();
        assert!(is_unavailable(&refused), "{shown}: {refused:?}");
    }
}

#[test]
fn settings_that_cannot_be_right() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let made = |change: fn(&mut PingIdOptions)| {
        let mut options = options();
        change(&mut options);
        PingId::new(options, reqwest::Client::new(), now).is_ok()
    };
    assert!(made(|_| {}));
    assert!(!made(|options| options.use_base64_key = Zeroizing::new(String::new())), "a key that everybody has");
    assert!(!made(|options| options.use_base64_key = Zeroizing::new("c2hvcnQ=".into())));
    assert!(!made(|options| options.use_base64_key = Zeroizing::new("?".into())));
    assert!(!made(|options| options.token = Zeroizing::new(String::new())));
    assert!(!made(|options| options.idp_url = "http://idp.pingidentity.com/pingid".into()));
    assert!(!made(|options| options.idp_url = "https://u:p@idp.pingidentity.com/pingid".into()));
    assert!(!made(|options| options.idp_url = "https://idp.pingidentity.com/?x=".into()));
}
