use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use storage::{Class, SegKind};

use super::*;
use crate::UnsealKey;

const NOW: Millis = Millis(1_700_000_000_000);

fn unsealed() -> Barrier {
    let barrier = Barrier::new();
    barrier.unseal(Keyring::generate(NOW, UnsealKey::random().join_key()), RootKey::random());
    barrier
}

fn key(name: &[u8]) -> RawKey {
    let mut key = RawKey::root(Class::Replicated).plain("kv");
    key.push(SegKind::Sealed, name).unwrap();
    key
}

fn rotate(barrier: &Barrier) -> SealedKeyring {
    let next = barrier.rotated(NOW).unwrap();
    assert_eq!(barrier.install(&next.bytes), Ok(true));
    next
}

#[test]
fn a_moved_ciphertext_does_not_open() {
    let barrier = unsealed();
    let sealed = barrier.seal_value(&key(b"here"), b"secret").unwrap();
    assert_eq!(*barrier.open_value(&key(b"here"), &sealed).unwrap(), b"secret");
    assert!(matches!(barrier.open_value(&key(b"there"), &sealed), Err(SealError::Corrupt(_))));
    let local = RawKey::parse([b"L", &key(b"here").as_bytes()[1..]].concat()).unwrap();
    assert!(matches!(barrier.open_value(&local, &sealed), Err(SealError::Corrupt(_))), "another class");
}

#[test]
fn another_keyring_does_not_open_it() {
    let sealed = unsealed().seal_value(&key(b"k"), b"secret").unwrap();
    assert!(matches!(unsealed().open_value(&key(b"k"), &sealed), Err(SealError::Corrupt(_))));
}

#[test]
fn the_format_of_a_value_is_as_written_down() {
    let barrier = unsealed();
    rotate(&barrier);
    let sealed = barrier.seal_value(&key(b"k"), b"12345").unwrap();
    assert_eq!(sealed[..5], [1, 0, 0, 0, 2], "format, then the term");
    assert_eq!(sealed.len(), 5 + 12 + 5 + 16);
    assert_ne!(sealed, barrier.seal_value(&key(b"k"), b"12345").unwrap(), "a nonce of its own");
}

#[test]
fn a_value_of_an_unknown_term_or_format_says_so() {
    let barrier = unsealed();
    let sealed = barrier.seal_value(&key(b"k"), b"v").unwrap();
    let why = |at: usize, byte: u8| {
        let mut bad = sealed.clone();
        bad[at] = byte;
        barrier.open_value(&key(b"k"), &bad).unwrap_err()
    };
    assert_eq!(why(4, 9), SealError::UnknownTerm(9));
    assert!(matches!(why(0, 7), SealError::Corrupt(why) if why.contains("format 7")));
}

#[test]
fn rotation_writes_with_the_new_key_and_reads_with_the_old() {
    let barrier = unsealed();
    let old = barrier.seal_value(&key(b"k"), b"old").unwrap();
    let name = barrier.seal_name(b"folder", b"name").unwrap();
    let audit = barrier.audit_hmac(b"x").unwrap();
    let (again, message) = (barrier.token_hmac(b"t").unwrap(), barrier.seal_message("there", b"1", b"m").unwrap());

    let next = barrier.rotated(NOW).unwrap();
    assert_eq!(barrier.active_term(), Ok(1), "not before it is installed");
    assert_eq!(barrier.install(&next.bytes), Ok(true));
    assert_eq!((next.active_term, barrier.active_term()), (2, Ok(2)));

    let new = barrier.seal_value(&key(b"k"), b"new").unwrap();
    assert_eq!((old[4], new[4]), (1, 2));
    assert_eq!(*barrier.open_value(&key(b"k"), &old).unwrap(), b"old");
    assert_eq!(*barrier.open_value(&key(b"k"), &new).unwrap(), b"new");
    // What does not rotate has not.
    assert_eq!(barrier.seal_name(b"folder", b"name").unwrap(), name);
    assert_eq!(barrier.audit_hmac(b"x").unwrap(), audit);
    assert_eq!(barrier.token_hmac(b"t").unwrap(), again);
    assert_eq!(*barrier.open_message("there", b"1", &message).unwrap(), b"m");
}

#[test]
fn another_term_does_not_pass_for_the_one_that_sealed() {
    let barrier = unsealed();
    rotate(&barrier);
    let mut sealed = barrier.seal_value(&key(b"k"), b"v").unwrap();
    sealed[4] = 1;
    assert!(matches!(barrier.open_value(&key(b"k"), &sealed), Err(SealError::Corrupt(_))));
}

