//! Keys that somebody else has issued.

use super::*;

#[tokio::test]
async fn by_parameters() {
    let mut m = mount();
    let body = json!({"key": SECRET.to_lowercase(), "issuer": "Acme", "account_name": "a@b", "algorithm": "SHA512",
        "digits": "8", "period": "90s", "skew": 0});
    assert!(post(&mut m, "keys/k", body).await.is_empty(), "204");
    let expected = json!({"account_name": "a@b", "algorithm": "SHA512", "digits": 8, "issuer": "Acme", "period": 90});
    assert_eq!(read(&mut m, "keys/k").await, object(expected));
}

/// Lengths that fill no base32 group, with padding, without, and with bits behind the last byte.
#[tokio::test]
async fn in_every_form_of_base32() {
    let mut m = mount();
    for (n, key) in ["GEZDGNBVGY", "GEZDGNBVGY======", "gezdgnbvgy", "GEZDGNBVGZ"].into_iter().enumerate() {
        post(&mut m, &format!("keys/k{n}"), json!({"key": key})).await;
        assert_eq!(read(&mut m, &format!("code/k{n}")).await["code"], read(&mut m, "code/k0").await["code"], "{key}");
    }
}

#[tokio::test]
async fn by_url() {
    let mut m = mount();
    let url = |rest: &str| format!("otpauth://totp/{rest}");
    for (rest, more, issuer, account, digits, period) in [
        (format!("Acme:b@x?secret={SECRET}&issuer=Acme&digits=8&period=60"), json!({}), "Acme", "b@x", 8, 60),
        (format!("Corp:carol?secret={SECRET}"), json!({}), "Corp", "carol", 6, 30),
        (
            format!("dave?secret={SECRET}"),
            json!({"issuer": "Given", "account_name": "no", "digits": 8}),
            "Given",
            "dave",
            8,
            30,
        ),
        (format!("Other:erin?secret={SECRET}&issuer=Wins"), json!({}), "Wins", "erin", 6, 30),
        (format!("A%20B%3A%C3%BC?secret={SECRET}&issuer=A+B"), json!({}), "A B", "ü", 6, 30),
    ] {
        let mut body = more;
        body["url"] = json!(url(&rest));
        post(&mut m, "keys/k", body).await;
        let key = read(&mut m, "keys/k").await;
        let expected =
            json!({"account_name": account, "algorithm": "SHA1", "digits": digits, "issuer": issuer, "period": period});
        assert_eq!(key, object(expected), "{rest}");
    }
    for (bad, says) in [
        (url("a:b"), "the key value is required"),
        (url(&format!("a:b?secret={SECRET}&digits=7")), "6 or 8"),
        (url(&format!("a:b?secret={SECRET}&digits=x")), "parsing digits value"),
        (url(&format!("a:b?secret={SECRET}&period=x")), "parsing period value"),
        (url(&format!("a:b?secret={SECRET}&period=-1")), "greater than zero"),
        (url(&format!("a:b?secret={SECRET}&algorithm=MD5")), "algorithm value is not valid"),
        (url("a:b?secret=189!"), "invalid key value"),
        ("://nonsense".into(), "parsing url"),
    ] {
        let (status, text) = refused(m.write("keys/k", json!({"url": bad.clone()})).await);
        assert!(status == 400 && text.contains(says), "{bad}: {text}");
        assert!(!text.contains(SECRET), "{text}");
    }
}
