//! The pair that keys are wrapped to on their way here, and wrapping to another one.
//!
//! What travels is an AES key under RSA-OAEP, and behind it the key itself under AES key wrap with padding.

use crypto::{Hash, Key32, PrivateKey, PublicKey, SecretBytes, unwrap_key, wrap_key};
use sdk::{Failure, Key as Path, Read, Result};
use zeroize::Zeroizing;

use crate::record::Secret;
use crate::wire;

const BITS: u32 = 4096;
/// What the AES key has in bytes once it is under the wrapping key.
const OUTER: usize = BITS as usize / 8;

pub fn at() -> Path {
    Path::kind("wrapping")
}

pub fn get(read: &impl Read) -> Result<Option<PrivateKey>> {
    let stored: Option<Secret> = read.get(&at())?;
    let read = |stored: Secret| PrivateKey::from_pkcs8(&stored.0).map_err(Failure::internal);
    stored.map(read).transpose()
}

/// Takes long.
pub fn generate() -> Result<Secret> {
    let made = PrivateKey::generate(crypto::KeyKind::Rsa(BITS)).map_err(Failure::internal)?;
    Ok(Secret(made.pkcs8()))
}

pub fn hash(name: &str) -> Result<Hash> {
    Ok(match name.to_ascii_uppercase().as_str() {
        "SHA1" => Hash::Sha1,
        "SHA224" => Hash::Sha224,
        "SHA256" => Hash::Sha256,
        "SHA384" => Hash::Sha384,
        "SHA512" => Hash::Sha512,
        _ => return Err(Failure::invalid(format!("unknown hash function: {name}"))),
    })
}

pub fn unwrap(pair: &PrivateKey, hash: Hash, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let (outer, inner) = blob.split_at_checked(OUTER).filter(|(_, inner)| !inner.is_empty()).ok_or_else(too_short)?;
    let text = "the ciphertext does not open: it is not wrapped to this mount's wrapping key with this hash_function";
    let aes = pair.decrypt_oaep(hash, outer).map_err(|_| Failure::invalid(text))?;
    let aes = Key32::from_slice(&aes).map_err(|_| Failure::invalid("expected ephemeral AES key to be 256-bit"))?;
    unwrap_key(&aes, inner).map_err(|_| Failure::invalid("the key in the ciphertext is not wrapped by its AES key"))
}

pub fn too_short() -> Failure {
    Failure::invalid("provided ciphertext is too short")
}

pub fn wrap(to: &PublicKey, hash: Hash, key: &SecretBytes) -> Result<String> {
    let aes = Key32::random();
    let mut blob = to
        .encrypt_oaep(hash, aes.expose())
        .map_err(|_| Failure::invalid("failed to wrap target key for import: the destination must be an RSA key"))?;
    blob.extend(wrap_key(&aes, key.expose()).map_err(Failure::internal)?);
    Ok(wire::encode(&blob))
}
