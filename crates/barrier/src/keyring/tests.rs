use proptest::prelude::*;

use super::*;
use crate::UnsealKey;

const NOW: Millis = Millis(1_700_000_000_000);

fn fresh() -> Keyring {
    Keyring::generate(NOW, UnsealKey::random().join_key())
}

fn reseal(keyring: &Keyring) -> Keyring {
    let root = RootKey::random();
    Keyring::open_with(&root, &keyring.seal_with(&root)).unwrap()
}

#[test]
fn survives_being_sealed_whole() {
    let mut keyring = fresh();
    assert_eq!(keyring.rotate(Millis(NOW.0 + 5)), Ok(2));
    let back = reseal(&keyring);
    assert_eq!((back.edition(), back.active_term()), (2, 2));
    assert!(back.is_kin_of(&keyring) && !back.is_kin_of(&fresh()));
    assert_eq!(back.join_key().expose(), keyring.join_key().expose());
    let terms = |k: &Keyring| k.terms().iter().map(|(t, d)| (*t, d.installed, *d.key.expose())).collect::<Vec<_>>();
    assert_eq!(terms(&back), terms(&keyring));
    assert_eq!(back.terms()[&2].installed, Millis(NOW.0 + 5));
}

#[test]
fn only_its_root_key_opens_it() {
    let sealed = fresh().seal_with(&RootKey::random());
    assert_eq!(Keyring::open_with(&RootKey::random(), &sealed).err(), Some(KeyringError::DoesNotOpen));
}

#[test]
fn a_value_sealed_by_the_same_key_is_no_keyring() {
    let root = RootKey::random();
    let mut forged = vec![FORMAT];
    forged.extend(Aead::locked(root.locked()).seal(b"another purpose", &fresh().encode()));
    assert_eq!(Keyring::open_with(&root, &forged).err(), Some(KeyringError::DoesNotOpen));
}

#[test]
fn a_newer_format_is_named_as_such() {
    let root = RootKey::random();
    let mut sealed = fresh().seal_with(&root);
    sealed[0] = 9;
    assert_eq!(Keyring::open_with(&root, &sealed).err(), Some(KeyringError::UnknownFormat(9)));
    assert!(matches!(Keyring::open_with(&root, &[]), Err(KeyringError::Corrupt(_))));
}

#[test]
fn an_active_term_without_a_key_and_a_term_given_twice_are_refused() {
    let keyring = fresh();
    let mut plain = keyring.encode().to_vec();
    plain[72..76].copy_from_slice(&7_u32.to_be_bytes());
    assert_eq!(Keyring::decode(&plain).err(), Some(KeyringError::Corrupt("the active data key is missing")));
    let mut plain = keyring.encode().to_vec();
    let term = plain[HEADER_LEN..].to_vec();
    plain.extend(term);
    assert_eq!(Keyring::decode(&plain).err(), Some(KeyringError::Corrupt("a term occurs twice")));
}

#[test]
fn rotation_stops_at_the_bound_and_what_is_beyond_is_not_read() {
    let mut keyring = fresh();
    for term in 2..=u32::try_from(TERMS_MAX).unwrap() {
        assert_eq!(keyring.rotate(NOW), Ok(term));
    }
    assert_eq!(keyring.rotate(NOW), Err(KeyringError::TooManyTerms));
    assert_eq!(reseal(&keyring).terms().len(), TERMS_MAX);
    let mut plain = keyring.encode().to_vec();
    plain.extend([0xff; TERM_LEN]);
    assert_eq!(Keyring::decode(&plain).err(), Some(KeyringError::Corrupt("it has too many data keys")));
}

#[test]
fn derived_keys_differ_by_label_and_outlive_rotation() {
    let mut keyring = fresh();
    let before = *keyring.derive("a").expose();
    keyring.rotate(NOW).unwrap();
    assert_eq!(keyring.derive("a").expose(), &before);
    assert_ne!(keyring.derive("b").expose(), &before);
    assert_ne!(fresh().derive("a").expose(), &before);
}

proptest! {
    #[test]
    fn cut_or_altered_bytes_never_open(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let root = RootKey::random();
        let mut sealed = fresh().seal_with(&root);
        let at = at.index(sealed.len());
        prop_assert!(Keyring::open_with(&root, &sealed[..at]).is_err());
        sealed[at] ^= 1 << bit;
        prop_assert!(Keyring::open_with(&root, &sealed).is_err());
    }

    #[test]
    fn arbitrary_plaintext_is_an_error_not_a_panic(plain in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(keyring) = Keyring::decode(&plain) {
            prop_assert_eq!(&*keyring.encode(), &plain);
        }
    }
}
