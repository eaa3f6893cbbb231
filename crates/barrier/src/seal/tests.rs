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

#[tokio::test]
async fn from_shares_to_an_open_keyring() {
    let config = SealConfig::shamir(5, 3, String::new()).unwrap();
    let (unseal, root) = (UnsealKey::random(), RootKey::random());
    let keyring = Keyring::generate(storage::Millis(1), unseal.join_key()).seal_with(&root);
    let stored = serde_json::to_string(&WrappedRoot::new(vec![shares_wrap(&unseal, &root).await])).unwrap();
    let shares = split(&unseal, &config);
    drop((unseal, root));

    let unseal = combine(&shares[1..4], &config).unwrap();
    let wrapped = serde_json::from_str(&stored).unwrap();
    let root = unwrap_root(&unseal, &wrapped).await.unwrap();
    let keyring = Keyring::open_with(&root, &keyring).unwrap();
    assert_eq!(keyring.join_key().expose(), unseal.join_key().expose());
}

#[tokio::test]
async fn the_wrong_key_is_told_from_damage() {
    let (unseal, root) = (UnsealKey::random(), RootKey::random());
    let good = WrappedRoot::new(vec![shares_wrap(&unseal, &root).await]);
    assert_eq!(unwrap_root(&UnsealKey::random(), &good).await.err(), Some(UnwrapError::WrongKey));
    for at in 0..good.wraps[0].bytes.len() {
        let mut bad = good.clone();
        bad.wraps[0].bytes[at] ^= 1;
        assert_eq!(unwrap_root(&unseal, &bad).await.err(), Some(UnwrapError::Damaged));
    }
    let newer = WrappedRoot { format: 2, ..good };
    assert_eq!(unwrap_root(&unseal, &newer).await.err(), Some(UnwrapError::UnknownFormat(2)));
}

#[tokio::test]
async fn wraps_stand_side_by_side_and_any_opens() {
    let (first, second, root) = (UnsealKey::random(), UnsealKey::random(), RootKey::random());
    let both = WrappedRoot::new(vec![shares_wrap(&first, &root).await, shares_wrap(&second, &root).await]);
    for unseal in [&first, &second] {
        assert_eq!(unwrap_root(unseal, &both).await.unwrap().id(), root.id());
    }
}

#[tokio::test]
async fn replacing_the_shares_shuts_out_the_old_ones() {
    let (old, new, root) = (UnsealKey::random(), UnsealKey::random(), RootKey::random());
    let mut wrapped = WrappedRoot::new(vec![shares_wrap(&old, &root).await]);
    wrapped.replace(shares_wrap(&new, &root).await);
    assert_eq!(unwrap_root(&old, &wrapped).await.err(), Some(UnwrapError::WrongKey));
    assert_eq!(unwrap_root(&new, &wrapped).await.unwrap().id(), root.id());
}

#[tokio::test]
async fn a_static_key_opens_root_and_join_key_and_a_former_one_still_does() {
    let (old, new) = (
        || ("2024".to_owned(), Key32::from_slice(&[1; 32]).unwrap()),
        || ("2025".to_owned(), Key32::from_slice(&[2; 32]).unwrap()),
    );
    let (first, root, join) = (StaticSeal::new(old(), None), RootKey::random(), JoinKey::random());
    let wrapped = WrappedRoot::new(vec![wrap_root(&first, &root, &join).await.unwrap()]);
    let stored = serde_json::to_string(&wrapped).unwrap();
    let wrapped: WrappedRoot = serde_json::from_str(&stored).unwrap();
    for seal in [&first, &StaticSeal::new(new(), Some(old()))] {
        assert_eq!(unwrap_root(seal, &wrapped).await.unwrap().id(), root.id());
        assert_eq!(seal.find_join_key("", &wrapped.join_wraps()).await.unwrap().expose(), join.expose());
    }
    assert_eq!(unwrap_root(&StaticSeal::new(new(), None), &wrapped).await.err(), Some(UnwrapError::WrongKey));
    let impostor = StaticSeal::new(("2024".to_owned(), Key32::random()), None);
    assert_eq!(unwrap_root(&impostor, &wrapped).await.err(), Some(UnwrapError::Damaged));
    assert!(impostor.find_join_key("", &wrapped.join_wraps()).await.is_err());
    assert_eq!(unwrap_root(&UnsealKey::random(), &wrapped).await.err(), Some(UnwrapError::WrongKey));
}