#[test]
fn an_edition_counts_once_and_never_backwards() {
    let barrier = unsealed();
    let first = rotate(&barrier);
    let second = rotate(&barrier);
    assert_eq!(barrier.install(&first.bytes), Ok(false), "older");
    assert_eq!(barrier.install(&second.bytes), Ok(false), "the same");
    assert_eq!(barrier.active_term(), Ok(3));
}

#[test]
fn a_strangers_keyring_is_refused() {
    let barrier = unsealed();
    let stranger = Keyring::generate(NOW, UnsealKey::random().join_key());
    let sealed = barrier.with_root(|root| stranger.seal_with(root)).unwrap();
    assert_eq!(barrier.install(&sealed), Err(InstallError::Stranger));
    let elsewhere = unsealed().rotated(NOW).unwrap();
    assert_eq!(barrier.install(&elsewhere.bytes), Err(InstallError::Keyring(KeyringError::DoesNotOpen)));
    assert_eq!(barrier.install(b""), Err(InstallError::Keyring(KeyringError::Corrupt("it is empty"))));
}

#[test]
fn a_later_edition_that_forgets_a_term_is_refused() {
    let barrier = unsealed();
    let before = barrier.rejoined(UnsealKey::random().join_key()).unwrap().bytes;
    rotate(&barrier);
    let value = barrier.seal_value(&key(b"k"), b"v").unwrap();
    let fork = barrier.with_root(|root| {
        let mut fork = Keyring::open_with(root, &before).unwrap();
        fork.set_join_key(UnsealKey::random().join_key());
        assert!(fork.edition() > 2);
        fork.seal_with(root)
    });
    assert_eq!(barrier.install(&fork.unwrap()), Err(InstallError::Stranger));
    assert_eq!(*barrier.open_value(&key(b"k"), &value).unwrap(), b"v");
}

#[test]
fn another_node_follows_by_installing_what_was_stored() {
    let (leader, follower) = (unsealed(), Barrier::new());
    let root = leader.with_root(|root| RootKey::from_key(crypto::Key32::from_slice(root.locked().expose()).unwrap()));
    let root = root.unwrap();
    let stored = leader.with(|u| u.keyring.seal_with(&u.root)).unwrap();
    follower.unseal(Keyring::open_with(&root, &stored).unwrap(), root);

    let next = rotate(&leader);
    let sealed = leader.seal_value(&key(b"k"), b"v").unwrap();
    assert!(matches!(follower.open_value(&key(b"k"), &sealed), Err(SealError::UnknownTerm(_))));
    assert_eq!(follower.install(&next.bytes), Ok(true));
    assert_eq!(*follower.open_value(&key(b"k"), &sealed).unwrap(), b"v");
    assert_eq!(follower.seal_name(b"f", b"n"), leader.seal_name(b"f", b"n"));
}

#[test]
fn equal_names_look_alike_in_one_folder_and_nowhere_else() {
    let barrier = unsealed();
    let sealed = barrier.seal_name(b"one", b"db").unwrap();
    assert_eq!(sealed, barrier.seal_name(b"one", b"db").unwrap());
    assert_ne!(sealed, barrier.seal_name(b"two", b"db").unwrap());
    assert_eq!(barrier.open_name(b"one", &sealed).unwrap(), b"db");
    assert!(matches!(barrier.open_name(b"two", &sealed), Err(SealError::Corrupt(_))));
    assert_ne!(unsealed().seal_name(b"one", b"db").unwrap(), sealed);
}

#[test]
fn encryptions_are_counted_by_term_and_across_editions() {
    let barrier = unsealed();
    for _ in 0..3 {
        barrier.seal_value(&key(b"k"), b"v").unwrap();
    }
    rotate(&barrier);
    barrier.seal_value(&key(b"k"), b"v").unwrap();
    let counts = barrier.terms().unwrap().into_iter().map(|t| (t.term, t.installed, t.encryptions));
    assert_eq!(counts.collect::<Vec<_>>(), [(1, NOW, 3), (2, NOW, 1)]);
}

