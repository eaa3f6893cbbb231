use super::*;
use crate::Hash;

const KINDS: [KeyKind; 5] = [KeyKind::Rsa(2048), KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Ed25519];

fn scheme(kind: KeyKind) -> Scheme {
    match kind {
        KeyKind::Rsa(_) => Scheme::Pss(Hash::Sha256, Salt::Auto),
        KeyKind::Ed25519 => Scheme::Ed25519,
        _ => Scheme::Ecdsa,
    }
}

#[test]
fn a_pair_of_every_kind_is_written_and_read_and_signs() {
    let digest = Hash::Sha256.digest(b"text");
    for kind in KINDS {
        let made = PrivateKey::generate(kind).unwrap();
        let read = PrivateKey::from_pkcs8(&made.pkcs8()).unwrap();
        let public = PublicKey::from_spki(made.public().spki()).unwrap();
        assert!(public.kind() == kind && read.public().spki() == public.spki());
        let signature = read.sign(scheme(kind), &digest).unwrap();
        assert!(public.verify(scheme(kind), &digest, &signature));
        assert!(!public.verify(scheme(kind), &Hash::Sha256.digest(b"other"), &signature));
        assert!(PrivateKey::from_pkcs8(made.public().spki()).is_err());
        assert_eq!(made.older_form().is_none(), kind == KeyKind::Ed25519);
    }
}

/// RFC 8032, 7.1, test 2.
#[test]
fn known_answer_of_ed25519() {
    let seed = hex::decode("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb").unwrap();
    let key = PrivateKey::from_ed25519_seed(&seed).unwrap();
    let public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    assert_eq!(hex::encode(key.public().ed25519().unwrap()), public);
    let signature = key.sign(Scheme::Ed25519, &[0x72]).unwrap();
    assert!(hex::encode(signature).starts_with("92a009a9f0d4cab8720e820b5f642540"));
    assert_eq!(key.ed25519_seed().unwrap().expose(), seed);
}

#[test]
fn rsa_signs_under_every_hash_with_any_salt_that_fits() {
    let key = PrivateKey::generate(KeyKind::Rsa(2048)).unwrap();
    for hash in [Hash::Sha1, Hash::Sha224, Hash::Sha512, Hash::Sha3_256] {
        let digest = hash.digest(b"text");
        for scheme in [
            Scheme::Pss(hash, Salt::Digest),
            Scheme::Pss(hash, Salt::Bytes(20)),
            Scheme::Pss(hash, Salt::Auto),
            Scheme::Pkcs1(Some(hash)),
        ] {
            let signature = key.sign(scheme, &digest).unwrap();
            assert!(key.public().verify(scheme, &digest, &signature), "{scheme:?}");
        }
        assert!(key.sign(Scheme::Pss(hash, Salt::Bytes(300)), &digest).is_err());
        assert!(key.sign(Scheme::Pkcs1(Some(hash)), b"no digest").is_err());
    }
    let bare = key.sign(Scheme::Pkcs1(None), b"bare").unwrap();
    assert!(key.public().verify(Scheme::Pkcs1(None), b"bare", &bare));
    assert!(!key.public().verify(Scheme::Pkcs1(None), b"bear", &bare));
}

#[test]
fn oaep_opens_under_the_same_hash_only() {
    let key = PrivateKey::generate(KeyKind::Rsa(2048)).unwrap();
    for hash in [Hash::Sha1, Hash::Sha224, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
        let text = key.public().encrypt_oaep(hash, b"secret").unwrap();
        assert_eq!(*key.decrypt_oaep(hash, &text).unwrap(), b"secret");
        assert!(key.decrypt_oaep(Hash::Sha3_256, &text).is_err());
    }
    assert!(key.public().encrypt_oaep(Hash::Sha256, &[0; 300]).is_err());
}

#[test]
fn both_sides_agree_on_one_curve() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521] {
        let (a, b) = (PrivateKey::generate(kind).unwrap(), PrivateKey::generate(kind).unwrap());
        assert_eq!(a.agree(b.public()).unwrap().expose(), b.agree(a.public()).unwrap().expose());
    }
    let (a, b) = (PrivateKey::generate(KeyKind::P256).unwrap(), PrivateKey::generate(KeyKind::P384).unwrap());
    assert!(a.agree(b.public()).is_err());
}

#[test]
fn both_forms_of_an_ecdsa_signature_are_one() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521] {
        let signature = PrivateKey::generate(kind).unwrap().sign(Scheme::Ecdsa, &[7; 32]).unwrap();
        assert_eq!(der_of(&fixed_of(kind, &signature).unwrap()).unwrap(), signature);
        assert!(fixed_of(kind, b"none").is_none());
    }
}
