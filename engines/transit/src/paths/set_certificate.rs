//! `keys/:name/set-certificate`: the certificate of a version, with those of its authorities.

use sdk::{Ctx, Failure, Input, Name, Path, Reply, Result, Txn, Verb};
use zeroize::Zeroizing;

use crate::material::Ready;
use crate::record::{Key, Secret, Version};
use crate::{answers, certificate};

#[derive(Input)]
struct Chain {
    /// The key's name.
    name: Name,
    /// The version that the first certificate is of; the latest without it.
    version: Option<i64>,
    /// The certificates in PEM: this key's first, then the authorities'.
    certificate_chain: String,
}

pub fn path() -> Path {
    Path::new("keys/:name/set-certificate")
        .ids([(Verb::Write, "set-chain")])
        .help("Sets the certificate chain of a key.", "In place of the one that was there.")
        .txn(Verb::Write, set)
}

/// Whether a key can have certificates.
pub fn suits(key: &Key) -> Result<()> {
    if !key.kind.signs() {
        return Err(Failure::invalid(format!("key type '{}' does not support signing", key.kind.name())));
    }
    if key.derived.is_some() {
        return Err(Failure::invalid("operation not supported for keys with derivation enabled"));
    }
    key.usable()
}

fn set(_: &Ctx, input: Chain, txn: &mut Txn) -> Result<Reply<answers::Chain>> {
    let name = input.name.checked()?;
    let missing = || Failure::invalid(format!("key with provided name '{name}' not found"));
    let key = Key::take(txn, &name)?.ok_or_else(missing)?;
    suits(&key)?;
    let number = key.asked(input.version)?;
    let mut version = Version::of(txn, &name, number)?;
    let ready = Ready::of(&key, &version)?;
    let own = ready.public().ok_or_else(|| Failure::internal("a key without its public half"))?;
    let chain = certificate::chain(&input.certificate_chain, own)?;
    version.chain = chain.into_iter().map(|der| Secret(Zeroizing::new(der))).collect();
    version.put(txn, &name, number)?;
    Reply::data(answers::Chain { name, kind: key.kind.name(), certificate_chain: input.certificate_chain })
}
