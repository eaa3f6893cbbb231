//! `code/:name`.

use super::*;

const USED: &str = "code already used; wait until the next time period";

async fn check(mount: &mut Bench, code: &str) -> Result<bool, String> {
    let answer = mount.write("code/k", json!({ "code": code })).await;
    answer.map(|answer| data(answer)["valid"] == json!(true)).map_err(|failure| failure.to_string())
}

/// The code as it is so many seconds from now.
async fn code_in(mount: &mut Bench, seconds: i64) -> String {
    let now = mount.now;
    mount.now.0 = now.0.saturating_add_signed(seconds * 1000);
    let code = read(mount, "code/k").await["code"].clone();
    mount.now = now;
    code.as_str().unwrap_or_default().to_owned()
}

/// RFC 6238, appendix B.
#[tokio::test]
async fn the_code_of_a_moment() {
    let mut m = mount();
    post(&mut m, "keys/k", json!({"key": SECRET, "digits": 8})).await;
    for (seconds, code, expires) in [(59, "94287082", 60), (1_111_111_109, "07081804", 1_111_111_110)] {
        m.now.0 = seconds * 1000 + 999;
        let expected = json!({"code": code, "generated": seconds, "expire_time": expires, "period": "30s"});
        assert_eq!(read(&mut m, "code/k").await, object(expected));
    }
}

#[tokio::test]
async fn a_code_counts_once() {
    let mut m = mount();
    post(&mut m, "keys/k", json!({"key": SECRET})).await;
    let code = code_in(&mut m, 0).await;
    assert_eq!(check(&mut m, &code).await, Ok(true));
    assert_eq!(check(&mut m, &code).await, Err(USED.into()));
    post(&mut m, "keys/k", json!({"key": SECRET})).await;
    assert_eq!(check(&mut m, &code).await, Err(USED.into()), "writing the key anew forgets no code");
    let wrong = code_in(&mut m, -86_400).await;
    assert_eq!(check(&mut m, &wrong).await, Ok(false));
    assert_eq!(check(&mut m, &wrong).await, Err(USED.into()), "a wrong one is used up as well");
    m.now.0 += 89_999;
    assert_eq!(check(&mut m, &wrong).await, Err(USED.into()));
    m.now.0 += 1;
    assert_eq!(check(&mut m, &wrong).await, Ok(false), "after three periods it is forgotten");
}

#[tokio::test]
async fn codes_beside_the_current_one_are_right_as_far_as_the_skew_goes() {
    for (skew, near) in [(0, false), (1, true)] {
        let mut m = mount();
        post(&mut m, "keys/k", json!({"key": SECRET, "period": 3600, "skew": skew})).await;
        for (seconds, right) in [(-7200, false), (-3600, near), (0, true), (3600, near), (7200, false)] {
            let code = code_in(&mut m, seconds).await;
            assert_eq!(check(&mut m, &code).await, Ok(right), "skew {skew}, {seconds} s");
        }
    }
}

#[tokio::test]
async fn at_the_beginning_of_time() {
    let mut m = mount();
    m.now.0 = 0;
    post(&mut m, "keys/k", json!({"key": SECRET, "period": "100000h"})).await;
    let code = code_in(&mut m, 0).await;
    assert_eq!(check(&mut m, &code).await, Ok(true));
}

#[tokio::test]
async fn what_can_be_no_code_is_refused_and_uses_nothing_up() {
    let mut m = mount();
    assert_refused(m.read("code/k").await, "unknown key: k");
    assert_refused(m.write("code/k", json!({"code": "123456"})).await, "unknown key: k");
    post(&mut m, "keys/k", json!({"key": SECRET})).await;
    for _ in 0..2 {
        assert_refused(m.write("code/k", json!({})).await, "the code value is required");
        for bad in ["12345", " 12345", "12345 ", "1234567", "000000000", "ééé1"] {
            assert_refused(m.write("code/k", json!({ "code": bad })).await, "invalid number of digits");
        }
    }
    assert_eq!(check(&mut m, "abcdef").await, Ok(false));
    let number: i64 = code_in(&mut m, 0).await.parse().unwrap_or_default();
    if number >= 100_000 {
        let answer = m.write("code/k", json!({ "code": number })).await.expect("a number is a code too");
        assert_eq!(data(answer)["valid"], json!(true));
    }
}

#[tokio::test]
async fn who_tries_very_many_codes_has_to_wait() {
    let mut m = mount();
    post(&mut m, "keys/k", json!({"key": SECRET})).await;
    let right = code_in(&mut m, 90).await;
    for n in 0..1000 {
        assert!(check(&mut m, &format!("x{n:05}")).await.is_ok(), "{n}");
    }
    assert!(check(&mut m, "x99999").await.is_err_and(|text| text.contains("too many codes")));
    m.now.0 += 90_000;
    assert_eq!(check(&mut m, &right).await, Ok(true));
}
