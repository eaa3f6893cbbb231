//! `export/:type/:name` and `export/:type/:name/:version`: the keys themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use sdk::{Ctx, Failure, Input, Name, Path, Reply, Result, Verb, View};

use crate::answers::Exported;
use crate::form;
use crate::keys::{InUse, Keys};

#[derive(Input)]
struct Export {
    /// `encryption-key`, `signing-key`, `hmac-key` or `public-key`.
    #[field(name = "type")]
    what: String,
    /// The key's name.
    name: Name,
    /// A version, or `latest`; all of them without it.
    version: String,
    /// Empty, `raw`, `der` or `pem`.
    format: String,
}

pub fn paths(keys: &Arc<Keys>) -> Vec<Path> {
    let path = |pattern, id| {
        let keys = Arc::clone(keys);
        Path::new(pattern)
            .ids([(Verb::Read, id)])
            .help("Exports a key.", "Public halves always, the rest if the key is `exportable`.")
            .view(Verb::Read, move |_: &Ctx, input: Export, view: &View| export(&keys, input, view))
    };
    vec![
        path("export/:type/:name", "transit-export-key"),
        path("export/:type/:name/:version+", "transit-export-key-version"),
    ]
}

fn export(keys: &Keys, input: Export, view: &View) -> Result<Reply<Exported>> {
    let what = input.what.as_str();
    if !matches!(what, "encryption-key" | "signing-key" | "hmac-key" | "public-key" | "certificate-chain") {
        return Err(Failure::invalid(format!("invalid export type: {what}")));
    }
    if !matches!(input.format.as_str(), "" | "raw" | "der" | "pem") {
        return Err(Failure::invalid(format!("invalid format: {}", input.format)));
    }
    let name = input.name.checked()?;
    let used = keys.get(view, &name)?.ok_or(Failure::NotFound)?;
    let kind = used.key.kind;
    if !used.key.exportable && !matches!(what, "public-key" | "certificate-chain") {
        return Err(Failure::invalid("private key material is not exportable"));
    }
    used.key.usable()?;
    match what {
        "encryption-key" if !kind.encrypts() => return Err(Failure::invalid("encryption not supported for the key")),
        "signing-key" if !kind.signs() => return Err(Failure::invalid("signing not supported for the key")),
        "certificate-chain" if !kind.signs() => {
            let text = "certificate chain not supported for keys that do not support signing";
            return Err(Failure::invalid(text));
        }
        _ => {}
    }
    let mut all = BTreeMap::new();
    for number in numbers(&used, &input.version)? {
        let exported = form::export(kind, used.version(number)?.as_ref(), what, &input.format)?;
        all.insert(number.to_string(), exported);
    }
    Reply::data(Exported { name, kind: kind.name(), keys: all })
}

/// The versions that a path asks for.
pub fn numbers(used: &InUse, version: &str) -> Result<Vec<u64>> {
    let number = match version {
        "" => return Ok(used.key.numbers().collect()),
        "latest" => used.key.latest,
        text => {
            let text = text.strip_prefix('v').unwrap_or(text);
            text.parse().map_err(|_| Failure::invalid("invalid key version"))?
        }
    };
    if number < used.key.min_decryption {
        return Err(Failure::invalid("version for export is below minimum decryption version"));
    }
    if number > used.key.latest {
        return Err(Failure::invalid("version does not exist or cannot be found"));
    }
    Ok(vec![number])
}
