use super::*;
use crate::{Keyring, combine, split};

#[test]
fn the_numbers_of_a_request_are_judged_one_by_one() {
    let judge = |shares, threshold| SealConfig::shamir(shares, threshold, String::new()).err();
    assert_eq!(judge(0, 0), Some(SealConfigError::NoShares));
    assert_eq!(judge(-1, 1), Some(SealConfigError::NoShares));
    assert_eq!(judge(256, 3), Some(SealConfigError::TooManyShares));
    assert_eq!(judge(5, 0), Some(SealConfigError::NoThreshold));
    assert_eq!(judge(5, 1), Some(SealConfigError::ThresholdOfOne));
    assert_eq!(judge(2, 3), Some(SealConfigError::ThresholdAboveShares));
    assert_eq!(judge(2, i64::MAX), Some(SealConfigError::ThresholdAboveShares));
    for (shares, threshold) in [(1, 1), (5, 3), (255, 255), (2, 2)] {
        assert_eq!(judge(shares, threshold), None);
    }
}

#[test]
fn a_stored_configuration_is_judged_too() {
    let config = SealConfig::shamir(5, 3, "n".to_owned()).unwrap();
    let json = serde_json::to_string(&config).unwrap();
    assert_eq!(json, r#"{"kind":"shamir","shares":5,"threshold":3,"nonce":"n"}"#);
    assert_eq!(serde_json::from_str::<SealConfig>(&json).unwrap(), config);
    assert!(serde_json::from_str::<SealConfig>(&json.replace('5', "2")).is_err());
}

#[test]
fn from_shares_to_an_open_keyring() {
    let config = SealConfig::shamir(5, 3, String::new()).unwrap();
    let (unseal, root) = (UnsealKey::random(), RootKey::random());
    let keyring = Keyring::generate(storage::Millis(1), unseal.join_key()).seal_with(&root);
    let stored = serde_json::to_string(&WrappedRoot::new(vec![wrap_root(&unseal, &root)])).unwrap();
    let shares = split(&unseal, &config);
    drop((unseal, root));

    let unseal = combine(&shares[1..4], &config).unwrap();
    let wrapped = serde_json::from_str(&stored).unwrap();
    let root = unwrap_root(&unseal, &wrapped).unwrap();
    let keyring = Keyring::open_with(&root, &keyring).unwrap();
    assert_eq!(keyring.join_key().expose(), unseal.join_key().expose());
}

#[test]
fn the_wrong_key_is_told_from_damage() {
    let (unseal, root) = (UnsealKey::random(), RootKey::random());
    let good = WrappedRoot::new(vec![wrap_root(&unseal, &root)]);
    assert_eq!(unwrap_root(&UnsealKey::random(), &good).err(), Some(UnwrapError::WrongKey));
    for at in 0..good.wraps[0].bytes.len() {
        let mut bad = good.clone();
        bad.wraps[0].bytes[at] ^= 1;
        assert_eq!(unwrap_root(&unseal, &bad).err(), Some(UnwrapError::Damaged));
    }
    let newer = WrappedRoot { format: 2, ..good };
    assert_eq!(unwrap_root(&unseal, &newer).err(), Some(UnwrapError::UnknownFormat(2)));
}

#[test]
fn wraps_stand_side_by_side_and_any_opens() {
    let (first, second, root) = (UnsealKey::random(), UnsealKey::random(), RootKey::random());
    let both = WrappedRoot::new(vec![wrap_root(&first, &root), wrap_root(&second, &root)]);
    for unseal in [&first, &second] {
        assert_eq!(unwrap_root(unseal, &both).unwrap().id(), root.id());
    }
}

#[test]
fn replacing_the_shares_shuts_out_the_old_ones() {
    let (old, new, root) = (UnsealKey::random(), UnsealKey::random(), RootKey::random());
    let mut wrapped = WrappedRoot::new(vec![wrap_root(&old, &root)]);
    wrapped.replace(wrap_root(&new, &root));
    assert_eq!(unwrap_root(&old, &wrapped).err(), Some(UnwrapError::WrongKey));
    assert_eq!(unwrap_root(&new, &wrapped).unwrap().id(), root.id());
}

#[test]
fn ids_name_keys_without_showing_them() {
    let root = RootKey::random();
    assert_eq!(root.id(), root.id());
    assert_ne!(root.id(), RootKey::random().id());
    assert_ne!(&root.id().0, &root.locked().expose()[..16]);
    assert_eq!(root.id().to_string().len(), 32);
}