#[tokio::test]
async fn recovery_shares_open_beside_the_static_key() {
    let (fixed, shares, root) =
        (StaticSeal::new(("a".to_owned(), Key32::random()), None), UnsealKey::random(), RootKey::random());
    let mut wrapped = WrappedRoot::new(vec![shares_wrap(&shares, &root).await]);
    wrapped.replace(wrap_root(&fixed, &root, &shares.join_key()).await.unwrap());
    assert_eq!(wrapped.wraps.len(), 2);
    assert_eq!(unwrap_root(&shares, &wrapped).await.unwrap().id(), root.id());
    assert_eq!(unwrap_root(&fixed, &wrapped).await.unwrap().id(), root.id());
    let found = fixed.find_join_key("", &wrapped.join_wraps()).await.unwrap();
    assert_eq!(found.expose(), shares.join_key().expose(), "whoever holds either joins");
}

#[test]
fn a_seal_that_unseals_by_itself_may_have_no_shares() {
    let none = SealConfig::automatic(SealKind::Static, 0, 0, String::new()).unwrap();
    let json = serde_json::to_string(&none).unwrap();
    assert_eq!(serde_json::from_str::<SealConfig>(&json).unwrap(), none);
    assert!(split(&UnsealKey::random(), &none).is_empty());
    let share = crate::Share::from_slice(&[1; 33]);
    assert_eq!(share.check(&none), Err(crate::CombineError::NoShares));
    assert_eq!(combine(&[share], &none).err(), Some(crate::CombineError::NoShares));
    assert!(SealConfig::automatic(SealKind::Static, 3, 1, String::new()).is_err());
    let of_none = SealConfig::automatic(SealKind::Static, 0, 1, String::new()).unwrap_err();
    assert!(of_none.to_string().contains("it must be 0 too"), "{of_none}");
}

#[tokio::test]
async fn of_two_seals_of_one_kind_each_opens_its_own_wrap() {
    let seal = |byte| StaticSeal::new(("same".to_owned(), Key32::from_slice(&[byte; 32]).unwrap()), None);
    let (a, b, root, join) = (seal(1), seal(2), RootKey::random(), JoinKey::random());
    let mut wrapped = WrappedRoot::new(Vec::new());
    for (name, seal) in [("a", &a), ("b", &b)] {
        wrapped.replace(wrap_root(seal, &root, &join).await.unwrap().named(name));
    }
    let stored = serde_json::to_string(&wrapped).unwrap();
    let mut wrapped: WrappedRoot = serde_json::from_str(&stored).unwrap();
    for seal in [&a, &b] {
        assert_eq!(unwrap_root(seal, &wrapped).await.unwrap().id(), root.id());
        assert_eq!(seal.find_join_key("", &wrapped.join_wraps()).await.unwrap().expose(), join.expose());
    }
    wrapped.replace(wrap_root(&b, &root, &join).await.unwrap().named("a"));
    assert_eq!(wrapped.wraps.len(), 2, "that of the same name was replaced");
    assert_eq!(unwrap_root(&a, &wrapped).await.err(), Some(UnwrapError::Damaged));
}

/// A service that has no word for what another one has sealed.
struct Curt(StaticSeal);

