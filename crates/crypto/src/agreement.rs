//! X25519: a key that two who know each other's public halves can both make, for one message.

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};

use crate::{Key32, OpenError, hkdf_sha256};

/// One side's pair. Its private half is wiped by the library when it is dropped.
pub struct Agreement {
    private: PrivateKey,
    public: [u8; 32],
}

impl Agreement {
    pub fn fresh() -> Self {
        // Nothing but memory can lack, and without it the process ends anyway.
        Self::of(PrivateKey::generate(&X25519).expect("invariant: X25519 makes a key of any random bytes"))
    }

    /// The pair of a private half that is kept.
    pub fn kept(key: &Key32) -> Self {
        Self::of(
            PrivateKey::from_private_key(&X25519, key.expose()).expect("invariant: any 32 bytes are a private half"),
        )
    }

    fn of(private: PrivateKey) -> Self {
        let made = private.compute_public_key().expect("invariant: a private key has a public half");
        let mut public = [0; 32];
        public.copy_from_slice(made.as_ref());
        Self { private, public }
    }

    pub fn public(&self) -> [u8; 32] {
        self.public
    }

    /// The key for `label` that the holder of the other half makes as well. Both add what must not differ in `context`,
    /// the public halves among it.
    pub fn key(&self, theirs: &[u8; 32], label: &str, context: &[&[u8]]) -> Result<Key32, OpenError> {
        let theirs = UnparsedPublicKey::new(&X25519, theirs);
        agree(&self.private, theirs, OpenError, |shared| {
            let mut info = vec![label.as_bytes()];
            info.extend(context);
            let mut derived = Ok(());
            let key = Key32::filled(|key| derived = hkdf_sha256(&[], shared, &info, key));
            derived.map(|()| key).map_err(|_| OpenError)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_make_the_same_key_and_nobody_else_does() {
        let (a, b, c) = (Agreement::fresh(), Agreement::fresh(), Agreement::fresh());
        let key = |own: &Agreement, other: &Agreement, label, context| {
            *own.key(&other.public(), label, &[context]).unwrap().expose()
        };
        assert_eq!(key(&a, &b, "x", b"1"), key(&b, &a, "x", b"1"));
        assert_ne!(key(&a, &b, "x", b"1"), key(&a, &b, "y", b"1"));
        assert_ne!(key(&a, &b, "x", b"1"), key(&a, &b, "x", b"2"));
        assert_ne!(key(&a, &b, "x", b"1"), key(&c, &b, "x", b"1"));
        // A point of small order would make the secret known to everybody.
        assert!(a.key(&[0; 32], "x", &[]).is_err());
    }

    #[test]
    fn a_kept_half_makes_the_same_pair_again() {
        let (kept, other) = (Key32::random(), Agreement::fresh());
        let (one, again) = (Agreement::kept(&kept), Agreement::kept(&kept));
        assert_eq!(one.public(), again.public());
        let key = |pair: &Agreement| *pair.key(&other.public(), "x", &[]).unwrap().expose();
        assert_eq!(key(&one), key(&again));
    }

    /// RFC 7748, 5.2: one iteration from nine and nine.
    #[test]
    fn known_answer() {
        let mut nine = [0; 32];
        nine[0] = 9;
        let private = PrivateKey::from_private_key(&X25519, &nine).unwrap();
        let shared = agree(&private, UnparsedPublicKey::new(&X25519, nine), OpenError, |s| Ok(hex::encode(s)));
        assert_eq!(shared.unwrap(), "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
}
