//! A purpose bound to a plaintext from the inside: for key services and devices whose encryption takes no associated data,
//! or whose keys decide whether it does.

use crypto::{ct_eq, sha256};
use zeroize::Zeroizing;

use super::SealFailure;

/// What is given to the service: of a fixed length more than the plaintext, so that it fits into one RSA block too.
pub fn bind(purpose: &str, plain: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([sha256(purpose.as_bytes()).as_slice(), plain].concat())
}

/// The plaintext, if it was bound to this purpose.
pub fn unbind(purpose: &str, bound: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, SealFailure> {
    let expected = sha256(purpose.as_bytes());
    match bound.split_first_chunk::<32>() {
        Some((found, plain)) if ct_eq(found, &expected) => Ok(Zeroizing::new(plain.to_vec())),
        _ => Err(SealFailure::DoesNotOpen),
    }
}
