//! HMAC-SHA256.

use ring::hmac::{Context, HMAC_SHA256, Key};

use crate::wiped::{Home, Wiped};
use crate::{Key32, Locked, LockedKey, ct_eq};

/// The MAC of one message under a key of any length.
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    mac(&Wiped::new(Key::new(HMAC_SHA256, key)), &[message])
}

/// A key made ready for many messages.
pub struct Hmac(Home<Key>);

impl Hmac {
    pub fn new(key: &Key32) -> Self {
        Self(Home::Heap(Wiped::new(Key::new(HMAC_SHA256, key.expose()))))
    }

    /// With the prepared key in locked memory too: one page per key.
    pub fn locked(key: &LockedKey) -> Self {
        Self(Home::Page(Locked::new(Key::new(HMAC_SHA256, key.expose()))))
    }

    pub fn mac(&self, message: &[u8]) -> [u8; 32] {
        self.mac_parts(&[message])
    }

    /// The MAC of the parts set end to end. They are not told apart: give lengths to what can vary.
    pub fn mac_parts(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.0, parts)
    }

    #[must_use]
    pub fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        self.verify_parts(&[message], tag)
    }

    #[must_use]
    pub fn verify_parts(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        ct_eq(&self.mac_parts(parts), tag)
    }
}

fn mac(key: &Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, cases 1, 2, 3, 6 and 7.
    #[test]
    fn known_answers() {
        let long_data = b"This is a test using a larger than block-size key and a larger than block-size data. \
            The key needs to be hashed before being used by the HMAC algorithm.";
        let cases: [(&[u8], &[u8], &str); 5] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (&[0xaa; 131], long_data, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
        ];
        for (key, message, want) in cases {
            assert_eq!(hex::encode(hmac_sha256(key, message)), want);
        }
    }

    #[test]
    fn every_form_agrees_and_verifying_is_strict() {
        let bytes = [5; 32];
        let heap = Hmac::new(&Key32::from_slice(&bytes).unwrap());
        let page = Hmac::locked(&LockedKey::from_key(Key32::from_slice(&bytes).unwrap()));
        let tag = hmac_sha256(&bytes, b"ab");
        assert_eq!(heap.mac(b"ab"), tag);
        assert_eq!(page.mac_parts(&[b"a", b"b"]), tag);
        assert!(heap.verify(b"ab", &tag) && page.verify_parts(&[b"ab"], &tag));
        assert!(!heap.verify(b"ac", &tag));
        assert!(!heap.verify(b"ab", &tag[..31]));
        assert!(!heap.verify(b"ab", b""));
    }
}
