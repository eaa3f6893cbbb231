mod certificates;

use sdk::testing::{Bench, data};
use sdk::{Map, Value, json};

use crate::{Transit, wire};

const TEXT: &str = "aGVsbG8gd29ybGQ=";

fn bench() -> Bench {
    Bench::new(Transit::default(), &[])
}

async fn write(bench: &mut Bench, path: &str, body: Value) -> Map<String, Value> {
    data(bench.write(path, body).await.unwrap_or_else(|why| panic!("{path}: {why}")))
}

async fn refused(bench: &mut Bench, path: &str, body: Value) -> String {
    let failure = bench.write(path, body).await.err().unwrap_or_else(|| panic!("{path} was not refused"));
    assert_eq!(failure.status(), 400, "{failure}");
    failure.to_string()
}

#[tokio::test]
async fn every_type_that_encrypts_decrypts_its_own_and_nothing_else() {
    let mut bench = bench();
    for kind in ["aes128-gcm96", "aes256-gcm96", "chacha20-poly1305", "xchacha20-poly1305", "rsa-2048"] {
        write(&mut bench, &format!("keys/{kind}"), json!({ "type": kind })).await;
        let sealed = write(&mut bench, &format!("encrypt/{kind}"), json!({ "plaintext": TEXT })).await;
        let opened = write(&mut bench, &format!("decrypt/{kind}"), json!({ "ciphertext": sealed["ciphertext"] })).await;
        assert_eq!(opened["plaintext"], TEXT, "{kind}");
        refused(&mut bench, &format!("decrypt/{kind}"), json!({ "ciphertext": "vault:v1:AAAA" })).await;
    }
}

/// Made by OpenSSL under the bytes 0 to 31 and the nonce 0 to 11.
#[tokio::test]
async fn a_ciphertext_from_elsewhere_opens() {
    use crate::record::{Secret, Version};
    let key = crate::record::Key { latest: 1, ..crate::record::Key::new(crate::kind::Kind::Aes256) };
    let secret = Secret(zeroize::Zeroizing::new((0..32).collect()));
    let version = Version {
        created: sdk::Millis(0),
        secret: Some(secret),
        public: None,
        hmac: Secret::default(),
        chain: Vec::new(),
    };
    let used = crate::keys::InUse::made(key, &version).unwrap();
    let text = "vault:v1:AAECAwQFBgcICQoLL2e6d6rFtXT/LfMFMBxWQ34jd7mO85YcJxko";
    let opened = crate::encryption::decrypt(&used, &crate::encryption::Extras::default(), text).unwrap();
    assert_eq!(*opened, b"hello world");
}

#[tokio::test]
async fn versions_are_limited_and_trimmed() {
    let mut bench = bench();
    write(&mut bench, "keys/k", json!({})).await;
    let first = write(&mut bench, "encrypt/k", json!({ "plaintext": TEXT })).await;
    write(&mut bench, "keys/k/rotate", json!({})).await;
    let again = write(&mut bench, "rewrap/k", json!({ "ciphertext": first["ciphertext"] })).await;
    assert_eq!(again["key_version"], 2);
    write(&mut bench, "keys/k/config", json!({ "min_decryption_version": 2, "min_encryption_version": 2 })).await;
    let text = refused(&mut bench, "decrypt/k", json!({ "ciphertext": first["ciphertext"] })).await;
    assert!(text.contains("too old"), "{text}");
    write(&mut bench, "keys/k/trim", json!({ "min_available_version": 2 })).await;
    refused(&mut bench, "keys/k/config", json!({ "min_decryption_version": 1 })).await;
    let opened = write(&mut bench, "decrypt/k", json!({ "ciphertext": again["ciphertext"] })).await;
    assert_eq!(opened["plaintext"], TEXT);
}

