//! Signing and verifying one input, and the names of hashes.

use crypto::{Hash, KeyKind, PrivateKey, Salt, Scheme, der_of, fixed_of};
use sdk::{Failure, Result};

use crate::keys::InUse;
use crate::wire;

/// How to sign: the caller's options.
pub struct Options {
    /// None: the input is signed as it is.
    pub hash: Option<Hash>,
    pub jws: bool,
    pub prehashed: bool,
    pub algorithm: String,
    pub salt: i64,
}

pub struct Signed {
    pub signature: String,
    pub number: u64,
    /// Of a derived key.
    pub public: Option<String>,
}

/// The hash of this name; `None` inside is "none".
pub fn hash(name: &str) -> Option<Option<Hash>> {
    if name == "none" { Some(None) } else { Hash::by_name(name).map(Some) }
}

pub fn salt(text: &str) -> Result<i64> {
    match text.to_ascii_lowercase().as_str() {
        "auto" => Ok(0),
        "hash" => Ok(-1),
        number => {
            let text = || Failure::invalid(format!("salt length neither 'auto', 'hash', nor an int: {text}"));
            let salt: i64 = number.parse().map_err(|_| text())?;
            if salt < -1 { Err(Failure::invalid(format!("salt length is invalid: {salt}"))) } else { Ok(salt) }
        }
    }
}

impl Options {
    pub fn check(&self) -> Result<()> {
        if self.hash.is_none() && !(self.prehashed && self.algorithm == "pkcs1v15") {
            let text = "hash_algorithm=none requires both prehashed=true and signature_algorithm=pkcs1v15";
            return Err(Failure::invalid(text));
        }
        Ok(())
    }

    fn scheme(&self, kind: KeyKind) -> Result<Scheme> {
        let KeyKind::Rsa(bits) = kind else {
            return Ok(if kind == KeyKind::Ed25519 { Scheme::Ed25519 } else { Scheme::Ecdsa });
        };
        match self.algorithm.as_str() {
            "" | "pss" => {
                let hash = self.hash.ok_or_else(|| Failure::invalid("pss needs a hash algorithm"))?;
                let most = i64::from(bits.div_ceil(8)) - 2 - i64::try_from(hash.size()).unwrap_or(0);
                let salt = match self.salt {
                    0 => Salt::Auto,
                    -1 => Salt::Digest,
                    bytes if bytes <= most => Salt::Bytes(u16::try_from(bytes).unwrap_or(0)),
                    bytes => return Err(Failure::invalid(format!("requested salt length {bytes} is invalid"))),
                };
                Ok(Scheme::Pss(hash, salt))
            }
            "pkcs1v15" => Ok(Scheme::Pkcs1(self.hash)),
            other => Err(Failure::invalid(format!("unsupported rsa signature algorithm {other}"))),
        }
    }

    /// What is signed: the input or its digest.
    fn signed<'i>(&self, kind: KeyKind, input: &'i [u8]) -> std::borrow::Cow<'i, [u8]> {
        match self.hash {
            Some(hash) if !self.prehashed && kind != KeyKind::Ed25519 => hash.digest(input).into(),
            _ => input.into(),
        }
    }
}

pub fn sign(used: &InUse, asked: i64, context: &[u8], options: &Options, input: &[u8]) -> Result<Signed> {
    used.key.usable()?;
    let number = used.newest("signing", asked)?;
    let ready = used.version(number)?;
    let Some(own) = ready.private() else {
        return Err(Failure::invalid("requested version for signing does not contain a private part"));
    };
    let derived = match used.key.derived {
        Some(kdf) => {
            let seed = ready.derive(kdf, context, 32)?;
            Some(PrivateKey::from_ed25519_seed(&seed).map_err(Failure::internal)?)
        }
        None => None,
    };
    let pair = derived.as_ref().unwrap_or(own);
    let kind = pair.public().kind();
    let mut signature = pair.sign(options.scheme(kind)?, &options.signed(kind, input)).map_err(|_| {
        Failure::invalid("the input cannot be signed so: it must be hashed with the given hash, and fit")
    })?;
    if options.jws && matches!(kind, KeyKind::P256 | KeyKind::P384 | KeyKind::P521) {
        signature = fixed_of(kind, &signature).ok_or_else(|| Failure::internal("a signature that is none"))?;
    }
    let encoded = if options.jws { wire::encode_url(&signature) } else { wire::encode(&signature) };
    let public = derived.as_ref().and_then(|pair| pair.public().ed25519()).map(|public| wire::encode(&public));
    Ok(Signed { signature: wire::prefixed(number, &encoded), number, public })
}

pub fn verify(used: &InUse, context: &[u8], options: &Options, input: &[u8], signature: &str) -> Result<bool> {
    used.key.usable()?;
    let (number, encoded) = wire::split("signature", signature)?;
    let number = used.oldest("signature", number)?;
    let decoded = if options.jws { wire::decode_url(encoded) } else { wire::decode(encoded) };
    let mut signature = decoded.map_err(|_| Failure::invalid("invalid base64 signature value"))?;
    let ready = used.version(number)?;
    let derived = match used.key.derived {
        Some(kdf) => {
            let seed = ready.derive(kdf, context, 32)?;
            Some(PrivateKey::from_ed25519_seed(&seed).map_err(Failure::internal)?)
        }
        None => None,
    };
    let own = derived.as_ref().map(PrivateKey::public).or_else(|| ready.public());
    let public = own.ok_or_else(|| Failure::internal("a key without its public half"))?;
    let kind = public.kind();
    let scheme = options.scheme(kind)?;
    if scheme == Scheme::Ecdsa {
        match options.jws {
            true => match der_of(&signature) {
                Some(der) => signature = der,
                None => return Ok(false),
            },
            false if fixed_of(kind, &signature).is_none() => {
                return Err(Failure::invalid("supplied signature is invalid"));
            }
            false => {}
        }
    }
    Ok(public.verify(scheme, &options.signed(kind, input), &signature))
}