#[test]
fn sealed_it_does_nothing() {
    let barrier = unsealed();
    let k = key(b"k");
    let value = barrier.seal_value(&k, b"v").unwrap();
    let name = barrier.seal_name(b"f", b"n").unwrap();
    let message = barrier.seal_message("to", b"1", b"m").unwrap();
    let next = barrier.rotated(NOW).unwrap();
    let left = Arc::downgrade(&barrier.state.load_full().unwrap());
    barrier.seal();

    assert!(barrier.is_sealed());
    assert!(left.upgrade().is_none(), "nobody holds the keys any more");
    let sealed = SealError::Sealed;
    assert_eq!(barrier.seal_value(&k, b"v").err(), Some(SealError::Sealed));
    assert_eq!(barrier.open_value(&k, &value).err(), Some(SealError::Sealed));
    assert_eq!(barrier.seal_name(b"f", b"n").err(), Some(SealError::Sealed));
    assert_eq!(barrier.open_name(b"f", &name).err(), Some(SealError::Sealed));
    assert_eq!(barrier.seal_message("to", b"1", b"m").err(), Some(SealError::Sealed));
    assert_eq!(barrier.open_message("to", b"1", &message).err(), Some(SealError::Sealed));
    assert_eq!(barrier.audit_hmac(b"x").err(), Some(SealError::Sealed));
    assert_eq!(barrier.token_hmac(b"x").err(), Some(SealError::Sealed));
    assert_eq!(barrier.with_root(|_| ()).err(), Some(SealError::Sealed));
    assert_eq!(barrier.terms().err(), Some(SealError::Sealed));
    assert_eq!(barrier.active_term().err(), Some(SealError::Sealed));
    assert_eq!(barrier.is_memory_locked().err(), Some(sealed));
    assert_eq!(barrier.rotated(NOW).err(), Some(InstallError::Sealed));
    assert_eq!(barrier.install(&next.bytes).err(), Some(InstallError::Sealed), "and an edition does not unseal");
}

#[test]
fn sealing_waits_for_nobody_and_breaks_nobody_under_way() {
    let barrier = unsealed();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = 0_u32;
                    while !stop.load(Ordering::Relaxed) {
                        match barrier.seal_value(&key(b"k"), b"v") {
                            Ok(sealed) => match barrier.open_value(&key(b"k"), &sealed) {
                                Ok(plain) => assert_eq!(*plain, b"v"),
                                Err(e) => assert_eq!(e, SealError::Sealed),
                            },
                            Err(e) => {
                                assert_eq!(e, SealError::Sealed);
                                return done;
                            }
                        }
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        for _ in 0..20 {
            rotate(&barrier);
        }
        barrier.seal();
        for worker in workers {
            worker.join().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(barrier.is_sealed());
}

#[test]
fn a_message_opens_only_for_its_direction_and_request() {
    let barrier = unsealed();
    let sealed = barrier.seal_message("request", b"7", b"body").unwrap();
    assert_eq!(*barrier.open_message("request", b"7", &sealed).unwrap(), b"body");
    let others = [("answer", &b"7"[..]), ("request", b"8"), ("request7", b""), ("reques", b"t7")];
    for (label, aad) in others {
        assert!(matches!(barrier.open_message(label, aad, &sealed), Err(SealError::Corrupt(_))), "{label}");
    }
    for at in 0..sealed.len() {
        let mut bad = sealed.clone();
        bad[at] ^= 1;
        assert!(barrier.open_message("request", b"7", &bad).is_err(), "byte {at}");
        assert!(barrier.open_message("request", b"7", &sealed[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn the_hmacs_are_of_different_keys() {
    let barrier = unsealed();
    assert_eq!(barrier.audit_hmac(b"x"), barrier.audit_hmac(b"x"));
    assert_ne!(barrier.audit_hmac(b"x"), barrier.token_hmac(b"x"));
    assert_ne!(barrier.audit_hmac(b"x"), unsealed().audit_hmac(b"x"));
}

proptest! {
    #[test]
    fn values_round_trip_and_any_flipped_bit_is_noticed(
        name in prop::collection::vec(any::<u8>(), 0..50),
        value in prop::collection::vec(any::<u8>(), 0..300),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let barrier = unsealed();
        let key = key(&name);
        let mut sealed = barrier.seal_value(&key, &value).unwrap();
        prop_assert_eq!(&*barrier.open_value(&key, &sealed).unwrap(), &value);
        let at = at.index(sealed.len());
        prop_assert!(barrier.open_value(&key, &sealed[..at]).is_err());
        sealed[at] ^= 1 << bit;
        prop_assert!(barrier.open_value(&key, &sealed).is_err());
    }

    #[test]
    fn names_round_trip(before in prop::collection::vec(any::<u8>(), 0..50), name in prop::collection::vec(any::<u8>(), 0..300)) {
        let barrier = unsealed();
        let sealed = barrier.seal_name(&before, &name).unwrap();
        prop_assert_eq!(sealed.len(), name.len() + 16);
        prop_assert_eq!(barrier.open_name(&before, &sealed).unwrap(), name);
    }
}