#[tokio::test]
async fn equal_texts_converge_in_one_context_only() {
    let mut bench = bench();
    write(&mut bench, "keys/c", json!({ "derived": true, "convergent_encryption": true })).await;
    let (a, b) = (json!({ "plaintext": TEXT, "context": "YQ==" }), json!({ "plaintext": TEXT, "context": "Yg==" }));
    let first = write(&mut bench, "encrypt/c", a.clone()).await;
    assert_eq!(first, write(&mut bench, "encrypt/c", a).await);
    assert_ne!(first, write(&mut bench, "encrypt/c", b).await);
    refused(&mut bench, "encrypt/c", json!({ "plaintext": TEXT })).await;
    // Under other associated data the nonce is another.
    let nonce = |sealed: &Map<String, Value>| sealed["ciphertext"].as_str().unwrap()[..25].to_owned();
    let mut with = json!({ "plaintext": TEXT, "context": "YQ==", "associated_data": "YQ==" });
    let one = write(&mut bench, "encrypt/c", with.clone()).await;
    assert_eq!(one, write(&mut bench, "encrypt/c", with.clone()).await);
    with["associated_data"] = "Yg==".into();
    let other = write(&mut bench, "encrypt/c", with.clone()).await;
    assert!(nonce(&one) != nonce(&other) && nonce(&one) != nonce(&first));
    with["ciphertext"] = other["ciphertext"].clone();
    assert_eq!(write(&mut bench, "decrypt/c", with).await["plaintext"], TEXT);
}

#[tokio::test]
async fn a_key_that_is_missing_is_made_by_encrypting_unless_that_is_switched_off() {
    let mut bench = bench();
    assert_eq!(bench.exists("encrypt/new").unwrap(), Some(false));
    let sealed = write(&mut bench, "encrypt/new", json!({ "plaintext": TEXT })).await;
    assert_eq!(bench.exists("encrypt/new").unwrap(), Some(true));
    let opened = write(&mut bench, "decrypt/new", json!({ "ciphertext": sealed["ciphertext"] })).await;
    assert_eq!(opened["plaintext"], TEXT);
    write(&mut bench, "config/keys", json!({ "disable_upsert": true })).await;
    refused(&mut bench, "encrypt/late", json!({ "plaintext": TEXT })).await;
}

#[tokio::test]
async fn signatures_of_every_type_verify() {
    let mut bench = bench();
    for kind in ["ed25519", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048"] {
        write(&mut bench, &format!("keys/{kind}"), json!({ "type": kind })).await;
        for marshaling in ["asn1", "jws"] {
            let how = json!({ "input": TEXT, "marshaling_algorithm": marshaling });
            let signed = write(&mut bench, &format!("sign/{kind}"), how.clone()).await;
            let mut claim = how;
            claim["signature"] = signed["signature"].clone();
            assert_eq!(write(&mut bench, &format!("verify/{kind}"), claim.clone()).await["valid"], true, "{kind}");
            claim["input"] = "bm8=".into();
            assert_eq!(write(&mut bench, &format!("verify/{kind}"), claim).await["valid"], false, "{kind}");
        }
    }
}

#[tokio::test]
async fn a_batch_tells_which_failed() {
    let mut bench = bench();
    write(&mut bench, "keys/k", json!({})).await;
    let items = json!([{ "plaintext": TEXT, "reference": "a" }, { "plaintext": "?" }]);
    let answer = bench.write("encrypt/k", json!({ "batch_input": items })).await.unwrap();
    assert_eq!(answer.status, Some(400));
    let results = data(answer)["batch_results"].clone();
    assert!(results[0]["reference"] == "a" && results[0].get("error").is_none(), "{results}");
    assert!(results[1]["error"].is_string(), "{results}");
    let code = json!({ "batch_input": items, "partial_failure_response_code": 207 });
    assert_eq!(bench.write("encrypt/k", code).await.unwrap().status, Some(207));
    refused(&mut bench, "encrypt/k", json!({ "batch_input": [] })).await;
    refused(&mut bench, "encrypt/k", json!({ "batch_input": vec![json!({ "plaintext": "" }); 10_001] })).await;
}

#[tokio::test]
async fn a_backup_comes_back_under_another_name() {
    let mut bench = bench();
    write(&mut bench, "keys/k", json!({ "exportable": true, "allow_plaintext_backup": true })).await;
    let sealed = write(&mut bench, "encrypt/k", json!({ "plaintext": TEXT })).await;
    let backup = data(bench.read("backup/k").await.unwrap());
    write(&mut bench, "restore/copy", json!({ "backup": backup["backup"] })).await;
    let opened = write(&mut bench, "decrypt/copy", json!({ "ciphertext": sealed["ciphertext"] })).await;
    assert_eq!(opened["plaintext"], TEXT);
    refused(&mut bench, "restore", json!({ "backup": backup["backup"] })).await;
    refused(&mut bench, "restore", json!({ "backup": "bm9uc2Vuc2U=" })).await;
}

