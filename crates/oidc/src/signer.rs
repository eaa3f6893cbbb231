//! Private keys made ready to sign, kept until their record changes or the node is sealed.

use std::sync::Arc;

use crypto::PrivateKey;
use sdk::{Forget, Kept, Result, View};

use crate::Algorithm;
use crate::key::{NamedKey, Private, private_key};

pub struct Signer {
    pub kid: String,
    pub algorithm: Algorithm,
    pub key: PrivateKey,
}

/// Of all named keys that sign, in all namespaces.
const KEPT: usize = 1024;

pub struct Signers(Kept<Signer>);

impl Default for Signers {
    fn default() -> Self {
        Self(Kept::new(KEPT))
    }
}

impl Signers {
    /// `None`: nothing has been made yet that it could sign with.
    pub fn get(&self, view: &View, name: &str, key: &NamedKey) -> Result<Option<Arc<Signer>>> {
        let found = self.0.read(view, &private_key(name), |bytes| Private::decode(bytes)?.signer())?;
        // Both records are of one snapshot, so this is what the public one says too.
        Ok(found.filter(|signer| key.signing.as_ref() == Some(&signer.kid)))
    }

    pub fn forget(&self, which: Forget<'_>) {
        self.0.forget(which);
    }
}