#[async_trait]
impl Seal for Curt {
    fn kind(&self) -> SealKind {
        SealKind::Static
    }
    fn key_id(&self) -> String {
        self.0.key_id()
    }
    async fn encrypt(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, SealFailure> {
        self.0.encrypt(purpose, plain).await
    }
    async fn decrypt(&self, id: &str, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealFailure> {
        let opened = self.0.decrypt(id, purpose, sealed).await;
        opened.map_err(|_| SealFailure::Unavailable("it answered 500".to_owned()))
    }
}

#[tokio::test]
async fn a_foreign_wrap_before_the_own_one_hinders_nobody() {
    let seal = |byte| Curt(StaticSeal::new(("same".to_owned(), Key32::from_slice(&[byte; 32]).unwrap()), None));
    let (a, b, root, join) = (seal(1), seal(2), RootKey::random(), JoinKey::random());
    let first = wrap_root(&a, &root, &join).await.unwrap().named("a");
    let both = WrappedRoot::new(vec![first.clone(), wrap_root(&b, &root, &join).await.unwrap().named("b")]);
    assert_eq!(unwrap_root(&b, &both).await.unwrap().id(), root.id());
    let alone = WrappedRoot::new(vec![first]);
    assert!(matches!(unwrap_root(&b, &alone).await, Err(UnwrapError::Unavailable(_))), "time may mend it");
}

#[tokio::test]
async fn a_seal_tries_its_own_wrap_first_and_others_where_it_does_not_fit() {
    let seal = StaticSeal::new(("same".to_owned(), Key32::random()), None);
    let (own, other, join) = (RootKey::random(), RootKey::random(), JoinKey::random());
    let wrap = async |root: &RootKey, join: &JoinKey, name| wrap_root(&seal, root, join).await.unwrap().named(name);
    let both = WrappedRoot::new(vec![wrap(&other, &JoinKey::random(), "a").await, wrap(&own, &join, "b").await]);
    let opened = async |name, fits: &(dyn Fn(&RootKey) -> bool + Send + Sync)| {
        unwrap_fitting_root(&seal, name, &both, fits).await.map(|root| root.id())
    };
    assert_eq!(opened("b", &|_| true).await, Ok(own.id()));
    assert_eq!(opened("a", &|_| true).await, Ok(other.id()));
    assert_eq!(opened("a", &|root| root.id() == own.id()).await, Ok(own.id()));
    assert_eq!(opened("a", &|_| false).await, Err(UnwrapError::Damaged));
    let found = seal.find_join_key("b", &both.join_wraps()).await.unwrap();
    assert_eq!(found.expose(), join.expose());
}

/// What it seals does not open.
struct Garbling(StaticSeal);

#[async_trait]
impl Seal for Garbling {
    fn kind(&self) -> SealKind {
        SealKind::Static
    }
    fn key_id(&self) -> String {
        self.0.key_id()
    }
    async fn encrypt(&self, _purpose: &str, plain: &[u8]) -> Result<Vec<u8>, SealFailure> {
        self.0.encrypt("another", plain).await
    }
    async fn decrypt(&self, id: &str, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealFailure> {
        self.0.decrypt(id, purpose, sealed).await
    }
}

#[tokio::test]
async fn nobody_gets_a_wrap_that_was_not_opened_again() {
    let seal = Garbling(StaticSeal::new(("k".to_owned(), Key32::random()), None));
    let made = wrap_root(&seal, &RootKey::random(), &JoinKey::random()).await;
    assert_eq!(made.err(), Some(SealFailure::DoesNotOpen));
}

#[tokio::test]
async fn a_wrap_without_a_name_has_its_kind_s() {
    let (seal, root) = (StaticSeal::new(("k".to_owned(), Key32::random()), None), RootKey::random());
    let wrap = wrap_root(&seal, &root, &JoinKey::random()).await.unwrap();
    let mut wrapped = WrappedRoot::new(vec![wrap.clone()]);
    assert!(!serde_json::to_string(&wrapped).unwrap().contains("name"), "as it was stored before there were names");
    assert_eq!(wrapped.of("static"), Some(&wrap));
    wrapped.replace(wrap.clone().named("static"));
    assert_eq!(wrapped.wraps.len(), 1);
    assert!(wrapped.of("shamir").is_none());
}

#[test]
fn what_is_bound_to_a_purpose_serves_no_other() {
    let bound = bind("root", b"plain");
    assert_eq!(unbind("root", bound.clone()).unwrap()[..], *b"plain");
    assert_eq!(unbind("join", bound).err(), Some(SealFailure::DoesNotOpen));
    for short in [0, 31] {
        assert_eq!(unbind("root", zeroize::Zeroizing::new(vec![0; short])).err(), Some(SealFailure::DoesNotOpen));
    }
}

async fn shares_wrap(unseal: &UnsealKey, root: &RootKey) -> Wrap {
    wrap_root(unseal, root, &unseal.join_key()).await.unwrap()
}

#[test]
fn ids_name_keys_without_showing_them() {
    let root = RootKey::random();
    assert_eq!(root.id(), root.id());
    assert_ne!(root.id(), RootKey::random().id());
    assert_ne!(&root.id().0, &root.locked().expose()[..16]);
    assert_eq!(root.id().to_string().len(), 32);
}
