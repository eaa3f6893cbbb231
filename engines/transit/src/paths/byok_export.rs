//! `byok-export/:destination/:source` and `…/:version`: a key, wrapped as `import` takes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crypto::SecretBytes;
use sdk::{Ctx, Failure, Input, Name, Path, Reply, Result, Verb, View};

use super::export::numbers;
use crate::answers::Exported;
use crate::keys::Keys;
use crate::material::Material;
use crate::wrapping;

#[derive(Input)]
struct Export {
    /// The name of the RSA key to wrap to: the other mount's wrapping key, imported here.
    destination: Name,
    /// The name of the key that leaves.
    source: Name,
    /// A version, or `latest`; all of them without it.
    version: String,
    /// The hash of the RSA-OAEP: SHA1, SHA224, SHA256, SHA384 or SHA512.
    #[field(default = "SHA256".into())]
    hash: String,
}

pub fn paths(keys: &Arc<Keys>) -> Vec<Path> {
    let path = |pattern, id| {
        let keys = Arc::clone(keys);
        Path::new(pattern)
            .ids([(Verb::Read, id)])
            .help("Exports a key to another mount.", "Wrapped to a key of that mount, which alone can open it.")
            .view(Verb::Read, move |_: &Ctx, input: Export, view: &View| export(&keys, input, view))
    };
    vec![
        path("byok-export/:destination/:source", "transit-byok-key"),
        path("byok-export/:destination/:source/:version+", "transit-byok-key-version"),
    ]
}

fn export(keys: &Keys, input: Export, view: &View) -> Result<Reply<Exported>> {
    let (destination, source) = (input.destination.checked()?, input.source.checked()?);
    let to = keys.find(view, &destination, "no such destination key to export to")?;
    to.key.usable()?;
    let used = keys.find(view, &source, "no such source key for export")?;
    if !used.key.exportable {
        return Err(Failure::invalid("key is not exportable"));
    }
    used.key.usable()?;
    if !to.key.kind.is_rsa() {
        return Err(Failure::invalid(format!("the destination must be an RSA key, not {}", to.key.kind.name())));
    }
    let hash = wrapping::hash(&input.hash)?;
    let to = to.version(to.key.latest)?;
    let public = to.public().ok_or_else(|| Failure::internal("a key without its public half"))?;
    let mut exported = BTreeMap::new();
    for number in numbers(&used, &input.version)? {
        let ready = used.version(number)?;
        let wrapped = match &ready.material {
            Material::Bytes(bytes) => wrapping::wrap(public, hash, bytes)?,
            Material::Pair(pair) => wrapping::wrap(public, hash, &SecretBytes::from(pair.pkcs8()))?,
            Material::Public(_) => return Err(Failure::invalid("the key version has no private part to export")),
        };
        exported.insert(number.to_string(), wrapped);
    }
    Reply::data(Exported { name: source.clone(), kind: used.key.kind.name(), keys: exported })
}
