//! What a disk, a backup or another node gives back: nothing opens but what was sealed, and at its own place.
#![no_main]

use std::sync::LazyLock;

use barrier::{Barrier, JoinKey, Keyring, RootKey};
use libfuzzer_sys::fuzz_target;
use storage::{Class, Millis, RawKey, Sealer};

const SECRET: &[u8] = b"a value";

struct Bench {
    barrier: Barrier,
    root: RootKey,
    sealed: Vec<u8>,
}

fn key() -> RawKey {
    RawKey::root(Class::Replicated).plain("fuzzed")
}

static BENCH: LazyLock<Bench> = LazyLock::new(|| {
    let barrier = Barrier::new();
    barrier.unseal(Keyring::generate(Millis(0), JoinKey::random()), RootKey::random());
    let sealed = barrier.seal_value(&key(), SECRET).expect("it is unsealed");
    Bench { barrier, root: RootKey::random(), sealed }
});

fuzz_target!(|data: &[u8]| {
    let Bench { barrier, root, sealed } = &*BENCH;
    assert!(barrier.open_name(b"before", data).is_err());
    assert!(barrier.open_message("fuzzed", &[], data).is_err());
    assert!(Keyring::open_with(root, data).is_err());
    // The record with some of its bytes changed; and the fuzzer comes upon the record itself.
    let mut changed = sealed.clone();
    for pair in data.chunks_exact(2) {
        let at = usize::from(pair[0]) % changed.len();
        changed[at] ^= pair[1];
    }
    for record in [data, &changed] {
        match barrier.open_value(&key(), record) {
            Ok(opened) => assert!(record == sealed.as_slice() && opened.as_slice() == SECRET),
            Err(_) => assert_ne!(record, sealed.as_slice()),
        }
    }
});
