//! Keys issued here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

fn asked(more: Value) -> Value {
    let mut body = object(json!({"generate": true, "issuer": "Acme Inc", "account_name": "a@b/c"}));
    body.extend(object(more));
    Value::Object(body)
}

#[tokio::test]
async fn the_url_says_all_that_an_authenticator_needs() {
    let mut m = mount();
    let made = post(&mut m, "keys/k", asked(json!({"digits": 8, "period": 60, "algorithm": "SHA256"}))).await;
    let url = made["url"].as_str().unwrap_or_default().to_owned();
    let expected = "otpauth://totp/Acme%20Inc:a@b%2Fc?algorithm=SHA256&digits=8&issuer=Acme%20Inc&period=60&secret=";
    let secret = url.strip_prefix(expected).unwrap_or_else(|| panic!("{url}"));
    assert_eq!(secret.len(), 32);
    post(&mut m, "keys/copy", json!({"url": url})).await;
    assert_eq!(read(&mut m, "keys/copy").await, read(&mut m, "keys/k").await);
    assert_eq!(read(&mut m, "code/copy").await["code"], read(&mut m, "code/k").await["code"]);
    let again = post(&mut m, "keys/k", asked(json!({}))).await;
    assert!(!again["url"].as_str().unwrap_or_default().contains(secret), "another key");
}

#[tokio::test]
async fn what_is_not_asked_for_is_left_out() {
    let mut m = mount();
    let made = post(&mut m, "keys/k", asked(json!({"exported": false}))).await;
    assert!(made.is_empty());
    let made = post(&mut m, "keys/k", asked(json!({"qr_size": 0, "key_size": 64}))).await;
    assert_eq!(made.keys().collect::<Vec<_>>(), ["url"]);
    let secret = made["url"].as_str().and_then(|url| url.rsplit_once('=')).expect("a URL with a secret").1;
    assert_eq!(secret.len(), 103, "64 bytes in base32");
    assert!(!read(&mut m, "keys/k").await.values().any(|value| value.as_str() == Some(secret)));
}

/// Reads the PNG back: a white square, and in its middle a symbol whose corners are finder patterns.
#[tokio::test]
async fn the_qr_code_is_a_square_of_the_size_asked_for() {
    let mut m = mount();
    for side in [200, 77, 2048] {
        let made = post(&mut m, "keys/k", asked(json!({"qr_size": side}))).await;
        let file = STANDARD.decode(made["barcode"].as_str().unwrap_or_default()).expect("base64");
        let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut pixels).expect("its pixels");
        assert_eq!((info.width, info.height, pixels.len()), (side, side, (side * side) as usize));
        let dark = |x: usize, y: usize| pixels[y * side as usize + x] == 0;
        let first = (0..side as usize).find(|n| dark(*n, *n)).expect("a symbol");
        let run = (first..).take_while(|x| dark(*x, first)).count();
        assert_eq!(run % 7, 0, "a finder pattern is seven modules wide");
        let scale = run / 7;
        assert!(dark(first + 3 * scale, first + 3 * scale) && !dark(first + scale, first + scale));
    }
}
