//! AES-256 key wrap with padding (RFC 5649): how keys are handed from one server to another.

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use zeroize::Zeroizing;

use crate::{Key32, OpenError};

pub fn wrap_key(kek: &Key32, key: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut out = vec![0; key.len().next_multiple_of(8) + 8];
    let kek = AesKek::new(&AES_256, kek.expose()).map_err(|_| OpenError)?;
    let len = kek.wrap_with_padding(key, &mut out).map_err(|_| OpenError)?.len();
    out.truncate(len);
    Ok(out)
}

pub fn unwrap_key(kek: &Key32, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let mut out = Zeroizing::new(vec![0; wrapped.len()]);
    let kek = AesKek::new(&AES_256, kek.expose()).map_err(|_| OpenError)?;
    let len = kek.unwrap_with_padding(wrapped, &mut out).map_err(|_| OpenError)?.len();
    out.truncate(len);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_any_length_comes_back_and_a_changed_one_does_not() {
        let kek = Key32::random();
        for len in [1, 7, 8, 16, 20, 32, 1219] {
            let key = vec![9; len];
            let wrapped = wrap_key(&kek, &key).unwrap();
            assert_eq!(*unwrap_key(&kek, &wrapped).unwrap(), key);
            let mut bad = wrapped;
            bad[0] ^= 1;
            assert!(unwrap_key(&kek, &bad).is_err());
        }
        assert!(unwrap_key(&kek, b"").is_err() && unwrap_key(&kek, b"short").is_err());
    }
}
