use std::process::{Command, Stdio};

use pgp::composed::{EncryptionCaps, KeyType, Message, SecretKeyParamsBuilder, SignedSecretKey, SubkeyParamsBuilder};
use pgp::crypto::ecc_curve::ECCCurve;
use pgp::ser::Serialize;
use tempfile::TempDir;

use super::*;

/// A key as today's programs make them: it certifies, and a subkey encrypts.
fn made(encrypts: EncryptionCaps) -> SignedSecretKey {
    let mut subkey = SubkeyParamsBuilder::default();
    subkey.key_type(KeyType::ECDH(ECCCurve::Curve25519Legacy)).can_encrypt(encrypts);
    let mut key = SecretKeyParamsBuilder::default();
    key.key_type(KeyType::Ed25519Legacy).can_certify(true).primary_user_id("holder".into());
    key.subkeys(vec![subkey.build().unwrap()]);
    key.build().unwrap().generate(OsRng).unwrap()
}

fn public(key: &SignedSecretKey) -> SignedPublicKey {
    SignedPublicKey::from(key.clone())
}

fn base64_of(key: &SignedPublicKey) -> String {
    BASE64_STANDARD.encode(key.to_bytes().unwrap())
}

#[test]
fn its_holder_reads_it_and_nobody_else() {
    let (holder, other) = (made(EncryptionCaps::All), made(EncryptionCaps::All));
    let key = PublicKey::parse(&base64_of(&public(&holder))).unwrap();
    assert_eq!(key.fingerprint(), hex::encode(holder.fingerprint().as_bytes()));
    let message = key.encrypt(b"a share").unwrap();
    let read = |with: &SignedSecretKey| Message::from_bytes(message.as_slice()).unwrap().decrypt(&"".into(), with);
    assert_eq!(read(&holder).unwrap().as_data_vec().unwrap(), b"a share");
    assert!(read(&other).is_err());
    assert_ne!(key.encrypt(b"a share").unwrap(), message, "each message has a session key of its own");
}

#[test]
fn an_armoured_key_is_taken_too() {
    let holder = made(EncryptionCaps::All);
    let armoured = public(&holder).to_armored_bytes(Default::default()).unwrap();
    let key = PublicKey::parse(&BASE64_STANDARD.encode(armoured)).unwrap();
    assert_eq!(key.fingerprint(), hex::encode(holder.fingerprint().as_bytes()));
}

#[test]
fn what_is_no_key_is_refused_with_a_reason() {
    assert!(matches!(PublicKey::parse("not base64!"), Err(KeyError::NotBase64(_))));
    assert!(matches!(PublicKey::parse(""), Err(KeyError::Malformed(_))));
    assert!(matches!(PublicKey::parse(&BASE64_STANDARD.encode("no key")), Err(KeyError::Malformed(_))));
    assert!(matches!(PublicKey::parse(&"A".repeat(2 * KEY_MAX)), Err(KeyError::TooLong)));
    let whole = public(&made(EncryptionCaps::All)).to_bytes().unwrap();
    for cut in 0..whole.len() {
        let _ = PublicKey::parse(&BASE64_STANDARD.encode(&whole[..cut]));
    }
}

#[test]
fn a_key_for_other_purposes_is_refused() {
    let signer = made(EncryptionCaps::None);
    let refused = PublicKey::parse(&base64_of(&public(&signer)));
    assert!(matches!(refused, Err(KeyError::CannotEncrypt(_))));
}

#[test]
fn a_subkey_that_the_key_did_not_sign_is_not_used() {
    let (holder, thief) = (made(EncryptionCaps::All), made(EncryptionCaps::All));
    let mut forged = public(&holder);
    forged.public_subkeys = public(&thief).public_subkeys;
    assert!(matches!(PublicKey::parse(&base64_of(&forged)), Err(KeyError::CannotEncrypt(_))));
}

/// The program that operators have. Where it is not installed there is nothing to compare with.
#[test]
fn gnupg_reads_it() {
    let home = TempDir::new().unwrap();
    let gpg = |arguments: &[&str]| {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(home.path()).args(["--batch", "--quiet", "--passphrase", ""]).args(arguments);
        command.stderr(Stdio::null()).output()
    };
    for (algorithm, usage) in [("rsa2048", "encrypt"), ("future-default", "default")] {
        let name = format!("{algorithm}@example");
        let Ok(made) = gpg(&["--pinentry-mode", "loopback", "--quick-generate-key", &name, algorithm, usage, "1d"])
        else {
            return;
        };
        assert!(made.status.success(), "{algorithm}");
        let exported = gpg(&["--export", &name]).unwrap().stdout;
        let key = PublicKey::parse(&BASE64_STANDARD.encode(exported)).unwrap();
        let file = home.path().join("message");
        std::fs::write(&file, key.encrypt(b"5f1c").unwrap()).unwrap();
        let read = gpg(&["--pinentry-mode", "loopback", "--decrypt", file.to_str().unwrap()]).unwrap();
        assert_eq!(read.stdout, b"5f1c", "{algorithm}");
    }
}