/// A backup may have been written by anybody: what could not have been made here is not restored.
#[tokio::test]
async fn a_made_up_backup_is_refused() {
    let mut bench = bench();
    let settings = json!({ "exportable": true, "allow_plaintext_backup": true, "type": "hmac", "key_size": 32 });
    write(&mut bench, "keys/k", settings).await;
    let backup = data(bench.read("backup/k").await.unwrap());
    let text = wire::decode(backup["backup"].as_str().unwrap()).unwrap();
    let genuine: Value = serde_json::from_slice(&text).unwrap();
    let coded = |backup: &Value| json!({ "backup": wire::encode(backup.to_string().as_bytes()) });
    write(&mut bench, "restore/genuine", coded(&genuine)).await;
    for (field, value) in [
        ("size", json!(1_u64 << 62)),
        ("size", json!(31)),
        ("auto_rotate", json!(1)),
        ("kind", json!("aes256-gcm96")),
        ("convergent", json!(true)),
        ("derived", json!("hkdf")),
        ("min_encryption", json!(2)),
        ("min_decryption", json!(2)),
    ] {
        let mut made_up = genuine.clone();
        made_up["key"][field] = value.clone();
        let answer = bench.write("restore/x", coded(&made_up)).await;
        assert!(answer.is_err(), "{field} {value}");
    }
    refused(&mut bench, "keys/i/import", json!({ "auto_rotate_period": 1, "allow_rotation": true })).await;
}

#[tokio::test]
async fn a_key_moves_to_another_mount_wrapped() {
    let (mut here, mut there) = (bench(), bench());
    let to = data(there.read("wrapping_key").await.unwrap());
    write(&mut here, "keys/to/import", json!({ "type": "rsa-4096", "public_key": to["public_key"] })).await;
    for kind in ["aes256-gcm96", "ed25519", "hmac"] {
        let body = json!({ "type": kind, "exportable": true, "key_size": if kind == "hmac" { 32 } else { 0 } });
        write(&mut here, &format!("keys/{kind}"), body).await;
        let mac = write(&mut here, &format!("hmac/{kind}"), json!({ "input": TEXT })).await;
        let wrapped = data(here.read(&format!("byok-export/to/{kind}")).await.unwrap());
        let blob = json!({ "type": kind, "ciphertext": wrapped["keys"]["1"] });
        write(&mut there, &format!("keys/{kind}/import"), blob).await;
        if kind == "hmac" {
            assert_eq!(mac, write(&mut there, "hmac/hmac", json!({ "input": TEXT })).await);
        }
    }
}

#[tokio::test]
async fn a_key_rotates_by_itself_in_its_period() {
    let mut bench = bench();
    let hours = |hours: u64| std::time::Duration::from_secs(3600 * hours);
    write(&mut bench, "keys/k", json!({ "auto_rotate_period": "2h" })).await;
    write(&mut bench, "keys/never", json!({})).await;
    let latest = async |bench: &mut Bench| data(bench.read("keys/k").await.unwrap())["latest_version"].clone();
    bench.now = bench.now.plus(hours(1));
    assert_eq!(bench.do_due().await.unwrap(), 0);
    // Rotated by hand, it waits for a whole period again.
    write(&mut bench, "keys/k/rotate", json!({})).await;
    bench.now = bench.now.plus(hours(1));
    assert_eq!(bench.do_due().await.unwrap(), 0);
    bench.now = bench.now.plus(hours(1));
    assert_eq!((bench.do_due().await.unwrap(), latest(&mut bench).await), (1, json!(3)));
    // However long nobody looked, once is enough.
    bench.now = bench.now.plus(hours(100));
    assert_eq!((bench.do_due().await.unwrap(), latest(&mut bench).await), (1, json!(4)));
    write(&mut bench, "keys/k/config", json!({ "auto_rotate_period": 0 })).await;
    bench.now = bench.now.plus(hours(100));
    assert_eq!(bench.do_due().await.unwrap(), 0);
    // What is deleted, or taken out of use, rotates no more.
    write(&mut bench, "keys/k/config", json!({ "auto_rotate_period": "1h", "deletion_allowed": true })).await;
    bench.call(sdk::Verb::Delete, "keys/k", Value::Null).await.unwrap();
    assert_eq!(bench.do_due().await.unwrap(), 0);
}
