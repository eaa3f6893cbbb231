//! `keys` and `keys/:name`.

use super::*;

#[tokio::test]
async fn keys_are_listed_by_pages_and_deleted() {
    let mut m = mount();
    assert_eq!(m.list("keys/").await.err().map(|f| f.status()), Some(404));
    for name in ["c", "a", "B.2@x-y_z"] {
        post(&mut m, &format!("keys/{name}"), json!({"key": SECRET})).await;
    }
    assert_eq!(m.list("keys/").await.ok().unwrap_or_default(), ["B.2@x-y_z", "a", "c"]);
    let page = m.call(sdk::Verb::List, "keys/", json!({"after": "B.2@x-y_z", "limit": 1})).await;
    assert_eq!(data(page.expect("a page"))["keys"], json!(["a"]));
    m.call(sdk::Verb::Delete, "keys/a", Value::Null).await.expect("a delete");
    m.call(sdk::Verb::Delete, "keys/none", Value::Null).await.expect("a delete of nothing");
    assert_eq!(m.list("keys/").await.ok().unwrap_or_default(), ["B.2@x-y_z", "c"]);
    assert_eq!(refused(m.read("keys/a").await).0, 404);
}

#[tokio::test]
async fn a_name_that_no_key_can_have_is_no_path() {
    let mut m = mount();
    for name in ["-a", "a-", "ä", "a b", "a$"] {
        let (status, text) = refused(m.write(&format!("keys/{name}"), json!({"key": SECRET})).await);
        assert!(status == 404 && text.contains("unsupported path"), "{name}: {text}");
        assert_eq!(refused(m.read(&format!("code/{name}")).await).0, 404, "{name}");
    }
}

#[tokio::test]
async fn a_write_replaces_everything() {
    let mut m = mount();
    post(&mut m, "keys/k", json!({"key": SECRET, "digits": 8, "issuer": "I", "period": "1m"})).await;
    post(&mut m, "keys/k", json!({"key": SECRET})).await;
    let expected = json!({"account_name": "", "algorithm": "SHA1", "digits": 6, "issuer": "", "period": 30});
    assert_eq!(read(&mut m, "keys/k").await, object(expected));
}

#[tokio::test]
async fn what_makes_no_key_is_refused_and_leaves_nothing() {
    let mut m = mount();
    let imported = |field: &str, value: Value| json!({"key": SECRET, field: value});
    let generated =
        |field: &str, value: Value| json!({"generate": true, "issuer": "i", "account_name": "a", field: value});
    for (body, says) in [
        (json!({}), "the key value is required"),
        (json!({"key": "not base32!"}), "invalid key value"),
        (json!({"key": "===="}), "no bytes"),
        (json!({"key": "A"}), "break off"),
        (json!({"key": "A".repeat(1648)}), "at most 1024"),
        (json!({"generate": true}), "account_name"),
        (json!({"generate": true, "account_name": "a"}), "issuer"),
        (generated("key", json!(SECRET)), "key should not be passed"),
        (generated("url", json!("otpauth://totp/x")), "url should not be passed"),
        (generated("qr_size", json!(-1)), "greater than or equal to zero"),
        (generated("qr_size", json!(20)), "at least"),
        (generated("qr_size", json!(2049)), "at most 2048"),
        (generated("qr_size", json!(i64::MAX)), "at most 2048"),
        (generated("issuer", json!("x".repeat(2000))), "too long for a QR code"),
        (generated("key_size", json!(0)), "greater than zero"),
        (generated("key_size", json!(-1)), "greater than zero"),
        (generated("key_size", json!(1025)), "at most 1024"),
        (imported("digits", json!(7)), "6 or 8"),
        (imported("digits", json!("six")), "digits"),
        (imported("algorithm", json!("sha1")), "algorithm value is not valid"),
        (imported("period", json!(0)), "period value must be greater"),
        (imported("period", json!("500ms")), "period value must be greater"),
        (imported("period", json!(-5)), "period"),
        (imported("skew", json!(2)), "skew value must be 0 or 1"),
        (imported("skew", json!(-1)), "skew value must be 0 or 1"),
    ] {
        assert_refused(m.write("keys/k", body.clone()).await, says);
    }
    assert_eq!(refused(m.read("keys/k").await).0, 404);
}
