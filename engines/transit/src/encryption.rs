//! Encrypting and decrypting one text. A ciphertext is nonce ‖ ciphertext ‖ tag, or what OAEP gives, in base64.

use crypto::{Cipher, Hash, hmac_sha256};
use sdk::{Failure, Result};
use zeroize::Zeroizing;

use crate::keys::InUse;
use crate::wire;

/// What a caller gives besides the text, decoded.
#[derive(Default)]
pub struct Extras {
    pub context: Vec<u8>,
    pub associated_data: Vec<u8>,
}

pub fn encrypt(used: &InUse, asked: i64, extras: &Extras, plain: &[u8]) -> Result<(String, u64)> {
    let key = &used.key;
    key.usable()?;
    if !key.kind.encrypts() {
        let text = format!("message encryption not supported for key type {}", key.kind.name());
        return Err(Failure::invalid(text));
    }
    let number = used.newest("encryption", asked)?;
    let ready = used.version(number)?;
    let aad = &extras.associated_data;
    let sealed = match key.kind.cipher() {
        Some(kind) => match (&ready.cipher, key.derived) {
            (Some(cipher), _) => cipher.seal(aad, plain),
            (None, Some(kdf)) if key.convergent => {
                let both = ready.derive(kdf, &extras.context, kind.key_len() + 32)?;
                let (own, mac) = both.split_at(kind.key_len());
                let cipher = Cipher::new(kind, own).map_err(Failure::internal)?;
                cipher.seal_convergent(&convergent_nonce(mac, aad, plain), aad, plain)
            }
            (None, Some(kdf)) => {
                let own = ready.derive(kdf, &extras.context, kind.key_len())?;
                Cipher::new(kind, &own).map_err(Failure::internal)?.seal(aad, plain)
            }
            (None, None) => return Err(Failure::internal("a key without its cipher")),
        },
        None => {
            let public = ready.public().ok_or_else(|| Failure::internal("a key without its public half"))?;
            public.encrypt_oaep(Hash::Sha256, plain).map_err(|_| {
                Failure::invalid("failed to RSA encrypt the plaintext: the message is too long for the key size")
            })?
        }
    };
    Ok((wire::prefixed(number, &wire::encode(&sealed)), number))
}

/// One nonce never stands for two pairs of plaintext and associated data, or whoever sees both could forge a third.
fn convergent_nonce(mac: &[u8], aad: &[u8], plain: &[u8]) -> [u8; 32] {
    match aad {
        [] => hmac_sha256(mac, plain),
        aad => hmac_sha256(&hmac_sha256(mac, aad), plain),
    }
}

pub fn decrypt(used: &InUse, extras: &Extras, text: &str) -> Result<Zeroizing<Vec<u8>>> {
    let key = &used.key;
    key.usable()?;
    if !key.kind.encrypts() {
        let text = format!("message decryption not supported for key type {}", key.kind.name());
        return Err(Failure::invalid(text));
    }
    let (number, encoded) = wire::split("ciphertext", text)?;
    // The first servers counted from zero.
    let number = used.oldest("ciphertext", number.max(1))?;
    let sealed = wire::decode(encoded).map_err(|_| Failure::invalid("invalid ciphertext: could not decode base64"))?;
    let ready = used.version(number)?;
    let Some(kind) = key.kind.cipher() else {
        let text = "cannot decrypt ciphertext, key version does not have a private counterpart";
        let private = ready.private().ok_or_else(|| Failure::invalid(text))?;
        let opened = private.decrypt_oaep(Hash::Sha256, &sealed);
        return opened.map_err(|_| Failure::invalid("failed to RSA decrypt the ciphertext"));
    };
    let derived;
    let cipher = match (&ready.cipher, key.derived) {
        (Some(cipher), _) => cipher,
        (None, Some(kdf)) => {
            let own = ready.derive(kdf, &extras.context, kind.key_len())?;
            derived = Cipher::new(kind, &own).map_err(Failure::internal)?;
            &derived
        }
        (None, None) => return Err(Failure::internal("a key without its cipher")),
    };
    if sealed.len() < kind.nonce_len() {
        return Err(Failure::invalid("invalid ciphertext length"));
    }
    let opened = cipher.open(&extras.associated_data, &sealed);
    opened.map_err(|_| Failure::invalid("cipher: message authentication failed"))
}

/// Decodes what was given with a text.
pub fn extras(used: &InUse, at: usize, context: Vec<u8>, associated_data: &str) -> Result<Extras> {
    if associated_data.is_empty() {
        return Ok(Extras { context, associated_data: Vec::new() });
    }
    if used.key.kind.cipher().is_none() {
        return Err(Failure::invalid(format!(
            "'[{at}].associated_data' provided for non-AEAD cipher suite {}",
            used.key.kind.name()
        )));
    }
    let associated_data = wire::decode(associated_data)
        .map_err(|why| Failure::invalid(format!("unable to decode associated_data: {why}")))?;
    Ok(Extras { context, associated_data })
}
