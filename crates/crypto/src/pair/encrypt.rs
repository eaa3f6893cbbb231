//! RSA-OAEP, and the secret that two keys of a curve agree on.

use openssl::derive::Deriver;
use openssl::error::ErrorStack;
use openssl::pkey_ctx::{PkeyCtx, PkeyCtxRef};
use openssl::rsa::Padding;
use zeroize::Zeroizing;

use super::{KeyKind, PrivateKey, PublicKey, curve};
use crate::{Hash, OpenError, SecretBytes, Unfit};

impl PublicKey {
    /// The label is empty, the mask's hash the same.
    pub fn encrypt_oaep(&self, hash: Hash, plain: &[u8]) -> Result<Vec<u8>, Unfit> {
        let encrypt = || {
            let mut context = PkeyCtx::new(&self.key)?;
            context.encrypt_init()?;
            oaep(&mut context, hash)?;
            let mut out = Vec::new();
            context.encrypt_to_vec(plain, &mut out)?;
            Ok::<_, ErrorStack>(out)
        };
        if !matches!(self.kind, KeyKind::Rsa(_)) {
            return Err(Unfit);
        }
        encrypt().map_err(|_| Unfit)
    }
}

impl PrivateKey {
    pub fn decrypt_oaep(&self, hash: Hash, text: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let KeyKind::Rsa(bits) = self.public.kind else { return Err(OpenError) };
        let decrypt = || {
            let mut context = PkeyCtx::new(&self.key)?;
            context.decrypt_init()?;
            oaep(&mut context, hash)?;
            // No plaintext is longer than a ciphertext of this key.
            let mut out = Zeroizing::new(vec![0; bits.div_ceil(8) as usize]);
            let len = context.decrypt(text, Some(&mut out))?;
            out.truncate(len);
            Ok::<_, ErrorStack>(out)
        };
        decrypt().map_err(|_| OpenError)
    }

    /// ECDH: the x coordinate of the common point.
    pub fn agree(&self, theirs: &PublicKey) -> Result<SecretBytes, Unfit> {
        if theirs.kind != self.public.kind || curve(theirs.kind).is_none() {
            return Err(Unfit);
        }
        let derive = || {
            let mut deriver = Deriver::new(&self.key)?;
            deriver.set_peer(&theirs.key)?;
            deriver.derive_to_vec()
        };
        derive().map(SecretBytes::from).map_err(|_: ErrorStack| Unfit)
    }
}

fn oaep<T>(context: &mut PkeyCtxRef<T>, hash: Hash) -> Result<(), ErrorStack> {
    context.set_rsa_padding(Padding::PKCS1_OAEP)?;
    context.set_rsa_oaep_md(hash.md().ok_or_else(ErrorStack::get)?)
}
