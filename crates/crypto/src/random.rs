//! Random bytes from the operating system, and nothing in between: no generator of our own to seed, fork or leak.

use getrandom::SysRng;
use rand_core::{CryptoRng, UnwrapErr};

/// `N` random bytes, for nonces, ids and salts. A key is made by [`Key32::random`](crate::Key32::random).
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill_random(&mut bytes);
    bytes
}

/// Overwrites `bytes` with random ones.
///
/// # Panics
/// When the operating system has no randomness to give. There is no way to go on: every key and nonce needs it.
pub fn fill_random(bytes: &mut [u8]) {
    // Not input, but the ground the process stands on: a kernel that boots hands out randomness.
    getrandom::fill(bytes).expect("invariant: the operating system hands out randomness");
}

/// The same source, for libraries that ask for a generator.
pub fn rng() -> impl CryptoRng {
    UnwrapErr(SysRng)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_differ() {
        assert_ne!(random::<32>(), random::<32>());
        let mut bytes = [0; 64];
        fill_random(&mut bytes);
        assert_ne!(bytes, [0; 64]);
    }
}
