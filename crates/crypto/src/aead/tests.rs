use proptest::prelude::*;

use super::*;

fn key(hex_key: &str) -> Key32 {
    Key32::from_slice(&hex::decode(hex_key).unwrap()).unwrap()
}

/// McGrew and Viega's test cases 13 to 16 of the GCM specification (AES-256, 96-bit nonce).
#[test]
fn known_answers() {
    let long_key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
    let long_nonce = "cafebabefacedbaddecaf888";
    let long_plain = concat!(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
    );
    let long_cipher = concat!(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
    );
    let zero_key = "00".repeat(32);
    let zero_nonce = "00".repeat(12);
    let zero_plain = "00".repeat(16);
    let aad = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
    let cases = [
        (&*zero_key, &*zero_nonce, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
        (
            &zero_key,
            &zero_nonce,
            &*zero_plain,
            "",
            "cea7403d4d606b6e074ec5d3baf39d18",
            "d0d1c8a799996bf0265b98b5d48ab919",
        ),
        (long_key, long_nonce, long_plain, "", long_cipher, "b094dac5d93471bdec1a502270e3cc6c"),
        (long_key, long_nonce, &long_plain[..120], aad, &long_cipher[..120], "76fc6ece0f4e1768cddf8853bb2d551b"),
    ];
    for (k, nonce, plain, aad, cipher, tag) in cases {
        let aead = Aead::new(&key(k));
        let aad = hex::decode(aad).unwrap();
        let plain = hex::decode(plain).unwrap();
        let mut sealed = Vec::new();
        aead.seal_with_nonce(&mut sealed, hex::decode(nonce).unwrap().try_into().unwrap(), &aad, &plain);
        assert_eq!(hex::encode(&sealed), format!("{nonce}{cipher}{tag}"));
        assert_eq!(*aead.open(&aad, &sealed).unwrap(), plain);
    }
}

#[test]
fn a_locked_cipher_is_the_same_cipher() {
    let bytes = [9; 32];
    let heap = Aead::new(&Key32::from_slice(&bytes).unwrap());
    let page = Aead::locked(&LockedKey::from_key(Key32::from_slice(&bytes).unwrap()));
    assert_eq!(*page.open(b"a", &heap.seal(b"a", b"text")).unwrap(), b"text");
}

#[test]
fn wrong_key_wrong_place_and_short_input_do_not_open() {
    let aead = Aead::new(&Key32::random());
    let sealed = aead.seal(b"here", b"text");
    assert_eq!(sealed.len(), 4 + Aead::OVERHEAD);
    assert!(Aead::new(&Key32::random()).open(b"here", &sealed).is_err());
    assert!(aead.open(b"there", &sealed).is_err());
    for len in 0..sealed.len() {
        assert_eq!(aead.open(b"here", &sealed[..len]).err(), Some(OpenError), "{len}");
    }
}

#[test]
fn sealing_appends_and_never_repeats_a_nonce() {
    let aead = Aead::new(&Key32::random());
    let mut out = b"head".to_vec();
    aead.seal_into(&mut out, b"", b"text");
    assert_eq!(&out[..4], b"head");
    assert_eq!(*aead.open(b"", &out[4..]).unwrap(), b"text");
    assert_ne!(aead.seal(b"", b"text")[..12], aead.seal(b"", b"text")[..12]);
}

proptest! {
    #[test]
    fn round_trip_and_any_flipped_bit_is_noticed(
        plain in prop::collection::vec(any::<u8>(), 0..300),
        aad in prop::collection::vec(any::<u8>(), 0..40),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let aead = Aead::new(&Key32::random());
        let mut sealed = aead.seal(&aad, &plain);
        prop_assert_eq!(&*aead.open(&aad, &sealed).unwrap(), &plain);
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert!(aead.open(&aad, &sealed).is_err());
    }
}
